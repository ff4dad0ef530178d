"""THIRD_PARTY.md names every shipped data file, and nothing that is gone."""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = ROOT / "course_lib" / "data" / "files"
LISTED = set(re.findall(r"^\| `([^`]+/[^`]+)`", (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8"), re.M))


def test_every_shipped_data_file_is_listed():
    shipped = {path.relative_to(ROOT).as_posix() for path in FILES.rglob("*") if path.is_file()}
    assert shipped - LISTED == set()


def test_every_listed_file_is_there():
    assert [path for path in LISTED if not (ROOT / path).is_file()] == []


def test_tables_are_what_their_provenance_says():
    for table in FILES.glob("*.safetensors"):
        provenance = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
        assert provenance["sha256_of_the_table"] == hashlib.sha256(table.read_bytes()).hexdigest()
