# ---
# jupyter:
#   course:
#     title: Softmax
#     question: How can a machine choose and still learn from its choice?
#     minutes: 70
#     short_path: 20
#     needs: [00_start, 01_dot_products]
#     objectives:
#       - turn scores into weights by hand, and say which changes of the scores leave the weights alone
#       - write a softmax that survives scores of 1000 and -inf, along the axis you mean
#       - make a choice harder or softer with a temperature, and measure how undecided it is by its entropy
#       - derive the gradient of softmax, test it, and say when almost nothing of it is left
#     terms: [softmax, temperature, entropy, Jacobian, saturation]
# ---

# %%
import numpy as np

from course_lib import compare, predict, start

start("02_softmax")

# %% [markdown]
# ## A choice that cannot learn (2 min, short path)
#
# Someone writes to a help page: *I cannot get in*. The page has three answers, and a model gives each a
# score: **restart** 2.0, **password** 1.9, **cable** 0.2. The page shows the answer with the highest score:
# *restart*. The reader wanted *password*.
#
# How should the model learn from that? Its score for *password* ought to rise a little. Will the page notice?
#
# **Short path.** 20 minutes: the first four sections and *Back to the help page*, whose headings say *short
# path*. Run the cells between them unread, because later ones use their names.
#
# **Predict.** Guess before you run on. Your guess is kept on this computer only, and answered below.

# %%
predict("hard_choice")

# %% [markdown]
# **Run.** The next cell raises the score of *password* in three steps and prints what the page shows.

# %%
answers = ["restart", "password", "cable"]


def page_shows(password_score):
    scores = np.array([2.0, password_score, 0.2])
    return answers[scores.argmax()]


for password_score in (1.90, 1.99, 2.01):
    print(f"password {password_score:.2f}: the page shows {page_shows(password_score)}")
assert page_shows(2.01) == "password"
compare("hard_choice", "none" if page_shows(1.99) == page_shows(1.90) else "all 1,000")

# %% [markdown]
# **Look.** A rise of 0.09 did nothing. Another 0.02 turned everything over. NumPy's `argmax`, the position of
# the largest number, is flat and then jumps. Where it is flat its slope is 0; where it jumps it has no slope
# at all. Learning by gradients asks *which way is better?* and gets no answer.
#
# We need a choice that leans. On the way there is a second trap, in the formula that everyone writes first.
# At the end of this lesson the help page learns.

# %% [markdown]
# ## From scores to weights (7 min, short path)
#
# Let each answer get a share of the choice: a **weight**. We ask three things of the weights:
#
# 1. every weight is positive,
# 2. together they are 1,
# 3. a larger score gets a larger weight.
#
# The first idea is to divide each score by the sum of all. Try it in your head.

# %%
predict("divide")

# %% [markdown]
# **Run.** The cell divides three sets of scores by their sum.


# %%
def divide(scores):
    return scores / scores.sum()


plain = divide(np.array([3.0, 1.0, 0.0]))
lifted = divide(np.array([103.0, 101.0, 100.0]))
negative = divide(np.array([3.0, 1.0, -1.0]))
print("scores   3,   1,   0:", plain)
print("scores 103, 101, 100:", lifted)
print("scores   3,   1,  -1:", negative)
assert negative[2] < 0
compare("divide", f"{lifted[0]:.2f}")

# %% [markdown]
# **Look.** Two faults. A negative score gives a negative weight, which is no share of anything. And the
# result depends on where the zero of the scale lies. The year 2000 is not "twice" the year 1000 either:
# another calendar counts from another zero. Nobody chose the zero of a model's scores.
#
# **Why.** So we look for a function to apply before dividing. It must be positive everywhere and rising. The
# exponential $e^s$ is both. Whether it mends the second fault too is the question of the next section.
#
# Exponential, then division by the sum: this is **softmax**. The name is from J. Bridle (1990),
# [*Probabilistic interpretation of feedforward classification network outputs*](https://doi.org/10.1007/978-3-642-76153-9_28).
# For scores $s_1, \dots, s_n$ the weights are
#
# $$p_i = \frac{e^{s_i}}{\sum_{j=1}^{n} e^{s_j}}$$
#
# **By hand.** Take the scores $\ln 1$, $\ln 2$, $\ln 5$. The exponential undoes the logarithm, so no
# calculator is needed:
#
# | | a | b | c | sum |
# |---|---|---|---|---|
# | score $s_i$ | $\ln 1 = 0$ | $\ln 2 \approx 0.69$ | $\ln 5 \approx 1.61$ | |
# | exponential $e^{s_i}$ | 1 | 2 | 5 | 8 |
# | weight $p_i$ | 1/8 | 2/8 | 5/8 | 1 |

# %% [markdown]
# **Run.** The formula in code, line by line with the table: $s$ is `scores`, $p$ is `weights`. Both have one
# axis, the answers: their shape is (n,) = (3,).


# %%
def softmax_as_written(scores):
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum()


scores = np.log([1.0, 2.0, 5.0])
weights = softmax_as_written(scores)
print("scores      ", scores)
print("exponentials", np.exp(scores))
print("weights     ", weights)
assert scores.shape == weights.shape == (3,)
assert np.allclose(weights, [1 / 8, 2 / 8, 5 / 8])

# %% [markdown]
# **Change it.** Put 3, 3, 4 in place of 1, 2, 5, and say the weights before you run. The last `assert` will
# complain: it guards the numbers of the text. So restore them afterwards.
#
# The picture shows the same three rows of the table, left to right.

# %%
from course_lib import palette, plots

fig, panels = plots.figure(width=7.5, height=2.6, columns=3)
steps = {"score s": (scores, 2), "exponential of s": (np.exp(scores), 0), "weight p": (weights, 3)}
for panel, (name, (values, digits)) in zip(panels, steps.items(), strict=True):
    plots.bars(panel, ["a", "b", "c"], values, digits=digits)
    panel.set(xlabel="answer", ylabel=name, yticks=[], ylim=(0, 1.2 * values.max()))
