"""`course build`: sources become executed notebooks; `--check` proves that those are what they give."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.authoring.contents import contents_notebook
from course_lib.authoring.convert import exercise_notebook, lesson_notebook, page_notebook
from course_lib.authoring.execute import CellFailureError, execute, keep_pictures
from course_lib.authoring.glossary import glossary_notebook
from course_lib.authoring.pictures import where_svg
from course_lib.authoring.sources import (
    ROOT,
    SourceError,
    exercise_paths,
    lesson_paths,
    page_paths,
    read_header,
    read_notebook,
    read_source,
)


@dataclass(frozen=True)
class Target:
    """One notebook of the course: where it stands and how its unexecuted form is made."""

    path: Path
    make: Callable[[], NotebookNode]


def targets(root: Path = ROOT) -> list[Target]:
    """Every notebook that the sources give, in reading order."""
    return [*_generated(root), *_lessons(root), *_exercises(root)]


def _generated(root: Path) -> Iterator[Target]:
    folder = root / "notebooks"
    yield Target(folder / "contents.ipynb", lambda: contents_notebook(root))
    if (root / "sources" / "glossary.toml").exists():
        yield Target(folder / "glossary.ipynb", lambda: glossary_notebook(root))
    for path in page_paths(root):
        yield Target(folder / f"{path.stem}.ipynb", lambda path=path: page_notebook(read_source(path)))


def _lessons(root: Path) -> Iterator[Target]:
    for path in lesson_paths(root):
        yield Target(
            root / "notebooks" / f"{path.stem}.ipynb",
            lambda path=path: lesson_notebook(read_source(path), root),
        )


def _exercises(root: Path) -> Iterator[Target]:
    for path in exercise_paths(root):
        for folder, filled in (("exercises", False), ("solutions", True)):
            yield Target(
                root / folder / f"{path.stem}.ipynb",
                lambda path=path, filled=filled: exercise_notebook(read_source(path), filled, root),
            )


def build(selection: str | None = None, check: bool = False, root: Path = ROOT) -> int:
    """Build what changed, or the notebooks whose name starts with `selection` ("01", "glossary", "all").

    With check=True nothing is executed or written: committed cells are compared with what the sources give.
    Returns 0, or 1 when something failed or differs; what and why is printed.
    """
    chosen = [target for target in targets(root) if _chosen(target, selection)]
    if not chosen:
        known = ", ".join(sorted({target.path.stem for target in targets(root)}))
        print(f"No source is called {selection!r}. Known: {known}.")
        return 1
    problems = [*check_pictures(root), *orphans(root)] if check else write_pictures(root)
    for target in chosen:
        try:
            problems += _check(target, root) if check else _build(target, root, forced=selection is not None)
        except (SourceError, CellFailureError) as error:
            problems.append(f"{_shown(target.path, root)}: {error}")
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{len(chosen)} notebooks {'are what the sources give' if check else 'are up to date'}.")
    return 1 if problems else 0


def _chosen(target: Target, selection: str | None) -> bool:
    return selection in (None, "all") or target.path.stem.startswith(str(selection))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _build(target: Target, root: Path, forced: bool) -> list[str]:
    fresh = target.make()
    old = _stored(target.path)
    if old is not None and not forced and _hash(old) == _hash(fresh):
        return []
    print(f"building {_shown(target.path, root)} ...", flush=True)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    execute(fresh, target.path.parent)
    keep_pictures(fresh, old)
    write_atomically(target.path, notebook_text(fresh))
    return []


def _stored(path: Path) -> NotebookNode | None:
    """The committed notebook, or None when there is none or it is broken (it is then built anew)."""
    try:
        return read_notebook(path) if path.exists() else None
    except SourceError:
        return None


def _hash(notebook: NotebookNode) -> str | None:
    return notebook.metadata.get("course", {}).get("source_hash")


def notebook_text(notebook: NotebookNode) -> str:
    """The file's text: sorted keys, one trailing newline."""
    nbformat.validate(notebook)
    return json.dumps(_split_lines(notebook), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _split_lines(notebook: NotebookNode) -> dict:
    """Long texts as lists of lines, as Jupyter writes them, so that a difference can be read line by line."""
    return json.loads(nbformat.writes(notebook))


def write_atomically(path: Path, text: str) -> None:
    """Write beside the file, then replace it: an interrupted build leaves the old one whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def _check(target: Target, root: Path) -> list[str]:
    name = _shown(target.path, root)
    remedy = f"run: python course.py build {target.path.stem}"
    if not target.path.exists():
        return [f"{name}: not built yet; {remedy}"]
    committed, fresh = read_notebook(target.path), target.make()
    difference = first_difference(committed, fresh)
    return [f"{name}: {difference}; {remedy}"] if difference else []


def first_difference(committed: NotebookNode, fresh: NotebookNode) -> str | None:
    """Where two notebooks part, outputs and execution counts aside; None when they agree."""
    for number, (old, new) in enumerate(zip(committed.cells, fresh.cells, strict=False), 1):
        for part in ("cell_type", "source", "id", "metadata"):
            if old.get(part) != new.get(part):
                first = next((line for line in new.source.splitlines() if line.strip()), "(empty)")
                return f"cell {number} differs in its {part}: `{first[:60]}`"
    if len(committed.cells) != len(fresh.cells):
        return f"{len(committed.cells)} cells are committed, the source gives {len(fresh.cells)}"
    if committed.metadata != fresh.metadata:
        keys = sorted(
            k
            for k in {*committed.metadata, *fresh.metadata}
            if committed.metadata.get(k) != fresh.metadata.get(k)
        )
        return f"the notebook's metadata differ in {', '.join(keys)}"
    return None


def _pictures(root: Path) -> dict[Path, str]:
    folder = root / "notebooks" / "pictures"
    wanted = {folder / "whole.svg": where_svg(29, "Attention and Transformers", built_all=True)}
    for path in lesson_paths(root):
        source = read_header(path)
        wanted[folder / f"where_{source.number:02d}.svg"] = where_svg(source.number, source.title)
    return wanted


def orphans(root: Path) -> list[str]:
    """One line for each notebook that no source gives any more."""
    known = {target.path for target in targets(root)}
    found = (
        path for folder in ("notebooks", "exercises", "solutions") for path in (root / folder).glob("*.ipynb")
    )
    return [
        f"{_shown(path, root)}: no source gives it; delete it" for path in sorted(found) if path not in known
    ]


def write_pictures(root: Path) -> list[str]:
    """Write the pictures that changed; they cost nothing, so a selection does not matter."""
    for path, text in _pictures(root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
    return []


def check_pictures(root: Path) -> list[str]:
    """One line for each picture that is missing or not what the sources give."""
    return [
        f"{_shown(path, root)}: not what the sources give; run: python course.py build"
        for path, text in _pictures(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
