"""What the build says about an exercise, read from its spec."""

from __future__ import annotations

from typing import NamedTuple

from course_lib.checks.spec import exercise_ids, load_exercise


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
