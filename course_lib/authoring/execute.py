"""Run a notebook as a reader would, and keep only what should be stored."""

from __future__ import annotations

import base64
import io
import os
import tempfile
from pathlib import Path

import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PNG = "image/png"
CELL_TIMEOUT = 120


class CellFailureError(RuntimeError):
    """A cell raised, hung or took the kernel with it; the message names the cell and the error."""


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run every cell in its folder, one thread, with a home of its own; CellFailureError if one fails."""
    reached = []
    with tempfile.TemporaryDirectory(prefix="course-build-") as scratch:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
            store_widget_state=False,
            extra_arguments=["--log-level=ERROR"],
            on_cell_start=lambda cell, cell_index: reached.append((cell_index + 1, cell)),
        )
        try:
            client.execute(env=kernel_environment(Path(scratch)))
        except CellExecutionError as error:
            raise CellFailureError(f"{_last(reached)} raised {error.ename}: {error.evalue}") from None
        except CellTimeoutError:
            raise CellFailureError(f"{_last(reached)} took longer than {CELL_TIMEOUT} s") from None
        except DeadKernelError:
            raise CellFailureError(f"{_last(reached)} ended the kernel") from None
    return scrub(notebook)


def _last(reached: list[tuple[int, NotebookNode]]) -> str:
    """The cell that ran last: number and first line."""
    if not reached:
        return "the kernel"
    number, cell = reached[-1]
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"cell {number}, `{first}`,"


def kernel_environment(scratch: Path) -> dict[str, str]:
    """The environment of a build: one thread, own progress file, no start-up files of the builder."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    own = {
        "COURSE_HOME": str(scratch / "home"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return {**os.environ, **threads, **own}


def scrub(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs between two runs or what a viewer without kernel cannot show.

    A widget view is a reference into a running kernel: stored, it would show "model not found" in place of
    the still picture beside it in the same output. So a view leaves where there is a picture or a text.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {
        key: value for key, value in notebook.metadata["language_info"].items() if key != "version"
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [_scrub_output(output) for output in _joined(cell.outputs) if not _empty(output)]
    return notebook


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """One output for what was printed in a row: a slow cell sends it in pieces, cut by the clock."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and output.get("name") == last.get("name"):
            last["text"] += output.text
        else:
            joined.append(output)
    return joined


def _empty(output: NotebookNode) -> bool:
    return output.output_type == "stream" and not output.text


def _scrub_output(output: NotebookNode) -> NotebookNode:
    if len(output.get("data", {})) > 1:
        output.data.pop(WIDGET_VIEW, None)
    return output


def keep_pictures(new: NotebookNode, old: NotebookNode | None) -> None:
    """Take over a stored PNG that shows the same as the new one: git stays small.

    Same code, same words put out, and the same pixels but for the edges of letters, so that a picture whose
    data came from a changed cell above is never kept.
    """
    if old is None:
        return
    before = {cell.get("id"): cell for cell in old.cells if cell.cell_type == "code"}
    for cell in new.cells:
        match = before.get(cell.id) if cell.cell_type == "code" else None
        if match is None or match.source != cell.source or _words(match) != _words(cell):
            continue
        for output, earlier in zip(cell.outputs, match.outputs, strict=True):
            data = output.get("data", {})
            if PNG in data and same_picture(data[PNG], earlier.data[PNG]):
                data[PNG] = earlier.data[PNG]


def same_picture(new: str, old: str) -> bool:
    """Whether two base64 PNGs show the same: one size, at most 20 pixels that differ clearly."""
    if new == old:
        return True
    a, b = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=int)
        for png in (new, old)
    )
    return a.shape == b.shape and int((np.abs(a - b).max(axis=-1) > 48).sum()) <= 20


def _words(cell: NotebookNode) -> list:
    """Everything a cell put out, with a picture reduced to the fact that it is there."""
    return [
        {**output, "data": {kind: content if kind != PNG else "" for kind, content in output["data"].items()}}
        if "data" in output
        else dict(output)
        for output in cell.outputs
    ]
