"""What residual, norm and feed-forward do for a stack of blocks: lengths, differences, gradients by layer.

Nothing is trained: 6 random tokens of 16 numbers pass through up to 24 blocks with random matrices.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import whole
from course_lib.explorers.base import Explorer, Flag, Number
from course_lib.explorers.training_replay import encoded
from course_lib.palette import GRID, INK, QUIET

DEPTH, TOKENS, SIZE, HIDDEN = 24, 6, 16, 64
NORMS = ("none", "pre", "post")
SETTINGS = tuple(product((False, True), NORMS, (False, True)))  # residual, norm, feed_forward
ALIKE = 0.05  # the tokens count as nearly alike below this share of their length

Back = Callable[[np.ndarray], np.ndarray]


# ------------------------------------------------------------------ one pass forwards, one back


def attention_part(x: np.ndarray, matrices: dict[str, np.ndarray]) -> tuple[np.ndarray, Back]:
    """Self-attention with one head (n, d) -> (n, d), and what turns gradients (..., n, d) into those of x."""
    W = [matrices[name] for name in ("W_Q", "W_K", "W_V")]
    parts = [x @ matrix.T for matrix in W]
    mixed, _ = by_hand.scaled_dot_product_attention(*parts)

    def back(d_output: np.ndarray) -> np.ndarray:
        each = (np.broadcast_to(part, d_output.shape) for part in parts)
        gradients = by_hand.scaled_dot_product_attention_backward(*each, d_output @ matrices["W_O"])
        return sum((g @ matrix for g, matrix in zip(gradients, W, strict=True)), np.zeros(()))

    return mixed @ matrices["W_O"].T, back


def feed_forward_part(x: np.ndarray, matrices: dict[str, np.ndarray]) -> tuple[np.ndarray, Back]:
    """The feed-forward network of each token, without biases, and its way back."""
    hidden = x @ matrices["W_1"].T
    zeros = np.zeros(HIDDEN), np.zeros(SIZE)
    output = by_hand.feed_forward(x, matrices["W_1"], zeros[0], matrices["W_2"], zeros[1])

    def back(d_output: np.ndarray) -> np.ndarray:
        return ((d_output @ matrices["W_2"]) * (hidden > 0)) @ matrices["W_1"]

    return output, back


def normalised(x: np.ndarray) -> tuple[np.ndarray, Back]:
    """Layer norm as it is before training (gamma 1, beta 0), and its way back."""
    gamma = np.ones(SIZE)

    def back(d_output: np.ndarray) -> np.ndarray:
        return by_hand.layer_norm_backward(np.broadcast_to(x, d_output.shape), gamma, d_output)[0]

    return by_hand.layer_norm(x, gamma, np.zeros(SIZE)), back


def around(
    part: Callable, x: np.ndarray, matrices: dict, residual: bool, norm: str
) -> tuple[np.ndarray, Back]:
    """One part of a block with its norm and its residual: x + f(norm(x)), norm(x + f(x)) or without."""
    inside, back_norm = normalised(x) if norm == "pre" else (x, lambda g: g)
    y, back_part = part(inside, matrices)
    y = x + y if residual else y
    y, back_after = normalised(y) if norm == "post" else (y, lambda g: g)

    def back(d_output: np.ndarray) -> np.ndarray:
        d_output = back_after(d_output)
        d_inside = back_norm(back_part(d_output))
        return d_output + d_inside if residual else d_inside

    return y, back


@cache
def blocks(seed: int) -> tuple[np.ndarray, list[dict[str, np.ndarray]], np.ndarray]:
    """Tokens (n, d), the matrices of 24 blocks, and the gradient (n, d) that arrives at the last output.

    Entries are normal, so scaled that a matrix keeps the length of a random vector (before relu: twice the
    variance). The tokens have length sqrt(d) = 4, the gradient has length 1 for each token.
    """
    rng = np.random.default_rng(seed)
    shapes = {name: (SIZE, SIZE) for name in ("W_Q", "W_K", "W_V", "W_O")}
    shapes |= {"W_1": (HIDDEN, SIZE), "W_2": (SIZE, HIDDEN)}
    gain = {"W_1": 2.0}
    layers = [
        {name: rng.standard_normal(s) * (gain.get(name, 1.0) / s[1]) ** 0.5 for name, s in shapes.items()}
        for _ in range(DEPTH)
    ]
    x, gradient = rng.standard_normal((2, TOKENS, SIZE))
    x *= SIZE**0.5 / np.linalg.norm(x, axis=1, keepdims=True)
    gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
    return x, layers, gradient


def run(
    seed: int, residual: bool, norm: str, feed_forward: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths and differences (25,) after 0 to 24 blocks; gradients (24, 25): row D - 1 is for D blocks.

    The backward passes of all depths go through a block together, as one batch.
    """
    x, layers, gradient = blocks(seed)
    states, backs = [x], []
    for matrices in layers:
        parts = (attention_part, feed_forward_part) if feed_forward else (attention_part,)
        for part in parts:
            x, back = around(part, x, matrices, residual, norm)
            backs.append(back)
        states.append(x)
    per_block = len(backs) // DEPTH
    sizes = np.zeros((DEPTH, DEPTH + 1))
    batch = np.zeros((0, TOKENS, SIZE))
    for layer in range(DEPTH, 0, -1):
        batch = np.concatenate([gradient[None], batch])  # depth `layer` begins here, deeper ones pass through
        sizes[layer - 1, layer] = 1.0
        for back in reversed(backs[per_block * (layer - 1) : per_block * layer]):
            batch = back(batch)
        sizes[layer - 1 :, layer - 1] = root_mean(batch)
    all_states = np.array(states)
    centred = all_states - all_states.mean(axis=1, keepdims=True)
    return root_mean(all_states), root_mean(centred) / root_mean(all_states), sizes


