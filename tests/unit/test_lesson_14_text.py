"""What lesson 14 says about BLEU, about its data and about its figures is what the code and the files say."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from course_lib.checks.spec import load_exercise
from course_lib.data.interface import load_interface
from course_lib.data.phrases import LANGUAGES, phrases, words

ROOT = Path(__file__).parents[2]
FILES = ROOT / "course_lib" / "data" / "files"
TEXT = (ROOT / "sources" / "lessons" / "14_translation.py").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "sources" / "glossary.toml").read_text(encoding="utf-8")
QUESTIONS = (ROOT / "course_lib" / "predictions" / "14_translation.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data():
    return phrases(seed=14)


def figures(name):
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


def order_2(candidate, reference):
    return BLEU(tokenize="none", smooth_method="none", max_ngram_order=2).corpus_score(
        [candidate], [[reference]]
    )


def test_bleu_by_hand():
    assert r"$100 \sqrt{\tfrac13} \approx 57.7$" in TEXT and r"$\beta = e^{-1/2} \approx 0.607$" in TEXT
    assert round(order_2("3 3 days", "3 days ago").score, 1) == round(100 * math.sqrt(1 / 3), 1) == 57.7
    short = order_2("days ago", "3 days ago")
    assert (round(short.score, 1), round(short.bp, 3)) == (60.7, round(math.exp(-0.5), 3))
    assert "BLEU of order 2: 60.7." in TEXT


def test_the_answers_on_other_candidates():
    assert "*3 3 3 3*: $p_1 = \\tfrac14$, $p_2 = 0$" in TEXT
    assert order_2("3 3 3 3", "3 days ago").precisions == [25, 0]
    assert order_2("ago days 3", "3 days ago").precisions == [100, 0]
    recap = order_2("in in 5 days", "in 5 days")
    assert "$p_1 = \\tfrac34$ (*in* counts once), $p_2 = \\tfrac23$" in TEXT
    assert np.allclose(recap.precisions, [75, 200 / 3]) and recap.bp == 1


def test_the_exercise_is_sacrebleu(data):
    references = [words(english) for _, english in data.test[:300]]
    candidates = [text[:-1] if len(text) > 6 else text[::-1] for text in references]
    theirs = BLEU(tokenize="none", smooth_method="none").corpus_score(
        [" ".join(text) for text in candidates], [[" ".join(text) for text in references]]
    )
    assert math.isclose(load_exercise("corpus_bleu").solution(candidates, references), theirs.score)


def test_the_penalty_in_text_and_glossary():
    assert r"\beta = \min\left(1,\ e^{1 - r/c}\right)" in TEXT
    assert r"$\\min(1, e^{1 - r/c})$ for $c$ words written where $r$ were wanted" in GLOSSARY


def test_padding_and_short_texts(data):
    lengths = np.array([len(words(french)) for french, _ in data.train])
    assert (lengths.min(), lengths.max()) == (1, 24) and round(lengths.mean(), 1) == 7.7
    assert "1 to 24 tokens, 7.7 on average" in TEXT
    assert "61 of 1,800 are" in QUESTIONS and sum(len(words(english)) < 4 for _, english in data.test) == 61
    assert "There are 40 languages" in QUESTIONS and len(LANGUAGES) == 40


def test_the_sentences_are_in_the_pack():
    table = re.findall(r"^# \| ([^|]+) \| ([^|]+) \|$", TEXT, flags=re.MULTILINE)
    interface = load_interface(14)
    pairs = {*interface.train, *interface.test}
    quoted = [pair for pair in table if pair[0] not in ("French", "---")]
    assert len(quoted) == 3 and set(quoted) <= pairs
    assert (len(interface.train), len(interface.test)) == (2151, 239)
    counts = Counter(word for french, _ in interface.train for word in words(french))
    assert 0.4 < sum(times == 1 for times in counts.values()) / len(counts) < 0.5


def test_what_the_text_says_of_the_three_models():
    models = figures("14_translation")["models"]
    for runs in models.values():
        assert len(runs) == 3 and all(470_000 < run["parameters"] < 491_000 for run in runs)
    exact = {name: [run["exact"] for run in runs] for name, runs in models.items()}
    assert min(exact["transformer"]) > 0.95 and min(exact["gru_with_attention"]) > 0.95
    assert max(exact["gru"]) < min(exact["transformer"]) - 0.05


def test_what_the_text_says_of_few_pairs():
    about = figures("14_pairs")
    shares = [np.mean([run["exact"] for run in entry["held_out"]]) for entry in about["phrases"].values()]
    assert shares == sorted(shares)
    entry = about["interface"]
    assert max(run["exact"] for run in entry["held_out"]) < 0.1
    assert 0.28 < entry["with_unknown_word"] / entry["test"] < 0.55
