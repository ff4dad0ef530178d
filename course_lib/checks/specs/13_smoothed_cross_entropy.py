"""Exercise `smoothed_cross_entropy` (lesson 13): the loss of a language model, with softened targets."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import Case, Exercise
from course_lib.training import losses

# ------------------------------------------------------------------ a solution, and other right ways


def smoothed_cross_entropy(logits, targets, pad, smoothing=0.0):
    keep = targets != pad
    if not keep.any():
        return logits.sum() * 0
    log_p = logits[keep].log_softmax(dim=-1)
    right = log_p.gather(-1, targets[keep].unsqueeze(-1)).squeeze(-1)
    return -((1 - smoothing) * right + smoothing * log_p.mean(dim=-1)).mean()


def with_torchs_own(logits, targets, pad, smoothing=0.0):
    n_vocab, real = logits.shape[-1], (targets != pad).sum()
    total = F.cross_entropy(
        logits.reshape(-1, n_vocab),
        targets.reshape(-1),
        ignore_index=pad,
        label_smoothing=smoothing,
        reduction="sum",
    )
    return total / real.clamp(min=1)


def with_soft_targets(logits, targets, pad, smoothing=0.0):
    n_vocab = logits.shape[-1]
    keep = (targets != pad).to(logits.dtype)
    names = torch.where(targets == pad, 0, targets)
    soft = (1 - smoothing) * F.one_hot(names, n_vocab) + smoothing / n_vocab
    losses_of_tokens = -(soft * torch.log_softmax(logits, 2)).sum(2)
    return (losses_of_tokens * keep).sum() / max(keep.sum(), 1)


def with_loops(logits, targets, pad, smoothing=0.0):
    total, count = 0.0, 0
    for row, names in zip(logits, targets, strict=True):
        for scores, name in zip(row, names, strict=True):
            if name != pad:
                log_p = scores - scores.logsumexp(0)
                total = total - (1 - smoothing) * log_p[name] - smoothing * log_p.sum() / len(log_p)
                count += 1
    return total / count if count else 0.0


# ------------------------------------------------------------------ stored wrong answers


def parts(logits, targets, pad):
    """Mask of real tokens, log-probabilities of all tokens, those of the right ones (pad counts as 0)."""
    log_p = logits.log_softmax(dim=-1)
    names = torch.where(targets == pad, 0, targets)
    return targets != pad, log_p, log_p.gather(-1, names.unsqueeze(-1)).squeeze(-1)


def mean_of(loss, keep):
    """Mean over the real tokens, 0 without any."""
    return (loss * keep).sum() / keep.sum().clamp(min=1)


def smoothing_ignored(logits, targets, pad, smoothing=0.0):
    """`smoothing` is not used: the right token gets 1 - s of the target, and every token s / V on top."""
    return smoothed_cross_entropy(logits, targets, pad)


def pad_counts_too(logits, targets, pad, smoothing=0.0):
    """The padded places count in your sum and in your mean: leave them out, `targets != pad`."""
    log_p = logits.log_softmax(dim=-1)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -((1 - smoothing) * right + smoothing * log_p.mean(dim=-1)).mean()


def divided_by_all_places(logits, targets, pad, smoothing=0.0):
    """You leave the padding out of the sum and still divide by all places: divide by the number of real
    tokens."""
    keep, log_p, right = parts(logits, targets, pad)
    return -(((1 - smoothing) * right + smoothing * log_p.mean(-1)) * keep).sum() / keep.numel()


def mean_of_sentence_means(logits, targets, pad, smoothing=0.0):
    """You take the mean of each sentence and then the mean of these: short sentences count too much; every
    real token counts alike."""
    keep, log_p, right = parts(logits, targets, pad)
    loss = -((1 - smoothing) * right + smoothing * log_p.mean(-1)) * keep
    means = loss.sum(-1) / keep.sum(-1).clamp(min=1)
    return means[keep.any(-1)].mean() if keep.any() else means.sum() * 0


def sum_of_all(logits, targets, pad, smoothing=0.0):
    """You return the sum: divide by the number of real tokens."""
    keep, log_p, right = parts(logits, targets, pad)
    return -(((1 - smoothing) * right + smoothing * log_p.mean(-1)) * keep).sum()


def divided_by_sentences(logits, targets, pad, smoothing=0.0):
    """You divide by the number of sentences: divide by the number of real tokens."""
    return sum_of_all(logits, targets, pad, smoothing) / len(logits)


def nan_without_tokens(logits, targets, pad, smoothing=0.0):
    """Without a real token you divide 0 by 0: the loss is 0 then."""
    keep, log_p, right = parts(logits, targets, pad)
    return -((1 - smoothing) * right + smoothing * log_p.mean(-1))[keep].mean()


def pad_is_zero(logits, targets, pad, smoothing=0.0):
    """You take 0 for the padding whatever `pad` is: compare with the argument."""
    return with_torchs_own(logits, targets, 0, smoothing)


def sign_forgotten(logits, targets, pad, smoothing=0.0):
    """Your loss is negative: the loss is minus the log-probability."""
    return -smoothed_cross_entropy(logits, targets, pad, smoothing)


def no_softmax(logits, targets, pad, smoothing=0.0):
    """You take the logits for log-probabilities: `log_softmax` makes these of them."""
    keep = targets != pad
    right = logits.gather(-1, torch.where(keep, targets, 0).unsqueeze(-1)).squeeze(-1)
    return mean_of(-((1 - smoothing) * right + smoothing * logits.mean(-1)), keep)


def no_logarithm(logits, targets, pad, smoothing=0.0):
    """You add up 1 - p in place of -ln p: take `log_softmax`."""
    keep, log_p, right = parts(logits, targets, pad)
    return mean_of(1 - (1 - smoothing) * right.exp() - smoothing * log_p.exp().mean(-1), keep)


def base_two(logits, targets, pad, smoothing=0.0):
    """Your logarithm has base 2 (bits): here the loss is in nats, the natural logarithm."""
    return smoothed_cross_entropy(logits, targets, pad, smoothing) / np.log(2)


def softmax_over_the_places(logits, targets, pad, smoothing=0.0):
    """Your softmax runs along the sentence: it runs over the vocabulary, dim=-1."""
    turned = logits.log_softmax(dim=1)
    keep = targets != pad
    right = turned.gather(-1, torch.where(keep, targets, 0).unsqueeze(-1)).squeeze(-1)
    return mean_of(-((1 - smoothing) * right + smoothing * turned.mean(-1)), keep)


def smoothing_exchanged(logits, targets, pad, smoothing=0.0):
    """The right token gets `smoothing` and the spread 1 - smoothing: it is the other way round."""
    return smoothed_cross_entropy(logits, targets, pad, 1 - smoothing)


def right_token_keeps_all(logits, targets, pad, smoothing=0.0):
    """Your target adds up to 1 + s: the right token gives s away, (1 - s) on it and s / V on every token."""
    keep, log_p, right = parts(logits, targets, pad)
    return mean_of(-(right + smoothing * log_p.mean(-1)), keep)


def spread_missing(logits, targets, pad, smoothing=0.0):
    """You shrink the right token's part and forget to hand out the rest: s / V goes to every token."""
    return (1 - smoothing) * smoothed_cross_entropy(logits, targets, pad)


