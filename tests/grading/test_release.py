"""`course release`: what learners get holds no answer that can be left out and works; nbgrader's form."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from course_lib.authoring.convert import BEGIN, END
from course_lib.authoring.sources import exercise_paths
from course_lib.checks.engine import judge_answer
from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.cli import main
from course_lib.grading import assignments
from course_lib.grading.release import INSTRUCTOR_COMMANDS, ReleaseError, pack, release
from course_lib.grading.withhold import without_answers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("release") / "out"
    release(ROOT, out, [])
    return out


@pytest.fixture(scope="module")
def bundle(made):
    return made / "attention-course"


def in_bundle(bundle, code, home):
    """What a Python prints that knows the bundle's course_lib alone."""
    environment = os.environ | {"PYTHONPATH": str(bundle), "COURSE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- the copy for learners ----------------------------------------------------------------------------------


def test_no_folder_with_answers(bundle):
    assert {path.name for path in bundle.iterdir() if path.is_dir()} == {
        "course_lib",
        "exercises",
        "notebooks",
    }
    assert not (bundle / "course_lib" / "grading").exists()
    assert not list(bundle.rglob("__pycache__"))


def test_no_solution_region_and_no_link_to_solutions(bundle):
    texts = {path: path.read_text(encoding="utf-8") for path in bundle.glob("*/*.ipynb")}
    assert len(texts) > 40
    assert not [path for path, text in texts.items() if BEGIN in text or "solutions/" in text]


def test_specs_hold_neither_solution_nor_right_ways(bundle, tmp_path):
    code = (
        "from course_lib.checks.spec import *\n"
        "found = [load_exercise(name) for name in exercise_ids()]\n"
        "print(len(found), {(e.solution, len(e.right)) for e in found})"
    )
    assert in_bundle(bundle, code, tmp_path).strip() == f"{len(exercise_ids())} {{(None, 0)}}"


@pytest.mark.parametrize("name", exercise_ids())
def test_right_ways_that_the_check_does_not_need_are_gone(bundle, name):
    [path] = (bundle / "course_lib/checks/specs").glob(f"[0-9][0-9]_{name}.py")
    text = path.read_text(encoding="utf-8")
    for way in load_exercise(name).right:
        defined = re.search(rf"^(def|class) {re.escape(way.__name__)}\b", text, re.MULTILINE)
        others = len(re.findall(rf"\b{re.escape(way.__name__)}\b", text)) - 1
        assert not defined or others, f"{way.__name__} is there and nothing uses it"


JUDGE = """
import json
from course_lib.checks.engine import judge_answer
from course_lib.checks.spec import exercise_ids, load_exercise
said = {}
for name in exercise_ids():
    exercise = load_exercise(name)
    answers = (exercise.reference, exercise.wrong[0], exercise.wrong[-1])
    verdicts = [judge_answer(exercise, answer) for answer in answers]
    said[name] = [[v.status, v.score, v.misconception, v.message] for v in verdicts]
print(json.dumps(said))
"""


def test_every_check_judges_as_in_the_whole_course(bundle, tmp_path):
    said = json.loads(in_bundle(bundle, JUDGE, tmp_path))
    assert list(said) == exercise_ids()
    for name, verdicts in said.items():
        exercise = load_exercise(name)
        assert verdicts[0][:2] == ["right", 1.0], name
        for verdict, stored in zip(verdicts[1:], (exercise.wrong[0], exercise.wrong[-1]), strict=True):
            assert verdict[2] == stored.__name__
    once = judge_answer(load_exercise("softmax"), load_exercise("softmax").wrong[0])
    assert said["softmax"][1] == [once.status, once.score, once.misconception, once.message]


LEARN = """
import json, sys
from course_lib.checks import check, hint, solution
notebook = json.load(open(sys.argv[1]))
names = {}
for cell in notebook["cells"]:
    if cell["cell_type"] == "code" and "submit" not in "".join(cell["source"]):
        exec("".join(cell["source"]), names)
verdict = check(names["weighted_average"])
print(json.dumps([verdict.status, str(hint("weighted_average")), str(solution("weighted_average"))]))
"""


@pytest.mark.parametrize(("folder", "status"), [("solutions", "right"), ("exercises", "not attempted")])
def test_check_hint_and_solution_in_the_bundle(bundle, tmp_path, folder, status):
    learn = LEARN.replace("sys.argv[1]", repr(str(ROOT / folder / "00_start.ipynb")))
    said = in_bundle(bundle, learn, tmp_path)
    came, hinted, solved = json.loads(said.splitlines()[-1])
    assert came == status
    assert "hint 2 of 3" in hinted, "the notebook has asked for the first"
    assert ("came without solutions" if status == "right" else "not attempted yet") in solved


def test_commands_of_the_instructor_are_gone(bundle):
    done = subprocess.run([sys.executable, "course.py"], cwd=bundle, capture_output=True, text=True)
    listed = re.findall(r"^  (\w+)", done.stdout, re.MULTILINE)
    assert listed == ["lab", "doctor", "progress", "reset"]
    for command in INSTRUCTOR_COMMANDS:
        done = subprocess.run(
            [sys.executable, "course.py", command], cwd=bundle, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert f"There is no command `{command}`" in done.stderr


def test_work_folder_of_the_bundle_has_no_solutions(bundle, tmp_path):
    code = (
        "from pathlib import Path\n"
        "from course_lib import workfolder\n"
        f"print(workfolder.bring_up_to_date(Path({str(bundle)!r}), Path('home')).copied)"
    )
    said = in_bundle(bundle, code, tmp_path)
    assert "exercises/03_attention.ipynb" in said
    assert "solutions" not in said


def test_zip_holds_the_folder(made, bundle, tmp_path):
    with zipfile.ZipFile(made / "attention-course.zip") as packed:
        packed.extractall(tmp_path)
    ours = {path.relative_to(made): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    there = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert ours == there
    before = (made / "attention-course.zip").read_bytes()
    assert pack(bundle).read_bytes() == before, "the same files give the same zip"


# --- the folder it is made in -------------------------------------------------------------------------------


def test_again_is_made_anew_and_keeps_what_others_put_there(made):
    (made / "attention-course" / "stray.txt").touch()
    handed_in = made / "nbgrader" / "submitted" / "ada" / "work.txt"
    handed_in.parent.mkdir(parents=True)
    handed_in.touch()
    config = made / "nbgrader" / "nbgrader_config.py"
    before = config.read_text(encoding="utf-8")
    config.write_text(before + "c.Exchange.root = '/srv/exchange'\n", encoding="utf-8")
    release(ROOT, made, ["3"])
    assert not (made / "attention-course" / "stray.txt").exists()
    assert handed_in.exists()
    assert "/srv/exchange" in config.read_text(encoding="utf-8")


def test_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ReleaseError, match="holds something that is no release"):
        release(ROOT, tmp_path, [])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_folder_inside_what_is_released_is_refused():
    with pytest.raises(ReleaseError, match="lies in notebooks/"):
        release(ROOT, ROOT / "notebooks" / "release", [])
    assert not (ROOT / "notebooks" / "release").exists()


def test_command_names_what_it_made_and_an_unknown_lesson(tmp_path):
    done = CliRunner().invoke(main, ["release", "--out", str(tmp_path / "a"), "--exercises", "03, 04"])
    assert done.exit_code == 0
    assert "2 assignments for nbgrader (03_attention to 04_masks)" in done.output
    done = CliRunner().invoke(main, ["release", "--out", str(tmp_path / "b"), "--exercises", "77"])
    assert done.exit_code == 1
    assert "There are no exercises '77'" in done.output
    assert "Traceback" not in done.output


# --- a spec without its answers -----------------------------------------------------------------------------

SPEC = '''"""Exercise `double`: ñ × 2."""

import math


def double(x):
    return 2 * x


# by adding
@decorated
def added(x):
    return helper(x) + x


def helper(x):
    """Used by a right way alone."""
    return x


SCALE = 3


class Thrice:
    """You take it three times."""

    factor = SCALE


EXERCISE = Exercise(id="ñ double", right=[double, added], solution=added, reference=double, wrong=[Thrice])
'''


def test_what_only_the_answers_need_is_cut_out():
    text = without_answers(SPEC)
    compile(text, "spec", "exec")
    assert 'id="ñ double", right=[], solution=None, reference=double, wrong=[Thrice]' in text
    for gone in ("added", "helper", "by adding", "decorated"):
        assert gone not in text
    for kept in ("import math", "def double", "class Thrice", "SCALE = 3", "ñ × 2"):
        assert kept in text
    assert "\n\n\n\n" not in text


def test_values_over_several_lines():
    text = "EXERCISE = Exercise(\n    solution=f,\n    right=[\n        f,\n    ],\n    wrong=[],\n)\n"
    assert (
        without_answers(text).split() == "EXERCISE = Exercise( solution=None, right=[], wrong=[], )".split()
    )


def test_spec_without_exercise_is_refused():
    with pytest.raises(ValueError, match="no EXERCISE"):
        without_answers("HUNT = 3\n")


# --- for nbgrader -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebooks(made):
    release(ROOT, made, [])
    found = sorted((made / "nbgrader" / "source").glob("*/*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in found}


def marked(notebook, **wanted):
    """The cells whose nbgrader metadata say all of this."""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return [cell for cell in cells if all(cell.metadata.nbgrader[key] == wanted[key] for key in wanted)]


def test_every_lesson_is_an_assignment_of_valid_form(notebooks):
    assert list(notebooks) == [path.stem for path in exercise_paths(ROOT)]
    for notebook in notebooks.values():
        nbformat.validate(notebook)
        ids = [cell.metadata.nbgrader.grade_id for cell in marked(notebook)]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[\w-]+", name) for name in ids)
        for cell in marked(notebook):
            assert set(cell.metadata.nbgrader) - {"points"} == {
                *("schema_version", "grade_id", "grade", "solution", "locked", "task"),
            }
            assert cell.metadata.nbgrader.schema_version == 3
            assert ("points" in cell.metadata.nbgrader) is cell.metadata.nbgrader.grade


def test_each_exercise_has_an_answer_cell_and_then_a_test_with_its_points(notebooks):
    found = {}
    for notebook in notebooks.values():
        seen = []
        for cell in marked(notebook):
            if cell.cell_type == "markdown":
                continue
            data = cell.metadata.nbgrader
            if data.solution:
                assert (data.locked, data.grade) == (False, False)
                assert re.search(rf"^(def|class) {data.grade_id}\b", cell.source, re.MULTILINE)
                seen.append(data.grade_id)
            else:
                name = data.grade_id.removesuffix("-test")
                assert name in seen, "the test stands before its answer"
                assert cell.source == f"assert check({name}).score == 1"
                assert (data.locked, data.grade) == (True, True)
                found[name] = data.points
    assert found == {name: load_exercise(name).points for name in exercise_ids()}


def test_solutions_stand_in_answer_cells_alone(notebooks):
    for notebook in notebooks.values():
        for cell in notebook.cells:
            is_answer = cell.metadata.get("nbgrader", {}).get("solution", False)
            assert (BEGIN in cell.source) == (END in cell.source) == is_answer


def test_questions_in_words_of_the_lessons_are_marked_by_hand(notebooks):
    for path in exercise_paths(ROOT):
        asked = re.findall(r"^# <!-- answer: (\S+) points: (\S+) -->", path.read_text(encoding="utf-8"), re.M)
        cells = [cell for cell in marked(notebooks[path.stem]) if cell.cell_type == "markdown"]
        found = [(cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points) for cell in cells]
        assert found == [(name, float(points)) for name, points in asked]


def test_hunts_are_blank_and_not_marked(notebooks):
    [cell] = [cell for cell in notebooks["03_attention"].cells if "the_hunt.submit(" in cell.source]
    assert "example = None" in cell.source
    assert "nbgrader" not in cell.metadata


def test_question_in_words_is_marked_by_hand():
    cell = assignments._text("<!-- answer: why_scale points: 2.5 --> Your answer:\nBecause of the spread.")
    data = cell.metadata["nbgrader"]
    assert (data["grade_id"], data["points"]) == ("why_scale", 2.5)
    assert (data["grade"], data["solution"], data["locked"]) == (True, True, False)
    first, *rest = cell.source.splitlines()
    assert first == "<!-- answer: why_scale points: 2.5 --> Your answer:"
    assert rest == [BEGIN, "Because of the spread.", END]
    assert "nbgrader" not in assignments._text("Text that speaks of <!-- answer: a points: 1 -->").metadata
