"""Malformed notebooks: each as bytes, with what must come of it.

REFUSED holds files that are no notebook, each with words of the message. LEFT_OUT holds code cells that
cannot be used, each with words of the remark on it: an answer in another cell keeps its points. HARMLESS
holds whole files that are strange, but hold an answer.
"""

import codecs
import json

from tests.grading.notebooks import notebook

ANSWER = """def padding_mask(lengths, n):
    if np.any(lengths > n):
        raise ValueError(n)
    return np.arange(n) < lengths[:, None]
"""
IMPORT = "import numpy as np"
WHOLE = notebook(IMPORT, ANSWER)
MANY = 40_000
DEEP = 100_000


def cell(**changes) -> dict:
    """A code cell with the answer, changed."""
    return {"cell_type": "code", "source": f"{IMPORT}\n{ANSWER}", "outputs": [], "metadata": {}, **changes}


def file_of(cells, **changes) -> bytes:
    """A notebook file with these cells, whatever they are."""
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}
    return json.dumps(whole).encode()


REFUSED = {
    "empty": (b"", "empty"),
    "white space": (b" \n\t ", "empty"),
    "one NUL": (b"\0", "no JSON"),
    "a thousand NULs": (b"\0" * 1000, "no JSON"),
    "cut off": (WHOLE[: len(WHOLE) // 2], "cut off"),
    "cut off by one": (WHOLE[:-1], "cut off"),
    "with something behind": (WHOLE + b"}", "no JSON"),
    "twice": (WHOLE + WHOLE, "no JSON"),
    "web page": (b"<!DOCTYPE html><html><body>Log in", "web page"),
    "zip": (b"PK\x03\x04" + bytes(50), "zip"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "no text in UTF-8"),
    "latin-1": (WHOLE.replace(b"arange", "\xe4range".encode("latin-1")), "no text in UTF-8"),
    "UTF-16 cut off": (codecs.BOM_UTF16_LE + b"{\0}", "no text in UTF-8"),
    "UTF-32": (codecs.BOM_UTF32_LE + WHOLE.decode().encode("utf-32-le"), "no JSON"),
    "merge conflict": (
        WHOLE.replace(b'"cells"', b'<<<<<<< HEAD\n"cells"\n=======\n>>>>>>> mine\n'),
        "merge conflict",
    ),
    "Python source": (ANSWER.encode(), "no JSON"),
    "format 3": (file_of([], worksheets=[{"cells": [cell()]}], nbformat=3), "format 3"),
    "a list": (b"[]", "no notebook"),
    "a number": (b"1", "no notebook"),
    "null": (b"null", "no notebook"),
    "text": (b'"cells"', "no notebook"),
    "no cells": (b'{"metadata": {}}', "no list of cells"),
    "cells are an object": (file_of({"0": cell()}), "no list of cells"),
    "cells are null": (file_of(None), "no list of cells"),
    "cells are text": (file_of("x = 1"), "no list of cells"),
    "deep brackets": (b"[" * DEEP + b"]" * DEEP, "nested too deeply"),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "nested too deeply"),
    "open brackets": (b"[" * DEEP, "nested too deeply"),
    "deep inside a cell": (
        WHOLE.replace(b'"metadata": {}', b'"metadata": ' + b"[" * DEEP + b"]" * DEEP, 1),
        "nested too deeply",
    ),
    "huge whole number": (WHOLE.replace(b"null", b"9" * 100_000), "4300 digits"),
    "50 MB of output": (file_of([cell(outputs=["x" * 50 * 2**20])]), "clear its outputs"),
    "a million cells": (b'{"cells": [' + b"{}," * 999_999 + b"{}]}", "clear its outputs"),
    "ten million empty lists": (b'{"cells": [' + b"[]," * 9_999_999 + b"[]]}", "clear its outputs"),
    "a megabyte of code": (notebook(IMPORT, ANSWER, "#" * 2**20), "characters"),
    "code in very many cells": (notebook(*["x = 1"] * 20_000), "characters"),
    "10,000 definitions": (notebook(ANSWER, "x=1;" * 10_000), "definitions"),
    "10,000 magics": (notebook(ANSWER, "%a\n" * 10_000), "magics"),
    "10,000 questions": (notebook(ANSWER, "a?\n" * 10_000), "magics"),
}
LEFT_OUT = {
    "parentheses": ("x = " + "(" * 20_000 + ")" * 20_000, "too many nested parentheses"),
    "open parentheses": ("x = " + "(" * MANY, "cell"),
    "brackets": ("x = " + "[" * 20_000 + "]" * 20_000, "too many nested parentheses"),
    "braces": ("x = " + "{" * MANY, "cell"),
    "minus signs": ("x = " + "-" * MANY + "1", "nested too deeply"),
    "not": ("x = " + "not " * 10_000 + "1", "nested too deeply"),
    "dots": ("x = a" + ".a" * 20_000, "nested too deeply"),
    "calls": ("x = a" + "()" * 20_000, "nested too deeply"),
    "subscripts": ("x = a" + "[0]" * 13_000, "nested too deeply"),
    "lambdas": ("x = " + "lambda: " * 5_000 + "1", "nested too deeply"),
    "conditions": ("x = " + "1 if 1 else " * 4_000 + "1", "nested too deeply"),
    "sums": ("x = 1" + "+1" * 20_000, "nested too deeply"),
    "sums that Python itself takes": ("x = 1" + "+1" * 900, "nested too deeply"),
    "powers": ("x = 1" + "**1" * 10_000, "nested too deeply"),
    "elif": ("if 1:\n x = 1\n" + "elif 1:\n x = 1\n" * 900, "nested too deeply"),
    "many elif": ("if 1:\n x=1\n" + "elif 1:\n x=1\n" * 3_000, "nested too deeply"),
    "indented": ("".join(" " * i + "if 1:\n" for i in range(120)) + " " * 120 + "x = 1", "indentation"),
    "f-strings": ("x = f'" + "{a:" * 10_000 + "}" * 10_000 + "'", "cell"),
    "f-strings in f-strings": ("x = " + "f'{" * 200 + "1" + "}'" * 200, "cell"),
    "parentheses in an f-string": ("x = f'{" + "(" * 20_000 + ")" * 20_000 + "}'", "cell"),
    "with": ("with " + ",".join("a" * 1_000) + ": pass", "cell"),
    "a long number": ("x = " + "9" * MANY, "4300 digits"),
    "NUL": ("x = 1\x00", "null bytes"),
    "lone surrogate": ("x = '\ud800'", "lone surrogate"),
    "lone surrogate as a name": ("\udfff = 1", "cell"),
    "control characters": ("\x01\x1b\x7f = 1", "cell"),
    "text": ("This is my answer.", "cell"),
    "unfinished": ("def causal_mask(n_q,", "cell"),
    "tabs and spaces": ("if 1:\n\tx = 1\n        y = 1", "cell"),
    "return outside": ("x = 1\nreturn x", "'return' outside function"),
    "await that is none": ("await = 1", "cell"),
}
HARMLESS = {
    "UTF-16": codecs.BOM_UTF16_LE + WHOLE.decode().encode("utf-16-le"),
    "UTF-16 from the other end": codecs.BOM_UTF16_BE + WHOLE.decode().encode("utf-16-be"),
    "byte order mark": codecs.BOM_UTF8 + WHOLE,
    "Windows line ends": WHOLE.replace(b"\\n", b"\\r\\n"),
    "old Macintosh line ends": WHOLE.replace(b"\\n", b"\\r"),
    "source in lines": file_of([cell(source=f"{IMPORT}\n{ANSWER}".splitlines(keepends=True))]),
    "cells that are none": file_of([1, None, "x", [], cell(), {}, {"cell_type": []}, {"cell_type": "code"}]),
    "sources that are none": file_of([cell(source=1), cell(source=None), cell(source={"a": 1}), cell()]),
    "numbers among the lines": file_of([cell(source=[1, f"{IMPORT}\n", None, ANSWER, ["x"]])]),
    "outputs that are none": file_of([cell(outputs=5, metadata=[], execution_count={})]),
    "metadata that is none": file_of([cell()], metadata=7, nbformat="four", nbformat_minor=[]),
    "doubled keys": WHOLE[:-1] + b', "nbformat": 3, "metadata": 1, "metadata": 2}',
    "cells twice, the last ones count": b'{"cells": [], ' + WHOLE[1:],
    "no number and infinity": WHOLE.replace(b"null", b"NaN", 1).replace(b"null", b"-Infinity"),
    "30 MB of output": file_of([cell(outputs=["x" * 30 * 2**20])]),
    "100,000 empty cells": file_of([*[{}] * 100_000, cell()]),
    "half of a character in words": notebook(
        IMPORT,
        ANSWER,
        {"cell_type": "markdown", "source": "<!-- answer: q points: 2 -->\n\ud800 \0 \x1b[31m"},
    ),
    "a hexadecimal number of 10,000 digits": notebook(
        IMPORT, f"huge = 0x{'f' * 10_000}", ANSWER.replace("return", "assert huge\n    return")
    ),
    "names that are no ASCII": notebook(IMPORT, "ﬁ" * 9_000 + " = 1", ANSWER),
    "a chain of 1,900 names": notebook(IMPORT, "".join(f"a{i}=a{i - 1}\n" for i in range(1, 1_900)), ANSWER),
    "a long dotted import": notebook(IMPORT, "import a" + ".a" * 20_000, ANSWER),
    "an f-string of 13,000 parts": notebook(IMPORT, "x = f'" + "{a}" * 13_000 + "'", ANSWER),
    "30,000 empty lines": notebook(IMPORT, "\n" * 30_000, ANSWER),
    "40,000 spaces": notebook(IMPORT, "x = " + " " * 40_000 + "1", ANSWER),
    "6,000 parameters": notebook(IMPORT, f"def f({','.join(f'a{i}' for i in range(6_000))}): pass", ANSWER),
    "comprehensions": notebook(IMPORT, "x = [1" + " for a in b" * 90 + "]", ANSWER),
    "asynchronous at top level": notebook(IMPORT, "x = [a async for a in b]\ny = await c", ANSWER),
    "decorators": notebook(IMPORT, "@a\n" * 10_000 + "def f(): pass", ANSWER),
    "an answer that is there 300 times": notebook(IMPORT, *[ANSWER] * 300),
}
