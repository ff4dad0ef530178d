"""Exercise `bpe_encode` (lesson 16): a word becomes tokens by the merges that were learnt."""

from itertools import pairwise

from course_lib.checks import Case, Exercise
from course_lib.text import byte_pair

# ------------------------------------------------------------------ a solution, and other right ways


def bpe_encode(word, merges):
    ranks = {tuple(pair): rank for rank, pair in reversed(list(enumerate(merges)))}
    tokens = list(word)
    while True:
        present = [pair for pair in pairwise(tokens) if pair in ranks]
        if not present:
            return tokens
        tokens = merged(tokens, min(present, key=ranks.get))


def merged(tokens, pair):
    """One merge: every occurrence of the pair, from the left."""
    result, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            result.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            result.append(tokens[i])
            i += 1
    return result


def rank_by_rank(word, merges):
    tokens = list(word)
    found = True
    while found:
        found = False
        for pair in merges:
            if tuple(pair) in set(pairwise(tokens)):
                tokens, found = merged(tokens, pair), True
                break
    return tokens


def once_through_the_list(word, merges):
    tokens = list(word)
    for pair in merges:  # a merge never makes a pair that was learnt before it
        tokens = merged(tokens, pair)
    return tokens


def one_occurrence_at_a_time(word, merges):
    ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
    tokens = list(word)
    while known := [(ranks[pair], i) for i, pair in enumerate(pairwise(tokens)) if pair in ranks]:
        _, i = min(known)
        tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
    return tokens


def with_indices(word, merges):
    merges = [tuple(pair) for pair in merges]
    tokens = [*word]
    while len(tokens) > 1:
        ranks = [merges.index(pair) if pair in merges else len(merges) for pair in pairwise(tokens)]
        if min(ranks) == len(merges):
            break
        left, right = merges[min(ranks)]
        i = 0
        while i < len(tokens) - 1:
            if tokens[i] == left and tokens[i + 1] == right:
                tokens[i : i + 2] = [left + right]
            i += 1
    return tokens


# ------------------------------------------------------------------ stored wrong answers


def until_done(word, choose):
    """Merge the pair that `choose` picks of the present ones, until there is none."""
    tokens = list(word)
    for _ in range(100):
        pair = choose(tokens)
        if pair is None:
            break
        tokens = merged(tokens, pair)
    return tokens


def present_pairs(tokens, merges):
    known = [tuple(pair) for pair in merges]
    return [pair for pair in pairwise(tokens) if pair in known]


def leftmost_pair(word, merges):
    """You merge the leftmost pair that is known: take the present pair that was learnt first."""
    return until_done(word, lambda tokens: next(iter(present_pairs(tokens, merges)), None))


def rightmost_pair(word, merges):
    """You merge the rightmost pair that is known: take the present pair that was learnt first."""
    return until_done(word, lambda tokens: next(iter(present_pairs(tokens, merges)[::-1]), None))


def latest_first(word, merges):
    """You begin with the merge that was learnt last: the one learnt first has the right of way."""
    known = [tuple(pair) for pair in merges]
    return until_done(word, lambda t: max(present_pairs(t, merges), key=known.index, default=None))


def longest_pair_first(word, merges):
    """You merge the pair that makes the longest token: take the present pair that was learnt first."""
    return until_done(
        word, lambda t: max(present_pairs(t, merges), key=lambda pair: len("".join(pair)), default=None)
    )


def longest_match(word, merges):
    """You cut off the longest known token from the left, as WordPiece does: byte pairs are merged in the
    order in which they were learnt."""
    known = {left + right for left, right in merges} | set(word)
    tokens, i = [], 0
    while i < len(word):
        size = max(k for k in range(1, len(word) - i + 1) if word[i : i + k] in known)
        tokens.append(word[i : i + size])
        i += size
    return tokens


def one_merge_alone(word, merges):
    """You stop after one merge: go on until no pair is left that was learnt."""
    present = present_pairs(list(word), merges)
    known = [tuple(pair) for pair in merges]
    return merged(list(word), min(present, key=known.index)) if present else list(word)


def stops_at_the_first_missing(word, merges):
    """You stop at the first merge that does not occur: go on with the next one of the list."""
    tokens = list(word)
    for pair in merges:
        if tuple(pair) not in set(pairwise(tokens)):
            break
        tokens = merged(tokens, pair)
    return tokens


def order_of_the_alphabet(word, merges):
    """You take the pair that comes first in the alphabet: take the one that was learnt first."""
    return until_done(word, lambda tokens: min(present_pairs(tokens, merges), default=None))


def most_frequent_in_the_word(word, merges):
    """You count pairs in this word: the counting is over once the merges are learnt, their order decides."""

    def choose(tokens):
        present = present_pairs(tokens, merges)
        return max(present, key=present.count, default=None)

    return until_done(word, choose)


def order_in_a_pair_ignored(word, merges):
    """You merge pairs turned round too: the pair (a, b) is a followed by b."""
    both = [pair for left, right in merges for pair in ((left, right), (right, left))]
    return bpe_encode(word, both)


