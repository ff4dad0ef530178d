"""The running picture "where we are": a still of the 2017 Transformer with the parts built so far filled in.

Pure strings, so that the same lesson always gives the same bytes. The card brings its own background and
reads the same in a light and in a dark theme. State is told by fill, outline and weight of the type, never by
colour alone.
"""

from __future__ import annotations

from html import escape
from textwrap import wrap

from course_lib.authoring.sources import PARTS
from course_lib.palette import KEY, QUERY, VALUE

WIDTH, HEIGHT = 740, 290

# What each lesson adds to the picture, in the order of the lessons.
LESSON_PARTS: dict[int, tuple[str, ...]] = {
    0: (),
    1: ("dot",),
    2: ("softmax",),
    3: ("scale", "values"),
    4: ("mask",),
    5: ("backward",),
    6: ("memory",),
    7: ("cross",),
    8: ("encoder attention", "decoder attention"),
    9: ("positions",),
    10: ("heads",),
    11: ("norm", "feed-forward"),
    12: ("encoder", "decoder"),
    13: ("output layer",),
    14: ("source", "target"),
    15: ("next word",),
    16: ("embedding",),
    17: ("decoder",),
    18: ("decoder attention",),
    19: ("encoder",),
    20: ("encoder",),
    21: ("source", "embedding"),
    22: ("decoder", "cross"),
    23: ("cross", "next word"),
    24: ("dot", "scale", "mask", "softmax", "values"),
    25: ("heads",),
    26: ("softmax", "values"),
    27: ("feed-forward", "norm"),
    28: ("encoder", "decoder"),
}

SPOKEN = {
    "dot": "the dot products of queries and keys",
    "softmax": "softmax",
    "scale": "the scale",
    "values": "the weighted sum of the values",
    "mask": "the mask",
    "backward": "the gradients of attention",
    "memory": "the way from encoder to decoder",
    "cross": "cross-attention",
    "encoder attention": "the encoder's self-attention",
    "decoder attention": "the decoder's self-attention",
    "positions": "positions",
    "heads": "several heads",
    "norm": "add and norm",
    "feed-forward": "the feed-forward layers",
    "encoder": "the encoder",
    "decoder": "the decoder",
    "output layer": "the output layer and its loss",
    "source": "the source sentence",
    "target": "the target sentence",
    "next word": "the choice of the next word",
    "embedding": "tokens and embeddings",
}

PAPER, EDGE, INK, QUIET = "#FBFAF7", "#D8D2C6", "#2E2A3B", "#6B665E"
STYLE = {
    "later": {
        "fill": "#FBFAF7",
        "stroke": "#B3ADA1",
        "ink": "#6B665E",
        "extra": ' stroke-dasharray="3 2.5"',
        "weight": "400",
    },
    "built": {"fill": "#E2DBF2", "stroke": "#7B69B0", "ink": "#372C60", "extra": "", "weight": "500"},
    "now": {"fill": "#5A3E9E", "stroke": "#35226B", "ink": "#FFFFFF", "extra": "", "weight": "700"},
}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def built_before(number: int) -> set[str]:
    """Parts that the lessons before this one have added."""
    return {part for lesson, parts in LESSON_PARTS.items() if lesson < number for part in parts}


def alt_text(number: int) -> str:
    """What the picture of a lesson shows, in words."""
    now = LESSON_PARTS.get(number, ())
    done = [part for part in SPOKEN if part in built_before(number) and part not in now]
    built = _listed([SPOKEN[part] for part in done]) if done else "nothing yet"
    here = f" This lesson: {_listed([SPOKEN[part] for part in now])}." if now else ""
    return f"Where we are in the Transformer of 2017. Built so far: {built}.{here}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def where_svg(number: int, title: str, built_all: bool = False) -> str:
    """The picture of one lesson as SVG text; built_all draws the finished machine of the contents page."""
    now = set() if built_all else set(LESSON_PARTS.get(number, ()))
    built = set(SPOKEN) if built_all else built_before(number)
    state = {part: "now" if part in now else "built" if part in built else "later" for part in SPOKEN}
    alt = "The Transformer of 2017, with every part in place." if built_all else alt_text(number)
    body = [
        _side(number, title, built_all),
        _lens(state),
        _zoom(),
        _encoder(state),
        _decoder(state),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="{FONT}">\n'
        f"<title>{escape(alt)}</title>\n{_defs()}\n"
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="14" '
        f'fill="{PAPER}" stroke="{EDGE}"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


# The small vocabulary of shapes


def _text(x, y, words, size=11.0, ink=INK, weight="400", anchor="middle", extra="") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{ink}" font-weight="{weight}" '
        f'text-anchor="{anchor}"{extra}>{escape(words)}</text>'
    )


