"""GPT beside the GPT-2 of transformers with copied weights, and cached beside uncached, in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.gpt import GPT

EXACT = {"rtol": 1e-9, "atol": 1e-9}
SCHEMES = ("learned", "sinusoidal", "rotary", "alibi", "relative", "none")
GPT2_SIZES = BlockConfig(d_model=12, n_heads=3, d_hidden=20, n_layers=2, activation="gelu_tanh")


def gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=17, n_positions=11, n_embd=12, n_layer=2, n_head=3, n_inner=20, attn_implementation="eager"
    )
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():  # norms and biases too, which start at 1 and 0
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def pairs(ours: GPT, theirs: GPT2LMHeadModel) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Our parameters and theirs in our layout; functions of theirs, so that gradients can be paired too."""
    return pairs_of(dict(ours.named_parameters()), dict(theirs.transformer.named_parameters()))


def pairs_of(ours: dict, theirs: dict) -> list[tuple[torch.Tensor, torch.Tensor]]:
    found = [
        (ours["embed.weight"], theirs["wte.weight"]),
        (ours["positions.table"], theirs["wpe.weight"]),
        (ours["blocks.norm.gamma"], theirs["ln_f.weight"]),
        (ours["blocks.norm.beta"], theirs["ln_f.bias"]),
    ]
    for i in range(2):
        a, b = f"blocks.layers.{i}.", f"h.{i}."
        for kind in ("weight", "bias"):  # a Conv1D of GPT-2 holds the transposed matrix
            q, k, v = theirs[f"{b}attn.c_attn.{kind}"].T.chunk(3)
            found += zip((ours[f"{a}self_attn.W_{name}.{kind}"] for name in "qkv"), (q, k, v), strict=True)
            found.append((ours[f"{a}self_attn.W_o.{kind}"], theirs[f"{b}attn.c_proj.{kind}"].T))
            found.append((ours[f"{a}ffn.W_1.{kind}"], theirs[f"{b}mlp.c_fc.{kind}"].T))
            found.append((ours[f"{a}ffn.W_2.{kind}"], theirs[f"{b}mlp.c_proj.{kind}"].T))
        for norm, ln in (("norm1", "ln_1"), ("norm2", "ln_2")):
            found.append((ours[f"{a}{norm}.gamma"], theirs[f"{b}{ln}.weight"]))
            found.append((ours[f"{a}{norm}.beta"], theirs[f"{b}{ln}.bias"]))
    assert len(found) == len(ours)
    return found


@pytest.mark.filterwarnings("ignore:The use of `x.T`")
def test_gpt2_of_transformers():
    theirs, ours = gpt2(), GPT(17, 11, GPT2_SIZES, tied=True)
    with torch.no_grad():
        for own, other in pairs(ours, theirs):
            own.copy_(other)
    ids = torch.randint(17, (3, 7))
    logits, maps = ours(ids, return_weights=True)
    out = theirs(ids, output_attentions=True)
    torch.testing.assert_close(logits, out.logits, **EXACT)
    torch.testing.assert_close(ours(ids), out.logits, **EXACT)
    assert len(maps) == len(out.attentions) == 2
    for own, other in zip(maps, out.attentions, strict=True):
        torch.testing.assert_close(own, other, **EXACT)

    labels = torch.randint(17, (3, 7))
    F.cross_entropy(ours(ids).flatten(0, 1), labels.flatten()).backward()
    F.cross_entropy(out.logits.flatten(0, 1), labels.flatten()).backward()
    own_grads = {name: p.grad for name, p in ours.named_parameters()}
    their_grads = {name: p.grad for name, p in theirs.transformer.named_parameters()}
    for own, other in pairs_of(own_grads, their_grads):
        torch.testing.assert_close(own, other, **EXACT)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=5)
@given(
    n_groups=st.sampled_from([1, 2, 4]),
    chunks=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    seed=st.integers(0, 99),
)
def test_cached_is_uncached(scheme, n_groups, chunks, seed):
    torch.manual_seed(seed)
    config = BlockConfig(d_model=16, n_heads=4, d_hidden=8, n_layers=2, n_groups=n_groups)
    model = GPT(11, 60, config, scheme)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    ids = torch.randint(11, (2, sum(chunks)))
    whole, maps = model(ids, return_weights=True)
    caches, seen = model.new_caches(), 0
    for n in chunks:
        fused = model(ids[:, : seen + n])[:, seen:]
        logits, rows = model(ids[:, seen : seen + n], caches, return_weights=True)
        torch.testing.assert_close(logits, whole[:, seen : seen + n], **EXACT)
        torch.testing.assert_close(logits, fused, **EXACT)
        torch.testing.assert_close(rows[1], maps[1][:, :, seen : seen + n, : seen + n], **EXACT)
        seen += n
        assert [len(cache) for cache in caches] == [seen, seen]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_future_changes_nothing_before_it(scheme):
    model = GPT(11, 12, BlockConfig(d_model=16, d_hidden=8), scheme)
    ids = torch.randint(11, (2, 12))
    other = ids.clone()
    other[:, 7:] = (ids[:, 7:] + 1) % 11
    torch.testing.assert_close(model(ids)[:, :7], model(other)[:, :7], **EXACT)
    assert not torch.allclose(model(ids)[:, 7:], model(other)[:, 7:])


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "none"])
def test_positions_matter(scheme):
    """Two orders of the past give two predictions even in one layer; without positions only one."""
    model = GPT(11, 12, BlockConfig(d_model=16, d_hidden=8, n_layers=1), scheme)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    ids, swapped = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 1, 3, 4]])
    assert not torch.allclose(model(ids)[:, -1], model(swapped)[:, -1])
    without = GPT(11, 12, BlockConfig(d_model=16, d_hidden=8, n_layers=1), "none")
    torch.testing.assert_close(without(ids)[:, -1], without(swapped)[:, -1], **EXACT)