plots.show(fig, alt="Bars: scores 0, 0.69, 1.61 become 1, 2, 5 and then weights 0.125, 0.25, 0.625.")

# %% [markdown]
# **Look.** The exponential stretches: the gap between b and c grows more than the gap between a and b. The
# division shrinks all three bars by the same factor: the picture looks the same, only the scale differs.
#
# **Run.** Now the help page.

# %%
page_scores = np.array([2.0, 1.9, 0.2])
before = softmax_as_written(page_scores)
after = softmax_as_written(page_scores + np.array([0.0, 0.09, 0.0]))
print("password 1.90:", dict(zip(answers, before.round(2).tolist(), strict=True)))
print("password 1.99:", dict(zip(answers, after.round(2).tolist(), strict=True)))
assert np.allclose(before, [0.48, 0.44, 0.08], atol=0.005)
assert np.isclose(after[1] - before[1], 0.022, atol=0.0005)

# %% [markdown]
# **Look.** The same rise of 0.09 that did nothing to the hard choice now moves *password* by 0.022, from 0.44
# to 0.46. The choice leans.
#
# **Change it.** In a new cell, give all three answers the score 2.0. What must the weights be? Then lower
# *cable* to -7.

# %% [markdown]
# ## Add a constant (3 min, short path)
#
# Plain division failed when 100 was added to all scores. The same test for softmax:

# %%
predict("shift")

# %% [markdown]
# **Run.** The cell adds 100 to every score and prints the weights before and after.

# %%
raised = softmax_as_written(page_scores + 100)
print("scores      ", page_scores, "->", before)
print("scores + 100", page_scores + 100, "->", raised)
same = np.allclose(before, raised)
compare("shift", "they stay as they are" if same else "they move towards one third each")

# %% [markdown]
# **Why.** One line proves it, for any constant $c$:
#
# $$\frac{e^{s_i + c}}{\sum_j e^{s_j + c}} = \frac{e^c \, e^{s_i}}{e^c \sum_j e^{s_j}} = \frac{e^{s_i}}{\sum_j e^{s_j}}$$
#
# So the second fault is mended. It also says why the exponential and no other function: adding $c$ has to
# multiply every term by the same factor. Up to the base, and a factor that cancels, $e^s$ is the only
# continuous function that does.
#
# Divide two weights and the sums cancel too: $p_i / p_j = e^{s_i - s_j}$. **The ratio of two weights depends
# on the difference of their two scores and on nothing else.** A lead of 1 is a factor of $e \approx 2.72$,
# wherever it happens.
#
# Now multiply instead of add.

# %%
predict("double")

# %% [markdown]
# **Run.** Doubled scores, on the small example of the table.

# %%
doubled = softmax_as_written(2 * np.log([1.0, 2.0, 5.0]))
print("weights    ", weights, "= 1/8, 2/8, 5/8")
print("now doubled", doubled, "= 1/30, 4/30, 25/30")
assert np.allclose(doubled, [1 / 30, 4 / 30, 25 / 30])
lead_of_one = softmax_as_written(np.array([1.0, 0.0]))
assert np.isclose(lead_of_one[0] / lead_of_one[1], np.e)
compare("double", f"{doubled[2]:.3f}")

# %% [markdown]
# **Look.** Doubling squares each exponential: 1, 2, 5 became 1, 4, 25. The best one gained, and nobody
# overtook anybody.
#
# ## Temperature (5 min, short path)
#
# Doubling made the choice sharper. To set the sharpness on purpose, divide all scores by a **temperature**
# $T > 0$ first:
#
# $$p_i = \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}$$
#
# The word is from physics, where this formula, with minus the energy as the score, says how often a body of
# temperature $T$ is found in each of its states (Boltzmann, Gibbs).

# %%
predict("cold")

# %% [markdown]
# **Run.** The help page's scores at five temperatures.

# %%
for temperature in (0.01, 0.05, 1.0, 20.0, 1000.0):
    print(f"T = {temperature:8.3f}: {softmax_as_written(page_scores / temperature)}")
assert np.allclose(softmax_as_written(page_scores / 0.01), [1, 0, 0], atol=0.0001)
assert np.allclose(softmax_as_written(page_scores / 1000), 1 / 3, atol=0.001)
assert np.isclose(np.exp(2), 7.4, atol=0.05)
compare("cold", f"{softmax_as_written(page_scores / 0.05)[0]:.2f}")

# %% [markdown]
# **Look.** A low temperature hardens the choice: towards 0 softmax becomes the hard choice of the largest
# (in this limit equal best ones share). A high one levels it, towards one third each. What counts as low is
# measured by the gaps: at $T = 0.05$ the gap of 0.1 is still only 2 units wide.
#
# **Change it.** Here is softmax to play with. At first its temperature is 1 and the constant added to all
# scores is 0. (Its line also names the *entropy*; leave that for now.) Press *Pin*: a picture of this state
# stays. Then move one control and compare. **You may move the score of a, the constant, or the temperature:
# which of the three changes the ratio of the weights b and c?**

# %%
from course_lib.explorers import softmax_explorer

explorer = softmax_explorer(scores=(2.0, 1.0, 0.0), predict=False)
explorer

# %% [markdown]
# **Run.** The same three moves from code, to check what you saw. Each line prints the ratio of b to c.


# %%
def ratio_b_to_c(**changes):
    state = {"scores": (2.0, 1.0, 0.0), "temperature": 1.0, "shift": 0.0} | changes
    _, b, c = softmax_explorer(**state).weights
    return b / c


print(f"at first          {ratio_b_to_c():.2f}")
print(f"score of a at 3   {ratio_b_to_c(scores=(3.0, 1.0, 0.0)):.2f}")
print(f"constant 5        {ratio_b_to_c(shift=5.0):.2f}")
print(f"temperature 0.5   {ratio_b_to_c(temperature=0.5):.2f}")
assert np.isclose(ratio_b_to_c(), np.e) and np.isclose(ratio_b_to_c(temperature=0.5), np.e**2)
assert np.isclose(ratio_b_to_c(scores=(3.0, 1.0, 0.0)), ratio_b_to_c(shift=5.0))