def _box(x, y, width, height, words, state, size=11.0, radius=5.0) -> str:
    style = STYLE[state]
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" '
        f'fill="{style["fill"]}" stroke="{style["stroke"]}" '
        f'stroke-width="{2 if state == "now" else 1.2}"{style["extra"]}/>'
        + _text(x + width / 2, y + height / 2 + size * 0.36, words, size, style["ink"], style["weight"])
    )


def _path(points: str, state: str, arrow: bool = True) -> str:
    width = {"later": 1.0, "built": 1.4, "now": 2.2}[state]
    stroke = STYLE[state]["stroke"]
    end = f' marker-end="url(#{state})"' if arrow else ""
    dash = STYLE[state]["extra"]
    return f'<path d="{points}" fill="none" stroke="{stroke}" stroke-width="{width}"{dash}{end}/>'


def _flow(points: str) -> str:
    """A line that only says what follows on what; it is drawn alike in every lesson."""
    return f'<path d="{points}" fill="none" stroke="#8D877C" stroke-width="1" marker-end="url(#flow)"/>'


def _defs() -> str:
    heads = {"flow": "#8D877C"} | {name: style["stroke"] for name, style in STYLE.items()}
    markers = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
        f'markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0.5 L8 4 L0 7.5 z" fill="{colour}"/></marker>'
        for name, colour in heads.items()
    )
    return f"<defs>{markers}</defs>"


# The four regions


def _side(number: int, title: str, built_all: bool) -> str:
    caption = "WHAT YOU WILL BUILD" if built_all else "WHERE WE ARE"
    rows = [_text(26, 40, caption, 10, QUIET, "600", "start", ' letter-spacing="1.2"')]
    lines, size = wrap(title, 13), 19
    if len(lines) > 3:  # three lines fit: a long title is set smaller, its compounds whole
        lines, size = wrap(title, 16, break_on_hyphens=False), 16
    rows += [_text(26, 66 + 23 * i, line, size, INK, "700", "start") for i, line in enumerate(lines)]
    rows += [_thread(number, built_all), *([] if built_all else [_legend()])]
    return "\n".join(rows)


def _thread(number: int, built_all: bool) -> str:
    """One dot a lesson, one row a part: done, here, to come."""
    rows = []
    for row, (part, lessons) in enumerate(PARTS.items()):
        y = 146 + 17 * row
        numeral = part.split(".")[0].removeprefix("Part ")
        rows.append(_text(40, y + 3.6, numeral, 10, QUIET, "400", "end"))
        for column, lesson in enumerate(lessons):
            state = "built" if built_all or lesson < number else "now" if lesson == number else "later"
            style = STYLE[state]
            fill = style["stroke"] if state == "built" else style["fill"]
            radius = 5.2 if state == "now" else 3.8
            rows.append(
                f'<circle cx="{54 + 15 * column}" cy="{y}" r="{radius}" fill="{fill}" '
                f'stroke="{style["stroke"]}" stroke-width="1.1"/>'
            )
    return "\n".join(rows)


def _legend() -> str:
    marks = []
    for x, state, words in ((26, "built", "built"), (76, "now", "now"), (121, "later", "to come")):
        marks.append(
            _box(x, 246, 13, 13, "", state, radius=3) + _text(x + 18, 256.5, words, 10, QUIET, anchor="start")
        )
    return "\n".join(marks)


LENS = {"values": 62, "softmax": 96, "mask": 130, "scale": 164, "dot": 198}
LENS_WORDS = {
    "values": "weights × values",
    "softmax": "softmax",
    "mask": "mask",
    "scale": "scale",
    "dot": "query · key",
}


def _lens(state: dict[str, str]) -> str:
    rows = [
        f'<rect x="196" y="20" width="184" height="250" rx="12" fill="#FFFFFF" stroke="{EDGE}"/>',
        _text(288, 40, "inside one attention", 11, QUIET, "600"),
    ]
    for name, y in LENS.items():
        rows.append(_box(222, y, 120, 24, LENS_WORDS[name], state[name], 11.5))
        if name != "values":
            rows.append(_flow(f"M282 {y} V{y - 9}"))
    for x, letter, colour in ((254, "Q", QUERY), (310, "K", KEY), (358, "V", VALUE)):
        rows.append(
            f'<circle cx="{x}" cy="248" r="10" fill="{colour}"/>'
            + _text(x, 252, letter, 11.5, "#FFFFFF", "700")
        )
    rows += [_flow("M254 238 V223"), _flow("M310 238 V223"), _flow("M358 238 V74 H343"), _flow("M282 62 V48")]
    rows.append(_path("M222 74 H209 V210 H221", state["backward"]))
    ink = STYLE[state["backward"]]
    word_ink = ink["stroke"] if state["backward"] != "later" else ink["ink"]
    rows.append(
        _text(
            0,
            0,
            "gradients",
            9.5,
            word_ink,
            ink["weight"],
            extra=' transform="translate(206.5 142) rotate(-90)"',
        )
    )
    return "\n".join(rows)


