# ---
# jupyter:
#   course:
#     title: How this course works
#     question: How can one list of numbers for "bank" mean a river and a vault?
#     minutes: 20
#     short_path: 12
#     needs: []
#     objectives:
#       - "work through a lesson: guess, run, change, check, ask for a hint"
#       - compute a weighted average by hand and in NumPy, and say what the weights do
#       - tell a test that can find a fault from one that cannot
#       - say in one sentence what attention does to a word
#     terms: [weighted average, check, explorer]
# ---

# %%
from course_lib import compare, predict, start

start("00_start")

# %% [markdown]
# ## One word, two meanings (3 min, short path)
#
# *They walked along the bank of the river.* *She took her money out of the bank.*
#
# You had no trouble with that. A machine does: it keeps **one** list of numbers for *bank*, and takes that list out whenever the word turns up.
# River or vault, the numbers are the same. So how can it ever tell them apart?
#
# In a quarter of an hour you will watch it happen, with real word vectors and three lines of code.
# All it takes is an average, in which *bank* decides how much to listen to each word around it.
#
# **Short path.** 12 minutes: the sections whose heading says *short path*. Run the other cells unread.
#
# **Change it.** This is an **explorer**, a picture that you move. In it *bank* listens to three words. Each has a **score**, and softmax, the subject of lesson 02, turns scores into shares
# that add up to 1. Take the guess first. Then drag the score of *river* until the river has **more than half** of the attention.
# What score does it need? (Arrow keys work too. To run a cell: **Shift + Enter**.)

# %%
from course_lib.explorers import softmax_explorer

listening = softmax_explorer(scores=(2.0, 1.0, 0.0), labels=["bank", "river", "walked"])
listening

# %% [markdown]
# **Look.** You moved one score, and all three shares moved: they compete.
#
# **Run.** Did you find the score? The next cell tries one a little below it and one a little above. Like most cells of this course it ends in an `assert`,
# a line that stops with an error if it is not true.

# %%
for score in (2.12, 2.14):
    shares = softmax_explorer(scores=(2.0, score, 0.0), labels=["bank", "river", "walked"]).weights
    print(f"score of river {score}: bank {shares[0]:.3f}, river {shares[1]:.3f}, walked {shares[2]:.3f}")
    assert (shares[1] > 0.5) == (score > 2.13)

# %% [markdown]
# **Look.** A score of 2.12 is not enough and 2.14 is: the border lies between them.
#
# ## Guess first (4 min, short path)
#
# Before each surprising result you are asked for a guess. A wrong guess is worth more than no guess: you find out what you believed.
# Guesses are kept in a file on this computer and are sent nowhere.
#
# **By hand.** Let us say how "watery" three words are, from 0 (money) to 10 (water). The numbers are made up: *bank* 4, *river* 10, *walked* 6. How watery is *bank* in this company?
# Take an average in which *bank* itself counts double. The numbers 2, 1, 1 are called **weights**: a weight says how much something counts.
#
# **Predict.** You can do this one in your head.

# %%
predict("average")

# %% [markdown]
# | | bank | river | walked | together |
# |---|---|---|---|---|
# | value $v_i$ | 4 | 10 | 6 | |
# | weight $w_i$ | 2 | 1 | 1 | 4 |
# | **multiply** $w_i v_i$ | 8 | 10 | 6 | |
# | **add** | | | | 24 |
# | **divide** by the sum of the weights | | | | 24 / 4 |
#
# As a formula, with n words:
#
# $$\text{weighted average} = \frac{\sum_{i=1}^{n} w_i \, v_i}{\sum_{i=1}^{n} w_i}$$
#
# **Run.** The same three steps in NumPy. `values` and `weights` have one axis, the words: their shape is (n,) = (3,).

# %%
import numpy as np

values = np.array([4.0, 10.0, 6.0])  # bank, river, walked
weights = np.array([2.0, 1.0, 1.0])
assert values.shape == weights.shape == (3,)

products = weights * values  # 1 multiply
total = products.sum()  # 2 add
average = total / weights.sum()  # 3 divide
print("products", products, " total", total, " average", average)
assert average == 6.0
compare("average", f"{average:.0f}")

