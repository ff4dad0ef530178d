"""Decoding by hand equals course_lib.decoding, which works on tensors."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import by_hand, decoding


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 30),
    temperature=st.sampled_from([0.0, 0.1, 0.7, 1.0, 2.5]),
    top_k=st.none() | st.integers(1, 35),
    top_p=st.none() | st.floats(0.05, 1),
)
def test_next_token_distribution(seed, n, temperature, top_k, top_p):
    logits = np.random.default_rng(seed).normal(0, 3, n)
    expected = decoding.next_token_distribution(torch.tensor(logits), temperature, top_k, top_p)
    p = by_hand.next_token_distribution(logits, temperature, top_k, top_p)
    np.testing.assert_allclose(p, expected.numpy(), atol=1e-12)


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 10**6),
    beam=st.integers(1, 5),
    max_len=st.integers(1, 5),
    alpha=st.sampled_from([0.0, 0.6, 1.0]),
)
def test_beam_search(seed, beam, max_len, alpha):
    """Every prefix has its own numbers; whole ones, so that there are ties."""

    def logp(prefix):
        rng = np.random.default_rng([seed, *prefix])
        return dict(enumerate((-rng.integers(1, 6, 4)).astype(float).tolist(), start=1))

    given = (logp, 0, 1, beam, max_len, alpha)
    assert by_hand.beam_search(*given) == decoding.beam_search(*given)
