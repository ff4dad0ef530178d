"""Guess before you look: a question's guess is recorded, and answered once the result is on the page.

The questions of a lesson stand in `NN_name.toml` beside this file: the notebook does not give answers away.
"""

import tomllib
from decimal import Decimal
from difflib import get_close_matches
from html import escape
from pathlib import Path

from IPython.display import display

from course_lib import journal, session

FOLDER = Path(__file__).parent


def load_questions(lesson: str) -> dict[str, dict]:
    """The questions of a lesson by name; raises KeyError if the lesson has none."""
    path = FOLDER / f"{lesson}.toml"
    if not path.is_file():
        raise KeyError(f"no predictions are stored for the lesson {lesson!r}")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def predict(name: str) -> None:
    """Show the question `name` of the current lesson and record the reader's guess."""
    from course_lib.predictions.widget import Prediction  # here: only a notebook needs the widget

    lesson, question = _question(name)
    display(Prediction(lesson, name, question))


def compare(name: str, seen: str | float) -> None:
    """Answer the guess made for question `name`, now that the result `seen` is there.

    Raises AssertionError if `seen` is not the answer that the question has stored.
    """
    lesson, question = _question(name)
    assert agrees(question, seen), f"the cell found {seen!r}, the stored answer is {question['answer']!r}"
    display(Reply(question, journal.guess_of(lesson, name)))


def agrees(question: dict, seen: str | float) -> bool:
    """Whether a computed result is the stored answer, to the decimals in which the answer is written."""
    answer = question["answer"]
    if isinstance(answer, str):
        return str(seen) == answer
    half_a_digit = 0.5 * 10.0 ** Decimal(str(answer)).as_tuple().exponent
    return abs(float(seen) - answer) <= half_a_digit * 1.0001


def is_right(question: dict, guess: str | float) -> bool:
    """Whether a guess counts as right: the same choice, or a number within the tolerance."""
    if isinstance(question["answer"], str):
        return guess == question["answer"]
    return abs(float(guess) - question["answer"]) <= question["tolerance"]


def sentence(question: dict, guess: str | float) -> str:
    """What a tutor says to this guess."""
    if is_right(question, guess):
        return question["right"]
    if isinstance(question["answer"], str):
        return question["wrong"][guess]
    return question["too_low"] if float(guess) < question["answer"] else question["too_high"]


class Reply:
    """The comparison of a guess with the answer, as text and for a notebook."""

    def __init__(self, question: dict, guess: str | float | None):
        known = guess is not None and (guess in question.get("choices", [guess]))
        if not known:
            self.mark = "Answer"
            self.text = f"{question['answer']}. (You made no guess here.) {question['right']}"
            return
        self.mark = "As you guessed" if is_right(question, guess) else "Not what you guessed"
        self.text = f"you said {guess}, it is {question['answer']}. {sentence(question, guess)}"

    def __repr__(self) -> str:
        return f"{self.mark}: {self.text}"

    def _repr_html_(self) -> str:
        return (
            '<div style="border-left:3px solid #0072B2;padding:2px 10px;margin:6px 0;max-width:70ch">'
            f"<b>{self.mark}:</b> {escape(self.text)}</div>"
        )


def _question(name: str) -> tuple[str, dict]:
    lesson = session.lesson
    if lesson is None:
        raise RuntimeError("run the first cell of the notebook first: it says which lesson this is")
    questions = load_questions(lesson)
    if name not in questions:
        near = get_close_matches(name, questions, n=3) or sorted(questions)
        raise KeyError(f"lesson {lesson} has no prediction {name!r}; near ones: {', '.join(near)}")
    return lesson, questions[name]
