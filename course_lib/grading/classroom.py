"""A made-up class, to try marking on: notebooks filled with right, wrong and unfinished answers.

`python -m course_lib.grading.classroom 30 FOLDER` makes 30 students in FOLDER/submissions and a roster.
"""

import ast
import json
import random
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from course_lib.checks.spec import Exercise, load_exercise
from course_lib.grading.extract import ROOT, trimmed
from course_lib.grading.marking import lessons

FIRST = ("Ada", "Bruno", "Chloé", "Dmitri", "Emine", "Farid", "Grete", "Hana", "Ines", "Jonas", "Kofi", "Lan")
LAST = ("Abel", "Brandt", "Castro", "Dahl", "Engström", "Ferrari", "García", "Huang", "Ito", "Jansen", "Kaya")
KINDS = ("right", "right", "right", "wrong", "wrong", "stub")


@cache
def answer_source(exercise: Exercise, stored: Callable) -> str:
    """A stored answer as a student would hand it in: with all that it needs, under the exercise's name."""
    module = f"{stored.__module__}"
    source = trimmed(module, [stored.__name__])[module]
    return source if stored.__name__ == exercise.id else f"{source}\n{exercise.id} = {stored.__name__}\n"


@cache
def stands_alone(exercise: Exercise, stored: Callable) -> bool:
    """Whether a stored answer uses neither the course's library nor the solution under its own name."""
    if ".specs." not in getattr(stored, "__module__", ""):
        return False
    sources = trimmed(stored.__module__, [stored.__name__])
    other = f"def {exercise.id}(" in sources[stored.__module__] and stored.__name__ != exercise.id
    return not other and "course_lib" not in "".join(sources.values())


def fill(notebook: dict, answers: dict[str, str]) -> dict:
    """A copy of an exercise notebook with these sources in place of the stubs of their names."""
    cells = []
    for cell in notebook["cells"]:
        name = defined_name(cell)
        cells.append({**cell, "source": answers[name]} if name in answers else cell)
    return {**notebook, "cells": cells}


def defined_name(cell: dict) -> str:
    """The function or class that a code cell defines last; "" for other cells."""
    if cell["cell_type"] != "code":
        return ""
    try:
        body = ast.parse("".join(cell["source"])).body
    except SyntaxError:
        return ""
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return names[-1] if names else ""


def draw(lesson: str, rng: random.Random) -> tuple[dict[str, str], dict[str, str]]:
    """Answers of one student to the exercises of a lesson (source by name), and of which kind each is."""
    answers, kinds = {}, {}
    for exercise_id in lessons()[lesson]:
        kind = kinds[exercise_id] = rng.choice(KINDS)
        if kind != "stub":
            exercise = load_exercise(exercise_id)
            stored = [one for one in getattr(exercise, kind) if stands_alone(exercise, one)] or [
                exercise.solution
            ]
            answers[exercise_id] = answer_source(exercise, rng.choice(stored))
    return answers, kinds


def make_class(
    folder: Path, students: int, names: Sequence[str], seed: int = 0
) -> dict[tuple[str, str], str]:
    """Write submissions and a roster; the result says of each (student, exercise) what was handed in."""
    rng = random.Random(seed)
    kinds: dict[tuple[str, str], str] = {}
    rows = ["id,name,email"]
    people = [f"{first} {last}" for last in LAST for first in FIRST]
    rng.shuffle(people)
    blank = {name: json.loads((ROOT / "exercises" / f"{name}.ipynb").read_text()) for name in names}
    for number in range(1, students + 1):
        student = f"s{number:03}"
        rows.append(f"{student},{people[number % len(people)]},{student}@example.org")
        place = folder / "submissions" / student
        place.mkdir(parents=True)
        for name in names:
            answers, drawn = draw(name, rng)
            kinds |= {(student, exercise_id): kind for exercise_id, kind in drawn.items()}
            (place / f"{name}.ipynb").write_text(json.dumps(fill(blank[name], answers)))
    (folder / "roster.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return kinds


if __name__ == "__main__":
    make_class(Path(sys.argv[2]), int(sys.argv[1]), ["03_attention", "04_masks", "08_self_and_cross"])
