# ---
# jupyter:
#   course:
#     lesson: 18_fast_inference
#     exercises: [cached_attention_step, grouped_query_attention, cache_bytes, 18_groups]
# ---

# %%
import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("18_fast_inference", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Use PyTorch in the first two, without its own attention.
#
# ## 1. A step with a cache (25 min)
#
# Attention of several heads for $m$ new tokens that follow the cached ones. The sub-goals are those of the lesson. `p` has the matrices `Wq`, `Wk`, `Wv`, `Wo` (d, d), used as `x @ W`, a table of positions `pos` (max, d), and the number of heads `h`. Where does the first new token stand, and who may see whom inside the chunk?

# %%
def cached_attention_step(x_new, cache, p):
    """x_new (B, m, d), cache None or (K, V) each (B, H, past, d_head) -> out (B, m, d), (K, V) with past + m.

    p.pos is added to x_new at its ABSOLUTE places. A new token sees the past, and the new ones up to itself.

    >>> from types import SimpleNamespace
    >>> one = torch.ones(1, 1)
    >>> p = SimpleNamespace(Wq=0 * one, Wk=one, Wv=one, Wo=one, pos=torch.tensor([[0.0], [10.0]]), h=1)
    >>> out, cache = cached_attention_step(torch.tensor([[[1.0]]]), None, p)  # token 1 at place 0: 1 + 0
    >>> out, cache = cached_attention_step(torch.tensor([[[5.0]]]), cache, p)  # token 5 at place 1: 5 + 10
    >>> out  # equal weights: the mean of 1 and 15
    tensor([[[8.]]])
    """
    # 1. place   2. project   3. append   4. ask
    ### BEGIN SOLUTION
    B, m, d = x_new.shape
    past = 0 if cache is None else cache[0].shape[2]
    x = x_new + p.pos[past : past + m]  # 1. place
    Q, K, V = ((x @ W).view(B, m, p.h, d // p.h).transpose(1, 2) for W in (p.Wq, p.Wk, p.Wv))  # 2. project
    if cache is not None:
        K, V = torch.cat([cache[0], K], dim=2), torch.cat([cache[1], V], dim=2)  # 3. append
    scores = Q @ K.transpose(-2, -1) / (d // p.h) ** 0.5  # 4. ask: (B, h, m, past + m)
    seen = torch.ones(m, past + m, dtype=torch.bool).tril(past)
    context = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1) @ V  # (B, h, m, d_head)
    return context.transpose(1, 2).reshape(B, m, d) @ p.Wo, (K, V)
    ### END SOLUTION


# %%
check(cached_attention_step)

# %% [markdown]
# Stuck? Each call of `hint("cached_attention_step")` goes one step further; the other exercises have hints in the same way.

# %%
hint("cached_attention_step")

# %% [markdown]
# ## 2. Grouped-query attention (20 min)
#
# H heads of queries, G of keys and values. With `causal` the queries are the *last* n of the m places.

# %%
def grouped_query_attention(q, k, v, causal=False):
    """q (B, H, n, d), k and v (B, G, m, d), H a multiple of G -> out (B, H, n, d).

    Query head h reads group h // (H // G). A query that sees no key (n > m, causal) gets zeros.

    >>> q, k = torch.zeros(1, 4, 1, 1), torch.zeros(1, 2, 1, 1)
    >>> v = torch.tensor([2.0, 20.0]).view(1, 2, 1, 1)
    >>> grouped_query_attention(q, k, v).flatten()
    tensor([ 2.,  2., 20., 20.])
    """
    ### BEGIN SOLUTION
    share = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(share, dim=1), v.repeat_interleave(share, dim=1)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (B, H, n, m)
    if not causal:
        return scores.softmax(dim=-1) @ v
    n, m = scores.shape[-2:]
    seen = torch.ones(n, m, dtype=torch.bool).tril(m - n)
    weights = scores.masked_fill(~seen, torch.finfo(scores.dtype).min).softmax(dim=-1)
    return (weights * seen) @ v  # a row that sees nothing becomes zeros
    ### END SOLUTION


# %%
check(grouped_query_attention)

# %% [markdown]
# Why does `F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)` not pass when there are more keys than queries?
#
# ## 3. The bytes of a cache (6 min)

# %%
def cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """The bytes that the keys and values of n tokens of B sequences take, a whole number.

    >>> cache_bytes(n_layers=1, n_kv_heads=2, d_head=2, n=3, B=1, number_bytes=8)  # the lesson's by hand
    192
    """
    ### BEGIN SOLUTION
    return 2 * n_layers * n_kv_heads * d_head * n * B * number_bytes
    ### END SOLUTION


# %%
check(cache_bytes)

# %% [markdown]
# Llama 2 70B has 80 layers and 8 KV heads of 128 numbers. How many texts of 4,096 tokens fit into 80 GB beside nothing else, 2 bytes a number?
#
# ## 4. Hunt: right for the smallest and the largest (10 min)
#
# Somebody's grouped-query attention was tested with one group for all heads and with one group for each. Both agree with the reference. With published weights the model talks nonsense. You have the function, not its source.
# Hand in an input `(Q, K, V)` on which it differs from the right one, and name the fault.

# %%
the_hunt = hunt("18_groups")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. With one group both agree.

# %%
rng = np.random.default_rng(0)
Q = rng.standard_normal((4, 3))  # (H, d)
K, V = rng.standard_normal((2, 1, 5, 3))  # (G, n, d) each
far = np.abs(the_hunt.broken(Q, K, V) - the_hunt.right(Q, K, V))
print("largest difference:", far.max().round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "scale_missing"
### BEGIN SOLUTION
example = (np.zeros((4, 1)), np.zeros((2, 1, 1)), np.array([[[1.0]], [[2.0]]]))
fault = "groups_in_turn"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A colleague wants a KV cache for a model of several layers **without** a causal mask, as BERT is. A token is appended to the text.
# Which kept keys and values are still right, and which are not? Say for the first layer and for the later ones, and why a causal mask would change it.

# %% [markdown]
# <!-- answer: 18_no_mask points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# In the first layer the keys and values of the old tokens are still right: each is made of its own token and place. But without a mask the old tokens look at the new one, so their outputs change, and with them all keys and values of the later layers; the kept ones are wrong.
# Under a causal mask no place sees what comes after it, so nothing at an old place changes in any layer.
# ### END SOLUTION
