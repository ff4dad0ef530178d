"""Generated tasks: every target recomputed by a slow loop, told from the inputs alone."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import tasks

seeds = st.integers(0, 10_000)
some = settings(deadline=None, max_examples=25)
TASKS = [
    name
    for name, made in inspect.getmembers(tasks, inspect.isfunction)
    if made.__module__ == tasks.__name__ and not name.startswith("_")
]
TOKEN_TASKS = [name for name in TASKS if name != "two_vectors"]


def check(task, answers):
    """`answers(tokens)` gives the target of each position, None where there is nothing to ask."""
    for tokens, targets, keep in zip(task.inputs.tolist(), task.targets.tolist(), task.keep, strict=True):
        expected = answers(tokens)
        assert [answer is not None for answer in expected] == keep.tolist()
        assert [answer or 0 for answer in expected] == targets


@some
@given(seeds, st.integers(1, 20))
def test_reverse(seed, length):
    check(tasks.reverse(4, length, seed=seed), lambda tokens: [tokens[-1 - place] for place in range(length)])


@some
@given(seeds, st.integers(2, 9), st.integers(3, 9))
def test_sort(seed, length, n_tokens):
    task = tasks.sort(4, length, n_tokens, seed)
    check(task, lambda tokens: [None] * (length - 1) + sorted(tokens[:length]))
    np.testing.assert_array_equal(task.inputs[:, length:], task.targets[:, length - 1 : -1])


def test_sort_splits_share_no_sequence():
    train, test = (
        {tuple(row[:6]) for row in tasks.sort(20_000, split=split).inputs} for split in ("train", "test")
    )
    assert not train & test
    assert len(train | test) == 3**6, "all sequences occur"
    assert len(test) / 3**6 == pytest.approx(1 / 4, abs=0.02)
    assert {tuple(row[:6]) for row in tasks.sort(2_000, seed=9, split="test").inputs} <= test


def test_no_token_gives_the_split_away():
    for split in ("train", "test"):
        unsorted = tasks.sort(20_000, 6, n_tokens=4, split=split).inputs[:, :6]
        shares = [np.bincount(column) / 20_000 for column in unsorted.T]
        np.testing.assert_allclose(shares, 1 / 4, atol=0.03)


def test_the_next_of_random_tokens_cannot_be_told():
    task = tasks.unpredictable(4000, 12, n_tokens=5)
    np.testing.assert_array_equal(task.inputs[:, 1:], task.targets[:, :-1])
    assert task.keep.all()
    pairs = np.zeros((5, 5))
    np.add.at(pairs, (task.inputs.ravel(), task.targets.ravel()), 1)
    assert np.all(np.abs(pairs / pairs.sum() - 1 / 25) < 0.005)


@some
@given(seeds, st.integers(1, 120), st.integers(1, 9))
def test_recall(seed, distance, n_tokens):
    task = tasks.recall(4, distance, n_tokens, seed)

    def answers(tokens):
        marked = [token for token in tokens if n_tokens <= token < 2 * n_tokens]
        assert len(marked) == 1 and tokens.index(marked[0]) == len(tokens) - 1 - distance
        return [None] * distance + [marked[0] - n_tokens]

    check(task, answers)
    assert set(task.inputs[:, -1]) == {2 * n_tokens} and 2 * n_tokens not in task.inputs[:, :-1]


@some
@given(seeds, st.sampled_from([1, 2, 16, 64]), st.integers(1, 9))
def test_most_recent(seed, length, n_tokens):
    def answers(tokens):
        found = []
        for end in range(1, length + 1):
            after = [tokens[place + 1] for place in range(end - 1) if tokens[place] == n_tokens]
            found.append(after[-1] if after else None)
        return found

    task = tasks.most_recent(4, length, n_tokens, seed)
    check(task, answers)
    assert not ((task.inputs[:, 1:] == n_tokens) & (task.inputs[:, :-1] == n_tokens)).any()


def test_one_token_in_six_is_a_marker():
    task = tasks.most_recent(4000, 64)
    assert np.mean(task.inputs == task.n_vocab - 1) == pytest.approx(1 / 6, abs=0.005)
    assert task.keep[:, 32:].mean() > 0.99


@some
@given(seeds, st.integers(2, 20), st.data())
def test_steps_back(seed, length, data):
    back = data.draw(st.integers(1, length - 1))
    task = tasks.steps_back(4, length, back, seed=seed)
    check(task, lambda tokens: [tokens[place - back] if place >= back else None for place in range(length)])


@some
@given(seeds, st.integers(2, 14), st.integers(1, 9))
def test_two_vectors(seed, n_tokens, d):
    task = tasks.two_vectors(4, n_tokens, d, seed)
    assert task.inputs.shape == (4, n_tokens, d + 2) and task.inputs.dtype == np.float32 and task.keep.all()
    for tokens, targets in zip(task.inputs, task.targets, strict=True):
        for mark in (0, 1):
            (place,) = np.flatnonzero(tokens[:, d + mark])
            assert tokens[place, d + mark] == 1 and tokens[place, d:].sum() == 1
            np.testing.assert_array_equal(targets[mark], tokens[place, :d])


def test_a_mixture_of_two_vectors_leaves_half_an_error():
    task = tasks.two_vectors(4000)
    best_single = task.targets.mean(axis=1, keepdims=True)
    assert np.mean((task.targets - best_single) ** 2) == pytest.approx(0.5, abs=0.02)


@some
@given(seeds, st.integers(1, 8), st.integers(8, 16))
def test_repeats(seed, shortest, longest):
    task = tasks.repeats(4, 32, 20, (shortest, longest), seed)

    def answers(tokens):
        return [
            tokens[tokens.index(token) + 1] if token in tokens[:place] else None
            for place, token in enumerate(tokens)
        ]

    check(task, answers)
    for tokens in task.inputs.tolist():
        assert shortest <= len(set(tokens)) <= longest


def test_periods_are_drawn_with_both_ends():
    task = tasks.repeats(2000)
    periods = {int(64 - asked) for asked in task.keep.sum(axis=1)}
    assert periods == set(range(16, 33))
    np.testing.assert_array_equal(
        task.inputs[:, 1:][task.keep[:, :-1]], task.targets[:, :-1][task.keep[:, :-1]]
    )


@some
@given(seeds, st.integers(1, 9), st.integers(1, 5), st.integers(1, 5))
def test_few_shot(seed, shots, n_symbols, n_labels):
    task = tasks.few_shot(4, shots, n_symbols, n_labels, seed)
    np.testing.assert_array_equal(np.flatnonzero(task.keep[0]), 2 * np.arange(shots + 1))
    for tokens, targets in zip(task.inputs, task.targets, strict=True):
        rule = dict(zip(tokens[::2].tolist(), targets[::2].tolist(), strict=True))
        assert all(rule[symbol] == label for symbol, label in zip(tokens[::2], targets[::2], strict=True))
        np.testing.assert_array_equal(tokens[1::2], targets[:-1:2])
        assert tokens[::2].max() < n_symbols <= targets[::2].min()


def test_best_possible_few_shot_accuracy_is_as_said():
    task, right = tasks.few_shot(20_000), np.zeros((20_000, 9))
    for row, (tokens, targets) in enumerate(zip(task.inputs.tolist(), task.targets.tolist(), strict=True)):
        for shots in range(9):
            seen = dict(zip(tokens[: 2 * shots : 2], tokens[1 : 2 * shots : 2], strict=True))
            right[row, shots] = seen.get(tokens[2 * shots], 4) == targets[2 * shots]
    np.testing.assert_allclose(right.mean(axis=0), 1 - 0.75 ** np.arange(9) * 0.75, atol=0.015)


# -- what all have in common


@pytest.mark.parametrize("name", TASKS)
def test_every_task(name):
    make = getattr(tasks, name)
    first, again, other = make(7, seed=1), make(7, seed=1), make(7, seed=2)
    assert len(first) == 7 and first.targets.shape == first.keep.shape and first.keep.dtype == bool
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)
    assert "generated with a seed" in first.source
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(make(7, seed=rng).inputs, first.inputs)
    assert not np.array_equal(make(7, seed=rng).inputs, first.inputs), "a generator goes on"


@pytest.mark.parametrize("name", TOKEN_TASKS)
def test_every_token_task(name):
    task = getattr(tasks, name)(2000)
    assert task.inputs.dtype == task.targets.dtype == np.int64
    assert task.inputs.shape == task.targets.shape
    assert task.inputs.min() == 0 and task.inputs.max() == task.n_vocab - 1
    assert task.targets.min() >= 0 and task.targets.max() < task.n_vocab
    assert not task.targets[~task.keep].any()
    train, test = task, getattr(tasks, name)(200, seed=1, **({"split": "test"} if name == "sort" else {}))
    known = {row.tobytes() for row in train.inputs}
    assert not any(row.tobytes() in known for row in test.inputs)


@pytest.mark.parametrize("name", TASKS)
def test_no_example(name):
    with pytest.raises(ValueError, match="n_examples must be at least 1; got 0"):
        getattr(tasks, name)(0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tasks.reverse(1, length=0), "length must be at least 1; got 0"),
        (lambda: tasks.sort(1, split="valid"), "split must be 'train' or 'test'; got 'valid'"),
        (lambda: tasks.sort(1, length=2, n_tokens=2), r"from 8 .* got 2 \*\* 2"),
        (lambda: tasks.sort(1, length=64, n_tokens=2), r"to 2 \*\* 62"),
        (lambda: tasks.steps_back(1, length=4, back=4), "back must be less than length, 4; got 4"),
        (lambda: tasks.two_vectors(1, n_tokens=1), "n_tokens must be at least 2"),
        (lambda: tasks.repeats(1, n_tokens=8), r"periods must be .* got \(16, 32\)"),
        (lambda: tasks.repeats(1, length=32), "periods must be"),
        (lambda: tasks.repeats(1, periods=(9, 8)), "periods must be"),
        (lambda: tasks.few_shot(1, shots=0), "shots must be at least 1; got 0"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
