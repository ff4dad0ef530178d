"""The training loop and its parts: what they refuse, and what must hold for any model."""

import contextlib
import json
import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.training import (
    History,
    Muon,
    NonFiniteError,
    Recipe,
    block_matrices,
    learning_rate,
    loop,
    make_optimisers,
    newton_schulz,
    progress,
    smoothed_cross_entropy,
    train,
    warmup_rate,
)
from course_lib.training.checkpoint import save_run
from course_lib.training.recipe import rate_share
from course_lib.transformer.blocks import BlockConfig, Encoder
from course_lib.transformer.checkpoints import save_checkpoint

SIZES = BlockConfig(d_model=8, n_heads=2, d_hidden=16, n_layers=2, dropout=0.2)


class Reader(nn.Module):
    """A small model with everything that a checkpoint must keep: blocks, dropout, a tied output."""

    def __init__(self, seed=0, dtype=torch.float64, config=SIZES):
        super().__init__()
        torch.manual_seed(seed)
        self.embed = nn.Embedding(5, config.d_model)
        self.blocks = Encoder(config)
        self.output = nn.Linear(config.d_model, 5, bias=False)
        self.output.weight = self.embed.weight
        self.to(dtype)

    def forward(self, ids):
        return self.output(self.blocks(self.embed(ids)))


def copying_loss(model, ids):
    return smoothed_cross_entropy(model(ids), ids, pad=0)


def weights_of(model):
    return {name: W.detach().clone() for name, W in model.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


IDS = torch.tensor([[1, 2, 3], [4, 1, 2]])
RECIPE = Recipe(8, muon_lr=0.03, warmup=2)


# The recipe


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("steps", 2.5),
        ("steps", True),
        ("lr", 0.0),
        ("lr", math.nan),
        ("muon_lr", -0.1),
        ("warmup", 100),
        ("warmup", -1),
        ("schedule", "exponential"),
        ("final", 1.5),
        ("betas", (0.9, 1.0)),
        ("weight_decay", -0.1),
        ("clip", 0),
    ],
)
def test_a_recipe_names_what_is_wrong_with_it(name, value):
    with pytest.raises(ValueError, match=name):
        Recipe(**({"steps": 100} | {name: value}))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "inverse_sqrt"])
def test_rates_rise_over_the_warmup_and_never_after_it(schedule):
    recipe = Recipe(100, lr=0.5, warmup=10, schedule=schedule)
    rates = [learning_rate(step, recipe) for step in range(1, 101)]
    assert np.allclose(np.diff(rates[:10]), 0.05) and rates[9] == 0.5
    assert (np.diff(rates[9:]) <= 0).all()
    assert rates[-1] == pytest.approx({"constant": 0.5, "inverse_sqrt": 0.5 * 0.1**0.5}.get(schedule, 0.01))


def test_without_warmup_the_first_step_is_not_zero():
    for schedule in ("linear", "cosine", "constant", "inverse_sqrt"):
        assert rate_share(1, Recipe(5, warmup=0, schedule=schedule)) > 0.7
    with pytest.raises(ValueError, match="step must be 1 or more"):
        rate_share(0, Recipe(5, warmup=0))


@pytest.mark.parametrize(("share", "steps", "warmup"), [(1, 1000, 50), (0.1, 100, 5), (0.0001, 2, 0)])
def test_a_shortened_recipe_keeps_all_else(share, steps, warmup):
    recipe = Recipe(1000, lr=0.1, muon_lr=0.02, warmup=50, schedule="cosine", clip=1.0)
    short = recipe.shortened(share)
    assert (short.steps, short.warmup) == (steps, warmup)
    assert replace(short, steps=1000, warmup=50) == recipe


