# ---
# jupyter:
#   course:
#     title: Attention
#     question: How can a table answer for a key that it does not hold?
#     minutes: 75
#     short_path: 25
#     needs: [00_start, 01_dot_products, 02_softmax]
#     objectives:
#       - carry out one attention look-up on paper, in three steps, scores, weights, mix
#       - write scaled dot-product attention for many queries and any batch, and name every axis of every shape
#       - choose a test that tells right attention from three common mistakes
#       - derive why scores are divided by the root of d, and measure what goes wrong with no scale, or with d in place of its root
#       - say what attention over raw word vectors finds, and what it cannot find
#     terms: [query, key, value, attention weights, scaled dot-product attention]
# ---

# %%
import numpy as np

from course_lib import compare, predict, start

start("03_attention")

# %% [markdown]
# ## A table with holes (4 min, short path)
#
# A weather station keeps four average temperatures, in degrees Celsius, in a Python dictionary. It answers for April at once.
# May lies between two of its entries. The next cell asks for both.

# %%
temperature = {"january": 3.0, "april": 10.0, "july": 20.0, "october": 11.0}
print("april:", temperature["april"])
try:
    print("may:", temperature["may"])
except KeyError as error:
    print("may: KeyError", error)

# %% [markdown]
# **Look.** All or nothing: a dictionary compares keys for *equality*. A person would say "between April and July, so some 13 degrees".
# A person lets **all** entries speak, each as loudly as its key resembles the question.
#
# That is attention. At the end of this lesson the same four entries answer for `may`, `winter` and `august`.
# Their keys are then real word vectors, and nobody tells the machine what a calendar is.
#
# **Predict.** Which entry will speak loudest for August? The answer comes in the last experiment.

# %%
predict("august")

# %% [markdown]
# **Short path.** 25 minutes: the four sections whose heading says *short path*, and the recap questions 1 and 4.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones. Then read your sections, guess, and run their cells again.

# %% [markdown]
# ## One look-up by hand (10 min, short path)
#
# Three words first.
#
# - A **query** is a vector that asks: what am I looking for?
# - A **key** is the vector under which an entry can be found.
# - A **value** is the vector that the entry hands over.
#
# The dictionary had the same three: `"may"` was the query, the names were keys, the temperatures were values. Keys and values come in pairs. The query of a dictionary comes from outside and belongs to no pair.
#
# A soft look-up takes three steps. Remember their names, the whole course uses them.
#
# 1. **Scores.** Compare the query with every key by a dot product (lesson 01), divided by $\sqrt d$, where $d$ is the number of entries in the query. Why the root comes below.
# 2. **Weights.** Softmax turns the scores into positive numbers that sum to 1 (lesson 02). These are the **attention weights**.
# 3. **Mix.** Average the values with these weights. The result is the **output** (also called the context).
#
# $$s_j = \frac{\mathbf q \cdot \mathbf k_j}{\sqrt d} \qquad w_j = \frac{e^{s_j}}{\sum_m e^{s_m}} \qquad \mathbf o = \sum_j w_j \, \mathbf v_j$$
#
# **By hand.** Three entries, $d = 2$, and numbers chosen so that all can be done on paper. The query is $\mathbf q = (1, 0)$.
#
# | entry | key $\mathbf k_j$ | $\mathbf q \cdot \mathbf k_j$ | score $s_j$ | $e^{s_j}$ | weight $w_j$ | value $\mathbf v_j$ |
# |---|---|---|---|---|---|---|
# | a | $(\sqrt 2 \ln 2,\ 0)$ | $\sqrt 2 \ln 2$ | $\ln 2$ | 2 | 2/4 = 0.50 | $(8, 0)$ |
# | b | $(0,\ \sqrt 2 \ln 2)$ | 0 | 0 | 1 | 1/4 = 0.25 | $(0, 8)$ |
# | c | $(0,\ 0)$ | 0 | 0 | 1 | 1/4 = 0.25 | $(8, 8)$ |
#
# **Predict.** The last step is yours. What comes out?

# %%
predict("mix")

# %% [markdown]
# **Run.** The same table as code, one line for each step. Each comment gives the shape: n_k is the number of keys, d how many entries a key has, d_v how many a value has.

