"""Exercise `masked_loss` (lesson 19): BERT is asked for the chosen words alone."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import Case, Exercise
from course_lib.training import losses

# ------------------------------------------------------------------ a solution, and other right ways


def masked_loss(logits, labels):
    asked = labels != -100
    if not asked.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[asked], labels[asked])


def with_gather(logits, labels):
    asked = labels != -100
    log_p = logits.log_softmax(dim=-1)
    nats = -log_p.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return torch.where(asked, nats, 0).sum() / asked.sum().clamp(min=1)


def with_loops(logits, labels):
    nats = [
        torch.logsumexp(logits[b, i], 0) - logits[b, i, label]
        for b, row in enumerate(labels.tolist())
        for i, label in enumerate(row)
        if label != -100
    ]
    return sum(nats) / max(len(nats), 1)


def with_ignore_index(logits, labels):
    total = F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum")
    return total / (labels != -100).sum().clamp(min=1)


def by_the_library(logits, labels):
    return losses.smoothed_cross_entropy(logits, labels, pad=-100)


# ------------------------------------------------------------------ stored wrong answers


def parts(logits, labels):
    """What is asked for (B, n), and -ln p of each label; of the first token where there is none."""
    asked = labels != -100
    log_p = logits.log_softmax(-1)
    return asked, -log_p.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)


def mean_of(nats, asked):
    """The mean over the places that are asked for; 0 if there is none."""
    return torch.where(asked, nats, 0).sum() / asked.sum().clamp(min=1)


def all_places_count(logits, labels):
    """You count places without a label as if they held token 0: leave out where the label is -100."""
    _, nats = parts(logits, labels)
    return nats.mean()


def divided_by_all_places(logits, labels):
    """You divide by all places: divide by the number of labels that are not -100."""
    asked, nats = parts(logits, labels)
    return (nats * asked).mean()


def minus_100_looked_up(logits, labels):
    """You look up token -100, which does not exist: pick the places with a label first, logits[asked] and
    labels[asked]."""
    nats = -logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return nats[labels != -100].mean()


def nan_without_labels(logits, labels):
    """Where no token was chosen you divide 0 by 0, as F.cross_entropy does: by the contract the loss is 0
    then."""
    asked, nats = parts(logits, labels)
    return nats[asked].mean()


def zero_is_no_label(logits, labels):
    """You leave out label 0 as well: it is a token like others, -100 alone means that nothing is asked."""
    asked, nats = parts(logits, labels)
    return mean_of(nats, asked & (labels > 0))


def zero_alone_is_no_label(logits, labels):
    """You leave out where the label is 0: where nothing is asked the label is -100."""
    _, nats = parts(logits, labels)
    return mean_of(nats, labels != 0)


def minus_one_is_no_label(logits, labels):
    """You take -1 for "nothing asked": here that is -100, which F.cross_entropy leaves out by itself."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-1)


def unasked_alone(logits, labels):
    """Your condition is turned round: the places whose label is NOT -100 count."""
    asked, nats = parts(logits, labels)
    return mean_of(nats, ~asked)


def shifted(logits, labels):
    """You shift as in a GPT: BERT sees both sides, so the logits at position i are asked for the label at
    position i."""
    return masked_loss(logits[:, :-1], labels[:, 1:])


def shifted_backwards(logits, labels):
    """You ask the next position for the label: BERT's logits at position i belong to the label at position
    i."""
    return masked_loss(logits[:, 1:], labels[:, :-1])


def mean_of_sentence_means(logits, labels):
    """You average over sentences first: a sentence with many labels counts for more, take one mean over all
    labels."""
    asked, nats = parts(logits, labels)
    means = (nats * asked).sum(1) / asked.sum(1).clamp(min=1)
    return means[asked.any(1)].mean() if asked.any() else means.sum() * 0


def mean_of_sentence_means_with_empty_ones(logits, labels):
    """You average over sentences, even over those without a label: take one mean over all labels."""
    asked, nats = parts(logits, labels)
    return ((nats * asked).sum(1) / asked.sum(1).clamp(min=1)).mean()


def sum_of_all(logits, labels):
    """You return the sum: divide by the number of labels that are not -100."""
    asked, nats = parts(logits, labels)
    return (nats * asked).sum()


def divided_by_sentences(logits, labels):
    """You divide by the number of sentences: divide by the number of labels that are not -100."""
    return sum_of_all(logits, labels) / len(logits)