# %% [markdown]
# **Look.** The answer under your guess says why that guess is tempting. Among *river* and *walked*, *bank* has become more watery: 6 instead of 4.
#
# The picture lays the three values on a beam and makes each disc as large as its weight. The average is the point on which the beam balances.

# %%
from course_lib import palette, plots

pull = weights * (values - average)  # to the left negative, to the right positive
print("pull of each word", pull, " together", pull.sum())
assert pull.sum() == 0
fig, ax = plots.figure(width=7, height=1.8)
ax.axhline(0, color=palette.INK, lw=1.5)
ax.scatter(values, [0, 0, 0], s=500 * weights, color=palette.VALUE, zorder=3)
ax.scatter(average, -0.55, s=220, marker="^", color=palette.QUERY)
for name, value, weight in zip(["bank", "river", "walked"], values, weights, strict=True):
    ax.annotate(f"{name}, weight {weight:.0f}", (value, 0.55), ha="center")
ax.set(xlim=(0, 11.5), ylim=(-0.9, 1), yticks=[], xlabel="how watery", title="The weighted average is where the beam balances: 6")
plots.show(fig, alt="A beam with discs at 4 (bank, the largest), 6 (walked) and 10 (river); a triangle under 6 marks the balance point.")

# %% [markdown]
# **Look.** *Bank* is 2 to the left and counts double, *river* is 4 to the right and counts once: the pulls cancel.
#
# **Change it.** Let *bank* listen to *river* five times as much. Work it out with a pencil, then change the number below and run the cell.

# %%
river_weight = 1.0  # change this to 5
changed = np.array([2.0, river_weight, 1.0])
print("weights", changed, " average", (changed * values).sum() / changed.sum())

# %% [markdown]
# <details><summary>What came out?</summary>
#
# Multiply: 8, 50, 6. Add: 64. Divide by 2 + 5 + 1 = 8. The average is 8.
#
# </details>
#
# ## A test that cannot fail (5 min)
#
# Here is the same thing as a function. Someone wrote it in a hurry and tested it once. The cell runs that test.

# %%
def in_a_hurry(values, weights):
    products = weights * values  # 1 multiply
    total = products.sum()  # 2 add
    return total / len(values)  # 3 divide


tested = in_a_hurry(np.array([4.0, 10.0, 6.0]), np.array([1.0, 1.0, 1.0]))
print(f"weights 1, 1, 1: {tested:.4f}")
assert np.isclose(tested, 20 / 3)

# %% [markdown]
# The test is passed: 20 / 3 = 6.6667 is right for three equal weights.
#
# **Predict.** What will this function answer for the weights 2, 1, 1?

# %%
predict("hurry")

# %% [markdown]
# **Run.** The next cell asks it.

# %%
answer = in_a_hurry(np.array([4.0, 10.0, 6.0]), np.array([2.0, 1.0, 1.0]))
print(f"weights 2, 1, 1: {answer:.4f}")
assert answer != 6.0
compare("hurry", f"{answer:.0f}")

# %% [markdown]
# **Trap.** *"It passed its test, so it is right."* The test used weights 1, 1, 1. Their sum is 3 and so is their number, so it cannot tell
# "divide by the sum of the weights" from "divide by how many there are". A test sees a fault only where right and wrong differ.
# And 8 looks harmless: it lies between 4 and 10, as an average should.
#
# This is why your exercises are not compared with one example. A **check** runs your function on inputs chosen so that known faults show,
# and says which one it met. Let it look at this function.

# %%
from course_lib.checks import check, hint

check(in_a_hurry, "weighted_average")

# %% [markdown]
# **Look.** It says what is wrong, and on which small input you can see it. A **hint** comes in three steps: a question, where to look,
# and nearly the line. Each call gives the next one.

# %%
hint("weighted_average")

# %% [markdown]
# **Make it.** Now yours. The first two steps are there; replace the `...` by step 3 and run the cell. The check should say *right*.

# %%
def weighted_average(values, weights):
    products = weights * values  # 1 multiply
    total = products.sum()  # 2 add
    return ...  # 3 divide


check(weighted_average)

