"""Hunt 11_shared: layer norm whose variance is that of the whole sentence."""

import numpy as np

from course_lib.checks import Hunt


def broken(x, gamma, beta):
    centred = x - x.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt((centred**2).mean() + 1e-5) + beta


def right(x, gamma, beta):
    centred = x - x.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) + beta


GAMMA, BETA = np.array([1.0, 2.0]), np.array([0.5, -1.0])

HUNT = Hunt(
    id="11_shared",
    contract=(
        "broken(x, gamma, beta) -> y (n, d) should be layer norm over the last axis, with the biased "
        "variance and eps 1e-5; x (n, d), gamma and beta (d,)."
    ),
    arguments={"x": ("n", "d"), "gamma": ("d",), "beta": ("d",)},
    outputs={"y": ("n", "d")},
    broken=broken,
    right=right,
    faults={
        "unbiased_variance": (
            "the variance is divided by d - 1",
            "Then one token would show it; with one token this function is right.",
        ),
        "batch_norm": (
            "mean and variance run down the columns, over the tokens",
            "Then one token would show it: minus its own mean it would be 0 everywhere.",
        ),
        "shared_mean": (
            "the mean is that of all tokens",
            "Then the tokens (1, 3) and (101, 103) would show it: their means differ, and here all is right.",
        ),
        "shared_variance": (
            "the variance is that of all tokens",
            "",
        ),
        "beta_before_gamma": (
            "beta is added before the multiplication by gamma",
            "Then one token would show it, with a gamma that is not 1 and a beta that is not 0.",
        ),
        "no_centring": (
            "the mean is not subtracted",
            "Then one token would show it: (1, 3) and (2, 4) must give the same.",
        ),
    },
    fault="shared_variance",
    explanation=(
        "Every token is centred by its own mean, and all are divided by one number. Where the tokens vary "
        "equally that is right; else the loud ones stay loud, and a token depends on its sentence."
    ),
    hints=[
        "With one token all is right. What does a second token bring that a norm must not read?",
        "Two tokens can differ in their mean or in their spread. Try one difference at a time.",
        "Take (1, 3) beside (101, 103), then (1, 3) beside (-10, 10). Which of the two pairs shows it?",
    ],
    example=(np.array([[1.0, 3.0], [-10.0, 10.0]]), GAMMA, BETA),
    dull=(np.array([[1.0, 3.0], [101.0, 103.0]]), GAMMA, BETA),
)
