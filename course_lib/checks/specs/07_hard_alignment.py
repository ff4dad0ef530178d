"""Exercise `hard_alignment` (lesson 07): where each output token looked most."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def hard_alignment(weights, keep):
    hidden = weights.masked_fill(~keep[:, None, :], -1)  # below every weight
    places = hidden.argmax(dim=-1)
    return places.masked_fill(~keep.any(dim=-1, keepdim=True), -1)


def with_where(weights, keep):
    seen = torch.where(keep.unsqueeze(1), weights, torch.full_like(weights, -torch.inf))
    places = seen.argmax(-1)
    places[~keep.any(-1)] = -1
    return places


def with_loops(weights, keep):
    rows = []
    for b in range(len(weights)):
        for row in weights[b].tolist():
            best = -1
            for j, weight in enumerate(row):
                if keep[b, j] and (best == -1 or weight > row[best]):
                    best = j
            rows.append(best)
    return torch.tensor(rows, dtype=torch.long).view(weights.shape[:2])


def with_numpy(weights, keep):
    w, real = weights.numpy(), keep.numpy()
    places = np.where(real[:, None], w, -np.inf).argmax(axis=-1)
    return np.where(real.any(axis=-1)[:, None], places, -1)


# ------------------------------------------------------------------ stored wrong answers


def keep_ignored(weights, keep):
    """You let padding win: where a model was run without its mask, padding has weight too. Hide it before
    you take the largest."""
    places = weights.argmax(-1)
    return places.masked_fill(~keep.any(-1, keepdim=True), -1)


def nothing_minded(weights, keep):
    """You take the largest weight as it stands. Hide the padding first, and give -1 where no token is
    real."""
    return weights.argmax(-1)


def empty_is_zero(weights, keep):
    """A source without a real token has no place to look at: return -1 there, not 0."""
    return weights.masked_fill(~keep[:, None], -1).argmax(-1)


def empty_is_n(weights, keep):
    """A source without a real token has no place to look at: return -1 there, not the number of tokens."""
    places = hard_alignment(weights, keep)
    return torch.where(places < 0, weights.shape[-1], places)


def over_queries(weights, keep):
    """You look down the columns: which output token looks most at a source token. Asked is the way round,
    along the last axis."""
    hidden = weights.masked_fill(~keep[:, None], -1)
    best = hidden.argmax(1)[:, :1].expand(-1, weights.shape[1]).clone()
    return best.masked_fill(~keep.any(-1, keepdim=True), -1)


def last_of_equals(weights, keep):
    """Of equal weights you take the last: take the first."""
    hidden = weights.masked_fill(~keep[:, None], -1)
    places = weights.shape[-1] - 1 - hidden.flip(-1).argmax(-1)
    return places.masked_fill(~keep.any(-1, keepdim=True), -1)


def from_one(weights, keep):
    """Your places count from 1: in this course they count from 0."""
    return hard_alignment(weights, keep) + 1


def keep_turned(weights, keep):
    """You read the mask the wrong way round: True means a real token."""
    return hard_alignment(weights, ~keep)


def smallest(weights, keep):
    """You take the smallest weight: asked is the token that was looked at most."""
    places = weights.masked_fill(~keep[:, None], 2).argmin(-1)
    return places.masked_fill(~keep.any(-1, keepdim=True), -1)


def hidden_by_zero(weights, keep):
    """You set padding to 0 before you look: where all real weights are 0 too, padding may then win. Hide it
    with a number below 0."""
    places = (weights * keep[:, None]).argmax(-1)
    return places.masked_fill(~keep.any(-1, keepdim=True), -1)


def first_mask_for_all(weights, keep):
    """You use the mask of the first example for all: each source has a length of its own."""
    return hard_alignment(weights, keep[:1].expand_as(keep))


def weights_returned(weights, keep):
    """You return how large the largest weight is: asked is where it stands."""
    return weights.masked_fill(~keep[:, None], -1).amax(-1)


def expected_place(weights, keep):
    """You return the mean place under the weights, rounded. It may fall between two tokens, where nobody
    looked: take the place of the largest weight."""
    w = weights * keep[:, None]
    mean = (w * torch.arange(w.shape[-1])).sum(-1) / w.sum(-1).clamp(min=1e-9)
    return mean.round().long().masked_fill(~keep.any(-1, keepdim=True), -1)


def forced_forward(weights, keep):
    """Your places never go back. Languages order their words differently, so an alignment may jump to the
    left."""
    return torch.cummax(hard_alignment(weights, keep), dim=-1).values


def places_used_once(weights, keep):
    """You give every source token away once only: several output tokens may look at the same one."""
    result = hard_alignment(weights, keep)
    for b, row in enumerate(result.tolist()):
        used = set()
        for i, place in enumerate(row):
            if place >= 0 and place in used:
                free = [j for j in range(weights.shape[-1]) if keep[b, j] and j not in used]
                place = max(free, key=lambda j, b=b, i=i: weights[b, i, j].item()) if free else place
                result[b, i] = place
            used.add(place)
    return result


def among_real_ones(weights, keep):
    """You cut the padding out and count among the real tokens alone: the place must be that in the whole
    row."""
    result = hard_alignment(weights, keep)
    before = (keep.long().cumsum(-1) - 1).clamp(min=0)
    return torch.where(result < 0, result, before.gather(1, result.clamp(min=0)))


def changes_weights(weights, keep):
    """The caller's weights are changed in place: use masked_fill, without the underscore."""
    return hard_alignment(weights.masked_fill_(~keep[:, None], -1), keep)


