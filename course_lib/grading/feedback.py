"""One page a student: points, what the tutor says, which cases are right. Never an expected value."""

from collections.abc import Sequence
from pathlib import Path

from course_lib.grading.marks import Entry, Student, Sums, Table, add_up
from course_lib.grading.naming import file_stem
from course_lib.grading.outputs import Versions, by_lesson
from course_lib.grading.pages import count, details, name, number, page, percent, rich, safe, tag
from course_lib.grading.records import FLAGGED, GRADED
from course_lib.grading.wording import SAID, clock

VERDICTS = {"right": "right", "wrong": "wrong", "other convention": "key", "not attempted": ""}
STATES = {"refused": "bad", "flagged": "open", "waiting": "open", "missing": ""}


def write_feedback(table: Table, folder: Path, made_with: Versions) -> None:
    """Write the page of each student, named after the id."""
    folder.mkdir(parents=True, exist_ok=True)
    for student in table.students:
        text = feedback_page(table, student, made_with)
        (folder / f"{file_stem(student.id)}.html").write_text(text, encoding="utf-8")


def feedback_page(table: Table, student: Student, made_with: Versions) -> str:
    """The page of one student."""
    sums = table.sums(student.id)
    parts = [f"<h1>{name(student.name or student.id)}</h1>", summary(table, student, sums)]
    for lesson, entries in by_lesson(table, student.id).items():
        parts.append(f"<h2>{safe(lesson_title(lesson))} {lesson_points(entries)}</h2>")
        parts += [card(entry, table) for entry in entries]
    return page(f"Marks of {student.name or student.id}", "\n".join(parts), made_with)


def lesson_title(lesson: str) -> str:
    """ "04_masks" -> "Lesson 04: masks"."""
    digits, _, words = lesson.partition("_")
    return f"Lesson {digits}: {words.replace('_', ' ')}" if digits.isdigit() and words else lesson


def lesson_points(entries: Sequence[Entry]) -> str:
    """The points of a lesson, beside its title."""
    sums = add_up(entries)
    possible = sums.decided + sums.undecided + sums.missing
    return f'<span class="points small">{number(sums.points)} of {number(possible)}</span>'


def summary(table: Table, student: Student, sums: Sums) -> str:
    """The points of all lessons with a bar, and what is still open."""
    possible = sums.decided + sums.undecided + sums.missing
    who = " · ".join(safe(part) for part in (student.id, student.email) if part and part != student.name)
    reached = f'<strong class="sum">{number(sums.points)}</strong> of {number(possible)} points'
    lines = [
        f'<p class="soft">{who}</p>',
        f'<p class="points">{reached}</p>',
        meter(sums, possible),
    ]
    if sums.undecided:
        said = f"{number(sums.undecided)} points are open. They are no zeros: each exercise below says why."
        lines.append(f'<p class="notice open">{said}</p>')
    if table.rule.deadline:
        lines.append(f'<p class="soft small">{deadline(table)}</p>')
    return f'<div class="card">{"".join(lines)}</div>'


def meter(sums: Sums, possible: float) -> str:
    """A bar of the points reached and, hatched, of those that are open."""
    if not possible:
        return ""
    done, held = 100 * sums.points / possible, 100 * sums.undecided / possible
    said = f"{number(sums.points)} of {number(possible)} points, {number(sums.undecided)} open"
    return (
        f'<div class="meter" role="img" aria-label="{said}"><span style="width:{done:.1f}%"></span>'
        f'<span class="held" style="width:{held:.1f}%"></span></div>'
    )


def deadline(table: Table) -> str:
    """The rule of the class, in words."""
    end = safe(clock(table.rule.deadline.isoformat()))
    loss = table.rule.per_day
    return f"Deadline: {end}." + (
        f" Each begun day after it takes {percent(loss)} of the points." if loss else ""
    )


def card(entry: Entry, table: Table) -> str:
    """One exercise or question."""
    possible = number(entry.task.points)
    is_open = entry.points is None
    points = f"open ({possible})" if is_open else f"<strong>{number(entry.points)}</strong> of {possible}"
    title = f"<h3>{safe(entry.task.id)} {badge(entry)}</h3>"
    top = f'<div class="top">{title}<p class="points">{points}</p></div>'
    parts = [top, *remarks(entry, table), cases(entry)]
    return f'<section class="card">{"".join(part for part in parts if part)}</section>'


def badge(entry: Entry) -> str:
    """The verdict, or the status where there is none."""
    if entry.by_instructor:
        return tag("decided by the instructor", "key")
    if entry.status != GRADED:
        return tag(entry.status, STATES[entry.status])
    verdict = entry.mark.verdict if entry.mark else "not attempted"
    return tag(verdict, VERDICTS.get(verdict, ""))


def remarks(entry: Entry, table: Table) -> list[str]:
    """Paragraphs: why it is open, what the tutor says, what was found, lateness, attempts, comment."""
    open_for = "" if entry.status == GRADED else SAID[entry.status] + "."
    message = entry.mark.message if entry.mark else entry.note
    lines = [f"<p>{rich(text)}</p>" for text in (open_for, message, found(entry)) if text]
    facts = [late(entry, table), attempt(entry, table)]
    if any(facts):
        lines.append(f'<p class="soft small">{" ".join(fact for fact in facts if fact)}</p>')
    if entry.comment:
        lines.append(f'<p class="notice"><strong>Comment:</strong> {rich(entry.comment)}</p>')
    if entry.answer:
        lines.append(details("your answer", f'<pre class="words">{safe(entry.answer)}</pre>'))
    return lines


def found(entry: Entry) -> str:
    """What was used that the exercise does not allow."""
    if entry.status != FLAGGED or not entry.mark:
        return ""
    return f"What was found: {', '.join(f'`{flag}`' for flag in entry.mark.flags)}."


def late(entry: Entry, table: Table) -> str:
    """How late it came and what is left of the points; "" if it was in time or has no points yet."""
    if not entry.days_late or entry.points is None:
        return ""
    days = count(entry.days_late, "day")
    if entry.by_instructor and not entry.task.by_hand:
        return f"Handed in {days} late; the instructor's points are final."
    return f"Handed in {days} late: {percent(table.rule.kept(entry.days_late))} of the points are kept."


def attempt(entry: Entry, table: Table) -> str:
    """Which of several attempts counts; "" if there is one."""
    if entry.attempts < 2:
        return ""
    rule = "last" if entry.task.by_hand else table.rule.attempts
    if rule == "mean":
        return f"Of {entry.attempts} attempts the mean counts; shown is attempt {entry.attempt}."
    when = f", handed in on {safe(clock(entry.when))}" if clock(entry.when) else ""
    return f"Of {entry.attempts} attempts the {rule} one counts: attempt {entry.attempt}{when}."


def cases(entry: Entry) -> str:
    """The cases by name, right or wrong; open where one is wrong."""
    listed = entry.mark.cases if entry.mark and entry.status == GRADED else ()
    if not listed:
        return ""
    good = sum(ok for _, ok in listed)
    lines = "".join(f"<li>{sign(ok)}{safe(case)}</li>" for case, ok in listed)
    return details(
        f"{good} of {len(listed)} cases right", f'<ul class="cases">{lines}</ul>', good < len(listed)
    )


def sign(ok: bool) -> str:
    """A mark that a screen reader reads as a word."""
    kind, shape = ("right", "✓") if ok else ("wrong", "✗")
    return f'<span class="sign {kind}" role="img" aria-label="{kind}: ">{shape}</span>'
