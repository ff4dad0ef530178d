"""Exercise `perplexity` (lesson 17): from mean losses of pieces of a text to one number for the whole."""

import math

import numpy as np

from course_lib import metrics
from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def perplexity(losses, counts):
    return np.exp((losses * counts).sum() / counts.sum())


def with_loops(losses, counts):
    nats = n_tokens = 0
    for loss, count in zip(losses, counts, strict=True):
        nats += float(loss) * int(count)
        n_tokens += int(count)
    return math.exp(nats / n_tokens)


def with_average(losses, counts):
    return math.e ** np.average(losses.astype(float), weights=counts)


def as_a_product_of_powers(losses, counts):
    shares = np.asarray(counts) / np.sum(counts)
    return np.prod(np.exp(losses.astype(float)) ** shares)


def by_the_library(losses, counts):
    return metrics.perplexity(np.dot(losses, counts) / np.sum(counts))


# ------------------------------------------------------------------ stored wrong answers


def mean(losses, counts):
    """The mean loss per token of the whole text."""
    return (losses * counts).sum() / counts.sum()


def plain_mean(losses, counts):
    """You take the plain mean of the pieces: a long piece counts for more, weight each loss by its number of
    tokens."""
    return np.exp(losses.mean())


def mean_of_perplexities(losses, counts):
    """You average the perplexities of the pieces: average the losses first, weighted by tokens, then take
    exp."""
    return np.exp(losses).mean()


def weighted_mean_of_perplexities(losses, counts):
    """You weight and average the perplexities: average the losses first, then take exp once."""
    return (np.exp(losses) * counts).sum() / counts.sum()


def counts_taken_for_sums(losses, counts):
    """You take the losses for sums: each is a mean over its piece, so multiply it by its number of tokens."""
    return np.exp(losses.sum() / counts.sum())


def sum_of_all(losses, counts):
    """You take exp of the sum of nats: divide by the number of all tokens first."""
    return np.exp((losses * counts).sum())


def sum_of_losses(losses, counts):
    """You take exp of the sum of the losses: take the mean per token first, weighted by the counts."""
    return np.exp(losses.sum())


def divided_by_pieces(losses, counts):
    """You divide by the number of pieces: divide by that of all tokens, counts.sum()."""
    return np.exp((losses * counts).sum() / len(losses))


def mean_of_the_parts(losses, counts):
    """You divide each loss by its number of tokens: each is a mean already, multiply to get back the sum."""
    return np.exp((losses / counts).sum())


def means_divided_again(losses, counts):
    """You divide each loss by its number of tokens and average: each is a mean already, weight it by its
    tokens."""
    return np.exp((losses / counts).mean())


def weighted_the_other_way(losses, counts):
    """Your weights are 1 / count: a piece with more tokens counts for more, not less."""
    return np.exp((losses / counts).sum() / (1 / counts).sum())


def exp_forgotten(losses, counts):
    """You return the mean loss: perplexity is exp of it."""
    return mean(losses, counts)


def base_two(losses, counts):
    """You take 2 to the power of the loss: that is for bits. These losses are in nats, so exp."""
    return 2 ** mean(losses, counts)


def bits(losses, counts):
    """You return bits per token, the loss divided by ln 2: perplexity is exp of the loss in nats."""
    return mean(losses, counts) / np.log(2)


def bits_in_the_exponent(losses, counts):
    """You turn the nats into bits and take exp: exp belongs to nats, 2 to the power of it to bits."""
    return np.exp(mean(losses, counts) / np.log(2))


def base_ten(losses, counts):
    """You take 10 to the power of the loss: these losses are in nats, so exp."""
    return 10 ** mean(losses, counts)


def sign_turned(losses, counts):
    """Your sign is turned: losses are -ln p already, so exp of the loss, without a minus."""
    return np.exp(-mean(losses, counts))


def logarithm(losses, counts):
    """You take the logarithm of the loss: perplexity is exp of it."""
    return np.log(mean(losses, counts))


def one_each(losses, counts):
    """You return a perplexity for each piece: one number for the whole text is asked for."""
    return np.exp(losses)


def one_each_weighted(losses, counts):
    """You return one number for each piece: add up before you take exp."""
    return np.exp(losses * counts / counts.sum())


def largest_piece(losses, counts):
    """You take the longest piece alone: all pieces count, weighted by their tokens."""
    return np.exp(losses[counts.argmax()])


def last_piece(losses, counts):
    """You return the perplexity of the last piece: a sum over all of them is needed, then exp."""
    return np.exp(losses[-1])


