"""What was handed in: a folder, a zip of it, or the zip of a learning platform, as a list of submissions.

Layouts, by what lies in them:
- `<student>/NN_name.ipynb` or `<student>/<ISO time>/NN_name.ipynb`, in any folders around them.
- nbgrader: `submitted/<student>/<assignment>/NN_name.ipynb` beside a `timestamp.txt`. Its exchange writes
  that file on the student's side (nbgrader, exchange/default/submit.py).
- Canvas, "Download submissions": `lastfirst[_LATE]_<user>_<file>_<name of the file>`, or, without names,
  `[LATE_]anon_<code>_<file>_<name of the file>` (canvas-lms, lib/content_zipper.rb). It names no time.
- Moodle, "Download all submissions": a folder `<full name>_<number>_assignsubmission_file_`, in newer
  versions without the last underscore, or the same in front of each file's name (moodle,
  mod/assign/classes/downloader.php). It names no time either.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_lib.grading import marking
from course_lib.grading.files import Entry, UnreadError, is_notebook, opened
from course_lib.grading.marks import Student
from course_lib.grading.reading import ReadingError, code_of
from course_lib.grading.records import Submission
from course_lib.grading.roster import CANVAS, MOODLE, Owner, match, plain, visible

MOST_BYTES = 200 * 2**20  # that are read from one student
MOST_FILES = 500  # notebooks that are looked at from one student
IN_CANVAS = re.compile(r"(.+?)(_LATE)?_(\d+)_(\d+)_(.+)", re.DOTALL)
ANONYMOUS = re.compile(r"(LATE_)?(anon_[A-Za-z0-9]+)_(\d+)_(.+)", re.DOTALL)
IN_MOODLE = re.compile(r"([^_]+)_(\d+)_assignsubmission_file_?(.*)", re.DOTALL)
TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T _](\d\d)[-:.]?(\d\d)(?:[-:.]?(\d\d)(?:\.\d+)?)?\s?(Z|UTC|[+-]\d\d:?(?:\d\d)?)?"
)
START = re.compile(r"""^[^#\n]*\bstart\(\s*["'](\w+)["']""", re.MULTILINE)
STARTS = re.compile(rb"""start\(\s*\\?["'](\w+)""")
DEFINED = re.compile(r"^(?:async )?(?:def|class)\s+(\w+)", re.MULTILINE)
OF_COURSE = {"source", "release", "autograded", "feedback"}  # beside `submitted` in a course of nbgrader
LESSON = re.compile(r"\d\d_[a-z_]+")  # a folder of that name is no student's
STAMP, OF_NBGRADER = "timestamp.txt", ("timestamp.txt", "submission_secret.txt")
SHOWN = 5  # names in a remark


@dataclass(frozen=True)
class Collected:
    """What was handed in, and what the instructor should know about it."""

    submissions: list[Submission]
    remarks: list[str]


@dataclass(frozen=True)
class Handed:
    """A file with its owner and its path below the owner's folder."""

    entry: Entry
    owner: Owner
    rest: tuple[str, ...]
    late: bool = False


@dataclass(frozen=True)
class Attempt:
    """A submission, and what decides which of several counts."""

    submission: Submission
    label: str
    order: tuple


def collect(
    path: Path, students: Sequence[Student] | None, lessons: Mapping[str, Sequence[str]]
) -> Collected:
    """The submissions for these lessons in a folder or a zip; `students` is the roster if there is one.

    Notebooks of other lessons of the course are left out. ValueError if `path` is neither folder nor zip.
    """
    with opened(Path(path)) as (entries, strange):
        remarks = some("left out, as their names lead out of the zip", strange)
        entries = below_wrapping(entries, students)
        handed = [owned(entry) for entry in entries]
        files = [one for one in handed if is_meant(one)]
        others = [one for one in handed if not is_meant(one) and one.rest[-1] not in OF_NBGRADER]
        remarks += [recognised(path, files, handed)]
        remarks += some("left out, no notebooks", [shown(one) for one in others])
        ids, unknown = match({one.owner for one in files if one.owner.name}, students)
        reader = Reader(lessons, ids, stamps(handed))
        attempts = reader.attempts(files)
    kept, doubled = newest(attempts)
    late = [shown(one) for one in files if one.late]
    remarks += some("late, says Canvas, and not how late; they count as in time", late)
    return Collected(kept, [*remarks, *unknown, *reader.remarks(), *doubled])


def some(what: str, names: Collection[str]) -> list[str]:
    """A remark on some names, of many only the first ones; none if there are none."""
    if not names:
        return []
    listed = ", ".join(visible(name) for name in list(names)[:SHOWN])
    return [f"{len(names)} {what}: {listed}{' ...' if len(names) > SHOWN else ''}"]


def shown(one: Handed) -> str:
    """The path of a file for a message."""
    return visible("/".join(one.entry.parts))


# ------------------------------------------------------------------ whose it is


def below_wrapping(entries: list[Entry], students: Sequence[Student] | None) -> list[Entry]:
    """The same files without the folders around those of the students."""
    names = {plain(name) for one in students or () for name in (one.id, one.name, one.email)}
    while True:
        if any(len(entry.parts) == 1 and is_notebook(entry.name) for entry in entries):
            return entries
        tops = {entry.parts[0] for entry in entries if len(entry.parts) > 1}
        if "submitted" in tops and tops & OF_COURSE:
            entries = [entry for entry in entries if entry.parts[0] == "submitted" and len(entry.parts) > 1]
        elif len(tops) != 1 or not is_wrapping(tops.pop(), entries, names):
            return entries
        entries = [
            Entry(entry.parts[1:], entry.modified, entry.size, entry.fetch, entry.kind)
            for entry in entries
            if len(entry.parts) > 1
        ]


def is_wrapping(top: str, entries: Iterable[Entry], names: Collection[str]) -> bool:
    """Whether the only folder `top` is not that of a student."""
    below = [entry.parts[1:] for entry in entries if len(entry.parts) > 1]
    if IN_MOODLE.fullmatch(top) or plain(top) in names:
        return False
    if any(is_of_platform(parts) for parts in below):
        return True
    notebooks = [parts for parts in below if is_notebook(parts[-1])]
    if any(len(parts) == 1 or time_in(parts[0]) or LESSON.fullmatch(parts[0]) for parts in notebooks):
        return False
    return not any(parts[1:] == (STAMP,) for parts in below)


def is_of_platform(parts: tuple[str, ...]) -> bool:
    """Whether the first part of a path was written by Canvas or Moodle."""
    name = parts[0]
    if len(parts) > 1:
        return bool(IN_MOODLE.fullmatch(name))
    return any(pattern.fullmatch(name) for pattern in (IN_MOODLE, ANONYMOUS, IN_CANVAS))


def owned(entry: Entry) -> Handed:
    """A file with its owner; one that lies in nobody's folder has an owner without a name."""
    first, rest = entry.parts[0], entry.parts[1:]
    found = IN_MOODLE.fullmatch(first)
    if found and bool(rest) != bool(found[3]):
        return Handed(entry, Owner(found[1], found[2], MOODLE), rest or (found[3],))
    if rest:
        return Handed(entry, Owner(first), rest)
    if found := ANONYMOUS.fullmatch(first):
        return Handed(entry, Owner(found[2], "", CANVAS), (found[4],), bool(found[1]))
    if found := IN_CANVAS.fullmatch(first):
        return Handed(entry, Owner(found[1], found[3], CANVAS), (found[5],), bool(found[2]))
    is_folder = entry.kind in ("folder", "link") and not is_notebook(first)
    return Handed(entry, Owner(first if is_folder else ""), (first,))


def is_meant(one: Handed) -> bool:
    """Whether a file is meant as a submission: also a link or a closed folder where one should be."""
    instead = one.entry.kind in ("link", "folder") and len(one.rest) == 1
    return is_notebook(one.rest[-1]) or instead


def recognised(path: Path, files: Sequence[Handed], handed: Iterable[Handed]) -> str:
    """A remark that says what the folder or zip was taken for."""
    if not files:
        return f"{visible(path.name)}: no notebook in it"
    system = Counter(one.owner.system for one in files).most_common(1)[0][0]
    kind = f"a download from {system}" if system else "a folder for each student"
    if not system and any(len(one.rest) == 2 and one.rest[1] == STAMP for one in handed):
        kind = "submissions collected by nbgrader"
    owners = {one.owner for one in files if one.owner.name}
    return f"{visible(path.name)}: {kind}; notebooks: {len(files)}, students: {len(owners)}"


# ------------------------------------------------------------------ when


def time_in(text: str) -> re.Match | None:
    """A time in a folder's name or in a time stamp, with or without colons."""
    return TIME.fullmatch(text.strip())


def iso(text: str) -> str:
    """A time as ISO with its zone; "" if it names no zone or is no time."""
    found = time_in(text)
    if not found or not found[5]:
        return ""
    zone = found[5].replace("UTC", "Z")
    try:
        return datetime.fromisoformat(
            f"{found[1]}T{found[2]}:{found[3]}:{found[4] or '00'}{zone}"
        ).isoformat()
    except ValueError:
        return ""


def stamps(handed: Iterable[Handed]) -> dict[tuple[Owner, str], str]:
    """The time stamps of nbgrader by the student and the assignment's folder."""
    found = {}
    for one in handed:
        if one.rest[1:] == (STAMP,) and not one.owner.system and one.entry.size < 200:
            try:
                text = one.entry.fetch()[:200].decode("utf-8", "replace").strip()
            except UnreadError:
                continue
            found[one.owner, one.rest[0]] = text
    return found


# ------------------------------------------------------------------ which lesson, and its bytes


class Reader:
    """Reads the notebooks of a class, and takes down what is strange about them."""

    def __init__(
        self,
        lessons: Mapping[str, Sequence[str]],
        ids: Mapping[Owner, str],
        stamps: Mapping[tuple[Owner, str], str],
    ):
        self.lessons, self.ids, self.stamps = lessons, ids, stamps
        self.known = {**marking.lessons(), **lessons}
        self.spent: Counter[Owner] = Counter()
        self.seen: Counter[Owner] = Counter()
        self.noted: dict[str, list[str]] = defaultdict(list)

    def attempts(self, files: Iterable[Handed]) -> list[Attempt]:
        """The submissions among the files. Small files come first: a bomb leaves the others their share."""
        attempts = []
        for one in sorted(files, key=lambda one: (one.entry.size, one.entry.parts)):
            self.seen[one.owner] += 1
            if self.seen[one.owner] > MOST_FILES:
                self.noted[f"not looked at, more than {MOST_FILES} notebooks of one student"].append(
                    shown(one)
                )
                continue
            attempt = self.attempt(one)
            if not attempt.submission.lesson or attempt.submission.lesson in self.lessons:
                attempts.append(attempt)
            else:
                self.noted["left out, notebooks of other lessons"].append(shown(one))
        return attempts

    def attempt(self, one: Handed) -> Attempt:
        """A file as a submission."""
        content, problem = b"", ""
        try:
            content = self.read(one)
        except UnreadError as error:
            problem = str(error)
        lesson = "" if not one.owner.name else self.lesson(one, content)
        if not one.owner.name:
            problem = "lies in no student's folder"
        elif not lesson and not problem:
            problem = self.unknown(content)
        label, when = self.time(one)
        student = self.ids.get(one.owner) or visible(one.rest[-1])
        submission = Submission(student, lesson, when, shown(one), b"" if problem else content, problem)
        return Attempt(submission, label, (one.entry.modified, natural(one.entry.parts)))

    def read(self, one: Handed) -> bytes:
        """The bytes of a file, within what a student may take."""
        if self.spent[one.owner] + one.entry.size > MOST_BYTES:
            raise UnreadError(f"was not read: the student's files have more than {MOST_BYTES:,} bytes")
        content = one.entry.fetch()
        self.spent[one.owner] += len(content)
        return content

    def time(self, one: Handed) -> tuple[str, str]:
        """What tells attempts apart, and the ISO time."""
        text = one.rest[0] if len(one.rest) > 1 and time_in(one.rest[0]) else ""
        if not text and len(one.rest) > 1:
            text = self.stamps.get((one.owner, one.rest[0]), "")
        when = iso(text)
        if text and not when:
            self.noted["times that name no zone or are none; they count as in time"].append(text)
        return when or text, when

    def lesson(self, one: Handed, content: bytes) -> str:
        """The lesson of a notebook: by its name, else by what it holds, else by the folder it lies in.

        If it starts another lesson than its name says, the one whose functions it defines counts.
        """
        named = self.in_name(one.rest[-1])
        started = {found.decode("ascii", "replace") for found in STARTS.findall(content)} & set(self.known)
        if named and started <= {named}:
            return named
        found = self.in_cells(content)
        if named and found and found != named:
            self.noted["named after one lesson, but they hold another one, which counts"].append(shown(one))
        return found or named or next(filter(None, map(self.in_name, one.rest[:-1])), "")

    def in_name(self, name: str) -> str:
        """The only lesson that a file name holds: of "Ada 04_MASKS-Copy1 (2).ipynb" 04_masks."""
        lower = re.sub(r"[\s-]", "_", name.lower())
        found = [
            lesson for lesson in self.known if re.search(rf"(?<![a-z0-9]){re.escape(lesson)}(?![a-z])", lower)
        ]
        return found[0] if len(found) == 1 else ""

    def in_cells(self, content: bytes) -> str:
        """The lesson whose functions the code cells define most, of equal ones that which they start."""
        try:
            cells = code_of(content)
        except ReadingError:
            return ""
        text = "\n".join(cells)
        started, defined = set(START.findall(text)), set(DEFINED.findall(text))
        score = {name: (len(defined & set(ids)), name in started) for name, ids in self.known.items()}
        best = max(score, key=score.get)
        alone = list(score.values()).count(score[best]) == 1
        return best if alone and any(score[best]) else ""

    def unknown(self, content: bytes) -> str:
        """Why the lesson of a notebook is not known."""
        try:
            code_of(content)
        except ReadingError as error:
            return f"{error}; nor does its name say which lesson it is of"
        return "neither its name nor its cells say which lesson it is of: call it NN_name.ipynb"

    def remarks(self) -> list[str]:
        """What was strange."""
        return [remark for what, names in self.noted.items() for remark in some(what, names)]


def natural(parts: Sequence[str]) -> tuple:
    """A path as a key of order in which 2 comes before 10."""
    pieces = re.split(r"(\d+)", "/".join(parts))
    return tuple((piece.zfill(20) if piece.isdigit() else piece) for piece in pieces)


def newest(attempts: Iterable[Attempt]) -> tuple[list[Submission], list[str]]:
    """Of several files of one student, lesson and time the newest, with a remark; the earliest time first."""
    groups: dict[tuple[str, str, str], list[Attempt]] = defaultdict(list)
    kept, remarks = [], []
    for one in attempts:
        if one.submission.lesson:
            groups[one.submission.student, one.submission.lesson, one.label].append(one)
        else:
            kept.append(one)
    for group in groups.values():
        *older, last = sorted(group, key=lambda one: one.order)
        kept.append(last)
        if older:
            names = ", ".join(one.submission.source for one in older)
            remarks.append(f"{last.submission.source} counts as the newest; not used: {names}")
    kept.sort(key=lambda one: (one.submission.student, one.submission.lesson, one.label, one.order))
    return [one.submission for one in kept], remarks
