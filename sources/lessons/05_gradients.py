# ---
# jupyter:
#   course:
#     title: Gradients
#     question: How does a machine find out for itself where to look?
#     minutes: 78
#     short_path: 28
#     needs: [00_start, 01_dot_products, 02_softmax, 03_attention, 04_masks]
#     objectives:
#       - carry a loss backward through one attention look-up on paper, in five steps
#       - derive the gradient of a matrix product by nudging one number, and read it off the shapes
#       - write the backward pass of attention and let finite differences judge it, with a step that can be trusted
#       - train attention in NumPy, and say from the gradient why a start or a rate fails
#       - test a gradient, and name the tests that would not see a mistake
#     terms: [backward pass, chain rule, finite differences, gradient descent, learning rate]
# ---

# %%
import numpy as np

from course_lib import compare, predict, start
from course_lib.by_hand import finite_difference, softmax, softmax_backward

start("05_gradients")

# %% [markdown]
# ## Headache, backwards (4 min, short path)
#
# Here is a task for attention: say a word of eight letters backwards. Output place 0 must look at the last letter, place 1 at the last but one, and so on.
#
# Until now somebody gave us the queries and keys. Here nobody does. Each output place gets a query and each input place a key, eight random numbers each: tables $Q$ and $K$ of shape (n, d) = (8, 8).
# The values are the letters. The next cell asks these random tables for *headache* backwards.

# %%
alphabet = "abcdefghij"
letters = np.eye(10)[[alphabet.index(letter) for letter in "headache"]]  # (n, n_vocab), one-hot
rng = np.random.default_rng(0)
Q_random, K_random = rng.standard_normal((8, 8)), rng.standard_normal((8, 8))  # (n, d) each


def say(Q, K):
    """For each output place the letter with the largest share."""
    output = softmax(Q @ K.T / np.sqrt(Q.shape[-1])) @ letters  # (n, n_vocab)
    return "".join(alphabet[i] for i in output.argmax(axis=-1))


print("wanted: ", "headache"[::-1], "\nanswer: ", say(Q_random, K_random))
assert letters.shape == (8, 10) and say(Q_random, K_random) != "ehcadaeh"

# %% [markdown]
# **Look.** Noise. The answer sits somewhere in the 128 numbers of the two tables, and nobody will type them in.
# Each number must find out by itself whether to rise or to fall. In this lesson you derive the rule by which it does, with nothing but NumPy, and watch the tables learn.
#
# **Predict.** Suppose that the right rule is there. How many improvements of the tables will it take until all letters come out right?

# %%
predict("steps")

# %% [markdown]
# **Short path.** 28 minutes: the four sections whose heading says *short path*, and recap questions 1 to 3.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones. Then read your sections, guess, and run their cells again.

# %% [markdown]
# ## Nudge one number (5 min, short path)
#
# We take the look-up that lesson 03 did on paper: one query, three entries a, b, c, $d = 2$. It gave the weights 1/2, 1/4, 1/4 and the output $\mathbf o = (6, 4)$.
# Now somebody says: it should have been $\mathbf t = (5, 4)$. How bad is it? A **loss** is a number that says so (lesson 02). Take half the squared distance:
#
# $$L = \tfrac12 \left[ (o_1 - t_1)^2 + (o_2 - t_2)^2 \right] = \tfrac12 \left[ 1^2 + 0^2 \right] = \tfrac12$$
#
# Its slope for $o_1$ is $o_1 - t_1 = 1$, for $o_2$ it is 0. Together they are the gradient for the output, written $\mathrm d\mathbf o = (1, 0)$.
# A gradient has one number for each number of the thing it belongs to, so **a gradient has the shape of its array**. In code, `d_output` has the shape of `output`.
#
# **Predict.** The first component of a's value, 8, is raised by 0.01. What does the loss do?

# %%
predict("nudge")

# %% [markdown]
# **Run.** The same numbers as in lesson 03. The cell nudges that one number and looks.

# %%
from course_lib.by_hand import scaled_dot_product_attention as attention

