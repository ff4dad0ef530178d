"""What the reader did, kept in one local file: lessons opened, predictions made, exercises tried.

Nothing leaves the machine. The file is `progress.json` in the reader's folder (`COURSE_HOME`).
"""

import json
import os
import sys
import tempfile
import tomllib
from html import escape
from pathlib import Path

PREDICTIONS = Path(__file__).parent / "predictions"
SPECS = Path(__file__).parent / "checks" / "specs"  # one file an exercise, NN_<id>.py
EMPTY = {"opened": [], "predictions": {}, "exercises": {}}
MARKS = {"right": "right", "other convention": "right", "wrong": "wrong", "not attempted": "not attempted"}


def home() -> Path:
    """The reader's folder: `COURSE_HOME` if set, else `attention-course` in the home folder."""
    chosen = os.environ.get("COURSE_HOME")
    return Path(chosen) if chosen else Path.home() / "attention-course"


def read() -> dict:
    """The journal as a dict with the keys of `EMPTY`; an unreadable file is set aside, not lost."""
    path = home() / "progress.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {key: type(empty)(stored.get(key, empty)) for key, empty in EMPTY.items()}
    except OSError:
        pass  # not there yet, or a folder that `_write` complains about
    except (ValueError, TypeError, AttributeError):
        path.replace(path.with_name("progress.unreadable.json"))
    return {key: type(empty)() for key, empty in EMPTY.items()}


def record_opened(lesson: str) -> None:
    """Note that a lesson was opened."""
    journal = read()
    if lesson not in journal["opened"]:
        journal["opened"].append(lesson)
        _write(journal)


def record_prediction(lesson: str, name: str, guess: str | float, right: bool) -> None:
    """Note a guess; a later guess for the same question replaces it."""
    journal = read()
    journal["predictions"].setdefault(lesson, {})[name] = {"guess": guess, "right": right}
    _write(journal)


def guess_of(lesson: str, name: str) -> str | float | None:
    """The recorded guess, or None."""
    return read()["predictions"].get(lesson, {}).get(name, {}).get("guess")


def record_check(exercise: str, status: str, score: float) -> None:
    """Note the outcome of a check; the best score is kept, "not attempted" never replaces an attempt."""
    journal = read()
    before = journal["exercises"].get(exercise, {"status": "not attempted", "score": 0.0})
    if status == "not attempted" or score < before["score"]:
        return
    journal["exercises"][exercise] = {"status": status, "score": score}
    _write(journal)


def mark_of(exercise: str) -> str:
    """One of "right", "wrong", "not attempted"."""
    return MARKS[read()["exercises"].get(exercise, {}).get("status", "not attempted")]


def summary() -> str:
    """A few plain lines: what was opened, predicted and solved so far, lesson by lesson."""
    journal = read()
    if journal == EMPTY:
        return "Nothing yet: open lesson 00 and make your first prediction."
    rows = [_row(journal, lesson) for lesson in sorted(path.stem for path in PREDICTIONS.glob("*.toml"))]
    width = max(len(lesson) for lesson, _ in rows)
    return "\n".join(f"{lesson:{width}}  {text}" for lesson, text in rows)


def _row(journal: dict, lesson: str) -> tuple[str, str]:
    """What is to be said about one lesson."""
    questions = tomllib.loads((PREDICTIONS / f"{lesson}.toml").read_text(encoding="utf-8"))
    guesses = journal["predictions"].get(lesson, {})
    number = lesson[:2]
    exercises = [path.stem.removeprefix(f"{number}_") for path in SPECS.glob(f"{number}_*.py")]
    exercises += [path.stem.removeprefix("hunt_") for path in SPECS.glob(f"hunt_{number}_*.py")]
    tried = [MARKS[journal["exercises"].get(name, {}).get("status", "not attempted")] for name in exercises]
    parts = [
        "opened" if lesson in journal["opened"] else "not opened",
        f"predictions {len(guesses)} of {len(questions)}",
        "exercises "
        + ", ".join(f"{tried.count(mark)} {mark}" for mark in ("right", "wrong", "not attempted")),
    ]
    return lesson, " · ".join(parts)


class Progress:
    """The summary, shown as text or in a notebook."""

    def __repr__(self) -> str:
        return summary()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(summary())}</pre>"


def progress() -> Progress:
    """What you opened, predicted and solved so far, from the local journal."""
    return Progress()


def _write(journal: dict) -> None:
    """Replace the file in one step, so that an interrupted write loses nothing.

    A folder that is full or read-only must not stop a lesson: it is said, and the lesson goes on.
    """
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix="progress.", suffix=".tmp")
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(journal, file, indent=1, sort_keys=True)
        Path(temporary).replace(folder / "progress.json")
    except OSError as error:
        print(
            f"Your progress could not be saved in {folder}: {error.strerror}. The lesson goes on.",
            file=sys.stderr,
        )