# %% [markdown]
# **Look.** Only the temperature changes the ratio: 2.72 becomes 7.39, its square. Moving a leaves it alone,
# and the constant changes nothing at all. "Softmax looks at the size of a score" is therefore wrong. It looks
# at differences, and the temperature says how much a difference means.
#
# **Short path.** Now run the cells of the next six sections without reading, and go on at *Back to the help
# page*. Take two results along. A softmax in code subtracts each row's largest score first, so that nothing
# overflows. And where one answer has nearly all the weight, hardly any slope passes through the weights.
#
# ## Scores of a thousand (8 min)
#
# Scores of 1000 are nothing special. A temperature of 0.001 makes 2000 of the help page's 2.0. A dot product
# of two vectors with 1,000 components of size 1 can be 1000 too.

# %%
predict("overflow")

# %% [markdown]
# **Run.** The formula as written, on 0, 1, 2 and on the same scores 1000 higher. (`errstate` silences NumPy's
# warning, to keep the page tidy.)

# %%
with np.errstate(all="ignore"):
    low = softmax_as_written(np.array([0.0, 1.0, 2.0]))
    overflowed = softmax_as_written(np.array([1000.0, 1001.0, 1002.0]))
    print("0, 1, 2          ->", low)
    print("1000, 1001, 1002 ->", overflowed)
    print(f"exp(709) = {np.exp(709.0):.1e}, exp(710) = {np.exp(710.0)}")
    assert np.isinf(np.exp(710.0)) and np.isfinite(np.exp(709.0)) and 1.79e308 < np.finfo(float).max < 1.8e308
assert np.allclose(low, [0.09, 0.24, 0.67], atol=0.006)
assert np.ones(1000) @ np.ones(1000) == 1000 and np.isclose(2.0 / 0.001, 2000)
compare("overflow", ", ".join(f"{p:.0f}" for p in overflowed))

# %% [markdown]
# **Look.** The largest number a float64 can hold is about $1.8 \cdot 10^{308}$, so from 710 on the
# exponential is `inf` (overflow). Infinity divided by infinity is `nan`. No error stops the program: the nan
# travels on, and soon every number that depends on it is nan.
#
# **Why.** The cure is already proved. Only differences count, so subtract a constant that suits us: the
# largest score. Then the largest exponential is $e^0 = 1$ and the sum lies between 1 and n. Nothing can
# overflow, and nobody divides by 0. What vanishes is an exponential like $e^{-1000}$. It becomes 0, and its
# true weight is smaller than any positive number that float64 holds.
#
# Here are the steps, worked. Remember the three labels; they come back twice.


# %%
def softmax_row(scores):
    shifted = scores - scores.max()  # 1 shift: the largest score becomes 0
    exponentials = np.exp(shifted)  # 2 exponentiate: all between 0 and 1
    return exponentials / exponentials.sum()  # 3 normalise: together they are 1


high = softmax_row(np.array([1000.0, 1001.0, 1002.0]))
barred = softmax_row(np.array([2.0, -np.inf, 1.0]))
print("1000, 1001, 1002 ->", high)
print("2, -inf, 1       ->", barred)
assert np.allclose(high, low)
assert barred[1] == 0 and np.isclose(barred.sum(), 1)

# %% [markdown]
# **Look.** The same weights as for 0, 1, 2. And a score of $-\infty$ gives a weight of exactly 0, because
# $e^{-\infty} = 0$. This breaks demand 1 on purpose, and is useful: that is how lesson 04 forbids a choice.
# (The tiny weights that vanish above break it too, by rounding.)
#
# **Trap.** *"Then subtract the maximum of the whole array. It is a constant too, and one thing less to think
# about."* On paper that is right: within each row it is the same constant for all.

# %%
predict("whole_maximum")

# %% [markdown]
# **Run.** Two rows, 0, 1, 2 and the same scores higher by a gap, as a stack of shape (2, 3). The gap grows.
# `errstate(all="raise")` turns every warning into an error, except underflow, which NumPy ignores by default.


# %%
def softmax_whole_maximum(scores):
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


low_row = np.array([0.0, 1.0, 2.0])
first_rows = {}
with np.errstate(all="raise", under="ignore"):
    for gap in (0, 100, 743):
        stack = np.stack([low_row, low_row + gap])
        first_rows[gap], second_row = softmax_whole_maximum(stack)
        print(f"gap {gap:3}: first row {first_rows[gap]}, second row {second_row}")
        assert stack.shape == (2, 3) and np.allclose(second_row, low)
compare("whole_maximum", ", ".join(f"{p:.2f}" for p in first_rows[743]))

# %% [markdown]
# **Look.** The first row should read 0.0900, 0.2447, 0.6652 each time. At gaps 0 and 100 it does: a test with
# ordinary numbers sees no fault. At 743 there is **no nan, no warning, and the weights are wrong**: 1/7, 2/7,
# 4/7. The exponentials have shrunk to 1, 2 and 4 times the smallest number that float64 can hold.
#
# So the shift is taken **per row**, and a test of it needs rows that lie far apart. The next cell asserts
# these statements. It also shows a gap of 1000, and float32, whose exponents reach less far down: there a gap
# of 102 is enough.

# %%
assert np.allclose(low, [0.0900, 0.2447, 0.6652], atol=5e-5)
assert np.allclose(first_rows[0], low) and np.allclose(first_rows[100], low)
assert np.allclose(first_rows[743], [1 / 7, 2 / 7, 4 / 7])
with np.errstate(invalid="ignore"):
    far = softmax_whole_maximum(np.stack([low_row, low_row + 1000]))[0]
single = softmax_whole_maximum(np.stack([low_row, low_row + 102]).astype(np.float32))[0]
wrong_by = np.abs(single - low).max()
print("float64, gap 1000:", far)
print("float32, gap 102: a weight is wrong by more than 0.05:", bool(wrong_by > 0.05))
assert np.isnan(far).all() and wrong_by > 0.05

