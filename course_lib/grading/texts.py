"""Answers in words: the questions, one page with all answers, and the sheet that takes their points.

Names are hidden behind numbers. A number comes from a secret of the marking, the question and the student, so
it stays the same when more is handed in, and it tells nothing without the secret.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.checks.words import ANSWER
from course_lib.grading.marks import WAITING, Decision, Entry, Table, Task, delimiter, read_points, read_rows
from course_lib.grading.outputs import Versions
from course_lib.grading.pages import count, number, page, percent, rich, safe
from course_lib.grading.store import write_whole

BOM = "\ufeff"  # some programs write it at the head of a text in UTF-8
COLUMNS = ("question", "number", "points", "comment")


@dataclass(frozen=True)
class Question:
    """A question that is answered in words; `prompt` is the Markdown of the cell before the answer."""

    id: str
    points: float
    prompt: str


def questions(notebook: dict) -> list[Question]:
    """The questions of a notebook: Markdown cells that begin with `<!-- answer: ID points: N -->`."""
    sources = [source(cell) if cell["cell_type"] == "markdown" else "" for cell in notebook["cells"]]
    found = [(ANSWER.match(text), before) for text, before in zip(sources, ["", *sources], strict=False)]
    return [Question(match[1], float(match[2]), before.strip()) for match, before in found if match]


def source(cell: dict) -> str:
    """The text of a cell, which the format holds as a text or as its lines."""
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def question_tasks(asked: Iterable[Question], lesson: str) -> list[Task]:
    """The columns of the table for the questions of a lesson."""
    return [Task(one.id, lesson, one.points, by_hand=True) for one in asked]


def number_of(secret: bytes, question: str, student: str) -> str:
    """The number of an answer. It begins with a letter, or a spreadsheet would round it."""
    told = "\0".join((question, student)).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(told, key=secret[:64], digest_size=8).digest()
    return f"n{int.from_bytes(digest) % 10**12:012d}"


# ------------------------------------------------------------------ the page and its sheet


def to_mark(table: Table, question: str, secret: bytes) -> list[tuple[str, Entry]]:
    """The answers to a question with their numbers, in the order of these; without the empty ones."""
    entries = [entry for entry in table.column(question) if entry.status == WAITING or entry.by_instructor]
    numbered = [(number_of(secret, question, entry.student), entry) for entry in entries]
    return sorted(numbered, key=lambda pair: pair[0])


def answers_page(table: Table, asked: Sequence[Question], secret: bytes, made_with: Versions) -> str:
    """All answers in words, question by question, without a name."""
    parts = [
        "<h1>Answers in words</h1>",
        '<p class="notice">Write the points of each number into <code>texts.csv</code>, with a comment if '
        "you like, and run the command again. They say what an answer is worth: lateness is taken off "
        "afterwards.</p>",
        *(question_part(table, one, secret) for one in asked),
    ]
    return page("Answers in words", "\n".join(parts), made_with)


def question_part(table: Table, one: Question, secret: bytes) -> str:
    """One question with all its answers."""
    answers = to_mark(table, one.id, secret)
    empty = sum(entry.attempts > 0 for entry in table.column(one.id)) - len(answers)
    said = f"{count(len(answers), 'answer')}, {number(one.points)} points each"
    said += f"; {count(empty, 'notebook')} without one" if empty else ""
    cards = "".join(answer_card(alias, entry) for alias, entry in answers)
    prompt = f'<div class="card"><pre class="words">{safe(one.prompt)}</pre></div>'
    return f'<h2><code>{safe(one.id)}</code></h2>{prompt}<p class="soft small">{said}</p>{cards}'


def answer_card(alias: str, entry: Entry) -> str:
    """One answer under its number."""
    given = f"{percent(entry.score)} of the points" if entry.by_instructor else "not marked yet"
    text = f'<pre class="words">{safe(entry.answer)}</pre>' if entry.answer else f"<p>{rich(entry.note)}</p>"
    return f'<section class="card"><h3>{alias} <span class="points small">{given}</span></h3>{text}</section>'


def write_sheet(path: Path, table: Table, asked: Sequence[Question], secret: bytes) -> None:
    """Write the sheet that takes the points; to one that is there, lines are added and nothing is changed."""
    old = path.read_bytes().decode() if path.exists() else f"{','.join(COLUMNS)}\n"
    numbered = [(one.id, alias) for one in asked for alias, _ in to_mark(table, one.id, secret)]
    new = [{"question": question, "number": alias} for question, alias in numbered if alias not in old]
    if new or not path.exists():
        end = "" if old.endswith("\n") else "\n"
        write_whole(path, f"{old}{end}{lines_for(old.removeprefix(BOM), new)}")


def lines_for(old: str, new: Sequence[dict[str, str]]) -> str:
    """Lines of a sheet that begins like `old`: in the order of its columns, cells parted as there."""
    text, mark = io.StringIO(), delimiter(old)
    head = next(csv.reader(io.StringIO(old), delimiter=mark))
    csv.DictWriter(text, head, delimiter=mark, lineterminator="\n").writerows(new)
    return text.getvalue()


def read_sheet(
    path: Path, students: Iterable[str], asked: Sequence[Question], secret: bytes
) -> tuple[list[Decision], list[str]]:
    """The points of a filled sheet as decisions, and what is wrong with rows that cannot be used."""
    owners = {(one.id, number_of(secret, one.id, student)): student for student in students for one in asked}
    decisions, (rows, complaints) = [], read_rows(path, COLUMNS)
    for where, row in rows:
        owner = owners.get((row["question"], row["number"]))
        if owner is None:
            complaints.append(f"{where}: no answer to {row['question']!r} has the number {row['number']!r}")
        elif row["points"] or row["comment"]:
            points = read_points(row["points"])
            decisions.append(Decision(owner, row["question"], points, row["comment"], where))
    return decisions, complaints