# %% [markdown]
# A step further: the [exercises of this lesson](../exercises/00_start.ipynb) have the same function with an empty body. The three steps keep their names.
#
# ## The glimpse (5 min, short path)
#
# Back to the bank. Real word vectors come with the course: each word is a list of 384 numbers, learnt by a published language model.
# `similarity`, which you will write in lesson 01, says how alike two lists are, where 1 means the same direction.

# %%
from course_lib.by_hand import similarity
from course_lib.data.words import load_words

words = load_words()
two_senses = np.stack([words.vector("river"), words.vector("money")])
assert two_senses.shape == (2, 384)

_, (to_river, to_money) = similarity(words.vector("bank"), two_senses)
print(f"bank, out of the table: {to_river:.2f} like river, {to_money:.2f} like money")
assert to_money > to_river

# %% [markdown]
# **Look.** Out of the table, *bank* leans towards money: 0.40 against 0.25. One list has to serve both senses, and in this table money has the larger part.
#
# Now let every word of the sentence take a weighted average of all its words. Nobody sets the weights by hand: each pair of words gets a score
# (lesson 01), the scores become shares (lesson 02), and the shares average the vectors (lesson 03).
#
# **Predict.** After that, what is *bank* most like, in *they walked along the bank of the river*?

# %%
predict("bank")

# %% [markdown]
# **Run.** Three lines do it. `X` holds one row per word: shape (n, d) = (8, 384).

# %%
from course_lib.by_hand import softmax


def attend(sentence):
    X = np.stack([words.vector(word) for word in sentence.split()])
    scores = X @ X.T  # every word with every word, (n, n)
    assert X.shape == (len(scores), 384) and scores.shape == (len(X), len(X))
    weights = softmax(scores)  # shares; each row adds up to 1, (n, n)
    return weights @ X, weights  # n weighted averages, (n, d)


river_sentence = "they walked along the bank of the river"
context, weights = attend(river_sentence)
assert context.shape == (8, 384) and weights.shape == (8, 8) and np.allclose(weights.sum(axis=1), 1)

# %% [markdown]
# The same question as before, asked of the new vector of *bank*; then again in the other sentence.

# %%
found = {}
for sentence in (river_sentence, "she took her money out of the bank"):
    context, weights = attend(sentence)
    bank = sentence.split().index("bank")
    _, found[sentence] = similarity(context[bank], two_senses)
    print(f"{found[sentence][0]:.2f} like river, {found[sentence][1]:.2f} like money:  {sentence}")
assert found["she took her money out of the bank"][1] > 0.5
compare("bank", "river" if found[river_sentence][0] > found[river_sentence][1] else "money, but less so than before")

# %% [markdown]
# **Look.** One word, one list of numbers in the table, and two different vectors once its neighbours were heard: 0.45 river in one sentence, 0.59 money in
# the other. That is **attention**: every word becomes a weighted average of the words around it, and the words themselves decide the weights.
#
# The next cell draws the weights of the first sentence. Read a row: how much does this word listen to each other word?

# %%
tokens = river_sentence.split()
_, weights = attend(river_sentence)
bank_row = dict(zip(tokens, weights[4], strict=True))
print(f"bank listens to: bank {bank_row['bank']:.2f}, river {bank_row['river']:.2f}, walked {bank_row['walked']:.2f}")
assert sorted(bank_row, key=bank_row.get)[-2:] == ["river", "bank"]
fig, ax = plots.figure(width=6, height=5)
plots.heat_map(ax, weights, tokens, tokens, label="After itself, bank listens most to river")
ax.set(xlabel="the word that is listened to", ylabel="the word that listens")
for edge in (3.5, 4.5):
    ax.axhline(edge, color=palette.INK)
plots.show(fig, alt="A map of 8 by 8 weights. In the marked row bank gives itself 0.45, river 0.12 and each other word less.")

# %% [markdown]
# **Look.** In the row of *bank* the largest share after its own is *river*, 0.12, and *walked* gets 0.06. No rule says that rivers have banks.
# The vectors of the two words point in similar directions, and that was enough.
#
# **Why.** Do the weights matter, or would any average do? Take them away: let every word count the same.

