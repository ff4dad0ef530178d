"""Tokenizers as JSON files: one object with its kind, so that a wrong file is recognised."""

import json
from pathlib import Path
from typing import Any


def save_json(path: str | Path, kind: str, **fields: Any) -> None:
    """Write `fields` as one JSON object that also names its `kind`."""
    Path(path).write_text(json.dumps({"kind": kind, **fields}), encoding="utf-8")


def load_json(path: str | Path, kind: str, *names: str) -> list[Any]:
    """The fields `names` of a file that `save_json` wrote, in that order.

    Raises FileNotFoundError, and ValueError when the file is damaged or holds something else.
    """
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # also text that is not UTF-8
        raise ValueError(f"{path} is not a JSON file: {error}") from error
    found = stored.get("kind") if isinstance(stored, dict) else None
    if found != kind:
        raise ValueError(f"{path} must hold a tokenizer of kind {kind!r}; its kind is {found!r}")
    if missing := [name for name in names if name not in stored]:
        raise ValueError(f"{path} is incomplete: {missing} are missing")
    return [stored[name] for name in names]
