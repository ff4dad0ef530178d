"""From a notebook's bytes to the definitions in its code cells. A notebook is data: nothing is run here."""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

from course_lib.grading.extract import defines, needed

LARGEST = 40 * 2**20  # bytes of a notebook, outputs and all
LARGEST_CODE = 2**20  # characters of all its code
WRAPPING = ("%%time", "%%capture", "%%prun")  # cell magics that run the cell as it stands
TEXT = re.compile(r"\s*<!-- answer: (\S+) points: (\d+(?:\.\d+)?) -->[^\n]*\n?(.*)", re.DOTALL)


class ReadingError(ValueError):
    """The notebook cannot be read; the text says why, for the student and the instructor."""


@dataclass(frozen=True)
class Definition:
    """One statement at top level that defines names: its tree, its text as written, its cell (from 1)."""

    node: ast.stmt
    text: str
    cell: int


@dataclass(frozen=True)
class Notebook:
    """What counts of a notebook: definitions in order, remarks on cells that were left out, free texts by id.

    `broken` are texts of cells that are not Python, with the remark on each.
    """

    definitions: Sequence[Definition]
    notes: Sequence[str] = ()
    texts: dict[str, str] = field(default_factory=dict)
    broken: Sequence[tuple[str, str]] = ()

    def source_for(self, name: str) -> str:
        """Source text of all that the definition of `name` needs, itself included; "" if it is not there."""
        nodes = {id(node) for node in needed([d.node for d in self.definitions], [name])}
        kept = [d for d in self.definitions if id(d.node) in nodes]
        return "\n".join(d.text for d in kept) + "\n" if kept else ""


def read_notebook(content: bytes) -> Notebook:
    """The definitions of a notebook. Raises ReadingError with the cause if it is none."""
    cells = _cells(_json(content))
    code = [(i, _source(cell)) for i, cell in enumerate(cells, 1) if cell.get("cell_type") == "code"]
    if sum(len(text) for _, text in code) > LARGEST_CODE:
        raise ReadingError(f"its code has more than {LARGEST_CODE:,} characters")
    definitions, notes, broken = [], [], []
    for i, text in code:
        try:
            definitions += _definitions(text, i)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            what = error.msg if isinstance(error, SyntaxError) else type(error).__name__
            notes.append(f"cell {i} was left out: {what}{line}")
            broken.append((text, notes[-1]))
    return Notebook(definitions, notes, _texts(cells), broken)


def code_of(content: bytes) -> list[str]:
    """The texts of a notebook's code cells. Raises ReadingError with the cause if it is none."""
    return [_source(cell) for cell in _cells(_json(content)) if cell.get("cell_type") == "code"]


def _json(content: bytes) -> dict:
    if not content.strip():
        raise ReadingError("the file is empty")
    if len(content) > LARGEST:
        raise ReadingError(f"the file has {len(content):,} bytes, more than {LARGEST:,}: clear its outputs")
    if content.startswith(b"PK"):
        raise ReadingError("the file is a zip archive, not a notebook")
    try:
        text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadingError("the file is no text in UTF-8") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ReadingError(_why_no_json(text, error)) from error
    except RecursionError as error:
        raise ReadingError("the file is nested too deeply") from error
    if not isinstance(data, dict):
        raise ReadingError("the file is JSON, but no notebook")
    return data


def _why_no_json(text: str, error: ValueError) -> str:
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html")):
        return "the file is a web page, not a notebook: download the .ipynb itself"
    if "<<<<<<<" in text and ">>>>>>>" in text:
        return "the file holds marks of a merge conflict (<<<<<<<)"
    if start.startswith("{"):
        return f"the file is cut off or damaged: it is no JSON ({error})"
    return "the file is no notebook: it is no JSON"


def _cells(data: dict) -> list[dict]:
    if "worksheets" in data:
        raise ReadingError("the notebook has the old format 3: open and save it in JupyterLab")
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise ReadingError("the file is JSON, but no notebook: it has no list of cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _definitions(text: str, cell: int) -> list[Definition]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.lstrip().partition("\n")
    if first.startswith(WRAPPING):
        text = rest
    elif first.startswith("%%"):
        return []
    text = TransformerManager().transform_cell(text)  # magics and shell lines become calls
    tree = ast.parse(text)
    compile(tree, "<cell>", "exec", dont_inherit=True, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return [
        Definition(node, _text(node, text), cell)
        for node in tree.body
        if defines(node) and not _is_future(node)
    ]


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _text(node: ast.stmt, source: str) -> str:
    """A statement as it was written, its decorators included."""
    if not getattr(node, "decorator_list", None):
        return ast.get_source_segment(source, node)
    first = min(part.lineno for part in node.decorator_list)
    return "\n".join(source.split("\n")[first - 1 : node.end_lineno])


def _texts(cells: Sequence[dict]) -> dict[str, str]:
    """The free-text answers by the id of their question; of several the last that is not empty."""
    found = {}
    for cell in cells:
        match = TEXT.match(_source(cell)) if cell.get("cell_type") == "markdown" else None
        if match and (match[3].strip() or match[1] not in found):
            found[match[1]] = match[3].strip()
    return found
