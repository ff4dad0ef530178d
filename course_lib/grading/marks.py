"""From marked submissions to one table: attempts, the late rule, and what the instructor decides by hand."""

import csv
import io
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark, Marked

MISSING, WAITING = "missing", "waiting"
UNDECIDED = (REFUSED, FLAGGED, WAITING)
ATTEMPTS = ("best", "last", "mean")
COLUMNS = ("student", "exercise", "points", "comment")
NO_TIME = "The time of handing in is unknown, so it counts as in time."
NO_CELL = "The cell of this answer was not found."
NO_MARK = "This exercise was not marked in the notebook that was handed in."
POINTS = r"(\d+([.,]\d+)?)?"
RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet reads a cell that begins so as a formula


@dataclass(frozen=True)
class Student:
    """A row of the roster; of a student who is not on it the id alone."""

    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True)
class Task:
    """A column of the table: an exercise, or a question that is answered in words (`by_hand`)."""

    id: str
    lesson: str
    points: float
    by_hand: bool = False


@dataclass(frozen=True)
class Rule:
    """Which attempt counts, and what lateness costs: a begun day takes the share `per_day` of the points."""

    attempts: str = "best"
    deadline: datetime | None = None
    per_day: float = 0.0

    def days_late(self, when: datetime | None) -> int:
        """Begun days after the deadline; 0 without a deadline or a time."""
        if self.deadline is None or when is None or when <= self.deadline:
            return 0
        return math.ceil((when - self.deadline) / timedelta(days=1))

    def kept(self, days: int) -> float:
        """The share of the points that is left after so many begun days."""
        return max(0.0, 1.0 - self.per_day * days)


@dataclass(frozen=True)
class Decision:
    """What the instructor says about one student and task; `points` is None where only a comment is given.

    Points of an exercise are final. Points of a question say what the answer is worth: lateness still counts.
    """

    student: str
    task: str
    points: float | None
    comment: str
    where: str


@dataclass(frozen=True)
class Entry:
    """One cell of the table.

    `status` is graded, refused, flagged, missing (nothing was handed in) or waiting (an answer in words that
    nobody has marked). `points` is None unless the status is graded. `mark` is that of the attempt that
    counts, of a mean the last one. `score` is the raw share, before lateness.
    """

    student: str
    task: Task
    status: str
    points: float | None = None
    score: float = 0.0
    days_late: int = 0
    attempt: int = 0
    attempts: int = 0
    when: str = ""
    source: str = ""
    comment: str = ""
    note: str = ""
    by_instructor: bool = False
    answer: str = ""
    mark: Mark | None = None


@dataclass(frozen=True)
class Sums:
    """Points of one student: those reached, and those possible where it is decided, undecided, missing."""

    points: float
    decided: float
    undecided: float
    missing: float


@dataclass(frozen=True)
class Table:
    """Entries by (student id, task id), and rows of the overrides that could not be used."""

    students: tuple[Student, ...]
    tasks: tuple[Task, ...]
    entries: dict[tuple[str, str], Entry]
    rule: Rule
    complaints: tuple[str, ...] = ()
    strangers: frozenset[str] = frozenset()

    def row(self, student: str) -> list[Entry]:
        """The entries of a student, in the order of the tasks."""
        return [self.entries[student, task.id] for task in self.tasks]

    def column(self, task: str) -> list[Entry]:
        """The entries of a task, in the order of the students."""
        return [self.entries[student.id, task] for student in self.students]

    def sums(self, student: str) -> Sums:
        """The points of a student over all tasks."""
        return add_up(self.row(student))

    def lessons(self) -> list[str]:
        """The lessons of the tasks, in their order."""
        return list(dict.fromkeys(task.lesson for task in self.tasks))


def add_up(entries: Iterable[Entry]) -> Sums:
    """The points over some entries of one student."""
    entries = list(entries)

    def possible(statuses: Sequence[str]) -> float:
        return rounded(sum(entry.task.points for entry in entries if entry.status in statuses))

    points = rounded(sum(entry.points for entry in entries if entry.points is not None))
    return Sums(points, possible([GRADED]), possible(UNDECIDED), possible([MISSING]))


def rounded(points: float) -> float:
    """Two digits after the point, as grade books show them; sums are those of the rounded points."""
    return round(points, 2)


# ------------------------------------------------------------------ options


def read_rule(attempts: str = "best", deadline: str = "", late: str = "") -> Rule:
    """The rule of the command's options; ValueError says what is wrong with them."""
    if attempts not in ATTEMPTS:
        raise ValueError(f"--attempts is {attempts!r}; it is one of {', '.join(ATTEMPTS)}")
    if late and not deadline:
        raise ValueError("--late needs --deadline: without a deadline nothing is late")
    return Rule(attempts, read_deadline(deadline), read_late(late))


