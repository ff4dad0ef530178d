"""The command: collect, mark what is not marked yet, write what comes of it."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import click
import nbformat

from course_lib.checks.spec import load_exercise
from course_lib.grading import marks, outputs, texts
from course_lib.grading.collect import collect
from course_lib.grading.crew import Setting, mark_here, mark_on_cluster
from course_lib.grading.extract import ROOT
from course_lib.grading.feedback import write_feedback
from course_lib.grading.marking import contract_version, lessons
from course_lib.grading.marks import Decision, Student, Table, Task, make_table
from course_lib.grading.records import Marked, Submission
from course_lib.grading.report import report_page
from course_lib.grading.roster import read_roster
from course_lib.grading.sandbox import Sandbox
from course_lib.grading.similar import similar_pairs
from course_lib.grading.store import Store

DECISIONS, SHEET = "decisions.csv", "texts.csv"
EVERY = 10.0  # seconds between two lines of progress where there is no screen


@dataclass(frozen=True)
class Order:
    """What is asked for: the options of `course.py grade`."""

    submissions: Path
    out: Path
    roster: Path | None = None
    exercises: tuple[str, ...] = ()
    rule: marks.Rule = field(default_factory=marks.Rule)
    sandbox: str = "bwrap"
    seconds: float = 10.0
    jobs: int = 1
    scheduler: str = ""


def grade(order: Order) -> Table:
    """Mark a class and write everything into `order.out`; the table of the marks.

    Raises SandboxError, StoreError or ValueError with a sentence for the instructor.
    """
    store = Store(order.out, contract_version())
    names = chosen_lessons(order.exercises)
    students = read_roster(order.roster) if order.roster else None
    collected = collect(order.submissions, students, names)
    for remark in collected.remarks:
        click.echo(f"  {remark}", err=True)
    with store.held():
        setting = Setting(store.seed(), order.sandbox, order.seconds)
        by_key = {store.key(one): one for one in collected.submissions}
        mark_missing(store, setting, by_key, order)
        marked = [store.load(key) for key in by_key]
        return write(store, order, marked, students, names)


def chosen_lessons(numbers: Sequence[str]) -> dict[str, list[str]]:
    """The lessons of these numbers with the ids of their exercises, all lessons without numbers."""
    known = lessons()
    unknown = [number for number in numbers if not any(name.startswith(f"{number}_") for name in known)]
    if unknown:
        raise ValueError(f"There is no lesson {unknown[0]}; they go from 00 to {list(known)[-1][:2]}.")
    return {name: ids for name, ids in known.items() if not numbers or name[:2] in numbers}


# ------------------------------------------------------------------ marking


def mark_missing(store: Store, setting: Setting, by_key: Mapping[str, Submission], order: Order) -> None:
    """Mark what the store does not have; each result is kept at once, so a stop loses nothing."""
    missing = {key: one for key, one in by_key.items() if store.load(key) is None}
    there = len(by_key) - len(missing)
    if there:
        click.echo(f"  {there} of {len(by_key)} notebooks are marked already.", err=True)
    if not missing:
        return
    if order.scheduler:
        results = mark_on_cluster(setting, missing, order.scheduler)
    else:
        results = mark_here(setting, missing, min(order.jobs, len(missing)))
    with closing(results):
        for key, marked in told(results, len(missing)):
            store.save(key, marked)


def told(results: Iterator[tuple[str, Marked]], total: int) -> Iterator[tuple[str, Marked]]:
    """The same results, with a line that says how far it is."""
    on_screen = sys.stderr.isatty()
    began = last = time.monotonic()
    held_back = 0
    for done, (key, marked) in enumerate(results, 1):
        yield key, marked
        held_back += any(mark.status != "graded" for mark in marked.marks)
        now = time.monotonic()
        if on_screen or done == total or now - last > EVERY:
            last = now
            left = (now - began) / done * (total - done)
            line = f"  {done} of {total} notebooks marked, {held_back} to be decided, {left:.0f} s left"
            click.echo(f"\r{line:<78}" if on_screen else line, err=True, nl=not on_screen or done == total)


# ------------------------------------------------------------------ what comes of it


def write(
    store: Store,
    order: Order,
    marked: Sequence[Marked],
    students: Sequence[Student] | None,
    names: Mapping[str, Sequence[str]],
) -> Table:
    """Write marks, pages and reports of everything that is marked."""
    asked = {name: asked_in(name) for name in names}
    questions = [question for each in asked.values() for question in each]
    secret = str(store.seed()).encode()
    handed_in = {one.lesson for one in marked}
    tasks = [
        task
        for name, ids in names.items()
        if order.exercises or name in handed_in
        for task in tasks_of(name, ids, asked[name])
    ]
    everyone = [student.id for student in students or ()] + [one.student for one in marked]
    decisions, complaints = decided(store.folder, dict.fromkeys(everyone), questions, secret)
    table = make_table(marked, tasks, students, order.rule, decisions, complaints)
    made_with = outputs.versions(store.contract)
    outputs.write_all(table, store.folder, made_with)
    write_feedback(table, store.folder / "feedback", made_with)
    protection = Sandbox.protection_of(order.sandbox)
    page = report_page(table, marked, similar_pairs(marked), protection, made_with, order.sandbox != "none")
    (store.folder / "report.html").write_text(page, encoding="utf-8")
    of_tasks = [question for question in questions if question.id in {task.id for task in tasks}]
    if of_tasks:
        page = texts.answers_page(table, of_tasks, secret, made_with)
        (store.folder / "answers.html").write_text(page, encoding="utf-8")
        texts.write_sheet(store.folder / SHEET, table, of_tasks, secret)
    return table


def asked_in(name: str) -> list[texts.Question]:
    """The questions of a lesson's exercises that are answered in words."""
    return texts.questions(nbformat.read(ROOT / "exercises" / f"{name}.ipynb", as_version=4))


def tasks_of(name: str, ids: Sequence[str], asked: Sequence[texts.Question]) -> list[Task]:
    """The columns of a lesson: its exercises, then its questions."""
    exercises = [Task(exercise, name, load_exercise(exercise).points) for exercise in ids]
    return [*exercises, *texts.question_tasks(asked, name)]


def decided(
    folder: Path, students: Mapping[str, None], questions: Sequence[texts.Question], secret: bytes
) -> tuple[list[Decision], list[str]]:
    """What the instructor wrote into the two sheets of the folder, and rows that cannot be used."""
    decisions: list[Decision] = []
    complaints: list[str] = []
    if (folder / SHEET).exists():
        found = texts.read_sheet(folder / SHEET, students, questions, secret)
        decisions, complaints = decisions + found[0], complaints + found[1]
    if not (folder / DECISIONS).exists():
        outputs.write_csv(folder / DECISIONS, [marks.COLUMNS])
    found = marks.read_decisions(folder / DECISIONS)
    return decisions + found[0], complaints + found[1]


def say_what_is_done(table: Table, order: Order) -> None:
    """Where the marks are, and what waits for a decision."""
    click.echo(f"Marks of {len(table.students)} students: {order.out / 'marks.csv'}")
    click.echo(f"Report: {order.out / 'report.html'} · a page for each student: {order.out / 'feedback'}")
    waiting = [entry for entry in table.entries.values() if entry.status in marks.UNDECIDED]
    if waiting:
        click.echo(
            f"{len(waiting)} answers wait for you: the report says which, {DECISIONS} takes your decision."
        )
    if order.sandbox == "none":
        click.echo("Marks not protected: submissions ran with your rights (--sandbox none).")


def cores() -> int:
    """How many processes mark at once if nobody says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
