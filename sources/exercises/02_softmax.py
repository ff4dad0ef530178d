# ---
# jupyter:
#   course:
#     lesson: 02_softmax
#     exercises: [softmax, softmax_temperature, entropy, softmax_backward]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check

start("02_softmax")

# %% [markdown]
# Four functions, each of a few lines, 39 minutes in all. Use NumPy alone. The hints come with `from course_lib.checks import hint`.
#
# ## 1. Scores to weights (15 min)
#
# The steps have the labels of the lesson: 1 shift, 2 exponentiate, 3 normalise. Think of rows that lie far
# apart, and of integers.


# %%
def softmax(x, axis=-1):
    """Positive weights that sum to 1 along `axis`; the shape of x stays.

    x is an array of any shape, of integers or floats; a score of -inf gets exactly 0.
    Scores of 1000 and more are no problem. Each row has at least one score above -inf. x is not changed.

    >>> softmax(np.log([1.0, 2.0, 5.0]))
    array([0.125, 0.25 , 0.625])
    """
    ### BEGIN SOLUTION
    x = np.asarray(x)
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(float)
    exponentials = np.exp(x - x.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)
    ### END SOLUTION


# %%
check(softmax)

# %% [markdown]
# ## 2. Harder and softer (8 min)
#
# Only one thing is new: the scores are divided by the temperature. Where in the three steps does that belong,
# so that a tiny temperature does no harm?


# %%
def softmax_temperature(x, temperature):
    """Softmax of x / temperature along the last axis; x has shape (..., n), so has the result.

    Temperature 0 is the hard choice: weight 1 for the largest score (the first of equals), 0 elsewhere.
    Raises ValueError if the temperature is negative.

    >>> softmax_temperature(np.log([1.0, 2.0, 5.0]), 0.5)
    array([0.0333, 0.1333, 0.8333])
    """
    ### BEGIN SOLUTION
    x = np.asarray(x, dtype=float)
    if temperature < 0:
        raise ValueError(f"temperature must not be negative; got {temperature}")
    if temperature == 0:
        return np.eye(x.shape[-1])[x.argmax(axis=-1)]
    shifted = x - x.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted / temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
    ### END SOLUTION


# %%
check(softmax_temperature)

# %% [markdown]
# ## 3. How undecided? (6 min)
#
# One number for each row of weights. What should a weight of exactly 0 add, and what does NumPy make of
# `0 * log(0)`?


# %%
def entropy(p):
    """Entropy -sum(p ln p) in nats along the last axis: p has shape (..., n), the result (...).

    A weight of 0 adds 0. The natural logarithm is used.

    >>> float(round(entropy(np.array([0.5, 0.5])), 4))
    0.6931
    """
    ### BEGIN SOLUTION
    p = np.asarray(p, dtype=float)
    logs = np.log(np.where(p > 0, p, 1))
    return -(p * logs).sum(axis=-1)
    ### END SOLUTION


# %%
check(entropy)

# %% [markdown]
# ## 4. The way back (10 min)
#
# A loss has the slopes `d_weights` for the weights. Which slopes has it for the scores? Write it without
# looking at the lesson, from the Jacobian diag(p) - p p^T, and build no (n, n) table. Now there are many rows.


# %%
def softmax_backward(d_weights, weights):
    """Gradient of the loss for the scores, row by row along the last axis.

    d_weights (..., n) is the gradient for the weights, weights (..., n) are the softmax weights themselves;
    the result d_scores has the same shape. Neither argument is changed.

    >>> softmax_backward(np.array([8.0, 0.0, 0.0]), np.array([1.0, 2.0, 5.0]) / 8)
    array([ 0.875, -0.25 , -0.625])
    """
    ### BEGIN SOLUTION
    d_weights, weights = np.asarray(d_weights), np.asarray(weights)
    mean = (d_weights * weights).sum(axis=-1, keepdims=True)
    return weights * (d_weights - mean)
    ### END SOLUTION


# %%
check(softmax_backward)

# %% [markdown]
# One more, on paper. The loss is $-\ln p_r$ for the right answer $r$, so its slope for the weight is
# $-1/p_r$ there and 0 elsewhere. What does your function return, for any weights $p$?
#
# <details><summary>Compare with yours</summary>
#
# The weights themselves, minus 1 at the right answer. The weighted mean of the slopes is
# $p_r \cdot (-1/p_r) = -1$. So every answer gets $p_j \, (g_j + 1)$: that is $p_j$ where $g_j = 0$, and
# $p_r - 1$ at the right one. The factor $p_r$ has cancelled, and a confident mistake still has a slope.
#
# </details>

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A help page shows one answer by itself if its weight is above 0.9. For one query the largest weight is 0.6. A colleague lowers the temperature until it is 0.95, and says: "Now the model is surer, so it is right more often."
# What has the lower temperature changed, what has it left as it was, and is the claim right?

# %% [markdown]
# <!-- answer: 02_surer points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# It stretched the differences between the scores: the first answer has more weight now, and the entropy is lower. The order of the answers is the same at every temperature, and nothing new is known about the query.
# So the first answer is right as often as before, and the claim is wrong. What changes is that the page shows it by itself, so more wrong answers may be shown without a question.
# ### END SOLUTION