def read_deadline(text: str) -> datetime | None:
    """An ISO time with its zone, or None for an empty text."""
    if not text:
        return None
    example = "write it like 2026-10-31T23:59+01:00"
    try:
        deadline = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--deadline is {text!r}, which is not an ISO time; {example}") from None
    if deadline.tzinfo is None:
        raise ValueError(f"--deadline is {text!r}, which names no time zone; {example}")
    return deadline


def read_late(text: str) -> float:
    """The share that a begun day takes: "10%/day" -> 0.1, "" -> 0."""
    if not text:
        return 0.0
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*/\s*day\s*", text)
    if not found or float(found[1]) > 100:
        raise ValueError(f"--late is {text!r}; write the loss of each begun day, 0 to 100, like 10%/day")
    return float(found[1]) / 100


# ------------------------------------------------------------------ decisions of the instructor


def read_decisions(path: Path) -> tuple[list[Decision], list[str]]:
    """The decisions of a CSV with the columns student, exercise, points, comment, and rows that are wrong.

    ValueError if a column is missing or the file is not text in UTF-8.
    """
    rows, complaints = read_rows(path, COLUMNS)
    decisions = [
        Decision(row["student"], row["exercise"], read_points(row["points"]), row["comment"], where)
        for where, row in rows
        if row["points"] or row["comment"]
    ]
    return decisions, complaints


def read_rows(path: Path, columns: Sequence[str]) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """The rows of a CSV, each with its place, and what is wrong with those that cannot be used.

    Cells are parted by commas or semicolons. One of the columns is "points".
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not in UTF-8: save it as CSV UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter(text))
    absent = [name for name in columns if name not in (reader.fieldnames or [])]
    if absent:
        raise ValueError(f"{path.name} has no column {absent[0]!r}; it needs {', '.join(columns)}")
    rows, complaints = [], []
    for row in reader:
        where = f"{path.name}, line {reader.line_num}"
        cells = {name: unguarded((row[name] or "").strip()) for name in columns}
        problem = problem_of_row(cells, row.get(None, ()))
        if problem:
            complaints.append(f"{where}: {problem}, so this row was not used")
        elif any(cells.values()):
            rows.append((where, cells))
    return rows, complaints


def delimiter(text: str) -> str:
    """What parts the cells of a CSV: spreadsheets of some languages write semicolons."""
    return ";" if ";" in text.split("\n", 1)[0] else ","


def problem_of_row(cells: dict[str, str], beyond: Sequence[str]) -> str:
    """Why a row cannot be used, or ""; `beyond` are its cells behind the last column."""
    if any(beyond):
        return "it has more cells than the head: put quotes around a text with a comma"
    if not re.fullmatch(POINTS, cells["points"]):
        return f"points are {cells['points']!r}, which is not a number from 0 on"
    return ""


def read_points(text: str) -> float | None:
    """A number of points, with a point or a comma; None for an empty cell."""
    return float(text.replace(",", ".")) if text else None


def unguarded(cell: str) -> str:
    """A cell without the apostrophe that `outputs.cell` set before a risky sign."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in RISKY else cell


# ------------------------------------------------------------------ the table


def exercise_tasks(marked: Iterable[Marked]) -> list[Task]:
    """The exercises that were marked, in the order of lessons and of the marks."""
    found = {
        mark.exercise: Task(mark.exercise, one.lesson, mark.points) for one in marked for mark in one.marks
    }
    return sorted(found.values(), key=lambda task: task.lesson)


def make_table(
    marked: Sequence[Marked],
    tasks: Sequence[Task],
    students: Sequence[Student] | None = None,
    rule: Rule | None = None,
    decisions: Sequence[Decision] = (),
    complaints: Sequence[str] = (),
) -> Table:
    """The table of final entries.

    `students` is the roster, None if there is none. Who handed in but is not on it comes last, and is named
    among the table's `strangers`. `complaints` are rows of decisions that could not be read.
    """
    rule = rule or Rule()
    known = {student.id for student in students or ()}
    others = sorted({one.student for one in marked} - known)
    everyone = (*(students or ()), *(Student(name) for name in others))
    handed_in = defaultdict(list)
    for one in sorted(marked, key=lambda one: time_of(one.when) or datetime.min.replace(tzinfo=UTC)):
        handed_in[one.student, one.lesson].append(one)
    entries = {
        (student.id, task.id): make_entry(student.id, task, handed_in[student.id, task.lesson], rule)
        for student in everyone
        for task in tasks
    }
    unused = decide(entries, decisions, rule)
    strangers = frozenset(others) if students is not None else frozenset()
    return Table(everyone, tuple(tasks), entries, rule, (*complaints, *unused), strangers)


