"""Exercise `gradient_reach` (lesson 06): how much the last state depends on each token."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.checks.given import Made

# ------------------------------------------------------------------ a solution, and other right ways


def gradient_reach(read, x):
    x = x.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(read(x)[-1].sum(), x)
    return slopes.norm(dim=-1).flip(0)


def with_backward(read, x):
    leaf = torch.tensor(x.tolist(), dtype=x.dtype, requires_grad=True)
    read(leaf)[-1].sum().backward()
    return torch.stack([slope.pow(2).sum().sqrt() for slope in leaf.grad])[torch.arange(len(x) - 1, -1, -1)]


def with_ones(read, x):
    x = x.detach().clone().requires_grad_()
    last = read(x)[-1]
    last.backward(torch.ones_like(last))
    return [float(torch.linalg.vector_norm(x.grad[i])) for i in reversed(range(len(x)))]


def with_jacobian(read, x):
    slopes = torch.autograd.functional.jacobian(lambda y: read(y)[-1], x).sum(dim=0)
    return torch.einsum("nd,nd->n", slopes, slopes).sqrt().numpy()[::-1].copy()


# ------------------------------------------------------------------ stored wrong answers


def slopes_of(read, x, number=lambda states: states[-1].sum()):
    """Slopes (n, d) of a number made from the states; 0 where nothing arrives."""
    x = x.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(number(read(x)), x, allow_unused=True)
    return torch.zeros_like(x) if slopes is None else slopes


def not_turned_round(read, x):
    """Your lengths stand in reading order: entry 0 belongs to the last token, so turn them round with
    flip(0)."""
    return slopes_of(read, x).norm(dim=-1)


def squared_lengths(read, x):
    """You return squared lengths: take the square root, or `.norm(dim=-1)`."""
    return slopes_of(read, x).pow(2).sum(dim=-1).flip(0)


def sums_of_slopes(read, x):
    """You add up the slopes of a token, and opposite signs cancel: take the length, `.norm(dim=-1)`."""
    return slopes_of(read, x).sum(dim=-1).flip(0)


def sizes_of_sums(read, x):
    """You take the size of the sum of a token's slopes, in which opposite signs cancel: take the length,
    `.norm(dim=-1)`."""
    return slopes_of(read, x).sum(dim=-1).abs().flip(0)


def sums_of_sizes(read, x):
    """You add up the sizes of the slopes: the length is the root of the sum of their squares."""
    return slopes_of(read, x).abs().sum(dim=-1).flip(0)


def largest_slopes(read, x):
    """You take the largest slope of each token: take the length of all its slopes, `.norm(dim=-1)`."""
    return slopes_of(read, x).abs().amax(dim=-1).flip(0)


def mean_sizes(read, x):
    """You average the sizes of a token's slopes: take their length, `.norm(dim=-1)`."""
    return slopes_of(read, x).abs().mean(dim=-1).flip(0)


def root_mean_squares(read, x):
    """You divide by the width under the root: the length is the root of the *sum* of the squares."""
    return slopes_of(read, x).pow(2).mean(dim=-1).sqrt().flip(0)


def all_states(read, x):
    """You take the slopes of all states together: the question is about the last one, `read(x)[-1]`."""
    return slopes_of(read, x, lambda states: states.sum()).norm(dim=-1).flip(0)


def first_state(read, x):
    """You take the slopes of the first state, which no later token can move: take the last, `read(x)[-1]`."""
    return slopes_of(read, x, lambda states: states[0].sum()).norm(dim=-1).flip(0)


def mean_of_the_state(read, x):
    """You take the mean of the last state, so all is too small by its width: take the sum."""
    return slopes_of(read, x, lambda states: states[-1].mean()).norm(dim=-1).flip(0)


def first_unit_only(read, x):
    """You look at the first number of the last state alone: sum over all of them."""
    return slopes_of(read, x, lambda states: states[-1][0]).norm(dim=-1).flip(0)


def length_of_the_state(read, x):
    """You take the slopes of the length of the last state: take those of the sum of its numbers."""
    return slopes_of(read, x, lambda states: states[-1].norm()).norm(dim=-1).flip(0)


def squares_of_the_state(read, x):
    """You square the last state before you sum: take the sum of its numbers."""
    return slopes_of(read, x, lambda states: states[-1].pow(2).sum()).norm(dim=-1).flip(0)


def relative_to_the_last(read, x):
    """You divide by the length for the last token: return the lengths as they are."""
    lengths = gradient_reach(read, x)
    return lengths / lengths[0].clamp(min=1e-300)


def relative_to_one_step(read, x):
    """You divide by the length one step back, as the lesson prints it: return the lengths as they are."""
    lengths = gradient_reach(read, x)
    return lengths / lengths[min(1, len(lengths) - 1)].clamp(min=1e-300)


