"""The text data: what the records are, that no split leaks, that a seed decides, and clear errors."""

import datetime as dt
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from course_lib.data import films, interface
from course_lib.data import phrases as data_phrases
from course_lib.data.archives import FILM_SENTENCES, DataMissingError, is_present
from course_lib.data.dates import FIRST, FORMATS, LANGUAGES, LAST, dates, write
from course_lib.data.films import FilmSentence, load_films, load_products, parse, same_text
from course_lib.data.grammar import ADJECTIVES, MASK, NOUNS, PREPOSITIONS, VERBS, grammar
from course_lib.data.interface import clean_pairs, is_clean, load_interface
from course_lib.data.phrases import KINDS, day, names, one_phrase, phrases, words
from course_lib.data.prose import SHORTEST, load_prose

PAIRS = {
    "dates": lambda seed: dates(600, seed),
    "dates in 8 languages": lambda seed: dates(600, seed, LANGUAGES),
    "phrases": lambda seed: phrases(600, seed),
    "interface": load_interface,
}


@pytest.mark.parametrize("make", PAIRS.values(), ids=PAIRS)
def test_no_source_and_no_target_is_on_both_sides(make):
    data = make(0)
    for side in (0, 1):
        train, test = ({same_text(pair[side]) for pair in part} for part in (data.train, data.test))
        assert train and test and not train & test


@pytest.mark.parametrize("make", PAIRS.values(), ids=PAIRS)
def test_a_text_comes_once_and_has_a_source_line(make):
    data = make(0)
    texts = [source for source, _ in data.train + data.test]
    assert len(set(texts)) == len(texts)
    assert data.source and "\n" not in data.source


@pytest.mark.parametrize(
    "make", [*PAIRS.values(), lambda seed: grammar(50, 50, seed)], ids=[*PAIRS, "grammar"]
)
def test_the_seed_decides(make):
    np.random.seed(3)  # the global generator must play no part
    first = make(5)
    assert first == make(5)
    assert first.train != make(6).train


# dates


def test_numbers_of_texts():
    data = dates(500, 0, test_share=0.2)
    assert (len(data.train), len(data.test)) == (400, 100)


def test_a_text_is_its_day_in_one_of_the_formats_and_every_format_comes():
    data = dates(1_000, 1, LANGUAGES)
    forms = [form for formats in FORMATS.values() for form in formats]
    used = set()
    for text, iso in data.train + data.test:
        date = dt.date.fromisoformat(iso)
        assert FIRST <= date <= LAST
        found = [form for form in forms if write(date, *form) == text]
        assert found, text
        used.update(found)
    assert used == set(forms)


def test_eight_english_formats_are_eight_texts():
    assert len({write(dt.date(1994, 3, 7), *form) for form in FORMATS["en"]}) == 8
    assert write(dt.date(1994, 3, 7), "en", "short") == "3/7/94"


def test_no_two_dates_share_a_text_in_all_languages_together():
    seen = {}
    forms = [form for formats in FORMATS.values() for form in formats]
    for year in (1950, 1971, 2007, 2049):
        for month, number in itertools.product(range(1, 13), (1, 2, 5, 11, 12, 28)):
            date = dt.date(year, month, number)
            for form in forms:
                assert seen.setdefault(write(date, *form), date) == date


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"languages": ("en", "xx")}, "xx"),
        ({"languages": ()}, "languages"),
        ({"n": 1}, "n=1"),
        ({"test_share": 0.0}, "test_share=0"),
        ({"test_share": 1.0}, "test_share=1"),
        ({"n": 10, "test_share": 0.1, "languages": "en"}, "languages"),
    ],
)
def test_dates_reject(arguments, message):
    with pytest.raises(ValueError, match=message):
        dates(**arguments)


# phrases


