"""The recurrent encoder-decoder: what may not leak, caches, alignment, sizes and types, bad input."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.transformer.recurrent import RecurrentCache, RecurrentSeq2Seq, gru_step

N_SOURCE, N_TARGET = 13, 11
KEEP = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
CLOSE = {"rtol": 1e-10, "atol": 1e-10}
exactly = settings(deadline=None, max_examples=25)


def new_model(attention=True, bidirectional=True):
    torch.manual_seed(0)
    return RecurrentSeq2Seq(N_SOURCE, N_TARGET, 4, 6, attention, bidirectional).double()


def some_batch(n=5, m=7, B=3):
    return torch.randint(N_SOURCE, (B, n)), torch.randint(N_TARGET, (B, m))


MODELS = {"attention": new_model(), "one direction": new_model(True, False), "none": new_model(False)}
each_model = pytest.mark.parametrize("name", MODELS)


def test_gates_of_a_step():
    """A closed update gate keeps the state; a closed reset gate forgets it in the candidate."""
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    W, U, b = torch.randn(12, 3), torch.randn(12, 4), torch.zeros(2, 12)
    b[0, 4:8] = 100
    torch.testing.assert_close(gru_step(x, h, W, U, b), h)
    b[0, 4:8], b[0, :4] = -100, -100
    torch.testing.assert_close(gru_step(x, h, W, U, b), torch.tanh(x @ W[8:].T))


@exactly
@given(name=st.sampled_from(list(MODELS)), cut=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_neither_the_future_nor_padding_can_be_seen(name, cut, seed):
    torch.manual_seed(seed)
    model, (source, target) = MODELS[name], some_batch()
    logits = model(source, target, KEEP)
    changed = torch.cat([target[:, :cut], (target[:, cut:] + 1) % N_TARGET], dim=1)
    other_padding = torch.where(KEEP, source, (source + 1) % N_SOURCE)
    after = model(other_padding, changed, KEEP)
    assert torch.equal(logits[:, :cut], after[:, :cut])
    assert not torch.allclose(logits[:, cut], after[:, cut])
    other_source = torch.where(KEEP, (source + 1) % N_SOURCE, source)
    assert not torch.allclose(logits, model(other_source, target, KEEP))


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
    model, (source, target), rows = MODELS[name], some_batch(), torch.tensor([2, 0, 0, 1])
    memory, caches = model.encode(source, KEEP), model.new_caches()
    model.decode(target[:, :3], memory, KEEP, caches)
    caches[0].select(rows)
    more = torch.randint(N_TARGET, (4, 4))
    found = model.decode(more, memory[rows], KEEP[rows], caches)
    joined = torch.cat([target[rows, :3], more], dim=1)
    torch.testing.assert_close(found, model(source[rows], joined, KEEP[rows])[:, 3:], **CLOSE)


def test_selecting_from_an_empty_cache():
    cache = RecurrentCache()
    cache.select(torch.tensor([0]))
    assert cache.state is None and cache.keys is None


@pytest.mark.parametrize("name", ["attention", "one direction"])
def test_alignment(name):
    model, (source, target) = MODELS[name], some_batch()
    memory = model.encode(source, KEEP)
    logits, alignment = model.decode(target, memory, KEEP, return_weights=True)
    assert alignment.shape == (3, 7, 5)
    torch.testing.assert_close(alignment.sum(-1), torch.ones(3, 7).double(), **CLOSE)
    assert (alignment.masked_select(~KEEP[:, None]) == 0).all()
    assert torch.equal(logits, model(source, target, KEEP))


def test_a_module_in_the_place_of_attention_need_not_weigh():
    class Ends(torch.nn.Module):
        def W_k(self, memory):  # noqa: N802 (stands where AdditiveAttention has a layer)
            return memory

        def forward(self, query, keys, values, keep, return_weights=False):
            return values[:, 0], None

    model = RecurrentSeq2Seq(7, 6, d_embed=4, d_hidden=3)
    model.attention = Ends()
    source, target = torch.ones(2, 5).long(), torch.ones(2, 4).long()
    logits, alignment = model.decode(target, model.encode(source), return_weights=True)
    assert logits.shape == (2, 4, 6) and alignment is None


def test_without_attention_there_is_no_alignment_and_only_the_ends_of_the_memory_count():
    model, (source, target) = MODELS["none"], some_batch()
    memory = model.encode(source, KEEP)
    logits, alignment = model.decode(target, memory, KEEP, return_weights=True)
    assert alignment is None
    middle = memory.clone()
    middle[0, 1:4] += 1
    assert torch.equal(model.decode(target, middle, KEEP), logits)
    middle[0, 4] += 1
    assert not torch.allclose(model.decode(target, middle, KEEP), logits)


@each_model
def test_a_source_of_nothing_but_padding(name):
    model, (source, target) = MODELS[name], some_batch()
    keep = torch.tensor([True, False, True])[:, None].expand(3, 5)
    memory = model.encode(source, keep)
    logits, alignment = model.decode(target, memory, keep, return_weights=True)
    assert (memory[1] == 0).all() and (alignment is None or (alignment[1] == 0).all())
    logits.sum().backward()
    assert logits.isfinite().all() and all(p.grad.isfinite().all() for p in model.parameters())
    model.zero_grad()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("B", "n", "m"), [(1, 1, 1), (1, 5, 1), (3, 1, 4)])
@each_model
def test_types_and_small_sizes(dtype, B, n, m, name):
    model = new_model(name != "none", name != "one direction").to(dtype)
    logits = model(*some_batch(n, m, B), torch.ones(B, n, dtype=torch.bool))
    assert logits.dtype == dtype and logits.shape == (B, m, N_TARGET) and logits.isfinite().all()


@each_model
def test_padding_that_no_row_needs_changes_nothing(name):
    model, (source, target) = MODELS[name], some_batch()
    longer, keep = (torch.nn.functional.pad(x, (0, 2)) for x in (source, KEEP))
    assert model.encode(longer, keep).shape[1] == 7
    torch.testing.assert_close(model(longer, target, keep), model(source, target, KEEP), **CLOSE)


def test_gradients_reach_every_weight():
    for model in MODELS.values():
        model(*some_batch(), KEEP).square().sum().backward()
        assert all((p.grad != 0).any() for p in model.parameters())
        model.zero_grad()


ids = torch.zeros(2, 5, dtype=torch.long)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m(ids[:0], ids[:0]), r"source must be ids \(B, n\), both at least 1; got .* \(0, 5\)"),
        (lambda m: m(ids, ids[:, :0]), r"target must be ids .*; got the shape \(2, 0\)"),
        (lambda m: m(ids + 13, ids), "source must hold ids from 0 to 12; got 13"),
        (lambda m: m(ids, ids - 1), "target must hold ids from 0 to 10; got -1"),
        (lambda m: m(ids, ids, torch.ones(2, 5)), r"keep must be bool .* got torch.float32 \(2, 5\)"),
        (lambda m: m(ids, ids, ids[:, :4] == 0), r"keep must be bool \(B, n\) = \(2, 5\), True .* \(2, 4\)"),
        (lambda m: m(ids, ids, torch.arange(5).expand(2, 5) > 1), "padding must stand at the end of each"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(MODELS["attention"])
