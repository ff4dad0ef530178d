"""File names for students' ids, whatever stands in them."""

import hashlib
import re

KEPT = 40
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.ASCII)  # Windows opens no file of these names


def file_stem(student: str) -> str:
    """A name that every file system takes; two ids never share one, where upper and lower case are one too.

    A plain id is its own name. Any other gets a piece of its hash behind "~", which no plain id holds.
    """
    if re.fullmatch(rf"[a-z0-9][a-z0-9_-]{{0,{KEPT - 1}}}", student) and not RESERVED.fullmatch(student):
        return student
    readable = re.sub(r"[^a-z0-9]+", "-", student.lower()).strip("-")[:KEPT] or "student"
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable}~{digest[:16]}"
