"""The word table: shapes, look-up, and neighbours a person would expect."""

import numpy as np
import pytest

from course_lib.by_hand import nearest
from course_lib.data.words import load_words

TABLE = load_words()


def test_shape_and_order():
    assert TABLE.vectors.shape == (len(TABLE.words), 384)
    assert TABLE.vectors.dtype == np.float64
    assert TABLE.words == sorted(set(TABLE.words))


@pytest.mark.parametrize(
    "word, neighbour", [("king", "queen"), ("paris", "france"), ("monday", "tuesday"), ("cat", "kitten")]
)
def test_near_words_are_near(word, neighbour):
    near = [TABLE.words[row] for row in nearest(TABLE.vector(word), TABLE.vectors, 4)]
    assert near[0] == word
    assert neighbour in near


def test_an_unknown_word_is_answered_with_near_ones():
    with pytest.raises(KeyError, match="monday"):
        TABLE.vector("Monday")
