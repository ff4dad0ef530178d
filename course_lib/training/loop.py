"""The one training loop of the course."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from course_lib.training.checkpoint import Generator, Run, load_run, save_run
from course_lib.training.history import History
from course_lib.training.optimisers import make_optimisers
from course_lib.training.progress import Progress
from course_lib.training.recipe import Recipe, rate_share


class NonFiniteError(ArithmeticError):
    """The loss or its gradient became infinite or nan; `history` has the steps before."""

    def __init__(self, what: str, number: float, step: int, rate: float, history: History) -> None:
        advice = "a smaller lr or a longer warmup may help"
        super().__init__(f"{what} is {number} at step {step}, with learning rate {rate:.2g}; {advice}")
        self.step, self.history = step, history


def train(
    model: nn.Module,
    batches: Callable[[int], Any] | Iterable,
    loss: Callable[[nn.Module, Any], Tensor],
    recipe: Recipe,
    *,
    evaluate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    record: Callable[[nn.Module], Mapping[str, ArrayLike]] | None = None,
    every: int | None = None,
    best: str | None = None,
    optimisers: Sequence[torch.optim.Optimizer] | None = None,
    generators: Sequence[Generator] = (),
    save_to: str | Path | None = None,
    resume_from: str | Path | None = None,
    label: str = "",
    quiet: bool = False,
) -> History:
    """Train a model by a recipe; it is left in evaluation mode.

    `batches` is a function of the step (from 1 on), a list to go round, or an iterator; `loss(model, batch)`
    gives a scalar. `evaluate(model)` gives scores by name, `record(model)` arrays by name (attention maps);
    both are asked before the first step, each `every` steps and after the last, without gradients and in
    evaluation mode. `best` names the score whose highest value (lowest, with "-" in front) chooses the
    weights that stay; None keeps the last. `optimisers` replace those of the recipe; their own rates then
    follow its schedule. `save_to` is written each `every` steps and at the end. `resume_from` goes on where
    such a file stopped: with the generators that draw the batches in `generators`, as if without a stop.
    Ctrl-C stops early and keeps the model and the history so far. `quiet` leaves no line behind.
    Raises ValueError for what does not fit, NonFiniteError when the loss or its gradient is no finite number.
    """
    _check_arguments(every, best, evaluate)
    draw = _drawer(batches, recipe.steps)
    optimisers = make_optimisers(model, recipe) if optimisers is None else optimisers
    run = Run(model, optimisers, generators, History())
    peaks = [[group["lr"] for group in optimiser.param_groups] for optimiser in run.optimisers]
    if resume_from is not None:
        load_run(resume_from, run, recipe)
    progress = Progress(recipe.steps, label, first=len(run.history))
    model.train()
    try:
        if len(run.history) == 0:
            _look(run, evaluate, record, best)
        for step in range(len(run.history) + 1, recipe.steps + 1):
            share = rate_share(step, recipe)
            _set_rates(run.optimisers, peaks, share)
            value = _one_step(run, loss, draw(step), recipe.clip, recipe.lr * share)
            progress.update(step, value)
            if step == recipe.steps or (every is not None and step % every == 0):
                _look(run, evaluate, record, best)
                if save_to is not None:
                    save_run(save_to, run, recipe)
        sentence = f"trained for {recipe.steps} steps."
    except KeyboardInterrupt:
        run.history.interrupted = True
        sentence = f"stopped at step {len(run.history)} of {recipe.steps}; model and history so far are kept."
    finally:
        _set_rates(run.optimisers, peaks, 1.0)
        model.eval()
    if run.best_weights is not None:
        model.load_state_dict(run.best_weights)
    if quiet:
        progress.clear()
    else:
        progress.close(sentence)
    return run.history


def _one_step(
    run: Run, loss: Callable[[nn.Module, Any], Tensor], batch: Any, clip: float, rate: float
) -> float:
    """Forward, backward, clip, update; returns the loss before the update."""
    value = loss(run.model, batch)
    if not isinstance(value, Tensor) or value.ndim != 0 or not value.requires_grad:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"loss must return a tensor of shape () that depends on the parameters; got {got}")
    _check_finite("the loss", value, rate, run.history)
    for optimiser in run.optimisers:
        optimiser.zero_grad()
    value.backward()
    learnt = [p for o in run.optimisers for group in o.param_groups for p in group["params"]]
    length = nn.utils.clip_grad_norm_(learnt, clip)
    _check_finite("the length of the gradient", length, rate, run.history)
    for optimiser in run.optimisers:
        optimiser.step()
    run.history.add_step(value.item(), rate)
    return value.item()


def _check_finite(what: str, number: Tensor, rate: float, history: History) -> None:
    if not math.isfinite(number.item()):
        raise NonFiniteError(what, number.item(), len(history) + 1, rate, history)


def _set_rates(optimisers: Sequence[torch.optim.Optimizer], peaks: list[list[float]], share: float) -> None:
    """Every group of parameters gets the same share of its own highest learning rate."""
    for optimiser, rates in zip(optimisers, peaks, strict=True):
        for group, peak in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = peak * share


def _look(run: Run, evaluate: Callable | None, record: Callable | None, best: str | None) -> None:
    """Take the scores and the maps of the model as it is now, and keep its weights if they are the best."""
    run.model.eval()
    with torch.no_grad():
        if record is not None:
            run.history.add_maps(record(run.model))
        if evaluate is not None:
            run.history.add_scores(evaluate(run.model))
    run.model.train()
    if best is not None:
        _keep_if_best(run, best)


def _keep_if_best(run: Run, best: str) -> None:
    name = best.removeprefix("-")
    if name not in run.history.scores:
        raise ValueError(f"best must be one of the scores {sorted(run.history.scores)}; got {best!r}")
    score = run.history.scores[name][-1] * (-1 if best.startswith("-") else 1)
    if score > run.best_score:
        run.best_score = float(score)
        run.best_weights = {name: W.detach().clone() for name, W in run.model.state_dict().items()}


def _check_arguments(every: int | None, best: str | None, evaluate: Callable | None) -> None:
    if every is not None and (not isinstance(every, int) or every < 1):
        raise ValueError(f"every must be a number of steps, 1 or more; got {every!r}")
    if best is not None and evaluate is None:
        raise ValueError(f"best names a score of evaluate, which is missing; got {best!r}")


def _drawer(batches: Callable[[int], Any] | Iterable, steps: int) -> Callable[[int], Any]:
    """`batches` as a function of the step."""
    if callable(batches):
        return batches
    if isinstance(batches, Sequence):
        if len(batches) == 0:
            raise ValueError("batches must hold at least one batch; it is empty")
        return lambda step: batches[(step - 1) % len(batches)]
    stream = _endless(batches)

    def following(step: int) -> Any:
        try:
            return next(stream)
        except StopIteration:
            raise ValueError(f"batches must last for {steps} steps; they ended before step {step}") from None

    return following


def _endless(batches: Iterable) -> Iterator:
    """Round and round, if it can be begun again: an iterator cannot, and neither can what is empty."""
    if isinstance(batches, Iterator):
        yield from batches
        return
    while True:
        none = True
        for batch in batches:
            none = False
            yield batch
        if none:
            return
