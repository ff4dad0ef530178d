"""The way in: `python course.py lab` opens the course, `python course.py test` checks it.

Needs Python 3.11 or newer and nothing else. It makes the environment `.venv` beside this file, installs what
constraints.txt pins, and hands the command over to course_lib/cli.py inside that environment.
"""

import sys

# An older Python 3 must be able to read this whole file, to get as far as this sentence: no walrus, no match.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "The course needs Python 3.11 or newer; this is Python %d.%d (%s).\n"  # noqa: UP031
        "Install a newer one from your system's packages or python.org, then run for example: "
        "python3.11 course.py lab" % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = "course-stamp.txt"  # written last: what the finished environment was made from
UNFINISHED = "course-unfinished.txt"  # written first, held open while the set-up runs, removed last
LOG = "course-setup.log"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SPACE_NEEDED = 3 * 10**9  # bytes: the environment takes about 1.9 GB, unpacking some more
LINUX = sys.platform.startswith("linux")

COMMANDS = {
    "lab": "open the course in JupyterLab (--no-browser, --port N, --folder DIR)",
    "test": "run every test (--quick leaves out training lessons and the browser)",
    "doctor": "say what is there and what is missing",
    "progress": "show what you opened, predicted and solved",
    "reset": "bring back a lesson's notebooks, keeping yours beside them: reset 02",
    "build": "make the notebooks from sources/ (build 02, build --check)",
    "bench": "measure the explorers: bench explorers",
    "grade": "mark a class: grade SUBMISSIONS --roster roster.csv --out marks",
    "release": "make the copy for learners, and nbgrader's: --out DIR, --exercises 03,04",
}

# What a line of the installer's log means, and what to do about it. The first match wins.
CAUSES = (
    (
        r"No space left|Errno 28|disk.*full|not enough space",
        "The disk is full. Free about 3 GB, then run the same command again.",
    ),
    (
        r"Read-only file system|Errno 30|Permission denied|Errno 13|Access is denied",
        "This folder cannot be written. Move the course to a folder of your own, then run it there.",
    ),
    (
        r"name resolution|getaddrinfo|NewConnectionError|Failed to establish|ConnectionError|timed out"
        r"|Connection refused|Network is unreachable|ProxyError|dns error|error sending request",
        "The network could not be reached. Connect (or check the proxy), then run the same command again; "
        "what was downloaded is kept.",
    ),
)
UNKNOWN_CAUSE = "Run the same command again. If it stops at the same place, ask `python course.py doctor`."


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


def main(arguments: list[str]) -> int:
    """Run one command; the result is the exit status."""
    command = arguments[0] if arguments else ""
    if command not in COMMANDS:
        print(usage())
        if command in ("", "-h", "--help", "help"):
            return 0
        print(f"\nThere is no command `{command}`.", file=sys.stderr)
        return 2
    if command == "doctor":
        return doctor()
    accept_cuda = "--accept-cuda" in arguments
    arguments = [argument for argument in arguments if argument != "--accept-cuda"]
    if {"-h", "--help"} & set(arguments) and state() != "ready":
        print(usage())
        return 0
    try:
        set_up(accept_cuda)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nThe set-up was interrupted. Nothing is lost: run the same command again. "
            "It starts over cleanly and uses what was already downloaded.",
            file=sys.stderr,
        )
        return 130
    return hand_over(arguments)


def usage() -> str:
    """The short help."""
    lines = [f"  {name:<10}{what}" for name, what in COMMANDS.items()]
    return "\n".join(["python course.py COMMAND", "", *lines])


def hand_over(arguments: list[str]) -> int:
    """Run the command inside the environment, in place of this process where the system can do that."""
    # -P: a folder `course_lib` where the reader happens to stand must not be taken for ours.
    command = [str(python_of(VENV)), "-P", "-m", "course_lib.cli", *arguments]
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(command[0], command, clean_environment())
    try:
        return subprocess.run(command, env=clean_environment()).returncode
    except KeyboardInterrupt:
        return 130


