"""What a check says, as rich text in a notebook and as plain text elsewhere."""

import re
from dataclasses import dataclass
from html import escape

SHOWN = 4
SIGNS = {"right": "✓", "wrong": "✗", "other convention": "≈", "not attempted": "○"}
COLOURS = {
    "right": "var(--jp-success-color1, #2e7d32)",
    "wrong": "var(--jp-error-color1, #c62828)",
    "other convention": "var(--jp-info-color1, #0277bd)",
    "not attempted": "var(--jp-border-color1, #9e9e9e)",
}
CARD = (
    "border:1px solid var(--jp-border-color2,#9e9e9e);border-left:4px solid {colour};border-radius:3px;"
    "padding:8px 14px;max-width:46em;color:var(--jp-ui-font-color1,inherit);"
    "background:var(--jp-layout-color1,transparent);font-family:var(--jp-ui-font-family,sans-serif);"
    "font-size:var(--jp-content-font-size1,14px);line-height:1.5"
)
CODE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:0.92em;padding:0 3px;border-radius:3px;"
    "background:var(--jp-layout-color2,rgba(128,128,128,.15));color:inherit"
)
QUIET = "color:var(--jp-ui-font-color2,inherit)"
CELL = "text-align:left;vertical-align:top;padding:2px 14px 2px 0;white-space:normal;background:none"


@dataclass(frozen=True)
class CaseResult:
    """One line of the folded table."""

    name: str
    ok: bool
    seen: str


@dataclass(frozen=True)
class Verdict:
    """The answer of a check: see `status`, `score`, `message`, `misconception` and `cases`."""

    exercise: str
    status: str
    score: float
    message: str
    misconception: str | None = None
    cases: tuple[CaseResult, ...] = ()
    printed: str = ""

    def __str__(self) -> str:
        lines = [f"{SIGNS[self.status]} {self._title()}", self.message]
        failing = [f"  ✗ {case.name}: {case.seen}" for case in self.cases if not case.ok]
        lines += failing[:SHOWN]
        if len(failing) > SHOWN:
            lines.append(f"  ... and {len(failing) - SHOWN} cases more")
        if self.printed:
            lines.append(f"  printed: {' '.join(self.printed.split())}")
        return "\n".join(lines)

    __repr__ = __str__

    def _title(self) -> str:
        if self.status == "wrong" and self.cases:
            return f"{self.exercise}: {self.status}, {self._count()}"
        return f"{self.exercise}: {self.status}"

    def _count(self) -> str:
        return f"{sum(case.ok for case in self.cases)} of {len(self.cases)} cases right"

    def _repr_html_(self) -> str:
        colour = COLOURS[self.status]
        sign = f'<span aria-hidden="true" style="color:{colour}">{SIGNS[self.status]}</span>'
        return (
            f'<div style="{CARD.format(colour=colour)}">'
            f"<div><strong>{sign} {escape(self.exercise)}: {escape(self.status)}</strong></div>"
            f'<div style="margin-top:4px">{rich(self.message)}</div>{self._table()}{self._print()}</div>'
        )

    def _table(self) -> str:
        if not self.cases:
            return ""
        rows = "".join(
            f'<tr style="background:none"><td style="{CELL}">{"✓ yes" if case.ok else "✗ no"}</td>'
            f'<td style="{CELL}">{escape(case.name)}</td><td style="{CELL}">{rich(case.seen)}</td></tr>'
            for case in self.cases
        )
        words = ("right?", "case", "what was seen")
        head = "".join(f'<th scope="col" style="{CELL}">{word}</th>' for word in words)
        return folded(self._count(), f'<table style="border-collapse:collapse"><tr>{head}</tr>{rows}</table>')

    def _print(self) -> str:
        shown = f'<pre style="white-space:pre-wrap;color:inherit;margin:0">{escape(self.printed)}</pre>'
        return folded("what your function printed", shown) if self.printed else ""


@dataclass(frozen=True)
class Note:
    """A titled text (a hint, a solution) that shows itself like a verdict; `code` is shown as source."""

    title: str
    text: str
    code: str = ""

    def __str__(self) -> str:
        return "\n".join(part for part in (self.title, self.text, self.code) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        code = f'<pre style="margin:6px 0 0;color:inherit">{escape(self.code)}</pre>' if self.code else ""
        text = f'<div style="margin-top:4px">{rich(self.text)}</div>' if self.text else ""
        return card(self.title, text + code)


def card(title: str, inside: str) -> str:
    """A titled card without a status."""
    colour = "var(--jp-info-color1, #0277bd)"
    return (
        f'<div style="{CARD.format(colour=colour)}"><div><strong>{escape(title)}</strong></div>{inside}</div>'
    )


def folded(summary: str, inside: str) -> str:
    """A part that opens on a click."""
    return (
        f'<details style="margin-top:6px;font-size:0.93em"><summary style="cursor:pointer;{QUIET}">'
        f'{escape(summary)}</summary><div style="overflow-x:auto">{inside}</div></details>'
    )


def rich(text: str) -> str:
    """Escape a text for HTML; what stands between backticks becomes code."""
    return re.sub(r"`([^`]+)`", rf'<code style="{CODE}">\1</code>', escape(text))
