"""Exercise `clip_gradient` (lesson 13): a gradient that is too long is shortened, and keeps its direction."""

import numpy as np

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def clip_gradient(gW, gb, longest):
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    share = longest / length if length > longest else 1.0
    return gW * share, gb * share


def as_one_vector(gW, gb, longest):
    whole = np.concatenate([gW.ravel(), gb])
    length = np.linalg.norm(whole)
    whole = whole * min(1.0, longest / length) if length else whole
    return whole[: gW.size].reshape(gW.shape), whole[gW.size :]


def with_hypot(gW, gb, longest):
    length = float(np.hypot(np.linalg.norm(gW), np.linalg.norm(gb)))
    divisor = max(1.0, length / longest)
    return gW / divisor, gb / divisor


# ------------------------------------------------------------------ stored wrong answers


def each_alone(gW, gb, longest):
    """You clip gW and gb each by its own length: they are one vector, with one common length."""

    def cut(g):
        return g / max(1.0, np.linalg.norm(g) / longest)

    return cut(gW), cut(gb)


def each_number(gW, gb, longest):
    """You clip each number on its own, which changes the direction: multiply all by one share."""
    return np.clip(gW, -longest, longest), np.clip(gb, -longest, longest)


def always_scaled(gW, gb, longest):
    """You bring every gradient to the limit: one that is shorter stays as it is."""
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    return (gW, gb) if length == 0 else (gW * longest / length, gb * longest / length)


def root_forgotten(gW, gb, longest):
    """You take the sum of squares for the length: the root is missing."""
    length = (gW**2).sum() + (gb**2).sum()
    divisor = max(1.0, length / longest)
    return gW / divisor, gb / divisor


def sum_of_sizes(gW, gb, longest):
    """You add up the sizes |g|: the length is the root of the sum of squares."""
    divisor = max(1.0, (np.abs(gW).sum() + np.abs(gb).sum()) / longest)
    return gW / divisor, gb / divisor


def largest_number(gW, gb, longest):
    """You compare the largest number with the limit: compare the length of the whole."""
    divisor = max(1.0, max(np.abs(gW).max(), np.abs(gb).max()) / longest)
    return gW / divisor, gb / divisor


def sum_of_lengths(gW, gb, longest):
    """You add the two lengths: add their squares, and take the root."""
    divisor = max(1.0, (np.linalg.norm(gW) + np.linalg.norm(gb)) / longest)
    return gW / divisor, gb / divisor


def bias_left_out_of_the_length(gW, gb, longest):
    """Your length is that of gW alone: gb belongs to it."""
    divisor = max(1.0, np.linalg.norm(gW) / longest)
    return gW / divisor, gb / divisor


def bias_not_scaled(gW, gb, longest):
    """You shorten gW and leave gb as it is: both are multiplied by the same share."""
    return clip_gradient(gW, gb, longest)[0], gb


def set_to_zero(gW, gb, longest):
    """You throw a long gradient away: shorten it, its direction is worth something."""
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    return (gW * 0, gb * 0) if length > longest else (gW, gb)


def to_length_one(gW, gb, longest):
    """You shorten to length 1: shorten to `longest`."""
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    divisor = length if length > longest else 1.0
    return gW / divisor, gb / divisor


def mean_of_squares(gW, gb, longest):
    """You take the mean of the squares: the length needs their sum, else it depends on how many there are."""
    mean = np.sqrt(((gW**2).sum() + (gb**2).sum()) / (gW.size + gb.size))
    divisor = max(1.0, mean / longest)
    return gW / divisor, gb / divisor


def nan_at_zero(gW, gb, longest):
    """A gradient of zeros gives nan: you divide by its length, 0."""
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    share = np.where(length == 0, np.nan, np.minimum(1.0, longest / np.where(length == 0, 1, length)))
    return gW * share, gb * share


def changes_the_callers(gW, gb, longest):
    """The caller's gradients are changed in place: return new arrays, `gW * share`."""
    new = clip_gradient(gW, gb, longest)
    gW[:], gb[:] = new
    return new


# ------------------------------------------------------------------ the exercise


EXERCISE = Exercise(
    id="clip_gradient",
    contract=(
        "clip_gradient(gW, gb, longest) -> (gW', gb'), both multiplied by one share, so that their common "
        "length is at most longest; a shorter gradient stays. gW (d_in, d_out), gb (d_out,)."
    ),
    minutes=8,
    difficulty=1,
    points=1,
    arguments={"gW": ("d_in", "d_out"), "gb": ("d_out",), "longest": ()},
    outputs={"gW": ("d_in", "d_out"), "gb": ("d_out",)},
    cases=[
        Case("too long", lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=4), 2.0), weight=2),
        Case("by hand: 3 and 4", lambda rng: (np.array([[3.0]]), np.array([4.0]), 1.0)),
        Case("short enough", lambda rng: (0.1 * rng.normal(size=(3, 4)), 0.1 * rng.normal(size=4), 5.0)),
        Case("exactly at the limit", lambda rng: (np.array([[3.0]]), np.array([4.0]), 5.0)),
        Case("each short, both too long", lambda rng: (np.array([[0.8]]), np.array([0.9]), 1.0)),
        Case("zeros", lambda rng: (np.zeros((2, 3)), np.zeros(3), 1.0)),
        Case(
            "one large number",
            lambda rng: (np.array([[100.0, 1.0], [0.5, -2.0]]), np.array([0.1, -1.0]), 5.0),
        ),
        Case("the bias is long", lambda rng: (0.1 * rng.normal(size=(2, 3)), 30 * rng.normal(size=3), 3.0)),
    ],
    reference=clip_gradient,
    solution=clip_gradient,
    right=[clip_gradient, as_one_vector, with_hypot],
    wrong=[
        each_alone,
        each_number,
        always_scaled,
        root_forgotten,
        sum_of_sizes,
        largest_number,
        sum_of_lengths,
        bias_left_out_of_the_length,
        bias_not_scaled,
        set_to_zero,
        to_length_one,
        mean_of_squares,
        nan_at_zero,
        changes_the_callers,
    ],
    hints=[
        "Which number is compared with the limit: one for each array, or one for both together?",
        "The root of the sum of all squares. Where it is above `longest`, which share brings it down?",
        "`share = longest / length if length > longest else 1.0`, and both arrays times `share`.",
    ],
    forbids=["torch.nn.utils"],
)