ln2 = np.log(2)
Q = np.array([[1.0, 0.0]])  # (n_q, d)
K = np.array([[np.sqrt(2) * ln2, 0.0], [0.0, np.sqrt(2) * ln2], [0.0, 0.0]])  # (n_k, d)
V = np.array([[8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])  # (n_k, d_v)
target = np.array([[5.0, 4.0]])  # (n_q, d_v)


def loss_of(Q, K, V):
    return 0.5 * ((attention(Q, K, V)[0] - target) ** 2).sum()


nudged = V + np.array([[0.01, 0], [0, 0], [0, 0]])
print(f"loss {loss_of(Q, K, V):.4f}, after the nudge {loss_of(Q, K, nudged):.4f}")

# %% [markdown]
# The next cell answers your guess.

# %%
rise = loss_of(Q, K, nudged) - loss_of(Q, K, V)
assert Q.shape == (1, 2) and K.shape == V.shape == (3, 2)
assert np.isclose(loss_of(Q, K, V), 0.5) and np.isclose(rise, 0.005, atol=0.0001)
compare("nudge", "it rises by 0.005" if rise > 0.004 else "it stays")

# %% [markdown]
# **Look.** The value of a has weight 1/2, so the output moves half as far, 0.005. The loss rises by the slope 1 times that. Two effects in a row, multiplied. Had the nudge reached the loss on two ways, we would add them. That is the **chain rule**: *multiply along a path, add over the paths*. The whole lesson is made of these two.
#
# Nudging works for any number. Move it a tiny step both ways and divide the change of the loss by the change of the number. These are **finite differences**, the referee from lesson 02.
# The next cell asks the referee for the gradients of all three arrays, and prints those of the query.

# %%
judge_Q = finite_difference(lambda x: loss_of(x, K, V), Q)  # (n_q, d)
judge_K = finite_difference(lambda x: loss_of(Q, x, V), K)  # (n_k, d)
judge_V = finite_difference(lambda x: loss_of(Q, K, x), V)  # (n_k, d_v)
print("slopes of the loss for the query:", judge_Q)
assert judge_Q.shape == Q.shape and judge_K.shape == K.shape and judge_V.shape == V.shape
assert np.allclose(judge_Q, [[0.6931, -1.0397]], atol=1e-4)

# %% [markdown]
# **Look.** The loss rises with the first component of the query and falls with the second. So, to make it smaller: lower the first, raise the second. That is **gradient descent**:
#
# $$\text{new} = \text{old} - \eta \cdot \text{gradient}$$
#
# with a **learning rate** $\eta$ that says how far to go. Here it moves the query.

# %%
for rate in (0.1, 0.3, 1.0):
    print(f"rate {rate}: loss 0.5000 -> {loss_of(Q - rate * judge_Q, K, V):.4f}")
assert loss_of(Q - 0.1 * judge_Q, K, V) < 0.4 and loss_of(Q - 1.0 * judge_Q, K, V) > 1.7

# %% [markdown]
# **Look.** A small step helps. A large one jumps over the valley and lands higher than before: a slope is a promise about the neighbourhood, not about the far side.
#
# **Change it.** Find the best rate to one decimal, in the cell above (the `assert` does not mind). Why does even the best single step not reach 0? Does a query exist that does? Guess; the next cell looks.
#

# %%
query = Q
for _ in range(200):
    query = query - 0.3 * finite_difference(lambda x: loss_of(x, K, V), query)
print(f"after 200 steps of 0.3: query {query[0].round(2)}, loss {loss_of(query, K, V):.1e}")
wanted = np.array([[2.0, np.log2(3)]])  # (n_q, d)
print("a query without any loss:", wanted[0], "with weights", attention(wanted, K, V)[1][0])
assert loss_of(query, K, V) < 1e-5 and np.isclose(loss_of(wanted, K, V), 0)
assert np.isclose(loss_of(Q - 0.3 * judge_Q, K, V), 0.2569, atol=1e-4)

# %% [markdown]
# **Look.** The best single step, about 0.3, gets to 0.2569. One step follows one slope, and the slope holds at the start only: on the way the direction changes. So one asks for the slope again after every step, and many small steps arrive: $\mathbf q = (2, \log_2 3)$ gives the weights 4/8, 3/8, 1/8 and the output (5, 4).
#
# The referee has one flaw. One computation from the input to the loss is a *forward pass*, and the referee needs two for each number: 256 for the two tables of *headache*, and 350 billion for a model of 175 billion numbers. We want all slopes at once.

# %% [markdown]
# ## Backward on paper (11 min, short path)
#
# The forward pass went scores, weights, mix. The **backward pass** goes through the same steps in reverse, and carries one question along: *if this number rose a little, what would the loss do?*
# We know the answer for the output, $\mathrm d\mathbf o = (1, 0)$. Five steps bring it to everything else.
#
# **By hand.** Write $w_j$ for the weights, $s_j$ for the scores, and $\mathrm dw_j$ for the slope of the loss for $w_j$.
#
# **1. values.** Value $j$ enters the output with weight $w_j$. So its slope is $w_j$ times that of the output: $\mathrm d\mathbf v_j = w_j \, \mathrm d\mathbf o$.
#
# **2. weights.** Weight $j$ multiplies the value $\mathbf v_j$. Raising it moves the output along $\mathbf v_j$: $\mathrm dw_j = \mathrm d\mathbf o \cdot \mathbf v_j$. (Here each weight is moved alone, as if the weights need not sum to 1. Step 3 puts that right.)
#
# **3. scores.** This is the step through softmax, derived in lesson 02: from each slope subtract the weighted mean of all, then multiply by the weight. A raised score takes its share from the others, so what counts is how far its own slope lies above $m$, the weighted mean of all slopes, its own included. $\mathrm ds_j = w_j \, (\mathrm dw_j - m)$ with $m = \sum_i w_i \, \mathrm dw_i$.
#
# **4. query.** The score was $s_j = \mathbf q \cdot \mathbf k_j / \sqrt d$. The query is in all scores, so what comes through each is added: $\mathrm d\mathbf q = \sum_j \mathrm ds_j \, \mathbf k_j / \sqrt d$.
#
# **5. keys.** Key $j$ is in score $j$ alone: $\mathrm d\mathbf k_j = \mathrm ds_j \, \mathbf q / \sqrt d$.
#
# Before the numbers, a question. The output is $(6, 4)$ and should move left, to $(5, 4)$. The values are a $(8, 0)$, b $(0, 8)$, c $(8, 8)$, with weights 1/2, 1/4, 1/4.
# a and c both pull to the right, and equally far: both have 8 as first component.
#
# **Predict.** Whose *score* has the larger slope, that of a or that of c?

# %%
predict("which_key")

# %% [markdown]
# **By hand.** Steps 1 to 3, with $m = \tfrac12 \cdot 8 + \tfrac14 \cdot 0 + \tfrac14 \cdot 8 = 6$:
#
# | entry | $w_j$ | $\mathbf v_j$ | 1. $\mathrm d\mathbf v_j = w_j \, \mathrm d\mathbf o$ | 2. $\mathrm dw_j = \mathrm d\mathbf o \cdot \mathbf v_j$ | $\mathrm dw_j - m$ | 3. $\mathrm ds_j$ |
# |---|---|---|---|---|---|---|
# | a | 1/2 | $(8, 0)$ | $(1/2, 0)$ | 8 | 2 | $1$ |
# | b | 1/4 | $(0, 8)$ | $(1/4, 0)$ | 0 | −6 | $-3/2$ |
# | c | 1/4 | $(8, 8)$ | $(1/4, 0)$ | 8 | 2 | $1/2$ |
#
# Step 4 needs the keys $(\sqrt 2 \ln 2, 0)$, $(0, \sqrt 2 \ln 2)$ and $(0, 0)$. The root cancels: $\mathrm d\mathbf q = (\ln 2, \ -\tfrac32 \ln 2) \approx (0.6931, -1.0397)$.
# Step 5 needs the query $(1, 0)$: $\mathrm d\mathbf k = (\tfrac{1}{\sqrt 2}, 0), \ (-\tfrac{3}{2 \sqrt 2}, 0), \ (\tfrac{1}{2 \sqrt 2}, 0)$.
#
# **Run.** The five steps as code for one query. `grad_w` is $\mathrm dw$, and so on. `np.outer(x, y)` is the table of all products $x_i y_j$.

# %%
q, w, grad_o = Q[0], np.array([0.5, 0.25, 0.25]), np.array([1.0, 0.0])  # (d,), (n_k,), (d_v,)

grad_v = np.outer(w, grad_o)  # 1. values (n_k, d_v)
grad_w = V @ grad_o  # 2. weights (n_k,)
m = w @ grad_w
grad_s = w * (grad_w - m)  # 3. scores (n_k,)
grad_q = grad_s @ K / np.sqrt(2)  # 4. query (d,)
grad_k = np.outer(grad_s, q) / np.sqrt(2)  # 5. keys (n_k, d)
print(f"2. weights {grad_w}, m = {m}\n3. scores  {grad_s}\n4. query   {grad_q}")
assert grad_v.shape == V.shape and grad_k.shape == K.shape
assert grad_w.shape == grad_s.shape == w.shape and grad_q.shape == q.shape
assert m == 6 and np.allclose(grad_w, [8, 0, 8]) and np.allclose(grad_s, [1, -1.5, 0.5])
assert np.allclose(grad_q, [ln2, -1.5 * ln2]) and np.allclose(grad_k[:, 0], grad_s / np.sqrt(2))
compare("which_key", "a" if grad_s[0] > grad_s[2] else "c")

# %% [markdown]
# The next cell holds all three results against the referee, who knows none of the five steps.

# %%
for name, mine, nudged in (("query", grad_q, judge_Q[0]), ("keys", grad_k, judge_K), ("values", grad_v, judge_V)):
    print(f"{name:6} largest difference to finite differences below 1e-8: {np.abs(mine - nudged).max() < 1e-8}")
    assert np.allclose(mine, nudged)

# %% [markdown]
# **Look.** All slopes from one pass, and the referee agrees. Two things in the table deserve a second look.
#
# - $m = 6$ is the first component of the output. No accident: $\sum_j w_j (\mathrm d\mathbf o \cdot \mathbf v_j) = \mathrm d\mathbf o \cdot \mathbf o$. So step 3 reads $\mathrm ds_j = w_j \; \mathrm d\mathbf o \cdot (\mathbf v_j - \mathbf o)$: **a score is judged by where its value lies, seen from the present output.**
# - a and c have the same slope 8, and yet $\mathrm ds_a = 1$ and $\mathrm ds_c = \tfrac12$. The factor $w_j$ is in front: who has little weight is moved little.
#
# The picture shows both: seen from the output, a and c lie to the right, b to the left. The arrow is $\mathrm d\mathbf o$, the direction in which the loss rises.

# %%
from course_lib.palette import ACCENT, QUERY, QUIET, VALUE
from course_lib.plots import bars, figure, show

fig, (left, right) = figure(7.5, 3.1, columns=2)
bars(left, ["a", "b", "c"], grad_s)
left.axhline(0, color=QUIET, lw=0.8)
left.set(title="Below 0: b's score should rise", xlabel="key", ylabel="slope of the loss for the score", ylim=(-2, 1.5))
for name, point, slope in zip("abc", V, grad_s, strict=True):
    right.plot([6, point[0]], [4, point[1]], "-" if slope > 0 else "--", color=VALUE)
    right.annotate(f"{name}: {slope:+.1f}", point, xytext=(6, 2), textcoords="offset points")
right.annotate("", (8, 4), (6, 4), arrowprops={"arrowstyle": "-|>", "color": ACCENT, "lw": 2})
right.plot(6, 4, "o", color=QUERY)
right.plot(5, 4, "x", color=QUERY, ms=9)
right.set(title="Against the arrow lies b", xlabel="first component (× target, ● output)", ylabel="second", xlim=(-1, 11), ylim=(-1, 9.5))
show(fig, alt="Slopes 1.0, -1.5, 0.5 as bars; beside them the values a and c right of the output, b to its left.")

# %% [markdown]
# **Look.** The slopes for the scores sum to 0. Lesson 02 knew why: raising all scores alike changes nothing.
#
# **Change it.** Let the target be $(6, 5)$, so that $\mathrm d\mathbf o = (0, -1)$. Which scores should rise now? Guess with the picture, then set `grad_o = np.array([0.0, -1.0])` in a new cell and compute `w * (V @ grad_o - w @ (V @ grad_o))`.
#
# <details><summary>Answer</summary>
#
# The output should move up. b and c lie above it, with slopes −1 each, and a lies below, slope 2. So b and c should rise, a should fall.
#
# </details>

# %% [markdown]
# ## One rule for matrices (8 min)
#
# With many queries, the five steps become matrix products. One rule covers four of them. Let $Z = X Y$ and suppose we know $\mathrm dZ$, the slopes of the loss for $Z$.
# Nudge the single number $X_{ij}$ by $\varepsilon$. What moves? Only row $i$ of $Z$, and it moves by $\varepsilon$ times row $j$ of $Y$. So the loss changes by
#
# $$\varepsilon \sum_l \mathrm dZ_{il} \, Y_{jl} = \varepsilon \, (\mathrm dZ \, Y^\top)_{ij}$$
#
# The same argument for $Y_{jl}$: column $l$ of $Z$ moves by $\varepsilon$ times column $j$ of $X$. Both together:
#
# $$\boxed{\ \mathrm dX = \mathrm dZ \, Y^\top \qquad \mathrm dY = X^\top \, \mathrm dZ\ }$$
#
# You need not learn where the transpose goes. Say the shapes: X (n, r), Y (r, c), so dZ is (n, c). From (n, c) and (r, c) there is one product that gives (n, r).
#
# The next cell shows the first half of the argument: one number nudged, one row moved.

# %%
X, Y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 0.0, 1.0], [0.0, 2.0, 1.0]])  # (n, r), (r, c)
dZ = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])  # (n, c)
nudge = np.array([[0.0, 0.01], [0.0, 0.0]])  # X[0, 1] alone
print("Z moves by\n", (X + nudge) @ Y - X @ Y)
dX, dY = dZ @ Y.T, X.T @ dZ
print("dX = dZ Y^T\n", dX)
assert dX.shape == X.shape and dY.shape == Y.shape
assert np.isclose((dZ * (nudge @ Y)).sum(), 0.01 * dX[0, 1])
assert np.allclose(dY, finite_difference(lambda x: (dZ * (X @ x)).sum(), Y))

