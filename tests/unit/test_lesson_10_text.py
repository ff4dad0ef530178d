"""The numbers in lesson 10's folded answers are what its own code gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "10_multi_head.py").read_text(encoding="utf-8")
DEFINING = ("import numpy", "from course_lib.data.tasks", "class Fetch", "def train(", "def by_loop(")
DEFINING += ("from course_lib.transformer.attention import MultiHeadAttention", "class MultiHead(")
DEFINING += ("def split_wrong(", "x, last = ", "tests = {", "def named(", "def refitted(")


@pytest.fixture(scope="module")
def lesson():
    """The names that the lesson's own cells define, with float64 for as long as they are used."""
    from course_lib.transformer import attention

    names, before, threads = dict(vars(attention)), torch.get_default_dtype(), torch.get_num_threads()
    names["attention"] = attention.scaled_dot_product_attention
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cells = [cell for cell in TEXT.split("\n# %%") if not cell.startswith(" [markdown]")]
    for start in DEFINING:
        (cell,) = (cell for cell in cells if cell.lstrip("\n").startswith(start))
        for ending in ("\nstart(", "\nnarrow = ", "\npassed = "):  # definitions alone, no training
            cell = cell.split(ending)[0]
        exec(cell, names)
    yield names
    torch.set_default_dtype(before)
    torch.set_num_threads(threads)


def trained(lesson, draw, d_model, n_heads, seed=0):
    return lesson["train"](lesson[draw], lambda: lesson["MultiHead"](d_model, n_heads), seed)


def test_letters_with_equal_weights():
    assert "55: the 10 pairs of equal letters and 45 of the others." in TEXT
    letters = np.eye(10)
    right = 0
    for first, second in np.ndindex(10, 10):
        mixture = letters[first] / 2 + letters[second] / 2
        seen = mixture.argmax()
        right += (seen, (mixture - letters[seen] / 2).argmax()) == (first, second)
    assert right == 55


def test_the_right_split_with_the_wrong_merge_is_caught_by_three_tests(lesson):
    assert "Three: *merging undoes splitting*, *no look ahead* and *two heads equal the loop*." in TEXT

    def make(d_model, n_heads):
        return lesson["MultiHead"](d_model, n_heads, lesson["split_heads"], lesson["merge_wrong"])

    caught = [name for name, test in lesson["tests"].items() if not test(make)]
    assert caught == ["merging undoes splitting", "no look ahead (causal)", "two heads equal the loop"]


def test_where_the_border_is_at_width_32(lesson):
    assert (
        "2, 4 and 8 heads work, with 4 or more features each. 16 heads of 2 features do not (about 0.3)"
        in TEXT
    )
    for n_heads, low, high in ((2, 0, 0.1), (4, 0, 0.1), (8, 0, 0.1), (16, 0.25, 0.35)):
        assert low <= lesson["error"](trained(lesson, "named", 32, n_heads), lesson["named"]) < high


def test_what_head_0_writes(lesson):
    assert "Into all: about 1.0 in the first eight, and about 0.03 in the others." in TEXT
    model = trained(lesson, "marked", 16, 2, seed=1)
    *given, _ = lesson["marked"](np.random.default_rng(99), 4000)
    model(*given)
    written = (model.heads.merged[:, 0, :8] @ model.heads.W_o.weight[:, :8].T).std(dim=0)
    assert (written[:8] - 1).abs().max() < 0.05 and (written[8:] - 0.03).abs().max() < 0.01


def test_without_room_to_spare_every_head_is_needed(lesson):
    assert "None: whichever head is off, the error is about 0.25." in TEXT
    model = trained(lesson, "marked", 16, 4)
    *given, lesson["wanted"] = lesson["marked"](np.random.default_rng(99), 4000)
    model(*given)
    for h in range(4):
        left = lesson["refitted"](model.heads.merged[:, 0].detach(), torch.arange(4) != h)
        assert abs(left - 0.25) < 0.02
