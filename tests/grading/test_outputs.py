"""Files for spreadsheets and grade books, read back as their readers do: nothing undecided is a number."""

import csv
import json
import os
import unicodedata
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked_class import HOSTILE, marked_class, roster, student_ids, submission, tasks

from course_lib.grading import outputs
from course_lib.grading.marks import RISKY, Student, Task, make_table
from course_lib.grading.naming import file_stem
from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark
from course_lib.grading.roster import Enrolled

MADE_WITH = outputs.Versions("1.2", "2026.1")
TASKS = [Task("a", "04_masks", 2.0), Task("b", "04_masks", 1.0), Task("c", "05_gradients", 3.0)]


def small(status, students=None):
    marks = [
        Mark("a", 2.0, GRADED, 0.5, "wrong", "half `<b>` right"),
        Mark("b", 1.0, status, 0.0, message="held"),
    ]
    return make_table([submission("ann", "04_masks", marks)], TASKS, students)


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(table, tmp_path):
    outputs.write_all(table, tmp_path, MADE_WITH)
    return {name: read(tmp_path / f"{name}.csv") for name in ("marks", "canvas", "moodle")}


@pytest.mark.parametrize("status", [FLAGGED, REFUSED])
def test_undecided_points_are_blank_everywhere(tmp_path, status):
    files = write(small(status), tmp_path)
    [row] = files["marks"]
    assert (row["a"], row["a status"], row["b"], row["b status"]) == ("1", "graded", "", status)
    assert (row["c"], row["c status"], row["total"]) == ("", "missing", "1")
    assert row["possible (decided)"] == "2" and row["possible (undecided)"] == "1"
    assert row["course version"] == "1.2" and row["contract version"] == "2026.1"
    assert files["canvas"][1]["04_masks"] == "" and files["moodle"][0]["04_masks"] == ""
    results = json.loads((tmp_path / "gradescope/ann/results.json").read_text())
    assert "score" not in results["tests"][1] and "score" in results["tests"][0]
    assert results["visibility"] == "after_published"


def test_a_zero_that_was_earned_stays_a_zero(tmp_path):
    files = write(small(GRADED), tmp_path)
    assert files["marks"][0]["b"] == "0"
    assert files["canvas"][1]["04_masks"] == "1" and files["moodle"][0]["04_masks"] == "1"
    assert files["canvas"][1]["05_gradients"] == ""


def test_canvas_finds_its_columns(tmp_path):
    table = small(GRADED, [Student("ann", "Ann Noether", "ann@example.org")])
    outputs.write_all(table, tmp_path, MADE_WITH)
    head, possible, ann = csv.reader((tmp_path / "canvas.csv").open(encoding="utf-8"))
    assert head[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert head[5:] == ["04_masks", "05_gradients"]
    assert possible == ["Points Possible", "", "", "", "", "3", "3"]
    assert ann == ["Ann Noether", "", "ann", "ann@example.org", "", "1", ""]


def test_canvas_gets_no_number_of_ours_as_its_own_id(tmp_path):
    table = make_table([], TASKS, [Student("12345", "Ann")])
    assert write(table, tmp_path)["canvas"][1]["ID"] == ""
    table = make_table([], TASKS, [Enrolled("12345", "Ann", more={"canvas_id": "77"})])
    assert write(table, tmp_path)["canvas"][1]["ID"] == "77"


@pytest.mark.parametrize("email, column", [("bob@example.org", "Email address"), ("", "ID number")])
def test_moodle_never_gets_a_row_without_its_student(tmp_path, email, column):
    students = [Student("ann", "Ann", "ann@example.org"), Student("bob", "Bob", email)]
    rows = write(make_table([], TASKS, students), tmp_path)["moodle"]
    assert next(iter(rows[0])) == column
    assert all(row[column] for row in rows)


def test_a_stranger_is_in_our_file_and_in_no_grade_book(tmp_path):
    files = write(small(GRADED, [Student("bob", "Bob", "bob@example.org")]), tmp_path)
    assert [row["student"] for row in files["marks"]] == ["bob", "ann"]
    assert [row["Student"] for row in files["canvas"]] == ["Points Possible", "Bob"]
    assert [row["Full name"] for row in files["moodle"]] == ["Bob"]


def test_moodle_shows_feedback_as_it_was_said(tmp_path):
    feedback = write(small(FLAGGED), tmp_path)["moodle"][0]["04_masks (feedback)"]
    assert "<" not in feedback
    assert unescape(feedback).splitlines()[0] == "a: 1 of 2. half `<b>` right"


def test_gradescope_adds_up(tmp_path):
    asked = tasks(2, 5, texts=True)
    table = make_table(marked_class(student_ids(20), asked), asked, roster(20))
    outputs.write_all(table, tmp_path, MADE_WITH)
    for student in student_ids(20):
        results = json.loads((tmp_path / "gradescope" / student / "results.json").read_text())
        assert results["score"] == pytest.approx(sum(test.get("score", 0) for test in results["tests"]))
        assert len(results["tests"]) == len(asked)
        assert all(0 <= test["score"] <= test["max_score"] for test in results["tests"] if "score" in test)


def test_hostile_names_and_texts_are_written_and_start_no_formula(tmp_path):
    marks = [Mark("a", 2.0, GRADED, 1.0, "right", text) for text in HOSTILE]
    handed_in = [submission(text, "04_masks", [mark]) for text, mark in zip(HOSTILE, marks, strict=True)]
    students = [Student(text, text, text) for text in HOSTILE]
    files = write(make_table(handed_in, TASKS, students), tmp_path)
    cells = [value for rows in files.values() for row in rows for value in row.values()]
    assert not [value for value in cells if value.startswith(RISKY)]
    assert len(list((tmp_path / "gradescope").iterdir())) == len(HOSTILE)


@given(st.text())
def test_a_cell_holds_no_formula_and_can_be_encoded(text):
    assert not outputs.cell(text).startswith(RISKY)
    outputs.cell(text).encode("utf-8")


@given(st.floats(0, 1000))
def test_a_number_is_a_plain_number(value):
    assert float(outputs.cell(value)) == pytest.approx(value, abs=0.005001)
    assert "e" not in outputs.cell(value)


# ------------------------------------------------------------------ file names


IDS = (
    st.text()
    | st.text("aAbB.~-_ /\\", max_size=6)
    | st.sampled_from(["con", "NUL", "..", "a/../b", "aux.txt"])
)


@given(st.lists(IDS, unique=True, max_size=6))
def test_ids_never_share_a_file(ids):
    stems = [file_stem(name) for name in ids]
    assert len({unicodedata.normalize("NFC", stem).casefold() for stem in stems}) == len(ids)
    for stem in stems:
        assert stem.isascii() and len(stem) <= 60 and os.path.basename(stem) == stem
        assert stem.strip(". ") == stem and not {*stem} & {*'<>:"/\\|?*'}
        assert stem.split(".")[0] not in {"con", "nul", "prn", "aux", "com1", "lpt1"}


def test_an_ordinary_id_is_its_own_name():
    assert file_stem("s1234567") == "s1234567"