def test_the_rate_of_2017():
    assert warmup_rate(0, 512, 4000) == warmup_rate(1, 512, 4000)
    assert warmup_rate(4000, 512, 4000) == pytest.approx(512**-0.5 * 4000**-0.5)
    assert warmup_rate(16000, 512, 4000, factor=2.0) == pytest.approx(warmup_rate(4000, 512, 4000))
    recipe = Recipe(50, lr=warmup_rate(10, 64, 10), warmup=10, schedule="inverse_sqrt")
    for step in range(1, 51):
        assert learning_rate(step, recipe) == pytest.approx(warmup_rate(step, 64, 10))
    for arguments in ((-1, 64, 10), (1, 0, 10), (1, 64, 0)):
        with pytest.raises(ValueError, match="got step"):
            warmup_rate(*arguments)


# The loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_no_real_token_costs_nothing_and_teaches_nothing(smoothing, dtype):
    logits = torch.randn(2, 3, 5, dtype=dtype, requires_grad=True)
    loss = smoothed_cross_entropy(logits, torch.full((2, 3), -100), pad=-100, smoothing=smoothing)
    loss.backward()
    assert loss.item() == 0 and loss.dtype == dtype
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_what_stands_at_the_padding_does_not_matter():
    logits = torch.randn(2, 3, 5, dtype=torch.float64)
    targets = torch.tensor([[1, 0, 0], [2, 3, 0]])
    expected = smoothed_cross_entropy(logits, targets, pad=0, smoothing=0.1)
    logits[targets == 0] = torch.nan
    logits.requires_grad_()
    found = smoothed_cross_entropy(logits, targets, pad=0, smoothing=0.1)
    assert torch.equal(found, expected)
    found.backward()
    assert torch.equal(logits.grad[targets == 0], torch.zeros(3, 5, dtype=torch.float64))


def test_an_impossible_token_is_no_nan():
    logits = torch.tensor([[0.0, -torch.inf, 0.0]])
    assert smoothed_cross_entropy(logits, torch.tensor([2]), pad=-1).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("shape", "targets", "smoothing", "words"),
    [
        ((2, 5), [[1, 2]], 0.0, r"targets \(1, 2\), logits \(2, 5\)"),
        ((2, 5), [1, 5], 0.0, "n_vocab - 1 = 4, or pad; got 1 to 5"),
        ((2, 5), [1, -2], 0.0, "got -2 to 1"),
        ((2, 5), [1, 2], 1.5, "smoothing must be from 0 to 1"),
    ],
)
def test_the_loss_refuses(shape, targets, smoothing, words):
    with pytest.raises(ValueError, match=words):
        smoothed_cross_entropy(torch.zeros(shape), torch.tensor(targets), pad=0, smoothing=smoothing)


# Muon


@pytest.mark.parametrize("shape", [(1, 7, 7), (3, 5, 11), (2, 11, 5), (1, 1, 1)])
def test_newton_schulz_makes_every_direction_equally_strong(shape):
    G = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 100
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    found = U.mT @ newton_schulz(G, steps=10) @ Vh.mT
    strengths = found.diagonal(dim1=-2, dim2=-1)
    assert ((strengths > 0.65) & (strengths < 1.25)).all()  # and the directions are the same:
    assert torch.allclose(found, torch.diag_embed(strengths), atol=1e-9)


def test_newton_schulz_of_nothing_is_nothing():
    assert torch.equal(newton_schulz(torch.zeros(1, 3, 4)), torch.zeros(1, 3, 4))


def test_muon_does_matrices_together_as_it_does_them_alone():
    shapes = [(4, 4), (8, 4), (4, 4), (4, 8)]
    generator = torch.Generator().manual_seed(0)
    together = [nn.Parameter(torch.randn(s, generator=generator, dtype=torch.float64)) for s in shapes]
    alone = [nn.Parameter(W.detach().clone()) for W in together]
    optimisers = [Muon(together), *(Muon([W]) for W in alone)]
    for _ in range(3):
        for W, V in zip(together, alone, strict=True):
            W.grad = torch.randn(W.shape, generator=generator, dtype=torch.float64)
            V.grad = W.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for W, V in zip(together, alone, strict=True):
        assert torch.allclose(W, V, atol=1e-12)


