"""What stands in sources/: the lessons, their headers, their exercises and the extra pages."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parents[2]

PARTS = {
    "Part I. Attention by hand": range(0, 6),
    "Part II. Why attention, and its forms": range(6, 11),
    "Part III. The Transformer": range(11, 17),
    "Part IV. Descendants": range(17, 24),
    "Part V. Beyond": range(24, 29),
}
LESSON_NAME = re.compile(r"(\d\d)_[a-z0-9_]+")
LESSON_FIELDS = {"title", "question", "minutes", "short_path", "needs", "objectives", "terms"}
EXERCISE_FIELDS = {"lesson", "exercises"}
PAGE_FIELDS = {"title"}
OPTIONAL_FIELDS = {"trains"}  # true: trains a model for long, `course test --quick` leaves it out


class SourceError(ValueError):
    """A source that cannot become a notebook; the message names the file, the place and what to do."""


@dataclass(frozen=True)
class Section:
    """A second-level heading of a lesson: "(8 min)", "(8 min, short path)" or "(after the lesson)" ends it.

    `minutes` is None when the heading says nothing of the kind.
    """

    title: str
    minutes: int | None
    short: bool
    heading: str


@dataclass(frozen=True)
class Source:
    """One file of sources/ as read: header, cells, text."""

    path: Path
    header: dict
    cells: list = field(repr=False)
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> int | None:
        """The lesson's number, or None for a page such as prerequisites."""
        return int(self.name[:2]) if LESSON_NAME.fullmatch(self.name) else None

    @property
    def title(self) -> str:
        return str(self.header.get("title", self.name))

    @property
    def label(self) -> str:
        """Number and title, as written in links: "1. Dot products"."""
        return self.title if self.number is None else f"{self.number}. {self.title}"

    @cached_property
    def sections(self) -> list[Section]:
        return [_section(line[3:].strip()) for line in _heading_lines(self.cells) if line.startswith("## ")]


def _heading_lines(cells: list) -> list[str]:
    return [line for cell in cells if cell.cell_type == "markdown" for line in headings(cell.source)]


def headings(markdown: str) -> list[str]:
    """The heading lines of a Markdown text, code fences left out."""
    found, fenced = [], False
    for line in markdown.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and re.match(r"#{1,6} \S", line):
            found.append(line)
    return found


MINUTES = re.compile(r"\s*\((?:(\d+) min(, short path)?|after the lesson)\)\s*")


def _section(heading: str) -> Section:
    match = MINUTES.search(heading)
    minutes = int(match[1] or 0) if match else None
    return Section(MINUTES.sub("", heading).strip(), minutes, bool(match and match[2]), heading)


def read_source(path: Path) -> Source:
    """Read one py:percent file; SourceError for a syntax error (with its line) or a broken header."""
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    _check_syntax(path, text)
    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except Exception as error:  # YAML and jupytext raise many kinds
        raise SourceError(f"{path.name}: the header cannot be read: {error}") from error
    header = notebook.metadata.get("course")
    if header is None:
        raise SourceError(
            f"{path.name}: the header has no `jupyter: course:` block; see another lesson's first lines."
        )
    source = Source(path, dict(header), notebook.cells, text)
    _check_header(source)
    return source


def read_header(path: Path) -> Source:
    """Header and title of a source without its cells, so that a broken neighbour stops no build."""
    path = Path(path)
    head = path.read_text(encoding="utf-8").split("\n# %%", 1)[0] + "\n"
    try:
        header = dict(jupytext.reads(head, fmt="py:percent").metadata.get("course", {}))
    except Exception:  # the neighbour's own build reports it
        header = {}
    return Source(path, header, [], "")


def _check_syntax(path: Path, text: str) -> None:
    try:
        compile(text, str(path), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise SourceError(
            f"{path.name}, line {error.lineno}: {error.msg}: {line!r}. Nothing was built from it."
        ) from None


def _check_header(source: Source) -> None:
    folder = source.path.parent.name
    if folder == "exercises":
        wanted = EXERCISE_FIELDS
    else:
        wanted = PAGE_FIELDS if source.number is None else LESSON_FIELDS
    given = set(source.header)
    if missing := sorted(wanted - given):
        raise SourceError(f"{source.path.name}: the header lacks {', '.join(missing)}.")
    if unknown := sorted(given - wanted - OPTIONAL_FIELDS):
        raise SourceError(
            f"{source.path.name}: the header has {', '.join(unknown)}, known are {', '.join(sorted(wanted))}."
        )
    for name in ("needs", "objectives", "terms", "exercises"):
        if not isinstance(source.header.get(name, []), list):
            raise SourceError(
                f"{source.path.name}: `{name}` in the header must be a list, got {source.header[name]!r}."
            )
        for line in source.header.get(name, []):
            if not isinstance(line, str):
                raise SourceError(
                    f"{source.path.name}: `{name}` holds {line!r}; a line with a colon must stand in quotes."
                )


def lesson_paths(root: Path = ROOT) -> list[Path]:
    """The numbered lessons' sources, in order."""
    return _numbered(root / "sources" / "lessons")


def exercise_paths(root: Path = ROOT) -> list[Path]:
    """The exercise sources, in order."""
    return _numbered(root / "sources" / "exercises")


def page_paths(root: Path = ROOT) -> list[Path]:
    """Sources of the pages without a number: prerequisites, symbols."""
    return sorted(p for p in (root / "sources" / "lessons").glob("*.py") if not LESSON_NAME.fullmatch(p.stem))


def _numbered(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.py") if LESSON_NAME.fullmatch(p.stem))


def read_glossary(root: Path = ROOT) -> dict[str, dict]:
    """Term -> {definition, lesson, ...} from sources/glossary.toml, in the order of the file."""
    path = root / "sources" / "glossary.toml"
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{path.name}: {error}") from error


def predictions_path(name: str, root: Path = ROOT) -> Path:
    """Where the questions of a lesson are kept."""
    return root / "course_lib" / "predictions" / f"{name}.toml"


def read_notebook(path: Path):
    """A notebook of nbformat 4.5; SourceError when the file is broken."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        raise SourceError(f"{path.name}: not a readable notebook: {error}") from error
