"""The exercises as nbgrader assignments: answer cells, locked test cells with points, answers in words.

The format is nbgrader's cell metadata, schema version 3
(https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.convert import BEGIN, END, KERNEL, LANGUAGE, solution_region
from course_lib.authoring.sources import Source, exercise_paths, read_source
from course_lib.authoring.titles import exercise_title_cell
from course_lib.checks.spec import exercise_ids, load_exercise
from course_lib.checks.words import ANSWER

LINKS = re.compile(r"\[← Lesson .*\n\n")  # to notebooks that do not lie beside an assignment
CONFIG = '''"""nbgrader's settings for this course folder."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "attention"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}  # as in the course's own exercises
c.ClearSolutions.text_stub = ""  # what stands in an answer in words counts as the answer
'''


def write_assignments(root: Path, folder: Path, lessons: list[str]) -> list[str]:
    """Write `source/<lesson>/<lesson>.ipynb` and nbgrader_config.py into `folder`; the names of the lessons.

    `lessons` are numbers or names ("03", "04_masks"); an empty list means all. ValueError for an unknown one.
    """
    paths = chosen_paths(root, lessons)
    for path in paths:
        target = folder / "source" / path.stem / f"{path.stem}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(assignment(read_source(path), root), target)
    config = folder / "nbgrader_config.py"
    if not config.exists():  # a school may have written its own settings into it
        config.write_text(CONFIG, encoding="utf-8")
    return [path.stem for path in paths]


def chosen_paths(root: Path, lessons: list[str]) -> list[Path]:
    """The exercise sources of these lessons, in order."""
    paths = exercise_paths(root)
    for lesson in lessons:
        if not any(_is_called(path, lesson) for path in paths):
            known = ", ".join(path.stem for path in paths)
            raise ValueError(f"There are no exercises {lesson!r}. The course has: {known}.")
    return [path for path in paths if not lessons or any(_is_called(path, lesson) for lesson in lessons)]


def _is_called(path: Path, lesson: str) -> bool:
    return lesson in (path.stem, path.stem[:2], str(int(path.stem[:2])))


def assignment(source: Source, root: Path) -> NotebookNode:
    """The instructor's version of one exercise notebook; nbgrader makes the students' version from it."""
    title = LINKS.sub("", exercise_title_cell(source, root), count=1)
    cells = [nbformat.v4.new_markdown_cell(title), *_cells(source)]
    for number, cell in enumerate(cells):
        cell["id"] = f"{source.name[:2]}-{number:03}"  # the same at every release
    metadata = {"kernelspec": dict(KERNEL), "language_info": dict(LANGUAGE)}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def _cells(source: Source) -> Iterator[NotebookNode]:
    """The source's cells; each test cell follows the last cell that checks its exercise."""
    tests = _places_of_tests(source)
    for number, cell in enumerate(source.cells):
        where = f"{source.path.name}, cell {number + 1}"
        yield _marked(cell, where) if cell.cell_type == "code" else _text(cell.source)
        for name in tests.get(number, ()):
            yield _test(name)


def _places_of_tests(source: Source) -> dict[int, list[str]]:
    """Number of a cell -> the exercises whose test cell stands behind it."""
    places: dict[int, list[str]] = {}
    for name in source.header["exercises"]:
        if name not in exercise_ids():
            continue  # a mutant hunt, which is not marked
        speaks = re.compile(rf"(?:def|class) {name}\b|check\({name}\b")
        last = max(i for i, cell in enumerate(source.cells) if _is_code_with(cell, speaks))
        places.setdefault(last, []).append(name)
    return places


def _is_code_with(cell: NotebookNode, pattern: re.Pattern) -> bool:
    return cell.cell_type == "code" and bool(pattern.search(cell.source))


def _marked(cell: NotebookNode, where: str) -> NotebookNode:
    """A code cell: one that defines an exercise keeps its marks, another region is blank as for learners."""
    names = _exercises_in(cell.source)
    if BEGIN not in cell.source or not names:
        return nbformat.v4.new_code_cell(solution_region(cell.source, False, where))
    return nbformat.v4.new_code_cell(cell.source, metadata=_nbgrader(names[0], solution=True))


def _exercises_in(code: str) -> list[str]:
    """The exercises that a cell defines."""
    body = ast.parse(code).body
    defined = [part.name for part in body if isinstance(part, ast.FunctionDef | ast.ClassDef)]
    return [name for name in defined if name in exercise_ids()]


def _test(name: str) -> NotebookNode:
    metadata = _nbgrader(f"{name}-test", grade=True, locked=True, points=load_exercise(name).points)
    return nbformat.v4.new_code_cell(f"assert check({name}).score == 1", metadata=metadata)


def _text(text: str) -> NotebookNode:
    """A Markdown cell; one that asks for an answer in words is marked by hand."""
    question = ANSWER.match(text)
    if not question:
        return nbformat.v4.new_markdown_cell(text)
    name, points, answer = question.groups()
    if BEGIN not in answer:  # without the marks nbgrader would replace the line of the question, too
        first = text.strip().split("\n", 1)[0]
        text = f"{first}\n{BEGIN}\n{answer}\n{END}"
    metadata = _nbgrader(name, grade=True, solution=True, points=float(points))
    return nbformat.v4.new_markdown_cell(text, metadata=metadata)


def _nbgrader(
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> dict:
    """What nbgrader wants to know of a cell."""
    given = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
    }
    return {"nbgrader": given | ({} if points is None else {"points": points})}
