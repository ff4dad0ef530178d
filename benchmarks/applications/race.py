"""What reverse and sort share: how many steps and CPU seconds a model needs until it solves a task."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.tasks import Task
from course_lib.training import History, Recipe, smoothed_cross_entropy, train

GOAL = 0.99
NOT_ASKED = -1


def race(
    model: nn.Module, recipe: Recipe, draw: Callable[[], Task], test: Task, every: int, whole: bool = False
) -> dict[str, float | None]:
    """Train on what `draw` draws; the step and the CPU seconds from which on 99 % of the test are right.

    Looked at each `every` steps, which the seconds leave out; with `whole` an example counts when all of its
    tokens are right.
    """
    inputs, targets = tensors(test)
    spent = {"looking": 0.0, "start": time.process_time()}

    def evaluate(model: nn.Module) -> dict[str, float]:
        now = time.process_time()
        right = (model(inputs).argmax(-1) == targets) | (targets == NOT_ASKED)
        score = right.all(dim=-1).double().mean() if whole else right[targets != NOT_ASKED].double().mean()
        seconds = now - spent["start"] - spent["looking"]
        spent["looking"] += time.process_time() - now
        return {"accuracy": score.item(), "seconds": seconds}

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return smoothed_cross_entropy(model(batch[0]), batch[1], NOT_ASKED)

    batches = iter(lambda: tensors(draw()), None)
    return first_good(train(model, batches, loss, recipe, evaluate=evaluate, every=every, quiet=True))


def tensors(task: Task) -> tuple[Tensor, Tensor]:
    """Inputs and targets (examples, n); NOT_ASKED where the answer does not count."""
    targets = np.where(task.keep, task.targets, NOT_ASKED)
    return torch.from_numpy(task.inputs), torch.from_numpy(targets)


def first_good(history: History) -> dict[str, float | None]:
    """Step and CPU seconds from which on every look found the goal reached; None if the last did not."""
    bad = np.flatnonzero(history.scores["accuracy"] < GOAL)
    first = bad[-1] + 1 if len(bad) else 0
    if first == len(history.score_steps):
        return {"steps": None, "seconds": None}
    return {
        "steps": int(history.score_steps[first]),
        "seconds": round(history.scores["seconds"][first], 3),
    }
