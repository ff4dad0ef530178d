"""Exercise `gru_step` (lesson 06): one step of a gated recurrent network."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise
from course_lib.transformer import recurrent

# ------------------------------------------------------------------ a solution, and other right ways


def gru_step(x, h, W, U, b):
    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)
    h_reset, h_update, h_candidate = (h @ U.T + b[1]).chunk(3, dim=-1)
    reset = torch.sigmoid(x_reset + h_reset)
    update = torch.sigmoid(x_update + h_update)
    candidate = torch.tanh(x_candidate + reset * h_candidate)
    return update * h + (1 - update) * candidate


def with_torchs_own(x, h, W, U, b):
    return torch.gru_cell(x, h, W, U, b[0], b[1])


def with_einsum(x, h, W, U, b):
    n = h.shape[1]
    from_x = torch.einsum("bd,gkd->gbk", x, W.reshape(3, n, -1)) + b[0].reshape(3, 1, n)
    from_h = torch.einsum("bj,gkj->gbk", h, U.reshape(3, n, -1)) + b[1].reshape(3, 1, n)
    gates = torch.sigmoid(from_x[:2] + from_h[:2])
    new = torch.tanh(from_x[2] + gates[0] * from_h[2])
    return new + gates[1] * (h - new)


def with_slices(x, h, W, U, b):
    n = h.shape[-1]
    states = []
    for one, old in zip(x, h, strict=True):
        r = torch.sigmoid(W[:n] @ one + b[0, :n] + U[:n] @ old + b[1, :n])
        z = torch.sigmoid(W[n : 2 * n] @ one + b[0, n : 2 * n] + U[n : 2 * n] @ old + b[1, n : 2 * n])
        new = torch.tanh(W[2 * n :] @ one + b[0, 2 * n :] + r * (U[2 * n :] @ old + b[1, 2 * n :]))
        states.append((z * old + (1 - z) * new).numpy())
    return states


# ------------------------------------------------------------------ stored wrong answers


def parts(x, h, W, U, b):
    """Reset gate, update gate, and what x and h add to the candidate."""
    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)
    h_reset, h_update, h_candidate = (h @ U.T + b[1]).chunk(3, dim=-1)
    return torch.sigmoid(x_reset + h_reset), torch.sigmoid(x_update + h_update), x_candidate, h_candidate


def mixed(h, update, candidate):
    """The last line of the step."""
    return update * h + (1 - update) * candidate


def update_first(x, h, W, U, b):
    """You take the first third of the rows as the update gate: the order is reset, update, candidate."""
    update, reset, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(from_x + reset * from_h))


def candidate_first(x, h, W, U, b):
    """You take the first third of the rows as the candidate: the order is reset, update, candidate."""
    order = torch.arange(3 * h.shape[1]).roll(-h.shape[1])
    return gru_step(x, h, W[order], U[order], b[:, order])


def no_reset(x, h, W, U, b):
    """The reset gate plays no part in your candidate: it multiplies what the old state adds to it."""
    _, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(from_x + from_h))


def reset_on_everything(x, h, W, U, b):
    """Your reset gate multiplies the part of x as well: it multiplies only what the old state adds to the
    candidate."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(reset * (from_x + from_h)))


def reset_after_tanh(x, h, W, U, b):
    """You multiply the finished candidate by the reset gate: it belongs inside the tanh, at the part of the
    old state."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, reset * torch.tanh(from_x + from_h))


def bias_outside_reset(x, h, W, U, b):
    """The second bias of the candidate stands outside the reset gate: here the gate multiplies U h + b[1] as
    a whole."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    bias = b[1].chunk(3)[2]
    return mixed(h, update, torch.tanh(from_x + bias + reset * (from_h - bias)))


def no_bias(x, h, W, U, b):
    """Both biases are missing: b[0] goes to W x, b[1] to U h."""
    return gru_step(x, h, W, U, torch.zeros_like(b))


def first_bias_only(x, h, W, U, b):
    """The second bias is missing: b[1] goes to U h."""
    return gru_step(x, h, W, U, torch.stack([b[0], torch.zeros_like(b[1])]))


