"""Still pictures of explorers: plain SVG text, rounded to 2 decimals, without ids, the same bytes each time.

They stand in notebooks where no kernel or no widget can run, so they bring their own colours and ground.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from xml.sax.saxutils import escape, quoteattr

from course_lib.palette import GRID, INK, KEY, MASKED, PAPER, QUERY, QUIET, VALUE

FONT = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
COLOURS = {"query": QUERY, "key": KEY, "value": VALUE, "masked": MASKED, "ink": INK, "quiet": QUIET}


def num(x: float, digits: int = 2) -> str:
    """A number as the course prints it: fixed digits, ties away from 0, no -0, a real minus sign."""
    x = float(x)
    if x != x:
        return "not a number"
    if x in (float("inf"), float("-inf")):
        return "∞" if x > 0 else "−∞"
    text = str(Decimal(abs(x)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))
    return "−" + text if x < 0 and float(text) != 0 else text


def element(tag: str, *children: str, **attributes: object) -> str:
    """One SVG element; `_` in a name stands for `-`, floats get 2 decimals, children are SVG text."""
    words = []
    for name, value in attributes.items():
        if value is None:
            continue
        if isinstance(value, float):
            value = f"{round(value, 2) + 0.0:g}" if abs(value) < 1e5 else f"{value:.0f}"
        words.append(f" {name.rstrip('_').replace('_', '-')}={quoteattr(str(value))}")
    inside = "".join(children)
    return f"<{tag}{''.join(words)}>{inside}</{tag}>" if inside else f"<{tag}{''.join(words)}/>"


def text(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    colour: str = INK,
    bold: bool = False,
    size: int = 13,
) -> str:
    """Text whose baseline starts, ends or has its middle at (x, y)."""
    return element(
        "text",
        escape(words),
        x=float(x),
        y=float(y),
        text_anchor=None if anchor == "start" else anchor,
        fill=colour,
        font_weight=600 if bold else None,
        font_size=None if size == 13 else size,
    )


def line(
    x1: float, y1: float, x2: float, y2: float, colour: str = QUIET, width: float = 1.0, dashed: bool = False
) -> str:
    """A straight line."""
    return element(
        "line",
        x1=float(x1),
        y1=float(y1),
        x2=float(x2),
        y2=float(y2),
        stroke=colour,
        stroke_width=width,
        stroke_dasharray="3 3" if dashed else None,
    )


def rect(
    x: float, y: float, width: float, height: float, colour: str = KEY, radius: float | None = None
) -> str:
    """A filled rectangle."""
    return element(
        "rect", x=float(x), y=float(y), width=float(width), height=float(height), rx=radius, fill=colour
    )


def bar(x: float, base: float, width: float, length: float, colour: str = KEY) -> str:
    """A bar that grows up from `base`; a negative length hangs below it."""
    return rect(x, base if length < 0 else base - length, width, abs(length), colour, radius=1.5)


def arrow(
    x1: float, y1: float, x2: float, y2: float, colour: str = QUIET, width: float = 2.5, head: float = 10.0
) -> str:
    """An arrow from (x1, y1) to (x2, y2)."""
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    if length < 0.5:
        return element("circle", cx=float(x1), cy=float(y1), r=3, fill=colour)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    size = min(head, length)
    bx, by, half = x2 - ux * size, y2 - uy * size, size * 0.42
    tip = [(x2, y2), (bx - uy * half, by + ux * half), (bx + uy * half, by - ux * half)]
    points = " ".join(f"{round(x, 2) + 0.0:g},{round(y, 2) + 0.0:g}" for x, y in tip)
    return line(x1, y1, bx, by, colour, width) + element("polygon", points=points, fill=colour)


def hatch(x: float, y: float, width: float, height: float) -> str:
    """A masked cell: grey and hatched, so that it is not told by colour alone."""
    step = max(4.0, min(width, height) / 4)
    strokes, d = [], step
    while d < width + height:
        x1, y1 = x + max(0.0, d - height), y + min(d, height)
        x2, y2 = x + min(d, width), y + max(0.0, d - width)
        strokes.append(f"M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}")
        d += step
    return rect(x, y, width, height, GRID) + element("path", d="".join(strokes), stroke=QUIET, fill="none")


def ramp(value: float) -> str:
    """Colour of a weight from 0 to 1 on the blue ramp, as the style sheet has it."""
    low, high = (0xF3, 0xF8, 0xFC), (0x00, 0x50, 0x7D)
    step = round(255 * min(1.0, max(0.0, value)))
    return "#" + "".join(f"{round(a + (b - a) * step / 255):02x}" for a, b in zip(low, high, strict=True))


def heat_map(
    values: Sequence[Sequence[float]],
    x: float,
    y: float,
    width: float,
    height: float,
    rows: Iterable[str] = (),
    columns: Iterable[str] = (),
    mask=None,
) -> str:
    """A map of weights (n, m) from 0 to 1, printed where they fit; True in mask = may be attended."""
    n, m = len(values), len(values[0])
    cw, ch = width / m, height / n
    parts = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            left, top = x + j * cw, y + i * ch
            if mask is not None and not mask[i][j]:
                parts.append(hatch(left, top, cw, ch))
                continue
            parts.append(rect(left, top, cw, ch, ramp(value)))
            if cw >= 30 and ch >= 17:
                colour = PAPER if value > 188 / 255 else "#000000"  # as the style sheet: at least 4.6:1
                parts.append(text(left + cw / 2, top + ch / 2 + 4, num(value), "middle", colour, size=12))
    parts += [text(x - 6, y + (i + 0.5) * ch + 4, label, "end") for i, label in enumerate(rows)]
    parts += [text(x + (j + 0.5) * cw, y - 6, label, "middle") for j, label in enumerate(columns)]
    return "".join(parts)


def picture(width: int, height: int, title: str, caption: str, *parts: str) -> str:
    """The whole still: title above, the parts moved under it, the line in words at the bottom (it wraps)."""
    rows = wrap(caption, int((width - 40) / 7))
    total = height + 48 + 20 * len(rows) + 12
    lines = [text(20, 48 + height + 16 + 20 * i, row, size=14) for i, row in enumerate(rows)]
    return element(
        "svg",
        element("title", escape(f"{title} {caption}")),
        element("rect", width=width, height=total, fill=PAPER),
        text(20, 30, title, bold=True, size=16),
        element("g", *parts, transform="translate(0 44)"),
        *lines,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=total,
        viewBox=f"0 0 {width} {total}",
        role="img",
        font_family=FONT,
        font_size=13,
    )


def wrap(words: str, length: int) -> list[str]:
    """The words in lines of at most `length` characters."""
    rows = [""]
    for word in words.split():
        if rows[-1] and len(rows[-1]) + 1 + len(word) > length:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return rows
