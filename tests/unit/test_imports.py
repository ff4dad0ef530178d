"""The import rules of the course: light imports, arrows that point down, no circle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "course_lib"

# What each part may import of the others. A part that is not named here may import anything below `cli`.
ALLOWED = {
    "by_hand": set(),
    "transformer": set(),
    "palette": set(),
    "machine": set(),
    "journal": set(),
    "plots": {"palette"},
    "explorers": {"by_hand", "palette", "journal", "text"},  # of text: the tokenizer, plain Python
    # of the library: what a reference of an exercise is
    "checks": {
        "by_hand",
        "transformer",
        "text",
        "data",
        "training",
        "decoding",
        "metrics",
        "palette",
        "journal",
        "session",
    },
    "authoring": {"checks", "journal", "palette"},  # of checks: which exercises there are
    "doctor": {"journal", "machine", "data"},
    "workfolder": set(),
    "text": set(),
    "data": {"text", "transformer"},  # a model and its tokenizer, where both come from one archive
    "metrics": {"by_hand"},
    "training": {"transformer"},  # of transformer: how a checkpoint is written
    "decoding": set(),
}
TOP = {"cli", "lab", "testing", "doctor"}  # the commands: nothing below may import them


def modules() -> dict[str, Path]:
    """Every module of the library by dotted name."""
    found = {}
    for path in LIBRARY.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(path: Path, only_at_import: bool) -> Iterator[str]:
    """The dotted names that a file imports; inside functions too unless `only_at_import`."""
    todo = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
                base = ".".join([*package, base]).rstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in MODULES else base
        if only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)


def part(name: str) -> str:
    """The part of the library a module belongs to: course_lib.checks.engine -> checks."""
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def arrows() -> set[tuple[str, str]]:
    """Which part imports which, course_lib/__init__.py aside (it only hands names on)."""
    found = set()
    for name, path in MODULES.items():
        for target in imports_of(path, only_at_import=False):
            if target.split(".")[0] == "course_lib" and part(name) and part(target) != part(name):
                found.add((part(name), part(target)))
    return found


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_arrows_point_down(name):
    targets = {target for source, target in arrows() if source == name}
    assert targets <= ALLOWED[name], f"{name} may not import {sorted(targets - ALLOWED[name])}"


def test_nothing_imports_the_commands():
    wrong = {(source, target) for source, target in arrows() if target in TOP and source not in {"cli"}}
    assert not wrong


def test_no_circle_between_parts():
    assert circle(arrows()) is None


def test_no_circle_between_modules():
    found = {
        (name, target)
        for name, path in MODULES.items()
        for target in imports_of(path, only_at_import=True)
        if target in MODULES and target != name and name != "course_lib"
    }
    assert circle(found) is None


def circle(edges: set[tuple[str, str]]) -> list[str] | None:
    """A circle in a graph, or None: peel off what imports nothing that is left."""
    left = {node for edge in edges for node in edge}
    while left:
        free = {node for node in left if not any(a == node and b in left for a, b in edges)}
        if not free:
            return sorted(left)
        left -= free
    return None


def test_circle_is_found():
    assert circle({("a", "b"), ("b", "c"), ("c", "b")}) == ["a", "b", "c"]
    assert circle({("a", "b"), ("b", "c"), ("a", "c")}) is None


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("name", ["course_lib", "course_lib.by_hand", "course_lib.explorers"])
def test_light_imports(name):
    assert not loaded_by(f"import {name}") & {"torch", "matplotlib"}


@pytest.mark.parametrize("name", ["course_lib.plots", "course_lib.checks"])
def test_numpy_lessons_get_no_torch(name):
    assert "torch" not in loaded_by(f"import {name}")


@pytest.mark.parametrize(
    "name",
    [
        "course_lib.text",
        "course_lib.metrics",
        *(
            f"course_lib.data.{each}"
            for each in ("dates", "phrases", "prose", "films", "grammar", "interface")
        ),
        *(f"course_lib.data.{each}" for each in ("digits", "scenes", "tasks")),
    ],
)
def test_text_and_data_get_no_torch(name):
    assert "torch" not in loaded_by(f"import {name}")


@pytest.mark.parametrize("name", ["course_lib.cli", "course_lib.workfolder", "course_lib.data.archives"])
def test_commands_start_without_the_heavy_packages(name):
    assert not loaded_by(f"import {name}") & {"torch", "matplotlib", "jupyterlab", "pytest"}


def test_by_hand_never_imports_torch():
    for path in (LIBRARY / "by_hand").rglob("*.py"):
        assert "torch" not in {name.split(".")[0] for name in imports_of(path, only_at_import=False)}, path


@pytest.mark.parametrize("folder", ["lessons", "exercises"])
def test_part_one_never_imports_torch(folder):
    for path in (ROOT / "sources" / folder).glob("0[0-5]_*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import torch" not in text and "from torch" not in text, path
        assert "torch=True" not in text, path