# ------------------------------------------------------------------ the exercise


def only_real_places(seen):
    """A place must be that of a real token, or -1 where there is none."""
    for case in seen.values():
        places, keep = np.asarray(case.outputs["places"]).astype(int), case.inputs["keep"]
        if places.shape[0] != len(keep) or places.min() < -1 or places.max() >= keep.shape[1]:
            return False
        real = np.take_along_axis(keep, places.clip(0), axis=1)
        if not np.all(real | (places == -1)):
            return False
    return True


def drawn(rng, n_q, n_k, lengths):
    weights = rng.dirichlet(np.ones(n_k), size=(len(lengths), n_q))
    return weights, np.arange(n_k) < np.array(lengths)[:, None]


def written(rows, keep):
    return np.array([rows], dtype=float), np.array([keep])


EXERCISE = Exercise(
    id="hard_alignment",
    contract=(
        "hard_alignment(weights, keep) -> places; weights (B, n_q, n_k), keep (B, n_k) bool, places (B, n_q) "
        "whole numbers: the real source place with the largest weight, the first of equals; -1 where no "
        "source token is real."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    takes="torch",
    arguments={"weights": ("B", "n_q", "n_k"), "keep": ("B", "n_k")},
    outputs={"places": ("B", "n_q")},
    whole={"places": "places are whole numbers: they are used as indices"},
    cases=[
        Case("2 sources of 7 and 4 tokens", lambda rng: drawn(rng, 3, 7, [7, 4]), weight=3),
        Case("4 sources of different length", lambda rng: drawn(rng, 5, 6, [2, 6, 1, 3])),
        Case("two places, alike", lambda rng: written([[0.4, 0.2, 0.4], [0.2, 0.4, 0.4]], [True] * 3)),
        Case("most of it on padding", lambda rng: written([[0.1, 0.2, 0.7]], [True, True, False])),
        Case("all of it on padding", lambda rng: written([[1.0, 0.0, 0.0]] * 2, [False, True, True])),
        Case(
            "padding in front", lambda rng: written([[0.1, 0.2, 0.7], [0.3, 0.6, 0.1]], [False, True, True])
        ),
        Case("back and forth", lambda rng: written(np.eye(4)[[2, 0, 0, 3, 1]], [True] * 4)),
        Case("a source of padding", lambda rng: drawn(rng, 2, 3, [0, 2])),
        Case("square", lambda rng: drawn(rng, 4, 4, [4, 3, 2, 4])),
    ],
    reference=with_where,
    solution=hard_alignment,
    right=[hard_alignment, with_where, with_loops, with_numpy],
    wrong=[
        keep_ignored,
        nothing_minded,
        empty_is_zero,
        empty_is_n,
        over_queries,
        last_of_equals,
        from_one,
        keep_turned,
        smallest,
        hidden_by_zero,
        first_mask_for_all,
        weights_returned,
        expected_place,
        forced_forward,
        places_used_once,
        among_real_ones,
        changes_weights,
    ],
    properties=[only_real_places],
    hints=[
        "Where is the largest weight of each row? May padding win? What if there is no real token at all?",
        (
            "Give the hidden places a number below every weight, such as -1: 0 is not enough, since a real "
            "weight may be 0 too. `keep[:, None, :]` stretches the mask over the queries."
        ),
        "`weights.masked_fill(~keep[:, None], -1).argmax(dim=-1)`, then -1 where `~keep.any(dim=-1)`.",
    ],
)
