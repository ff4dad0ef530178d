"""The instructor's page: how the class did, what is hard and why, and what waits for a decision."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median

from course_lib.checks.spec import exercise_ids, load_exercise, sentence
from course_lib.grading.marks import COLUMNS, MISSING, WAITING, Entry, Student, Table, Task, add_up
from course_lib.grading.naming import file_stem
from course_lib.grading.outputs import Versions, csv_text
from course_lib.grading.pages import count, details, name, number, page, percent, rich, safe, table, tag
from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark, Marked

BINS = 10
Pair = tuple[str, str, str, float]


def report_page(
    marks: Table,
    marked: Sequence[Marked],
    pairs: Sequence[Pair],
    protection: str,
    made_with: Versions,
    is_protected: bool = True,
) -> str:
    """The page. `protection` says what kept submissions in; `pairs` come from `similar.similar_pairs`."""
    parts = [
        "<h1>Marks of the class</h1>",
        protected(protection, is_protected),
        overview(marks),
        complaints(marks),
        section("Distribution", histogram(shares(marks))),
        section("Exercises, the hardest first", exercises(marks)),
        section("Misconceptions", misconceptions(marks)),
        section("Flagged: points held back", flagged(marks, marked)),
        section("Refused: could not be judged", refused(marks, marked)),
        section("Similar answers", similar(marks, pairs)),
        section("Late", late(marks)),
        section("Nothing handed in", absent(marks)),
        section("Students", students(marks)),
    ]
    return page("Marks of the class", "\n".join(part for part in parts if part), made_with)


def section(title: str, inside: str) -> str:
    """A titled card, nothing where there is nothing to say."""
    return f'<h2>{safe(title)}</h2><div class="card">{inside}</div>' if inside else ""


def protected(protection: str, is_protected: bool) -> str:
    """What kept submissions from harming files and marks; loud where nothing did."""
    if is_protected:
        return f'<p class="notice"><strong>Protection in force:</strong> {rich(protection)}</p>'
    said = "Each submission ran as you and could have changed files, these marks among them."
    return f'<p class="notice bad loud"><strong>Marks not protected</strong> {rich(protection)} {said}</p>'


# ------------------------------------------------------------------ the class as a whole


def overview(marks: Table) -> str:
    """The figures that come first."""
    entries = list(marks.entries.values())
    states = Counter(entry.status for entry in entries)
    handed_in = {entry.student for entry in entries if entry.status != MISSING}
    tiles = [
        (f"{len(handed_in)} of {len(marks.students)}", "students handed in"),
        (str(states[GRADED]), "answers graded"),
        (str(states[FLAGGED]), "flagged"),
        (str(states[REFUSED]), "refused"),
        (str(states[WAITING]), "texts to mark"),
    ]
    inside = "".join(
        f'<div><strong>{figure}</strong><span class="soft small">{words}</span></div>'
        for figure, words in tiles
    )
    return f'<div class="tiles">{inside}</div>'


def complaints(marks: Table) -> str:
    """Rows of decisions that were not used, and students that the roster does not know."""
    strangers = [
        f"{name(student)} handed in but is not on the roster." for student in sorted(marks.strangers)
    ]
    lines = "".join(f"<li>{line}</li>" for line in [*map(rich, marks.complaints), *strangers])
    if not lines:
        return ""
    return f'<div class="notice bad"><strong>Please look at these:</strong><ul>{lines}</ul></div>'


def shares(marks: Table) -> list[float]:
    """Points reached of those decided or missing, for each student with something decided."""
    sums = [marks.sums(student.id) for student in marks.students]
    return [one.points / (one.decided + one.missing) for one in sums if one.decided]


def histogram(values: Sequence[float]) -> str:
    """How many students reached which share of the points, as a picture with its numbers."""
    if not values:
        return ""
    bins = Counter(min(int(value * BINS + 1e-9), BINS - 1) for value in values)
    tallest = max(bins.values())
    bars = "".join(bar(place, bins[place], tallest) for place in range(BINS))
    scale = "".join(
        f'<text x="{20 + 68 * i}" y="214" text-anchor="middle">{10 * i} %</text>' for i in range(BINS + 1)
    )
    who, mean = count(len(values), "student"), percent(sum(values) / len(values))
    middle = percent(median(values))
    said = f"Histogram of {who} by their share of the points; the median is {middle}."
    return (
        f'<svg viewBox="0 0 720 222" role="img" aria-label="{said}">'
        f'<line x1="20" x2="700" y1="195.5" y2="195.5"/>{bars}{scale}</svg>'
        f'<p class="soft small">Share of the points, {who}: median {middle}, mean {mean}. Points that are '
        "open are left out. Exercises that were not handed in count with 0 points.</p>"
    )


def bar(place: int, n: int, tallest: int) -> str:
    """One bar of the histogram with its number above."""
    if not n:
        return ""
    height = 165 * n / tallest
    x, y = 23 + 68 * place, 195 - height
    return (
        f'<rect x="{x}" y="{y:.1f}" width="62" height="{height:.1f}" rx="4"/>'
        f'<text class="count" x="{x + 31}" y="{y - 6:.1f}" text-anchor="middle">{n}</text>'
    )


# ------------------------------------------------------------------ exercises and misconceptions


def exercises(marks: Table) -> str:
    """A row an exercise: attempted, right, mean score, what is open."""
    head = [
        ("exercise", ""),
        ("lesson", ""),
        ("attempted", "number"),
        ("right", "number"),
        ("mean", "number"),
        ("open", "number"),
    ]
    rows = [exercise_row(task, marks.column(task.id)) for task in marks.tasks]
    rows.sort(key=lambda row: row[0])
    return table(head, [cells for _, cells in rows], "exercises") if rows else ""


def exercise_row(task: Task, entries: Sequence[Entry]) -> tuple[float, list[str]]:
    """What the rows are sorted by, and the cells of one."""
    tried = [entry for entry in entries if entry.status == GRADED and is_attempted(entry)]
    good = sum(entry.score >= 1 for entry in tried)
    waiting = sum(entry.status not in (GRADED, MISSING) for entry in entries)
    lead = [code(task.id), safe(task.lesson), str(len(tried))]
    if not tried:
        return 2.0, [*lead, "", "", str(waiting or "")]
    mean = sum(entry.score for entry in tried) / len(tried)
    strip = f'<span class="bar"><span style="width:{100 * mean:.0f}%"></span></span>'
    return mean, [*lead, percent(good / len(tried)), f"{strip} {percent(mean)}", str(waiting or "")]


def is_attempted(entry: Entry) -> bool:
    """False for a stub that was handed in as it came, and for an empty answer."""
    return entry.by_instructor or bool(entry.mark and entry.mark.verdict != "not attempted")


def misconceptions(marks: Table) -> str:
    """For each exercise what was misunderstood, the most frequent first, and by whom."""
    found = defaultdict(lambda: defaultdict(list))
    for entry in marks.entries.values():
        if entry.mark and entry.mark.misconception and entry.mark.verdict == "wrong":
            found[entry.task.id][entry.mark.misconception].append(entry)
    by_number = sorted(found.items(), key=lambda item: -sum(len(entries) for entries in item[1].values()))
    return "".join(of_exercise(exercise, kinds) for exercise, kinds in by_number)


def of_exercise(exercise: str, kinds: dict[str, list[Entry]]) -> str:
    """The misconceptions of one exercise, folded."""
    total = sum(len(entries) for entries in kinds.values())
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    inside = "".join(
        f"<p>{tag(count(len(entries), 'student'), 'wrong')} {rich(meaning(exercise, kind, entries))}<br>"
        f'<span class="names small">{names(entry.student for entry in entries)}</span></p>'
        for kind, entries in ordered
    )
    return details(
        f"<code>{safe(exercise)}</code> · {count(total, 'answer')}", f'<div class="inside">{inside}</div>'
    )


def meaning(exercise: str, kind: str, entries: Sequence[Entry]) -> str:
    """The sentence of a misconception: the stored answer's own, else what most students were told."""
    stored = load_exercise(exercise).wrong if exercise in exercise_ids() else ()
    said = [sentence(answer) for answer in stored if answer.__name__ == kind]
    return said[0] if said else Counter(entry.mark.message for entry in entries).most_common(1)[0][0]


