"""Exercise `causal_loss` (lesson 17): each position is asked for the token after it."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import Case, Exercise
from course_lib.training import losses

# ------------------------------------------------------------------ a solution, and other right ways


def causal_loss(logits, ids):
    predicted, wanted = logits[:, :-1], ids[:, 1:]
    return F.cross_entropy(predicted.flatten(0, 1), wanted.flatten())


def with_gather(logits, ids):
    log_p = logits.log_softmax(dim=-1)[:, :-1]
    return -log_p.gather(-1, ids[:, 1:].unsqueeze(-1)).mean()


def with_loops(logits, ids):
    B, n = ids.shape
    nats = [
        torch.logsumexp(logits[b, i], 0) - logits[b, i, ids[b, i + 1]] for b in range(B) for i in range(n - 1)
    ]
    return sum(nats) / len(nats)


def with_classes_on_axis_1(logits, ids):
    return F.cross_entropy(logits.transpose(1, 2)[..., :-1], ids[:, 1:])


def by_the_library(logits, ids):
    return losses.smoothed_cross_entropy(logits[:, :-1], ids[:, 1:], pad=-1)


# ------------------------------------------------------------------ stored wrong answers


def nats_of(logits, ids):
    """-ln p of each of these ids (B, n) by the logits of the same place."""
    return -logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def next_nats(logits, ids):
    """-ln p of each next token, (B, n - 1)."""
    return nats_of(logits[:, :-1], ids[:, 1:])


def not_shifted(logits, ids):
    """You compare the logits at position i with token i, which the model has read: they predict token i +
    1."""
    return nats_of(logits, ids).mean()


def shifted_backwards(logits, ids):
    """You shift the wrong way: the logits at position i predict token i + 1, so logits[:, :-1] against
    ids[:, 1:]."""
    return nats_of(logits[:, 1:], ids[:, :-1]).mean()


def shifted_by_two(logits, ids):
    """You shift by two places: the logits at position i predict token i + 1, the very next one."""
    return nats_of(logits[:, :-2], ids[:, 2:]).mean() if ids.shape[1] > 2 else logits.sum() * 0


def rolled(logits, ids):
    """You roll the ids round, so that the last position must predict the first token: leave the last logits
    out, as nothing follows them."""
    return nats_of(logits, ids.roll(-1, dims=1)).mean()


def zero_after_the_last(logits, ids):
    """You ask the last position for token 0, which does not follow it: leave the last logits out, as nothing
    follows them."""
    return nats_of(logits, F.pad(ids[:, 1:], (0, 1))).mean()


def both_cut_in_front(logits, ids):
    """You cut the first place off both, so each position is asked for its own token: logits[:, :-1] against
    ids[:, 1:]."""
    return nats_of(logits[:, 1:], ids[:, 1:]).mean()


def both_cut_at_the_end(logits, ids):
    """You cut the last place off both, so each position is asked for its own token: logits[:, :-1] against
    ids[:, 1:]."""
    return nats_of(logits[:, :-1], ids[:, :-1]).mean()


def logits_not_cut(logits, ids):
    """Your logits have n places, the next tokens n - 1: leave the last logits out, logits[:, :-1], as nothing
    follows them."""
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def batch_cut(logits, ids):
    """You cut along the examples: positions stand on axis 1, so logits[:, :-1] and ids[:, 1:]."""
    return nats_of(logits[:-1], ids[1:]).mean()


def flattened_first(logits, ids):
    """You flatten first and shift afterwards, so the last position of an example must predict the first token
    of the next: shift along axis 1, then flatten."""
    return F.cross_entropy(logits.flatten(0, 1)[:-1], ids.flatten()[1:])


def last_position_alone(logits, ids):
    """You count the last prediction alone: all n - 1 of them count, that is what makes training quick."""
    return next_nats(logits, ids)[:, -1].mean()


def first_position_alone(logits, ids):
    """You count the first prediction alone: all n - 1 of them count."""
    return next_nats(logits, ids)[:, 0].mean()


def first_example_alone(logits, ids):
    """You count the first example alone: the mean is over all B * (n - 1) predictions."""
    return next_nats(logits, ids)[0].mean()


def sum_of_all(logits, ids):
    """You return the sum: divide by the number of predictions, B * (n - 1)."""
    return next_nats(logits, ids).sum()


def divided_by_all_places(logits, ids):
    """You divide by B * n: each example has n - 1 predictions, as nothing follows the last token."""
    return next_nats(logits, ids).sum() / ids.numel()


def divided_by_examples(logits, ids):
    """You divide by the number of examples: divide by that of predictions, B * (n - 1)."""
    return next_nats(logits, ids).sum() / len(ids)


def divided_by_positions(logits, ids):
    """You divide by n - 1 alone: the batch counts as well, B * (n - 1) predictions."""
    return next_nats(logits, ids).sum() / (ids.shape[1] - 1)


def mean_over_the_vocabulary_too(logits, ids):
    """You divide by V as well, as a mean over the whole table does: each prediction counts as one."""
    return next_nats(logits, ids).mean() / logits.shape[-1]


def one_loss_each(logits, ids):
    """You return a loss for each prediction: take the mean, one number."""
    return next_nats(logits, ids)


def one_loss_an_example(logits, ids):
    """You return a loss for each example: take the mean over all, one number."""
    return next_nats(logits, ids).mean(-1)


def sign_forgotten(logits, ids):
    """Your loss is negative: the loss is minus the log-probability."""
    return -next_nats(logits, ids).mean()


def no_softmax(logits, ids):
    """You take the logits for log-probabilities: `log_softmax` makes these of them."""
    return -logits[:, :-1].gather(-1, ids[:, 1:].unsqueeze(-1)).mean()


def softmax_twice(logits, ids):
    """Softmax is taken twice: F.cross_entropy and log_softmax take the logits as they come."""
    return next_nats(logits.softmax(-1), ids).mean()


def no_logarithm(logits, ids):
    """You add up 1 - p in place of -ln p: take `log_softmax`."""
    return (1 - (-next_nats(logits, ids)).exp()).mean()


def probability_alone(logits, ids):
    """You add up -p in place of -ln p: the logarithm is missing, take `log_softmax`."""
    return -(-next_nats(logits, ids)).exp().mean()


def base_two(logits, ids):
    """Your logarithm has base 2 (bits): here the loss is in nats, the natural logarithm."""
    return next_nats(logits, ids).mean() / np.log(2)


def log_of_softmax(logits, ids):
    """You take the logarithm of softmax: a probability that has become 0 gives -inf. `log_softmax` never
    forms it."""
    log_p = logits[:, :-1].softmax(-1).log()
    return -log_p.gather(-1, ids[:, 1:].unsqueeze(-1)).mean()


def own_softmax_overflows(logits, ids):
    """Your own softmax overflows for large logits: take `log_softmax`, or subtract the largest first."""
    powers = logits[:, :-1].exp()
    p = powers / powers.sum(-1, keepdim=True)
    return -p.gather(-1, ids[:, 1:].unsqueeze(-1)).log().mean()


def log_of_p_plus_eps(logits, ids):
    """A small number added to the probabilities caps your loss: a very wrong token costs too little. Take
    `log_softmax`."""
    p = logits[:, :-1].softmax(-1) + 1e-9
    return -p.gather(-1, ids[:, 1:].unsqueeze(-1)).log().mean()


def softmax_over_the_places(logits, ids):
    """Your softmax runs along the sequence: it runs over the vocabulary, dim=-1."""
    log_p = logits[:, :-1].log_softmax(dim=1)
    return -log_p.gather(-1, ids[:, 1:].unsqueeze(-1)).mean()


def classes_on_the_last_axis(logits, ids):
    """F.cross_entropy looks for the classes on axis 1: flatten to (B * (n - 1), V) and (B * (n - 1),)
    first."""
    return F.cross_entropy(logits[:, :-1], ids[:, 1:])


def reshaped_for_the_classes(logits, ids):
    """You view or reshape the logits into (B, V, n - 1), which mixes their numbers: exchange the axes with
    transpose(1, 2)."""
    B, n, V = logits.shape
    return F.cross_entropy(logits[:, :-1].reshape(B, V, n - 1), ids[:, 1:])


def zero_is_padding(logits, ids):
    """You leave out token 0 as if it were padding: here every token counts."""
    nats, keep = next_nats(logits, ids), ids[:, 1:] != 0
    return (nats * keep).sum() / keep.sum().clamp(min=1)


def perplexity(logits, ids):
    """You return the perplexity: the loss is its logarithm, leave the exp out."""
    return next_nats(logits, ids).mean().exp()


def squared_error(logits, ids):
    """You measure the squared distance between probabilities and a one-hot target: the loss is -ln p of the
    token that came."""
    p = logits[:, :-1].softmax(-1)
    return (p - F.one_hot(ids[:, 1:], logits.shape[-1])).square().sum(-1).mean()


def changes_logits(logits, ids):
    """The caller's logits are changed in place: write `logits = logits - ...`, not `logits -= ...`."""
    logits -= logits.amax(-1, keepdim=True)
    return next_nats(logits, ids).mean()


