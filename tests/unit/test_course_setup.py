"""course.py: the environment is made, repaired, brought up to date; what goes wrong is said in a sentence."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and links of POSIX systems")


class FakeSteps:
    """Stands in for the installers: notes each step, makes a Python, fails or is interrupted where told."""

    def __init__(self, course):
        self.course, self.titles, self.commands, self.fail, self.interrupt = course, [], [], {}, ""

    def __call__(self, title, command):
        self.titles.append(title)
        self.commands.append(command)
        if title == self.interrupt:
            raise KeyboardInterrupt
        with (self.course.VENV / self.course.LOG).open("a", encoding="utf-8") as log:
            log.write(f"\n=== {title}\n{self.fail.get(title, 'went well')}\n")
        if title in self.fail:
            return 1
        if title == "Making the Python environment":
            python = self.course.python_of(self.course.VENV)
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
        return 0


@pytest.fixture
def course(tmp_path, monkeypatch):
    """course.py of a course in a folder of its own, with fake installers."""
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    spec = importlib.util.spec_from_file_location("course_under_test", tmp_path / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.steps = FakeSteps(module)
    monkeypatch.setattr(module, "run_step", module.steps)
    monkeypatch.setattr(module, "LINUX", True)
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    module.handed = []
    monkeypatch.setattr(module, "hand_over", lambda arguments: module.handed.append(arguments) or 0)
    return module


MAKE, TORCH, INDEX, REST = (
    "Making the Python environment",
    "Installing torch (CPU build)",
    "Fetching torch from PyTorch's own index",
    "Installing the other packages",
)


# --- the good ways ------------------------------------------------------------------------------------------


def test_first_start_makes_everything_once(course, capsys):
    assert course.state() == "absent"
    assert course.main(["lab", "--port", "9999"]) == 0
    assert course.steps.titles == [MAKE, TORCH, REST]
    assert course.handed == [["lab", "--port", "9999"]]
    assert course.state() == "ready"
    assert course.main(["progress"]) == 0
    assert len(course.steps.titles) == 3, "the second start installs nothing"
    assert "The environment is ready" in capsys.readouterr().out


def test_torch_is_the_pinned_cpu_build_on_its_own(course):
    course.main(["lab"])
    assert course.steps.commands[1][-2:] == ["--no-deps", "torch==2.13.0+cpu"]
    assert course.steps.commands[2][-2:] == ["-e", ".[test]"]


def test_torch_from_its_own_index_where_pip_knows_no_cpu_build(course):
    course.steps.fail = {TORCH: "ERROR: No matching distribution found"}
    assert course.main(["lab"]) == 0
    assert course.steps.titles == [MAKE, TORCH, INDEX, REST]
    assert course.steps.commands[2][-2:] == ["--index-url", course.TORCH_CPU_INDEX]


def test_large_build_is_never_taken_unasked(course, capsys):
    course.steps.fail = {TORCH: "No matching distribution", INDEX: "No matching distribution"}
    assert course.main(["lab"]) == 1
    assert "--accept-cuda" in capsys.readouterr().err
    assert course.steps.titles == [MAKE, TORCH, INDEX] and course.handed == []


def test_large_build_on_request_and_the_option_goes_no_further(course):
    assert course.main(["test", "--accept-cuda", "--quick"]) == 0
    assert course.steps.commands[1][-1] == "torch==2.13.0"
    assert course.handed == [["test", "--quick"]]


def test_other_systems_take_plain_torch(course, monkeypatch):
    monkeypatch.setattr(course, "LINUX", False)
    course.main(["lab"])
    assert course.steps.commands[1][-1] == "torch==2.13.0"


def test_uv_is_given_where_pip_looks(course, monkeypatch):
    monkeypatch.setattr(course.shutil, "which", lambda name: "/somewhere/uv" if name == "uv" else None)
    index = "https://mirror.example/simple"
    settings = f"global.find-links='/a'\nglobal.index-url='{index}'\n:env:.find-links='/b /c'\n"
    answer = subprocess.CompletedProcess([], 0, stdout=settings)
    monkeypatch.setattr(course.subprocess, "run", lambda *_, **__: answer)
    assert course.installer()[0] == "/somewhere/uv"
    assert course.configured_sources() == [
        "--find-links=/b",
        "--find-links=/c",
        f"--index-url={index}",
    ]


def test_changed_course_is_brought_up_to_date(course, capsys):
    course.main(["lab"])
    constraints = course.ROOT / "constraints.txt"
    constraints.write_text(constraints.read_text() + "# newer\n")
    assert course.state() == "outdated"
    assert course.main(["lab"]) == 0
    assert course.steps.titles[3:] == [TORCH, REST], "the Python environment is kept"
    assert "has changed" in capsys.readouterr().out and course.state() == "ready"


# --- what goes wrong ----------------------------------------------------------------------------------------


def test_update_without_network_leaves_the_old_environment(course, capsys):
    course.main(["lab"])
    (course.ROOT / "constraints.txt").write_text("torch==2.13.0\n")
    course.steps.fail = {REST: "Failed to establish a new connection: [Errno -3]"}
    assert course.main(["lab"]) == 1
    assert "network" in capsys.readouterr().err
    assert course.state() == "outdated", "not unfinished: nothing has to be made anew"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("NewConnectionError: Temporary failure in name resolution", "network could not be reached"),
        ("error: dns error", "network could not be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [Errno 30] Read-only file system", "cannot be written"),
        ("something new", "course.py doctor"),
    ],
)
def test_failed_step_says_what_to_do_and_shows_the_log(course, capsys, said, answer):
    course.steps.fail = {REST: said}
    assert course.main(["lab"]) == 1
    shown = capsys.readouterr().err
    assert answer in shown and said in shown and "course-setup.log" in shown and "Traceback" not in shown
    assert course.state() == "unfinished" and course.handed == []


def test_missing_venv_module_names_the_package(course, capsys):
    course.steps.fail = {MAKE: "The virtual environment was not created: ensurepip is not available"}
    assert course.main(["lab"]) == 1
    assert "python3-venv" in capsys.readouterr().err


@pytest.mark.parametrize("step", [MAKE, TORCH, REST])
def test_interrupted_setup_is_made_anew(course, capsys, step):
    course.steps.interrupt = step
    assert course.main(["lab"]) == 130
    assert "Nothing is lost" in capsys.readouterr().err
    assert course.state() == "unfinished"
    (course.VENV / "lib").mkdir(exist_ok=True)
    (course.VENV / "lib" / "half.py").write_text("half of a pack")
    course.steps.interrupt, course.steps.titles = "", []
    assert course.main(["lab"]) == 0
    assert course.steps.titles == [MAKE, TORCH, REST] and course.state() == "ready"
    assert not (course.VENV / "lib" / "half.py").exists(), "a half-made environment is not trusted"


def test_environment_without_its_python_is_made_anew(course):
    course.main(["lab"])
    course.python_of(course.VENV).unlink()
    assert course.state() == "broken"
    assert course.main(["lab"]) == 0 and course.state() == "ready"


def test_moved_folder_is_noticed(course, tmp_path):
    course.main(["lab"])
    course.ROOT = tmp_path / "elsewhere"
    shutil.copytree(tmp_path, course.ROOT, symlinks=True)
    course.VENV = course.ROOT / ".venv"
    assert course.state() == "broken"


def test_foreign_environment_is_set_aside_not_deleted(course, capsys):
    (course.VENV / "precious").mkdir(parents=True)
    assert course.state() == "foreign"
    assert course.main(["lab"]) == 0
    kept = list(course.ROOT.glob(".venv-old-*/precious"))
    assert len(kept) == 1 and ".venv-old-" in capsys.readouterr().out


def test_working_foreign_environment_is_used(course):
    python = course.python_of(course.VENV)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    assert course.main(["lab"]) == 0
    assert course.steps.titles == [TORCH, REST]


def test_full_disk_is_said_before_anything_is_made(course, capsys, monkeypatch):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**8))
    assert course.main(["lab"]) == 1
    assert "0.1 GB are free" in capsys.readouterr().err and not course.VENV.exists()


def test_read_only_folder(course, capsys, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system", str(course.VENV))

    monkeypatch.setattr(course.Path, "mkdir", refuse)
    assert course.main(["lab"]) == 1
    assert "Move the course to a folder of your own" in capsys.readouterr().err


def test_file_in_the_place_of_the_environment(course, capsys):
    course.VENV.write_text("not a folder")
    assert course.main(["lab"]) == 0
    assert [path.read_text() for path in course.ROOT.glob(".venv-old-*")] == ["not a folder"]


@POSIX
def test_second_setup_at_the_same_time_waits(course, capsys):
    import fcntl

    course.VENV.mkdir()
    with (course.VENV / course.UNFINISHED).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert course.main(["lab"]) == 1
    assert "Another set-up is running" in capsys.readouterr().err
    assert course.main(["lab"]) == 0


# --- the command line ---------------------------------------------------------------------------------------


def test_help_without_a_command(course, capsys):
    assert course.main([]) == 0
    assert "lab" in capsys.readouterr().out and course.steps.titles == []


def test_unknown_command(course, capsys):
    assert course.main(["lap"]) == 2
    assert "no command `lap`" in capsys.readouterr().err and course.steps.titles == []


def test_help_of_a_command_installs_nothing(course):
    assert course.main(["lab", "--help"]) == 0
    assert course.steps.titles == [] and not course.VENV.exists()


def test_every_command_of_the_help_exists_inside_the_environment(course):
    from course_lib.cli import main

    assert set(course.COMMANDS) == set(main.commands)


def test_old_python_gets_a_sentence():
    """The file is read as Python 3.7 would read it; then the check runs with an old version number."""
    import ast

    source = (ROOT / "course.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    code = f"import sys\nsys.version_info = (3, 10, 4)\nexec(compile({source!r}, 'course.py', 'exec'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is Python 3.10" in done.stderr and "Traceback" not in done.stderr


# --- running a step for real --------------------------------------------------------------------------------


@pytest.fixture
def real(course, monkeypatch):
    """The same with the real `run_step`."""
    monkeypatch.undo()
    spec = importlib.util.spec_from_file_location("course_real", course.ROOT / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.VENV.mkdir()
    return module


def test_step_writes_its_output_to_the_log_only(real, capsys):
    code = "print('Collecting numpy==2.4.6'); print('WARNING: a wall of text')"
    assert real.run_step("Trying", [sys.executable, "-c", code]) == 0
    assert "wall of text" in (real.VENV / real.LOG).read_text()
    assert "wall" not in capsys.readouterr().out


def test_step_that_cannot_start(real):
    assert real.run_step("Trying", [str(real.ROOT / "no-such-program")]) == 127


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting numpy==2.4.6", "collecting numpy"),
        ("  Downloading matplotlib-3.11.2-cp311-cp311-x.whl (8.0 MB)", "downloading matplotlib"),
        ("Installing collected packages: a, b", "installing packages"),
        ("Processing /srv/wheels/torch-2.13.0+cpu-cp311.whl", "processing torch"),
        ("WARNING: whatever", ""),
    ],
)
def test_progress_in_few_words(real, line, words):
    assert real.activity(line) == words


@POSIX
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_the_installer_too(real, sent):
    started = real.ROOT / "child.txt"
    child = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"import sys, course; course.run_step('Trying', [sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=real.ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(sent)
    assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_path_with_a_space_reaches_the_installer_whole(real, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    folder = tmp_path / "my course"
    shutil.copytree(tmp_path, folder, ignore=shutil.ignore_patterns("my course"))
    real.ROOT, real.VENV = folder, folder / ".venv"
    # pip and uv split these variables at spaces: each piece has to be a file where the step runs.
    names = ["PIP_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"]
    code = f"import os; [open(part) for name in {names} for part in os.environ[name].split()]"
    assert real.run_step("Trying", [sys.executable, "-c", code]) == 0
