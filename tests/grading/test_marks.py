"""Attempts, lateness, decisions: what ends up in the table, and never a silent 0."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marked_class import marked_class, roster, student_ids, submission, tasks

from course_lib.grading import marks as m
from course_lib.grading.outputs import cell
from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark

EXERCISE = m.Task("causal_mask", "04_masks", 4.0)
WHY = m.Task("04_why", "04_masks", 2.0, by_hand=True)
END = datetime.fromisoformat("2026-10-31T23:59:00+01:00")


def marked(score, status=GRADED, when="2026-10-30T10:00:00+00:00", **changes):
    made = Mark("causal_mask", 4.0, status, score, "right" if score == 1 else "wrong", "said")
    return submission("ann", "04_masks", [made], when=when, **changes)


def entry_of(handed_in, attempts="best", task=EXERCISE, **options):
    rule = m.Rule(attempts, **options)
    return m.make_table(handed_in, [task], [m.Student("ann")], rule).entries["ann", task.id]


# ------------------------------------------------------------------ attempts


@pytest.mark.parametrize("attempts, points", [("best", 3.0), ("last", 2.0), ("mean", 2.0)])
def test_which_attempt_counts(attempts, points):
    days = ["2026-10-03T10:00:00Z", "2026-10-01T10:00:00Z", "2026-10-02T10:00:00+02:00"]
    handed_in = [marked(score, when=when) for score, when in zip((0.5, 0.25, 0.75), days, strict=True)]
    for order in itertools.permutations(handed_in):
        entry = entry_of(order, attempts)
        assert (entry.points, entry.attempts) == (points, 3)


def test_best_takes_lateness_into_account():
    early, late = marked(0.75), marked(1.0, when="2026-11-04T23:00:00+01:00")
    entry = entry_of([early, late], deadline=END, per_day=0.1)
    assert (entry.points, entry.attempt, entry.days_late) == (3.0, 1, 0)


@pytest.mark.parametrize("attempts", m.ATTEMPTS)
@pytest.mark.parametrize("status", [FLAGGED, REFUSED])
def test_a_later_attempt_that_is_undecided_never_becomes_points(attempts, status):
    later = marked(0.0, status, when="2026-10-31T10:00:00+00:00")
    entry = entry_of([marked(0.25), later], attempts)
    assert (entry.status, entry.points) == (status, None)


def test_best_ignores_what_could_not_add_a_point():
    full = marked(1.0, when="2026-10-29T10:00:00+00:00")
    assert entry_of([full, marked(0.0, FLAGGED)]).points == 4.0
    replaced = [marked(0.0, REFUSED), marked(0.5, when="2026-10-31T10:00:00+00:00")]
    assert entry_of(replaced).points == 2.0


@pytest.mark.parametrize("attempts", m.ATTEMPTS)
def test_an_unreadable_notebook_is_refused_with_its_cause(attempts):
    entry = entry_of([marked(0.0, problem="line 1 is not JSON")], attempts)
    assert (entry.status, entry.points, entry.note) == (REFUSED, None, "line 1 is not JSON")


def test_an_exercise_without_a_mark_is_refused():
    entry = entry_of([submission("ann", "04_masks", [])])
    assert (entry.status, entry.points) == (REFUSED, None)


def test_a_student_without_a_submission_is_missing_and_a_stranger_is_named():
    table = m.make_table([marked(1.0)], [EXERCISE], [m.Student("bob", "Bob")])
    assert table.entries["bob", "causal_mask"].status == m.MISSING
    assert table.entries["bob", "causal_mask"].points is None
    assert table.strangers == {"ann"}
    assert not m.make_table([marked(1.0)], [EXERCISE]).strangers


# ------------------------------------------------------------------ lateness


@pytest.mark.parametrize(
    "after, days",
    [(timedelta(0), 0), (timedelta(seconds=1), 1), (timedelta(days=1), 1), (timedelta(hours=25), 2)],
)
def test_a_begun_day_is_a_day(after, days):
    assert m.Rule(deadline=END).days_late(END + after) == days


def test_zones_are_compared_as_times():
    entry = entry_of([marked(1.0, when="2026-10-31T22:59:00Z")], deadline=END, per_day=0.5)
    assert (entry.days_late, entry.points) == (0, 4.0)
    entry = entry_of([marked(1.0, when="2026-10-31T22:59:01Z")], deadline=END, per_day=0.5)
    assert (entry.days_late, entry.points) == (1, 2.0)


@given(st.integers(0, 100), st.integers(0, 400), st.floats(0, 1))
def test_points_never_leave_their_range(percent, hours, score):
    rule = m.read_rule("last", END.isoformat(), f"{percent}%/day")
    when = (END + timedelta(hours=hours)).isoformat()
    entry = m.make_table([marked(score, when=when)], [EXERCISE], None, rule).entries["ann", "causal_mask"]
    assert 0 <= entry.points <= 4


@pytest.mark.parametrize("when", ["", "yesterday", "2026-11-20T10:00:00"])
def test_an_unknown_time_counts_as_in_time_and_says_so(when):
    entry = entry_of([marked(1.0, when=when)], deadline=END, per_day=0.1)
    assert (entry.points, entry.note) == (4.0, m.NO_TIME)


@pytest.mark.parametrize(
    "options, said",
    [
        (("first", "", ""), "--attempts"),
        (("best", "tomorrow", ""), "not an ISO time"),
        (("best", "2026-10-31T23:59", ""), "time zone"),
        (("best", "2026-10-31", ""), "time zone"),
        (("best", "", "10%/day"), "needs --deadline"),
        (("best", END.isoformat(), "10%"), "--late"),
        (("best", END.isoformat(), "101%/day"), "--late"),
        (("best", END.isoformat(), "-5%/day"), "--late"),
    ],
)
def test_malformed_options_say_what_is_wrong(options, said):
    with pytest.raises(ValueError, match=said):
        m.read_rule(*options)


# ------------------------------------------------------------------ decisions


def decisions(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "overrides.csv"
    path.write_bytes(text.encode(encoding))
    return m.read_decisions(path)


def decided(tmp_path, text, handed_in, **options):
    found, complaints = decisions(tmp_path, f"student,exercise,points,comment\n{text}")
    rule = m.Rule(**options)
    return m.make_table(handed_in, [EXERCISE, WHY], [m.Student("ann")], rule, found, complaints)


def test_a_decision_settles_what_was_undecided(tmp_path):
    table = decided(tmp_path, "ann,causal_mask,2.5,agreed\n", [marked(0.0, FLAGGED)])
    entry = table.entries["ann", "causal_mask"]
    assert (entry.status, entry.points, entry.comment, entry.by_instructor) == (GRADED, 2.5, "agreed", True)
    assert not table.complaints


def test_points_of_an_exercise_are_final_those_of_a_text_are_late_too(tmp_path):
    late = marked(1.0, when="2026-11-01T10:00:00Z", texts={"04_why": "Because."})
    rows = "ann,causal_mask,3,\nann,04_why,2,\n"
    table = decided(tmp_path, rows, [late], deadline=END, per_day=0.5)
    assert [entry.points for entry in table.row("ann")] == [3.0, 1.0]


def test_a_comment_alone_changes_no_points(tmp_path):
    entry = decided(tmp_path, "ann,causal_mask,,well done\n", [marked(0.5)]).entries["ann", "causal_mask"]
    assert (entry.points, entry.comment, entry.by_instructor) == (2.0, "well done", False)


@pytest.mark.parametrize(
    "row, said",
    [
        ("anne,causal_mask,1,", "no student is called 'anne'"),
        ("ann,causal,1,", "no exercise or question is called 'causal'"),
        ("ann,causal_mask,5,", "5 points are more than the 4"),
        ("ann,causal_mask,-1,", "not a number"),
        ("ann,causal_mask,nan,", "not a number"),
        ("ann,causal_mask,1e3,", "not a number"),
        ("ann,causal_mask,1,one, two", "more cells than the head"),
    ],
)
def test_rows_that_cannot_be_used_are_reported_with_their_line(tmp_path, row, said):
    table = decided(tmp_path, f"\n{row}\n", [marked(0.5)])
    assert [said in text and "overrides.csv, line 3" in text for text in table.complaints] == [True]
    assert table.entries["ann", "causal_mask"].points == 2.0


def test_a_doubled_row_is_reported_and_the_later_one_counts(tmp_path):
    table = decided(tmp_path, "ann,causal_mask,1,\nann,causal_mask,2,\n", [marked(0.5)])
    assert table.entries["ann", "causal_mask"].points == 2.0
    assert "line 3" in table.complaints[0] and "line 2" in table.complaints[0]


def test_files_as_spreadsheets_save_them(tmp_path):
    text = 'student;exercise;points;comment\r\nann;causal_mask;1,5;"one; two"\r\n;;;\r\n'
    found, complaints = decisions(tmp_path, text, "utf-8-sig")
    assert [(one.student, one.points, one.comment) for one in found] == [("ann", 1.5, "one; two")]
    assert not complaints


def test_an_id_with_a_risky_sign_comes_back_as_it_was(tmp_path):
    for student in ("=1+1", "-ann", "@ann", "+49"):
        found, _ = decisions(tmp_path, f"student,exercise,points,comment\n{cell(student)},causal_mask,1,\n")
        assert found[0].student == student


def test_a_file_of_another_kind_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no column 'points'"):
        decisions(tmp_path, "student,exercise,mark,comment\n")
    with pytest.raises(ValueError, match="UTF-8"):
        decisions(tmp_path, "student,exercise,points,comment\nann,causal_mask,1,sch\u00f6n\n", "latin-1")


# ------------------------------------------------------------------ answers in words, sums


@pytest.mark.parametrize(
    "texts, status, points",
    [
        ({"04_why": "Because."}, m.WAITING, None),
        ({"04_why": " \n"}, GRADED, 0.0),
        ({}, m.WAITING, None),
        (None, m.WAITING, None),
    ],
)
def test_an_answer_waits_for_the_instructor(texts, status, points):
    entry = entry_of([marked(1.0, texts=texts)], task=WHY)
    assert (entry.status, entry.points) == (status, points)


def test_sums_split_what_is_possible():
    asked = tasks(3, 4, texts=True)
    ids = student_ids(40)
    table = m.make_table(marked_class(ids[:-1], asked), asked, roster(40))
    possible = sum(task.points for task in asked)
    for student in ids:
        sums = table.sums(student)
        assert sums.decided + sums.undecided + sums.missing == pytest.approx(possible)
        assert sums.points == pytest.approx(sum(entry.points or 0 for entry in table.row(student)))
        assert sums.points <= sums.decided
    assert table.sums(ids[-1]).missing == possible


def test_tasks_are_those_that_were_marked():
    asked = tasks(2, 3)
    assert m.exercise_tasks(reversed(marked_class(["a", "b"], asked))) == asked


def test_a_table_depends_on_no_order():
    asked = tasks(2, 3)
    handed_in = marked_class(student_ids(5), asked)
    handed_in += [replace(one, when="2026-10-31T10:00:00+00:00") for one in handed_in[:4]]
    forward, backward = (m.make_table(found, asked, roster(5)) for found in (handed_in, handed_in[::-1]))
    assert forward == backward