def from_the_right(word, merges):
    """You merge from the right end: where occurrences overlap, the left one is merged."""
    turned = bpe_encode(word[::-1], [(right[::-1], left[::-1]) for left, right in merges])
    return [token[::-1] for token in reversed(turned)]


def left_with_spaces(word, merges):
    """Your tokens are joined with a space: a merge writes one right behind the other."""
    return [" ".join(token) for token in bpe_encode(word, merges)]


def joined_to_one_text(word, merges):
    """You return one text: a list of tokens is asked for."""
    return [" ".join(bpe_encode(word, merges))]


def no_merges(word, merges):
    """You return the letters: apply the merges."""
    return list(word)


def whole_word(word, merges):
    """You return the word in one piece: it is cut into letters first, then merged as the list allows."""
    return [word]


def last_letter_lost(word, merges):
    """The last letter is lost: what stands in no pair stays a token of its own."""
    return bpe_encode(word[:-1], merges)


def empty_word_breaks(word, merges):
    """An empty word has no tokens: return an empty list."""
    return bpe_encode(word, merges) or [""]


def changes_merges(word, merges):
    """The caller's list of merges is changed: work on a copy."""
    tokens = list(word)
    while merges:
        pair = tuple(merges.pop(0))
        tokens = merged(tokens, pair)
    return tokens


def end_of_word_added(word, merges):
    """You append an end-of-word mark: this exercise has none, the tokens put together are the word."""
    return [*bpe_encode(word, merges), "</w>"]


def turned_list(word, merges):
    """You go through the merges from the last to the first: the one learnt first comes first."""
    tokens = list(word)
    for pair in reversed(merges):
        tokens = merged(tokens, pair)
    return tokens


def nothing_left_to_merge_breaks(word, merges):
    """Your loop does not end where no known pair is left: return the tokens then, `min` of nothing raises."""
    ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
    tokens = list(word)
    while len(tokens) > 1:
        pair = min((pair for pair in pairwise(tokens) if pair in ranks), key=ranks.get)
        tokens = merged(tokens, pair)
    return tokens


def replaced_in_the_text(word, merges):
    """You replace in the text, which knows nothing of tokens: cut the word into letters and merge
    neighbours."""
    for left, right in merges:
        word = word.replace(left + right, f" {left + right} ")
    return word.split()


def left_to_right_once(word, merges):
    """You go through the word once and let each token grow as long as a merge is known: at each step the pair
    learnt first, in the whole word."""
    known, tokens, i = {tuple(pair) for pair in merges}, list(word), 0
    while i < len(tokens) - 1:
        if (tokens[i], tokens[i + 1]) in known:
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        else:
            i += 1
    return tokens


def once_per_pair(word, merges):
    """You merge one occurrence of each pair: all occurrences in the word are merged."""
    tokens = list(word)
    for left, right in merges:
        for i in range(len(tokens) - 1):
            if (tokens[i], tokens[i + 1]) == (left, right):
                tokens[i : i + 2] = [left + right]
                break
    return tokens


def unknown_letters_dropped(word, merges):
    """You leave out letters that stand in no merge: they stay tokens of their own."""
    letters = set("".join("".join(pair) for pair in merges))
    return [token for token in bpe_encode(word, merges) if token[0] in letters]


def as_pairs(word, merges):
    """You return the merges that were used: the tokens are asked for."""
    tokens, used = list(word), []
    for pair in merges:
        longer, tokens = tokens, merged(tokens, pair)
        used += ["".join(pair)] * (len(longer) > len(tokens))
    return used


def alphabetical_list(word, merges):
    """You sort the merges by the alphabet: they come in the order in which they were learnt, keep it."""
    tokens = list(word)
    for pair in sorted(merges):
        tokens = merged(tokens, pair)
    return tokens


def long_merges_first(word, merges):
    """You begin with the merges that make the longest tokens: begin with those that were learnt first."""
    tokens = list(word)
    for pair in sorted(merges, key=lambda pair: -len(pair[0] + pair[1])):
        tokens = merged(tokens, pair)
    return tokens


def left_to_right_without_growing(word, merges):
    """You go through the word once and merge what is known: go on until no known pair is left, the pair
    learnt first before all."""
    known, tokens = {tuple(pair) for pair in merges}, list(word)
    for i in range(len(tokens)):
        if tuple(tokens[i : i + 2]) in known:
            tokens[i : i + 2] = ["".join(tokens[i : i + 2])]
    return tokens


def longest_match_from_the_right(word, merges):
    """You cut off the longest known token from the right: byte pairs are merged in the order in which they
    were learnt."""
    known, tokens, end = {left + right for left, right in merges}, [], len(word)
    while end:
        begin = next(i for i in range(end) if word[i:end] in known or i == end - 1)
        tokens, end = [word[begin:end], *tokens], begin
    return tokens


# ------------------------------------------------------------------ the exercise


def nothing_is_lost(seen):
    """The tokens put together must be the word again."""
    return all("".join(map(str, case.outputs["tokens"])) == case.inputs["word"] for case in seen.values())


