"""Marking many submissions at once: processes of this machine, or workers of a Dask cluster."""

import contextlib
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice

from course_lib.grading.marking import Marker, refusal
from course_lib.grading.records import Marked, Submission
from course_lib.grading.sandbox import Sandbox
from course_lib.grading.worker import PDEATHSIG, libc

AT_ONCE = 4  # submissions that wait for each process: enough to keep it busy
STOPS_US = "marking this notebook ended the marking process twice; look at it by hand"


@dataclass(frozen=True)
class Setting:
    """What every process of a crew needs to know."""

    seed: int
    mode: str
    seconds: float


_marker: dict[Setting, Marker] = {}
_turn = threading.Lock()


def mark_one(setting: Setting, submission: Submission) -> Marked:
    """Mark a submission with the marker of this process, which is made when it is first needed."""
    with _turn:
        if setting not in _marker:
            _marker[setting] = Marker(setting.seed, Sandbox(setting.mode, setting.seconds))
        return _marker[setting].mark(submission)


def end_with_parent() -> None:
    """Let this process end when the one that started it ends, however that happens; leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        libc().prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def mark_here(
    setting: Setting, submissions: Mapping[str, Submission], jobs: int
) -> Iterator[tuple[str, Marked]]:
    """The marks by key, in the order in which they are ready, by so many processes.

    A submission that ends the marking process is tried once more, alone, and then refused: nobody else's
    marks depend on it.
    """
    left = dict(submissions)
    try:
        for key, marked in _in_pool(setting, list(left.items()), jobs):
            del left[key]
            yield key, marked
    except BrokenProcessPool:
        for key, submission in left.items():
            yield key, _alone(setting, key, submission)


def _alone(setting: Setting, key: str, submission: Submission) -> Marked:
    try:
        [(_, marked)] = _in_pool(setting, [(key, submission)], 1)
        return marked
    except BrokenProcessPool:
        return refusal(submission, STOPS_US)


def _in_pool(
    setting: Setting, submissions: Iterable[tuple[str, Submission]], jobs: int
) -> Iterator[tuple[str, Marked]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent)
    try:
        submit = lambda one: pool.submit(mark_one, setting, one)  # noqa: E731
        yield from _flow(submit, iter(submissions), jobs * AT_ONCE)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _flow(
    submit: Callable[[Submission], Future], waiting: Iterator[tuple[str, Submission]], width: int
) -> Iterator[tuple[str, Marked]]:
    """Keep `width` submissions under way; give results as they come."""
    running: dict[Future, str] = {}
    while True:
        for key, submission in islice(waiting, width - len(running)):
            running[submit(submission)] = key
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()


def mark_on_cluster(
    setting: Setting, submissions: Mapping[str, Submission], address: str
) -> Iterator[tuple[str, Marked]]:
    """The marks by key, by the workers of a Dask cluster.

    Each submission is a task of its own; those of a worker that is lost run again on another. Workers need
    the same course, and bubblewrap where it is asked for.
    """
    from distributed import Client, as_completed

    with contextlib.closing(Client(address)) as client:
        tasks = {
            client.submit(mark_one, setting, submission, key=f"mark-{key}"): key
            for key, submission in submissions.items()
        }
        for task in as_completed(tasks):
            yield tasks[task], task.result()
