"""The commands inside the environment: lab, test, doctor, reset, progress, and what they say to bad input."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from course_lib import doctor, lab, machine, testing
from course_lib.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def busy_port():
    with socket.socket() as server:
        server.bind((machine.HOST, 0))
        server.listen()
        yield server.getsockname()[1]


# --- lab ----------------------------------------------------------------------------------------------------


def test_busy_port_gets_a_sentence_with_a_free_one(busy_port, home, capsys):
    assert lab.open_course(ROOT, home, browser=False, port=busy_port) == 1
    said = capsys.readouterr().err
    assert f"Port {busy_port} is taken" in said and "--port" in said
    assert machine.port_is_free(int(said.split("--port ")[1]))
    assert not home.exists(), "nothing was begun"


def test_default_port_is_the_next_free_one(busy_port):
    assert not machine.port_is_free(busy_port)
    assert machine.next_free_port(busy_port) > busy_port


def test_no_free_port_at_all(monkeypatch):
    monkeypatch.setattr(machine, "port_is_free", lambda port: False)
    with pytest.raises(OSError, match="No free port from 8888 to 8987"):
        lab.choose_port(None)


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_port_that_is_none(port):
    done = CliRunner().invoke(main, ["lab", "--port", port])
    assert done.exit_code == 2 and "--port" in done.output


def test_work_folder_that_is_a_file(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr(lab, "fetch_data", lambda: None)
    assert lab.open_course(ROOT, tmp_path / "file", browser=False, port=None) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_jupyterlab_asks_nobody_else(tmp_path):
    options = lab.options(tmp_path, 8888, browser=False)
    assert "--LabApp.news_url=None" in options and "--ServerApp.ip=127.0.0.1" in options
    assert any("NeverCheckForUpdate" in option for option in options)
    assert "--ServerApp.open_browser=False" in options and not any("token" in option for option in options)


def test_folder_option_reaches_the_kernels(tmp_path, home, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        lab, "open_course", lambda *given: seen.update(given=given, home=os.environ["COURSE_HOME"])
    )
    CliRunner().invoke(main, ["lab", "--no-browser", "--port", "8899", "--folder", str(tmp_path / "mine")])
    assert seen == {"given": (ROOT, tmp_path / "mine", False, 8899), "home": str(tmp_path / "mine")}


# --- reset and progress -------------------------------------------------------------------------------------


def test_reset_of_an_unknown_lesson(home):
    done = CliRunner().invoke(main, ["reset", "99"])
    assert done.exit_code == 1 and "There is no lesson '99'" in done.output


def test_reset_says_where_mine_is(home):
    assert CliRunner().invoke(main, ["reset", "00"]).exit_code == 0
    lesson = home / "notebooks" / "00_start.ipynb"
    lesson.write_text(lesson.read_text().replace("# ", "# my "))
    done = CliRunner().invoke(main, ["reset", "00"])
    assert "yours is now 00_start.mine-" in done.output
    assert lesson.read_text() == (ROOT / "notebooks" / "00_start.ipynb").read_text()


def test_progress_of_a_new_reader(home):
    assert "Nothing yet" in CliRunner().invoke(main, ["progress"]).output


# --- test ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    """A course with one test file in each required folder."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # starts ten times as fast, and none is needed
    for name in ("unit", "notebooks", "browser"):
        (tmp_path / "tests" / name).mkdir(parents=True)
        (tmp_path / "tests" / name / f"test_{name}.py").write_text("def test_it(): pass\n")
    for name in ("pyproject.toml", "tests/notebooks/sanitize.cfg"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(testing, "TWO_WORKERS", ())  # workers are a plugin
    monkeypatch.setattr(testing, "NBVAL", ("tests/unit",))  # running notebooks is not what is tested here
    monkeypatch.setattr(testing, "NOTEBOOK_FOLDERS", ())
    return tmp_path


def closing_line(capfd):
    return capfd.readouterr().out.strip().splitlines()[-1]


def test_all_passed(small_course, capfd):
    assert testing.run(small_course, False, []) == 0
    assert closing_line(capfd) == "4 passed, 0 failed, 0 skipped"


def test_failure_error_and_skip_are_counted_and_told(small_course, capfd):
    text = """
        import os, pytest
        def test_wrong(): assert False
        def test_skipped(): pytest.skip("no such thing")
        @pytest.fixture
        def broken(): raise OSError
        def test_error(broken): pass
        def test_home(): assert os.listdir(os.environ["COURSE_HOME"]) == []
    """
    lines = "\n".join(line[8:] for line in text.splitlines())
    (small_course / "tests" / "browser" / "test_browser.py").write_text(lines)
    assert testing.run(small_course, False, []) == 1
    assert closing_line(capfd) == "4 passed, 2 failed, 1 skipped (browser: no such thing)"


def test_broken_stage_is_a_failure(small_course, capfd):
    (small_course / "tests" / "unit" / "conftest.py").write_text("raise SystemExit(3)")
    assert testing.run(small_course, False, []) == 1
    assert "unit: ran no test" in closing_line(capfd)


def test_stage_without_a_test_is_a_failure(small_course, capfd):
    (small_course / "tests" / "unit" / "test_unit.py").unlink()
    assert testing.run(small_course, False, []) == 1
    assert "unit: ran no test" in closing_line(capfd)


def test_selection_may_leave_stages_empty_but_not_all(small_course, capfd):
    (small_course / "tests" / "unit" / "test_unit.py").write_text("def test_other(): pass\n")
    assert testing.run(small_course, True, ["-k", "other"]) == 0
    assert closing_line(capfd) == "2 passed, 0 failed, 1 skipped (browser: left out by --quick)"
    assert testing.run(small_course, True, ["-k", "nothing_like_it"]) == 1


def test_browser_is_skipped_here_and_mandatory_in_ci(small_course, capfd, monkeypatch):
    monkeypatch.setattr(machine, "find_chromium", lambda: None)
    assert testing.run(small_course, False, []) == 0
    assert closing_line(capfd) == "3 passed, 0 failed, 1 skipped (browser: no Chromium found)"
    skipping = "import pytest\npytest.skip('no browser', allow_module_level=True)"
    (small_course / "tests" / "browser" / "test_browser.py").write_text(skipping)
    monkeypatch.setenv("CI", "true")
    assert testing.run(small_course, False, []) == 1
    assert "browser: ran no test" in closing_line(capfd)


def test_quick_leaves_out_training_lessons(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for name, header in (("00_quick", {}), ("07_long", {"trains": True})):
        content = {"cells": [], "metadata": {"course": header}, "nbformat": 4, "nbformat_minor": 5}
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(json.dumps(content))
    quick, full = testing.notebook_stage(tmp_path, True), testing.notebook_stage(tmp_path, False)
    assert quick.arguments[-1:] == ("notebooks/00_quick.ipynb",) and quick.left_out == 1
    assert (
        full.arguments[-2:] == ("notebooks/00_quick.ipynb", "notebooks/07_long.ipynb") and full.left_out == 0
    )


def test_notebooks_are_checked_strictly():
    assert {"--nbval", "--nbval-current-env"} <= set(testing.NBVAL) and "--nbval-lax" not in testing.NBVAL
    names = {stage.name for stage in testing.stages(ROOT, quick=True)}
    assert {"unit", "notebook guards", "notebooks", "browser"} <= names


def test_closing_line_gives_every_reason_once():
    outcomes = {
        "unit": testing.Outcome(passed=3, skipped=Counter({"reason a": 2})),
        "browser": testing.Outcome(trouble="ran no test"),
    }
    last = testing.closing_lines(outcomes).splitlines()[-1]
    assert last == "3 passed, 1 failed, 2 skipped (browser: ran no test; unit: reason a)"


# --- doctor -------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path, home):
    """A course folder without an environment, and a Python that sees no installed package."""
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "course_lib", tmp_path / "course_lib", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def run_doctor(folder):
    # -I -S: no site-packages, so only the standard library is there.
    command = [sys.executable, "-I", "-S", "course.py", "doctor"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_doctor_without_an_environment(bare):
    done = run_doctor(bare)
    assert done.stderr == "" and done.returncode == 1
    assert "not made yet" in done.stdout and "To be mended: environment." in done.stdout


def test_doctor_of_a_broken_environment(bare):
    packages = bare / ".venv" / "lib" / "python3.11" / "site-packages"
    for name, version in (("torch", "2.12.0"), ("numpy", "1.0"), ("nvidia_cublas_cu12", "12.8")):
        folder = packages / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (bare / ".venv" / "course-stamp.txt").write_text("stale\n")
    done = run_doctor(bare)
    assert done.stderr == "" and done.returncode == 1
    for words in ("Python is gone", "2.12.0", "nvidia-cublas-cu12", "missing: torch"[:8], "does not start"):
        assert words in done.stdout, words


def test_doctor_of_an_interrupted_setup(bare):
    (bare / ".venv").mkdir()
    (bare / ".venv" / "course-unfinished.txt").touch()
    assert "was interrupted" in run_doctor(bare).stdout


def test_doctor_names_other_versions(bare):
    names = doctor.pins(ROOT)
    finding = doctor._versions(ROOT, names | {"numpy": "2.0.0"})
    assert finding.mark == doctor.NOTE and f"numpy is 2.0.0, pinned {names['numpy']}" in finding.words
    assert doctor._versions(ROOT, names).mark == doctor.GOOD


def test_doctor_of_a_damaged_package(tmp_path):
    shim = tmp_path / "python"
    shim.write_text("#!/bin/sh\necho 'ImportError: libtorch.so: file too short' >&2\nexit 1\n")
    shim.chmod(0o755)
    finding = doctor._imports(shim)
    assert (
        finding.mark == doctor.BAD
        and "file too short" in finding.words
        and "Delete the folder" in finding.words
    )


def test_doctor_and_course_know_the_same_states():
    spec = importlib.util.spec_from_file_location("course_states", ROOT / "course.py")
    course = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(course)
    said = course.state.__doc__.split("One of")[1]
    assert {word.strip('", .') for word in said.split()} == set(doctor.STATES)
