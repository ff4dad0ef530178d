"""GPT: bad input, small input, types, what tying means."""

import pytest
import torch

from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.gpt import GPT

SMALL = BlockConfig(d_model=8, n_heads=2, d_hidden=8)
SCHEMES = ("learned", "sinusoidal", "rotary", "alibi", "relative", "none")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_types_and_smallest_input(scheme, dtype):
    model = GPT(5, 4, SMALL, scheme).to(dtype)
    logits, maps = model(torch.tensor([[3]]), return_weights=True)
    assert logits.shape == (1, 1, 5) and logits.dtype == dtype and logits.isfinite().all()
    assert [weights.shape for weights in maps] == [(1, 2, 1, 1)] * 2
    logits = model(torch.randint(5, (3, 4)))
    logits.sum().backward()
    assert logits.dtype == dtype and logits.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_int32_ids():
    model = GPT(5, 4, SMALL)
    ids = torch.tensor([[1, 2]])
    torch.testing.assert_close(model(ids.int()), model(ids))


def test_tied_saves_the_output_matrix_and_starts_with_moderate_logits():
    def n_parameters(model):
        return sum(parameter.numel() for parameter in model.parameters())

    own, tied = GPT(50, 4, SMALL), GPT(50, 4, SMALL, tied=True)
    assert n_parameters(own) - n_parameters(tied) == 50 * 8
    for scheme in SCHEMES:
        model = GPT(50, 20, BlockConfig(d_model=64), scheme, tied=True)
        assert 0.1 < model(torch.randint(50, (2, 20))).std() < 2


def test_dropout_is_off_in_eval():
    model = GPT(5, 4, BlockConfig(d_model=8, n_heads=2, dropout=0.5))
    ids = torch.tensor([[1, 2, 3]])
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_too_long(scheme):
    model = GPT(5, 4, SMALL, scheme)
    with pytest.raises(ValueError, match=r"5 tokens; max_n.* is 4"):
        model(torch.zeros(1, 5, dtype=torch.long))
    caches = model.new_caches()
    model(torch.zeros(1, 3, dtype=torch.long), caches)
    with pytest.raises(ValueError, match=r"5 tokens; max_n.* is 4"):
        model(torch.zeros(1, 2, dtype=torch.long), caches)
    assert [len(cache) for cache in caches] == [3, 3]  # nothing of the refused tokens was kept


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([[0, 5]]), "ids must hold ids from 0 to 4; got 5"),
        (torch.tensor([[0, -1]]), "ids must hold ids from 0 to 4; got -1"),
        (
            torch.zeros(0, 3, dtype=torch.long),
            r"ids must be ids \(B, n\), both at least 1; got the shape \(0, 3\)",
        ),
        (torch.zeros(2, 0, dtype=torch.long), r"got the shape \(2, 0\)"),
        (torch.tensor([0, 1]), r"got the shape \(2,\)"),
    ],
)
def test_bad_ids(ids, message):
    with pytest.raises(ValueError, match=message):
        GPT(5, 4, SMALL)(ids)


def test_bad_sizes():
    with pytest.raises(ValueError, match=r"positions must be learned, .*; got 'absolute'"):
        GPT(5, 4, SMALL, "absolute")
    with pytest.raises(ValueError, match="n_heads must divide d_model; got n_heads 3, d_model 8"):
        GPT(5, 4, BlockConfig(d_model=8, n_heads=3))