# %% [markdown]
# **Look.** At a gap of 1000 all exponentials of the low row are 0, and 0 / 0 is nan. That fault is the lesser
# one, because somebody sees it.

# %% [markdown]
# ## Along which axis? (9 min)
#
# Scores come in tables. Two questions with three answers each: `scores` has shape (n_q, n_k) = (2, 3), one
# row per question (query), one column per answer (key), the names that lesson 03 gives them.

# %%
predict("axis")

# %% [markdown]
# **Run.** The library's softmax, which works along any axis, on one table along both axes.

# %%
from course_lib.by_hand import softmax

table = np.log([[1.0, 2.0, 5.0], [6.0, 1.0, 1.0]])
n_q, n_k = 2, 3
along_keys = softmax(table, axis=1)
along_queries = softmax(table, axis=0)
assert table.shape == along_keys.shape == along_queries.shape == (n_q, n_k)
print("axis=1, along the answers\n", along_keys, " sums of the rows:", along_keys.sum(axis=1))
print("axis=0, along the questions\n", along_queries, " sums of the columns:", along_queries.sum(axis=0))
rows_sum_to_one = np.allclose(along_keys.sum(axis=1), np.ones(n_q))
compare("axis", "axis 1" if rows_sum_to_one else "both axes together")

# %% [markdown]
# **Look.** Both tables are positive, both have the same shape, both sum to 1 somewhere. Nothing but the
# meaning tells them apart, so name the axes and assert the sums. With axis 0 the two questions would compete
# for each answer.
#
# **Make it.** Now with blanks. The steps have the same labels as above, and the function must work along any
# axis. `keepdims` decides whether the summed axis stays, with length 1, so that each row meets its own sum.
# Replace both `...`, delete the line `raise NotImplementedError`, and run. To check again, run this same cell.
# (`check(softmax)` alone would judge the library's `softmax`, which is right whatever you write.) Stuck? `from course_lib.checks import hint`, then
# `hint("softmax")`.

# %%
from course_lib.checks import check


def softmax_along(x, axis=-1):
    raise NotImplementedError  # delete this line when both blanks are filled
    x = np.asarray(x, dtype=float)
    shifted = x - x.max(axis=axis, keepdims=...)  # 1 shift
    exponentials = np.exp(shifted)  # 2 exponentiate
    return exponentials / ...  # 3 normalise


verdict = check(softmax_along, "softmax")
verdict

# %% [markdown]
# When yours is right, the next cell shows the library's source beside it. Its two `where` lines are for a row
# of nothing but $-\infty$: it gets zeros instead of nan.

# %%
import inspect

from course_lib.by_hand import normalise

if verdict.status == "right":
    source = inspect.getsource(normalise.softmax)
    print(source[source.index("    x = np.asarray") :])
else:
    print("The library's source appears here when yours is right.")
rng = np.random.default_rng(0)
for row in rng.normal(0, 300, (100, 5)):
    assert np.allclose(softmax(row), softmax_row(row))
print("softmax_row and the library agree on 100 random rows.")

# %% [markdown]
# **Why.** Is every piece needed? The first cell writes our demands down, the second leaves out one piece at a
# time and says which demand breaks.


# %%
def broken_demands(weights):
    if not np.isfinite(weights).all():
        return ["finite"]
    holds = {
        "not negative": (weights >= 0).all(),
        "sum 1": np.allclose(weights.sum(axis=-1), 1),
        "order kept": (np.diff(weights) > 0).all(),
    }
    return [name for name, fine in holds.items() if not fine]


x = np.array([[-1.0, 0.5, 2.0], [999.0, 1000.0, 1001.0], [-1001.0, -1000.0, -999.0]])
assert x.shape == softmax(x).shape == (3, 3) and broken_demands(softmax(x)) == []
print("softmax itself breaks nothing")

# %% [markdown]
# All rows of `x`, shape (3, 3), rise from left to right, so the weights must rise too. Now with one piece
# missing each time.

# %%
e = np.exp(x - x.max(axis=-1, keepdims=True))
with np.errstate(all="ignore"):
    left_out = {
        "shift": np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
        "exponential": x / x.sum(axis=-1, keepdims=True),
        "division": e,
        "keepdims": e / e.sum(axis=-1),
    }
for piece, got in left_out.items():
    print(f"without {piece:12} broken: {', '.join(broken_demands(got))}")
assert all(broken_demands(got) for got in left_out.values())

# %% [markdown]
# **Look.** Each piece earns its place. The last one is treacherous. The table is square, (3, 3), so NumPy
# accepts the sums without `keepdims` and lays them along the wrong axis. A table of shape (2, 3) would have
# been refused.
#
# ## How undecided? (8 min)
#
# A temperature sets how hard a choice is; the **entropy** measures it, for any weights (C. Shannon, 1948,
# [*A mathematical theory of communication*](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x)). With the
# natural logarithm its unit is the nat:
#
# $$H(p) = -\sum_i p_i \ln p_i$$
#
# A weight of 0 adds 0, because $p \ln p$ tends to 0 with $p$. A sure choice has entropy 0. What about an open
# one?

# %%
predict("entropy_uniform")

# %% [markdown]
# **Run.** Four choices, from sure to open. `entropy` takes weights of shape (n,) and gives one number.

# %%
from course_lib.by_hand import entropy

choices = {
    "sure": np.array([1.0, 0.0, 0.0]),
    "1/8, 2/8, 5/8": np.array([1.0, 2.0, 5.0]) / 8,
    "three equal": np.ones(3) / 3,
    "eight equal": np.ones(8) / 8,
}
for name, shares in choices.items():
    H = entropy(shares)
    print(f"{name:14} H = {H:.4f} nats, as undecided as {np.exp(H):.2f} equal answers")
