"""French phrases with one exact English translation each: dates, times, amounts, names, and lists of them.

Both languages are written by babel from the same value, with the patterns and the names of the Unicode Common
Locale Data Repository (CLDR, https://cldr.unicode.org), so each phrase has one right answer. Word order
differs: "il y a 3 jours" / "3 days ago", "dollars australiens" / "Australian dollars", "lundi 4 mars 2019,
14:05" / "Monday, March 4, 2019, 2:05 PM". Words, marks and single digits are the tokens.

Licence: babel BSD-3-Clause, CLDR Unicode-3.0. Generated with a seed; needs neither torch nor the network.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import babel
import numpy as np
from babel import Locale
from babel.dates import (
    TIMEDELTA_UNITS,
    format_date,
    format_interval,
    format_skeleton,
    format_time,
    format_timedelta,
    get_datetime_format,
)
from babel.lists import format_list
from babel.numbers import format_currency, get_currency_precision
from babel.units import format_compound_unit, format_unit

Record = tuple[str, str]  # French, English
T = TypeVar("T")

UNITS = """
    angle-degree area-hectare area-square-kilometer area-square-meter area-square-mile digital-gigabyte
    digital-megabyte duration-day duration-hour duration-minute duration-month duration-second duration-week
    duration-year electric-ampere electric-volt energy-calorie energy-joule energy-kilowatt-hour
    frequency-hertz length-centimeter length-foot length-inch length-kilometer length-light-year length-meter
    length-mile length-millimeter length-nautical-mile mass-gram mass-kilogram mass-ounce mass-pound
    mass-tonne power-horsepower power-kilowatt power-watt pressure-hectopascal speed-knot
    speed-kilometer-per-hour speed-meter-per-second speed-mile-per-hour temperature-celsius
    temperature-fahrenheit volume-barrel volume-cubic-centimeter volume-cubic-meter volume-gallon
    volume-liter volume-teaspoon
""".split()
PER = "second minute hour day week month year kilogram hectare".split()
PARTS = "kilogram gram liter milliliter cubic-meter kilowatt-hour megabyte calorie joule gallon ounce".split()
CURRENCIES = """
    AUD BRL CAD CHF CNY CZK DKK EGP EUR GBP INR ISK JMD JPY MAD MXN NOK NZD PLN RUB SEK SGD TND TRY USD ZAR
""".split()
TERRITORIES = """
    AE AR AT AU BE BG BR CA CF CH CI CL CN CO CU CZ DE DK DO DZ EG EH ES FI FK FR GB GR HU ID IE IN IS IT JP
    KE KP KR LB MA MK MX NC NG NL NO NZ PE PG PL PT RU SA SD SE SN SS TH TN TR TZ UA US UY VG VN ZA
""".split()
LANGUAGES = """
    ar cs da de el en en_AU en_CA en_GB en_US es es_MX fi fr fr_CA fr_CH ga gd he hi hu is it ja ko nl no
    pl pt pt_BR ru sv sw th tr uk vi zh zh_Hans zh_Hant
""".split()
ZONES = (
    "Atlantic Australia_Central Brasilia China Europe_Central Europe_Eastern Japan Moscow New_Zealand".split()
)
SPANS = "year month week day hour minute second".split()
SPACES = dict.fromkeys(map(ord, "\u00a0\u2009\u202f"), " ")


@dataclass(frozen=True)
class Phrases:
    """Pairs (French, English); no French and no English phrase is there twice, in either list."""

    train: list[Record]
    test: list[Record]
    source: str


def phrases(n: int = 36_000, seed: int = 0, test_share: float = 0.05) -> Phrases:
    """`n` different phrases, the last `test_share` of them for testing.

    Raises ValueError when `n` is below 2 or `test_share` is not between 0 and 1.
    """
    if n < 2 or not 0 < test_share < 1:
        raise ValueError(
            f"phrases() needs n >= 2 and test_share in (0, 1), got n={n}, test_share={test_share}"
        )
    rng = np.random.default_rng(seed)
    to_english: dict[str, str] = {}
    known: set[str] = set()
    while len(to_english) < n:
        french, english = one_phrase(rng)
        if french not in to_english and english not in known:
            to_english[french] = english
            known.add(english)
    records = list(to_english.items())
    n_train = n - max(1, round(n * test_share))
    return Phrases(records[:n_train], records[n_train:], source())


def source() -> str:
    """Where the phrases come from, with the version of babel."""
    return f"CLDR patterns and names through babel {babel.__version__} (BSD-3-Clause, Unicode-3.0), generated"


def words(phrase: str) -> list[str]:
    """Words, punctuation marks and single digits of a phrase: the tokens of this task.

    >>> words("il y a 17 jours")
    ['il', 'y', 'a', '1', '7', 'jours']
    """
    return re.findall(r"\d|[^\W\d]+|[^\w\s]", phrase)


def one_phrase(rng: np.random.Generator) -> Record:
    """One random phrase, French and English."""
    kind = rng.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values()))
    french, english = kind(rng)
    return french.translate(SPACES), english.translate(SPACES)


def both(write: Callable[[str], str]) -> Record:
    """The same value written in French and in English."""
    return write("fr"), write("en")


@cache
def names(field: str) -> list[Record]:
    """Names of "territories", "languages" or "zones" (kinds of time of day) in both languages."""
    french, english = (_names_in(Locale(code), field) for code in ("fr", "en"))
    return [(french[key], english[key]) for key in french]


def _names_in(locale: Locale, field: str) -> dict[str, str]:
    if field == "zones":
        zones = {zone: locale.meta_zones[zone]["long"] for zone in ZONES}
        return {f"{zone} {kind}": name for zone, long in zones.items() for kind, name in long.items()}
    codes = {"territories": TERRITORIES, "languages": LANGUAGES}[field]
    return {code: getattr(locale, field)[code] for code in codes}


def choose(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, all equally likely."""
    return options[rng.integers(len(options))]