# %%
step = np.sqrt(2) * np.log(2)
query = np.array([1.0, 0.0])  # (d,)
keys = np.array([[step, 0.0], [0.0, step], [0.0, 0.0]])  # (n_k, d)
values = np.array([[8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])  # (n_k, d_v)

scores = keys @ query / np.sqrt(2)  # 1. scores (n_k,)
weights = np.exp(scores) / np.exp(scores).sum()  # 2. weights (n_k,)
output = weights @ values  # 3. mix (d_v,)

print(f"scores {scores}\nweights {weights}\noutput {output}")
assert keys.shape == values.shape == (3, 2) and scores.shape == weights.shape == (3,) and output.shape == (2,)
assert np.allclose(weights, [0.5, 0.25, 0.25]) and np.allclose(output, [6, 4])
compare("mix", f"({output[0]:.0f}, {output[1]:.0f})")

# %% [markdown]
# **Look.** First component: 0.5 · 8 + 0.25 · 0 + 0.25 · 8 = 6. Second: 0.5 · 0 + 0.25 · 8 + 0.25 · 8 = 4. No value was picked. All three were mixed.
#
# The next cell draws the weights, and beside them where the output lies among the values.

# %%
from course_lib.palette import QUERY, VALUE
from course_lib.plots import bars, figure, show

fig, (left, right) = figure(7, 3, columns=2)
bars(left, ["a", "b", "c"], weights)
left.set(title="a counts twice as much as b", xlabel="key", ylabel="weight")
right.fill(*values.T, color=VALUE, alpha=0.12)
right.plot(*values.T, "s", color=VALUE, ms=9)
right.plot(*output, "o", color=QUERY, ms=9)
for name, point in zip(["a", "b", "c", "output"], [*values, output], strict=True):
    right.annotate(name, point, xytext=(0, -16), textcoords="offset points", ha="center")
right.set(title="The output stays inside", xlabel="first component", ylabel="second component",
          xlim=(-1.5, 9.5), ylim=(-2, 9.5), aspect="equal", xticks=range(0, 9, 2), yticks=range(0, 9, 2))
show(fig, alt="Bars 0.50, 0.25, 0.25; beside them the output (6, 4) as a point inside the triangle of the three values.")

# %% [markdown]
# **Why** can it never leave the triangle? The weights are positive and sum to 1, so the output is an average, and an average lies between the things it averages.
# Attention chooses and blends what the values offer. It cannot reach a point outside of their triangle. (Later parts of the Transformer can.)
#
# **Predict.** Now a query that asks for nothing at all: the zero vector.

# %%
predict("zero")

# %% [markdown]
# **Run.** The same three steps with $\mathbf q = (0, 0)$.

# %%
scores = keys @ np.zeros(2) / np.sqrt(2)  # 1. scores (n_k,)
weights = np.exp(scores) / np.exp(scores).sum()  # 2. weights (n_k,)
output = weights @ values  # 3. mix (d_v,)
print(f"scores {scores}\nweights {weights}\noutput {output}")
assert np.allclose(output, values.mean(axis=0))
compare("zero", "the plain mean of the values" if np.allclose(output, 16 / 3) else "zeros")

# %% [markdown]
# **Look.** Equal scores give equal weights, and equal weights give the plain mean, (5.3333, 5.3333). Attention has no way to answer "nothing".
# Somebody always speaks.
#
# **Run.** The same three entries as an explorer, with one thing more. So far the query came from outside; from here on **each token both asks and is found**:
# it has a query of its own beside its key and its value. (A text that looks at itself in this way is the subject of lesson 08.)
# Tokens a, b, c have the keys and values from the table. Their queries are (1, 0), (1, 1) and (3, 0).
# Drag a query, or focus it and use the arrow keys. What the explorer shows can also be read from Python: `explorer.weights`.

# %%
from course_lib.explorers import attention_explorer

queries = np.array([[1.0, 0.0], [1.0, 1.0], [3.0, 0.0]])  # (n_q, d)
explorer = attention_explorer(["a", "b", "c"], queries=queries, keys=keys, values=values, query=0)
explorer.challenge("make 'a' look at 'c' with weight > 0.7")
explorer

# %% [markdown]
# **Change it.** Can you make the query of a look mostly at **c**? The key of c is the zero vector, so its score is always 0.
# Then compare two states: reset, choose the query of a, (1, 0), pin it, and choose the query of c, (3, 0). The direction is the same. What did the length change?
#
# <details><summary>What one finds</summary>
#
# The score of c stays 0 whatever the query is, so the other two must fall. Drag the query to the lower left, where a and b get negative scores. Softmax looks at differences only.
# A query three times as long multiplies all scores by three. That is a temperature of one third: a now gets 8/10 = 0.80 instead of 0.50.
# So the *direction* of a query says where to look, and its *length* says how sharply.
#
# </details>
#
# The next cell reads the weights of all three queries from the explorer and holds the longer one against a calculation by hand: $e^{3 \ln 2} = 8$.

# %%
print(explorer.weights)
if np.allclose(explorer.queries, queries):  # only where nothing was dragged
    assert np.allclose(explorer.weights[2], [8 / 10, 1 / 10, 1 / 10])

# %% [markdown]
# ## Many queries at once (14 min)
#
# A sentence asks many questions at the same time. Put the queries under each other as the rows of a matrix $Q$, and do the same with keys and values.
# All scores come from one matrix product: entry $(i, j)$ of $Q K^\top$ is query $i$ times key $j$.
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) V$$
#
# | tensor | shape | row $i$ is |
# |---|---|---|
# | queries $Q$ | (n_q, d) | what query $i$ looks for |
# | keys $K$ | (n_k, d) | how entry $i$ can be found |
# | values $V$ | (n_k, d_v) | what entry $i$ hands over |
# | scores, weights | (n_q, n_k) | how query $i$ looks at each key; weights of a row sum to 1 |
# | output | (n_q, d_v) | what query $i$ gets |
#
# Read the sizes like dominoes: (n_q, d) with (d, n_k) gives (n_q, n_k); that with (n_k, d_v) gives (n_q, d_v).
# Two must agree (d, so that queries meet keys; n_k, one value for each key). Two are free: n_q and d_v.
# This is **scaled dot-product attention**, equation 1 of Vaswani et al. (2017). They write $d_k$ for our $d$: the width of *one query or key*, 64 in their model (section 3.2.2).
# It is not the width of the whole model. The factor $1/\sqrt d$ is called the scale.
#
# **By hand.** Take the keys and values from before and two queries, (1, 0) and (1, 1). The second scores $\ln 2, \ln 2, 0$, the exponentials are 2, 2, 1, their sum is 5.
#
# **Change it.** Steps 1 and 3 are there. Step 2 is a stand-in: every key gets the same weight. Write your own line, with `np.exp`, and run both cells.
# Mind the axis, each *row* must sum to 1; `keepdims=True` helps.

# %%
def look_up_many(Q, K, V):
    scores = Q @ K.T / np.sqrt(Q.shape[-1])  # 1. scores (n_q, n_k)
    weights = np.full(scores.shape, 1 / len(K))  # 2. weights (n_q, n_k): replace this line
    return weights @ V, weights  # 3. mix (n_q, d_v)


# %% [markdown]
# **Run.** This cell holds your function against the numbers of the table.

# %%
Q_hand = queries[:2]  # (n_q, d)
by_hand_weights = np.array([[2, 1, 1], [2, 2, 1]]) / [[4], [5]]  # (n_q, n_k)
yours, _ = look_up_many(Q_hand, keys, values)
print(f"by hand\n{by_hand_weights @ values}\nyours\n{yours}")
print("they agree" if np.allclose(yours, by_hand_weights @ values) else "not yet: step 2 is still to be written")

# %% [markdown]
# <details><summary>One way to write step 2</summary>
#
# ```python
# exponentials = np.exp(scores)
# weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
# ```
#
# or `softmax(scores, axis=-1)` of lesson 02, which also survives a score of 1000.
#
# </details>
#
# One more thing is needed in practice. Sentences come in batches, $B$ of them at once, and so queries have the shape (B, n_q, d).
# Axes in front of the last two, such as B, are called leading axes, and a shape with any number of them is written (..., n_q, d).
# `K.T` would reverse *all* axes. `np.swapaxes(K, -1, -2)` turns the last two and leaves the others alone; `@` multiplies the last two and matches the others.
#
# The next cell is the function that we keep.

# %%
from course_lib.by_hand import softmax