# %% [markdown]
# **Look.** Row 0 moved by 0.01 times row 1 of Y, (0, 2, 1). Weighted with row 0 of dZ, (1, 0, 2), this makes 0.02: the slope is 2, and that is the entry (0, 1) of dX.
#
# **Predict.** Now attention. The scores are $S = Q K^\top / \sqrt d$; Q is (3, 7), K is (5, 7), $\mathrm dS$ is (3, 5). Which product gives $\mathrm dK$, up to the factor?

# %%
predict("shape_dK")

# %% [markdown]
# **Why.** $Q K^\top$ is $X Y$ with $X = Q$ and $Y = K^\top$. The rule gives $\mathrm dQ = \mathrm dS \, K$, and $\mathrm d(K^\top) = Q^\top \mathrm dS$. Transpose the last one: $\mathrm dK = \mathrm dS^\top Q$.
# Likewise $O = A V$, where $A$ (n_q, n_k) is the table of the weights: its row $i$ is the $w$ of query $i$, and in code it is `weights`. Steps 1 and 2 follow from it in the same way; they are left for you. Beside the steps on paper:
#
# | step | one query | many queries | shape |
# |---|---|---|---|
# | 1. values | $\mathrm d\mathbf v_j = w_j \, \mathrm d\mathbf o$ | yours, below | (n_k, d_v) |
# | 2. weights | $\mathrm dw_j = \mathrm d\mathbf o \cdot \mathbf v_j$ | yours, below | (n_q, n_k) |
# | 3. scores | $\mathrm ds_j = w_j (\mathrm dw_j - m)$ | the same in each row: `softmax_backward` | (n_q, n_k) |
# | 4. queries | $\mathrm d\mathbf q = \sum_j \mathrm ds_j \, \mathbf k_j / \sqrt d$ | $\mathrm dQ = \mathrm dS \, K / \sqrt d$ | (n_q, d) |
# | 5. keys | $\mathrm d\mathbf k_j = \mathrm ds_j \, \mathbf q / \sqrt d$ | $\mathrm dK = \mathrm dS^\top Q / \sqrt d$ | (n_k, d) |
#
# The next cell draws step 5 with the numbers from paper, and answers the guess with sizes that are all different.

# %%
from course_lib.palette import KEY
from course_lib.plots import number_grids

dS = grad_s[None, :]  # (n_q, n_k)
grids = {"dS transposed\n(n_k, n_q)": dS.T, "Q\n(n_q, d)": Q, "dK\n(n_k, d)": (dS.T @ Q / np.sqrt(2)).round(2)}
fig, ax = figure(6, 1.9)
number_grids(ax, grids, between=["·", "/√2 ="], colors=dict(zip(grids, [QUIET, QUERY, KEY], strict=True)))
ax.set_title("Each key gets a share of the query, by its slope")
show(fig, alt="The column 1, -1.5, 0.5 times the row 1, 0 over root 2 gives the gradient of the keys, 3 by 2.")
dS_35, Q_37 = np.ones((3, 5)), np.ones((3, 7))
assert np.allclose(dS.T @ Q / np.sqrt(2), judge_K) and (dS_35.T @ Q_37).shape == (5, 7)
compare("shape_dK", "dS transposed, times Q")

# %% [markdown]
# **Look.** n_q meets n_q, and a key collects from all queries that looked at it. Had n_q and n_k been equal, `dS @ Q` would have run without a complaint. Remember this; it comes back.
#
# ## The whole backward pass (8 min)
#
# **Change it.** Here is the function with two blanks, steps 1 and 2. Apply the rule to $O = A V$, write both lines, run the cell, then the next one. (Until then they are tables of zeros, and zeros in step 2 make zeros of all that follows.)

# %%
def backward_with_blanks(Q, K, V, d_output):
    weights = attention(Q, K, V)[1]  # (n_q, n_k)
    dV = np.zeros(V.shape)  # 1. values (n_k, d_v): replace this line
    d_weights = np.zeros(weights.shape)  # 2. weights (n_q, n_k): replace this line
    d_scores = softmax_backward(d_weights, weights)  # 3. scores (n_q, n_k)
    dQ = d_scores @ K / np.sqrt(Q.shape[-1])  # 4. queries (n_q, d)
    dK = d_scores.T @ Q / np.sqrt(Q.shape[-1])  # 5. keys (n_k, d)
    return dQ, dK, dV


# %% [markdown]
# **Run.** This cell lets the referee judge your function on random arrays whose sizes n_q, n_k, d, d_v = 3, 5, 7, 2 are all different. `softmax_backward(d_weights, weights)` is step 3 from lesson 02.
# A test needs some loss. We draw random numbers `slopes`, one for each number of the output, and call the sum of output times slopes the loss. Then $\mathrm dO$ is `slopes`.

# %%
rng = np.random.default_rng(1)
sizes = {"Q": (3, 7), "K": (5, 7), "V": (5, 2), "slopes": (3, 2)}
Q5, K5, V5, slopes = (rng.standard_normal(shape) for shape in sizes.values())


def judge(backward, Q, K, V, d_output):
    """Largest difference of (dQ, dK, dV) to finite differences."""
    referee = (finite_difference(lambda x: (attention(x, K, V)[0] * d_output).sum(), Q),
               finite_difference(lambda x: (attention(Q, x, V)[0] * d_output).sum(), K),
               finite_difference(lambda x: (attention(Q, K, x)[0] * d_output).sum(), V))
    return [np.abs(mine - true).max() for mine, true in zip(backward(Q, K, V, d_output), referee, strict=True)]


for name, far in zip(("dQ", "dK", "dV"), judge(backward_with_blanks, Q5, K5, V5, slopes), strict=True):
    print(name, "right" if far < 1e-8 else "not yet")

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# dV = weights.T @ d_output
# d_weights = d_output @ V.T
# ```
#
# </details>
#
# The next cell is the function that we keep. As in lesson 03, `np.swapaxes(x, -1, -2)` allows any leading axes such as a batch.

# %%
def transposed(x):
    return np.swapaxes(x, -1, -2)


def my_backward(Q, K, V, d_output):
    """Gradients with the shapes of Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v)."""
    scale = 1 / np.sqrt(Q.shape[-1])
    weights = softmax(Q @ transposed(K) * scale)
    dV = transposed(weights) @ d_output  # 1. values (..., n_k, d_v)
    d_weights = d_output @ transposed(V)  # 2. weights (..., n_q, n_k)
    d_scores = softmax_backward(d_weights, weights) * scale  # 3., and 1/sqrt(d) of 4. and 5.
    return d_scores @ K, transposed(d_scores) @ Q, dV  # 4. queries (..., n_q, d), 5. keys (..., n_k, d)


# %% [markdown]
# **Run.** Three judges: the paper, finite differences, and the course library, whose version is printed without its docstring.

# %%
import inspect

from course_lib.by_hand import scaled_dot_product_attention_backward as library_backward