def spread_not_divided(logits, targets, pad, smoothing=0.0):
    """You give s to every token: they share it, s / V for each of the V."""
    keep, log_p, right = parts(logits, targets, pad)
    return mean_of(-((1 - smoothing) * right + smoothing * log_p.sum(-1)), keep)


def others_share_by_v(logits, targets, pad, smoothing=0.0):
    """Your target adds up to less than 1: the right token gets its s / V as well, on top of 1 - s."""
    keep, log_p, right = parts(logits, targets, pad)
    n_vocab = logits.shape[-1]
    return mean_of(-((1 - smoothing) * right + smoothing * (log_p.sum(-1) - right) / n_vocab), keep)


def smooths_the_output(logits, targets, pad, smoothing=0.0):
    """You soften the model's probabilities: the targets are softened, the model's output stays as it is."""
    keep, _, right = parts(logits, targets, pad)
    p = (1 - smoothing) * right.exp() + smoothing / logits.shape[-1]
    return mean_of(-p.log(), keep)


def overflows(logits, targets, pad, smoothing=0.0):
    """Your own softmax overflows or its logarithm is -inf for large logits: take `log_softmax`, which is
    safe."""
    keep = targets != pad
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    right = p.gather(-1, torch.where(keep, targets, 0).unsqueeze(-1)).squeeze(-1)
    return mean_of(-((1 - smoothing) * right.log() + smoothing * p.log().mean(-1)), keep)


