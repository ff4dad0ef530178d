"""Changes of fine-tuning in a small file: exact when the rank suffices, the nearest otherwise."""

import pytest
import torch
from torch import nn

from course_lib.transformer.low_rank import add_changes, low_rank_changes


@pytest.fixture
def tuned():
    """A model, and the same with a change of rank 2 in one matrix, a new bias, and a head of two rows."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(11, 13), nn.Linear(13, 2)).double()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = {name: tensor.clone() for name, tensor in before.items()}
    after["0.weight"] += torch.randn(13, 2).double() @ torch.randn(2, 11).double()
    after["0.bias"] += 1
    after["1.weight"] += torch.randn(2, 13).double()
    return model, before, after


def test_a_change_of_low_rank_comes_back_exactly(tuned):
    model, before, after = tuned
    changes = low_rank_changes(before, after, rank=2)
    assert set(changes) == {"0.weight.left", "0.weight.right", "0.bias", "1.weight"}  # 1.bias is as it was
    add_changes(model, changes)
    assert all(torch.allclose(tensor, after[name]) for name, tensor in model.state_dict().items())


def test_a_lower_rank_is_the_nearest_and_a_higher_one_nearer(tuned):
    _, before, after = tuned
    change = after["0.weight"] - before["0.weight"]
    changes = low_rank_changes(before, after, rank=1)
    left, right = changes["0.weight.left"], changes["0.weight.right"]
    assert left.shape == (13, 1) and right.shape == (1, 11)
    second = torch.linalg.svdvals(change)[1]
    assert torch.isclose((change - left @ right).norm(), second)  # Eckart and Young: what is left out


def test_half_precision_is_added_in_the_models_own(tuned):
    model, before, after = tuned
    changes = {name: change.half() for name, change in low_rank_changes(before, after, 2).items()}
    add_changes(model, changes)
    assert model[0].weight.dtype == torch.float64
    assert torch.allclose(model[0].weight, after["0.weight"], atol=1e-2)


def test_what_does_not_fit_is_named(tuned):
    model, before, after = tuned
    with pytest.raises(ValueError, match="rank must be at least 1; got 0"):
        low_rank_changes(before, after, 0)
    with pytest.raises(ValueError, match=r"0\.weight must keep its shape"):
        low_rank_changes(before, after | {"0.weight": torch.zeros(3, 3)}, 1)
    with pytest.raises(ValueError, match=r"differ in the names \['2'\]"):
        low_rank_changes(before, after | {"2": torch.zeros(1)}, 1)
    with pytest.raises(ValueError, match="does not have: x"):
        add_changes(model, {"x": torch.zeros(1)})