def test_muon_takes_matrices_alone_and_leaves_those_without_gradient():
    with pytest.raises(ValueError, match=r"got shape \(3,\)"):
        Muon([nn.Parameter(torch.zeros(3))])
    W = nn.Parameter(torch.ones(2, 2))
    Muon([W]).step()
    assert torch.equal(W, torch.ones(2, 2))


def test_which_parameters_muon_learns():
    model = Reader()
    model.tables = nn.ModuleList([nn.Embedding(3, 8), nn.LayerNorm(8)])
    chosen = {id(W) for W in block_matrices(model)}
    names = {name for name, W in model.named_parameters() if id(W) in chosen}
    assert len(names) == 2 * 6 and all(name.startswith("blocks.layers") for name in names)
    assert all(name.endswith("weight") and "norm" not in name for name in names)
    model.blocks.layers[0].requires_grad_(False)
    assert len(block_matrices(model)) == 6
    adam, muon = make_optimisers(model, RECIPE)
    counts = [sum(p.numel() for p in o.param_groups[0]["params"]) for o in (adam, muon)]
    assert sum(counts) == sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_optimisers_need_something_to_learn():
    with pytest.raises(ValueError, match="muon_lr is for linear maps inside"):
        make_optimisers(nn.Linear(3, 3), RECIPE)
    with pytest.raises(ValueError, match="it has none"):
        make_optimisers(nn.ReLU(), Recipe(30))


# The loop


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_learns_and_the_history_says_how(dtype, capsys):
    model = Reader(dtype=dtype, config=BlockConfig(d_model=8, n_heads=2, d_hidden=16, n_layers=1))
    scores = lambda model: {"loss": copying_loss(model, IDS).item()}  # noqa: E731
    maps = lambda model: {"map": model.blocks(model.embed(IDS), return_weights=True)[1][0]}  # noqa: E731
    history = train(model, [IDS], copying_loss, Recipe(40, lr=0.02), evaluate=scores, record=maps, every=15)
    assert history.loss.shape == history.lr.shape == history.steps.shape == (40,)
    assert history.loss[-1] < history.loss[0] / 3
    assert history.score_steps.tolist() == history.map_steps.tolist() == [0, 15, 30, 40]
    assert history.scores["loss"][0] == pytest.approx(history.loss[0], rel=1e-6)
    assert history.scores["loss"][1] == pytest.approx(history.loss[15], rel=1e-6)
    assert history.maps["map"].shape == (4, 2, 2, 3, 3)
    assert capsys.readouterr().out == "Trained for 40 steps.\n"
    assert not history.interrupted and repr(history) == "History(steps=40, scores=['loss'], maps=['map'])"


def test_dropout_is_on_in_steps_and_off_in_looks():
    seen = []

    def loss(model, ids):
        seen.append(("step", model.training, torch.is_grad_enabled()))
        return copying_loss(model, ids)

    def evaluate(model):
        seen.append(("look", model.training, torch.is_grad_enabled()))
        return {"nothing": 0.0}

    model = Reader().eval()
    train(model, [IDS], loss, Recipe(3, warmup=1), evaluate=evaluate, every=2, quiet=True)
    step, look = ("step", True, True), ("look", False, False)
    assert seen == [look, step, step, look, step, look]
    assert not model.training


