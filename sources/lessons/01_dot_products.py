# ---
# jupyter:
#   course:
#     title: Dot products
#     question: How can a search find a sofa when you typed "couch"?
#     minutes: 50
#     short_path: 20
#     needs: [00_start]
#     objectives:
#       - compute a dot product by hand, and read it as a sum, as lengths times cosine, and as a shadow
#       - say when dot product and cosine disagree, and build a case in which they do
#       - compare one query, or many, with every key in one matrix product, and name the axes
#       - explain why two random vectors in 384 dimensions stand almost at a right angle
#     terms: [dot product, projection, cosine similarity, word vector, nearest neighbours]
# ---

# %%
from course_lib import compare, predict, start

start("01_dot_products")

# %% [markdown]
# ## The couch that nobody finds (3 min, short path)
#
# A second-hand shop has three things to sell, and a search box:
#
# * **sofa**: "tiny sofa"
# * **lamp**: "small lamp and small radio for the kitchen"
# * **book**: "book about the couch"
#
# A customer types **small couch**. The shop counts how often each word of the query stands in each text, and shows the text with the highest count first.
# You see at once what the customer wants. Which one does the shop show?
#
# **Short path.** 20 minutes: the four sections whose heading says *short path*. Run the other cells unread.
#
# **Predict.** Guess before you run on.

# %%
predict("search")

# %% [markdown]
# **Run.** The shop's own search.

# %%
shop = {
    "sofa": "tiny sofa",
    "lamp": "small lamp and small radio for the kitchen",
    "book": "book about the couch",
}
query = "small couch"

matches = {name: sum(text.split().count(word) for word in query.split()) for name, text in shop.items()}
print(matches)
assert matches == {"sofa": 0, "lamp": 2, "book": 1}
compare("search", max(matches, key=matches.get))

# %% [markdown]
# **Look.** The sofa comes last, with 0. The lamp wins, because its seller wrote "small" twice. Two separate things have gone wrong,
# and it will take this whole lesson to see that they are two: what the shop *compares*, and how it *measures*.

# %% [markdown]
# ## Multiply and add (6 min, short path)
#
# Write the counts down as lists of numbers: first how often "small", then how often "couch". Such a list is a **vector**, and each text is now one.
# The text we search with is the **query** q; the ones we search in are the **keys**. Both names stay with us to the last lesson.
#
# **By hand.** Multiply entry by entry, then add:
#
# | key | small | couch | times query (1, 1) | added |
# |---|---|---|---|---|
# | sofa | 0 | 0 | 0, 0 | 0 |
# | lamp | 2 | 0 | 2, 0 | 2 |
# | book | 0 | 1 | 0, 1 | 1 |
#
# So counting matches is a **dot product**: of two vectors a and b with d entries each,
#
# $$a \cdot b = \sum_{i=1}^{d} a_i \, b_i$$
#
# **Run.** The same table in NumPy, where `@` is the dot product. A vector has one axis, the features: its shape is (d,) = (2,).

# %%
import numpy as np

q = np.array([1.0, 1.0])  # the query: small, couch
keys = {"sofa": np.array([0.0, 0.0]), "lamp": np.array([2.0, 0.0]), "book": np.array([0.0, 1.0])}
for name, k in keys.items():
    assert q.shape == k.shape == (2,)
    products = q * k  # multiply
    added = products.sum()  # add
    print(f"{name}: products {products}, added {added:.0f}, with @ {q @ k:.0f}")
    assert added == q @ k == matches[name]

# %% [markdown]
# **Look.** The three numbers are those of the search. Every other word of a text would add 0, because the query has it 0 times.
#
# **Change it.** Could the lamp's seller climb higher still? Give the lamp the vector (5, 0) and run the cell. (The assert will object:
# it knows the true text. The printed line comes first.) Who pays for such a trick?
#
# Here are the vectors as arrows. The sofa's has no length: it is a dot.

# %%
from course_lib import palette, plots

