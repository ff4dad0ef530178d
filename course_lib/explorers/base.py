"""What all explorers share: traits that one manipulates, results derived from them, still and page."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import anywidget
import numpy as np
import traitlets

STATIC = files("course_lib.explorers") / "static"


# ---------------------------------------------------------------- traits that say what is wrong with a value


class Number(traitlets.TraitType):
    """A finite number within bounds."""

    def __init__(self, default: float, low: float = -math.inf, high: float = math.inf, whole: bool = False):
        super().__init__(default)
        self.low, self.high, self.whole = low, high, whole

    def validate(self, owner, value):
        wanted = f"{self.name} must be a {'whole ' if self.whole else ''}number {bounds(self.low, self.high)}"
        if isinstance(value, (bool, np.bool_)) or not isinstance(
            value, (int, float, np.integer, np.floating)
        ):
            raise ValueError(f"{wanted}; got {value!r}")
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise ValueError(f"{wanted}; got {value!r}")
        if self.whole and value != int(value):
            raise ValueError(f"{wanted}; got {value!r}")
        return int(value) if self.whole else float(value)


class Place(Number):
    """A whole number below as many as the explorer counts of this kind; None where `optional`."""

    def __init__(self, default: int | None = 0, optional: bool = False):
        super().__init__(default, low=0, whole=True)
        self.optional = optional

    def validate(self, owner, value):
        if value is None and self.optional:
            return None
        value, n = super().validate(owner, value), owner.counts[self.name]
        if value >= n:
            raise ValueError(f"{self.name} must be from 0 to {n - 1}; got {value}")
        return value


class Numbers(traitlets.TraitType):
    """Finite numbers kept as nested lists; shape holds a size, a (low, high) pair or None per axis."""

    def __init__(self, default: Iterable, shape: tuple, low: float = -math.inf, high: float = math.inf):
        super().__init__(np.asarray(default, float).tolist())
        self.shape, self.low, self.high = shape, low, high

    def make_dynamic_default(self):
        return json.loads(json.dumps(self.default_value))

    def validate(self, owner, value):
        wanted = f"{self.name} must have shape {self.shape_words()} of numbers {bounds(self.low, self.high)}"
        try:
            array = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"{wanted}; got {value!r}") from None
        if array.ndim != len(self.shape) or not all(map(fits, array.shape, self.shape)):
            raise ValueError(f"{wanted}; got shape {array.shape}")
        if not (np.isfinite(array).all() and (array >= self.low).all() and (array <= self.high).all()):
            raise ValueError(f"{wanted}; got {array.tolist()}")
        return array.tolist()

    def shape_words(self) -> str:
        words = [
            f"{a[0]} to {a[1]}" if isinstance(a, tuple) else "n" if a is None else str(a) for a in self.shape
        ]
        return f"({', '.join(words)}{',' if len(words) == 1 else ''})"


class Flag(traitlets.TraitType):
    """True or False."""

    def validate(self, owner, value):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{self.name} must be True or False; got {value!r}")
        return bool(value)


def bounds(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "(finite)"
    if math.isinf(high):
        return f"of at least {low:g}"
    return f"from {low:g} to {high:g}"


def fits(size: int, wanted: int | tuple | None) -> bool:
    if isinstance(wanted, tuple):
        return wanted[0] <= size <= wanted[1]
    return wanted is None or size == wanted


# ------------------------------------------------------------------ the page's side


@cache
def module(family: str) -> str:
    """The ES module of a family: the kit in front, then the family's own file (no build step, no import)."""
    return f"{static('kit.js')}\n\n{static(family + '.js')}"


@cache
def static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def literal(value: object) -> str:
    """The value as Python source: lists become tuples, numbers stay as short as they can."""
    if isinstance(value, (list, tuple)):
        items = [literal(v) for v in value]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value)


CONDITION = re.compile(r"\s*([a-z_]+)((?:\[\d+\])*)\s*(>=|<=|>|<)\s*([-+]?\d*\.?\d+(?:e[-+]?\d+)?)\s*")


def parse_condition(condition: str) -> list:
    """The tests of a condition such as "weights[1] > 0.9 and entropy < 1", as the page can check them."""
    tests = []
    for part in condition.split(" and "):
        match = CONDITION.fullmatch(part)
        if not match:
            raise ValueError(
                "condition must be comparisons of results with numbers joined by 'and', "
                f'such as "weights[0] > 0.9 and entropy < 1"; got {part.strip()!r}'
            )
        name, indices, sign, number = match.groups()
        tests.append([[name, *map(int, re.findall(r"\d+", indices))], sign, float(number)])
    return tests


def holds(tests: list, results: Mapping) -> bool:
    """Whether every test of a parsed condition is true of the results."""
    for (name, *indices), sign, bound in tests:
        value = np.asarray(results[name])[tuple(indices)]
        if not {">": value > bound, ">=": value >= bound, "<": value < bound, "<=": value <= bound}[sign]:
            return False
    return True


