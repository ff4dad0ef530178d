"""Explorers without a browser: traits, results, stills, files in the wheel, the page's maths under node."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from explorer_families import FAMILIES

from course_lib import by_hand
from course_lib.explorers import dot_product_explorer, softmax_explorer
from course_lib.explorers.base import module, parse_condition, static
from course_lib.explorers.still import num, wrap
from course_lib.palette import INK, KEY, PAPER, QUERY, VALUE


@pytest.fixture(params=sorted(FAMILIES))
def explorer(request):
    return FAMILIES[request.param][0]()


# -------------------------------------------------------------------- what every family keeps


def test_the_still_is_the_same_bytes_twice_and_names_no_id(explorer):
    again = type(explorer).__mro__[1]  # traits added by anywidget make a class on the fly; its base is ours
    svg = explorer.to_svg()
    assert svg == explorer.to_svg() == FAMILIES[again.FAMILY][0]().to_svg()
    assert " id=" not in svg
    assert svg.startswith("<svg") and svg.endswith("</svg>")


def test_the_bundle_holds_the_view_a_line_and_a_still(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert bundle["text/plain"] == f"{explorer.TITLE} {explorer.line}"
    assert explorer.TITLE.endswith("?")


def test_state_survives_json_and_load(explorer):
    before = json.loads(json.dumps(explorer.state()))
    for changes in explorer.presets().values():
        explorer.load_state(changes)
    moved = explorer.state()
    explorer.reset()
    assert explorer.state() == before
    explorer.load_state(json.loads(json.dumps(moved)))
    assert explorer.state() == moved


def test_unknown_names_and_presets_are_refused(explorer):
    with pytest.raises(ValueError, match="state has wheels; known are"):
        explorer.load_state({"wheels": 4})
    with pytest.raises(ValueError, match="preset must be one of"):
        FAMILIES[explorer.FAMILY][0](preset="no such thing")


def test_copied_python_makes_the_same_explorer(explorer):
    for changes in explorer.presets().values():
        explorer.load_state(changes)
        names = {f"{name}_explorer": make for name, (make, _) in FAMILIES.items()}
        copy = eval(explorer.as_python(), names)
        assert copy.line == explorer.line


def test_every_wrong_guess_has_its_sentence(explorer):
    question = explorer.prediction()
    assert question["answer"] in question["choices"]
    assert set(question["wrong"]) == set(question["choices"]) - {question["answer"]}
    assert set(question.get("then", {})) <= set(explorer.state_names())


def test_the_page_without_jupyter_is_one_file_that_names_no_other(explorer, tmp_path):
    text = explorer.to_html(tmp_path / "x.html").read_text(encoding="utf-8")
    addresses = [part.split('"')[0] for part in text.split("http")[1:]]
    assert {a.split("/")[2] for a in addresses if "//" in a} <= {"www.w3.org"}
    assert "@@" not in text
    assert "import " not in module(explorer.FAMILY).replace("without importing", "")


def test_a_challenge_is_judged_in_python_too(explorer):
    name = next(name for name, value in explorer.compute().items() if not np.shape(value))
    explorer.challenge("Anything", f"{name} > -1e9 and {name} < 1e9")
    assert not explorer.solved
    explorer.load_state(next(iter(explorer.presets().values())))
    explorer.load_state(list(explorer.presets().values())[1])
    assert explorer.solved


# -------------------------------------------------------------------- results


def test_softmax_results_are_by_hands():
    explorer = softmax_explorer(scores=(3, 1, -2, 0.5), temperature=0.5, shift=7, chosen=1)
    weights = by_hand.softmax(np.array([3, 1, -2, 0.5]) / 0.5)
    np.testing.assert_allclose(explorer.weights, weights, atol=1e-12)
    assert explorer.entropy == pytest.approx(float(by_hand.entropy(weights)))


def test_softmax_gradient_is_the_slope_of_the_chosen_weight():
    explorer = softmax_explorer(scores=(1, 2, 0), temperature=2.0, chosen=2)
    slopes = []
    for i in range(3):
        ends = []
        for step in (1e-5, -1e-5):
            scores = np.array([1.0, 2.0, 0.0])
            scores[i] += step
            ends.append(softmax_explorer(scores=scores, temperature=2.0).weights[2])
        slopes.append((ends[0] - ends[1]) / 2e-5)
    np.testing.assert_allclose(explorer.gradient, slopes, atol=1e-8)


def test_dot_product_results():
    explorer = dot_product_explorer(query=(3, 4), key=(2, 0))
    assert (explorer.dot, explorer.cosine, explorer.shadow) == pytest.approx((6, 0.6, 3))
    assert explorer.angle == pytest.approx(53.1301, abs=1e-4)
    np.testing.assert_allclose(explorer.projection, [3, 0])


def test_a_key_without_length_has_words_instead_of_an_angle():
    explorer = dot_product_explorer(key=(0, 0))
    assert explorer.line == "The key has no length: the product is 0.00, and there is no angle."
    assert explorer.dot == explorer.shadow == 0


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (softmax_explorer, {"scores": (1, 2)}, r"scores must have shape \(3 to 8,\)"),
        (softmax_explorer, {"scores": "abc"}, "scores must have"),
        (softmax_explorer, {"scores": (1, 2, float("nan"))}, "scores must have"),
        (softmax_explorer, {"temperature": 0}, "temperature must be a number from 0.1 to 10; got 0"),
        (softmax_explorer, {"temperature": None}, "temperature must be a number"),
        (softmax_explorer, {"chosen": 1.5}, "chosen must be a whole number"),
        (softmax_explorer, {"chosen": 3}, "chosen must be from 0 to 2"),
        (softmax_explorer, {"labels": ["x"]}, "labels must name the 3 scores"),
        (dot_product_explorer, {"query": (1, 2, 3)}, r"query must have shape \(2,\)"),
        (dot_product_explorer, {"key": (9, 0)}, "key must have shape .* from -4 to 4"),
    ],
)
def test_bad_arguments_are_named(make, arguments, words):
    with pytest.raises(ValueError, match=words):
        make(**arguments)


def test_setting_a_bad_value_later_changes_nothing():
    explorer = softmax_explorer()
    with pytest.raises(ValueError, match="temperature"):
        explorer.temperature = -1
    assert explorer.temperature == 1.0


# -------------------------------------------------------------------- challenges


def test_a_condition_is_read_or_refused_in_words():
    assert parse_condition("weights[1] > 0.9 and entropy<=1") == [
        [["weights", 1], ">", 0.9],
        [["entropy"], "<=", 1.0],
    ]
    with pytest.raises(ValueError, match="comparisons of results with numbers"):
        parse_condition("import os")
    explorer = softmax_explorer()
    with pytest.raises(ValueError, match="condition names 'wings'"):
        explorer.challenge("?", "wings > 1")
    with pytest.raises(ValueError, match=r"reads weights\[5\]"):
        explorer.challenge("?", "weights[5] > 1")
    with pytest.raises(ValueError, match="condition is missing"):
        explorer.challenge("make it good")


def test_a_function_can_judge_and_what_it_raises_is_shown():
    explorer = softmax_explorer()
    explorer.challenge("Bring the entropy under 0.5.", lambda ex: ex.entropy < 0.5)
    explorer.temperature = 5
    assert not explorer.solved
    explorer.temperature = 0.2
    assert explorer.solved
    explorer.challenge("Broken", lambda ex: ex.nothing)
    explorer.temperature = 1
    assert "AttributeError" in explorer.error


# -------------------------------------------------------------------- small things


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [(0.125, 2, "0.13"), (-0.125, 2, "−0.13"), (-0.001, 2, "0.00"), (2.5, 0, "3"), (1e9, 1, "1000000000.0")],
)
def test_numbers_are_printed_as_in_the_page(x, digits, text):
    assert num(x, digits) == text


def test_wrap_keeps_every_word():
    words = "one two three four five six"
    assert " ".join(wrap(words, 9)) == words
    assert max(map(len, wrap(words, 9))) <= 9


def test_importing_explorers_loads_neither_torch_nor_matplotlib():
    code = "import sys, course_lib.explorers; print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_wheel_holds_the_pages_files(tmp_path):
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(root),
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for name in ["kit.js", "kit.css", "page.js", "page.html", *(f"{family}.js" for family in FAMILIES)]:
        assert f"course_lib/explorers/static/{name}" in names
    assert "course_lib/lab_settings/overrides.json" in names


# -------------------------------------------------------------------- colours


def colours_of(theme: str) -> dict[str, str]:
    """The style sheet's colours in a theme: name to #rrggbb; Jupyter's ground is taken as the fallback."""
    light, dark = re.findall(r"\.cx \{\n(.*?)\n\}", static("kit.css"), re.DOTALL)[:2]
    pairs = re.findall(
        r"--cx-([a-z-]+): (?:var\([^,]+, )?(#[0-9a-f]{6})", light if theme == "light" else dark
    )
    return dict(pairs)


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2, relative luminance)."""
    levels = []
    for colour in (a, b):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        levels.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(levels) / min(levels)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_every_ground(theme):
    colours = colours_of(theme)
    for text in ("ink", "soft", "query-text", "key-text", "value-text"):
        for ground in ("paper", "wash", "key-wash", "query-wash", "value-wash"):
            assert contrast(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}"
    assert contrast(colours["weak-text"], colours["ramp-low"]) >= 4.5
    assert contrast(colours["strong-text"], colours["ramp-high"]) >= 4.5