fig, ax = plots.figure(width=5, height=3.4)
arrows = {"query": (1, 1), "lamp": (2, 0.0), "book": (0, 1)}
plots.arrows(ax, arrows, colors={"query": palette.QUERY, "lamp": palette.KEY, "book": palette.KEY})
ax.annotate("sofa", (0, 0), (8, -12), textcoords="offset points", color=palette.KEY, fontweight="bold")
ax.plot(0, 0, "o", color=palette.KEY)
ax.set(xlabel="how often \"small\"", ylabel="how often \"couch\"", title="Twice the product, the same angle")
plots.show(fig, alt="Arrows from the origin: query (1, 1), lamp (2, 0), book (0, 1), both 45 degrees from the query; the sofa is a dot at the origin.")

# %% [markdown]
# **Look.** The lamp scores twice as much as the book. But the query stands 45 degrees from both. So the dot product is no angle.
# What is it, then?

# %% [markdown]
# ## What the number measures (9 min)
#
# **Predict.** Two arrows, each of length 5, at a right angle to each other.

# %%
predict("right_angle")

# %% [markdown]
# **Run.** One query (3, 4), and five keys that are all 5 long. The length of an arrow is $\lVert a \rVert = \sqrt{a \cdot a}$, after Pythagoras.
# The cell turns the key further and further away. `arctan2` reads off each arrow's direction without any dot product.

# %%
q = np.array([3.0, 4.0])
turned = np.array([[3, 4], [4, 3], [5, 0], [4, -3], [-3, -4]], dtype=float)  # (n, d) = (5, 2)
assert q.shape == (2,) and turned.shape == (5, 2)
for k in turned:
    angle = np.degrees(np.arctan2(*q[::-1]) - np.arctan2(*k[::-1])) % 360
    print(f"key {k}, length {np.sqrt(k @ k):.0f}: angle {angle:5.1f}, product {q @ k:5.1f}, 25 cos(angle) {25 * np.cos(np.radians(angle)):5.1f}")
    assert np.isclose(q @ k, 25 * np.cos(np.radians(angle)))
compare("right_angle", f"{q @ turned[3]:.0f}")

# %% [markdown]
# **Look.** At equal lengths the product falls from 25 to 0 to -25 as the angle opens, exactly like the cosine. The signs say: positive, less than a right angle;
# zero, a right angle; negative, more. In general, with $\theta$ the angle between a and b,
#
# $$a \cdot b = \lVert a \rVert \, \lVert b \rVert \cos\theta$$
#
# **Why.** Two ways to write the squared distance between the tips. Multiply out:
# $\lVert a - b \rVert^2 = \lVert a \rVert^2 + \lVert b \rVert^2 - 2 \, a \cdot b$.
# The law of cosines, for the triangle of a, b and $a - b$: $\lVert a - b \rVert^2 = \lVert a \rVert^2 + \lVert b \rVert^2 - 2 \lVert a \rVert \lVert b \rVert \cos\theta$.
# Compare the last terms. Two arrows always lie in one plane, so this holds in 384 dimensions as it does in two.
#
# There is a third reading. Drop a perpendicular from the tip of q onto the line of k. The part of q that lies along k is its **projection**, the
# shadow of q on k, with signed length $\lVert q \rVert \cos\theta$. So the product is *the shadow, times the length of the key*:
#
# $$q \cdot k = (\lVert q \rVert \cos\theta) \, \lVert k \rVert \qquad\qquad \text{shadow of } q \text{ on } k = \frac{q \cdot k}{k \cdot k} \, k$$
#
# **By hand.** q = (2, 1) and k = (4, 0). The product is 8 and $k \cdot k$ is 16, so the shadow is half of k: (2, 0). Its length 2, times 4, is 8 again.
#
# **Run.** The three readings of this one number. The last line looks at what is left of q when its shadow is taken off.

