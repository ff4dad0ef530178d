"""The lesson linter, for what a machine can check of the rubric. `python -m course_lib.authoring.lint 01`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.authoring.convert import lesson_notebook
from course_lib.authoring.prose import mean_sentence_length, plain_text, without_code, word_count
from course_lib.authoring.sources import (
    ROOT,
    Section,
    SourceError,
    headings,
    lesson_paths,
    predictions_path,
    read_glossary,
    read_notebook,
    read_source,
)
from course_lib.authoring.titles import anchor

LEAD_WORDS = (
    "Predict",
    "Run",
    "Look",
    "Change it",
    "Make it",
    "Why",
    "Trap",
    "By hand",
    "Recap",
    "Short path",
)
BANNED = ("just", "simply", "obviously", "clearly", "trivial", "trivially", "easy", "easily")
ACTION_CODE = re.compile(r"^\s*(?:\w+\s*=\s*)?(?:predict|check|hunt|\w+_explorer)\(", re.MULTILINE)
ACTION_BLOCK = re.compile(r"^\*\*(?:Change it|Make it)\.\*\*", re.MULTILINE)
FIRST_ACTION_WORDS, FIRST_ACTION_CELLS = 400, 6
RUN_WORDS, RUN_CELLS = 800, 8
PREDICTIONS, RECAP_QUESTIONS, NEW_TERMS = 3, 4, 5
CODE_LINES, SENTENCE_WORDS, IGNORED_CELLS = 15, 25, 2


@dataclass(frozen=True)
class Lesson:
    """What the rules look at: the notebook's cells and the files that go with them."""

    name: str
    header: dict
    sections: list[Section]
    cells: list
    questions: dict[str, dict]
    glossary: dict[str, dict]
    folder: Path  # where the notebook stands, for its links

    @property
    def number(self) -> int:
        return int(self.name[:2])


@dataclass(frozen=True)
class Finding:
    """One thing to repair; cell 0 is the header."""

    rule: str
    cell: int
    message: str


