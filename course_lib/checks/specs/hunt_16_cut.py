"""Hunt 16_cut: an encoder that cuts off the longest known piece and forgets the order of learning."""

import numpy as np

from course_lib.checks import Hunt
from course_lib.text import bpe_encode

FIRST = 100  # merge k makes the token 100 + k


def spelled(pairs):
    """Each new token as the tuple of its letters."""
    pieces = {}
    for k, pair in enumerate(pairs):
        pieces[FIRST + k] = tuple(letter for part in pair for letter in pieces.get(part, (part,)))
    return pieces


def whole(ids, pairs):
    ids = [int(i) for i in np.atleast_1d(ids)]
    return ids, [(int(left), int(right)) for left, right in np.reshape(pairs, (-1, 2))]


def broken(ids, pairs):
    ids, pairs = whole(ids, pairs)
    known = {piece: token for token, piece in spelled(pairs).items()}
    tokens, i = [], 0
    while i < len(ids):
        sizes = range(len(ids) - i, 0, -1)
        size = next((k for k in sizes if tuple(ids[i : i + k]) in known), 1)
        tokens.append(known.get(tuple(ids[i : i + size]), ids[i]))
        i += size
    return np.array(tokens, dtype=int)


def right(ids, pairs):
    ids, pairs = whole(ids, pairs)
    names = {letters: token for token, letters in spelled(pairs).items()}
    parts = {token: letters for letters, token in names.items()}
    merges = [tuple(parts.get(part, (part,)) for part in pair) for pair in pairs]
    tokens = bpe_encode([(i,) for i in ids], merges)
    return np.array([names.get(token, token[0]) for token in tokens], dtype=int)


PAIRS = np.array([[2.0, 3.0], [1.0, 2.0]])  # 2 3 was learnt before 1 2

HUNT = Hunt(
    id="16_cut",
    contract=(
        "broken(ids, pairs) -> ids after all merges, as bpe_encode does it; ids (n,) are letters as numbers "
        "below 100, pairs (m, 2) are the merges in the order of learning, and merge k makes token 100 + k."
    ),
    arguments={"ids": ("n",), "pairs": ("m", "two")},
    outputs={"tokens": ("n_tokens",)},
    broken=broken,
    right=right,
    faults={
        "first_only": (
            "each merge replaces the first occurrence alone",
            "Then 1 2 1 2 with the one merge (1, 2) would leave a 1 and a 2; here both pairs are merged.",
        ),
        "leftmost_pair": (
            "of the known pairs present, the leftmost one is merged first",
            "Try 1 2 3 with (1, 2), (2, 3), (1, 101): then 1 2 would be merged, and 3 would be left over.",
        ),
        "longest_piece": (
            "the longest known piece is cut off from the left, whatever the order of learning",
            "",
        ),
        "latest_first": (
            "the pair that was learnt last is merged first",
            "Try 1 2 3 with (1, 2), (2, 3): then 2 3 would be merged. Here 1 2 is.",
        ),
        "no_chain": (
            "a token made by a merge is never merged again",
            "Try 1 2 3 with (1, 2) and (100, 3): one token comes out, so merged tokens do merge.",
        ),
        "from_the_right": (
            "overlapping occurrences are merged from the right",
            "Try 1 1 1 with (1, 1): the left two are merged, as they should be.",
        ),
    },
    fault="longest_piece",
    explanation=(
        "It looks for the longest piece of the vocabulary, as WordPiece does. A piece may be in the "
        "vocabulary although an earlier merge takes one of its letters away."
    ),
    hints=[
        "With one merge both agree. Give two merges that want the same letter.",
        "Put the pair that stands right first in the list: 1 2 3 with (2, 3), then (1, 2).",
        "Leftmost or longest? 1 2 3 with (1, 2), (2, 3), (1, 101): which rule can reach the piece of three?",
    ],
    example=(np.array([1.0, 2.0, 3.0]), PAIRS),
    dull=(np.array([1.0, 2.0, 1.0, 2.0]), PAIRS[1:]),
)
