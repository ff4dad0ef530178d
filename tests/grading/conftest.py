"""The figures that marking has to reach, counted by the tests and printed at their end."""

import pytest

_COUNTED: dict[str, list[float]] = {}
ROWS = {
    "dishonest": ("dishonest answers that got points", sum),
    "flagged": ("answers with forbidden calls that were not flagged", sum),
    "neighbour": ("other exercises of the same notebooks that lost points", sum),
    "honest": ("honest but unusual notebooks without full marks", sum),
    "malformed": ("malformed files without name and cause", sum),
    "limit": ("most seconds beyond the time limit", max),
}


@pytest.fixture(scope="session")
def count():
    """`count(row, value)` notes a value of one row: a fault as True, or a number of seconds."""
    return lambda row, value: _COUNTED.setdefault(row, []).append(float(value))


def pytest_terminal_summary(terminalreporter):
    """Print what was counted."""
    for row, (title, of_all) in ROWS.items():
        if row in _COUNTED:
            values = _COUNTED[row]
            figure = f"{of_all(values):.2f}" if of_all is max else f"{of_all(values):.0f} of {len(values)}"
            terminalreporter.write_line(f"marking: {title}: {figure}")
