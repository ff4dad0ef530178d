"""Hunt 06_reach: a recurrent network whose gradient is cut three steps back; its states are right."""

import numpy as np
import torch

from course_lib.checks import Hunt

WINDOW = 3


def reads(x, W, U, window):
    """Last state (h,) of tanh(W x_t + U h), and the gradient of its sum for x (n, d)."""
    x = x.detach().clone().requires_grad_()
    state = torch.zeros(len(U), dtype=x.dtype)
    for t, token in enumerate(x):
        cut = window is not None and t == len(x) - window
        state = torch.tanh(W @ token + U @ (state.detach() if cut else state))
    (d_x,) = torch.autograd.grad(state.sum(), x)
    return state.detach(), d_x


def broken(x, W, U):
    return reads(x, W, U, WINDOW)


def right(x, W, U):
    return reads(x, W, U, None)


TOKENS = np.array([[1.0, 0.5], [0.5, -1.0], [-0.5, 0.5], [0.2, 0.3], [0.3, -0.2]])
W = np.array([[0.5, 0.2], [-0.3, 0.6]])
U = np.array([[0.9, 0.1], [0.2, 0.8]])

HUNT = Hunt(
    id="06_reach",
    contract=(
        "broken(x, W, U) -> (state, d_x): the last state of a network h' = tanh(W x_t + U h) that starts "
        "with zeros, and the gradient of its sum for each token; x (n, d), W (h, d), U (h, h)."
    ),
    arguments={"x": ("n", "d"), "W": ("h", "d"), "U": ("h", "h")},
    outputs={"state": ("h",), "d_x": ("n", "d")},
    broken=broken,
    right=right,
    faults={
        "starts_anew": (
            "the state is set to zeros every three tokens",
            "Then the state would differ too. Look which of the two outputs is wrong.",
        ),
        "detached": (
            "no gradient goes through the state at all: only the last token gets one",
            "Then two tokens would show it. Look how many tokens get a gradient that is not 0.",
        ),
        "gradient_cut": (
            "the gradient is cut: it reaches the last three tokens and none before them",
            "",
        ),
        "vanishes": (
            "nothing is wrong: a gradient so far back is small by itself",
            "The right one has a gradient there. Small is one thing, exactly 0 is another.",
        ),
        "tanh_slope_missing": (
            "the slope of tanh is missing from the backward pass",
            "Then a single token would show it, and the last token's gradient would be wrong.",
        ),
        "order_turned": (
            "the rows of the gradient stand in the wrong order",
            "Then two different tokens would show it. The last three rows are right here, each in its place.",
        ),
    },
    fault="gradient_cut",
    explanation=(
        "Long texts are often trained in this way, to save memory: truncated backpropagation. The states "
        "are right, so no test of outputs sees it, and the loss never speaks to tokens before the window."
    ),
    hints=[
        "Two things come out. Which of them is right on every input you try?",
        "Try sequences of 1, 2, 3, 4, 5 tokens, with U near 1 on its diagonal, so that much comes back.",
        "Which rows of d_x are exactly 0, however long the sequence is?",
    ],
    example=(TOKENS, W, U),
    dull=(TOKENS[:3], W, U),
    takes="torch",
)
