"""What the pages of marks have in common: one style for light and dark, and texts made safe for HTML.

A page is one file without scripts, pictures or fonts of others; its policy forbids them to the browser too.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from course_lib.grading.outputs import Versions, cell
from course_lib.grading.wording import plain

STYLE = (Path(__file__).parent / "pages.css").read_text(encoding="utf-8")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, body: str, made_with: Versions) -> str:
    """A whole page; `title` is plain text, `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{safe(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n<footer>Attention course {safe(made_with.course)} · "
        f"contracts of the exercises {safe(made_with.contract)}</footer>\n</body>\n</html>\n"
    )


def safe(text: str) -> str:
    """Any text as HTML that shows it."""
    return escape(plain(text))


def name(text: str) -> str:
    """Somebody's name or a file's, kept from turning the direction of the words around it."""
    return f"<bdi>{safe(text)}</bdi>"


def rich(text: str) -> str:
    """A text in which what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe(text))


def tag(words: str, kind: str) -> str:
    """A coloured word or two; `kind` is right, wrong, key, open, bad or ""."""
    return f'<span class="tag {kind}">{safe(words)}</span>'


def number(value: float) -> str:
    """A number of points."""
    return cell(float(value))


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return f"{100 * share:.0f} %"


def count(n: int, one: str, many: str = "") -> str:
    """A number with its word: "1 student", "3 students"."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def table(head: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], label: str) -> str:
    """A table of HTML cells; `head` holds pairs (words, class), `label` is for a screen reader."""
    titles = "".join(f'<th scope="col" class="{kind}">{safe(words)}</th>' for words, kind in head)
    kinds = [kind for _, kind in head]
    body = "".join(f"<tr>{table_row(row, kinds)}</tr>" for row in rows)
    return (
        f'<div class="scroll" role="region" aria-label="{safe(label)}" tabindex="0">'
        f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def table_row(row: Sequence[str], kinds: Sequence[str]) -> str:
    """The cells of one row."""
    return "".join(f'<td class="{kind}">{value}</td>' for value, kind in zip(row, kinds, strict=True))


def details(summary: str, inside: str, is_open: bool = False) -> str:
    """A part that opens on a click; both are HTML."""
    return f"<details{' open' if is_open else ''}><summary>{summary}</summary>{inside}</details>"
