"""The shapes written in the signatures are the shapes that come out."""

import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError, jaxtyped

from course_lib import by_hand
from course_lib.by_hand import reversal

sizes = st.integers(1, 5)
few = settings(deadline=None, max_examples=25)  # checked calls are slow, and shapes simple


@pytest.fixture(autouse=True)
def shapes_are_checked():
    """The parity tests, in one process with these, switch the checks off for the others."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", False)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def checked(name, module=by_hand):
    return jaxtyped(typechecker=beartype)(getattr(module, name))


@few
@given(batch=st.lists(sizes, max_size=2), n_q=sizes, n_k=sizes, d=sizes, d_v=sizes)
def test_attention(batch, n_q, n_k, d, d_v):
    Q, K, V = np.ones((*batch, n_q, d)), np.ones((*batch, n_k, d)), np.ones((*batch, n_k, d_v))
    checked("attention_scores")(Q, K)
    output, _ = checked("scaled_dot_product_attention")(Q, K, V)
    checked("scaled_dot_product_attention_backward")(Q, K, V, output)


@few
@given(batch=st.lists(sizes, max_size=2), n_q=sizes, n_k=sizes, d_q=sizes, d_k=sizes, d_v=sizes, h=sizes)
def test_additive_attention(batch, n_q, n_k, d_q, d_k, d_v, h):
    Q, K, V = np.ones((*batch, n_q, d_q)), np.ones((*batch, n_k, d_k)), np.ones((*batch, n_k, d_v))
    parts = Q, K, V, np.ones((h, d_q)), np.ones((h, d_k)), np.ones(h)
    output, _ = checked("additive_attention")(*parts, np.ones((n_q, n_k), bool))
    checked("additive_attention_backward")(*parts, output)


@few
@given(batch=st.lists(sizes, max_size=2), n_q=sizes, n_k=sizes, d=sizes, d_v=sizes)
def test_tiles(batch, n_q, n_k, d, d_v):
    Q, K, V = np.ones((*batch, n_q, d)), np.ones((*batch, n_k, d)), np.ones((*batch, n_k, d_v))
    output, lse = checked("tiled_attention")(Q, K, V, 2, causal=True)
    checked("tiled_attention_backward")(Q, K, V, output, lse, output, 2, causal=True)


@few
@given(batch=st.lists(sizes, max_size=2), n_q=sizes, n_k=sizes)
def test_masks(batch, n_q, n_k):
    scores, keep = np.ones((*batch, n_q, n_k)), np.ones((*batch, n_k), bool)
    checked("hide")(scores, checked("causal_mask")(n_q, n_k))
    checked("masked_softmax")(scores, keep, True)
    checked("padding_mask")([0, n_k], n_k)


@few
@given(batch=st.lists(sizes, max_size=2), d_model=sizes, d_hidden=sizes)
def test_block(batch, d_model, d_hidden):
    x, gamma, beta = np.ones((*batch, d_model)), np.ones(d_model), np.zeros(d_model)
    checked("layer_norm_backward")(x, gamma, checked("layer_norm")(x, gamma, beta))
    parts = x, np.ones((d_hidden, d_model)), np.ones(d_hidden), np.ones((d_model, d_hidden))
    checked("feed_forward_backward")(*parts, checked("feed_forward")(*parts, beta))
    checked("linear_backward")(x, parts[1], np.ones((*batch, d_hidden)))


@few
@given(batch=st.lists(sizes, max_size=2), n=sizes, pairs=sizes)
def test_positions(batch, n, pairs):
    checked("sinusoidal_positions")(n, 2 * pairs)
    checked("rotate_backward")(checked("rotate")(np.ones((*batch, n, 2 * pairs))))


@few
@given(n_layers=sizes, n_heads=sizes, n=sizes)
def test_inspection(n_layers, n_heads, n):
    A = np.ones((n_layers, n_heads, n, n))
    checked("attention_rollout")(A)
    checked("prefix_matching_score")(A[0], np.arange(n))
    checked("prefix_matching_score")(A[0], ["a"] * n)


@pytest.mark.parametrize("kind", ["tables", "projections"])
def test_reversal(kind):
    run = checked(f"learn_{kind}", reversal)(n=3, d=5, n_vocab=4, B=2, steps=2)
    checked(f"{kind}_step", reversal)(run.parameters, np.eye(4)[np.array([[0, 1, 3]])])


@few
@given(n=sizes, d=sizes)
def test_vectors(n, d):
    q, K = np.ones(d), np.ones((n, d))
    checked("similarity")(q, K)
    checked("projection")(q, K[0])
    checked("nearest")(q, K, n)


@few
@given(shape=st.lists(sizes, min_size=1, max_size=3))
def test_normalising(shape):
    x = np.ones(shape)
    checked("softmax_backward")(x, checked("softmax")(x))
    checked("entropy")(checked("softmax")(x))
    checked("log_sum_exp")(x)
    checked("finite_difference")(lambda x: float(x.sum()), x)


def test_a_wrong_shape_is_noticed():
    with pytest.raises(TypeCheckError):
        checked("similarity")(np.ones(3), np.ones((2, 4)))
