"""The files of a folder or a zip, read with care: nothing is unpacked, followed, waited for or too large."""

import contextlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.reading import LARGEST

LARGEST_ZIP = 2 * 2**30  # bytes that are read out of one zip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # both can be stopped at the limit while they unpack
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, OSError, ValueError)
LINK = "is a symbolic link, which is not followed"


class UnreadError(Exception):
    """A file that is not read; the text says why."""


@dataclass(frozen=True)
class Entry:
    """A file by its path below the root, not read yet.

    `modified` orders files of one root by their time. `fetch` gives its bytes or raises UnreadError.
    `kind` is file, link, folder (one that cannot be listed, or one with a notebook's name) or other.
    """

    parts: tuple[str, ...]
    modified: tuple[float, ...]
    size: int
    fetch: Callable[[], bytes]
    kind: str = "file"

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.parts[-1]


def fails(why: str) -> Callable[[], bytes]:
    """A `fetch` for what is not read."""

    def fetch() -> bytes:
        raise UnreadError(why)

    return fetch


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether a part of the path is hidden, or what macOS puts beside files in a zip."""
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def is_notebook(name: str) -> bool:
    """Whether a file is meant as a notebook; browsers put another ending behind its own."""
    return name.lower().endswith((".ipynb", ".ipynb.txt", ".ipynb.json", ".ipynb.html", ".ipynb.htm"))


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[list[Entry], list[str]]]:
    """The files of a folder or a zip, and names that lead out of it. ValueError if it is neither."""
    if path.is_dir():
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield list(_in_folder(path, root)), []
        finally:
            os.close(root)
        return
    if not path.is_file():
        raise ValueError(f"{path}: there is no such folder or zip")
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise ValueError(f"{path} is neither a folder nor a zip that can be read: {error}") from None
    with archive:
        yield _in_zip(archive)


# ------------------------------------------------------------------ a folder


def _in_folder(path: Path, root: int) -> Iterator[Entry]:
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(path.joinpath(*parts)) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            if not parts:
                raise ValueError(f"{path} cannot be read: {error.strerror}") from None
            yield Entry(parts, (0.0,), 0, fails(f"cannot be opened: {error.strerror}"), "folder")
            continue
        for child in children:
            inner = (*parts, child.name)
            if is_hidden(inner):
                continue
            if child.is_dir(follow_symlinks=False) and not (parts and is_notebook(child.name)):
                waiting.append(inner)
            else:
                yield _entry(child, inner, root)


def _entry(child: os.DirEntry, parts: tuple[str, ...], root: int) -> Entry:
    try:
        found = child.stat(follow_symlinks=False)
    except OSError as error:
        return Entry(parts, (0.0,), 0, fails(f"cannot be opened: {error.strerror}"))
    if stat.S_ISREG(found.st_mode):
        return Entry(parts, (found.st_mtime,), found.st_size, lambda: _read_below(root, parts))
    kind, why = _no_file(found.st_mode)
    return Entry(parts, (found.st_mtime,), 0, fails(why), kind)


def _no_file(mode: int) -> tuple[str, str]:
    if stat.S_ISLNK(mode):
        return "link", LINK
    if stat.S_ISDIR(mode):
        return "folder", "is a folder, not a notebook"
    return "other", "is a pipe or a device, not a file"


def _read_below(root: int, parts: tuple[str, ...]) -> bytes:
    """The bytes of a file; a link is followed nowhere on the way, even if it was put there meanwhile."""
    folder = os.dup(root)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadError("is no longer the file that it was")
            return _limited(file.read(LARGEST + 1))
    except OSError as error:
        raise UnreadError(f"cannot be opened: {error.strerror}") from error
    finally:
        os.close(folder)


def _limited(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise UnreadError(f"has more than {LARGEST:,} bytes: clear its outputs")
    return content


# ------------------------------------------------------------------ a zip


def _in_zip(archive: zipfile.ZipFile) -> tuple[list[Entry], list[str]]:
    budget = [LARGEST_ZIP]
    entries, strange = [], []
    for info in archive.infolist():
        name = _name(info).replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or name[1:3] == ":/":
            strange.append(name)
        elif parts and not is_hidden(parts) and not _is_mere_folder(info, parts):
            entries.append(_zipped(archive, info, parts, budget))
    return entries, strange


def _is_mere_folder(info: zipfile.ZipInfo, parts: tuple[str, ...]) -> bool:
    return info.is_dir() and not (len(parts) > 1 and is_notebook(parts[-1]))


def _name(info: zipfile.ZipInfo) -> str:
    """The name in the encoding that it is in: macOS writes UTF-8 and does not say so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...], budget: list[int]
) -> Entry:
    mode = info.external_attr >> 16
    strange = stat.S_IFMT(mode) not in (0, stat.S_IFREG)
    kind, why = _no_file(mode) if strange else ("file", _why_not(info))
    if info.is_dir():
        kind, why = _no_file(stat.S_IFDIR)
    fetch = fails(why) if why else lambda: _read_zipped(archive, info, budget)
    return Entry(parts, tuple(map(float, info.date_time)), info.file_size, fetch, kind)


def _why_not(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "is locked with a password in the zip"
    if info.compress_type not in METHODS:
        return f"is packed in a way that is not read (method {info.compress_type})"
    if info.file_size > LARGEST:
        return f"has {info.file_size:,} bytes, more than {LARGEST:,}: clear its outputs"
    return ""


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: list[int]) -> bytes:
    if info.file_size > budget[0]:
        raise UnreadError(f"was not read: the zip holds more than {LARGEST_ZIP:,} bytes")
    try:
        with archive.open(info) as file:
            content = file.read(LARGEST + 1)
    except DAMAGED as error:
        raise UnreadError(f"is damaged in the zip: {error}") from error
    budget[0] -= len(content)
    return _limited(content)
