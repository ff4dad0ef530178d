"""The contents page: lessons by part with links, minutes and exercises, and the reader's own progress."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.convert import BACK, assemble
from course_lib.authoring.sources import PARTS, ROOT, Source, exercise_paths, lesson_paths, read_header
from course_lib.journal import progress

PROGRESS_TAG = "course-progress"
WHOLE = "![The Transformer of 2017 with every part in place: what this course builds](pictures/whole.svg)"


def contents_notebook(root: Path = ROOT) -> NotebookNode:
    """The page with one table a part; parts without a lesson are left out."""
    lessons = [read_header(path) for path in lesson_paths(root)]
    exercises = {path.stem: read_header(path) for path in exercise_paths(root)}
    cells = [nbformat.v4.new_markdown_cell(_opening(lessons))]
    for part, numbers in PARTS.items():
        rows = [_row(lesson, exercises.get(lesson.name)) for lesson in lessons if lesson.number in numbers]
        if rows:
            cells.append(nbformat.v4.new_markdown_cell(_table(part, rows)))
    cells += [
        nbformat.v4.new_markdown_cell(PROGRESS_WORDS),
        _progress_cell(),
        nbformat.v4.new_markdown_cell(PAGES),
    ]
    return assemble("contents", cells, {"title": "Contents"}, "")


def _opening(lessons: list[Source]) -> str:
    start = f"**Start here: [{lessons[0].label}]({lessons[0].name}.ipynb).** " if lessons else ""
    return "\n\n".join(
        [
            "# Attention and Transformers",
            "> **From one dot product to complete Transformers, each part built by your own hands.**",
            WHOLE,
            f"{start}Each lesson asks you to predict before you run, lets you move the parts, and ends in "
            "exercises that answer what you wrote. "
            "Everything runs on your machine, and nothing you do leaves it.",
        ]
    )


def _row(lesson: Source, exercise: Source | None) -> str:
    names = len(exercise.header.get("exercises", [])) if exercise else 0
    link = f"[{names}](../exercises/{lesson.name}.ipynb)" if exercise else ""
    header = lesson.header
    return (
        f"| [{lesson.label}]({lesson.name}.ipynb) | {header.get('question', '')} | "
        f"{header.get('minutes', '')} | {header.get('short_path', '')} | {link} |"
    )


def _table(part: str, rows: list[str]) -> str:
    head = "| Lesson | Question | Minutes | Short path | Exercises |\n|:--|:--|--:|--:|--:|"
    return f"## {part}\n\n{head}\n" + "\n".join(rows)


PROGRESS_WORDS = """## Where you are

Run the next cell to see which lessons you opened, what you predicted and which exercises are right."""

PAGES = f"""## Beside the lessons

- [Refresher](prerequisites.ipynb): a five-minute self-test on matrices, derivatives and NumPy,
  and what to read if it went badly.
- [Glossary](glossary.ipynb): every word that a lesson introduces.
- [Symbols](symbols.ipynb): the letters, with their shapes.

{BACK}"""


def _progress_cell() -> NotebookNode:
    metadata = {
        "tags": [PROGRESS_TAG, "nbval-ignore-output"],
        "reason": "shows what this reader has done so far, so it differs from reader to reader",
    }
    return nbformat.v4.new_code_cell("from course_lib import progress\n\nprogress()", metadata=metadata)


def refresh(path: Path) -> bool:
    """Put the reader's present progress into the stored output of their copy of the contents page.

    Returns False and changes nothing where the page is missing, unreadable or has lost its progress cell.
    """
    from course_lib.authoring.build import write_atomically

    try:
        text = Path(path).read_text(encoding="utf-8")
        page = json.loads(text)
        cell = next(c for c in page["cells"] if PROGRESS_TAG in c.get("metadata", {}).get("tags", []))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return False
    shown = progress()
    data = {"text/html": shown._repr_html_(), "text/plain": repr(shown)}
    count = cell.get("execution_count") or 1
    cell["execution_count"] = count
    cell["outputs"] = [
        {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}}
    ]
    fresh = json.dumps(page, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    if fresh != text:
        write_atomically(Path(path), fresh)
    return True
