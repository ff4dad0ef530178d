"""About 2,000 English words as vectors: input embeddings of all-MiniLM-L6-v2.

Cut by `sources/training/01_words.py` from the published weights (Apache-2.0, sentence-transformers; the model
is described in Wang et al. 2020, MiniLM, and Reimers and Gurevych 2019, Sentence-BERT). The vocabulary is
lower case. Needs neither torch nor the network.
"""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.numpy import load_file

FILE = Path(__file__).parent / "files" / "01_words.safetensors"


@dataclass(frozen=True)
class WordTable:
    """Words and their vectors: row i of `vectors` (n, 384), float64, belongs to `words[i]`."""

    words: list[str]
    vectors: Float[np.ndarray, "n 384"]
    source: str

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    def index(self, word: str) -> int:
        """The row of `word`; KeyError with near words if the table does not hold it."""
        if word not in self._rows:
            near = get_close_matches(word.lower(), self.words, n=3)
            hint = f"; near ones: {', '.join(near)}" if near else ""
            raise KeyError(f"{word!r} is not in the table of {len(self.words)} words{hint}")
        return self._rows[word]

    def vector(self, word: str) -> Float[np.ndarray, "384"]:
        """The vector of `word`, shape (384,)."""
        return self.vectors[self.index(word)]


def load_words() -> WordTable:
    """The table that is shipped with the course."""
    provenance = json.loads(FILE.with_suffix(".json").read_text(encoding="utf-8"))
    vectors = load_file(FILE)["vectors"].astype(np.float64)
    return WordTable(provenance["words"], vectors, provenance["source"])
