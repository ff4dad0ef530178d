"""The trusted side of a worker: start it behind bubblewrap, send it an exercise, take back plain data."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.checks.calling import Answer
from course_lib.grading import wire
from course_lib.grading.extract import ROOT

NOBODY = 65534
START_SECONDS = 120.0
LATE = 5.0  # seconds after the limit at which the worker itself counts as lost
LOST = b'{"end": "lost", "cpu": 0}'
SHOWN_FILES = (
    "checks/calling.py", "checks/given.py", "checks/modules.py", "checks/spec.py",
    "grading/__init__.py", "grading/worker.py", "grading/wire.py", "grading/forbidden.py",
)  # fmt: skip
# what stands in for the rest of the course: imports of it must not fail, its calls do nothing
STAND_INS = {
    "__init__.py": "def start(*_, **__): ...\n\n\npredict = compare = progress = start\n",
    "checks/__init__.py": (
        "from course_lib.checks.given import Made\n"
        "from course_lib.checks.spec import Case, Exercise, Seen\n\n\n"
        "def check(*_, **__): ...\n\n\nhint = hunt = solution = check\nHunt = Verdict = object\n"
    ),
}
PLACE, ENVIRONMENT_PLACE = "/course", "/environment"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip
NO_BUBBLEWRAP = (
    "Submissions run behind bubblewrap, which is not here. On Debian and Ubuntu: apt install bubblewrap. "
    "Without it (--sandbox none) a submission runs with your rights and could alter files."
)


class SandboxError(Exception):
    """No worker can be had; the text says why and what to do."""


@dataclass
class Outcome:
    """What came of one exercise.

    `end` is exit, signal, killed (its time was over), flood (it sent too much) or lost (the worker itself is
    gone). `answers` is None if none came; `undefined` then holds (error, text) of definitions that failed.
    """

    end: str
    cpu: float = 0.0
    answers: list[Answer] | None = None
    printed: str = ""
    flags: tuple[str, ...] = ()
    undefined: list[tuple[str, str]] | None = None


@dataclass
class Sandbox:
    """One worker, started when it is first needed. `mode` is bwrap or none; close it at the end.

    With `warm` one process imports the libraries and forks a child for each exercise; where a system forbids
    that (no namespaces inside of namespaces, no fork) each exercise starts a process of its own.
    """

    mode: str = "bwrap"
    seconds: float = 10.0
    warm: bool = field(default_factory=lambda: sys.platform == "linux")
    process: subprocess.Popen | None = None
    control: socket.socket | None = None
    view: tempfile.TemporaryDirectory | None = None

    def __post_init__(self) -> None:
        if self.mode == "bwrap" and not shutil.which("bwrap"):
            raise SandboxError(NO_BUBBLEWRAP)
        self.view = tempfile.TemporaryDirectory(prefix="course-view-")
        make_view(Path(self.view.name) / "course_lib")

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and all that it started."""
        self.end_worker()
        self.view.cleanup()

    @staticmethod
    def protection_of(mode: str) -> str:
        """What stands between a submission and this machine, in words."""
        if mode == "none":
            return "Submissions ran without a sandbox, with the rights of whoever gave the command."
        return "bubblewrap: each exercise alone in its own namespaces, without network, files or rights."

    def run(
        self, name: str, source: str, calls: bytes, modules: dict[str, str], forbidden: Sequence[str]
    ) -> Outcome:
        """What the definition `name` of a source answers to these calls (as `wire.pack_calls` made them)."""
        request = wire.pack({
            "name": name, "source": source, "calls": calls, "modules": modules,
            "forbidden": list(forbidden), "seconds": self.seconds,
        })  # fmt: skip
        if self.warm:
            outcome = self.run_warm(request)
            if outcome.end == "lost":  # by whatever it was: a new one gets the same exercise once more
                outcome = self.run_warm(request)
            if outcome.end != "no namespace":
                return outcome
            self.end_worker()
            self.warm = False
        return self.run_once(request)

    # ------------------------------------------------------------------ warm

    def run_warm(self, request: bytes) -> Outcome:
        """Hand the request to a new child of the warm process."""
        if self.process is None:
            self.start()
        (ours, theirs), (report, told) = socket.socketpair(), socket.socketpair()
        with ours, report:
            try:
                with theirs, told:
                    descriptors = [theirs.fileno(), told.fileno()]
                    socket.send_fds(self.control, [str(self.seconds).encode()], descriptors)
            except OSError:  # the worker is gone
                self.end_worker()
                return Outcome("lost")
            return self.converse(ours, report, request)

    def converse(self, ours: socket.socket, report: socket.socket, request: bytes) -> Outcome:
        """Send the request, collect what comes back until the child has ended."""
        over = time.monotonic() + self.seconds + LATE
        received, is_done, ended = bytearray(), False, b""
        ours.setblocking(False)
        waiting = memoryview(request)
        while not ended:
            reading = [report] if is_done else [report, ours]
            ready, writable, _ = select.select(
                reading, [ours] if waiting else [], [], max(over - time.monotonic(), 0)
            )
            if not ready and not writable:
                break
            if writable:
                waiting = self.sent(ours, waiting)
            if ours in ready:
                is_done = not receive(ours, received)
            if report in ready:
                ended = report.recv(4096) or LOST
        while not is_done and select.select([ours], [], [], 0)[0] and receive(ours, received):
            pass
        how = json.loads(ended or LOST)
        if how["end"] == "lost":
            self.end_worker()
        return outcome_of(bytes(received), "flood" if len(received) > wire.LIMIT else how["end"], how["cpu"])

    @staticmethod
    def sent(ours: socket.socket, waiting: memoryview) -> memoryview:
        """Send a piece; what is left. After the last piece the other side sees the end of the request."""
        try:
            waiting = waiting[ours.send(waiting) :]
        except BlockingIOError:
            return waiting
        except OSError:  # the child is gone
            return memoryview(b"")
        if not waiting:
            with contextlib.suppress(OSError):
                ours.shutdown(socket.SHUT_WR)
        return waiting

    def start(self) -> None:
        """Start the warm process and wait until it is ready. SandboxError if it does not come."""
        self.control, theirs = socket.socketpair()
        said = b""
        user = NOBODY if self.is_root() else None
        boot = f"from course_lib.grading.worker import serve; serve({user}, {self.mode == 'bwrap'})"
        with tempfile.TemporaryFile() as log:
            with theirs:
                self.process = subprocess.Popen(
                    self.command(boot),
                    stdin=theirs,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=self.environment(),
                )
            self.control.settimeout(START_SECONDS)
            with contextlib.suppress(TimeoutError):
                said = self.control.recv(16)
            if said != b"ready":
                self.end_worker()
                log.seek(0)
                text = log.read().decode("utf-8", "replace").strip()
                raise SandboxError(f"The worker did not start: {text[-500:] or 'it said nothing'}")
        self.control.settimeout(None)

    def end_worker(self) -> None:
        """End the warm process; its children end with it."""
        if self.control:
            self.control.close()
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = self.control = None

    # ------------------------------------------------------------------ one process for each exercise

    def run_once(self, request: bytes) -> Outcome:
        """Start a process for this request alone."""
        user = NOBODY if self.is_root() else None
        boot = f"from course_lib.grading.worker import once; once({user}, {self.seconds})"
        process = subprocess.Popen(
            self.command(boot), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=self.environment(), start_new_session=True,
        )  # fmt: skip
        try:
            received, _ = process.communicate(request, timeout=self.seconds + START_SECONDS)
            end = "exit" if process.returncode == 0 else "signal"
        except subprocess.TimeoutExpired:
            received, end = b"", "killed"
        finally:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
        return outcome_of(received, "flood" if len(received) > wire.LIMIT else end, 0.0)

    # ------------------------------------------------------------------ the view

    def is_root(self) -> bool:
        """Whether the worker has to give up root."""
        return self.mode == "bwrap" and os.geteuid() == 0

    def environment(self) -> dict[str, str]:
        """The worker's environment: nothing of ours is in it."""
        return (
            ENVIRONMENT if os.name == "posix" else {**os.environ, **ENVIRONMENT, "PATH": os.environ["PATH"]}
        )

    def command(self, boot: str) -> list[str]:
        """The command line of a worker."""
        place = PLACE if self.mode == "bwrap" else self.view.name
        script = ["-I", "-c", f"import sys; sys.path.insert(0, {place!r}); {boot}"]
        if self.mode != "bwrap":
            return [sys.executable, *script]
        return [*self.walls(), sys.executable.replace(sys.prefix, seen_prefix(), 1), *script]

    def walls(self) -> list[str]:
        """bubblewrap and what of the machine can be seen behind it, read-only."""
        binds = {"/usr": "/usr", sys.base_prefix: sys.base_prefix, sys.prefix: seen_prefix()}
        parents = {parent for path in binds.values() for parent in Path(path).parents if parent != Path("/")}
        # made by hand, as those that bubblewrap makes for a bind are closed to others than root
        seen = [option for path in sorted(parents) for option in ("--perms", "0755", "--dir", str(path))]
        seen += [option for path, inside in binds.items() for option in ("--ro-bind", path, inside)]
        for name in ("bin", "lib", "lib64", "lib32"):
            path = Path("/", name)
            if path.is_symlink():
                seen += ["--symlink", os.readlink(path), str(path)]
            elif path.is_dir():
                seen += ["--ro-bind", str(path), str(path)]
        for path in ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"):
            seen += ["--ro-bind-try", path, path]
        for installed in Path(sys.prefix).glob("lib*/python*/site-packages/course_lib"):
            # a course that is installed there holds the solutions
            seen += ["--tmpfs", str(Path(seen_prefix(), installed.relative_to(sys.prefix)))]
        # root keeps what it needs to become another; everybody else becomes root of an empty world
        is_root = os.geteuid() == 0
        rights = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if is_root else ["--unshare-user"]
        own = [f"--unshare-{name}" for name in ("pid", "net", "ipc", "uts", "cgroup-try")]
        empty = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        world = ["--ro-bind", self.view.name, PLACE, "--chdir", "/", "--hostname", "marking"]
        ends = ["--new-session", "--die-with-parent", "--cap-drop", "ALL", *rights]
        return [shutil.which("bwrap"), *empty, *seen, *world, *own, *ends]


