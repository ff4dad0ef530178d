# ---
# jupyter:
#   course:
#     lesson: 23_captioning
#     exercises: [caption_logits, weight_in_box, 23_columns]
# ---

# %%
import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("23_captioning", torch=True)

# %% [markdown]
# Two functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. The first is in PyTorch, the second in NumPy.
#
# ## 1. A decoder that looks at patches (25 min)
#
# One layer of the captioner, put together from its parts. `p` holds the tables `embed` (n_vocab, d) and `pos` (max_n, d), the attentions `self_attn` and `cross_attn`, each called (q, k, v, mask), `ffn`, the norms `norm1`, `norm2`, `norm3` and `norm_out`, and the last product's `W` (d, n_vocab) and `b` (n_vocab,).
# The order is pre-norm (lesson 11): each sublayer reads normed words, and its output is added to the words as they were. Who asks whom in each of the two attentions, and which of them needs a mask?

# %%
def caption_logits(words, patches, p):
    """Words (B, n) so far and patches (B, N, d) -> logits of each next word, (B, n, n_vocab).

    >>> from types import SimpleNamespace
    >>> same = lambda x: x
    >>> p = SimpleNamespace(embed=torch.tensor([[1.0]]), pos=torch.tensor([[2.0]]), W=torch.tensor([[10.0]]),
    ...     b=torch.tensor([1.0]), ffn=same, norm1=same, norm2=same, norm3=same, norm_out=same,
    ...     self_attn=lambda q, k, v, mask: v, cross_attn=lambda q, k, v, mask=None: v)
    >>> caption_logits(torch.tensor([[0]]), torch.tensor([[[4.0]]]), p)  # 1 + 2, 3 + 3, 6 + 4, 10 + 10
    tensor([[[201.]]])
    """
    # 1. words and places   2. self-attention   3. look at the patches   4. feed-forward   5. logits
    ### BEGIN SOLUTION
    n = words.shape[1]
    y = p.embed[words] + p.pos[:n]  # 1. words and places (B, n, d)
    past = torch.ones(n, n, dtype=torch.bool).tril()  # (n, n)
    h = p.norm1(y)
    y = y + p.self_attn(h, h, h, past)  # 2. self-attention
    y = y + p.cross_attn(p.norm2(y), patches, patches)  # 3. look at the patches
    y = y + p.ffn(p.norm3(y))  # 4. feed-forward
    return p.norm_out(y) @ p.W + p.b  # 5. logits
    ### END SOLUTION


# %%
check(caption_logits)

# %% [markdown]
# Stuck? Each call of `hint("caption_logits")` goes one step further; the other exercise has hints in the same way.

# %%
hint("caption_logits")

# %% [markdown]
# ## 2. How much of a map lies in a box (12 min)
#
# The lesson used the library for step 1. Here you write all three. y grows downward: row 0 of the map is at the top.

# %%
def weight_in_box(weights, box):
    """Weights (rows, columns) of the patches of a picture, box (4,) as cx, cy, w, h in shares -> a number.

    A patch counts by the share of its area that lies in the box. The weights are not changed.

    >>> float(weight_in_box(np.array([[0.75, 0.25]]), np.array([0.375, 0.5, 0.75, 1.0])))
    0.875
    """
    # 1. share of each row and column in the box   2. times the weights   3. add up
    ### BEGIN SOLUTION
    rows, columns = weights.shape
    cx, cy, w, h = box

    def covered(low, high, n):  # 1. share of each row and column in the box
        edges = np.arange(n) / n
        return n * np.clip(np.minimum(high, edges + 1 / n) - np.maximum(low, edges), 0, None)

    down = covered(cy - h / 2, cy + h / 2, rows)  # (rows,)
    across = covered(cx - w / 2, cx + w / 2, columns)  # (columns,)
    return down @ weights @ across  # 2. times the weights, 3. add up
    ### END SOLUTION


# %%
check(weight_in_box)

# %% [markdown]
# What would an even look have in the box? Compare with that before you call a share large.
#
# ## 3. Hunt: it looks above and says *left* (10 min)
#
# Somebody's tool adds up the weight in a box, for maps as they come out of the decoder: N weights, row by row. On the average over many scenes its figures look right. In single scenes words about digits side by side seem to look above or below.
# Hand in an input `(weights, box)` on which it differs from the right one, and name the fault. weights is (N,) with N a square number, box (4,) as centre x, centre y, width, height.

# %%
the_hunt = hunt("23_columns")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. With an even look both agree.

# %%
weights = np.full(4, 0.25)  # (N,)
box = np.array([0.75, 0.25, 0.5, 0.5])  # (4,): the upper right quarter
print("suspect", round(the_hunt.broken(weights, box), 4), "reference", round(the_hunt.right(weights, box), 4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "from_below"
### BEGIN SOLUTION
example = (np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.75, 0.25, 0.5, 0.5]))
fault = "column_by_column"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 4. In your own words (5 min)
#
# A new captioner has 65 % of the words right, with the true beginning given. Its authors say: "With 20 tokens chance is 5 %, so it has learnt to look."
# Why is 5 % the wrong comparison here? Name one number and one experiment that you would ask for instead.

# %% [markdown]
# <!-- answer: 23_looks points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# Much of a sentence follows from its beginning: a table of counts that never saw an image has about 60 % of the words right, so 65 % may be little more than grammar. I would ask for the exact sentences, written alone, beside those of a blind speaker.
# And I would change the image and leave all else as it is. If a digit is covered or moved, the word for it or the relation has to change.
# ### END SOLUTION