def _zoom() -> str:
    """The wedge that says: this lens looks into that box."""
    return '<path d="M380 30 L420 191 L420 211 L380 260 Z" fill="#EDE8F6" fill-opacity="0.75" stroke="none"/>'


ENCODER, DECODER, TOWER = 420, 586, 126


def _encoder(state: dict[str, str]) -> str:
    x, middle = ENCODER, ENCODER + TOWER / 2
    rows = [_frame(x, 124, 94, "encoder", state["encoder"])]
    rows += [
        _flow(f"M{middle} 263 V253"),
        _flow(f"M{middle} 237 V213"),
        _heads(x, 191, state),
        _box(x, 191, TOWER, 20, "self-attention", state["encoder attention"]),
        _box(x, 175, TOWER, 13, "add & norm", state["norm"], 9, 4),
        _box(x, 151, TOWER, 20, "feed-forward", state["feed-forward"]),
        _box(x, 135, TOWER, 13, "add & norm", state["norm"], 9, 4),
        _bottom(x, "source words", state["source"], state),
    ]
    rows.append(_path(f"M{middle} 134 V112 H566 V157 H{DECODER - 3}", state["memory"]))
    return "\n".join(rows)


def _decoder(state: dict[str, str]) -> str:
    x, middle = DECODER, DECODER + TOWER / 2
    rows = [_frame(x, 80, 138, "decoder", state["decoder"])]
    rows += [
        _flow(f"M{middle} 263 V253"),
        _flow(f"M{middle} 237 V213"),
        _flow(f"M{middle} 90 V63"),
        _flow(f"M{middle} 44 V36"),
        _heads(x, 191, state),
        _box(x, 191, TOWER, 20, "masked self-att.", state["decoder attention"]),
        _box(x, 175, TOWER, 13, "add & norm", state["norm"], 9, 4),
        _heads(x, 147, state),
        _box(x, 147, TOWER, 20, "cross-attention", state["cross"]),
        _box(x, 131, TOWER, 13, "add & norm", state["norm"], 9, 4),
        _box(x, 107, TOWER, 20, "feed-forward", state["feed-forward"]),
        _box(x, 91, TOWER, 13, "add & norm", state["norm"], 9, 4),
        _box(x, 44, TOWER, 18, "linear + softmax", state["output layer"]),
        _label(middle, 31, "next word", state["next word"]),
        _bottom(x, "target words", state["target"], state),
    ]
    return "\n".join(rows)


def _heads(x: float, y: float, state: dict[str, str]) -> str:
    """Two sheets behind an attention box: several heads."""
    style = STYLE[state["heads"]]
    return "".join(
        f'<rect x="{x + d}" y="{y - d}" width="{TOWER}" height="20" rx="5" fill="{style["fill"]}" '
        f'stroke="{style["stroke"]}" stroke-width="1"{style["extra"]}/>'
        for d in (5, 2.5)
    )


def _frame(x: float, y: float, height: float, words: str, state: str) -> str:
    style = STYLE[state]
    width = {"later": 1.0, "built": 1.4, "now": 2.6}[state]
    fill = {"later": "none", "built": "#F3EFFA", "now": "#E9E2F8"}[state]
    ink = style["stroke"] if state != "later" else style["ink"]
    return (
        f'<rect x="{x - 8}" y="{y}" width="{TOWER + 19}" height="{height}" rx="9" fill="{fill}" '
        f'stroke="{style["stroke"]}" stroke-width="{width}"{style["extra"]}/>'
        + _text(x - 6, y - 5, words + " ×N", 9.5, ink, style["weight"], "start")
    )


def _bottom(x: float, words: str, words_state: str, state: dict[str, str]) -> str:
    """Words, their embedding, and the positions added to it."""
    middle = x + TOWER / 2
    style = STYLE[state["positions"]]
    circle = (
        f'<circle cx="{x + TOWER - 12}" cy="228" r="7.5" fill="{style["fill"]}" stroke="{style["stroke"]}" '
        f'stroke-width="{2 if state["positions"] == "now" else 1.2}"{style["extra"]}/>'
        f'<path d="M{x + TOWER - 16.5} 228 q2.25 -6 4.5 0 q2.25 6 4.5 0" fill="none" stroke="{style["ink"]}" '
        'stroke-width="1.2"/>'
    )
    return (
        _box(x, 237, TOWER, 16, "embedding", state["embedding"], 10, 4)
        + _flow(f"M{x + TOWER - 20} 228 H{middle + 2}")
        + circle
        + _label(middle, 274, words, words_state)
    )


def _label(x: float, y: float, words: str, state: str) -> str:
    style = STYLE[state]
    ink = style["stroke"] if state != "later" else style["ink"]
    line = ""
    if state == "now":
        half = len(words) * 2.9
        line = (
            f'<path d="M{x - half:g} {y + 4:g} H{x + half:g}" stroke="{style["stroke"]}" stroke-width="2"/>'
        )
    return _text(x, y, words, 10.5, ink, style["weight"]) + line
