"""Digits, scenes and captions: splits that do not leak, boxes that hold the ink, captions that are true."""

import numpy as np
import pytest
import sklearn.datasets
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import jaxtyped

from course_lib.data import scenes as scenes_file
from course_lib.data.digits import load_digits
from course_lib.data.scenes import (
    AMBIGUOUS,
    BOS,
    CANVAS,
    CAPTION_WORDS,
    EOS,
    INK,
    PAD,
    caption_text,
    caption_tokens,
    captions,
    enlarge,
    scenes,
)

N = 300
seeds = st.integers(0, 10_000)
some = settings(deadline=None, max_examples=25)


def corners(box):
    """Left, top, right, bottom of a box, in pixels."""
    x, y, width, height = np.asarray(box, float) * CANVAS
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


# -- digits


def test_the_two_parts_are_the_whole_table_and_share_nothing():
    train, test = load_digits("train"), load_digits("test")
    table = sklearn.datasets.load_digits()
    assert sorted([*train.rows, *test.rows]) == list(range(len(table.target)))
    for part in (train, test):
        assert part.images.shape == (len(part), 1, 8, 8) and part.images.dtype == np.float32
        np.testing.assert_allclose(part.images[:, 0], table.images[part.rows] / 16)
        np.testing.assert_array_equal(part.labels, table.target[part.rows])
        assert "CC BY 4.0" in part.source


@some
@given(seeds, st.floats(0.1, 0.9))
def test_both_parts_hold_the_ten_digits_in_the_same_shares(seed, share):
    train, test = (np.bincount(load_digits(part, share, seed).labels) for part in ("train", "test"))
    assert np.all(np.abs(test - (train + test) * share) <= 1.5)


def test_the_split_follows_the_seed():
    first, again, other = load_digits(), load_digits(), load_digits(seed=1)
    np.testing.assert_array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)


def test_no_reader_can_spoil_the_table_for_the_next():
    load_digits().images[:] = 7
    assert load_digits().images.max() <= 1


@pytest.mark.parametrize("share", [0, 1, -0.2, 0.001])
def test_a_share_that_leaves_nothing(share):
    with pytest.raises(ValueError, match="test_share"):
        load_digits(test_share=share)


@pytest.mark.parametrize(
    "make", [load_digits, lambda split: scenes(2, split=split), lambda s: captions(2, 0, s)]
)
def test_an_unknown_split(make):
    with pytest.raises(ValueError, match="split must be one of 'train', 'test'; got 'valid'"):
        make("valid")


# -- scenes


@some
@given(seed=seeds, max_digits=st.integers(1, 4), split=st.sampled_from(["train", "test"]))
def test_each_box_is_tight_around_the_ink_of_its_digit(seed, max_digits, split):
    drawn = scenes(5, seed, split, max_digits)
    for image, boxes, keep in zip(drawn.images, drawn.boxes, drawn.keep, strict=True):
        ink, covered = image[0] > INK, np.zeros((CANVAS, CANVAS), int)
        for box in boxes[keep]:
            left, top, right, bottom = corners(box)
            assert 0 <= left < right <= CANVAS and 0 <= top < bottom <= CANVAS
            inside = np.s_[round(top) : round(bottom), round(left) : round(right)]
            for edge in (ink[inside][0], ink[inside][-1], ink[inside][:, 0], ink[inside][:, -1]):
                assert edge.any()
            covered[inside] += 1
        assert covered.max() == 1, "two boxes overlap"
        assert not ink[covered == 0].any(), "ink outside the boxes"


@pytest.mark.parametrize("make", [scenes, lambda *a: captions(*a).scenes])
def test_no_digit_crosses_the_splits(make):
    table, seen = sklearn.datasets.load_digits(), {}
    for seed, split in enumerate(("train", "test")):  # who trains with one seed tests with another
        drawn = make(3000, seed, split)
        seen[split] = set(drawn.rows[drawn.keep])
        assert seen[split] <= set(load_digits(split).rows)
        np.testing.assert_array_equal(drawn.labels[drawn.keep], table.target[drawn.rows[drawn.keep]])
    assert not seen["train"] & seen["test"]
    assert len(seen["test"]) > 300, "all digits are used"


def test_each_digit_is_its_image_enlarged():
    drawn, table = scenes(N, 3), sklearn.datasets.load_digits()
    for image, row, keep in zip(drawn.images[:, 0], drawn.rows, drawn.keep, strict=True):
        if keep.sum() == 1:  # alone on the canvas: the patch is whatever is not paper, up to its margin
            left_over = []
            for side in range(8, 15):
                patch = enlarge(table.images[row[:1]] / 16, side)[0]
                windows = np.lib.stride_tricks.sliding_window_view(image, (side, side))
                left_over.append(np.abs(windows - patch).max(axis=(2, 3)).min())
            assert min(left_over) < 1e-6


def test_counts_empty_slots_and_sizes():
    drawn = scenes(4000, 5)
    counts = np.bincount(drawn.keep.sum(axis=1), minlength=4)
    assert counts[0] == 0 and np.all(np.abs(counts[1:] / 4000 - 1 / 3) < 0.04)
    assert not drawn.boxes[~drawn.keep].any() and not drawn.labels[~drawn.keep].any()
    assert set(drawn.rows[~drawn.keep]) == {-1}
    assert drawn.boxes[drawn.keep][:, 3].min() >= 7 / CANVAS and drawn.boxes[..., 3].max() == 14 / CANVAS
    assert drawn.images.min() >= 0 and drawn.images.max() <= 1
    assert np.ptp(np.bincount(drawn.labels[drawn.keep])) < 0.03 * drawn.keep.sum()


