"""`course.py grade`: idempotent, resumable at any moment, the same marks by whatever crew."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from course_lib.grading.classroom import make_class
from course_lib.grading.sandbox import NOBODY
from tests.grading import needs
from tests.grading.hub import opened
from tests.grading.notebooks import notebook

pytestmark = needs.bubblewrap
ROOT = Path(__file__).resolve().parents[2]
LESSONS = ["02_softmax", "08_self_and_cross"]
SEED = "1234567890123456\n"


@pytest.fixture(scope="module")
def class_of_six(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    kinds = make_class(folder, 6, LESSONS, seed=3)
    return folder, kinds


def command(folder: Path, out: Path, *more: str) -> list[str]:
    options = ["--roster", str(folder / "roster.csv"), "--out", str(out), *more]
    return [sys.executable, "-P", "-m", "course_lib.cli", "grade", str(folder / "submissions"), *options]


def grade(folder: Path, out: Path, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(folder, out, *more), capture_output=True, text=True, cwd=ROOT, timeout=300)


def with_seed(out: Path) -> Path:
    """An output folder whose seed is drawn already, so that two of them can be compared."""
    out.mkdir()
    (out / "seed").write_text(SEED)
    return out


@pytest.fixture(scope="module")
def marks(class_of_six, tmp_path_factory):
    """The marks file of an undisturbed run."""
    out = with_seed(tmp_path_factory.mktemp("undisturbed") / "out")
    done = grade(class_of_six[0], out, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return (out / "marks.csv").read_bytes(), out, done


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def test_every_answer_gets_what_it_is_worth(class_of_six, marks):
    _, kinds = class_of_six
    kept = [json.loads(path.read_text()) for path in (marks[1] / "kept").glob("*.json")]
    assert len(kept) == 12
    for one in kept:
        for mark in one["marks"]:
            kind = kinds[one["student"], mark["exercise"]]
            expected = {"right": ("right", 1.0), "stub": ("not attempted", 0.0)}.get(kind)
            if expected:
                assert mark["score"] == expected[1], (kind, mark)
            else:
                assert mark["verdict"] == "wrong" and mark["score"] < 1


def test_what_is_written(marks):
    content, out, done = marks
    assert [row["student"] for row in rows(content)] == [f"s{i:03}" for i in range(1, 7)]
    assert "Marks of 6 students" in done.stdout and "12 of 12 notebooks marked" in done.stderr
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "marks.csv",
        "canvas.csv",
        "moodle.csv",
        "report.html",
        "feedback",
        "gradescope",
        "decisions.csv",
    }
    assert len(list((out / "feedback").glob("*.html"))) == 6
    assert out.stat().st_mode & 0o777 == 0o700 and (out / "seed").read_text() == SEED


def test_a_second_run_marks_nothing_and_writes_the_same(class_of_six, marks):
    content, out, _ = marks
    before = {path: path.stat().st_mtime_ns for path in (out / "kept").iterdir()}
    again = grade(class_of_six[0], out, "--jobs", "2")
    assert "12 of 12 notebooks are marked already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in (out / "kept").iterdir()} == before
    assert (out / "marks.csv").read_bytes() == content


def test_the_seed_is_drawn_once_for_its_owner_alone(class_of_six, tmp_path):
    out = tmp_path / "out"
    grade(class_of_six[0], out, "--exercises", "02", "--jobs", "2")
    first = (out / "seed").read_text()
    assert (out / "seed").stat().st_mode & 0o777 == 0o600
    grade(class_of_six[0], out, "--exercises", "02", "--jobs", "2")
    assert (out / "seed").read_text() == first
    assert int(first) > 2**40


@pytest.mark.parametrize("after", [1, 7])
def test_a_run_that_is_killed_goes_on_where_it_was(class_of_six, marks, tmp_path, after):
    out = with_seed(tmp_path / "out")
    running = subprocess.Popen(
        command(class_of_six[0], out, "--jobs", "2"), cwd=ROOT, stderr=subprocess.DEVNULL
    )
    descendants = wait_for(lambda: len(list((out / "kept").glob("*.json"))) >= after, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    _, alive = psutil.wait_procs(descendants, timeout=5)
    assert not alive, "nothing outlives the command"
    kept = {path.name: path.read_bytes() for path in (out / "kept").glob("*.json")}
    done = grade(class_of_six[0], out, "--jobs", "2")
    assert f"{len(kept)} of 12 notebooks are marked already" in done.stderr
    assert (out / "marks.csv").read_bytes() == marks[0]
    assert all((out / "kept" / name).read_bytes() == content for name, content in kept.items())
    assert len(list((out / "kept").glob("*.json"))) == 12


def wait_for(condition, running: subprocess.Popen, seconds: float = 120.0) -> list[psutil.Process]:
    """The processes that a command has started by the moment at which a condition holds."""
    over = time.monotonic() + seconds
    while not condition():
        assert running.poll() is None and time.monotonic() < over, (
            "the command ended too early, or never got there"
        )
        time.sleep(0.02)
    return psutil.Process(running.pid).children(recursive=True)


def test_a_marking_process_that_is_killed_costs_nobody_anything(class_of_six, marks, tmp_path):
    out = with_seed(tmp_path / "out")
    running = subprocess.Popen(
        command(class_of_six[0], out, "--jobs", "2"), cwd=ROOT, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: len(list((out / "kept").glob("*.json"))) >= 2, running)
    crew = [
        child for child in psutil.Process(running.pid).children() if "spawn_main" in " ".join(child.cmdline())
    ]
    crew[0].kill()
    assert running.wait(timeout=300) == 0
    assert (out / "marks.csv").read_bytes() == marks[0]


def test_two_markings_do_not_share_a_folder(class_of_six, tmp_path):
    out = with_seed(tmp_path / "out")
    running = subprocess.Popen(
        command(class_of_six[0], out, "--jobs", "1"), cwd=ROOT, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: (out / "kept").exists() and list((out / "kept").glob("*.json")), running)
    second = grade(class_of_six[0], out)
    assert second.returncode != 0 and "Another marking is at work" in second.stderr
    assert running.wait(timeout=300) == 0


def test_a_changed_notebook_is_marked_anew_and_the_others_are_not(class_of_six, tmp_path):
    folder = tmp_path / "class"
    make_class(folder, 3, ["02_softmax"], seed=5)
    out = with_seed(tmp_path / "out")
    grade(folder, out)
    (folder / "submissions" / "s002" / "02_softmax.ipynb").write_bytes(
        notebook("def softmax(x, axis=-1): return x")
    )
    done = grade(folder, out)
    assert "2 of 3 notebooks are marked already" in done.stderr
    [row] = [row for row in rows((out / "marks.csv").read_bytes()) if row["student"] == "s002"]
    assert float(row["softmax"]) == 0


def test_a_decision_of_the_instructor_counts(class_of_six, marks, tmp_path):
    out = with_seed(tmp_path / "out")
    (out / "decisions.csv").write_text("student,exercise,points,comment\ns003,softmax,1.5,as agreed\n")
    grade(class_of_six[0], out, "--exercises", "02")
    [row] = [row for row in rows((out / "marks.csv").read_bytes()) if row["student"] == "s003"]
    assert float(row["softmax"]) == 1.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--exercises", "77"], "There is no lesson 77"),
        (["--late", "10 apples"], "late"),
        (["--deadline", "tomorrow"], "deadline"),
    ],
)
def test_options_that_make_no_sense_are_named(class_of_six, tmp_path, options, said):
    done = grade(class_of_six[0], tmp_path / "out", *options)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def test_without_bubblewrap_nothing_is_marked_unless_asked_for_by_name(class_of_six, tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path)}
    order = command(class_of_six[0], tmp_path / "out", "--exercises", "02")
    refused = subprocess.run(order, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert refused.returncode != 0 and "apt install bubblewrap" in refused.stderr
    done = subprocess.run(
        [*order, "--sandbox", "none"], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.returncode == 0 and "not protected" in done.stdout
    assert "Marks not protected" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="the other tests ran as an ordinary user")
def test_an_ordinary_user_gets_the_same_marks_as_root(class_of_six, marks):
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        folder = Path(temporary)
        shutil.copytree(class_of_six[0], folder / "class")
        out = with_seed(folder / "out")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        enter = opened([Path(sys.base_prefix), Path(sys.prefix)], folder / "stage")
        as_nobody = [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            "env",
            f"HOME={folder}",
        ]
        order = [*enter, *as_nobody, *command(folder / "class", out)]
        done = subprocess.run(order, capture_output=True, text=True, cwd=ROOT, timeout=300)
        assert done.returncode == 0, done.stderr
        assert (out / "marks.csv").read_bytes() == marks[0]


def test_a_cluster_of_two_of_which_one_is_killed_gives_the_same_marks(class_of_six, marks, tmp_path):
    out = with_seed(tmp_path / "out")
    file = tmp_path / "scheduler.json"
    dask = str(Path(sys.executable).with_name("dask"))
    where = ["--scheduler-file", str(file), "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    own = ["--host", "127.0.0.1"]
    crew = [subprocess.Popen([dask, "scheduler", *where, *own, "--port", "0"], **quiet)]
    try:
        crew += [
            subprocess.Popen([dask, "worker", *where, *own, "--nthreads", "1", "--no-nanny"], **quiet)
            for _ in "12"
        ]
        wait_for(file.exists, crew[0])
        address = json.loads(file.read_text())["address"]
        order = command(class_of_six[0], out, "--scheduler", address)
        running = subprocess.Popen(order, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: len(list((out / "kept").glob("*.json"))) >= 3, running)
        crew[1].kill()
        _, said = running.communicate(timeout=300)
        assert running.returncode == 0, said
    finally:
        for process in crew:
            process.kill()
            process.wait()
    assert (out / "marks.csv").read_bytes() == marks[0]
    assert len(list((out / "kept").glob("*.json"))) == 12