LEARNT = [("l", "o"), ("e", "r"), ("lo", "w"), ("n", "e"), ("ne", "w"), ("low", "er"), ("w", "er")]


def drawn(rng, n_merges):
    """A word of 40 letters, and merges that one could learn from another, each of them making a new token."""
    tokens, word = (rng.choice(list("abcde"), size=n).tolist() for n in (150, 40))
    merges, known = [], set(tokens)
    for _ in range(n_merges):
        new = [pair for pair in pairwise(tokens) if "".join(pair) not in known]
        merges.append(new[rng.integers(len(new))])
        known.add("".join(merges[-1]))
        tokens = merged(tokens, merges[-1])
    return "".join(word), merges


EXERCISE = Exercise(
    id="bpe_encode",
    contract=(
        "bpe_encode(word, merges) -> list of tokens; word is a string, merges a list of pairs in the order "
        "in which they were learnt. At each step all occurrences of the present pair of lowest rank "
        "are merged."
    ),
    minutes=18,
    difficulty=3,
    points=3,
    gives="text",
    arguments={"word": (), "merges": ()},
    outputs={"tokens": ("n",)},
    cases=[
        Case("lowerer", lambda rng: ("lowerer", list(LEARNT)), weight=2),
        Case("new low", lambda rng: ("newlow", list(LEARNT))),
        Case(
            "the order decides: abc",
            lambda rng: ("abc", [("b", "c"), ("a", "b")]),
            weight=2,
        ),
        Case("the left one was learnt first", lambda rng: ("abc", [("a", "b"), ("b", "c")])),
        Case("a short pair before a long one", lambda rng: ("xyzz", [("x", "y"), ("z", "z"), ("y", "zz")])),
        Case(
            "a longer token was learnt later",
            lambda rng: ("abcd", [("b", "c"), ("a", "b"), ("c", "d"), ("ab", "cd")]),
        ),
        Case("all occurrences at a step", lambda rng: ("ababab", [("a", "b"), ("ab", "ab")])),
        Case("one at a time would differ", lambda rng: ("abab", [("a", "b"), ("ab", "a")])),
        Case("overlap: aaa", lambda rng: ("aaab", [("a", "a"), ("a", "b")])),
        Case("a merge in the middle is missing", lambda rng: ("cat", [("x", "y"), ("c", "a"), ("ca", "t")])),
        Case("pairs turned round do not count", lambda rng: ("baab", [("a", "b")])),
        Case(
            "a pair learnt late occurs more often",
            lambda rng: ("caaca", [("a", "a"), ("c", "a"), ("aa", "c")]),
        ),
        Case(
            "a short pair stands left of a long one",
            lambda rng: (
                "abcadbcc",
                [("d", "b"), ("a", "d"), ("c", "db"), ("b", "c"), ("bc", "c"), ("d", "bcc")],
            ),
        ),
        Case("the rarer pair was learnt first", lambda rng: ("zabab", [("z", "a"), ("a", "b")])),
        Case("nothing known", lambda rng: ("qux", list(LEARNT))),
        Case("no merges at all", lambda rng: ("ab", [])),
        Case("one letter", lambda rng: ("a", list(LEARNT))),
        Case("an empty word", lambda rng: ("", list(LEARNT))),
        Case("12 merges", lambda rng: drawn(rng, 12)),
        Case("20 merges", lambda rng: drawn(rng, 20)),
    ],
    reference=byte_pair.bpe_encode,
    solution=bpe_encode,
    right=[bpe_encode, rank_by_rank, once_through_the_list, one_occurrence_at_a_time, with_indices],
    wrong=[
        leftmost_pair,
        rightmost_pair,
        latest_first,
        longest_pair_first,
        longest_match,
        one_merge_alone,
        stops_at_the_first_missing,
        order_of_the_alphabet,
        most_frequent_in_the_word,
        order_in_a_pair_ignored,
        from_the_right,
        left_with_spaces,
        joined_to_one_text,
        no_merges,
        whole_word,
        last_letter_lost,
        empty_word_breaks,
        changes_merges,
        alphabetical_list,
        long_merges_first,
        left_to_right_without_growing,
        longest_match_from_the_right,
        end_of_word_added,
        turned_list,
        nothing_left_to_merge_breaks,
        replaced_in_the_text,
        left_to_right_once,
        once_per_pair,
        unknown_letters_dropped,
        as_pairs,
    ],
    properties=[nothing_is_lost],
    hints=[
        "Two known pairs overlap in the word. Which was learnt first, and what does the other find then?",
        (
            "`ranks = {pair: i for i, pair in enumerate(merges)}`. While a neighbour pair is in ranks: take "
            "the one with the smallest rank, and merge all its occurrences (merge_pair)."
        ),
        "`pair = min(present, key=ranks.get)`, `tokens = merge_pair(tokens, pair, pair[0] + pair[1])`.",
    ],
    forbids=["tokenizers", "tiktoken", "sentencepiece"],
)