# %%
q, k = np.array([2.0, 1.0]), np.array([4.0, 0.0])
as_sum = (q * k).sum()
as_angle = np.linalg.norm(q) * np.linalg.norm(k) * np.cos(np.arctan2(1, 2))  # k lies on the first axis
shadow = (q @ k) / (k @ k) * k  # (d,) = (2,)
as_shadow = np.linalg.norm(shadow) * np.linalg.norm(k)
print(f"as a sum {as_sum:.1f}, as lengths and cosine {as_angle:.1f}, as shadow {shadow} times length {as_shadow:.1f}")
print("what is left of q:", q - shadow, " its product with k:", (q - shadow) @ k)
assert shadow.shape == (2,) and np.allclose([as_sum, as_angle, as_shadow], 8) and (q - shadow) @ k == 0

# %% [markdown]
# **Look.** Three ways, one number. And q falls into two parts, one along k and one across it. Only the part along k counts.
#
# **Predict.** Now hold the query at (2, 1) and look for *all* keys whose product with it is 4. Where do their tips lie?

# %%
predict("line")

# %% [markdown]
# **Change it.** Find out. Leave the query alone, move the key, and collect places where the product is 4.00. The first state is one of them.
# Can a key with product 4 be as long as you like? Can it point away from the query?

# %%
from course_lib.explorers import dot_product_explorer

arrows = dot_product_explorer(query=(2.0, 1.0), key=(1.0, 2.0))
arrows

# %% [markdown]
# **Run.** Four such keys, and the steps between them.

# %%
q = np.array([2.0, 1.0])
found = np.array([[0.0, 4.0], [1.0, 2.0], [2.0, 0.0], [3.0, -2.0]])  # (n, d) = (4, 2)
assert found.shape == (4, 2)
steps = found[1:] - found[0]
print("products       ", found @ q)
print("lengths        ", np.linalg.norm(found, axis=1))
print("steps times q  ", steps @ q)
assert np.allclose(found @ q, 4) and np.allclose(steps @ q, 0)
assert np.isclose(dot_product_explorer(query=(2.0, 1.0), key=(3.0, -2.0)).dot, 4)
compare("line", "on a straight line at a right angle to the query" if np.allclose(steps @ q, 0) else "on a circle")

# %% [markdown]
# **Look.** Every step from one such key to the next has product 0 with the query: it runs at a right angle to it. Sideways costs nothing and gains nothing.
# The key may be as long as you like, and nearly at a right angle, but never beyond. The next cell puts this beside the keys of equal *cosine*.

# %%
fig, (left, right) = plots.figure(width=8, height=3.9, columns=2)
for ax, title in ((left, "Product 4: a line across"), (right, "Cosine 0.8: two rays")):
    plots.arrows(ax, {"query": (2, 1)}, colors={"query": palette.QUERY})
    ax.set(xlim=(-1.5, 5), ylim=(-2.5, 4.5), title=title, xlabel="first entry", ylabel="second entry")
left.plot(found[:, 0], found[:, 1], "o-", color=palette.KEY)
for direction in np.array([[1.0, 2.0], [2.2, -0.4]]):
    tips = direction * np.array([[0.4], [0.8], [1.3], [1.9]])
    cos = (tips @ q) / (np.linalg.norm(tips, axis=1) * np.linalg.norm(q))
    assert np.allclose(cos, 0.8)
    right.plot(*np.vstack([[0, 0], tips]).T, "o-", color=palette.KEY)
plots.show(fig, alt="Left: key tips with product 4 lie on a straight line across the query. Right: key tips with cosine 0.8 lie on two rays.")

# %% [markdown]
# **Look.** Two numbers, two kinds of blindness. The dot product does not see what lies across the query. The cosine does not see length.

# %% [markdown]
# ## Trap: the longer arrow wins (6 min, short path)
#
# Divide the product by both lengths and the angle alone is left. That is the **cosine similarity**:
#
# $$\cos\theta = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
#
# It lies between -1 (opposite) and 1 (same direction). A zero vector has no direction: its cosine would be 0/0, and this course sets it to 0.
#
# **Trap.** *"A larger dot product means a smaller angle."* You will meet programs that believe it. Here is one, `nearest_by_product`.
# And here is its test: three keys of length 1.

# %%
def nearest_by_product(q, K):
    return int(np.argmax(K @ q))


def nearest_by_cosine(q, K):
    return int(np.argmax((K @ q) / np.linalg.norm(K, axis=1)))  # the query's length divides all alike


