"""Padding, batches by length, shifting, windows and masking: properties, and clear errors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.batches import batches_by_length, mask_tokens, pad, random_windows, shift_right

SEQUENCES = st.lists(st.lists(st.integers(3, 50), max_size=9), min_size=1, max_size=7)


@settings(deadline=None, max_examples=25)
@given(SEQUENCES.filter(any), st.integers(0, 60))
def test_padding_keeps_the_sequences_and_nothing_else(sequences, pad_id):
    ids, keep = pad(sequences, pad_id)
    assert ids.shape == keep.shape == (len(sequences), max(map(len, sequences)))
    assert ids.dtype == torch.int64 and keep.dtype == torch.bool
    assert [row[kept].tolist() for row, kept in zip(ids, keep, strict=True)] == sequences
    assert (ids[~keep] == pad_id).all()
    assert (keep[:, :-1] >= keep[:, 1:]).all()  # padding is at the end


def test_padding_takes_arrays_and_a_device():
    ids, keep = pad([np.array([4, 5]), range(3)], 9, device="meta")
    assert ids.device == keep.device == torch.device("meta")
    assert pad([np.array([4, 5]), range(3)], 9)[0].tolist() == [[4, 5, 9], [0, 1, 2]]


@pytest.mark.parametrize(
    "sequences, message",
    [
        ([], "0 sequences"),
        ([[], []], "all of them empty"),
        ([[1], [2, -1]], r"sequences\[1\].*-1"),
        ([[1.5]], r"sequences\[0\].*float"),
        ([["a"]], r"sequences\[0\]"),
        ([[[1, 2]]], r"sequences\[0\].*\(1, 2\)"),
    ],
)
def test_padding_rejects(sequences, message):
    with pytest.raises(ValueError, match=message):
        pad(sequences, 0)


@settings(deadline=None, max_examples=25)
@given(SEQUENCES)
def test_a_decoder_reads_what_it_should_have_said_one_step_before(target):
    inputs, labels = shift_right(target, bos=1, eos=2, pad=0)
    assert inputs.shape == labels.shape == (len(target), max(map(len, target)) + 1)
    assert inputs.dtype == labels.dtype == torch.int64
    for row, read, said in zip(target, inputs.tolist(), labels.tolist(), strict=True):
        rest = [0] * (inputs.shape[1] - len(row) - 1)
        assert read == [1, *row, *rest]
        assert said == [*row, 2, *rest]


@pytest.mark.parametrize(
    "target, message",
    [
        ([], "at least one sequence"),
        ([[3], [4, 2]], r"target\[1\].*got 2"),
        ([[0]], r"target\[0\].*got 0"),
        ([[-4]], r"target\[0\].*-4"),
    ],
)
def test_shifting_rejects(target, message):
    with pytest.raises(ValueError, match=message):
        shift_right(target, bos=1, eos=2, pad=0)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 9), st.integers(0, 99))
def test_every_item_comes_once_per_epoch(lengths, batch_size, seed):
    batches = batches_by_length(lengths, batch_size, np.random.default_rng(seed))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    sizes = sorted(map(len, batches))
    assert sizes[1:] == [batch_size] * (len(sizes) - 1) and 0 < sizes[0] <= batch_size


def padding_share(lengths, batches):
    places = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - lengths.sum() / places


def test_batches_hold_little_padding_and_differ_from_epoch_to_epoch():
    rng = np.random.default_rng(0)
    lengths = rng.geometric(0.1, 5_000) + 2
    epochs = [batches_by_length(lengths, 64, rng) for _ in range(2)]
    shuffled = rng.permutation(5_000).reshape(-1, 50)
    assert padding_share(lengths, epochs[0]) < 0.1 < 0.5 < padding_share(lengths, shuffled)
    first, second = ({frozenset(batch) for batch in epoch} for epoch in epochs)
    assert len(first & second) < 0.1 * len(first)  # the few longest stay together
    means = [lengths[batch].mean() for batch in epochs[0]]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.4  # short and long batches mixed
    assert batches_by_length(lengths, 64, np.random.default_rng(7)) == batches_by_length(
        lengths, 64, np.random.default_rng(7)
    )


@pytest.mark.parametrize("lengths, batch_size", [([], 4), ([[1, 2]], 4), ([1, 2], 0)])
def test_batching_rejects(lengths, batch_size):
    with pytest.raises(ValueError, match=r"lengths|batch_size"):
        batches_by_length(lengths, batch_size, np.random.default_rng(0))


def test_windows_are_pieces_of_the_text_and_labels_the_next_token():
    text = np.arange(100, 140)
    inputs, labels = random_windows(text, 7, 200, np.random.default_rng(0))
    assert inputs.shape == labels.shape == (200, 7) and inputs.dtype == torch.int64
    assert (labels == inputs + 1).all() and (inputs.diff(dim=1) == 1).all()
    assert set(inputs[:, 0].tolist()) == set(range(100, 133))  # every place, the last one too


def test_the_shortest_text_has_one_window():
    inputs, labels = random_windows([5, 6, 7], 2, 1, np.random.default_rng(0))
    assert inputs.tolist() == [[5, 6]] and labels.tolist() == [[6, 7]]


@pytest.mark.parametrize("ids, n, batch_size", [([1, 2], 2, 1), ([], 1, 1), ([1, 2], 0, 1), ([1, 2], 1, 0)])
def test_windows_reject(ids, n, batch_size):
    with pytest.raises(ValueError, match="random_windows"):
        random_windows(ids, n, batch_size, np.random.default_rng(0))


def test_shares_of_masking():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 1_000, (200, 500))
    corrupted, labels = mask_tokens(ids, rng, 3, 1_000, {0, 1, 2, 3}, rate=0.2)
    chosen = labels != -100
    ordinary = ids > 3
    assert corrupted.shape == labels.shape == ids.shape
    assert not chosen[~ordinary].any()
    assert (labels[chosen] == ids[chosen]).all() and (corrupted[~chosen] == ids[~chosen]).all()
    assert chosen.sum() / ordinary.sum() == pytest.approx(0.2, abs=0.006)
    masked, kept = corrupted[chosen] == 3, corrupted[chosen] == ids[chosen]
    assert masked.mean() == pytest.approx(0.8, abs=0.015)
    assert kept.mean() == pytest.approx(0.1, abs=0.01)
    drawn = corrupted[chosen][~masked & ~kept]
    assert drawn.min() > 3 and len(set(drawn.tolist())) > 800  # any word, never a special one


def test_each_position_is_chosen_on_its_own():
    rng = np.random.default_rng(1)
    counts = [(mask_tokens(np.full(20, 7), rng, 0, 9, [0], 0.15)[1] != -100).sum() for _ in range(4_000)]
    assert np.var(counts) == pytest.approx(20 * 0.15 * 0.85, rel=0.15)  # a fixed number would have none


def test_a_random_word_may_be_the_same_word():
    ids = np.full(10_000, 1)
    corrupted, _ = mask_tokens(ids, np.random.default_rng(0), 0, 2, [0], rate=1.0)
    assert (corrupted == 1).mean() == pytest.approx(0.2, abs=0.02)


def test_masking_leaves_its_input_and_obeys_the_rate():
    ids = np.arange(4, 30)
    before = ids.copy()
    _, none = mask_tokens(ids, np.random.default_rng(0), 3, 30, [3], rate=0.0)
    _, every = mask_tokens(ids, np.random.default_rng(0), 3, 30, [3], rate=1.0)
    assert (none == -100).all() and (every == ids).all() and (ids == before).all()


@pytest.mark.parametrize(
    "ids, rate, specials, message",
    [
        ([1, 2], 1.5, [0], "rate"),
        ([1, 9], 0.1, [0], "9"),
        ([-1, 2], 0.1, [0], "-1"),
        ([1.0, 2.0], 0.1, [0], "float"),
        ([1, 2], 0.1, range(9), "specials"),
    ],
)
def test_masking_rejects(ids, rate, specials, message):
    with pytest.raises(ValueError, match=message):
        mask_tokens(np.array(ids), np.random.default_rng(0), 0, 9, specials, rate)
