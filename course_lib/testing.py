"""`course test`: every stage of the tests, counted together, with one closing line that says what ran."""

import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from course_lib import machine

TWO_WORKERS = ("-n", "2")
NBVAL = (
    *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", "120"),
    *("--nbval-sanitize-with", "tests/notebooks/sanitize.cfg"),
    *("-p", "tests.notebooks.budgets"),
    *(*TWO_WORKERS, "--dist", "loadfile"),
)
NOTEBOOK_FOLDERS = ("notebooks", "exercises", "solutions")
NO_TEST_COLLECTED = 5  # pytest's exit status


@dataclass(frozen=True)
class Stage:
    """One run of pytest. `skipped` says why it is not run, "" when it is."""

    name: str
    arguments: tuple[str, ...]
    skipped: str = ""
    left_out: int = 0  # notebooks that --quick does not run


@dataclass
class Outcome:
    """What a stage gave."""

    passed: int = 0
    failed: int = 0
    skipped: Counter = field(default_factory=Counter)  # reason -> how often
    trouble: str = ""  # a stage that broke as a whole


def run(course: Path, quick: bool, pytest_options: list[str]) -> int:
    """Run the stages one after the other; the result is 0 when nothing failed and nothing is missing."""
    outcomes = {}
    with tempfile.TemporaryDirectory(prefix="course-test-") as temporary:
        environment = own_environment(Path(temporary))
        for stage in stages(course, quick):
            outcomes[stage.name] = run_stage(stage, course, pytest_options, Path(temporary), environment)
    print(f"\n{closing_lines(outcomes)}", flush=True)
    failed = any(outcome.failed or outcome.trouble for outcome in outcomes.values())
    return 1 if failed or not any(outcome.passed for outcome in outcomes.values()) else 0


def stages(course: Path, quick: bool) -> list[Stage]:
    """What is run, in this order. Folders that later parts of the course fill wait until they have tests."""
    fast = ("-m", "not slow") if quick else ()
    found = [Stage("unit", ("tests/unit", *TWO_WORKERS, *fast))]
    if has_tests(course / "tests" / "parity"):
        found.append(Stage("parity", ("tests/parity", *fast)))
    found.append(Stage("notebook guards", ("tests/notebooks", *fast)))
    found.append(notebook_stage(course, quick))
    found.append(Stage("browser", ("tests/browser",), no_browser(quick)))
    if has_tests(course / "tests" / "grading"):
        found.append(Stage("grading", ("tests/grading", *TWO_WORKERS, "--dist", "loadfile", *fast)))
    return found


def notebook_stage(course: Path, quick: bool) -> Stage:
    """Every notebook under strict nbval; `quick` leaves out those that train for long."""
    found = [path for folder in NOTEBOOK_FOLDERS for path in sorted((course / folder).glob("*.ipynb"))]
    chosen = [path for path in found if not (quick and trains(path))]
    names = [path.relative_to(course).as_posix() for path in chosen] or NOTEBOOK_FOLDERS
    return Stage("notebooks", (*NBVAL, *names), left_out=len(found) - len(chosen))


def has_tests(folder: Path) -> bool:
    """Whether a folder holds test files."""
    return any(folder.rglob("test_*.py"))


def no_browser(quick: bool) -> str:
    """Why the browser tests are not run, "" when they are."""
    if quick:
        return "left out by --quick"
    if machine.find_chromium() is None and not os.environ.get("CI"):
        return "no Chromium found"
    return ""


def trains(notebook: Path) -> bool:
    """Whether a notebook says of itself that it trains a model for long (`trains: true` in its source)."""
    metadata = json.loads(notebook.read_text(encoding="utf-8")).get("metadata", {})
    return bool(metadata.get("course", {}).get("trains"))


def own_environment(temporary: Path) -> dict[str, str]:
    """A work folder of the tests' own, and no settings of this user's Jupyter and IPython."""
    own = {}
    for variable in ("COURSE_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        folder = temporary / variable.lower()
        folder.mkdir()
        own[variable] = str(folder)
    return os.environ | own


def run_stage(
    stage: Stage, course: Path, more: list[str], temporary: Path, environment: dict[str, str]
) -> Outcome:
    """Run one stage of pytest and count its report."""
    print(f"\n=== {stage.name}", flush=True)
    if stage.skipped:
        print(f"not run: {stage.skipped}", flush=True)
        return Outcome(skipped=Counter({stage.skipped: 1}))
    report = temporary / f"{stage.name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *stage.arguments, *more]
    started = time.monotonic()
    status = subprocess.run(command, cwd=course, env=environment, stdin=subprocess.DEVNULL).returncode
    print(f"{stage.name}: {time.monotonic() - started:.0f} s", flush=True)
    outcome = read_report(report)
    if stage.left_out:
        outcome.skipped["training notebooks left out by --quick"] = stage.left_out
    if status == NO_TEST_COLLECTED and more:
        return outcome
    if outcome.passed + outcome.failed == 0 and (os.environ.get("CI") or not outcome.skipped):
        outcome.trouble = "ran no test"
    elif status != 0 and not outcome.failed:
        outcome.trouble = f"pytest stopped with exit status {status}"
    return outcome


def read_report(report: Path) -> Outcome:
    """Count the cases of a JUnit report; a missing or broken one has none."""
    outcome = Outcome()
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return outcome
    for case in cases:
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif skip is not None:
            outcome.skipped[skip.get("message") or "no reason given"] += 1
        else:
            outcome.passed += 1
    return outcome


def closing_lines(outcomes: dict[str, Outcome]) -> str:
    """What each stage gave, and the one line that sums it up with the reasons."""
    rows = [
        f"  {name:<17}{outcome.passed:>5} passed{outcome.failed:>5} failed"
        f"{outcome.skipped.total():>5} skipped  {outcome.trouble}".rstrip()
        for name, outcome in outcomes.items()
    ]
    broken = [name for name, outcome in outcomes.items() if outcome.trouble and not outcome.failed]
    passed = sum(outcome.passed for outcome in outcomes.values())
    failed = sum(outcome.failed for outcome in outcomes.values()) + len(broken)
    skipped = sum(outcome.skipped.total() for outcome in outcomes.values())
    reasons = [f"{name}: {outcomes[name].trouble}" for name in broken]
    reasons += [f"{name}: {reason}" for name, outcome in outcomes.items() for reason in outcome.skipped]
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return "\n".join([*rows, f"{passed} passed, {failed} failed, {skipped} skipped{why}"])