Rule = Callable[[Lesson], Iterator[tuple[int, str]]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Enter a rule under its function's name."""
    RULES[function.__name__] = function
    return function


def lint(lesson: Lesson) -> list[Finding]:
    """All findings, in the order of the cells."""
    found = [Finding(name, cell, text) for name, check in RULES.items() for cell, text in check(lesson)]
    return sorted(found, key=lambda finding: finding.cell)


def read_lesson(path: Path, root: Path = ROOT) -> Lesson:
    """The lesson of a source; with the outputs of its built notebook when that is up to date."""
    source = read_source(path)
    fresh = lesson_notebook(source, root)
    built = root / "notebooks" / f"{source.name}.ipynb"
    if built.exists():
        stored = read_notebook(built)
        if [cell.source for cell in stored.cells] == [cell.source for cell in fresh.cells]:
            fresh = stored
    asked = predictions_path(source.name, root)
    questions = tomllib.loads(asked.read_text(encoding="utf-8")) if asked.exists() else {}
    return Lesson(
        name=source.name,
        header=source.header,
        sections=source.sections,
        cells=fresh.cells,
        questions=questions,
        glossary=read_glossary(root),
        folder=root / "notebooks",
    )


def report(lesson: Lesson, findings: list[Finding]) -> str:
    """One line a finding: lesson, cell, what to do."""
    return "\n".join(f"{lesson.name}, {_place(lesson, f.cell)}: {f.message} [{f.rule}]" for f in findings)


def _place(lesson: Lesson, number: int) -> str:
    if number == 0:
        return "header"
    lines = [line.strip() for line in lesson.cells[number - 1].source.splitlines() if line.strip()]
    return f"cell {number} `{lines[0][:50] if lines else '(empty)'}`"


def _markdown(lesson: Lesson) -> Iterator[tuple[int, str]]:
    return ((n, cell.source) for n, cell in enumerate(lesson.cells, 1) if cell.cell_type == "markdown")


def _code(lesson: Lesson) -> Iterator[tuple[int, str]]:
    return ((n, cell.source) for n, cell in enumerate(lesson.cells, 1) if cell.cell_type == "code")


def is_action(cell) -> bool:
    """Whether a cell asks the reader to do something: predict, explorer, check, hunt, Change it, Make it."""
    pattern = ACTION_CODE if cell.cell_type == "code" else ACTION_BLOCK
    return bool(pattern.search(cell.source))


def _words(cell) -> int:
    return word_count(cell.source) if cell.cell_type == "markdown" else 0


# Frame of the lesson


@rule
def objectives(lesson):
    lines = lesson.header["objectives"]
    if not 2 <= len(lines) <= 5:
        yield 0, f"{len(lines)} objectives: give 2 to 5, each completing 'you can ...'"
    for line in lines:
        if str(line).lower().startswith(("you can", "understand", "know")):
            yield 0, f"objective {line!r}: begin with what the reader does (compute, explain, repair ...)"


@rule
def minutes(lesson):
    for section in lesson.sections:
        if section.minutes is None:
            yield 0, f"section {section.title!r}: add its minutes, e.g. '## {section.title} (8 min)'"
    total = sum(section.minutes or 0 for section in lesson.sections)
    said, short = lesson.header["minutes"], lesson.header["short_path"]
    if abs(total - said) > 2:
        yield 0, f"the sections sum to {total} minutes, the header says {said}: make them agree"
    if not 0 < short < said:
        yield 0, f"short_path is {short}: it must be more than 0 and less than `minutes`"
    marked = sum(section.minutes for section in lesson.sections if section.short)
    if marked and abs(marked - short) > 2:
        yield 0, f"the sections marked 'short path' sum to {marked} minutes, the header says {short}"


@rule
def first_cell(lesson):
    first = next(_code(lesson), None)
    if first is None or f'start("{lesson.name}"' not in first[1]:
        yield first[0] if first else 0, f'the first code cell must call start("{lesson.name}")'


@rule
def heading_order(lesson):
    level = 0
    for number, text in _markdown(lesson):
        for line in headings(text):
            depth = len(line) - len(line.lstrip("#"))
            if depth == 1 and level:
                yield number, f"{line!r}: the only first-level heading is the title; use ##"
            if depth > level + 1:
                yield number, f"{line!r}: jumps from level {level} to {depth}; use {'#' * (level + 1)}"
            level = depth


@rule
def lead_words(lesson):
    loose = re.compile(rf"^\*\*({'|'.join(LEAD_WORDS)})(?:\*\*[.:]|[:!]\*\*)", re.MULTILINE | re.IGNORECASE)
    for number, text in _markdown(lesson):
        for match in loose.finditer(text):
            yield number, f"{match[0]!r}: write the lead word as **{match[1].capitalize()}.**"


# What the reader does


@rule
def first_action(lesson):
    words = 0
    for number, cell in enumerate(lesson.cells, 1):
        if is_action(cell):
            if words > FIRST_ACTION_WORDS and number > FIRST_ACTION_CELLS:
                yield (
                    number,
                    f"the first action comes after {words} words and {number - 1} cells: act sooner",
                )
            return
        words += _words(cell)
    yield 0, "no action at all: add predict(...), an explorer, a check, or a **Change it.** block"


@rule
def runs_without_action(lesson):
    words = cells = start = 0
    for number, cell in enumerate(lesson.cells[:-1], 1):  # the closing cell is the build's
        if is_action(cell):
            words = cells = 0
            start = number
            continue
        words, cells = words + _words(cell), cells + 1
        if words > RUN_WORDS or cells > RUN_CELLS:
            yield (
                number,
                f"{words} words and {cells} cells without an action since cell {start}: add one",
            )
            words = cells = 0
            start = number


def _calls(lesson: Lesson, function: str) -> list[tuple[int, str]]:
    pattern = re.compile(rf"""\b{function}\(\s*["']([^"']+)["']""")
    return [(number, name) for number, text in _code(lesson) for name in pattern.findall(text)]


@rule
def predictions(lesson):
    asked, answered = _calls(lesson, "predict"), _calls(lesson, "compare")
    if len(asked) < PREDICTIONS:
        yield 0, f"{len(asked)} predictions: ask at least {PREDICTIONS}, each before its answer"
    first = {name: number for number, name in reversed(asked)}
    for number, name in asked:
        if name not in lesson.questions:
            yield number, f"predict({name!r}): no such question in predictions/{lesson.name}.toml"
        if name not in {answer for _, answer in answered}:
            yield number, f"predict({name!r}): no compare({name!r}, ...) answers it"
    for number, name in answered:
        if first.get(name, number) >= number:
            yield number, f"compare({name!r}): predict({name!r}) must stand in an earlier cell"
    for name in sorted(set(lesson.questions) - set(first)):
        yield 0, f"the question {name!r} of predictions/{lesson.name}.toml is never asked"


@rule
def prediction_sentences(lesson):
    for name, question in lesson.questions.items():
        for lack in _lacking(question):
            yield 0, f"prediction {name!r}: {lack}"


def _lacking(question: dict) -> Iterator[str]:
    for key in ("question", "answer", "right"):
        if key not in question:
            yield f"`{key}` is missing"
    if "choices" not in question:
        yield from (
            f"`{key}` is missing" for key in ("tolerance", "too_low", "too_high") if key not in question
        )
        return
    choices, answer = question["choices"], question.get("answer")
    if answer not in choices:
        yield f"the answer {answer!r} is not among the choices"
    for choice in choices:
        if choice != answer and not question.get("wrong", {}).get(choice):
            yield f"the wrong choice {choice!r} has no sentence that says what it gets wrong"


@rule
def recap(lesson):
    later = _from_recap(lesson)
    if later is None:
        yield 0, "no **Recap.** block: end with at least 4 questions with folded answers"
        return
    number, text = later
    questions = text.count("<summary>")
    if questions < RECAP_QUESTIONS:
        yield number, f"{questions} recap questions: ask at least {RECAP_QUESTIONS} in <details><summary>"
    if re.search(r"</summary>(?!\s*\n\s*\n)", text):
        yield number, "leave an empty line after </summary>, or the answer is not rendered as Markdown"
    if text.count("<details>") != text.count("</details>"):
        yield number, "a <details> is not closed"
    if lesson.number and not _earlier(text, lesson.number):
        yield number, "no recap question comes from an earlier lesson: write one and say '(lesson NN)'"


def _from_recap(lesson: Lesson) -> tuple[int, str] | None:
    cells = list(_markdown(lesson))
    for place, (number, text) in enumerate(cells):
        if re.search(r"^\*\*Recap\.\*\*", text, re.MULTILINE):
            return number, "\n\n".join(text for _, text in cells[place:-1])
    return None


def _earlier(text: str, number: int) -> bool:
    return any(int(found) < number for found in re.findall(r"\b[Ll]esson (\d+)\b", text))


# Words


@rule
def terms(lesson):
    named = lesson.header["terms"]
    if len(named) > NEW_TERMS:
        yield 0, f"{len(named)} new terms: at most {NEW_TERMS}; move some to another lesson"
    prose = " ".join(plain_text(text) for _, text in _markdown(lesson)).casefold()
    for term in named:
        if term not in lesson.glossary:
            yield 0, f"the term {term!r} is not in sources/glossary.toml"
        elif lesson.glossary[term]["lesson"] != lesson.name:
            yield (
                0,
                f"the glossary says {term!r} is new in {lesson.glossary[term]['lesson']}, not here",
            )
        if term.casefold() not in prose:
            yield 0, f"the term {term!r} is never used in the text: define it at first use"


@rule
def banned_words(lesson):
    pattern = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)
    for number, text in _markdown(lesson):
        for match in pattern.finditer(plain_text(text)):
            yield (
                number,
                f"{match[0]!r} belittles a reader who finds it hard: leave it out or say what is meant",
            )
    for name, question in lesson.questions.items():
        for match in pattern.finditer(str(question)):
            yield 0, f"{match[0]!r} in the prediction {name!r}: leave it out or say what is meant"


