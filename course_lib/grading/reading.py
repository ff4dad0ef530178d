"""From a notebook's bytes to the definitions in its code cells. A notebook is data: nothing is run here."""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

from course_lib.checks.words import ANSWER
from course_lib.grading.extract import defines, needed

LARGEST = 40 * 2**20  # bytes of a notebook, outputs and all
LARGEST_CODE = 50_000  # characters of all its code; those of the course have at most 5,000
MOST_PARTS = 300_000  # lists and objects in the file
MOST_DEFINITIONS = 2_000
MOST_MAGICS = 250_000  # the sum over all cells of their magics times their characters: what IPython takes
DEEPEST = 150  # levels of the syntax tree
MAGIC = re.compile(r"^[ \t]*[%!?,;/]|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
WRAPPING = ("%%time", "%%capture", "%%prun")  # cell magics that run the cell as it stands


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
    if sum(len(text) * len(MAGIC.findall(text)) for _, text in code) > MOST_MAGICS:
        raise ReadingError("its code has too many magics: lines that begin with % or !, or end with ?")
    definitions, notes, broken = [], [], []
    for i, text in code:
        try:
            definitions += _definitions(text, i)
        except (SyntaxError, ValueError, RuntimeError, MemoryError) as error:
            notes.append(f"cell {i} was left out: {_why_no_python(error)}")
            broken.append((text, notes[-1]))
    if len(definitions) > MOST_DEFINITIONS:
        raise ReadingError(f"its code has more than {MOST_DEFINITIONS:,} definitions")
    return Notebook(definitions, notes, _texts(cells), broken)


def _why_no_python(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg}, line {error.lineno}" if error.lineno else error.msg
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "it holds half of a character (a lone surrogate)"
    return str(error)


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
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ReadingError(f"the file holds more than {MOST_PARTS:,} lists or objects: clear its outputs")
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
    if _is_deep(tree):
        raise RecursionError
    compile(tree, "<cell>", "exec", dont_inherit=True, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    lines = [line.encode() for line in text.split("\n")]
    return [
        Definition(node, _text(node, lines), cell)
        for node in tree.body
        if defines(node) and not _is_future(node)
    ]


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _is_deep(tree: ast.AST) -> bool:
    """Whether the tree has more levels than functions that walk it recursively can go down."""
    level, depth = [tree], 0
    while level and depth <= DEEPEST:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return bool(level)


def _text(node: ast.stmt, lines: Sequence[bytes]) -> str:
    """A statement as it was written, its decorators included."""
    decorators = getattr(node, "decorator_list", None)
    first = min(part.lineno for part in decorators) if decorators else node.lineno
    kept = list(lines[first - 1 : node.end_lineno])
    if not decorators:
        kept[-1] = kept[-1][: node.end_col_offset]
        kept[0] = kept[0][node.col_offset :]
    return b"\n".join(kept).decode()


def _texts(cells: Sequence[dict]) -> dict[str, str]:
    """The free-text answers by the id of their question; of several the last that is not empty."""
    found = {}
    for cell in cells:
        match = ANSWER.match(_source(cell)) if cell.get("cell_type") == "markdown" else None
        if match and (match[3].strip() or match[1] not in found):
            found[match[1]] = match[3].strip()
    return found
