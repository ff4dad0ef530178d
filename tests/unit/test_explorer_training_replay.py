"""The training_replay explorer without a browser: runs, training again, runs that diverge, the still."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.by_hand.reversal import learn_tables
from course_lib.explorers import training_replay_explorer
from course_lib.explorers.training_replay import Run, checked, rates_around, settling, stretches


@pytest.fixture(scope="module")
def replay():
    return learn_tables()


def again(rate):
    return learn_tables(learning_rate=rate)


def learner(replay, **more):
    return training_replay_explorer(
        replay.losses,
        replay.maps,
        replay.accuracies,
        retrain=more.pop("retrain", again),
        learning_rate=5.0,
        **more,
    )


# -------------------------------------------------------------------- the recorded run


def test_results_are_what_was_recorded(replay):
    explorer = training_replay_explorer(replay.losses, replay.maps, replay.accuracies, step=12)
    np.testing.assert_allclose(explorer.weights, replay.maps[12], atol=1e-6)
    assert explorer.loss == pytest.approx(replay.losses[12], rel=1e-6)
    assert explorer.accuracy == pytest.approx(replay.accuracies[12])
    assert training_replay_explorer(replay.losses, replay.maps).accuracy is None


def test_the_line_says_step_loss_share_and_where_the_row_looks(replay):
    explorer = training_replay_explorer(replay.losses, replay.maps, replay.accuracies, step=24, query=0)
    assert explorer.line == (
        "Step 24 of 24: loss 0.03, 100 % right; output place 1 looks most at input place 8 (0.94); "
        "8 of 8 rows look most where the finished map does."
    )


def test_heads_and_names_are_in_the_line():
    maps = np.full((3, 2, 2, 2), 0.5)
    maps[2, 1] = [[0.1, 0.9], [1, 0]]
    explorer = training_replay_explorer([1, 0.5, 0.2], maps, rows="the cat", columns=["le", "chat"], query=0)
    explorer.load_state({"step": 2, "head": 1})
    assert explorer.line == (
        "Step 2 of 2: loss 0.20; in head 2 'the' looks most at 'chat' (0.90); "
        "2 of 2 rows look most where the finished map does."
    )
    assert explorer.weights.tolist() == np.float32([[0.1, 0.9], [1, 0]]).astype(float).tolist()


def test_names_that_are_numbers_get_a_word_in_front(replay):
    places = [str(i) for i in range(8)]
    explorer = training_replay_explorer(replay.losses, replay.maps, rows=places, columns=places, query=1)
    assert "; output place 1 looks most at input place 5 (0.67);" in explorer.line


def test_a_row_settles_at_the_step_from_which_it_stays():
    def looking(*columns):
        return np.eye(3)[list(columns)]

    # row 0 finds place 2, loses it and finds it again; row 1 has it from the start; row 2 never
    maps = np.array([looking(2, 1, 0), looking(1, 1, 0), looking(2, 1, 0), looking(2, 1, 0)])[:, None]
    assert settling(maps, np.array([[2, 1, 1]])).tolist() == [[2, 0, 4]]
    assert settling(maps, np.array([[-1, 1, 0]])).tolist() == [[4, 0, 0]]


def test_the_challenge_wants_the_last_row_and_its_first_step(replay):
    looks = replay.maps.argmax(axis=-1) == np.arange(8)[::-1]
    settled = [max([0, *(np.flatnonzero(~looks[:, i]) + 1)]) for i in range(8)]
    last = int(np.argmax(settled))
    explorer = training_replay_explorer(replay.losses, replay.maps)
    for step in range(25):  # playing through must not solve it
        explorer.step = step
    assert not explorer.solved
    explorer.query = last
    explorer.step = settled[last] + 1
    assert not explorer.solved
    explorer.step = settled[last]
    assert explorer.solved


def test_a_challenge_may_speak_of_the_first_step_at_which_all_rows_are_there(replay):
    explorer = training_replay_explorer(replay.losses, replay.maps)
    there = (replay.maps.argmax(axis=-1) == np.arange(8)[::-1]).all(axis=1)
    first = int(np.argmax(there))
    explorer.challenge(
        "Find the first step at which all rows are right.", f"found > 7 and step < {first + 1}"
    )
    explorer.step = first - 1
    assert not explorer.solved
    explorer.step = first
    assert explorer.solved


def test_the_guess_is_answered_by_the_first_map(replay):
    def answer(first):
        maps = np.stack([first, np.eye(4)[::-1]])
        return training_replay_explorer([1, 0], maps).prediction()["answer"]

    assert answer(np.full((4, 4), 0.25)) == "Equal weights everywhere"
    assert answer(np.full((4, 4), 0.2) + 0.2 * np.eye(4)[::-1]) == "The finished pattern, only fainter"
    assert training_replay_explorer(replay.losses, replay.maps).prediction()["answer"] == "Uneven, at random"


# -------------------------------------------------------------------- training again


def test_another_rate_trains_again_and_sends_the_new_run(replay):
    explorer = learner(replay, step=24)
    before = explorer.card["facts"]
    explorer.learning_rate = 1.0
    np.testing.assert_allclose(explorer.weights, again(1.0).maps[24], atol=1e-6)
    assert explorer.card["facts"]["rate"] == 1.0
    assert explorer.card["facts"]["maps"] != before["maps"]
    assert explorer.line.startswith("Learning rate 1, step 24 of 24: loss 0.60, 83 % right")
    explorer.reset()
    assert explorer.card["facts"] == before


def test_moving_the_step_sends_no_run(replay):
    explorer = learner(replay)
    card = explorer.card
    explorer.step = 7
    assert explorer.card is card


def test_a_rate_is_trained_once(replay):
    rates = []
    explorer = learner(replay, retrain=lambda rate: rates.append(rate) or again(rate))
    for rate in (2.0, 5.0, 2.0):
        explorer.learning_rate = rate
    assert rates == [2.0]


def test_a_rate_that_is_too_large_says_so_and_warns_nobody(replay):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explorer = learner(replay, preset="Too large a rate")
        svg = explorer.to_svg()
    assert explorer.line.startswith("Learning rate 100, step 24 of 24: the run diverged (no finite loss from")
    assert explorer.compute()["found"] == 0
    assert "nan" not in svg and "inf" not in svg


def test_a_loss_above_the_start_is_named(replay):
    explorer = training_replay_explorer([1.0, 3.5], replay.maps[:2], step=1)
    assert "loss 3.50 (more than at step 0)" in explorer.line


@pytest.mark.parametrize(
    ("retrain", "words"),
    [
        (lambda rate: 1 / 0, "ZeroDivisionError"),
        (lambda rate: None, "retrain must return an object with .losses and .maps; got NoneType"),
        (lambda rate: learn_tables(n=4, learning_rate=rate), "retrain must record the same"),
        (
            lambda rate: SimpleNamespace(losses=[1, 2], maps=np.full((2, 2, 2), 7)),
            "retrain's maps must hold weights",
        ),
    ],
)
def test_what_retrain_does_wrong_stands_in_the_card_until_the_rate_is_back(replay, retrain, words):
    explorer = learner(replay, retrain=retrain)
    explorer.learning_rate = 3.0
    assert words in explorer.error
    assert explorer.line.startswith("No picture:")
    explorer.step = 3
    assert words in explorer.error
    explorer.learning_rate = 5.0
    assert explorer.error == ""
    assert explorer.line.startswith("Learning rate 5, step 3 of 24")


def test_the_slider_has_round_rates_around_the_given_one():
    rates = rates_around(0.04)
    assert rates == sorted(set(rates)) and 0.04 in rates and 0.05 in rates and 1.5 in rates
    assert min(rates) == pytest.approx(0.0005) and max(rates) == 3
    assert learner(learn_tables()).presets()["Too large a rate"]["learning_rate"] == 100


def test_the_page_without_a_kernel_has_the_shown_run_and_no_slider_of_the_rate(replay, tmp_path):
    explorer = learner(replay, step=24, at_rate=1.0)
    page = explorer.to_html(tmp_path / "x.html").read_text(encoding="utf-8")
    assert '"rates": null' in page and "Too large a rate" not in page
    assert explorer.card["facts"]["maps"] in page
    assert "retrain" not in page.split('"fixed": ')[1].split("}")[0]


def test_copied_python_names_the_arrays_as_the_arguments(replay):
    explorer = learner(replay, at_rate=20.0, step=3)
    copied = explorer.as_python()
    assert copied == (
        "training_replay_explorer(losses=losses, maps=maps, accuracies=accuracies, retrain=again, "
        "learning_rate=5, step=3, at_rate=20)"
    )
    names = {"losses": replay.losses, "maps": replay.maps, "accuracies": replay.accuracies, "again": again}
    copy = eval(copied, {"training_replay_explorer": training_replay_explorer, **names})
    assert copy.line == explorer.line
    assert "retrain=retrain," in learner(replay, retrain=lambda rate: again(rate)).as_python()


# -------------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"losses": [1.0]}, "losses must have shape"),
        ({"losses": "abc"}, "losses must be numbers"),
        ({"maps": np.ones((3, 2, 2))}, r"maps must have shape \(2, n, n\)"),
        ({"maps": None}, "maps must"),
        ({"maps": 5 * np.ones((2, 2, 2))}, "maps must hold weights from 0 to 1; got 5 to 5"),
        ({"maps": np.broadcast_to(0.5, (2, 1200, 1200))}, "keep fewer steps"),
        ({"accuracies": [62, 90]}, "accuracies must be 2 shares from 0 to 1"),
        ({"rows": ["a"]}, "rows must name the 2 rows"),
        ({"step": 2}, "step must be from 0 to 1; got 2"),
        ({"head": 1}, "head must be from 0 to 0"),
        ({"query": -1}, "query must be a whole number"),
        ({"retrain": 3}, "retrain must be a function"),
        ({"retrain": again}, "learning_rate must be given with retrain"),
        ({"retrain": again, "learning_rate": 0}, "learning_rate must be a number from"),
        ({"at_rate": 2}, "at_rate needs retrain"),
    ],
)
def test_bad_arguments_are_named(change, words):
    arguments = {"losses": [1.0, 0.5], "maps": np.full((2, 2, 2), 0.5), **change}
    with pytest.raises(ValueError, match=words):
        training_replay_explorer(**arguments)


def test_values_that_are_not_finite_are_taken_and_found():
    run = checked([1, np.inf, np.nan], np.full((3, 2, 2), np.nan), None)
    assert isinstance(run, Run) and run.diverged == 1
    assert stretches(np.array([1, np.nan, np.inf, 2.0])) == [(True, [0]), (False, [1, 2]), (True, [3])]
    explorer = training_replay_explorer([np.nan, np.nan], np.full((2, 2, 2), np.nan))
    assert explorer.prediction() is None
    assert "nan" not in explorer.to_svg()


def test_a_large_run_stays_small_in_the_notebook():
    weights = np.random.default_rng(0).dirichlet(np.ones(64), (10, 2, 64))
    explorer = training_replay_explorer(np.linspace(1, 0, 10), weights)
    assert len(explorer.to_svg()) < 150_000
