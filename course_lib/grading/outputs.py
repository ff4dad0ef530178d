"""The table as files: marks.csv, and what Canvas, Moodle and Gradescope read.

Nothing that is undecided becomes a number. In the files for Canvas and Moodle a column is a lesson, as an
assignment is there: its cell is blank while one exercise of it is refused, flagged, waiting or missing.

Formats. Canvas: `lib/gradebook_importer.rb` of instructure/canvas-lms (Student, ID, SIS User ID, SIS Login
ID, Section, then assignments; one row begins with "Points Possible"). Moodle: docs.moodle.org, "Grade
import", and `grade/import/csv/classes/load_data.php`. Gradescope: gradescope-autograders.readthedocs.io,
"Autograder Specifications".
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_lib.grading.marks import RISKY, Entry, Student, Table, add_up
from course_lib.grading.naming import file_stem
from course_lib.grading.records import GRADED
from course_lib.grading.roster import CANVAS, NUMBERS, Enrolled
from course_lib.grading.wording import SAID, plain

Row = Sequence[str | float | None]


@dataclass(frozen=True)
class Versions:
    """What the marks were made with: the version of the course and that of the exercises' contracts."""

    course: str
    contract: str


def versions(contract: str) -> Versions:
    """The installed course and this contract version."""
    try:
        return Versions(version("attention-course"), contract)
    except PackageNotFoundError:
        return Versions("not installed", contract)


def write_all(table: Table, folder: Path, made_with: Versions) -> None:
    """Write every format into a folder."""
    write_csv(folder / "marks.csv", marks_rows(table, made_with))
    write_csv(folder / "canvas.csv", canvas_rows(table))
    write_csv(folder / "moodle.csv", moodle_rows(table))
    for student in table.students:
        place = folder / "gradescope" / file_stem(student.id)
        place.mkdir(parents=True, exist_ok=True)
        results = gradescope_results(table, student, made_with)
        (place / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as a CSV."""
    path.write_text(csv_text(rows), encoding="utf-8", newline="")


def csv_text(rows: Iterable[Row]) -> str:
    """Rows as a CSV that a spreadsheet opens without reading a formula in it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: str | float | None) -> str:
    """A number as text, None as nothing, and a text that a spreadsheet cannot take for a formula."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    value = plain(value)
    return f"'{value}" if value.startswith(RISKY) else value


# ------------------------------------------------------------------ marks.csv


def marks_rows(table: Table, made_with: Versions) -> list[list]:
    """A row a student: points and status of each task, then sums and versions."""
    columns = [name for task in table.tasks for name in (task.id, f"{task.id} status")]
    sums = ["total", "possible (decided)", "possible (undecided)", "possible (missing)"]
    head = ["student", "name", "email", *columns, *sums, "course version", "contract version"]
    return [head, *(marks_row(table, student, made_with) for student in table.students)]


def marks_row(table: Table, student: Student, made_with: Versions) -> list:
    """The row of one student."""
    cells = [part for entry in table.row(student.id) for part in (entry.points, entry.status)]
    sums = table.sums(student.id)
    figures = [sums.points, sums.decided, sums.undecided, sums.missing]
    return [student.id, student.name, student.email, *cells, *figures, made_with.course, made_with.contract]


# ------------------------------------------------------------------ Canvas and Moodle


def by_lesson(table: Table, student: str) -> dict[str, list[Entry]]:
    """The entries of a student by lesson."""
    entries = table.row(student)
    return {name: [entry for entry in entries if entry.task.lesson == name] for name in table.lessons()}


def grade(entries: Sequence[Entry]) -> float | None:
    """The points of a lesson, None while one of its tasks has none."""
    return add_up(entries).points if all(entry.status == GRADED for entry in entries) else None


def enrolled(table: Table) -> list[Student]:
    """The students that the grade book of the school knows."""
    return [student for student in table.students if student.id not in table.strangers]


def canvas_rows(table: Table) -> list[list]:
    """Canvas' grade book.

    Our id goes into SIS User ID and the address into SIS Login ID. ID holds Canvas' own number where the
    roster has a column canvas_id, and nothing else: a number of ours might be that of somebody else there.
    """
    lessons = table.lessons()
    possible = [sum(task.points for task in table.tasks if task.lesson == lesson) for lesson in lessons]
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *lessons]]
    rows.append(["Points Possible", "", "", "", "", *possible])
    for student in enrolled(table):
        grades = [grade(entries) for entries in by_lesson(table, student.id).values()]
        own = student.more.get(NUMBERS[CANVAS], "") if isinstance(student, Enrolled) else ""
        login = student.email or student.id
        rows.append([student.name or student.id, own, student.id, login, "", *grades])
    return rows


def moodle_rows(table: Table) -> list[list]:
    """Moodle's grade import, with a column of feedback for each lesson.

    One column says who it is: the email address if all have one, else the ID number. Moodle writes a row
    without it to the student before, and stops at a row of somebody it does not know.
    """
    students = enrolled(table)
    by_email = all(student.email for student in students)
    columns = [name for lesson in table.lessons() for name in (lesson, f"{lesson} (feedback)")]
    rows = [["Email address" if by_email else "ID number", "Full name", *columns]]
    for student in students:
        lessons = by_lesson(table, student.id).values()
        cells = [part for entries in lessons for part in (grade(entries), escape(remarks(entries)))]
        rows.append([student.email if by_email else student.id, student.name, *cells])
    return rows


def remarks(entries: Sequence[Entry]) -> str:
    """A line of feedback on each task of a lesson."""
    return "\n".join(remark(entry) for entry in entries)


def remark(entry: Entry) -> str:
    """One line: points, verdict, what the tutor says and what the instructor says."""
    points = "open" if entry.points is None else f"{cell(entry.points)} of {cell(entry.task.points)}"
    parts = [f"{entry.task.id}: {points}", SAID.get(entry.status, ""), entry_message(entry), entry.comment]
    return plain(". ".join(part.rstrip(".") for part in parts if part))


def entry_message(entry: Entry) -> str:
    """The tutor's sentence if there is one."""
    return entry.mark.message if entry.mark else entry.note


# ------------------------------------------------------------------ Gradescope


def gradescope_results(table: Table, student: Student, made_with: Versions) -> dict:
    """The results.json of a student.

    What is undecided has no score, and the whole result then waits for the instructor to publish it.
    """
    entries = table.row(student.id)
    sums = add_up(entries)
    said = f"{cell(sums.undecided)} points are not decided yet." if sums.undecided else ""
    return {
        "score": sums.points,
        "output": said,
        "visibility": "after_published" if sums.undecided else "visible",
        "extra_data": {"course_version": made_with.course, "contract_version": made_with.contract},
        "tests": [gradescope_test(entry, number) for number, entry in enumerate(entries, start=1)],
    }


def gradescope_test(entry: Entry, number: int) -> dict:
    """One task as one test."""
    visible = "visible" if entry.status == GRADED else "after_published"
    test = {"name": entry.task.id, "number": str(number), "output": remark(entry), "visibility": visible}
    if entry.points is None:
        return test
    return {**test, "score": entry.points, "max_score": entry.task.points}
