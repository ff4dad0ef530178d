"""The shapes written in the signatures are the shapes that come out."""

import numpy as np
import pytest
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError, jaxtyped

from course_lib import by_hand

sizes = st.integers(1, 5)


def checked(name):
    return jaxtyped(typechecker=beartype)(getattr(by_hand, name))


@settings(deadline=None)
@given(batch=st.lists(sizes, max_size=2), n_q=sizes, n_k=sizes, d=sizes, d_v=sizes)
def test_attention(batch, n_q, n_k, d, d_v):
    Q, K, V = np.ones((*batch, n_q, d)), np.ones((*batch, n_k, d)), np.ones((*batch, n_k, d_v))
    checked("attention_scores")(Q, K)
    output, _ = checked("scaled_dot_product_attention")(Q, K, V)
    checked("scaled_dot_product_attention_backward")(Q, K, V, output)


@given(n=sizes, d=sizes)
def test_vectors(n, d):
    q, K = np.ones(d), np.ones((n, d))
    checked("similarity")(q, K)
    checked("projection")(q, K[0])
    checked("nearest")(q, K, n)


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
