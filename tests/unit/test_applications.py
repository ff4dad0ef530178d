"""Every application still runs from end to end, for a few steps; figures come from `bench applications`."""

import importlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "applications"

# A few steps of each; the score that it must print, a share from 0 to 1.
SHORT = {
    "captioning": ({"steps": 31, "detector_steps": 31}, "exact"),
    "characters": ({"steps": 60, "peer": False}, None),
    "dates": ({"share": 0.01}, "gru_with_attention"),
    "detection": ({"steps": 31}, "AP50"),
    "digits": ({"steps": 31, "ablation_steps": 31}, "vision_transformer"),
    "masked_words": ({"steps": 60}, None),
    "reverse": ({"peer": False}, None),
    "sort": ({"peer": False}, None),
    "translation": ({"share": 0.01}, "transformer_exact"),
}
NOT_HERE = {"sentiment"}  # its models are tested with BERT; a short form still reads 8,000 sentences


def test_none_is_forgotten():
    scripts = {path.stem for path in FOLDER.glob("*.py") if "def main(" in path.read_text(encoding="utf-8")}
    assert scripts - {"run_all"} == set(SHORT) | NOT_HERE


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHORT))
def test_short_form_runs(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    arguments, score = SHORT[name]
    figures = json.loads(json.dumps(importlib.import_module(name).main(seed=1, **arguments)))
    assert figures["seed"] == 1
    assert score is None or 0 <= figures[score] <= 1