def root_mean(vectors: np.ndarray) -> np.ndarray:
    """Root of the mean squared length of the tokens' vectors (..., n, d) -> (...,)."""
    return np.sqrt((vectors**2).sum(axis=-1).mean(axis=-1))


@cache
def all_runs(seed: int) -> dict[str, np.ndarray]:
    """Of every setting: lengths and differences (12, 25), gradients (12, 24, 25), float32."""
    lengths, differences, gradients = zip(*(run(seed, *setting) for setting in SETTINGS), strict=True)
    runs = {"lengths": lengths, "differences": differences, "gradients": gradients}
    return {name: np.array(values, dtype="<f4") for name, values in runs.items()}


# ------------------------------------------------------------------ the explorer


class NormPlace(traitlets.TraitType):
    """Where the layer norm stands: none, pre or post."""

    def validate(self, owner, value):
        if value not in NORMS:
            raise ValueError(f"norm must be one of 'none', 'pre', 'post'; got {value!r:.40}")
        return value


class BlockExplorer(Explorer):
    """The parts of a block that are switched on, and how many blocks are stacked."""

    FAMILY = "block"
    TITLE = "Is attention the whole Transformer?"

    residual = Flag(False).tag(sync=True, state=True)
    norm = NormPlace("none").tag(sync=True, state=True)
    feed_forward = Flag(False).tag(sync=True, state=True)
    depth = Number(12, low=1, high=DEPTH, whole=True).tag(sync=True, state=True)

    def __init__(self, seed: int, **more):
        self._seed = seed
        best = self._best()
        self.CHALLENGE = (
            f"Stack 24 blocks whose tokens still differ by more than {still.num(best, 1)} "
            "and whose first block gets between 0.05 and 50 times the gradient of the output.",
            f"blocks > 23.5 and difference > {best:.1f} and gradient > 0.05 and gradient < 50",
        )
        super().__init__(fixed={"seed": seed} if seed else {}, **more)

    def _best(self) -> float:
        """A bound on the difference after 24 blocks that the best setting passes, with one decimal."""
        runs = all_runs(self._seed)
        gradients = runs["gradients"][:, -1, 0]
        fine = runs["differences"][(gradients > 0.05) & (gradients < 50), -1]
        return float(np.ceil(10 * fine.max()) / 10 - 0.1)

    # -- results

    def compute(self) -> dict:
        runs, d = all_runs(self._seed), self.depth
        at = SETTINGS.index((self.residual, self.norm, self.feed_forward))
        lengths = runs["lengths"][at, : d + 1].astype(float)
        differences = runs["differences"][at, : d + 1].astype(float)
        gradients = runs["gradients"][at, d - 1, : d + 1].astype(float)
        return {
            "blocks": d,
            "lengths": lengths,
            "differences": differences,
            "gradients": gradients,
            "length": float(lengths[-1]),
            "difference": float(differences[-1]),
            "gradient": float(gradients[0]),
        }

    @property
    def lengths(self) -> np.ndarray:
        """Root mean square length of the tokens' vectors after 0, 1, ... blocks (depth + 1,)."""
        return self.compute()["lengths"]

    @property
    def differences(self) -> np.ndarray:
        """How far the tokens are from their mean, as a share of their length, after 0, 1, ... blocks."""
        return self.compute()["differences"]

    @property
    def gradients(self) -> np.ndarray:
        """Length of the gradient after 0, 1, ... blocks; 1 at the output (depth + 1,)."""
        return self.compute()["gradients"]

    # -- words

    def words(self, results: Mapping) -> str:
        blocks = "1 block" if self.depth == 1 else f"{self.depth} blocks"
        parts = "attention and feed-forward" if self.feed_forward else "attention alone"
        norm = "no norm" if self.norm == "none" else f"{self.norm}-norm"
        alike = results["difference"] < ALIKE
        return (
            f"{blocks} of {parts}, {'with' if self.residual else 'no'} residual, {norm}: "
            f"the vectors' length goes from 4 to {said(results['length'])}, "
            f"the tokens {'have become nearly alike' if alike else 'still differ'} "
            f"({still.num(results['difference'])} of their length), "
            f"and the first block gets {said(results['gradient'])} times the gradient of the output."
        )

    def presets(self) -> dict[str, dict]:
        def setting(residual, norm, feed_forward):
            return {"residual": residual, "norm": norm, "feed_forward": feed_forward, "depth": 12}

        return {
            "Attention alone": setting(False, "none", False),
            "With residual": setting(True, "none", False),
            "Post-norm (2017)": setting(True, "post", True),
            "Pre-norm": setting(True, "pre", True),
        }

    def prediction(self) -> dict:
        lost = all_runs(self._seed)["differences"][SETTINGS.index((False, "none", False))]
        first = int(np.argmax(lost < ALIKE))
        why = (
            "Each token becomes a weighted mean over all tokens, and a mean of means differs less and less: "
            f"after {first} blocks the differences are under 5 % of the length."
        )
        choices = ["They stay as different as they were", "They become alike", "Their lengths explode"]
        return {
            "question": "6 random tokens pass through 12 blocks of attention alone: no residual, no norm, "
            "no feed-forward, nothing trained. What becomes of the 6 vectors?",
            "choices": choices,
            "answer": choices[1],
            "right": why,
            "wrong": {
                choices[0]: f"Nothing keeps them apart. {why}",
                choices[2]: f"That is what residuals without a norm do. Here, {why[0].lower()}{why[1:]}",
            },
            "then": self.presets()["Attention alone"],
        }

    def facts(self) -> dict:
        return {name: encoded(values) for name, values in all_runs(self._seed).items()}

    # -- still picture

    def still(self, results: Mapping) -> str:
        parts = []
        for x, name, title, last in (
            (20, "lengths", "Length of the vectors", -1),
            (245, "differences", "Difference between tokens", -1),
            (470, "gradients", "Gradient", 0),
        ):
            parts += still_curve(x, title, results[name], last, linear=name == "differences")
        return still.picture(680, 232, self.TITLE, self.words(results), *parts)