@rule
def sentence_length(lesson):
    mean = mean_sentence_length([text for _, text in _markdown(lesson)])
    if mean > SENTENCE_WORDS:
        yield 0, f"sentences have {mean:.1f} words on average: at most {SENTENCE_WORDS}; split the longest"


@rule
def formulas(lesson):
    for number, text in _markdown(lesson):
        if len(re.findall(r"(?<!\\)\$", without_code(text))) % 2:
            yield number, "an odd number of $: a formula is not closed (a plain dollar is written \\$)"
        for line in headings(text):
            if "$" in line:
                yield number, f"{line!r}: no formula in a heading, links to it would lead nowhere"


# Code cells


@rule
def code_length(lesson):
    for number, text in _code(lesson):
        if (lines := len(text.splitlines())) > CODE_LINES:
            yield (
                number,
                f"{lines} lines of code: at most {CODE_LINES}; split the cell or move a part to course_lib",
            )


@rule
def sentence_before_code(lesson):
    for number, (before, cell) in enumerate(zip(lesson.cells, lesson.cells[1:], strict=False), 2):
        if cell.cell_type == "code" and before.cell_type == "code":
            yield number, "two code cells in a row: say before this one what it will show"


@rule
def ignored_cells(lesson):
    ignored = [
        (number, cell)
        for number, cell in enumerate(lesson.cells, 1)
        if {"nbval-ignore-output", "nbval-skip"} & set(cell.metadata.get("tags", []))
    ]
    if len(ignored) > IGNORED_CELLS:
        yield ignored[-1][0], f"{len(ignored)} cells are not compared: at most {IGNORED_CELLS} in a notebook"
    for number, cell in ignored:
        if not cell.metadata.get("reason"):
            yield number, 'an ignored cell needs its reason: # %% tags=["nbval-ignore-output"] reason="..."'


