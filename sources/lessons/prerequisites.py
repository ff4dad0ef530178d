# ---
# jupyter:
#   course:
#     title: Refresher
# ---

# %% [markdown]
# # Refresher: matrices, derivatives, NumPy
#
# > **What do you need before lesson 1, and what can you leave for later?**
#
# Take five minutes for the ten questions below. Answer each on paper or in your head, then open the fold.
#
# | Part | Questions | You may skip its refresher with |
# |:--|:--|:--|
# | Matrices | 1 to 4 | 3 right |
# | Derivatives | 5 to 7 | 2 right |
# | NumPy | 8 to 10 | 2 right |
#
# Derivatives can wait until lesson 2. Nothing here needs a proof, and no question needs a calculator.

# %% [markdown]
# ## The self-test (5 min)
#
# ### Matrices
#
# **1.** $A$ has shape `(2, 3)` and $B$ has shape `(3, 5)`. Which shape has $AB$, and does $BA$ exist?
#
# <details><summary>Answer 1</summary>
#
# $AB$ has shape `(2, 5)`: the inner sizes agree and vanish. $BA$ does not exist, because 5 and 2 do not agree. *Missed it? Read "Rows times columns".*
#
# </details>

# %% [markdown]
# **2.** $A = \begin{pmatrix}1 & 2\\ 0 & 3\end{pmatrix}$ and $x = \begin{pmatrix}4\\ 1\end{pmatrix}$. What is $Ax$?
#
# <details><summary>Answer 2</summary>
#
# $(1\cdot4 + 2\cdot1,\; 0\cdot4 + 3\cdot1) = (6, 3)$. If you got $(4, 11)$, you used columns where rows were wanted: that is $A^\top x$.
#
# </details>

# %% [markdown]
# **3.** $Q$ and $K$ have shapes `(3, 4)` and `(5, 4)`. Which product holds the dot product of every row of $Q$ with every row of $K$?
#
# <details><summary>Answer 3</summary>
#
# $QK^\top$, shape `(3, 5)`. Entry $(i, j)$ is row $i$ of $Q$ times row $j$ of $K$. This one product is the heart of attention.
#
# </details>

# %% [markdown]
# **4.** The rows of $W$ hold weights that sum to 1, and $V$ holds one vector a row. What is a row of $WV$?
#
# <details><summary>Answer 4</summary>
#
# A weighted average of the rows of $V$. If a row of $W$ is $(0, 1, 0)$, the result is the second row of $V$.
#
# </details>

# %% [markdown]
# ### Derivatives
#
# **5.** What are the derivatives of $e^{x}$ and of $\ln x$?
#
# <details><summary>Answer 5</summary>
#
# $e^x$ and $1/x$.
#
# </details>

# %% [markdown]
# **6.** What is the derivative of $(3x + 1)^2$ at $x = 1$?
#
# <details><summary>Answer 6</summary>
#
# By the chain rule $2(3x + 1)\cdot 3$, which is 24 at $x = 1$. If you got 8, the inner derivative 3 is missing.
#
# </details>

# %% [markdown]
# **7.** $f(x, y) = x^2 y$. What is $\partial f/\partial x$ at $(2, 5)$, and what does the number tell you?
#
# <details><summary>Answer 7</summary>
#
# $2xy = 20$. If $x$ grows by a small $h$ and $y$ stays, $f$ grows by about $20h$.
#
# </details>

# %% [markdown]
# ### NumPy
#
# **8.** `x` has shape `(3, 4)`. Which shapes have `x.sum(axis=0)`, `x.sum(axis=-1)` and `x.sum(axis=-1, keepdims=True)`?
#
# <details><summary>Answer 8</summary>
#
# `(4,)`, `(3,)` and `(3, 1)`. The axis you name is the one that vanishes; `keepdims=True` keeps it with size 1.
#
# </details>

# %% [markdown]
# **9.** `a` has shape `(3, 1)` and `b` has shape `(4,)`. Which shape has `a + b`?
#
# <details><summary>Answer 9</summary>
#
# `(3, 4)`. Shapes are lined up from the right, and an axis of size 1 or a missing one is stretched.
#
# </details>

