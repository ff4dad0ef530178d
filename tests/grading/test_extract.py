"""What of a notebook goes to a worker: the definitions that an exercise needs, in order, and nothing else."""

import ast
import textwrap

import pytest

from course_lib.checks.calling import make_calls
from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.grading import wire
from course_lib.grading.extract import needed, source_of, used
from course_lib.grading.marking import Paper
from course_lib.grading.reading import ReadingError, read_notebook
from tests.grading.notebooks import notebook


def kept(source: str, name: str = "f") -> str:
    return source_of(needed(ast.parse(textwrap.dedent(source)).body, [name]))


def test_helpers_constants_and_imports_come_along():
    source = """
        import numpy as np, math
        EPS = 1e-5
        def helper(x): return np.exp(x) + EPS
        def unused(x): return math.sin(x)
        def f(x): return helper(x)
    """
    found = kept(source)
    assert "helper" in found and "EPS" in found and "numpy" in found
    assert "unused" not in found


def test_a_local_name_is_no_global_one():
    assert "train" not in kept("x = train()\ndef f(y):\n    x = 2 * y\n    return x\n")


def test_of_several_definitions_all_are_kept_in_order():
    source = "def f(x): return 1\ndef f(x): return old(x)\nold = f\ndef f(x): return 2 * old(x)\n"
    space = {}
    exec(kept(source), space)
    assert [line for line in kept(source).splitlines() if line.startswith("def")] == ["def f(x):"] * 3
    assert kept(source).rindex("old(x)") > kept(source).index("old = f")


@pytest.mark.parametrize(
    "line",
    [
        "f.alpha = 3",
        "@add_to(f)\ndef g(self): return 1",
        "f = jit(f)",
        "if True:\n    def f(x): return 3",
        "try:\n    import f\nexcept ImportError:\n    pass",
        "(a, f) = 1, 2",
        "f: int = 3",
        "from m import *",
    ],
)
def test_what_changes_a_name_belongs_to_it(line):
    assert ast.unparse(ast.parse(line)) in kept(f"def f(x): return 1\n{line}\n")


@pytest.mark.parametrize(
    "line", ["print(f)", "f(3)", "for f in range(3): pass", "del f", "while f: pass", "assert f"]
)
def test_statements_that_define_nothing_are_dropped(line):
    assert kept(f"def f(x): return 1\n{line}\n") == "def f(x):\n    return 1\n"


def test_classes_need_their_bases_defaults_and_decorators():
    source = "class f(b.B):\n    x = c.X\n    @d.y\n    def g(self, z=e.Z): pass\n"
    assert used(ast.parse(source).body[-1]) >= {"b", "c", "d", "e"}


@pytest.mark.parametrize("exercise_id", exercise_ids())
def test_what_a_worker_is_sent_holds_no_answer(exercise_id):
    exercise = load_exercise(exercise_id)
    paper = Paper(exercise, 11)
    sent = "".join(paper.modules.values())
    answers = [exercise.solution, exercise.reference, *exercise.right, *exercise.wrong]
    offered = {name.rsplit(".", 1)[1] for name in exercise.allows}
    names = {answer.__name__ for answer in answers if ".specs." in getattr(answer, "__module__", "")}
    defined = {
        node.name for node in ast.walk(ast.parse(sent)) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert not defined & (names - offered)
    assert "EXERCISE" not in sent


@pytest.mark.parametrize("exercise_id", exercise_ids())
def test_calls_survive_the_way_to_a_worker(exercise_id):
    calls = make_calls.__wrapped__(load_exercise(exercise_id), 7)
    data = wire.pack_calls(calls)
    there = wire.unpack_calls(data, lambda module, name: getattr(__import__("sys").modules[module], name))
    assert wire.pack_calls(there) == data
    assert [call.purpose for call in there] == [call.purpose for call in calls]


def test_every_exercise_has_two_cases_drawn_from_the_seed():
    assert not [name for name in exercise_ids() if len(Paper(load_exercise(name), 3).drawn) < 2]


# ------------------------------------------------------------------ reading


def test_the_text_of_a_definition_is_kept_as_it_was_written():
    source = "# a remark\n@ property\ndef f(x):  # here\n    '''says'''\n    return  x\n"
    assert "def f(x):  # here" in read_notebook(notebook(source)).source_for("f")
    assert "@ property" in read_notebook(notebook(source)).source_for("f")


@pytest.mark.parametrize(
    "cell",
    [
        "%%time\ndef f(x): return x",
        "%matplotlib inline\ndef f(x): return x",
        "!pip install einops\ndef f(x): return x",
        "def f(x): return x\nf?",
        "def f(x): return x\r\nf(3)\r\n",
        "await g()\ndef f(x): return x",
        "%%capture out\ndef f(x): return x",
        "from __future__ import annotations\ndef f(x): return x",
    ],
)
def test_magics_and_shell_lines_do_not_hide_a_definition(cell):
    assert "def f(x)" in read_notebook(notebook(cell)).source_for("f")


def test_a_broken_cell_costs_only_itself():
    read = read_notebook(notebook("def f(x): return x", "def g(x) return x", "def h(x): return x"))
    assert read.source_for("f") and read.source_for("h") and not read.source_for("g")
    assert read.notes == ["cell 2 was left out: expected ':', line 1"]


def test_text_answers_are_found_by_their_mark():
    head = "<!-- answer: 04_why points: 2 -->"
    cells = [
        {"cell_type": "markdown", "source": f"{head}\nBecause.\n\nIndeed."},
        {"cell_type": "markdown", "source": head},
    ]
    assert read_notebook(notebook(*cells)).texts == {"04_why": "Because.\n\nIndeed."}


@pytest.mark.parametrize(
    "written", [" Two: one\nand one.", "\nTwo: one\nand one.", "\n\nTwo: one\nand one.\n"]
)
def test_an_answer_beside_its_heading_is_not_lost(written):
    head = "<!-- answer: 04_why points: 2 --> <b>Your answer</b> (two sentences):"
    cell = {"cell_type": "markdown", "source": head + written}
    assert read_notebook(notebook(cell)).texts == {"04_why": "Two: one\nand one."}


@pytest.mark.parametrize(
    "content",
    [b"", b"  ", b"PK\x03\x04", b"<html></html>", b"[1, 2]", b'{"cells": 3}', b'{"cells": [', b"\xe4"],
)
def test_what_is_no_notebook_is_refused_with_its_cause(content):
    with pytest.raises(ReadingError, match=r"file|notebook"):
        read_notebook(content)
