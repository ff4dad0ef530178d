"""Exercise `warmup_rate` (lesson 13): the learning rate of the paper of 2017."""

import math

from course_lib.checks import Case, Exercise
from course_lib.training import recipe

# ------------------------------------------------------------------ a solution, and other right ways


def warmup_rate(step, d_model, warmup, factor=1.0):
    step = max(step, 1)
    return factor * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)


def with_two_branches(step, d_model, warmup, factor=1.0):
    step = step or 1
    peak = factor / math.sqrt(d_model * warmup)
    if step < warmup:
        return peak * step / warmup
    return peak * math.sqrt(warmup / step)


def with_roots(step, d_model, warmup, factor=1.0):
    steps = [1, step][step > 0]
    return factor / math.sqrt(d_model) * min(1 / math.sqrt(steps), steps / math.sqrt(warmup**3))


# ------------------------------------------------------------------ stored wrong answers


def larger_of_the_two(step, d_model, warmup, factor=1.0):
    """You take the larger of the two parts: the first steps are then huge; take the smaller, min."""
    step = max(step, 1)
    return factor * d_model**-0.5 * max(step**-0.5, step * warmup**-1.5)


def no_warmup(step, d_model, warmup, factor=1.0):
    """Your rate only falls: during the first `warmup` steps it rises, step * warmup**-1.5."""
    return factor * d_model**-0.5 * max(step, 1) ** -0.5


def never_falls(step, d_model, warmup, factor=1.0):
    """Your rate rises for ever: after `warmup` steps it falls with the root of the step, step**-0.5."""
    return factor * d_model**-0.5 * max(step, 1) * warmup**-1.5


def flat_after_warmup(step, d_model, warmup, factor=1.0):
    """Your rate stays at its peak after the warm-up: it falls with the root of the step, step**-0.5."""
    return factor * d_model**-0.5 * min(warmup**-0.5, max(step, 1) * warmup**-1.5)


def falls_like_one_over_step(step, d_model, warmup, factor=1.0):
    """Your rate falls like 1 / step: it falls with the root, step**-0.5."""
    step = max(step, 1)
    return factor * d_model**-0.5 * min(warmup**0.5 / step, step * warmup**-1.5)


def falls_in_a_straight_line(step, d_model, warmup, factor=1.0):
    """Your rate falls in a straight line: here it falls with the root of the step, step**-0.5, and never
    ends."""
    step = max(step, 1)
    peak = (d_model * warmup) ** -0.5
    return factor * peak * (step / warmup if step < warmup else max(0.0, 2 - step / warmup))


def width_left_out(step, d_model, warmup, factor=1.0):
    """d_model is not used: wider models get a smaller rate, d_model**-0.5."""
    return warmup_rate(step, 1, warmup, factor)


def multiplied_by_the_root_of_the_width(step, d_model, warmup, factor=1.0):
    """You multiply by the root of d_model: wider models get a smaller rate, so the exponent is -0.5."""
    return d_model * warmup_rate(step, d_model, warmup, factor)


def divided_by_the_width(step, d_model, warmup, factor=1.0):
    """You divide by d_model: divide by its root, d_model**-0.5."""
    return d_model**-0.5 * warmup_rate(step, d_model, warmup, factor)


def warmup_to_the_half(step, d_model, warmup, factor=1.0):
    """You multiply the step by warmup**-0.5: the exponent is -1.5, so that both meet at step = warmup."""
    step = max(step, 1)
    return factor * d_model**-0.5 * min(step**-0.5, step * warmup**-0.5)


def warmup_to_the_first(step, d_model, warmup, factor=1.0):
    """You divide the step by warmup alone: the exponent is -1.5, so that both parts meet at step = warmup."""
    step = max(step, 1)
    return factor * d_model**-0.5 * min(step**-0.5, step / warmup)


def factor_left_out(step, d_model, warmup, factor=1.0):
    """`factor` is not used: multiply the rate by it."""
    return warmup_rate(step, d_model, warmup)


def factor_divides(step, d_model, warmup, factor=1.0):
    """You divide by `factor`: multiply by it."""
    return warmup_rate(step, d_model, warmup, 1 / factor)


def factor_on_the_rise_alone(step, d_model, warmup, factor=1.0):
    """Your factor multiplies only one of the two parts: it multiplies the smaller of both."""
    step = max(step, 1)
    return d_model**-0.5 * min(step**-0.5, factor * step * warmup**-1.5)


def zero_at_step_0(step, d_model, warmup, factor=1.0):
    """At step 0 you give 0: here step 0 is treated as step 1."""
    return warmup_rate(step, d_model, warmup, factor) if step else 0.0


def counts_from_0(step, d_model, warmup, factor=1.0):
    """You add 1 to every step: steps count from 1 here, and step 0 alone is treated as step 1."""
    return warmup_rate(step + 1, d_model, warmup, factor)


def breaks_at_step_0(step, d_model, warmup, factor=1.0):
    """At step 0 you divide by 0: treat it as step 1."""
    return factor * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)


def capped_at_one(step, d_model, warmup, factor=1.0):
    """You cut the rate off at 1: the formula has no upper end, the factor may be large."""
    return min(1.0, warmup_rate(step, d_model, warmup, factor))


