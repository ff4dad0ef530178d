# ---
# jupyter:
#   course:
#     lesson: 04_masks
#     exercises: [padding_mask, causal_mask, masked_softmax, 04_hidden]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check, hint, hunt

start("04_masks")

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check.
# The steps are those of the lesson: **1. mask, 2. hide, 3. softmax**. True means "may be attended". Use NumPy alone.
#
# ## 1. Which tokens are words? (6 min)
#
# Sentences of different length were padded at the end to n tokens each. Mark the real ones, and refuse a sentence that does not fit.

# %%
def padding_mask(lengths, n):
    """True at the first lengths[b] of n positions: lengths (B,) whole numbers -> keep (B, n) bool.

    ValueError if a length is larger than n.

    >>> padding_mask(np.array([2, 3]), 3)
    array([[ True,  True, False],
           [ True,  True,  True]])
    """
    # 1. mask (B, n)
    ### BEGIN SOLUTION
    if np.any(lengths > n):
        raise ValueError(f"lengths must be at most n = {n}; got {lengths}")
    return np.arange(n) < lengths[:, None]
    ### END SOLUTION


# %%
check(padding_mask)

# %% [markdown]
# Stuck? Each call of `hint("padding_mask")` goes one step further; the other exercises have hints in the same way.

# %%
hint("padding_mask")

# %% [markdown]
# ## 2. Which keys are not in the future? (6 min)
#
# The queries are the **last** n_q of n_k positions. Before you write: which keys may the last query see, whatever n_q is?

# %%
def causal_mask(n_q, n_k):
    """True where a key is not later than its query, shape (n_q, n_k); n_q <= n_k, the queries come last.

    >>> causal_mask(2, 3)
    array([[ True,  True, False],
           [ True,  True,  True]])
    """
    # 1. mask (n_q, n_k)
    ### BEGIN SOLUTION
    position_of_query = np.arange(n_q)[:, None] + n_k - n_q
    return np.arange(n_k) <= position_of_query
    ### END SOLUTION


# %%
check(causal_mask)

# %% [markdown]
# ## 3. Masked softmax (20 min)
#
# All of it, on an empty page:
#
# $$w_{ij} = \frac{e^{\tilde s_{ij}}}{\sum_l e^{\tilde s_{il}}} \qquad \tilde s_{ij} = s_{ij} \text{ where query } i \text{ may attend key } j, \text{ else } -\infty$$
#
# A key may be attended if it is real and, where `causal` is True, not later than the query. A query that may attend nothing gets a row of zeros.
# Write the softmax yourself. Before you write: what is the largest score of an empty row?

# %%
def masked_softmax(scores, key_keep, causal):
    """Weights (B, n_q, n_k) from scores (B, n_q, n_k), key_keep (B, n_k) bool and causal, True or False.

    The queries are the last n_q <= n_k positions. An empty row is all 0. No argument is changed.
    Scores may be of any magnitude, large or small, and come as float64 or float32.

    >>> masked_softmax(np.zeros((1, 2, 3)), np.array([[False, True, True]]), causal=True)
    array([[[0. , 1. , 0. ],
            [0. , 0.5, 0.5]]])
    """
    # 1. mask (B, n_q, n_k)   2. hide   3. softmax
    ### BEGIN SOLUTION
    n_q, n_k = scores.shape[-2:]
    mask = np.broadcast_to(key_keep[:, None, :], scores.shape)
    if causal:
        mask = mask & (np.arange(n_k) <= np.arange(n_q)[:, None] + n_k - n_q)
    hidden = np.where(mask, scores, -np.inf)
    largest = hidden.max(axis=-1, keepdims=True)
    exponentials = np.exp(hidden - np.where(np.isneginf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)
    ### END SOLUTION


# %%
check(masked_softmax)

# %% [markdown]
# ## 4. Hunt: what a hidden score can do (10 min)
#
# Somebody's masked softmax passes its tests: rows sum to 1, hidden keys have the weight 0. Yet one customer gets answers that are too small.
# Hand in an input `(scores, keep)` on which it differs from the right one, and name the fault. `scores` is (n_q, n_k), `keep` is (n_k,), True for a real key and False for padding.

# %%
the_hunt = hunt("04_hidden")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(scores, keep)` is the suspect, `the_hunt.right(scores, keep)` the reference. On these scores both agree. Change one number at a time.

# %%
scores = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]])
keep = np.array([True, True, False])
print("suspect\n", the_hunt.broken(scores, keep))
print("reference\n", the_hunt.right(scores, keep))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "zero_score"
### BEGIN SOLUTION
example = (np.array([[1.0, 2.0, 10.0], [0.0, 0.0, 3.0]]), keep)
fault = "softmax_first"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A colleague sets the weights of hidden keys to 0 **after** the softmax and then divides each row by its sum. On 1,000 random maps the lesson found no difference from the right mask.
# Why do the two agree there? With which input does the colleague's version fail, and what happens then?

# %% [markdown]
# <!-- answer: 04_after points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# Each weight is an exponential over the sum of all exponentials, the hidden ones too. Dividing the row once more cancels this sum, and only the sum of the kept exponentials is left.
# It fails where a hidden score is far above the real ones, by 1000 for instance. Then all real exponentials underflow to 0, the row becomes 0 divided by 0, and its weights are nan.
# ### END SOLUTION
