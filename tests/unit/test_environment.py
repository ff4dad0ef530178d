"""pyproject.toml, constraints.txt and environment.yml say the same, and nothing of CUDA is installed."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib.doctor import is_cuda, pins

ROOT = Path(__file__).resolve().parents[2]

# Where conda-forge, or an import, calls a package otherwise.
CONDA_NAMES = {
    "torch": "pytorch-cpu",
    "matplotlib": "matplotlib-base",
    "build": "python-build",
    "msgpack": "msgpack-python",
}
IMPORT_NAMES = {
    "ipython": "IPython",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "pytest-xdist": "xdist",
    "axe-playwright-python": "axe_playwright_python",
    "scikit-learn": "sklearn",
    "websocket-client": "websocket",
}

# Declared though no file imports them.
USED_WITHOUT_IMPORT = {
    "ipywidgets": "the widget manager in JupyterLab that explorers live in",
    "ipykernel": "every notebook's kernel",
    "soupsieve": "a bound on what nbconvert needs",
    "jupyterlab-language-pack-fr-fr": "interface sentences in two languages, read as data",
    "nbval": "pytest --nbval",
    "pytest-xdist": "pytest -n 2",
    "ruff": "ruff check",
    "build": "python -m build",
    "hatchling": "builds the wheel that a test looks into, without the network",
}


def declared() -> dict[str, SpecifierSet]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    return {canonicalize_name(each.name): each.specifier for each in map(Requirement, lines)}


def of_conda() -> dict[str, SpecifierSet]:
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip_lines = next(line["pip"] for line in lines if isinstance(line, dict))
    named = [line for line in [*lines, *pip_lines] if isinstance(line, str) and not line.startswith("-e")]
    return {canonicalize_name(each.name): each.specifier for each in map(Requirement, named)}


def overlap(one: SpecifierSet, other: SpecifierSet) -> bool:
    """Whether a version fits both: if any does, one at a bound or right after a bound does."""
    bounds = {Version("0.0.1"), *(Version(each.version) for each in [*one, *other])}
    candidates = bounds | {Version(f"{bound}.0.1") for bound in bounds}
    return any(version in one and version in other for version in candidates)


def needed(name: str, extras: tuple[str, ...]) -> Iterator[str]:
    """The packages that an installed one needs here, with what these need."""
    seen, todo = set(), [(name, extras)]
    while todo:
        current, wanted = todo.pop()
        for each in map(Requirement, importlib.metadata.requires(current) or []):
            if each.marker and not any(each.marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
                continue
            key = (canonicalize_name(each.name), tuple(sorted(each.extras)))
            if key not in seen:
                seen.add(key)
                todo.append(key)
                yield key[0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(">=2,<3", ">=2.5,<4", True), (">=2,<3", ">=3", False), ("<4", ">=3.9", True), ("<4", "", True)],
)
def test_overlap_of_ranges(one, other, expected):
    assert overlap(SpecifierSet(one), SpecifierSet(other)) is expected


@pytest.mark.parametrize("name", sorted(declared()))
def test_pin_is_in_the_range(name):
    pinned = pins(ROOT)
    assert name in pinned, f"constraints.txt has no pin of {name}"
    assert pinned[name] in declared()[name]


def test_pins_are_public_versions_without_addresses():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line), line


def test_everything_the_course_needs_here_is_pinned():
    missing = set(needed("attention-course", ("test",))) - set(pins(ROOT))
    assert not missing, f"add to constraints.txt: {sorted(missing)}"


@pytest.mark.parametrize("name", sorted(declared()))
def test_conda_range_overlaps(name):
    conda = of_conda()
    there = CONDA_NAMES.get(name, name)
    assert there in conda, f"environment.yml lacks {there}"
    assert overlap(declared()[name], conda[there])


def test_conda_has_nothing_more():
    names = {CONDA_NAMES.get(name, name) for name in declared()}
    assert set(of_conda()) - names == {"python", "pip"}


def test_conda_python_is_ours():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert of_conda()["python"] == SpecifierSet(project["requires-python"])


def imported_modules() -> set[str]:
    found = set()
    for folder in ("course_lib", "tests", "sources", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.split(".")[0])
    return found


def test_every_declared_package_is_used():
    imported = imported_modules()
    unused = [
        name
        for name in declared()
        if name not in USED_WITHOUT_IMPORT and IMPORT_NAMES.get(name, name.replace("-", "_")) not in imported
    ]
    assert not unused, f"pyproject.toml names packages that nothing imports: {unused}"


def test_every_imported_package_is_declared():
    ours = {path.stem for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")}
    known = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in declared()}
    foreign = imported_modules() - set(sys.stdlib_module_names) - {"course_lib", "course", "tests"} - ours
    assert foreign - known == set()


def test_no_cuda_package_is_installed():
    stamp = Path(sys.prefix) / "course-stamp.txt"
    found = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    large = [name for name, version in found.items() if is_cuda(canonicalize_name(name), version)]
    assert not large, f"CUDA packages in {stamp.parent}: {large}"


@pytest.mark.parametrize(
    ("name", "version", "large"),
    [
        ("nvidia-cublas-cu12", "12.8", True),
        ("triton", "3.4", True),
        ("torch", "2.13.0+cu126", True),
        ("torch", "2.13.0+cpu", False),
        ("numpy", "2.4.6", False),
    ],
)
def test_what_counts_as_cuda(name, version, large):
    assert is_cuda(name, version) is large
