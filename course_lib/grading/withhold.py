"""A spec as learners get it: no solution to show, no list of right ways, and nothing that only these used."""

import ast

from course_lib.grading.extract import defines, needed, used

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
    """Drop the definitions that neither EXERCISE nor a statement which defines nothing needs.

    Imports stay; of what goes, the comment above it goes too.
    """
    body = ast.parse(text).body
    loose = [statement for statement in body if not defines(statement)]
    kept = needed(body, {"EXERCISE"}.union(*map(used, loose)))
    lines = text.splitlines()
    drop = set()
    for statement in body:
        if statement not in [*loose, *kept] and not isinstance(statement, ast.Import | ast.ImportFrom):
            drop |= _rows(statement, lines)
    return _without_rows(lines, drop)


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
