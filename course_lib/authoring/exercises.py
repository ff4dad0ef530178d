"""What the build says about an exercise, read from its spec; a question in words stands in the source."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from course_lib.authoring.sources import MINUTES, Source
from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.checks.words import ANSWER


class Facts(NamedTuple):
    """One row of the table at the head of an exercise notebook."""

    name: str
    stars: str
    minutes: str
    points: str


def facts(name: str) -> Facts:
    """Difficulty, minutes and points of an exercise; a mutant hunt has a name alone."""
    if name not in exercise_ids():
        return Facts(name, "hunt", "", "")
    exercise = load_exercise(name)
    stars = "●" * exercise.difficulty + "○" * (5 - exercise.difficulty)
    return Facts(name, stars, str(exercise.minutes), str(exercise.points))


def in_words(source: Source) -> list[Facts]:
    """The questions that are answered in words; the heading before such an answer gives its minutes."""
    answers = [(before.source, ANSWER.match(cell.source)) for before, cell in pairwise(source.cells)]
    return [
        Facts("In your own words", "words", MINUTES.search(heading)[1], answer[2])
        for heading, answer in answers
        if answer
    ]