# Pictures and links


@rule
def alt_text(lesson):
    for number, text in _markdown(lesson):
        prose = without_code(text)
        if re.search(r"!\[\s*\]\(", prose):
            yield number, "a picture without alt text: ![what is to be seen](...)"
        if any("alt=" not in tag for tag in re.findall(r"<img[^>]*>", prose)):
            yield number, "an <img> without alt text"
    for number, cell in enumerate(lesson.cells, 1):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and not str(data.get("text/plain", "")).startswith("Figure: "):
                yield number, "a figure without alt text: end the cell with show(fig, alt='...')"


@rule
def links(lesson):
    anchors = {anchor(line.lstrip("#").strip()) for _, text in _markdown(lesson) for line in headings(text)}
    for number, text in _markdown(lesson):
        for target in link_targets(text):
            if problem := link_problem(target, lesson.folder, anchors):
                yield number, problem


def link_targets(markdown: str) -> list[str]:
    """Targets of the links and images of a Markdown text; one level of brackets inside is allowed."""
    found = re.findall(r"\]\(((?:[^()\s]|\([^()]*\))+)(?:\s+\"[^\"]*\")?\)", without_code(markdown))
    return found + re.findall(r"(?:href|src)=[\"']([^\"']+)[\"']", without_code(markdown))


def link_problem(target: str, folder: Path, anchors: set[str]) -> str | None:
    """What is wrong with a link, or None: relative and leading to a file, or a public https page."""
    if target.startswith("https://") or target.startswith("mailto:"):
        return None
    if target.startswith("#"):
        return None if target[1:] in anchors else f"the link {target} leads to no heading of this notebook"
    if re.match(r"[a-z]+:|/|\\", target):
        return f"the link {target} is not relative: write it from this notebook's folder"
    path = (folder / target.split("#")[0]).resolve()
    return None if path.exists() or _planned(path) else f"the link {target} leads nowhere"


def _planned(path: Path) -> bool:
    """Whether a notebook that is not built yet has its source."""
    kind = {"notebooks": "lessons", "exercises": "exercises", "solutions": "exercises"}.get(path.parent.name)
    sources = path.parent.parent / "sources"
    generated = path.name == "contents.ipynb" or (
        path.name == "glossary.ipynb" and (sources / "glossary.toml").exists()
    )
    return kind is not None and (generated or (sources / kind / f"{path.stem}.py").exists())


def main(arguments: list[str]) -> int:
    """Lint the lessons whose name starts with an argument, or all; 1 when there is something to repair."""
    wanted = tuple(arguments) or ("",)
    paths = [path for path in lesson_paths() if path.stem.startswith(wanted)]
    if not paths:
        print(f"No lesson starts with {' or '.join(wanted)}.")
        return 1
    failed = False
    for path in paths:
        try:
            lesson = read_lesson(path)
        except SourceError as error:
            print(error)
            failed = True
            continue
        findings = lint(lesson)
        print(report(lesson, findings) if findings else f"{lesson.name}: nothing to repair.")
        failed = failed or bool(findings)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