assert np.isclose(entropy(choices["1/8, 2/8, 5/8"]), np.log(8) - (2 * np.log(2) + 5 * np.log(5)) / 8)
assert np.isclose(entropy(choices["three equal"]), np.log(3))
assert entropy(np.random.default_rng(0).dirichlet(np.ones(8), 1000)).max() < np.log(8)
compare("entropy_uniform", entropy(choices["eight equal"]))

# %% [markdown]
# **By hand.** A weight $\frac k8$ adds $\frac k8 (\ln 8 - \ln k)$, because $-\ln \frac k8 = \ln 8 - \ln k$.
# For 1/8, 2/8, 5/8:
#
# $$\tfrac18 \ln 8 + \tfrac28 (\ln 8 - \ln 2) + \tfrac58 (\ln 8 - \ln 5) = \ln 8 - \tfrac{2 \ln 2 + 5 \ln 5}{8} \approx 0.90$$
#
# **Look.** $n$ equal weights have entropy $\ln n$, and no weights of $n$ answers have more. (This is a
# theorem; the cell tries it on 1,000 random ones.) So $e^H$ reads as a number of equally likely answers: 2.46 for the weights 1/8, 2/8, 5/8.
# The next picture joins temperature and entropy. `temperatures[:, None]` has shape (200, 1), so one call
# gives all weights: shape (200, 3).

# %%
temperatures = np.geomspace(0.01, 100, 200)
page_weights = softmax(page_scores / temperatures[:, None])
entropies = entropy(page_weights)
assert page_weights.shape == (200, 3) and entropies.shape == (200,) and (np.diff(entropies) > 0).all()
fig, ax = plots.figure(width=7, height=3)
ax.semilogx(temperatures, entropies, color=palette.INK)
for level, text in ((np.log(3), "ln 3: three equal"), (np.log(2), "ln 2: two equal")):
    ax.axhline(level, color=palette.QUIET, linestyle="dotted")
    ax.text(0.011, level + 0.03, text, color=palette.QUIET)
ax.plot(0.3, entropy(softmax(page_scores / 0.3)), "o", color=palette.KEY)
ax.text(0.36, 0.55, "T = 0.3: restart 0.58, password 0.42, cable 0.00", color=palette.KEY)
ax.set(xlabel="temperature T", ylabel="entropy in nats", ylim=(0, 1.3))
plots.show(fig, alt="Entropy rises with the temperature from 0 to ln 3, with a shoulder near ln 2 at T = 0.3.")
assert np.allclose(softmax(page_scores / 0.3), [0.58, 0.42, 0.00], atol=0.005)

# %% [markdown]
# **Look.** The warmer, the more undecided, without exception. On the way there is a shoulder near ln 2: at
# $T = 0.3$ *cable* has next to no weight yet, and *restart* and *password* share, 0.58 to 0.42.
#
# **Change it.** The help page as an explorer. Leave the scores alone and move the temperature slowly from
# cold to hot. **What does the weight of *password* do on the way?** Press *Pin* in a cold state and compare
# it with a hot one. Then solve the challenge.

# %%
page = softmax_explorer(scores=(2.0, 1.9, 0.2), labels=answers, predict=False)
task = "Leave the scores alone and bring the entropy between 0.60 and 0.65."
page.challenge(task, "entropy > 0.6 and entropy < 0.65")
page

# %% [markdown]
# **Run.** The weight of *password* over the temperatures of the slider, in numbers.

# %%
for temperature in (0.1, 0.15, 0.3, 0.8, 2.0, 10.0):
    shares = softmax(page_scores / temperature)
    print(f"T = {temperature:5}: password {shares[1]:.3f}, entropy {entropy(shares):.3f}")
assert 0.6 < entropy(softmax(page_scores / 0.15)) < 0.65
passwords = page_weights[:, 1]
assert passwords.argmax() not in (0, len(passwords) - 1) and 0.4 < passwords.max() < 0.5

# %% [markdown]
# **Look.** The runner-up rises and falls again: in the cold the winner takes its share, in the heat *cable*
# does. The entropy only rises.
#
# **Make it.** The third softmax, after `softmax_row` and `softmax_along`, with nothing but the three labels.
# `softmax_temperature(x, temperature)` works along the last axis of x (..., n). At temperature 0 all weight
# goes to the first largest score (a convention, as in `argmax`; the limit would let equals share). A negative
# temperature raises a ValueError. This is exercise 2: its 8 minutes are counted there, so do it here or
# there.


# %%
def softmax_temperature(x, temperature):
    # 1 shift
    # 2 exponentiate
    # 3 normalise
    raise NotImplementedError


check(softmax_temperature)

# %% [markdown]
# ## What moves when one score moves (12 min)
#
# The page leans; can it learn? For that we need the slope of every weight for every score. First a guess,
# about the small example with the weights 1/8, 2/8, 5/8.

# %%
predict("raise_one")

# %% [markdown]
# **Run.** The score of c rises until its weight is 5/8 + 0.03; the other two scores stay.

# %%
p = np.array([1.0, 2.0, 5.0]) / 8
target = 5 / 8 + 0.03
score_c = np.log(3 * target / (1 - target))  # exp(score_c) / (1 + 2 + exp(score_c)) = target
moved = softmax_row(np.array([np.log(1.0), np.log(2.0), score_c]))
print("weights before", p)
print("weights after ", moved)
print("change        ", moved - p)
assert np.allclose(moved - p, [-0.01, -0.02, 0.03])
compare("raise_one", f"{p[0] - moved[0]:.2f} from a, {p[1] - moved[1]:.2f} from b")

# %% [markdown]
# **Look.** Each of the others pays in proportion to what it has. The slope makes that exact.
#
# **Why.** One rule is needed: the slope of $\ln u$ is the slope of $u$ divided by $u$. Take the logarithm of
# the weight, because it turns the quotient into a difference:
#
# $$\ln p_i = s_i - \ln \sum_k e^{s_k}$$
#
# Move $s_j$. The first term changes only if $i = j$; write $\delta_{ij}$ for 1 if $i = j$, else 0. For the
# second, the rule gives the slope $e^{s_j} / \sum_k e^{s_k}$, and that is $p_j$. So
#
# $$\frac{\partial \ln p_i}{\partial s_j} = \delta_{ij} - p_j$$
#
# By the same rule, the left side is the slope of $p_i$ divided by $p_i$. Multiply by $p_i$:
#
# $$\frac{\partial p_i}{\partial s_j} = p_i (\delta_{ij} - p_j)$$

