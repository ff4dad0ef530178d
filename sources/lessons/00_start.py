# ---
# jupyter:
#   course:
#     title: How this course works
#     question: How can one list of numbers for "bank" mean a river and a vault?
#     minutes: 33
#     short_path: 19
#     needs: []
#     objectives:
#       - "work through a lesson: guess, run, change, check, ask for a hint"
#       - compute a weighted average by hand and in NumPy, and say what the weights do
#       - tell a test that can find a fault from one that cannot
#       - say in one sentence what attention does to a word
#     terms: [weighted average, check, explorer]
# ---

# %% [markdown]
# **Run.** A grey cell holds code. Click into it and press **Shift + Enter**; what it has to say appears below it. Run every grey cell, in order, beginning with this one.

# %%
from course_lib import compare, predict, start

start("00_start")

# %% [markdown]
# ## One word, two meanings (4 min, short path)
#
# *They walked along the bank of the river.* *She took her money out of the bank.*
#
# You had no trouble with that. A machine does: it keeps **one** list of numbers for *bank*, and takes that list out whenever the word turns up.
# River or vault, the numbers are the same. So how can it ever tell them apart?
#
# In this lesson you will see one answer at work, with real word vectors and three lines of code. It is an average,
# in which *bank* itself decides how much to listen to each word of its sentence.
#
# **Short path.** 19 minutes: the sections whose heading says *short path*. Run the other cells unread.
#
# **Change it.** The next cell shows an **explorer**, a picture that you move. In it *bank* listens to three words, and has given each a **score**.
# Softmax, the subject of lesson 02, turns the scores into **weights**: positive numbers that add up to 1.
# Drag the score of *river*, or click on it and use the arrow keys, until *river* has **more than half** of the weight. What score does it need?
# (The picture can do more than you need today. Temperature and entropy wait until lesson 02.)

# %%
from course_lib.explorers import softmax_explorer

names = ["bank", "river", "walked"]
listening = softmax_explorer(scores=(2.0, 1.0, 0.0), labels=names, predict=False)
listening.challenge("Give river more than half of the weight.", "weights[1] > 0.5")
listening

# %% [markdown]
# **Look.** You moved one score, and all three weights moved: they compete.
#
# **Run.** Did you find the score? Scores move in steps of 0.1 here. The next cell tries the last step below the border and the first above it. Like most cells
# of this course it ends in an `assert`, a line that stops with an error if it is not true.

# %%
more_than_half = []
for score in (2.1, 2.2):
    bank, river, walked = softmax_explorer(scores=(2.0, score, 0.0), labels=names, predict=False).weights
    print(f"score of river {score}: bank {bank:.3f}, river {river:.3f}, walked {walked:.3f}")
    more_than_half.append(bool(river > 0.5))
assert more_than_half == [False, True]

# %% [markdown]
# **Look.** A score of 2.1 is not enough, 2.2 is. To have more than half, *river* must outweigh the two others together.

# %% [markdown]
# ## Guess first (5 min, short path)
#
# Before each surprising result you are asked for a guess. A wrong guess is worth more than no guess: you find out what you believed.
# Guesses are kept in a file on this computer and are sent nowhere.
#
# **By hand.** Let us say how "watery" three words are, from 0 (dry) to 10 (water). The numbers are made up: *bank* 4, *river* 10, *walked* 2. How watery is *bank* in this company?
# Take an average in which *bank* itself counts double: the weights are 2, 1, 1. A weight says how much something counts. Here the weights do not add up to 1, and they need not.
#
# **Predict.** You can do this one in your head.

# %%
predict("average")

# %% [markdown]
# The rule has three steps: **multiply** each value by its weight, **add** the products, **divide** by the sum of the weights. As a formula, with n words:
#
# $$\text{weighted average} = \frac{\sum_{i=1}^{n} w_i \, v_i}{\sum_{i=1}^{n} w_i}$$
#
# **Run.** The same three steps in NumPy. `values` and `weights` have one axis, the words: their shape is (n,) = (3,).

# %%
import numpy as np

values = np.array([4.0, 10.0, 2.0])  # bank, river, walked
weights = np.array([2.0, 1.0, 1.0])
assert values.shape == weights.shape == (3,)

products = weights * values  # 1 multiply
total = products.sum()  # 2 add
average = total / weights.sum()  # 3 divide
print("products", products, " total", total, " average", average)
assert average == 5.0
compare("average", f"{average:.0f}")

