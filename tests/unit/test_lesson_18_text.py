"""Lesson 18: its training script runs in short form, text and shipped file agree, folded answers hold."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib import by_hand
from course_lib.transformer.attention import KVCache
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.gpt import GPT

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "18_fast_inference.py").read_text(encoding="utf-8")
GROUPS = json.loads((ROOT / "course_lib/data/files/18_groups.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_groups_in_short_form(tmp_path):
    path = ROOT / "sources" / "training" / "18_groups.py"
    spec = importlib.util.spec_from_file_location("training_18_groups", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    said = script.main(tmp_path, share=0.002, seeds=(1,))
    assert json.loads((tmp_path / "18_groups.json").read_text(encoding="utf-8")) == said
    assert set(said) == set(GROUPS) and list(said["further"]) == list(GROUPS["further"]) == ["4", "2", "1"]
    assert abs(said["before"]["2"] - GROUPS["before"]["2"]) < 0.5


def test_text_and_shipped_file_agree():
    mean = {heads: np.mean(runs) for heads, runs in GROUPS["further"].items()}
    said = f"two heads cost {mean['2'] - mean['4']:.2f} bits, one head {mean['1'] - mean['4']:.2f}"
    assert said in TEXT
    notes = (ROOT / "instructor" / "18_fast_inference.md").read_text(encoding="utf-8")
    assert "{:.2f} bits with 4 heads, {:.2f} with 2, {:.2f} with 1".format(*mean.values()) in notes
    from_start = [np.mean(runs) for runs in GROUPS["from the start"].values()]
    assert "from the start: {:.2f}, {:.2f}, {:.2f}".format(*from_start) in notes


def test_the_table_of_steps():
    rows = re.findall(r"^# \| (\d) \| \d+ \+ \d+ = (\d+) \| \d+ \+ \d+ = (\d+) \|$", TEXT, flags=re.MULTILINE)
    again, new_only = (sum(int(row[column]) for row in rows) for column in (1, 2))
    assert f"# | sum | {again} | {new_only} |" in TEXT
    assert again == by_hand.writing_multiplications(3, 2, cached=False)
    assert new_only == by_hand.writing_multiplications(3, 2)


def test_the_folded_window_cache():
    """The answer of the last task equals a band mask, and needs its own len."""
    answer = re.search(r"# ```python\n(# class WindowCache.*?)# ```", TEXT, flags=re.DOTALL)[1]
    names = {"KVCache": KVCache}
    exec(re.sub(r"^# ?", "", answer, flags=re.MULTILINE), names)
    torch.manual_seed(0)
    p = GPT(11, 16, BlockConfig(d_model=16, n_heads=2, n_layers=1))
    ids = torch.randint(11, (2, 9))
    caches = [names["WindowCache"](4)]
    with torch.no_grad():
        got = torch.cat([p(ids[:, t : t + 1], caches) for t in range(9)], dim=1)
        layer = p.blocks.layers[0]
        x = p.positions(p.embed(ids))
        h = layer.norm1(x)
        band = torch.ones(9, 9, dtype=torch.bool).tril().triu(-3)
        x = x + layer.self_attn(h, h, h, band)
        wanted = p.output(p.blocks.norm(x + layer.ffn(layer.norm2(x))))
    assert torch.allclose(got, wanted, atol=1e-5) and caches[0].K.shape[2] == 4 and len(caches[0]) == 9


def test_the_folded_answers_on_chunks_and_groups():
    whole, last = by_hand.map_bytes(4096, 32, 2), 256 * 4096 * 32 * 2
    assert f"{whole / 1e9:.2f} GB, and {last / 1e6:.0f} MB for the last chunk" in TEXT
    computed = sum(256 * (past + 256) for past in range(0, 4096, 256)) / 4096**2
    assert f"{100 * computed:.0f} of 100 scores are computed" in TEXT
    in_order, tiled = (
        [h for h in range(6) if group(h) == 1] for group in (lambda h: h * 3 // 6, lambda h: h % 3)
    )
    assert in_order == [2, 3] and tiled == [1, 4]
    assert "Heads 2 and 3:" in TEXT and "Tiled: heads 1 and 4." in TEXT
