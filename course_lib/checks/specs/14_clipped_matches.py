"""Exercise `clipped_matches` (lesson 14): which n-grams of a translation count, and out of how many."""

from collections import Counter

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def clipped_matches(candidate, reference, n):
    has, may = (
        Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        for words in (candidate, reference)
    )
    return (has & may).total(), has.total()


def crossing_off(candidate, reference, n):
    left = [reference[i : i + n] for i in range(len(reference) - n + 1)]
    matches = total = 0
    for i in range(len(candidate) - n + 1):
        total += 1
        if candidate[i : i + n] in left:
            left.remove(candidate[i : i + n])
            matches += 1
    return matches, total


def with_zip(candidate, reference, n):
    has, may = (list(zip(*(words[k:] for k in range(n)), strict=False)) for words in (candidate, reference))
    return sum(min(has.count(gram), may.count(gram)) for gram in set(has)), len(has)


# ------------------------------------------------------------------ stored wrong answers


def grams(words, n):
    """All n-grams of a text, in order."""
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def not_clipped(candidate, reference, n):
    """You count an n-gram as often as the candidate says it: at most as often as the reference has it."""
    has, may = grams(candidate, n), grams(reference, n)
    return sum(gram in may for gram in has), len(has)


def each_once(candidate, reference, n):
    """Each n-gram counts once in yours: one that both have twice counts twice."""
    has, may = grams(candidate, n), grams(reference, n)
    return len(set(has) & set(may)), len(has)


def total_of_the_reference(candidate, reference, n):
    """Your total is that of the reference, which gives recall: precision asks how much of what was said is
    right."""
    return clipped_matches(candidate, reference, n)[0], len(grams(reference, n))


def total_of_the_words(candidate, reference, n):
    """Your total is the number of words: count the n-grams, n - 1 fewer."""
    return clipped_matches(candidate, reference, n)[0], len(candidate)


def total_of_the_distinct(candidate, reference, n):
    """Your total counts each distinct n-gram once: every n-gram of the candidate counts."""
    return clipped_matches(candidate, reference, n)[0], len(set(grams(candidate, n)))


def words_alone(candidate, reference, n):
    """You compare single words whatever n is: take n of them at a time."""
    return clipped_matches(candidate, reference, 1)


def all_orders_up_to_n(candidate, reference, n):
    """You count the n-grams of every order up to n: here those of n words alone."""
    counts = [clipped_matches(candidate, reference, k) for k in range(1, n + 1)]
    return tuple(map(sum, zip(*counts, strict=True)))


def last_one_missed(candidate, reference, n):
    """Your last n-gram is missing: there are len - n + 1 of them."""
    has, may = (Counter(grams(words, n)[:-1]) for words in (candidate, reference))
    return (has & may).total(), has.total()


def order_ignored(candidate, reference, n):
    """You take "a b" and "b a" for one n-gram: the order is what longer n-grams are there for."""
    has, may = (Counter(tuple(sorted(g)) for g in grams(words, n)) for words in (candidate, reference))
    return (has & may).total(), has.total()


def at_the_same_place(candidate, reference, n):
    """You compare place by place: an n-gram may stand anywhere in the reference."""
    has, may = grams(candidate, n), grams(reference, n)
    return sum(a == b for a, b in zip(has, may, strict=False)), len(has)


def side_by_side_pieces(candidate, reference, n):
    """You cut the text into pieces of n words: n-grams overlap, one begins at every word."""
    has, may = (Counter(grams(words, n)[::n]) for words in (candidate, reference))
    return (has & may).total(), has.total()


def searched_in_the_text(candidate, reference, n):
    """You search the joined text, and "day" is found in "days": compare whole words."""
    text, has = " ".join(reference), Counter(grams(candidate, n))
    found = sum(min(times, text.count(" ".join(gram))) for gram, times in has.items())
    return found, has.total()


