"""Answers in words: how their cells are recognised, in sources, in releases and in what is handed in."""

import re

# the id of the question, its points, and what follows the rest of the first line: the answer
ANSWER = re.compile(
    r"\s*<!-- answer: (\S+) points: (\d+(?:\.\d+)?) -->[^\n:]*(?::[ \t]*\n?|\n|$)(.*)", re.DOTALL
)
