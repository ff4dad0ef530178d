"""Lesson 19: it runs without the fetched weights, and text and code say the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.data import archives

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "19_bert.py").read_text(encoding="utf-8")
SHORTER = {"learn(usual, 600,": "learn(usual, 150,", "learn(corrupt, 200)": "learn(corrupt, 31)"}
NO_WEIGHTS = "(not run: the published weights are missing"


def run(tmp_path, **environment):
    """What the lesson prints with short trainings; -O leaves out the assertions that need the long ones."""
    short = TEXT
    for said, shorter in SHORTER.items():
        assert short.count(said) == 1
        short = short.replace(said, shorter)
    path = tmp_path / "lesson.py"
    path.write_text(short, encoding="utf-8")
    there = os.environ | {"PYTHONPATH": str(ROOT), "COURSE_HOME": str(tmp_path / "home")} | environment
    command = [sys.executable, "-O", str(path)]
    done = subprocess.run(command, env=there, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_runs_without_the_weights(tmp_path):
    printed = run(tmp_path, COURSE_DATA=str(tmp_path / "empty"))
    lines = printed.splitlines()
    assert "need the published weights" in lines[1] and "course.py lab" in lines[1]
    needing = [cell for cell in TEXT.split("\n# %%") if "no_weights" in cell and "else" in cell][1:]
    assert sum(NO_WEIGHTS in line for line in lines[2:]) == len(needing) >= 5
    assert "Answer: [CLS]" not in printed and "Answer: fewer than 60" in printed


def test_says_so_when_the_weights_are_there(tmp_path):
    if not archives.is_present(archives.MINILM) and not os.environ.get("CI"):
        pytest.skip("the MiniLM weights are not in the cache: `python course.py lab` fetches them")
    printed = run(tmp_path)
    assert printed.splitlines()[1] == "The published weights are here."
    assert NO_WEIGHTS not in printed and "equal to 1e-5: True" in printed and "Answer: [CLS]" in printed


def test_the_table_of_dice():
    row = r"^# \| \d \| (\w+) \| ([\d.]+) \| (yes|no) \| ([\d.]+) \|([^|]*)\| (\S+) \| (\S+) \|$"
    rows = re.findall(row, TEXT, flags=re.MULTILINE)
    assert len(rows) == 3
    for word, first, chosen, second, _, reads, label in rows:
        assert (float(first) < 0.15) == (chosen == "yes")
        assert label.strip("$") == (word if chosen == "yes" else "-100")
        assert reads == ("[MASK]" if chosen == "yes" and float(second) < 0.8 else word)
        assert chosen == "no" or float(second) < 0.9