# %% [markdown]
# **Look.** On paper it is this table. Among *river* and *walked*, *bank* has become a little more watery: 5 instead of 4. If your guess was another number,
# the line above says how one comes to it.
#
# | | bank | river | walked | together |
# |---|---|---|---|---|
# | value $v_i$ | 4 | 10 | 2 | |
# | weight $w_i$ | 2 | 1 | 1 | 4 |
# | **multiply** $w_i v_i$ | 8 | 10 | 2 | |
# | **add** | | | | 20 |
# | **divide** by the sum of the weights | | | | 20 / 4 = 5 |
#
# The picture lays the three values on a beam and makes each disc as large as its weight. The average is the point on which the beam balances.

# %%
from course_lib import palette, plots

pull = weights * (values - average)  # to the left negative, to the right positive
print("pull of each word", pull, " together", pull.sum())
assert pull.sum() == 0
fig, ax = plots.figure(width=7, height=2)
ax.axhline(0, color=palette.INK, lw=1.5)
ax.scatter(values, [0, 0, 0], s=450 * weights, color=palette.VALUE, zorder=3)
ax.scatter(average, -0.6, s=220, marker="^", color=palette.QUERY)
for name, value, weight in zip(names, values, weights, strict=True):
    ax.annotate(f"{name}\nweight {weight:.0f}", (value, 0.55), ha="center")
ax.set(xlim=(0, 11.5), ylim=(-0.9, 1.5), yticks=[], xlabel="how watery", title="The weighted average is where the beam balances: 5")
plots.show(fig, alt="A beam with discs at 2 (walked), 4 (bank, the largest) and 10 (river); a triangle under 5 marks the balance point.")

# %% [markdown]
# **Look.** *Walked* is 3 to the left of the triangle, and *bank* 1 to the left but counts double; *river* is 5 to the right. The pulls cancel: -3, -2 and 5.
#
# **Change it.** Let *bank* listen to *river* five times as much. Work it out with a pencil, then change the number below and run the cell.

# %%
river_weight = 1.0  # change this to 5
changed = np.array([2.0, river_weight, 1.0])
print("weights", changed, " average", (changed * values).sum() / changed.sum())

# %% [markdown]
# <details><summary>What came out?</summary>
#
# Multiply: 8, 50, 2. Add: 60. Divide by 2 + 5 + 1 = 8. The average is 7.5.
#
# </details>

# %% [markdown]
# ## Tested once (6 min)
#
# Here are the three steps as a function. Its author tested it once, with weights 1, 1, 1. The next cell runs that test.

# %%
def quick_average(values, weights):
    products = weights * values  # 1 multiply
    total = products.sum()  # 2 add
    return total / len(values)  # 3 divide


tested = quick_average(values, np.array([1.0, 1.0, 1.0]))
print(f"weights 1, 1, 1: {tested:.4f}")
assert np.isclose(tested, 16 / 3)

# %% [markdown]
# The test is passed: 16 / 3 = 5.3333 is right for three equal weights.
#
# **Predict.** What will this function answer for the weights 2, 1, 1?

# %%
predict("tested_once")

# %% [markdown]
# **Run.** The next cell asks it.

# %%
answer = quick_average(values, np.array([2.0, 1.0, 1.0]))
print(f"weights 2, 1, 1: {answer:.4f}")
assert answer != average
compare("tested_once", f"{answer:.2f}")

# %% [markdown]
# **Trap.** *"It passed its test, so it is right."* The test used weights 1, 1, 1. Their sum is 3 and so is their number, so it cannot tell
# "divide by the sum of the weights" from "divide by how many there are". A test sees a fault only where right and wrong differ.
# And 6.67 looks harmless: it lies between 2 and 10, as an average should.
#
# This is why your exercises are not compared with one example. A **check** runs your function on inputs chosen so that known faults show,
# and says which one it met. Let it look at this function.

# %%
from course_lib.checks import check, hint

check(quick_average, "weighted_average")

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

# %% [markdown]
# ## The glimpse (10 min, short path)
#
# Back to the bank. Real **word vectors** come with the course: for each of 1,872 words a list of 384 numbers, taken from a published language model.
# `similarity`, which you will write in lesson 01, says how alike two lists are: 1 means that they point the same way, 0 that they have nothing to do with each other.

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
# (lesson 01), the scores become weights (lesson 02), and the weights average the vectors (lesson 03).
#
# **Run.** Three lines do it. `X` holds one row per word: shape (n, d) = (8, 384). In `X @ X.T` each row meets each row
# and gives one number per pair of words, a score. It is high where two lists point the same way and are long; lesson 01 takes the two apart.

