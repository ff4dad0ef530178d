"""Each rule of the lesson linter lets a good lesson pass and stops a bad one."""

from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_lib.authoring.lint import RULES, Lesson, link_targets, lint, report
from course_lib.authoring.prose import mean_sentence_length, plain_text, word_count
from course_lib.authoring.sources import Section

CHOICE = {
    "question": "What is it?",
    "choices": ["1", "2"],
    "answer": "1",
    "right": "Yes, one.",
    "wrong": {"2": "Two is the length."},
}
NUMBER = {
    "question": "How much?",
    "answer": 2.4,
    "tolerance": 0.3,
    "right": "r",
    "too_low": "l",
    "too_high": "h",
}
RECAP = "**Recap.**\n\n" + "\n\n".join(
    f"<details><summary>Question {i}? (Lesson 0)</summary>\n\nAnswer.\n\n</details>" for i in range(4)
)


def good(tmp_path) -> Lesson:
    """A small lesson with nothing to repair."""
    cells = [
        new_markdown_cell("# 1. Dot products\n\nHere is the title."),
        new_code_cell('from course_lib import start\n\nstart("01_dot_products")'),
    ]
    for name in ("one", "two", "three"):
        cells += [
            new_markdown_cell(f"## Section {name} (4 min)\n\n**Predict.** A dot product comes next."),
            new_code_cell(f'predict("{name}")'),
            new_markdown_cell("The next cell computes it."),
            new_code_cell(f'compare("{name}", 1)'),
        ]
    figure = new_output("display_data", {"image/png": "aGk=", "text/plain": "Figure: two arrows"})
    cells += [
        new_markdown_cell("The picture shows it: $a \\cdot b$. See the [first part](#Section-one-(4-min))."),
        new_code_cell("show(fig)", outputs=[figure]),
        new_markdown_cell(RECAP),
        new_markdown_cell("## Where to go from here"),
    ]
    return Lesson(
        name="01_dot_products",
        header={"objectives": ["compute", "read"], "minutes": 12, "short_path": 4, "terms": ["dot product"]},
        sections=[Section(f"Section {n}", 4, n == "one", "") for n in ("one", "two", "three")],
        cells=cells,
        questions={"one": CHOICE, "two": CHOICE, "three": NUMBER},
        glossary={"dot product": {"definition": "...", "lesson": "01_dot_products"}},
        folder=tmp_path,
    )


def with_header(lesson, **changes):
    return replace(lesson, header=lesson.header | changes)


def with_cell(lesson, place, cell):
    return replace(lesson, cells=[*lesson.cells[:place], cell, *lesson.cells[place:]])


def with_words(lesson, text, place=-2):
    return with_cell(lesson, place, new_markdown_cell(text))


def with_question(lesson, **changes):
    return replace(lesson, questions=lesson.questions | {"one": CHOICE | changes})


def without(lesson, *wanted):
    return replace(lesson, cells=[c for c in lesson.cells if not any(w in c.source for w in wanted)])


def swapped(lesson, first, second):
    places = [next(i for i, c in enumerate(lesson.cells) if w in c.source) for w in (first, second)]
    cells = list(lesson.cells)
    cells[places[0]], cells[places[1]] = cells[places[1]], cells[places[0]]
    return replace(lesson, cells=cells)


def with_output(lesson, text):
    bare = new_output("display_data", {"image/png": "aGk=", "text/plain": text})
    return with_cell(lesson, -2, new_code_cell("plot()", outputs=[bare]))


def with_recap(lesson, old, new):
    cells = [new_markdown_cell(c.source.replace(old, new)) if c.source == RECAP else c for c in lesson.cells]
    return replace(lesson, cells=cells)


def ignored(**metadata):
    return new_code_cell("time()", metadata={"tags": ["nbval-ignore-output"], **metadata})


def several_ignored(lesson):
    for _ in range(3):
        lesson = with_cell(lesson, -2, ignored(reason="timing"))
    return lesson