def negative_total(candidate, reference, n):
    """A text shorter than n words has no n-gram, total 0: your total becomes negative."""
    return clipped_matches(candidate, reference, n)[0], len(candidate) - n + 1


def total_at_least_one(candidate, reference, n):
    """A text shorter than n words has no n-gram, total 0: you say 1."""
    matches, total = clipped_matches(candidate, reference, n)
    return matches, max(total, 1)


def counted_in_the_reference(candidate, reference, n):
    """You count n-grams of the reference that the candidate has, as often as the reference has them: no
    more often than the candidate says them."""
    has, may = grams(candidate, n), grams(reference, n)
    return sum(gram in has for gram in may), len(has)


def gaps_allowed(candidate, reference, n):
    """Your n-grams have gaps: their words stand side by side."""
    from itertools import combinations

    has = Counter(grams(candidate, n))
    may = Counter(combinations(reference, n))
    return (has & may).total(), has.total()


# ------------------------------------------------------------------ the exercise


def cut(candidate, reference, n):
    return lambda rng: (candidate.split(), reference.split(), n)


def drawn(rng, n_words, n):
    """Two texts of 100 to 300 words, of so few different ones that many n-grams come more than once."""
    words = rng.permutation(list("abcdefghijklmnopqrstuvwxyz"))[:n_words]
    candidate, reference = (rng.choice(words, size=int(rng.integers(100, 300))).tolist() for _ in range(2))
    return candidate, reference, n


EXERCISE = Exercise(
    id="clipped_matches",
    contract=(
        "clipped_matches(candidate, reference, n) -> (matches, total); two lists of words. total: how many "
        "n-grams (n words side by side) the candidate has. matches: how many of them the reference has, each "
        "at most as often as it occurs there."
    ),
    minutes=10,
    difficulty=2,
    points=2,
    arguments={"candidate": (), "reference": (), "n": ()},
    outputs={"matches": (), "total": ()},
    whole={"matches": "n-grams are counted", "total": "n-grams are counted"},
    cases=[
        Case("3 3 days", cut("3 3 days", "3 days ago", 1), weight=2),
        Case("3 3 days, pairs", cut("3 3 days", "3 days ago", 2), weight=2),
        Case("equal", cut("March 4 2 0 1 9", "March 4 2 0 1 9", 2)),
        Case("twice in both", cut("1 0 1 0", "1 0 1 0 0", 2)),
        Case("halves exchanged", cut("b a c d", "c d a b", 2)),
        Case("another place", cut("x a b", "a b c d", 2)),
        Case("day is no days", cut("1 day ago", "11 days ago", 1)),
        Case("three words", cut("a b c d e", "a b c x d e", 3)),
        Case("too short for n", cut("ago", "3 days ago", 3)),
        Case("more often in the reference", cut("0 1", "0 1 0 1", 1)),
        Case("nothing written", cut("", "3 days ago", 1)),
        Case("pairs of long texts", lambda rng: drawn(rng, 7, 2)),
        Case("three words of long texts", lambda rng: drawn(rng, 4, 3)),
    ],
    reference=clipped_matches,
    solution=clipped_matches,
    right=[clipped_matches, crossing_off, with_zip],
    wrong=[
        not_clipped,
        each_once,
        total_of_the_reference,
        total_of_the_words,
        total_of_the_distinct,
        words_alone,
        all_orders_up_to_n,
        last_one_missed,
        order_ignored,
        at_the_same_place,
        side_by_side_pieces,
        searched_in_the_text,
        negative_total,
        total_at_least_one,
        counted_in_the_reference,
        gaps_allowed,
    ],
    hints=[
        "Which n-grams does the candidate have, and how often each? And the reference?",
        "Count both with a Counter of tuples. An n-gram counts the smaller of its two numbers.",
        "`has & may` of two Counters keeps the smaller numbers, `.total()` adds them up.",
    ],
    forbids=["sacrebleu", "nltk"],
)
