"""What lesson 11 says about pre-norm and post-norm is what the code does."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from course_lib.transformer.bert import MINILM
from course_lib.transformer.blocks import BlockConfig, EncoderLayer, residual_block
from course_lib.transformer.gpt import GPT
from course_lib.transformer.seq2seq import transformer_2017

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sources" / "lessons" / "11_block.py").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "sources" / "glossary.toml").read_text(encoding="utf-8")
POST, PRE = r"\mathrm{norm}(\mathbf x + f(\mathbf x))", r"\mathbf x + f(\mathrm{norm}(\mathbf x))"


def norm(x):
    return F.layer_norm(x, x.shape[-1:])


def test_the_text_names_the_two_orders():
    assert rf"\text{{post-norm:}}\quad \mathbf y = {POST}" in TEXT
    assert rf"\text{{pre-norm:}}\quad \mathbf y = {PRE}" in TEXT
    assert f"Pre: ${PRE}$. Post: ${POST}$, and this is the paper's." in TEXT
    doubled = [formula.replace("\\", "\\\\") for formula in (POST, PRE)]
    assert f"Post-norm, ${doubled[0]}$, is that of the 2017 paper" in GLOSSARY
    assert f"pre-norm, ${doubled[1]}$, is that of GPT-2" in GLOSSARY
    assert "LayerNorm(x + Sublayer(x))" in TEXT and "*Add & Norm*" in TEXT


@pytest.mark.parametrize("pre", [False, True])
def test_residual_block_is_the_formula(pre):
    x = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    expected = x + torch.sin(norm(x)) if pre else norm(x + torch.sin(x))
    assert torch.equal(residual_block(x, torch.sin, norm, pre=pre), expected)


@pytest.mark.parametrize("pre", [False, True])
def test_a_layer_is_two_residual_blocks_in_its_order(pre):
    torch.manual_seed(0)
    layer, x = EncoderLayer(BlockConfig(d_model=8, n_heads=2, pre_norm=pre)), torch.randn(2, 3, 8)
    expected = x
    for part in (layer.self_attn, layer.ffn):
        expected = expected + part(norm(expected)) if pre else norm(expected + part(expected))
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_the_transformer_of_2017_and_bert_are_post_norm():
    assert "`transformer_2017` is as in the paper. So is the BERT of lesson 19" in TEXT
    assert not MINILM.pre_norm
    small = {"d_model": 8, "n_heads": 2, "d_hidden": 16, "n_layers": 1}
    model = transformer_2017(5, 5, **small)
    layers = [*model.encoder.layers, *model.decoder.layers]
    assert not any(layer.pre_norm for layer in layers)
    assert isinstance(model.encoder.norm, torch.nn.Identity)  # no norm at the end, as the lesson says
    assert BlockConfig().pre_norm
    gpt = GPT(5, 4, BlockConfig(**small))
    assert all(module.pre_norm for module in gpt.modules() if isinstance(module, EncoderLayer))


def test_pre_norm_stacks_have_a_last_norm():
    assert "pre-norm needs one, and gets it" in TEXT
    assert not isinstance(BlockConfig(pre_norm=True).new_final_norm(), torch.nn.Identity)
    assert isinstance(BlockConfig(pre_norm=False).new_final_norm(), torch.nn.Identity)
