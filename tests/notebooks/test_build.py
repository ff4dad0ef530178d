"""The committed notebooks are what their sources give."""

from course_lib.authoring.build import build
from course_lib.authoring.sources import ROOT, lesson_paths, read_glossary


def test_build_check(capsys):
    assert build(check=True) == 0, capsys.readouterr().out


def test_the_glossary_points_to_lessons_of_the_plan():
    known = {path.stem for path in lesson_paths()}
    assert {entry["lesson"] for entry in read_glossary().values()} <= known


def test_what_a_build_leaves_is_not_committed():
    assert [path for path in ROOT.glob("*/.*.new")] == []