# %%
X = np.stack([words.vector(word) for word in tokens])
equal = np.full((8, 8), 1 / 8)
without_weights = equal @ X
_, bank_to_they = similarity(without_weights[4], without_weights[:1])
_, bank_to_they_with = similarity((weights @ X)[4], (weights @ X)[:1])
print(f"bank is like they: {bank_to_they[0]:.2f} with equal weights, {bank_to_they_with[0]:.2f} with its own")
assert np.allclose(without_weights, without_weights[0])

# %% [markdown]
# **Look.** With equal weights all eight words become one and the same vector. The weights are what keeps *bank* a bank.
#
# Honestly: this is attention with nothing learnt but the word vectors, and lesson 03 adds one factor to the scores. The map is pale, and *river* and *bank* find each other because their
# vectors are alike. "It" and the noun it stands for are not alike. How a machine learns which words to ask is what the rest of the course builds.
#
# **Make it.** Other words have two meanings too. Write two sentences between which *mouse* changes sides: more *cat* in the first, more *computer*
# in the second. Accepted if the last line prints *accepted*. Then try *apple* (orange, computer), *star* (planet, actor) or *may* (june, might),
# or one of your own. The table is lower case; a word that it does not hold is named, with near ones.

# %%
my_word, sense_one, sense_two = "mouse", "cat", "computer"
sentence_one = "the mouse"
sentence_two = "the mouse of the computer"


def verdict():
    senses = np.stack([words.vector(sense_one), words.vector(sense_two)])
    one, two = (similarity(attend(s)[0][s.split().index(my_word)], senses)[1] for s in (sentence_one, sentence_two))
    accepted = one[0] > one[1] and two[1] > two[0]
    print("accepted" if accepted else f"not yet: sentence one is {one[0]:.2f} {sense_one} and {one[1]:.2f} {sense_two}")


verdict()

# %% [markdown]
# ## When you are stuck (2 min)
#
# | you want | do this |
# |---|---|
# | help with an exercise | `hint("name")`, up to three times, then `solution("name")` |
# | to begin a notebook afresh | menu *Kernel*, *Restart Kernel and Run All Cells* |
# | what a function does | `?similarity` in a cell, or `similarity??` for its source |
# | a word you do not know | the [glossary](glossary.ipynb); the letters are in the [table of symbols](symbols.ipynb) |
# | to know whether you are ready | the five-minute self-test of the [prerequisites](prerequisites.ipynb) |
# | to see how far you are | `from course_lib import progress`, then `progress()`; also on the [contents page](contents.ipynb) |
# | less time | the sections marked *short path*, about 20 minutes in later lessons |
#
# The bold word at the start of a paragraph always means the same. *Predict*: guess. *Run*: run the cell below. *Look*: what was to be seen.
# *Change it*: alter a cell and run it again. *Make it*: build something of your own. *By hand*: with a pencil. *Why*, *Trap* and *Recap* say what they are.
#
# ## Recap (1 min)
#
# **Recap.** Answer aloud before you unfold. This is the best-spent minute of a lesson.
#
# <details><summary>What are the three steps of a weighted average?</summary>
#
# Multiply each value by its weight, add the products, divide by the sum of the weights. If the weights are shares that add up to 1, the last step changes nothing.
#
# </details>
#
# <details><summary>Why did weights 1, 1, 1 not find the fault, and why did 2, 1, 1?</summary>
#
# The fault was to divide by the number of values. For 1, 1, 1 the number and the sum of the weights are both 3. For 2, 1, 1 they are 3 and 4.
#
# </details>
#
# <details><summary>One list of numbers for "bank": how does it become a river's bank?</summary>
#
# Its vector is replaced by a weighted average of the vectors in the sentence. The river has a large weight in it, so the result points more towards *river*.
#
# </details>
#
# <details><summary>What happens to the words if all weights are equal?</summary>
#
# Every word becomes the same vector, the plain mean of the sentence. Nothing tells them apart any more.
#
# </details>
#
# <details><summary>From the prerequisites: X has shape (8, 384). What shape has X @ X.T, and what stands in row 4, column 7?</summary>
#
# (8, 8). There stands the dot product of row 4 and row 7 of X: one number for a pair of words. What that number says about the two words is lesson 01.
#
# </details>