def added_twice(read, x):
    """Your slopes are twice what they should be: backward() ran twice, and .grad adds up."""
    return 2 * gradient_reach(read, x)


def states_not_slopes(read, x):
    """You return how long the states are: take the gradient of the last one for x, token by token."""
    return read(x).norm(dim=-1).flip(0)


def gradient_times_token(read, x):
    """You multiply the slopes by the tokens: the slopes alone say how far the last state moves."""
    return (slopes_of(read, x) * x).norm(dim=-1).flip(0)


def tokens_cut(read, x):
    """Each token is fed to `read` alone, so nothing can come from further back: give it the whole
    sequence."""
    lengths = [slopes_of(read, x[i : i + 1]).norm() for i in range(len(x))]
    return torch.stack([lengths[-1], *(0 * length for length in lengths[:-1])])


# ------------------------------------------------------------------ what reads


def tanh_network(W, U):
    """x (n, d) -> states (n, h) of a network h' = tanh(W x + U h)."""

    def read(x):
        state, states = torch.zeros(len(U), dtype=x.dtype), []
        for token in x:
            state = torch.tanh(token @ W.T.to(x.dtype) + state @ U.T.to(x.dtype))
            states.append(state)
        return torch.stack(states)

    return read


def half_of_each():
    """x (n, d) -> states (n, d): half of the old state, half of the token."""

    def read(x):
        state, states = torch.zeros_like(x[0]), []
        for token in x:
            state = 0.5 * state + 0.5 * token
            states.append(state)
        return torch.stack(states)

    return read


def mean_of_all():
    """x (n, d) -> (n, d): each state is the mean of the tokens so far, as in attention with equal weights."""

    def read(x):
        return x.cumsum(dim=0) / torch.arange(1, len(x) + 1, dtype=x.dtype).unsqueeze(1)

    return read


def last_alone():
    """x (n, d) -> (n, d): each state is three times its own token, nothing is remembered."""

    def read(x):
        return 3 * x

    return read


def drawn(rng, n, d, hidden, size=0.6):
    W, U = rng.normal(size=(hidden, d)), size * rng.normal(size=(hidden, hidden))
    return Made(tanh_network, W, U), 0.5 * rng.normal(size=(n, d))


def lengths_are_not_negative(seen):
    """A length is never negative."""
    return all((case.outputs["reach"] >= 0).all() for case in seen.values())


EXERCISE = Exercise(
    id="gradient_reach",
    contract=(
        "gradient_reach(read, x) -> reach (n,); read maps tokens x (n, d) to states (n, h). reach[k] is the "
        "length of the gradient of the sum of the last state for the token k steps back. x is not changed."
    ),
    minutes=10,
    difficulty=2,
    points=1,
    takes="torch",
    arguments={"read": (), "x": ("n", "d")},
    outputs={"reach": ("n",)},
    cases=[
        Case("7 tokens of 3 numbers, 5 units", lambda rng: drawn(rng, 7, 3, 5), weight=3),
        Case("half of each", lambda rng: (Made(half_of_each), np.array([[8.0], [4.0], [2.0]]))),
        Case("half of each, 2 numbers", lambda rng: (Made(half_of_each), rng.normal(size=(4, 2)))),
        Case("a mean of all", lambda rng: (Made(mean_of_all), rng.normal(size=(4, 2)))),
        Case("nothing is remembered", lambda rng: (Made(last_alone), rng.normal(size=(3, 2)))),
        Case("as many tokens as numbers", lambda rng: drawn(rng, 3, 3, 3)),
        Case("one token", lambda rng: drawn(rng, 1, 2, 3)),
        Case("large steps", lambda rng: drawn(rng, 5, 2, 3, size=1.5)),
    ],
    reference=gradient_reach,
    solution=gradient_reach,
    right=[gradient_reach, with_backward, with_ones, with_jacobian],
    wrong=[
        not_turned_round,
        squared_lengths,
        sums_of_slopes,
        sizes_of_sums,
        sums_of_sizes,
        largest_slopes,
        mean_sizes,
        root_mean_squares,
        all_states,
        first_state,
        mean_of_the_state,
        first_unit_only,
        length_of_the_state,
        squares_of_the_state,
        relative_to_the_last,
        relative_to_one_step,
        added_twice,
        states_not_slopes,
        gradient_times_token,
        tokens_cut,
    ],
    properties=[lengths_are_not_negative],
    hints=[
        "Whose gradient, and for what? Which entry of the answer belongs to the last token?",
        (
            "Copy x and switch on the record: `x = x.clone().requires_grad_()`. The number to take backward "
            "is `read(x)[-1].sum()`. The slopes have the shape of x, (n, d): one length for each row."
        ),
        "`(slopes,) = torch.autograd.grad(read(x)[-1].sum(), x)`, then `slopes.norm(dim=-1).flip(0)`.",
    ],
)