def test_a_seed_is_a_scene():
    first, again, other, test = scenes(9, 1), scenes(9, 1), scenes(9, 2), scenes(9, 1, "test")
    np.testing.assert_array_equal(first.images, again.images)
    for different in (other, test):
        assert not np.array_equal(first.images, different.images)
        assert not np.array_equal(first.keep.sum(1), different.keep.sum(1))


def test_take():
    drawn = scenes(6, 1)
    np.testing.assert_array_equal(drawn.take(np.array([4, 0])).boxes, drawn.boxes[[4, 0]])
    assert len(drawn.take(np.arange(6) < 2)) == 2


@pytest.mark.parametrize(
    "wrong, message", [(dict(n_scenes=0), "n_scenes"), (dict(max_digits=5), "max_digits")]
)
def test_wrong_numbers(wrong, message):
    with pytest.raises(ValueError, match=f"{message} must .* got"):
        scenes(**{"n_scenes": 3, **wrong})
    with pytest.raises(ValueError, match="n_scenes"):
        captions(0)


@some
@given(height=st.integers(1, 9), width=st.integers(1, 9), side=st.integers(1, 16), seed=seeds)
def test_enlarge_keeps_the_range_and_a_constant(height, width, side, seed):
    image = np.random.default_rng(seed).random((2, height, width))
    larger = enlarge(image, side)
    assert larger.shape == (2, side, side)
    assert image.min() - 1e-12 <= larger.min() and larger.max() <= image.max() + 1e-12
    np.testing.assert_allclose(enlarge(np.full((1, height, width), 0.3), side), 0.3)
    np.testing.assert_array_equal(enlarge(np.eye(side)[None], side)[0], np.eye(side))


# -- captions


def recomputed(labels, boxes):
    """Every true caption of a scene, told from its labels and corners alone; and whether it is ambiguous."""
    nouns = ["an eight" if label == 8 else f"a {CAPTION_WORDS[3 + label]}" for label in labels]
    if len(labels) == 1:
        return nouns, False
    true = []
    for one, other in ((0, 1), (1, 0)):
        (x0, y0, x1, y1), (u0, v0, u1, v1) = corners(boxes[one]), corners(boxes[other])
        right, down = (u0 + u1 - x0 - x1) / 2, (v0 + v1 - y0 - y1) / 2
        sideways = abs(right) > abs(down)
        names_left_or_upper = (right if sideways else down) > 0
        if labels[one] < labels[other] or (labels[one] == labels[other] and names_left_or_upper):
            word = {(1, 1): "left of", (1, 0): "right of", (0, 1): "above", (0, 0): "below"}
            true.append(f"{nouns[one]} {word[sideways, names_left_or_upper]} {nouns[other]}")
    return true, abs(abs(right) - abs(down)) < AMBIGUOUS


def test_captions_agree_with_the_geometry():
    made = captions(3000, 7)
    for index, text in enumerate(made.texts):
        keep = made.scenes.keep[index]
        true, ambiguous = recomputed(made.scenes.labels[index][keep], made.scenes.boxes[index][keep])
        assert [text] == true or (ambiguous and text in true)
        assert made.clear[index] == (not ambiguous)
        assert text.split()[1] == CAPTION_WORDS[3 + made.scenes.labels[index, 0]], "slot 0 is named first"
    relations = [text.split()[2] for text in made.texts if len(text.split()) > 2]
    assert abs(len(relations) / 3000 - 0.75) < 0.03
    for relation in ("left", "right", "above", "below"):
        assert relations.count(relation) > 400
    assert 0.02 < np.mean(~made.clear) < 0.3


def test_tokens_and_texts_are_the_same():
    made = captions(N, 2, "test")
    np.testing.assert_array_equal(caption_tokens(made.texts), made.tokens)
    np.testing.assert_array_equal(made.keep, made.tokens != PAD)
    for text, tokens in zip(made.texts, made.tokens, strict=True):
        words = [CAPTION_WORDS[token] for token in tokens if token > EOS]
        assert " ".join(words) == text == caption_text(tokens)
        assert tokens[0] == BOS and tokens[len(words) + 1] == EOS and not tokens[len(words) + 2 :].any()
    assert {word for text in made.texts for word in text.split()} == set(CAPTION_WORDS[3:])


def test_only_clear():
    made = captions(N, 4)
    clear = made.only_clear()
    assert clear.clear.all() and 0 < len(clear) == made.clear.sum() < N
    assert [caption_text(row) for row in clear.tokens] == clear.texts
    np.testing.assert_array_equal(clear.scenes.images, made.scenes.images[made.clear])


def test_one_scene_at_a_time():
    texts = set()
    for seed in range(20):
        made = captions(1, seed)
        assert made.scenes.keep.shape == (1, 2) and made.tokens.shape == (1, 8)
        assert scenes(1, seed).keep.shape == (1, 3)
        texts.add(len(made.texts[0].split()) > 2)
    assert texts == {True, False}, "with and without a second digit"


def test_a_text_that_is_no_caption():
    with pytest.raises(ValueError, match="'dog'"):
        caption_tokens(["a dog"])
    with pytest.raises(ValueError, match="at most 6 words"):
        caption_tokens(["a one above a two above a three"])
    assert caption_text([BOS, 13, 6]) == "a three", "a text that is not ended yet"


@pytest.mark.parametrize("name", ["scenes", "captions", "caption_tokens", "enlarge"])
def test_shapes_are_as_written(name):
    arguments = {"caption_tokens": (["a one"],), "enlarge": (np.ones((1, 8, 8)), 9)}.get(name, (3,))
    jaxtyped(typechecker=beartype)(getattr(scenes_file, name))(*arguments)