class Explorer(anywidget.AnyWidget):
    """Base of all explorers. A family sets the class attributes and writes `compute`, `words` and `still`.

    State traits are tagged `sync=True, state=True`; everything else that one reads is derived by `compute`.
    """

    FAMILY = ""  # name of static/<family>.js and of the factory <family>_explorer
    TITLE = ""  # a question
    PRESETS: Mapping[str, dict] = {}  # name -> traits it sets
    # question, choices, answer, right, wrong {choice: sentence}, then {trait: value} set after the guess
    PREDICT: Mapping | None = None
    CHALLENGE: tuple[str, str] | None = None  # sentence, condition the page can check

    card = traitlets.Dict().tag(sync=True)
    guess = traitlets.Unicode("").tag(sync=True)
    solved = traitlets.Bool(False).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    results = traitlets.Dict().tag(sync=True)  # filled only when the maths runs in Python

    def __init_subclass__(cls, **more):
        # Adding traits makes a subclass on the fly; it must keep the trait that anywidget made of _esm.
        if "FAMILY" in cls.__dict__:
            cls._esm = module(cls.FAMILY)
            cls._css = static("kit.css")
        super().__init_subclass__(**more)

    def __init__(
        self, *, predict: bool = True, preset: str | None = None, python: bool = False, fixed=None, **state
    ):
        """predict=False leaves the guess out; fixed holds the factory's other arguments as source."""
        super().__init__(**state)
        if preset is not None:
            self._take_preset(preset)
        self._python = python
        self._start = self.state()
        self._condition: Callable | None = None
        self._check_initial()
        with self.hold_sync():  # one message: a card can hold megabytes
            self.card = self._card(predict, fixed or {})
            if self.CHALLENGE:
                self.challenge(*self.CHALLENGE)
        self.observe(self._changed, names=self.state_names())
        if python:
            self._compute_for_page()

    # -- what a family writes

    def compute(self) -> dict:
        """Results for the present state: names to floats or arrays, through by_hand."""
        raise NotImplementedError

    def words(self, results: Mapping) -> str:
        """The live line for these results, word for word as the page says it."""
        raise NotImplementedError

    def still(self, results: Mapping) -> str:
        """The still picture of these results as SVG text (see still.picture)."""
        raise NotImplementedError

    def presets(self) -> dict[str, dict]:
        """Presets by name; override where they depend on what the explorer was made with."""
        return dict(self.PRESETS)

    def prediction(self) -> dict | None:
        """The guess that is asked first; override where it depends on what the explorer was made with."""
        return dict(self.PREDICT) if self.PREDICT else None

    def facts(self) -> dict:
        """What the page must know and nobody manipulates (labels, sizes), as JSON values."""
        return {}

    def condition_for(self, text: str) -> str | None:
        """The condition that a challenge in words means, where the family understands it."""
        return None

    def _check_initial(self) -> None:
        """Checks that need several traits at once; raise ValueError."""

    # -- state

    @classmethod
    def state_names(cls) -> list[str]:
        """Names of the traits that one manipulates, in the order in which the class lists them."""
        own = {name: trait for kind in reversed(cls.__mro__) for name, trait in vars(kind).items()}
        return [n for n, t in own.items() if isinstance(t, traitlets.TraitType) and t.metadata.get("state")]

    def state(self) -> dict:
        """What was manipulated, as JSON values."""
        return {name: json.loads(json.dumps(getattr(self, name))) for name in self.state_names()}

    def load_state(self, state: Mapping) -> None:
        """Sets the traits named in `state`; raises ValueError for a name that this explorer does not have."""
        unknown = sorted(set(state) - set(self.state_names()))
        if unknown:
            raise ValueError(
                f"state has {', '.join(unknown)}; known are {', '.join(sorted(self.state_names()))}"
            )
        with self.hold_trait_notifications():
            for name, value in state.items():
                setattr(self, name, value)

    def reset(self) -> None:
        """Back to the state in which it was made."""
        self.load_state(self._start)

    def _take_preset(self, preset: str) -> None:
        presets = self.presets()
        if preset not in presets:
            raise ValueError(f"preset must be one of {', '.join(map(repr, presets))}; got {preset!r}")
        self.load_state(presets[preset])

    # -- results

    @property
    def line(self) -> str:
        """The live line in words, as the page shows it."""
        try:
            return self.words(self.compute())
        except Exception as error:
            return f"No picture: {type(error).__name__}: {error}".split("\n")[0]

    def _changed(self, change=None) -> None:
        if self._python:
            self._compute_for_page()
        self._judge()

    def _compute_for_page(self) -> None:
        """Sends the results as float32, or the message of what went wrong."""
        try:
            results = self.compute()
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return
        with self.hold_sync():
            self.error = ""
            self.results = {name: packed(value) for name, value in results.items()}

    # -- challenge

    def challenge(self, text: str, condition: str | Callable[["Explorer"], bool] | None = None) -> None:
        """Sets a task; `solved` turns True at the first change after which its condition holds.

        `condition` is text such as "weights[1] > 0.9", which the page checks without a kernel, or a function
        of the explorer, checked in Python. A family may understand the words alone. Raises ValueError where
        there is nothing to check.
        """
        condition = condition if condition is not None else self.condition_for(text)
        if condition is None:
            raise ValueError(
                f"condition is missing: {type(self).__name__} cannot tell from {text!r} what to check"
            )
        tests = parse_condition(condition) if isinstance(condition, str) else None
        if tests:
            self._check_names(tests)
        self._condition = (lambda: holds(tests, self.compute())) if tests else (lambda: bool(condition(self)))
        self.solved = False
        self.card = {**self.card, "challenge": text, "tests": tests}

    def _check_names(self, tests: list) -> None:
        results = self.compute()
        for (name, *indices), *_ in tests:
            if name not in results:
                raise ValueError(f"condition names {name!r}; the results are {', '.join(results)}")
            shape = np.shape(results[name])
            if len(indices) != len(shape) or any(i >= n for i, n in zip(indices, shape, strict=False)):
                raise ValueError(f"condition reads {name}{indices}; {name} has shape {shape}")

    def _judge(self) -> None:
        if self._condition is None or self.solved:
            return
        try:
            self.solved = self._condition()
        except Exception as error:
            self.error = f"The challenge's condition raised {type(error).__name__}: {error}"

    # -- outputs

    def _card(self, predict: bool, fixed: dict) -> dict:
        defaults = {name: self.traits()[name].default() for name in self.state_names()}
        return {
            "family": self.FAMILY,
            "title": self.TITLE,
            "state": self.state_names(),
            "start": self._start,
            "defaults": defaults,
            "arguments": {
                name: self.traits()[name].metadata.get("argument", name) for name in self.state_names()
            },
            "unsaid": [name for name in self.state_names() if self.traits()[name].metadata.get("unsaid")],
            "fixed": fixed,
            "factory": f"{self.FAMILY}_explorer",
            "presets": self.presets(),
            "predict": self.prediction() if predict else None,
            "challenge": "",
            "tests": None,
            "python": self._python,
            "facts": self.facts(),
        }

    def as_python(self) -> str:
        """The call that makes this explorer in its present state; what the page's copy button copies."""
        parts = [f"{name}={value}" for name, value in self.card["fixed"].items()]
        for name in self.card["state"]:
            value = getattr(self, name)
            if name not in self.card["unsaid"] and value != self.card["defaults"][name]:
                parts.append(f"{self.card['arguments'][name]}={literal(value)}")
        return f"{self.card['factory']}({', '.join(parts)})"

    def __repr__(self) -> str:
        return f"{self.TITLE} {self.line}"

    def to_svg(self) -> str:
        """A still picture of the present state, the same bytes each time."""
        try:
            return self.still(self.compute())
        except Exception as error:
            from course_lib.explorers.still import picture

            return picture(680, 8, self.TITLE, f"This could not be computed. {type(error).__name__}: {error}")

    def _page_card(self) -> dict:
        """The card of a page without a kernel; override where a part of it needs Python."""
        return self.card

    def to_html(self, path: str | Path) -> Path:
        """Writes one file that works offline with no kernel; returns its path."""
        path = Path(path)
        model = {name: getattr(self, name) for name in [*self.state_names(), "guess", "solved", "error"]}
        model["card"] = self._page_card()
        model["results"] = (
            {name: plain(value) for name, value in self.compute().items()}
            if self._python and not self.error
            else {}
        )
        script = f"{module(self.FAMILY).replace('export default ', 'const family = ')}\n{static('page.js')}"
        page = static("page.html")
        for mark, text in {
            "TITLE": self.TITLE,
            "STYLE": static("kit.css"),
            "MODEL": json.dumps(model, ensure_ascii=False).replace("</", "<\\/"),
            "SCRIPT": script.replace("</script", "<\\/script"),
        }.items():
            page = page.replace(f"@@{mark}@@", text)
        path.write_text(page, encoding="utf-8")
        return path

    def _repr_mimebundle_(self, **options):
        view, metadata = super()._repr_mimebundle_(**options)
        return {**view, "text/plain": repr(self), "image/svg+xml": self.to_svg()}, metadata


def packed(value: object) -> object:
    """Numbers as float32 bytes with their shape; everything else as it is."""
    if isinstance(value, (str, bool, type(None))):
        return value
    array = np.asarray(value)
    return {"shape": list(array.shape), "data": array.astype("<f4").tobytes()}


def plain(value: object) -> object:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