def first_bias_twice(x, h, W, U, b):
    """You add b[0] to U h too: its bias is b[1]."""
    return gru_step(x, h, W, U, torch.stack([b[0], b[0]]))


def biases_swapped(x, h, W, U, b):
    """Your biases are exchanged: b[0] goes to W x, b[1] to U h, and the reset gate makes them unlike."""
    return gru_step(x, h, W, U, b.flip(0))


def sigmoid_candidate(x, h, W, U, b):
    """Your candidate goes through a sigmoid: it goes through tanh, so that a state can be negative."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.sigmoid(from_x + reset * from_h))


def no_tanh(x, h, W, U, b):
    """Nothing bends your candidate: put tanh around the sum, or the state can grow without limit."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, from_x + reset * from_h)


def relu_candidate(x, h, W, U, b):
    """Your candidate goes through relu: it goes through tanh, so that it stays between -1 and 1."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.relu(from_x + reset * from_h))


def tanh_gates(x, h, W, U, b):
    """Your gates go through tanh and can be negative: a gate is a share, so it goes through a sigmoid."""
    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)
    h_reset, h_update, h_candidate = (h @ U.T + b[1]).chunk(3, dim=-1)
    reset, update = torch.tanh(x_reset + h_reset), torch.tanh(x_update + h_update)
    return mixed(h, update, torch.tanh(x_candidate + reset * h_candidate))


def candidate_alone(x, h, W, U, b):
    """You return the candidate: the new state is a mixture of the old state and the candidate, by the update
    gate."""
    reset, _, from_x, from_h = parts(x, h, W, U, b)
    return torch.tanh(from_x + reset * from_h)


def old_state_kept_whole(x, h, W, U, b):
    """You add to the whole old state: only the share `update` of it stays, so write `update * h`."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return h + (1 - update) * torch.tanh(from_x + reset * from_h)


def old_state_forgotten(x, h, W, U, b):
    """The old state is missing from the mixture: its share `update` stays, so add `update * h`."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return (1 - update) * torch.tanh(from_x + reset * from_h)


def same_share_for_both(x, h, W, U, b):
    """Both parts of your mixture have the share `update`: the candidate gets the rest, 1 - update."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return update * h + update * torch.tanh(from_x + reset * from_h)


def reset_in_the_mixture(x, h, W, U, b):
    """You mix with the reset gate as the share of the candidate: its share is 1 - update."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return update * h + reset * torch.tanh(from_x + reset * from_h)


def gates_read_x_alone(x, h, W, U, b):
    """Your gates read x alone: they read the old state too, so add their parts of U h + b[1]."""
    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)
    reset, update = torch.sigmoid(x_reset), torch.sigmoid(x_update)
    return mixed(h, update, torch.tanh(x_candidate + reset * (h @ U.T + b[1]).chunk(3, dim=-1)[2]))


def candidate_reads_x_alone(x, h, W, U, b):
    """Your candidate reads x alone: what the old state adds, times the reset gate, belongs to it."""
    _, update, from_x, _ = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(from_x))


def weights_transposed(x, h, W, U, b):
    """You multiply by U without turning it round, which mixes rows and columns: a row of U makes one number,
    as in `h @ U.T`."""
    n = h.shape[-1]
    blocks = U.reshape(3, n, n).transpose(1, 2).reshape(3 * n, n)
    return gru_step(x, h, W, blocks, b)


def every_third_row(x, h, W, U, b):
    """You take every third row for a gate: the rows of one gate stand together, h rows below each other."""
    n = h.shape[1]
    order = torch.arange(3 * n).reshape(n, 3).T.flatten()
    return gru_step(x, h, W[order], U[order], b[:, order])


def overflowing_sigmoid(x, h, W, U, b):
    """Your own sigmoid exp(x) / (1 + exp(x)) is inf / inf for large x: use torch.sigmoid, which is safe."""

    def sigmoid(values):
        return values.exp() / (1 + values.exp())

    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)
    h_reset, h_update, h_candidate = (h @ U.T + b[1]).chunk(3, dim=-1)
    reset, update = sigmoid(x_reset + h_reset), sigmoid(x_update + h_update)
    return mixed(h, update, torch.tanh(x_candidate + reset * h_candidate))


def overflowing_tanh(x, h, W, U, b):
    """Your own tanh divides inf by inf for large numbers: use torch.tanh, which is safe."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    inner = from_x + reset * from_h
    return mixed(h, update, (inner.exp() - (-inner).exp()) / (inner.exp() + (-inner).exp()))


