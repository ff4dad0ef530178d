"""A spec as learners get it: no solution to show, no list of right ways, and nothing that only these used."""

import ast
from collections.abc import Iterator

WITHHELD = {"solution": "None", "right": "[]"}


def without_answers(text: str) -> str:
    """The text of a file of `specs/` with `solution=None`, `right=[]` and what nothing needs then cut out.

    The reference, the cases and the stored wrong answers stay: the check needs them. ValueError if the text
    assigns no `EXERCISE`.
    """
    return _cut_unused(_replace_values(text))


def _replace_values(text: str) -> str:
    """Put the withheld values in place; the last one first, so that the places before it stay true."""
    lines = text.encode().splitlines(keepends=True)  # ast counts columns in bytes
    found = [word for word in _exercise(ast.parse(text)).keywords if word.arg in WITHHELD]
    for word in sorted(found, key=lambda word: (word.lineno, word.col_offset), reverse=True):
        value = word.value
        first, last = value.lineno - 1, value.end_lineno - 1
        before, after = lines[first][: value.col_offset], lines[last][value.end_col_offset :]
        lines[first : last + 1] = [before + WITHHELD[word.arg].encode() + after]
    return b"".join(lines).decode()


def _exercise(tree: ast.Module) -> ast.Call:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXERCISE":
            return statement.value
    raise ValueError("the spec assigns no EXERCISE")


def _cut_unused(text: str) -> str:
    """Drop the definitions that EXERCISE does not reach, each with the comment above it."""
    tree = ast.parse(text)
    kept = _needed(tree)
    lines = text.splitlines()
    drop = set()
    for statement in tree.body:
        names = set(_defines(statement))
        if names and not names & kept:
            drop |= _rows(statement, lines)
    return _without_rows(lines, drop)


def _needed(tree: ast.Module) -> set[str]:
    """The names that EXERCISE and the statements which define nothing need, directly or by others."""
    uses, todo = {}, []
    for statement in tree.body:
        names = list(_defines(statement))
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        for name in names:
            uses.setdefault(name, set()).update(used)
        if not names:
            todo += used
    todo.append("EXERCISE")
    needed = set()
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += uses.get(name, ())
    return needed


def _defines(statement: ast.stmt) -> Iterator[str]:
    """The names that a top-level definition or assignment gives; an import gives none here, so it stays."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _rows(statement: ast.stmt, lines: list[str]) -> set[int]:
    """The rows (from 0) of a statement, with its decorators and the comment that touches it."""
    starts = [part.lineno for part in (statement, *getattr(statement, "decorator_list", ()))]
    first = min(starts) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return set(range(first, statement.end_lineno))


def _without_rows(lines: list[str], drop: set[int]) -> str:
    """The other lines, with at most two empty ones in a row."""
    kept: list[str] = []
    for row, line in enumerate(lines):
        if row not in drop and (line.strip() or kept[-2:] != ["", ""]):
            kept.append(line)
    return "\n".join(kept) + "\n"