def whole_division(step, d_model, warmup, factor=1.0):
    """Your `//` throws the remainder away, so the rate is 0 until the warm-up ends: divide by `/`."""
    step = max(step, 1)
    peak = factor * (d_model * warmup) ** -0.5
    return peak * (step // warmup) if step < warmup else factor * (d_model * step) ** -0.5


def restarts_after_warmup(step, d_model, warmup, factor=1.0):
    """Your fall counts the steps from the end of the warm-up: it counts all of them, step**-0.5, so that both
    parts meet."""
    step = max(step, 1)
    rise = step * warmup**-1.5
    return factor * d_model**-0.5 * (rise if step <= warmup else (step - warmup) ** -0.5)


def peak_of_factor(step, d_model, warmup, factor=1.0):
    """Your curve has the right form and its peak at `factor`: in the paper the peak is
    factor * (d_model * warmup)**-0.5."""
    step = max(step, 1)
    return factor * min(step / warmup, (warmup / step) ** 0.5)


def sum_of_the_two(step, d_model, warmup, factor=1.0):
    """You add the two parts: take the smaller of them, min."""
    step = max(step, 1)
    return factor * d_model**-0.5 * (step**-0.5 + step * warmup**-1.5)


def flat_before_warmup(step, d_model, warmup, factor=1.0):
    """Your rate stands at its peak during the warm-up: it rises there from step to step,
    step * warmup**-1.5."""
    return factor * d_model**-0.5 * max(step, warmup) ** -0.5


def width_inside_min(step, d_model, warmup, factor=1.0):
    """Your d_model**-0.5 stands inside min, as a third part: it multiplies the smaller of the two."""
    step = max(step, 1)
    return factor * min(d_model**-0.5, step**-0.5, step * warmup**-1.5)


def rounded(step, d_model, warmup, factor=1.0):
    """Your rate is rounded: rates are small, and the digits cut off are a good part of them."""
    return round(warmup_rate(step, d_model, warmup, factor), 6)


# ------------------------------------------------------------------ the exercise


def the_two_parts_meet(seen):
    """At step = warmup the rise ends and the fall begins: there the rate must be (d_model * warmup)**-0.5."""
    case = seen["at the peak"]
    return math.isclose(case.outputs["rate"], (4 * 25) ** -0.5, rel_tol=1e-4)


def drawn(rng, first, last):
    """A step between these multiples of the warm-up."""
    warmup = int(rng.integers(200, 8000))
    return int(warmup * rng.uniform(first, last)), int(rng.integers(16, 2048)), warmup


EXERCISE = Exercise(
    id="warmup_rate",
    contract=(
        "warmup_rate(step, d_model, warmup, factor=1.0) -> learning rate of Vaswani et al. 2017, section "
        "5.3; steps count from 1, step 0 is treated as step 1."
    ),
    minutes=8,
    difficulty=1,
    points=1,
    arguments={"step": (), "d_model": (), "warmup": ()},
    outputs={"rate": ()},
    rtol=1e-5,
    atol=1e-9,
    cases=[
        Case("first step", lambda rng: (1, 4, 4), weight=2),
        Case("on the rise", lambda rng: (7, 64, 20)),
        Case("at the peak", lambda rng: (25, 4, 25)),
        Case("one past the peak", lambda rng: (26, 4, 25)),
        Case("far on the fall", lambda rng: (3000, 64, 20)),
        Case("the paper's own: step 4000, d_model 512", lambda rng: (4000, 512, 4000)),
        Case("step 0", lambda rng: (0, 9, 16)),
        Case("step 0 with a factor", lambda rng: (0, 9, 16), {"factor": 3.0}),
        Case("factor 0.5, on the rise", lambda rng: (3, 16, 9), {"factor": 0.5}),
        Case("factor 0.5, on the fall", lambda rng: (50, 16, 9), {"factor": 0.5}),
        Case("a large factor", lambda rng: (9, 16, 9), {"factor": 100.0}),
        Case("no warm-up but one step", lambda rng: (5, 3, 1)),
        Case("anywhere on the rise", lambda rng: drawn(rng, 0.05, 0.9)),
        Case("anywhere on the fall", lambda rng: drawn(rng, 1.1, 20)),
        Case("anywhere, factor 0.7", lambda rng: drawn(rng, 0.05, 20), {"factor": 0.7}),
    ],
    reference=recipe.warmup_rate,
    solution=warmup_rate,
    right=[warmup_rate, with_two_branches, with_roots],
    wrong=[
        larger_of_the_two,
        no_warmup,
        never_falls,
        flat_after_warmup,
        falls_like_one_over_step,
        falls_in_a_straight_line,
        width_left_out,
        multiplied_by_the_root_of_the_width,
        divided_by_the_width,
        warmup_to_the_half,
        warmup_to_the_first,
        factor_left_out,
        factor_divides,
        factor_on_the_rise_alone,
        zero_at_step_0,
        counts_from_0,
        breaks_at_step_0,
        capped_at_one,
        whole_division,
        restarts_after_warmup,
        peak_of_factor,
        sum_of_the_two,
        flat_before_warmup,
        width_inside_min,
        rounded,
    ],
    properties=[the_two_parts_meet],
    hints=[
        "Two curves: one rises in a straight line, one falls with a root. Which of them is lower, and when?",
        "Both are multiplied by d_model**-0.5 and by the factor. They meet at step = warmup. And step 0?",
        "`factor * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)`, after `step = max(step, 1)`.",
    ],
)
