"""Exercise `merge_pair` (lesson 16): one merge of byte-pair encoding."""

from course_lib.checks import Case, Exercise
from course_lib.text import byte_pair

# ------------------------------------------------------------------ a solution, and other right ways


def merge_pair(tokens, pair, new):
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            merged.append(new)
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def looking_back(tokens, pair, new):
    merged, free = [], False  # free: the last token stands alone and may still be the left half of a pair
    for token in tokens:
        if free and (merged[-1], token) == tuple(pair):
            merged[-1], free = new, False
        else:
            merged.append(token)
            free = True
    return merged


def on_a_copy(tokens, pair, new):
    tokens = list(tokens)
    left, right = pair
    i = 0
    while i + 1 < len(tokens):
        if tokens[i] == left and tokens[i + 1] == right:
            tokens[i : i + 2] = [new]
        i += 1
    return tokens


def with_recursion(tokens, pair, new):
    tokens = list(tokens)
    for i in range(len(tokens) - 1):
        if [*pair] == tokens[i : i + 2]:
            return [*tokens[:i], new, *with_recursion(tokens[i + 2 :], pair, new)]
    return tokens


# ------------------------------------------------------------------ stored wrong answers


def first_only(tokens, pair, new):
    """You merge the first occurrence alone: one merge replaces every occurrence, from the left."""
    for i in range(len(tokens) - 1):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            return [*tokens[:i], new, *tokens[i + 2 :]]
    return list(tokens)


def last_only(tokens, pair, new):
    """You merge the last occurrence alone: one merge replaces every occurrence, from the left."""
    for i in reversed(range(len(tokens) - 1)):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            return [*tokens[:i], new, *tokens[i + 2 :]]
    return list(tokens)


def from_the_right(tokens, pair, new):
    """You begin at the right end: where occurrences overlap, the left one is merged."""
    return merge_pair(tokens[::-1], pair[::-1], new)[::-1]


def overlapping(tokens, pair, new):
    """You use a token twice where occurrences overlap: after a merge go on behind both tokens."""
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            merged.append(new)
            i += 1
            if tuple(tokens[i : i + 2]) != tuple(pair):
                i += 1
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def right_half_stays(tokens, pair, new):
    """The right half of the pair is still there: the new token replaces both."""
    merged = list(tokens)
    for i in range(len(tokens) - 1):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            merged[i] = new
    return merged


def either_order(tokens, pair, new):
    """You merge the pair turned round as well: first pair[0], then pair[1]."""
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) in (tuple(pair), tuple(pair)[::-1]):
            merged.append(new)
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def order_turned_round(tokens, pair, new):
    """You look for pair[1] followed by pair[0]: it is pair[0] first."""
    return merge_pair(tokens, tuple(pair)[::-1], new)


def last_token_lost(tokens, pair, new):
    """The last token is lost when it belongs to no pair: your loop ends one token too early."""
    merged, i = [], 0
    while i < len(tokens) - 1:
        if tuple(tokens[i : i + 2]) == tuple(pair):
            merged.append(new)
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def joined_in_place_of_new(tokens, pair, new):
    """You join the two names yourself: the new token is the argument `new`, whatever it is called."""
    return merge_pair(tokens, pair, pair[0] + pair[1])


def again_and_again(tokens, pair, new):
    """You merge until nothing is left to merge: this is one merge, and what it makes is not merged again."""
    tokens = list(tokens)
    for _ in range(20):
        longer, tokens = len(tokens), merge_pair(tokens, pair, new)
        if len(tokens) == longer:
            break
    return tokens


def new_meets_the_next(tokens, pair, new):
    """You compare the new token with its neighbour: only tokens that were there before can be merged."""
    merged = []
    for token in tokens:
        if merged and (merged[-1], token) == tuple(pair):
            merged[-1] = new
        else:
            merged.append(token)
    return merged


def by_text(tokens, pair, new):
    """You look for the pair in the joined text: a pair must begin and end where tokens do."""
    joined = "".join(map(str, tokens))
    wanted = "".join(map(str, pair))
    merged, i = [], 0
    while i < len(joined):
        size = len(wanted) if joined.startswith(wanted, i) else 1
        merged.append(new if size == len(wanted) and joined.startswith(wanted, i) else joined[i])
        i += size
    return merged