# rule, what the message must say, how the lesson is spoilt
BAD = [
    ("objectives", "1 objectives", lambda x: with_header(x, objectives=["compute"])),
    ("objectives", "6 objectives", lambda x: with_header(x, objectives=["compute"] * 6)),
    ("objectives", "begin with what", lambda x: with_header(x, objectives=["understand it", "compute"])),
    (
        "minutes",
        "add its minutes",
        lambda x: replace(x, sections=[*x.sections, Section("More", None, False, "")]),
    ),
    ("minutes", "sum to 12 minutes, the header says 20", lambda x: with_header(x, minutes=20)),
    ("minutes", "short_path is 12", lambda x: with_header(x, short_path=12)),
    ("minutes", "marked 'short path' sum to 4", lambda x: with_header(x, short_path=9)),
    ("first_cell", 'must call start("01_dot_products"', lambda x: without(x, "start(")),
    ("heading_order", "only first-level heading", lambda x: with_words(x, "# Another title")),
    ("heading_order", "jumps from level 2 to 4", lambda x: with_words(x, "#### Too deep")),
    ("lead_words", "**Change it.**", lambda x: with_words(x, "**Change it:** the number.")),
    ("lead_words", "**Trap.**", lambda x: with_words(x, "**Trap**: the number.")),
    ("first_action", "after 420 words", lambda x: late_action(x)),
    ("first_action", "no action at all", lambda x: without(x, "predict(")),
    ("runs_without_action", "914 words", lambda x: with_words(x, "Short. " * 900)),
    ("runs_without_action", "9 cells", lambda x: many_cells(x)),
    ("predictions", "2 predictions", lambda x: without(x, 'predict("one")')),
    ("predictions", "is never asked", lambda x: without(x, 'predict("one")')),
    ("predictions", "no such question", lambda x: with_cell(x, -2, new_code_cell('predict("four")'))),
    ("predictions", "no compare('one', ...)", lambda x: without(x, 'compare("one"')),
    ("predictions", "must stand in an earlier cell", lambda x: swapped(x, 'predict("one")', 'compare("one"')),
    ("predictions", "must stand in an earlier cell", lambda x: one_cell(x)),
    ("prediction_sentences", "choice '2' has no sentence", lambda x: with_question(x, wrong={})),
    ("prediction_sentences", "not among the choices", lambda x: with_question(x, answer="3")),
    ("prediction_sentences", "`too_low` is missing", lambda x: number_without(x, "too_low")),
    ("recap", "no **Recap.** block", lambda x: without(x, "**Recap.**")),
    (
        "recap",
        "3 recap questions",
        lambda x: with_recap(x, "<details><summary>Question 3? (Lesson 0)</summary>", ""),
    ),
    ("recap", "leave an empty line", lambda x: with_recap(x, "</summary>\n\n", "</summary>\n")),
    ("recap", "is not closed", lambda x: with_recap(x, "</details>", "")),
    ("recap", "from an earlier lesson", lambda x: with_recap(x, "(Lesson 0)", "(Lesson 1)")),
    ("terms", "6 new terms", lambda x: with_header(x, terms=["dot product"] * 6)),
    ("terms", "not in sources/glossary.toml", lambda x: replace(x, glossary={})),
    ("terms", "never used in the text", lambda x: unused_term(x)),
    ("terms", "is new in 00_start", lambda x: replace(x, glossary={"dot product": {"lesson": "00_start"}})),
    ("banned_words", "'Obviously' belittles", lambda x: with_words(x, "Obviously so.")),
    ("banned_words", "'just' in the prediction", lambda x: with_question(x, right="It is just one.")),
    ("sentence_length", "words on average", lambda x: with_words(x, ("word " * 1500) + ".")),
    ("formulas", "not closed", lambda x: with_words(x, "The number $a.")),
    ("formulas", "no formula in a heading", lambda x: with_words(x, "## What $a$ is for (3 min)")),
    ("code_length", "16 lines of code", lambda x: with_cell(x, -2, new_code_cell("x = 1\n" * 16))),
    ("sentence_before_code", "in a row", lambda x: with_cell(x, 2, new_code_cell("x = 1"))),
    ("ignored_cells", "3 cells are not compared", several_ignored),
    ("ignored_cells", "needs its reason", lambda x: with_cell(x, -2, ignored())),
    ("alt_text", "picture without alt text", lambda x: with_words(x, "![](picture.png)")),
    ("alt_text", "<img> without alt text", lambda x: with_words(x, '<img src="picture.png">')),
    ("alt_text", "figure without alt text", lambda x: with_output(x, "<Figure size 640x480>")),
    ("links", "leads nowhere", lambda x: with_words(x, "[next](02_nothing.ipynb)")),
    ("links", "is not relative", lambda x: with_words(x, "[next](/home/someone/02.ipynb)")),
    ("links", "is not relative", lambda x: with_words(x, "[next](http://localhost:8888/02.ipynb)")),
    ("links", "no heading of this notebook", lambda x: with_words(x, "[part](#Nowhere)")),
]