def first_state_for_all(x, h, W, U, b):
    """Every example of the batch goes on from the first one's state: each has its own row of h."""
    return gru_step(x, h[:1].expand(len(x), -1), W, U, b)


def changes_h(x, h, W, U, b):
    """The caller's h is changed in place: write `h = update * h + ...`, not `h *= ...`: others still need
    the old state."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    h *= update
    h += (1 - update) * torch.tanh(from_x + reset * from_h)
    return h


def tanh_of_the_state(x, h, W, U, b):
    """You put tanh around the new state: the candidate has gone through it, the mixture stays as it is."""
    return torch.tanh(gru_step(x, h, W, U, b))


def reset_turned_round(x, h, W, U, b):
    """Your reset gate is turned round: what the old state adds is multiplied by `reset`, not by 1 - reset."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(from_x + (1 - reset) * from_h))


def state_as_it_came(x, h, W, U, b):
    """Your candidate adds the old state as it came: its part is U h + b[1], times the reset gate."""
    reset, update, from_x, _ = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(from_x + reset * h))


def mixed_by_the_reset_gate(x, h, W, U, b):
    """You mix old and new with the reset gate: the update gate does that."""
    reset, _, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, reset, torch.tanh(from_x + reset * from_h))


def first_example_alone(x, h, W, U, b):
    """Every example of the batch gets the new state of the first: axis 0 is the batch, keep it."""
    return gru_step(x[:1], h[:1], W, U, b).expand_as(h)


def blocks_of_d_rows(x, h, W, U, b):
    """You cut the rows into blocks of d, the number of features: each gate has h rows, one for each unit."""
    d = x.shape[-1]
    from_x, from_h = x @ W.T + b[0], h @ U.T + b[1]
    reset = torch.sigmoid(from_x[:, :d] + from_h[:, :d])
    update = torch.sigmoid(from_x[:, d : 2 * d] + from_h[:, d : 2 * d])
    return mixed(h, update, torch.tanh(from_x[:, 2 * d :] + reset * from_h[:, 2 * d :]))


def update_in_the_candidate(x, h, W, U, b):
    """Your candidate is opened by the update gate: the reset gate says what it may read of the old state."""
    _, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, update, torch.tanh(from_x + update * from_h))


# ------------------------------------------------------------------ right elsewhere


def reset_before_the_product(x, h, W, U, b):
    """Your reset gate acts on h before the product with U, as in the paper of 2014; here it acts on U h + b,
    as torch.nn.GRUCell does."""
    return original(x, h, W, U, b, turned=False)


def update_is_the_share_of_the_new(x, h, W, U, b):
    """Your update gate is the share of the candidate, as in some textbooks; here it is the share of the old
    state, as torch.nn.GRUCell has it."""
    reset, update, from_x, from_h = parts(x, h, W, U, b)
    return mixed(h, 1 - update, torch.tanh(from_x + reset * from_h))


def both_as_elsewhere(x, h, W, U, b):
    """Your reset gate acts on h before the product, and your update gate is the share of the new: both are
    found elsewhere; here we do as torch.nn.GRUCell does."""
    return original(x, h, W, U, b, turned=True)


def original(x, h, W, U, b, turned):
    """The candidate of Cho et al. 2014; `turned`: the update gate is the share of the candidate."""
    reset, update, from_x, _ = parts(x, h, W, U, b)
    candidate = torch.tanh(from_x + (reset * h) @ U.chunk(3)[2].T + b[1].chunk(3)[2])
    return mixed(h, 1 - update if turned else update, candidate)


# ------------------------------------------------------------------ the exercise


def between_the_old_and_one(seen):
    """Each number of the new state lies between the old one and a candidate from -1 to 1."""
    return all(
        (abs(case.outputs["h_new"]) <= abs(case.inputs["h"]).clip(min=1) + 1e-4).all()
        for case in seen.values()
    )


