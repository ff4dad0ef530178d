"""What the lessons derive on paper, in NumPy, with its backward pass. Never imports torch."""

from course_lib.by_hand.attention import (
    attention_scores,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from course_lib.by_hand.differences import finite_difference
from course_lib.by_hand.normalise import entropy, log_sum_exp, softmax, softmax_backward
from course_lib.by_hand.vectors import nearest, projection, similarity

__all__ = [
    "attention_scores",
    "entropy",
    "finite_difference",
    "log_sum_exp",
    "nearest",
    "projection",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
    "similarity",
    "softmax",
    "softmax_backward",
]
