"""What lesson 13 says about the loss and the learning rate is what the code does, to the letter."""

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from course_lib.training import Recipe, learning_rate, smoothed_cross_entropy, warmup_rate

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "13_training.py").read_text(encoding="utf-8")
EXERCISES = (ROOT / "sources" / "exercises" / "13_training.py").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "sources" / "glossary.toml").read_text(encoding="utf-8")
ROWS = re.findall(r"^# \| (\d+) \| .* \| (\d+)/(\d+) \|$", TEXT, flags=re.MULTILINE)


def test_the_table_of_rates_is_the_code():
    assert "$d = 4$ and warmup 4" in TEXT and [int(step) for step, *_ in ROWS] == [1, 2, 4, 16, 64]
    for step, above, below in ROWS:
        rate = float(Fraction(int(above), int(below)))
        assert math.isclose(warmup_rate(int(step), d_model=4, warmup=4), rate)
        recipe = Recipe(100, lr=0.25, warmup=4, schedule="inverse_sqrt")
        assert math.isclose(learning_rate(int(step), recipe), rate)


@pytest.mark.parametrize(("d_model", "warmup"), [(4, 4), (512, 4000), (64, 7)])
def test_the_formula_of_the_rate_and_its_peak(d_model, warmup):
    assert r"d^{-1/2} \cdot \min\left( n^{-1/2},\ n \cdot \text{warmup}^{-3/2} \right)" in TEXT
    assert r"$(d \cdot \text{warmup})^{-1/2}$" in TEXT and r"\text{factor} \cdot d^{-1/2}" in EXERCISES
    assert "the peak lies at step $n$ = warmup" in GLOSSARY
    rates = {n: warmup_rate(n, d_model, warmup) for n in range(1, 3 * warmup)}
    for n in {1, 2, warmup, warmup + 1, 3 * warmup - 1}:
        assert math.isclose(rates[n], d_model**-0.5 * min(n**-0.5, n * warmup**-1.5))
    assert max(rates, key=rates.__getitem__) == warmup
    assert math.isclose(rates[warmup], (d_model * warmup) ** -0.5)


def test_past_both_peaks_the_warm_up_does_not_count():
    assert "Past both peaks the warm-up no longer counts" in TEXT
    assert warmup_rate(64, 4, 4) == warmup_rate(64, 4, 16) != warmup_rate(4, 4, 16)
    assert "Step 0 is treated as step 1." in EXERCISES and warmup_rate(0, 4, 4) == warmup_rate(1, 4, 4)


def loss(p, smoothing):
    p = torch.tensor([p], dtype=torch.float64)
    return smoothed_cross_entropy(p.log(), torch.tensor([0]), pad=-1, smoothing=smoothing).item()


def test_the_soft_target_by_hand():
    assert r"t_v = (1 - s) \cdot [v \text{ is right}] + \frac{s}{V}" in TEXT
    assert r"the target is $(0.8,\ 0.1,\ 0.1)$" in TEXT and r"1.2 \ln 2 \approx 0.83" in TEXT
    assert math.isclose(loss([0.5, 0.25, 0.25], 0.3), 1.2 * math.log(2))
    assert loss([0.98, 0.01, 0.01], 0.3) > loss([0.5, 0.25, 0.25], 0.3)
    best = loss([0.8, 0.1, 0.1], 0.3)
    assert "its loss is the target's entropy (lesson 02): 0.64 here" in TEXT and f"{best:.2f}" == "0.64"
    for other in ([0.79, 0.105, 0.105], [0.81, 0.095, 0.095], [0.8, 0.11, 0.09]):
        assert loss(other, 0.3) > best


def test_the_lowest_points_and_the_lowest_loss():
    assert "$1 - s + s/V$: 0.91 and 0.73" in TEXT and "cannot fall below 0.50" in TEXT
    for smoothing, top in ((0.1, 0.91), (0.3, 0.73)):
        assert math.isclose(1 - smoothing + smoothing / 10, top)
        rest = [(1 - top) / 9] * 9
        target_says_itself = loss([top, *rest], smoothing)
        entropy = -top * math.log(top) - (1 - top) * math.log((1 - top) / 9)
        assert math.isclose(target_says_itself, entropy)
        assert smoothing != 0.1 or f"{entropy:.2f}" == "0.50"


def test_the_two_conventions_differ_by_s_alone():
    assert "a convention, the same as ours with another $s$" in TEXT
    s, V = 0.3, 3
    ours = [1 - s + s / V, *[s / V] * (V - 1)]
    other = s * (V - 1) / V
    assert [round(t, 12) for t in ours] == [round(t, 12) for t in (1 - other, *[other / (V - 1)] * (V - 1))]