def first_sentence_alone(logits, labels):
    """You count the first sentence alone: the mean is over all labels of the batch."""
    return masked_loss(logits[:1], labels[:1])


def first_label_alone(logits, labels):
    """You count the first label of each sentence: each label counts."""
    asked, nats = parts(logits, labels)
    return mean_of(nats, asked & (asked.cumsum(1) == 1))


def sign_forgotten(logits, labels):
    """Your loss is negative: the loss is minus the log-probability."""
    return -masked_loss(logits, labels)


def no_softmax(logits, labels):
    """You take the logits for log-probabilities: `log_softmax` makes these of them."""
    asked = labels != -100
    return mean_of(-logits.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1), asked)


def softmax_twice(logits, labels):
    """Softmax is taken twice: F.cross_entropy and log_softmax take the logits as they come."""
    return masked_loss(logits.softmax(-1), labels)


def no_logarithm(logits, labels):
    """You add up 1 - p in place of -ln p: take `log_softmax`."""
    asked, nats = parts(logits, labels)
    return mean_of(1 - (-nats).exp(), asked)


def probability_alone(logits, labels):
    """You add up -p in place of -ln p: the logarithm is missing, take `log_softmax`."""
    asked, nats = parts(logits, labels)
    return mean_of(-(-nats).exp(), asked)


def base_two(logits, labels):
    """Your logarithm has base 2 (bits): here the loss is in nats, the natural logarithm."""
    return masked_loss(logits, labels) / np.log(2)


def log_of_softmax(logits, labels):
    """You take the logarithm of softmax: a probability that has become 0 gives -inf. `log_softmax` never
    forms it."""
    asked = labels != -100
    p = logits.softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return mean_of(-p.log(), asked)


def own_softmax_overflows(logits, labels):
    """Your own softmax overflows for large logits: take `log_softmax`, or subtract the largest first."""
    asked = labels != -100
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    return mean_of(-p.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1).log(), asked)


def log_of_p_plus_eps(logits, labels):
    """A small number added to the probabilities caps your loss: a very wrong token costs too little. Take
    `log_softmax`."""
    asked = labels != -100
    p = logits.softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return mean_of(-(p + 1e-9).log(), asked)


def softmax_over_the_places(logits, labels):
    """Your softmax runs along the sentence: it runs over the vocabulary, dim=-1."""
    asked = labels != -100
    turned = logits.log_softmax(1)
    return mean_of(-turned.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1), asked)


def classes_on_the_last_axis(logits, labels):
    """F.cross_entropy looks for the classes on axis 1: flatten to (B * n, V) and (B * n,), or pick
    logits[asked]."""
    return F.cross_entropy(logits, labels)


def unasked_logits_to_zero(logits, labels):
    """You set the logits of places without a label to 0 and count them: equal logits still cost ln V. Leave
    the places out."""
    asked, _ = parts(logits, labels)
    _, nats = parts(logits * asked.unsqueeze(-1), labels)
    return nats.mean()


def one_loss_each(logits, labels):
    """You return a loss for each label: take the mean, one number."""
    asked, nats = parts(logits, labels)
    return nats[asked]


def table_of_losses(logits, labels):
    """You return a loss for each place, 0 where nothing is asked: take the mean over the labels, one
    number."""
    asked, nats = parts(logits, labels)
    return torch.where(asked, nats, 0)


def accuracy(logits, labels):
    """You return the share of right guesses: training needs the loss, -ln p of the label."""
    asked = labels != -100
    return mean_of((logits.argmax(-1) == labels).to(logits.dtype), asked)


def changes_labels(logits, labels):
    """The caller's labels are changed in place: write to a copy, `labels.clone()` or torch.where."""
    loss = masked_loss(logits, labels)
    labels[labels == -100] = 0
    return loss