q = np.array([2.0, 1.0])  # (d,) = (2,)
K = np.array([[0.8, 0.6], [1.0, 0.0], [0.0, 1.0]])  # three keys a, b, c: (n, d) = (3, 2)
assert K.shape == (3, 2) and np.allclose(np.linalg.norm(K, axis=1), 1)
print("products", K @ q, " nearest by product: key", "abc"[nearest_by_product(q, K)])
print("                          nearest by cosine:  key", "abc"[nearest_by_cosine(q, K)])
assert nearest_by_product(q, K) == nearest_by_cosine(q, K) == 0

# %% [markdown]
# Both agree on key a. The test is passed.
#
# **Predict.** Now key b = (1, 0) is made three times as long: (3, 0). Who is first?

# %%
predict("longer")

# %% [markdown]
# **Run.** The same keys, one of them stretched.

# %%
stretched = K * np.array([[1.0], [3.0], [1.0]])
product, cosine = "abc"[nearest_by_product(q, stretched)], "abc"[nearest_by_cosine(q, stretched)]
cosines = (stretched @ q) / (np.linalg.norm(stretched, axis=1) * np.linalg.norm(q))
print("products", stretched @ q, " first:", product)
print("cosines ", cosines, " first:", cosine)
print("degrees ", np.degrees(np.arccos(cosines)).round(0))
assert np.allclose(cosines, [0.9839, 0.8944, 0.4472], atol=5e-5)
compare("longer", f"{product} by product, {cosine} by cosine")

# %% [markdown]
# **Look.** The angles have not moved, and the products say *b*. The statement is false as soon as keys differ in length.
#
# **Why a weaker test would not see it.** Where all keys have one length, dividing by it changes no order, so the wrong program is right.
# What about random vectors, the usual choice for a test? The next cell tries 1,000 tables of 5 random keys and counts how often the two programs differ.

# %%
rng = np.random.default_rng(0)
for d in (2, 384):
    differ = 0
    for _ in range(1000):
        random_q, random_K = rng.normal(size=d), rng.normal(size=(5, d))  # (d,) and (n, d)
        differ += nearest_by_product(random_q, random_K) != nearest_by_cosine(random_q, random_K)
    print(f"d {d:3}: the programs differ on {differ} of 1,000 random tables")
assert differ < 50  # the last one, d = 384

# %% [markdown]
# **Look.** In the plane such a test sees the fault one time in three. In 384 dimensions it misses it nearly always: random arrows there are all about equally long.
# A test must stretch a key on purpose. The check of your exercise does.
#
# Is length always noise? No. Attention, from lesson 03 on, uses the plain product: there a key may learn to be long in order to be heard.
# But then length must mean something. In our shop it means that a seller repeated a word.
#
# **Change it.** How long must c = (0, 1) be made before it wins by product over b = (3, 0)? Work it out, then change the stretch in the cell above.

# %% [markdown]
# <details><summary>The answer</summary>
#
# c has product 1 per unit of length, b has 6. So c wins when it is more than 6 long, at an angle of 63 degrees.
#
# </details>

# %% [markdown]
# ## One query, many keys (8 min)
#
# Put the keys into the rows of a matrix K of shape (n, d). Then one matrix product gives all n dot products: row j of K q is $k_j \cdot q$.
# And several queries, as rows of Q of shape (n_q, d), meet n_k keys in one go:
#
# $$(Q K^\top)_{ij} = q_i \cdot k_j$$

# %%
predict("shape")

# %% [markdown]
# **Run.** With names on every axis.

# %%
n_q, n_k, d = 3, 1872, 384
rng = np.random.default_rng(0)
Q, keys_at_random = rng.normal(size=(n_q, d)), rng.normal(size=(n_k, d))
scores = Q @ keys_at_random.T  # (n_q, d) times (d, n_k)
assert scores.shape == (n_q, n_k)
assert np.isclose(scores[2, 7], Q[2] @ keys_at_random[7])
print("Q K^T has shape", scores.shape, ": one row per query, one column per key")
compare("shape", f"{scores.shape}")

