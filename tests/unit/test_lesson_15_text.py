"""What lesson 15 says about temperature, cuts and beams is what the code does, to the letter."""

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from course_lib.decoding import beam_search, next_token_distribution

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "15_decoding.py").read_text(encoding="utf-8")
EXERCISES = (ROOT / "sources" / "exercises" / "15_decoding.py").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "sources" / "glossary.toml").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^# \| \$T = ([\d/]+)\$.* \| (\d+/\d+) \| (\d+/\d+) \| (\d+/\d+) \|$", TEXT, flags=re.MULTILINE
)
P = torch.tensor([16, 4, 1], dtype=torch.float64) / 21


def test_the_table_of_temperatures_is_the_code():
    assert [T for T, *_ in ROWS] == ["1", "2", "1/2"]
    for T, *row in ROWS:
        p = next_token_distribution(P.log(), temperature=float(Fraction(T)))
        assert p.tolist() == pytest.approx([float(Fraction(share)) for share in row])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_odds_go_to_the_power_of_one_over_t(temperature):
    assert r"\left( \frac{p_i}{p_j} \right)^{1/T}" in TEXT
    p = next_token_distribution(P.log(), temperature)
    assert (p[0] / p[2]).item() == pytest.approx(16 ** (1 / temperature))
    assert "$16^{1/T} = 2$, so $T = 4$" in TEXT


def test_the_order_of_the_cuts():
    assert (
        "the order is: temperature, top-k, top-p" in TEXT
        and "In this order: temperature, top-k, top-p" in EXERCISES
    )
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    assert next_token_distribution(p, top_k=2, top_p=0.6).tolist() == [1, 0, 0]
    assert "keeps two tokens, since 16/21 is below 0.8" in TEXT
    assert (next_token_distribution(P.log(), top_p=0.8) > 0).sum() == 2
    assert (next_token_distribution(P.log(), 0.5, top_p=0.8) > 0).sum() == 1


def test_the_crossing_token_stays():
    assert "The token that crosses $p$ stays" in TEXT and "the token that crosses $p$ included" in GLOSSARY
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    kept = {top_p: (next_token_distribution(p, top_p=top_p) > 0).sum().item() for top_p in (0.5, 0.6, 0.81)}
    assert kept == {0.5: 1, 0.6: 2, 0.81: 3}


def test_greedy_and_beam_on_the_sentences_of_two_words():
    assert "First x with 3/5 or y with 2/5." in TEXT and "| y | 1/10 | 0 | 9/10 |" in TEXT
    tree = {(): {"x": 0.6, "y": 0.4}, ("x",): {"x": 0.4, "y": 0.3, "z": 0.3}, ("y",): {"x": 0.1, "z": 0.9}}
    logp = lambda prefix: {token: math.log(p) for token, p in tree[prefix[1:]].items()}  # noqa: E731
    for beam, words, p in ((1, ["x", "x"], 6 / 25), (2, ["y", "z"], 9 / 25)):
        found, score = beam_search(logp, ">", ".", beam, max_len=2, alpha=0.0)
        assert found == words and math.exp(score) == pytest.approx(p)


def test_the_two_sentences_of_the_length_penalty():
    a, b = math.log(0.3), 3 * math.log(0.6)
    assert f"| A, $n = 1$ | {a:.2f} | **{a:.2f}** | {a:.2f} |" in TEXT
    assert f"| B, $n = 3$ | {b:.2f} | {b:.2f} | **{b / 3:.2f}** |" in TEXT
    alpha = math.log(b / a) / math.log(3)
    assert f"so $\\alpha \\approx {alpha:.2f}$" in TEXT and f"\\approx {b / a:.2f}$" in TEXT
    assert "here $n^\\alpha$" in TEXT and r"$((5 + n)/6)^\alpha$" in TEXT


def test_how_often_a_more_bent_coin_is_all_heads():
    assert r"$0.9^{100} \approx 0.000027$: about once in 38,000 tries" in TEXT
    assert f"{0.9**100:.6f}" == "0.000027" and round(0.9**-100, -3) == 38_000
