"""Dates as people write them, with the same date as ISO 8601: "lundi 7 mars 1994" and "1994-03-07".

Written by babel with the patterns and the names of the Unicode Common Locale Data Repository (CLDR,
https://cldr.unicode.org). Characters are the tokens. A pattern is only used where it tells day from month:
no two dates share a text, in all languages together.

Licence: babel BSD-3-Clause, CLDR Unicode-3.0. Generated with a seed; needs neither torch nor the network.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import babel
import numpy as np
from babel.dates import format_date, format_skeleton

Record = tuple[str, str]  # as people write it, ISO 8601

# language: (locale, CLDR pattern or skeleton)
FORMATS = {
    "en": [
        ("en", "full"),  # Monday, March 7, 1994
        ("en", "long"),  # March 7, 1994
        ("en", "medium"),  # Mar 7, 1994
        ("en", "short"),  # 3/7/94
        ("en", "yMMMEd"),  # Mon, Mar 7, 1994
        ("en_GB", "full"),  # Monday 7 March 1994
        ("en_GB", "long"),  # 7 March 1994
        ("en_GB", "yMMMEd"),  # Mon, 7 Mar 1994
    ],
}
FORMATS |= {
    language: [(language, form) for form in ("full", "long", "medium", "yMMMEd")]
    for language in ("de", "es", "fr", "hu", "ja", "pl", "ru")
}
LANGUAGES = tuple(FORMATS)
FIRST, LAST = dt.date(1950, 1, 1), dt.date(2049, 12, 31)  # 100 years: two digits of a year tell which
SPACES = dict.fromkeys(map(ord, "\u00a0\u2009\u202f"), " ")


@dataclass(frozen=True)
class Dates:
    """Pairs (text, ISO date); no date and no text of `test` is in `train`."""

    train: list[Record]
    test: list[Record]
    source: str


def dates(
    n: int = 20_000, seed: int = 0, languages: Collection[str] = ("en",), test_share: float = 0.1
) -> Dates:
    """`n` different texts in these languages; `test_share` of the days and of the texts is for testing only.

    Raises ValueError for an unknown language, for a `test_share` that leaves one side empty, and for more
    texts than there are.
    """
    if not languages or not set(languages) <= FORMATS.keys():
        raise ValueError(f"languages must be some of {', '.join(LANGUAGES)}; got {languages!r}")
    n_test = round(n * test_share)
    if not 0 < n_test < n:
        raise ValueError(
            f"n and test_share must leave texts on both sides; got n={n}, test_share={test_share}"
        )
    formats = [form for language in dict.fromkeys(languages) for form in FORMATS[language]]
    rng = np.random.default_rng(seed)
    days = rng.permutation((LAST - FIRST).days + 1)
    cut = round(len(days) * test_share)
    test = _draw(n_test, days[:cut], formats, rng)
    train = _draw(n - n_test, days[cut:], formats, rng)
    return Dates(train, test, source())


def source() -> str:
    """Where the dates come from, with the version of babel."""
    return f"CLDR date patterns through babel {babel.__version__} (BSD-3-Clause, Unicode-3.0), generated"


def write(day: dt.date, locale: str, form: str) -> str:
    """A day in a locale, by a CLDR pattern ("full", "long", "medium", "short") or by a skeleton.

    >>> write(dt.date(1994, 3, 7), "en", "long")
    'March 7, 1994'
    """
    styles = ("full", "long", "medium", "short")
    text = format_date(day, form, locale) if form in styles else format_skeleton(form, day, locale=locale)
    return text.translate(SPACES)


def _draw(n: int, days: np.ndarray, formats: list[tuple[str, str]], rng: np.random.Generator) -> list[Record]:
    """`n` different texts of these days, all days and formats equally likely."""
    records: dict[str, str] = {}
    for text, iso in _all(days, formats, rng):
        records[text] = iso
        if len(records) == n:
            return list(records.items())
    raise ValueError(f"n is too large: {len(days)} days in {len(formats)} formats give {len(records)} texts")


def _all(days: np.ndarray, formats: list[tuple[str, str]], rng: np.random.Generator) -> Iterator[Record]:
    """Every day in every format, in random order."""
    for pair in rng.permutation(len(days) * len(formats)):
        day = FIRST + dt.timedelta(days=int(days[pair // len(formats)]))
        yield write(day, *formats[pair % len(formats)]), day.isoformat()