# %% [markdown]
# **Look.** The features d are summed away; what remains is who asked and who was asked. This table of scores is the heart of attention.
#
# Now the whole comparison of one query with n keys, worked. Remember the four labels: they come back twice.

# %%
q = np.array([2.0, 1.0])
assert stretched.shape[1:] == q.shape  # 1 line up: each key has as many features as the query
dot = stretched @ q  # 2 multiply and add: (n, d) @ (d,) -> (n,)
lengths = np.linalg.norm(stretched, axis=1) * np.linalg.norm(q)  # 3 measure: each key's length times the query's, (n,)
cos = dot / lengths  # 4 divide
print("dot", dot, " lengths", lengths, " cos", cos)
assert dot.shape == lengths.shape == cos.shape == (3,)
assert np.allclose(dot, [2.2, 6, 1]) and np.allclose(cos, cosines)

# %% [markdown]
# **Make it.** The same steps with two of them missing. Write steps 3 and 4, and let the function return `dot, cos`.
# Then the check answers. It also tries a key of length zero, which the worked example did not have to survive.

# %%
from course_lib.checks import check, hint


def similarity(q, K):
    assert K.shape[1:] == q.shape  # 1 line up
    dot = K @ q  # 2 multiply and add
    ...  # 3 measure: each key's length times the query's
    return ...  # 4 divide, and return dot, cos


check(similarity)

# %% [markdown]
# Stuck? `hint("similarity")` in a new cell. The third step, with nothing given, waits in the [exercises](../exercises/01_dot_products.ipynb).
#
# **Look.** When yours is right, compare it with the library's, which the next cell prints. From here on the course uses that one.
# Its `where=` skips the division where a length is zero.

# %%
import inspect

from course_lib.by_hand import similarity, vectors

source = inspect.getsource(vectors.similarity)
print(source[source.index("    q, K = np") :])
library_dot, library_cos = similarity(q, stretched)
assert np.allclose(library_dot, dot) and np.allclose(library_cos, cos)
print("The worked example and the library agree.")

# %% [markdown]
# ## Words are arrows too (7 min)
#
# "Sofa" and "couch" stand on two different axes of the shop's count, at a right angle: product 0, as for "sofa" and "giraffe".
# The counts were the first thing that went wrong. A language model gives each word a better list: its **word vector**, 384 numbers, learnt so that
# words used alike point alike. The next cell loads a table of them, cut from a published model, and lists the **nearest neighbours** of three words by cosine.

# %%
from course_lib.data.words import load_words

words = load_words()
print(words.source)
n, d = words.vectors.shape  # (n, d): one row per word
assert (n, d) == (1872, 384)

# %% [markdown]
# A word is the query, the whole table holds the keys.

# %%
def neighbours(word, k=5):
    _, cos = similarity(words.vector(word), words.vectors)
    best = np.argsort(-cos, kind="stable")[1 : k + 1]  # place 0 is the word itself
    return {words.words[row]: round(float(cos[row]), 2) for row in best}


for word in ("king", "paris", "monday"):
    print(f"{word:7}", neighbours(word))
assert "queen" in neighbours("king") and "france" in neighbours("paris") and "tuesday" in neighbours("monday")

# %% [markdown]
# **Look.** *King*: queen, prince, royal. *Paris*: its country, another capital, its language, and then Cairo and Chicago: cities. *Monday*: five other days in an order of their own.
# Nobody wrote any of this down. It is all in the angles.
#
# The table is lower case, as the model's vocabulary is, so *Paris* is `paris`. That has a price, as you will see.
#
# **Predict.** Which word is nearest to *good*?

# %%
predict("good")

# %% [markdown]
# **Run.** *Good*, and five more whose neighbours are worth a look.

# %%
for word in ("good", "warm", "may", "us", "apple", "sofa"):
    print(f"{word:5}", neighbours(word))
assert "might" in neighbours("may") and "june" in neighbours("may")
assert "usa" in neighbours("us") and "we" in neighbours("us")
assert "touch" in neighbours("apple") and "kitten" in neighbours("sofa")
compare("good", next(iter(neighbours("good"))))

