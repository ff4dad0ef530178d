"""Exercise `FeedForward` (lesson 11): two linear maps with a bend between them, for each token on its own."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.checks import Case, Exercise
from course_lib.transformer import blocks

# ------------------------------------------------------------------ a solution, and other right ways


class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.W_2(torch.relu(self.W_1(x)))


class WithClamp(FeedForward):
    def forward(self, x):
        hidden = x @ self.W_1.weight.T + self.W_1.bias
        return hidden.clamp(min=0) @ self.W_2.weight.T + self.W_2.bias


class WithModules(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.W_1, self.bend, self.W_2 = nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.W_2(self.bend(self.W_1(x)))


class TokenByToken(FeedForward):
    def forward(self, x):
        rows = [self.W_2(F.relu(self.W_1(token))) for token in x.reshape(-1, x.shape[-1])]
        return torch.stack(rows).reshape(x.shape)


class WithASequence(nn.Module):
    """The same two layers under two names each."""

    def __init__(self, d_model, d_ff):
        super().__init__()
        self.steps = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
        self.W_1, self.W_2 = self.steps[0], self.steps[2]

    def forward(self, x):
        return self.steps(x)


# ------------------------------------------------------------------ stored wrong answers


class no_bend(FeedForward):
    """Nothing bends between your two maps: without relu they are together one linear map."""

    def forward(self, x):
        return self.W_2(self.W_1(x))


class bend_at_the_end(FeedForward):
    """Your relu stands after W_2: it belongs between the maps; an output without negative numbers could only
    raise features."""

    def forward(self, x):
        return torch.relu(self.W_2(self.W_1(x)))


class bend_at_the_start(FeedForward):
    """Your relu stands before W_1: it belongs between the two maps."""

    def forward(self, x):
        return self.W_2(self.W_1(torch.relu(x)))


class bend_twice(FeedForward):
    """Your relu stands after W_2 as well: one bend, between the two maps."""

    def forward(self, x):
        return torch.relu(self.W_2(torch.relu(self.W_1(x))))


class residual_added(FeedForward):
    """You add x: the way past the sublayer belongs to the block that uses this module, not to the module."""

    def forward(self, x):
        return x + super().forward(x)


class first_bias_missing(FeedForward):
    """The bias of W_1 is not used: call self.W_1(x), which adds it."""

    def forward(self, x):
        return self.W_2(torch.relu(x @ self.W_1.weight.T))


class second_bias_missing(FeedForward):
    """The bias of W_2 is not used: call self.W_2(hidden), which adds it."""

    def forward(self, x):
        return torch.relu(self.W_1(x)) @ self.W_2.weight.T


class no_bias(FeedForward):
    """Neither bias is used: call self.W_1(x) and self.W_2(hidden), which add theirs."""

    def forward(self, x):
        return torch.relu(x @ self.W_1.weight.T) @ self.W_2.weight.T


class first_map_alone_turned_back(FeedForward):
    """You go back with the transposed W_1: the way back has weights of its own, W_2."""

    def forward(self, x):
        return torch.relu(self.W_1(x)) @ self.W_1.weight + self.W_2.bias


class sigmoid_bend(FeedForward):
    """Your bend is a sigmoid: here it is relu, max(0, h)."""

    def forward(self, x):
        return self.W_2(torch.sigmoid(self.W_1(x)))


class tanh_bend(FeedForward):
    """Your bend is tanh: here it is relu, max(0, h)."""

    def forward(self, x):
        return self.W_2(torch.tanh(self.W_1(x)))


class absolute_bend(FeedForward):
    """Your bend turns negative numbers round: relu makes 0 of them."""

    def forward(self, x):
        return self.W_2(self.W_1(x).abs())


class leaky_bend(FeedForward):
    """Your bend lets a little of the negative numbers through: relu makes 0 of them."""

    def forward(self, x):
        return self.W_2(F.leaky_relu(self.W_1(x)))


class capped_bend(FeedForward):
    """Your bend stops at 6: relu has no upper end."""

    def forward(self, x):
        return self.W_2(F.relu6(self.W_1(x)))


class softmax_bend(FeedForward):
    """You put softmax between the maps: nothing is shared out here, relu looks at each number on its own."""

    def forward(self, x):
        return self.W_2(self.W_1(x).softmax(dim=-1))


class dropout(FeedForward):
    """The same input gives another output each time: there is dropout in your module, and the contract has
    none."""

    def forward(self, x):
        return self.W_2(F.dropout(torch.relu(self.W_1(x)), 0.5))


class mean_of_the_tokens(FeedForward):
    """You mix the tokens: each goes through the two maps on its own, with the same weights."""

    def forward(self, x):
        return super().forward(x.mean(dim=1, keepdim=True)).expand_as(x).contiguous()


class first_example_for_all(FeedForward):
    """Every example gets the first one's result: each goes through on its own."""

    def forward(self, x):
        return super().forward(x[:1]).expand(len(x), -1, -1).contiguous()