# %%
from course_lib.by_hand import softmax


def attend(sentence):
    X = np.stack([words.vector(word) for word in sentence.split()])
    scores = X @ X.T  # every word with every word, (n, n)
    weights = softmax(scores)  # each row adds up to 1, (n, n)
    return weights @ X, weights  # n weighted averages, (n, d)


river_sentence = "they walked along the bank of the river"
context, attention = attend(river_sentence)
assert context.shape == (8, 384) and attention.shape == (8, 8) and np.allclose(attention.sum(axis=1), 1)

# %% [markdown]
# Now the question from before, asked of the new vector of *bank*; then again in the other sentence.

# %%
for sentence in (river_sentence, "she took her money out of the bank"):
    new_vectors, _ = attend(sentence)
    place = sentence.split().index("bank")
    _, (to_river, to_money) = similarity(new_vectors[place], two_senses)
    print(f"{to_river:.2f} like river, {to_money:.2f} like money:  {sentence}")
    assert (to_river > to_money) == (sentence == river_sentence)

# %% [markdown]
# **Look.** One word, one list of numbers in the table, and two different vectors once its neighbours were heard: 0.45 river and 0.36 money in one sentence,
# 0.59 money in the other. That is **attention**: every word becomes a weighted average of all words of its sentence, itself included, and the words themselves decide the weights.
#
# **Predict.** How much weight did *river* need for that?

# %%
predict("share")

# %% [markdown]
# **Run.** The next cell draws all weights of the first sentence. Read a row: how much does this word listen to each other word?

# %%
tokens = river_sentence.split()
bank = tokens.index("bank")
bank_row = dict(zip(tokens, attention[bank], strict=True))
print(f"bank listens to: bank {bank_row['bank']:.2f}, river {bank_row['river']:.2f}, walked {bank_row['walked']:.2f}")
assert sorted(bank_row, key=bank_row.get)[-2:] == ["river", "bank"] and bank_row["river"] < 1 / 8
fig, ax = plots.figure(width=6, height=5)
plots.heat_map(ax, attention, tokens, tokens, label="After itself, bank listens most to river")
ax.set(xlabel="the word that is listened to", ylabel="the word that listens")
for edge in (bank - 0.5, bank + 0.5):
    ax.axhline(edge, color=palette.INK)
plots.show(fig, alt="A map of 8 by 8 weights. In the marked row bank gives itself 0.45, river 0.12 and each other word less.")
compare("share", f"{bank_row['river']:.2f}")

# %% [markdown]
# **Look.** In the row of *bank* the largest weight after its own is that of *river*: 0.12, less than an equal share. How can so little be enough?
# The new vector is a sum of eight pieces, so its likeness to *river* is a sum of eight pieces too. The next cell takes it apart.

# %%
X = np.stack([words.vector(word) for word in tokens])  # (8, 384)
for sense, direction in zip(("river", "money"), two_senses, strict=True):
    lengths = np.linalg.norm(context[bank]) * np.linalg.norm(direction)
    pieces = attention[bank] * (X @ direction) / lengths  # (8,), one piece from each word
    others = pieces.sum() - pieces[bank] - pieces[-1]  # the last word is river
    print(f"like {sense} {pieces.sum():.3f}: {pieces[bank]:.3f} from bank, {pieces[-1]:.3f} from river, {others:z.3f} from the other six")
    assert np.isclose(pieces.sum(), similarity(context[bank], direction[None])[1][0]) and abs(others) < 0.02
    assert np.abs(np.delete(pieces, [bank, len(pieces) - 1])).max() < 0.0115  # each of the other six

# %% [markdown]
# **Look.** Half of the likeness to *river* was in *bank* already, 0.220. The other half, 0.215, comes from *river*: little weight, but its vector is the very direction we measure against
# (cosine 1; that of *bank* has 0.25). Each of the other six adds almost nothing, 0.011 at most.
# Nobody wrote a rule that rivers have banks: the weights came from the vectors alone.
#
# **Why.** Do the weights matter, or would any average do? Take them away: let all eight words count the same.
#
# **Predict.** With its own weights *bank* is 0.45 like *river*, 0.36 like *money*, and still 0.90 like *bank* in the table.

# %%
predict("equal")

# %% [markdown]
# **Run.** The same three likenesses, with its own weights and with equal ones.

