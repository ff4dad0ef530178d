"""How long and how fast to learn: the recipe of a training, and the learning rate of each of its steps."""

import math
from dataclasses import dataclass, replace

SCHEDULES = ("linear", "cosine", "constant", "inverse_sqrt")


@dataclass(frozen=True)
class Recipe:
    """Everything a training needs to know besides the model, the batches and the loss.

    `lr` is the highest learning rate of AdamW, `muon_lr` that of Muon for the matrices of the blocks (None:
    AdamW learns them too). Both rise over `warmup` steps, then follow `schedule`: "linear" and "cosine" fall
    to the share `final` at the last step, "constant" stays, "inverse_sqrt" falls with the root of the step
    (2017). `clip` is the longest gradient, math.inf for none. Raises ValueError for what makes no sense.
    """

    steps: int
    lr: float = 3e-3
    muon_lr: float | None = None
    warmup: int = 20
    schedule: str = "linear"
    final: float = 0.02
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.01
    clip: float = 5.0

    def __post_init__(self) -> None:
        muon_lr = 1.0 if self.muon_lr is None else self.muon_lr
        _check(_is_count(self.steps) and self.steps >= 1, "steps", "a whole number from 1 on", self.steps)
        _check(0 < self.lr < math.inf, "lr", "above 0", self.lr)
        _check(0 < muon_lr < math.inf, "muon_lr", "above 0, or None", self.muon_lr)
        _check(self.schedule in SCHEDULES, "schedule", f"one of {', '.join(SCHEDULES)}", self.schedule)
        fits = _is_count(self.warmup) and 0 <= self.warmup < self.steps
        _check(fits, "warmup", f"a whole number of steps, fewer than the {self.steps} in all", self.warmup)
        _check(0 <= self.final <= 1, "final", "a share from 0 to 1", self.final)
        both = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        _check(both, "betas", "two numbers from 0 to below 1", self.betas)
        _check(0 <= self.weight_decay < math.inf, "weight_decay", "0 or more", self.weight_decay)
        _check(self.clip > 0, "clip", "above 0", self.clip)

    def shortened(self, share: float) -> "Recipe":
        """The same for a share of the steps and of the warm-up, 2 steps at least.

        >>> short = Recipe(1000, warmup=50).shortened(0.1)
        >>> short.steps, short.warmup
        (100, 5)
        """
        return replace(self, steps=max(2, round(self.steps * share)), warmup=round(self.warmup * share))


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _check(right: bool, name: str, expected: str, got: object) -> None:
    if not right:
        raise ValueError(f"{name} must be {expected}; got {got!r}")


def learning_rate(step: int, recipe: Recipe) -> float:
    """The learning rate of AdamW at a step; steps count from 1 to `recipe.steps`.

    >>> [round(learning_rate(step, Recipe(4, lr=1.0, warmup=2, final=0.2)), 4) for step in (1, 2, 3, 4)]
    [0.5, 1.0, 0.6, 0.2]
    """
    return recipe.lr * rate_share(step, recipe)


def rate_share(step: int, recipe: Recipe) -> float:
    """Which share of the highest learning rate a step gets, from 0 to 1; steps count from 1.

    It rises in equal stairs over the warm-up. Source: Vaswani et al. 2017, section 5.3 (warm-up and inverse
    root); Loshchilov and Hutter 2017, SGDR, section 3 (cosine).
    """
    if step < 1:
        raise ValueError(f"step must be 1 or more; got {step}")
    if step < recipe.warmup:
        return step / recipe.warmup
    if recipe.schedule == "inverse_sqrt":
        return math.sqrt(max(recipe.warmup, 1) / step)
    if recipe.schedule == "constant":
        return 1.0
    done = min(1.0, (step - recipe.warmup) / (recipe.steps - recipe.warmup))
    left = 1 - done if recipe.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    return recipe.final + (1 - recipe.final) * left


def warmup_rate(step: int, d_model: int, warmup: int, factor: float = 1.0) -> float:
    """The learning rate of the 2017 paper: a straight rise over `warmup` steps, then the inverse root.

    factor * d_model^-0.5 * min(step^-0.5, step * warmup^-1.5); step 0 is treated as step 1.
    Source: Vaswani et al. 2017, Attention Is All You Need, equation 3.

    >>> round(warmup_rate(4, d_model=4, warmup=4), 4)
    0.25
    """
    if step < 0 or d_model < 1 or warmup < 1:
        numbers = f"step {step}, d_model {d_model}, warmup {warmup}"
        raise ValueError(f"step must be 0 or more, d_model and warmup 1 or more; got {numbers}")
    step = max(step, 1)
    return factor * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