def test_batches_may_come_in_four_ways():
    drawn = {}
    pool = [torch.full((1, 2), token) for token in (1, 2, 3)]

    class Pool:
        def __iter__(self):
            return iter(pool)

    ways = {
        "function": lambda step: pool[(step - 1) % 3],
        "list": pool,
        "iterator": iter(pool * 2),
        "iterable": Pool(),
    }
    for way, batches in ways.items():
        drawn[way] = []

        def loss(model, ids, way=way):
            drawn[way].append(int(ids[0, 0]))
            return copying_loss(model, ids)

        train(Reader(), batches, loss, Recipe(5, warmup=1), quiet=True)
    assert set(map(tuple, drawn.values())) == {(1, 2, 3, 1, 2)}


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([], "it is empty"),
        (iter([]), "must last for 8 steps; they ended before step 1"),
        (iter([IDS] * 3), "ended before step 4"),
        ({}.values(), "ended before step 1"),
    ],
)
def test_too_few_batches(batches, words):
    with pytest.raises(ValueError, match=words):
        train(Reader(), batches, copying_loss, RECIPE)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"every": 0}, "every must be a number of steps, 1 or more; got 0"),
        ({"best": "loss"}, "evaluate, which is missing"),
        (
            {"best": "acc", "evaluate": lambda model: {"loss": 0.0}},
            r"one of the scores \['loss'\]; got 'acc'",
        ),
        ({"resume_from": "nowhere.safetensors"}, "nowhere.safetensors"),
    ],
)
def test_the_loop_refuses(more, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        train(Reader(), [IDS], copying_loss, RECIPE, **more)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda model, ids: 0.5, "got float"),
        (lambda model, ids: model(ids).sum(-1), r"got shape \(2, 3\)"),
        (lambda model, ids: torch.tensor(0.5), r"depends on the parameters; got shape \(\)"),
    ],
)
def test_a_loss_that_is_none(loss, words):
    with pytest.raises(ValueError, match=words):
        train(Reader(), [IDS], loss, RECIPE)


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_a_loss_that_is_not_finite_stops_before_it_spoils_the_weights(bad):
    model, before = Reader(), {}

    def loss(model, step):
        if step < 4:
            return copying_loss(model, IDS)
        before.update(weights_of(model))
        zero = (model.embed.weight * 0).sum()
        return zero * math.inf if bad == "loss" else (zero + 1e-320).sqrt() * 0 + torch.sqrt(zero)

    with pytest.raises(NonFiniteError, match=f"{bad} is (nan|inf) at step 4") as caught:
        train(model, lambda step: step, loss, RECIPE)
    assert len(caught.value.history) == 3 and caught.value.step == 4
    assert_same(weights_of(model), before)
    assert not model.training


def test_control_c_keeps_the_model_and_the_history(capsys):
    model = Reader()

    def loss(model, step):
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return copying_loss(model, IDS)

    start = weights_of(model)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has none
    history = train(model, lambda step: step, loss, RECIPE, label="reader")
    signal.signal(signal.SIGINT, handler)
    assert len(history) == 4 and history.interrupted and not model.training
    assert not torch.equal(start["embed.weight"], model.embed.weight)
    line = "Reader: stopped at step 4 of 8; model and history so far are kept.\n"
    assert capsys.readouterr().out == line


def test_the_best_weights_stay():
    scores, kept = iter([0.1, 0.5, 0.3, 0.5, 0.2]), []

    def evaluate(model):
        kept.append(weights_of(model))
        return {"score": next(scores)}

    model = Reader()
    train(model, [IDS], copying_loss, RECIPE, evaluate=evaluate, every=2, best="score", quiet=True)
    assert_same(weights_of(model), kept[1])
    scores, kept = iter([0.4, 0.5, 0.3, 0.5, 0.2]), []
    train(model, [IDS], copying_loss, RECIPE, evaluate=evaluate, every=2, best="-score", quiet=True)
    assert_same(weights_of(model), kept[4])


def test_own_optimisers_follow_the_schedule_each_from_its_own_rate():
    model, seen = Reader(), []
    rates = {model.output: 0.5, model.blocks: 0.1}
    optimiser = torch.optim.SGD({"params": part.parameters(), "lr": lr} for part, lr in rates.items())

    def loss(model, ids):
        seen.append([group["lr"] for group in optimiser.param_groups])
        return copying_loss(model, ids)

    history = train(model, [IDS], loss, Recipe(4, lr=1.0, warmup=2), optimisers=[optimiser], quiet=True)
    assert np.allclose(seen, history.lr[:, None] * [0.5, 0.1])
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 0.1]