def doctor() -> int:
    """Say what is there and what is missing, with the standard library alone."""
    # course_lib/__init__.py needs packages that may be missing: stand in an empty package for it.
    package = types.ModuleType("course_lib")
    package.__path__ = [str(ROOT / "course_lib")]
    sys.modules["course_lib"] = package
    from course_lib.doctor import report

    return report(ROOT, VENV, python_of(VENV), state())


# --- the environment ---------------------------------------------------------------------------------------


def python_of(venv: Path) -> Path:
    """The environment's Python."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def recipe() -> str:
    """What a finished environment is made from: when this changes, it is brought up to date."""
    content = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    return f"{hashlib.sha256(content).hexdigest()}\nPython {version_of(python_of(VENV))}\n{ROOT}\n"


def version_of(python: Path) -> str:
    """What this Python says of itself, e.g. "3.11"; "" when it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def state() -> str:
    """One of "absent", "unfinished", "foreign", "outdated", "broken", "ready"."""
    if not VENV.exists():
        return "broken" if VENV.is_symlink() else "absent"
    if (VENV / UNFINISHED).exists():
        return "unfinished"
    if not (VENV / STAMP).is_file():
        return "foreign"
    stamp = (VENV / STAMP).read_text(encoding="utf-8", errors="replace")
    wanted = recipe()
    if stamp == wanted:
        return "ready"
    # Its Python is gone or another, or the folder was moved: nothing in there can be relied on.
    return "outdated" if stamp.splitlines()[1:] == wanted.splitlines()[1:] else "broken"


def set_up(accept_cuda: bool = False) -> None:
    """Make sure that `.venv` holds what constraints.txt says. Quick when it does already.

    Raises SetupError with a sentence for the reader.
    """
    try:
        found = state()
        if found != "ready":
            started = time.monotonic()
            prepare(found)
            install_and_stamp(found, accept_cuda)
            print(f"The environment is ready ({time.monotonic() - started:.0f} s).", flush=True)
    except OSError as error:
        raise SetupError(f"The set-up could not use {VENV}: {error}\n{cause_of(str(error))}") from error


def install_and_stamp(found: str, accept_cuda: bool) -> None:
    """Install under the mark of the unfinished; the stamp is written last."""
    stamp = VENV / STAMP
    old = stamp.read_text(encoding="utf-8") if found == "outdated" else None
    with unfinished_marker():
        stamp.unlink(missing_ok=True)
        try:
            install_all(accept_cuda)
        except SetupError:
            if old is not None:  # an installer that gives up takes its changes back: the old one still works
                stamp.write_text(old, encoding="utf-8")
                (VENV / UNFINISHED).unlink()
            raise
        stamp.write_text(recipe(), encoding="utf-8")
    (VENV / UNFINISHED).unlink()


def prepare(found: str) -> None:
    """Leave either no `.venv` or one that can be built on; never delete what another program made."""
    if found in ("absent", "unfinished", "broken"):
        refuse_when_running()
        free = shutil.disk_usage(ROOT).free
        if free < SPACE_NEEDED:
            raise SetupError(
                f"The set-up needs about {SPACE_NEEDED / 1e9:.0f} GB in {ROOT}; {free / 1e9:.1f} GB "
                "are free. Free some space, then run the same command again."
            )
    if found == "unfinished":
        print("An earlier set-up was not finished: making the environment anew.", flush=True)
    elif found == "broken":
        print("The environment belongs to another Python or another folder: making it anew.", flush=True)
    elif found == "outdated":
        print("The course has changed: bringing the environment up to date.", flush=True)
    elif found == "foreign" and not works(python_of(VENV)):
        aside = VENV.with_name(f".venv-old-{time.strftime('%Y%m%d-%H%M%S')}")
        print(f"The .venv here is not ours and does not work: it is now called {aside.name}.", flush=True)
        VENV.rename(aside)
    if found in ("unfinished", "broken"):
        remove(VENV)
    VENV.mkdir(exist_ok=True)