class normed_first(FeedForward):
    """You norm x first: the norm belongs to the block that uses this module."""

    def forward(self, x):
        return super().forward(F.layer_norm(x, x.shape[-1:]))


# ------------------------------------------------------------------ right elsewhere


class with_gelu(FeedForward):
    """You bend with GELU, as GPT and BERT do; here it is relu, as in the paper of 2017."""

    def forward(self, x):
        return self.W_2(F.gelu(self.W_1(x)))


class with_gelu_by_tanh(FeedForward):
    """You bend with the tanh form of GELU, as GPT-2 does; here it is relu, as in the paper of 2017."""

    def forward(self, x):
        return self.W_2(F.gelu(self.W_1(x), approximate="tanh"))


class with_silu(FeedForward):
    """You bend with SiLU (swish), as some later models do; here it is relu, as in the paper of 2017."""

    def forward(self, x):
        return self.W_2(F.silu(self.W_1(x)))


class with_squared_relu(FeedForward):
    """You square after relu, as Primer does (So et al. 2021); here it is relu alone, as in 2017."""

    def forward(self, x):
        return self.W_2(torch.relu(self.W_1(x)).square())


# ------------------------------------------------------------------ the exercise


def each_token_on_its_own(seen):
    """A token's output depends on other tokens: both maps read one token at a time."""
    one, other = (seen[name].outputs["y"] for name in ("2 sentences, 3 tokens", "last token changed"))
    return np.allclose(one[:, :-1], other[:, :-1], rtol=1e-4, atol=1e-5)


def tokens(last=1.0, size=1.0):
    """Always the same x (2, 3, 5); the last token can be another, all can be stretched."""
    x = np.random.default_rng(3).normal(size=(2, 3, 5))
    x[:, -1] *= last
    return size * x


def fixed():
    rng = np.random.default_rng(4)
    return {
        "W_1.weight": rng.normal(size=(7, 5)),
        "W_1.bias": rng.normal(size=7),
        "W_2.weight": rng.normal(size=(5, 7)),
        "W_2.bias": rng.normal(size=5),
    }


FIXED = fixed()
BY_HAND = {
    "W_1.weight": [[1.0], [-1.0]],
    "W_1.bias": [0.0, 1.0],
    "W_2.weight": [[1.0, 2.0]],
    "W_2.bias": [3.0],
}

EXERCISE = Exercise(
    id="FeedForward",
    contract=(
        "FeedForward(d_model, d_ff), an nn.Module; W_1 = nn.Linear(d_model, d_ff), W_2 = nn.Linear(d_ff, "
        "d_model); forward(x): x (B, n, d_model) -> y (B, n, d_model) = W_2(relu(W_1(x)))."
    ),
    minutes=8,
    difficulty=1,
    points=1,
    takes="torch",
    arguments={"d_model": (), "d_ff": (), "x": ("B", "n", "d_model")},
    outputs={"y": ("B", "n", "d_model")},
    parameters={
        "W_1.weight": ("d_ff", "d_model"),
        "W_1.bias": ("d_ff",),
        "W_2.weight": ("d_model", "d_ff"),
        "W_2.bias": ("d_model",),
    },
    n_init=2,
    cases=[
        Case("2 sentences, 3 tokens", lambda rng: (5, 7, tokens()), weights=FIXED, weight=3),
        Case("last token changed", lambda rng: (5, 7, tokens(last=3.0)), weights=FIXED),
        Case("by hand: 2", lambda rng: (1, 2, np.array([[[2.0]]])), weights=BY_HAND),
        Case("by hand: -2", lambda rng: (1, 2, np.array([[[-2.0]]])), weights=BY_HAND),
        Case("large tokens", lambda rng: (5, 7, tokens(size=100.0)), weights=FIXED),
        Case("fewer hidden than features", lambda rng: (5, 2, rng.normal(size=(2, 4, 5)))),
        Case("all sizes equal", lambda rng: (3, 3, rng.normal(size=(3, 3, 3)))),
    ],
    reference=blocks.FeedForward,
    solution=FeedForward,
    right=[FeedForward, WithClamp, WithModules, TokenByToken, WithASequence],
    wrong=[
        no_bend,
        bend_at_the_end,
        bend_at_the_start,
        bend_twice,
        residual_added,
        first_bias_missing,
        second_bias_missing,
        no_bias,
        first_map_alone_turned_back,
        sigmoid_bend,
        tanh_bend,
        absolute_bend,
        leaky_bend,
        capped_bend,
        softmax_bend,
        dropout,
        mean_of_the_tokens,
        first_example_for_all,
        normed_first,
    ],
    conventions=[with_gelu, with_gelu_by_tanh, with_silu, with_squared_relu],
    properties=[each_token_on_its_own],
    hints=[
        "Two linear maps in a row are one linear map. What stands between them, so that two are worth it?",
        "`nn.Linear(d_model, d_ff)` up, a bend, `nn.Linear(d_ff, d_model)` back. No token reads another.",
        "`return self.W_2(torch.relu(self.W_1(x)))`.",
    ],
)