def test_long_gradients_are_clipped():
    def moved(clip):
        model = Reader(config=BlockConfig(d_model=8, n_heads=2, n_layers=1))
        start = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
        loss = lambda model, ids: 1000 * copying_loss(model, ids)  # noqa: E731
        recipe = Recipe(1, warmup=0, schedule="constant", clip=clip)
        optimisers = [torch.optim.SGD(model.parameters(), lr=1.0)]
        train(model, [IDS], loss, recipe, optimisers=optimisers, quiet=True)
        return (torch.cat([p.detach().flatten() for p in model.parameters()]) - start).norm().item()

    assert moved(0.25) == pytest.approx(0.25, rel=1e-5)
    assert moved(math.inf) > 100


# Checkpoints


def full_training(model, generators, best, **more):
    """Batches from a torch and a NumPy generator, dropout, both optimisers, scores, the best weights."""
    torch_generator, rng = generators

    def batch(step):
        return torch.randint(1, 5, (3, 4), generator=torch_generator) % int(rng.integers(2, 6))

    evaluate = lambda model: {"loss": copying_loss(model, IDS).item()}  # noqa: E731
    record = lambda model: {"embeddings": model.embed.weight[:2]}  # noqa: E731
    options = {"evaluate": evaluate, "record": record, "every": 3, "best": best, "quiet": True}
    return train(model, batch, copying_loss, RECIPE, generators=generators, **options, **more)


def new_generators(seed):
    return torch.Generator().manual_seed(seed), np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("best", ["-loss", "loss", None])  # the last weights, the first ones, no choice
def test_a_resumed_training_is_bit_by_bit_one_without_a_stop(tmp_path, best):
    whole = Reader()
    expected = full_training(whole, new_generators(1), best)
    path = tmp_path / "part.safetensors"
    model, generators = Reader(), new_generators(1)

    def save_and_stop(*given):
        save_run(*given)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "save_run", save_and_stop)
        assert len(full_training(model, generators, best, save_to=path)) == 3

    resumed = Reader(seed=99)
    found = full_training(resumed, new_generators(98), best, resume_from=path)
    assert_same(weights_of(resumed), weights_of(whole))
    assert not found.interrupted
    for name, values in expected.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], values, err_msg=name)


def test_a_finished_training_has_nothing_left_to_do(tmp_path):
    model = Reader()
    path = tmp_path / "done.safetensors"
    history = train(model, [IDS], copying_loss, RECIPE, save_to=path, quiet=True)
    again = Reader(seed=5)
    assert len(train(again, [IDS], copying_loss, RECIPE, resume_from=path, quiet=True)) == len(history)
    assert_same(weights_of(again), weights_of(model))
    assert again.output.weight is again.embed.weight
    assert [file.name for file in tmp_path.iterdir()] == ["done.safetensors"]


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(Reader(), [IDS], copying_loss, RECIPE, save_to=path, quiet=True)

    def resume(model=None, recipe=RECIPE, path=path, **more):
        return train(model or Reader(), [IDS], copying_loss, recipe, resume_from=path, quiet=True, **more)

    with pytest.raises(ValueError, match=r"lr 0\.003 there, 0\.5 here"):
        resume(recipe=Recipe(8, lr=0.5, muon_lr=0.03, warmup=2))
    with pytest.raises(ValueError, match="another model"):
        resume(Reader(config=BlockConfig(d_model=4, n_heads=2, n_layers=2)))
    with pytest.raises(ValueError, match=r"must be the 0 of the checkpoint .* got 1"):
        resume(generators=[np.random.default_rng(0)])
    with pytest.raises(ValueError, match=r"optimisers must be those"):
        model = Reader()
        resume(model, optimisers=[torch.optim.SGD(model.parameters(), lr=0.1)])
    save_checkpoint(tmp_path / "weights.safetensors", Reader(), {})
    with pytest.raises(ValueError, match="no checkpoint of a training"):
        resume(path=tmp_path / "weights.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"broken\.safetensors"):
        resume(path=broken)


def test_generators_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    rng, generator = np.random.default_rng(0), torch.Generator()
    train(Reader(), [IDS], copying_loss, RECIPE, generators=[rng], save_to=path, quiet=True)
    with pytest.raises(ValueError, match=r"generators\[0\] is of another kind .* got Generator"):
        train(Reader(), [IDS], copying_loss, RECIPE, generators=[generator], resume_from=path, quiet=True)


# The history


def test_a_history_survives_its_file(tmp_path):
    history = History()
    history.add_scores({"accuracy": 0.25})
    history.add_step(1.5, 0.1)
    history.add_maps({"head 0": np.eye(2, dtype=np.float32), "head 1": torch.ones(2, 3)})
    history.save(tmp_path / "history.safetensors")
    found = History.load(tmp_path / "history.safetensors")
    assert found.arrays().keys() == history.arrays().keys() and not found.interrupted
    for name, values in history.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], values)
    found.add_scores({"accuracy": 0.5})
    assert found.scores["accuracy"].tolist() == [0.25, 0.5] and found.score_steps.tolist() == [0, 1]


