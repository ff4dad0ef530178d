"""The scripts of sources/training run from end to end in a short form, and write what lessons read."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.training import History
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.recurrent import RecurrentSeq2Seq
from course_lib.transformer.seq2seq import course_transformer

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "course_lib" / "data" / "files"


@pytest.fixture(autouse=True)
def one_thread():
    """As the scripts run: at these sizes several threads are slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def script(name):
    spec = importlib.util.spec_from_file_location(
        f"training_{name}", ROOT / "sources" / "training" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(folder, name):
    """The model of the files `name` in this folder, and what its .json says."""
    about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    n_source, n_target = (len(about[f"{side}_tokens"]) + 4 for side in ("source", "target"))
    model = RecurrentSeq2Seq(n_source, n_target, **about["sizes"])
    load_checkpoint(folder / f"{name}.safetensors", model, about["sha256_of_the_table"])
    return model, about


def test_dates_in_short_form(tmp_path):
    dates = script("07_dates")
    said = dates.main(tmp_path, share=0.004, seeds=(1,), n_test=20)
    _, about = read(tmp_path, "07_dates")
    assert about == json.loads(json.dumps(said)) and about["parameters"] < 1e6
    assert set(about["ablations"]) == set(dates.ABLATIONS) and set(about["exact_by_language"]) == set(
        dates.LANGUAGES
    )
    history = History.from_arrays({name: np.array(values) for name, values in about["history"].items()})
    assert set(history.maps) == set(dates.WATCHED) and len(history) == about["recipe"]["steps"]
    assert np.allclose(history.maps[dates.WATCHED[0]].sum(axis=-1), 1, atol=0.02)


def test_shipped_dates_are_what_the_script_says():
    dates = script("07_dates")
    model, about = read(FILES, "07_dates")
    pairs = dates.Pairs(dates.LANGUAGES, about["seed"])
    assert about["source_tokens"] == pairs.source.vocabulary.tokens[4:]
    assert about["recipe"] == json.loads(json.dumps(dates.asdict(dates.RECIPE)))
    with torch.no_grad():
        assert pairs.exact(model.eval(), pairs.data.test[:200]) > 0.97
    size = sum((FILES / f"07_dates.{kind}").stat().st_size for kind in ("safetensors", "json"))
    assert size < 1e6


def test_norms_in_short_form(tmp_path):
    norms = script("11_norms")
    said = norms.main(tmp_path, share=0.01, seeds=(1,))
    about = json.loads((tmp_path / "11_norms.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and set(about["settings"]) == set(norms.SETTINGS)
    for setting in about["settings"].values():
        assert setting["recipe"]["steps"] == 4 and len(setting["accuracy"]) == len(setting["loss"]) == 1


def test_shipped_norms_are_what_the_script_says():
    norms = script("11_norms")
    about = json.loads((FILES / "11_norms.json").read_text(encoding="utf-8"))
    assert about["command"] == norms.COMMAND and about["seeds"] == list(norms.SEEDS)
    for name, (_, n_layers, _, recipe) in norms.SETTINGS.items():
        setting = about["settings"][name]
        assert setting["recipe"] == json.loads(json.dumps(norms.asdict(recipe)))
        assert setting["blocks"] == n_layers and len(setting["accuracy"]) == 3


def test_norms_leave_out_what_they_say():
    norms = script("11_norms")
    x = torch.randn(2, 17, 32)
    layers = {}
    for leave_out in (norms.whole, norms.without_feed_forward, norms.without_norm, norms.without_residual):
        layers[leave_out] = norms.build(True, 1, leave_out, seed=0).encoder.layers[0]
    whole = layers[norms.whole]
    attended = x + whole.self_attn(whole.norm1(x))
    assert torch.allclose(layers[norms.without_feed_forward](x), attended, atol=1e-5)
    bare = x + whole.self_attn(x)
    assert torch.allclose(layers[norms.without_norm](x), bare + whole.ffn(bare), atol=1e-5)
    straight = whole.ffn(whole.norm2(whole.self_attn(whole.norm1(x))))
    assert torch.allclose(layers[norms.without_residual](x), straight, atol=1e-5)


def test_translators_in_short_form(tmp_path):
    translation = script("14_translation")
    said = translation.models(tmp_path, share=0.004, seeds=(1,), n=1000)
    about = json.loads((tmp_path / "14_translation.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and set(about["models"]) == set(translation.RECIPES)
    model = translator(tmp_path, about)
    assert sum(p.numel() for p in model.parameters()) == about["models"]["transformer"][0]["parameters"] < 1e6
    for [run] in about["models"].values():
        assert set(run["course"]) == {"seconds", "loss", "exact"} and len(run["by_length"]) == 4


def test_translators_on_few_pairs_in_short_form(tmp_path):
    translation = script("14_translation")
    said = translation.pairs(tmp_path, share=0.004, seeds=(1,), fewer=(200,), n=1000)
    about = json.loads((tmp_path / "14_pairs.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and about["phrases"]["200"]["train"] == 200
    assert about["interface"]["train"] == 2151 and len(about["interface"]["held_out"]) == 1


def test_shipped_translator_is_what_the_script_says():
    translation = script("14_translation")
    about = json.loads((FILES / "14_translation.json").read_text(encoding="utf-8"))
    data = translation.phrases(about["n"], about["data_seed"])
    corpus = translation.Corpus(data.train, data.test)
    assert (about["source_tokens"], about["target_tokens"]) == (
        corpus.source.tokens[4:],
        corpus.target.tokens[4:],
    )
    assert about["recipes"] == {
        name: translation.asdict(recipe) | {"betas": list(recipe.betas)}
        for name, recipe in translation.RECIPES.items()
    }
    assert corpus.scores(translator(FILES, about).eval(), corpus.test)["exact"] > 0.95
    assert (FILES / "14_translation.safetensors").stat().st_size < 2e6


def test_detector_in_short_form(tmp_path):
    detection = script("22_detection")
    said = detection.main(tmp_path, share=0.002, seeds=(1,), n_test=20)
    about = json.loads((tmp_path / "22_detection.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and set(about["compared"]) == set(detection.COMPARED)
    history = History.from_arrays({name: np.array(values) for name, values in about["history"].items()})
    assert history.maps["boxes"].shape[1:] == (4, 9, 4) and history.maps["weights"].shape[1:] == (4, 9, 64)
    for kind in about["compared"].values():
        assert len(kind["AP50"]) == len(kind["answered"]) == 1 and len(kind["answered"][0]) == 9
    load_checkpoint(tmp_path / "22_detection.safetensors", detection.build(True, seed=0))


def test_shipped_detector_is_what_the_script_says():
    detection = script("22_detection")
    about = json.loads((FILES / "22_detection.json").read_text(encoding="utf-8"))
    assert about["command"] == detection.COMMAND and about["seed"] == detection.SEED
    assert about["recipe"] == json.loads(json.dumps(detection.asdict(detection.RECIPE)))
    assert {name: kind["steps"] for name, kind in about["compared"].items()} == {
        name: recipe.steps for name, (_, recipe, _) in detection.COMPARED.items()
    }
    assert [len(kind["AP50"]) for kind in about["compared"].values()] == [3, 3, 1]
    model = detection.build(True, seed=0)
    load_checkpoint(FILES / "22_detection.safetensors", model, about["sha256_of_the_table"])
    assert detection.ap50(model.eval(), detection.scenes(200, detection.SEED, "test")) > 0.9
    assert sum(p.numel() for p in model.parameters()) == about["parameters"] < 1e6


def translator(folder, about):
    """The Transformer of the files `14_translation` in this folder."""
    sizes = (len(about[f"{side}_tokens"]) + 4 for side in ("source", "target"))
    model = course_transformer(*sizes, **about["sizes"])
    load_checkpoint(folder / "14_translation.safetensors", model, about["sha256_of_the_table"])
    return model


def test_captioner_in_short_form(tmp_path):
    captioning = script("23_captioning")
    said = captioning.main(tmp_path, share=0.002, seeds=(1,), n_test=20)
    about = json.loads((tmp_path / "23_captioning.json").read_text(encoding="utf-8"))
    assert about == json.loads(json.dumps(said)) and about["parameters"] < 1e6
    assert set(about["compared"]) == set(captioning.COMPARED) and about["longer"]["steps"] == 9
    history = History.from_arrays({name: np.array(values) for name, values in about["history"].items()})
    [looked] = history.maps.values()
    assert len(history) == about["recipe"]["steps"] and np.allclose(looked.sum(axis=-1), 1, atol=0.05)


def test_shipped_captioner_is_what_the_script_says():
    captioning = script("23_captioning")
    about = json.loads((FILES / "23_captioning.json").read_text(encoding="utf-8"))
    assert about["recipe"] == json.loads(json.dumps(captioning.asdict(captioning.RECIPE)))
    assert about["command"] == captioning.COMMAND and about["seed"] == captioning.SEED
    model = captioning.build("fresh eyes", seed=0)
    load_checkpoint(FILES / "23_captioning.safetensors", model, about["sha256_of_the_table"])
    assert captioning.scores(model, captioning.captions(400, 1, "test"))["exact_of_clear"] > 0.9
    assert (FILES / "23_captioning.safetensors").stat().st_size < 1e6