dQ, dK, dV = my_backward(Q, K, V, np.array([[1.0, 0.0]]))
assert np.allclose(dQ, grad_q) and np.allclose(dK, grad_k) and np.allclose(dV, grad_v)
assert [x.shape for x in my_backward(Q5, K5, V5, slopes)] == [(3, 7), (5, 7), (5, 2)]
assert max(judge(my_backward, Q5, K5, V5, slopes)) < 1e-8
mine, theirs = (function(Q5, K5, V5, slopes) for function in (my_backward, library_backward))
assert all(np.allclose(a, b) for a, b in zip(mine, theirs, strict=True))
print("paper, finite differences and library agree\n")
head, _, body = inspect.getsource(library_backward).split('"""')
print(body.strip("\n"))

# %% [markdown]
# **Look.** The same five steps, with a mask added. The scale is multiplied into `d_scores` once, and reaches dQ and dK from there.
#
# **Predict.** All queries become 100 times as long. Each now looks at one key with weight 1.0000. Which of the three gradients survives?

# %%
predict("saturated")

# %% [markdown]
# **Run.** Largest entry of each gradient, before and after.

# %%
for factor in (1, 100):
    sizes_seen = [np.abs(g).max() for g in my_backward(factor * Q5, K5, V5, slopes)]
    print(f"queries times {factor:3}: dQ {sizes_seen[0]:.4f}, dK {sizes_seen[1]:.4f}, dV {sizes_seen[2]:.4f}")
assert attention(100 * Q5, K5, V5)[1].max(axis=-1).min() > 0.9999
assert sizes_seen[0] < 1e-4 and sizes_seen[1] < 1e-2 and sizes_seen[2] > 0.5
compare("saturated", "dV")

# %% [markdown]
# **Look.** The value that is looked at still hears how it should change, in step 1. But step 3 is $\mathrm ds_j = w_j \, (\mathrm dw_j - m)$. Where $w_j$ is 0 nothing comes through, and where it is 1, $m$ equals $\mathrm dw_j$. A softmax in this state is called *saturated*.
# So a query that looks at one key alone hardly learns to look elsewhere. (Unless the slopes from the loss are very large; see *What learning needs*.)
#
# A masked key (lesson 04) has weight 0 by order. The next cell hides key 3 from all queries and prints what it gets.

# %%
_, dK_masked, dV_masked = library_backward(Q5, K5, V5, slopes, mask=np.arange(5) != 3)
print("gradient of key 3:", dK_masked[3], " of its value:", dV_masked[3])
assert (dK_masked[3] == 0).all() and (dV_masked[3] == 0).all() and (dK_masked[2] != 0).all()

# %% [markdown]
# **Look.** Exactly 0 for both: a hidden place learns nothing from queries that may not see it.
#
# **Make it.** Now from an empty function: [the exercises](../exercises/05_gradients.ipynb) ask for `matmul_backward`, `numerical_gradient` and `attention_backward`. You can do them now or after the recap.

# %% [markdown]
# ## Who judges the judge? (6 min)
#
# Finite differences have a step size. The smaller the step, the nearer to the true slope, says the definition of the slope.
#
# **Predict.** Which step comes nearest to the true gradient, in NumPy's usual float64?

# %%
predict("best_step")

# %% [markdown]
# **Run.** The error of dQ for 17 steps, for differences to both sides (*central*) and to one side.

# %%
def loss5(x):
    return (attention(x, K5, V5)[0] * slopes).sum()


def one_sided(x, step):
    nudges = step * np.eye(x.size).reshape(-1, *x.shape)  # (x.size, n_q, d), one number each
    return np.array([loss5(x + nudge) - loss5(x) for nudge in nudges]).reshape(x.shape) / step


steps_tried = 10.0 ** -np.arange(17)  # 1, 0.1, ... 1e-16
exact = my_backward(Q5, K5, V5, slopes)[0]
central_error = [np.abs(finite_difference(loss5, Q5, step) - exact).max() for step in steps_tried]
one_sided_error = [np.abs(one_sided(Q5, step) - exact).max() for step in steps_tried]
best = steps_tried[np.argmin(central_error)]
compare("best_step", "1e-5" if 1e-7 < best < 1e-3 else "1e-15")

# %% [markdown]
# The next cell draws both errors.

# %%
fig, ax = figure(7, 3)
ax.loglog(steps_tried, central_error, "o-", color=KEY, ms=4)
ax.loglog(steps_tried, one_sided_error, "s--", color=QUERY, ms=4)
ax.annotate("both sides", (1e-3, central_error[3]), xytext=(8, -8), textcoords="offset points", color=KEY)
ax.annotate("one side", (1e-4, one_sided_error[4]), xytext=(-60, 6), textcoords="offset points", color=QUERY)
ax.set(title="Too large: the curve bends. Too small: rounding", xlabel="step", ylabel="error of dQ")
show(fig, alt="Two V-shaped error curves: both sides lowest near 1e-5, one side between 1e-8 and 1e-7 and never as low.")
print(f"both sides: step 0.1 error {central_error[1]:.0e}, 0.01 {central_error[2]:.0e}, 0.001 {central_error[3]:.0e}")
print(f"1e-5 below 1e-9: {central_error[5] < 1e-9}, 1e-15 above 0.001: {central_error[15] > 1e-3}")
assert min(central_error) < 1e-9 < min(one_sided_error) and central_error[15] > 1e-3
assert 0.3 < np.abs(exact).max() < 0.33 and 0.01 < central_error[15] < 0.1
assert 1e-9 < steps_tried[np.argmin(one_sided_error)] < 1e-6
assert np.allclose(central_error[1] / np.array(central_error[2:4]), [100, 10_000], rtol=0.02)

# %% [markdown]
# **Look.** Two errors pull in opposite directions.
#
# - **Too large.** The loss is curved. For central differences the error falls with the *square* of the step: 100 times smaller for each factor of 10. One-sided ones fall in proportion only.
# - **Too small.** A float64 holds some 16 digits. The two losses agree in nearly all of them, and their difference keeps what is left. At 1e-15 one digit is left: the error is some hundredths, where the largest slope is 0.32.
#
# Central differences with a step of about 1e-5 are a good judge for numbers near 1. A float32 holds 7 digits only, and far fewer are left after the subtraction: check gradients in float64.
#
# Now the loss becomes large: the next cell adds a million to it. The true gradient stays. What becomes of the referee, and why? Guess before you run it.

