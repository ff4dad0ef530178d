# ---
# jupyter:
#   course:
#     lesson: 12_encoder_decoder
#     exercises: [encoder_layer, decoder_layer, shift_right, 12_memory]
# ---

# %%
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("12_encoder_decoder", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Use PyTorch.
#
# In the first two, `p` holds the parts of a layer, ready to be called. You do the wiring, in the order of 2017: add, then norm.
#
# ## 1. The encoder layer (12 min)
#
# Self-attention, add & norm; feed-forward, add & norm. `p.self_attn(q, k, v, mask)` takes a mask that broadcasts to (B, n, n), True where a query may attend to a key. You get `keep`, (B, n), True at real tokens. Which axis is missing, that of the queries or of the keys?

# %%
def encoder_layer(x, keep, p):
    """x (B, n, d_model), keep (B, n) -> (B, n, d_model). Padding is never attended to. x is not changed.

    Parts: p.self_attn(q, k, v, mask), p.ffn(x), p.norm1(x), p.norm2(x); mask given as (B, 1, n).

    >>> from types import SimpleNamespace
    >>> same = lambda x: x
    >>> p = SimpleNamespace(self_attn=lambda q, k, v, mask: v, ffn=same, norm1=same, norm2=same)
    >>> encoder_layer(torch.tensor([[[1.0]]]), torch.tensor([[True]]), p)  # 1 + 1 = 2, 2 + 2 = 4
    tensor([[[4.]]])
    """
    # 1. self-attention   3. feed-forward (2. is the decoder's)
    ### BEGIN SOLUTION
    mask = keep.unsqueeze(1)  # (B, 1, n): the same keys for every query
    x = p.norm1(x + p.self_attn(x, x, x, mask))  # 1. self-attention
    return p.norm2(x + p.ffn(x))  # 3. feed-forward
    ### END SOLUTION


# %%
check(encoder_layer)

# %% [markdown]
# Stuck? Each call of `hint("encoder_layer")` goes one step further; the other exercises have hints in the same way.

# %%
hint("encoder_layer")

# %% [markdown]
# ## 2. The decoder layer (20 min)
#
# Three parts. The first needs two masks at once: a key must be a real token *and* must not lie in the future. The second reads the memory, in which the source has padding of its own.

# %%
def decoder_layer(y, mem, tgt_keep, src_keep, p):
    """y (B, m, d_model), mem (B, n, d_model), tgt_keep (B, m), src_keep (B, n) -> (B, m, d_model).

    Parts: p.self_attn and p.cross_attn, each (q, k, v, mask), p.ffn, p.norm1, p.norm2, p.norm3.
    Masks are True where a query may attend to a key. y is not changed.

    >>> from types import SimpleNamespace
    >>> same = lambda x: x
    >>> take = lambda q, k, v, mask: v
    >>> p = SimpleNamespace(self_attn=take, cross_attn=take, ffn=same, norm1=same, norm2=same, norm3=same)
    >>> one = torch.tensor([[True]])
    >>> decoder_layer(torch.tensor([[[1.0]]]), torch.tensor([[[5.0]]]), one, one, p)  # 1+1, 2+5, 7+7
    tensor([[[14.]]])
    """
    # 1. self-attention   2. cross-attention   3. feed-forward
    ### BEGIN SOLUTION
    m = y.shape[1]
    past = torch.ones(m, m, dtype=torch.bool).tril()  # (m, m)
    own = tgt_keep.unsqueeze(1) & past  # (B, m, m): real, and not in the future
    y = p.norm1(y + p.self_attn(y, y, y, own))  # 1. self-attention
    y = p.norm2(y + p.cross_attn(y, mem, mem, src_keep.unsqueeze(1)))  # 2. cross-attention
    return p.norm3(y + p.ffn(y))  # 3. feed-forward
    ### END SOLUTION


# %%
check(decoder_layer)

# %% [markdown]
# Not right, and you do not see why? Do the leak test by hand: change the last token of `y` and see which rows of the output move.
#
# ## 3. One answer, two rows (10 min)
#
# What the decoder reads, and what it must say. Both are one place longer than the longest answer.

# %%
def shift_right(target, bos, eos, pad):
    """Lists of ids without special tokens -> (dec_in, labels), whole numbers (B, L + 1), L the longest.

    dec_in: bos t1 .. tn pad ..; labels: t1 .. tn eos pad ... The lists are not changed.

    >>> dec_in, labels = shift_right([[7, 8], [9]], bos=1, eos=2, pad=0)
    >>> dec_in.tolist()
    [[1, 7, 8], [1, 9, 0]]
    >>> labels.tolist()
    [[7, 8, 2], [9, 2, 0]]
    """
    ### BEGIN SOLUTION
    longest = max(len(row) for row in target)
    space = [[pad] * (longest - len(row)) for row in target]
    dec_in = [[bos, *row, *rest] for row, rest in zip(target, space, strict=True)]
    labels = [[*row, eos, *rest] for row, rest in zip(target, space, strict=True)]
    return torch.tensor(dec_in), torch.tensor(labels)
    ### END SOLUTION


# %%
check(shift_right)

# %% [markdown]
# What would happen in training if `labels` were padded with `eos` and not with `pad`? Whose loss would count then?
#
# ## 4. Hunt: it copies without a fault (10 min)
#
# Somebody's cross-attention passes a copying test: source and target are the same, and its output equals the reference. In translation the model never gets beyond fluent nonsense. You have the function, not its source.
# Hand in an input `(y, memory, W_q, W_k, W_v)` on which it differs from the right one, and name the fault. y is (m, d_model), memory (n, d_model), W_q and W_k (d_head, d_model), W_v (d_v, d_model).

# %%
the_hunt = hunt("12_memory")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. When copying, both agree.

# %%
import numpy as np

rng = np.random.default_rng(0)
y = rng.standard_normal((3, 4))  # (m, d_model)
memory = y
W_q, W_k, W_v = rng.standard_normal((3, 4, 4))  # (d_head, d_model) each
far = np.abs(the_hunt.broken(y, memory, W_q, W_k, W_v) - the_hunt.right(y, memory, W_q, W_k, W_v))
print("largest difference:", far.max().round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "scale_missing"
### BEGIN SOLUTION
eye = np.eye(2)
example = (np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]]), eye, eye, eye)
fault = "keys_and_values_from_the_target"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A colleague says: "The decoder must not see the future, so I put the causal mask on the cross-attention too."
# Does this hide anything that must be hidden? What does it take from the decoder that has to say a word backwards?

# %% [markdown]
# <!-- answer: 12_future points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# It hides nothing that must be hidden. The source is there as a whole before the first letter is written, and the memory is made from the source alone, so the target's future can come in only through self-attention.
# With the mask the first place may read only the first vector of the memory, while the letter that it needs stands at the other end of the source. The encoder would have to put all of it into that one vector.
# ### END SOLUTION
