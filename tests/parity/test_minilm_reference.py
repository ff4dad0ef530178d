"""The reference numbers of lesson 19 are what `transformers` computes today."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.data import archives

ROOT = Path(__file__).parents[2]
NAME = "19_minilm_reference"


def test_reference_is_made_afresh(tmp_path):
    if not archives.is_present(archives.MINILM) and not os.environ.get("CI"):
        pytest.skip("the MiniLM weights are not in the cache: `python course.py lab` fetches them")
    torch.set_default_dtype(torch.float32)
    spec = importlib.util.spec_from_file_location(NAME, ROOT / "sources" / "training" / f"{NAME}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    fresh = script.main(tmp_path)
    shipped = json.loads((ROOT / "course_lib/data/files" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8")) == fresh
    for own, other in zip(fresh.pop("hidden"), shipped.pop("hidden"), strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-5)
    fresh.pop("made_with"), shipped.pop("made_with")
    assert fresh == shipped
