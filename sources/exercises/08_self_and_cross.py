# ---
# jupyter:
#   course:
#     lesson: 08_self_and_cross
#     exercises: [SelfAttention, order_gaps, CrossAttention, 08_roles]
# ---

# %%
import torch
from torch import nn

from course_lib import start
from course_lib.checks import check, hint, hunt

start("08_self_and_cross", torch=True)

# %% [markdown]
# Two layers, a test, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Write the attention yourself, without torch's own (`F.scaled_dot_product_attention`, `nn.MultiheadAttention`).
#
# ## 1. A sequence asks itself (25 min)
#
# $$Q = X W_Q^\top \quad K = X W_K^\top \quad V = X W_V^\top \qquad O = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_\text{head}}}\right) V$$
#
# The four steps of the lesson, with the causal mask of lesson 04 where `causal` is True. Say the shape of each line before you write it. The three matrices must be called `W_q`, `W_k` and `W_v`: the check puts its own numbers into them.

# %%
class SelfAttention(nn.Module):
    """One head that a sequence turns on itself.

    W_q, W_k, W_v: nn.Linear(d_model, d_head, bias=False). forward(x (B, n, d_model)) -> (B, n, d_head);
    with causal=True no token sees a later one. x is not changed.

    >>> layer = SelfAttention(1, 1)
    >>> for linear in (layer.W_q, layer.W_k, layer.W_v):
    ...     _ = nn.init.ones_(linear.weight)
    >>> [round(number, 2) for number in layer(torch.tensor([[[0.0], [2.0]]]), causal=True)[0, :, 0].tolist()]
    [0.0, 1.96]
    """

    def __init__(self, d_model, d_head):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)
        ### END SOLUTION

    def forward(self, x, causal=False):
        # 1. project   2. score   3. weigh   4. mix
        ### BEGIN SOLUTION
        queries, keys, values = self.W_q(x), self.W_k(x), self.W_v(x)  # 1. project (B, n, d_head)
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5  # 2. score (B, n, n)
        if causal:
            n = x.shape[1]
            scores = scores.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), -torch.inf)
        weights = scores.softmax(dim=-1)  # 3. weigh (B, n, n)
        return weights @ values  # 4. mix (B, n, d_head)
        ### END SOLUTION


# %%
check(SelfAttention)

# %% [markdown]
# Stuck? Each call of `hint("SelfAttention")` goes one step further; the other exercises have hints in the same way.

# %%
hint("SelfAttention")

# %% [markdown]
# ## 2. Does it notice the order? (8 min)
#
# A layer can be *equivariant* (the output is shuffled alike), *invariant* (the output stays), both or neither. Write the test that measures both.
#
# `order` is what NumPy and torch take as an index: `x[:, order]` puts token `order[i]` at place `i`.

# %%
def order_gaps(f, x, order):
    """How much does f notice the order of the tokens? -> (equivariance, invariance).

    equivariance: largest absolute difference between f of the shuffled tokens and the shuffled f(x);
    invariance: largest absolute difference between f of the shuffled tokens and f(x).
    f takes tokens like x (B, n, d) and gives (B, n, any width); order (n,). x is not changed.

    >>> equivariance, invariance = order_gaps(lambda x: 10 * x, torch.tensor([[[1.0], [2.0]]]), torch.tensor([1, 0]))
    >>> float(equivariance), float(invariance)
    (0.0, 10.0)
    """
    ### BEGIN SOLUTION
    shuffled_first, output = f(x[:, order]), f(x)  # (B, n, any width) each
    return (shuffled_first - output[:, order]).abs().max(), (shuffled_first - output).abs().max()
    ### END SOLUTION


# %%
check(order_gaps)

# %% [markdown]
# Try it when it is right: make one `layer = SelfAttention(3, 2)`, call `order_gaps(layer, torch.randn(1, 5, 3), torch.randperm(5))`, and then the same with `lambda x: layer(x, causal=True)`. Which gaps do you expect to be 0?
#
# ## 3. One sequence asks another (25 min)
#
# The decoder asks, the encoder answers. `enc_keep` (B, n_enc) is True at real tokens. Two sentences of the batch may have different padding, and one may be nothing but padding: its weights and its output are 0 then, without any nan, also in the gradient.

# %%
class CrossAttention(nn.Module):
    """One head with which a decoder asks an encoder.

    W_q, W_k, W_v: nn.Linear(d_model, d_model, bias=False).
    forward(dec (B, n_dec, d_model), enc (B, n_enc, d_model), enc_keep (B, n_enc) bool or None)
    -> (output (B, n_dec, d_model), weights (B, n_dec, n_enc)). No argument is changed.

    >>> layer = CrossAttention(1)
    >>> output, weights = layer(torch.ones(1, 1, 1), torch.ones(1, 2, 1), torch.tensor([[True, False]]))
    >>> weights.tolist()
    [[[1.0, 0.0]]]
    """

    def __init__(self, d_model):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        ### END SOLUTION

    def forward(self, dec, enc, enc_keep=None):
        # 1. project: who asks, who answers?   2. score   3. weigh   4. mix
        ### BEGIN SOLUTION
        queries, keys, values = self.W_q(dec), self.W_k(enc), self.W_v(enc)  # 1. project
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5  # 2. score (B, n_dec, n_enc)
        if enc_keep is None:
            weights = scores.softmax(dim=-1)  # 3. weigh
        else:
            hidden = ~enc_keep[:, None, :]  # (B, 1, n_enc)
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
            weights = scores.softmax(dim=-1).masked_fill(hidden, 0)  # 3. weigh; an empty row is 0
        return weights @ values, weights  # 4. mix (B, n_dec, d_model)
        ### END SOLUTION


# %%
check(CrossAttention)

# %% [markdown]
# ## 4. Hunt: it trains, so it is right (10 min)
#
# Somebody's self-attention has the right shapes, its weights sum to 1, it is equivariant, and it learns the party as fast as ours. Yet with the weights of another model in it, it looks at the wrong guests. You have the function, not its source.
# Hand in an input `(x, W_q, W_k, W_v)` on which it differs from the right one, and name the fault. It takes NumPy arrays. The cell prints the list of faults.

# %%
the_hunt = hunt("08_roles")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(x, W_q, W_k, W_v)` is the suspect, `the_hunt.right(x, W_q, W_k, W_v)` the reference. With these both agree.

# %%
import numpy as np

x = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # (n, d_model)
W_q = np.array([[1.0, 0.0]])  # (d_head, d_model)
W_k = np.array([[1.0, 0.0]])  # (d_head, d_model)
W_v = np.array([[1.0, 2.0]])  # (d_v, d_model)
print("suspect  ", the_hunt.broken(x, W_q, W_k, W_v)[:, 0])
print("reference", the_hunt.right(x, W_q, W_k, W_v)[:, 0])

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "scale_missing"
### BEGIN SOLUTION
example = (x, np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), W_v)
fault = "roles_exchanged"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# Change the swap party: the guests come in pairs, so whoever you seek also seeks you. One matrix serves as both $W_Q$ and $W_K$.
# Does half of the weight still have to go to a wrong guest, as in the lesson? And why must each guest still be hidden from themselves?

# %% [markdown]
# <!-- answer: 08_pairs points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# With one matrix the score is symmetric: whoever I score high scores me as high. In the lesson that drew weight to the guest who seeks me; here this is the very guest whom I seek, so no weight has to be lost.
# Still no pair scores above the mean of the two guests' scores for themselves. Without the mask, then, at least one of the two finds itself as good as its partner, or better.
# ### END SOLUTION
