"""How fast a class is marked: `course.py grade` on 300 students with ten exercises, nbgrader on a dozen.

A submission is what one student hands in: four notebooks with ten exercises, nine of them with torch. Writes
benchmarks/results/grading.json.
"""

import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import psutil

from course_lib.grading.classroom import draw, fill, make_class

HERE = Path(__file__).parent
ROOT = HERE.parent
LESSONS = ["00_start", "08_self_and_cross", "11_block", "12_encoder_decoder"]
EXERCISES = 10
DOZEN = 12  # submissions for nbgrader


def main(students: int, nbgrader: bool) -> int:
    """Measure, print, write; the result is the exit status."""
    found = {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "date": date.today().isoformat(),
        "ours": measured_here(students),
    }
    if nbgrader:
        found["nbgrader"] = measured_there(DOZEN)
    path = HERE / "results" / "grading.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return 0


def measured_here(students: int) -> dict[str, float]:
    """Time and memory of the command on a class of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_class(folder, students, LESSONS, seed=1)
        order = [sys.executable, "-P", "-m", "course_lib.cli", "grade", str(folder / "submissions")]
        options = ["--roster", str(folder / "roster.csv"), "--out", str(folder / "out")]
        began = time.monotonic()
        running = subprocess.Popen([*order, *options], cwd=ROOT)
        most = 0
        while running.poll() is None:
            most = max(most, resident(running.pid))
            time.sleep(0.5)
        seconds = time.monotonic() - began
        if running.returncode:
            raise SystemExit("the command failed")
    return summary(students, seconds) | {"megabytes": round(most / 2**20)}


def summary(submissions: int, seconds: float) -> dict[str, float]:
    """The figures of a run."""
    return {
        "submissions": submissions,
        "exercises": EXERCISES * submissions,
        "seconds": round(seconds, 1),
        "submissions_a_minute": round(60 * submissions / seconds, 1),
    }


def resident(pid: int) -> int:
    """Bytes that a process and all below it hold for themselves."""
    total = 0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            total += process.memory_full_info().uss
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return total


# ------------------------------------------------------------------ nbgrader


def measured_there(students: int) -> dict[str, float]:
    """Time of `nbgrader autograde` on the same kind of class, after its own `generate_assignment`."""
    from course_lib.grading.assignments import write_assignments

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        nbgrader = installed(folder / "env")
        school = folder / "school"
        write_assignments(ROOT, school, [name[:2] for name in LESSONS])
        environment = {
            **os.environ,
            "JUPYTER_PATH": str(kernel(folder / "kernels")),
            # nbgrader calls alembic by its name
            "PATH": f"{folder / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }
        rng = random.Random(1)
        seconds = 0.0
        for name in LESSONS:
            command([nbgrader, "generate_assignment", name, "--create", "--force"], school, environment)
            for number in range(students):
                hand_in(school, f"s{number:03}", name, draw(name, rng)[0])
            began = time.monotonic()
            command([nbgrader, "autograde", name], school, environment)
            seconds += time.monotonic() - began
    return summary(students, seconds)


def hand_in(school: Path, student: str, lesson: str, answers: dict[str, str]) -> None:
    """Put a student's answers into the notebook that nbgrader released."""
    released = json.loads((school / "release" / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    place = school / "submitted" / student / lesson
    place.mkdir(parents=True)
    (place / f"{lesson}.ipynb").write_text(json.dumps(fill(released, answers)), encoding="utf-8")


def installed(folder: Path) -> str:
    """nbgrader in an environment of its own; the path of its command."""
    command([sys.executable, "-m", "venv", str(folder)], ROOT)
    pins = ["-r", str(ROOT / "deploy" / "requirements.txt"), "-c", str(ROOT / "constraints.txt")]
    command([str(folder / "bin" / "pip"), "install", "--quiet", *pins], ROOT)
    return str(folder / "bin" / "nbgrader")


def kernel(folder: Path) -> Path:
    """A folder with the kernel `python3`: the course's own Python."""
    place = folder / "kernels" / "python3"
    place.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (place / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "course", "language": "python"})
    )
    return folder


def command(order: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command to its end; SystemExit with its output if it fails."""
    done = subprocess.run(order, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shutil.which(order[0])}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