def test_a_history_refuses_what_does_not_go_with_the_rest(tmp_path):
    history = History()
    history.add_scores({"accuracy": 0.25})
    history.add_maps({"map": np.eye(2)})
    with pytest.raises(ValueError, match=r"each time, \{'accuracy': \(\)\}; got \{'loss': \(\)\}"):
        history.add_scores({"loss": 0.25})
    with pytest.raises(ValueError, match=r"each time, \{'map': \(2, 2\)\}; got \{'map': \(3, 3\)\}"):
        history.add_maps({"map": np.eye(3)})
    assert history.score_steps.tolist() == [0] and history.maps["map"].shape == (1, 2, 2)
    with pytest.raises(ValueError, match="lacks"):
        History.from_arrays({"loss": np.zeros(3)})
    (tmp_path / "other").write_text("hello")
    with pytest.raises(ValueError, match="saved History"):
        History.load(tmp_path / "other")


def test_a_rounded_history_is_read_back_to_its_digits():
    history = History()
    history.add_step(1 / 3, 0.01)
    history.add_scores({"exact": 2 / 3})
    history.add_maps({"map": np.full((2, 2), 1 / 7, np.float32)})
    lists = json.loads(json.dumps(history.rounded(digits=5, map_digits=2)))
    assert lists["loss"] == [0.33333] and lists["scores/exact"] == [0.66667]
    assert lists["maps/map"] == [[[0.14, 0.14], [0.14, 0.14]]]
    again = History.from_arrays({name: np.array(values) for name, values in lists.items()})
    assert len(again) == 1 and not again.interrupted and again.maps["map"].shape == (1, 2, 2)


# What is shown


def test_the_moving_line_is_replaced_by_the_fixed_one(monkeypatch, capsys):
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    monkeypatch.setattr(progress.time, "monotonic", iter(range(100)).__next__)
    train(Reader(), [IDS], copying_loss, Recipe(3, warmup=1), label="reader")
    *moving, last = capsys.readouterr().out.split("\r")
    assert len(moving) == 3 and moving[0].startswith("reader: step 1 of 3, loss ")
    assert all("about" in line and "\n" not in line for line in moving)
    assert last.rstrip(" \n") == "Reader: trained for 3 steps." and len(last) > len(moving[-1])


def test_a_quiet_training_leaves_an_empty_line(monkeypatch, capsys):
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    monkeypatch.setattr(progress.time, "monotonic", iter(range(100)).__next__)
    train(Reader(), [IDS], copying_loss, Recipe(3, warmup=1), quiet=True)
    *moving, blank, last = capsys.readouterr().out.split("\r")
    assert len(moving) == 3 and moving[-1].strip() and last == ""
    assert blank.isspace() and "\n" not in blank and len(blank) >= max(map(len, moving))


def test_a_built_notebook_stores_the_final_line_alone(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    code = (
        "import time\n"
        "from course_lib.training.progress import Progress\n"
        "line = Progress(3)\n"
        "for step in (1, 2, 3):\n"
        "    time.sleep(0.25); line.update(step, 1.0)\n"
        "line.close('trained for 3 steps.')"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    with contextlib.chdir(tmp_path):
        nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    assert [output["text"] for output in notebook.cells[0].outputs] == ["Trained for 3 steps.\n"]
