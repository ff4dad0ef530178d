"""The mask explorer without a browser: rules, paint, empty rows, the late mask, leaks."""

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import mask_explorer

LAST = 5  # 'mat' in the default sentence


def scores_of(explorer):
    Q, K, _ = explorer.vectors(explorer.changed)
    return by_hand.attention_scores(Q, K)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("real", [2, 4, 6])
def test_causal_and_padding_are_by_hands_masked_softmax(causal, real):
    explorer = mask_explorer(causal=causal, real=real)
    keep = by_hand.padding_mask([real], 6)
    expected = by_hand.masked_softmax(scores_of(explorer)[None], keep, causal)[0]
    np.testing.assert_allclose(explorer.weights, expected, atol=1e-15)
    np.testing.assert_allclose(explorer.row_sums, 1)
    V = explorer.vectors(None)[2]
    np.testing.assert_allclose(explorer.output, expected @ V, atol=1e-15)


def test_padding_is_zeros_so_it_scores_0_and_would_take_weight():
    explorer = mask_explorer(causal=False, real=4, painted=[(0, LAST, 1)])
    assert not explorer.vectors(None)[:, 4:].any()
    assert explorer.vectors(LAST)[:, LAST].all()  # a word in the place of padding
    np.testing.assert_allclose(explorer.weights[4], [0.25] * 4 + [0, 0])  # its query scores all keys 0
    assert explorer.weights[0, LAST] > 0.05


def test_a_window_hides_what_is_further_away():
    explorer = mask_explorer(window=2)
    np.testing.assert_array_equal(explorer.mask, np.tri(6, dtype=bool) & ~np.tri(6, k=-2, dtype=bool))
    explorer.causal = False
    np.testing.assert_array_equal(explorer.mask, np.tri(6, k=1, dtype=bool) & ~np.tri(6, k=-2, dtype=bool))
    explorer.window = 0
    assert explorer.mask.all()


def test_a_mask_after_softmax_leaves_rows_short_of_one():
    explorer = mask_explorer(after=True)
    full = by_hand.softmax(scores_of(explorer))
    np.testing.assert_allclose(explorer.weights, np.where(np.tri(6, dtype=bool), full, 0))
    assert (explorer.row_sums[:-1] < 0.995).all() and explorer.row_sums[-1] == pytest.approx(1)
    assert "but after softmax: row '" in explorer.line and explorer.line.endswith("not to 1.")


@pytest.mark.parametrize("seed", range(10))
def test_the_mistake_is_seen_at_every_seed(seed):
    assert mask_explorer(after=True, seed=seed).row_sums.min() < 0.7


def test_a_causal_mask_lets_no_earlier_output_move_exactly():
    for changed in range(6):
        explorer = mask_explorer(changed=changed)
        assert (explorer.moved[:changed] == 0).all()
        assert (explorer.moved[changed:] > 0).all()
        assert explorer.leaks == 0 and explorer.line.endswith("no leak.")


def test_a_late_mask_leaks_through_weights_of_zero():
    explorer = mask_explorer(after=True, changed=LAST)
    assert (explorer.weights[:LAST, LAST] == 0).all()
    assert (explorer.moved[:LAST] > 0).all()
    assert explorer.leaks == LAST
    assert f"{LAST} through a leak" in explorer.line


def test_one_open_cell_is_one_leak():
    explorer = mask_explorer(changed=LAST, painted=[(1, LAST, 1)])
    np.testing.assert_array_equal(np.flatnonzero(explorer.moved), [1, LAST])
    assert explorer.leaks == 1 and "1 through a leak ('cat' by " in explorer.line
    np.testing.assert_allclose(explorer.row_sums, 1)


def test_moved_is_the_distance_between_the_two_outputs():
    before, after = mask_explorer(causal=False), mask_explorer(causal=False, changed=2)
    np.testing.assert_allclose(after.moved, np.linalg.norm(after.output - before.output, axis=1))
    assert not before.moved.any()


def test_padding_that_is_hidden_moves_nothing_that_is_real():
    explorer = mask_explorer(causal=False, real=4, changed=LAST)
    assert (explorer.moved[:4] == 0).all() and explorer.leaks == 0
    explorer.painted = [(0, LAST, 1)]
    assert explorer.leaks == 1 and explorer.moved[0] > 0


def test_an_empty_row_is_all_zeros_and_the_line_says_so():
    explorer = mask_explorer(painted=[(0, 0, 0)])
    assert not explorer.weights[0].any() and not explorer.output[0].any()
    assert explorer.row_sums[0] == 0 and (explorer.row_sums[1:] > 0.995).all()
    assert "every other row sums to 1. 'the₁' may look at nothing: its weights" in explorer.line
    explorer.load_state({"real": 1, "window": 1, "painted": []})
    assert "5 tokens may look at nothing" in explorer.line
    explorer.painted = [(0, 0, 0)]
    assert explorer.line.startswith("36 of 36 cells are hidden. 6 tokens may look at nothing")


def test_paint_stays_when_the_rules_change():
    explorer = mask_explorer(painted=[(3, 4, 1), (2, 0, 0), (3, 4, 0), (3, 4, True)])
    assert explorer.painted == [[2, 0, 0], [3, 4, 1]]
    explorer.causal = False
    assert not explorer.mask[2, 0] and explorer.mask.sum() == 35


def test_the_challenge_is_solved_by_the_late_mask_and_not_by_paint():
    explorer = mask_explorer()
    for preset in explorer.presets().values():
        explorer.load_state(preset)
    assert not explorer.solved
    explorer.load_state(explorer.presets()["Mask after softmax"])
    explorer.changed = LAST
    assert explorer.solved


def test_the_guess_is_answered_by_the_state_it_leads_to():
    for text in ("a b", "one two three", "the cat sat on the mat"):
        explorer = mask_explorer(text)
        question = explorer.prediction()
        explorer.load_state(question["then"])
        row = 1 if len(explorer.tokens) > 2 else 0
        kept = explorer.row_sums[row]
        assert kept < 0.995
        assert f"{kept:.2f} is left" in question["right"]
        assert all(f"{kept:.2f} is left" in sentence for sentence in question["wrong"].values())


def test_copied_python_keeps_everything():
    arguments = {"causal": False, "real": 3, "window": 2, "after": True, "changed": 0, "seed": 4}
    explorer = mask_explorer(["a", "b c", "d", "e"], painted=[(0, 2, 1)], **arguments)
    copy = eval(explorer.as_python(), {"mask_explorer": mask_explorer})
    assert copy.state() == explorer.state()
    np.testing.assert_array_equal(copy.output, explorer.output)
    assert (
        mask_explorer("one two three").as_python() == "mask_explorer(text_or_tokens=['one', 'two', 'three'])"
    )


def test_results_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        mask_explorer().weights[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text_or_tokens": "alone"}, "text_or_tokens must hold 2 to 8 words; got 1"),
        ({"text_or_tokens": "a b c d e f g h i"}, "text_or_tokens must hold 2 to 8 words; got 9"),
        ({"real": 0}, "real must be a whole number from 1"),
        ({"real": 7}, "real must be from 1 to 6"),
        ({"window": -1}, "window must be a whole number from 0"),
        ({"window": 7}, "window must be from 0 to 6"),
        ({"changed": 6}, "changed must be from 0 to 5"),
        ({"changed": "mat"}, "changed must be a whole number"),
        ({"painted": [(0, 6, 1)]}, "painted must list .* from 0 to 5"),
        ({"painted": 3}, "painted must list"),
        ({"painted": [(0, 1)]}, "painted must list"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"causal": 1}, "causal must be True or False"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        mask_explorer(**arguments)
