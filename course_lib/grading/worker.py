"""Inside the sandbox: a warm process that forks one child for each exercise, and what such a child does.

Neither knows an expected value, a seed or a mark. The warm process never sees what a submission holds: it
passes two file descriptors on to the child, which reads its request itself. A child has its own user,
process, mount, network and IPC namespaces; when it ends, or is ended, nothing that it started lives on.
"""

import __future__

import ast
import contextlib
import ctypes
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import linecache
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from types import ModuleType

FILE = "<submission>"
GRACE = 0.25  # seconds between the limit that an answer is told and the end of its process
USER, PROCESS, MOUNT, NETWORK, IPC = 0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x08000000
NOSUID_NODEV, BIND_ALL, RECURSIVELY_PRIVATE = 2 | 4, 0x1000 | 0x4000, 0x4000 | 1 << 18
PDEATHSIG, DUMPABLE, CAPBSET_DROP, NO_NEW_PRIVS = 1, 4, 24, 38  # of prctl
CAPABILITY_VERSION, LAST_CAPABILITY = 0x20080522, 63
HIDDEN, INNER_ROOT = ("/proc", "/dev/shm", "/tmp"), "/proc/root"
PROCESSES, OPEN_FILES, FILE_BYTES = 16, 64, 2**20
MEMORY = 2 * 2**30  # bytes that an answer may take on top of what the libraries do


# ------------------------------------------------------------------ the warm process


def serve(user: int | None, alone: bool) -> None:
    """Fork a child for each pair of descriptors (request, report) that comes on standard input.

    `user` is who to become first; with `alone` a child gets namespaces of its own.
    """
    if user is not None:
        become(user)
    load()
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    quiet()
    control.sendall(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 64, 2)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            supervise(*descriptors, float(message), alone)
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def once(user: int | None, seconds: float) -> None:
    """One exercise in this very process: the request comes on standard input, the answer goes to standard
    output."""
    if user is not None:
        become(user)
        powerless()
    request, out = sys.stdin.buffer.read(), os.fdopen(os.dup(1), "wb")
    quiet()
    load()
    limit(seconds, alone=user is not None)
    exercise(request, lambda data: (out.write(data), out.flush()))
    os._exit(0)


def load() -> None:
    """Import what answers need, once."""
    import torch

    from course_lib.checks import modules  # noqa: F401
    from course_lib.grading import forbidden, wire  # noqa: F401

    torch.set_num_threads(1)
    torch.ones(2, requires_grad=True).sum().backward()