# %% [markdown]
# **By hand.** With $p = (1, 2, 5)/8$: a for its own score has the slope
# $\frac18 \cdot \frac78 = \frac{7}{64}$, and a for the score of b has $-\frac18 \cdot \frac28 = -\frac{2}{64}$.
# All these slopes together, weights down, scores across, are the **Jacobian** $J$ of softmax, a table of
# shape (n, n):
#
# $$J = \operatorname{diag}(p) - p \, p^\top \qquad
# 64 \, J = \begin{pmatrix} 7 & -2 & -5 \\ -2 & 12 & -10 \\ -5 & -10 & 15 \end{pmatrix}$$
#
# Here $\operatorname{diag}(p)$ is a table with $p$ on its diagonal and 0 elsewhere, and $p \, p^\top$ is the
# table of all products $p_i p_j$.

# %% [markdown]
# **Run.** The formula, the numbers found on paper, and a referee that knows nothing of either: finite
# differences. It moves each score by a tiny step both ways and divides the change of the weight by the change
# of the score.

# %%
from course_lib.by_hand import finite_difference

scores = np.log([1.0, 2.0, 5.0])
jacobian = np.diag(p) - np.outer(p, p)
# i=i gives each of the three functions its own i; without it all would see the last one
referee = np.stack([finite_difference(lambda s, i=i: softmax(s)[i], scores) for i in range(3)])
print("64 J by the formula\n", 64 * jacobian)
print("largest difference to the referee below 1e-9:", np.abs(jacobian - referee).max() < 1e-9)
assert jacobian.shape == (3, 3)
assert np.allclose(64 * jacobian, [[7, -2, -5], [-2, 12, -10], [-5, -10, 15]])
assert np.allclose(jacobian, referee) and np.allclose(jacobian, jacobian.T)
assert np.allclose(jacobian.sum(axis=0), 0) and np.allclose(jacobian.sum(axis=1), 0)

# %% [markdown]
# **Look.** The diagonal is positive: a raised score raises its own weight. All else is negative: the others
# pay. Each column sums to 0, because the weights go on summing to 1. Each row sums to 0 for another reason:
# raising all scores together changes nothing.
#
# **Change it.** Two answers with equal weights: write their Jacobian on paper, a table of four numbers. Then,
# in a new cell, set `q = np.array([0.5, 0.5])` and compare with `np.diag(q) - np.outer(q, q)`.
#
# **Why.** A **loss** $L$ is a number that says how bad the output is. Learning makes it smaller: each score
# moves a little against its slope, new score = old score - step size times slope. Suppose the slopes of the
# loss for the weights are known, $g_i = \partial L / \partial p_i$. For the scores, the chain rule adds what
# comes through each weight:
#
# $$\frac{\partial L}{\partial s_j} = \sum_i g_i \, p_i (\delta_{ij} - p_j) = p_j \Bigl( g_j - \sum_i g_i p_i \Bigr)$$
#
# In words: **from each slope subtract the weighted mean of all; then multiply by the weight.** No (n, n)
# table is built: n numbers in, n numbers out.
#
# **By hand.** Let $g = (8, 0, 0)$. The weighted mean is $8 \cdot \frac18 = 1$, so the result is
# $\frac18 \cdot 7, \ \frac28 \cdot (-1), \ \frac58 \cdot (-1)$.

# %% [markdown]
# **Run.** The formula as a function, on the numbers found on paper. In code $g$ is called `d_weights`, the
# result `d_scores`. The shapes: (n,) and (n,) in, (n,) out. As a matrix product the formula is $J^\top g$; J is
# symmetric, so the cell may write `jacobian @ g`.


# %%
def softmax_backward(d_weights, weights):
    mean = (d_weights * weights).sum(axis=-1, keepdims=True)
    return weights * (d_weights - mean)


g = np.array([8.0, 0.0, 0.0])
by_formula = softmax_backward(g, p)
print("d_scores:", by_formula)
assert g.shape == p.shape == by_formula.shape == (3,)
assert np.allclose(by_formula, [7 / 8, -2 / 8, -5 / 8]) and np.allclose(by_formula, jacobian @ g)

# %% [markdown]
# The same function on a table of scores (n_q, n_k) = (2, 3), against the referee and against the library.

# %%
from course_lib import by_hand

d_weights = rng.normal(size=(2, 3))
d_scores = softmax_backward(d_weights, softmax(table))
assert d_scores.shape == d_weights.shape == table.shape == (2, 3)
assert np.allclose(d_scores, finite_difference(lambda s: (d_weights * softmax(s)).sum(), table))
assert np.allclose(d_scores, by_hand.softmax_backward(d_weights, softmax(table)))
print("d_scores\n", d_scores, " sums of the rows:", np.abs(d_scores.sum(axis=1)).round(9))

# %% [markdown]
# **Change it.** In a new cell, run `softmax_backward(np.array([3.0, 3.0, 3.0]), p)`. Why could you know the
# answer without a formula?
#
# ## Ten times the scores (5 min)
#
# How large a slope is depends on where the scores stand. One more guess.

# %%
predict("saturated")

# %% [markdown]
# **Run.** The slope of the first weight for its own score, $p (1 - p)$, for scores 2, 1, 0 and for ten times
# as much.


# %%
def own_slope(scores):
    first_weight = softmax(np.array(scores))[0]
    return first_weight * (1 - first_weight)


