"""What an output folder keeps: the secret seed, and the marks of each submission once they are there."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.records import Marked, Submission


class StoreError(Exception):
    """The output folder cannot be used; the text says why."""


@dataclass(frozen=True)
class Store:
    """The folder of one marking, e.g. of one assignment of one class.

    Marks are kept under a key made of all that they depend on, so a submission or an exercise that changed
    is marked anew and everything else is not.
    """

    folder: Path
    contract: str

    @property
    def kept(self) -> Path:
        """Where marks of single submissions lie."""
        return self.folder / "kept"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and keep a second marking out of it for as long as this one runs."""
        self.kept.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    f"Another marking is at work in {self.folder}. Wait until it is finished."
                ) from None
            yield

    def seed(self) -> int:
        """The secret seed of the folder, drawn once. Whoever knows it can know the inputs of all cases."""
        path = self.folder / "seed"
        if not path.exists():
            write_whole(path, f"{secrets.randbits(63)}\n")
        return int(path.read_text())

    def key(self, submission: Submission) -> str:
        """The name under which the marks of a submission are kept."""
        parts = submission.student, submission.lesson, submission.when, submission.source, submission.problem
        digest = hashlib.sha256(json.dumps([*parts, self.contract, self.seed()]).encode())
        digest.update(submission.content)
        return digest.hexdigest()

    def load(self, key: str) -> Marked | None:
        """The marks under a key, None if there are none."""
        try:
            return Marked.of(json.loads((self.kept / f"{key}.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def save(self, key: str, marked: Marked) -> None:
        """Keep marks under a key: whole, or, if the process ends meanwhile, not at all."""
        write_whole(self.kept / f"{key}.json", json.dumps(marked.plain()))


def write_whole(path: Path, text: str) -> None:
    """Write a file for its owner alone, so that at any moment the whole text is there or none of it."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