def remove(venv: Path) -> None:
    """Empty an environment that this course made; the mark stays, so an interruption leaves it unfinished."""
    if venv.is_symlink():
        venv.unlink()
        return
    (venv / UNFINISHED).touch()
    for entry in venv.iterdir():
        if entry.name == UNFINISHED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def works(python: Path) -> bool:
    """Whether this Python runs, is new enough, and has pip."""
    code = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def lock(file) -> bool:
    """Take a lock that ends with the process; True without one where the system has none of this kind."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def refuse_when_running() -> None:
    """Raise when another set-up is at work in this folder."""
    marker = VENV / UNFINISHED
    if marker.exists():
        with marker.open() as file:
            if not lock(file):
                raise SetupError("Another set-up is running in this folder. Wait until it is finished.")


@contextmanager
def unfinished_marker() -> Iterator[None]:
    """Mark the environment as unfinished; the mark stays when anything goes wrong."""
    with (VENV / UNFINISHED).open("w", encoding="utf-8") as file:
        if not lock(file):
            raise SetupError("Another set-up is running in this folder. Wait until it is finished.")
        file.write("The set-up of this environment was not finished.\n")
        file.flush()
        yield


# --- installing --------------------------------------------------------------------------------------------


def install_all(accept_cuda: bool) -> None:
    """Python environment, then torch on its own, then everything else."""
    if not python_of(VENV).exists():
        print("Setting up the course in .venv: once, some minutes, about 1.9 GB.", flush=True)
        make = [sys.executable, "-m", "venv", str(VENV)]
        if run_step("Making the Python environment", make) != 0:
            raise failed_step("The Python environment could not be made.", no_venv_hint())
    install_torch(accept_cuda)
    everything = [*installer(), *configured_sources(), "-e", ".[test]"]
    if run_step("Installing the other packages", everything) != 0:
        raise failed_step("The packages could not be installed.")


def install_torch(accept_cuda: bool) -> None:
    """The CPU build of torch, without the gigabytes of CUDA that Linux gets by default."""
    pin = torch_pin()
    record = f"{pin.replace('==', '-')}*.dist-info"
    if any(any(VENV.glob(f"{folder}/site-packages/{record}")) for folder in ("lib/python*", "Lib")):
        return
    if not LINUX or accept_cuda:
        if run_step("Installing torch", [*installer(), *configured_sources(), pin]) != 0:
            raise failed_step("torch could not be installed.")
        return
    cpu = [*installer(), "--no-deps", f"{pin}+cpu"]
    if run_step("Installing torch (CPU build)", [*cpu, *configured_sources()]) == 0:
        return
    if run_step("Fetching torch from PyTorch's own index", [*cpu, "--index-url", TORCH_CPU_INDEX]) == 0:
        return
    raise failed_step(
        "The CPU build of torch was not found, neither where pip is set up to look nor in PyTorch's index.",
        "If you can reach PyPI and accept the large build (several GB with CUDA), add --accept-cuda.",
    )


def torch_pin() -> str:
    """The line of constraints.txt that pins torch."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return re.search(r"^torch==\S+", text, re.MULTILINE).group()


def installer() -> list[str]:
    """The start of an install command: uv where present, else pip. Both get the same versions."""
    python = str(python_of(VENV))
    uv = shutil.which("uv")
    if uv:
        # Best match over all indexes is what pip does.
        return [uv, "pip", "install", "--python", python, "--index-strategy", "unsafe-best-match"]
    return [python, "-m", "pip", "install", "--progress-bar", "off", "--no-warn-script-location"]


def configured_sources() -> list[str]:
    """Where pip is set up to look, as options for uv, which does not read pip's settings."""
    if not shutil.which("uv"):
        return []
    command = [str(python_of(VENV)), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, env=clean_environment()).stdout
    found = {}
    for line in listed.splitlines():  # e.g. global.find-links='/srv/wheels'; what the environment says wins
        match = re.fullmatch(r"(\S+)\.(find-links|index-url|extra-index-url)='(.*)'", line)
        if match and (match[2] not in found or match[1].startswith(":env:")):
            found[match[2]] = match[3].replace("\\n", " ").split()
    return [f"--{option}={value}" for option, values in sorted(found.items()) for value in values]


