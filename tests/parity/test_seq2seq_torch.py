"""Encoder and decoder layers, their stacks and the whole Transformer beside torch's, forward and gradients.

torch's modules say True for what may NOT be attended; in eval mode its encoder puts zeros at padding and
takes other paths, so it runs in training mode without dropout. Outputs are compared at real tokens.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib.transformer.attention import causal_mask
from course_lib.transformer.blocks import BlockConfig, DecoderLayer, EncoderLayer
from course_lib.transformer.positions import sinusoidal_positions
from course_lib.transformer.seq2seq import InputEmbedding, Transformer

EXACT = {"rtol": 1e-9, "atol": 1e-9}
CONFIG = BlockConfig(d_model=12, n_heads=3, d_hidden=20, n_layers=2)
N_SOURCE, N_TARGET = 13, 11
KEEP = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
TARGET_KEEP = torch.arange(7) < torch.tensor([4, 7, 1])[:, None]


def attention_pairs(ours, theirs):
    d = ours.W_q.weight.shape[1]
    for i, linear in enumerate((ours.W_q, ours.W_k, ours.W_v)):
        rows = slice(i * d, (i + 1) * d)
        yield linear.weight, theirs.in_proj_weight, rows
        yield linear.bias, theirs.in_proj_bias, rows
    yield from linear_pairs(ours.W_o, theirs.out_proj)


def linear_pairs(ours, theirs):
    yield ours.weight, theirs.weight, ...
    yield ours.bias, theirs.bias, ...


def norm_pairs(ours, theirs):
    if theirs is not None:
        yield ours.gamma, theirs.weight, ...
        yield ours.beta, theirs.bias, ...


def layer_pairs(ours, theirs):
    yield from attention_pairs(ours.self_attn, theirs.self_attn)
    if isinstance(ours, DecoderLayer):
        yield from attention_pairs(ours.cross_attn, theirs.multihead_attn)
        yield from norm_pairs(ours.norm3, theirs.norm3)
    yield from linear_pairs(ours.ffn.W_1, theirs.linear1)
    yield from linear_pairs(ours.ffn.W_2, theirs.linear2)
    yield from norm_pairs(ours.norm1, theirs.norm1)
    yield from norm_pairs(ours.norm2, theirs.norm2)


def stack_pairs(ours, theirs):
    for layer, their_layer in zip(ours.layers, theirs.layers, strict=True):
        yield from layer_pairs(layer, their_layer)
    yield from norm_pairs(ours.norm, theirs.norm)


def pairs_of(ours, theirs):
    """Every parameter of ours, the parameter of torch's that holds it, and at which rows."""
    if isinstance(ours, EncoderLayer | DecoderLayer):
        return list(layer_pairs(ours, theirs))
    encoders, decoders = (ours.encoder, theirs.encoder), (ours.decoder, theirs.decoder)
    return [*stack_pairs(*encoders), *stack_pairs(*decoders)]


@torch.no_grad()
def copy_weights(ours, theirs, direction):
    """Fresh random weights (norms too, which start at 1 and 0) on one side, copied to the other."""
    for parameter in (ours if direction == "to torch" else theirs).parameters():
        parameter.copy_(torch.randn_like(parameter) / math.sqrt(12))
    for mine, other, rows in pairs_of(ours, theirs):
        if direction == "to torch":
            other[rows] = mine
        else:
            mine.copy_(other[rows])
    core = [p for name, p in ours.named_parameters() if not name.startswith(("embed", "output"))]
    assert len(core) == len(pairs_of(ours, theirs)), "a parameter has no counterpart"


def assert_same(ours, theirs, modules, inputs, keep):
    """Equal outputs at `keep`, and equal gradients of a random sum of them, of inputs and of weights."""
    torch.testing.assert_close(ours[keep], theirs[keep], **EXACT)
    cotangent = torch.randn_like(ours)[keep]
    ours_grads = torch.autograd.grad((ours[keep] * cotangent).sum(), inputs, retain_graph=True)
    their_grads = torch.autograd.grad((theirs[keep] * cotangent).sum(), inputs, retain_graph=True)
    torch.testing.assert_close(ours_grads, their_grads, **EXACT)
    (ours[keep] * cotangent).sum().backward()
    (theirs[keep] * cotangent).sum().backward()
    for mine, other, rows in pairs_of(*modules):
        torch.testing.assert_close(mine.grad, other.grad[rows], **EXACT)