def my_attention(Q, K, V):
    """Q (..., n_q, d), K (..., n_k, d), V (..., n_k, d_v) -> output (..., n_q, d_v), weights (..., n_q, n_k)."""
    scores = Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])  # 1. scores (..., n_q, n_k)
    weights = softmax(scores, axis=-1)  # 2. weights (..., n_q, n_k)
    return weights @ V, weights  # 3. mix (..., n_q, d_v)


# %% [markdown]
# **Run.** This cell holds it against the numbers done by hand.

# %%
output, weights = my_attention(Q_hand, keys, values)
print(f"weights\n{weights}\noutput\n{output}")
assert np.allclose(output, [[6, 4], [4.8, 4.8]])

# %% [markdown]
# **Look.** The first row is the look-up done by hand, (6, 4). The second is (4.8, 4.8): a and b pull equally, c adds a little of both.
#
# The next cell draws the whole formula with these numbers. Follow the row of the second query from left to right.
#
# **Change it.** When you have seen it, write `10 * values` in the line of `shown`. Which of the six matrices will change? Say it before you run again.

# %%
from course_lib.palette import KEY
from course_lib.plots import number_grids

shown = 1 * values  # (n_k, d_v)
output, weights = my_attention(Q_hand, keys, shown)
scores = (Q_hand @ keys.T / np.sqrt(2)).round(2)  # (n_q, n_k)
grids = {"Q\n(n_q, d)": Q_hand, "K transposed\n(d, n_k)": keys.T.round(2), "scores\n(n_q, n_k)": scores,
         "weights\n(n_q, n_k)": weights, "V\n(n_k, d_v)": shown, "output\n(n_q, d_v)": output}
colors = dict(zip(grids, [QUERY, KEY, KEY, KEY, VALUE, VALUE], strict=True))
fig, ax = figure(8, 2.2)
number_grids(ax, grids, between=["·", "/√2 =", "softmax\n→", "·", "="], colors=colors)
ax.set_title("Each query keeps its row")
show(fig, alt="Q times K transposed over root 2 gives the scores, softmax the weights, times V the output, with all numbers.")

# %% [markdown]
# **Look.** The axes meet like dominoes: d with d, n_k with n_k. Softmax works inside each row, so a query never sees another query.
#
# <details><summary>Which matrices change with ten times the values?</summary>
#
# V and the output, which becomes ten times as large. Scores and weights are made from queries and keys alone.
#
# </details>
#
# The next cell draws inputs in which **every size is a different prime number**. Then no axis can hide behind another.

# %%
rng = np.random.default_rng(0)
B, n_q, n_k, d, d_v = 2, 3, 5, 7, 11
Q = rng.standard_normal((B, n_q, d))
K = rng.standard_normal((B, n_k, d))
V = rng.standard_normal((B, n_k, d_v))
output, weights = my_attention(Q, K, V)
print(f"Q (B, n_q, d) = {Q.shape}\nK (B, n_k, d) = {K.shape}\nV (B, n_k, d_v) = {V.shape}")
print(f"weights (B, n_q, n_k) = {weights.shape}\noutput (B, n_q, d_v) = {output.shape}")
assert weights.shape == (B, n_q, n_k) and output.shape == (B, n_q, d_v)
assert np.allclose(weights.sum(axis=-1), 1)

# %% [markdown]
# **Change it.** Say the five shapes first, then run: `n_q = 1`. And what does `n_k = 6` for the values alone do (write `(B, n_k + 1, d_v)` in the line of V)? Put both back before you go on.
#
# <details><summary>Answer</summary>
#
# With one query, Q is (2, 1, 7), the weights (2, 1, 5) and the output (2, 1, 11); K and V stay. With a sixth value the mix raises a ValueError, because 5 weights meet 6 values.
#
# </details>
#
# **Run.** Here is the library's version: two functions, printed without their docstrings. Brackets after a name give type and shape.
# It agrees with ours on the same input. It can also take a mask (next lesson) and another `scale`.

# %%
import inspect

from course_lib.by_hand import attention_scores, scaled_dot_product_attention

library_output, library_weights = scaled_dot_product_attention(Q, K, V)
assert np.allclose(output, library_output) and np.allclose(weights, library_weights)
for function in (attention_scores, scaled_dot_product_attention):
    head, _, body = inspect.getsource(function).split('"""')
    print(head.rstrip() + body)

# %% [markdown]
# **Look.** The same three steps: scores, weights, mix. `mask` decides which scores may count at all.
# Mind one word: in the library **`scale` multiplies** the scores. Left out, it is $1/\sqrt d$, and that is the division by $\sqrt d$.
#
# **Change it.** The explorer now runs on **your** function. Break `my_attention` above: write `* np.sqrt(` for `/ np.sqrt(`, run the cell of its `def` and then the next cell, and watch the map.
# Put it right again in the same way. Compare the two maps, and read the live line: it says where your function and the library's differ.

# %%
attention_explorer(["a", "b", "c"], queries=queries, keys=keys, values=values, query=0, attention=my_attention)

# %% [markdown]
# **Make it.** Now from an empty function: [the exercises](../exercises/03_attention.ipynb) ask for `soft_look_up`, `attention_scores` and `scaled_dot_product_attention`,
# with nothing but the three step names left. The check says what a tutor would say. You can do them now or after the recap.

# %% [markdown]
# ## Mistakes that a weak test lets through (10 min)
#
# **Trap.** Three mistakes to know by sight. Behind each stands a belief.
#
# - "Softmax is softmax": it runs over the wrong axis.
# - "The weights are the output": the mix is left out.
# - "Two factors of a product may change places": query and key are exchanged.
#
# The first one: suppose that there is a *single* query and five keys, and that softmax runs down the columns (over the queries) instead of along the row.
#
# **Predict.** What are the five weights?

# %%
predict("wrong_axis")

# %% [markdown]
# The next cell writes the three mistakes down as functions. Each differs from `my_attention` in one place.

# %%
def softmax_over_queries(Q, K, V):
    weights = softmax(Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1]), axis=-2)
    return weights @ V, weights


def weights_as_output(Q, K, V):
    _, weights = my_attention(Q, K, V)
    return weights, weights


def query_and_key_exchanged(Q, K, V):
    return my_attention(K, Q, V)


# %% [markdown]
# **Run.** The first mistake at work on one query and five keys.