def padded_smoothing(logits, targets, pad, smoothing=0.0):
    """The spread of the padded places is still in your loss: leave them out as a whole, the smoothing too."""
    keep, log_p, right = parts(logits, targets, pad)
    loss = (1 - smoothing) * right * keep + smoothing * log_p.mean(-1)
    return -loss.sum() / keep.sum().clamp(min=1)


def changes_targets(logits, targets, pad, smoothing=0.0):
    """The caller's targets are changed in place: write to a copy, `targets.clone()` or torch.where."""
    loss = smoothed_cross_entropy(logits, targets, pad, smoothing)
    targets[targets == pad] = 0
    return loss


def log_of_softmax(logits, targets, pad, smoothing=0.0):
    """You take the logarithm of softmax: a probability that has become 0 gives -inf. `log_softmax` never
    forms it."""
    keep = targets != pad
    log_p = logits.softmax(-1).log()
    right = log_p.gather(-1, torch.where(keep, targets, 0).unsqueeze(-1)).squeeze(-1)
    loss = -((1 - smoothing) * right + smoothing * log_p.mean(-1))
    return torch.where(keep, loss, 0).sum() / keep.sum().clamp(min=1)


def log_of_p_plus_eps(logits, targets, pad, smoothing=0.0):
    """A small number added to the probabilities caps your loss: a very wrong token costs too little. Take
    `log_softmax`."""
    keep = targets != pad
    log_p = (logits.softmax(-1) + 1e-9).log()
    right = log_p.gather(-1, torch.where(keep, targets, 0).unsqueeze(-1)).squeeze(-1)
    return mean_of(-((1 - smoothing) * right + smoothing * log_p.mean(-1)), keep)


def divergence(logits, targets, pad, smoothing=0.0):
    """You compute the divergence, as kl_div does: the entropy of the softened target is taken off. The
    gradient is the same, the loss is not; here it is the cross entropy."""
    keep, log_p, _ = parts(logits, targets, pad)
    names = torch.where(keep, targets, 0)
    n_vocab = logits.shape[-1]
    soft = (1 - smoothing) * F.one_hot(names, n_vocab) + smoothing / n_vocab
    return mean_of(F.kl_div(log_p, soft.to(log_p.dtype), reduction="none").sum(-1), keep)


def softmax_twice(logits, targets, pad, smoothing=0.0):
    """Softmax is taken twice: log_softmax and F.cross_entropy take the logits as they come."""
    return smoothed_cross_entropy(logits.softmax(-1), targets, pad, smoothing)


def smoothing_fixed(logits, targets, pad, smoothing=0.0):
    """You take 0.1 whatever `smoothing` is: take the argument."""
    return smoothed_cross_entropy(logits, targets, pad, 0.1)


def larger_ids_alone(logits, targets, pad, smoothing=0.0):
    """You count the ids that are larger than pad: any id but pad counts, `targets != pad`."""
    _, log_p, right = parts(logits, targets, pad)
    return mean_of(-((1 - smoothing) * right + smoothing * log_p.mean(-1)), targets > pad)


def stops_at_the_first_pad(logits, targets, pad, smoothing=0.0):
    """You leave out all that follows the first pad: padding may stand in front as well, so look at each place
    alone."""
    keep, log_p, right = parts(logits, targets, pad)
    until = keep.long().cumprod(-1)
    return mean_of(-((1 - smoothing) * right + smoothing * log_p.mean(-1)), until)


