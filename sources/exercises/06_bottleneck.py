# ---
# jupyter:
#   course:
#     lesson: 06_bottleneck
#     exercises: [gru_step, TanhReader, gradient_reach, 06_reach]
# ---

# %%
from course_lib import start
from course_lib.checks import check, hint, hunt

start("06_bottleneck", torch=True)

# %% [markdown]
# The first exercises in torch: two functions, a module, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Write both networks yourself, without torch's own (`nn.GRUCell`, `nn.RNN`).
# The checks hand in tensors of 32 and of 64 bits. So make new tensors from those that you get: `x.new_zeros(2, 3)` has the type of x.
#
# ## 1. One step of a GRU (20 min)
#
# $$\begin{aligned} \mathbf r &= \sigma(\text{parts of } W\mathbf x + \mathbf b_0 \text{ and } U\mathbf h + \mathbf b_1) \qquad \mathbf z = \sigma(\ldots) \\ \tilde{\mathbf h} &= \tanh\left( (W\mathbf x + \mathbf b_0) + \mathbf r \odot (U\mathbf h + \mathbf b_1) \right) \\ \mathbf h' &= \mathbf z \odot \mathbf h + (1 - \mathbf z) \odot \tilde{\mathbf h} \end{aligned}$$
#
# Each gate has its own third of the rows: reset, update, candidate. Before you write: which axis do you cut into thirds, and which shape has each part?

# %%
import torch


def gru_step(x, h, W, U, b):
    """The next state (B, h) of a GRU in state h (B, h) that reads x (B, d), as torch.nn.GRUCell computes it.

    W (3h, d), U (3h, h), b (2, 3h): reset, update, candidate, one below the other; b[0] goes to W x, b[1]
    to U h. The update gate says how much of h stays. No argument is changed.

    >>> x, h = torch.tensor([[1.0]]), torch.tensor([[0.5]])
    >>> gru_step(x, h, torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(2, 3))  # half stays, half is 0
    tensor([[0.2500]])
    """
    # 1. parts   2. gates   3. candidate   4. mix
    ### BEGIN SOLUTION
    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)  # 1. parts, (B, h) each
    h_reset, h_update, h_candidate = (h @ U.T + b[1]).chunk(3, dim=-1)
    reset = torch.sigmoid(x_reset + h_reset)  # 2. gates
    update = torch.sigmoid(x_update + h_update)
    candidate = torch.tanh(x_candidate + reset * h_candidate)  # 3. candidate
    return update * h + (1 - update) * candidate  # 4. mix
    ### END SOLUTION


# %%
check(gru_step)

# %% [markdown]
# Stuck? Each call of `hint("gru_step")` goes one step further; the other exercises have hints in the same way.

# %%
hint("gru_step")

# %% [markdown]
# ## 2. A module that reads (12 min)
#
# The plain recurrent network has no gates: $\mathbf h_t = \tanh(W \mathbf x_t + \mathbf b + U \mathbf h_{t-1})$, from $\mathbf h_0 = 0$. The parameters are made for you. Write `forward`, which reads a batch of sequences in order.
# `self.W` is an `nn.Linear`, itself a module: `self.W(x)` is $W \mathbf x + \mathbf b$ for the last axis of x.

# %%
from torch import nn


class TanhReader(nn.Module):
    """A recurrent network without gates: x (B, n, d) -> all its states (B, n, d_hidden).

    >>> TanhReader(2, 3)(torch.zeros(1, 4, 2)).shape
    torch.Size([1, 4, 3])
    """

    def __init__(self, d, d_hidden):
        super().__init__()
        self.W = nn.Linear(d, d_hidden)
        self.U = nn.Linear(d_hidden, d_hidden, bias=False)

    def forward(self, x):
        ### BEGIN SOLUTION
        state, states = x.new_zeros(x.shape[0], self.U.in_features), []
        for t in range(x.shape[1]):
            state = torch.tanh(self.W(x[:, t]) + self.U(state))  # (B, d_hidden)
            states.append(state)
        return torch.stack(states, dim=1)
        ### END SOLUTION


# %%
check(TanhReader)

# %% [markdown]
# ## 3. How far back? (10 min)
#
# `read` is any function that maps tokens (n, d) to states (n, h). How much does the *last* state depend on each token? Answer with one length for each, the last token first: entry k belongs to the token k steps back.

# %%
def gradient_reach(read, x):
    """Lengths (n,) of the gradient of read(x)[-1].sum() for each token of x (n, d), by steps back.

    Entry 0 belongs to the last token. x is not changed.

    >>> gradient_reach(lambda x: x.cumsum(dim=0), torch.tensor([[1.0], [2.0]]))  # a plain sum forgets nothing
    tensor([1., 1.])
    """
    ### BEGIN SOLUTION
    x = x.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(read(x)[-1].sum(), x)  # (n, d)
    return slopes.norm(dim=-1).flip(0)
    ### END SOLUTION


# %%
check(gradient_reach)

# %% [markdown]
# When both are right, put them together: `network = TanhReader(8, 16)`, and `gradient_reach(lambda x: network(x[None])[0], torch.randn(50, 8))`. How does it fall, compared with the GRU of the lesson?
#
# ## 4. Hunt: the states are right (12 min)
#
# Somebody wrote a recurrent network and its gradient. Every output agrees with the reference, on texts of any length. In training it learns what the last few words say, and nothing else.
# Hand in an input `(x, W, U)` on which the two differ, and name the fault. Keep the numbers near 1.

# %%
the_hunt = hunt("06_reach")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(x, W, U)` is the suspect, `the_hunt.right(x, W, U)` the reference. With two tokens both agree.

# %%
torch.manual_seed(0)
n, d, d_hidden = 2, 2, 2
x, W, U = torch.randn(n, d), torch.randn(d_hidden, d), torch.eye(d_hidden)
for name, ours, theirs in zip(("state", "d_x"), the_hunt.broken(x, W, U), the_hunt.right(x, W, U), strict=True):
    print(f"{name}: largest difference {(ours - theirs).abs().max():.4f}")

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "starts_anew"
### BEGIN SOLUTION
example = (torch.tensor([[1.0, 0.5], [0.5, -1.0], [-0.5, 0.5], [0.2, 0.3], [0.3, -0.2]]),
           torch.tensor([[0.5, 0.2], [-0.3, 0.6]]), torch.tensor([[0.9, 0.1], [0.2, 0.8]]))  # five tokens
fault = "gradient_cut"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# Two readers must keep a letter for 59 steps. In the first one, every unit keeps a share of 0.9 of its number at each step. In the second, nine units of ten keep all of it, and the tenth keeps nothing. The mean share is 0.9 in both.
# Which of them still has the letter at the end? What does that say about a mean of gates as a measure of memory?

# %% [markdown]
# <!-- answer: 06_shares points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# In the first reader each unit keeps $0.9^{59}$, about 0.002 of its number, so hardly anything is left. In the second, nine units of ten still have all of theirs, so the letter can be read from them.
# The shares of one unit are multiplied along the way, and a mean over units hides how they are spread. The product for each unit, or the best unit's product, is the better measure.
# ### END SOLUTION
