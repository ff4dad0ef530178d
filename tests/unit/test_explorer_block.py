"""The block explorer without a browser: the passes forwards and back, what each part does, words."""

import numpy as np
import pytest

from course_lib.explorers import block_explorer
from course_lib.explorers.block import (
    DEPTH,
    SETTINGS,
    around,
    attention_part,
    blocks,
    feed_forward_part,
    power,
    run,
    said,
)


def through(x, layers, residual, norm, feed_forward):
    """The stack again, without its way back."""
    for matrices in layers:
        for part in (attention_part, feed_forward_part)[: 1 + feed_forward]:
            x, _ = around(part, x, matrices, residual, norm)
    return x


# -------------------------------------------------------------------- the passes


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_gradients_are_the_slopes_of_the_output(setting):
    x, layers, gradient = blocks(3)
    for depth in (1, 3):
        size = run(3, *setting)[2][depth - 1, 0]
        slopes = np.zeros_like(x)
        for place in np.ndindex(x.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = x.copy()
                moved[place] += step
                ends.append((gradient * through(moved, layers[:depth], *setting)).sum())
            slopes[place] = (ends[0] - ends[1]) / 2e-5
        assert size == pytest.approx(np.sqrt((slopes**2).sum(axis=1).mean()), rel=1e-4)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_lengths_and_differences_are_those_of_the_states(setting):
    x, layers, _ = blocks(0)
    explorer = block_explorer(*setting, depth=5)
    y = through(x, layers[:5], *setting)
    length = np.sqrt((y**2).sum(axis=1).mean())
    apart = np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert explorer.lengths[5] == pytest.approx(length, rel=1e-5)
    assert explorer.differences[5] == pytest.approx(apart / length, rel=1e-4, abs=1e-7)
    assert explorer.lengths[0] == pytest.approx(4) and explorer.gradients[5] == 1
    assert len(explorer.lengths) == len(explorer.differences) == len(explorer.gradients) == 6


# -------------------------------------------------------------------- what is taught


@pytest.mark.parametrize("seed", range(6))
def test_each_part_does_what_the_explorer_shows(seed):
    def after(depth, *setting):
        return block_explorer(*setting, depth=depth, seed=seed).compute()

    assert after(12, False, "none", False)["difference"] < 1e-3  # attention alone: all alike
    assert after(12, False, "none", True)["difference"] < 1e-3  # feed-forward alone does not help
    assert after(24, True, "none", True)["length"] > 1e6  # a residual without norm explodes
    assert after(24, True, "none", True)["gradient"] > 1e5
    assert after(24, True, "post", True)["length"] == pytest.approx(4, rel=1e-3)
    assert after(24, True, "post", True)["difference"] < 0.05
    pre = after(24, True, "pre", True)
    assert pre["difference"] > 0.25 and 8 < pre["length"] < 60 and 0.5 < pre["gradient"] < 50


def test_the_line_says_what_was_switched_on():
    assert block_explorer().line == (
        "12 blocks of attention alone, no residual, no norm: the vectors' length goes from 4 to 0.46, the "
        "tokens have become nearly alike (0.00 of their length), and the first block gets 0.06 times the "
        "gradient of the output."
    )
    line = block_explorer(True, "pre", True, depth=1).line
    assert line.startswith("1 block of attention and feed-forward, with residual, pre-norm: the vectors'")
    assert "the tokens still differ (0.84 of their length)" in line


def test_the_guess_and_its_number_are_true():
    for seed in range(6):
        explorer = block_explorer(seed=seed)
        question = explorer.prediction()
        explorer.load_state(question["then"])
        first = int(np.argmax(explorer.differences < 0.05))
        assert f"after {first} blocks" in question["right"]
        assert explorer.compute()["difference"] < 0.05


@pytest.mark.parametrize("seed", range(6))
def test_the_challenge_can_be_solved_and_not_by_a_preset(seed):
    explorer = block_explorer(seed=seed)
    for changes in explorer.presets().values():
        explorer.load_state(changes)
    assert not explorer.solved
    for residual, norm, feed_forward in SETTINGS:
        explorer.load_state(
            {"depth": DEPTH, "residual": residual, "norm": norm, "feed_forward": feed_forward}
        )
    assert explorer.solved


def test_copied_python_keeps_everything():
    explorer = block_explorer(True, "post", True, depth=20, seed=4)
    assert explorer.as_python() == (
        'block_explorer(seed=4, residual=True, norm="post", feed_forward=True, depth=20)'
    )
    copy = eval(explorer.as_python(), {"block_explorer": block_explorer})
    assert copy.line == explorer.line


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.001, "less than 0.01"), (0.06, "0.06"), (14.86, "14.9"), (151.2, "151"), (1151.6, "1,152"),
     (999.7, "1,000"), (9996, "9,996"), (26_713_000, "26.7 million"), (999_600, "1.0 million")],
)  # fmt: skip
def test_numbers_are_said_as_a_person_would(value, words):
    assert said(value) == words


def test_powers_of_ten_on_the_axis():
    assert [power(e) for e in (-3, -2, -1, 0, 3, 4, 10)] == [
        "10⁻³",
        "0.01",
        "0.1",
        "1",
        "1,000",
        "10⁴",
        "10¹⁰",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"residual": 1}, "residual must be True or False"),
        ({"norm": "layer"}, "norm must be one of 'none', 'pre', 'post'; got 'layer'"),
        ({"depth": 25}, "depth must be a whole number from 1 to 24; got 25"),
        ({"depth": 2.5}, "depth must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        block_explorer(**arguments)
