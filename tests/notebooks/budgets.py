"""A pytest plugin for the nbval run: a notebook that takes more than its budget by half fails.

Counted are CPU seconds of the kernel, start included, so that a busy machine does not make a notebook fail.
"""

import json
from pathlib import Path

import psutil
import pytest

EXERCISES, NUMPY, TORCH, TRAINS, TRAINS_LONG = 12, 10, 20, 40, 70
LONG_TRAINING: frozenset[str] = frozenset({"20_sentiment"})  # names of lessons, at most eight
SLACK = 1.5


def budget(path: Path) -> int:
    """Seconds of a notebook on an idle machine of two cores."""
    if path.parent.name in ("exercises", "solutions"):
        return EXERCISES
    if path.stem in LONG_TRAINING:
        return TRAINS_LONG
    notebook = json.loads(path.read_text(encoding="utf-8"))
    if notebook["metadata"].get("course", {}).get("trains"):
        return TRAINS
    code = "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    return TORCH if "torch=True" in code else NUMPY


def too_slow(path: Path, seconds: float) -> str | None:
    """The message for a notebook over its budget by more than half, else None."""
    allowed = budget(path)
    if seconds <= allowed * SLACK:
        return None
    return f"{path.name} took {seconds:.0f} CPU seconds, its budget is {allowed}: make the example smaller"


def kernel_seconds(item) -> float | None:
    """CPU seconds that the kernel of a notebook has used, None when it is gone or this is no notebook."""
    kernel = getattr(item.parent, "kernel", None)
    try:
        used = psutil.Process(kernel.km.provisioner.process.pid).cpu_times()
    except (AttributeError, psutil.Error):
        return None
    return used.user + used.system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """After a notebook's last cell, while its kernel still runs, look at the clock."""
    last = nextitem is None or nextitem.parent is not item.parent
    seconds = kernel_seconds(item) if last else None
    result = yield
    if seconds is not None and (problem := too_slow(Path(item.path), seconds)):
        pytest.fail(problem, pytrace=False)
    return result
