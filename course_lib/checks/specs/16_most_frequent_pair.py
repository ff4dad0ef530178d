"""Exercise `most_frequent_pair` (lesson 16): which pair byte-pair encoding merges next."""

from collections import Counter
from itertools import pairwise

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def most_frequent_pair(words, times):
    counts = Counter()
    for word, n in zip(words, times, strict=True):
        for pair in pairwise(word):
            counts[pair] += n
    return min(counts, key=lambda pair: (-counts[pair], pair))


def sorted_first(words, times):
    counts = {}
    for word, n in zip(words, times, strict=True):
        for i in range(len(word) - 1):
            pair = word[i], word[i + 1]
            counts[pair] = counts.get(pair, 0) + n
    return sorted(counts, key=lambda pair: (-counts[pair], pair))[0]


def best_so_far(words, times):
    pairs = sorted({pair for word in words for pair in pairwise(word)})
    best, most = None, -1
    for pair in pairs:
        total = sum(n * list(pairwise(word)).count(pair) for word, n in zip(words, times, strict=True))
        if total > most:
            best, most = pair, total
    return best


# ------------------------------------------------------------------ stored wrong answers


def counted(words, times, pairs_of=pairwise):
    """Pairs with how often they occur."""
    counts = Counter()
    for word, n in zip(words, times, strict=True):
        for pair in pairs_of(word):
            counts[tuple(pair)] += n
    return counts


def first_of(counts):
    """The most frequent pair, ties in order of the alphabet."""
    return min(counts, key=lambda pair: (-counts[pair], pair))


def times_ignored(words, times):
    """Each word counts once in yours: a word that occurs five times gives its pairs five times."""
    return first_of(counted(words, [1] * len(words)))


def once_in_a_word(words, times):
    """A pair that stands twice in a word counts once in yours: count every place."""
    return first_of(counted(words, times, lambda word: set(pairwise(word))))


def across_words(words, times):
    """You count pairs across the border between two words: a pair lies inside one word."""
    counts = counted(words, times)
    for (one, n), (two, m) in pairwise(zip(words, times, strict=True)):
        counts[one[-1], two[0]] += n + m
    return first_of(counts)


def ties_as_met(words, times):
    """Of equally frequent pairs you take the one met first: the tie rule asks for the alphabet."""
    return counted(words, times).most_common(1)[0][0]


def ties_last(words, times):
    """Of equally frequent pairs you take the last in the alphabet: the first is asked for."""
    counts = counted(words, times)
    return max(counts, key=lambda pair: (counts[pair], pair))


def ties_by_the_joined_text(words, times):
    """You compare the joined texts in a tie: compare the left parts, then the right parts."""
    counts = counted(words, times)
    return min(counts, key=lambda pair: (-counts[pair], "".join(pair), pair[::-1]))


def alphabet_alone(words, times):
    """You take the first pair of the alphabet, however rare: the count comes first."""
    return min(counted(words, times))


def rarest(words, times):
    """You take the rarest pair: the most frequent one is asked for."""
    counts = counted(words, times)
    return min(counts, key=lambda pair: (counts[pair], pair))


def every_second(words, times):
    """You look at the tokens two by two: a pair can begin at an odd place too."""
    return first_of(
        counted(words, times, lambda word: zip(word[::2], word[1::2], strict=False)) or counted(words, times)
    )


def order_ignored(words, times):
    """You take a pair and the same pair turned round for one: a before b is not b before a."""
    return first_of(counted(words, times, lambda word: map(sorted, pairwise(word))))


def turned_round(words, times):
    """Your pair is turned round: the left token comes first."""
    return first_of(counted(words, times))[::-1]


def letters_not_tokens(words, times):
    """You count pairs of letters: the words are cut into tokens, and these may be longer."""
    return first_of(counted(words, times, lambda word: pairwise("".join(word))))


def any_two_of_a_word(words, times):
    """You count tokens that are not neighbours: a pair stands side by side."""
    return first_of(
        counted(words, times, lambda w: [(w[i], w[j]) for i in range(len(w)) for j in range(i + 1, len(w))])
    )


def longest_on_ties(words, times):
    """In a tie you take the longest pair: the tie rule knows the alphabet alone."""
    counts = counted(words, times)
    return min(counts, key=lambda pair: (-counts[pair], -len("".join(pair)), pair))


