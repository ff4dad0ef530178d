"""The numbers in lesson 08's folded answers are what its own code gives."""

from pathlib import Path

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "08_self_and_cross.py").read_text(encoding="utf-8")
DEFINING = ("import torch", "people = ", "class MySelfAttention", "class Fetcher", "def learn(", "def judge(")
DEFINING += ("class OneForBoth", "class NeitherQueries", "class MyCrossAttention", "def two_rooms(")
DEFINING += ("from course_lib.data.words", "def sentences(", "old, new = ")


@pytest.fixture(scope="module")
def lesson():
    """The names that the lesson's own cells define, with float64 for as long as they are used."""
    from course_lib.transformer.attention import scaled_dot_product_attention

    names, before = {"attention": scaled_dot_product_attention}, torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    cells = [cell for cell in TEXT.split("\n# %%") if not cell.startswith(" [markdown]")]
    for start in DEFINING:
        (cell,) = (cell for cell in cells if f"\n{start}" in cell.split("\n\n\n")[0])
        exec(cell, names)
    yield names
    torch.set_default_dtype(before)


def right(lesson, attend, width, game="party", sizes=(6,), **training):
    fetcher = lesson["Fetcher"](attend, width)
    return lesson["judge"](lesson["learn"](fetcher, lesson[game], sizes, **training), lesson[game], sizes)[0]


def test_how_few_steps_are_enough(lesson):
    assert "right in 70 % after 30 steps, 96 % after 40 and 100 % after 50" in TEXT
    for steps, expected in ((30, 0.70), (40, 0.96), (50, 1.00)):
        torch.manual_seed(0)
        assert abs(right(lesson, lesson["MySelfAttention"](22, 8), 8, steps=steps) - expected) < 0.02


def test_width_does_not_end_the_symmetry(lesson):
    assert "It stays: 41 % and 58 %." in TEXT
    for kind, expected in (("OneForBoth", 0.41), ("ItselfHidden", 0.58)):
        torch.manual_seed(0)
        assert abs(right(lesson, lesson[kind](22, 22), 22) - expected) < 0.02


def test_a_minus_sign_tells_own_from_fetched(lesson):
    class TakenFromItself(nn.Module):
        def __init__(self, attend):
            super().__init__()
            self.attend = attend

        def forward(self, x):
            output, weights = self.attend(x)
            return x - output, weights

    assert "Yes, it is right in 86 %." in TEXT
    torch.manual_seed(0)
    assert abs(right(lesson, TakenFromItself(lesson["NoValues"](22, 22)), 22) - 0.86) < 0.02


def test_one_matrix_across_two_rooms(lesson):
    class OneAcross(lesson["MyCrossAttention"]):
        def forward(self, dec, enc, keep=None):
            return lesson["attention"](self.W_q(dec), self.W_q(enc), self.W_v(enc))

    assert "It does: right in 60 %." in TEXT
    torch.manual_seed(0)
    assert abs(right(lesson, OneAcross(22, 8), 8, "two_rooms", (3, 6)) - 0.60) < 0.03


def looks_at(lesson, sentence):
    words = sentence.split()
    with torch.no_grad():
        row = lesson["asking"](lesson["embed"](sentence)[None])[1][0, words.index("it")]
    return words[row.argmax()]


def test_what_counts_as_an_animal(lesson):
    assert "With this start *king* counts, even *bread* does, and *teacher* does not:" in TEXT
    for word, found in (("king", "king"), ("bread", "bread"), ("teacher", "mat")):
        assert looks_at(lesson, f"the {word} sat on the mat because it was soft") == found
    assert "*kitten* and *shark* are found. *table* is found too" in TEXT
    for word in ("kitten", "shark", "table"):
        assert looks_at(lesson, f"the {word} sat because it was tired") == word