def drawn(rng, batch, d, hidden, size=1.0):
    """x, h, W, U and b of these sizes; `size` stretches the weights."""
    W, U = rng.normal(size=(3 * hidden, d)), rng.normal(size=(3 * hidden, hidden))
    x, h = rng.normal(size=(batch, d)), rng.normal(size=(batch, hidden))
    return x, h, size * W, size * U, rng.normal(size=(2, 3 * hidden))


def constant(x, h, reset=0.0, update=0.0, candidate=0.0):
    """One unit whose gates and candidate read only their first bias."""
    b = np.array([[reset, update, candidate], [0.0, 0.0, 0.0]])
    return np.array([[x]]), np.array([[h]]), np.zeros((3, 1)), np.zeros((3, 1)), b


EXERCISE = Exercise(
    id="gru_step",
    contract=(
        "gru_step(x, h, W, U, b) -> h_new; x (B, d), h and h_new (B, h), W (3h, d), U (3h, h), b (2, 3h). "
        "The rows of W, U and the columns of b: reset, update, candidate. As torch.nn.GRUCell."
    ),
    minutes=20,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"x": ("B", "d"), "h": ("B", "h"), "W": ("3h", "d"), "U": ("3h", "h"), "b": ("2", "3h")},
    outputs={"h_new": ("B", "h")},
    cases=[
        Case("2 examples, 5 features, 3 units", lambda rng: drawn(rng, 2, 5, 3), weight=3),
        Case("half of the old state stays", lambda rng: constant(1.0, 0.5)),
        Case("gate at 1: all of it stays", lambda rng: constant(1.0, 0.5, update=50.0)),
        Case("gate at 0: all is new", lambda rng: constant(1.0, 0.5, update=-50.0, candidate=1.0)),
        Case("as many features as units", lambda rng: drawn(rng, 4, 3, 3)),
        Case("a single example", lambda rng: drawn(rng, 1, 2, 3)),
        Case("large weights", lambda rng: drawn(np.random.default_rng(1), 2, 5, 3, size=1000.0)),
        Case(
            "a state of zeros",
            lambda rng: (lambda x, h, W, U, b: (x, 0 * h, W, U, b))(*drawn(rng, 2, 5, 3)),
        ),
    ],
    reference=recurrent.gru_step,
    solution=gru_step,
    right=[gru_step, with_torchs_own, with_einsum, with_slices],
    wrong=[
        update_first,
        candidate_first,
        no_reset,
        reset_on_everything,
        reset_after_tanh,
        bias_outside_reset,
        no_bias,
        first_bias_only,
        first_bias_twice,
        biases_swapped,
        sigmoid_candidate,
        no_tanh,
        relu_candidate,
        tanh_gates,
        candidate_alone,
        old_state_kept_whole,
        old_state_forgotten,
        same_share_for_both,
        reset_in_the_mixture,
        gates_read_x_alone,
        candidate_reads_x_alone,
        weights_transposed,
        every_third_row,
        overflowing_sigmoid,
        overflowing_tanh,
        first_state_for_all,
        changes_h,
        tanh_of_the_state,
        reset_turned_round,
        state_as_it_came,
        mixed_by_the_reset_gate,
        first_example_alone,
        blocks_of_d_rows,
        update_in_the_candidate,
    ],
    conventions=[reset_before_the_product, update_is_the_share_of_the_new, both_as_elsewhere],
    properties=[between_the_old_and_one],
    hints=[
        "Two gates and a candidate: which of them decides what the candidate may read, which one mixes?",
        (
            "`(x @ W.T + b[0]).chunk(3, dim=-1)` gives the three parts of x, the same with h, U and b[1] "
            "those of h. Gates: sigmoid of the sum of their parts. Where does the reset gate multiply?"
        ),
        (
            "`candidate = torch.tanh(x_candidate + reset * h_candidate)`, then "
            "`update * h + (1 - update) * candidate`."
        ),
    ],
    forbids=["torch.nn.GRU", "torch.nn.GRUCell", "torch.gru", "torch.gru_cell"],
)
