"""The encoder-decoder Transformer: what may not leak, caches, sizes and types, bad input."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.transformer.blocks import BlockConfig, Encoder
from course_lib.transformer.seq2seq import InputEmbedding, Transformer, course_transformer, transformer_2017

CONFIG = BlockConfig(d_model=8, n_heads=2, d_hidden=12)
N_SOURCE, N_TARGET = 13, 11
KEEP = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
CLOSE = {"rtol": 1e-10, "atol": 1e-10}
exactly = settings(deadline=None, max_examples=25)


def new_model(positions="learned", **changes):
    torch.manual_seed(0)
    return Transformer(N_SOURCE, N_TARGET, replace(CONFIG, **changes), 9, positions).double().eval()


def some_batch(n=5, m=7, B=3):
    return torch.randint(N_SOURCE, (B, n)), torch.randint(N_TARGET, (B, m))


MODELS = {
    "pre-norm": new_model(),
    "post-norm": new_model("sinusoidal", pre_norm=False),
    "rotary, groups": new_model(rotary=True, n_groups=1),
}
each_model = pytest.mark.parametrize("name", MODELS)


@exactly
@given(name=st.sampled_from(list(MODELS)), cut=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_the_future_of_the_target_cannot_be_seen(name, cut, seed):
    torch.manual_seed(seed)
    source, target = some_batch()
    changed = torch.cat([target[:, :cut], (target[:, cut:] + 1) % N_TARGET], dim=1)
    before, after = (MODELS[name](source, y, KEEP) for y in (target, changed))
    assert torch.equal(before[:, :cut], after[:, :cut])
    assert not torch.allclose(before[:, cut], after[:, cut])


@exactly
@given(name=st.sampled_from(list(MODELS)), seed=st.integers(0, 2**31))
def test_padding_of_the_source_cannot_be_seen(name, seed):
    torch.manual_seed(seed)
    source, target = some_batch()
    changed = torch.where(KEEP, source, (source + 1) % N_SOURCE)
    assert torch.equal(MODELS[name](source, target, KEEP), MODELS[name](changed, target, KEEP))
    real = torch.where(KEEP, (source + 1) % N_SOURCE, source)
    assert not torch.allclose(MODELS[name](source, target, KEEP), MODELS[name](real, target, KEEP))


@each_model
def test_each_sentence_gets_what_it_gets_alone(name):
    model, (source, target) = MODELS[name], some_batch()
    together = model(source, target, KEEP)
    for row, n in enumerate(KEEP.sum(1).tolist()):
        alone = model(source[row : row + 1, :n], target[row : row + 1])
        torch.testing.assert_close(together[row], alone[0], **CLOSE)


@exactly
@given(
    name=st.sampled_from(list(MODELS)),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=7),
    seed=st.integers(0, 2**31),
)
def test_cached_decoding_in_chunks_is_uncached_decoding(name, cuts, seed):
    torch.manual_seed(seed)
    model, (source, target) = MODELS[name], some_batch()
    memory, caches = model.encode(source, KEEP), model.new_caches()
    bounds = sorted({0, 7, *cuts})
    pieces = [model.decode(target[:, a:b], memory, KEEP, caches) for a, b in pairwise(bounds)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(source, target, KEEP), **CLOSE)


@each_model
def test_caches_follow_the_rows_of_a_beam(name):
    model, (source, target), rows = MODELS[name], some_batch(), torch.tensor([2, 0, 0])
    memory, caches = model.encode(source, KEEP), model.new_caches()
    model.decode(target[:, :3], memory, KEEP, caches)
    for cache in caches:
        cache.select(rows)
    found = model.decode(target[:, 3:], memory[rows], KEEP[rows], caches)
    joined = torch.cat([target[rows, :3], target[:, 3:]], dim=1)
    torch.testing.assert_close(found, model(source[rows], joined, KEEP[rows])[:, 3:], **CLOSE)


@exactly
@given(order=st.permutations(range(5)), pre_norm=st.booleans())
def test_an_encoder_without_positions_does_not_know_the_order(order, pre_norm):
    encoder, x = Encoder(replace(CONFIG, pre_norm=pre_norm)).double(), torch.randn(3, 5, 8).double()
    found = encoder(x[:, order], KEEP[:, None, order])
    torch.testing.assert_close(found, encoder(x, KEEP[:, None])[:, order], **CLOSE)


@each_model
def test_the_whole_encoder_knows_the_order(name):
    source = torch.tensor([[1, 2, 3]])
    found, expected = (MODELS[name].encode(ids) for ids in (source.flip(1), source))
    assert not torch.allclose(found.flip(1), expected)


@each_model
def test_weights(name):
    model, (source, target) = MODELS[name], some_batch()
    memory, read = model.encode(source, KEEP, return_weights=True)
    logits, own, crossed = model.decode(target, memory, KEEP, return_weights=True)
    torch.testing.assert_close(logits, model(source, target, KEEP), **CLOSE)
    shapes = [[tuple(w.shape) for w in weights] for weights in (read, own, crossed)]
    assert shapes == [[(3, 2, 5, 5)] * 2, [(3, 2, 7, 7)] * 2, [(3, 2, 7, 5)] * 2]
    for weights in [*read, *own, *crossed]:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]).double(), **CLOSE)
    for weights in [*read, *crossed]:
        assert (weights.masked_select(~KEEP[:, None, None]) == 0).all()
    assert all((weights.triu(1) == 0).all() for weights in own)


@each_model
def test_a_source_of_nothing_but_padding(name):
    model, (source, target) = MODELS[name], some_batch()
    keep = torch.tensor([True, False, True])[:, None].expand(3, 5)
    logits = model(source, target, keep)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    assert torch.equal(logits, model(source, target, keep.clone()))
    assert all((w[1] == 0).all() for w in model.encode(source, keep, return_weights=True)[1])
    model.zero_grad()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("B", "n", "m"), [(1, 1, 1), (1, 5, 1), (3, 1, 4)])
@pytest.mark.parametrize("new", [course_transformer, transformer_2017])
def test_types_and_small_sizes(dtype, B, n, m, new):
    model = new(N_SOURCE, N_TARGET, d_model=8, n_heads=2, n_layers=1).to(dtype)
    logits = model(*some_batch(n, m, B), torch.ones(B, n, dtype=torch.bool))
    assert logits.dtype == dtype and logits.shape == (B, m, N_TARGET) and logits.isfinite().all()


def test_the_recipe_of_the_course():
    model = course_transformer(1000, N_TARGET, d_model=96, n_layers=3, max_n=200)
    ids = torch.randint(1000, (2, 4))
    normed = model.encoder.norm(model.embed_source(ids))
    torch.testing.assert_close(model.encode(ids), normed)  # every layer begins as the identity
    assert not any(name.endswith(("W_q.bias", "W_o.bias")) for name, _ in model.named_parameters())
    assert model.encoder.layers[0].ffn.W_1.out_features == 192 and len(model.decoder.layers) == 3
    for table in (model.embed_source.tokens.weight, model.embed_source.positions.table):
        assert abs(table.std() - 1) < 0.05


def test_the_layer_of_2017():
    model = transformer_2017(1000, N_TARGET)
    names = dict(model.named_parameters())
    assert len(model.encoder.layers) == len(model.decoder.layers) == 6
    assert names["encoder.layers.0.self_attn.W_q.weight"].shape == (512, 512)
    assert names["decoder.layers.5.ffn.W_1.weight"].shape == (2048, 512)
    assert not any("positions" in name or name.startswith("encoder.norm") for name in names)
    tokens = model.embed_source.tokens.weight * model.embed_source.scale
    assert abs(tokens.std() - 1) < 0.05  # scaled, a token weighs as much as in the course's model
    model = transformer_2017(N_SOURCE, N_TARGET, d_model=8, n_heads=2, d_hidden=12, n_layers=1).eval()
    memory = model.encode(torch.randint(N_SOURCE, (2, 300)))  # waves have no end
    last = model.encoder.layers[-1].norm2
    torch.testing.assert_close((memory - last.beta) / last.gamma, memory)
    torch.testing.assert_close(memory.mean(-1), torch.zeros(2, 300), atol=1e-5, rtol=0)


def test_dropout_of_the_embeddings_is_only_for_training():
    embed = InputEmbedding(N_SOURCE, replace(CONFIG, dropout=0.5), 9)
    source, _ = some_batch()
    assert 0.2 < (embed(source) == 0).float().mean() < 0.8
    assert (embed.eval()(source) != 0).all()


ids = torch.zeros(2, 5, dtype=torch.long)
memory = torch.zeros(2, 5, 8, dtype=torch.double)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m(ids[:0], ids[:0]), r"source must be ids \(B, n\), both at least 1; got .* \(0, 5\)"),
        (lambda m: m(ids, ids[:, :0]), r"target must be ids .*; got the shape \(2, 0\)"),
        (lambda m: m(ids[0], ids), r"source must be ids \(B, n\).* got the shape \(5,\)"),
        (lambda m: m(ids + 13, ids), "source must hold ids from 0 to 12; got 13"),
        (lambda m: m(ids, ids - 1), "target must hold ids from 0 to 10; got -1"),
        (lambda m: m(ids, ids + 11), "target must hold ids from 0 to 10; got 11"),
        (lambda m: m(ids, ids, torch.ones(2, 5)), r"keep must be bool .* got torch.float32 \(2, 5\)"),
        (lambda m: m(ids, ids, ids[:, :4] == 0), r"keep must be bool \(B, n\) = \(2, 5\), True .* \(2, 4\)"),
        (lambda m: m.decode(ids, memory, ids[:1] == 0), r"keep must be bool \(B, n\) = \(2, 5\)"),
        (lambda m: m(torch.zeros(2, 10).long(), ids), "reaches 10 positions; max_n, the learnt ones, is 9"),
        (lambda m: m(ids, torch.zeros(2, 10).long()), "reaches 10 positions"),
        (lambda m: new_model("circular"), "positions must be one of learned, sinusoidal; got 'circular'"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(MODELS["pre-norm"])


def test_a_full_cache_is_noticed():
    model, caches = MODELS["pre-norm"], MODELS["pre-norm"].new_caches()
    model.decode(torch.zeros(2, 9).long(), memory, None, caches)
    with pytest.raises(ValueError, match="reaches 10 positions"):
        model.decode(ids[:, :1], memory, None, caches)
