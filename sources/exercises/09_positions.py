# ---
# jupyter:
#   course:
#     lesson: 09_positions
#     exercises: [add_sinusoidal_positions, apply_rope, alibi_bias, 09_restart]
# ---

# %%
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("09_positions", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Use PyTorch; take dtype from the input where it matters.
#
# ## 1. Waves (20 min)
#
# $$\mathrm{PE}[p, 2i] = \sin\!\left(\frac{p}{10000^{2i/d}}\right) \qquad \mathrm{PE}[p, 2i+1] = \cos\!\left(\frac{p}{10000^{2i/d}}\right)$$
#
# The five steps of the lesson: positions, rates, angles, waves, add. This time the embeddings are multiplied by $\sqrt d$ before the waves are added, and the first token stands at position `start`.

# %%
def add_sinusoidal_positions(emb, start=0):
    """emb * sqrt(d) + PE[start : start + n], with emb (B, n, d), d even; emb is not changed.

    >>> add_sinusoidal_positions(torch.zeros(1, 2, 2)).round(decimals=4)
    tensor([[[0.0000, 1.0000],
             [0.8415, 0.5403]]])
    """
    # 1. positions (n,)   2. rates (d/2,)   3. angles (n, d/2)   4. waves (n, d)   5. add (B, n, d)
    ### BEGIN SOLUTION
    n, d = emb.shape[-2:]
    positions = torch.arange(start, start + n, dtype=torch.float64)  # 1. positions
    rates = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)  # 2. rates
    angles = positions[:, None] * rates  # 3. angles
    waves = torch.zeros(n, d, dtype=emb.dtype)  # 4. waves
    waves[:, 0::2] = angles.sin().to(emb.dtype)
    waves[:, 1::2] = angles.cos().to(emb.dtype)
    return emb * d**0.5 + waves  # 5. add
    ### END SOLUTION


# %%
check(add_sinusoidal_positions)

# %% [markdown]
# Stuck? Each call of `hint("add_sinusoidal_positions")` goes one step further; the other exercises have hints in the same way.

# %%
hint("add_sinusoidal_positions")

# %% [markdown]
# ## 2. Turns (25 min)
#
# A pair $(x, y)$ turned by the angle $a$ is $(x \cos a - y \sin a, \ x \sin a + y \cos a)$. Neighbours $(2i, 2i+1)$ make a pair, and pair $i$ at position $p$ turns by $p / 10000^{2i/d}$. What happens to the values?

# %%
def apply_rope(q, k, v, start=0):
    """(q turned, k turned, v), all (B, H, n, d), d even; the first token stands at position start.

    No argument is changed.

    >>> q = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])  # the same query at positions 0 and 1
    >>> apply_rope(q, q, q)[0].round(decimals=4)
    tensor([[[[1.0000, 0.0000],
              [0.5403, 0.8415]]]])
    """
    ### BEGIN SOLUTION
    n, d = q.shape[-2:]
    positions = torch.arange(start, start + n, dtype=torch.float64)
    rates = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = positions[:, None] * rates  # (n, d/2)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)

    def turned(x):
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)

    return turned(q), turned(k), v
    ### END SOLUTION


# %%
check(apply_rope)

# %% [markdown]
# ## 3. A bias that forgets (15 min)
#
# Head $h = 1, \ldots, n_\text{heads}$ takes $2^{-8h/n_\text{heads}}$ off the score for each step of distance. The queries are the **last** n_q of the n_k positions: where does the first one stand? Keys after the query get $-\infty$.

# %%
def alibi_bias(n_heads, n_q, n_k):
    """What is added to the scores, (n_heads, n_q, n_k).

    >>> alibi_bias(n_heads=1, n_q=2, n_k=2) * 2**8
    tensor([[[-0., -inf],
             [-1., -0.]]])
    """
    ### BEGIN SOLUTION
    slopes = 2.0 ** (-8 * torch.arange(1, n_heads + 1) / n_heads)  # (H,)
    queries = torch.arange(n_k - n_q, n_k)  # positions (n_q,)
    distance = queries[:, None] - torch.arange(n_k)  # (n_q, n_k)
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, -torch.inf)
    ### END SOLUTION


# %%
check(alibi_bias)

# %% [markdown]
# ## 4. Hunt: right until something was kept (10 min)
#
# Somebody computes rotary scores. In training, with as many queries as keys, all tests pass. Later the model writes: it keeps the keys of earlier tokens and sends only the newest queries, and its text falls apart. You have the function, not its source.
# Hand in an input `(Q, K)` on which it differs from the right one, and name the fault. The cell prints the list of faults.

# %%
the_hunt = hunt("09_restart")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(Q, K)` is the suspect, `the_hunt.right(Q, K)` the reference. With as many queries as keys both agree.

# %%
torch.manual_seed(0)
n_q, n_k, d = 3, 3, 4
Q, K = torch.randn(n_q, d), torch.randn(n_k, d)
far = (the_hunt.broken(Q, K) - the_hunt.right(Q, K)).abs().max()
print(f"{n_q} queries, {n_k} keys: largest difference {far:.4f}")

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "keys_not_turned"
### BEGIN SOLUTION
example = (torch.tensor([[2.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))  # one query, three keys
fault = "queries_restart"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A model will read the log of a machine, 1,000 lines at a time; it is trained on 100 lines. Two questions: (a) what did the *most recent* alarm say, (b) what stood *exactly 24 lines before*?
# Which of the lesson's schemes would you try for each, and what did the lesson measure that makes you say so?

# %% [markdown]
# <!-- answer: 09_log points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# For (a) ALiBi: what is far counts less at any length, and in the lesson's first race it alone was good at four times the trained length. For (b) ALiBi will not do, as its bias is always largest at distance 0; it failed at seven places back.
# A rotary query can aim at one distance. Its scores fail at distances that it never saw, so I would add a window that hides keys farther than those of the training.
# ### END SOLUTION
