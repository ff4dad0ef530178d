"""The pages of marks as text: what must stand in them, and what must not. In a browser: tests/browser."""

import re
import time
from dataclasses import replace

import pytest
from marked_class import HOSTILE, WRONG, marked_class, roster, student_ids, submission, tasks

from course_lib.grading import feedback, outputs, report, similar, texts
from course_lib.grading.marks import Decision, Student, Task, exercise_tasks, make_table, read_rule
from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark

MADE_WITH = outputs.Versions("1.2", "2026.1")
TASK = Task("causal_mask", "04_masks", 4.0)
WHY = Task("04_why", "04_masks", 2.0, by_hand=True)
QUESTION = texts.Question("04_why", 2.0, "Why is a row of zeros no softmax? Is 1 < 2?")
SECRET = b"secret of this folder"


def table_of(handed_in, asked=(TASK,), rule=None, decisions=()):
    return make_table(handed_in, asked, None, rule, decisions)


def page_of(handed_in, **options):
    table = table_of(handed_in, **options)
    return feedback.feedback_page(table, table.students[0], MADE_WITH)


def one(status=GRADED, score=0.5, student="ann", when="2026-10-30T10:00:00+00:00", **parts):
    mark = Mark("causal_mask", 4.0, status, score, **{"verdict": "wrong", **parts})
    return submission(student, "04_masks", [mark], when=when)


