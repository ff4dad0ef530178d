# ---
# jupyter:
#   course:
#     lesson: 10_multi_head
#     exercises: [split_heads, MultiHeadAttention, head_importance, 10_merge]
# ---

# %%
import torch
from torch import nn

from course_lib import start
from course_lib.checks import check, hint, hunt

start("10_multi_head", torch=True)

# %% [markdown]
# Two functions, a module, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Write the attention yourself, without torch's own (`F.scaled_dot_product_attention`, `nn.MultiheadAttention`).
#
# ## 1. Cut the features, keep the tokens (8 min)
#
# $$(B, n, d_\text{model}) \longrightarrow (B, n_\text{heads}, n, d_\text{head})$$
#
# Head $h$ gets features $h \, d_\text{head}$ to $(h + 1) \, d_\text{head} - 1$ of **every** token. Which axis may be cut without moving a number?

# %%
def split_heads(x, n_heads):
    """(B, n, d_model) -> (B, n_heads, n, d_model // n_heads): each head's features of every token.

    Raises ValueError where n_heads does not divide d_model. x is not changed.

    >>> split_heads(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), n_heads=2).tolist()  # 2 tokens of 2 features
    [[[[1.0], [3.0]], [[2.0], [4.0]]]]
    """
    ### BEGIN SOLUTION
    B, n, d_model = x.shape
    if d_model % n_heads != 0:
        raise ValueError(f"n_heads must divide d_model; got d_model {d_model}, n_heads {n_heads}")
    return x.view(B, n, n_heads, d_model // n_heads).transpose(1, 2)
    ### END SOLUTION


# %%
check(split_heads)

# %% [markdown]
# Stuck? Each call of `hint("split_heads")` goes one step further; the other exercises have hints in the same way.

# %%
hint("split_heads")

# %% [markdown]
# ## 2. The whole layer (40 min)
#
# $$\text{head}_h = \mathrm{softmax}\!\left(\frac{Q_h K_h^\top}{\sqrt{d_\text{head}}}\right) V_h \qquad \text{output} = [\text{head}_0,\ \text{head}_1,\ \dots]\; W_O^\top + \mathbf b_O$$
#
# The five steps of the lesson, with masks. A mask is True where a key may be attended. It has shape (n_q, n_k) for all examples, or (B, n_q, n_k), or (B, 1, n_k): does it know of heads?
# A query that may attend nothing gets a context of zeros, never nan, and no nan in its gradients.

# %%
class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own slice of d_model, mixed by W_o.

    W_q, W_k, W_v, W_o are nn.Linear(d_model, d_model); head h owns features [h*d_head, (h+1)*d_head).
    Raises ValueError where n_heads does not divide d_model.

    >>> MultiHeadAttention(4, 2)(torch.ones(1, 3, 4), torch.ones(1, 5, 4), torch.ones(1, 5, 4)).shape
    torch.Size([1, 3, 4])
    """

    def __init__(self, d_model, n_heads):
        super().__init__()
        ### BEGIN SOLUTION
        if d_model % n_heads != 0:
            raise ValueError(f"n_heads must divide d_model; got d_model {d_model}, n_heads {n_heads}")
        self.n_heads = n_heads
        self.W_q = nn.Linear(d_model, d_model)
        self.W_k = nn.Linear(d_model, d_model)
        self.W_v = nn.Linear(d_model, d_model)
        self.W_o = nn.Linear(d_model, d_model)
        ### END SOLUTION

    def forward(self, q, k, v, mask=None):
        """q (B, n_q, d_model), k and v (B, n_k, d_model) -> (B, n_q, d_model); mask as (B, n_q, n_k)."""
        # 1. project   2. split   3. attend (scores, mask, softmax, mix)   4. merge   5. mix
        ### BEGIN SOLUTION
        projected = self.W_q(q), self.W_k(k), self.W_v(v)  # 1. project
        Q, K, V = (x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for x in projected)  # 2. split
        scores = Q @ K.transpose(-2, -1) / Q.shape[-1] ** 0.5  # 3. attend (B, n_heads, n_q, n_k)
        if mask is None:
            weights = scores.softmax(dim=-1)
        else:
            hidden = ~mask if mask.ndim == 2 else ~mask.unsqueeze(1)  # one mask for all heads
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
            weights = scores.softmax(dim=-1).masked_fill(hidden, 0)
        merged = (weights @ V).transpose(1, 2).flatten(2)  # 4. merge (B, n_q, d_model)
        return self.W_o(merged)  # 5. mix
        ### END SOLUTION


# %%
check(MultiHeadAttention)

# %% [markdown]
# Not right, and you do not see why? Write the five steps as a loop over the heads first, and compare the two.
#
# ## 3. Which head is missed? (12 min)
#
# The contexts of all heads for one query, (B, n_heads, d_head), are known, and so is $W_O$. How much larger does the mean squared error become when a single head is switched off, and nothing else changes?
# Which columns of `W_o` belong to head $h$? ($\text{output} = \text{merged}\, W_O^\top + \mathbf b_O$, as `nn.Linear` stores it.)

# %%
def head_importance(contexts, W_o, b_o, target):
    """For each head: the mean squared error without this head, minus that with all heads; (n_heads,).

    contexts (B, n_heads, d_head), W_o (d_out, n_heads * d_head), b_o (d_out,), target (B, d_out).
    A head that is off has a context of zeros. Nothing is changed in place.

    >>> contexts = torch.tensor([[[3.0], [5.0]]])  # B = 1, two heads of one feature
    >>> head_importance(contexts, torch.eye(2), torch.zeros(2), torch.tensor([[3.0, 4.0]])).tolist()
    [4.5, 7.5]
    """
    ### BEGIN SOLUTION
    def error(used):
        return ((used.flatten(1) @ W_o.T + b_o - target) ** 2).mean()

    rises = []
    for h in range(contexts.shape[1]):
        without = contexts.clone()
        without[:, h] = 0
        rises.append(error(without) - error(contexts))
    return torch.stack(rises)
    ### END SOLUTION


# %%
check(head_importance)

# %% [markdown]
# Can an importance be negative? What would that say about the head?
#
# ## 4. Hunt: one query was enough for the test (10 min)
#
# Somebody's multi-head attention was tested with one query and many keys, and equals the reference. In use, with several queries, the model hardly learns. You have the function, not its source.
# Hand in an input `(Q, K, V, n_heads)` on which it differs from the right one, and name the fault. Q is (n_q, d_model), K and V are (n_k, d_model), already projected; there is no $W_O$.

# %%
the_hunt = hunt("10_merge")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(Q, K, V, n_heads)` is the suspect, `the_hunt.right(Q, K, V, n_heads)` the reference. With one query both agree.

# %%
import numpy as np

rng = np.random.default_rng(0)
n_q, n_k, d_model, n_heads = 1, 5, 6, 2
Q, K, V = (rng.standard_normal((n, d_model)) for n in (n_q, n_k, n_k))
far = np.abs(the_hunt.broken(Q, K, V, n_heads) - the_hunt.right(Q, K, V, n_heads))
print("largest difference, query by query:", far.max(axis=-1).round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "scale_of_d_model"
### BEGIN SOLUTION
example = (np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
           np.array([[1.0, 5.0], [2.0, -3.0], [4.0, 0.0]]), 2)  # two queries, two heads
fault = "merged_without_transpose"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# In the lesson's table of names, 4 heads have an error below 0.1 and 16 heads one above 0.6, with the same number of parameters.
# Why do sixteen looks not help? Say what a head with a single feature can prefer, and how you would keep 16 heads and yet find the names.

# %% [markdown]
# <!-- answer: 10_narrow points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# With d_model 16, each of 16 heads has one feature, so its score is a product of two numbers. For a positive query the key with the largest number wins, for a negative one that with the smallest; the names between them cannot be preferred by any query.
# Sixteen such looks see nothing but ends. I would take a larger d_model, 64 for heads of 4 features, and pay for it with more parameters.
# ### END SOLUTION
