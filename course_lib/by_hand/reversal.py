"""Attention that learns to reverse a sequence, with no gradient but the ones derived by hand (lesson 05).

Two models. `tables_step`: the queries and keys are the parameters themselves. `projections_step`: tokens and
positions are embedded, and W_Q, W_K, W_V, W_O make queries, keys, values and the answer from them.
Both take one-hot tokens (B, n, n_vocab) and return (loss, gradients, scores of the answer, weights).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from course_lib.by_hand.attention import (
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from course_lib.by_hand.layers import linear_backward
from course_lib.by_hand.normalise import log_sum_exp, softmax

Arrays = dict[str, np.ndarray]
NAMES = ("tokens", "positions", "W_Q", "W_K", "W_V", "W_O")
Step = Callable[[Arrays, np.ndarray], tuple[float, Arrays, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Replay:
    """One training run, step by step. Entry s was seen on fresh sequences after s updates.

    losses (steps,) in nats; accuracies (steps,), the share of tokens that are right; maps (steps, n, n), the
    weights of the output places (rows) for the input places, mean over the batch; parameters by name.
    """

    losses: Float[np.ndarray, " steps"]
    accuracies: Float[np.ndarray, " steps"]
    maps: Float[np.ndarray, "steps n n"]
    parameters: Arrays


def learn_tables(
    n: int = 8,
    d: int = 8,
    n_vocab: int = 10,
    B: int = 16,
    steps: int = 25,
    learning_rate: float = 5.0,
    seed: int = 0,
) -> Replay:
    """Learn to reverse n tokens with the tables Q and K (n, d) alone, by plain gradient descent.

    The rate looks large because the loss is a mean over n tokens: each row of Q gets 1/n of the gradient.
    """
    rng = np.random.default_rng(seed)
    tables = {"Q": rng.standard_normal((n, d)), "K": rng.standard_normal((n, d))}

    def descend(tables: Arrays, gradients: Arrays) -> None:
        for name in tables:
            tables[name] -= learning_rate * gradients[name]

    return _learn(tables_step, tables, descend, lambda: _draw(rng, B, n, n_vocab), steps)


def tables_step(
    tables: Arrays, one_hot: Float[np.ndarray, "B n n_vocab"]
) -> tuple[float, Arrays, Float[np.ndarray, "B n n_vocab"], Float[np.ndarray, "B n n"]]:
    """Loss and its gradients for the tables Q and K, each (n, d); the values are the tokens themselves.

    The output is then a probability for each token, and the loss the mean of -log of that of the right one.
    """
    B, n, _ = one_hot.shape
    right = one_hot[:, ::-1]
    Q = np.broadcast_to(tables["Q"], (B, *tables["Q"].shape))  # every sequence asks the same
    K = np.broadcast_to(tables["K"], (B, *tables["K"].shape))
    output, weights = scaled_dot_product_attention(Q, K, one_hot)
    chance = (output * right).sum(axis=-1, keepdims=True)  # (B, n, 1)
    d_output = -right / chance / (B * n)
    dQ, dK, _ = scaled_dot_product_attention_backward(Q, K, one_hot, d_output)
    gradients = {"Q": dQ.sum(axis=0), "K": dK.sum(axis=0)}
    return float(-np.log(chance).mean()), gradients, output, weights


def learn_projections(
    n: int = 16,
    d: int = 32,
    n_vocab: int = 10,
    B: int = 32,
    steps: int = 60,
    learning_rate: float = 0.02,
    seed: int = 0,
) -> Replay:
    """Learn to reverse n tokens with embeddings, positions and the projections W_Q, W_K, W_V, W_O, by Adam.

    Shapes: tokens (n_vocab, d), positions (n, d), W_Q, W_K, W_V (d, d), W_O (n_vocab, d). W_O starts at zero,
    so the first guess is that all tokens are equally likely.
    """
    rng = np.random.default_rng(seed)
    tokens, positions = rng.standard_normal((n_vocab, d)), rng.standard_normal((n, d))
    W_Q, W_K, W_V = rng.standard_normal((3, d, d)) / np.sqrt(d)
    W_O = np.zeros((n_vocab, d))
    parameters = dict(zip(NAMES, (tokens, positions, W_Q, W_K, W_V, W_O), strict=True))
    return _learn(projections_step, parameters, Adam(learning_rate), lambda: _draw(rng, B, n, n_vocab), steps)


def projections_step(
    parameters: Arrays, one_hot: Float[np.ndarray, "B n n_vocab"]
) -> tuple[float, Arrays, Float[np.ndarray, "B n n_vocab"], Float[np.ndarray, "B n n"]]:
    """Loss and its gradients for the parameters that `learn_projections` draws.

    The loss is the mean of -log softmax(logits)[right]; its gradient for the logits is softmax - right.
    """
    tokens, positions, W_Q, W_K, W_V, W_O = (parameters[name] for name in NAMES)
    right = one_hot[:, ::-1]
    x = one_hot @ tokens + positions  # (B, n, d)
    Q, K, V = x @ W_Q.T, x @ W_K.T, x @ W_V.T
    context, weights = scaled_dot_product_attention(Q, K, V)
    logits = context @ W_O.T  # (B, n, n_vocab)
    loss = (log_sum_exp(logits) - (logits * right).sum(axis=-1)).mean()

    d_logits = (softmax(logits) - right) / right.sum()
    d_context, dW_O = linear_backward(context, W_O, d_logits)
    dQ, dK, dV = scaled_dot_product_attention_backward(Q, K, V, d_context)
    (dx_Q, dW_Q), (dx_K, dW_K), (dx_V, dW_V) = (
        linear_backward(x, W, gradient) for W, gradient in ((W_Q, dQ), (W_K, dK), (W_V, dV))
    )
    dx = dx_Q + dx_K + dx_V  # x was used three times
    _, d_tokens = linear_backward(one_hot, tokens.T, dx)
    gradients = (d_tokens.T, dx.sum(axis=0), dW_Q, dW_K, dW_V, dW_O)
    return float(loss), dict(zip(NAMES, gradients, strict=True)), logits, weights


class Adam:
    """Gradient descent in which each number gets its own step: mean gradient over root mean square.

    Source: Kingma and Ba 2015, algorithm 1. Call it with the parameters, which it changes, and the gradients.
    """

    def __init__(self, learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.95, eps: float = 1e-8):
        self.learning_rate, self.beta_1, self.beta_2, self.eps = learning_rate, beta_1, beta_2, eps
        self.mean, self.square, self.steps = {}, {}, 0

    def __call__(self, parameters: Arrays, gradients: Arrays) -> None:
        self.steps += 1
        for name, gradient in gradients.items():
            mean, square = self.mean.get(name, 0), self.square.get(name, 0)
            self.mean[name] = self.beta_1 * mean + (1 - self.beta_1) * gradient
            self.square[name] = self.beta_2 * square + (1 - self.beta_2) * gradient**2
            mean = self.mean[name] / (1 - self.beta_1**self.steps)  # both started at 0: undo that bias
            square = self.square[name] / (1 - self.beta_2**self.steps)
            parameters[name] -= self.learning_rate * mean / (np.sqrt(square) + self.eps)


def _learn(
    step: Step,
    parameters: Arrays,
    update: Callable[[Arrays, Arrays], None],
    draw: Callable[[], np.ndarray],
    steps: int,
) -> Replay:
    """Fresh sequences, loss and gradients, a note for the replay, update; `steps` times."""
    losses, accuracies, maps = [], [], []
    for _ in range(steps):
        one_hot = draw()
        loss, gradients, answer, weights = step(parameters, one_hot)
        losses.append(loss)
        accuracies.append((answer.argmax(axis=-1) == one_hot[:, ::-1].argmax(axis=-1)).mean())
        maps.append(weights.mean(axis=0))
        update(parameters, gradients)
    return Replay(np.array(losses), np.array(accuracies), np.array(maps), parameters)


def _draw(rng: np.random.Generator, B: int, n: int, n_vocab: int) -> np.ndarray:
    """B sequences of n random tokens, one-hot (B, n, n_vocab)."""
    return np.eye(n_vocab)[rng.integers(n_vocab, size=(B, n))]
