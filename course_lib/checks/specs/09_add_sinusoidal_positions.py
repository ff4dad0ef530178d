"""Exercise `add_sinusoidal_positions` (lesson 09): waves that say where a token stands."""

import math

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import positions


def library(emb, start=0):
    n, d = emb.shape[-2:]
    return emb * d**0.5 + positions.sinusoidal_positions(n, d, start, emb.dtype)


# ------------------------------------------------------------------ a solution, and other right ways


def add_sinusoidal_positions(emb, start=0):
    n, d = emb.shape[-2:]
    position = torch.arange(start, start + n, dtype=torch.float64)
    angles = position[:, None] / 10000 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)  # (n, d / 2)
    waves = torch.zeros(n, d, dtype=emb.dtype)
    waves[:, 0::2] = angles.sin().to(emb.dtype)
    waves[:, 1::2] = angles.cos().to(emb.dtype)
    return emb * d**0.5 + waves


def with_logarithms(emb, start=0):
    n, d = emb.size(1), emb.size(2)
    rate = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
    angles = torch.arange(start, start + n).unsqueeze(1) * rate
    return emb * math.sqrt(d) + torch.stack([angles.sin(), angles.cos()], dim=-1).view(n, d)


def with_loops(emb, start=0):
    d = emb.shape[2]
    result = np.array(emb) * d**0.5
    for p in range(emb.shape[1]):
        for feature in range(d):
            angle = (p + start) / 10000 ** ((feature - feature % 2) / d)
            result[:, p, feature] += math.cos(angle) if feature % 2 else math.sin(angle)
    return result