def code(text: str) -> str:
    """The name of an exercise or a function."""
    return f"<code>{safe(text)}</code>"


def names(students: Iterable[str]) -> str:
    """A list of students."""
    return ", ".join(name(student) for student in sorted(students))


# ------------------------------------------------------------------ what waits for a decision


def flagged(marks: Table, marked: Sequence[Marked]) -> str:
    """Every forbidden name that was found, in any attempt, and the lines that decide."""
    cells = [
        [name(one.student), code(mark.exercise), flags(mark), name(one.source), now(marks, one, mark)]
        for one in marked
        for mark in one.marks
        if mark.status == FLAGGED
    ]
    if not cells:
        return ""
    head = [("student", ""), ("exercise", ""), ("found", ""), ("file", ""), ("now", "")]
    undecided = [entry for entry in marks.entries.values() if entry.status == FLAGGED]
    return table(head, cells, "flagged answers") + how_to_decide(undecided)


def flags(mark: Mark) -> str:
    """The forbidden names of a mark."""
    return ", ".join(map(code, mark.flags))


def now(marks: Table, one: Marked, mark: Mark) -> str:
    """What the table holds for a flagged answer by now."""
    entry = marks.entries.get((one.student, mark.exercise))
    if entry is None or entry.points is None:
        return tag("held back", "open")
    return safe(f"{number(entry.points)} of {number(entry.task.points)}")