def become(user: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    libc().prctl(DUMPABLE, 1, 0, 0, 0)  # its own files in /proc must stay its own


def quiet() -> None:
    """Nothing to read, and what is written goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)


# ------------------------------------------------------------------ a child and the one that watches it


def supervise(request: int, report: int, seconds: float, alone: bool) -> None:
    """Run one exercise in a child, end it when its time is over, say how it ended. Does not return."""
    os.setsid()
    ended = {"end": "no namespace", "code": 0, "cpu": 0.0}
    with contextlib.suppress(OSError):
        if alone:
            own_namespaces()
        child = os.fork()
        if child == 0:
            os.close(report)
            child_of(request, seconds, alone)
        os.close(request)
        ended = wait(child, seconds + GRACE)
        if not alone:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
    os.write(report, json.dumps(ended).encode())
    os._exit(0)


def own_namespaces() -> None:
    """Let the next child live in namespaces of its own; OSError where the system does not allow it."""
    user, group = os.getuid(), os.getgid()
    if libc().unshare(USER | PROCESS | MOUNT | NETWORK | IPC):
        raise OSError(ctypes.get_errno(), "unshare")
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    for name, line in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def wait(child: int, seconds: float) -> dict:
    """How a child ended, and its CPU seconds; it is killed when its time is over."""
    waiting = select.poll()
    waiting.register(os.pidfd_open(child), select.POLLIN)
    in_time = bool(waiting.poll(1000 * seconds))
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end = "killed" if not in_time else ("signal" if code < 0 else "exit")
    return {"end": end, "code": code, "cpu": usage.ru_utime + usage.ru_stime}


def child_of(request: int, seconds: float, alone: bool) -> None:
    """The child: behind its walls first, then the exercise. Does not return."""
    try:
        os.setsid()
        limit(seconds, alone)
        if alone:
            behind_walls()
        channel = socket.socket(fileno=request)
        parts = iter(lambda: channel.recv(2**20), b"")
        exercise(b"".join(parts), channel.sendall)
    finally:
        os._exit(0)


def behind_walls() -> None:
    """Hide what the warm process and other children could be reached by, and give up all rights."""
    system = libc()
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # the first to go when memory is short
    _done(system.mount(b"none", b"/", None, RECURSIVELY_PRIVATE, None), "private mounts")
    for place in HIDDEN:
        if os.path.isdir(place):
            _done(system.mount(b"none", place.encode(), b"tmpfs", NOSUID_NODEV, b"size=16m"), place)
    # a process whose root is not that of its mounts cannot make further user namespaces
    os.mkdir(INNER_ROOT)
    _done(system.mount(b"/", INNER_ROOT.encode(), None, BIND_ALL, None), "the same files once more")
    os.chroot(INNER_ROOT)
    os.chdir("/tmp")
    powerless()
    system.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def powerless() -> None:
    """Drop every capability, for this process and all that it may start."""
    system = libc()
    for capability in range(LAST_CAPABILITY):
        system.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    # the header, then empty sets: effective, permitted, inheritable, each in two words
    _done(system.capset(struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24)), "capabilities")
    system.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)


def _done(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


def limit(seconds: float, alone: bool) -> None:
    """Bounds on memory, CPU, files and processes, where the system knows them."""
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = {
        "RLIMIT_CPU": int(seconds) + 2,
        "RLIMIT_FSIZE": FILE_BYTES,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
    }
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            bounds["RLIMIT_AS"] = int(file.read().split()[0]) * resource.getpagesize() + MEMORY
    if alone:  # else those that the instructor runs would count
        bounds["RLIMIT_NPROC"] = PROCESSES
    for name, most in bounds.items():
        resource.setrlimit(getattr(resource, name), (most, most))


def libc() -> ctypes.CDLL:
    """The C library, for what Python 3.11 has no function for."""
    return ctypes.CDLL(None, use_errno=True)


# ------------------------------------------------------------------ one exercise


def exercise(request: bytes, send: Callable[[bytes], object]) -> None:
    """Define an answer, call it, send what came: flags as they happen, then the answers."""
    from course_lib.grading import forbidden, wire

    def tell(message: dict) -> None:
        content = wire.pack(message)
        send(struct.pack("<Q", len(content)) + content)

    wanted = wire.unpack(request)
    sys.meta_path.insert(0, Served(wanted["modules"]))
    calls = wire.unpack_calls(
        wanted["calls"], lambda module, name: getattr(importlib.import_module(module), name)
    )
    forbidden.watch(wanted["forbidden"], is_trusted, lambda name: tell({"flag": name}))
    tell(answered(wanted["source"], wanted["name"], calls, wanted["seconds"]))


def answered(source: str, name: str, calls: list, seconds: float) -> dict:
    """The answers to all calls, and what was printed; or which definitions failed, if `name` is not there."""
    from course_lib.checks import calling
    from course_lib.grading import wire

    space, failures = defined(source)
    if name not in space:
        return {"undefined": failures}
    answers, printed = calling.run(space[name], calls, seconds)
    return {"answers": [wire.plain_answer(answer) for answer in answers], "printed": printed}


def defined(source: str) -> tuple[dict, list[tuple[str, str]]]:
    """What a source defines, and (error, text) of each statement that failed: its names are not there."""
    module = ModuleType("__main__")
    module.__file__ = FILE
    sys.modules["__main__"] = module
    linecache.cache[FILE] = len(source), None, source.splitlines(keepends=True), FILE
    failures = []
    for statement in ast.parse(source).body:
        part = ast.Module([statement], [])
        try:
            exec(
                compile(part, FILE, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True),
                vars(module),
            )
        except BaseException as error:  # SystemExit too
            failures.append((type(error).__name__, " ".join(str(error).split())[:200]))
    return vars(module), failures


def is_trusted(file: str) -> bool:
    """Whether code of this file is a library's or ours: the answer's own has no file."""
    return not file.startswith("<") or file.startswith(("<served", "<frozen"))


class Served(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports course modules from the sources that a request brings."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: object = None, target: object = None):
        is_package = any(other.startswith(f"{name}.") for other in self.sources)
        if name in sys.modules or not (name in self.sources or is_package):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        source = self.sources.get(module.__name__, "")
        exec(compile(source, f"<served {module.__name__}>", "exec"), vars(module))
