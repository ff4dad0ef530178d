# ---
# jupyter:
#   course:
#     lesson: 03_attention
#     exercises: [soft_look_up, attention_scores, scaled_dot_product_attention, 03_scale]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check, hint, hunt

start("03_attention")

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check.
# Each function has the three steps of the lesson: **1. scores, 2. weights, 3. mix**. Use NumPy alone and write the softmax yourself.
#
# ## 1. One query asks (8 min)
#
# $$s_j = \frac{\mathbf q \cdot \mathbf k_j}{\sqrt d} \qquad w_j = \frac{e^{s_j}}{\sum_m e^{s_m}} \qquad \mathbf o = \sum_j w_j \, \mathbf v_j$$
#
# This is the worked example of the lesson as a function. Think of scores of 1000, too: which constant may you subtract?

# %%
def soft_look_up(query, keys, values):
    """The context (d_v,) of one query (d,): the mean of values (n_k, d_v), weighted by how alike keys (n_k, d) are.

    Scores are dot products divided by the root of d. Scores of any size must work. No argument is changed.

    >>> soft_look_up(np.zeros(2), np.ones((2, 2)), np.array([[0.0], [4.0]]))
    array([2.])
    """
    # 1. scores (n_k,)   2. weights (n_k,)   3. mix (d_v,)
    ### BEGIN SOLUTION
    scores = keys @ query / np.sqrt(len(query))
    exponentials = np.exp(scores - scores.max())
    weights = exponentials / exponentials.sum()
    return weights @ values
    ### END SOLUTION


# %%
check(soft_look_up)

# %% [markdown]
# Stuck? Each call of `hint("soft_look_up")` goes one step further; the other exercises have hints in the same way.

# %%
hint("soft_look_up")

# %% [markdown]
# ## 2. All scores at once (8 min)
#
# Queries as rows of $Q$, keys as rows of $K$, and any number of leading axes in front. Entry $(i, j)$ is query $i$ with key $j$. Only step 1 is asked for.

# %%
def attention_scores(Q, K):
    """Scaled dot products of every query with every key: Q (..., n_q, d), K (..., n_k, d) -> (..., n_q, n_k).

    >>> attention_scores(np.array([[1.0, 2.0, 0.0, 1.0]]), np.array([[3.0, 1.0, 5.0, 1.0]]))
    array([[3.]])
    """
    # 1. scores (..., n_q, n_k)
    ### BEGIN SOLUTION
    return Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])
    ### END SOLUTION


# %%
check(attention_scores)

# %% [markdown]
# ## 3. Scaled dot-product attention (25 min)
#
# The whole equation, on an empty page:
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) V$$
#
# Before you write: along which axis must the weights sum to 1? Which size may differ from all others?

# %%
def scaled_dot_product_attention(Q, K, V):
    """Each query's weighted mean of the values, and the weights.

    Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v) -> (output (..., n_q, d_v), weights (..., n_q, n_k)).
    Scores of any size must work. No argument is changed.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.ones((2, 2)), np.array([[0.0], [4.0]]))
    (array([[2.]]), array([[0.5, 0.5]]))
    """
    # 1. scores   2. weights   3. mix
    ### BEGIN SOLUTION
    scores = Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights @ V, weights
    ### END SOLUTION


# %%
check(scaled_dot_product_attention)

# %% [markdown]
# When it is right, give it to the explorer of the lesson: `attention_explorer(..., attention=scaled_dot_product_attention)`.
#
# ## 4. Hunt: a wrong scale (10 min)
#
# Somebody's attention gives right answers in the whole test suite, and wrong ones in one model. You have the function, not its source.
# Hand in an input `(Q, K, V)` on which it differs from the right one, and name the fault. The cell prints the list of faults.

# %%
the_hunt = hunt("03_scale")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(Q, K, V)` is the suspect, `the_hunt.right(Q, K, V)` the reference. At the sizes below both agree.
# Change one size at a time.

# %%
rng = np.random.default_rng(0)
n_q, n_k, d, d_v = 2, 3, 4, 4
Q, K, V = rng.standard_normal((n_q, d)), rng.standard_normal((n_k, d)), rng.standard_normal((n_k, d_v))
print("suspect\n", the_hunt.broken(Q, K, V)[1])
print("reference\n", the_hunt.right(Q, K, V)[1])

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "no_scale"
### BEGIN SOLUTION
example = (Q, K, np.array([[1.0], [2.0], [4.0]]))  # values of width 1, while d is 4
fault = "root_of_d_v"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# In the lesson's sentence, with all word vectors stretched to one length, *it* looks at itself and not at *cat*. A colleague looks for a better scale than $1/\sqrt d$, so that *it* looks most at *cat*.
# Why can no scale above 0 do that? What would have to be different?

# %% [markdown]
# <!-- answer: 03_itself points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# A scale multiplies all scores of a row by the same number. It makes the weights harder or softer, but the largest score stays the largest.
# Query and key of a word are the same vector here, and among vectors of equal length nothing scores higher with a vector than the vector itself. A word must be able to ask with another vector than the one by which it is found.
# ### END SOLUTION
