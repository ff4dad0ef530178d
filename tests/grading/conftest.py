"""The figures that marking has to reach, counted by the tests and printed at their end."""

import pytest

ROWS = {
    "dishonest": ("dishonest answers that got points", sum),
    "flagged": ("answers with forbidden calls that were not flagged", sum),
    "neighbour": ("other exercises of the same notebooks that lost points", sum),
    "honest": ("honest but unusual notebooks without full marks", sum),
    "malformed": ("malformed files without name and cause", sum),
    "limit": ("most seconds beyond the time limit", max),
}
_counted: dict[str, list[float]] = {}


@pytest.fixture(scope="session")
def count():
    """`count(row, value)` notes a value of one row: a fault as True, or a number of seconds."""
    return lambda row, value: _counted.setdefault(row, []).append(float(value))


def pytest_sessionfinish(session):
    """Of several workers each hands its counts to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["marking"] = _counted


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take what a worker counted."""
    for row, values in getattr(node, "workeroutput", {}).get("marking", {}).items():
        _counted.setdefault(row, []).extend(values)


def pytest_terminal_summary(terminalreporter):
    """Print what was counted."""
    for row, (title, of_all) in ROWS.items():
        if row in _counted:
            values = _counted[row]
            figure = f"{of_all(values):.2f}" if of_all is max else f"{of_all(values):.0f} of {len(values)}"
            terminalreporter.write_line(f"marking: {title}: {figure}")
