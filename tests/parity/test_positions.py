"""Positions beside slow loops and their defining properties, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.transformer.positions import (
    ALiBi,
    LearnedPositions,
    RelativeBias,
    SinusoidalPositions,
    alibi_bias,
    rotate,
    sinusoidal_positions,
)

EXACT = {"rtol": 1e-9, "atol": 1e-9}


def slow_sinusoids(n, d, start):
    table = torch.zeros(n, d)
    for p in range(n):
        for i in range(d // 2):
            angle = (start + p) / 10000 ** (2 * i / d)
            table[p, 2 * i], table[p, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return table


def slow_rotation(x, start):
    """Each pair times a 2 x 2 rotation matrix."""
    out = torch.zeros_like(x)
    d = x.shape[-1]
    for p in range(x.shape[-2]):
        for i in range(d // 2):
            a = (start + p) / 10000 ** (2 * i / d)
            matrix = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
            out[..., p, 2 * i : 2 * i + 2] = x[..., p, 2 * i : 2 * i + 2] @ matrix.T
    return out


@settings(deadline=None, max_examples=25)
@given(n=st.integers(1, 6), pairs=st.integers(1, 4), start=st.integers(0, 5000))
def test_beside_slow_loops(n, pairs, start):
    torch.testing.assert_close(
        sinusoidal_positions(n, 2 * pairs, start), slow_sinusoids(n, 2 * pairs, start), **EXACT
    )
    x = torch.randn(2, 3, n, 2 * pairs)
    torch.testing.assert_close(rotate(x, start), slow_rotation(x, start), **EXACT)


@settings(deadline=None, max_examples=25)
@given(start=st.integers(0, 5000), shift=st.integers(0, 5000))
def test_rotary_scores_depend_on_the_distance_alone(start, shift):
    q, k = torch.randn(1, 8), torch.randn(1, 8)
    near = rotate(q, start) @ rotate(k, start + 3).T
    far = rotate(q, start + shift) @ rotate(k, start + shift + 3).T
    torch.testing.assert_close(near, far, **EXACT)
    torch.testing.assert_close(rotate(q, start).norm(), q.norm(), **EXACT)


def test_late_positions_are_exact_in_float32():
    """Angles are computed in float64: in float32 position 100,000 would be off by 0.004."""
    late = sinusoidal_positions(1, 8, 100_003, dtype=torch.float32)
    torch.testing.assert_close(late.double(), slow_sinusoids(1, 8, 100_003), rtol=0, atol=1e-7)


@pytest.mark.parametrize("n_heads", [1, 3, 4, 8])
@pytest.mark.parametrize(("n_q", "n_k"), [(4, 4), (2, 5), (1, 1)])
def test_alibi_beside_a_slow_loop(n_heads, n_q, n_k):
    bias = alibi_bias(n_heads, n_q, n_k)
    assert bias.shape == (n_heads, n_q, n_k)
    for h in range(n_heads):
        for i in range(n_q):
            for j in range(n_k):
                distance = n_k - n_q + i - j
                expected = -math.inf if distance < 0 else -(2 ** (-8 * (h + 1) / n_heads)) * distance
                assert bias[h, i, j].item() == pytest.approx(expected, abs=1e-12)
    torch.testing.assert_close(ALiBi(n_heads)(n_q, n_k), bias, **EXACT)


def test_relative_bias_knows_only_the_clipped_distance():
    scheme = RelativeBias(2, 3)
    torch.nn.init.normal_(scheme.table)
    bias = scheme(6, 9)
    assert bias.shape == (2, 6, 9)
    for i in range(6):
        for j in range(9):
            distance = max(-3, min(3, 3 + i - j))
            assert torch.equal(bias[:, i, j], scheme.table[:, distance + 3])


@pytest.mark.parametrize("scheme", [SinusoidalPositions(), LearnedPositions(9, 6)])
def test_start_continues_a_sequence(scheme):
    scheme, x = scheme.double(), torch.randn(2, 9, 6)
    whole = scheme(x)
    torch.testing.assert_close(
        torch.cat([scheme(x[:, :4]), scheme(x[:, 4:], start=4)], dim=1), whole, **EXACT
    )
    assert not torch.allclose(whole, x)
