"""Honest notebooks that are out of the ordinary: each holds a right answer and must get full marks.

A name maps to (lesson, exercise, cells).
"""

import textwrap

from course_lib.checks.spec import load_exercise
from course_lib.grading.classroom import answer_source

BODY = """
x = np.asarray(x, dtype=float if np.asarray(x).dtype.kind != "f" else None)
top = np.max(x, axis=axis, keepdims=True)
e = np.exp(x - top)
return e / e.sum(axis=axis, keepdims=True)
"""


def softmax(
    body: str = BODY, head: str = "def softmax(x, axis=-1):", before: str = "import numpy as np"
) -> str:
    """A right softmax, its parts to be changed."""
    return f"{before}\n{head}\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"


def markdown(text: str) -> dict:
    return {"cell_type": "markdown", "source": text}


def code(text: str, **more: object) -> dict:
    return {"cell_type": "code", "source": text, "outputs": [], "execution_count": None, **more}


def with_line(line: str) -> str:
    return softmax(f"{line}\n{BODY}")


PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 10**6}}

CELLS: dict[str, list] = {
    "plain": [softmax()],
    "a warning": [with_line("import warnings; warnings.warn('slow')")],
    "warnings as errors": ["import warnings\nwarnings.simplefilter('error')", softmax()],
    "prints": [with_line("print('softmax of', x)")],
    "prints to stderr": [with_line("import sys; print('here', file=sys.stderr)")],
    "prints very much": [with_line("print('x' * 10**6)")],
    "logs": [with_line("import logging; logging.getLogger().warning('called')")],
    "extra cells": ["x = np.arange(3)", softmax(), "for i in range(10):\n    print(i)", "assert softmax([1.0])[0] == 1"],
    "a failing test cell": [softmax(), "assert softmax is None, 'still wrong'"],
    "a cell that raises": ["1 / 0", softmax(), "raise ValueError('left over')"],
    "a cell that never ends": ["while True: pass", softmax()],
    "a cell that exits": ["import sys; sys.exit()", softmax(), "quit()"],
    "a broken cell": ["def helper(x) return x", softmax()],
    "a long training cell": ["import time\ntime.sleep(10**6)", softmax()],
    "magics": ["%matplotlib inline\n%load_ext autoreload\n%autoreload 2", "%%time\n" + softmax(), "!pip install einops"],
    "a time magic in the cell": [softmax() + "\n%timeit softmax([1.0, 2.0])"],
    "help in the cell": [softmax() + "\nsoftmax?"],
    "a stub first": ["def softmax(x, axis=-1):\n    raise NotImplementedError", softmax()],
    "a wrong try first": ["def softmax(x, axis=-1):\n    return x", softmax()],
    "a duplicated cell": [softmax(), softmax()],
    "helpers in another cell": ["import numpy as np\ndef shifted(x, axis):\n    return x - np.max(x, axis=axis, keepdims=True)",
                                "def softmax(x, axis=-1):\n    e = np.exp(shifted(np.asarray(x, float), axis))\n    return e / e.sum(axis=axis, keepdims=True)"],
    "helpers below": [softmax("return helper(x, axis)"), "def helper(x, axis):\n" + textwrap.indent(BODY, "    ")],
    "a constant": ["import numpy as np\nSMALL = -np.inf\nLOWEST, ONE = 0.0, 1", with_line("assert LOWEST < ONE")],
    "a lambda": ["import numpy as np\nsoftmax = lambda x, axis=-1: (lambda e: e / e.sum(axis=axis, keepdims=True))(np.exp(np.asarray(x, float) - np.max(x, axis=axis, keepdims=True)))"],
    "an alias": [softmax(head="def my_softmax(x, axis=-1):"), "softmax = my_softmax"],
    "a decorator": ["import functools\ndef noted(f):\n    @functools.wraps(f)\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n    return inner", softmax(head="@noted\ndef softmax(x, axis=-1):")],
    "a callable object": ["import numpy as np\nclass Soft:\n    def __call__(self, x, axis=-1):\n" + textwrap.indent(BODY, "        ") + "\nsoftmax = Soft()"],
    "type hints that need no import": [softmax(head="def softmax(x: 'NDArray', axis: int | None = -1) -> ArrayLike:")],
    "a recursive function": [softmax("if isinstance(x, list): return softmax(np.array(x), axis)\n" + BODY)],
    "loops": [softmax("x = np.moveaxis(np.array(x, float), axis, -1)\nout = np.empty_like(x)\nfor i in np.ndindex(x.shape[:-1]):\n    e = np.exp(x[i] - x[i].max())\n    out[i] = e / e.sum()\nreturn np.moveaxis(out, -1, axis)")],
    "a list as result": [softmax(BODY.replace("return e", "return (e").strip() + ").tolist()")],
    "slow but fine": [with_line("import time; time.sleep(0.02)")],
    "its own random state": [with_line("np.random.seed(0); np.random.rand(3)")],
    "an unused import that is not there": ["import seaborn as sns\nimport pandas_profiling", softmax()],
    "try around an import": ["try:\n    import cupy as np\nexcept ImportError:\n    import numpy as np", softmax(before="")],
    "imports in one line": ["import os, sys, numpy as np, math; from math import *", softmax(before="")],
    "a star import": ["from numpy import *", softmax(before="import numpy as np")],
    "tabs": [softmax().replace("    ", "\t")],
    "windows line ends": [softmax().replace("\n", "\r\n")],
    "umlauts and emoji": [with_line("größe = np.size(x)  # 🙂")],
    "a huge picture in the outputs": [code(softmax(), outputs=[PICTURE] * 5)],
    "source as lines": [code(softmax().splitlines(keepends=True))],
    "tags and metadata": [code(softmax(), metadata={"tags": ["skip", "raises-exception"], "nbgrader": {"points": 0, "grade": False}})],
    "equal cell ids": [code(softmax(), id="same"), code("1 + 1", id="same")],
    "the check is gone": [markdown("# My answers"), softmax()],
    "raw cells and notes": [{"cell_type": "raw", "source": "notes"}, markdown("softmax = None"), softmax()],
    "shadowing a builtin elsewhere": ["sum = 3\nlist = [1]", softmax()],
    "a main guard": [softmax() + "\nif __name__ == '__main__':\n    print(softmax([1.0]))"],
    "dataclass beside it": ["from dataclasses import dataclass\n@dataclass\nclass Setting:\n    axis: int = -1", with_line("Setting()")],
    "sys and inspect elsewhere": ["import sys, inspect, gc\nprint(sys.modules.keys())\ninspect.getsource", softmax()],
    "in place on its own copy": [softmax("x = np.array(x, float)\nx -= x.max(axis=axis, keepdims=True)\nnp.exp(x, out=x)\nx /= x.sum(axis=axis, keepdims=True)\nreturn x")],
}  # fmt: skip

HONEST: dict[str, tuple[str, str, list]] = {
    name: ("02_softmax", "softmax", cells) for name, cells in CELLS.items()
}
for _lesson, _exercise in (
    ("06_bottleneck", "gru_step"), ("08_self_and_cross", "SelfAttention"), ("11_block", "residual_block"),
    ("12_encoder_decoder", "decoder_layer"), ("15_decoding", "beam_search"), ("16_tokens", "bpe_encode"),
    ("18_fast_inference", "cached_attention_step"), ("19_bert", "mask_tokens"), ("10_multi_head", "MultiHeadAttention"),
):  # fmt: skip
    _source = answer_source(load_exercise(_exercise), load_exercise(_exercise).solution)
    HONEST[f"{_exercise} with notes and a plot"] = (
        _lesson,
        _exercise,
        [
            markdown("My notes"),
            "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
            _source,
            f"print({_exercise})",
        ],
    )
