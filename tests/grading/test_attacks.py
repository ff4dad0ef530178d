"""No dishonest answer gets points, stops the marking, harms anything or lives on. The figures are printed."""

import hashlib
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from course_lib.checks.spec import SPECS
from course_lib.grading.classroom import answer_source
from course_lib.grading.marking import Marker, load_exercise
from course_lib.grading.records import FLAGGED, Mark, Submission
from course_lib.grading.sandbox import SHOWN_FILES, Sandbox
from tests.grading import needs
from tests.grading.attacks import ATTACKS, OWNED
from tests.grading.notebooks import notebook

SECONDS = 2.0
ROOT = Path(__file__).resolve().parents[2]
HONEST = {"02": "entropy", "04": "masked_softmax", "08": "CrossAttention", "11": "FeedForward",
          "12": "shift_right", "13": "clip_gradient", "15": "chi_square", "18": "grouped_query_attention",
          "19": "masked_loss"}  # fmt: skip

pytestmark = needs.bubblewrap


@pytest.fixture(scope="module")
def marker():
    with Sandbox(seconds=SECONDS) as sandbox:
        sandbox.start()  # its time is not that of the first attack
        yield Marker(4_611_686_018_427, sandbox)


def lesson_of(exercise: str) -> str:
    [path] = SPECS.glob(f"[0-9][0-9]_{exercise}.py")
    [notebook_path] = (ROOT / "exercises").glob(f"{path.name[:2]}_*.ipynb")
    return notebook_path.stem


def honest_neighbour(exercise: str) -> tuple[str, str]:
    """Another exercise of the same lesson and a right answer to it."""
    name = HONEST[lesson_of(exercise)[:2]]
    return name, answer_source(load_exercise(name), load_exercise(name).solution)


def marks_of(marker: Marker, exercise: str, *cells: str) -> dict[str, Mark]:
    submission = Submission("mallory", lesson_of(exercise), "", "mallory.ipynb", notebook(*cells))
    return {mark.exercise: mark for mark in marker.mark(submission).marks}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_earns_nothing_and_costs_nobody_anything(marker, name, count):
    attack = ATTACKS[name]
    neighbour, right = honest_neighbour(attack.exercise)
    began = time.monotonic()
    found = marks_of(marker, attack.exercise, attack.source, right)
    seconds = time.monotonic() - began
    mark = found[attack.exercise]
    print(f"{attack.kind}: {name}: {mark.status} {mark.score:.2f} {mark.flags} {mark.message[:80]}")
    count("neighbour", found[neighbour].score != 1)
    if attack.flagged:
        count("flagged", mark.status != FLAGGED)
        assert mark.status == FLAGGED and mark.flags
    else:
        count("dishonest", mark.score != 0)
        assert mark.score == 0
    assert found[neighbour].score == 1, "the other exercise of the same notebook keeps its points"
    assert seconds < SECONDS + 3.0, "both exercises are over (test_sandbox measures the limit itself)"
    assert not OWNED.exists()


def test_there_are_enough_of_each_class():
    kinds = {attack.kind for attack in ATTACKS.values()}
    assert len(ATTACKS) >= 60
    assert kinds >= {"patch", "equal", "frames", "files", "exit", "bomb", "flood", "survivor", "network",
                     "forge", "table", "reference", "hang"}  # fmt: skip


def hashes() -> list[bytes]:
    """Of the files that an answer can see and would like to change."""
    paths = [*(ROOT / "course_lib" / name for name in SHOWN_FILES), Path(np.__file__), Path(psutil.__file__)]
    return [hashlib.sha256(path.read_bytes()).digest() for path in paths]


def living(process: psutil.Process) -> list[psutil.Process]:
    """What lives under a process; the last exercise's may take a moment to end."""
    for _ in range(50):
        there = process.children(recursive=True)
        alive = [child for child in there if child.status() != psutil.STATUS_ZOMBIE]
        if len(alive) <= 2:
            break
        time.sleep(0.1)
    return alive


def test_nothing_is_left_behind():
    before = hashes()
    places = {place: set(Path(place).iterdir()) for place in (tempfile.gettempdir(), "/dev/shm")}
    with Sandbox(seconds=SECONDS) as sandbox:
        marker = Marker(5, sandbox)
        for name in ("daemon", "background program", "fork bomb", "write over the course", "disk bomb",
                     "shared memory", "leave word in tmp", "new namespaces", "kill all"):  # fmt: skip
            marks_of(marker, "softmax", ATTACKS[name].source)
        worker = psutil.Process(sandbox.process.pid)
        alive = living(worker)
        assert len(alive) == 2, "bubblewrap's first process and the warm one, nothing else"
    _, left = psutil.wait_procs([*alive], timeout=5)
    assert not left
    assert hashes() == before
    assert "course-view" not in subprocess.run(["mount"], capture_output=True, text=True).stdout
    new = {str(path) for place, there in places.items() for path in set(Path(place).iterdir()) - there}
    assert not [path for path in new if "answers" in path or "psm_" in path]