# %% [markdown]
# **10.** `x` has shape `(3, 3)`. You want each row to sum to 1 and write `x / x.sum(axis=1)`. What happens?
#
# <details><summary>Answer 10</summary>
#
# No error, and a wrong result: the sums have shape `(3,)` and line up with the columns. Write `x / x.sum(axis=1, keepdims=True)`.
# On a square matrix this mistake is silent, which is why it is worth knowing.
#
# </details>

# %% [markdown]
# **How did it go?** All right: [go to lesson 0](00_start.ipynb). A part went badly: read its refresher below, 5 to 8 minutes each.

# %% [markdown]
# ## Matrices (8 min)
#
# ### Rows times columns
#
# An entry of $AB$ is one row of $A$ times one column of $B$: multiply place by place, then add.
#
# $$ (AB)_{ij} = \sum_k A_{ik} B_{kj} $$
#
# The sum runs over the inner size, so that size must agree. The outer sizes remain: `(2, 3) @ (3, 5)` gives `(2, 5)`.
# The next cell computes one entry by hand and compares it with NumPy's `@`.

# %%
import numpy as np

A = np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]])
B = np.arange(15.0).reshape(3, 5)
by_hand = 1.0 * B[0, 4] + 2.0 * B[1, 4] + 0.0 * B[2, 4]
print("A @ B has shape", (A @ B).shape)
print("row 0 times column 4:", by_hand)
assert (A @ B)[0, 4] == by_hand

# %% [markdown]
# Row 0 of $A$ is $(1, 2, 0)$ and column 4 of $B$ is $(4, 9, 14)$, so the entry is $4 + 18 + 0 = 22$.
#
# ### The transpose, and all dot products at once
#
# $K^\top$ turns rows into columns: `(5, 4)` becomes `(4, 5)`. So $QK^\top$ multiplies rows with rows.
# The next cell checks that its entry $(1, 2)$ is the dot product of row 1 of $Q$ and row 2 of $K$.

# %%
Q = np.array([[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]])
K = np.array([[1.0, 1.0], [0.0, 2.0], [3.0, -1.0], [1.0, 0.0]])
scores = Q @ K.T
print(scores)
assert scores.shape == (3, 4)
assert scores[1, 2] == Q[1] @ K[2]

# %% [markdown]
# Three rows against four rows give twelve numbers. Row 1 of $Q$ is $(2, 1)$, row 2 of $K$ is $(3, -1)$, and their dot product is $6 - 1 = 5$.
#
# ### Weighted averages
#
# Read $WV$ by rows: each row of $W$ says how much of each row of $V$ goes into the result. The next cell mixes three points in the plane.

# %%
W = np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
V = np.array([[0.0, 0.0], [4.0, 2.0], [10.0, 10.0]])
print(W @ V)
assert np.array_equal((W @ V)[0], V[1])

# %% [markdown]
# The first row picks the second point, $(4, 2)$. The second row lands halfway between the first two points, at $(2, 1)$.
#
# **Change it.** Replace the second row of `W` by `[0.0, 0.5, 0.5]`. Where does it land? (At $(7, 6)$.)

# %% [markdown]
# ## Derivatives (7 min)
#
# ### A slope is a ratio of small steps
#
# The derivative $f'(x)$ says how much $f$ grows for a small step, divided by that step. That can be measured, without any rule:
#
# $$ f'(x) \approx \frac{f(x + h) - f(x - h)}{2h} $$
#
# Stepping to both sides makes the error shrink with $h^2$ rather than with $h$. The next cell measures the slope of $(3x + 1)^2$ at 1.

# %%
def slope(f, x, h=1e-5):
    """The slope of f at x, measured with a step h to both sides."""
    return (f(x + h) - f(x - h)) / (2 * h)


measured = slope(lambda x: (3 * x + 1) ** 2, 1.0)
print(f"measured {measured:.4f}, by the chain rule {2 * (3 * 1 + 1) * 3}")
assert abs(measured - 24) < 1e-6