def time_of(text: str) -> datetime | None:
    """An ISO time; None if it is none or has no zone."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo else None


def make_entry(student: str, task: Task, handed_in: Sequence[Marked], rule: Rule) -> Entry:
    """The entry of a student for a task; `handed_in` holds the attempts at its lesson, the earliest first."""
    if not handed_in:
        return Entry(student, task, MISSING)
    attempts = [
        make_attempt(Entry(student, task, WAITING, attempt=number, attempts=len(handed_in)), one, rule)
        for number, one in enumerate(handed_in, start=1)
    ]
    if task.by_hand or rule.attempts == "last":
        return attempts[-1]
    return best(attempts) if rule.attempts == "best" else mean(attempts)


def make_attempt(blank: Entry, one: Marked, rule: Rule) -> Entry:
    """A blank entry filled with what one submission says about its task."""
    when = time_of(one.when)
    days, note = rule.days_late(when), NO_TIME if rule.deadline and when is None else ""
    blank = replace(blank, days_late=days, when=one.when, source=one.source, note=note)
    if one.problem:
        return replace(blank, status=REFUSED, note=one.problem)
    if blank.task.by_hand:
        return answered(blank, (one.texts or {}).get(blank.task.id))
    mark = next((mark for mark in one.marks if mark.exercise == blank.task.id), None)
    if mark is None:
        return replace(blank, status=REFUSED, note=NO_MARK)
    if mark.status != GRADED:
        return replace(blank, status=mark.status, mark=mark, note=mark.message)
    points = rounded(mark.score * blank.task.points * rule.kept(days))
    return replace(blank, status=GRADED, points=points, score=mark.score, mark=mark)


def answered(blank: Entry, answer: str | None) -> Entry:
    """A question with its answer: an empty one is worth nothing, any other one waits for the instructor."""
    if answer is None:
        return replace(blank, note=NO_CELL)
    if answer.strip():
        return replace(blank, answer=answer)
    return replace(blank, status=GRADED, points=0.0)


def best(attempts: Sequence[Entry]) -> Entry:
    """The graded attempt with most points, the earliest of equals.

    Undecided while an attempt that might be worth more waits for the instructor: a flagged one, or one that
    could not be judged and was handed in after all graded ones.
    """
    graded = [entry for entry in attempts if entry.status == GRADED]
    if not graded:
        return still_open(attempts)
    top = max(graded, key=lambda entry: entry.points)
    newer = [entry for entry in attempts if entry.status == REFUSED and entry.attempt > graded[-1].attempt]
    waiting = [entry for entry in attempts if entry.status == FLAGGED] + newer
    return still_open(waiting) if waiting and top.points < top.task.points else top


def mean(attempts: Sequence[Entry]) -> Entry:
    """The mean of all attempts, undecided while one of them is."""
    if any(entry.status != GRADED for entry in attempts):
        return still_open([entry for entry in attempts if entry.status != GRADED])
    points = rounded(sum(entry.points for entry in attempts) / len(attempts))
    score = sum(entry.score for entry in attempts) / len(attempts)
    return replace(attempts[-1], points=points, score=score)


def still_open(attempts: Sequence[Entry]) -> Entry:
    """Of undecided attempts the last flagged one, else the last."""
    flagged = [entry for entry in attempts if entry.status == FLAGGED]
    return (flagged or attempts)[-1]


def decide(entries: dict[tuple[str, str], Entry], decisions: Iterable[Decision], rule: Rule) -> list[str]:
    """Put the decisions into the entries; the result says which could not be used, and which were doubled."""
    complaints, seen = [], {}
    students, tasks = {student for student, _ in entries}, {task for _, task in entries}
    for decision in decisions:
        place = (decision.student, decision.task)
        problem = problem_of(decision, entries.get(place), students, tasks)
        if problem:
            complaints.append(f"{decision.where}: {problem}, so this row was not used")
            continue
        if place in seen:
            complaints.append(f"{decision.where}: counts in place of {seen[place]}, the same cell")
        seen[place] = decision.where
        entries[place] = decided(entries[place], decision, rule)
    return complaints


def problem_of(decision: Decision, entry: Entry | None, students: set[str], tasks: set[str]) -> str:
    """Why a decision cannot be used, or ""."""
    if decision.student not in students:
        return f"no student is called {decision.student!r}"
    if decision.task not in tasks:
        return f"no exercise or question is called {decision.task!r}"
    if decision.points is not None and decision.points > entry.task.points:
        return f"{decision.points:g} points are more than the {entry.task.points:g} of {decision.task}"
    return ""


def decided(entry: Entry, decision: Decision, rule: Rule) -> Entry:
    """An entry with the instructor's points and comment."""
    entry = replace(entry, comment=decision.comment)
    if decision.points is None:
        return entry
    kept = rule.kept(entry.days_late) if entry.task.by_hand else 1.0
    score = decision.points / entry.task.points if entry.task.points else 0.0
    points = rounded(decision.points * kept)
    return replace(entry, status=GRADED, points=points, score=score, by_instructor=True)