# %% [markdown]
# **Look.** *Good* is nearest to *bad*, *warm* to *cold*. A small angle means **used alike**, not *means the same*: opposites stand in the same sentences.
# *May* is a month and a verb at once, *us* is we and a country: one vector, several senses, because capitals are gone. *Apple* has *touch* and *windows*
# around it. And next to *sofa* and *couch* there is, of course, a kitten.
#
# **Change it.** Look up five words of your own. Find one whose nearest neighbour you would not have guessed. Try *mouse*, *will*, *turn*, *orange*.
#
# **Why.** Is the division by the lengths needed for real words? Is something else? The next cell takes the division away, and in a second trial
# subtracts the mean word from all words first, which some people do. It counts the words that get another nearest neighbour.

# %%
lengths = np.linalg.norm(words.vectors, axis=1)  # (n,)


def partners(table):
    scores = table @ table.T  # every word against every word, (n, n)
    np.fill_diagonal(scores, -np.inf)  # not with itself
    return scores.argmax(axis=1)


usual = partners(words.vectors / lengths[:, None])
centred = words.vectors - words.vectors.mean(axis=0)
centred /= np.linalg.norm(centred, axis=1, keepdims=True)
trials = {"without the division": partners(words.vectors), "with the mean word taken off": partners(centred)}
for trial, other in trials.items():
    print(f"{trial}: {(other != usual).sum()} of {n} words get another neighbour")

# %% [markdown]
# And who wins and who loses when nobody divides? The next cell looks at the lengths.

# %%
print(f"lengths from {lengths.min():.2f} ({words.words[lengths.argmin()]}) to {lengths.max():.2f} ({words.words[lengths.argmax()]})")
frequent = [words.index(word) for word in "the of and to in is was for with that".split()]
print(f"mean length {lengths.mean():.2f}, of ten very frequent words {lengths[frequent].mean():.2f}")
for word in ("job", "human", "mouse"):
    row = words.index(word)
    by_product = words.words[trials["without the division"][row]]
    print(f"{word}: {words.words[usual[row]]} by cosine, {by_product} by product")
assert [int((other != usual).sum()) for other in trials.values()] == [250, 86]
assert lengths[frequent].mean() < 0.75 * lengths.mean()

# %% [markdown]
# **Look.** Without the division, 250 of 1,872 words change partner: frequent words are short arrows in this table, so the product passes them over.
# *Job* finds *career* and not *work*. Taking off the mean changes 86 words, and we leave it out.
#
# Here are some words against each other: $Q K^\top$ with all lengths divided out, so every entry is a cosine.

# %%
chosen = ["king", "queen", "prince", "paris", "france", "monday", "tuesday"]
unit = np.stack([words.vector(word) / np.linalg.norm(words.vector(word)) for word in chosen])
cosines = unit @ unit.T  # (n_q, n_k) = (7, 7)
assert cosines.shape == (7, 7) and np.allclose(np.diag(cosines), 1) and np.allclose(cosines, cosines.T)
print(f"king and queen {cosines[0, 1]:.2f}, paris and france {cosines[3, 4]:.2f}, king and monday {cosines[0, 5]:.2f}")
fig, ax = plots.figure(width=6, height=4.6)
plots.heat_map(ax, cosines, chosen, chosen, label="Families stand out: cosine of each pair")
ax.set(xlabel="key", ylabel="query")
plots.show(fig, alt="A map of 7 by 7 cosines: king, queen and prince form a block, paris and france another, monday and tuesday a third.")

# %% [markdown]
# **Look.** Three families, and little between them. *Paris* and *king* share neither direction nor its opposite: they are nearly at a right angle.
# Is that remarkable?

# %% [markdown]
# ## Room for right angles (4 min)
#
# **Predict.** Draw 1,000 pairs of random arrows in the plane. 111 of the pairs stand within 10 degrees of a right angle. Now draw them in 384 dimensions.

# %%
predict("random")

# %% [markdown]
# **Run.** Entries are drawn from a normal distribution with spread (standard deviation) 1.

