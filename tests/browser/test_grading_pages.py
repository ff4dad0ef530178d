"""The pages of marks in a browser: hostile texts are shown as text, axe finds nothing, light and dark."""

import random

import pytest
from axe_playwright_python.sync_playwright import Axe
from grading.marked_class import HOSTILE, WRONG, marked_class, roster, student_ids, submission, tasks

from course_lib.grading import feedback, outputs, report, similar, texts
from course_lib.grading.marks import Decision, Student, make_table, read_rule
from course_lib.grading.naming import file_stem
from course_lib.grading.records import FLAGGED, GRADED, Mark

MADE_WITH = outputs.Versions("1.2", "2026.1")
TASKS = tasks(2, 3, texts=True)
WIDTHS = (360, 1060)
OPEN_ALL = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
CUT_OFF = """() => [...document.querySelectorAll('main *')]
  .filter((node) => !node.closest('.scroll, svg') && node.getBoundingClientRect().right > innerWidth + 1)
  .map((node) => node.outerHTML.slice(0, 200))"""


def hostile_submission(text):
    marks = [
        Mark("exercise_1_0", 1.0, FLAGGED, message=text, flags=(text,)),
        Mark("exercise_1_1", 2.0, GRADED, 0.5, "wrong", text, text, ((text, True), (text, False))),
        Mark("exercise_1_2", 3.0, GRADED, 0.5, "wrong", WRONG["sign"], "sign"),
    ]
    return submission(text, "01_lesson", marks, texts={"01_why": text})


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A class with hostile members, written as the command writes it; the folder."""
    folder = tmp_path_factory.mktemp("marks")
    handed_in = marked_class(student_ids(12), TASKS, seed=4) + [hostile_submission(text) for text in HOSTILE]
    handed_in.append(submission("s0003", "01_lesson", [], problem=HOSTILE[1], when="2026-10-31T10:00:00Z"))
    students = [*roster(13), *(Student(text, text, text) for text in HOSTILE)]
    decisions = [Decision(text, "exercise_1_1", 1.0, text, "overrides.csv") for text in [*HOSTILE, "nobody"]]
    rule = read_rule("best", "2026-10-29T23:59+01:00", "10%/day")
    table = make_table(handed_in, TASKS, students, rule, decisions)
    feedback.write_feedback(table, folder / "feedback", MADE_WITH)
    pairs = [("exercise_1_1", HOSTILE[0], "s0001", 0.9), *similar.similar_pairs(handed_in)]
    asked = [texts.Question(task.id, task.points, HOSTILE[0]) for task in TASKS if task.by_hand]
    written = {
        "report": report.report_page(table, handed_in, pairs, "bubblewrap", MADE_WITH),
        "open": report.report_page(table, handed_in, pairs, HOSTILE[1], MADE_WITH, False),
        "texts": texts.answers_page(table, asked, b"secret", MADE_WITH),
    }
    for name, text in written.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def names(folder):
    """Every kind of page, and of the students' pages those of hostile names and one ordinary one."""
    hostile = [f"feedback/{file_stem(text)}" for text in HOSTILE]
    return ["report", "open", "texts", "feedback/s0003", *hostile]


@pytest.fixture
def open_page(browser, pages):
    """open_page(name, theme, width) gives the page; in the end none may have complained."""
    opened, trouble = [], []

    def go(name, theme="light", width=1060):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        opened.append(page)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("requestfailed", lambda request: trouble.append(request.url))
        page.goto((pages / f"{name}.html").as_uri())
        page.evaluate(OPEN_ALL)
        return page

    yield go
    for page in opened:
        page.close()
    assert not trouble


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_page, pages, theme):
    for name in names(pages):
        page = open_page(name, theme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off(open_page, pages, width):
    for name in names(pages):
        page = open_page(name, width=width)
        assert page.evaluate(CUT_OFF) == [], f"{name} at {width}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_texts_are_shown_as_text(open_page, pages):
    for name in names(pages):
        page = open_page(name)
        assert page.locator("script, img, iframe, [onerror], [onload], svg[onload]").count() == 0
        assert page.title() != "owned"
    shown = open_page(f"feedback/{file_stem(HOSTILE[1])}").locator("main").inner_text()
    assert shown.count(HOSTILE[1]) >= 5
    assert open_page("report").locator("main").inner_text().count(HOSTILE[0]) >= 4


def test_a_page_works_without_scripts(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((pages / "feedback/s0003.html").as_uri())
    folded = page.locator("details:not([open])").first
    folded.locator("summary").click()
    assert page.locator("details[open]").count() >= 1
    context.close()


def test_the_report_leads_to_every_students_page(open_page, pages):
    links = [link.get_attribute("href") for link in open_page("report").locator("main a").all()]
    assert len(links) == 13 + len(HOSTILE)
    for link in random.Random(0).sample(links, 6):
        page = open_page("report")
        page.locator(f'main a[href="{link}"]').click()
        assert page.locator("h1").count() == 1 and "feedback/" in page.url


def test_dark_and_light_differ(open_page):
    colours = {
        open_page("report", theme).evaluate("getComputedStyle(document.body).backgroundColor")
        for theme in ("light", "dark")
    }
    assert len(colours) == 2
