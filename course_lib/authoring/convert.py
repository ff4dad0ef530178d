"""A source becomes an unexecuted notebook: generated cells, stable ids, fixed metadata, solution regions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.sources import MINUTES, ROOT, Source, SourceError, headings, predictions_path
from course_lib.authoring.titles import closing_cell, exercise_title_cell, title_cell

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def lesson_notebook(source: Source, root: Path = ROOT) -> NotebookNode:
    """The lesson with its title and closing cell."""
    cells = [_markdown(title_cell(source, root)), *source.cells, _markdown(closing_cell(source, root))]
    questions = predictions_path(source.name, root)
    depends = questions.read_text(encoding="utf-8") if questions.exists() else ""
    return assemble(source.name, cells, dict(source.header), depends)


def page_notebook(source: Source) -> NotebookNode:
    """A page without a number: what the source says, and the way back to the contents."""
    return assemble(source.name, [*source.cells, _markdown(BACK)], dict(source.header), "")


BACK = (
    "[Contents](contents.ipynb) · [Glossary](glossary.ipynb) · [Symbols](symbols.ipynb) · "
    "[Refresher](prerequisites.ipynb)"
)


def exercise_notebook(source: Source, filled: bool, root: Path = ROOT) -> NotebookNode:
    """The exercises of one source, filled in or blank; both carry the hash of the filled one."""
    complete = assemble(source.name, _exercise_cells(source, True, root), dict(source.header), "")
    if filled:
        return complete
    blank = assemble(source.name, _exercise_cells(source, False, root), dict(source.header), "")
    blank.metadata["course"]["source_hash"] = complete.metadata["course"]["source_hash"]
    return blank


def _exercise_cells(source: Source, filled: bool, root: Path) -> list:
    cells = [_markdown(exercise_title_cell(source, root))]
    for number, cell in enumerate(source.cells, 1):
        text = solution_region(cell.source, filled, f"{source.path.name}, cell {number}")
        made = _code if cell.cell_type == "code" else _markdown
        cells.append(made(text, cell.metadata))
    return cells


def solution_region(text: str, filled: bool, where: str) -> str:
    """Keep or blank what stands between the marks, in code and Markdown.

    An indented region becomes NotImplementedError.
    """
    kept, inside = [], False
    for line in text.splitlines():
        mark = line.strip()
        if mark == BEGIN:
            if inside:
                raise SourceError(
                    f"{where}: {BEGIN} inside another solution region; an {END} is missing before it."
                )
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            if indent and not filled:
                kept.append(f"{indent}raise NotImplementedError")
        elif mark == END:
            if not inside:
                raise SourceError(f"{where}: {END} without a {BEGIN} before it.")
            inside = False
        elif filled or not inside:
            kept.append(line)
    if inside:
        raise SourceError(f"{where}: {BEGIN} without an {END} after it.")
    return "\n".join(kept).strip("\n")


def assemble(name: str, cells: list, course: dict, depends: str) -> NotebookNode:
    """A notebook of these cells with stable ids, fixed metadata and the hash of everything it comes from."""
    notebook = nbformat.v4.new_notebook(cells=_with_ids(name, cells))
    notebook.metadata = NotebookNode(
        {"course": course, "kernelspec": dict(KERNEL), "language_info": LANGUAGE}
    )
    text = json.dumps(notebook, sort_keys=True, ensure_ascii=False) + depends
    notebook.metadata["course"]["source_hash"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return notebook


def _with_ids(name: str, cells: list) -> list:
    """An id is made of the heading above a cell and its place under it: edits move one section's ids."""
    numbered, seen, heading, place = [], {}, "", 0
    for cell in cells:
        found = headings(cell.source) if cell.cell_type == "markdown" else []
        if found:
            heading, place = MINUTES.sub("", found[0]), 0
            seen[heading] = seen.get(heading, 0) + 1
        key = f"{name}|{heading}|{seen.get(heading, 0)}|{place}"
        numbered.append(_same(cell, hashlib.sha256(key.encode()).hexdigest()[:10]))
        place += 1
    return numbered


def _same(cell: NotebookNode, cell_id: str) -> NotebookNode:
    fresh = (
        _code(cell.source, cell.metadata)
        if cell.cell_type == "code"
        else _markdown(cell.source, cell.metadata)
    )
    fresh["id"] = cell_id
    return fresh


def _markdown(text: str, metadata: dict | None = None) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text.strip("\n"), metadata=metadata or {})


def _code(text: str, metadata: dict | None = None) -> NotebookNode:
    return nbformat.v4.new_code_cell(text, metadata=metadata or {})
