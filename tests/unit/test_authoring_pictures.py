"""The running picture says where a lesson stands, without colour alone."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from course_lib.authoring.pictures import LESSON_PARTS, SPOKEN, alt_text, built_before, where_svg
from course_lib.authoring.sources import PARTS


@pytest.mark.parametrize("number", LESSON_PARTS)
def test_each_picture_is_valid_and_the_same_each_time(number):
    svg = where_svg(number, "A <title> & more")
    assert svg == where_svg(number, "A <title> & more")
    ElementTree.fromstring(svg)


def test_every_lesson_of_the_plan_has_its_parts():
    assert sorted(LESSON_PARTS) == [lesson for lessons in PARTS.values() for lesson in lessons]
    named = {part for parts in LESSON_PARTS.values() for part in parts}
    assert named == set(SPOKEN)


def test_what_was_built_stays_built():
    assert built_before(0) == set()
    assert built_before(3) == {"dot", "softmax"}
    assert built_before(4) == {"dot", "softmax", "scale", "values"}
    assert built_before(29) == set(SPOKEN)


def test_the_words_beside_the_picture():
    assert alt_text(0) == "Where we are in the Transformer of 2017. Built so far: nothing yet."
    assert alt_text(3) == (
        "Where we are in the Transformer of 2017. Built so far: the dot products of queries and keys and "
        "softmax. This lesson: the scale and the weighted sum of the values."
    )


def test_a_long_title_is_shown_whole():
    title = "Self-attention and cross-attention"
    lines = re.findall(r'font-size="16"[^>]*font-weight="700"[^>]*>([^<]*)<', where_svg(8, title))
    assert lines == ["Self-attention", "and", "cross-attention"]


def state_of(svg, words):
    """Outline of the box with these words: dashed (to come), thin (built) or thick (now)."""
    box = re.search(rf'<rect ([^>]*)/><text[^>]*font-weight="(\d+)"[^>]*>{re.escape(words)}<', svg)
    if "dasharray" in box[1]:
        return "later"
    return "now" if 'stroke-width="2"' in box[1] and box[2] == "700" else "built"


def test_state_is_told_by_outline_and_type_as_well_as_colour():
    svg = where_svg(2, "Softmax")
    assert state_of(svg, "query · key") == "built"
    assert state_of(svg, "softmax") == "now"
    assert state_of(svg, "mask") == "later"
