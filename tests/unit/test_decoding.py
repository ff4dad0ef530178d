"""Sampling, greedy and beam search: counted, searched exhaustively, cached beside uncached."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.decoding import beam_search, generate, next_token_distribution, translate
from course_lib.transformer.blocks import BlockConfig, Decoder, DecoderCache, Encoder
from course_lib.transformer.gpt import GPT
from course_lib.transformer.positions import LearnedPositions

SMALL = BlockConfig(d_model=8, n_heads=2, d_hidden=8)


def distribution(p, **options):
    return next_token_distribution(torch.tensor(p, dtype=torch.float64).log(), **options)


def close(p, expected):
    torch.testing.assert_close(p, torch.tensor(expected, dtype=p.dtype))


# ---- next_token_distribution


def test_temperature():
    p = [0.1, 0.2, 0.7]
    close(distribution(p), p)
    for temperature in (0.5, 2.0):
        powers = [x ** (1 / temperature) for x in p]
        close(distribution(p, temperature=temperature), [x / sum(powers) for x in powers])
    close(distribution(p, temperature=1e9), [1 / 3] * 3)
    for temperature in (0, 1e-3, 1e-30, 1e-310):
        close(distribution(p, temperature=temperature), [0.0, 0.0, 1.0])
    close(next_token_distribution(torch.tensor([1e4, -1e4, 0.0]), temperature=1e-6), [1.0, 0.0, 0.0])


def test_top_k():
    p = [0.1, 0.4, 0.2, 0.3]
    close(distribution(p, top_k=2), [0, 4 / 7, 0, 3 / 7])
    close(distribution(p, top_k=1), [0.0, 1.0, 0.0, 0.0])
    close(distribution(p, top_k=9), p)
    close(distribution([0.3, 0.35, 0.35], top_k=1, temperature=1e20), [0.0, 1.0, 0.0])


def test_top_p_includes_the_crossing_token():
    p = [0.1, 0.4, 0.2, 0.3]
    close(distribution(p, top_p=0.5), [0, 4 / 7, 0, 3 / 7])
    close(distribution(p, top_p=0.39), [0.0, 1.0, 0.0, 0.0])
    close(distribution(p, top_p=0.71), [0, 4 / 9, 2 / 9, 3 / 9])
    close(distribution(p, top_p=1e-9), [0.0, 1.0, 0.0, 0.0])
    tail = torch.tensor([30.0] + [0.0] * 40)
    assert (next_token_distribution(tail, top_p=1.0) > 0).all()


def test_min_p():
    close(distribution([0.1, 0.4, 0.2, 0.3], min_p=0.6), [0, 4 / 7, 0, 3 / 7])
    close(distribution([0.1, 0.4, 0.2, 0.3], min_p=1.0), [0.0, 1.0, 0.0, 0.0])


def test_the_order_is_temperature_top_k_top_p():
    p = [0.4, 0.3, 0.2, 0.1]
    close(distribution(p, top_k=2, top_p=0.55), [1.0, 0, 0, 0])  # 4 / 7 alone reaches 0.55
    close(distribution(p, top_p=0.55), [4 / 7, 3 / 7, 0, 0])
    close(distribution(p, temperature=0.5, top_p=0.5), [1.0, 0, 0, 0])  # 16 / 30 alone reaches 0.5
    close(distribution(p, top_p=0.95, min_p=0.7), [4 / 7, 3 / 7, 0, 0])


def test_ties_go_to_the_lower_index():
    even = [0.25] * 4
    close(distribution(even, temperature=0), [1.0, 0, 0, 0])
    close(distribution(even, top_k=3), [1 / 3, 1 / 3, 1 / 3, 0])
    close(distribution(even, top_p=0.5), [0.5, 0.5, 0, 0])
    logits = torch.zeros(3, 5000)
    assert next_token_distribution(logits, top_k=7).nonzero()[:, 1].tolist() == [*range(7)] * 3


@settings(deadline=None, max_examples=25)
@given(
    shape=st.lists(st.integers(1, 4), max_size=2),
    n_vocab=st.integers(1, 9),
    temperature=st.sampled_from([0, 0.3, 1.0, 3.0]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.sampled_from([0.137, 0.3141, 0.618, 0.871, 1.0]),  # where no sums end
    min_p=st.floats(0, 1),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 9),
)
def test_beside_a_slow_loop(shape, n_vocab, temperature, top_k, top_p, min_p, dtype, seed):
    torch.manual_seed(seed)
    logits = torch.randint(-3, 4, (*shape, n_vocab)).to(dtype)  # ties are frequent
    before = logits.clone()
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    p = next_token_distribution(logits, **options)
    assert torch.equal(logits, before) and p.dtype == dtype and p.shape == logits.shape
    for row, expected in zip(p.reshape(-1, n_vocab), logits.reshape(-1, n_vocab).tolist(), strict=True):
        close(row.double(), slow_distribution(expected, **options))


def slow_distribution(logits, temperature, top_k, top_p, min_p):
    ranked = sorted(range(len(logits)), key=lambda i: -logits[i])
    if temperature == 0:
        return [float(i == ranked[0]) for i in range(len(logits))]
    mass = {i: math.exp((logits[i] - max(logits)) / temperature) for i in ranked[:top_k]}
    total, chosen, so_far = sum(mass.values()), {}, 0.0
    for i, m in mass.items():
        if top_p is not None and so_far / total >= top_p:
            break
        so_far += m
        chosen[i] = m
    largest = max(chosen.values())
    chosen = {i: m for i, m in chosen.items() if m >= min_p * largest}
    return [chosen.get(i, 0) / sum(chosen.values()) for i in range(len(logits))]


def test_half_precision_and_impossible_tokens():
    logits = torch.tensor([[2.0, -torch.inf, 1.0]]).bfloat16()
    p = next_token_distribution(logits, top_p=0.9)
    assert p.dtype == torch.bfloat16 and p[0, 1] == 0 and abs(p.sum() - 1) < 0.01
    many = next_token_distribution(torch.zeros(30_000).bfloat16(), top_p=0.5)
    assert abs(int((many > 0).sum()) - 15_000) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature must be 0 or a positive number; got -1"),
        ({"temperature": math.nan}, "temperature must be 0 or a positive number; got nan"),
        ({"temperature": math.inf}, "temperature must be 0 or a positive number; got inf"),
        ({"top_k": 0}, "top_k must be at least 1; got 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1; got 0.0"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1; got 1.5"),
        ({"min_p": -0.1}, "min_p must be from 0 to 1; got -0.1"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        next_token_distribution(torch.zeros(3), **options)


@pytest.mark.parametrize("wrong", [-math.inf, math.nan, math.inf])
def test_logits_without_a_finite_maximum(wrong):
    with pytest.raises(ValueError, match="finite maximum"):
        next_token_distribution(torch.stack([torch.zeros(3), torch.full((3,), wrong)]))


# ---- generate


class Coin(nn.Module):
    """Says the same distribution whatever came before."""

    max_n = 4

    def __init__(self, p):
        super().__init__()
        self.logits = torch.tensor(p).log()

    def forward(self, ids, caches=None):
        return self.logits.expand(*ids.shape, -1)


def test_what_is_drawn_is_the_distribution_by_counting():
    ids = torch.zeros(20_000, 1, dtype=torch.long)
    options = {"temperature": 0.5, "top_k": 3, "generator": torch.Generator().manual_seed(0)}
    drawn = generate(Coin([0.1, 0.4, 0.2, 0.3]), ids, 1, cached=False, **options)[:, 1]
    share = drawn.bincount(minlength=4) / len(drawn)
    expected = torch.tensor([0, 16 / 29, 4 / 29, 9 / 29])
    assert share[0] == 0
    assert ((share - expected).abs() < 5 * (expected * (1 - expected) / 20_000).sqrt() + 1e-9).all()


@pytest.mark.parametrize("scheme", ["learned", "rotary", "alibi"])
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_cached_generation_is_uncached(scheme, temperature):
    """Also beyond max_n, where the window starts afresh."""
    torch.manual_seed(0)
    model = GPT(11, 12, SMALL, scheme).double()
    ids = torch.randint(11, (3, 5))
    runs = [
        generate(model, ids, 20, temperature, generator=torch.Generator().manual_seed(1), cached=cached)
        for cached in (True, False)
    ]
    assert torch.equal(*runs) and runs[0].shape == (3, 25) and torch.equal(runs[0][:, :5], ids)


def test_greedy_generation_beside_a_loop():
    torch.manual_seed(0)
    model = GPT(11, 6, SMALL).double()
    ids = torch.randint(11, (1, 2))
    expected, start = ids, 0
    for _ in range(9):
        if expected.shape[1] - start > 6:
            start = expected.shape[1] - 3
        best = model(expected[:, start:])[:, -1].argmax(dim=-1)
        expected = torch.cat([expected, best[:, None]], dim=1)
    assert torch.equal(generate(model, ids, 9, temperature=0), expected)


def test_long_prompt_and_shortest_window():
    model = GPT(5, 3, SMALL).double()
    ids = torch.randint(5, (1, 8))
    torch.testing.assert_close(generate(model, ids, 2, 0), generate(model, ids, 2, 0, cached=False))
    assert generate(model, ids, 1, 0)[0, -1] == model(ids[:, -3:])[0, -1].argmax()
    assert generate(GPT(5, 1, SMALL), ids, 4).shape == (1, 12)
    assert torch.equal(generate(model, ids, 0), ids)


def test_generate_leaves_every_module_in_its_mode():
    model = GPT(5, 8, BlockConfig(d_model=8, n_heads=2, dropout=0.5))
    model.train()
    model.blocks.eval()
    ids = torch.zeros(1, 1, dtype=torch.long)
    first, second = generate(model, ids, 7, temperature=0), generate(model, ids, 7, temperature=0)
    assert torch.equal(first, second)  # no dropout
    assert model.training and model.dropout.training and not model.blocks.layers[0].training


def test_generate_bad_input():
    with pytest.raises(ValueError, match="n_new must be at least 0; got -1"):
        generate(GPT(5, 8, SMALL), torch.zeros(1, 1, dtype=torch.long), -1)
    with pytest.raises(ValueError, match="ids must be"):
        generate(GPT(5, 8, SMALL), torch.zeros(1, 0, dtype=torch.long), 1)


# ---- beam search

GREEDY_LOSES = {  # the likelier first word leads into a dead end
    (0,): {1: math.log(0.6), 2: math.log(0.4)},
    (0, 1): {3: math.log(0.4), 4: math.log(0.3), 5: math.log(0.3)},
    (0, 2): {3: math.log(0.9), 4: math.log(0.1)},
}


def test_greedy_loses_where_a_beam_wins():
    def logp(prefix):
        return GREEDY_LOSES.get(prefix, {9: 0.0})

    tokens, score = beam_search(logp, bos=0, eos=9, beam=1, max_len=5, alpha=0)
    assert tokens == [1, 3, 9] and math.isclose(score, math.log(0.24))
    tokens, score = beam_search(logp, bos=0, eos=9, beam=2, max_len=5, alpha=0)
    assert tokens == [2, 3, 9] and math.isclose(score, math.log(0.36))


def random_language(seed, n_vocab):
    """A distribution for every prefix, always the same one."""

    def logp(prefix):
        generator = torch.Generator().manual_seed(seed * 7919 + hash(prefix) % 100_003)
        values = torch.randn(n_vocab, generator=generator, dtype=torch.float64).log_softmax(dim=0)
        return dict(enumerate(values.tolist()))

    return logp


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), n_vocab=st.integers(2, 4), max_len=st.integers(1, 4), alpha=st.floats(0, 2))
def test_a_huge_beam_is_exhaustive_search(seed, n_vocab, max_len, alpha):
    logp, eos = random_language(seed, n_vocab), 1
    found = {}
    for length in range(1, max_len + 1):
        for tokens in itertools.product(range(n_vocab), repeat=length):
            whole = eos not in tokens[:-1] and (tokens[-1] == eos or length == max_len)
            if whole:
                total = sum(logp((0, *tokens[:i]))[token] for i, token in enumerate(tokens))
                found[tokens] = total / length**alpha
    tokens, score = beam_search(logp, 0, eos, beam=10_000, max_len=max_len, alpha=alpha)
    assert math.isclose(score, max(found.values())) and math.isclose(found[tuple(tokens)], score)


def test_a_finished_prefix_takes_its_place_only_once():
    """After eos took one of two places, the other prefix may fill both again."""
    steps = {
        (0,): {9: math.log(0.5), 1: math.log(0.3), 2: math.log(0.2)},
        (0, 1): {3: math.log(0.6), 4: math.log(0.4)},
        (0, 1, 4): {9: 0.0},
        (0, 1, 3): {5: math.log(0.5), 6: math.log(0.5)},
    }
    asked = []

    def logp(prefix):
        asked.append(prefix)
        return steps.get(prefix, {9: math.log(0.01)})

    tokens, _ = beam_search(logp, 0, 9, beam=2, max_len=3, alpha=3)
    assert (0, 2) not in asked and {(0, 1, 3), (0, 1, 4)} <= set(asked)
    assert tokens == [1, 4, 9]


def test_cut_prefixes_compete_as_they_are():
    def logp(prefix):
        return {1: math.log(0.9), 9: math.log(0.1)}

    assert beam_search(logp, 0, 9, beam=3, max_len=3, alpha=1)[0] == [1, 1, 1]
    tokens, score = beam_search(logp, 0, 9, beam=3, max_len=1, alpha=1)
    assert tokens == [1] and math.isclose(score, math.log(0.9))


def test_ties_go_to_the_earlier_candidate():
    def logp(prefix):
        return {5: -1.0, 3: -1.0, 9: -1.0}

    assert beam_search(logp, 0, 9, beam=1, max_len=2, alpha=0)[0] == [5, 5]
    assert beam_search(logp, 0, 9, beam=3, max_len=2, alpha=1)[0] == [9]  # finished before the others


@pytest.mark.parametrize(
    ("beam", "max_len", "message"),
    [(0, 3, "beam must be at least 1; got 0"), (2, 0, "at least 1 token; got 0")],
)
def test_beam_search_bad_input(beam, max_len, message):
    with pytest.raises(ValueError, match=message):
        beam_search(lambda prefix: {1: 0.0}, 0, 9, beam, max_len, 1.0)


def test_beam_search_with_nothing_to_choose():
    with pytest.raises(ValueError, match="must offer"):
        beam_search(lambda prefix: {}, 0, 9, 1, 3, 1.0)


# ---- translate


class Translator(nn.Module):
    """The smallest encoder-decoder; tokens are read in the type in which the model computes."""

    def __init__(self, n_vocab=7, max_n=9):
        super().__init__()
        self.embed, self.positions = nn.Embedding(n_vocab, 8), LearnedPositions(max_n, 8)
        self.encoder, self.decoder, self.head = Encoder(SMALL), Decoder(SMALL), nn.Linear(8, n_vocab)
        nn.init.normal_(self.head.weight)
        nn.init.constant_(self.head.bias, 0)
        self.head.bias.data[1] = 2.0  # so that some sentences end
        for layer in self.decoder.layers:  # so that the source matters, and which prefix a cache holds
            for matrix in (*layer.self_attn.children(), *layer.cross_attn.children()):
                nn.init.normal_(matrix.weight)

    def encode(self, source, keep):
        return self.encoder(self.positions(self.embed(source)), keep[:, None])

    def decode(self, ids, memory, keep, caches=None):
        start = 0 if caches is None else len(caches[0].own)
        y = self.positions(self.embed(ids), start)
        return self.head(self.decoder(y, memory, memory_mask=keep[:, None], caches=caches))

    def new_caches(self):
        return [DecoderCache() for _ in self.decoder.layers]


def one_by_one(model, source, keep, bos, eos, max_n, beam, alpha):
    """`beam_search` for each sentence on its own, without caches."""
    found = []
    for row, real in zip(source, keep, strict=True):
        memory = model.encode(row[None], real[None])

        def logp(prefix, memory=memory, real=real):
            logits = model.decode(torch.tensor([prefix]), memory, real[None])[0, -1]
            return dict(enumerate(logits.double().log_softmax(dim=0).tolist()))

        tokens, _ = beam_search(logp, bos, eos, beam, max_n, alpha)
        found.append(tokens[:-1] if tokens[-1] == eos else tokens)
    return found


@pytest.mark.parametrize(
    ("seed", "beam", "alpha", "max_n"),
    [(0, 1, 0.6, 6), (1, 2, 0.0, 6), (2, 3, 0.6, 6), (3, 9, 2.0, 5), (4, 3, 1.0, 1), (5, 2, 2.0, 6)],
)
@torch.no_grad()
def test_batched_search_is_beam_search_of_each_sentence(seed, beam, alpha, max_n):
    torch.manual_seed(seed)
    model = Translator().double().eval()
    source, keep = torch.randint(7, (3, 5)), torch.arange(5) < torch.tensor([[5], [3], [1]])
    found = translate(model, source, keep, 0, 1, max_n, beam, alpha)
    assert found == one_by_one(model, source, keep, 0, 1, max_n, beam, alpha)


@torch.no_grad()
def test_beam_1_is_greedy():
    torch.manual_seed(1)
    model = Translator().double().eval()
    source, keep = torch.randint(7, (6, 5)), torch.ones(6, 5, dtype=torch.bool)
    expected = []
    for row in source:
        ids = [0]
        while len(ids) <= 8 and (len(ids) == 1 or ids[-1] != 1):
            memory = model.encode(row[None], keep[:1])
            ids.append(int(model.decode(torch.tensor([ids]), memory, keep[:1])[0, -1].argmax()))
        expected.append([i for i in ids[1:] if i != 1])
    found = translate(model, source, keep, 0, 1, max_n=8)
    assert found == expected and len({len(tokens) for tokens in found}) > 1


@pytest.mark.parametrize("beam", [1, 3])
def test_translate_smallest_batch_and_bfloat16(beam):
    model = Translator().bfloat16().train()
    one = torch.zeros(1, 1, dtype=torch.long)
    found = translate(model, one, one == 0, 0, 1, max_n=4, beam=beam)
    assert len(found) == 1 and len(found[0]) <= 4 and 1 not in found[0]
    assert model.training


def test_no_step_after_every_sentence_is_done():
    """eos at once for all: one call of decode, however large max_n is."""
    model = Translator()
    with torch.no_grad():
        model.head.bias[1] = 1e4
    calls, decode = [], model.decode
    model.decode = lambda *args: calls.append(1) or decode(*args)
    source, keep = torch.zeros(3, 2, dtype=torch.long), torch.ones(3, 2, dtype=torch.bool)
    assert translate(model, source, keep, 0, 1, max_n=9, beam=2) == [[], [], []]
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam must be at least 1; got 0"),
        ({"max_n": 0}, "at least 1 token; got 0"),
        ({"alpha": -1.0}, "alpha must be at least 0; got -1.0"),
        ({"source": torch.zeros(0, 2, dtype=torch.long)}, "source must hold at least one row"),
    ],
)
def test_translate_bad_input(options, message):
    source = torch.zeros(1, 2, dtype=torch.long)
    given_ = {"source": source, "keep": source == 0, "bos": 0, "eos": 1, "max_n": 3} | options
    with pytest.raises(ValueError, match=message):
        translate(Translator(), **given_)
