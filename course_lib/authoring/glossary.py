"""The glossary page from sources/glossary.toml."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.convert import BACK, assemble
from course_lib.authoring.sources import ROOT, SourceError, lesson_paths, read_glossary, read_header

OPENING = """# Glossary

Each word as this course uses it, and the lesson in which it first matters.
Letters and shapes stand on the [symbols](symbols.ipynb) page."""


def glossary_notebook(root: Path = ROOT) -> NotebookNode:
    """One cell a letter, entries in alphabetical order."""
    entries = read_glossary(root)
    for term, entry in entries.items():
        if missing := {"definition", "lesson"} - set(entry):
            raise SourceError(f"glossary.toml: the entry {term!r} lacks {', '.join(sorted(missing))}.")
    lessons = {path.stem: read_header(path) for path in lesson_paths(root)}
    terms = sorted(entries, key=str.casefold)
    cells = [nbformat.v4.new_markdown_cell(OPENING)]
    for letter, group in groupby(terms, key=lambda term: term[0].upper()):
        rows = "\n\n".join(_entry(term, entries[term], lessons) for term in group)
        cells.append(nbformat.v4.new_markdown_cell(f"## {letter}\n\n{rows}"))
    cells.append(nbformat.v4.new_markdown_cell(BACK))
    return assemble("glossary", cells, {"title": "Glossary"}, "")


def _entry(term: str, entry: dict, lessons: dict) -> str:
    name = entry["lesson"]
    link = f"[Lesson {lessons[name].number}]({name}.ipynb)" if name in lessons else f"Lesson {int(name[:2])}"
    return f"**{term}.** {entry['definition']} *{link}*"
