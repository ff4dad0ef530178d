"""Exercise `next_token_distribution` (lesson 15): temperature, top-k and top-p."""

import numpy as np
import torch

from course_lib import decoding
from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def next_token_distribution(logits, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        p = torch.zeros_like(logits)
        p[logits.argmax()] = 1
        return p
    p = (logits / temperature).softmax(dim=-1)
    order = logits.argsort(descending=True, stable=True)
    p = p[order]
    if top_k is not None:
        p[top_k:] = 0
        p = p / p.sum()
    if top_p is not None:
        before = p.cumsum(0) - p
        p = torch.where(before < top_p - 1e-9, p, 0)
    p = p / p.sum()
    return torch.zeros_like(p).scatter(0, order, p)


def with_loops(logits, temperature=1.0, top_k=None, top_p=None):
    scores = [float(score) for score in logits]
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    if temperature == 0:
        kept = {order[0]: 1.0}
    else:
        highest = scores[order[0]]
        sizes = {i: np.exp((scores[i] - highest) / temperature) for i in order[:top_k]}
        total = sum(sizes.values())
        kept, mass = {}, 0.0
        for i, size in sizes.items():
            kept[i] = size / total
            mass += kept[i]
            if top_p is not None and mass >= top_p - 1e-7:
                break
    whole = sum(kept.values())
    return [kept.get(i, 0.0) / whole for i in range(len(scores))]


def with_masked_logits(logits, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits))
    scores = (logits - logits.max()) / temperature
    order = torch.sort(logits, descending=True, stable=True).indices
    if top_k is not None and top_k < len(logits):
        scores[order[top_k:]] = -torch.inf
    if top_p is not None:
        mass = scores[order].softmax(0).cumsum(0)
        n_kept = 1 + int((mass < top_p - 1e-7).sum())
        scores[order[n_kept:]] = -torch.inf
    return scores.softmax(0)


# ------------------------------------------------------------------ stored wrong answers


def solved(logits, temperature=1.0, top_k=None, top_p=None, **changes):
    """The solution in steps, each of which a wrong answer can replace."""
    steps = STEPS | changes
    if temperature == 0:
        return steps["cold"](logits)
    p = steps["warm"](logits, temperature)
    order = steps["order"](logits)
    p = p[order]
    for name in steps["sequence"]:
        wanted = {"k": top_k, "p": top_p}[name]
        if wanted is not None:
            p = steps[name](p, wanted)
    return torch.zeros_like(p).scatter(0, order, steps["end"](p))


def keep_k(p, k):
    p = torch.where(torch.arange(len(p)) < k, p, 0)
    return p / p.sum()


def keep_p(p, top_p):
    return torch.where(p.cumsum(0) - p < top_p - 1e-9, p, 0)


def one_hot(logits):
    p = torch.zeros_like(logits)
    p[logits.argmax()] = 1
    return p


STEPS = {
    "cold": one_hot,
    "warm": lambda logits, temperature: (logits / temperature).softmax(-1),
    "order": lambda logits: logits.argsort(descending=True, stable=True),
    "k": keep_k,
    "p": keep_p,
    "sequence": "kp",
    "end": lambda p: p / p.sum(),
}


def multiplied_by_temperature(logits, temperature=1.0, top_k=None, top_p=None):
    """You multiply by the temperature: a high temperature must flatten, so divide the logits by it."""
    return solved(logits, temperature, top_k, top_p, warm=lambda s, t: (s * t).softmax(-1))


def temperature_after_softmax(logits, temperature=1.0, top_k=None, top_p=None):
    """You divide the probabilities by the temperature: scaled to sum 1 again, nothing has changed. Divide the
    logits."""
    return solved(logits, temperature, top_k, top_p, warm=lambda s, t: s.softmax(-1) / t)


def temperature_ignored(logits, temperature=1.0, top_k=None, top_p=None):
    """The temperature is not used: divide the logits by it before the softmax."""
    return solved(logits, temperature, top_k, top_p, warm=lambda s, t: s.softmax(-1))


def root_of_temperature(logits, temperature=1.0, top_k=None, top_p=None):
    """You divide by the root of the temperature: divide by the temperature itself."""
    return solved(logits, temperature, top_k, top_p, warm=lambda s, t: (s / t**0.5).softmax(-1))


