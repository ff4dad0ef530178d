# ---
# jupyter:
#   course:
#     lesson: 05_gradients
#     exercises: [matmul_backward, numerical_gradient, attention_backward, 05_backward]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check, hint, hunt

start("05_gradients")

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Use NumPy alone.
#
# ## 1. Back through a product (8 min)
#
# $Z = X Y$, and the slopes of the loss for $Z$ are known. Say the shapes of what you look for, before you write.

# %%
def matmul_backward(X, Y, dZ):
    """Gradients (dX, dY) for Z = X @ Y, where dZ (..., n, k) is the gradient of the loss for Z.

    X (..., n, m), Y (..., m, k); each gradient has the shape of its array. No argument is changed.

    >>> matmul_backward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([[10.0]]))
    (array([[30., 40.]]), array([[10.],
           [20.]]))
    """
    ### BEGIN SOLUTION
    dX = dZ @ np.swapaxes(Y, -1, -2)
    dY = np.swapaxes(X, -1, -2) @ dZ
    return dX, dY
    ### END SOLUTION


# %%
check(matmul_backward)

# %% [markdown]
# Stuck? Each call of `hint("matmul_backward")` goes one step further; the other exercises have hints in the same way.

# %%
hint("matmul_backward")

# %% [markdown]
# ## 2. The referee (10 min)
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + \varepsilon e_i) - f(x - \varepsilon e_i)}{2 \varepsilon}$$
#
# where $e_i$ is 1 in entry $i$ and 0 elsewhere. Which $\varepsilon$ did the curve in the lesson recommend? What happens to a nudge of 0.00001 in an array of whole numbers?

# %%
def numerical_gradient(f, x):
    """Slopes of the number f(x) for every entry of x, by central differences; float64, shape of x.

    x may have any shape, also whole numbers. It is not changed.

    >>> numerical_gradient(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0])).round(4)
    array([12.,  9.])
    """
    ### BEGIN SOLUTION
    x = np.array(x, dtype=float)
    step = 1e-5
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = step
        gradient[index] = (f(x + nudge) - f(x - nudge)) / (2 * step)
    return gradient
    ### END SOLUTION


# %%
check(numerical_gradient)

# %% [markdown]
# ## 3. Back through attention (25 min)
#
# $$O = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) V, \qquad \mathrm dO \text{ is known}$$
#
# Five steps, in the order in which the loss travels back. Write the shape beside each line. When the sizes are all different, NumPy finds a missing transpose for you.

# %%
def attention_backward(Q, K, V, dO):
    """Gradients (dQ, dK, dV) of a loss whose gradient for the output of attention is dO (n_q, d_v).

    Q (n_q, d), K (n_k, d), V (n_k, d_v); each gradient has the shape of its array.
    Scores of any size must work, and arrays of whole numbers. No argument is changed.

    >>> Q, K = np.array([[2.0, 0.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]])  # d = 4
    >>> dQ, dK, dV = attention_backward(Q, K, np.array([[0.0], [4.0]]), np.ones((1, 1)))
    >>> dQ, dK[:, 0], dV[:, 0]
    (array([[0., 1., 0., 0.]]), array([-1.,  1.]), array([0.5, 0.5]))
    """
    # forward: weights (n_q, n_k)
    # 1. values   2. weights   3. scores   4. queries   5. keys
    ### BEGIN SOLUTION
    scale = 1 / np.sqrt(Q.shape[-1])
    scores = Q @ K.T * scale
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)

    dV = weights.T @ dO  # 1. values (n_k, d_v)
    d_weights = dO @ V.T  # 2. weights (n_q, n_k)
    mean = (weights * d_weights).sum(axis=-1, keepdims=True)
    d_scores = weights * (d_weights - mean) * scale  # 3. scores (n_q, n_k)
    return d_scores @ K, d_scores.T @ Q, dV  # 4. queries, 5. keys
    ### END SOLUTION


# %%
check(attention_backward)

# %% [markdown]
# Not right, and you do not see why? Let your own referee say which of the three is off:
# `from course_lib.by_hand import scaled_dot_product_attention as attention`, then `numerical_gradient(lambda x: (attention(x, K, V)[0] * dO).sum(), Q)` is dQ.
# (The check also accepts finite differences inside of `attention_backward`. They are right, and slow; the exercise is to do without.)
#
# ## 4. Hunt: one query was enough for the test (10 min)
#
# Somebody's backward pass was tested with one query against finite differences, and passed. In training with many queries the loss explodes. You have the function, not its source.
# Hand in an input `(Q, K, V, dO)` on which it differs from the right one, and name the fault. The cell prints the list of faults.

# %%
the_hunt = hunt("05_backward")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(Q, K, V, dO)` is the suspect, `the_hunt.right(Q, K, V, dO)` the reference. With one query both agree.

# %%
rng = np.random.default_rng(0)
n_q, n_k, d, d_v = 1, 3, 2, 2
Q, K = rng.standard_normal((n_q, d)), rng.standard_normal((n_k, d))
V, dO = rng.standard_normal((n_k, d_v)), rng.standard_normal((n_q, d_v))
for name, ours, theirs in zip(("dQ", "dK", "dV"), the_hunt.broken(Q, K, V, dO), the_hunt.right(Q, K, V, dO), strict=True):
    print(f"{name}: largest difference {np.abs(ours - theirs).max():.4f}")

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "scale_missing"
### BEGIN SOLUTION
example = (np.array([[2.0, 1.0], [1.0, -1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
           np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0]]))  # two queries
fault = "one_mean_for_all"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# With Q and K both 0 at the start, nothing moved in 200 steps. Now only K starts at 0, and Q starts with random numbers.
# Which of the two tables moves in the first step, and which from the second step on? Give the reason with the formulas for $\mathrm dQ$ and $\mathrm dK$.

# %% [markdown]
# <!-- answer: 05_one_zero points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# In the first step $\mathrm dQ = \mathrm dS\, K / \sqrt d$ is 0, because it is a sum of keys and these are 0, so Q stays. $\mathrm dK = \mathrm dS^\top Q / \sqrt d$ is a sum of queries, which are not 0, so K moves.
# From the second step on K is no longer 0, and both tables move. One random table is enough to begin to learn.
# ### END SOLUTION