small, large = own_slope([2.0, 1.0, 0.0]), own_slope([20.0, 10.0, 0.0])
print(f"scores  2,  1, 0: slope {small:.4f}")
print(f"scores 20, 10, 0: slope {large:.6f}, weight {softmax(np.array([20.0, 10.0, 0.0]))[0]:.5f}")
print(f"smaller by a factor of {small / large:,.0f}")
assert 4000 < small / large < 5500
compare("saturated", f"{large:.5f}")

# %% [markdown]
# The picture shows that slope for two answers, against the gap between their scores.

# %%
gaps = np.linspace(-12, 12, 241)
first = np.array([softmax(np.array([gap, 0.0]))[0] for gap in gaps])
slopes = first * (1 - first)
fig, ax = plots.figure(width=7, height=3)
ax.plot(gaps, slopes, color=palette.INK)
ax.text(0.6, 0.245, "1/4, where both weights are 1/2", color=palette.QUIET)
for gap in (-9, 9):
    ax.text(gap, 0.02, "saturated", color=palette.QUIET, ha="center")
ax.set(xlabel="score of the first minus score of the second", ylabel="slope p (1 - p)", ylim=(0, 0.28))
plots.show(fig, alt="A bell: the slope is 1/4 where both scores are equal, and next to 0 beyond a gap of 6.")
assert np.isclose(slopes.max(), 1 / 4) and slopes[gaps > 6].max() < 0.0025

# %% [markdown]
# **Look.** When one answer takes nearly all the weight, all the slopes are next to 0. This is **saturation**.
# Almost nothing passes back *through the weights*: for most losses a saturated softmax is as deaf as the hard
# choice was.
#
# There is one rescue. Let the loss be $-\ln p$ of the right answer. Its slope for the weight is $-1/p$, huge
# where $p$ is tiny, and the factor $p$ cancels: from $\partial \ln p_i / \partial s_i = 1 - p_i$ above, the
# slope for its score is $p_i - 1$.
#
# **Run.** Scores 20, 10, 0, and the second answer would be right. Ten steps with each loss.


# %%
def ten_steps(slope_for_weight):
    learned, first_slope = np.array([20.0, 10.0, 0.0]), None
    for _ in range(10):
        now = softmax(learned)
        d_scores_now = softmax_backward(np.array([0.0, slope_for_weight(now[1]), 0.0]), now)
        first_slope = d_scores_now[1] if first_slope is None else first_slope
        learned -= d_scores_now
    return first_slope, softmax(learned)[1]


deaf, rescued = ten_steps(lambda weight: -1.0), ten_steps(lambda weight: -1 / weight)
print(f"loss 1 - p: slope {deaf[0]:9.6f}, weight of the right answer after ten steps {deaf[1]:.4f}")
print(f"loss -ln p: slope {rescued[0]:9.6f}, weight of the right answer after ten steps {rescued[1]:.4f}")
assert abs(deaf[0]) < 5e-5 and deaf[1] < 1e-4 and np.isclose(rescued[0], -1, atol=1e-4) and rescued[1] > 0.9

# %% [markdown]
# **Look.** With $1 - p$ nothing happens; with $-\ln p$ the right answer has more than 0.9 after ten steps.
# That is one good reason to train a model's last softmax with $-\ln p$; another is that it makes the right
# answers of the data as probable as possible. The softmax inside attention has no such
# rescue: the loss is far away and never sees its weights alone. So there the size of the differences matters.
# Lesson 03 meets scores whose differences grow with the number d of components of the vectors, and tames them
# with a single number.
#
# ## A soft choice among real words (4 min)
#
# In lesson 01 the cosine found the nearest words. Softmax turns the cosines into weights. The table holds
# about 2,000 words.

# %%
predict("real_words")

# %% [markdown]
# **Run.** The weights of all words for *monday* at temperature 1. The vectors have shape (n_words, 384); the
# cosines and weights (n_words,).

# %%
from course_lib.by_hand import similarity
from course_lib.data.words import load_words

words = load_words()
_, cosines = similarity(words.vector("monday"), words.vectors)
weights_warm = softmax(cosines)
n_words = len(words.words)
assert words.vectors.shape == (n_words, 384) and cosines.shape == weights_warm.shape == (n_words,)
of_monday = weights_warm[words.index("monday")]
print(f"{n_words} words, weight of monday at T = 1: {of_monday:.4f}")
compare("real_words", f"{of_monday:.3f}")

# %% [markdown]
# Now at temperature 0.05, with the word itself forbidden by a score of $-\infty$. Which words are the best
# four, and how many equal words would be as undecided?


# %%
def choose(word, temperature):
    _, scores = similarity(words.vector(word), words.vectors)
    scores[words.index(word)] = -np.inf
    return softmax(scores / temperature)


def best_four(weights):
    found = ", ".join(f"{words.words[i]} {weights[i]:.3f}" for i in np.argsort(-weights)[:4])
    return f"{found} | e^H = {np.exp(entropy(weights)):.1f}"


weights_cold = choose("monday", 0.05)
print("T = 1    ", best_four(weights_warm))
print("T = 0.05 ", best_four(weights_cold))

# %% [markdown]
# The next cell asserts what the text below says of them.

# %%
assert all(words.words[i].endswith("day") for i in np.argsort(-weights_cold)[:4])
assert np.exp(entropy(weights_cold)) < 4 and np.exp(entropy(weights_warm)) > 1000
assert weights_cold.shape == (n_words,) and weights_cold[words.index("monday")] == 0

# %% [markdown]
# **Look.** At temperature 1 more than a thousand words share the choice: cosines lie too close together to
# decide anything. At 0.05 fewer than four do, and they are days of the week. A temperature is not decoration.
# It says how much a difference of scores is to mean.
#
# **Change it.** In a new cell run `best_four(choose("king", 0.06))`. Then try *hot* or *bank*, and find a
# temperature at which $e^H$ is near 5.
#
# ## Back to the help page (3 min, short path)
#
# The reader wanted *password*. Let the loss, the number that says how bad the page's choice is, be
# $L = 1 - p_{\text{password}}$. Its slopes for the weights are 0, -1, 0. `softmax_backward` turns slopes for
# weights into slopes for scores. Ten times each score moves against its slope: new score = old score - slope.
# Before that, the cell asks finite differences (tiny steps both ways) for the slopes of the hard choice.