# %%
rng = np.random.default_rng(0)
angles, spread_of_product = {}, {}
for d in (2, 8, 64, 384):
    a, b = rng.normal(size=(2, 1000, d))  # 1,000 pairs, (pairs, d) each
    dot = (a * b).sum(axis=1)
    cos = dot / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    angles[d], spread_of_product[d] = np.degrees(np.arccos(cos)), dot.std()
    near = int((np.abs(angles[d] - 90) < 10).sum())
    print(f"d {d:3}: {near:3} of 1,000 within 10 degrees; spread of the cosine {cos.std():.3f}, 1/sqrt(d) {d**-0.5:.3f}")
    assert abs(cos.std() * d**0.5 - 1) < 0.05
compare("random", near)

# %% [markdown]
# The picture shows all 1,000 angles, in the plane and in 384 dimensions.

# %%
fig, panels = plots.figure(width=7.5, height=2.8, columns=2)
for panel, d, said in zip(panels, (2, 384), ("any angle", "right angles"), strict=True):
    panel.hist(angles[d], bins=np.arange(0, 181, 5), color=palette.KEY)
    panel.set(title=f"{d} dimensions: {said}", xlabel="angle in degrees", ylabel="pairs", xticks=(0, 45, 90, 135, 180))
plots.show(fig, alt="Histograms of the angle between random pairs: flat from 0 to 180 degrees in 2 dimensions, one narrow peak at 90 in 384.")

# %% [markdown]
# **Why.** Take two random arrows of length 1. Each entry is about $1/\sqrt{d}$ in size, so each product of entries is about $1/d$, with a random sign.
# A sum of d such terms does not grow like d but like $\sqrt{d}$, because most of it cancels. That leaves $\sqrt{d} \cdot 1/d = 1/\sqrt{d}$: about 0.05 for d = 384.
#
# So a cosine of 0.63 is loud. The next cell says how loud, and looks at all pairs of real words.

# %%
spread = 384**-0.5
king_queen = neighbours("king")["queen"]
cosines = (words.vectors / lengths[:, None]) @ (words.vectors / lengths[:, None]).T
pairs = cosines[np.triu_indices(n, k=1)]  # each pair of words once
print(f"king and queen: {king_queen} is {king_queen / spread:.0f} times the spread {spread:.3f}")
print(f"{(np.abs(pairs) < np.cos(np.radians(80))).mean():.0%} of all pairs of words stand within 10 degrees of a right angle")
print(f"undivided products of random pairs have the spread {spread_of_product[384]:.1f}, about sqrt(384) = {384**0.5:.1f}")
assert king_queen / spread > 12 and (np.abs(pairs) < np.cos(np.radians(80))).mean() > 0.96

# %% [markdown]
# **Look.** Real words are not random, and still 97 % of their pairs stand close to a right angle. That is what makes search possible: there is room for very many
# directions that do not disturb one another. Keep the last line in mind. Plain products grow with $\sqrt{d}$, and in lesson 03 that nearly breaks attention.

# %% [markdown]
# ## The couch is found (5 min, short path)
#
# Back to the shop. A language model has learnt a list of 384 numbers for each word, its word vector, and words used alike point alike.
# Add up the word vectors of a text and the text is one arrow in 384 dimensions. (The sum forgets the order of the words. Lesson 09 brings it back.)
# We changed two things in this lesson, so there are four searches: counts or word vectors, product or cosine.
#
# **Predict.** The customer typed *small couch*. Which of the four show the tiny sofa first?

# %%
predict("four")

# %% [markdown]
# **Run.** First the two ways to make an arrow of a text. The counts have the two axes "small" and "couch", as before.

# %%
def as_counts(text):
    return np.array([text.split().count(word) for word in query.split()], dtype=float)  # (2,)


def as_words(text):
    return sum(words.vector(word) for word in text.split())  # (384,)


print("counts of the lamp", as_counts(shop["lamp"]), " words of the lamp", as_words(shop["lamp"]).shape)
assert as_counts(shop["lamp"]).shape == (2,) and as_words(shop["lamp"]).shape == (384,)

# %% [markdown]
# Each of the two meets the query by product and by cosine.

