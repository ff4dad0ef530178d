"""Exercise `layer_norm` (lesson 11): every token's features to mean 0 and variance 1, then a learnt scale."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import Case, Exercise
from course_lib.transformer import blocks

# ------------------------------------------------------------------ a solution, and other right ways


def layer_norm(x, gamma, beta, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).square().mean(dim=-1, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta


def with_torchs_own(x, gamma, beta, eps=1e-5):
    return F.layer_norm(x, (x.shape[-1],), gamma, beta, eps)


def with_var(x, gamma, beta, eps=1e-5):
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + eps) * gamma + beta


def with_loops(x, gamma, beta, eps=1e-5):
    d = x.shape[-1]
    rows = []
    for row in x.reshape(-1, d):
        centred = row - row.sum() / d
        rows.append(centred / (centred @ centred / d + eps) ** 0.5 * gamma + beta)
    return torch.stack(rows).view(x.shape)


# ------------------------------------------------------------------ stored wrong answers


def steps(x, gamma, beta, eps, mean, variance):
    """The last line of the solution, for another mean or variance."""
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta


def moments(x, dim=-1):
    """Mean and biased variance along `dim`."""
    mean = x.mean(dim=dim, keepdim=True)
    return mean, (x - mean).square().mean(dim=dim, keepdim=True)


def unbiased(x, gamma, beta, eps=1e-5):
    """You divide the variance by d - 1, as torch.var does unless told otherwise: layer norm divides by d
    (correction=0)."""
    return steps(x, gamma, beta, eps, x.mean(-1, keepdim=True), x.var(-1, keepdim=True).nan_to_num())


def over_the_tokens(x, gamma, beta, eps=1e-5):
    """You take mean and variance over the tokens: each token is normalised on its own, over its features,
    dim=-1."""
    return steps(x, gamma, beta, eps, *moments(x, dim=-2 if x.ndim > 1 else -1))


def over_the_batch(x, gamma, beta, eps=1e-5):
    """You take mean and variance over the first axis, as batch norm does: here each token is on its own,
    dim=-1."""
    return steps(x, gamma, beta, eps, *moments(x, dim=0))


def over_everything(x, gamma, beta, eps=1e-5):
    """You take one mean and one variance for the whole tensor: each token has its own, so dim=-1 with
    keepdim=True."""
    return steps(x, gamma, beta, eps, x.mean(), x.var(correction=0))


def over_each_sentence(x, gamma, beta, eps=1e-5):
    """You take one mean and one variance for a whole sentence: each token has its own, over the last axis
    alone."""
    return steps(x, gamma, beta, eps, *moments(x, dim=(-2, -1) if x.ndim > 1 else -1))


def eps_outside_the_root(x, gamma, beta, eps=1e-5):
    """Your eps stands outside the root: it is added to the variance, sqrt(variance + eps)."""
    mean, variance = moments(x)
    return gamma * (x - mean) / (variance.sqrt() + eps) + beta


def no_eps(x, gamma, beta, eps=1e-5):
    """A token whose features are all alike gives 0 / 0: add eps to the variance under the root."""
    mean, variance = moments(x)
    return gamma * (x - mean) / variance.sqrt() + beta


def eps_fixed(x, gamma, beta, eps=1e-5):
    """You use 1e-5 whatever eps is: take the argument."""
    return steps(x, gamma, beta, 1e-5, *moments(x))


def no_root(x, gamma, beta, eps=1e-5):
    """You divide by the variance: divide by its root, the standard deviation."""
    mean, variance = moments(x)
    return gamma * (x - mean) / (variance + eps) + beta


def mean_left_in(x, gamma, beta, eps=1e-5):
    """You do not subtract the mean before you divide: (x - mean) / sqrt(variance + eps)."""
    _, variance = moments(x)
    return gamma * x / torch.sqrt(variance + eps) + beta


def only_centred(x, gamma, beta, eps=1e-5):
    """You subtract the mean and do not divide: the variance shall become 1."""
    mean, _ = moments(x)
    return gamma * (x - mean) + beta


def divided_by_the_length(x, gamma, beta, eps=1e-5):
    """You divide by the length of the vector: the standard deviation is that length over the root of d."""
    mean, variance = moments(x)
    return steps(x, gamma, beta, eps, mean, variance * x.shape[-1])


def root_mean_square(x, gamma, beta, eps=1e-5):
    """You divide by the root mean square of x and leave the mean in: that is RMS norm; layer norm subtracts
    the mean first."""
    return gamma * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps) + beta


def square_of_the_raw(x, gamma, beta, eps=1e-5):
    """You centre x, and divide by the root mean square of what was not centred: the variance is that of
    x - mean."""
    mean, _ = moments(x)
    return steps(x, gamma, beta, eps, mean, x.square().mean(-1, keepdim=True))


def cancelling_variance(x, gamma, beta, eps=1e-5):
    """mean(x^2) - mean(x)^2 loses its digits when the mean is large: take the mean of (x - mean)^2."""
    mean = x.mean(-1, keepdim=True)
    return steps(x, gamma, beta, eps, mean, x.square().mean(-1, keepdim=True) - mean.square())


def no_gamma(x, gamma, beta, eps=1e-5):
    """gamma is missing: multiply the normalised features by it."""
    return steps(x, torch.ones_like(gamma), beta, eps, *moments(x))


def no_beta(x, gamma, beta, eps=1e-5):
    """beta is missing: add it at the end."""
    return steps(x, gamma, torch.zeros_like(beta), eps, *moments(x))


def exchanged(x, gamma, beta, eps=1e-5):
    """gamma and beta are exchanged: multiply by gamma, add beta."""
    return steps(x, beta, gamma, eps, *moments(x))


def beta_before_gamma(x, gamma, beta, eps=1e-5):
    """You multiply beta by gamma as well: gamma times the normalised features, and then beta."""
    return steps(x, gamma, gamma * beta, eps, *moments(x))


def one_plus_gamma(x, gamma, beta, eps=1e-5):
    """You multiply by 1 + gamma: gamma itself is the factor, it begins at 1."""
    return steps(x, 1 + gamma, beta, eps, *moments(x))


def absolute_deviation(x, gamma, beta, eps=1e-5):
    """You divide by the mean distance from the mean: the standard deviation squares first, and takes the root
    at the end."""
    mean, _ = moments(x)
    return gamma * (x - mean) / ((x - mean).abs().mean(-1, keepdim=True) + eps) + beta


def squashed(x, gamma, beta, eps=1e-5):
    """You bring the features to the range from 0 to 1: layer norm brings them to mean 0 and variance 1."""
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    return gamma * (x - low) / (high - low + eps) + beta


def changes_x(x, gamma, beta, eps=1e-5):
    """The caller's x is changed in place: write `x - mean`, not `x -= mean`; the residual still needs x."""
    mean, variance = moments(x)
    with torch.no_grad():
        x -= mean
    return gamma * x / torch.sqrt(variance + eps) + beta