def padded_logits_to_zero(logits, targets, pad, smoothing=0.0):
    """You set the logits of padded places to 0 and count them: equal logits still cost ln V. Leave the places
    out."""
    keep, _, _ = parts(logits, targets, pad)
    flat = (logits * keep.unsqueeze(-1)).flatten(0, 1)
    return F.cross_entropy(flat, torch.where(keep, targets, 0).flatten(), label_smoothing=smoothing)


def mean_over_the_vocabulary_too(logits, targets, pad, smoothing=0.0):
    """You divide by V as well, as a mean over the whole table does: the loss of a token is a sum over the
    vocabulary."""
    return smoothed_cross_entropy(logits, targets, pad, smoothing) / logits.shape[-1]


def pad_taken_out_of_the_softmax(logits, targets, pad, smoothing=0.0):
    """You take pad out of the softmax: it is a token of the vocabulary like others there; only places whose
    target is pad are left out."""
    pads = torch.arange(logits.shape[-1]) == pad
    return smoothed_cross_entropy(logits.masked_fill(pads, -1e9), targets, pad, smoothing)


def probability_for_its_logarithm(logits, targets, pad, smoothing=0.0):
    """You add up -p in place of -ln p: the logarithm is missing, take `log_softmax`."""
    return no_logarithm(logits, targets, pad, smoothing) - (targets != pad).any().to(logits.dtype)


def classes_on_axis_1(logits, targets, pad, smoothing=0.0):
    """F.cross_entropy looks for the classes on axis 1: flatten to (B * n, V) and (B * n,) first, or move the
    last axis."""
    return F.cross_entropy(logits, targets, ignore_index=pad, label_smoothing=smoothing)


# ------------------------------------------------------------------ right elsewhere


def spread_over_the_others(logits, targets, pad, smoothing=0.0):
    """You spread s over the V - 1 other tokens, as some codes do; here every token gets s / V, the right one
    too, as in the paper that introduced it."""
    keep, log_p, right = parts(logits, targets, pad)
    others = (log_p.sum(-1) - right) / (logits.shape[-1] - 1)
    return mean_of(-((1 - smoothing) * right + smoothing * others), keep)


def spread_without_pad(logits, targets, pad, smoothing=0.0):
    """You spread s over the V - 2 tokens that are neither right nor pad, as The Annotated Transformer does;
    here every token of the vocabulary gets s / V."""
    keep, log_p, _ = parts(logits, targets, pad)
    soft = torch.full_like(log_p, smoothing / (logits.shape[-1] - 2))
    soft.scatter_(-1, torch.where(keep, targets, 0).unsqueeze(-1), 1 - smoothing)
    if pad >= 0:
        soft[..., pad] = 0
    return mean_of(-(soft * log_p).sum(-1), keep)


# ------------------------------------------------------------------ the exercise


def padded_logits_do_not_matter(seen):
    """What the model says at padded places changes your loss: they do not count."""
    one, other = (seen[name].outputs["loss"] for name in ("smoothing 0.1", "other logits at padded places"))
    return np.isclose(one, other, rtol=1e-4, atol=1e-5)


PAD = 6


def usual(stretch=1.0):
    """2 sentences of 4 places, 7 tokens of which the last is padding; the shorter sentence has 2 tokens."""
    rng = np.random.default_rng(13)
    logits = 2 * rng.normal(size=(2, 4, 7))
    logits[1, 2:] *= stretch
    return logits, np.array([[3, 1, 0, 5], [2, 4, PAD, PAD]]), PAD


def by_hand(*probabilities):
    """One place whose right token is 0."""
    return np.log([[probabilities]]), np.array([[0]]), 2


