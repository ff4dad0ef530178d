"""Hunt 21_places: a Vision Transformer in which the class token alone has a position."""

import numpy as np

from course_lib.by_hand import scaled_dot_product_attention
from course_lib.checks import Hunt


def look(tokens):
    """What the class token brings home: token 0 asks all tokens."""
    return scaled_dot_product_attention(tokens[:1], tokens, tokens)[0][0]


def broken(patches, W, cls, pos):
    return look(np.vstack([cls + pos[0], patches @ W]))


def right(patches, W, cls, pos):
    return look(np.vstack([cls, patches @ W]) + pos)


CLS, W = np.array([1.0, 0.0]), np.eye(2)
PATCHES = np.array([[1.0, 0.0], [0.0, 1.0]])

HUNT = Hunt(
    id="21_places",
    contract=(
        "broken(patches, W, cls, pos) -> out (d_model,) should be what the class token brings home from one "
        "attention, in which queries, keys and values are the tokens themselves: each patch times W, cls in "
        "front, pos added to all; patches (N, p), W (p, d_model), cls (d_model,), pos (n, d_model) with n = "
        "1 + N."
    ),
    arguments={"patches": ("N", "p"), "W": ("p", "d_model"), "cls": ("d_model",), "pos": ("n", "d_model")},
    outputs={"out": ("d_model",)},
    broken=broken,
    right=right,
    faults={
        "patches_without_positions": ("the class token has its position, the patches have none", ""),
        "no_positions_at_all": (
            "no token has a position",
            "Then pos[0] would not matter either. Change pos[0] alone: both outputs move, and they agree.",
        ),
        "positions_one_late": (
            "each patch has the position of the token before it",
            "Then pos[1] would matter. Change it alone: the suspect's output stays.",
        ),
        "class_without_position": (
            "the patches have their positions, the class token has none",
            "Then pos[0] would not matter to the suspect. Change it alone: its output moves.",
        ),
        "class_token_last": (
            "the class token stands behind the patches",
            "Then it would take the last row of pos. Change the last row alone: the suspect stays.",
        ),
        "mean_in_place_of_class": (
            "the mean of the patches is read, not the class token",
            "Then cls could not choose. Turn cls towards one patch: the output of the suspect follows.",
        ),
    },
    fault="patches_without_positions",
    explanation=(
        "The patches are a bag: in any order they give the same. All shapes fit, and who tests with a fresh "
        "table of zeros sees no difference. On the digits such a model reads seven in ten, and nothing "
        "says that it could read more."
    ),
    hints=[
        "With zeros in pos both agree. Give one row of pos a number, one row after the other.",
        "Exchange two patches and leave pos as it is. Whose output moves?",
        "Only pos[0] counts for the suspect.",
    ],
    example=(PATCHES, W, CLS, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])),
    dull=(PATCHES, W, CLS, np.zeros((3, 2))),
)
