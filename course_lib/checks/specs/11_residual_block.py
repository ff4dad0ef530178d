"""Exercise `residual_block` (lesson 11): a way past the sublayer, and a norm before it or after the sum."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise, Made
from course_lib.transformer import blocks

# ------------------------------------------------------------------ a solution, and other right ways


def residual_block(x, sublayer, norm, pre):
    if pre:
        return x + sublayer(norm(x))
    return norm(x + sublayer(x))


def with_one_path(x, sublayer, norm, pre):
    inside, outside = (norm, lambda h: h) if pre else (lambda h: h, norm)
    return outside(sublayer(inside(x)).add(x))


def in_place_on_its_own(x, sublayer, norm, pre):
    total = sublayer(norm(x) if pre else x).clone()
    total += x
    return total if pre else norm(total)


# ------------------------------------------------------------------ stored wrong answers


def pre_and_post_exchanged(x, sublayer, norm, pre):
    """The two orders are exchanged: with `pre` the norm comes before the sublayer, else after the sum."""
    return residual_block(x, sublayer, norm, not pre)


def always_pre(x, sublayer, norm, pre):
    """You ignore `pre`: where it is False, the norm comes after the sum, norm(x + sublayer(x))."""
    return residual_block(x, sublayer, norm, True)


def always_post(x, sublayer, norm, pre):
    """You ignore `pre`: where it is True, the norm comes before the sublayer, x + sublayer(norm(x))."""
    return residual_block(x, sublayer, norm, False)


def no_residual(x, sublayer, norm, pre):
    """The way past the sublayer is missing: add x to what the sublayer gives."""
    return sublayer(norm(x)) if pre else norm(sublayer(x))


def normed_residual(x, sublayer, norm, pre):
    """With `pre` you add the normed x: the way past the sublayer carries x as it came."""
    return norm(x) + sublayer(norm(x)) if pre else norm(x + sublayer(x))


def norm_of_the_sublayer_alone(x, sublayer, norm, pre):
    """Without `pre` you norm what the sublayer gives and then add x: the norm takes the sum, x included."""
    return x + sublayer(norm(x)) if pre else x + norm(sublayer(x))


def norm_twice(x, sublayer, norm, pre):
    """You norm twice: with `pre` only before the sublayer, else only after the sum."""
    return norm(x + sublayer(norm(x)))


def post_norm_inside_too(x, sublayer, norm, pre):
    """Without `pre` the sublayer gets the normed x too: it gets x as it came, the norm follows the sum."""
    return x + sublayer(norm(x)) if pre else norm(x + sublayer(norm(x)))


def pre_norm_after_too(x, sublayer, norm, pre):
    """With `pre` you norm the sum as well: then nothing goes past the norm, which is what `pre` is for."""
    return norm(x + sublayer(norm(x))) if pre else norm(x + sublayer(x))


def no_norm(x, sublayer, norm, pre):
    """The norm is never used: it goes before the sublayer with `pre`, else around the sum."""
    return x + sublayer(x)


def no_sublayer(x, sublayer, norm, pre):
    """The sublayer is never used: it is what x is added to."""
    return x + norm(x) if pre else norm(x)


def sublayer_twice(x, sublayer, norm, pre):
    """You send x through the sublayer twice: once is enough."""
    return residual_block(x, lambda h: sublayer(sublayer(h)), norm, pre)


def product(x, sublayer, norm, pre):
    """You multiply by x: the way past the sublayer is a sum."""
    return x * sublayer(norm(x)) if pre else norm(x * sublayer(x))


def averaged(x, sublayer, norm, pre):
    """You take the mean of x and the sublayer's result: the block adds them, without a half."""
    return (x + sublayer(norm(x))) / 2 if pre else norm((x + sublayer(x)) / 2)


def difference(x, sublayer, norm, pre):
    """You subtract the sublayer's result from x: add it."""
    return residual_block(x, lambda h: -sublayer(h), norm, pre)


def x_twice(x, sublayer, norm, pre):
    """You add x twice: x + sublayer(...), once."""
    return x + residual_block(x, sublayer, norm, pre)


def sublayer_alone(x, sublayer, norm, pre):
    """You return what the sublayer gives: neither the norm nor the way past it is there."""
    return sublayer(x)


def norm_before_the_sum(x, sublayer, norm, pre):
    """With `pre` you norm the sublayer's result: norm its input, x + sublayer(norm(x))."""
    return x + norm(sublayer(x)) if pre else norm(x + sublayer(x))


def changes_x(x, sublayer, norm, pre):
    """The caller's x is changed in place: write `x + ...`, not `x += ...`; others still read x."""
    with torch.no_grad():
        x += sublayer(norm(x)) if pre else sublayer(x)
    return x.clone() if pre else norm(x)


def no_residual_in_pre(x, sublayer, norm, pre):
    """With `pre` the way past the sublayer is missing: x + sublayer(norm(x))."""
    return sublayer(norm(x)) if pre else norm(x + sublayer(x))


def no_residual_in_post(x, sublayer, norm, pre):
    """Without `pre` the way past the sublayer is missing: norm(x + sublayer(x))."""
    return x + sublayer(norm(x)) if pre else norm(sublayer(x))


def no_norm_in_pre(x, sublayer, norm, pre):
    """With `pre` your norm is missing: the sublayer reads norm(x)."""
    return x + sublayer(x) if pre else norm(x + sublayer(x))


def no_norm_in_post(x, sublayer, norm, pre):
    """Without `pre` your norm is missing: the sum goes through it, norm(x + sublayer(x))."""
    return x + sublayer(norm(x)) if pre else x + sublayer(x)