# %%
_, wrong_weights = softmax_over_queries(Q[0, :1], K[0], V[0])
print(wrong_weights)
compare("wrong_axis", "1, 1, 1, 1, 1" if np.allclose(wrong_weights, 1) else "the same as before")

# %% [markdown]
# **Look.** Softmax over an axis of length 1 is always 1. The output would be the *sum* of all values, whatever was asked. The shape is perfect, and there is no error message.
# For the second mistake, the first explorer of this lesson has a preset, *Same weights, other values*: the map stays, the output moves.
#
# A test should notice such things, and many do not. Five tests will meet the three mistakes.
#
# **Predict.** Take four tokens whose queries equal their keys, Q = K, and compare the output with the right one. Which mistake can this test never see?

# %%
predict("blind_test")

# %% [markdown]
# **Run.** A test is an input and a look at the result. The cell defines when a test notices a mistake.

# %%
def notices(mistake, inputs, look):
    right = look(*my_attention(*inputs))
    try:
        found = look(*mistake(*inputs))
    except ValueError:  # the shapes do not fit together: noticed
        return True
    return found.shape != right.shape or not np.allclose(found, right)


Q4, K4, V4 = rng.standard_normal((3, 4, 4))  # (n_q, d), (n_k, d), (n_k, d_v), all sizes 4
sizes_differ = (Q[0], K[0], V[0])  # n_q, n_k, d, d_v = 3, 5, 7, 11

# %% [markdown]
# The next cell lets each of the five tests meet each of the three mistakes.

# %%
tests = {
    "shapes, all sizes 4": ((Q4, K4, V4), lambda output, weights: np.array(output.shape + weights.shape)),
    "rows of weights sum to 1": ((Q4, K4, V4), lambda output, weights: weights.sum(axis=-1)),
    "output where Q = K": ((Q4, Q4, V4), lambda output, weights: output),
    "output where V = identity": ((Q4, K4, np.eye(4)), lambda output, weights: output),
    "output, all sizes different": (sizes_differ, lambda output, weights: output),
}
mistakes = [softmax_over_queries, weights_as_output, query_and_key_exchanged]
seen = {name: [notices(mistake, *test) for mistake in mistakes] for name, test in tests.items()}
print(f"{'test':28} wrong axis   weights as output   exchanged")
for name, row in seen.items():
    print(f"{name:28} {row[0]!s:12} {row[1]!s:19} {row[2]}")
assert [sum(row) for row in seen.values()] == [0, 1, 2, 2, 3]
compare("blind_test", "query and key exchanged" if not seen["output where Q = K"][2] else "wrong axis")

# %% [markdown]
# **Look.** `True` means noticed. Shapes alone notice nothing when all sizes are equal. Each of the three middle tests has a blind spot of its own:
#
# - With Q = K, exchanging them changes nothing. Of course the bug stays hidden: the test made the misconception true.
# - With V = identity, the mix, weights times $I$, *is* the weights. So the weights look like the output.
# - Rows that sum to 1 say nothing about whose rows they are, and nothing about the output.
#
# One ordinary input with different sizes, compared number by number, notices all three. The checks of this course work like that.
#
# **Change it.** Equal sizes helped the bugs to hide. In the first test write `Q4[:3]` for `Q4`: three queries, four keys. Which mistake do shapes notice now, and which two not? (The `assert` line will complain: change its first number.)
#
# <details><summary>Answer</summary>
#
# The exchange: four keys now ask three queries, and three weights do not fit four values. The other two mistakes keep all shapes. So the first number becomes 1.
#
# </details>
#
# The [mutant hunt](../exercises/03_attention.ipynb) in the exercises turns the tables: there you hand in the input that unmasks a broken function.

# %% [markdown]
# ## Does the order of the entries matter? (4 min)
#
# A Python list has an order. Does a soft look-up notice it?
#
# **Predict.** The five keys are shuffled, and their values with them in the same way. What happens to the output?

# %%
predict("shuffle")

# %% [markdown]
# **Run.** The cell shuffles keys with values, then keys alone, then queries.

# %%
order = np.array([3, 0, 4, 1, 2])
output, weights = my_attention(Q[0], K[0], V[0])
together, shuffled_weights = my_attention(Q[0], K[0][order], V[0][order])
alone, _ = my_attention(Q[0], K[0][order], V[0])
asked_in_turn, _ = my_attention(Q[0][::-1], K[0], V[0])
print("keys with values:", "same output" if np.allclose(together, output) else "another output")
print("keys alone:      ", "same output" if np.allclose(alone, output) else "another output")
print("queries reversed:", "rows reversed" if np.allclose(asked_in_turn, output[::-1]) else "something else")
assert np.allclose(shuffled_weights, weights[:, order])
compare("shuffle", "nothing" if np.allclose(together, output) else "its rows are shuffled")

# %% [markdown]
# **Look.** The columns of the weights move, but each key takes its value along, and a sum does not care about the order of its terms.
# So attention sees a heap of entries without an order (one that comes twice counts twice), not a sequence. For a weather table that is right.
# For "dog bites man" it is a disaster, and lesson 09 repairs it with positions.
#
# **Change it.** In the next cell reverse the queries *and* shuffle the pairs, in one call. Say first what the output will be.
# The cell prints which row of the old output each new row is.

# %%
mixed_up, _ = my_attention(Q[0], K[0], V[0])  # write [::-1] and [order] where they belong
print("rows of the old output:", [int(np.abs(output - row).sum(axis=-1).argmin()) for row in mixed_up])

# %% [markdown]
# <details><summary>Answer</summary>
#
# `my_attention(Q[0][::-1], K[0][order], V[0][order])` gives the rows 2, 1, 0. The output follows the queries; the order of the pairs changes nothing.
#
# </details>