def temperature_last(logits, temperature=1.0, top_k=None, top_p=None):
    """You cut by top-p before the temperature has its effect: first temperature, then top-k, then top-p."""
    if temperature == 0:
        return one_hot(logits)
    kept = solved(logits, 1.0, top_k, top_p) > 0
    return torch.where(kept, logits / temperature, -torch.inf).softmax(-1)


def shared_at_zero(logits, temperature=1.0, top_k=None, top_p=None):
    """At temperature 0 you share the mass among equal maxima: all of it goes to the first."""
    return solved(logits, temperature, top_k, top_p, cold=lambda s: (s == s.max()) / (s == s.max()).sum())


def last_maximum(logits, temperature=1.0, top_k=None, top_p=None):
    """At temperature 0 you take the last of equal maxima: the lower index counts as likelier."""
    return solved(logits, temperature, top_k, top_p, cold=lambda s: one_hot(s.flip(0)).flip(0))


def nan_at_zero(logits, temperature=1.0, top_k=None, top_p=None):
    """At temperature 0 you divide by 0: give all mass to the first maximum before you divide."""
    return solved(logits, temperature, top_k, top_p, cold=lambda s: (s / 0).softmax(-1))


def zero_is_one(logits, temperature=1.0, top_k=None, top_p=None):
    """You treat temperature 0 as 1: `temperature or 1.0` takes 0 for missing. It means the first maximum."""
    return solved(logits, temperature or 1.0, top_k, top_p)


def not_scaled_again(logits, temperature=1.0, top_k=None, top_p=None):
    """What is left does not sum to 1: divide it by its sum."""
    plain_k = lambda p, k: torch.where(torch.arange(len(p)) < k, p, 0)  # noqa: E731
    return solved(logits, temperature, top_k, top_p, k=plain_k, end=lambda p: p)


def softmax_again(logits, temperature=1.0, top_k=None, top_p=None):
    """You put the remaining probabilities through softmax once more: divide by their sum."""
    return solved(
        logits, temperature, top_k, top_p, end=lambda p: torch.where(p > 0, p, -torch.inf).softmax(-1)
    )


def crossing_token_left_out(logits, temperature=1.0, top_k=None, top_p=None):
    """You leave out the token with which the mass reaches top_p: it belongs to the set."""

    def cut(p, top_p):
        kept = p.cumsum(0) <= top_p + 1e-7
        kept[0] = True
        return torch.where(kept, p, 0)

    return solved(logits, temperature, top_k, top_p, p=cut)


def one_too_many(logits, temperature=1.0, top_k=None, top_p=None):
    """Where the mass reaches top_p exactly you keep one token more: the smallest set is enough."""
    return solved(
        logits, temperature, top_k, top_p, p=lambda p, m: torch.where(p.cumsum(0) - p <= m + 1e-7, p, 0)
    )


