"""The GRU and the recurrent encoder-decoder beside torch.nn and beside plain loops over our functions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.transformer.attention import additive_attention
from course_lib.transformer.recurrent import AdditiveAttention, RecurrentSeq2Seq, gru_step

EXACT = {"rtol": 1e-9, "atol": 1e-9}
N_SOURCE, N_TARGET = 13, 11
LENGTHS = (5, 3, 1, 5)
KEEP = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
sizes = st.integers(1, 5)


def assert_same(ours, theirs, inputs):
    """Equal outputs, and equal gradients of a random sum of them."""
    torch.testing.assert_close(ours, theirs, **EXACT)
    cotangent = torch.randn_like(ours)
    ours_grads = torch.autograd.grad((ours * cotangent).sum(), inputs, retain_graph=True)
    their_grads = torch.autograd.grad((theirs * cotangent).sum(), inputs, retain_graph=True)
    torch.testing.assert_close(ours_grads, their_grads, **EXACT)


def cell_weights(cell, suffix=""):
    """W, U, b of a torch cell or layer, as gru_step takes them."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    W, U, b_x, b_h = (getattr(cell, name + suffix) for name in names)
    return W, U, torch.stack([b_x, b_h])


def read(x, h, weights):
    """All states (B, n, h) of a plain loop of gru_step over x (B, n, d)."""
    states = []
    for x_t in x.unbind(1):
        h = gru_step(x_t, h, *weights)
        states.append(h)
    return torch.stack(states, 1)


@settings(deadline=None, max_examples=25)
@given(B=sizes, d=sizes, d_hidden=sizes, scale=st.sampled_from([1.0, 30.0]))
def test_gru_step_is_the_gru_cell(B, d, d_hidden, scale):
    cell = nn.GRUCell(d, d_hidden)
    x = (torch.randn(B, d) * scale).requires_grad_()
    h = torch.randn(B, d_hidden, requires_grad=True)
    assert_same(gru_step(x, h, *cell_weights(cell)), cell(x, h), (x, h, *cell.parameters()))


def test_gru_step_leaves_its_arguments_alone_and_takes_one_vector():
    cell = nn.GRUCell(3, 4)
    x, h, weights = torch.randn(2, 3), torch.randn(2, 4), cell_weights(cell)
    before = [each.clone() for each in (x, h, *weights)]
    out = gru_step(x, h, *weights)
    assert all(torch.equal(a, b) for a, b in zip(before, (x, h, *weights), strict=True))
    torch.testing.assert_close(gru_step(x[1], h[1], *weights), out[1], **EXACT)


def test_a_loop_of_steps_is_the_gru_layer():
    gru = nn.GRU(3, 4, batch_first=True, bidirectional=True)
    x = torch.randn(2, 6, 3, requires_grad=True)
    forward = read(x, torch.zeros(2, 4), cell_weights(gru, "_l0"))
    backward = read(x.flip(1), torch.zeros(2, 4), cell_weights(gru, "_l0_reverse")).flip(1)
    assert_same(torch.cat([forward, backward], -1), gru(x)[0], (x, *gru.parameters()))


def test_the_attention_module_is_the_attention_function():
    module = AdditiveAttention(3, 4, 6)
    query, values = torch.randn(4, 3, requires_grad=True), torch.randn(4, 5, 4, requires_grad=True)
    ours = module(query, module.W_k(values), values, KEEP, return_weights=True)
    parts = (module.W_q.weight, module.W_k.weight, module.v.weight[0])
    theirs = additive_attention(query[:, None], values, values, *parts, KEEP[:, None])
    for mine, other in zip(ours, theirs, strict=True):
        assert_same(mine, other[:, 0], (query, values, module.v.weight, module.W_k.weight))


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_does_not_leak(attention, bidirectional):
    """Each sentence of a padded batch gets what it gets alone: memory, logits, alignment, gradients."""
    model = RecurrentSeq2Seq(N_SOURCE, N_TARGET, 4, 6, attention, bidirectional)
    source, target = torch.randint(N_SOURCE, (4, 5)), torch.randint(N_TARGET, (4, 7))
    memory = model.encode(source, KEEP)
    logits, alignment = model.decode(target, memory, KEEP, return_weights=True)
    single = []
    for row, n in enumerate(LENGTHS):
        alone = model.encode(source[row : row + 1, :n])
        torch.testing.assert_close(memory[row, :n], alone[0], **EXACT)
        assert (memory[row, n:] == 0).all()
        out, looked = model.decode(target[row : row + 1], alone, return_weights=True)
        single.append(out)
        if attention:
            torch.testing.assert_close(alignment[row, :, :n], looked[0], **EXACT)
            assert (alignment[row, :, n:] == 0).all()
    assert_same(logits, torch.cat(single), list(model.parameters()))
    torch.testing.assert_close(logits, model(source, target, KEEP), **EXACT)


def test_the_model_is_a_loop_over_our_functions():
    """Every number of the decoder, written out once more with gru_step and additive_attention."""
    model = RecurrentSeq2Seq(N_SOURCE, N_TARGET, 4, 6)
    source, target = torch.randint(N_SOURCE, (4, 5)), torch.randint(N_TARGET, (4, 7))
    x = model.embed_source(source)
    zero = torch.zeros(1, 6)
    rows, h = [], []
    for i, n in enumerate(LENGTHS):
        forward = read(x[i : i + 1, :n], zero, cell_weights(model.encoder, "_l0"))
        reverse = read(x[i : i + 1, :n].flip(1), zero, cell_weights(model.encoder, "_l0_reverse"))
        rows.append(nn.functional.pad(torch.cat([forward, reverse.flip(1)], -1)[0], (0, 0, 0, 5 - n)))
        h.append(torch.tanh(model.start(torch.cat([forward[:, -1], reverse[:, -1]], -1)))[0])
    memory, h, looks = torch.stack(rows), torch.stack(h), model.attention
    logits = []
    for word in model.embed_target(target).unbind(1):
        parts = (looks.W_q.weight, looks.W_k.weight, looks.v.weight[0])
        context, _ = additive_attention(h[:, None], memory, memory, *parts, KEEP[:, None])
        h = gru_step(torch.cat([word, context[:, 0]], -1), h, *cell_weights(model.decoder))
        logits.append(model.output(torch.tanh(model.mix(torch.cat([h, context[:, 0]], -1)))))
    assert_same(model(source, target, KEEP), torch.stack(logits, 1), list(model.parameters()))
