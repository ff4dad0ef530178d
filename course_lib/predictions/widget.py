"""The card that asks for a guess."""

from html import escape
from pathlib import Path

import anywidget
import traitlets

from course_lib import journal
from course_lib.predictions import is_right

FOLDER = Path(__file__).parent


class Prediction(anywidget.AnyWidget):
    """One question; the guess is written to the journal when the reader records it."""

    _esm = (FOLDER / "predict.js").read_text(encoding="utf-8")
    _css = (FOLDER / "predict.css").read_text(encoding="utf-8")
    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    guess = traitlets.Any(None, allow_none=True).tag(sync=True)

    def __init__(self, lesson: str, name: str, question: dict):
        choices = question.get("choices", [])
        earlier = journal.guess_of(lesson, name)
        super().__init__(
            question=question["question"],
            choices=choices,
            guess=earlier if not choices or earlier in choices else None,
        )
        self.observe(lambda change: self._record(lesson, name, question, change["new"]), names="guess")

    def _record(self, lesson: str, name: str, question: dict, guess: str | float | None) -> None:
        if guess is not None:
            journal.record_prediction(lesson, name, guess, is_right(question, guess))

    def __repr__(self) -> str:
        """The question alone, never the guess: the same on every machine."""
        options = [f"  ( ) {choice}" for choice in self.choices] or ["  a number: ____"]
        return "\n".join([f"Predict: {self.question}", *options])

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and the bare question for viewers without a kernel."""
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self), "text/html": self._still()}, metadata

    def _still(self) -> str:
        options = "".join(f"<li>{escape(choice)}</li>" for choice in self.choices) or "<li>a number</li>"
        return f"<p><b>Predict:</b> {escape(self.question)}</p><ul>{options}</ul>"
