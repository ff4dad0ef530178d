"""The reader's own work folder: copies of the notebooks, brought up to date, never overwritten.

A manifest in the folder notes which version of each notebook was copied. What the reader left as it was is
replaced when the course has a newer version; what the reader changed stays. Only the text of the cells counts
as a change: a notebook that was run and saved is still as it was. Standard library only.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("notebooks", "exercises", "solutions")
CONTENTS = "notebooks/contents.ipynb"  # shows progress, so it is always made anew
MANIFEST = ".course.json"


class WorkFolderError(Exception):
    """The work folder cannot be used; the message says why and what to do."""


@dataclass
class Update:
    """What bringing a work folder up to date did: paths relative to the folder."""

    copied: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # changed by the reader, and the course has a newer version


def bring_up_to_date(course: Path, home: Path) -> Update:
    """Copy what is new, replace what the reader left untouched, keep what the reader changed.

    `kept` names a notebook once for each new version. Raises WorkFolderError.
    """
    _refuse_course_itself(course, home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        manifest = _read_manifest(home)
        done = Update()
        for name, source in _course_files(course).items():
            _bring(name, source, home / name, manifest, done)
        _write_manifest(home, manifest)
    except OSError as error:
        raise _unusable(home, error) from error
    return done


def reset(course: Path, home: Path, number: str) -> list[tuple[Path, Path | None]]:
    """Bring back the notebooks of one lesson ("02" or "02_softmax") as they are in the course.

    Returns each notebook with the place where the reader's own is kept, None where it was as in the course.
    Raises WorkFolderError for a lesson that the course does not have and for a folder that cannot be written.
    """
    _refuse_course_itself(course, home)
    available = _course_files(course)
    files = {name: path for name, path in available.items() if _belongs(name, number)}
    if not files:
        numbers = {Path(name).name[:2] for name in available}
        listed = ", ".join(sorted(filter(str.isdigit, numbers))) or "none yet"
        raise WorkFolderError(f"There is no lesson {number!r}. The course has: {listed}.")
    try:
        home.mkdir(parents=True, exist_ok=True)
        manifest = _read_manifest(home)
        done = []
        for name, source in files.items():
            done.append((home / name, _set_aside(home / name, source)))
            _copy(source, home / name)
            manifest[name] = {"copied": fingerprint(source)}
        _write_manifest(home, manifest)
    except OSError as error:
        raise _unusable(home, error) from error
    return done


def fingerprint(path: Path) -> str:
    """A hash of what a reader would call the text: the cells of a notebook, the bytes of any other file."""
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(content)["cells"]
            content = json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells]).encode()
        except (ValueError, KeyError, TypeError):
            pass  # not a notebook any more: then every byte counts
    return hashlib.sha256(content).hexdigest()


def _bring(name: str, source: Path, target: Path, manifest: dict, done: Update) -> None:
    """One file: new, untouched, or the reader's."""
    newest = fingerprint(source)
    known = manifest.setdefault(name, {})
    if not target.exists():
        done.copied.append(name)
    elif name == CONTENTS:
        pass
    elif fingerprint(target) == newest:
        known.update(copied=newest)
        return
    elif fingerprint(target) == known.get("copied"):
        done.updated.append(name)
    else:
        if newest not in (known.get("copied"), known.get("told")):
            done.kept.append(name)
            known["told"] = newest
        return
    _copy(source, target)
    manifest[name] = {"copied": newest}


def _course_files(course: Path) -> dict[str, Path]:
    """What is copied: name in the work folder -> file of the course."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((course / folder).rglob("*")):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(course).parts):
                found[path.relative_to(course).as_posix()] = path
    return found


def _belongs(name: str, number: str) -> bool:
    """Whether a file belongs to the lesson with this number or name."""
    stem = Path(name).stem
    if number.isdecimal():
        number, stem = f"{int(number):02}_", stem[:3]
    return name.endswith(".ipynb") and stem == number


def _set_aside(target: Path, source: Path) -> Path | None:
    """Keep the reader's file beside its place, with the time in its name."""
    if not target.exists() or fingerprint(target) == fingerprint(source):
        return None
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    kept = target.with_name(f"{target.stem}.mine-{stamp}{target.suffix}")
    while kept.exists():
        kept = kept.with_name(f"{kept.stem}-again{kept.suffix}")
    target.replace(kept)
    return kept


def _copy(source: Path, target: Path) -> None:
    """Copy in one step: an interrupted copy leaves the old file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".copying-")
    os.close(handle)
    try:
        shutil.copyfile(source, temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _read_manifest(home: Path) -> dict[str, dict]:
    """The notes of the last time; without readable ones every file counts as the reader's."""
    path = home / MANIFEST
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {name: dict(notes) for name, notes in files.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        path.replace(path.with_name(".course.unreadable.json"))
        return {}


def _write_manifest(home: Path, manifest: dict) -> None:
    handle, temporary = tempfile.mkstemp(dir=home, prefix=".course-")
    with open(handle, "w", encoding="utf-8") as file:
        json.dump({"files": manifest}, file, indent=1, sort_keys=True)
    os.replace(temporary, home / MANIFEST)


def _refuse_course_itself(course: Path, home: Path) -> None:
    """The course's own notebooks are not to be worked on: an update would collide with the work."""
    inside = [course.resolve(), *(course.resolve() / folder for folder in FOLDERS)]
    if home.resolve() in inside:
        raise WorkFolderError(f"{home} is the course itself. Choose another folder: --folder DIR")


def _unusable(home: Path, error: OSError) -> WorkFolderError:
    return WorkFolderError(
        f"The work folder {home} cannot be used: {error.strerror or error}. "
        "Free some space or choose another folder: python course.py lab --folder DIR"
    )