def zero_ignored_by_torch(logits, labels):
    """ignore_index=0 makes torch leave out token 0 and look up -100: its default, -100, is the number that is
    needed here."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=0)


def unasked_alone_by_torch(logits, labels):
    """Your condition is turned round: you pick the places whose label is -100, and torch leaves all of them
    out, 0 / 0. Pick labels != -100."""
    unasked = labels == -100
    return F.cross_entropy(logits[unasked], labels[unasked])


def nan_of_an_empty_sentence(logits, labels):
    """You average over sentences, and one without a label gives nan: take one mean over all labels of the
    batch."""
    return torch.stack([F.cross_entropy(*pair) for pair in zip(logits, labels, strict=True)]).mean()


def labels_overwritten(logits, labels):
    """You write 0 over the caller's -100 and count these places as token 0: leave out where the label is
    -100."""
    labels[labels == -100] = 0
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def one_added(logits, labels):
    """You add 1 to the number of labels to avoid a division by 0, which makes every loss too small:
    clamp(min=1) changes the empty case alone."""
    asked, nats = parts(logits, labels)
    return (nats * asked).sum() / (asked.sum() + 1)


def mean_over_the_vocabulary_too(logits, labels):
    """You divide by V as well, as a mean over the whole table does: each label counts as one."""
    return masked_loss(logits, labels) / logits.shape[-1]


# ------------------------------------------------------------------ the exercise


def unasked_logits_do_not_matter(seen):
    """The logits at places without a label change your loss: nothing is asked there."""
    one, other = (seen[name].outputs["loss"] for name in ("2 sentences of 5", "other logits where none asks"))
    return np.isclose(one, other, rtol=1e-4, atol=1e-5)


X = -100
LABELS = np.array([[X, 3, X, 0, 6], [X, X, 2, X, X]])


def usual(unasked=1.0):
    """Always the same 2 sentences of 5 places, 7 tokens in the vocabulary."""
    logits = 2 * np.random.default_rng(19).normal(size=(2, 5, 7))
    return np.where((LABELS != X)[..., None], logits, unasked * logits), LABELS


def by_hand(rows, labels):
    """Logits that are the logarithms of probabilities."""
    return lambda rng: (np.log(np.array([rows])), np.array([labels]))


def random(labels, V, size=1.0):
    return lambda rng: (size * rng.normal(size=(*np.shape(labels), V)), np.array(labels))


LARGE = random([[3, X, 1, 0], [2, 4, 1, X]], 5, 300.0)

EXERCISE = Exercise(
    id="masked_loss",
    contract=(
        "masked_loss(logits, labels) -> loss, a single number in nats; logits (B, n, V), labels (B, n): the "
        "token that is asked for at this very position, -100 where nothing is. Mean of -ln p over all labels "
        "that are not -100; none at all gives 0."
    ),
    minutes=10,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"logits": ("B", "n", "V"), "labels": ("B", "n")},
    outputs={"loss": ()},
    cases=[
        Case("2 sentences of 5", lambda rng: usual(), weight=3),
        Case("other logits where none asks", lambda rng: usual(-3.0)),
        Case(
            "by hand: 1/2 and 1/8",
            by_hand([[0.5, 0.25, 0.25], [0.9, 0.05, 0.05], [0.5, 0.375, 0.125]], [0, X, 2]),
        ),
        Case("by hand: one label, 1/4", by_hand([[0.5, 0.5], [0.25, 0.75]], [X, 0])),
        Case("no label at all", random([[X, X, X], [X, X, X]], 5), weight=2),
        Case("a sentence without a label", random([[1, X, 2, 3], [X, X, X, X], [X, 0, X, X]], 5)),
        Case("a label everywhere", random([[1, 4, 0], [2, 2, 3]], 6)),
        Case("large logits", lambda rng: LARGE(np.random.default_rng(1))),
        Case("as many places as tokens", random([[0, 2, X], [X, 1, 1], [2, X, 0]], 3)),
    ],
    reference=by_the_library,
    solution=masked_loss,
    right=[masked_loss, with_gather, with_loops, with_ignore_index],
    wrong=[
        all_places_count,
        divided_by_all_places,
        minus_100_looked_up,
        nan_without_labels,
        zero_is_no_label,
        zero_alone_is_no_label,
        minus_one_is_no_label,
        unasked_alone,
        shifted,
        shifted_backwards,
        mean_of_sentence_means,
        mean_of_sentence_means_with_empty_ones,
        sum_of_all,
        divided_by_sentences,
        first_sentence_alone,
        first_label_alone,
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
        unasked_logits_to_zero,
        one_loss_each,
        table_of_losses,
        accuracy,
        changes_labels,
        zero_ignored_by_torch,
        unasked_alone_by_torch,
        nan_of_an_empty_sentence,
        labels_overwritten,
        one_added,
        mean_over_the_vocabulary_too,
    ],
    properties=[unasked_logits_do_not_matter],
    hints=[
        "Which places count, and by how many do you divide? What if nothing at all was chosen?",
        "`asked = labels != -100` picks rows of both: logits[asked] is (number of labels, V). No shift here.",
        "`F.cross_entropy(logits[asked], labels[asked])` if `asked.any()`, else 0.",
    ],
)