# %%
hard_slopes = finite_difference(lambda s: float(s.argmax() == 1), page_scores)
print("slopes of the hard choice:", hard_slopes)
assert not hard_slopes.any()
learned_scores = page_scores.copy()
for step in range(10):
    learned_scores -= softmax_backward(np.array([0.0, -1.0, 0.0]), softmax(learned_scores))
    if step in (0, 9):
        shown = answers[learned_scores.argmax()]
        print(f"step {step + 1:2}: scores {learned_scores}, weights {softmax(learned_scores)}, shown: {shown}")
        assert shown == "password"
assert softmax(learned_scores)[1] > 0.9

# %% [markdown]
# **Look.** The hard choice has slope 0 for every score: gradients teach it nothing. With softmax the page
# shows the right answer after one step; after ten its weight is above 0.9. The page still *shows* the best
# answer. What changed is what *training* sees: its slopes come from the softmax weights. The last picture puts the two
# choices together.

# %%
sweep = np.linspace(-2, 6, 400)
sweep_table = np.stack([np.full(400, 2.0), sweep, np.full(400, 0.2)], axis=1)
soft, hard = softmax(sweep_table)[:, 1], (sweep_table.argmax(axis=1) == 1).astype(float)
assert sweep_table.shape == (400, 3) and (np.diff(soft) > 0).all() and set(hard) == {0.0, 1.0}
fig, ax = plots.figure(width=7, height=3)
ax.plot(sweep, soft, color=palette.KEY)
ax.plot(sweep, hard, color=palette.QUIET, linestyle="dashed", drawstyle="steps-post")
ax.text(2.9, 0.4, "softmax: a slope wherever\nthe choice is open", color=palette.KEY)
ax.text(2.1, 1.06, "argmax: flat, then a jump at 2.0", color=palette.QUIET)
ax.set(xlabel="score of password", ylabel="share of password", ylim=(-0.05, 1.15))
plots.show(
    fig, alt="The hard choice jumps from 0 to 1 at score 2.0; softmax rises smoothly."
)

# %% [markdown]
# **Look.** That is why attention chooses by softmax: not because soft is kinder, but because gradients can
# teach it.
#
# ## Recap (4 min)
#
# **Recap.** Close the notebook in your mind, answer, then unfold.
#
# <details><summary>You add 7 to every score. Then you double every score. Which of the two changes the weights, and why?</summary>
#
# Doubling. A constant multiplies all exponentials by the same factor, which cancels. Doubling doubles the
# differences, and the ratio of two weights is the exponential of a difference.
#
# </details>
#
# <details><summary>Why does softmax subtract the largest score of each row, and not that of the whole array?</summary>
#
# A row far below the array's maximum would have exponentials of 0 or next to 0: nan, or wrong weights without
# a warning. Rows close together do not show the fault.
#
# </details>
#
# <details><summary>The scores are ln 3 and 0. What are the weights, and what is the slope of the first weight for its own score?</summary>
#
# 3/4 and 1/4. The slope is $\frac34 \cdot \frac14 = \frac{3}{16}$.
#
# </details>
#
# <details><summary>What is the entropy of four equal weights, and at which temperature does softmax come near to it?</summary>
#
# $\ln 4 \approx 1.39$ nats. At a very high temperature, when all scores divided by it are nearly equal.
#
# </details>
#
# <details><summary>All slopes of the loss for the weights are equal. What is the gradient for the scores?</summary>
#
# 0. Each slope equals the weighted mean of all. In words: the weights always sum to 1, so a loss that counts
# only their sum cannot change.
#
# </details>
#
# <details><summary>From lesson 01: arrows of length 2 and 3 with an angle of 60 degrees between them. What are their dot product and their cosine?</summary>
#
# $2 \cdot 3 \cdot \cos 60^\circ = 3$, and the cosine is 0.5.
#
# </details>
#
# The next cell checks the numbers in these answers.

# %%
two = softmax(np.array([np.log(3), 0.0]))
assert np.allclose(two, [3 / 4, 1 / 4]) and np.isclose(two[0] * (1 - two[0]), 3 / 16)
assert np.isclose(entropy(np.full(4, 1 / 4)), 1.39, atol=0.005)
assert np.isclose(2 * 3 * np.cos(np.radians(60)), 3)
print("The numbers in the answers hold.")

# %% [markdown]
# **Make it.** For another day, about 20 minutes: other data, your own scores. Someone types *atention*.
# Write `suggest(typed, words)`: weights of shape (n,) over a list of words, more for words nearer to what was typed. You choose how to score
# nearness (`difflib.SequenceMatcher`, shared letters, ...) and at what temperature. The test below says
# whether it is accepted: it must be undecided, but not too much.


# %%
def suggest(typed, words):
    raise NotImplementedError  # yours


def accept(suggest):
    candidates = ["mention", "attention", "tension", "attendance"]
    weights = np.asarray(suggest("atention", candidates))
    assert weights.shape == (4,) and (weights > 0).all() and np.isclose(weights.sum(), 1), "not weights"
    assert weights.argmax() == 1, "the best should be 'attention'"
    assert 0.3 < entropy(weights) < 1.0, f"entropy {entropy(weights):.2f}: turn the temperature"
    backwards = suggest("atention", candidates[::-1])
    assert np.allclose(backwards, weights[::-1]), "the order of the words must not matter"
    return "accepted"


# %% [markdown]
# This cell says "not attempted" until you have written something.

# %%
try:
    print(accept(suggest))
except NotImplementedError:
    print("not attempted")

# %% [markdown]
# In the [exercises](../exercises/02_softmax.ipynb) you write `softmax`, `softmax_temperature`, `entropy` and
# `softmax_backward` from an empty body, with a check that answers. Then [lesson 03](03_attention.ipynb) puts
# the weights to work: each answer brings a value along, and what comes back is their weighted mean.
