"""BERT beside the BertModel of transformers: random weights in float64, the published weights in float32."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForMaskedLM, BertModel

from course_lib.data import archives
from course_lib.data.minilm import load_minilm
from course_lib.transformer.bert import MINILM, Bert, BertForMaskedWords, published_names, sentence_embedding
from course_lib.transformer.blocks import BlockConfig

EXACT = {"rtol": 1e-9, "atol": 1e-9}
SMALL = BlockConfig(
    d_model=12, n_heads=3, d_hidden=20, n_layers=2, pre_norm=False, activation="gelu", eps=1e-12
)
THEIR_SMALL = BertConfig(
    vocab_size=17,
    hidden_size=12,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=20,
    max_position_embeddings=9,
    pad_token_id=None,  # else the first row of the table would get no gradient
    attn_implementation="eager",
)
SENTENCES = [
    "The hungry cows near the dog are eating grass.",
    "Attention!",
    "She said that the café in São Paulo, which opened in 1987, never closed before 2 a.m.",
    "A man is playing the guitar.",
]


def randomise(model: torch.nn.Module) -> None:
    """Norms and biases too, which start at 1 and 0."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)


def copy(ours: Bert, theirs: BertModel) -> None:
    state = theirs.state_dict()
    for own, published in published_names(2).items():
        ours.get_parameter(own).data.copy_(state[published])
    assert len(published_names(2)) == len(list(ours.parameters()))


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    keep = torch.arange(7) < torch.tensor([[7], [4], [1]])
    return torch.randint(17, (3, 7)), keep, torch.randint(2, (3, 7))


def assert_same_maps(ours, theirs, keep, **tolerance):
    """Rows of real tokens; torch's softmax over nothing but padding is something else."""
    assert len(ours) == len(theirs)
    for own, other in zip(ours, theirs, strict=True):
        rows = keep[:, None, :, None].expand_as(own)
        torch.testing.assert_close(own[rows], other[rows], **tolerance)


def test_random_weights():
    theirs, ours = BertModel(THEIR_SMALL, add_pooling_layer=False).eval(), Bert(17, 9, SMALL).eval()
    randomise(theirs)
    copy(ours, theirs)
    ids, keep, types = batch()
    hidden, maps = ours(ids, keep, types, return_weights=True)
    out = theirs(ids, attention_mask=keep.long(), token_type_ids=types, output_attentions=True)
    torch.testing.assert_close(hidden[keep], out.last_hidden_state[keep], **EXACT)
    torch.testing.assert_close(ours(ids, keep, types)[keep], hidden[keep], **EXACT)
    assert_same_maps(maps, out.attentions, keep, **EXACT)

    weights = torch.randn(hidden[keep].shape)
    (ours(ids, keep, types)[keep] * weights).sum().backward()
    (out.last_hidden_state[keep] * weights).sum().backward()
    their_grads = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for own, published in published_names(2).items():
        torch.testing.assert_close(ours.get_parameter(own).grad, their_grads[published], **EXACT)


def test_token_types_default_to_segment_0():
    ours = Bert(17, 9, SMALL).eval()
    randomise(ours)
    ids, keep, _ = batch()
    torch.testing.assert_close(ours(ids, keep), ours(ids, keep, torch.zeros_like(ids)), **EXACT)


def test_masked_words():
    theirs, ours = BertForMaskedLM(THEIR_SMALL).eval(), BertForMaskedWords(Bert(17, 9, SMALL)).eval()
    randomise(theirs)
    copy(ours.bert, theirs.bert)
    head = theirs.cls.predictions
    with torch.no_grad():
        ours.transform.load_state_dict(head.transform.dense.state_dict())
        ours.norm.gamma.copy_(head.transform.LayerNorm.weight)
        ours.norm.beta.copy_(head.transform.LayerNorm.bias)
        ours.bias.copy_(head.bias)
    ids, keep, types = batch()
    logits = ours(ids, keep, types)
    out = theirs(ids, attention_mask=keep.long(), token_type_ids=types)
    torch.testing.assert_close(logits[keep], out.logits[keep], **EXACT)

    labels = torch.where(keep, torch.randint(17, ids.shape), -100)
    for result in (logits, out.logits):
        torch.nn.functional.cross_entropy(result.flatten(0, 1), labels.flatten()).backward()
    torch.testing.assert_close(  # the table serves twice: both ways reach it
        ours.bert.embed.weight.grad, theirs.bert.embeddings.word_embeddings.weight.grad, **EXACT
    )
    torch.testing.assert_close(ours.transform.weight.grad, head.transform.dense.weight.grad, **EXACT)


@pytest.fixture
def minilm():
    """Both models with the published weights, in float32, and the tokenizer."""
    if not archives.is_present(archives.MINILM) and not os.environ.get("CI"):
        pytest.skip("the MiniLM weights are not in the cache: `python course.py lab` fetches them")
    torch.set_default_dtype(torch.float32)
    ours, tokenizer = load_minilm()
    folder = archives.folder_of(archives.MINILM)
    config = BertConfig(**json.loads((folder / "config.json").read_text()), attn_implementation="eager")
    theirs = BertModel(config).eval()
    lost = theirs.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert not lost.missing_keys and set(lost.unexpected_keys) <= {"embeddings.position_ids"}
    return ours, theirs, tokenizer


@torch.no_grad()
def test_published_weights(minilm):
    ours, theirs, tokenizer = minilm
    encoded = tokenizer.encode_batch(SENTENCES)
    ids, keep = torch.tensor(encoded.ids), torch.tensor(encoded.keep)
    assert not keep.all()
    hidden, maps = ours(ids, keep, return_weights=True)
    out = theirs(ids, attention_mask=keep.long(), output_attentions=True)
    torch.testing.assert_close(hidden[keep], out.last_hidden_state[keep], rtol=0, atol=1e-5)
    torch.testing.assert_close(ours(ids, keep)[keep], out.last_hidden_state[keep], rtol=0, atol=1e-5)
    assert_same_maps(maps, out.attentions, keep, rtol=0, atol=1e-5)
    assert len(maps) == MINILM.n_layers == 6 and maps[0].shape[1] == 12

    masked = out.last_hidden_state * keep[..., None]  # as sentence-transformers pools
    mean = masked.sum(dim=1) / keep.sum(dim=1, keepdim=True)
    expected = mean / mean.norm(dim=1, keepdim=True)
    torch.testing.assert_close(sentence_embedding(ours, ids, keep), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_pair_of_segments(minilm):
    ours, theirs, tokenizer = minilm
    encoded = tokenizer.encode_batch(["Who sings?", "Where?"], ["A bird in the tree.", "Nobody knows."])
    ids, keep, types = (torch.tensor(x) for x in (encoded.ids, encoded.keep, encoded.type_ids))
    assert types.max() == 1
    out = theirs(ids, attention_mask=keep.long(), token_type_ids=types)
    torch.testing.assert_close(ours(ids, keep, types)[keep], out.last_hidden_state[keep], rtol=0, atol=1e-5)


@torch.no_grad()
def test_alike_sentences_are_near(minilm):
    model, _, tokenizer = minilm
    encoded = tokenizer.encode_batch(
        ["A man is playing a guitar.", "Someone plays music.", "The stock market fell sharply."]
    )
    e = sentence_embedding(model, torch.tensor(encoded.ids), torch.tensor(encoded.keep))
    similarity = e @ e.T
    torch.testing.assert_close(similarity.diagonal(), torch.ones(3))
    assert similarity[0, 1] > 0.5 and similarity[0, 2] < 0.1 and similarity[1, 2] < 0.1