# %%
senses = np.stack([words.vector(word) for word in ("river", "money", "bank")])
like = {}
for name, row in (("own", attention[bank]), ("equal", np.full(8, 1 / 8))):
    _, like[name] = similarity(row @ X, senses)
    print(f"{name:5} weights: {like[name][0]:.2f} like river, {like[name][1]:.2f} like money, {like[name][2]:.2f} like bank")
scaled = softmax(X @ X.T / np.sqrt(384))[bank]  # what lesson 03 adds
print(f"size of the entries {X.std():.2f}; weights after lesson 03's division: {scaled.min():.2f} to {scaled.max():.2f}")
assert scaled.max() < 0.14 and scaled.min() > 0.12 and 0.055 < X.std() < 0.065
bank_is_lost = like["equal"][2] < 0.5
compare("equal", "river leads, and bank is lost" if bank_is_lost else "river leads, and bank stays bank")

# %% [markdown]
# **Look.** Equal weights pull *bank* to the river too, and by a wider margin. But they pull too hard: all eight words become one and the same vector, and
# *bank* is gone, 0.35. The weights let it lean to the river **and** stay a bank.
#
# Honestly: here nothing was learnt but the word vectors. *River* and *bank* find each other because their vectors are a little alike; "it" and the noun it stands for are not.
# And lesson 03 divides the scores by $\sqrt{d}$. That suits vectors whose entries are about 1 in size. Ours are much smaller, about 0.06,
# and would be left with almost equal weights, 0.12 to 0.14.
# How a machine learns which words to ask is what the rest of the course builds.

# %% [markdown]
# ## Your turn (4 min)
#
# **Make it.** Other words have two meanings too. Write two sentences between which *mouse* changes sides: more like *cat* in the first, more like *computer*
# in the second. The first of the next two cells holds the judge, and you change the second. Accepted if its last line says *accepted*.

# %%
def verdict(word, sense_one, sense_two, sentence_one, sentence_two):
    senses, accepted = np.stack([words.vector(sense_one), words.vector(sense_two)]), True
    for sentence, wanted in ((sentence_one, 0), (sentence_two, 1)):
        if word not in sentence.split():
            return f"not yet: {sentence!r} lacks the word {word}"
        new_vectors, _ = attend(sentence)
        _, like = similarity(new_vectors[sentence.split().index(word)], senses)
        print(f"{like[0]:.2f} {sense_one}, {like[1]:.2f} {sense_two}:  {sentence}")
        accepted = accepted and like[wanted] > like[1 - wanted]
    return "accepted" if accepted else "not yet"

# %% [markdown]
# The last two lines are yours. The table is lower case, without full stops; a word that it does not hold is named, with near ones.

# %%
print(verdict(
    "mouse", "cat", "computer",
    "the mouse",
    "the mouse",
))

# %% [markdown]
# Too little? Do it **without** the words *cat* and *computer*. Or take *apple* (orange, computer), *star* (planet, actor), *may* (june, might).
# With *bank*, leave out *river* and *money*: a sense that is only hinted at can be too faint for these vectors.

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
# | less time | the sections marked *short path*, 20 to 25 minutes in later lessons |
#
# The bold word at the start of a paragraph always means the same. *Predict*: guess. *Run*: run the cell below. *Look*: what there was to see.
# *Change it*: alter a cell and run it again. *Make it*: build something of your own. *By hand*: with a pencil. *Why*: the reason, often by taking a thing away.
# *Trap*: a belief that fails. *Recap*: questions to answer without looking back.

# %% [markdown]
# ## Recap (2 min)
#
# **Recap.** Answer aloud before you unfold. These are the best-spent minutes of a lesson.
#
# <details><summary>What are the three steps of a weighted average?</summary>
#
# Multiply each value by its weight, add the products, divide by the sum of the weights. If the weights add up to 1, the last step changes nothing.
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
# Its vector is replaced by a weighted average of the vectors in the sentence. *River* has a weight of only 0.12 in it, but its vector is the direction itself: it brings half of the new likeness, and *bank* itself had the other half.
#
# </details>
#
# <details><summary>Equal weights pull "bank" to the river too. What do they spoil?</summary>
#
# Every word becomes the same vector, the plain mean of the sentence. *Bank* is then only 0.35 like itself; with its own weights it is 0.90.
#
# </details>
#
# <details><summary>From the prerequisites: X has shape (8, 384). What shape has X @ X.T, and what is in row 4, column 7?</summary>
#
# (8, 8). In row 4, column 7 is what row 4 and row 7 of X give together, their dot product: one number for a pair of words. What that number says about the two words is lesson 01.
#
# </details>
