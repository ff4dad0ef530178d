"""The roster of a class, and which of its students a folder or a file came from."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.marks import Student, delimiter

CANVAS, MOODLE = "Canvas", "Moodle"
NUMBERS = {CANVAS: "canvas_id", MOODLE: "moodle_id"}  # the column that holds a system's own number


@dataclass(frozen=True)
class Enrolled(Student):
    """A row of the roster with its further columns."""

    more: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, order=True)
class Owner:
    """Whose a file is, by what it came in: a name, and the system that wrote it with its number for them."""

    name: str
    number: str = ""
    system: str = ""


def read_roster(path: Path) -> list[Student]:
    """The students of a CSV with a column id; name and email are used if there, all other columns are kept.

    Cells are parted by commas or semicolons. ValueError names the line of a doubled id, of a row without an
    id and of a row with too many cells.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not in UTF-8: save it as CSV UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text))
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise ValueError(f"{path.name}, line {reader.line_num}: {error}") from None
    head = [cell.lower() for cell in rows[0][1]] if rows else []
    if "id" not in head:
        raise ValueError(f"{path.name} has no column 'id'; its first line is id,name,email")
    students: dict[str, Enrolled] = {}
    for line, cells in rows[1:]:
        student = _student(head, cells, f"{path.name}, line {line}")
        if student.id in students:
            raise ValueError(f"{path.name}, line {line}: the id {student.id!r} is there twice")
        students[student.id] = student
    return list(students.values())


def _student(head: Sequence[str], cells: Sequence[str], where: str) -> Enrolled:
    if any(cells[len(head) :]):
        raise ValueError(f"{where}: more cells than the first line; put quotes around a name with a comma")
    row = dict(zip(head, cells, strict=False))
    if not row["id"]:
        raise ValueError(f"{where}: the id is empty")
    more = {name: cell for name, cell in row.items() if name not in ("id", "name", "email")}
    return Enrolled(row["id"], row.get("name", ""), row.get("email", ""), more)


# ------------------------------------------------------------------ who is who


def match(
    owners: Collection[Owner], students: Sequence[Student] | None
) -> tuple[dict[Owner, str], list[str]]:
    """The student id of each owner, and remarks on those who were not found.

    An id, an e-mail or a system's number says for certain who it is. A name does so only if one student alone
    bears it and nobody else was found to be that student. Who is not found keeps the name.
    """
    students = students or []
    certain = {owner: _certain(owner, students) for owner in owners}
    found = {owner: ids[0] for owner, ids in certain.items() if len(ids) == 1}
    named = {owner: _named(owner, students) for owner in owners if owner not in found}
    claims = Counter([*found.values(), *(ids[0] for ids in named.values() if len(ids) == 1)])
    remarks = []
    for owner, ids in sorted(named.items()):
        if len(ids) == 1 and claims[ids[0]] == 1:
            found[owner] = ids[0]
        elif students:
            remarks.append(f"{visible(owner.name)} {_why(ids)}; the marks stand under the name it came with")
    taken = {student.id for student in students}
    return {**_kept([owner for owner in owners if owner not in found], taken), **found}, remarks


def _why(ids: Sequence[str]) -> str:
    if not ids:
        return "is not on the roster"
    if len(ids) > 1:
        return f"may be any of {', '.join(map(visible, ids))}"
    return f"may be {visible(ids[0])}, but so may another one"


def _certain(owner: Owner, students: Iterable[Student]) -> list[str]:
    if owner.system:
        column = NUMBERS[owner.system]
        return [one.id for one in students if owner.number and _more(one).get(column, "") == owner.number]
    exact = [one.id for one in students if one.id == owner.name]
    name = plain(owner.name)
    return exact or [one.id for one in students if name in (plain(one.id), plain(one.email)) and name]


def _more(student: Student) -> Mapping[str, str]:
    return student.more if isinstance(student, Enrolled) else {}


def _named(owner: Owner, students: Iterable[Student]) -> list[str]:
    name = letters(owner.name)
    return [one.id for one in students if name and name in _forms(one.name, owner.system)]


def _forms(name: str, system: str) -> set[str]:
    """How a name may be written, letters alone: "Ada Lovelace" is "lovelaceada" to Canvas.

    Where the last name begins is not known, so for Canvas every word may be the first of it.
    """
    last, comma, first = name.partition(",")
    forms = {letters(name), letters(first + last) if comma else ""}
    if system == CANVAS:
        words = name.split()
        forms |= {letters("".join(words[i:] + words[:i])) for i in range(len(words))}
    return forms


def _kept(owners: Sequence[Owner], taken: Collection[str]) -> dict[Owner, str]:
    """The names of those who were not found, with the system's number where a name alone is not enough."""
    count = Counter(owner.name for owner in owners)
    return {
        owner: f"{owner.name}_{owner.number}"
        if owner.number and (count[owner.name] > 1 or owner.name in taken)
        else owner.name
        for owner in owners
    }


def plain(text: str) -> str:
    """A text without regard to case, and to how its accents are stored."""
    return unicodedata.normalize("NFC", text).casefold().strip()


def letters(text: str) -> str:
    """The letters and digits of a text, in the same way."""
    return "".join(sign for sign in plain(text) if sign.isalnum())


def visible(text: str) -> str:
    """A text that comes from outside, in one line of at most 200 signs that any screen can show."""
    shown = re.sub(r"[^ -~]", lambda sign: _visible(sign[0]), text)
    return shown if len(shown) <= 200 else f"{shown[:120]} ... {shown[-70:]}"


def _visible(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
