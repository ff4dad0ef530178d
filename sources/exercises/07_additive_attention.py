# ---
# jupyter:
#   course:
#     lesson: 07_additive_attention
#     exercises: [additive_attention, general_scores, hard_alignment, 07_pairs]
# ---

# %%
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("07_additive_attention", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Use PyTorch.
#
# ## 1. A small network compares (20 min)
#
# $$\text{score}_{ij} = \mathbf v \cdot \tanh\left( W_q \, \mathbf q_i + W_k \, \mathbf k_j \right)$$
#
# Every query meets every key. Which shape has the table of all sums, before $\mathbf v$ is used? Write it down first.

# %%
def additive_attention(Q, K, V, Wq, Wk, v):
    """(output, weights) of additive attention.

    Q (B, n_q, d_q), K (B, n_k, d_k), V (B, n_k, d_v), Wq (h, d_q), Wk (h, d_k), v (h,) ->
    output (B, n_q, d_v), weights (B, n_q, n_k). score[i, j] = v . tanh(Wq q_i + Wk k_j).

    >>> one, keys = torch.ones(1, 1), torch.tensor([[[0.0], [100.0]]])
    >>> output, weights = additive_attention(torch.zeros(1, 1, 1), keys, keys, one, one, torch.tensor([0.6931]))
    >>> weights  # the scores are 0 and ln 2
    tensor([[[0.3333, 0.6667]]])
    """
    # 1. queries   2. keys   3. pairs   4. scores   5. weights, context
    ### BEGIN SOLUTION
    queries = Q @ Wq.T  # 1. queries (B, n_q, h)
    keys = K @ Wk.T  # 2. keys (B, n_k, h)
    hidden = torch.tanh(queries[:, :, None, :] + keys[:, None, :, :])  # 3. pairs (B, n_q, n_k, h)
    scores = hidden @ v  # 4. scores (B, n_q, n_k)
    weights = torch.softmax(scores, dim=-1)  # 5. weights (B, n_q, n_k)
    return weights @ V, weights
    ### END SOLUTION


# %%
check(additive_attention)

# %% [markdown]
# Stuck? Each call of `hint("additive_attention")` goes one step further; the other exercises have hints in the same way.

# %%
hint("additive_attention")

# %% [markdown]
# ## 2. Luong's general score (6 min)
#
# A matrix between query and key, and no bend: $\text{score}_{ij} = \mathbf q_i \, W \, \mathbf k_j$. Query and key may differ in width here too. Scores alone are asked for: no scale, no softmax.

# %%
def general_scores(Q, K, W):
    """Scores (B, n_q, n_k) for Q (B, n_q, d_q), K (B, n_k, d_k), W (d_q, d_k).

    >>> general_scores(torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0], [2.0, 0.0]]]), torch.tensor([[3.0, 5.0], [0.0, 0.0]]))
    tensor([[[5., 6.]]])
    """
    ### BEGIN SOLUTION
    return Q @ W @ K.transpose(-1, -2)
    ### END SOLUTION


# %%
check(general_scores)

# %% [markdown]
# ## 3. Where did it look most? (8 min)
#
# A soft alignment has a weight for every place. Here one place is wanted for each output token: the one with the largest weight, the first of equals.
# Padding must never win, not even where a model without a mask gave it weight. Where a source has no real token at all, the place is −1.

# %%
def hard_alignment(weights, keep):
    """Places (B, n_q) of the largest weights among the real source tokens, whole numbers.

    weights (B, n_q, n_k), keep (B, n_k) bool; the first of equals; -1 where no token is real.

    >>> hard_alignment(torch.tensor([[[0.1, 0.3, 0.6], [0.5, 0.2, 0.3]]]), torch.tensor([[True, True, False]]))
    tensor([[1, 0]])
    """
    ### BEGIN SOLUTION
    hidden = weights.masked_fill(~keep[:, None, :], -1)  # below every weight
    places = hidden.argmax(dim=-1)
    return places.masked_fill(~keep.any(dim=-1, keepdim=True), -1)
    ### END SOLUTION


# %%
check(hard_alignment)

# %% [markdown]
# ## 4. Hunt: the decoder never saw it (12 min)
#
# Somebody's additive attention was tested in a decoder that asks one step at a time, and was right. Then all steps of a training batch were asked at once, and the maps came out scrambled. Each row still summed to 1.
# Hand in an input `(Q, K, V, Wq, Wk, v)` on which it differs from the right one, and name the fault. The cell prints the list of faults.

# %%
the_hunt = hunt("07_pairs")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. With one query both agree.

# %%
generator = torch.Generator().manual_seed(0)
n_q, n_k = 1, 3
shapes = {"Q": (1, n_q, 2), "K": (1, n_k, 2), "V": (1, n_k, 1), "Wq": (4, 2), "Wk": (4, 2), "v": (4,)}
parts = [torch.randn(shape, generator=generator) for shape in shapes.values()]
for name, ours, theirs in zip(("output", "weights"), the_hunt.broken(*parts), the_hunt.right(*parts), strict=True):
    print(f"{name:7}: largest difference {(ours - theirs).abs().max():.4f}")

# %% [markdown]
# Now hand in your example and the fault's name. Numbers near 1 show most.

# %%
example = None
fault = "no_tanh"
### BEGIN SOLUTION
example = (torch.tensor([[[1.0], [-1.0]]]), torch.tensor([[[1.0], [-1.0], [2.0]]]), torch.tensor([[[1.0], [2.0], [4.0]]]),
           torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [1.0]]), torch.tensor([2.0, -2.0]))  # two queries
fault = "viewed_not_turned"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# In a map of the date translator, the first digit of the year is written while most of the weight lies on the 9 of *1964*. A colleague concludes: "It read the digit 9, and knew that the year begins with 1."
# What does the weight show, and what does it not show? Describe an experiment that could prove the colleague wrong.

# %% [markdown]
# <!-- answer: 07_century points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# The weight shows at which place a state of the encoder was read. It does not show what that state knew, and a state knows its neighbours on both sides.
# Read a second text in which the 1 before the 9 is a 2, and put its state at the 9 into the place of the first one's. If a 2 is written now, the digit 9 did not decide, because both texts have it.
# ### END SOLUTION