def test_a_french_phrase_has_one_english_translation(monkeypatch):
    """Few values, so that every way to write a value in French meets every other one."""
    moments = [dt.datetime(2019, month, day, 14, 5) for month in range(1, 13) for day in (1, 12)]
    monkeypatch.setattr(data_phrases, "moment", lambda rng: moments[rng.integers(len(moments))])
    monkeypatch.setattr(data_phrases, "amount", lambda rng: [1, 1.3, 2, 12, 1_250][rng.integers(5)])
    rng = np.random.default_rng(2)
    seen = {}
    for _ in range(4_000):
        french, english = one_phrase(rng)
        assert seen.setdefault(tuple(words(french)), words(english)) == words(english), french


def test_two_phrases_with_one_translation_do_not_both_come(monkeypatch):
    pool = [("un", "a"), ("une", "a"), ("le", "the"), ("la", "the"), ("les", "the"), ("chien", "dog")]
    monkeypatch.setattr(data_phrases, "one_phrase", lambda rng: pool[rng.integers(len(pool))])
    for seed in range(5):
        data = phrases(3, seed)
        assert {english for _, english in data.train + data.test} == {"a", "the", "dog"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_phrase_says_the_same_in_both_languages(kind):
    rng = np.random.default_rng(0)
    records = [kind(rng) for _ in range(60)]
    assert any(french != english for french, english in records)
    for french, english in records:
        assert words(french) and words(english)
        if ":" not in french:  # times of day: 14:05 becomes 2:05
            assert sorted(re.findall(r"\d", french)) == sorted(re.findall(r"\d", english))


def test_dates_change_their_word_order():
    french, english = zip(*(day(np.random.default_rng(seed)) for seed in range(20)), strict=True)
    assert all(re.search(r"\d+ \w+ \d{4}$", phrase) for phrase in french)
    assert all(re.search(r"[A-Z][a-z]+ \d+, \d{4}$", phrase) for phrase in english)


def test_names_have_one_translation_each():
    for field in ("territories", "languages", "zones"):
        french = [name for name, _ in names(field)]
        assert len(set(french)) == len(french) > 20
    assert ("Corée du Sud", "South Korea") in names("territories")
    assert ("anglais britannique", "British English") in names("languages")


def test_words_are_words_marks_and_single_digits():
    assert words("d’été, 1 250,5 €") == ["d", "’", "été", ",", "1", "2", "5", "0", ",", "5", "€"]


@pytest.mark.parametrize("arguments", [{"n": 1}, {"test_share": 0.0}, {"test_share": 1.5}])
def test_phrases_reject(arguments):
    with pytest.raises(ValueError, match="test_share"):
        phrases(**arguments)


# interface


def test_interface_has_the_pairs_that_the_lesson_names():
    data = load_interface()
    assert 2_000 < len(data.train) + len(data.test) < 3_000
    assert ("Raccourcis clavier", "Keyboard Shortcuts") in data.train + data.test


@pytest.mark.parametrize(
    "french, english, clean",
    [
        ("Ouvrir le fichier", "Open file", True),
        ("Ouvrir %1", "Open %1", False),
        ("<b>Ouvrir</b>", "<b>Open</b>", False),
        ("Ouvrir\nfermer", "Open\nclose", False),
        ("Le fichier `a`", "The file `a`", False),
        ("Console", "Console", False),
        ("…", "...", False),
        ("", "Open", False),
    ],
)
def test_what_is_clean(french, english, clean):
    assert is_clean(french, english) is clean


def test_contexts_are_cut_plurals_and_second_translations_left_out(tmp_path):
    catalogue = {
        "": {"language": "fr-FR"},
        "menu\x04Open": ["Ouvrir"],
        "open…": ["Ouvre"],
        "Run": ["ouvrir !"],
        "one file": ["un fichier", "des fichiers"],
        "Close": ["Fermer"],
    }
    (tmp_path / "a.json").write_text(json.dumps(catalogue), encoding="utf-8")
    assert clean_pairs(tmp_path) == [("Ouvrir", "Open"), ("Fermer", "Close")]


def test_a_missing_language_pack_names_the_command(monkeypatch):
    monkeypatch.setattr(interface, "PACK", "no-such-language-pack")
    with pytest.raises(DataMissingError, match=r"course\.py lab"):
        load_interface()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_interface_rejects(share):
    with pytest.raises(ValueError, match="test_share"):
        load_interface(test_share=share)


# prose


def test_python_reference():
    prose = load_prose()
    whole = prose.train + prose.validation
    assert len(whole) > 400_000
    assert len(prose.validation) == pytest.approx(len(whole) / 10, abs=1)
    assert 'The "if" statement' in whole and sys.version.split()[0] in prose.source
    assert load_prose() == prose


def test_a_text_of_the_reader_is_cut_by_position(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeff".encode() + "Où ?\r\n".encode() * 2_000)
    prose = load_prose(path)
    assert prose.train + prose.validation == "Où ?\n" * 2_000
    assert len(prose.validation) == 1_000
    assert "mine.txt" in prose.source and str(tmp_path) not in prose.source
    assert load_prose(str(path)) == prose


@pytest.mark.parametrize(
    "data, message",
    [
        (b"too short", "5,000 characters.* has 9"),
        (b"text\0" * SHORTEST, "binary"),
        ("é".encode("latin-1") * SHORTEST, "not UTF-8 at byte 0"),
        ("text ".encode("utf-16") * SHORTEST, "UTF-16"),
    ],
)
def test_a_file_that_is_no_text(tmp_path, data, message):
    path = tmp_path / "mine.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        load_prose(path)


def test_no_file_or_a_folder(tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(FileNotFoundError, match=path.name):
            load_prose(path)


# films


def table(n=400):
    """Lines as in the archive, with sentences of our own; every tenth comes twice, differently written."""
    lines = [f"{i}\t{(-1) ** i * (0.5 + i % 7 / 2)}\tFilm number {i} is what it is." for i in range(n)]
    return "\n".join(lines + [f"{n + i}\t-3\tFILM number {i}    is what it is!" for i in range(0, n, 10)])


def archive(path, text, file):
    """The table inside an archive inside an archive, as it is published."""
    data = text.encode("utf-8")
    for name in (file, films.INSIDE):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as package:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))
        data = stream.getvalue()
    path.write_bytes(data)


@pytest.fixture
def own_films(tmp_path, monkeypatch):
    archive(tmp_path / "films.tar.gz", table(), films.FILE)
    monkeypatch.setattr(films, "checked_path", lambda *_: tmp_path / "films.tar.gz")


def test_films_are_split_without_copies_on_both_sides(own_films):
    data = load_films()
    parts = data.train, data.validation, data.test
    texts = [{same_text(sentence.text) for sentence in part} for part in parts]
    assert [len(part) for part in texts] == [320, 40, 40]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
    assert sum(map(len, parts)) == 440
    assert load_films() == data and load_films(1) != data


def test_products_have_more_for_the_test(tmp_path, monkeypatch):
    archive(tmp_path / "films.tar.gz", table(), films.PRODUCTS)
    monkeypatch.setattr(films, "checked_path", lambda *_: tmp_path / "films.tar.gz")
    data = load_products()
    parts = data.train, data.validation, data.test
    assert [len({same_text(s.text) for s in part}) for part in parts] == [160, 40, 200]
    assert "product" in data.source and "film" not in data.source


def test_labels_follow_the_mean_and_unclear_ratings_are_left_out():
    lines = [
        "1\t0.5\tgood",
        "2\t-0.5\tbad",
        "3\t0.49\tso",
        "4\t-0.49\tso",
        "5\t0\tso",
        "6\t3\tvery    good &amp; long",
    ]
    assert parse("\r\n".join(lines)) == [
        FilmSentence("good", 0.5, 1),
        FilmSentence("bad", -0.5, 0),
        FilmSentence("very good & long", 3.0, 1),
    ]


def test_a_broken_table_is_named():
    with pytest.raises(ValueError, match="line 2"):
        parse("1\t0.5\tgood\n2\t0.5")


def test_missing_films_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(DataMissingError, match=r"course\.py lab"):
        load_films()


@pytest.mark.skipif(
    not is_present(FILM_SENTENCES) and not os.environ.get("CI"),
    reason="the film sentences are not in the cache; `python course.py lab` fetches them",
)
def test_the_published_films():
    data = load_films()
    sentences = data.train + data.validation + data.test
    assert len(sentences) == 10_072
    assert sum(sentence.label for sentence in sentences) / len(sentences) == pytest.approx(0.496, abs=0.001)
    assert all(0.5 <= abs(sentence.rating) <= 4 and sentence.text.strip() for sentence in sentences)
    products = load_products()
    assert [len(part) for part in (products.train, products.validation, products.test)] == [1199, 300, 1486]


# grammar

SINGULAR = {plural: singular for singular, plural in NOUNS.items()} | {noun: noun for noun in NOUNS}


def parts_of(sentence, verb):
    """Subject and attractor (or None) of a sentence, each with whether it is plural, read off its words."""
    tokens = sentence.split()
    nouns = [(SINGULAR[word], word not in NOUNS) for word in tokens[: tokens.index(verb)] if word in SINGULAR]
    return tuple(reversed(nouns)) if tokens[0] in PREPOSITIONS else (*nouns, None)[:2]


def verb_of(sentence):
    return next(word for word in sentence.split() if word in VERBS or word in VERBS.values())


GRAMMAR = grammar(3_000, 600)


def test_verbs_of_training_agree_with_their_subject():
    for sentence in GRAMMAR.train:
        verb = verb_of(sentence)
        (_, plural), _ = parts_of(sentence, verb)
        assert (verb in VERBS.values()) == plural, sentence


def test_right_and_wrong_form_of_the_test():
    for item in GRAMMAR.test:
        (_, plural), (_, other) = parts_of(item.masked, MASK)
        assert (item.right in VERBS.values()) == plural
        assert {item.right, item.wrong} in [{one, many} for one, many in VERBS.items()]
        assert item.attractor == ("same" if plural == other else "other")
    assert sum(item.attractor == "other" for item in GRAMMAR.test) == 300


def test_pairs_of_nouns_of_the_test_are_held_out():
    def pairs(sentences, verbs):
        both = (parts_of(*pair) for pair in zip(sentences, verbs, strict=True))
        return {(subject[0], other[0]) for subject, other in both if other}

    train = pairs(GRAMMAR.train, map(verb_of, GRAMMAR.train))
    test = pairs([item.masked for item in GRAMMAR.test], [MASK] * 600)
    assert len(test) > 30 and not train & test
    assert {noun for pair in test for noun in pair} <= {noun for pair in train for noun in pair}


def test_neither_the_last_nor_the_first_noun_is_enough():
    last = first = 0
    for item in GRAMMAR.test:
        nouns = [word for word in item.masked.split() if word in SINGULAR]
        plural = item.right in VERBS.values()
        last += (nouns[-1] not in NOUNS) == plural
        first += (nouns[0] not in NOUNS) == plural
    assert 0.5 < last / 600 < 0.75 and 0.75 < first / 600 < 0.95


def test_word_lists_do_not_overlap():
    lists = [
        set(NOUNS),
        set(NOUNS.values()),
        set(VERBS),
        set(VERBS.values()),
        set(ADJECTIVES),
        set(PREPOSITIONS),
    ]
    assert sum(map(len, lists)) == len(set().union(*lists))


@pytest.mark.parametrize("arguments", [{"n": 0}, {"n_test": 0}])
def test_grammar_rejects(arguments):
    with pytest.raises(ValueError, match="at least 1"):
        grammar(**arguments)


# all


def test_text_data_loads_no_torch():
    names = ("dates", "films", "grammar", "interface", "phrases", "prose")
    code = "import sys\n" + "".join(f"import course_lib.data.{name}\n" for name in names)
    code += "print([name for name in ('torch', 'matplotlib', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
