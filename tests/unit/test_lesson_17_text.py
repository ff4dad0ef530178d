"""Lesson 17: its two training scripts run in short form, and text and shipped files say the same."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.data.prose import load_prose
from course_lib.training import History
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.gpt import GPT

ROOT = Path(__file__).parents[2]
FILES = ROOT / "course_lib" / "data" / "files"
TEXT = (ROOT / "sources" / "lessons" / "17_gpt.py").read_text(encoding="utf-8")
ABOUT = json.loads((FILES / "17_gpt.json").read_text(encoding="utf-8"))
RACE = json.loads((FILES / "17_recipes.json").read_text(encoding="utf-8"))["variants"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def script(name):
    path = ROOT / "sources" / "training" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"training_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gpt_in_short_form(tmp_path):
    said = script("17_gpt").main(tmp_path, share=0.002, n_texts=1, n_new=10)
    about = json.loads((tmp_path / "17_gpt.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and about["recipe"]["steps"] == 3
    history = History.from_arrays({name: np.array(values) for name, values in about["history"].items()})
    assert set(history.maps) == {"one before", "two before", "last space"}
    assert set(about) == set(ABOUT)


def test_recipes_in_short_form(tmp_path):
    recipes = script("17_recipes")
    said = recipes.main(tmp_path, steps=2, seeds=(1,), rounds=1)
    assert json.loads((tmp_path / "17_recipes.json").read_text(encoding="utf-8")) == said
    assert list(said["variants"]) == list(recipes.VARIANTS) == list(RACE)


def test_shipped_model_is_what_the_script_says():
    gpt = script("17_gpt")
    assert ABOUT["recipe"] == json.loads(json.dumps(gpt.asdict(gpt.RECIPE))) and ABOUT["sizes"] == gpt.SIZES
    assert (ABOUT["max_n"], ABOUT["batch"], ABOUT["seed"]) == (gpt.N, gpt.BATCH, gpt.SEED)
    model = GPT(len(ABOUT["tokens"]) + 1, gpt.N, BlockConfig(**gpt.SIZES), positions="rotary")
    load_checkpoint(FILES / "17_gpt.safetensors", model, ABOUT["sha256_of_the_table"])
    text = gpt.Characters(load_prose())
    if text.tokenizer.vocabulary.tokens[1:] == ABOUT["tokens"]:
        with torch.no_grad():
            assert abs(text.nats(model.eval(), most=64) - ABOUT["history"]["scores/nats"][-1]) < 0.1


def test_longest_copy():
    gpt = script("17_gpt")
    assert gpt.longest_copy("xx the cat sat", "a cat sat here") == " cat sat"
    assert gpt.longest_copy("abc", "xyz") == "" and gpt.squeezed(" a \n\n b") == "a b"


def test_the_text_says_what_the_files_say():
    assert f"{ABOUT['parameters']:,} parameters, {ABOUT['recipe']['steps']:,} steps" in TEXT
    assert "six and a half CPU minutes" in TEXT and 370 < ABOUT["cpu_seconds"] < 410
    nats = ABOUT["history"]["scores/nats"]
    assert f"from {nats[0]:.2f} to {nats[2]:.2f}" in TEXT
    assert ABOUT["copies"]["longest at 1.0"].strip("-+") == ""  # the rule of a table
    source = script("17_gpt").squeezed(load_prose().train)
    assert "a sentence that stands twice" in TEXT
    assert ABOUT["copies"]["longest at 0.5"].strip() in source


def test_the_race_at_equal_time():
    steps = RACE["nanoGPT"]["steps"]
    assert f"here it gets {steps} steps" in TEXT
    runs = json.loads((ROOT / "benchmarks" / "results" / "applications.json").read_text(encoding="utf-8"))
    means = [
        np.mean([run[who]["bits"] for run in runs["characters"]["runs"]]) for who in ("course", "nanogpt")
    ]
    assert "{:.2f} against {:.2f}".format(*means) in TEXT


def test_the_formula_of_the_parameters():
    assert r"N = V d + n d + L\,(12 d^2 + 13 d) + 2 d" in TEXT
    config = BlockConfig(d_model=24, n_heads=3, d_hidden=96, n_layers=5)
    model = GPT(31, 17, config, positions="learned", tied=True)
    assert sum(p.numel() for p in model.parameters()) == 31 * 24 + 17 * 24 + 5 * (12 * 24**2 + 13 * 24) + 48


def test_the_table_by_hand():
    rows = re.findall(r"^# \| (\d) \| (\w+) \| b \| 1/(\d) \| (\d) \|$", TEXT, flags=re.MULTILINE)
    assert [(read, 2 ** int(bits)) for _, read, _, bits in rows] == [("a", 2), ("ab", 4), ("abb", 8)]
    assert all(int(below) == 2 ** int(bits) for *_, below, bits in rows)