# %% [markdown]
# ## Why the root of d? (7 min, short path)
#
# Let the entries of a query and a key be independent random numbers with mean 0 and variance 1. (Where this holds roughly, and where it does not, comes below.) Their dot product is a sum of $d$ terms $q_i k_i$.
# Two rules are needed. A variance is $\mathrm{Var}[x] = \mathrm E[x^2] - \mathrm E[x]^2$, so here $\mathrm E[q_i^2] = \mathrm E[k_i^2] = 1$. And the mean of a product of independent factors is the product of their means. So each term has
#
# $$\mathrm E[q_i k_i] = \mathrm E[q_i]\,\mathrm E[k_i] = 0 \qquad \mathrm{Var}[q_i k_i] = \mathrm E[q_i^2]\,\mathrm E[k_i^2] - 0^2 = 1 \cdot 1 = 1$$
#
# and variances of independent terms add up:
#
# $$\mathrm{Var}[\mathbf q \cdot \mathbf k] = \sum_{i=1}^{d} \mathrm{Var}[q_i k_i] = d$$
#
# Footnote 4 of Vaswani et al. (2017) states this assumption and this result.
#
# **Predict.** $d = 1024$. What is the standard deviation of $\mathbf q \cdot \mathbf k$, before any scaling?

# %%
predict("spread")

# %% [markdown]
# **Run.** 2,000 random pairs for each of three sizes $d$.

# %%
rng = np.random.default_rng(1)
for d in (4, 64, 1024):
    q, k = rng.standard_normal((2, 2000, d))  # (pairs, d) each
    dots = (q * k).sum(axis=-1)  # (pairs,)
    print(f"d = {d:4}: standard deviation {dots.std():6.2f}, root of d {np.sqrt(d):6.2f}, "
          f"after dividing {dots.std() / np.sqrt(d):.2f}")
    assert abs(dots.std() / np.sqrt(d) - 1) < 0.05
compare("spread", "32" if abs(dots.std() - 32) < 2 else "1024")

# %% [markdown]
# **Look.** The measured spread follows $\sqrt d$, and dividing by $\sqrt d$ brings it back to 1 at every size. Scores that differ by about 1 leave every key a say: a lead of 1 is a factor of $e \approx 2.7$ between two weights.
#
# In the words of lesson 02, the divisor $\sqrt d$ is a **temperature**. It does not change which key is best. It changes how much the best one takes.
#
# **Predict.** A query and 16 random keys, $d = 1024$, *no* scale. How much does the best key take, on average?

# %%
predict("peak")

# %% [markdown]
# **Run.** 2,000 random queries look at 16 random keys. The figure shows one of them, whose largest weights are near the averages.

# %%
rng = np.random.default_rng(3)
n_q, n_k, d = 2000, 16, 1024
Q_wide, K_wide = rng.standard_normal((n_q, d)), rng.standard_normal((n_k, d))
dots = Q_wide @ K_wide.T  # (n_q, n_k)
assert dots.shape == (n_q, n_k)
raw, scaled = softmax(dots), softmax(dots / np.sqrt(d))  # (n_q, n_k)
off = sum(abs(weights.max(axis=-1) - weights.max(axis=-1).mean()) for weights in (raw, scaled))  # (n_q,)
fig, axes = figure(8, 2.6, columns=2)
for ax, weights, name in zip(axes, (raw, scaled), ("no scale", "scaled"), strict=True):
    ax.bar(range(n_k), weights[off.argmin()])
    ax.set(title=f"{name}: largest weight {weights[off.argmin()].max():.2f}", xlabel="key", ylabel="weight")
    ax.set(ylim=(0, 1.05), xticks=range(0, n_k, 3))
show(fig, alt="Sixteen keys: without the scale one key takes nearly all the weight, with it the weight is spread over many.")
print(f"largest weight on average: no scale {raw.max(axis=-1).mean():.2f}, scaled {scaled.max(axis=-1).mean():.2f}")
compare("peak", raw.max(axis=-1).mean())

# %% [markdown]
# **Look.** Nothing was learnt, the keys are pure chance, and yet without the scale attention behaves as if it were certain.
# With a standard deviation of 32, the best score usually leaves the runner-up far behind. With the scale the best key gets about a quarter, and the others still have a say.
#
# Run the explorer next. **Change it:** move d from 1 to 1024 with the scale off. From which d on does the largest weight pass 0.9? Pin that state, switch the scale on, and compare the two.
# (The picture also shows a gradient: how much of a wish to change the weights gets through. The next section measures it.)

# %%
from course_lib.explorers import sqrt_d_explorer

sqrt_d_explorer(d=64, scaled=False, seed=0)

# %% [markdown]
# <details><summary>Answer</summary>
#
# From d = 128 on. With the scale, the histogram keeps its width at every d.
#
# </details>
#
# The next cell reads the two sizes on either side of the answer from Python.

# %%
below, above = (sqrt_d_explorer(d=size, scaled=False, seed=0).peak for size in (64, 128))
print(f"largest weight without scale: d = 64 {below:.2f}, d = 128 {above:.2f}")
assert below < 0.9 < above

# %% [markdown]
# ## What the scale does to the gradient (9 min)
#
# Does certainty hurt? Learning needs gradients. Lesson 02 showed that a softmax with one weight near 1 passes almost none. So we measure, with three choices:
# no scale, $\sqrt d$, and, because someone always asks, $d$.
#
# **Predict.** What do the 16 weights look like if we divide by $d = 1024$ instead of by $\sqrt d = 32$?

# %%
predict("too_soft")

# %% [markdown]
# **Run.** Suppose that some loss, later on, wants each weight to grow or shrink: one random wish for each query and key, `d_weights`.
# The cell measures how long the gradient is that arrives at the scores (by `softmax_backward` of lesson 02), and one step further back at the query. Mean and median are over the 2,000 queries.

# %%
from course_lib.by_hand import entropy, softmax_backward

d_weights = rng.standard_normal((n_q, n_k))
measured = {}
print(f"{'':21} gradient at the scores   gradient at the query")
print("divided by    entropy        mean    median          mean    median")
for name, divisor in {"1": 1, "root of d": np.sqrt(d), "d": d}.items():
    weights = softmax(dots / divisor)  # (n_q, n_k)
    at_scores = softmax_backward(d_weights, weights)  # (n_q, n_k)
    at_query = at_scores @ K_wide / divisor  # (n_q, d)
    lengths = [np.linalg.norm(gradient, axis=-1) for gradient in (at_scores, at_query)]
    row = [entropy(weights).mean(), *(f(length) for length in lengths for f in (np.mean, np.median))]
    measured[name] = row
    print(f"{name:10} {row[0]:10.2f} {row[1]:11.4f} {row[2]:9.4f} {row[3]:13.4f} {row[4]:9.4f}")
compare("too_soft", "nearly all 1/16" if abs(weights - 1 / n_k).max() < 0.015 else "one of them near 1")

