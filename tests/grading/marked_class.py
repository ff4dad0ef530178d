"""A made-up class: marked submissions as the marking would give them, hostile names and texts among them."""

import random
from collections.abc import Sequence

from course_lib.grading.marks import Student, Task
from course_lib.grading.records import FLAGGED, GRADED, REFUSED, Mark, Marked

HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "=HYPERLINK(1)",
    "half \ud800 of a sign, \x00 and \x1b[31m",
    "\u202eright to left",
    "</style></title><svg onload=alert(1)>",
]
WRONG = {
    "upper_left": "Your triangle starts in the upper left corner: the queries are the LAST `n_q` positions.",
    "diagonal": "A query may see its own position too: compare with `<=`, not with `<`.",
    "sign": "The sign is turned round: hidden keys get `-inf`, not `inf`.",
}
CASES = ("one token", "3 queries, 5 keys", "all keys hidden", "a batch of 2", "large scores", "float32")


def student_ids(n: int) -> list[str]:
    """Ids of a class."""
    return [f"s{number:04d}" for number in range(n)]


def roster(n: int) -> list[Student]:
    """A roster of these students."""
    return [Student(name, f"Student {name[1:]}", f"{name}@example.org") for name in student_ids(n)]


def tasks(n_lessons: int, n_exercises: int, texts: bool = False) -> list[Task]:
    """So many exercises in each lesson, and a question in words."""
    found = []
    for lesson in range(1, n_lessons + 1):
        name = f"{lesson:02d}_lesson"
        found += [Task(f"exercise_{lesson}_{i}", name, 1.0 + i % 3) for i in range(n_exercises)]
        found += [Task(f"{lesson:02d}_why", name, 2.0, by_hand=True)] if texts else []
    return found


def mark(task: Task, rng: random.Random) -> Mark:
    """One mark: mostly right or wrong, sometimes a stub, refused or flagged."""
    kind = rng.choices(["right", "wrong", "stub", "refused", "flagged"], [60, 26, 8, 3, 3])[0]
    prints = tuple(sorted(rng.sample(range(2**48), 24)))
    if kind == "refused":
        return Mark(task.id, task.points, REFUSED, message="The answer used more than 2 GB of memory.")
    if kind == "flagged":
        found = ("torch.nn.functional.scaled_dot_product_attention",)
        return Mark(
            task.id, task.points, FLAGGED, message="A name was used that is not allowed.", flags=found
        )
    if kind == "stub":
        said = "Write the body, then hand it in again."
        return Mark(task.id, task.points, GRADED, verdict="not attempted", message=said)
    if kind == "right":
        cases = tuple((name, True) for name in CASES)
        said = "All 6 cases agree, the awkward ones too."
        return Mark(task.id, task.points, GRADED, 1.0, "right", said, None, cases, (), prints)
    good = rng.randrange(len(CASES))
    cases = tuple((name, i < good) for i, name in enumerate(CASES))
    misconception = rng.choice(sorted(WRONG))
    return Mark(
        task.id,
        task.points,
        GRADED,
        good / 6,
        "wrong",
        WRONG[misconception],
        misconception,
        cases,
        (),
        prints,
    )


def marked_class(students: Sequence[str], asked: Sequence[Task], seed: int = 0) -> list[Marked]:
    """A submission of each student for each lesson."""
    rng = random.Random(seed)
    found = []
    for student in students:
        for lesson in dict.fromkeys(task.lesson for task in asked):
            of_lesson = [task for task in asked if task.lesson == lesson]
            marks = tuple(mark(task, rng) for task in of_lesson if not task.by_hand)
            texts = {task.id: "Because the softmax saturates." for task in of_lesson if task.by_hand}
            found.append(submission(student, lesson, marks, texts=texts))
    return found


def submission(student: str, lesson: str, marks: Sequence[Mark], **changes) -> Marked:
    """One marked submission."""
    source = f"submissions/{student}/{lesson}.ipynb"
    parts = {"when": "2026-10-30T10:00:00+00:00", "digest": "0" * 64, "texts": {}, **changes}
    return Marked(student, lesson, source=source, marks=tuple(marks), **parts)
