"""The notebooks as they are committed, and the guards that every one of them must pass.

The guards are functions, so that `test_guards.py` can show each of them a notebook that must not pass.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.lint import link_problem, link_targets
from course_lib.authoring.sources import ROOT, headings
from course_lib.authoring.titles import anchor

FOLDERS = ("notebooks", "exercises", "solutions")
IGNORED = {"nbval-ignore-output", "nbval-skip"}
MOST_IGNORED = 2
MACHINE = re.compile(
    r"0x[0-9a-f]{6,16}|(?<![\w.])/(?:home|root|Users|tmp|work|usr|opt|var|mnt)/\w|[A-Z]:\\Users|ipykernel_\d+"
)


def paths(*folders: str) -> list[Path]:
    """The committed notebooks of these folders, or of all three."""
    return [path for folder in folders or FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    return [(n, cell) for n, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def output_texts(cell: NotebookNode) -> Iterator[str]:
    """Everything in a cell's outputs that can be read, pictures aside."""
    for output in cell.outputs:
        yield from (str(output.get(key, "")) for key in ("text", "evalue", "traceback"))
        yield from (
            str(data) for kind, data in output.get("data", {}).items() if not kind.startswith("image/p")
        )


def not_executed(notebook: NotebookNode) -> list[str]:
    """nbval compares a cell without execution count with nothing, so the counts must be 1 to n."""
    return [
        f"cell {number} has the count {cell.execution_count}, expected {expected}: build it again"
        for expected, (number, cell) in enumerate(code_cells(notebook), 1)
        if cell.execution_count != expected
    ]


def errors(notebook: NotebookNode) -> list[str]:
    """Error outputs outside cells that say that they raise, and such cells that do not raise."""
    found = []
    for number, cell in code_cells(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and "raises-exception" not in tags(cell):
            found.append(f"cell {number} raised an error")
        if not raised and "raises-exception" in tags(cell):
            found.append(f"cell {number} is tagged raises-exception and raised nothing")
    return found


def badly_ignored(notebook: NotebookNode) -> list[str]:
    """Cells that nobody compares: few, each with a reason."""
    ignored = [(number, cell) for number, cell in code_cells(notebook) if IGNORED & tags(cell)]
    found = [
        f"cell {number} is ignored without a reason"
        for number, cell in ignored
        if not cell.metadata.get("reason")
    ]
    if len(ignored) > MOST_IGNORED:
        found.append(f"{len(ignored)} cells are ignored, at most {MOST_IGNORED}")
    return found


def machine_traces(notebook: NotebookNode) -> list[str]:
    """Addresses, absolute paths and process numbers in outputs: they differ from machine to machine."""
    return [
        f"cell {number} shows {match[0]!r}"
        for number, cell in code_cells(notebook)
        for text in output_texts(cell)
        if (match := MACHINE.search(text))
    ]


def widget_state(notebook: NotebookNode) -> list[str]:
    """Widget state and run-time metadata, which change with every run."""
    found = ["the notebook stores widget state"] if "widgets" in notebook.metadata else []
    if "version" in notebook.metadata.get("language_info", {}):
        found.append("the notebook stores a Python version")
    return found + [
        f"cell {n} stores timings" for n, cell in code_cells(notebook) if "execution" in cell.metadata
    ]


def broken_links(notebook: NotebookNode, folder: Path) -> list[str]:
    """Links that are not relative, or lead to no file or heading."""
    texts = [(n, cell.source) for n, cell in enumerate(notebook.cells, 1) if cell.cell_type == "markdown"]
    anchors = {anchor(line.lstrip("#").strip()) for _, text in texts for line in headings(text)}
    found = [(n, link_problem(target, folder, anchors)) for n, text in texts for target in link_targets(text)]
    return [f"cell {number}: {problem}" for number, problem in found if problem]


CHECKING = re.compile(r"^(?:check\(|.*\bhunt\(.*\.submit\(|\w+\.submit\()", re.MULTILINE)


def verdicts(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Each checking cell with the first line of what it answered."""
    found = []
    for number, cell in code_cells(notebook):
        if CHECKING.search(cell.source):
            shown = [str(o.data.get("text/plain", "")) for o in cell.outputs if "data" in o]
            found.append((number, shown[-1].splitlines()[0] if shown and shown[-1] else "nothing"))
    return found