# %% [markdown]
# The next cell guards the numbers that the text uses. It also counts the queries that, without scale, receive less than a tenth of the mean with $\sqrt d$.

# %%
raw_row, root_row, d_row = measured.values()
at_query = np.linalg.norm(softmax_backward(d_weights, raw) @ K_wide, axis=-1)  # (n_q,)
starved = (at_query < root_row[3] / 10).mean()
print(f"mean gradient at the scores, root of d against no scale: {root_row[1] / raw_row[1]:.1f} times")
print(f"no scale, share of queries that get less than a tenth of that mean at the query: {starved:.2f}")
print(f"mean gradient at the query, root of d against d: {root_row[3] / d_row[3]:.0f} times")
assert 0.05 < raw_row[0] < 0.15 and 2.3 < root_row[0] < 2.4 and abs(d_row[0] - np.log(16)) < 0.01
assert 5 < root_row[1] / raw_row[1] < 9 and raw_row[2] < 0.001 and 0.6 < starved < 0.75
assert raw_row[3] > root_row[3] and raw_row[4] < 0.01 and 30 < root_row[3] / d_row[3] < 50

# %% [markdown]
# **Look.** Row by row.
#
# - **No scale.** The entropy is about 0.1 nats, close to a hard choice. At the scores the mean gradient is some 7 times smaller than with $\sqrt d$, and the median is practically 0. At the query, about two in three receive less than a tenth of what $\sqrt d$ gives on average.
# - **Divided by $d$.** The weights are all but equal, the entropy is 2.77, practically $\ln 16$, the largest possible. The scores do get a gradient, but on the way to the query it is divided by 1024: about 40 times less arrives than with $\sqrt d$.
# - **Divided by $\sqrt d$.** The entropy is 2.35, and mean and median nearly agree: every query gets a gradient, of much the same length. The gradient is as long at the query as at the scores. On the way back it is multiplied by the keys, whose length is about $\sqrt d$, and the scale takes that out again. So it works in both directions.
#
# **Trap.** Look again at the *mean* gradient at the query without scale. It is the largest in its column! Whoever reports only the mean would call it the best choice.
# Queries for which two keys nearly tie get an enormous push, and the typical one gets next to nothing; the median shows it.
# At the query, then, "the scale keeps gradients from vanishing" is true of the typical case and not of the average.
#
# How does this depend on $d$? The next cell repeats the measurement of the entropy at seven sizes.

# %%
sizes, stretch = [1, 4, 16, 64, 256, 512, 1024], 1
lines = {"no scale": [], "divided by the root of d": []}
for size in sizes:
    part = stretch * Q_wide[:, :size] @ K_wide[:, :size].T  # (n_q, n_k)
    for line, divisor in zip(lines.values(), (1, np.sqrt(size)), strict=True):
        line.append(entropy(softmax(part / divisor)).mean())
fig, ax = figure(7, 3)
for (name, line), style in zip(lines.items(), ("--", "-"), strict=True):
    ax.semilogx(sizes, line, f"o{style}", base=2)
    ax.annotate(name, (sizes[2], line[2]), xytext=(0, 10), textcoords="offset points")
ax.axhline(np.log(n_k), color="#6B7280", lw=0.8)
ax.annotate("ln 16: all keys equal", (64, np.log(n_k)), xytext=(0, 4), textcoords="offset points")
ax.set(title="With the scale, d hardly matters from 4 on", xlabel="d", ylabel="entropy (nats)", ylim=(0, 3.2))
ax.set_xticks(sizes, sizes)
show(fig, alt="Entropy against d: both lines start at 2.5; without the scale it falls to 0.1, with it it stays near 2.4.")

# %% [markdown]
# **Look.** At $d = 1$ the two lines start at the same point, because $\sqrt 1 = 1$. From there the lower one falls with every step.
# At $d = 4$ a missing scale might go unnoticed; at 1024 it decides everything. A bug that grows with the width of a query passes many a test on small sizes.
#
# Bahdanau, Cho and Bengio (2014) compared query and key with a small network, lesson 07. Luong, Pham and Manning (2015) tried a plain dot product among others.
# The scale came with Vaswani et al. (2017, section 3.2.1). They cite Britz et al. (2017): for large $d$, dot products without a scale did worse than the small network. The spread that you measured is what they suspect as the reason.
#
# **Change it.** In the first line of the cell above, set `stretch` (its last number) to 3: every query is now three times as long. Where does the solid line go? By what would you have to divide instead?
#
# <details><summary>Answer</summary>
#
# The solid line sinks, most where $d$ is large, and the dashed one sinks as well. Scores divided by $\sqrt d$ now have standard deviation 3. Dividing by $3 \sqrt d$ would bring it back. The root of d is right only for entries of variance 1.
#
# </details>

# %% [markdown]
# ## A real sentence (7 min)
#
# Now real vectors: the word table of lesson 01, 384 numbers for each word. In "the cat sat because it was tired", each word asks, and each word can be found:
# queries = keys = values = the word vectors.
#
# First a look at our assumption. Entries of variance 1 would make vectors of length $\sqrt{384} \approx 19.6$. These are shorter than 1.5. So we try both: as they come, and *stretched*, each to length $\sqrt d$. Then at least the length is what the assumption asks for.
#
# **Predict.** With the stretched vectors, which word does "it" look at most?

# %%
predict("it")

# %% [markdown]
# **Run.** Two helpers: one reads word vectors from the table, the other stretches each to length $\sqrt d$.

# %%
from course_lib.data.words import load_words

table = load_words()


def vectors_of(names):
    """The word vectors (n, d) of n words."""
    return np.array([table.vector(name) for name in names])


def stretched(X):
    """The rows of X (n, d), each stretched to length root of d."""
    return X * np.sqrt(X.shape[-1]) / np.linalg.norm(X, axis=-1, keepdims=True)


# %% [markdown]
# The next cell makes the vectors of the sentence, and says how long they are.

# %%
words = "the cat sat because it was tired".split()
X = vectors_of(words)  # (n, d)
long = stretched(X)  # (n, d)
lengths = np.linalg.norm(X, axis=-1)  # (n,)
too_short = np.sqrt(384) / lengths  # (n,)
print(f"{len(table.words)} words in the table; X (n, d) = {X.shape}; lengths {lengths.min():.2f} to {lengths.max():.2f}")
print(f"root of d = {np.sqrt(384):.1f}, so they are {too_short.min():.0f} to {too_short.max():.0f} times too short")
assert X.shape == long.shape == (7, 384) and lengths.max() < 1.5