def still_curve(x: float, title: str, values: np.ndarray, last: int, linear: bool) -> list[str]:
    """One curve over the blocks; lengths and gradients on a scale of powers of ten."""
    logs = np.asarray(values) if linear else np.log10(np.maximum(values, 1e-12))
    low, high = (0.0, 1.0) if linear else (min(-1.0, np.floor(logs.min())), max(2.0, np.ceil(logs.max())))
    left, width, top, floor = x + 36.0, 140.0, 40.0, 190.0

    def at(b):
        return left + width * b / DEPTH

    def up(v):
        return floor - (floor - top) * (v - low) / (high - low)

    points = " ".join(f"{at(b):.2f},{up(v):.2f}" for b, v in enumerate(logs))
    end = len(logs) - 1 if last else 0
    parts = [still.text(x, 14, title, bold=True), still.line(left, floor, left + width, floor)]
    for v in (low, high):
        words = still.num(v, 0) if linear else power(int(v))
        parts += [
            still.text(left - 6, up(v) + 4, words, "end", QUIET, size=12),
            still.line(left, up(v), left + width, up(v), GRID),
        ]
    parts.append(still.element("polyline", points=points, fill="none", stroke=INK, stroke_width=2))
    parts.append(still.element("circle", cx=at(end), cy=up(logs[end]), r=5, fill=INK))
    parts += [
        still.text(at(b), floor + 18, f"{b}" if b else "block 0", "middle", QUIET, size=12)
        for b in (0, 12, 24)
    ]
    return parts


def power(exponent: int) -> str:
    """A power of ten as one writes it on an axis."""
    if -3 < exponent < 4:
        return f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:.{-exponent}f}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def said(value: float) -> str:
    """A positive number as a person would say it."""
    if value >= 999_500:
        return f"{still.num(value / 1e6, 1)} million"
    if value >= 999.5:
        whole_number = still.num(value, 0)
        return f"{whole_number[:-3]},{whole_number[-3:]}"
    if value >= 99.95:
        return still.num(value, 0)
    if value >= 9.995:
        return still.num(value, 1)
    return still.num(value) if value >= 0.005 else "less than 0.01"


# ------------------------------------------------------------------ the factory


def block_explorer(
    residual: bool = False,
    norm: str = "none",
    feed_forward: bool = False,
    depth: int = 12,
    seed: int = 0,
    preset: str | None = None,
    predict: bool = True,
) -> BlockExplorer:
    """Switch the parts of a Transformer block on and off, stack 1 to 24; see what becomes of the tokens.

    `norm` is 'none', 'pre' (before each part) or 'post' (after the residual). 6 random tokens of 16 numbers,
    one head, feed-forward of 64, random matrices from `seed`, nothing trained.
    Results: .lengths, .differences, .gradients after 0, 1, ... blocks (depth + 1,). ValueError names the
    argument. Source: Dong, Cordonnier and Loukas 2021, Attention is Not All You Need, section 2; Xiong et al.
    2020, On Layer Normalization in the Transformer Architecture, section 3.
    """
    seed = whole("seed", seed, 0, 2**63)
    return BlockExplorer(
        seed,
        residual=residual,
        norm=norm,
        feed_forward=feed_forward,
        depth=depth,
        preset=preset,
        predict=predict,
    )
