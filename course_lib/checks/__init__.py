"""Exercises that answer like a tutor: check, hint, solution and hunt."""

from course_lib.checks.engine import check, hint, solution
from course_lib.checks.given import Made
from course_lib.checks.hunts import Hunt, hunt
from course_lib.checks.spec import Case, Exercise, Seen
from course_lib.checks.verdict import Verdict

__all__ = ["Case", "Exercise", "Hunt", "Made", "Seen", "Verdict", "check", "hint", "hunt", "solution"]