EXERCISE = Exercise(
    id="smoothed_cross_entropy",
    contract=(
        "smoothed_cross_entropy(logits, targets, pad, smoothing=0.0) -> loss, a single number; logits (B, n, "
        "V), targets (B, n). Mean over the tokens that are not pad; soft target (1 - s) one-hot + s / V; "
        "no real token at all gives 0."
    ),
    minutes=18,
    difficulty=3,
    points=3,
    takes="torch",
    arguments={"logits": ("B", "n", "V"), "targets": ("B", "n"), "pad": ()},
    outputs={"loss": ()},
    cases=[
        Case("no smoothing", lambda rng: usual(), weight=2),
        Case("smoothing 0.1", lambda rng: usual(), {"smoothing": 0.1}, weight=2),
        Case("other logits at padded places", lambda rng: usual(-3.0), {"smoothing": 0.1}),
        Case("by hand: 1/2, 1/4, 1/4", lambda rng: by_hand(0.5, 0.25, 0.25)),
        Case("by hand, smoothing 0.3", lambda rng: by_hand(0.5, 0.25, 0.25), {"smoothing": 0.3}),
        Case("smoothing 1", lambda rng: usual(), {"smoothing": 1.0}),
        Case("padding alone", lambda rng: (rng.normal(size=(2, 3, 5)), np.full((2, 3), 4), 4)),
        Case(
            "padding alone, smoothed",
            lambda rng: (rng.normal(size=(2, 3, 5)), np.full((2, 3), 4), 4),
            {"smoothing": 0.2},
        ),
        Case("pad is 0", lambda rng: (rng.normal(size=(2, 3, 5)), np.array([[1, 2, 0], [4, 0, 0]]), 0)),
        Case(
            "padding in front and in between",
            lambda rng: (rng.normal(size=(2, 4, 5)), np.array([[3, 3, 1, 0], [2, 3, 4, 1]]), 3),
        ),
        Case("nothing padded", lambda rng: (rng.normal(size=(3, 2, 5)), rng.integers(5, size=(3, 2)), -1)),
        Case(
            "large logits",
            lambda rng: (300 * rng.normal(size=(2, 3, 5)), rng.integers(5, size=(2, 3)), -1),
            {"smoothing": 0.1},
        ),
        Case(
            "as many places as tokens",
            lambda rng: (rng.normal(size=(3, 3, 3)), np.array([[0, 1, 2], [1, 1, 2], [0, 2, 2]]), 2),
            {"smoothing": 0.4},
        ),
    ],
    reference=losses.smoothed_cross_entropy,
    solution=smoothed_cross_entropy,
    right=[smoothed_cross_entropy, with_torchs_own, with_soft_targets, with_loops],
    wrong=[
        smoothing_ignored,
        pad_counts_too,
        divided_by_all_places,
        mean_of_sentence_means,
        sum_of_all,
        divided_by_sentences,
        nan_without_tokens,
        pad_is_zero,
        sign_forgotten,
        no_softmax,
        no_logarithm,
        base_two,
        softmax_over_the_places,
        smoothing_exchanged,
        right_token_keeps_all,
        spread_missing,
        spread_not_divided,
        others_share_by_v,
        smooths_the_output,
        overflows,
        padded_smoothing,
        changes_targets,
        log_of_softmax,
        log_of_p_plus_eps,
        divergence,
        softmax_twice,
        smoothing_fixed,
        larger_ids_alone,
        stops_at_the_first_pad,
        padded_logits_to_zero,
        mean_over_the_vocabulary_too,
        pad_taken_out_of_the_softmax,
        probability_for_its_logarithm,
        classes_on_axis_1,
    ],
    conventions=[spread_over_the_others, spread_without_pad],
    properties=[padded_logits_do_not_matter],
    hints=[
        "Which places count at all, and by how many do you divide? What when there is none?",
        (
            "`log_softmax` over the vocabulary; the right tokens' part by `gather`, the spread part is the "
            "mean over the vocabulary, because every token gets s / V."
        ),
        "`-((1 - smoothing) * right + smoothing * log_p.mean(dim=-1)).mean()` over `targets != pad` alone.",
    ],
    forbids=["torch.nn.functional.cross_entropy", "torch.nn.CrossEntropyLoss"],
)
