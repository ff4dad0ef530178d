"""Hunt 17_window: a writer whose window stays at the beginning of the text."""

import numpy as np

from course_lib.checks import Hunt


def broken(ids, E, max_n):
    return E[ids[: int(max_n)].astype(int)].mean(axis=0)


def right(ids, E, max_n):
    return E[ids[-int(max_n) :].astype(int)].mean(axis=0)


E = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

HUNT = Hunt(
    id="17_window",
    contract=(
        "broken(ids, E, max_n) -> x (d_model,) should be the mean embedding of the tokens that a writer with "
        "a context window of max_n reads: the newest max_n of the text, or all where there are fewer; ids "
        "(n,) whole numbers below n_vocab, E (n_vocab, d_model), max_n at least 1."
    ),
    arguments={"ids": ("n",), "E": ("n_vocab", "d_model"), "max_n": ()},
    outputs={"x": ("d_model",)},
    broken=broken,
    right=right,
    faults={
        "oldest_tokens": ("it reads the first max_n tokens, not the newest", ""),
        "one_too_few": (
            "it reads max_n - 1 tokens",
            "Then a text of exactly max_n tokens would show it.",
        ),
        "newest_alone": (
            "it reads the newest token alone",
            "Then a text of two tokens would show it, with a window of two.",
        ),
        "no_window": (
            "it reads the whole text, however long",
            "Then the newest token would count. Change it in a long text: nothing moves.",
        ),
        "backwards": (
            "it reads the newest max_n tokens in the opposite order",
            "A mean does not depend on the order, so this would never show.",
        ),
        "newest_left_out": (
            "it reads up to the last token but one",
            "Then a short text would show it. In a short text all agree.",
        ),
    },
    fault="oldest_tokens",
    explanation=(
        "The window stays at the beginning. Short texts come out right. As soon as the text is longer than "
        "the window, the writer reads the same tokens for ever, and never sees what it wrote."
    ),
    hints=[
        "With few tokens both agree. What must a text be before a window matters?",
        "Take a text longer than the window. Change its first token, then its last. Which one counts?",
        "Only the first max_n tokens count.",
    ],
    example=(np.array([0, 1, 2]), E, 2),
    dull=(np.array([0, 1]), E, 2),
)
