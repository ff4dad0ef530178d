"""Words and sentences of a Markdown text, for the linter."""

from __future__ import annotations

import re


def without_code(markdown: str) -> str:
    """The text without fenced code and code spans."""
    text = re.sub(r"^(```|~~~).*?^\1[^\n]*$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)[^`].*?\1", " code ", text, flags=re.DOTALL)


def plain_text(markdown: str) -> str:
    """What a reader reads: a formula counts as one word; pictures, tags and link targets count as none."""
    text = without_code(markdown)
    text = re.sub(r"\$\$.*?\$\$", " formula. ", text, flags=re.DOTALL)
    text = re.sub(r"(?<!\\)\$[^$]+\$", " formula ", text)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", " ", text)
    text = re.sub(r"\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^>]*>", "\n\n", text)
    text = re.sub(r"^\s*\|?[\s:|-]+\|?\s*$", "", text, flags=re.MULTILINE)
    return re.sub(r"[*_#>|]", " ", text)


def word_count(markdown: str) -> int:
    """Words that a reader reads."""
    return len(re.findall(r"[^\W_]+(?:['’.-][^\W_]+)*", plain_text(markdown)))


def sentences(markdown: str) -> list[str]:
    """Sentences of the running text; headings, tables and navigation are none."""
    kept = [
        line for line in markdown.splitlines() if not re.match(r"\s*(#{1,6} |\|)", line) and " · " not in line
    ]
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", plain_text("\n".join(kept))):
        found += [s.strip() for s in re.split(r"(?<=[.!?:;])\s+", " ".join(paragraph.split())) if s.strip()]
    return [sentence for sentence in found if len(sentence.split()) > 1]


def mean_sentence_length(texts: list[str]) -> float:
    """Mean number of words of the sentences, 0 without any."""
    found = [sentence for text in texts for sentence in sentences(text)]
    return sum(len(sentence.split()) for sentence in found) / len(found) if found else 0.0