def threshold(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep the tokens whose own probability is at least top_p: it is the mass of the likeliest together
    that counts."""

    def cut(p, top_p):
        kept = p >= top_p
        kept[0] = True
        return torch.where(kept, p, 0)

    return solved(logits, temperature, top_k, top_p, p=cut)


def relative_threshold(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep tokens that are at least top_p times as likely as the likeliest: that is min-p."""
    return solved(logits, temperature, top_k, top_p, p=lambda p, m: torch.where(p >= m * p.max(), p, 0))


def unlikely_ones(logits, temperature=1.0, top_k=None, top_p=None):
    """You sort upwards, and keep the least likely tokens: sort with descending=True."""
    return solved(logits, temperature, top_k, top_p, order=lambda s: s.argsort(stable=True))


def sorted_order_kept(logits, temperature=1.0, top_k=None, top_p=None):
    """Your probabilities come back sorted: put each in the place of its token."""
    return solved(logits, temperature, top_k, top_p).sort(descending=True).values


def first_k(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep the first k tokens of the vocabulary: keep the k likeliest."""
    return solved(logits, temperature, top_k, top_p, order=lambda s: torch.arange(len(s)))


def ties_all_kept(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep every token as likely as the k-th: of equals the lower index counts as likelier, k stay."""
    return solved(
        logits,
        temperature,
        top_k,
        top_p,
        k=lambda p, k: (lambda q: q / q.sum())(torch.where(p >= p[min(k, len(p)) - 1] - 1e-7, p, 0)),
    )


def ties_by_higher_index(logits, temperature=1.0, top_k=None, top_p=None):
    """Of equally likely tokens you keep the one with the higher index: the lower counts as likelier."""
    return solved(
        logits,
        temperature,
        top_k,
        top_p,
        order=lambda s: len(s) - 1 - s.flip(0).argsort(descending=True, stable=True),
    )


def k_too_large_breaks(logits, temperature=1.0, top_k=None, top_p=None):
    """A top_k larger than the vocabulary breaks your code: it keeps all tokens."""
    if top_k is not None:
        torch.topk(logits, top_k)
    return solved(logits, temperature, top_k, top_p)


def k_ignored(logits, temperature=1.0, top_k=None, top_p=None):
    """top_k is not used: all but the k likeliest tokens get 0."""
    return solved(logits, temperature, None, top_p)


def p_ignored(logits, temperature=1.0, top_k=None, top_p=None):
    """top_p is not used: keep the fewest of the likeliest tokens whose mass reaches it."""
    return solved(logits, temperature, top_k, None)


def p_before_k(logits, temperature=1.0, top_k=None, top_p=None):
    """Your top-p counts the mass before top-k has cut, or without scaling in between: it looks at what
    top-k has left, scaled to sum 1."""
    return solved(logits, temperature, top_k, top_p, sequence="pk")


def k_or_p(logits, temperature=1.0, top_k=None, top_p=None):
    """With top_k given you ignore top_p: both can be given, top-p cuts what top-k has left."""
    return solved(logits, temperature, top_k, None if top_k is not None else top_p)


def k_means_one_less(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep one token more than top_k: k tokens stay."""
    return solved(logits, temperature, None if top_k is None else top_k + 1, top_p)


def overflows(logits, temperature=1.0, top_k=None, top_p=None):
    """Your own softmax overflows for large logits: use softmax of torch, or subtract the largest first."""
    return solved(logits, temperature, top_k, top_p, warm=lambda s, t: (s / t).exp() / (s / t).exp().sum())


def a_token(logits, temperature=1.0, top_k=None, top_p=None):
    """You return the likeliest token alone: the whole distribution is asked for, drawing comes later."""
    return one_hot(solved(logits, temperature, top_k, top_p))


def changes_logits(logits, temperature=1.0, top_k=None, top_p=None):
    """The caller's logits are changed: write `logits = logits / temperature`, not `logits /= temperature`."""
    with torch.no_grad():
        logits /= temperature or 1.0
    return solved(logits, 1.0 if temperature else 0, top_k, top_p)


def sorted_after_top_p(logits, temperature=1.0, top_k=None, top_p=None):
    """With top_p your probabilities come back sorted: put each in the place of its token."""
    p = solved(logits, temperature, top_k, top_p)
    return p if top_p is None or temperature == 0 else p.sort(descending=True).values


def cut_logits_are_zero(logits, temperature=1.0, top_k=None, top_p=None):
    """You set the logits of cut tokens to 0: softmax gives exp(0) = 1 to them. Set them to -inf, or their
    probabilities to 0."""
    if temperature == 0:
        return one_hot(logits)
    kept = solved(logits, temperature, top_k, top_p) > 0
    return torch.where(kept, logits / temperature, 0).softmax(-1)


def zeros_before_softmax_of_k(logits, temperature=1.0, top_k=None, top_p=None):
    """Top-k sets logits to 0 in yours: softmax gives exp(0) = 1 to them, so take -inf."""
    if temperature == 0:
        return one_hot(logits)
    scores = logits / temperature
    if top_k is not None:
        kept = scores.argsort(descending=True, stable=True)[:top_k]
        scores = torch.zeros_like(scores).scatter(0, kept, scores[kept])
    return solved(scores, 1.0, None, top_p)


def no_token_may_be_left(logits, temperature=1.0, top_k=None, top_p=None):
    """Where the likeliest token alone exceeds top_p you keep no token at all: the one with which the mass
    reaches top_p belongs to the set."""
    return solved(
        logits, temperature, top_k, top_p, p=lambda p, m: torch.where(p.cumsum(0) <= m + 1e-7, p, 0)
    )


def threshold_without_guard(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep the tokens whose own probability is at least top_p, and there may be none: it is the mass of
    the likeliest together that counts."""
    return solved(logits, temperature, top_k, top_p, p=lambda p, m: torch.where(p >= m, p, 0))


def p_before_temperature(logits, temperature=1.0, top_k=None, top_p=None):
    """You cut by top-p first: the order is temperature, top-k, top-p."""
    if temperature == 0:
        return one_hot(logits)
    if top_p is not None:
        kept = solved(logits, 1.0, None, top_p) > 0
        logits = torch.where(kept, logits, -torch.inf)
    return solved(logits, temperature, top_k, None)


def index_at_zero(logits, temperature=1.0, top_k=None, top_p=None):
    """At temperature 0 you return a token: a distribution is asked for, 1 at that token and 0 elsewhere."""
    return logits.argmax() if temperature == 0 else solved(logits, temperature, top_k, top_p)


def one_p_less(logits, temperature=1.0, top_k=None, top_p=None):
    """You cut the likeliest tokens whose mass reaches top_p and keep the rest: it is the other way round."""

    def cut(p, top_p):
        rest = torch.where(p.cumsum(0) - p < top_p - 1e-9, 0, p)
        return rest if rest.sum() > 0 else p

    return solved(logits, temperature, top_k, top_p, p=cut)


def never_quite_cold(logits, temperature=1.0, top_k=None, top_p=None):
    """You add a small number to the temperature, or never let it be 0: that shares the mass among equal
    maxima, and warms others. At 0 give all to the first maximum."""
    return solved(logits, temperature + 0.01, top_k, top_p)


def logarithms(logits, temperature=1.0, top_k=None, top_p=None):
    """You return log-probabilities: probabilities are asked for, which sum to 1."""
    return solved(logits, temperature, top_k, top_p).log()


def one_less_than_k(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep one token less than top_k: k tokens stay, so `p[:k]` or `place < k`."""
    return solved(
        logits,
        temperature,
        top_k,
        top_p,
        k=lambda p, k: (lambda q: q / q.sum())(torch.where(torch.arange(len(p)) < k - 1, p, 0)),
    )


def one_minus_p(logits, temperature=1.0, top_k=None, top_p=None):
    """You keep tokens up to the mass 1 - top_p: it is top_p that the kept ones reach."""
    return solved(
        logits, temperature, top_k, top_p, p=lambda p, m: torch.where(p.cumsum(0) - p < 1 - m, p, 0)
    )


def softmax_of_all_again(logits, temperature=1.0, top_k=None, top_p=None):
    """You put the probabilities through softmax once more, which gives to cut tokens again: divide by their
    sum."""
    if temperature == 0:
        return one_hot(logits)
    return solved(logits, temperature, top_k, top_p).softmax(-1)


# ------------------------------------------------------------------ the exercise


def sums_to_one(seen):
    """Probabilities must sum to 1: divide what is left by its sum."""
    return all(np.isclose(case.outputs["p"].sum(), 1, atol=1e-4) for case in seen.values())


def usual(n=7):
    """Always the same logits, their largest not in front."""
    return np.array([0.3, 1.9, -0.7, 2.6, 0.9, 1.2, -2.0])[:n]


def logs(*p):
    return np.log(np.array(p))


def spaced(rng, V):
    """Logits in any order, none close to another: the masses of the likeliest 1, 2, 3 tokens lie in 0.41 to
    0.47, 0.65 to 0.72 and 0.80 to 0.85."""
    return rng.permutation(0.56 * np.arange(V) + rng.uniform(-0.05, 0.05, size=V))


EXERCISE = Exercise(
    id="next_token_distribution",
    contract=(
        "next_token_distribution(logits, temperature=1.0, top_k=None, top_p=None) -> p; logits and p (V,). "
        "In this order: temperature (0 = all mass on the first maximum), top-k, top-p (the fewest likeliest "
        "tokens whose mass reaches p). Ties by lower index."
    ),
    minutes=25,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={"logits": ("V",)},
    outputs={"p": ("V",)},
    cases=[
        Case("nothing cut", lambda rng: (usual(),)),
        Case("temperature 2", lambda rng: (usual(),), {"temperature": 2.0}, weight=2),
        Case("temperature 0.5", lambda rng: (usual(),), {"temperature": 0.5}),
        Case("temperature 0", lambda rng: (usual(),), {"temperature": 0.0}),
        Case(
            "temperature 0, equal maxima",
            lambda rng: (np.array([-3.0, -1.0, -1.0, -4.0]),),
            {"temperature": 0},
        ),
        Case("top-k 3", lambda rng: (usual(),), {"top_k": 3}, weight=2),
        Case("top-k 1", lambda rng: (usual(),), {"top_k": 1}),
        Case("top-k 20 of 7", lambda rng: (usual(),), {"top_k": 20}),
        Case("top-k 2, a tie", lambda rng: (logs(0.2, 0.4, 0.2, 0.2),), {"top_k": 2}),
        Case("top-p 0.6", lambda rng: (usual(),), {"top_p": 0.6}, weight=2),
        Case("top-p reached exactly", lambda rng: (logs(0.25, 0.5, 0.125, 0.125),), {"top_p": 0.75}),
        Case("top-p 0.55, a tie", lambda rng: (logs(0.2, 0.4, 0.2, 0.2),), {"top_p": 0.55}),
        Case("top-p 0.05", lambda rng: (usual(),), {"top_p": 0.05}),
        Case("top-p 1", lambda rng: (usual(),), {"top_p": 1.0}),
        Case("top-k 3 and top-p 0.75", lambda rng: (logs(0.1, 0.4, 0.2, 0.3),), {"top_k": 3, "top_p": 0.75}),
        Case(
            "temperature 3 and top-p 0.6",
            lambda rng: (usual(),),
            {"temperature": 3.0, "top_p": 0.6},
        ),
        Case(
            "top-k 4, top-p 0.5, temperature 0.7",
            lambda rng: (usual(),),
            {"temperature": 0.7, "top_k": 4, "top_p": 0.5},
        ),
        Case("large logits", lambda rng: (1000 * usual(),)),
        Case(
            "9 logits, temperature 1.5, top-k 4",
            lambda rng: (spaced(rng, 9),),
            {"temperature": 1.5, "top_k": 4},
        ),
        Case("9 logits, top-p 0.75", lambda rng: (spaced(rng, 9),), {"top_p": 0.75}),
        Case("11 logits, temperature 0.7", lambda rng: (spaced(rng, 11),), {"temperature": 0.7}),
    ],
    reference=decoding.next_token_distribution,
    solution=next_token_distribution,
    right=[next_token_distribution, with_loops, with_masked_logits],
    wrong=[
        multiplied_by_temperature,
        temperature_after_softmax,
        root_of_temperature,
        temperature_last,
        shared_at_zero,
        last_maximum,
        nan_at_zero,
        zero_is_one,
        not_scaled_again,
        softmax_again,
        crossing_token_left_out,
        one_too_many,
        threshold,
        relative_threshold,
        unlikely_ones,
        sorted_order_kept,
        first_k,
        ties_all_kept,
        ties_by_higher_index,
        k_too_large_breaks,
        k_ignored,
        p_ignored,
        p_before_k,
        k_or_p,
        k_means_one_less,
        overflows,
        a_token,
        changes_logits,
        one_less_than_k,
        one_minus_p,
        softmax_of_all_again,
        sorted_after_top_p,
        cut_logits_are_zero,
        zeros_before_softmax_of_k,
        no_token_may_be_left,
        threshold_without_guard,
        p_before_temperature,
        index_at_zero,
        one_p_less,
        never_quite_cold,
        logarithms,
    ],
    properties=[sums_to_one],
    hints=[
        "Three steps in a fixed order. What is left after each of them, and does it still sum to 1?",
        (
            "Sort once: `order = logits.argsort(descending=True, stable=True)`. Then top-k cuts by place, "
            "and top-p by the mass that stands before a token. Put everything back at the end."
        ),
        (
            "`mass_before = p.cumsum(0) - p`, keep where `mass_before < top_p`; "
            "`torch.zeros_like(p).scatter(0, order, p / p.sum())`."
        ),
    ],
)