def both_orders(x, sublayer, norm, pre):
    """With `pre` both orders run, one after the other: a `return` or an `else` is missing."""
    if pre:
        x = x + sublayer(norm(x))
    return norm(x + sublayer(x))


def norm_on_x_alone_in_pre(x, sublayer, norm, pre):
    """With `pre` your norm stands on the wrong x: the sublayer reads norm(x), and x itself is added."""
    return norm(x) + sublayer(x) if pre else norm(x + sublayer(x))


def norm_on_x_alone_in_post(x, sublayer, norm, pre):
    """Without `pre` you norm x and add the sublayer's result afterwards: the norm takes the sum of both."""
    return x + sublayer(norm(x)) if pre else norm(x) + sublayer(x)


def a_norm_of_its_own(x, sublayer, norm, pre):
    """You normalise by a formula of your own: call the `norm` that is given, it may have learnt weights."""

    def layer_norm(h):
        return torch.nn.functional.layer_norm(h, h.shape[-1:])

    return residual_block(x, sublayer, layer_norm, pre)


def writes_on_the_result(x, sublayer, norm, pre):
    """You add x in place, `h += x`, to what the sublayer returned: a sublayer may return its own input, which
    is then changed for the caller. Write h + x."""
    h = sublayer(norm(x) if pre else x)
    with torch.no_grad():
        h += x
    return h if pre else norm(h)


# ------------------------------------------------------------------ the exercise


def silent_sublayer_lets_x_through(seen):
    """With `pre` and a sublayer that gives 0, x must come out as it went in: nothing may stand in its way."""
    case = seen["a silent sublayer, pre"]
    return np.allclose(case.outputs["y"], case.inputs["x"], atol=1e-5)


def bent_map(weight, shift):
    """A sublayer: a linear map, bent, and moved. It is not its own inverse and has no fixed scale."""
    return lambda h: torch.tanh(h @ weight) + shift


def linear_map(weight, shift):
    """A sublayer without a bend, so that large inputs stay large."""
    return lambda h: h @ weight + shift


def feature_norm():
    """A norm: mean 0 and variance 1 over the last axis."""
    return lambda h: (h - h.mean(-1, keepdim=True)) / (h.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()


def double():
    return lambda h: 2 * h


def subtract_1():
    return lambda h: h - 1


def identity():
    """A sublayer that hands back its very input, as nn.Identity does."""
    return lambda h: h


def usual(rng, pre):
    x = 3 * rng.normal(size=(2, 3, 5)) + 1
    return x, Made(bent_map, rng.normal(size=(5, 5)), rng.normal(size=5)), Made(feature_norm), pre


def doubling(pre):
    """x = (1, 3), a sublayer that doubles, a norm that takes away 1."""
    return np.array([[[1.0, 3.0]]]), Made(double), Made(subtract_1), pre


def silent(rng, pre):
    nothing = Made(linear_map, np.zeros((5, 5)), np.zeros(5))
    return 4 * rng.normal(size=(2, 3, 5)), nothing, Made(feature_norm), pre


def unchanged(rng):
    return 3 * rng.normal(size=(2, 3, 5)), Made(identity), Made(feature_norm), False


EXERCISE = Exercise(
    id="residual_block",
    contract=(
        "residual_block(x, sublayer, norm, pre) -> y; x and y (B, n, d), sublayer and norm functions that "
        "keep the shape. pre True: x + sublayer(norm(x)); pre False: norm(x + sublayer(x))."
    ),
    minutes=8,
    difficulty=1,
    points=1,
    takes="torch",
    arguments={"x": ("B", "n", "d"), "sublayer": (), "norm": (), "pre": ()},
    outputs={"y": ("B", "n", "d")},
    cases=[
        Case("pre, a bent sublayer", lambda rng: usual(rng, True), weight=2),
        Case("post, a bent sublayer", lambda rng: usual(rng, False), weight=2),
        Case("by hand, pre", lambda rng: doubling(True)),
        Case("by hand, post", lambda rng: doubling(False)),
        Case("a silent sublayer, pre", lambda rng: silent(rng, True)),
        Case("a silent sublayer, post", lambda rng: silent(rng, False)),
        Case("a sublayer that returns its input, post", unchanged),
        Case(
            "far-off features, pre",
            lambda rng: (
                1000 * rng.normal(size=(1, 2, 3)),
                Made(linear_map, rng.normal(size=(3, 3)), rng.normal(size=3)),
                Made(feature_norm),
                True,
            ),
        ),
    ],
    reference=blocks.residual_block,
    solution=residual_block,
    right=[residual_block, with_one_path, in_place_on_its_own],
    wrong=[
        pre_and_post_exchanged,
        always_pre,
        always_post,
        no_residual,
        normed_residual,
        norm_of_the_sublayer_alone,
        norm_twice,
        post_norm_inside_too,
        pre_norm_after_too,
        no_norm,
        no_sublayer,
        sublayer_twice,
        product,
        averaged,
        difference,
        x_twice,
        sublayer_alone,
        norm_before_the_sum,
        changes_x,
        no_residual_in_pre,
        no_residual_in_post,
        no_norm_in_pre,
        no_norm_in_post,
        both_orders,
        norm_on_x_alone_in_pre,
        norm_on_x_alone_in_post,
        a_norm_of_its_own,
        writes_on_the_result,
    ],
    properties=[silent_sublayer_lets_x_through],
    hints=[
        "Which of the two orders leaves a way from x to the output on which no norm stands?",
        "Both add x to what the sublayer gives. With `pre` the norm stands inside, else around the sum.",
        "`return x + sublayer(norm(x)) if pre else norm(x + sublayer(x))`.",
    ],
)
