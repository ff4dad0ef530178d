"""The loss, the schedules, Muon and the loop agree with PyTorch's own in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim import lr_scheduler

from course_lib.training import Muon, Recipe, learning_rate, newton_schulz, smoothed_cross_entropy, train
from course_lib.training.optimisers import block_matrices
from course_lib.transformer.blocks import BlockConfig, Encoder

ATOL = 1e-9


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 7)),
    smoothing=st.sampled_from([0.0, 0.1, 0.7, 1.0]),
    pad=st.sampled_from([-100, 0, 99]),
    seed=st.integers(0, 1000),
)
def test_smoothed_cross_entropy(sizes, smoothing, pad, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(sizes, generator=generator, dtype=torch.float64)
    targets = torch.randint(sizes[-1], sizes[:-1], generator=generator)
    targets[torch.rand(sizes[:-1], generator=generator) < 0.4] = pad
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found = smoothed_cross_entropy(ours, targets, pad, smoothing)
    if (targets == pad).all():  # torch answers nan
        assert found.item() == 0
        return
    expected = F.cross_entropy(
        theirs.flatten(0, 1), targets.flatten(), ignore_index=pad, label_smoothing=smoothing
    )
    torch.testing.assert_close(found, expected, atol=ATOL, rtol=0)
    found.backward(), expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=ATOL, rtol=0)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules(schedule):
    recipe = Recipe(50, lr=0.3, warmup=10, schedule=schedule, final=0.1)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    rise = lr_scheduler.LinearLR(optimiser, start_factor=0.1, end_factor=1.0, total_iters=9)
    if schedule == "linear":
        fall = lr_scheduler.LinearLR(optimiser, start_factor=1.0, end_factor=0.1, total_iters=40)
    else:
        fall = lr_scheduler.CosineAnnealingLR(optimiser, T_max=40, eta_min=0.03)
    both = lr_scheduler.SequentialLR(optimiser, [rise, fall], milestones=[9])
    for step in range(1, 51):
        assert learning_rate(step, recipe) == pytest.approx(both.get_last_lr()[0], abs=ATOL)
        optimiser.step(), both.step()


@pytest.fixture
def exact_muon(monkeypatch):
    """torch.optim.Muon with its matrices in float64: it makes them bfloat16 first."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    return torch.optim.Muon


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_muon(exact_muon, weight_decay):
    shapes = [(5, 5), (5, 5), (10, 5), (5, 10), (7, 3)]
    ours, theirs = ([nn.Parameter(W.clone()) for W in map(torch.ones, shapes)] for _ in range(2))
    options = {"lr": 0.02, "momentum": 0.9, "weight_decay": weight_decay}
    optimisers = Muon(ours, **options), exact_muon(theirs, **options)
    for _ in range(5):
        for W, V in zip(ours, theirs, strict=True):
            W.grad = torch.randn(W.shape)
            V.grad = W.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for W, V in zip(ours, theirs, strict=True):
        torch.testing.assert_close(W, V, atol=ATOL, rtol=0)


def test_newton_schulz_in_bfloat16_is_torchs():
    from torch.optim._muon import _zeropower_via_newtonschulz

    for shape in ((6, 6), (4, 9), (9, 4)):
        G = torch.randn(shape)
        theirs = _zeropower_via_newtonschulz(G, (3.4445, -4.7750, 2.0315), 5, 1e-7)
        torch.testing.assert_close(newton_schulz(G[None])[0], theirs.double(), atol=0.05, rtol=0)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 8)
        self.blocks = Encoder(BlockConfig(d_model=8, n_heads=2, d_hidden=16, n_layers=2))
        self.output = nn.Linear(8, 5)

    def forward(self, ids):
        return self.output(self.blocks(self.embed(ids)))


def test_the_loop_is_the_one_that_everybody_writes(exact_muon):
    """Clip, AdamW for some, Muon for others, a schedule: written with torch's parts, step by step."""
    ours, theirs = Tagger(), Tagger()
    theirs.load_state_dict(ours.state_dict())
    batches = [torch.randint(5, (3, 4)) for _ in range(3)]
    recipe = Recipe(12, lr=0.01, muon_lr=0.03, warmup=4, clip=0.5, weight_decay=0.1)

    matrices = block_matrices(theirs)
    others = [p for p in theirs.parameters() if all(p is not W for W in matrices)]
    optimisers = [
        torch.optim.AdamW(others, lr=0.01, betas=(0.9, 0.95), weight_decay=0.1),
        exact_muon(matrices, lr=0.03, weight_decay=0.1),
    ]
    share = lambda i: (i + 1) / 4 if i < 4 else 1 - 0.98 * (i - 3) / 8  # noqa: E731
    schedules = [lr_scheduler.LambdaLR(optimiser, share) for optimiser in optimisers]
    losses = []
    for i in range(12):
        ids = batches[i % 3]
        loss = F.cross_entropy(theirs(ids).flatten(0, 1), ids.flatten())
        losses.append(loss.item())
        theirs.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        for part in (*optimisers, *schedules):
            part.step()

    loss = lambda model, ids: smoothed_cross_entropy(model(ids), ids, pad=-100)  # noqa: E731
    history = train(ours, batches, loss, recipe, quiet=True)
    assert history.loss.tolist() == pytest.approx(losses, abs=ATOL)
    for W, V in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(W, V, atol=ATOL, rtol=0)