def torch_layer(kind, config):
    sizes = (config.d_model, config.n_heads, config.d_hidden)
    activation = config.activation
    return kind(*sizes, dropout=0, activation=activation, batch_first=True, norm_first=config.pre_norm)


both_ways = pytest.mark.parametrize("direction", ["to torch", "from torch"])
both_orders = pytest.mark.parametrize("pre_norm", [False, True])


@both_ways
@both_orders
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("causal", [False, True])
def test_encoder_layer(pre_norm, direction, activation, causal):
    config = replace(CONFIG, pre_norm=pre_norm, activation=activation)
    ours, theirs = EncoderLayer(config), torch_layer(nn.TransformerEncoderLayer, config)
    copy_weights(ours, theirs, direction)
    x = torch.randn(3, 5, 12, requires_grad=True)
    closed = ~causal_mask(5, 5) if causal else None
    expected = theirs(x, src_mask=closed, src_key_padding_mask=~KEEP)
    assert_same(ours(x, KEEP[:, None], causal=causal), expected, (ours, theirs), (x,), KEEP)


@both_ways
@both_orders
def test_decoder_layer(pre_norm, direction):
    config = replace(CONFIG, pre_norm=pre_norm)
    ours, theirs = DecoderLayer(config), torch_layer(nn.TransformerDecoderLayer, config)
    copy_weights(ours, theirs, direction)
    y, memory = torch.randn(3, 7, 12, requires_grad=True), torch.randn(3, 5, 12, requires_grad=True)
    masks = {"tgt_mask": ~causal_mask(7, 7), "tgt_key_padding_mask": ~TARGET_KEEP}
    expected = theirs(y, memory, **masks, memory_key_padding_mask=~KEEP)
    ours_out = ours(y, memory, memory_mask=KEEP[:, None])  # its padding at the end needs no mask
    assert_same(ours_out, expected, (ours, theirs), (y, memory), TARGET_KEEP)


def torch_transformer(config):
    """nn.Transformer, without the norms after its stacks where the config has none."""
    theirs = nn.Transformer(
        config.d_model,
        config.n_heads,
        config.n_layers,
        config.n_layers,
        config.d_hidden,
        dropout=0,
        batch_first=True,
        norm_first=config.pre_norm,
    )
    if not config.final_norm:
        theirs.encoder.norm = theirs.decoder.norm = None
    return theirs


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@both_ways
@both_orders
@pytest.mark.parametrize("final_norm", [False, True])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_transformer(pre_norm, final_norm, positions, direction):
    config = replace(CONFIG, pre_norm=pre_norm, final_norm=final_norm)
    ours = Transformer(N_SOURCE, N_TARGET, config, 9, positions, scale_embeddings=positions == "sinusoidal")
    theirs = torch_transformer(config)
    copy_weights(ours, theirs, direction)
    source, target = torch.randint(N_SOURCE, (3, 5)), torch.randint(N_TARGET, (3, 7))
    x, y = ours.embed_source(source), ours.embed_target(target)
    their_masks = {
        "src_key_padding_mask": ~KEEP,
        "memory_key_padding_mask": ~KEEP,
        "tgt_mask": ~causal_mask(7, 7),
        "tgt_key_padding_mask": ~TARGET_KEEP,
    }
    expected = ours.output(theirs(x, y, **their_masks))
    tables = (ours.embed_source.tokens.weight, ours.embed_target.tokens.weight)
    assert_same(ours(source, target, KEEP), expected, (ours, theirs), tables, TARGET_KEEP)


def test_which_stacks_end_in_a_norm():
    """torch always puts one there; the layer of 2017 has none, a pre-norm stack needs it."""
    for pre_norm in (False, True):
        model = Transformer(N_SOURCE, N_TARGET, replace(CONFIG, pre_norm=pre_norm))
        for stack in (model.encoder, model.decoder):
            assert isinstance(stack.norm, nn.Identity) is not pre_norm


def test_input_of_2017():
    """sqrt(d_model) times the token's row, plus the waves, from the position where it stands."""
    embedding = InputEmbedding(N_SOURCE, CONFIG, 9, "sinusoidal", scaled=True)
    ids = torch.randint(N_SOURCE, (2, 4))
    expected = embedding.tokens.weight[ids] * 12**0.5 + sinusoidal_positions(7, 12)[3:]
    torch.testing.assert_close(embedding(ids, start=3), expected, **EXACT)