def how_to_decide(entries: Sequence[Entry]) -> str:
    """Lines for the file of decisions, ready to be copied."""
    if not entries:
        return ""
    rows = [[entry.student, entry.task.id, None, None] for entry in entries]
    lines = csv_text([COLUMNS, *rows])
    return (
        "<p>To decide, copy these lines into <code>decisions.csv</code>, write the points, and run the "
        "command again. The same file answers appeals.</p>"
        + details("lines to copy", f"<pre>{safe(lines)}</pre>")
    )


def refused(marks: Table, marked: Sequence[Marked]) -> str:
    """Each file or exercise that could not be judged, with its cause."""
    whole = [[name(one.student), name(one.source), "all", rich(one.problem)] for one in marked if one.problem]
    parts = [
        [name(one.student), name(one.source), code(mark.exercise), rich(mark.message)]
        for one in marked
        if not one.problem
        for mark in one.marks
        if mark.status == REFUSED
    ]
    head = [("student", ""), ("file", ""), ("exercise", ""), ("cause", "")]
    undecided = [entry for entry in marks.entries.values() if entry.status == REFUSED]
    if not whole + parts:
        return ""
    return table(head, whole + parts, "refused answers") + how_to_decide(undecided)


# ------------------------------------------------------------------ pairs, lateness, students


def similar(marks: Table, pairs: Sequence[Pair]) -> str:
    """Pairs of students with the exercises in which they resemble each other."""
    if not pairs:
        return ""
    by_students = groupby(sorted(pairs, key=lambda pair: pair[1:3]), key=lambda pair: pair[1:3])
    groups = sorted(((who, list(group)) for who, group in by_students), key=lambda item: -len(item[1]))
    rows = [
        [
            f"{name(one)} and {name(other)}",
            str(len(group)),
            ", ".join(f"<code>{safe(pair[0])}</code> {percent(pair[3])}" for pair in group),
        ]
        for (one, other), group in groups
    ]
    head = [("students", ""), ("exercises", "number"), ("how much of the shorter answer", "")]
    said = "Likeness is a reason to read both, no proof. Own names and comments do not count."
    return f'<p class="soft">{said}</p>' + table(head, rows, "similar answers")


def late(marks: Table) -> str:
    """Who was late, with how much."""
    found = sorted(
        {
            (entry.student, entry.task.lesson, entry.days_late)
            for entry in marks.entries.values()
            if entry.days_late
        }
    )
    if not found:
        return ""
    head = [("student", ""), ("lesson", ""), ("begun days", "number"), ("points kept", "number")]
    rows = [
        [name(who), safe(lesson), str(days), percent(marks.rule.kept(days))] for who, lesson, days in found
    ]
    return table(head, rows, "late submissions")


def absent(marks: Table) -> str:
    """For each lesson who handed in nothing."""
    found = defaultdict(set)
    for entry in marks.entries.values():
        if entry.status == MISSING:
            found[entry.task.lesson].add(entry.student)
    return "".join(
        details(
            f"{safe(lesson)} · {count(len(who), 'student')}", f'<div class="inside names">{names(who)}</div>'
        )
        for lesson, who in sorted(found.items())
    )


def students(marks: Table) -> str:
    """A row a student with the sums, and the page of each."""
    head = [
        ("student", ""),
        ("id", ""),
        ("points", "number"),
        ("of", "number"),
        ("open", "number"),
        ("missing", "number"),
    ]
    return details(
        f"all {len(marks.students)}",
        table(head, [student_row(marks, one) for one in marks.students], "students"),
        is_open=True,
    )


def student_row(marks: Table, student: Student) -> list[str]:
    """The cells of one student; the link leads to the feedback page beside the report."""
    sums = add_up(marks.row(student.id))
    link = f'<a href="feedback/{file_stem(student.id)}.html">{name(student.name or student.id)}</a>'
    figures = [number(sums.points), number(sums.decided), number(sums.undecided), number(sums.missing)]
    return [
        link,
        name(student.id),
        *figures[:2],
        *(figure if figure != "0" else "" for figure in figures[2:]),
    ]