# %%
first = {}
for way in (as_counts, as_words):
    dot, cos = similarity(way(query), np.stack([way(text) for text in shop.values()]))
    print(f"{way.__name__:9}  product", dict(zip(shop, dot.round(2).tolist(), strict=True)))
    print(f"{way.__name__:9}  cosine ", dict(zip(shop, cos.round(2).tolist(), strict=True)))
    first[way.__name__] = list(shop)[dot.argmax()], list(shop)[cos.argmax()]
assert first["as_counts"][0] == first["as_words"][0] == "lamp"
compare("four", "word vectors with cosine, alone" if first["as_words"][1] == "sofa" else "none of them")

# %% [markdown]
# **Look.** One search of four finds it, and "small couch" shares no word with "tiny sofa". Better vectors alone are not enough: the long text of the lamp is
# a long arrow and wins by product, 4.17 against 2.08. The cosine alone is not enough either: on counts the sofa is a zero vector and has no direction.
# The dot product was never at fault. What we compared was, and then how we measured.
#
# One thing is left open. The sofa wins with 0.70 against 0.54. Is that sure enough to show it alone? Turning scores into shares of a choice is lesson 02.
#
# **Make it.** Build a search of your own on other texts: recipes, films, a timetable. `accept` wants at least 5 texts and 3 queries; each query
# must be answered rightly **without sharing a word** with the text it should find. Words that the table lacks are named with near ones.

# %%
my_texts = ["red wine from italy", "train to the sea"]
my_queries = {"french beer": "red wine from italy"}  # what someone types -> what they should find


def accept(texts, queries):
    for asked, wanted in queries.items():
        _, cos = similarity(as_words(asked), np.stack([as_words(text) for text in texts]))
        if set(asked.split()) & set(wanted.split()):
            return f"not yet: {asked!r} shares a word with {wanted!r}"
        if texts[cos.argmax()] != wanted:
            return f"not yet: {asked!r} finds {texts[cos.argmax()]!r}"
    return "accepted" if len(texts) >= 5 and len(queries) >= 3 else f"not yet: {len(texts)} texts, {len(queries)} queries"


print(accept(my_texts, my_queries))

# %% [markdown]
# Then try to break it: a query that a person answers at once and your search gets wrong. Negation ("wine but not red") is a good place to look.
#
# ## Recap (2 min)
#
# **Recap.** Answer aloud before you unfold. Then write the three functions in the [exercises](../exercises/01_dot_products.ipynb): `projection`, `similarity` and `nearest`.
#
# <details><summary>Three readings of one number: what is the dot product of (2, 1) and (4, 0)?</summary>
#
# As a sum: 2 times 4 plus 1 times 0, which is 8. As lengths and angle: $\sqrt{5} \cdot 4 \cdot \cos\theta$ with $\cos\theta = 2/\sqrt{5}$. As a shadow: 2 along the key, times its length 4.
#
# </details>
#
# <details><summary>Two keys have the same dot product with a query. What do you know about them?</summary>
#
# Their difference stands at a right angle to the query. You know nothing about their lengths, and about their angles only that both lie on the same side of a right angle (both at it, if the product is 0).
#
# </details>
#
# <details><summary>When do product and cosine always name the same nearest key?</summary>
#
# When all keys have the same length. The length of the query does not matter: it divides all cosines alike.
#
# </details>
#
# <details><summary>Q has shape (5, 64) and K has shape (9, 64). What is the shape of Q K^T, and what stands in row 4, column 0?</summary>
#
# (5, 9), that is (n_q, n_k). There stands the dot product of the last query with the first key.
#
# </details>
#
# <details><summary>Two word vectors of 384 entries have cosine 0.05. Are the words related?</summary>
#
# There is no sign of it. 0.05 is about $1/\sqrt{384}$, the spread between random directions.
#
# </details>
#
# <details><summary>From lesson 00: with which weights does a weighted average equal the plain mean, and why is that a poor test?</summary>
#
# With equal weights. A function that divides by the number of values passes it. Here keys of equal length did the same for the dot product.
#
# </details>
