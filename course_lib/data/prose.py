"""English prose for character models: the reference text that comes with Python, or the reader's own text.

`pydoc_data.topics` holds the pages behind `help("if")`, some 465,000 characters of Python's language and
library reference (PSF-2.0 licence). They are read from the Python that runs, so they change a little from one
version to the next; nothing of them is stored in the course. Needs neither torch nor the network.
"""

import platform
from dataclasses import dataclass
from pathlib import Path

SHORTEST = 5_000  # characters; less is no text to learn from


@dataclass(frozen=True)
class Prose:
    """One text, cut in two: the first 90 % for training, the last 10 % for validation."""

    train: str
    validation: str
    source: str


def load_prose(text: str | Path | None = None) -> Prose:
    """Python's own reference text, or the text in the UTF-8 file whose path is `text`.

    Raises FileNotFoundError when there is no such file, ValueError when it is binary, not UTF-8, or shorter
    than 5,000 characters.
    """
    if text is None:
        return _cut(python_reference(), f"pydoc_data.topics of Python {platform.python_version()} (PSF-2.0)")
    return _cut(read_text(Path(text)), f"{Path(text).name}, a text file of the reader")


def python_reference() -> str:
    """The pages behind Python's `help`, each once, in the order of their names."""
    from pydoc_data.topics import topics

    pages = dict.fromkeys(topics[name].strip() for name in sorted(topics))
    return "\n\n\n".join(pages) + "\n"


def read_text(path: Path) -> str:
    """The text of a UTF-8 file with line ends "\\n"; errors as in `load_prose`."""
    if not path.is_file():
        raise FileNotFoundError(f"text must be the path of a text file; there is no file {path}")
    data = path.read_bytes()
    if b"\0" in data:
        raise ValueError(f"text must be the path of a UTF-8 text file; {path.name} is binary (or UTF-16)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"text must be the path of a UTF-8 text file; {path.name} is not UTF-8 at byte {error.start}. "
            "Save it again with the encoding UTF-8"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < SHORTEST:
        raise ValueError(f"text must have at least {SHORTEST:,} characters; {path.name} has {len(text):,}")
    return text


def _cut(text: str, source: str) -> Prose:
    at = len(text) * 9 // 10
    return Prose(text[:at], text[at:], source)