def words(html):
    """What a page shows, without its style."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.split("</style>", 1)[1]).split())


def report_of(handed_in, pairs=(), protected=True, **options):
    table = table_of(handed_in, **options)
    return report.report_page(table, handed_in, list(pairs), "bubblewrap", MADE_WITH, protected)


# ------------------------------------------------------------------ feedback


def test_feedback_says_points_verdict_sentence_and_cases():
    cases = (("one token", True), ("large scores", False))
    shown = words(page_of([one(message="Compare with `<=`.", cases=cases)]))
    assert "2 of 4" in shown and "wrong" in shown and "Compare with &lt;= ." in shown
    assert "1 of 2 cases right" in shown and "one token" in shown and "large scores" in shown
    assert "1.2" in shown and "2026.1" in shown


@pytest.mark.parametrize("status, said", [(REFUSED, "could not be judged"), (FLAGGED, "held back")])
def test_feedback_shows_no_zero_for_what_is_open(status, said):
    page = page_of([one(status, 0.0, verdict="", message="", flags=("torch.softmax",))])
    assert said in page and "open (4)" in page and "<strong>0</strong>" not in page
    assert ("torch.softmax" in page) == (status == FLAGGED)
    assert "4 points are open" in page


def test_feedback_shows_no_cases_of_what_is_held_back():
    assert "one token" not in page_of([one(FLAGGED, cases=(("one token", True),))])


def test_feedback_names_lateness_attempt_and_comment():
    rule = read_rule("last", "2026-10-31T23:59+01:00", "10%/day")
    handed_in = [one(when="2026-10-01T10:00:00Z"), one(when="2026-11-02T10:00:00Z")]
    decision = Decision("ann", "causal_mask", None, "Nice loop", "overrides.csv, line 2")
    shown = words(page_of(handed_in, rule=rule, decisions=[decision]))
    assert "Handed in 2 days late: 80 % of the points are kept." in shown
    assert "Of 2 attempts the last one counts: attempt 2, handed in on 2 November 2026, 10:00" in shown
    assert "Nice loop" in shown and "1.6 of 4" in shown


def test_nobody_sees_a_neighbour(tmp_path):
    asked = tasks(2, 3, texts=True)
    table = make_table(marked_class(student_ids(12), asked), asked, roster(12))
    feedback.write_feedback(table, tmp_path, MADE_WITH)
    for student in student_ids(12):
        page = (tmp_path / f"{student}.html").read_text(encoding="utf-8")
        assert set(re.findall(r"s00\d\d", page)) == {student}


# ------------------------------------------------------------------ report


def test_the_report_is_loud_where_nothing_protected_the_marks():
    assert "Marks not protected" in report_of([one()], protected=False)
    assert "Marks not protected" not in report_of([one()])


def test_the_report_counts_and_puts_the_hardest_first():
    asked = tasks(1, 3)
    scores = {"exercise_1_0": 0.9, "exercise_1_1": 0.2, "exercise_1_2": 0.5}
    marks = [Mark(name, 1, GRADED, score, "wrong") for name, score in scores.items()]
    page = report_of([submission("ann", "01_lesson", marks)], asked=asked)
    part = page[page.index("hardest first") : page.index("Students</h2>")]
    assert re.findall(r"<code>(exercise_1_\d)", part) == ["exercise_1_1", "exercise_1_2", "exercise_1_0"]


def test_the_report_names_misconceptions_with_the_stored_sentence():
    handed_in = [
        one(student=name, misconception="first_positions", message="Seen: x") for name in ("ann", "bob")
    ]
    shown = words(report_of(handed_in))
    assert "2 students Your triangle starts in the upper left corner" in shown and "ann , bob" in shown
    told = [one(student="ann", misconception="upper_left", message=WRONG["upper_left"])]
    assert "upper left corner" in report_of(told)


def test_the_report_lists_flags_and_how_to_decide_them():
    page = report_of([one(FLAGGED, flags=("torch.nn.functional.softmax",), student="=ann")])
    assert "torch.nn.functional.softmax" in page
    assert "student,exercise,points,comment\n&#x27;=ann,causal_mask,," in page
    assert "Flagged" not in report_of([one()])


def test_a_flag_stays_in_the_report_when_another_attempt_counts():
    handed_in = [one(FLAGGED, flags=("torch.softmax",)), one(score=1.0, verdict="right")]
    page = report_of(handed_in)
    assert "torch.softmax" in page and "4 of 4" in page and "held back</span>" not in page


def test_the_report_names_file_and_cause_of_what_was_refused():
    broken = replace(one(), marks=(), problem="line 1 is not JSON")
    page = report_of([broken, one(REFUSED, student="bob", message="It used 3 GB.")])
    for said in ("line 1 is not JSON", "submissions/ann/04_masks.ipynb", "It used 3 GB.", "submissions/bob/"):
        assert said in page


def test_the_report_shows_pairs_late_ones_and_rows_that_were_not_used():
    rule = read_rule("best", "2026-10-01T00:00Z", "10%/day")
    decision = Decision("nobody", "causal_mask", 1.0, "", "overrides.csv, line 7")
    handed_in = [
        one(student="ann", when="2026-10-02T10:00:00Z"),
        one(student="bob", when="2026-09-30T10:00:00Z"),
    ]
    pairs = [("causal_mask", "ann", "bob", 0.875)]
    shown = words(report_of(handed_in, pairs, rule=rule, decisions=[decision]))
    assert "ann and bob 1 causal_mask 88 %" in shown
    assert "ann 04_masks 2 80 %" in shown
    assert "overrides.csv, line 7: no student is called" in shown


def test_an_empty_class_has_a_report():
    assert "0 of 0" in report_of([], asked=())


def test_bins_of_the_histogram_hold_everybody():
    values = [0.0, 0.05, 0.1, 0.3, 0.999, 1.0]
    counts = re.findall(r'class="count"[^>]*>(\d+)<', report.histogram(values))
    assert sum(map(int, counts)) == len(values)
    assert counts == ["2", "1", "1", "2"]


# ------------------------------------------------------------------ answers in words


def answered():
    given = {"ann": "Because of 0/0.", "bob": "<b>No</b> idea", "cy": "  ", "dan": None}
    handed_in = [
        submission(name, "04_masks", [], texts={} if text is None else {"04_why": text})
        for name, text in given.items()
    ]
    return table_of(handed_in, [WHY])


def test_questions_come_with_the_cell_before_them():
    cells = [
        {"cell_type": "markdown", "source": ["Why?\n", "Say it in two lines."]},
        {"cell_type": "markdown", "source": "<!-- answer: 04_why points: 2.5 -->\nYour answer."},
        {"cell_type": "code", "source": "<!-- answer: 04_no points: 1 -->"},
        {"cell_type": "markdown", "source": "Text about <!-- answer: 04_no points: 1 -->"},
    ]
    [question] = texts.questions({"cells": cells})
    assert question == texts.Question("04_why", 2.5, "Why?\nSay it in two lines.")
    assert texts.question_tasks([question], "04_masks") == [Task("04_why", "04_masks", 2.5, by_hand=True)]


def test_the_page_of_answers_hides_names():
    page = texts.answers_page(answered(), [QUESTION], SECRET, MADE_WITH)
    assert "Because of 0/0." in page and "&lt;b&gt;No&lt;/b&gt; idea" in page and "Is 1 &lt; 2?" in page
    assert not re.search(r"\b(ann|bob|cy|dan)\b", page)
    assert "3 answers" in page and "1 notebook without one" in page


def test_a_filled_sheet_becomes_points(tmp_path):
    path, table = tmp_path / "texts.csv", answered()
    texts.write_sheet(path, table, [QUESTION], SECRET)
    number = texts.number_of(SECRET, "04_why", "ann")
    path.write_text(path.read_text().replace(f"{number},,", f'{number},1.5,"short, good"'))
    found, complaints = texts.read_sheet(path, ["ann", "bob", "cy", "dan"], [QUESTION], SECRET)
    assert [(d.student, d.task, d.points, d.comment) for d in found] == [
        ("ann", "04_why", 1.5, "short, good")
    ]
    assert not complaints


def test_a_sheet_that_is_there_is_only_added_to(tmp_path):
    path, table = tmp_path / "texts.csv", answered()
    mine = "\ufeffnumber;points;question;comment\r\nn1;1,5;04_why;mine\r\nbroken line"
    path.write_bytes(mine.encode())
    for _ in range(2):
        texts.write_sheet(path, table, [QUESTION], SECRET)
        text = path.read_bytes().decode()
        assert text.startswith(mine)
        numbers = [texts.number_of(SECRET, "04_why", name) for name in ("ann", "bob", "dan")]
        assert sorted(text.splitlines()[3:]) == sorted(f"{number};;04_why;" for number in numbers)


def test_rows_of_nobody_are_reported(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("question,number,points,comment\n04_why,n000000000001,1,\n04_why,n2,many,\n")
    found, complaints = texts.read_sheet(path, ["ann"], [QUESTION], SECRET)
    assert found == []
    assert ["line 3" in text for text in complaints] == [True, False] and "line 2" in complaints[1]


def test_numbers_differ_between_questions_and_secrets():
    numbers = {
        texts.number_of(key, ask, who) for key in (b"a", b"b") for ask in "pq" for who in ("ann", "bob")
    }
    assert len(numbers) == 8


# ------------------------------------------------------------------ hostile texts, speed


def hostile_pages():
    """Every page with hostile text in every place that holds text of others."""
    handed_in = [
        submission(
            text,
            "04_masks",
            [Mark("causal_mask", 4.0, status, 0.5, "wrong", text, text, ((text, False),), (text,))],
            texts={"04_why": text},
        )
        for text in HOSTILE
        for status in (GRADED, FLAGGED, REFUSED)
    ]
    handed_in = [replace(one, source=one.student) for one in handed_in]
    handed_in.append(replace(handed_in[0], student=HOSTILE[1], problem=HOSTILE[1]))
    decisions = [Decision(text, "causal_mask", 1.0, text, text) for text in [*HOSTILE, "nobody"]]
    students = [Student(text, text, text) for text in HOSTILE]
    table = make_table(handed_in, [TASK, WHY], students, None, decisions)
    pairs = [("causal_mask", HOSTILE[0], HOSTILE[1], 0.9)]
    pages = [feedback.feedback_page(table, student, MADE_WITH) for student in students]
    pages.append(report.report_page(table, handed_in, pairs, HOSTILE[0], MADE_WITH, False))
    asked = [texts.Question("04_why", 2.0, HOSTILE[0])]
    return [*pages, texts.answers_page(table, asked, SECRET, MADE_WITH)]


def test_hostile_texts_open_no_tag_and_can_be_written():
    for page in hostile_pages():
        body = page.split("</style>", 1)[1]
        page.encode("utf-8")
        assert not re.search(r"<(script|img|svg onload|iframe)|\x00|\x1b", body)
        assert page.count("</style>") == page.count("</title>") == 1


def test_a_class_is_written_in_seconds(tmp_path):
    asked = tasks(17, 4)
    class_ = marked_class(student_ids(300), asked)
    start = time.process_time()
    table = make_table(class_, exercise_tasks(class_), roster(300))
    outputs.write_all(table, tmp_path, MADE_WITH)
    feedback.write_feedback(table, tmp_path / "feedback", MADE_WITH)
    report.report_page(table, class_, similar.similar_pairs(class_), "bubblewrap", MADE_WITH)
    assert time.process_time() - start < 15
    assert len(list((tmp_path / "feedback").iterdir())) == 300