def clean_environment() -> dict[str, str]:
    """The reader's environment variables, without those that make Python look elsewhere for packages."""
    leave_out = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in leave_out}


def install_environment() -> dict[str, str]:
    """The same for an installer: quiet, no questions, our pins even for what builds the course's package."""
    pins = "constraints.txt"  # relative to ROOT: the variables are split at spaces, which a path may have
    return clean_environment() | {
        "PIP_CONSTRAINT": pins,
        "UV_CONSTRAINT": pins,
        "UV_BUILD_CONSTRAINT": pins,
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONUNBUFFERED": "1",
    }


def run_step(title: str, command: list[str]) -> int:
    """Run one step, its output in the log and a short line on the screen; the result is its exit status."""
    with (VENV / LOG).open("a", encoding="utf-8") as log:
        log.write(f"\n=== {title}\n{' '.join(map(str, command))}\n")
        log.flush()
        try:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                text=True, encoding="utf-8", errors="replace", env=install_environment(), cwd=ROOT,
            )  # fmt: skip
        except OSError as error:
            log.write(f"{error}\n")
            return 127
        with ended_with_us(process):
            return watch(title, process, log)


@contextmanager
def ended_with_us(process: subprocess.Popen) -> Iterator[None]:
    """Do not leave an installer running when this process is interrupted or asked to end."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if process.poll() is None:
            process.kill()
            process.wait()


def watch(title: str, process: subprocess.Popen, log) -> int:
    """Show that the step is alive: one line that moves on a screen, a line every 20 s elsewhere."""
    latest = [""]

    def read() -> None:
        for line in process.stdout:
            log.write(line)
            latest[0] = activity(line) or latest[0]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    started = time.monotonic()
    on_screen = sys.stdout.isatty()
    next_line = 20
    if not on_screen:
        print(f"  {title} ...", flush=True)
    while process.poll() is None:
        time.sleep(0.2)
        seconds = time.monotonic() - started
        if on_screen:
            print(f"\r  {title} ({seconds:.0f} s) {latest[0]:<40.40}", end="", flush=True)
        elif seconds > next_line:
            print(f"    {seconds:.0f} s: {latest[0]}", flush=True)
            next_line += 20
    reader.join()
    log.flush()
    outcome = "done" if process.returncode == 0 else "did not work"
    seconds = time.monotonic() - started
    line = f"  {title}: {outcome} ({seconds:.0f} s)"
    print(f"\r{line:<78}" if on_screen else line, flush=True)
    return process.returncode


def activity(line: str) -> str:
    """What an installer's line says about its progress, in two or three words ("" for other lines)."""
    match = re.match(r"\s*(Collecting|Downloading|Building|Preparing|Installing|Processing)\s+(\S+)", line)
    if not match:
        return ""
    name = re.split(r"[-=<>~!;\[]", match[2].rsplit("/", 1)[-1])[0]
    return f"{match[1].lower()} {'packages' if name == 'collected' else name}"


def failed_step(what: str, hint: str = "") -> SetupError:
    """The error for the reader: what failed, the last lines of the log, what to do."""
    text = (VENV / LOG).read_text(encoding="utf-8", errors="replace")
    last_try = text[text.rfind("\n=== ") :]
    tail = [line for line in last_try.splitlines() if line.strip() and not line.startswith("WARNING")][-8:]
    advice = [line for line in (cause_of(last_try), hint) if line]
    if hint and advice[0] == UNKNOWN_CAUSE:
        advice = [hint]
    shown = "\n".join(f"  | {line[:150]}" for line in tail)
    return SetupError("\n".join([what, shown, *advice, f"The whole log: {VENV / LOG}"]))


def cause_of(text: str) -> str:
    """A sentence for the first known cause in an installer's output."""
    fitting = (advice for pattern, advice in CAUSES if re.search(pattern, text, re.IGNORECASE))
    return next(fitting, UNKNOWN_CAUSE)


def no_venv_hint() -> str:
    """Debian and Ubuntu leave ensurepip out of their Python."""
    if LINUX:
        return "On Debian and Ubuntu, Python's venv is a package of its own: apt install python3-venv"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
