"""Every lesson passes the linter: the items of the rubric that a machine can check."""

import pytest

from course_lib.authoring.lint import lint, read_lesson, report
from course_lib.authoring.sources import lesson_paths


@pytest.mark.parametrize("path", lesson_paths(), ids=lambda path: path.stem)
def test_lesson_has_nothing_to_repair(path):
    lesson = read_lesson(path)
    findings = lint(lesson)
    assert not findings, "\n" + report(lesson, findings)
