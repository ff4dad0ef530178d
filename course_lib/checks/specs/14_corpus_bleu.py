"""Exercise `corpus_bleu` (lesson 14): counts over all texts, one geometric mean, one penalty."""

import math
from collections import Counter

import numpy as np

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def grams(words, n):
    """How often each n-gram occurs in a text."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def corpus_bleu(candidates, references):
    logs = 0.0
    for n in (1, 2, 3, 4):
        matches = total = 0
        for candidate, reference in zip(candidates, references, strict=True):
            has = grams(candidate, n)
            matches += (has & grams(reference, n)).total()
            total += has.total()
        if matches == 0:
            return 0.0
        logs += math.log(matches / total) / 4
    written, wanted = sum(map(len, candidates)), sum(map(len, references))
    return 100 * math.exp(logs + min(0.0, 1 - wanted / written))


def product_and_root(candidates, references):
    product = 1.0
    for n in range(1, 5):
        has = [grams(words, n) for words in candidates]
        may = [grams(words, n) for words in references]
        total = sum(counts.total() for counts in has)
        matches = sum(sum(min(k, b[g]) for g, k in a.items()) for a, b in zip(has, may, strict=True))
        product *= matches / total if total else 0.0
    written, wanted = (sum(len(words) for words in texts) for texts in (candidates, references))
    penalty = 1.0 if written >= wanted else (math.exp(1 - wanted / written) if written else 0.0)
    return 100 * penalty * product**0.25


def by_sacrebleu(candidates, references):
    from sacrebleu.metrics import BLEU

    texts, wanted = ([" ".join(words) for words in side] for side in (candidates, references))
    return BLEU(tokenize="none", smooth_method="none").corpus_score(texts, [wanted]).score


# ------------------------------------------------------------------ stored wrong answers


def counted(candidates, references, n):
    """(matches, total) of the whole corpus."""
    pairs = [(grams(c, n), grams(r, n)) for c, r in zip(candidates, references, strict=True)]
    return sum((has & may).total() for has, may in pairs), sum(has.total() for has, _ in pairs)


def shares(candidates, references, orders=(1, 2, 3, 4)):
    """The precision of each order."""
    counts = [counted(candidates, references, n) for n in orders]
    return [matches / total if total else 0.0 for matches, total in counts]


def middle(values):
    """The geometric mean."""
    return math.prod(values) ** (1 / len(values))


def penalty(candidates, references):
    """The brevity penalty."""
    written, wanted = sum(map(len, candidates)), sum(map(len, references))
    return math.exp(min(0.0, 1 - wanted / written)) if written else 0.0


def mean_of_sentences(candidates, references):
    """You average the BLEU of single texts: add the counts of all texts up first, then divide once."""
    each = [corpus_bleu([c], [r]) for c, r in zip(candidates, references, strict=True)]
    return sum(each) / len(each)


def mean_of_precisions(candidates, references):
    """You average the precisions of the texts: a short text then counts as much as a long one. Add the counts
    up first."""
    each = [shares([c], [r]) for c, r in zip(candidates, references, strict=True)]
    means = [sum(column) / len(each) for column in zip(*each, strict=True)]
    return 100 * penalty(candidates, references) * middle(means)


def arithmetic_mean(candidates, references):
    """You take the arithmetic mean of the four precisions: BLEU takes the geometric one."""
    values = shares(candidates, references)
    return 100 * penalty(candidates, references) * sum(values) / 4 * (min(values) > 0)


def zero_forgiven(candidates, references):
    """An order without any match is left out of yours: without smoothing it makes BLEU 0."""
    values = [share for share in shares(candidates, references) if share > 0]
    return 100 * penalty(candidates, references) * (middle(values) if values else 0.0)


def root_forgotten(candidates, references):
    """You multiply the four precisions: the fourth root of the product is missing."""
    return 100 * penalty(candidates, references) * math.prod(shares(candidates, references))


def no_penalty(candidates, references):
    """The brevity penalty is missing: a text that stops early would get full marks."""
    return 100 * middle(shares(candidates, references))


def long_ones_rewarded(candidates, references):
    """Your penalty rises above 1 where more is written than wanted: it ends at 1."""
    written, wanted = sum(map(len, candidates)), sum(map(len, references))
    factor = math.exp(1 - wanted / written) if written else 0.0
    return 100 * factor * middle(shares(candidates, references))


def long_ones_punished(candidates, references):
    """Your penalty hits what is too long: precision sees to that already, the penalty is for what is too
    short."""
    written, wanted = sum(map(len, candidates)), sum(map(len, references))
    return 100 * math.exp(min(0.0, 1 - written / wanted)) * middle(shares(candidates, references))


def straight_penalty(candidates, references):
    """Your penalty is the ratio of the lengths: it is exp(1 - wanted / written)."""
    written, wanted = sum(map(len, candidates)), sum(map(len, references))
    return 100 * min(1.0, written / wanted) * middle(shares(candidates, references))


def penalty_by_text(candidates, references):
    """You take the penalty of each text and average: the lengths are added up first, too."""
    each = [penalty([c], [r]) for c, r in zip(candidates, references, strict=True)]
    return 100 * sum(each) / len(each) * middle(shares(candidates, references))


def share_of_one(candidates, references):
    """Yours is from 0 to 1: BLEU is given from 0 to 100."""
    return corpus_bleu(candidates, references) / 100


def up_to_three(candidates, references):
    """You stop at three words: BLEU counts n-grams of one to four."""
    return 100 * penalty(candidates, references) * middle(shares(candidates, references, (1, 2, 3)))


def four_words_alone(candidates, references):
    """You count n-grams of four words alone: BLEU takes the mean over one to four."""
    return 100 * penalty(candidates, references) * shares(candidates, references, (4,))[0]


def one_word_alone(candidates, references):
    """You count single words alone, and the order of the words is lost: BLEU counts n-grams of one to
    four."""
    return 100 * penalty(candidates, references) * shares(candidates, references, (1,))[0]


def not_clipped(candidates, references):
    """An n-gram counts as often as it is written in yours: at most as often as the reference has it."""
    values = []
    for n in (1, 2, 3, 4):
        pairs = [(grams(c, n), grams(r, n)) for c, r in zip(candidates, references, strict=True)]
        total = sum(has.total() for has, _ in pairs)
        said = sum(times for has, may in pairs for gram, times in has.items() if gram in may)
        values.append(said / total if total else 0.0)
    return 100 * penalty(candidates, references) * middle(values)


def recall(candidates, references):
    """You divide by the n-grams of the reference: precision divides by those of the candidate."""
    return 100 * penalty(candidates, references) * middle(shares(references, candidates))


def texts_joined(candidates, references):
    """You join all texts to one, and n-grams run across their borders: count in each text, then add up."""
    one, other = ([[word for words in texts for word in words]] for texts in (candidates, references))
    return corpus_bleu(one, other)


def one_added(candidates, references):
    """You add 1 to the counts, which is a smoothing: here none is asked for."""
    counts = [counted(candidates, references, n) for n in (1, 2, 3, 4)]
    values = [(matches + (n > 0)) / (total + (n > 0)) for n, (matches, total) in enumerate(counts)]
    return 100 * penalty(candidates, references) * middle([min(1.0, value) for value in values])


def nan_without_a_match(candidates, references):
    """An order without a match gives nan: the logarithm of 0 is not finite: return 0 there."""
    values = shares(candidates, references)
    return corpus_bleu(candidates, references) if min(values) > 0 else math.nan


# ------------------------------------------------------------------ the exercise


def cut(*pairs):
    return lambda rng: tuple([text.split() for text in side] for side in zip(*pairs, strict=True))


FIRST = ("Monday March 4 2 0 1 9", "Monday , March 4 , 2 0 1 9")
SECOND = ("a b c d e f g h", "a b c d e x g h i j")


def drawn(rng, n_texts, ratio):
    """References of 15 to 29 words, and for each so many of its words, one in ten replaced, some from its
    beginning again."""
    references = [rng.choice(list("abcdefghijkl"), size=int(rng.integers(15, 30))) for _ in range(n_texts)]
    candidates = [np.resize(words, round(ratio * len(words))) for words in references]
    candidates = [np.where(rng.random(len(words)) < 0.1, "x", words) for words in candidates]
    return [words.tolist() for words in candidates], [words.tolist() for words in references]


EXERCISE = Exercise(
    id="corpus_bleu",
    contract=(
        "corpus_bleu(candidates, references) -> BLEU from 0 to 100; two lists of texts, a text is a list of "
        "words. Clipped n-grams of 1 to 4 words, counts added up over all texts, geometric mean, brevity "
        "penalty exp(1 - wanted / written) where fewer words are written than wanted. No smoothing: an "
        "order without a match gives 0."
    ),
    minutes=15,
    difficulty=3,
    points=3,
    arguments={"candidates": (), "references": ()},
    outputs={"bleu": ()},
    cases=[
        Case("two texts", cut(FIRST, SECOND), weight=3),
        Case("equal", cut(("a b c d e", "a b c d e"), ("f g h i", "f g h i"))),
        Case(
            "one too long, one too short", cut(("a b c d e f g x", "a b c d e"), ("k l m n", "k l m n o p q"))
        ),
        Case("too long", cut(("a b c d e f g", "a b c d e"))),
        Case("too short", cut(("a b c d e", "a b c d e f g"))),
        Case("one says the same four times", cut(("a b a b a b a b", "a b a b c d e f"))),
        Case("no four words in a row", cut(("a b c x e f g", "a b c d e f g"))),
        Case("nothing right", cut(("x y z v w", "a b c d e"))),
        Case("too short for four", cut(("a b c", "a b c"))),
        Case("one right, one wrong", cut(("a b c d e", "a b c d e"), ("x y z v w k l", "m n o p q r s"))),
        Case("nothing written", cut(("", "a b c d"))),
        Case("7 texts, too short", lambda rng: drawn(rng, 7, 0.8)),
        Case("11 texts, too long", lambda rng: drawn(rng, 11, 1.2)),
    ],
    reference=corpus_bleu,
    solution=corpus_bleu,
    right=[corpus_bleu, product_and_root, by_sacrebleu],
    wrong=[
        mean_of_sentences,
        mean_of_precisions,
        arithmetic_mean,
        zero_forgiven,
        root_forgotten,
        no_penalty,
        long_ones_rewarded,
        long_ones_punished,
        straight_penalty,
        penalty_by_text,
        share_of_one,
        up_to_three,
        four_words_alone,
        one_word_alone,
        not_clipped,
        recall,
        texts_joined,
        one_added,
        nan_without_a_match,
    ],
    hints=[
        "Which numbers are added up over all texts before anything is divided?",
        "Matches and total of each order, and the two lengths. If an order has no match, return 0.",
        "`100 * math.exp(mean of the four log(matches / total) + min(0, 1 - wanted / written))`.",
    ],
    forbids=["sacrebleu", "nltk"],
)
