"""Hunt 12_memory: a cross-attention that takes keys and values from the target."""

import numpy as np

from course_lib.by_hand import scaled_dot_product_attention
from course_lib.checks import Hunt


def broken(y, memory, W_q, W_k, W_v):
    return scaled_dot_product_attention(y @ W_q.T, y @ W_k.T, y @ W_v.T)[0]


def right(y, memory, W_q, W_k, W_v):
    return scaled_dot_product_attention(y @ W_q.T, memory @ W_k.T, memory @ W_v.T)[0]


Y, MEMORY = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
EYE = np.eye(2)

HUNT = Hunt(
    id="12_memory",
    contract=(
        "broken(y, memory, W_q, W_k, W_v) -> context (m, d_v) should be the cross-attention of a decoder "
        "layer, one head; y (m, d_model), memory (n, d_model), W_q and W_k (d_head, d_model), W_v (d_v, "
        "d_model)."
    ),
    arguments={
        "y": ("m", "d_model"),
        "memory": ("n", "d_model"),
        "W_q": ("d_head", "d_model"),
        "W_k": ("d_head", "d_model"),
        "W_v": ("d_v", "d_model"),
    },
    outputs={"context": ("m", "d_v")},
    broken=broken,
    right=right,
    faults={
        "keys_and_values_from_the_target": ("keys and values are both made of the target", ""),
        "keys_from_the_target": (
            "the keys are made of the target, the values of the memory",
            "Then the memory would still be read. Double the memory alone: the output does not move.",
        ),
        "queries_from_the_memory": (
            "the memory asks, and keys and values come from the target",
            "Then there would be one output for each memory token. Take a memory of another length.",
        ),
        "causal_over_the_memory": (
            "target place i sees the memory up to place i alone",
            "Then the first output would be the value of memory token 0. Change that token: nothing moves.",
        ),
        "memory_averaged": (
            "all memory tokens get the same weight",
            "Then W_q could not matter. Change W_q alone: the output moves.",
        ),
        "scale_missing": (
            "the scores are not divided by the root of d_head",
            "Then y = memory would show it too, as soon as d_head is above 1.",
        ),
    },
    fault="keys_and_values_from_the_target",
    explanation=(
        "It is a second self-attention, and nothing of the source arrives. Somebody tested it by copying: "
        "there the target is the source, and both functions agree. All shapes fit whatever the lengths, and "
        "in training the loss falls as far as it can fall without a source."
    ),
    hints=[
        "With y = memory both functions agree. Which of the five inputs matter? Change one at a time.",
        "Change the memory alone. Then change its length alone. What does the output do?",
        "The output never moves with the memory. From where can keys and values come, if not from there?",
    ],
    example=(Y, MEMORY, EYE, EYE, EYE),
    dull=(Y, Y, EYE, EYE, EYE),
)