def amount(rng: np.random.Generator) -> int | float:
    """A number of one to four digits, one in four with a decimal."""
    whole = int(rng.integers(1, 10 ** rng.integers(1, 5)))
    return whole + float(rng.integers(1, 10)) / 10 if rng.random() < 0.25 else whole


def moment(rng: np.random.Generator) -> dt.datetime:
    """A minute between 1900 and 2099."""
    return dt.datetime(1900, 1, 1) + dt.timedelta(minutes=int(rng.integers(73_049 * 24 * 60)))


def day(rng: np.random.Generator) -> Record:
    """A date: "lundi 4 mars 2019" / "Monday, March 4, 2019"."""
    date, style = moment(rng), choose(rng, ["full", "long"])
    return both(lambda code: format_date(date, style, code))


def day_and_time(rng: np.random.Generator) -> Record:
    """A date with the time of day: "4 mars 2019, 14:05" / "March 4, 2019, 2:05 PM"."""
    date, style = moment(rng), choose(rng, ["full", "long"])
    return both(
        lambda code: _joined(format_time(date, "short", locale=code), format_date(date, style, code), code)
    )


def _joined(time: str, date: str, code: str) -> str:
    return get_datetime_format("full", code).format(time, date)


def time_and_zone(rng: np.random.Generator) -> Record:
    """A time of day and its zone: "14:05 heure du Japon" / "2:05 PM Japan Time"."""
    time, (french_zone, english_zone) = moment(rng), choose(rng, names("zones"))
    french_time, english_time = both(lambda code: format_time(time, "short", locale=code))
    return f"{french_time} {french_zone}", f"{english_time} {english_zone}"


def ago(rng: np.random.Generator) -> Record:
    """A distance in time from now: "il y a 3 jours" / "3 days ago"."""
    unit, sign = choose(rng, SPANS), choose(rng, [-1, 1])
    seconds = dict(TIMEDELTA_UNITS)[unit] * int(rng.integers(1, 10 ** rng.integers(1, 4)))
    return both(
        lambda code: format_timedelta(
            sign * seconds, unit, threshold=math.inf, add_direction=True, locale=code
        )
    )


def period(rng: np.random.Generator) -> Record:
    """From one day to another: "4–8 mars 2019" / "Mar 4 – 8, 2019"."""
    first, skeleton = moment(rng), choose(rng, ["yMMMd", "yMMMM"])
    last = first + dt.timedelta(days=int(rng.integers(1, 4 ** rng.integers(1, 6))))
    return both(lambda code: format_interval(first.date(), last.date(), skeleton, locale=code))


def part_of_year(rng: np.random.Generator) -> Record:
    """A week, month or quarter: "semaine 10 de 2019" / "week 10 of 2019"."""
    date, skeleton = moment(rng), choose(rng, ["yw", "MMMMW", "yQQQQ", "yMMMM"])
    return both(lambda code: format_skeleton(skeleton, date, locale=code))


def quantity(rng: np.random.Generator) -> Record:
    """A number with a unit: "12,5 milles marins" / "12.5 nautical miles"."""
    number, unit = amount(rng), choose(rng, UNITS)
    return both(lambda code: format_unit(number, unit, locale=code))


def rate(rng: np.random.Generator) -> Record:
    """So much per unit: "3 litres par kilomètre" / "3 liters per kilometer"."""
    number, part, per = amount(rng), choose(rng, PARTS), choose(rng, PER)
    return both(lambda code: format_compound_unit(number, part, denominator_unit=per, locale=code) or "")


def money(rng: np.random.Generator) -> Record:
    """An amount of money: "12,50 dollars australiens" / "12.50 Australian dollars"."""
    currency = choose(rng, CURRENCIES)
    number = round(amount(rng), get_currency_precision(currency) or None)  # no half yen: one text, one number
    return both(lambda code: format_currency(number, currency, locale=code, format_type="name"))


def place(rng: np.random.Generator) -> Record:
    """A part of the world: "Corée du Sud" / "South Korea"."""
    return choose(rng, names("territories"))


def language(rng: np.random.Generator) -> Record:
    """A language: "anglais britannique" / "British English"."""
    return choose(rng, names("languages"))


def remark(rng: np.random.Generator) -> Record:
    """A name and something in brackets: "Île Bouvet (3 tonnes)" / "Bouvet Island (3 metric tons)"."""
    inner = choose(rng, [language, quantity, ago])
    (french, english), (french_inner, english_inner) = place(rng), inner(rng)
    return f"{french} ({french_inner})", f"{english} ({english_inner})"


def series(rng: np.random.Generator) -> Record:
    """Two of a kind, sometimes three: "Inde, Chine ou Japon" / "India, China, or Japan"."""
    style, kind = choose(rng, ["standard", "or"]), choose(rng, [place, language, ago, quantity])
    items = [kind(rng) for _ in range(choose(rng, [2, 2, 3]))]
    french, english = zip(*items, strict=True)
    return format_list(french, style, "fr"), format_list(english, style, "en")


# Each kind of phrase with its share.
KINDS = {
    day: 4,
    day_and_time: 3,
    time_and_zone: 1,
    ago: 4,
    period: 2,
    part_of_year: 2,
    quantity: 6,
    rate: 3,
    money: 3,
    place: 1,
    language: 1,
    remark: 2,
    series: 3,
}
