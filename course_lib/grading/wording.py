"""Words that several outputs share, and texts of others made fit to be written."""

import re

from course_lib.grading.marks import MISSING, WAITING, time_of
from course_lib.grading.records import FLAGGED, REFUSED

SAID = {
    REFUSED: "It could not be judged, so it has no points yet",
    FLAGGED: "The points are held back until the instructor has looked at it",
    WAITING: "This answer has not been marked yet",
    MISSING: "Nothing was handed in",
}
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def plain(text: str) -> str:
    """The text with a mark in place of what no file holds: control characters and halves of characters."""
    return UNFIT.sub("\ufffd", text)


def clock(text: str) -> str:
    """An ISO time in words: "1 November 2026, 10:00 (UTC+0000)"; "" if it is none."""
    when = time_of(text)
    return f"{when.day} {when:%B %Y, %H:%M (UTC%z)}" if when else ""
