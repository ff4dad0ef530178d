"""`course release`: the course as learners get it, without answers, and the exercises for nbgrader."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from course_lib.grading.assignments import write_assignments
from course_lib.grading.withhold import without_answers

BUNDLE = "attention-course"
STAMP = "release.txt"  # says that the folder is ours, so that it may be made anew
FILES = (
    *("course.py", "pyproject.toml", "constraints.txt", "environment.yml"),
    *("LICENSE", "LICENSE-text", "CITATION.cff", "CHANGELOG.md", "THIRD_PARTY.md"),
)
FOLDERS = ("course_lib", "notebooks", "exercises")
LEFT_OUT = ("course_lib/grading",)
SPECS = "course_lib/checks/specs"
INSTRUCTOR_COMMANDS = ("test", "build", "bench", "grade", "release")
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same files give the same zip

README = """# Attention, from one dot product to the Transformer

A textbook in Jupyter notebooks, as your instructor handed it out. You need Python 3.11 or newer and, for the
first start, the network and 3 GB of free disk.

    python course.py lab

makes a private environment, a work folder of your own (`~/attention-course`) and opens the contents page.

| what | how |
|---|---|
| Is my function right? | `check(softmax)` |
| I am stuck | `hint("softmax")`, three levels |
| What have I done? | `progress()` in a notebook, or `python course.py progress` |
| Start a notebook afresh | `python course.py reset 02`; your old one is kept beside it |
| Something is wrong | `python course.py doctor` |

Hand in the notebooks of the folder `exercises` in your work folder. Solutions are not part of this copy.
Licences: LICENSE, THIRD_PARTY.md.
"""


class ReleaseError(Exception):
    """The release cannot be made; the message says why and what to do."""


def release(root: Path, out: Path, lessons: list[str]) -> list[str]:
    """Make the bundle, its zip and the nbgrader folder in `out`; lines that say what was made.

    `lessons` chooses the nbgrader assignments, all when empty; the bundle always holds the whole course.
    What nbgrader or the instructor put beside `nbgrader/source` stays. Raises ReleaseError.
    """
    claim(root, out)
    bundle = out / BUNDLE
    if bundle.exists():
        shutil.rmtree(bundle)
    write_bundle(root, bundle)
    archive = pack(bundle)
    try:
        names = write_assignments(root, out / "nbgrader", lessons)
    except ValueError as error:
        raise ReleaseError(str(error)) from error
    return [
        f"{bundle}: the course without solutions, for learners",
        f"{archive}: the same in one file ({archive.stat().st_size / 1e6:.1f} MB)",
        f"{out / 'nbgrader'}: {len(names)} assignments for nbgrader ({names[0]} to {names[-1]})",
    ]


def claim(root: Path, out: Path) -> None:
    """Make the folder, or refuse one that holds other things."""
    for folder in FOLDERS:
        if out.resolve().is_relative_to((root / folder).resolve()):
            raise ReleaseError(f"{out} lies in {folder}/, which goes into the release. Choose another --out.")
    stamp = out / STAMP
    if out.exists() and not stamp.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ReleaseError(f"{out} holds something that is no release. Choose another --out.")
    out.mkdir(parents=True, exist_ok=True)
    stamp.write_text("Made by `python course.py release`, and made anew at the next one.\n", encoding="utf-8")


def write_bundle(root: Path, bundle: Path) -> None:
    """Copy what a learner needs, rewritten where it would hold an answer."""
    for name in released_files(root):
        target = bundle / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (root / name).read_bytes()
        target.write_bytes(for_learners(name, content))
    (bundle / "README.md").write_text(README, encoding="utf-8")


def released_files(root: Path) -> Iterator[str]:
    """The files of the bundle, relative to the course."""
    yield from FILES
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            hidden = any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))
            if path.is_file() and not hidden and not name.startswith(LEFT_OUT):
                yield name


def for_learners(name: str, content: bytes) -> bytes:
    """The content of one file as learners get it."""
    if name == "course.py":
        return without_commands(content.decode()).encode()
    if re.fullmatch(rf"{SPECS}/\d\d_\w+\.py", name):
        return without_answers(content.decode()).encode()
    if name.startswith("exercises/"):
        return re.sub(r" · \[Solutions\]\(\.\./solutions/\w+\.ipynb\)", "", content.decode()).encode()
    return content


def without_commands(text: str) -> str:
    """course.py without the commands whose folders are not in the bundle."""
    names = "|".join(INSTRUCTOR_COMMANDS)
    return re.sub(rf'^    "(?:{names})": ".*",\n', "", text, flags=re.MULTILINE)


def pack(bundle: Path) -> Path:
    """The bundle as a zip beside it, its files in one folder."""
    archive = bundle.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(bundle.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(bundle.parent).as_posix(), ZIP_TIME)
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive
