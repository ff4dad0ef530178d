"""Exercise `projection` (lesson 01): the part of one vector that lies along another."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ---------------------------------------- a solution, and other right ways


def projection(a, b):
    squared_length = b @ b
    if squared_length == 0:
        return np.zeros(len(b))  # a zero vector has no direction
    return (a @ b) / squared_length * b


def by_unit_vector(a, b):
    length = np.sqrt(np.sum(b**2))
    if length == 0:
        return b * 0.0
    unit = b / length
    return np.dot(a, unit) * unit


def with_loops(a, b):
    product = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    squared_length = sum(float(y) ** 2 for y in b)
    share = product / squared_length if squared_length else 0.0
    return [share * float(y) for y in b]


def by_matrix(a, b):
    squared_length = np.einsum("i,i->", b, b)
    return np.outer(b, b) @ a / max(squared_length, np.finfo(float).tiny)


# ---------------------------------------- stored wrong answers


def along_a(a, b):
    """You project b onto a: the result must lie along b, the second argument, so the roles are swapped."""
    return projection(b, a)


def divided_by_length_once(a, b):
    """You divide by the length of b once: the unit vector along b stands in the formula twice, so divide
    by its square.
    """
    return _share(a @ b, np.sqrt(b @ b)) * b


def not_divided(a, b):
    """You multiply b by the dot product and divide by nothing: then a longer b gives a longer shadow."""
    return (a @ b) * b


def divided_by_length_of_a(a, b):
    """You divide by a . a: how far a reaches along b depends on the length of b, so divide by b . b."""
    return _share(a @ b, a @ a) * b


def divided_by_both_lengths(a, b):
    """You multiply b by the cosine: the cosine is a pure number, so the result takes the length of b
    instead of the shadow's.
    """
    return _share(a @ b, np.sqrt(a @ a) * np.sqrt(b @ b)) * b


def length_of_the_shadow(a, b):
    """You return one number, the length of the shadow: the shadow itself is asked for, an arrow along b of
    shape (d,).
    """
    return _share(a @ b, np.sqrt(b @ b))


def share_alone(a, b):
    """You return the share (a . b) / (b . b) and stop there: multiply b by it, so that an arrow comes out."""
    return _share(a @ b, b @ b)


def what_is_left(a, b):
    """You return what is left of a, the part at a right angle to b: the part along b is asked for."""
    return a - projection(a, b)


def never_backwards(a, b):
    """You drop the sign of the dot product: where a points away from b, its shadow lies on the other side
    of the origin.
    """
    return _share(abs(a @ b), b @ b) * b


def stops_at_zero(a, b):
    """You set a negative dot product to 0: where a points away from b, its shadow lies behind the origin
    and is not zero.
    """
    return _share(max(a @ b, 0), b @ b) * b


def stops_at_the_tip(a, b):
    """You cut the shadow off at the tip of b: it falls on the whole line through b, so it may be longer
    than b.
    """
    return min(_share(a @ b, b @ b), 1) * b


def entry_by_entry(a, b):
    """You divide entry by entry: add the products up first, so that one share multiplies the whole of b."""
    return _share(a * b, b * b) * b


def sum_of_absolutes(a, b):
    """You measure the length of b as the sum of absolute values: b . b is the sum of squares."""
    return _share(a @ b, np.abs(b).sum() ** 2) * b


def nan_at_zero(a, b):
    """Where b is the zero vector you divide 0 by 0, which gives nan: by our contract the result is zeros
    there.
    """
    return (a @ b) / (b @ b) * b


def a_where_b_is_zero(a, b):
    """Where b is the zero vector you return a: there is nothing to lie along, so the result is zeros."""
    return projection(a, b) if b @ b else a * 1.0


def large_epsilon(a, b):
    """The small number you add to b . b spoils the result for short b: treat length 0 as a case of its
    own.
    """
    return (a @ b) / (b @ b + 1e-6) * b


def whole_numbers(a, b):
    """Whole numbers in give whole numbers out here, so the fractions are lost: use `/`, and a result array
    of floats.
    """
    return projection(a, b).astype(b.dtype)


def changes_b(a, b):
    """The caller's b is changed in place: work on a new array, as in `b = b * ...`
    in place of `b *= ...`."""
    result = projection(a, b)
    if b.dtype.kind == "f":
        b[:] = result
    return result


def _share(product, divisor):
    return np.where(divisor == 0, 0.0, product / np.where(divisor == 0, 1, divisor))


def along_b_by_a(a, b):
    """You multiply a by the share: the result lies along b, so the share belongs in front of b."""
    return _share(a @ b, b @ b) * a


def not_added_up(a, b):
    """You multiply entry by entry and never add up: `a @ b` is one number, the sum of the products."""
    return _share(a * b, b @ b) * b


def unit_of_b(a, b):
    """You return b with length 1: that is the direction alone, and a must say how far the shadow reaches."""
    return _share(b, np.sqrt(b @ b) * np.ones(len(b)))


def fraction_dropped(a, b):
    """The share loses its fraction: divide with `/`, not `//`, and leave out `int(...)`."""
    return np.floor(_share(a @ b, b @ b)) * b


def fraction_cut(a, b):
    """`int(...)` cuts the fraction off the share: half of b is a share of 0.5, so leave the `int` out."""
    return np.trunc(_share(a @ b, b @ b)) * b


def first_two_axes(a, b):
    """You use the first two features alone: a vector may have any number of them, so write `a @ b` and `b @
    b`."""
    return _share(a[:2] @ b[:2], b[:2] @ b[:2]) * b


def onto_first_axis(a, b):
    """You keep the first entry of a alone: that is the shadow on the first axis, and b may point anywhere."""
    return a * (np.arange(len(a)) == 0)


def divided_three_times(a, b):
    """You divide by the length of b three times: divide by its square, `b @ b`, which is twice."""
    return _share(a @ b, np.sqrt(b @ b) ** 3) * b


def sum_of_absolutes_once(a, b):
    """You divide once by the sum of absolute values: divide by `b @ b`, the sum of squares."""
    return _share(a @ b, np.abs(b).sum()) * b


def zero_by_sum(a, b):
    """You take b for zero where its entries sum to 0, but [1, -1] is an arrow: test `b @ b`, its squared
    length."""
    return projection(a, b) if b.sum() != 0 else np.zeros(len(b))


def zero_by_first(a, b):
    """You take b for zero where its first entry is 0, but [0, 2] is an arrow: test `b @ b`, its squared
    length."""
    return projection(a, b) if b[0] != 0 else np.zeros(len(b))


def any_zero_component(a, b):
    """You take b for zero as soon as one entry is 0: only when all are 0 has it no length, so test `b @
    b`."""
    return projection(a, b) if b.all() else np.zeros(len(b))


def short_is_zero(a, b):
    """You take a short b for zero: a short arrow has a direction too, so test for a length of exactly 0."""
    return projection(a, b) if np.linalg.norm(b) > 1e-3 else np.zeros(len(b))


def epsilon(a, b):
    """The tiny number you add to b . b spoils the result for a very short b: treat length 0 as a case of its
    own."""
    return (a @ b) / (b @ b + 1e-8) * b


def very_large_epsilon(a, b):
    """The number you add to b . b makes every shadow too short: divide by b . b alone, and treat length 0
    apart."""
    return (a @ b) / (b @ b + 1e-3) * b


# ---------------------------------------- properties and cases


def lies_along_b(seen):
    """The result must lie along b: it is b times one number."""
    pairs = [(case.outputs["along"], case.inputs["b"]) for case in seen.values()]
    return all(
        np.allclose(np.outer(along, b), np.outer(b, along), rtol=1e-4, atol=1e-6) for along, b in pairs
    )


def rest_is_at_a_right_angle(seen):
    """What is left of a, a minus the result, must stand at a right angle to b."""
    for case in seen.values():
        a, b = case.inputs["a"], case.inputs["b"]
        if abs((a - case.outputs["along"]) @ b) > 1e-4 * (1 + np.linalg.norm(a) * np.linalg.norm(b)):
            return False
    return True


def opposed(rng, *sizes):
    """Two vectors whose products all are negative, so that none cancels another."""
    signs = np.array([1, -1, -1, 1, -1])
    return tuple(size * signs * rng.uniform(0.2, 2, size=5) for size in sizes)


EXERCISE = Exercise(
    id="projection",
    contract=(
        "projection(a, b) -> along; a (d,), b (d,), along (d,): the part of a that lies along b. "
        "Zeros where b is zero."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    arguments={"a": ("d",), "b": ("d",)},
    outputs={"along": ("d",)},
    cases=[
        Case("3 features", lambda rng: (rng.normal(size=3), rng.normal(size=3)), weight=3),
        Case("onto an axis", lambda rng: (np.array([2.0, 1.0]), np.array([4.0, 0.0]))),
        Case("longer than b", lambda rng: (np.array([6.0, 2.0]), np.array([1.0, 1.0]))),
        Case("pointing away", lambda rng: (np.array([-2.0, 1.0]), np.array([2.0, 0.0]))),
        Case("a right angle", lambda rng: (np.array([1.0, 2.0]), np.array([-4.0, 2.0]))),
        Case("b is zero", lambda rng: (np.array([2.0, 1.0]), np.zeros(2))),
        Case("a is zero", lambda rng: (np.zeros(2), np.array([2.0, 1.0]))),
        Case("a short b", lambda rng: (np.array([2.0, 1.0]), np.array([3e-3, 4e-3]))),
        Case(
            "far apart in length",
            lambda rng: opposed(rng, 1e3, -1),
        ),
        Case("whole numbers", lambda rng: (np.array([2, 1]), np.array([1, 2]))),
        Case("b along the second axis", lambda rng: (np.array([3.0, 1.0]), np.array([0.0, 2.0]))),
        Case("entries of b that sum to 0", lambda rng: (np.array([3.0, 1.0]), np.array([1.0, -1.0]))),
        Case("a very short b", lambda rng: (np.array([2.0, 1.0]), np.array([3e-4, 4e-4]))),
    ],
    reference=by_hand.projection,
    solution=projection,
    right=[projection, by_unit_vector, with_loops, by_matrix],
    wrong=[
        along_a,
        divided_by_length_once,
        not_divided,
        divided_by_length_of_a,
        divided_by_both_lengths,
        length_of_the_shadow,
        share_alone,
        what_is_left,
        never_backwards,
        stops_at_zero,
        stops_at_the_tip,
        entry_by_entry,
        sum_of_absolutes,
        nan_at_zero,
        a_where_b_is_zero,
        large_epsilon,
        whole_numbers,
        changes_b,
        along_b_by_a,
        not_added_up,
        unit_of_b,
        fraction_dropped,
        fraction_cut,
        first_two_axes,
        onto_first_axis,
        divided_three_times,
        sum_of_absolutes_once,
        zero_by_sum,
        zero_by_first,
        any_zero_component,
        short_is_zero,
        epsilon,
        very_large_epsilon,
    ],
    properties=[lies_along_b, rest_is_at_a_right_angle],
    hints=[
        "If b became ten times as long, should the part of a along it change? What must you divide by, then?",
        "The result is b times one number. That number compares a . b with what b gives with itself.",
        "`share = (a @ b) / (b @ b)`; return `share * b`, and zeros where `b @ b` is 0.",
    ],
    forbids=BESIDE_NUMPY,
)
