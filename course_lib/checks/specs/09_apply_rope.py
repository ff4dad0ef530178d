"""Exercise `apply_rope` (lesson 09): queries and keys turned by their position."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import positions


def library(q, k, v, start=0):
    return positions.rotate(q, start), positions.rotate(k, start), v


# ------------------------------------------------------------------ a solution, and other right ways


def apply_rope(q, k, v, start=0):
    n, d = q.shape[-2:]
    position = torch.arange(start, start + n, dtype=torch.float64)
    angles = position[:, None] / 10000 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)  # (n, d / 2)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)

    def turned(x):
        even, odd = x[..., 0::2], x[..., 1::2]
        pairs = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
        return pairs.flatten(-2)

    return turned(q), turned(k), v


def with_complex_numbers(q, k, v, start=0):
    n, d = q.shape[-2:]
    rate = 10000.0 ** (-torch.arange(0, d, 2, dtype=q.dtype) / d)
    angles = torch.outer(torch.arange(start, start + n, dtype=q.dtype), rate)
    turn = torch.polar(torch.ones_like(angles), angles)

    def turned(x):
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(pairs * turn).flatten(-2)

    return turned(q), turned(k), v


def with_matrices(q, k, v, start=0):
    n, d = q.shape[-2:]
    turns = torch.zeros(n, d, d, dtype=q.dtype)
    for p in range(n):
        for i in range(d // 2):
            angle = torch.tensor((start + p) / 10000 ** (2 * i / d), dtype=torch.float64)
            c, s = angle.cos(), angle.sin()
            turns[p, 2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, -s], [s, c]])
    return torch.einsum("pij,bhpj->bhpi", turns, q), torch.einsum("pij,bhpj->bhpi", turns, k), v


def with_loops(q, k, v, start=0):
    results = []
    for x in (q.numpy(), k.numpy()):
        turned = np.zeros(x.shape)
        for p in range(x.shape[2]):
            for i in range(0, x.shape[3], 2):
                angle = (p + start) * 10000 ** (-i / x.shape[3])
                a, b = x[:, :, p, i], x[:, :, p, i + 1]
                turned[:, :, p, i] = a * np.cos(angle) - b * np.sin(angle)
                turned[:, :, p, i + 1] = a * np.sin(angle) + b * np.cos(angle)
        results.append(turned)
    return results[0], results[1], v.numpy()


# ------------------------------------------------------------------ stored wrong answers


def angles_of(n, d, start=0, base=10000.0, power=1.0):
    """p / base^(2i/d) for each position and pair, (n, d / 2)."""
    exponents = power * torch.arange(0, d, 2, dtype=torch.float64) / d
    return torch.arange(start, start + n, dtype=torch.float64)[:, None] / base**exponents


def turned(x, angles):
    """Pairs (2i, 2i+1) of x turned by these angles."""
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def both(q, k, v, angles):
    return turned(q, angles), turned(k, angles), v


def start_ignored(q, k, v, start=0):
    """You take no notice of `start`: the first token here stands at position `start`, not at 0."""
    return both(q, k, v, angles_of(*q.shape[-2:]))


def start_for_queries_alone(q, k, v, start=0):
    """Your keys begin at position 0: queries and keys are the same tokens, so both begin at `start`."""
    return turned(q, angles_of(*q.shape[-2:], start)), turned(k, angles_of(*k.shape[-2:])), v


def positions_from_1(q, k, v, start=0):
    """Your positions begin at 1: the first one is `start`, and at position 0 nothing is turned."""
    return both(q, k, v, angles_of(*q.shape[-2:], start + 1))


def values_too(q, k, v, start=0):
    """You turn the values as well: only queries and keys carry positions, what is read stays as it is."""
    angles = angles_of(*q.shape[-2:], start)
    return turned(q, angles), turned(k, angles), turned(v, angles)


def queries_alone(q, k, v, start=0):
    """You turn the queries alone: turn the keys too, or the score depends on where a token stands."""
    return turned(q, angles_of(*q.shape[-2:], start)), k, v


def keys_alone(q, k, v, start=0):
    """You turn the keys alone: turn the queries too, or the score depends on where a token stands."""
    return q, turned(k, angles_of(*q.shape[-2:], start)), v


def keys_backwards(q, k, v, start=0):
    """You turn the keys the other way: both turn the same way, so that the difference of the positions is
    left."""
    angles = angles_of(*q.shape[-2:], start)
    return turned(q, angles), turned(k, -angles), v


def backwards(q, k, v, start=0):
    """You turn the wrong way round: x' = x cos - y sin, y' = x sin + y cos. The scores are the same, these
    numbers are not."""
    return both(q, k, v, -angles_of(*q.shape[-2:], start))


def no_minus(q, k, v, start=0):
    """The minus is missing: a turn is x cos - y sin, x sin + y cos, and keeps the length of a pair."""
    angles = angles_of(*q.shape[-2:], start)

    def wrong(x):
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos + odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)

    return wrong(q), wrong(k), v


def exponent_too_small(q, k, v, start=0):
    """Your exponent is i / d for pair i: it is 2i / d, so the last pair turns nearly 10000 times slower."""
    return both(q, k, v, angles_of(*q.shape[-2:], start, power=0.5))


def exponent_too_large(q, k, v, start=0):
    """Your exponent is 4i / d for pair i: a step of 2 was doubled once more, it is 2i / d."""
    return both(q, k, v, angles_of(*q.shape[-2:], start, power=2.0))


def one_rate_for_all(q, k, v, start=0):
    """Every pair turns at the same rate: pair i turns by p / 10000^(2i/d), ever slower."""
    return both(q, k, v, angles_of(*q.shape[-2:], start, power=0.0))


def faster_and_faster(q, k, v, start=0):
    """Your pairs turn faster and faster: divide the position by 10000^(2i/d)."""
    return both(q, k, v, angles_of(*q.shape[-2:], start, power=-1.0))


def rates_reversed(q, k, v, start=0):
    """Your rates are in the wrong order: the first pair turns fastest, by p itself."""
    return both(q, k, v, angles_of(*q.shape[-2:], start).flip(-1))


def base_1000(q, k, v, start=0):
    """Your base is 1000: it is 10000 here."""
    return both(q, k, v, angles_of(*q.shape[-2:], start, base=1000.0))


def in_degrees(q, k, v, start=0):
    """You take the angles for degrees: they are in radians already."""
    return both(q, k, v, angles_of(*q.shape[-2:], start) * torch.pi / 180)


def heads_as_positions(q, k, v, start=0):
    """You count positions along the axis of the heads: they lie along axis n, the last but one."""
    angles = angles_of(q.shape[1], q.shape[3], start)[:, None]
    return both(q, k, v, angles)


def examples_as_positions(q, k, v, start=0):
    """You count positions along the batch: they lie along axis n, the last but one."""
    return both(q, k, v, angles_of(q.shape[0], q.shape[3], start)[:, None, None])


def one_position_for_all(q, k, v, start=0):
    """All tokens get the angle of the first: position p of the sequence turns by p + start."""
    return both(q, k, v, angles_of(1, q.shape[-1], start))


def waves_added(q, k, v, start=0):
    """You add waves to queries and keys: a rotary position turns them, each pair by its angle."""
    angles = angles_of(*q.shape[-2:], start)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).to(q.dtype)
    return q + waves, k + waves, v


def cosine_alone(q, k, v, start=0):
    """You multiply by the cosine alone: the other half of a turn, with the sine, is missing."""
    cos = angles_of(*q.shape[-2:], start).cos().repeat_interleave(2, -1).to(q.dtype)
    return q * cos, k * cos, v


def pairs_come_out_in_halves(q, k, v, start=0):
    """You turn the right pairs, but put all first members before all second ones: stack them on a new last
    axis and flatten."""
    angles = angles_of(*q.shape[-2:], start)

    def apart(x):
        return torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)

    return apart(turned(q, angles)), apart(turned(k, angles)), v


def keys_first(q, k, v, start=0):
    """You return the keys first: the order is queries, keys, values."""
    q, k, v = apply_rope(q, k, v, start)
    return k, q, v


def changes_queries(q, k, v, start=0):
    """The caller's q is changed in place: `q[..., 0::2] = ...` writes into it, and the second line then reads
    the new numbers. Make new tensors."""
    result = apply_rope(q, k, v, start)
    q.copy_(result[0])
    return result


def second_line_reads_the_first(q, k, v, start=0):
    """Your second line reads what the first has written: x' and y' both come from the old x and y, so keep
    both before you write."""
    angles = angles_of(*q.shape[-2:], start)

    def wrong(x):
        x, cos, sin = x.clone(), angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        x[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
        x[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
        return x

    return wrong(q), wrong(k), v


def second_line_reads_the_first_in_place(q, k, v, start=0):
    """You write into the caller's q and k, and your second line reads what the first has written: make new
    tensors from the old x and y."""
    turned_q, turned_k, _ = second_line_reads_the_first(q, k, v, start)
    q.copy_(turned_q)
    k.copy_(turned_k)
    return q, k, v


def angles_in_halves(q, k, v, start=0):
    """You turn neighbours, but your table of angles repeats as a whole: both members of a pair need the same
    angle, so write `repeat_interleave(2, -1)`."""
    angles = angles_of(*q.shape[-2:], start).repeat(1, 2)

    def wrong(x):
        across = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
        return x * angles.cos().to(x.dtype) + across * angles.sin().to(x.dtype)

    return wrong(q), wrong(k), v


def halves_with_the_angles_of_neighbours(q, k, v, start=0):
    """You turn halves against each other, with a table of angles made for neighbours: here pairs are
    (2i, 2i + 1) throughout."""
    angles = angles_of(*q.shape[-2:], start).repeat_interleave(2, -1)

    def wrong(x):
        half = x.shape[-1] // 2
        across = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
        return x * angles.cos().to(x.dtype) + across * angles.sin().to(x.dtype)

    return wrong(q), wrong(k), v


def start_twice(q, k, v, start=0):
    """You add `start` twice: the first token stands at position start."""
    return both(q, k, v, angles_of(*q.shape[-2:], 2 * start))


def sine_and_cosine_exchanged(q, k, v, start=0):
    """Your sine and cosine are exchanged: at position 0 nothing turns, cos 0 = 1 keeps each number."""
    return both(q, k, v, torch.pi / 2 - angles_of(*q.shape[-2:], start))


def queries_scaled(q, k, v, start=0):
    """You divide the queries by the square root of d: the scale belongs to the scores, here q is only
    turned."""
    turned_q, turned_k, _ = apply_rope(q, k, v, start)
    return turned_q / q.shape[-1] ** 0.5, turned_k, v


def base_500000(q, k, v, start=0):
    """Your base is 500000, as in later models with long contexts: it is 10000 here, as in the paper."""
    return both(q, k, v, angles_of(*q.shape[-2:], start, base=500000.0))


def axes_left_turned(q, k, v, start=0):
    """You exchange the axes of heads and tokens and do not exchange them back: tokens lie along the last axis
    but one already."""
    turned_q, turned_k, _ = apply_rope(q, k, v, start)
    return turned_q.transpose(1, 2), turned_k.transpose(1, 2), v


def table_too_short(q, k, v, start=0):
    """Your table of positions has a fixed length, and this position lies beyond: make it as long as it is
    needed, start + n rows."""
    return both(q, k, v, angles_of(512, q.shape[-1])[start : start + q.shape[-2]])


def power_before_product(q, k, v, start=0):
    """You write `10000 ** 2 * i / d`, and the power is taken first: put brackets round the exponent."""
    n, d = q.shape[-2:]
    positions_ = torch.arange(start, start + n, dtype=torch.float64)[:, None]
    return both(q, k, v, positions_ / 10000**2 * torch.arange(d // 2) / d)


def pairs_from_1(q, k, v, start=0):
    """Your pairs are counted from 1: i begins at 0, and the first pair turns by p itself."""
    return both(q, k, v, angles_of(*q.shape[-2:], start) / 10000 ** (2 / q.shape[-1]))


def members_exchanged(q, k, v, start=0):
    """You put y' before x': x cos - y sin stands at 2i, x sin + y cos at 2i + 1."""
    turned_q, turned_k, _ = apply_rope(q, k, v, start)
    exchanged = [x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2) for x in (turned_q, turned_k)]
    return *exchanged, v


def minus_in_both(q, k, v, start=0):
    """You have a minus in both lines, which mirrors a pair: a turn is x cos - y sin, x sin + y cos."""
    angles = angles_of(*q.shape[-2:], start)

    def mirrored(x):
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin - odd * cos], dim=-1).flatten(-2)

    return mirrored(q), mirrored(k), v


# ------------------------------------------------------------------ right elsewhere


def pairs_in_halves(q, k, v, start=0):
    """Your pairs are (i, i + d/2), the halves, as in GPT-NeoX and in Llama's port to the transformers
    library; here neighbours (2i, 2i + 1) make a pair, as in the paper."""
    angles = angles_of(*q.shape[-2:], start)

    def wanted(x):
        half = x.shape[-1] // 2
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        one, two = x[..., :half], x[..., half:]
        return torch.cat([one * cos - two * sin, one * sin + two * cos], dim=-1)

    return wanted(q), wanted(k), v


# ------------------------------------------------------------------ the exercise


def lengths_stay(seen):
    """A turn keeps the length of every query and key."""
    return all(
        np.allclose(
            np.linalg.norm(case.outputs[out], axis=-1), np.linalg.norm(case.inputs[x], axis=-1), atol=1e-3
        )
        for case in seen.values()
        for out, x in (("q_turned", "q"), ("k_turned", "k"))
    )


def score_depends_on_the_distance(seen):
    """Move query and key by the same number of positions and their dot product must stay."""

    def scores(name):
        return np.einsum("bhid,bhjd->bhij", seen[name].outputs["q_turned"], seen[name].outputs["k_turned"])

    return np.allclose(
        scores("2 examples, 3 heads, 5 tokens"), scores("the same, from position 11"), atol=1e-3
    )


def drawn(rng, *shape):
    return tuple(rng.normal(size=shape) for _ in range(3))


def fixed():
    return drawn(np.random.default_rng(9), 2, 3, 5, 6)


def one_arrow(*numbers, n=1):
    x = np.tile(np.array(numbers, dtype=float), (1, 1, n, 1))
    return x, x.copy(), x.copy()


AXES = ("B", "H", "n", "d")
EXERCISE = Exercise(
    id="apply_rope",
    contract=(
        "apply_rope(q, k, v, start=0) -> (q_turned, k_turned, v); all (B, H, n, d), d even. The pair of "
        "features (2i, 2i+1) at position p is turned by p / 10000^(2i/d); the first position is start."
    ),
    minutes=25,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={"q": AXES, "k": AXES, "v": AXES},
    outputs={"q_turned": AXES, "k_turned": AXES, "v": AXES},
    atol=2e-4,
    cases=[
        Case("2 examples, 3 heads, 5 tokens", lambda rng: fixed(), weight=3),
        Case("the same, from position 11", lambda rng: fixed(), {"start": 11}, weight=2),
        Case("two tokens by hand", lambda rng: one_arrow(1.0, 0.0, n=2)),
        Case("position 1 alone", lambda rng: one_arrow(1.0, 0.0), {"start": 1}),
        Case("two pairs at position 1", lambda rng: one_arrow(1.0, 0.0, 1.0, 0.0), {"start": 1}),
        Case("position 0 alone", lambda rng: drawn(rng, 2, 3, 1, 4)),
        Case("all sizes equal", lambda rng: drawn(rng, 4, 4, 4, 4)),
        Case("far out, at 900", lambda rng: drawn(rng, 1, 2, 3, 8), {"start": 900}),
    ],
    reference=library,
    solution=apply_rope,
    right=[apply_rope, with_complex_numbers, with_matrices, with_loops],
    wrong=[
        start_ignored,
        start_for_queries_alone,
        positions_from_1,
        values_too,
        queries_alone,
        keys_alone,
        keys_backwards,
        backwards,
        no_minus,
        exponent_too_small,
        exponent_too_large,
        one_rate_for_all,
        faster_and_faster,
        rates_reversed,
        base_1000,
        in_degrees,
        heads_as_positions,
        examples_as_positions,
        one_position_for_all,
        waves_added,
        cosine_alone,
        pairs_come_out_in_halves,
        keys_first,
        changes_queries,
        second_line_reads_the_first,
        second_line_reads_the_first_in_place,
        angles_in_halves,
        halves_with_the_angles_of_neighbours,
        start_twice,
        sine_and_cosine_exchanged,
        queries_scaled,
        base_500000,
        axes_left_turned,
        table_too_short,
        power_before_product,
        pairs_from_1,
        members_exchanged,
        minus_in_both,
    ],
    conventions=[pairs_in_halves],
    properties=[lengths_stay, score_depends_on_the_distance],
    hints=[
        "A pair of features is a point in the plane. How do you turn a point (x, y) by an angle?",
        (
            "The angles are a table (n, d/2): positions `start ... start + n - 1` divided by `10000 ** "
            "(2i/d)`. `x[..., 0::2]` and `x[..., 1::2]` are the two members of every pair."
        ),
        (
            "`torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)`, for q "
            "and for k; v stays as it is."
        ),
    ],
)
