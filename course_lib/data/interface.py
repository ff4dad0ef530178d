"""French and English sentences of JupyterLab's interface: menus, buttons, settings and messages.

Translated by the contributors of Project Jupyter; read from the installed language pack
`jupyterlab-language-pack-fr-FR` (BSD-3-Clause, https://github.com/jupyterlab/language-packs). Nothing of it
is stored in the course. Needs neither torch nor the network.

Left out: texts with placeholders, markup, code or several lines, plural forms, texts without a word, texts
that are the same in both languages, and all but the first translation of a text.
"""

import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from course_lib.data.archives import DataMissingError
from course_lib.data.films import same_text

PACK = "jupyterlab-language-pack-fr-FR"
FOLDER = "jupyterlab_language_pack_fr_FR/locale/fr_FR/LC_MESSAGES"
Record = tuple[str, str]  # French, English

UNCLEAN = re.compile(r"[%{}<>`$\\|_=\n\t]|\w\.\w|://|//")  # placeholders, markup, code, file names, addresses
WORD = re.compile(r"[a-z]{2}")


@dataclass(frozen=True)
class Interface:
    """Pairs (French, English); no text of `test` is in `train`, whatever its punctuation or capitals."""

    train: list[Record]
    test: list[Record]
    source: str


def load_interface(seed: int = 0, test_share: float = 0.1) -> Interface:
    """All clean pairs in random order, `test_share` of them for testing.

    Raises DataMissingError when the language pack is not installed, ValueError when `test_share` leaves one
    side empty.
    """
    folder = pack_folder()
    pairs = clean_pairs(folder)
    n_test = round(len(pairs) * test_share)
    if not 0 < n_test < len(pairs):
        raise ValueError(f"test_share must leave pairs on both sides; got {test_share} of {len(pairs)}")
    shuffled = [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]
    return Interface(shuffled[n_test:], shuffled[:n_test], source())


def source() -> str:
    """Where the sentences come from, with the version of the pack."""
    return f"{PACK} {distribution(PACK).version} (Project Jupyter contributors, BSD-3-Clause)"


def pack_folder() -> Path:
    """The folder with the catalogues of the installed language pack."""
    try:
        folder = Path(str(distribution(PACK).locate_file(FOLDER)))
    except PackageNotFoundError:
        folder = None
    if folder is None or not folder.is_dir():
        raise DataMissingError(f"{PACK} is not installed. Run `python course.py lab` once: it installs it.")
    return folder


def clean_pairs(folder: Path) -> list[Record]:
    """The clean pairs of all catalogues, each French and each English text once, in the catalogues' order."""
    pairs, seen = [], set()
    for path in sorted(folder.glob("*.json")):
        catalogue = json.loads(path.read_text(encoding="utf-8"))
        catalogue.pop("", None)  # says which language it is
        for message, translations in catalogue.items():
            english = message.rpartition("\x04")[2].strip()  # before it: the context, "menu" for instance
            french = translations[0].strip() if len(translations) == 1 else ""
            keys = {("fr", same_text(french)), ("en", same_text(english))}
            if is_clean(french, english) and not keys & seen:
                seen |= keys
                pairs.append((french, english))
    return pairs


def is_clean(french: str, english: str) -> bool:
    """Whether both are plain text with a word in it, and differ."""
    plain = not UNCLEAN.search(french) and not UNCLEAN.search(english)
    return bool(plain and WORD.search(french) and WORD.search(english) and french != english)
