"""The journal keeps what the reader did; predictions are recorded, answered and stable."""

import json
import tomllib

import pytest

from course_lib import compare, journal, predict, predictions, session, start
from course_lib.checks import hunt
from course_lib.predictions.widget import Prediction

CHOICE = {
    "question": "Which?",
    "choices": ["a", "b"],
    "answer": "b",
    "right": "Because b.",
    "wrong": {"a": "Not a, since it is first."},
}
NUMBER = {
    "question": "How much?",
    "answer": 2.36,
    "tolerance": 0.3,
    "right": "About that.",
    "too_low": "More than that.",
    "too_high": "Less than that.",
}
LESSONS = sorted(path.stem for path in predictions.FOLDER.glob("*.toml"))


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "reader"))
    monkeypatch.setattr(session, "lesson", None)
    return tmp_path / "reader"


def test_a_new_reader_has_done_nothing():
    assert journal.summary().startswith("Nothing yet")


def test_everything_is_remembered():
    journal.record_opened("01_dot_products")
    journal.record_prediction("01_dot_products", "angle", "0", right=True)
    journal.record_check("similarity", "right", 1.0)
    assert journal.guess_of("01_dot_products", "angle") == "0"
    assert journal.mark_of("similarity") == "right"
    line = next(line for line in journal.summary().splitlines() if line.startswith("01_dot_products"))
    assert "opened · predictions 1 of" in line
    assert "exercises 1 right" in line


def test_a_solved_hunt_counts_as_an_exercise():
    hunt("03_scale").submit(hunt("03_scale").example, fault=hunt("03_scale").fault)
    line = next(line for line in journal.summary().splitlines() if line.startswith("03_attention"))
    assert "exercises 1 right, 0 wrong, 3 not attempted" in line


def test_a_better_score_is_kept_and_a_worse_one_is_not():
    journal.record_check("softmax", "wrong", 0.5)
    journal.record_check("softmax", "not attempted", 0.0)
    journal.record_check("softmax", "wrong", 0.2)
    assert journal.read()["exercises"]["softmax"] == {"status": "wrong", "score": 0.5}
    journal.record_check("softmax", "other convention", 1.0)
    assert journal.mark_of("softmax") == "right"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"opened": 3}', "\x00"])
def test_a_broken_journal_is_set_aside(own_home, content):
    own_home.mkdir()
    (own_home / "progress.json").write_text(content)
    journal.record_opened("00_start")
    assert json.loads((own_home / "progress.json").read_text())["opened"] == ["00_start"]
    assert (own_home / "progress.unreadable.json").read_text() == content


def test_an_interrupted_write_keeps_the_old_journal(monkeypatch):
    journal.record_opened("00_start")
    monkeypatch.setattr(json, "dump", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        journal.record_opened("01_dot_products")
    assert journal.read()["opened"] == ["00_start"]


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(own_home, capsys):
    own_home.write_text("a file where the folder should be")
    journal.record_check("softmax", "right", 1.0)
    assert "could not be saved" in capsys.readouterr().err


@pytest.mark.parametrize("question, guess", [(CHOICE, "b"), (NUMBER, 2.1), (NUMBER, 2.6)])
def test_a_right_guess_is_answered_with_the_reason(question, guess):
    reply = repr(predictions.Reply(question, guess))
    assert reply.startswith("As you guessed")
    assert question["right"] in reply


@pytest.mark.parametrize(
    "question, guess, said", [(CHOICE, "a", "since it is first"), (NUMBER, 1, "More"), (NUMBER, 5, "Less")]
)
def test_a_wrong_guess_gets_its_own_sentence(question, guess, said):
    reply = repr(predictions.Reply(question, guess))
    assert reply.startswith("Not what you guessed")
    assert said in reply


def test_without_a_guess_the_answer_is_given():
    assert repr(predictions.Reply(CHOICE, None)).startswith("Answer: b.")
    assert repr(predictions.Reply(CHOICE, "an option of an older edition")).startswith("Answer: b.")


@pytest.mark.parametrize("seen, agrees", [(2.36, True), (2.3649, True), (2.37, False), (-2.36, False)])
def test_a_computed_answer_is_held_against_the_stored_one(seen, agrees):
    assert predictions.agrees(NUMBER, seen) is agrees


def test_the_card_records_the_guess_and_never_shows_it_in_plain_text():
    card = Prediction("01_dot_products", "which", CHOICE)
    before = repr(card)
    card.guess = "a"
    assert journal.read()["predictions"]["01_dot_products"]["which"] == {"guess": "a", "right": False}
    again = Prediction("01_dot_products", "which", CHOICE)
    assert again.guess == "a"
    assert repr(again) == repr(card) == before


def test_html_is_escaped():
    question = {**CHOICE, "question": "<script>", "right": "<b>"}
    assert "<script>" not in Prediction("x", "y", question)._still()
    assert "<b></div>" not in predictions.Reply(question, "b")._repr_html_()


def test_a_question_needs_a_started_lesson_and_a_known_name(capsys):
    with pytest.raises(RuntimeError, match="first cell"):
        predict("angle")
    start(LESSONS[0])
    name = next(iter(predictions.load_questions(LESSONS[0])))
    with pytest.raises(KeyError, match=name):
        predict(name + "x")
    with pytest.raises(AssertionError, match="stored answer"):
        compare(name, "something else" if isinstance(_answer(name), str) else 1e9)
    compare(name, _answer(name))
    assert "Answer: " in capsys.readouterr().out


def _answer(name):
    return predictions.load_questions(LESSONS[0])[name]["answer"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_stored_question_is_whole(lesson):
    for name, question in tomllib.loads((predictions.FOLDER / f"{lesson}.toml").read_text()).items():
        assert "?" in question["question"] or question["question"].endswith("..."), name
        assert question["right"], name
        if "choices" in question:
            assert question["answer"] in question["choices"], name
            assert set(question["wrong"]) == set(question["choices"]) - {question["answer"]}, name
        else:
            assert question["tolerance"] > 0 and question["too_low"] and question["too_high"], name