def left_half_alone(tokens, pair, new):
    """You replace each pair[0], whatever follows: pair[1] must stand behind it."""
    merged, i = [], 0
    while i < len(tokens):
        if tokens[i] == pair[0]:
            merged.append(new)
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def every_second(tokens, pair, new):
    """You look at the tokens two by two: a pair can begin at an odd place too."""
    merged = []
    for i in range(0, len(tokens), 2):
        two = list(tokens[i : i + 2])
        merged += [new] if two == [*pair] else two
    return merged


def pair_removed(tokens, pair, new):
    """The pair is gone and the new token is not there: put `new` where the pair stood."""
    return [token for token in merge_pair(tokens, pair, None) if token is not None]


def changes_tokens(tokens, pair, new):
    """The caller's list is changed: build a new one."""
    i = 0
    while i + 1 < len(tokens):
        if (tokens[i], tokens[i + 1]) == tuple(pair):
            tokens[i : i + 2] = [new]
        i += 1
    return list(tokens)


def by_spaced_text(tokens, pair, new):
    """You look for the pair in a text with spaces: there "ab c" holds "b c" too. Compare whole tokens."""
    return " ".join(tokens).replace(" ".join(pair), new).split(" ")


def list_against_tuple(tokens, pair, new):
    """You compare a list with a tuple, which are never equal: tuple(tokens[i:i + 2]) == tuple(pair)."""
    return list(tokens)


def new_spread(tokens, pair, new):
    """Your new token falls apart into its letters: append it, extend and += take a text letter by letter."""
    result, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            result.extend(new)
            i += 2
        else:
            result.append(tokens[i])
            i += 1
    return result


def pair_at_the_end_missed(tokens, pair, new):
    """A pair at the end is missed: your loop stops two tokens before it, the last pair begins at len(tokens)
    - 2."""
    result, i = [], 0
    while i < len(tokens) - 2:
        if tuple(tokens[i : i + 2]) == tuple(pair):
            result.append(new)
            i += 2
        else:
            result.append(tokens[i])
            i += 1
    return result + list(tokens[i:])


def reads_past_the_end(tokens, pair, new):
    """You read tokens[i + 1] where no token follows: ask for i + 1 < len(tokens) first, or compare slices."""
    result, i = [], 0
    while i < len(tokens):
        if tokens[i] == pair[0] and tokens[i + 1] == pair[1]:
            result.append(new)
            i += 2
        else:
            result.append(tokens[i])
            i += 1
    return result


def list_shrinks_under_the_loop(tokens, pair, new):
    """The list grows shorter while your `for` counts up to its old length: use a while loop, or build a new
    list."""
    result = list(tokens)
    for i in range(len(result) - 1):
        if (result[i], result[i + 1]) == tuple(pair):
            result[i : i + 2] = [new]
    return result


def joined_to_text(tokens, pair, new):
    """You return one text: a list of tokens is asked for."""
    return "".join(merge_pair(tokens, pair, new))


def one_half_is_enough(tokens, pair, new):
    """You merge where one of the two fits: both must, so `and`."""
    result, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and (tokens[i] == pair[0] or tokens[i + 1] == pair[1]):
            result.append(new)
            i += 2
        else:
            result.append(tokens[i])
            i += 1
    return result


def nothing_returned_without_the_pair(tokens, pair, new):
    """Where the pair does not occur you return an empty list: the tokens stay as they are."""
    result = merge_pair(tokens, pair, new)
    return result if len(result) < len(tokens) else []


def new_ones_at_the_end(tokens, pair, new):
    """You take the tokens of the pair out and put new ones at the end: each new token stands where its pair
    stood, and a half on its own stays."""
    left = [token for token in tokens if token not in pair]
    return left + [new] * tokens.count(pair[0])


def previous_not_forgotten(tokens, pair, new):
    """After a merge you still remember the right half as the token before: it is used up, so the next pair
    begins behind it."""
    result, before = [], None
    for token in tokens:
        if before == pair[0] and token == pair[1]:
            result[-1] = new
        else:
            result.append(token)
        before = token
    return result


def joined_texts_compared(tokens, pair, new):
    """You compare joined texts, where ("t", "he") looks like ("th", "e"): compare token by token."""
    result, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and tokens[i] + tokens[i + 1] == pair[0] + pair[1]:
            result.append(new)
            i += 2
        else:
            result.append(tokens[i])
            i += 1
    return result


