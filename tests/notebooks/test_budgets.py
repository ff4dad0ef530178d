"""The plugin that holds notebooks to their seconds does stop a slow one."""

import subprocess
import sys

import nbformat
import pytest
from budgets import LONG_TRAINING, budget, too_slow
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.authoring.sources import ROOT


def write(folder, code, **course):
    folder.mkdir(exist_ok=True)
    path = folder / "01_slow.ipynb"
    nbformat.write(
        new_notebook(cells=[new_code_cell(code, execution_count=1)], metadata={"course": course}), path
    )
    return path


def test_budgets_by_kind(tmp_path):
    assert budget(write(tmp_path / "notebooks", "x = 1")) == 10
    assert budget(write(tmp_path / "notebooks", 'start("06", torch=True)')) == 20
    assert budget(write(tmp_path / "notebooks", 'start("14", torch=True)', trains=True)) == 40
    assert budget(write(tmp_path / "solutions", "x = 1")) == 12


def test_half_over_is_allowed_and_no_more(tmp_path):
    path = write(tmp_path / "notebooks", "x = 1")
    assert too_slow(path, 14.9) is None
    assert (
        too_slow(path, 15.6)
        == "01_slow.ipynb took 16 CPU seconds, its budget is 10: make the example smaller"
    )


def test_at_most_eight_lessons_train_long():
    assert len(LONG_TRAINING) <= 8


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "status"), [(0, 0), (18, 1)])
def test_a_slow_notebook_fails_the_nbval_run(tmp_path, seconds, status):
    busy = f"import time\nwhile time.process_time() < {seconds}:\n    pass"
    path = write(tmp_path / "notebooks", busy)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.notebooks.budgets",
        "--nbval",
        "--nbval-current-env",
    ]
    run = subprocess.run([*command, "-q", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == status, run.stdout
    assert ("its budget is 10" in run.stdout) is bool(status)