def most_frequent_word_alone(words, times):
    """You look at the most frequent word alone: all words count."""
    best = max(range(len(words)), key=lambda i: (len(words[i]) > 1, times[i]))
    return first_of(counted([words[best]], [times[best]]))


def first_pair_of_all(words, times):
    """You return the first pair you meet: count first, then choose."""
    return next(iter(counted(words, times)))


# ------------------------------------------------------------------ the exercise


def cut(*words):
    return [list(word) for word in words]


def drawn(rng, n_words, letters):
    words = [rng.choice(list(letters), size=int(rng.integers(2, 9))).tolist() for _ in range(n_words)]
    return words, rng.integers(50, 1000, size=n_words).tolist()


EXERCISE = Exercise(
    id="most_frequent_pair",
    contract=(
        "most_frequent_pair(words, times) -> (left, right), the pair of neighbours that occurs most often; "
        "words is a list of lists of tokens, times says how often each word occurs. Of equally frequent "
        "pairs the first in the alphabet: the smaller left part, then the smaller right part."
    ),
    minutes=8,
    difficulty=2,
    points=2,
    gives="text",
    arguments={"words": (), "times": ()},
    outputs={"left": (), "right": ()},
    cases=[
        Case(
            "sea, seal, deal, dear", lambda rng: (cut("sea", "seal", "deal", "dear"), [5, 3, 4, 2]), weight=2
        ),
        Case("after one merge", lambda rng: ([["s", "ea"], ["s", "ea", "l"], ["d", "ea", "l"]], [5, 3, 4])),
        Case("one word is very frequent", lambda rng: (cut("xy", "ab", "cab", "abd"), [9, 1, 1, 1])),
        Case("many words that are rare", lambda rng: (cut("zq", "tab", "lab", "cab"), [4, 2, 2, 2])),
        Case("twice in one word", lambda rng: (cut("nana", "xy"), [2, 3])),
        Case("a tie: the alphabet decides", lambda rng: (cut("xy", "ab", "mn"), [2, 2, 2])),
        Case("a tie in the left part", lambda rng: (cut("az", "ab"), [2, 2])),
        Case("a tie of parts of several letters", lambda rng: ([["ab", "a"], ["a", "z"]], [3, 3])),
        Case("a tie with a longer pair", lambda rng: ([["the", "re"], ["a", "n"]], [3, 3])),
        Case("a tie between two cuts of one text", lambda rng: ([["ab", "c"], ["a", "bc"]], [3, 3])),
        Case("both orders occur", lambda rng: (cut("ba", "ab", "cd"), [2, 2, 3])),
        Case("the border of two words", lambda rng: (cut("cb", "ad", "eb", "af"), [1, 1, 1, 1])),
        Case("at an odd place", lambda rng: (cut("xan", "yan", "zan"), [1, 1, 1])),
        Case("not neighbours", lambda rng: (cut("axb", "ayb", "azb", "pq"), [1, 1, 1, 2])),
        Case("the rare one is first in the alphabet", lambda rng: (cut("ab", "yz"), [1, 5])),
        Case("a word of one letter", lambda rng: (cut("a", "bc"), [9, 1])),
        Case("overlap: aaa", lambda rng: (cut("aaa", "bc"), [2, 3])),
        Case("50 words", lambda rng: drawn(rng, 50, "abcdefghijkl")),
        Case("80 words", lambda rng: drawn(rng, 80, "abcdefghijklmnop")),
    ],
    reference=most_frequent_pair,
    solution=most_frequent_pair,
    right=[most_frequent_pair, sorted_first, best_so_far],
    wrong=[
        times_ignored,
        once_in_a_word,
        across_words,
        ties_as_met,
        ties_last,
        ties_by_the_joined_text,
        alphabet_alone,
        rarest,
        every_second,
        order_ignored,
        turned_round,
        letters_not_tokens,
        any_two_of_a_word,
        longest_on_ties,
        most_frequent_word_alone,
        first_pair_of_all,
    ],
    hints=[
        "Two steps: count every pair of neighbours, then choose. What does a word that occurs 5 times add?",
        "`counts[pair] += n` for each `pair in pairwise(word)`, with n how often the word occurs.",
        "`min(counts, key=lambda pair: (-counts[pair], pair))`: the largest count, then the alphabet.",
    ],
)
