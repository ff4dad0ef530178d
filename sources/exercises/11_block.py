# ---
# jupyter:
#   course:
#     lesson: 11_block
#     exercises: [layer_norm, residual_block, FeedForward, 11_shared]
# ---

# %%
import torch
from torch import nn

from course_lib import start
from course_lib.checks import check, hint, hunt

start("11_block", torch=True)

# %% [markdown]
# Two functions, a module, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. The three parts of a block take (B, n, d_model) and give (B, n, d_model).
#
# ## 1. One token at a time (12 min)
#
# $$\mathrm{norm}(\mathbf x) = \gamma \odot \frac{\mathbf x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# The five steps of the lesson, without torch's own norms (`F.layer_norm`). $\sigma^2$ is divided by $d$. Features with a large mean and a small spread must come out right too: in which order are mean and square taken?

# %%
def layer_norm(x, gamma, beta, eps=1e-5):
    """Layer norm over the last axis: x (..., d), gamma (d,), beta (d,) -> (..., d); x is not changed.

    >>> layer_norm(torch.tensor([[1.0, 3.0]]), torch.ones(2), torch.zeros(2), eps=0.0).tolist()
    [[-1.0, 1.0]]
    """
    # 1. mean (..., 1)   2. centre (..., d)   3. variance (..., 1)   4. divide (..., d)   5. stretch and move
    ### BEGIN SOLUTION
    mean = x.mean(dim=-1, keepdim=True)  # 1. mean
    centred = x - mean  # 2. centre
    variance = centred.square().mean(dim=-1, keepdim=True)  # 3. variance
    normed = centred / torch.sqrt(variance + eps)  # 4. divide
    return gamma * normed + beta  # 5. stretch and move
    ### END SOLUTION


# %%
check(layer_norm)

# %% [markdown]
# Stuck? Each call of `hint("layer_norm")` goes one step further; the other exercises have hints in the same way.

# %%
hint("layer_norm")

# %% [markdown]
# ## 2. A way past, in two orders (8 min)
#
# $$\text{pre:}\quad \mathbf x + f(\mathrm{norm}(\mathbf x)) \qquad\qquad \text{post:}\quad \mathrm{norm}(\mathbf x + f(\mathbf x))$$
#
# `sublayer` is $f$ and `norm` is the norm; both are functions that keep the shape. What must come out with `pre` if $f$ is silent?

# %%
def residual_block(x, sublayer, norm, pre):
    """x (B, n, d) past a sublayer, with the norm before it (pre True) or after the sum (pre False).

    >>> x = torch.tensor([[[1.0, 3.0]]])
    >>> residual_block(x, lambda h: 2 * h, lambda h: h - 1, pre=True).tolist()
    [[[1.0, 7.0]]]
    """
    ### BEGIN SOLUTION
    if pre:
        return x + sublayer(norm(x))
    return norm(x + sublayer(x))
    ### END SOLUTION


# %%
check(residual_block)

# %% [markdown]
# Which of your two lines is the paper of 2017?
#
# ## 3. The bend (8 min)
#
# $$\mathrm{FFN}(\mathbf x) = W_2 \, \mathrm{relu}(W_1 \mathbf x + \mathbf b_1) + \mathbf b_2$$
#
# For each token on its own, the same matrices for all. `d_ff` is the paper's letter for the lesson's $d_\text{hidden}$. There is neither a sum nor a norm in it: these belong to the block around it.

# %%
class FeedForward(nn.Module):
    """Two linear maps with relu between: W_1 = nn.Linear(d_model, d_ff), W_2 = nn.Linear(d_ff, d_model).

    >>> FeedForward(4, 8)(torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, d_model, d_ff):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)
        ### END SOLUTION

    def forward(self, x):
        """x (B, n, d_model) -> (B, n, d_model)."""
        ### BEGIN SOLUTION
        return self.W_2(torch.relu(self.W_1(x)))
        ### END SOLUTION


# %%
check(FeedForward)

# %% [markdown]
# With `d_ff` = 4 `d_model`, how many times as many weights does it have as the four matrices of attention?
#
# ## 4. Hunt: right for every token alone (10 min)
#
# Somebody's layer norm was tested with one token at a time, and equals the reference. In sentences the model is unsteady: the same word is normed differently in other company. You have the function, not its source.
# Hand in an input `(x, gamma, beta)` on which it differs from the right one, and name the fault. x is (n, d), gamma and beta are (d,).

# %%
the_hunt = hunt("11_shared")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(x, gamma, beta)` is the suspect, `the_hunt.right(x, gamma, beta)` the reference. With one token both agree.

# %%
import numpy as np

x = np.array([[1.0, 3.0, 8.0]])  # (n, d)
gamma, beta = np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.0, 1.0])  # (d,) each
far = np.abs(the_hunt.broken(x, gamma, beta) - the_hunt.right(x, gamma, beta))
print("largest difference, token by token:", far.max(axis=-1).round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "unbiased_variance"
### BEGIN SOLUTION
example = (np.array([[1.0, 3.0], [-10.0, 10.0]]), np.ones(2), np.zeros(2))  # two tokens with unlike spread
fault = "shared_variance"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A colleague replaces layer norm by batch norm. In training all is well: each batch holds many sentences. In use a request comes that is one sentence of **one** token, and mean and variance are taken from this request.
# What does batch norm hand on for this token, and why does layer norm not have the problem?

# %% [markdown]
# <!-- answer: 11_one_token points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# Batch norm takes mean and variance of each feature over all tokens of the batch. With a single token the mean is the token itself, the centred numbers are all 0, and only beta is left: every token gives the same.
# Layer norm takes mean and variance along the features of one token, so neither the number of tokens nor the company matters.
# ### END SOLUTION