def std_plus_eps(x, gamma, beta, eps=1e-5):
    """You divide by x.std() + eps: torch's std divides by d - 1 unless correction=0, and eps is added to the
    variance, under the root."""
    return gamma * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) + beta


def over_axis_1(x, gamma, beta, eps=1e-5):
    """You take mean and variance along axis 1: with three axes these are the tokens; the features are the
    last axis, dim=-1."""
    return steps(x, gamma, beta, eps, *moments(x, dim=1 if x.ndim > 1 else 0))


def no_keepdim(x, gamma, beta, eps=1e-5):
    """Without keepdim=True mean and variance lose their last axis and meet the wrong one of x: keep it."""
    return gamma * (x - x.mean(-1)) / torch.sqrt(x.var(-1, correction=0) + eps) + beta


def only_the_mean_divided(x, gamma, beta, eps=1e-5):
    """Only the mean is divided in yours, x stays as large as it was: put x - mean in brackets."""
    mean, variance = moments(x)
    return gamma * (x - mean / torch.sqrt(variance + eps)) + beta


def multiplied(x, gamma, beta, eps=1e-5):
    """You multiply by the standard deviation: divide by it."""
    mean, variance = moments(x)
    return gamma * (x - mean) * torch.sqrt(variance + eps) + beta


# ------------------------------------------------------------------ the exercise


def a_shift_of_all_features_changes_nothing(seen):
    """A number added to all features of a token must change nothing: the mean takes it away again."""
    return near(seen["2 sentences, 3 tokens, 5 features"], seen["the same, all features 7 higher"])