def seen_prefix() -> str:
    """Where a worker sees the environment of this Python: wherever it lies, in /tmp too, at one place.

    A Python without an environment of its own stays where it is.
    """
    return sys.prefix if sys.prefix == sys.base_prefix else ENVIRONMENT_PLACE


def make_view(folder: Path) -> None:
    """The part of the course that a worker sees: how to call an answer, no reference, no solution."""
    for name in SHOWN_FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "course_lib" / name, path)
    for name, text in STAND_INS.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in [folder.parent, *folder.parent.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # another user must be able to read it


def receive(channel: socket.socket, received: bytearray) -> bool:
    """Take what is there; False when nothing more is to be taken: at the end, or beyond the limit."""
    try:
        piece = channel.recv(2**20)
    except BlockingIOError:
        return True
    except OSError:
        return False
    received += piece
    return bool(piece) and len(received) <= wire.LIMIT


def outcome_of(received: bytes, end: str, cpu: float) -> Outcome:
    """What a worker sent, checked field by field; what is not as it should be is as if it had not come."""
    outcome = Outcome(end, cpu)
    flags: dict[str, None] = {}
    if end == "flood":
        return outcome
    with contextlib.suppress(wire.WireError):
        for message in messages(received):
            take(message, outcome, flags)
    outcome.flags = tuple(flags)
    return outcome


def messages(received: bytes) -> list[dict]:
    """The messages of a worker. WireError at the first that is none."""
    found, place = [], 0
    while place < len(received):
        head = received[place : place + 8]
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else len(received)
        content = received[place + 8 : place + 8 + length]
        if len(content) != length:
            return found
        found.append(wire.unpack(content))
        place += 8 + length
    return found


def take(message: object, outcome: Outcome, flags: dict[str, None]) -> None:
    """Add one message to an outcome; the first answers that come count."""
    if not isinstance(message, dict):
        raise wire.WireError("a message is a dict")
    if isinstance(message.get("flag"), str) and len(flags) < 20:
        flags[message["flag"][:100]] = None
    if outcome.answers is not None or outcome.undefined is not None:
        return
    if isinstance(message.get("answers"), list):
        outcome.answers = [wire.checked_answer(answer) for answer in message["answers"]]
        outcome.printed = wire.checked_text(message.get("printed", ""))
    elif isinstance(message.get("undefined"), list):
        outcome.undefined = [wire.checked_pair(pair) for pair in message["undefined"]]