# %%
added = 1e6
error = np.array([np.abs(finite_difference(lambda x: loss5(x) + added, Q5, step) - exact).max() for step in steps_tried])
print(f"best step {steps_tried[error.argmin()]:.0e}, error there below 1e-6: {error.min() < 1e-6}")
print(f"error at 1e-5 more than 10,000 times as large as before: {error[5] > 10_000 * central_error[5]}")
silent = np.isclose(error, np.abs(exact).max())  # says 0 everywhere: the error is the largest slope
print(f"from step 1e-12 on the referee says 0 everywhere: {silent[12:].all()}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The large steps, where the curve bends, err as before. But the digits spent on the million are missing in the difference: rounding is far larger, and the best step is now about 1e-3. From 1e-12 on at the latest both losses are the same number: the referee says 0 everywhere, and its error is 0.32, the largest slope.
#
# </details>
#
# **Change it.** Set `added = 1e3` in the cell above. Where does the best step go? Guess; the cell prints it.

# %% [markdown]
# ## Learn to reverse (8 min, short path)
#
# **Short path.** `my_backward` and the library's backward, used below, are the five steps from paper, for many queries at once.
#
# Back to *headache*. The tables Q and K (n, d) are what learns. Each training step draws a *batch* of $B = 16$ fresh sequences of random letters. Queries and keys belong to places and never see a letter, so all 16 have the same map of weights. The output is then, for each place, a share for every letter of the alphabet: probabilities. The letter that is right should get all of it.
#
# The loss is the mean of $-\ln p$, where $p$ is the share of the right letter (lesson 02). Its slope for $p$ is $-1/p$, and 0 for all other letters; the mean over $B \cdot n$ letters divides by their number.

# %%
def draw(rng, B=16, n=8, n_vocab=10):
    """B sequences of n random letters, one-hot (B, n, n_vocab)."""
    return np.eye(n_vocab)[rng.integers(n_vocab, size=(B, n))]


def log_loss(output, right):
    """Mean of -ln(share of the right letter), and its gradient for the output (B, n, n_vocab)."""
    p = (output * right).sum(axis=-1, keepdims=True)  # (B, n, 1)
    return -np.log(p).mean(), -right / p / p.size


# %% [markdown]
# The next cell draws the tables, and lends them to all sequences of a batch. `Replay` is a record of the course library: losses, accuracies, maps, parameters.

# %%
from course_lib.by_hand.reversal import Replay


def random_tables(seed=0, d=8, n=8):
    """Tables Q and K (n, d), and the generator for the sequences."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((n, d)), rng


def for_all(table, B=16):
    """The same table (n, d) for each of B sequences: (B, n, d)."""
    return np.broadcast_to(table, (B, *table.shape))


# %% [markdown]
# **Run.** The training loop: forward, loss, backward, descend. All $B$ sequences ask with the same tables: `for_all` copies nothing, it shows the one table $B$ times.
# So each table is used $B$ times, and what comes back through each use is added: `.sum(axis=0)`.

# %%
def learn(Q, K, rng, steps=25, rate=5.0, loss=log_loss, forward=attention, backward=my_backward):
    losses, accuracies, maps = [], [], []
    for _ in range(steps):
        tokens = draw(rng)  # (B, n, n_vocab)
        right = tokens[:, ::-1]  # what should come out
        output, weights = forward(for_all(Q), for_all(K), tokens)  # (B, n, n_vocab), (B, n, n)
        value, d_output = loss(output, right)
        dQ, dK, _ = backward(for_all(Q), for_all(K), tokens, d_output)  # (B, n, d) each
        losses, maps = [*losses, value], [*maps, weights[0]]
        accuracies.append((output.argmax(axis=-1) == right.argmax(axis=-1)).mean())
        Q, K = Q - rate * dQ.sum(axis=0), K - rate * dK.sum(axis=0)
    return Replay(np.array(losses), np.array(accuracies), np.array(maps), {"Q": Q, "K": K})

# %% [markdown]
# **Predict.** The map of weights starts as noise, and should end as an anti-diagonal: output place 0 looks at place 7, place 1 at 6, and so on. What does it look like on the way, when four letters of five are right?

# %%
predict("halfway")

# %% [markdown]
# **Run.** 25 steps of training. The cell is done before you see it start. It also answers your very first guess, the number of improvements.

# %%
run = learn(*random_tables())
first = int(np.argmax(run.accuracies == 1))
for step in (0, 4, 10, 24):
    print(f"step {step:2}: loss {run.losses[step]:.4f}, letters right {run.accuracies[step]:.0%}")
print(f"all right from step {first} on; 'headache' gives", say(run.parameters["Q"], run.parameters["K"]))
assert (run.accuracies[first:] == 1).all() and say(run.parameters["Q"], run.parameters["K"]) == "ehcadaeh"
assert run.losses.shape == (25,) and run.maps.shape == (25, 8, 8) and 5 <= first <= 15
compare("steps", "about 10")

# %% [markdown]
# The next cell draws the map at four steps. Rows are output places, columns input places.

# %%
from course_lib.plots import WEIGHTS

fig, axes = figure(8, 2.5, columns=4)
for ax, step in zip(axes, (0, 4, 8, 24), strict=True):
    picture = ax.imshow(run.maps[step], cmap=WEIGHTS, vmin=0, vmax=1)
    ax.set(title=f"step {step}: {run.accuracies[step]:.0%}", xlabel="input place", xticks=[0, 7], yticks=[0, 7])
axes[0].set_ylabel("output place")
fig.suptitle("The rows find their places one after another, the upper two last")
fig.colorbar(picture, ax=axes, label="weight", shrink=0.8)
show(fig, alt="The 8 by 8 map at steps 0, 4, 8 and 24: noise turns into an anti-diagonal, the upper rows last.")

# %% [markdown]
# The same in numbers: for each output place, the weight on the right input place.

# %%
right_weight = run.maps[4][np.arange(8), 7 - np.arange(8)]  # (n,)
at_start = run.maps[0][np.arange(8), 7 - np.arange(8)]  # (n,)
print(f"weight on the right place, row by row\nstep 0: {at_start.round(2)}\nstep 4: {right_weight.round(2)}")
assert set(at_start.argsort()[:3]) == {0, 1, 5} and right_weight[5] > 0.5 and at_start[1] < at_start[0]
assert right_weight[2:].min() > 0.5 and right_weight[:2].max() < 0.2
compare("halfway", "some rows are decided, others are still lost")

# %% [markdown]
# **Look.** Each output place has its own query. Six rows look at the right place with more than half of their weight, while rows 0 and 1 hesitate. The weight at the start explains much of it, not all: rows 0, 1 and 5 began with the least, and yet row 5 is decided. (*How fast?* measures it over 20 starts.) All rows pull at the same keys, so no row learns alone.
# Nobody told the tables what *backwards* means. They got the slopes of 128 numbers, ten times.
#
# The next cell asserts that the course library does the same, number for number. Its function is short, and you can now read it all.

# %%
from course_lib.by_hand.reversal import learn_tables, tables_step

theirs = learn_tables()
assert np.allclose(run.losses, theirs.losses) and np.allclose(run.maps, theirs.maps)
assert all(np.allclose(run.parameters[name], theirs.parameters[name]) for name in ("Q", "K"))
print("25 losses, 25 maps, both tables: the same\n")
print(inspect.getsource(tables_step).split('"""')[2].strip("\n"))

# %% [markdown]
# **Change it.** Train on sequences of *two* letters only: write `n_vocab=2` in the definition of `draw`, run that cell and the code cells up to the picture. Why does it take longer, and what do you see in the map? Put 10 back afterwards and run them again.
#
# <details><summary>Answer</summary>
#
# With two letters, half of all places hold the right letter by chance. The loss praises wrong places too, and only the average over many sequences says which place it was. After 24 steps rows 0 and 1 are still lost; give `learn` 100 steps. (The `assert` on the first right step complains.)
#
# </details>

# %% [markdown]
# ## How fast? (5 min)
#
# The learning rate was 5. The step is what you choose; the slope is what the loss gives.
#
# **Predict.** What happens with 50, ten times as much?

# %%
predict("rate")

# %% [markdown]
# **Run.** Eight rates, 60 steps each; then the first losses at 50. (`errstate` silences NumPy's warnings, to keep the page tidy.)

# %%
with np.errstate(all="ignore"):
    for rate in (0.05, 0.5, 5.0, 20.0, 30.0, 35.0, 40.0, 50.0):
        tried = learn(*random_tables(), steps=60, rate=rate)
        print(f"rate {rate:5}: letters right {tried.accuracies[-1]:4.0%}, last loss {tried.losses[-1]:.3f}")
        assert np.isnan(tried.losses[-1]) == (rate >= 40)
    assert learn(*random_tables(1), steps=60, rate=40.0).accuracies[-1] == 1
print("at 50 the loss goes", [f"{loss:.1f}" for loss in tried.losses[:6]])
assert tried.losses[1] < tried.losses[0] < tried.losses[2] < tried.losses[3] and np.isinf(tried.losses[4])
compare("rate", "it breaks: nan" if np.isnan(tried.losses[-1]) else "it learns ten times as fast")

# %% [markdown]
# **Look.** 35 still learns, 40 breaks. At 50 the first step helps. The next ones throw the scores so far that a right letter gets a share of exactly 0 in float64. Then $-\ln 0 = \infty$, its slope is $-1/0$, and nan spreads into every number.
# A rising loss is the warning, and here it comes two steps before the end. (From another start, seed 1, even 40 works: where it breaks is a matter of luck.)
#
# **Change it.** The replay below is the run from above. Move through the steps; then move the rate: the explorer calls **your** `learn` again and shows the new run. **Which row decides last at rate 5, and is it the same row at rate 20?**
# Pin a state to compare two.

# %%
from course_lib.explorers import training_replay_explorer


def retrain(rate):
    with np.errstate(all="ignore"):
        return learn(*random_tables(), rate=rate)


places = [str(i) for i in range(8)]
training_replay_explorer(run.losses, run.maps, run.accuracies, rows=places, columns=places,
                         retrain=retrain, learning_rate=5.0, step=4, predict=False)

# %% [markdown]
# **Run.** The same question from code: for each row, the step from which the right place keeps more than half of the weight.

# %%
def decisions(maps):
    """For each row of maps (steps, n, n): the right weight at the start, and the step after its last low one."""
    right_weights = maps[:, np.arange(8), 7 - np.arange(8)]  # (steps, n)
    padded = np.vstack([np.zeros(8), right_weights])  # (1 + steps, n): entry i is step i - 1
    return right_weights[0], np.array([np.flatnonzero(row <= 0.5)[-1] for row in padded.T])


for rate in (5.0, 20.0):
    _, decided = decisions(learn(*random_tables(), rate=rate).maps)
    print(f"rate {rate:4}: row by row decided at step {decided}, last row {decided.argmax()}")
    assert decided.argmax() == 0

# %% [markdown]
# Do rows that start low decide late? The next cell asks 20 starts at rate 5. The *correlation* of two lists is the cosine of their distances from their means: −1 if one falls in proportion as the other rises, 0 if they have nothing to do with each other.

# %%
seen = [decisions(learn(*random_tables(seed)).maps) for seed in range(20)]  # (start weights, steps) of each run
correlation = np.array([np.corrcoef(begun, decided)[0, 1] for begun, decided in seen])
last = [int(decided.argmax()) for _, decided in seen]
print(f"correlation {correlation[0]:.2f} at seed 0, {correlation.mean():.2f} on average, below 0 in {(correlation < 0).sum()} of 20")
print("last row at each seed:", last)
assert (correlation < 0).sum() == 18 and -0.6 < correlation.mean() < -0.4 and len(set(last)) == 8

# %% [markdown]
# **Look.** Row 0 is last both times, at step 12 and at step 4. At the larger rate the same start needed fewer steps.
# A low start makes a late row likely: the correlation is −0.75 here, about −0.5 on average, and below 0 from 18 starts of 20. It is not all. Row 1 began lower than row 0 and was decided before it. From other seeds other rows come last.
#
# ## It learns, so the gradient is right? (8 min)
#
# **Trap.** *"I changed the backward pass and the model still trains to 100 %. So the gradient is right."* Three wrong ones stand ready:
#
# - **diagonal**: "the gradient of softmax is $p \, (1 - p)$", so step 3 is `weights * (1 - weights) * d_weights`;
# - **wrong axis**: $m$ is summed down the columns;
# - **no transpose**: $\mathrm dK = \mathrm dS \, Q$, which fits because here n_q = n_k = 8.
#
# A gradient is a direction in the space of all 128 numbers. Two directions are compared by their cosine (lesson 01): 1 for the same, 0 for a right angle.
#
# **Predict.** At the random start, which of the three points *least* in the direction of the right gradient?

# %%
predict("wrong_gradient")

# %% [markdown]
# The cell writes them down as three backward passes that differ from ours in one place each. In the lambdas, `g` is `d_weights` and `p` the weights.

# %%
def broken_backward(scores_step, key_side=transposed):
    def backward(Q, K, V, d_output):
        weights = softmax(Q @ transposed(K) / np.sqrt(Q.shape[-1]))  # (..., n_q, n_k)
        d_scores = scores_step(d_output @ transposed(V), weights) / np.sqrt(Q.shape[-1])
        return d_scores @ K, key_side(d_scores) @ Q, transposed(weights) @ d_output

    return backward


mistakes = {
    "diagonal": broken_backward(lambda g, p: p * (1 - p) * g),
    "wrong axis": broken_backward(lambda g, p: p * (g - (p * g).sum(axis=-2, keepdims=True))),
    "no transpose": broken_backward(softmax_backward, key_side=lambda d_scores: d_scores),
}

# %% [markdown]
# First a test that seems fair: how does the first weight answer to its *own* score? With the slopes 8, 0, 0 the loss is 8 times the first weight. The cell takes the weights 1/8, 2/8, 5/8 from lesson 02, and prints the slopes for all three scores.

# %%
p, g = np.array([1.0, 2.0, 5.0]) / 8, np.array([8.0, 0.0, 0.0])  # (n,) each
full, diagonal = softmax_backward(g, p), p * (1 - p) * g
print(f"8 times the slopes: right {8 * full}, diagonal {8 * diagonal}")
assert np.allclose(8 * full, [7, -2, -5]) and np.allclose(8 * diagonal, [7, 0, 0])

# %% [markdown]
# **Look.** For the nudged score itself both say 7/8. A test that looks there alone passes $p \, (1 - p)$. What is missing stands beside it: the others pay.
#
# **Run.** The cosine with the right gradient, at five random starts, and for comparison that of random directions.

# %%
def direction(backward, seed):
    """The gradient of both tables at the start as one row of 128 numbers, length 1."""
    Qs, Ks, rng = random_tables(seed)
    tokens, Qs, Ks = draw(rng), for_all(Qs), for_all(Ks)  # (B, n, n_vocab), (B, n, d) each
    d_output = log_loss(attention(Qs, Ks, tokens)[0], tokens[:, ::-1])[1]
    row = np.concatenate([g.sum(axis=0).ravel() for g in backward(Qs, Ks, tokens, d_output)[:2]])
    return row / np.linalg.norm(row)


# %% [markdown]
# **Change it.** Which of the three do you trust least? The cell prints the cosines. Then change the seed of `noise`: does any random direction come near to the three?

# %%
cosines = {name: [direction(my_backward, s) @ direction(wrong, s) for s in range(5)] for name, wrong in mistakes.items()}
for name, cosine in cosines.items():
    print(f"{name:12}: cosine {min(cosine):.2f} to {max(cosine):.2f}")
noise = np.random.default_rng(9).standard_normal((1000, 128))
noise_cosines = np.abs(noise @ direction(my_backward, 0)) / np.linalg.norm(noise, axis=1)
print(f"random      : {noise_cosines.mean():.2f} on average, up or down")
assert max(cosines["diagonal"]) < min(cosines["no transpose"]) < min(cosines["wrong axis"]) and noise_cosines.mean() < 0.1
compare("wrong_gradient", min(cosines, key=lambda name: np.mean(cosines[name])))

# %% [markdown]
# **Run.** Now training: each for 60 steps, from five random starts.

# %%
learned = {}
for name, backward in {"right": my_backward, **mistakes}.items():
    runs = [learn(*random_tables(seed), steps=60, backward=backward) for seed in range(5)]
    learned[name] = all(r.accuracies[-1] == 1 for r in runs)
    firsts = [int(np.argmax(r.accuracies == 1)) for r in runs]
    print(f"{name:12} at the end {min(r.accuracies[-1] for r in runs):.0%}, first all right at {firsts}")
assert all(learned.values())

# %% [markdown]
# **Look.** All three learn, from every start. *Wrong axis* is as fast as the right gradient or faster, and *diagonal* wins at the last start. In *diagonal*, each slope still loses its own part $p \, g$ of the mean $m$; only the parts of the others are dropped.
# All three point more downhill than a random direction. That alone does not decide it, as the end of this section shows. A loss that falls shows that the steps went down. It does not show a right gradient.
#
# This task is small and kind; how often wrong gradients succeed elsewhere, it does not say. So let the referee speak. Which tests see which mistake?
# The next cell tries four: is the task learnt; are the shapes right; is the gradient right on a saturated query; is it right on random numbers of square size?

# %%
Q8, K8, V8, slopes8 = rng.standard_normal((4, 8, 8))  # (n_q, d), (n_k, d), (n_k, d_v), (n_q, d_v)
print(f"{'test passed by':22}", *(f"{name:>13}" for name in mistakes))
tests = {
    "learns the task": lambda name: learned[name],
    "shapes, square": lambda name: [x.shape for x in mistakes[name](Q8, K8, V8, slopes8)] == [(8, 8)] * 3,
    "referee, saturated": lambda name: max(judge(mistakes[name], 1e4 * Q8, K8, V8, slopes8)) < 1e-6,
    "referee, random": lambda name: max(judge(mistakes[name], Q8, K8, V8, slopes8)) < 1e-6,
}
passed = {test: [passes(name) for name in mistakes] for test, passes in tests.items()}
for test, row in passed.items():
    print(f"{test:22}", *(f"{'passes' if ok else 'caught':>13}" for ok in row))
assert all(passed["learns the task"]) and all(passed["shapes, square"]) and not any(passed["referee, random"])
assert passed["referee, saturated"] == [True, False, True]

# %% [markdown]
# **Look.** Only the last test catches all of them: finite differences, on random numbers of moderate size. A saturated softmax hides two: $p \, (1 - p)$ is 0 where $p$ is 0 or 1, like the right gradient, and a table of zeros may be transposed at will.
# Sizes that differ would have caught *no transpose* without any referee: then `dS @ Q` does not fit.
#
# **Change it.** Take the whole mean away: `p * g`, a fourth mistake. Does it learn? Guess; the next cell tries it from ten starts, beside *diagonal*.

# %%
def trial(name, scores_step):
    """Cosines at ten starts, how many of the ten runs learn, and how many end in nan."""
    wrong = broken_backward(scores_step)
    cosine = [direction(my_backward, s) @ direction(wrong, s) for s in range(10)]
    with np.errstate(all="ignore"):
        runs = [learn(*random_tables(seed), steps=60, backward=wrong) for seed in range(10)]
        early = [np.abs(learn(*random_tables(seed), steps=10, backward=wrong).parameters["Q"]).max() for seed in range(10)]
    learns, breaks = sum(r.accuracies[-1] == 1 for r in runs), sum(np.isnan(r.losses[-1]) for r in runs)
    print(f"{name:9}: cosine {min(cosine):.2f} to {max(cosine):.2f}, learns {learns}, nan {breaks} of 10,", end=" ")
    print(f"largest entry of Q after 10 steps {min(early):.1f} to {max(early):.1f}")
    return learns, breaks, min(early), max(early)


kept, forgotten = trial("diagonal", lambda g, p: p * (1 - p) * g), trial("forgotten", lambda g, p: p * g)
assert kept[:2] == (10, 0) and forgotten[:2] == (1, 9) and forgotten[2] > kept[3]

# %% [markdown]
# The cosines are alike, the ends are not. The next cell looks at the slope for the *right* score while its weight $p$ goes to 1. The loss $-\ln p$ gives $g = -1/p$ for the right weight and 0 for the others (each letter once; not yet divided by their number). Then it prints the weights on the right places at seed 0, step 17, shortly before nan.

# %%
p = np.array([0.5, 0.9, 0.99])
g = -1 / p
print("right    ", p * (g - p * g), "\ndiagonal ", p * (1 - p) * g, "\nforgotten", p * g)
assert np.allclose(p * (g - p * g), p - 1) and np.allclose(p * (1 - p) * g, p - 1) and np.allclose(p * g, -1)
late = learn(*random_tables(), steps=18, backward=broken_backward(lambda g, p: p * g)).maps[17]
on_right = late[np.arange(8), 7 - np.arange(8)]  # (n,)
print("forgotten, step 17, weight on the right place:", on_right.round(2))
assert on_right[:2].max() < 0.01 and on_right[2:].min() > 0.99

# %% [markdown]
# **Look.** The right step and *diagonal* have a factor that vanishes as $p \to 1$: a row that has learnt is left in peace. With `p * g` the push on the right score is $p \cdot 1/p = 1$ for ever. The tables grow and grow. Rows that are still lost by then, 0 and 1 here, are driven hard onto a wrong place: the right letter's share becomes exactly 0, and nan follows. The cosine at the start says nothing about that.
#
# **Change it.** Write a mistake of your own: `trial("mine", lambda g, p: ...)` in a new cell. For instance the plain mean in place of the weighted one, `p * (g - g.mean(axis=-1, keepdims=True))`. Guess how many of the ten starts learn.

# %% [markdown]
# ## What learning needs (8 min)
#
# Take things away and look. First the random start.
#
# **Predict.** Both tables start at 0. What happens?

# %%
predict("zero_start")

# %% [markdown]
# **Run.** 200 steps from zero, and 200 from random numbers a hundred times smaller than usual. `moved` is the largest entry of Q at the end.

# %%
Q0, K0, _ = random_tables()
for name, size in (("zero", 0.0), ("a hundredth", 0.01), ("usual", 1.0)):
    trained = learn(size * Q0, size * K0, np.random.default_rng(5), steps=200)
    moved = np.abs(trained.parameters["Q"]).max()
    print(f"{name:12}: letters right {trained.accuracies[-1]:4.0%}, largest entry of Q {moved:.2f}")
    assert (trained.accuracies[-1] == 1) == (size > 0)
    if size == 0:
        print(f"{'':14}mean over the 200 steps {trained.accuracies.mean():.0%}, all weights 1/8: {np.allclose(trained.maps, 1 / 8)}")
        assert np.allclose(trained.maps, 1 / 8) and 0.25 < trained.accuracies.mean() < 0.35
        compare("zero_start", "nothing moves" if moved == 0 else "it learns")

# %% [markdown]
# **Why.** $\mathrm dQ = \mathrm dS \, K / \sqrt d$ is a sum of *keys*, and these are all 0. $\mathrm dK$ is a sum of *queries*, all 0 too. The slopes $\mathrm dS$ are there, and have nothing to push against. A product of two zeros is stuck; a hundredth of random is enough to break it.
# (Why 30 % and not 10 %? All weights stay at 1/8, so every place names the most frequent letter of its sequence. That is often a double one.)
#
# Next: the loss and the scale. Lesson 03 divided by $\sqrt d$ so that softmax does not saturate. Lesson 02 said that $-\ln p$ rescues a saturated softmax and $1 - p$ does not. Both claims meet here, with wide queries, $d = 512$.

# %%
def plain_loss(output, right):
    """Mean of 1 - share of the right letter, and its gradient for the output."""
    p = (output * right).sum(axis=-1, keepdims=True)  # (B, n, 1)
    return 1 - p.mean(), -right / p.size


# %% [markdown]
# **Run.** Both losses with and without the scale, three starts each.

# %%
from functools import partial

width = 512
for loss in (log_loss, plain_loss):
    for name, scale in (("scaled", width**-0.5), ("no scale", 1.0)):
        passes = {"forward": partial(attention, scale=scale), "backward": partial(library_backward, scale=scale)}
        runs = [learn(*random_tables(seed, d=width), steps=100, loss=loss, **passes) for seed in range(3)]
        done = [int(np.argmax(r.accuracies == 1)) if (r.accuracies == 1).any() else None for r in runs]
        print(f"{loss.__name__:10} {name:8}: right at the end {[f'{r.accuracies[-1]:.0%}' for r in runs]}, first all right at {done}")
        assert all(r.accuracies[-1] == 1 for r in runs) == (name == "scaled" or loss is log_loss)

# %% [markdown]
# **Look.** With $1 - p$ and this start, the model without a scale does not learn: saturated rows hear almost nothing. With $-\ln p$ the model without a scale even learns *faster*, in 1 or 2 steps against 4 or 5: the scale divides dQ too. The factor $1/p$ of the loss cancels the small $w$ of step 3, because in this toy the loss sees the attention weights directly.
#
# What hurts $1 - p$ is not the missing factor but large scores at the start. The next cell leaves the scale out again and draws smaller tables instead, so that the scores begin as small as with the scale.

# %%
smaller = []
for seed in range(3):
    Qs, Ks, rng = random_tables(seed, d=512)
    smaller.append(learn(Qs / 512**0.25, Ks / 512**0.25, rng, steps=100, loss=plain_loss, **passes))  # passes: no scale
print("1 - p, no scale, smaller tables: right at the end", [f"{r.accuracies[-1]:.0%}" for r in smaller])
assert passes["forward"].keywords["scale"] == 1.0 and all(r.accuracies[-1] == 1 for r in smaller)

# %% [markdown]
# **Look.** It learns. So the size of the scores at the start decides, and the scale is one way to keep it small.
# In a whole Transformer many layers lie between. Why its authors put the scale in, they say with care: "We suspect" that large dot products push softmax where "it has extremely small gradients" ([Vaswani and others, 2017](https://arxiv.org/abs/1706.03762), section 3.2.1). Our $1 - p$ shows that effect; how a whole model fares without a scale, these cells do not show.
#
# **Change it.** In the cell with both losses set `width = 64`. Which lines change their verdict? Put 512 back.
#
# <details><summary>Answer</summary>
#
# None: $1 - p$ without the scale still fails, with some more letters right, and the three others learn. The scores at the start are still too large.
#
# </details>

# %% [markdown]
# ## The price of a gradient (4 min)
#
# How much work did the backward pass save? The next cell counts forward passes for one gradient of both tables.

# %%
calls = []


def counted(Q, K, tokens, right):
    calls.append(1)
    return log_loss(attention(for_all(Q), for_all(K), tokens)[0], right)[0]


Qr, Kr, rng = random_tables()
tokens = draw(rng)  # (B, n, n_vocab)
right = tokens[:, ::-1]
slow_Q = finite_difference(lambda x: counted(x, Kr, tokens, right), Qr)
slow_K = finite_difference(lambda x: counted(Qr, x, tokens, right), Kr)
output, _ = attention(for_all(Qr), for_all(Kr), tokens)
dQ, dK, _ = my_backward(for_all(Qr), for_all(Kr), tokens, log_loss(output, right)[1])

# %% [markdown]
# Both ways give the same gradients:

# %%
assert np.allclose(slow_Q, dQ.sum(axis=0), atol=1e-8) and np.allclose(slow_K, dK.sum(axis=0), atol=1e-8)
print(f"finite differences: {len(calls)} forward passes for one gradient")
assert len(calls) == 2 * (Qr.size + Kr.size) == 256

# %% [markdown]
# **Look.** A forward pass has two matrix products, $Q K^\top$ and $A V$. Count those of the backward pass in `my_backward`: four, and one to get the weights again, which one could have kept. So loss and gradient together cost about as much as three forward passes, **however many numbers there are**.
# This is general: all slopes of one loss cost a small fixed multiple of the loss itself. [Baur and Strassen (1983)](https://doi.org/10.1016/0304-3975%2883%2990110-X) prove it for computations with +, −, · and /. With exp as one more operation the argument stays the same: its slope costs one product.
#
# The idea has many parents. Linnainmaa wrote it down for any computation in his thesis of 1970, to follow rounding errors ([*Taylor expansion of the accumulated rounding error*](https://doi.org/10.1007/BF01931367), 1976). Werbos's thesis *Beyond regression* (Harvard, 1974) brought it to models that are fitted to data.
# Rumelhart, Hinton and Williams (1986, [*Learning representations by back-propagating errors*](https://doi.org/10.1038/323533a0), Nature 323) showed that networks trained with it find useful inner features, and made it known.
# Who was first? Griewank tells in *Who invented the reverse mode of differentiation?* (2012, Documenta Mathematica). Gradient descent itself is older: Cauchy, *Méthode générale pour la résolution des systèmes d'équations simultanées* (1847, Comptes rendus 25).
#
# The identity $m = \mathrm d\mathbf o \cdot \mathbf o$ from paper is in daily use: [FlashAttention](https://arxiv.org/abs/2205.14135) (Dao and others, 2022) computes step 3 with it, and so never needs a whole row of $\mathrm dA$ at once (lesson 24).
#
# **Change it.** In `counted`, nothing is special to attention. How many forward passes would one gradient need for tables of n = 100 places and d = 64? Say it, then check in a new cell.
#
# <details><summary>Answer</summary>
#
# Two tables of 6,400 numbers, two passes for each number: 25,600. Backward it stays at the price of about three.
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. What are the five steps of the backward pass, in order?</summary>
#
# For one query. Values: $w_j \, \mathrm d\mathbf o$. Weights: $\mathrm d\mathbf o \cdot \mathbf v_j$. Scores: $w_j (\mathrm dw_j - m)$, with $m$ the weighted mean. Query: the sum of $\mathrm ds_j \, \mathbf k_j / \sqrt d$. Keys: $\mathrm ds_j \, \mathbf q / \sqrt d$.
# For many: $A^\top \mathrm dO$, $\mathrm dO \, V^\top$, each row through softmax, $\mathrm dS \, K / \sqrt d$, $\mathrm dS^\top Q / \sqrt d$.
#
# </details>
#
# <details><summary>2. Two keys have the same slope for their weights. Why can their scores have different slopes?</summary>
#
# Step 3 multiplies by the weight. The key with less weight moves less; one with weight 0 does not move at all.
#
# </details>
#
# <details><summary>3. What does one step of gradient descent do to the tables Q and K?</summary>
#
# It subtracts the learning rate times their gradient, summed over all sequences that used them.
#
# </details>
#
# <details><summary>4. A backward pass trains a model to 100 %. What do you know about the gradient?</summary>
#
# That its steps led downhill often enough. Three wrong ones did the same here. Finite differences on random numbers of different sizes are the test.
#
# </details>
#
# <details><summary>5. Why not choose 1e-15 as the step of finite differences?</summary>
#
# Two losses that near agree in almost all digits that float64 holds; what is left in their difference is mostly rounding. About 1e-5, to both sides, is a good step.
#
# </details>
#
# <details><summary>6. Z = X Y with shapes (n, r) and (r, c). What are dX and dY?</summary>
#
# $\mathrm dZ \, Y^\top$ and $X^\top \mathrm dZ$. No other product of the two fits.
#
# </details>
#
# <details><summary>7. From lesson 04: key 3 is masked for every query. What are its gradient and that of its value?</summary>
#
# Both 0. Its weight is exactly 0, and step 1 and step 3 multiply by the weight.
#
# </details>
#
# **What stays.** Attention can be trained because it leans: softmax passes slopes to every score that has some weight. From the next part on, a library computes the backward pass for you.
# You know what it computes, and how to test it. At the start 128 random numbers had a headache; 25 steps later they could say it backwards.

# %% [markdown]
# ## How narrow? (after the lesson)
#
# For those who want more. How narrow may queries and keys be, and must both tables learn?
#
# **Predict.** With $d = 2$ and the keys held fast at their random places, only Q learns, for 400 steps. How many letters come out right?

# %%
predict("fixed_keys")

# %% [markdown]
# **Run.** Widths 8, 2 and 1; both tables learn, or Q alone.

# %%
def queries_only(Q, K, V, d_output):
    dQ, dK, dV = my_backward(Q, K, V, d_output)
    return dQ, 0 * dK, dV


share = {}
for d in (8, 2, 1):
    for name, backward in (("both", my_backward), ("Q only", queries_only)):
        runs = [learn(*random_tables(seed, d=d), steps=400, backward=backward) for seed in range(3)]
        share[d, name] = np.mean([r.accuracies[-50:].mean() for r in runs])
        print(f"d = {d}, {name:6}: letters right {share[d, name]:.0%} (mean of three starts, last 50 steps)")
assert share[8, "Q only"] > 0.99 and share[2, "both"] > 0.99 and 0.55 < share[2, "Q only"] < 0.8 and share[1, "both"] < 0.6
compare("fixed_keys", "about two thirds")

# %% [markdown]
# **Look.** With $d = 8$ the queries do it alone. With $d = 2$ they cannot, but both tables together can. The next cell asks which keys can win at all: it lets a query point in 3,600 directions, and notes the key with the largest score.

# %%
angles = np.linspace(0, 2 * np.pi, 3600)
directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (3600, d)


def winners(keys):
    """Places of the keys (n, d) that have the largest score for some query, going round."""
    best = (directions @ keys.T).argmax(axis=-1)  # (3600,)
    return best[np.flatnonzero(np.diff(best, prepend=-1))]


Q2, K2, rng2 = random_tables(0, d=2)
after = learn(Q2, K2, rng2, steps=400).parameters["K"]
print("random keys that can win:", sorted(set(winners(K2).tolist())), " learnt:", sorted(set(winners(after).tolist())))
assert len(set(winners(K2))) == 5 and len(set(winners(after))) == 8

# %% [markdown]
# **Why.** A query gives the largest score to the key that reaches farthest in its direction. A key *inside* the outline of the others is never the farthest, whatever the query asks: three of the eight random ones here. Such a key still gets some weight, never the most. Learning moved the keys outwards, until each is the farthest in some direction.
# On a line, $d = 1$, there are two ends, so two keys of eight can win, and no training changes that. (More than two letters of eight come right: in a blurred row the most frequent letter wins, as at the zero start.)
#
# **Change it.** How wide must fixed random keys be for eight places? Try `(4, 6, 16)` in the loop that prints the widths. (Its last two lines will complain.) Which width is enough for all three starts?
#
# <details><summary>Answer</summary>
#
# At 4 some starts still miss a letter, from 6 on all succeed here. In a wider space there is more room outside: fewer random keys lie inside the outline of the others.
#
# </details>

# %% [markdown]
# ## Another order (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Write `learn_order(where, steps)`: attention tables that learn to put letter `where[i]` at output place `i`, trained with nothing but `attention`, `log_loss`, `my_backward` and `draw`.
# It returns the final weights (n, n) and the accuracy on 100 fresh sequences. The test asks for three orders: rotate by 3, swap neighbours, and *stutter* (each letter of the first half twice), which is no permutation.

# %%
def learn_order(where, steps=60, rate=5.0, seed=0):
    """where (n,) -> (weights (n, n), accuracy on fresh sequences): replace the body."""
    n = len(where)
    return np.full((n, n), 1 / n), 1 / n


# %% [markdown]
# **Run.** The acceptance test: at least 99 % of the letters, and each row of the map looks where it should.

# %%
orders = {"rotate by 3": (np.arange(8) + 3) % 8, "swap neighbours": np.arange(8) ^ 1, "stutter": np.arange(8) // 2}
for name, where in orders.items():
    weights, accuracy = learn_order(where)
    fine = weights.shape == (8, 8) and accuracy >= 0.99 and (weights.argmax(axis=-1) == where).all()
    print(f"{name:16} {where}: {'passed' if fine else 'not yet'}")

# %% [markdown]
# <details><summary>Hint</summary>
#
# Only one line of `learn` knows about reversing: `right = tokens[:, ::-1]`. For the accuracy draw once more, with `draw(rng, B=100)` and `for_all(Q, 100)`, and do not update.
#
# </details>