def counts_in_the_wrong_type(losses, counts):
    """You round the losses, or write them into an array of whole numbers: they have fractions."""
    total = np.zeros_like(counts)
    total[...] = losses * counts
    return np.exp(total.sum() / counts.sum())


def whole_division(losses, counts):
    """You divide with `//`, which drops the fraction: divide with `/`."""
    return np.exp((losses * counts).sum() // counts.sum())


def product_overflows(losses, counts):
    """You multiply the perplexities before you take the root, which overflows: average the losses first, then
    take exp once."""
    return np.prod(np.exp(losses) ** counts) ** (1 / counts.sum())


def empty_pieces_counted(losses, counts):
    """You count a piece without tokens as one with a token: its weight is 0."""
    counts = np.maximum(counts, 1)
    return np.exp((losses * counts).sum() / counts.sum())


def changes_losses(losses, counts):
    """The caller's losses are changed in place: write `losses * counts`, not `losses *= counts`."""
    losses *= counts
    return np.exp(losses.sum() / counts.sum())


def divided_after_exp(losses, counts):
    """You divide after exp: divide the nats by the number of all tokens first, then take exp."""
    return np.exp((losses * counts).sum()) / counts.sum()


def median(losses, counts):
    """You take the median of the pieces: the mean per token is asked for, each loss weighted by its number of
    tokens."""
    return np.exp(np.median(losses))


# ------------------------------------------------------------------ the exercise


def a_fair_choice(seen):
    """Who guesses fairly among 8 tokens has the perplexity 8: exp of the loss ln 8."""
    return np.isclose(seen["by hand: a fair choice among 8"].outputs["perplexity"], 8, rtol=1e-4)


def cutting_changes_nothing(seen):
    """A text cut into two pieces must have the perplexity of the whole, wherever it is cut."""
    whole, cut = (seen[name].outputs["perplexity"] for name in ("one piece", "the same piece in two"))
    return np.isclose(whole, cut, rtol=1e-4)


def given(losses, counts):
    return lambda rng: (np.array(losses, float), np.array(counts))


EXERCISE = Exercise(
    id="perplexity",
    contract=(
        "perplexity(losses, counts) -> a single number; NumPy. A text was read in pieces: losses (N,), the "
        "mean loss per token of each piece in nats, counts (N,), its number of tokens, 0 at times, not all "
        "0. exp of the mean loss per token of the whole text."
    ),
    minutes=8,
    difficulty=2,
    points=2,
    arguments={"losses": ("N",), "counts": ("N",)},
    outputs={"perplexity": ()},
    cases=[
        Case("three pieces", lambda rng: (rng.uniform(0.5, 3, 3), np.array([5, 2, 11])), weight=3),
        Case("by hand: a fair choice among 8", given([np.log(8)], [1])),
        Case("by hand: 2 twice, 16 once", given([np.log(2), np.log(16)], [2, 1]), weight=2),
        Case("one piece", given([1.7], [20])),
        Case("the same piece in two", given([1.5, 1.9], [10, 10])),
        Case("an empty piece", given([2.0, 5.0, 1.0], [3, 0, 4])),
        Case("a short last batch", given([2.1, 2.3, 2.2, 4.0], [64, 64, 64, 3])),
        Case("all right", given([0.0, 0.0], [3, 4])),
        Case("a long text", lambda rng: (rng.uniform(2, 6, 7), rng.integers(900, 2000, 7))),
    ],
    reference=by_the_library,
    solution=perplexity,
    right=[perplexity, with_loops, with_average, as_a_product_of_powers],
    wrong=[
        plain_mean,
        mean_of_perplexities,
        weighted_mean_of_perplexities,
        counts_taken_for_sums,
        sum_of_all,
        sum_of_losses,
        divided_by_pieces,
        mean_of_the_parts,
        means_divided_again,
        weighted_the_other_way,
        exp_forgotten,
        base_two,
        bits,
        bits_in_the_exponent,
        base_ten,
        sign_turned,
        logarithm,
        one_each,
        one_each_weighted,
        largest_piece,
        last_piece,
        counts_in_the_wrong_type,
        whole_division,
        product_overflows,
        empty_pieces_counted,
        changes_losses,
        divided_after_exp,
        median,
    ],
    properties=[a_fair_choice, cutting_changes_nothing],
    hints=[
        "How many nats did the whole text cost, and how many tokens has it? Mean first, or exp first?",
        "A piece cost `losses[i] * counts[i]` nats. Add these up, divide by the number of all tokens.",
        "`np.exp((losses * counts).sum() / counts.sum())`.",
    ],
)
