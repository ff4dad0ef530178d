"""Weights in files: what comes back, and what a wrong file says."""

import hashlib

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.transformer.bert import Bert, BertForMaskedWords
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.checkpoints import load_checkpoint, read_tensors, save_checkpoint
from course_lib.transformer.gpt import GPT

SMALL = BlockConfig(d_model=8, n_heads=2, d_hidden=8)
MODELS = {
    "gpt": lambda: GPT(5, 4, SMALL),
    "tied gpt": lambda: GPT(5, 4, SMALL, "relative", tied=True),
    "masked words": lambda: BertForMaskedWords(Bert(5, 4, SMALL)),
}
ABOUT = {"command": "python train.py", "seed": 3, "loss": [2.5, 1.25], "vocabulary": ["é", "東"]}


class Tied(nn.Module):
    """Two names for one matrix, and a buffer."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight
        self.register_buffer("count", torch.tensor(7))


def same_state(a, b):
    assert a.state_dict().keys() == b.state_dict().keys()
    return all(torch.equal(x, b.state_dict()[name]) for name, x in a.state_dict().items())


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_what_is_saved_comes_back(make, tmp_path):
    saved, loaded = make(), make()
    assert not same_state(saved, loaded)
    save_checkpoint(tmp_path / "m.safetensors", saved, ABOUT)
    sha256 = hashlib.sha256((tmp_path / "m.safetensors").read_bytes()).hexdigest()
    assert load_checkpoint(tmp_path / "m.safetensors", loaded, sha256) == ABOUT
    assert same_state(saved, loaded)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path):
    saved, loaded = Tied(), Tied()
    saved.count += 1
    save_checkpoint(tmp_path / "m.safetensors", saved, {})
    assert set(load_file(tmp_path / "m.safetensors")) == {"a.weight", "count"}
    load_checkpoint(tmp_path / "m.safetensors", loaded)
    assert same_state(saved, loaded) and loaded.b.weight is loaded.a.weight and loaded.count == 8


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_half_precision_file(dtype, tmp_path):
    saved, loaded = GPT(5, 4, SMALL), GPT(5, 4, SMALL).to(dtype)
    save_checkpoint(tmp_path / "m.safetensors", saved.half(), {})
    load_checkpoint(tmp_path / "m.safetensors", loaded)
    assert torch.equal(loaded.embed.weight, saved.embed.weight.to(dtype))
    assert all(parameter.dtype == dtype and parameter.requires_grad for parameter in loaded.parameters())


def test_a_matrix_that_is_not_contiguous(tmp_path):
    saved, loaded = nn.Linear(3, 2), nn.Linear(3, 2)
    saved.weight = nn.Parameter(torch.randn(3, 2).T)
    save_checkpoint(tmp_path / "m.safetensors", saved, {})
    load_checkpoint(tmp_path / "m.safetensors", loaded)
    assert same_state(saved, loaded)


def refused(path, model, message, **options):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        load_checkpoint(path, model, **options)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_files_of_another_model(tmp_path):
    path, model = tmp_path / "m.safetensors", GPT(5, 4, SMALL)
    save_checkpoint(path, GPT(6, 4, SMALL), {})
    refused(path, model, r"embed.weight has the shape \(6, 8\); the model expects \(5, 8\)")
    save_checkpoint(path, GPT(5, 4, SMALL, tied=True), {})
    refused(path, model, r"lacks output.weight, which the model needs")
    save_checkpoint(path, GPT(5, 4, BlockConfig(d_model=8, n_heads=2, d_hidden=8, n_layers=3)), {})
    refused(path, model, r"has blocks.layers.2.ffn.W_1.bias, .* and 13 more, which the model does not have")


def test_damaged_files(tmp_path):
    path, model = tmp_path / "m.safetensors", GPT(5, 4, SMALL)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*m\.safetensors"):
        load_checkpoint(path, model)
    save_checkpoint(path, GPT(5, 4, SMALL), {})
    refused(path, model, f"has the SHA-256 .*; expected {'0' * 64}", sha256="0" * 64)
    whole = path.read_bytes()
    for damaged in (whole[:-10], whole[:20], b"", b"PK\x03\x04 something else, long enough for a header"):
        path.write_bytes(damaged)
        refused(path, model, "no safetensors file, or only a part of one")


def test_a_file_from_elsewhere_says_nothing_about_itself(tmp_path):
    save_file({"x": torch.ones(2)}, tmp_path / "m.safetensors", metadata={"format": "pt"})
    tensors, about = read_tensors(tmp_path / "m.safetensors")
    assert torch.equal(tensors["x"], torch.ones(2)) and about == {}


def test_what_json_cannot_hold_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path / "m.safetensors", nn.Linear(1, 1), {"tensor": torch.ones(1)})
    assert list(tmp_path.iterdir()) == []
