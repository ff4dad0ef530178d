"""Running text of lessons 00 to 05, frozen, for the tokenizers of lesson 16.

Paragraphs without formulas, code and links, as they stood in November 2026; lessons may change, this file
does not, so counts in the lesson stay what they are. Needs neither torch nor the network.
"""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "files" / "16_lesson_text.json"


@dataclass(frozen=True)
class LessonText:
    """Two texts, and the ids of a sample by the `tokenizers` library with our merges.

    `train` is from lessons 00 to 04, `held_out` from lesson 05. The merges behind `sample_ids` are the first
    ones learnt from `train`, up to `sample_n_vocab` ids in all.
    """

    train: str
    held_out: str
    sample: str
    sample_n_vocab: int
    sample_ids: list[int]


def load_lesson_text() -> LessonText:
    """The text that is shipped with the course."""
    return LessonText(**json.loads(FILE.read_text(encoding="utf-8")))
