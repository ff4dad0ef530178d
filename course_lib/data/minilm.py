"""The published all-MiniLM-L6-v2, a small BERT trained on a billion pairs of sentences (lessons 19-26).

Source: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, Apache-2.0; fetched, never shipped.
"""

from course_lib.data.archives import MINILM, checked_path
from course_lib.text.word_piece import WordPieceTokenizer
from course_lib.transformer import bert


def load_minilm(dropout: float = 0.0) -> tuple[bert.Bert, WordPieceTokenizer]:
    """The model with its published weights, ready to use, and its tokenizer.

    Raises DataMissingError, which says how to fetch them, when the files are not in the cache.
    """
    tokenizer = WordPieceTokenizer.from_file(checked_path(MINILM, "vocab.txt"))
    return bert.load_minilm(checked_path(MINILM, "model.safetensors"), dropout=dropout), tokenizer
