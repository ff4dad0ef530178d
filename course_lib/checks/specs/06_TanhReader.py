"""Exercise `TanhReader` (lesson 06): a recurrent network as a module, written by hand."""

import torch
from torch import nn

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


class TanhReader(nn.Module):
    def __init__(self, d, d_hidden):
        super().__init__()
        self.W = nn.Linear(d, d_hidden)
        self.U = nn.Linear(d_hidden, d_hidden, bias=False)

    def forward(self, x):
        B, n, _ = x.shape
        state, states = x.new_zeros(B, self.U.in_features), []
        for t in range(n):
            state = torch.tanh(self.W(x[:, t]) + self.U(state))
            states.append(state)
        return torch.stack(states, dim=1)


class ProjectedAtOnce(TanhReader):
    def forward(self, x):
        projected, state, states = self.W(x), None, []
        for token in projected.unbind(dim=1):
            state = torch.tanh(token if state is None else token + self.U(state))
            states += [state[:, None]]
        return torch.cat(states, dim=1)


class WithTorchsCell(TanhReader):
    def forward(self, x):
        states, bias = [x.new_zeros(len(x), self.U.out_features)], torch.zeros_like(self.W.bias)
        for token in x.transpose(0, 1):
            states.append(
                torch.rnn_tanh_cell(token, states[-1], self.W.weight, self.U.weight, self.W.bias, bias)
            )
        return torch.stack(states[1:]).transpose(0, 1)


class OneByOne(nn.Module):
    def __init__(self, d, d_hidden):
        super().__init__()
        self.U, self.W = nn.Linear(d_hidden, d_hidden, False), nn.Linear(d, d_hidden)

    def forward(self, x):
        rows = []
        for tokens in x:
            row = [self.W(tokens[0]).tanh()]
            for token in tokens[1:]:
                row.append((self.W.weight @ token + self.W.bias + self.U.weight @ row[-1]).tanh())
            rows.append(torch.stack(row))
        return torch.stack(rows)


# ------------------------------------------------------------------ stored wrong answers


class Steps(TanhReader):
    """The solution in parts, each of which a wrong answer can replace."""

    def first(self, x):
        return x.new_zeros(len(x), self.U.in_features)

    def step(self, token, state):
        return torch.tanh(self.W(token) + self.U(state))

    def tokens(self, x):
        return x.unbind(dim=1)

    def gather(self, states):
        return torch.stack(states, dim=1)

    def forward(self, x):
        state, states = self.first(x), []
        for token in self.tokens(x):
            state = self.step(token, state)
            states.append(state)
        return self.gather(states)


class no_memory(Steps):
    """Your state never comes back: each step must read the state that the one before it made."""

    def step(self, token, state):
        return torch.tanh(self.W(token))


class reads_the_first_state(Steps):
    """Every step reads the state after the first token: hand the newest state on to the next step."""

    def forward(self, x):
        state = self.step(x[:, 0], self.first(x))
        return self.gather([state] + [self.step(token, state) for token in self.tokens(x)[1:]])


class no_tanh(Steps):
    """Nothing bends your state: put tanh around the whole sum."""

    def step(self, token, state):
        return self.W(token) + self.U(state)


class tanh_of_the_token_only(Steps):
    """Your tanh is around the token's part alone: it belongs around the sum of both parts."""

    def step(self, token, state):
        return torch.tanh(self.W(token)) + self.U(state)


class tanh_of_the_state_only(Steps):
    """Your tanh is around the state's part alone: it belongs around the sum of both parts."""

    def step(self, token, state):
        return self.W(token) + torch.tanh(self.U(state))


class tanh_of_each(Steps):
    """You take tanh of each part and add: add the parts first, then take tanh of the sum."""

    def step(self, token, state):
        return torch.tanh(self.W(token)) + torch.tanh(self.U(state))


class sigmoid_for_tanh(Steps):
    """Your state goes through a sigmoid: it goes through tanh, so that it can be negative."""

    def step(self, token, state):
        return torch.sigmoid(self.W(token) + self.U(state))


class relu_for_tanh(Steps):
    """Your state goes through relu: it goes through tanh, which keeps it between -1 and 1."""

    def step(self, token, state):
        return torch.relu(self.W(token) + self.U(state))


class state_without_u(Steps):
    """You add the old state as it is: it goes through U first."""

    def step(self, token, state):
        return torch.tanh(self.W(token) + state)


class adds_the_old_state(Steps):
    """You add the new part to the old state: the state of a step is tanh of the sum, nothing else."""

    def step(self, token, state):
        return state + torch.tanh(self.W(token) + self.U(state))


class u_turned_round(Steps):
    """You multiply with U turned round: `self.U(state)` does it the right way, as state @ U.weight.T."""

    def step(self, token, state):
        return torch.tanh(self.W(token) + state @ self.U.weight)


class bias_forgotten(Steps):
    """The bias of W is missing: `self.W(token)` adds it, `token @ W.weight.T` does not."""

    def step(self, token, state):
        return torch.tanh(token @ self.W.weight.T + self.U(state))


class multiplies_the_parts(Steps):
    """You multiply the two parts: add them."""

    def step(self, token, state):
        return torch.tanh(self.W(token) * self.U(state))


class reads_backwards(Steps):
    """You read the last token first: read in order, from token 0 on."""

    def tokens(self, x):
        return x.flip(1).unbind(dim=1)