# %% [markdown]
# **Run.** The next cell draws both maps. Read along the row of "it".

# %%
from course_lib.plots import heat_map

fig, axes = figure(8, 4, columns=2)
for ax, vectors, name in zip(axes, (X, long), ("as they come: all alike", "stretched: itself"), strict=True):
    heat_map(ax, my_attention(vectors, vectors, vectors)[1], words, words, label=name)
    ax.set(xlabel="key", ylabel="query")
    ax.tick_params(axis="x", rotation=60)
show(fig, alt="Two maps of 7 by 7 words: as they come all weights are 0.14 or 0.15; stretched, only the diagonal is 1.")
_, weights = my_attention(long, long, long)
compare("it", words[weights[words.index("it")].argmax()])

# %% [markdown]
# The next cell prints the numbers behind the maps.

# %%
_, raw_weights = my_attention(X, X, X)
scores = long @ long.T / np.sqrt(384)  # (n_q, n_k)
print(f"as they come: all weights from {raw_weights.min():.2f} to {raw_weights.max():.2f}")
print("stretched, scores of 'it':", dict(zip(words, scores[words.index("it")].round(1).tolist(), strict=True)))
assert raw_weights.min() > 0.13 and raw_weights.max() < 0.17
assert weights.diagonal().min() > 0.99 and np.allclose(scores, scores.T)

# %% [markdown]
# **Look.** Neither map is any use, and it is worth knowing why.
#
# - **As they come,** the vectors are 14 to 21 times too short for the assumption behind $\sqrt d$. All scores are near 0, all weights near 1/7. A scale is only right for the vectors it was derived for.
# - **Stretched,** every word sees itself and nothing else. Among vectors of equal length, nothing has a larger dot product with a vector than the vector itself (lesson 01: the cosine is at most 1).
# - **"it" never finds "cat".** Its runner-up is "the", also a small frequent word. The vectors say what a word *is like*; a pronoun asks for something *unlike* itself.
# - The scores are symmetric: "it" scores "cat" exactly as "cat" scores "it". (The weights need not be, since each row is divided by its own sum.)
#
# What is missing: a word must be able to ask for one thing and be found as another. Two learnt matrices, $W_Q$ and $W_K$, will make the query of a word differ from its key. That is lesson 08. There, "query = key" ends for good.
#
# **Change it.** Put a sentence of your own into the next cell. In this one a word stands twice. The table holds 1,872 lower-case words. Any other word raises a KeyError, which lists some that are *spelt* alike.

# %%
mine = "the cat saw the dog".split()
S = stretched(vectors_of(mine))  # (n, d)
_, weights = my_attention(S, S, S)  # (n_q, n_k)
for word, row in zip(mine, weights, strict=True):
    print(f"{word:8}", *(f"{key} {weight:.2f}  " for key, weight in zip(mine, row, strict=True)))

# %% [markdown]
# **Look.** The two *the* have the same vector, so each gets half. These vectors do not know where a word stands (section "Does the order matter?").

# %% [markdown]
# ## Back to the table with holes (4 min, short path)
#
# What a word is like is what the weather table needs. Keys are the four names as word vectors, values are the four temperatures, the function is ours.
#
# **Short path.** Two names come from sections that you left out: `my_attention` is the three steps for all queries at once, and `stretched` makes every word vector $\sqrt d$ long.

# %%
asked = ["april", "may", "winter", "summer", "august"]
degrees = np.array(list(temperature.values()))[:, None]  # (n_k, d_v)
questions, names = stretched(vectors_of(asked)), stretched(vectors_of(temperature))  # (n_q, d), (n_k, d)
answers, weights = my_attention(questions, names, degrees)  # (n_q, d_v), (n_q, n_k)
assert answers.shape == (5, 1) and weights.shape == (5, 4)
print(f"{'':8}", *(f"{name:>8}" for name in temperature), "  answer")
for name, row, answer in zip(asked, weights, answers, strict=True):
    print(f"{name:8}", *(f"{weight:8.2f}" for weight in row), f"{answer[0]:8.1f}")
assert np.allclose(answers[:, 0], [10.0, 14.2, 3.9, 17.6, 11.7], atol=0.05)
compare("august", list(temperature)[weights[-1].argmax()])

# %% [markdown]
# **Look.** `april` still gets its 10.0. Here, with vectors this long, the soft look-up is as good as the dictionary where the key is there: a stretched vector scores $\sqrt d = 19.6$ with itself, and no other key comes near.
# That is not so in general. In the paper table, a was met exactly in its direction, and got 0.50. `may` gets 14.2, a little less than half of each from april and july, as a person would mix them. `winter` gets 3.9 and `summer` 17.6, though neither is a month.
#
# And `august` gets 11.7, the one wrong answer, because its vector is nearest to *october*. In the texts from which these vectors were learnt, the two names probably stood in similar places. Attention did its work well; the keys know language and not weather.
# A look-up is as good as its keys, and that is why a Transformer learns them.
#
# **Why** stretch the vectors? The next cell leaves it out.

# %%
raw_answers, raw_weights = my_attention(vectors_of(asked), vectors_of(temperature), degrees)  # (n_q, d_v), (n_q, n_k)
print("as they come:", raw_answers[:, 0].round(1))
assert np.allclose(raw_answers, degrees.mean(), atol=0.1)
no_season, _ = my_attention(stretched(vectors_of(["snow", "hot", "monday"])), names, degrees)  # (n_q, d_v)
assert np.allclose(no_season[:, 0], [3.7, 13.3, 8.7], atol=0.05)  # the text further down uses these

# %% [markdown]
# **Look.** Every answer is 11.0, the plain mean of the four temperatures. Word vectors as they come are short. Divided by $\sqrt d$, their scores are all near 0, and then all weights are near 1/4. A scale suits only vectors of the size it was derived for.
#
# **Change it.** Ask in the next cell for words that are no season at all: `snow`, `hot`, `monday`. Which answers are sensible, and which one has no right to be given? (Recall what the zero query got.)
#
# <details><summary>Answer</summary>
#
# `snow` looks at january (3.7 degrees): sensible. `hot` only leans to july (13.3 degrees): the right direction, and hardly hot. `monday` has no temperature, and still gets 8.7, which looks as firm as the others.
# The weights sum to 1 whatever is asked. So attention cannot say "I do not know": a query without a direction gets the mean, any other gets some mix.
#
# </details>