def test_the_style_sheet_has_the_courses_colours():
    colours = colours_of("light")
    for name, value in {"query": QUERY, "key": KEY, "value": VALUE, "ink": INK, "paper": PAPER}.items():
        assert colours[name].upper() == value.upper()


# -------------------------------------------------------------------- the page's maths is Python's

RUNNER = """
import { readFileSync } from "node:fs";
const { default: widget } = await import(process.argv[2]);
const cases = JSON.parse(readFileSync(process.argv[3], "utf8"));
const round = (x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
console.log(JSON.stringify(cases.map(({ state, facts }) => {
  const results = widget.family.compute(state, facts);
  return { results, line: widget.family.line(state, results, facts) };
}), (_, x) => round(x)));
"""


def page_results(family: str, cases: list, folder) -> list:
    """Runs the family's compute and line on the cases with node (tests/browser does so in Chromium)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here: tests/browser/test_kit.py compares the two maths in Chromium")
    (folder / "family.mjs").write_text(module(family), encoding="utf-8")
    (folder / "run.mjs").write_text(RUNNER, encoding="utf-8")
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    command = [node, str(folder / "run.mjs"), str(folder / "family.mjs"), str(folder / "cases.json")]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_pages_maths_and_words_are_pythons_on_200_cases(family, tmp_path):
    make, arguments = FAMILIES[family]
    rng = np.random.default_rng(0)
    explorers = [make(**arguments(rng), predict=False) for _ in range(200)]
    cases = [{"state": e.state(), "facts": e.card["facts"]} for e in explorers]
    for explorer, seen in zip(explorers, page_results(family, cases, tmp_path), strict=True):
        for name, value in explorer.compute().items():
            if isinstance(value, str) or value is None:
                assert seen["results"][name] == value
            else:
                np.testing.assert_allclose(
                    np.asarray(seen["results"][name], float), value, atol=1e-9, err_msg=name
                )
        assert seen["line"] == explorer.line
