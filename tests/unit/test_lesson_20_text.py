"""Lesson 20: its training script runs in short form, its files say what the text says, stand-ins stand in."""

import hashlib
import importlib.util
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from course_lib.data import stand_ins
from course_lib.data.archives import FILM_SENTENCES, MINILM, is_present
from course_lib.data.stand_ins import built_films, films_and_minilm, small_minilm
from course_lib.training import History

ROOT = Path(__file__).parents[2]
FILES = ROOT / "course_lib" / "data" / "files"
TEXT = (ROOT / "sources" / "lessons" / "20_sentiment.py").read_text(encoding="utf-8")
ABOUT = json.loads((FILES / "20_sentiment.json").read_text(encoding="utf-8"))
CHOICES = json.loads((FILES / "20_choices.json").read_text(encoding="utf-8"))
ARCHIVES = pytest.mark.skipif(
    not (is_present(FILM_SENTENCES) and is_present(MINILM)) and not os.environ.get("CI"),
    reason="the film sentences or MiniLM are not in the cache (`python course.py lab` fetches them)",
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def script(name="20_sentiment"):
    path = ROOT / "sources" / "training" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"training_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@ARCHIVES
def test_script_in_short_form(tmp_path):
    said = script().main(tmp_path, n=80, seeds=(1,), sizes=(40,), n_test=40)
    about = json.loads((tmp_path / "20_sentiment.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and set(about) == set(ABOUT)
    assert set(about["compared"]) == set(ABOUT["compared"]) and about["n_train"] == 80
    History.from_arrays({name: np.array(values) for name, values in about["history"].items()})


@ARCHIVES
def test_choices_in_short_form(tmp_path):
    said = script("20_choices").main(tmp_path, seeds=(1,), n=24, some=20, steps=2)
    about = json.loads((tmp_path / "20_choices.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and set(about) == set(CHOICES)
    assert set(about["choices"]) == set(CHOICES["choices"]) and about["n_validation"] == 24


@ARCHIVES
def test_shipped_changes_are_what_the_script_says():
    sentiment = script()
    recipe = ABOUT["recipe"]
    assert (recipe["batch"], recipe["lr"], recipe["frozen_layers"]) == (
        sentiment.BATCH,
        sentiment.RATE,
        sentiment.FROZEN,
    )
    assert (ABOUT["seed"], ABOUT["rank"]) == (sentiment.SEED, sentiment.RANK)
    films = sentiment.load_films()
    model = sentiment.restored(load_file(FILES / "20_sentiment.safetensors"))
    _, tokenizer = sentiment.load_minilm()
    assert sentiment.accuracy(model, sentiment.encode(tokenizer, films.test[:100])) > 0.78


def test_changes_are_small_and_known_by_their_hash():
    path = FILES / "20_sentiment.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ABOUT["sha256_of_the_table"]
    n_parameters = sum(change.numel() for change in load_file(path).values())
    assert n_parameters == ABOUT["parameters"] < 5e5
    assert abs(ABOUT["accuracy"] - ABOUT["accuracy_whole"]) < 0.005


def test_no_film_sentence_is_stored():
    names = {*ABOUT, *ABOUT["history"], *ABOUT["compared"]}
    assert all(len(name.split()) <= 3 for name in names)
    longest = max((value for value in ABOUT.values() if isinstance(value, str)), key=len)
    assert longest == ABOUT["source"]


def test_text_and_file_say_the_same():
    by_rank, compared = ABOUT["accuracy_by_rank"], ABOUT["compared"]
    assert 0.77 < by_rank["1"] < 0.79 and by_rank["8"] > 0.85 and "Rank 1 keeps about 78 %" in TEXT
    assert round(compared["bag of words"]["250"]["accuracy"][0], 2) == 0.62 and "Counting gets 62 %" in TEXT
    ends = [np.mean(row["8058"]["accuracy"]) for row in compared.values()]
    assert [round(end, 2) for end in ends] == [0.8, 0.8, 0.74, 0.86]
    assert re.search(r"from 62 to 80 %.*from 71 to 80 %.*at 86 %", TEXT)


def test_text_and_file_of_choices_say_the_same():
    padding = CHOICES["padding"]
    assert [padding[n]["changed"] for n in ("20", "40", "60", "120")] == [2, 10, 12, 18]
    assert "2 of 200 changed with 20 places, 10 with 40, 12 with 60, 18 with 120" in TEXT
    assert padding["60"]["changed if the layers see padding"] == 16 and "about 16 change at 60 places" in TEXT
    assert padding["120"]["fewer right"] == 4 and "by then accuracy falls by 2 points" in TEXT
    turned = {"not": [5, 0], "never": [5, 0], "far from": [4, 0], "anything but": [0, 0]}
    assert CHOICES["turned round"] == turned
    lines = [
        CHOICES["products"][f"line on {vectors}"]
        for vectors in ("published vectors", "vectors fine-tuned on films")
    ]
    assert [round(share, 2) for share in lines] == [0.8, 0.85]
    assert re.search(r"published vectors has 80 %.*film model has 85 %", TEXT)


@ARCHIVES
def test_moves_of_the_matrices_are_those_of_the_text():
    changes = load_file(FILES / "20_sentiment.safetensors")
    layer = script().load_minilm()[0].blocks.layers[3]

    def moved(name):
        start = f"bert.blocks.layers.3.{name}.weight"
        change = changes[f"{start}.left"].float() @ changes[f"{start}.right"].float()
        return (change.norm() / layer.get_parameter(f"{name}.weight").norm()).item()

    shares = [f"{moved(name):.1%}" for name in ("ffn.W_2", "self_attn.W_v", "self_attn.W_q")]
    assert shares == ["1.7%", "1.1%", "0.9%"]
    assert re.search(r"network: 1\.7 %, \$W_V\$ 1\.1 %, \$W_Q\$ 0\.9 %", TEXT)


def test_built_sentences_have_the_form_of_the_real_ones():
    films = built_films()
    parts = films.train, films.validation, films.test
    assert [len(part) for part in parts] == [160, 40, 40]
    assert all({sentence.label for sentence in part} == {0, 1} for part in parts)
    assert len({sentence.text for part in parts for sentence in part}) == 240


def test_small_model_has_the_layers_and_heads_of_minilm():
    bert, tokenizer = small_minilm()
    encoding = tokenizer.encode("The film is not boring.")
    ids = torch.tensor([encoding.ids])
    _, weights = bert(ids, torch.ones_like(ids, dtype=torch.bool), return_weights=True)
    assert len(weights) == 6 and weights[0].shape == (1, 12, 8, 8) and "not" in encoding.tokens


def test_without_the_archives_the_command_is_named(monkeypatch, capsys):
    monkeypatch.setattr(stand_ins, "is_present", lambda archive: False)
    films, load, real = films_and_minilm()
    assert not real and load is small_minilm and films == built_films()
    assert "course.py lab" in capsys.readouterr().out


def test_lesson_runs_without_the_archives(monkeypatch, tmp_path):
    """Every code cell of the source, on the stand-ins."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    cells = re.split(r"^# %%", TEXT, flags=re.M)[1:]
    code = [cell for cell in cells if not cell.startswith(" [markdown]")]
    space = {"__name__": "lesson"}
    before = torch.get_default_dtype()
    try:
        for cell in code:
            exec(compile(cell.partition("\n")[2], "20_sentiment", "exec"), space)
    finally:
        torch.set_default_dtype(before)
    assert space["real"] is False and set(space["right"]) >= {"bag of words", "fine-tuned"}
