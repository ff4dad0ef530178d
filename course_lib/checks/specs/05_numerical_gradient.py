"""Exercise `numerical_gradient` (lesson 05): the referee, central differences."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------ a solution, and other right ways


def numerical_gradient(f, x):
    x = np.array(x, dtype=float)
    step = 1e-5
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = step
        gradient[index] = (f(x + nudge) - f(x - nudge)) / (2 * step)
    return gradient


def with_unit_vectors(f, x):
    x = np.asarray(x, dtype=np.float64)
    nudges = 1e-6 * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(f(x + n) - f(x - n)) / 2e-6 for n in nudges]).reshape(x.shape)


def in_place_and_back(f, x):
    x = np.array(x, dtype=float)
    flat, slopes = x.reshape(-1), []
    for i in range(flat.size):
        kept = flat[i]
        flat[i] = kept + 1e-4
        above = f(x)
        flat[i] = kept - 1e-4
        below = f(x)
        flat[i] = kept
        slopes.append((above - below) / 2e-4)
    return np.reshape(slopes, x.shape)


def four_points(f, x):
    x = np.array(x, dtype=float)
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        h = np.zeros(x.shape)
        h[index] = 1e-3
        slopes[index] = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / 12e-3
    return slopes


# ------------------------------------------------------------------ stored wrong answers


def differences(f, x, step=1e-5, sides=(1, -1), divisor=None):
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = step
        up, down = sides
        gradient[index] = f(x + up * nudge) - f(x + down * nudge)
    return gradient / ((sides[0] - sides[1]) * step if divisor is None else divisor * step)


def divided_by_one_step(f, x):
    """You divide by one step: from x - step to x + step there are two."""
    return differences(f, x, divisor=1)


def not_divided(f, x):
    """You return the change of f and do not divide it: the slope is the change divided by 2 steps."""
    return differences(f, x) * 2e-5


def one_sided(f, x):
    """You nudge to one side only with a step that is too large for that: nudge to both sides, the bend then
    cancels."""
    return differences(f, x, step=1e-2, sides=(1, 0))


def one_sided_coarse(f, x):
    """You nudge to one side by 0.1, and the bend of f comes along: nudge to both sides by about 1e-5."""
    return differences(f, x, step=0.1, sides=(1, 0))


def one_sided_fine(f, x):
    """You nudge to one side only, and the bend of f comes along: nudge to both sides, and it cancels."""
    return differences(f, x, sides=(1, 0))


def backward_only(f, x):
    """You nudge downwards only, from x - step to x, with a step too large for that: nudge to both sides, by
    about 1e-5."""
    return differences(f, x, step=1e-2, sides=(0, -1))


def step_too_large(f, x):
    """Your step is too large: over such a distance f bends. Take about 1e-5."""
    return differences(f, x, step=0.1)


def step_of_one(f, x):
    """You nudge by a whole 1: a slope belongs to the neighbourhood of x, so take about 1e-5."""
    return differences(f, x, step=1.0)


def step_too_small(f, x):
    """Your step is so small that f(x + step) and f(x - step) agree in nearly all digits: take about 1e-5."""
    return differences(f, x, step=1e-14)


def step_vanishes(f, x):
    """Your step is lost in the rounding, so that x + step is x: take about 1e-5."""
    return differences(f, x, step=1e-20)


def all_at_once(f, x):
    """You nudge all entries together: nudge one at a time, or the slopes of all are added up."""
    x = np.array(x, dtype=float)
    return np.full(x.shape, (f(x + 1e-5) - f(x - 1e-5)) / 2e-5)


def not_put_back(f, x):
    """A nudged entry is not put back before the next one: start every nudge from the same x."""
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += 1e-1
        above = f(x)
        x[index] -= 2e-1
        gradient[index] = (above - f(x)) / 2e-1
    return gradient


def whole_numbers_kept(f, x):
    """A nudge of 1e-5 vanishes in an array of whole numbers: make a float copy of x first."""
    x = np.array(x)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] = above[index] + 1e-5
        below[index] = below[index] - 1e-5
        gradient[index] = (f(above) - f(below)) / 2e-5
    return gradient


def float32_kept(f, x):
    """You compute in float32, which has too few digits for a step of 1e-5: make a float64 copy of x first."""
    x = np.array(x, dtype=np.float32)
    return differences(lambda y: np.float32(f(y.astype(np.float32))), x)


def rows_only(f, x):
    """You walk over the first axis only and nudge a whole row at a time: walk over all entries, with
    `np.ndindex(x.shape)`."""
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    for i in range(len(x)):
        nudge = np.zeros(x.shape)
        nudge[i] = 1e-5
        gradient[i] = (f(x + nudge) - f(x - nudge)) / 2e-5
    return gradient


def diagonal_only(f, x):
    """Only entries with equal indices are nudged: walk over all entries, with `np.ndindex(x.shape)`."""
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    true = numerical_gradient(f, x)
    for i in range(min(x.shape)):
        gradient[(i,) * x.ndim] = true[(i,) * x.ndim]
    return gradient


def last_left_out(f, x):
    """The last entry of x gets no slope: look whether a range ends one too early."""
    gradient = numerical_gradient(f, x)
    gradient.flat[-1] = 0
    return gradient


def negative(f, x):
    """The sign is turned round: it is f(x + step) - f(x - step), in this order."""
    return -numerical_gradient(f, x)


def relative_step(f, x):
    """Your step is a share of the entry, so an entry of 0 is not nudged at all: take a fixed step, about
    1e-5."""
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = 1e-5 * x[index]
        if nudge[index] != 0:
            gradient[index] = (f(x + nudge) - f(x - nudge)) / (2 * nudge[index])
    return gradient


def absolute_slopes(f, x):
    """All slopes come out positive: keep the sign, it says whether f rises or falls."""
    return np.abs(numerical_gradient(f, x))


def returns_a_list(f, x):
    """The slopes come back as one long row: give them the shape of x, as every gradient
    has."""
    return numerical_gradient(f, x).ravel()


def transposed(f, x):
    """The gradient comes out turned round: slope [i, j] belongs to entry [i, j] of x."""
    return numerical_gradient(f, x).T


def changes_x(f, x):
    """The caller's x is changed: put each entry back exactly, or nudge a copy."""
    gradient = numerical_gradient(f, x)
    if x.dtype.kind == "f":
        x += 0.5
    return gradient