def two_by_two_and_the_last_lost(tokens, pair, new):
    """You look at the tokens two by two, and a last single one is lost: a pair can begin at any place."""
    result = []
    for left, right in zip(tokens[::2], tokens[1::2], strict=False):
        result += [new] if (left, right) == tuple(pair) else [left, right]
    return result


# ------------------------------------------------------------------ the exercise


def as_many_less_as_merged(seen):
    """Each merge makes the list one token shorter, and nothing else may get lost."""
    return all(
        len(case.outputs["merged"]) == len(case.inputs["tokens"]) - list(case.outputs["merged"]).count("NEW")
        for case in seen.values()
        if case.inputs["new"] == "NEW"
    )


def letters(word):
    return list(word)


def drawn(rng, vocabulary, n):
    """Many tokens, and two of them, often equal, that stand side by side somewhere."""
    tokens = rng.choice(vocabulary, size=n).tolist()
    at = int(rng.integers(n - 1))
    return tokens, (tokens[at], tokens[at + 1]), "NEW"


EXERCISE = Exercise(
    id="merge_pair",
    contract=(
        "merge_pair(tokens, pair, new) -> a new list in which every occurrence of the pair, from the left "
        "and without overlap, is replaced by new."
    ),
    minutes=10,
    difficulty=2,
    points=2,
    gives="text",
    arguments={"tokens": (), "pair": (), "new": ()},
    outputs={"merged": ("n",)},
    cases=[
        Case("banana, a n", lambda rng: (letters("banana"), ("a", "n"), "NEW"), weight=3),
        Case("overlap: a a a", lambda rng: (letters("baaad"), ("a", "a"), "NEW")),
        Case("four in a row", lambda rng: (letters("aaaa"), ("a", "a"), "NEW")),
        Case("the new token looks like a half", lambda rng: (letters("abbb"), ("a", "b"), "a")),
        Case("the new token looks like the other half", lambda rng: (letters("aab"), ("a", "b"), "b")),
        Case(
            "tokens of several letters", lambda rng: (["th", "e", "t", "he", "th", "e"], ("th", "e"), "NEW")
        ),
        Case("both orders occur", lambda rng: (letters("abba"), ("a", "b"), "NEW")),
        Case("no such pair", lambda rng: (letters("cat"), ("t", "a"), "NEW")),
        Case("a token ends like the left half", lambda rng: (["ab", "c", "b", "c"], ("b", "c"), "NEW")),
        Case("a token begins like the right half", lambda rng: (["a", "bc", "a", "b"], ("a", "b"), "NEW")),
        Case("pair at the end", lambda rng: (letters("xyab"), ("a", "b"), "NEW")),
        Case("one token", lambda rng: (["a"], ("a", "b"), "NEW")),
        Case("the left half is last", lambda rng: (letters("aba"), ("a", "b"), "NEW")),
        Case("60 letters", lambda rng: drawn(rng, ["a", "b", "c"], 60)),
        Case("80 tokens of one and two letters", lambda rng: drawn(rng, ["a", "b", "ab", "ba"], 80)),
    ],
    reference=byte_pair.merge_pair,
    solution=merge_pair,
    right=[merge_pair, looking_back, on_a_copy, with_recursion],
    wrong=[
        first_only,
        last_only,
        from_the_right,
        overlapping,
        right_half_stays,
        either_order,
        order_turned_round,
        last_token_lost,
        joined_in_place_of_new,
        again_and_again,
        new_meets_the_next,
        by_text,
        left_half_alone,
        every_second,
        pair_removed,
        changes_tokens,
        new_ones_at_the_end,
        previous_not_forgotten,
        joined_texts_compared,
        two_by_two_and_the_last_lost,
        by_spaced_text,
        list_against_tuple,
        new_spread,
        pair_at_the_end_missed,
        reads_past_the_end,
        list_shrinks_under_the_loop,
        joined_to_text,
        one_half_is_enough,
        nothing_returned_without_the_pair,
    ],
    properties=[as_many_less_as_merged],
    hints=[
        "You walk through the tokens. How far do you go on after a merge, and how far otherwise?",
        "A `for` loop over i cannot skip a token; a `while` loop can: i += 2 after a merge, else i += 1.",
        "If `tuple(tokens[i : i + 2]) == tuple(pair)`: append new, i += 2. Else append tokens[i], i += 1.",
    ],
)
