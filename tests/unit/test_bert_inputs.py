"""BERT: padding, pooling, bad input, and files that are not the published weights."""

import pytest
import torch
from safetensors.torch import save_file

from course_lib.transformer.bert import (
    Bert,
    BertForClassification,
    BertForMaskedWords,
    load_minilm,
    mean_pool,
    sentence_embedding,
)
from course_lib.transformer.blocks import BlockConfig

SMALL = BlockConfig(d_model=8, n_heads=2, d_hidden=8, pre_norm=False, activation="gelu", eps=1e-12)
IDS = torch.tensor([[1, 2, 3, 4], [4, 3, 0, 0], [0, 0, 0, 0]])
KEEP = torch.tensor([[True] * 4, [True, True, False, False], [False] * 4])


@pytest.fixture
def bert():
    torch.manual_seed(0)
    return Bert(5, 6, SMALL).double().eval()


def heads(bert):
    return [
        BertForMaskedWords(bert),
        BertForClassification(bert, 3),
        BertForClassification(bert, 3, pooling="cls"),
    ]


def test_what_stands_in_the_padding_does_not_matter(bert):
    other = torch.where(KEEP, IDS, 4)
    torch.testing.assert_close(bert(IDS, KEEP)[KEEP], bert(other, KEEP)[KEEP])
    shorter = bert(IDS[1:2, :2], KEEP[1:2, :2])
    torch.testing.assert_close(bert(IDS, KEEP)[1:2, :2], shorter)
    torch.testing.assert_close(sentence_embedding(bert, IDS, KEEP), sentence_embedding(bert, other, KEEP))
    for head in heads(bert)[1:]:
        torch.nn.init.normal_(head.head.weight)
        head.double().eval()
        torch.testing.assert_close(head(IDS, KEEP)[:2], head(other, KEEP)[:2])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_nothing_but_padding_gives_no_nan(bert, dtype):
    for head in heads(bert):
        head.to(dtype)
        out = head(IDS, KEEP)
        out.sum().backward()
        assert out.dtype == dtype and out.isfinite().all()
        assert all(p.grad.isfinite().all() for p in head.parameters() if p.grad is not None)
    e = sentence_embedding(bert, IDS, KEEP)
    assert e.dtype == dtype and torch.equal(e[2], torch.zeros_like(e[2]))


def test_batch_and_length_1(bert):
    one = torch.tensor([[True]])
    assert bert(IDS[:1, :1], one).shape == (1, 1, 8)
    _, maps = bert(IDS[:1, :1], one, return_weights=True)
    assert [weights.shape for weights in maps] == [(1, 2, 1, 1)] * 2


def test_both_sides_are_seen(bert):
    later = IDS.clone()
    later[0, 3] = 0
    assert not torch.allclose(bert(IDS, KEEP)[0, 0], bert(later, KEEP)[0, 0])


def test_mean_pool_and_length_of_embeddings(bert):
    hidden = torch.randn(3, 4, 8)
    pooled = mean_pool(hidden, KEEP)
    torch.testing.assert_close(pooled[0], hidden[0].mean(dim=0))
    torch.testing.assert_close(pooled[1], (hidden[1, 0] + hidden[1, 1]) / 2)
    torch.testing.assert_close(pooled[2], torch.zeros(8))
    lengths = sentence_embedding(bert, IDS, KEEP).norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([1, 1, 0]).double())


def test_classification_starts_at_zero_and_learns_through_both_poolings(bert):
    for head in heads(bert)[1:]:
        head.double()
        out = head(IDS[:2], KEEP[:2])
        assert torch.equal(out, torch.zeros_like(out))
        (out * torch.randn_like(out)).sum().backward()
        assert head.head.weight.grad.abs().sum() > 0


def test_cls_pooling_reads_the_first_token_and_mean_all(bert):
    mean, cls = (BertForClassification(bert, 3, pooling=name).double().eval() for name in ("mean", "cls"))
    for head in (mean, cls):
        torch.nn.init.ones_(head.head.weight)
    hidden = bert(IDS, KEEP)
    torch.testing.assert_close(cls(IDS, KEEP)[:, 0], hidden[:, 0].sum(dim=1))
    torch.testing.assert_close(mean(IDS, KEEP)[1, 0], hidden[1, :2].mean(dim=0).sum())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: b(IDS, KEEP[:, :3]), r"keep must be bool .* = \(3, 4\), .*; got torch.bool \(3, 3\)"),
        (lambda b: b(IDS, KEEP.long()), r"keep must be bool .* = \(3, 4\), .*; got torch.int64"),
        (lambda b: b(IDS + 1, KEEP), "ids must hold ids from 0 to 4; got 5"),
        (lambda b: b(IDS, KEEP, IDS), "token_types must hold ids from 0 to 1; got 4"),
        (lambda b: b(IDS, KEEP, IDS[:1]), r"token_types must have the shape of ids, \(3, 4\); got \(1, 4\)"),
        (lambda b: b(IDS.repeat(1, 2), KEEP.repeat(1, 2)), "8 tokens; max_n.* is 6"),
        (lambda b: b(IDS[:0], KEEP[:0]), r"ids must be ids \(B, n\), both at least 1"),
        (lambda b: BertForClassification(b, 2, pooling="max"), "pooling must be 'mean' or 'cls'; got 'max'"),
        (lambda b: mean_pool(torch.randn(2, 3, 4), KEEP), r"keep must be bool .* = \(2, 3\)"),
    ],
)
def test_bad_input(bert, call, message):
    with pytest.raises(ValueError, match=message):
        call(bert)


def test_files_that_are_not_minilm(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_minilm(path)
    save_file({"embeddings.word_embeddings.weight": torch.zeros(3, 2)}, path)
    with pytest.raises(
        ValueError, match=r"lacks blocks.layers.0.ffn.W_1.bias.* and 97 more, which the model"
    ):
        load_minilm(path)
    with pytest.raises(ValueError, match="SHA-256"):
        load_minilm(path, sha256="0" * 64)