# ------------------------------------------------------------------ properties and cases


class Rule:
    """A function that messages can show as the code one would type."""

    def __init__(self, formula, rule):
        self.formula, self.rule = formula, rule

    def __call__(self, x):
        return float(self.rule(np.asarray(x)))

    def __repr__(self):
        return self.formula


BENT = Rule("lambda x: (x**3 + np.exp(x)).sum()", lambda x: (x.astype(float) ** 3 + np.exp(x)).sum())
MIXED = Rule("lambda x: x[0]**2 * x[1]", lambda x: x[0] ** 2 * x[1])
WEIGHTED = Rule(
    "lambda x: (np.arange(1, x.size + 1) * x.ravel()**2).sum()",
    lambda x: (np.arange(1, x.size + 1) * x.ravel() ** 2).sum(),
)
SHIFTED = Rule("lambda x: 1000 + np.sin(x).sum()", lambda x: 1000 + np.sin(x).sum())
BOWL = Rule("lambda x: (10_000 * x**2).sum()", lambda x: (10_000 * x.astype(float) ** 2).sum())
FLAT = Rule("lambda x: 7.0", lambda x: 7.0)


def flat_gives_nothing(seen):
    """A function that is 7 everywhere must have slope 0 in every entry."""
    return np.allclose(seen["flat"].outputs["gradient"], 0, atol=1e-5)


EXERCISE = Exercise(
    id="numerical_gradient",
    contract=(
        "numerical_gradient(f, x) -> gradient; f takes an array like x and gives a number, x (...) has any "
        "shape, gradient in float64 with the shape of x, by central differences. x is not changed."
    ),
    minutes=10,
    difficulty=2,
    points=1,
    arguments={"f": (), "x": ("...",)},
    outputs={"gradient": ("...",)},
    cases=[
        Case("a table of 2 by 3", lambda rng: (BENT, rng.normal(size=(2, 3))), weight=3),
        Case("by hand", lambda rng: (MIXED, np.array([3.0, 2.0]))),
        Case("a zero in it", lambda rng: (BENT, np.array([0.0, -1.0, 2.0]))),
        Case("whole numbers", lambda rng: (WEIGHTED, np.array([1, -2, 3]))),
        Case("square", lambda rng: (WEIGHTED, rng.normal(size=(3, 3)))),
        Case("a large constant", lambda rng: (SHIFTED, rng.normal(size=5))),
        Case("a sharp bend", lambda rng: (BOWL, np.array([0.0, 0.01]))),
        Case("flat", lambda rng: (FLAT, np.array([1.0, 2.0]))),
        Case("3 axes", lambda rng: (BENT, rng.normal(size=(2, 3, 2)))),
    ],
    reference=by_hand.finite_difference,
    solution=numerical_gradient,
    right=[numerical_gradient, with_unit_vectors, in_place_and_back, four_points],
    wrong=[
        divided_by_one_step,
        not_divided,
        one_sided,
        one_sided_coarse,
        one_sided_fine,
        backward_only,
        step_too_large,
        step_of_one,
        step_too_small,
        step_vanishes,
        all_at_once,
        not_put_back,
        whole_numbers_kept,
        float32_kept,
        rows_only,
        diagonal_only,
        last_left_out,
        negative,
        relative_step,
        absolute_slopes,
        returns_a_list,
        transposed,
        changes_x,
    ],
    properties=[flat_gives_nothing],
    hints=[
        "How far is it from x - step to x + step? And which entries of x may move at the same time?",
        (
            "Walk over all entries with `np.ndindex(x.shape)`. Make a float64 copy of x first, or a nudge of "
            "1e-5 vanishes in whole numbers."
        ),
        "With `nudge` zero but for one entry of 1e-5: `(f(x + nudge) - f(x - nudge)) / 2e-5`.",
    ],
    rtol=1e-4,
    atol=1e-5,
    forbids=BESIDE_NUMPY,
)