def late_action(lesson):
    """420 words in 7 cells before the first action, and no others."""
    silent = [
        new_markdown_cell("") if "# 1." in c.source or "**Predict" in c.source else c for c in lesson.cells
    ]
    lesson = replace(lesson, cells=silent)
    for _ in range(7):
        lesson = with_words(lesson, "Short. " * 60, 1)
    return lesson


def many_cells(lesson):
    for _ in range(9):
        lesson = with_words(lesson, "Short.")
    return lesson


def one_cell(lesson):
    """Question and answer in one cell: the reader sees both at once."""
    rest = without(lesson, 'predict("one")', 'compare("one"')
    return with_cell(rest, -2, new_code_cell('predict("one")\ncompare("one", 1)'))


def number_without(lesson, key):
    question = {name: value for name, value in NUMBER.items() if name != key}
    return replace(lesson, questions=lesson.questions | {"three": question})


def unused_term(lesson):
    glossary = lesson.glossary | {"entropy": {"lesson": "01_dot_products"}}
    return with_header(replace(lesson, glossary=glossary), terms=["entropy"])


def test_a_good_lesson_has_nothing_to_repair(tmp_path):
    lesson = good(tmp_path)
    assert report(lesson, lint(lesson)) == ""


@pytest.mark.parametrize(("rule", "words", "spoil"), BAD, ids=[f"{r}-{w[:24]}" for r, w, _ in BAD])
def test_a_bad_lesson_is_found(rule, words, spoil, tmp_path):
    lesson = spoil(good(tmp_path))
    found = [finding for finding in lint(lesson) if finding.rule == rule and words in finding.message]
    assert found, report(lesson, lint(lesson))
    assert "01_dot_products, " in report(lesson, found)


def test_every_rule_is_seen_to_fail():
    assert {rule for rule, _, _ in BAD} == set(RULES)


def test_a_message_names_lesson_cell_and_rule(tmp_path):
    lesson = with_words(good(tmp_path), "This is clearly wrong.")
    assert report(lesson, lint(lesson)) == (
        "01_dot_products, cell 17 `This is clearly wrong.`: 'clearly' belittles a reader who finds it hard: "
        "leave it out or say what is meant [banned_words]"
    )


def test_code_is_not_prose(tmp_path):
    lesson = with_words(good(tmp_path), "Call `just(x)`.\n\n```\nobviously = 1  # $\n```")
    assert lint(lesson) == []


def test_words_that_a_reader_reads():
    assert word_count("**Look.** A *small* [link](far/away.md), `code(x, y)` and $a + b$.") == 7
    assert word_count("![alt text](picture.png)\n\n| a | b |\n|:--|--:|\n| c | d |") == 4
    assert plain_text("<details><summary>Why?</summary>").split() == ["Why?"]


def test_mean_sentence_length_counts_running_text_only():
    assert (
        mean_sentence_length(["# A heading of many words here\n\nOne two three. Four five.\n\n| a | b c d |"])
        == 2.5
    )
    assert mean_sentence_length([]) == 0.0


def test_links_with_brackets_inside():
    assert link_targets("[a](#One-(8-min)) ![b](c.png) `[x](y)`") == ["#One-(8-min)", "c.png"]