def a_token_is_on_its_own(seen):
    """Your result for a token depends on other tokens: layer norm looks at one token's features alone."""
    one, other = (seen[name].outputs["y"] for name in ("2 sentences, 3 tokens, 5 features", "last token far"))
    return np.allclose(one[:, :-1], other[:, :-1], rtol=1e-4, atol=1e-5)


def near(one, other):
    return np.allclose(one.outputs["y"], other.outputs["y"], rtol=1e-3, atol=1e-3)


def usual(shift=0.0, last=1.0):
    """Always the same x (2, 3, 5), all features moved by `shift`, the last token stretched."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(2, 3, 5))
    x[:, -1] *= last
    return x + shift, rng.normal(size=5), rng.normal(size=5)


def plain(*x):
    """One or more tokens with gamma 1 and beta 0."""
    d = np.shape(x)[-1]
    return np.array(x), np.ones(d), np.zeros(d)


def far(rng):
    return 1000 + rng.normal(size=(2, 4, 8)), rng.normal(size=8), rng.normal(size=8)


EXERCISE = Exercise(
    id="layer_norm",
    contract=(
        "layer_norm(x, gamma, beta, eps=1e-5) -> y; x and y (..., d), gamma and beta (d,). Over the last "
        "axis, with the biased variance (divided by d)."
    ),
    minutes=12,
    difficulty=2,
    points=2,
    takes="torch",
    rtol=2e-4,
    arguments={"x": ("...", "d"), "gamma": ("d",), "beta": ("d",)},
    outputs={"y": ("...", "d")},
    cases=[
        Case("2 sentences, 3 tokens, 5 features", lambda rng: usual(), weight=3),
        Case("the same, all features 7 higher", lambda rng: usual(shift=7.0)),
        Case("last token far", lambda rng: usual(last=20.0)),
        Case("by hand: 1 and 3", lambda rng: plain([1.0, 3.0])),
        Case("all features alike", lambda rng: plain([2.0, 2.0, 2.0], [0.0, 1.0, -1.0])),
        Case("eps 0.5", lambda rng: usual(), {"eps": 0.5}),
        Case("tiny features", lambda rng: plain([1e-3, -1e-3, 2e-3])),
        Case(
            "mean 1000",
            lambda rng: far(np.random.default_rng(1)),
            rtol=1e-3,
            atol=1e-3,
        ),
        Case(
            "as many tokens as features", lambda rng: (rng.normal(size=(3, 3, 3)), *rng.normal(size=(2, 3)))
        ),
        Case("one token alone, d = 7", lambda rng: (rng.normal(size=7), *rng.normal(size=(2, 7)))),
    ],
    reference=blocks.layer_norm,
    solution=layer_norm,
    right=[layer_norm, with_torchs_own, with_var, with_loops],
    wrong=[
        unbiased,
        over_the_tokens,
        over_the_batch,
        over_everything,
        over_each_sentence,
        eps_outside_the_root,
        no_eps,
        eps_fixed,
        no_root,
        mean_left_in,
        only_centred,
        divided_by_the_length,
        root_mean_square,
        square_of_the_raw,
        cancelling_variance,
        no_gamma,
        no_beta,
        exchanged,
        beta_before_gamma,
        one_plus_gamma,
        absolute_deviation,
        squashed,
        changes_x,
        std_plus_eps,
        over_axis_1,
        no_keepdim,
        only_the_mean_divided,
        multiplied,
    ],
    properties=[a_shift_of_all_features_changes_nothing, a_token_is_on_its_own],
    hints=[
        "Whose mean is it: that of a token, of a sentence, or of the batch? Which axis does that leave?",
        (
            "`x.mean(dim=-1, keepdim=True)` keeps the axis, so that it can be subtracted. The variance is "
            "the mean of the squared distances from it. Where does eps go?"
        ),
        "`gamma * (x - mean) / torch.sqrt(variance + eps) + beta`, with variance = (x - mean)².mean(-1).",
    ],
    forbids=[
        "torch.nn.functional.layer_norm",
        "torch.layer_norm",
        "torch.native_layer_norm",
        "torch.nn.LayerNorm",
        "torch.nn.functional.group_norm",
        "torch.group_norm",
        "torch.native_group_norm",
        "torch.nn.GroupNorm",
    ],
)