# %%
word = "december"
answer, weights = my_attention(stretched(vectors_of([word])), names, degrees)  # (1, d_v), (1, n_k)
print(f"{word}: {answer[0, 0]:.1f} degrees, weights {weights[0].round(2)}")

# %% [markdown]
# ## Recap (6 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1, for one query, so that the shapes are (n_k,), (n_k,) and (d_v,); and 4 without its last half sentence.)
#
# <details><summary>1. What are the three steps of attention, and what is the shape after each?</summary>
#
# Scores $Q K^\top / \sqrt d$, shape (n_q, n_k). Weights, softmax along the keys, (n_q, n_k). Mix, weights times V, (n_q, d_v).
#
# </details>
#
# <details><summary>2. Which sizes must agree, and which are free?</summary>
#
# Queries and keys share d; keys and values share n_k. n_q and d_v are free.
#
# </details>
#
# <details><summary>3. Keys and values are shuffled together. What happens to the weights, what to the output?</summary>
#
# The columns of the weights are shuffled in the same way. The output stays as it is.
#
# </details>
#
# <details><summary>4. Why the root of d, and not d?</summary>
#
# The variance of the dot product is d, so its standard deviation is the root of d. Dividing by d makes the scores nearly equal and the gradient at the query tiny.
#
# </details>
#
# <details><summary>5. A colleague tests attention with V = identity. What does the test miss?</summary>
#
# A function that returns the weights as the output: with V = identity they are the same numbers.
#
# </details>
#
# <details><summary>6. From lesson 02: you add 5 to every score of one query. What changes?</summary>
#
# Nothing. Softmax depends on differences. So a part of the score that is the same for all keys can be left out; the task below uses this.
#
# </details>
#
# <details><summary>7. From lesson 01: two keys point the same way, one is twice as long. Which gets the larger score?</summary>
#
# The longer one where the dot product is positive, the shorter one where it is negative. With cosines they would tie.
#
# </details>
#
# **What stays.** A dictionary asks *is it equal?* Attention asks *how alike?*, lets every entry speak, and returns a mean. One thing is still crude: every key may speak to every query.
# In the next lesson some must be silent, padding because it is no word, and the future because it would give the answer away.

# %% [markdown]
# ## A curve from noisy points (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Attention existed before it had the name. Nadaraya and Watson (both 1964) estimated a curve from noisy points: the estimate at $x$ is the mean of all $y_i$, weighted by how near $x_i$ is.
# Their weights may fall with the distance in many ways. We choose the bell curve of Gauss, with width $h$:
#
# $$\hat y(x) = \frac{\sum_i e^{-(x - x_i)^2 / 2h^2} \, y_i}{\sum_i e^{-(x - x_i)^2 / 2h^2}}$$
#
# Write it as attention: choose queries and keys with $d = 2$ whose *dot product* does the work of $-(x - x_i)^2/2$, and find what the scores are multiplied by.
# Call `scaled_dot_product_attention(Q, K, V, scale=...)` in `smooth`; recall that `scale` multiplies. It now returns the plain mean. Run the second cell to see whether you pass.
#
# <details><summary>Hint</summary>
#
# Expand the square: $-(x - x_i)^2/2 = x x_i - x_i^2/2 - x^2/2$. The last part is the same for all keys (recap 6). What remains is the dot product of $(x, 1)$ and $(x_i, -x_i^2/2)$. It is divided by $h^2$, so `scale` is $1/h^2$.
#
# </details>

# %%
def smooth(x_new, x_seen, y_seen, h=0.4):
    """Estimates (n_new,) at x_new (n_new,) from the points x_seen, y_seen (n_seen,): replace the body."""
    return np.full(len(x_new), y_seen.mean())


# %% [markdown]
# **Run.** The acceptance test: the error against the true curve must fall below 0.15, the formula must agree, and the order of the points must not matter.

# %%
rng = np.random.default_rng(4)
x_seen, x_new = rng.uniform(0, 10, 120), np.linspace(0.5, 9.5, 50)
y_seen = np.sin(x_seen) + 0.3 * rng.standard_normal(120)
error = np.sqrt(((smooth(x_new, x_seen, y_seen) - np.sin(x_new)) ** 2).mean())
near = softmax(-((x_new[:, None] - x_seen) ** 2) / (2 * 0.4**2)) @ y_seen  # (n_new,)
agrees = np.allclose(smooth(x_new, x_seen, y_seen), near)
steady = np.allclose(smooth(x_new, x_seen[::-1], y_seen[::-1]), smooth(x_new, x_seen, y_seen))
formula_error = np.sqrt(((near - np.sin(x_new)) ** 2).mean())
print(f"your error {error:.2f}, the formula's {formula_error:.2f}, a noisy point's 0.30")
print("passed" if error < 0.15 and agrees and steady else "not yet")
assert formula_error < 0.15

# %% [markdown]
# The next cell draws what your function makes of the points. For now it is a flat line.

# %%
fig, ax = figure(7, 2.8)
ax.plot(x_seen, y_seen, "s", color=VALUE, ms=3, alpha=0.6)
ax.plot(x_new, np.sin(x_new), "--", color="#6B7280")
ax.plot(x_new, smooth(x_new, x_seen, y_seen), color=QUERY)
ax.set(title="Solid: yours. Dashed: the truth. Squares: the noisy points", xlabel="x", ylabel="y")
show(fig, alt="Noisy points around a dashed sine curve; your estimate is a solid line, flat until it is written.")

# %% [markdown]
# **Look.** The formula is more than twice as near to the truth as a single noisy point, because it averages neighbours.
#
# **Change it.** When yours works, draw it with other widths: in the cell of the picture write `smooth(x_new, x_seen, y_seen, h=0.05)`, then `h=3`. (The test uses 0.4, so leave the definition alone.) One of them copies the noise, the other flattens the curve. Which quantity of lesson 02 is $h^2$?
#
# <details><summary>Answer</summary>
#
# The scores are divided by $h^2$: it is a temperature. A low one listens to the nearest point alone, a high one to all alike.
#
# </details>
