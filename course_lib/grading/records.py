"""What marking is about: a submission, the mark of one exercise, and a submission with its marks."""

from dataclasses import asdict, dataclass

GRADED, REFUSED, FLAGGED = "graded", "refused", "flagged"


@dataclass(frozen=True)
class Submission:
    """One notebook that was handed in, as bytes.

    `student` is the id of the roster, or the name that it came under; `lesson` is e.g. "04_masks";
    `when` is an ISO time with its zone, "" if unknown; `source` says where it came from, for messages.
    `problem` says why it cannot be read; `content` is then empty.
    """

    student: str
    lesson: str
    when: str
    source: str
    content: bytes = b""
    problem: str = ""


@dataclass(frozen=True)
class Mark:
    """What one exercise of a submission is worth.

    `status` is graded, refused (it could not be judged: `message` says why) or flagged (points withheld until
    the instructor decides). `score` is the share of the weighted cases that are right, 0 to 1, and `points`
    what a score of 1 gives. `verdict` is right, wrong, other convention, not attempted or "" (not judged).
    `message` is the tutor's sentence; it never holds an expected value. `cases` are pairs (name, right?).
    `flags` say which forbidden names were used. `fingerprint` holds hashes of the answer's token runs.
    """

    exercise: str
    points: float
    status: str
    score: float = 0.0
    verdict: str = ""
    message: str = ""
    misconception: str | None = None
    cases: tuple[tuple[str, bool], ...] = ()
    flags: tuple[str, ...] = ()
    fingerprint: tuple[int, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Marked:
    """A submission with its marks, one for each exercise of its lesson.

    `digest` is the SHA-256 of its bytes. `problem` says why the whole notebook was refused ("" if not);
    `notes` are remarks on how it was read. `texts` are the free-text answers by the id of their question.
    """

    student: str
    lesson: str
    when: str
    source: str
    digest: str
    marks: tuple[Mark, ...]
    problem: str = ""
    notes: tuple[str, ...] = ()
    texts: dict[str, str] | None = None

    def plain(self) -> dict:
        """As plain data for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict) -> "Marked":
        """From plain data."""
        marks = tuple(
            Mark(
                **{
                    **mark,
                    "cases": tuple((name, ok) for name, ok in mark["cases"]),
                    "flags": tuple(mark["flags"]),
                    "fingerprint": tuple(mark["fingerprint"]),
                }
            )
            for mark in data["marks"]
        )
        return cls(**{**data, "marks": marks, "notes": tuple(data["notes"])})