def divided_by_n(logits, ids):
    """You divide the sum by n alone: there are B * (n - 1) predictions, n - 1 in each of B examples."""
    return next_nats(logits, ids).sum() / ids.shape[1]


def last_position_for_its_own_token(logits, ids):
    """You ask the last position for its own token: the logits at position i predict token i + 1, and all n -
    1 predictions count."""
    return nats_of(logits, ids)[:, -1].mean()


def smoothed(logits, ids):
    """You smooth the targets: here the loss is -ln p of the token that came, without label smoothing."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), label_smoothing=0.1)


def share_of_errors(logits, ids):
    """You return the share of wrong guesses, which has no slope to learn from: the loss is -ln p of the token
    that came."""
    return (logits[:, :-1].argmax(-1) != ids[:, 1:]).to(logits.dtype).mean()


# ------------------------------------------------------------------ the exercise


def the_first_token_is_never_asked_for(seen):
    """The first token changes your loss: nothing comes before it that could predict it."""
    one, other = (seen[name].outputs["loss"] for name in ("2 examples of 4", "another first token"))
    return np.isclose(one, other, rtol=1e-4, atol=1e-5)


def the_last_logits_do_not_count(seen):
    """The logits at the last position change your loss: nothing follows that they could predict."""
    one, other = (seen[name].outputs["loss"] for name in ("2 examples of 4", "other logits at the end"))
    return np.isclose(one, other, rtol=1e-4, atol=1e-5)


def usual(first=3, last=1.0):
    """Always the same 2 examples of 4 tokens, 7 tokens in the vocabulary."""
    logits = 2 * np.random.default_rng(17).normal(size=(2, 4, 7))
    logits[:, -1] *= last
    return logits, np.array([[first, 1, 0, 5], [2, 6, 4, 0]])


def by_hand(rows, ids):
    """Logits that are the logarithms of probabilities."""
    return lambda rng: (np.log(np.array([rows])), np.array([ids]))


def random(B, n, V, size=1.0):
    return lambda rng: (size * rng.normal(size=(B, n, V)), rng.integers(V, size=(B, n)))


EXERCISE = Exercise(
    id="causal_loss",
    contract=(
        "causal_loss(logits, ids) -> loss, a single number in nats; logits (B, n, V), ids (B, n), n >= 2. "
        "The logits at position i predict token i + 1: mean of -ln p over all B * (n - 1) predictions."
    ),
    minutes=12,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"logits": ("B", "n", "V"), "ids": ("B", "n")},
    outputs={"loss": ()},
    cases=[
        Case("2 examples of 4", lambda rng: usual(), weight=3),
        Case("another first token", lambda rng: usual(first=6)),
        Case("other logits at the end", lambda rng: usual(last=-3.0)),
        Case(
            "by hand: 1/2, then 1/8",
            by_hand([[0.5, 0.25, 0.25], [0.5, 0.375, 0.125], [0.8, 0.1, 0.1]], [1, 0, 2]),
        ),
        Case("by hand: one prediction, 1/4", by_hand([[0.25, 0.75], [0.5, 0.5]], [1, 0])),
        Case("equal logits", lambda rng: (np.zeros((1, 3, 5)), np.array([[4, 2, 1]]))),
        Case("3 examples of 5", random(3, 5, 11), weight=2),
        Case("one example", random(1, 6, 3)),
        Case("large logits", lambda rng: random(2, 4, 5, 300.0)(np.random.default_rng(1))),
        Case("as many places as tokens", random(3, 3, 3)),
        Case("one token more than the vocabulary", random(2, 6, 5)),
    ],
    reference=by_the_library,
    solution=causal_loss,
    right=[causal_loss, with_gather, with_loops, with_classes_on_axis_1],
    wrong=[
        not_shifted,
        shifted_backwards,
        shifted_by_two,
        rolled,
        zero_after_the_last,
        both_cut_in_front,
        both_cut_at_the_end,
        logits_not_cut,
        batch_cut,
        flattened_first,
        last_position_alone,
        first_position_alone,
        first_example_alone,
        sum_of_all,
        divided_by_all_places,
        divided_by_examples,
        divided_by_positions,
        mean_over_the_vocabulary_too,
        one_loss_each,
        one_loss_an_example,
        sign_forgotten,
        no_softmax,
        softmax_twice,
        no_logarithm,
        probability_alone,
        base_two,
        log_of_softmax,
        own_softmax_overflows,
        log_of_p_plus_eps,
        softmax_over_the_places,
        classes_on_the_last_axis,
        reshaped_for_the_classes,
        zero_is_padding,
        perplexity,
        squared_error,
        changes_logits,
        divided_by_n,
        last_position_for_its_own_token,
        smoothed,
        share_of_errors,
    ],
    properties=[the_first_token_is_never_asked_for, the_last_logits_do_not_count],
    hints=[
        "Which token do the logits at position 0 predict? And which do those at the last position?",
        "`logits[:, :-1]` against `ids[:, 1:]`: B * (n - 1) predictions. F.cross_entropy wants V on axis 1.",
        "`F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())`.",
    ],
)