# %% [markdown]
# Both say 24. The chain rule multiplies the slopes along the way: the outer slope $2u$ at $u = 3x + 1 = 4$, times the inner slope 3.
#
# ### Several inputs: one slope each
#
# For $f(x, y)$ the partial derivative $\partial f/\partial x$ moves $x$ alone and holds $y$. All of them together, in a list, are the gradient.
# The next cell measures both slopes of $x^2 y$ at $(2, 5)$.

# %%
def f(x, y):
    return x**2 * y


by_x = slope(lambda x: f(x, 5.0), 2.0)
by_y = slope(lambda y: f(2.0, y), 5.0)
print(f"gradient at (2, 5): ({by_x:.4f}, {by_y:.4f})")
assert abs(by_x - 20) < 1e-6
assert abs(by_y - 4) < 1e-6

# %% [markdown]
# The formulas are $2xy = 20$ and $x^2 = 4$. A step in $x$ matters five times as much here as a step in $y$.
#
# **Change it.** Measure the slope of `np.exp` at 0 and at 1. What do you see? (It is its own slope: 1 and 2.7183.)

# %% [markdown]
# ## NumPy broadcasting (8 min)
#
# ### The axis you name vanishes
#
# `axis=0` runs down the rows, `axis=-1` runs along the last axis. The next cell sums a `(2, 3)` array in three ways.

# %%
x = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
print("axis=0: ", x.sum(axis=0), x.sum(axis=0).shape)
print("axis=-1:", x.sum(axis=-1), x.sum(axis=-1).shape)
print("with keepdims:", x.sum(axis=-1, keepdims=True).shape)
assert x.sum(axis=-1, keepdims=True).shape == (2, 1)

# %% [markdown]
# Summing over axis 0 leaves the three columns, over axis -1 the two rows.
#
# ### Shapes are lined up from the right
#
# NumPy compares two shapes from the last axis to the first. Two sizes fit if they are equal, or if one of them is 1 or missing; that one is stretched.
#
# | First | Second | Result |
# |:--|:--|:--|
# | `(3, 1)` | `(4,)` | `(3, 4)` |
# | `(2, 3)` | `(3,)` | `(2, 3)` |
# | `(2, 3)` | `(2, 1)` | `(2, 3)` |
# | `(2, 3)` | `(2,)` | an error |
#
# The next cell confirms the table.

# %%
pairs = [((3, 1), (4,)), ((2, 3), (3,)), ((2, 3), (2, 1))]
for first, second in pairs:
    print(first, "and", second, "give", np.broadcast_shapes(first, second))
try:
    np.broadcast_shapes((2, 3), (2,))
except ValueError:
    print("(2, 3) and (2,) do not fit")

# %% [markdown]
# `(2, 3)` and `(2,)` do not fit, because 3 meets 2. Exactly this error saves you when the matrix is not square.
#
# ### The silent mistake
#
# **Trap.** On a square matrix, dividing by `x.sum(axis=1)` runs without a word and scales columns instead of rows. The next cell shows both versions.

# %%
square = np.array([[1.0, 3.0], [1.0, 1.0]])
wrong = square / square.sum(axis=1)
right = square / square.sum(axis=1, keepdims=True)
print("row sums, wrong:", wrong.sum(axis=1))
print("row sums, right:", right.sum(axis=1))
assert not np.allclose(wrong.sum(axis=1), 1)
assert np.allclose(right.sum(axis=1), 1)

# %% [markdown]
# The wrong version gives rows that sum to 1.75 and 0.75. So test with sizes that differ, and look at what should hold: here, that each row sums to 1.
#
# **Change it.** Give `square` a third row, `[2.0, 2.0]`. Which of the two versions stops with an error now, and why is that good news?
#
# <details><summary>What happens</summary>
#
# The wrong one: `(3, 2)` and `(3,)` do not fit. The mistake was there before; now you hear about it.
#
# </details>

# %% [markdown]
# ## Ready
#
# **[Lesson 0](00_start.ipynb)** shows how a lesson works, in fifteen minutes.
