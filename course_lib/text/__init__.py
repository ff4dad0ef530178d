"""Vocabularies and tokenizers: characters, words, byte pairs, and BERT's WordPiece. Never imports torch."""

from course_lib.text.byte_pair import (
    BytePairTokenizer,
    bpe_encode,
    count_pairs,
    counted_merges,
    learn_merges,
    merge_pair,
    split_text,
)
from course_lib.text.vocabulary import (
    CharacterTokenizer,
    Vocabulary,
    WordTokenizer,
    join_words,
    split_words,
)
from course_lib.text.word_piece import (
    Batch,
    Encoding,
    WordPieceTokenizer,
    split_basic,
    split_pieces,
)

__all__ = [
    "Batch",
    "BytePairTokenizer",
    "CharacterTokenizer",
    "Encoding",
    "Vocabulary",
    "WordPieceTokenizer",
    "WordTokenizer",
    "bpe_encode",
    "count_pairs",
    "counted_merges",
    "join_words",
    "learn_merges",
    "merge_pair",
    "split_basic",
    "split_pieces",
    "split_text",
    "split_words",
]
