"""`course doctor`: what is there and what is missing, in plain words.

Standard library only, and it imports nothing that does: it has to explain an environment that is broken.
"""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib import journal, machine
from course_lib.data import archives

GOOD, NOTE, BAD = "ok", "--", "!!"  # fine; missing but not needed to start; has to be mended
PORT = 8888
SITE_PACKAGES = ("lib/python*/site-packages", "Lib/site-packages")
LAB = "python course.py lab"
STATES = {
    "ready": (GOOD, "complete and up to date"),
    "absent": (BAD, f"not made yet. Run: {LAB}"),
    "unfinished": (BAD, f"an earlier set-up was interrupted. {LAB} makes it anew"),
    "outdated": (NOTE, f"the course is newer than the environment. {LAB} brings it up to date"),
    "broken": (BAD, f"its Python is gone, or the folder was moved. {LAB} makes it anew"),
    "foreign": (NOTE, f"this .venv was not made by the course. {LAB} tries to use it"),
}


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    mark: str
    subject: str
    words: str


def report(root: Path, venv: Path, python: Path, state: str) -> int:
    """Print the findings; the result is 0 when nothing has to be mended, else 1."""
    findings = list(examine(root, venv, python, state))
    for finding in findings:
        print(f"{finding.mark}  {finding.subject:<13} {finding.words}", flush=True)
    bad = [finding.subject for finding in findings if finding.mark == BAD]
    print(f"\nTo be mended: {', '.join(bad)}." if bad else "\nEverything that is needed is there.")
    return 1 if bad else 0


def examine(root: Path, venv: Path, python: Path, state: str) -> Iterator[Finding]:
    """The findings, one after the other."""
    yield Finding(GOOD, "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _folder(root)
    yield Finding(STATES[state][0], "environment", STATES[state][1])
    if state != "absent":
        yield from _environment(root, venv, python)
    yield _installer()
    yield _chromium()
    yield _bubblewrap()
    for archive in archives.ARCHIVES:
        yield _archive(archive)
    yield _work_folder()
    yield _port()


def _folder(root: Path) -> Finding:
    free = shutil.disk_usage(root).free / 1e9
    if not os.access(root, os.W_OK):
        return Finding(BAD, "course folder", f"{root} cannot be written: move it to a folder of your own")
    if free < 3:
        return Finding(NOTE, "course folder", f"only {free:.1f} GB are free; an environment takes about 3")
    return Finding(GOOD, "course folder", f"{root}, {free:.0f} GB free")


def _environment(root: Path, venv: Path, python: Path) -> Iterator[Finding]:
    packages = installed(venv)
    yield _torch(packages)
    yield _large(packages)
    yield _versions(root, packages)
    yield _imports(python)


def installed(venv: Path) -> dict[str, str]:
    """The packages of an environment by name, read from its files: its Python need not work."""
    folders = [str(path) for each in SITE_PACKAGES for path in venv.glob(each)]
    found = importlib.metadata.distributions(path=folders) if folders else []
    return {normal(each.metadata["Name"]): each.version for each in found if each.metadata["Name"]}


def normal(name: str) -> str:
    """A package's name as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(root: Path) -> dict[str, str]:
    """The versions of constraints.txt by package."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {normal(name.strip()): version.strip() for name, version in pairs}


def is_cuda(name: str, version: str) -> bool:
    """Whether a package belongs to the large CUDA build of torch."""
    return name.startswith(("nvidia-", "cuda-")) or name == "triton" or "+cu" in version


def _torch(packages: dict[str, str]) -> Finding:
    version = packages.get("torch")
    if version is None:
        return Finding(BAD, "torch", f"not installed. Run: {LAB}")
    return Finding(GOOD, "torch", f"{version}{', CPU build' if version.endswith('+cpu') else ''}")


def _large(packages: dict[str, str]) -> Finding:
    large = sorted(name for name, version in packages.items() if is_cuda(name, version))
    if large:
        return Finding(NOTE, "CUDA", f"{len(large)} large packages that the course does not need: {large[0]}")
    return Finding(GOOD, "CUDA", "no CUDA package, as it should be")


def _versions(root: Path, packages: dict[str, str]) -> Finding:
    """The packages that pyproject.toml names, against the pins."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = [normal(re.match(r"[A-Za-z0-9._-]+", line).group()) for line in wanted]
    pinned = pins(root)
    missing = [name for name in names if name not in packages]
    if missing:
        return Finding(BAD, "packages", f"missing: {', '.join(missing)}. Run: {LAB}")
    different = [
        f"{name} is {packages[name]}, pinned {pinned[name]}"
        for name in names
        if name in pinned and packages[name].split("+")[0] != pinned[name]
    ]
    if different:
        return Finding(NOTE, "packages", f"other versions than the tested ones: {'; '.join(different)}")
    return Finding(GOOD, "packages", f"all {len(names)} that the course names, in the pinned versions")


def _imports(python: Path) -> Finding:
    """Whether the main packages load: files may be there and damaged."""
    code = "import numpy, torch, matplotlib, anywidget, jupyterlab, course_lib"
    try:
        tried = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, timeout=120)
    except OSError as error:
        return Finding(BAD, "loading", f"the environment's Python does not start: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Finding(BAD, "loading", "the main packages did not load within two minutes")
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"])[-1]
        return Finding(BAD, "loading", f"{said}. Delete the folder .venv, then run: {LAB}")
    return Finding(GOOD, "loading", "the main packages load")


def _installer() -> Finding:
    if found := shutil.which("uv"):
        return Finding(GOOD, "installer", f"uv ({found}); pip fetches the data")
    return Finding(GOOD, "installer", "pip (uv is not here; it would be faster, with the same result)")


def _bubblewrap() -> Finding:
    if shutil.which("bwrap"):
        return Finding(GOOD, "bubblewrap", "here; marking a class uses it")
    return Finding(NOTE, "bubblewrap", "not found; only marking a class needs it (apt install bubblewrap)")


def _chromium() -> Finding:
    if found := machine.find_chromium():
        return Finding(GOOD, "Chromium", found)
    return Finding(NOTE, "Chromium", "not found: only the browser tests need it")


def _archive(archive: archives.Archive) -> Finding:
    where = archives.folder_of(archive)
    if archives.is_present(archive):
        return Finding(GOOD, "data", f"{archive.what}: {where}")
    lessons = ", ".join(map(str, archive.lessons))
    return Finding(NOTE, "data", f"{archive.what}: not fetched yet, for lessons {lessons}; {LAB} tries again")


def _work_folder() -> Finding:
    home = journal.home()
    if not home.exists():
        return Finding(NOTE, "work folder", f"{home}: made at the first start")
    if not home.is_dir() or not os.access(home, os.W_OK):
        return Finding(BAD, "work folder", f"{home} cannot be written; try {LAB} --folder DIR")
    return Finding(GOOD, "work folder", str(home))


def _port() -> Finding:
    if machine.port_is_free(PORT):
        return Finding(GOOD, "port", f"{PORT} is free")
    return Finding(NOTE, "port", f"{PORT} is taken (another JupyterLab?): the course takes the next free one")
