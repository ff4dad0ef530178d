"""Attention learns to reverse with the gradients derived by hand, quickly and from any seed."""

import numpy as np
import pytest

from course_lib.by_hand.reversal import learn_projections, learn_tables, projections_step, tables_step

# The learner, its step, its sequence length, and a number of steps by which it has to know.
RUNS = [(learn_tables, tables_step, 8, 20), (learn_projections, projections_step, 16, 60)]


@pytest.mark.parametrize("learn, step, n, steps", RUNS)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_learns_to_reverse_sequences_it_never_saw(learn, step, n, steps, seed):
    run = learn(steps=steps, seed=seed)
    assert run.losses.shape == run.accuracies.shape == (steps,) and run.maps.shape == (steps, n, n)
    assert run.accuracies[0] < 0.5 < 0.99 <= run.accuracies[-1]
    assert run.losses[-1] < run.losses[0] / 10
    np.testing.assert_allclose(run.maps.sum(axis=-1), 1)
    assert (run.maps[-1].argmax(axis=-1) == np.arange(n)[::-1]).all()  # the anti-diagonal
    tokens = np.random.default_rng(seed + 1000).integers(10, size=(500, n))
    _, _, answer, _ = step(run.parameters, np.eye(10)[tokens])
    assert (answer.argmax(axis=-1) == tokens[:, ::-1]).mean() >= 0.99


@pytest.mark.parametrize("learn", [learn_tables, learn_projections])
def test_a_seed_gives_the_same_run_again_and_another_seed_another(learn):
    one, same, other = (learn(steps=3, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.losses, same.losses) and np.array_equal(one.maps, same.maps)
    assert not np.array_equal(one.losses, other.losses)


@pytest.mark.parametrize("learn", [learn_tables, learn_projections])
def test_a_single_token_and_a_single_sequence_work(learn):
    run = learn(n=1, B=1, steps=3)
    assert np.isfinite(run.losses).all() and run.maps.tolist() == [[[1]]] * 3


def test_projections_start_from_an_even_guess():
    assert learn_projections(n_vocab=7, steps=1).losses == pytest.approx([np.log(7)])