class states_turned_round(Steps):
    """Your states come out in the wrong order: state 0 is the one after token 0."""

    def gather(self, states):
        return torch.stack(states[::-1], dim=1)


class reads_backwards_and_turns(Steps):
    """You read from the end to the beginning: the state at a token must know the tokens *before* it."""

    def tokens(self, x):
        return x.flip(1).unbind(dim=1)

    def gather(self, states):
        return torch.stack(states[::-1], dim=1)


class last_state_only(Steps):
    """You return the last state at every place: keep each state as it comes, and stack them at the end."""

    def gather(self, states):
        return torch.stack([states[-1]] * len(states), dim=1)


class states_before_the_token(Steps):
    """You note the state before the step: note it after, state 0 has read token 0."""

    def forward(self, x):
        state, states = self.first(x), []
        for token in self.tokens(x):
            states.append(state)
            state = self.step(token, state)
        return self.gather(states)


class starts_with_ones(Steps):
    """Your first state is made of ones: the contract says zeros."""

    def first(self, x):
        return x.new_ones(len(x), self.U.in_features)


class goes_on_in_the_batch(Steps):
    """Each example goes on from the last state of the one before it: every example starts with zeros."""

    def forward(self, x):
        state, rows = x.new_zeros(self.U.in_features), []
        for tokens in x:
            row = []
            for token in tokens:
                state = self.step(token, state)
                row.append(state)
            rows.append(torch.stack(row))
        return torch.stack(rows)


class remembers_the_last_call(Steps):
    """The state of the last call is still there in the next one: start each call with zeros."""

    def first(self, x):
        kept = getattr(self, "kept", None)
        return super().first(x) if kept is None or len(kept) != len(x) else kept

    def forward(self, x):
        states = super().forward(x)
        self.kept = states[:, -1].detach()
        return states


class mean_of_the_states(Steps):
    """You return the running mean of the states: return the states themselves."""

    def gather(self, states):
        stacked = torch.stack(states, dim=1)
        return stacked.cumsum(1) / torch.arange(1, len(states) + 1, dtype=stacked.dtype)[:, None]


# ------------------------------------------------------------------ the exercise


def states_stay_between_minus_one_and_one(seen):
    """tanh keeps every number of a state between -1 and 1."""
    return all((abs(case.outputs["states"]) <= 1 + 1e-6).all() for case in seen.values())


def sequence(rng, batch, n, d, hidden):
    """d, d_hidden and x of these sizes."""
    return d, hidden, rng.normal(size=(batch, n, d))


EXERCISE = Exercise(
    id="TanhReader",
    contract=(
        "TanhReader(d, d_hidden), an nn.Module; W = nn.Linear(d, d_hidden), U = nn.Linear(d_hidden, "
        "d_hidden, bias=False); forward(x): x (B, n, d) -> states (B, n, d_hidden). From a state of zeros, "
        "each step makes tanh(W(x_t) + U(state))."
    ),
    minutes=12,
    difficulty=2,
    points=2,
    takes="torch",
    arguments={"d": (), "d_hidden": (), "x": ("B", "n", "d")},
    outputs={"states": ("B", "n", "d_hidden")},
    parameters={"W.weight": ("d_hidden", "d"), "W.bias": ("d_hidden",), "U.weight": ("d_hidden", "d_hidden")},
    n_init=2,
    cases=[
        Case("2 sequences of 5 tokens", lambda rng: sequence(rng, 2, 5, 3, 4), weight=3),
        Case("one sequence", lambda rng: sequence(rng, 1, 4, 2, 3)),
        Case("one token", lambda rng: sequence(rng, 3, 1, 2, 4)),
        Case("as wide as the token", lambda rng: sequence(rng, 2, 3, 3, 3)),
        Case("a square batch", lambda rng: sequence(rng, 3, 3, 3, 5)),
        Case("large numbers", lambda rng: (2, 3, 100 * rng.normal(size=(2, 4, 2)))),
    ],
    reference=TanhReader,
    solution=TanhReader,
    right=[TanhReader, ProjectedAtOnce, WithTorchsCell, OneByOne],
    wrong=[
        no_memory,
        reads_the_first_state,
        no_tanh,
        tanh_of_the_token_only,
        tanh_of_the_state_only,
        tanh_of_each,
        sigmoid_for_tanh,
        relu_for_tanh,
        state_without_u,
        adds_the_old_state,
        u_turned_round,
        bias_forgotten,
        multiplies_the_parts,
        reads_backwards,
        states_turned_round,
        reads_backwards_and_turns,
        last_state_only,
        states_before_the_token,
        starts_with_ones,
        goes_on_in_the_batch,
        remembers_the_last_call,
        mean_of_the_states,
    ],
    properties=[states_stay_between_minus_one_and_one],
    hints=[
        "What must be there before the first token? What does a step read, and what does it leave behind?",
        (
            "Start with `state = x.new_zeros(B, d_hidden)`, zeros of the type of x. `x[:, t]` is token t of "
            "every example, (B, d). Put each new state in a list; `torch.stack(states, dim=1)` makes "
            "(B, n, d_hidden) of it."
        ),
        "In the loop: `state = torch.tanh(self.W(x[:, t]) + self.U(state))`, then `states.append(state)`.",
    ],
    forbids=["torch.nn.RNN", "torch.nn.RNNCell", "torch.rnn_tanh", "torch.rnn_tanh_cell"],
)