def with_a_long_table(emb, start=0):
    d = emb.shape[-1]
    feature = torch.arange(d)
    rate = 10000.0 ** (-(feature // 2 * 2) / d)
    shift = (feature % 2) * torch.pi / 2  # a cosine is a sine a quarter turn ahead
    table = torch.sin(torch.arange(2000)[:, None] * rate + shift)
    return emb * d**0.5 + table[start : start + emb.shape[1]]


# ------------------------------------------------------------------ stored wrong answers


def angles_of(emb, start=0, base=10000.0, power=1.0):
    """p / base^(2i/d), (n, d / 2)."""
    n, d = emb.shape[-2:]
    exponents = power * torch.arange(0, d, 2, dtype=torch.float64) / d
    return torch.arange(start, start + n, dtype=torch.float64)[:, None] / base**exponents


def waves(angles):
    """Sine and cosine of each angle side by side."""
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def scaled(emb):
    return emb * emb.shape[-1] ** 0.5


def no_scale(emb, start=0):
    """You add the waves to the embeddings as they came: multiply these by the square root of d first."""
    return emb + waves(angles_of(emb, start))


def scaled_by_d(emb, start=0):
    """You multiply the embeddings by d: by its square root it must be."""
    return emb * emb.shape[-1] + waves(angles_of(emb, start))


def divided(emb, start=0):
    """You divide the embeddings by the square root of d: here they are multiplied by it, the division belongs
    to the scores of attention."""
    return emb / emb.shape[-1] ** 0.5 + waves(angles_of(emb, start))


def everything_scaled(emb, start=0):
    """You multiply the waves by the square root of d too: only the embeddings are multiplied."""
    return scaled(emb + waves(angles_of(emb, start)))


def waves_alone(emb, start=0):
    """You return the waves: add them to the embeddings, times the square root of d."""
    return waves(angles_of(emb, start)).expand_as(emb)


def multiplied(emb, start=0):
    """You multiply by the waves: add them."""
    return scaled(emb) * waves(angles_of(emb, start))


def start_ignored(emb, start=0):
    """You take no notice of `start`: the first token here stands at position `start`, not at 0."""
    return scaled(emb) + waves(angles_of(emb))


def positions_from_1(emb, start=0):
    """Your positions begin at 1: the first one is `start`, and position 0 has sines of 0 and cosines of 1."""
    return scaled(emb) + waves(angles_of(emb, start + 1))


def start_added_to_the_waves(emb, start=0):
    """You add `start` to the waves: add it to the position, before sine and cosine."""
    return scaled(emb) + waves(angles_of(emb)) + start


def cosine_first(emb, start=0):
    """Your even features hold the cosine: the sine stands at 2i, the cosine at 2i+1."""
    angles = angles_of(emb, start)
    return scaled(emb) + torch.stack([angles.cos(), angles.sin()], dim=-1).flatten(-2)


def sine_everywhere(emb, start=0):
    """All your features are sines: those at 2i+1 are cosines of the same angle."""
    angles = angles_of(emb, start)
    return scaled(emb) + angles.sin().repeat_interleave(2, -1)


def rate_of_each_feature(emb, start=0):
    """Every feature has a rate of its own: sine and cosine of a pair share one, with exponent 2i / d at both
    2i and 2i+1."""
    d = emb.shape[-1]
    exponents = torch.arange(d, dtype=torch.float64) / d
    angles = torch.arange(start, start + emb.shape[-2])[:, None] / 10000**exponents
    table = torch.where(torch.arange(d) % 2 == 0, angles.sin(), angles.cos())
    return scaled(emb) + table


def exponent_too_small(emb, start=0):
    """Your exponent is i / d for pair i: it is 2i / d, with i from 0 to d/2 - 1."""
    return scaled(emb) + waves(angles_of(emb, start, power=0.5))


def exponent_too_large(emb, start=0):
    """Your exponent is 4i / d for pair i: a step of 2 was doubled once more, it is 2i / d."""
    return scaled(emb) + waves(angles_of(emb, start, power=2.0))


def one_rate_for_all(emb, start=0):
    """All your waves have the same length: that of pair i comes from 10000^(2i/d)."""
    return scaled(emb) + waves(angles_of(emb, start, power=0.0))


def faster_and_faster(emb, start=0):
    """Your waves get shorter and shorter: divide the position by 10000^(2i/d)."""
    return scaled(emb) + waves(angles_of(emb, start, power=-1.0))


def base_1000(emb, start=0):
    """Your base is 1000: it is 10000 in the paper and here."""
    return scaled(emb) + waves(angles_of(emb, start, base=1000.0))


def examples_as_positions(emb, start=0):
    """You count positions along the batch: the tokens of one example lie along axis 1."""
    table = waves(angles_of(emb.transpose(0, 1), start))
    return scaled(emb) + table[:, None]


def one_position_for_all(emb, start=0):
    """All tokens get the waves of the first: token p of the sequence stands at position start + p."""
    return scaled(emb) + waves(angles_of(emb[:, :1], start))


def appended(emb, start=0):
    """You put the waves beside the embeddings: add them, feature by feature, so that the shape stays."""
    return torch.cat([scaled(emb), waves(angles_of(emb, start)).expand_as(emb)], dim=-1)


def changes_emb(emb, start=0):
    """The caller's emb is changed in place: write `emb = emb * ...` in place of `emb *= ...`."""
    result = add_sinusoidal_positions(emb, start)
    emb *= emb.shape[-1] ** 0.5
    return result


def scaled_by_length(emb, start=0):
    """You multiply the embeddings by the square root of n, the number of tokens: of d, the features."""
    return emb * emb.shape[1] ** 0.5 + waves(angles_of(emb, start))


def scaled_by_512(emb, start=0):
    """You multiply the embeddings by the square root of 512, the width in the paper: take d from the shape of
    emb."""
    return emb * 512**0.5 + waves(angles_of(emb, start))


def root_rounded_down(emb, start=0):
    """You cut the square root of d down to a whole number: write `d**0.5` without `int` and without `//`."""
    return emb * int(emb.shape[-1] ** 0.5) + waves(angles_of(emb, start))


def shifted_round_the_end(emb, start=0):
    """You roll the table: positions go on after n - 1, they do not begin again at 0."""
    return scaled(emb) + waves(angles_of(emb)).roll(-start, 0)


def start_subtracted(emb, start=0):
    """Your positions fall as `start` grows: add it, positions are start ... start + n - 1."""
    return scaled(emb) + waves(angles_of(emb, -start))


def start_twice(emb, start=0):
    """You add `start` twice: the first token stands at position start."""
    return scaled(emb) + waves(angles_of(emb, 2 * start))


def slice_ends_at_n(emb, start=0):
    """Your slice ends at n: a table of n rows has none from `start` on. It must reach to start + n."""
    return scaled(emb) + waves(angles_of(emb))[start : emb.shape[1]]


def table_too_short(emb, start=0):
    """Your table of positions has a fixed length, and this position lies beyond: make it as long as it is
    needed, start + n rows."""
    return scaled(emb) + waves(angles_of(emb.new_zeros(512, emb.shape[-1])))[start : start + emb.shape[1]]


def positions_in_shares(emb, start=0):
    """You divide the position by n: the waves count tokens, whatever the length of the sequence."""
    return scaled(emb) + waves(angles_of(emb, start) / emb.shape[1])


def table_alone(emb, start=0):
    """You return the table of waves alone: add it to the embeddings, times the square root of d."""
    return waves(angles_of(emb, start))


def exponent_to_the_end(emb, start=0):
    """Your exponents run from 0 to 1, as in Tensor2Tensor: here they are 2i / d, which stays below 1."""
    pairs = emb.shape[-1] // 2
    exponents = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    positions_ = torch.arange(start, start + emb.shape[1])[:, None]
    return scaled(emb) + waves(positions_ / 10000**exponents)


def power_before_product(emb, start=0):
    """You write `10000 ** 2 * i / d`, and the power is taken first: put brackets round the exponent."""
    n, d = emb.shape[-2:]
    positions_ = torch.arange(start, start + n, dtype=torch.float64)[:, None]
    return scaled(emb) + waves(positions_ / 10000**2 * torch.arange(d // 2) / d)


def pairs_from_1(emb, start=0):
    """Your pairs are counted from 1: i begins at 0, and the first pair has the angle p itself."""
    return scaled(emb) + waves(angles_of(emb, start) / 10000 ** (2 / emb.shape[-1]))


# ------------------------------------------------------------------ right elsewhere


def in_halves(emb, start=0):
    """All your sines stand before all cosines, as in the code published with the paper; here they take turns,
    sine at 2i and cosine at 2i+1, as the paper's text has it."""
    angles = angles_of(emb, start)
    return scaled(emb) + torch.cat([angles.sin(), angles.cos()], dim=-1)


def as_tensor2tensor(emb, start=0):
    """Your exponents run from 0 to 1 and your sines stand before the cosines, as in Tensor2Tensor; here the
    exponents are 2i / d, and sine and cosine take turns, as the paper's text has it."""
    pairs = emb.shape[-1] // 2
    exponents = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    angles = torch.arange(start, start + emb.shape[1])[:, None] / 10000**exponents
    return scaled(emb) + torch.cat([angles.sin(), angles.cos()], dim=-1)


# ------------------------------------------------------------------ the exercise


def same_for_all_examples(seen):
    """What is added must not depend on the token or the example, only on the position."""
    for case in seen.values():
        emb = case.inputs["emb"]
        added = case.outputs["x"] - emb * emb.shape[-1] ** 0.5
        if not np.allclose(added, added[:1], atol=1e-3):
            return False
    return True


EXERCISE = Exercise(
    id="add_sinusoidal_positions",
    contract=(
        "add_sinusoidal_positions(emb, start=0) -> x = emb * sqrt(d) + PE[start : start + n]; emb and x "
        "(B, n, d), d even; PE[p, 2i] = sin(p / 10000^(2i/d)), PE[p, 2i+1] = cos of the same angle."
    ),
    minutes=20,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"emb": ("B", "n", "d")},
    outputs={"x": ("B", "n", "d")},
    atol=2e-4,
    cases=[
        Case("2 examples, 5 tokens", lambda rng: (rng.normal(size=(2, 5, 6)),), weight=3),
        Case("from position 11", lambda rng: (rng.normal(size=(2, 5, 6)),), {"start": 11}, weight=2),
        Case("zeros, 3 tokens", lambda rng: (np.zeros((1, 3, 2)),)),
        Case("zeros, 2 tokens with 4 features", lambda rng: (np.zeros((1, 2, 4)),)),
        Case("ones at position 0", lambda rng: (np.ones((1, 1, 4)),)),
        Case("zeros, from position 2", lambda rng: (np.zeros((1, 1, 4)),), {"start": 2}),
        Case("all sizes equal", lambda rng: (rng.normal(size=(4, 4, 4)),)),
        Case("far out, at 900", lambda rng: (rng.normal(size=(1, 3, 8)),), {"start": 900}),
    ],
    reference=library,
    solution=add_sinusoidal_positions,
    right=[add_sinusoidal_positions, with_logarithms, with_loops, with_a_long_table],
    wrong=[
        no_scale,
        scaled_by_d,
        divided,
        everything_scaled,
        waves_alone,
        multiplied,
        start_ignored,
        positions_from_1,
        start_added_to_the_waves,
        cosine_first,
        sine_everywhere,
        rate_of_each_feature,
        exponent_too_small,
        exponent_too_large,
        one_rate_for_all,
        faster_and_faster,
        base_1000,
        examples_as_positions,
        one_position_for_all,
        appended,
        changes_emb,
        scaled_by_length,
        scaled_by_512,
        root_rounded_down,
        shifted_round_the_end,
        start_subtracted,
        start_twice,
        slice_ends_at_n,
        table_too_short,
        positions_in_shares,
        table_alone,
        exponent_to_the_end,
        power_before_product,
        pairs_from_1,
    ],
    conventions=[
        in_halves,
        as_tensor2tensor,
    ],
    properties=[same_for_all_examples],
    hints=[
        "How many different angles has one position? Which two features share one?",
        (
            "The angles are a table (n, d/2): positions `start ... start + n - 1` as a column, divided by "
            "`10000 ** (torch.arange(0, d, 2) / d)`."
        ),
        "`waves[:, 0::2] = angles.sin()`, `waves[:, 1::2] = angles.cos()`, then `emb * d**0.5 + waves`.",
    ],
)
