# ---
# jupyter:
#   course:
#     title: Dot products
#     question: How can a search find a sofa when you typed "couch"?
#     minutes: 70
#     short_path: 25
#     needs: [00_start]
#     objectives:
#       - compute a dot product by hand, and read it as a sum, as lengths times cosine, and as a shadow
#       - say when dot product and cosine disagree, and build a case in which they do
#       - compare one query, or many, with every key in one matrix product, and name the axes
#       - say what angles to expect between random vectors in many dimensions, and why
#     terms: [dot product, projection, cosine similarity, word vector, nearest neighbours]
# ---

# %%
from course_lib import compare, predict, start

start("01_dot_products")

# %% [markdown]
# ## The couch that nobody finds (4 min, short path)
#
# A second-hand shop has three things to sell, and a search box:
#
# * **sofa**: "tiny sofa"
# * **lamp**: "small lamp and small radio for the kitchen"
# * **book**: "book about the couch"
#
# A customer types **small couch**. The shop counts how often each word of the query occurs in each text, and shows the text with the highest count first.
# You see at once what the customer wants. Which one does the shop show?
#
# **Short path.** 25 minutes: the four sections whose heading says *short path*. Run the other cells unread.
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
# **Change it.** Could the lamp's seller climb higher still? Let the text say "small" five times.

# %%
lamp_count = 2  # change this to 5
print(f"lamp {q @ np.array([lamp_count, 0.0]):.0f}, book {q @ keys['book']:.0f}")

# %% [markdown]
# **Look.** Nothing in this measure stops the seller, and the customer pays for the trick: they scroll past the lamp to the book, and never get to the sofa.
#
# Here are the vectors as arrows. The sofa's has no length: it is a dot.

# %%
from course_lib import palette, plots

fig, ax = plots.figure(width=5, height=3.4)
arrows = {"query": (1, 1), "lamp": (2, 0.0), "book": (0, 1)}
plots.arrows(ax, arrows, colors={"query": palette.QUERY, "lamp": palette.KEY, "book": palette.KEY})
ax.annotate("sofa", (0, 0), (8, -12), textcoords="offset points", color=palette.KEY, fontweight="bold")
ax.plot(0, 0, "o", color=palette.KEY)
ax.set(xlabel="how often \"small\"", ylabel="how often \"couch\"", title="Lamp: twice the book's product,\nat the same angle to the query")
plots.show(fig, alt="Arrows from the origin: query (1, 1), lamp (2, 0), book (0, 1), both 45 degrees from the query; the sofa is a dot at the origin.")

# %% [markdown]
# **Look.** The lamp scores twice as much as the book. But the query stands 45 degrees from both. So the dot product is no angle.
# What is it, then?

# %% [markdown]
# ## What the number measures (11 min)
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
    angle = np.degrees(np.arctan2(q[1], q[0]) - np.arctan2(k[1], k[0])) % 360
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
# (The law of cosines is Pythagoras for any angle: at 90 degrees its last term is 0.)
# Compare the last terms. Two arrows always lie in one plane, so this holds in 384 dimensions as it does in two.
#
# There is a third reading. Drop a perpendicular from the tip of q onto the line of k. The part of q that lies along k is its **projection**, the
# shadow of q on k, with signed length $\lVert q \rVert \cos\theta$. So the product is *the shadow, times the length of the key*:
#
# $$q \cdot k = (\lVert q \rVert \cos\theta) \, \lVert k \rVert \qquad\qquad \text{shadow of } q \text{ on } k = \frac{q \cdot k}{k \cdot k} \, k$$
#
# Swap the two names and nothing changes: the product is equally the shadow of k on q, times the length of the query. Both shadows will be used below.
#
# **By hand.** q = (2, 1) and k = (4, 0). The product is 8 and $k \cdot k$ is 16, so the shadow is half of k: (2, 0). Its length 2, times 4, is 8 again.
#
# **Run.** The three readings of this one number. The last line looks at what is left of q when its shadow is taken off.

# %%
q, k = np.array([2.0, 1.0]), np.array([4.0, 0.0])
as_sum = (q * k).sum()
as_angle = np.linalg.norm(q) * np.linalg.norm(k) * np.cos(np.arctan2(1, 2))  # k lies on the first axis
shadow = (q @ k) / (k @ k) * k  # (d,) = (2,)
as_shadow = np.copysign(np.linalg.norm(shadow), q @ k) * np.linalg.norm(k)  # signed: negative where it points against k
print(f"as a sum {as_sum:.1f}, as lengths and cosine {as_angle:.1f}, as shadow {shadow} times length {as_shadow:.1f}")
print("what is left of q:", q - shadow, " its product with k:", (q - shadow) @ k)
assert shadow.shape == (2,) and np.allclose([as_sum, as_angle, as_shadow], 8) and (q - shadow) @ k == 0

# %% [markdown]
# **Look.** Three ways, one number. And q falls into two parts, one along k and one across it. Only the part along k counts. (Seen from the other side: only the part of k along q.)
#
# **Predict.** Now hold the query at (2, 1) and look for *all* keys whose product with it is 4. Where do their tips lie?

# %%
predict("line")

# %% [markdown]
# **Change it.** Find out. Leave the query alone, move the key, and collect places where the product is 4.00. It begins in one of them.
# What is the shortest such key? The longest? (Tips stay within 4 of the origin here. Would the longest have an end on an endless sheet?) Can such a key point away from the query?
#
# The explorer draws the shadow of the query on the key, and that one changes as you move. The next cell computes the other one, of the key on the query.
# At the start both are 1.79, because the two arrows are equally long.

# %%
from course_lib.explorers import dot_product_explorer

arrows = dot_product_explorer(query=(2.0, 1.0), key=(1.0, 2.0), predict=False)
arrows.challenge("Keep the product at 4 and bring the angle above 60 degrees.", "dot > 3.95 and dot < 4.05 and angle > 60")
arrows

# %% [markdown]
# **Run.** Four such keys, the steps between them, and the shadow that each throws on the query.

# %%
q = np.array([2.0, 1.0])
found = np.array([[0.0, 4.0], [1.0, 2.0], [2.0, 0.0], [3.0, -2.0]])  # (n, d) = (4, 2)
assert found.shape == (4, 2)
steps = found[1:] - found[0]
shadows = (found @ q)[:, None] / (q @ q) * q  # the shadow of each key on the query, (n, d)
print("products", found @ q, " lengths", np.linalg.norm(found, axis=1))
print("steps times q", steps @ q)
print("every shadow on q:", shadows[0], f"of length {np.linalg.norm(shadows[0]):.4f}")
assert np.allclose(found @ q, 4) and np.allclose(steps @ q, 0) and np.allclose(shadows, [1.6, 0.8])
assert shadows.shape == (4, 2) and np.isclose(4 / np.linalg.norm(q), 1.7889, atol=5e-5)
compare("line", "on a straight line at a right angle to the query" if np.allclose(steps @ q, 0) else "on a circle")

# %% [markdown]
# **Look.** Every step from one such key to the next has product 0 with the query: it runs at a right angle to it. Sideways costs nothing and gains nothing.
# All these keys throw one and the same shadow on the query, 1.79 long, which is $4 / \lVert q \rVert$. So no key with product 4 is shorter than that. On an endless sheet it may be as long as you like,
# and nearly at a right angle, but never beyond. The next cell puts this beside the keys of equal *cosine*.

# %%
fig, (left, right) = plots.figure(width=8, height=3.9, columns=2)
for ax, title in ((left, "Product 4: a line across"), (right, "Cosine 0.8: two rays")):
    plots.arrows(ax, {"query": (2, 1)}, colors={"query": palette.QUERY})
    ax.set(xlim=(-1.5, 5), ylim=(-2.5, 4.5), title=title, xlabel="first entry", ylabel="second entry")
left.axline(found[0], found[1], color=palette.KEY, lw=1, ls="--")
left.plot(found[:, 0], found[:, 1], "o", color=palette.KEY)
left.plot(*shadows[0], "D", color=palette.QUERY)
left.annotate("every shadow\nends here", shadows[0], (22, 34), textcoords="offset points", arrowprops={"arrowstyle": "-"})
for direction in np.array([[1.0, 2.0], [2.2, -0.4]]):
    tips = direction * np.array([[0.4], [0.8], [1.3], [1.9]])
    assert np.allclose((tips @ q) / (np.linalg.norm(tips, axis=1) * np.linalg.norm(q)), 0.8)
    right.plot(*np.outer(direction, [0, 4]), color=palette.KEY, lw=1, ls="--")
    right.plot(*tips.T, "o", color=palette.KEY)
plots.show(fig, alt="Left: key tips with product 4 lie on a straight line across the query. Right: key tips with cosine 0.8 lie on two rays.")

# %% [markdown]
# **Look.** Two numbers, two kinds of blindness. The dot product does not see what lies across the query. The cosine does not see length.

# %% [markdown]
# ## Two keys, two winners? (8 min, short path)
#
# Divide the product by both lengths and the angle alone is left. That is the **cosine similarity**:
#
# $$\cos\theta = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
#
# It lies between -1 (opposite) and 1 (same direction). A zero vector has no direction: its cosine would be 0/0, and this course sets it to 0.
#
# Which of the two should name the nearest key? Some programs take the plain product and save the division. The next cell has both,
# and tests the short way against the other on three keys of length 1.

# %%
def nearest_by_product(q, K):
    return int(np.argmax(K @ q))


def nearest_by_cosine(q, K):
    return int(np.argmax((K @ q) / np.linalg.norm(K, axis=1)))  # the query's length divides all alike


q = np.array([2.0, 1.0])  # (d,) = (2,)
K = np.array([[0.8, 0.6], [1.0, 0.0], [0.0, 1.0]])  # three keys a, b, c: (n, d) = (3, 2)
assert K.shape == (3, 2) and np.allclose(np.linalg.norm(K, axis=1), 1)
print("products", K @ q)
print("nearest by product: key", "abc"[nearest_by_product(q, K)], " nearest by cosine: key", "abc"[nearest_by_cosine(q, K)])
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
# **Look.** The angles have not moved, and the products say *b*.
#
# **Trap.** *"A larger dot product means a smaller angle."* That is false as soon as keys differ in length: a longer arrow can win at a larger angle.
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
missed = (1 - differ / 1000) ** 5  # differ is that of d = 384, the last one
print(f"five such tables in {d} dimensions all miss the fault with probability {missed:.2f}")
assert differ == 15 and missed > 0.9

# %% [markdown]
# **Look.** In the plane a random table shows the fault one time in three. In 384 dimensions only 15 of 1,000 do, because random arrows there are all about equally long.
# Five random tables would miss it more than nine times in ten. So a test must stretch a key on purpose. The check of your exercise does.
#
# Is length always noise? No. Attention, from lesson 03 on, uses the plain product: there a key may learn to be long in order to be heard.
# But then length must mean something. In our shop it means that a seller repeated a word.
#
# **Change it.** How long must c = (0, 1) be made before it wins by product over b = (3, 0)? Work it out, then try it here.

# %%
c_length = 1.0  # change this
with_long_c = stretched * np.array([[1.0], [1.0], [c_length]])
print("products", with_long_c @ q, " first: key", "abc"[nearest_by_product(q, with_long_c)])

# %% [markdown]
# <details><summary>The answer</summary>
#
# c has product 1 per unit of length, b has 6. So c wins when it is more than 6 long, at an angle of 63 degrees.
#
# </details>

# %% [markdown]
# ## One query, many keys (9 min)
#
# Put the keys into the rows of a matrix K of shape (n, d). Then one matrix product gives all n dot products: entry j of K q is $k_j \cdot q$.
# And several queries, as rows of Q of shape (n_q, d), meet n_k keys in one go:
#
# $$(Q K^\top)_{ij} = q_i \cdot k_j$$
#
# **Predict.** Three queries meet all 1,872 keys. Which shape comes out?

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
# Now the whole comparison of one query with n keys, worked. Remember the four labels: they come back in the next cell, and in the exercise.

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
# **Make it.** Now as a function, with steps 3 and 4 missing. Let it return `dot, cos`, and the check answers. It also tries a key of length zero,
# which the worked example did not have to survive: there the cosine is to be 0.

# %%
from course_lib.checks import check, hint


def my_similarity(q, K):
    assert K.shape[1:] == q.shape  # 1 line up
    dot = K @ q  # 2 multiply and add
    ...  # 3 measure
    return ...  # 4 divide


check(my_similarity, "similarity")

# %% [markdown]
# Stuck? `hint("similarity")` in a new cell. The [exercises](../exercises/01_dot_products.ipynb) have the same function with an empty body.
#
# From here on the course uses the library's `similarity`, so that the lesson goes on whether yours is done or not. The next cell holds it against the worked example.

# %%
from course_lib.by_hand import similarity

library_dot, library_cos = similarity(q, stretched)
assert np.allclose(library_dot, dot) and np.allclose(library_cos, cos)
print("The worked example and the library agree.")

# %% [markdown]
# ## Words are arrows too (8 min)
#
# If the shop counted every word, "sofa" and "couch" would each have an axis, at a right angle: product 0, as for "sofa" and "giraffe".
# With the query's two words alone, the sofa is no arrow at all.
# The counts were the first thing that went wrong. A language model keeps a better list for each word, its **word vector**: the numbers with which it begins to read.
# Ours were learnt for another purpose, to compare whole sentences (MiniLM: Wang et al. 2020; Sentence-BERT: Reimers and Gurevych 2019). Nobody asked that single words
# used alike should point alike. How far they do, you will see.
#
# **Run.** The next cell loads the table.

# %%
from course_lib.data.words import load_words

words = load_words()
print(words.source)
n, d = words.vectors.shape  # (n, d): one row per word
assert (n, d) == (1872, 384)

# %% [markdown]
# Now one word is the query, and the whole table holds the keys. The cell lists the **nearest neighbours** of three words, by cosine.

# %%
def neighbours(word, k=5):
    _, cos = similarity(words.vector(word), words.vectors)
    best = np.argsort(-cos, kind="stable")[1 : k + 1]  # place 0 is the word itself
    return {words.words[row]: round(float(cos[row]), 2) for row in best}


for word in ("king", "paris", "monday"):
    print(f"{word:7}", neighbours(word))
assert "queen" in neighbours("king") and "france" in neighbours("paris") and "tuesday" in neighbours("monday")

# %% [markdown]
# **Look.** *King*: queen, prince, royal. *Paris*: its country, another capital, its language, and then Cairo and Chicago: cities. *Monday*: five other days.
# Nobody wrote any of this down as a rule. It can be read off the angles.
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
# **Look.** *Good* is nearest to *bad* and *warm* to *cold*, both by a hair. A small angle says **used alike**, not *means the same*: opposites fit the same gaps, a good idea, a bad idea.
# *May* is a month and a verb at once, *us* is we and a country: one vector, several senses, because capitals are gone. *Apple* has *touch* and *windows*
# around it. And next to *sofa* and *couch* there is a kitten.
#
# **Change it.** Look up words of your own. Find one whose nearest neighbour you would not have guessed.

# %%
for word in ("mouse", "will", "turn"):  # change these
    print(f"{word:5}", neighbours(word))

# %% [markdown]
# **Why.** Is the division by the lengths needed for single words? The next cell takes it away, finds the nearest word for each word of the table both ways,
# and counts how many words get another partner.

# %%
lengths = np.linalg.norm(words.vectors, axis=1)  # (n,)


def partners(table):
    scores = table @ table.T  # every word against every word, (n, n)
    np.fill_diagonal(scores, -np.inf)  # not with itself
    return scores.argmax(axis=1)


by_cosine, by_product = partners(words.vectors / lengths[:, None]), partners(words.vectors)
changed = by_cosine != by_product  # (n,)
print(f"{changed.sum()} of {n} words get another partner")
print(f"mean length of these partners: {lengths[by_cosine[changed]].mean():.2f} by cosine, {lengths[by_product[changed]].mean():.2f} by product")
assert changed.sum() == 250 and lengths[by_product[changed]].mean() > lengths[by_cosine[changed]].mean()

# %% [markdown]
# Is the other partner a worse one? The next cell shows some of the 250, and the shortest and the longest arrow of the table.

# %%
for word in ("by", "these", "done", "nine", "job", "human"):
    row = words.index(word)
    print(f"{word}: {words.words[by_cosine[row]]} by cosine, {words.words[by_product[row]]} by product")
print(f"lengths from {lengths.min():.2f} to {lengths.max():.2f}")
assert changed[[words.index(word) for word in ("by", "these", "done", "nine", "job", "human")]].all()
assert lengths.max() / lengths.min() < 2

# %% [markdown]
# **Look.** Without the division 250 of 1,872 words change partner, and the new partners are longer arrows, 1.31 against 1.19: the product prefers long arrows.
# *By* gets *via* in place of *of*, *done* gets *finished* in place of *do*. That is different, and not always worse: these lengths differ by less than a factor of two.
# Where they differ more, it does harm. You will see that in the shop.
#
# **Change it.** Here are some words against each other: $Q K^\top$ with all lengths divided out, so every entry is a cosine. Run it, then put in seven words of your own and look for families.

# %%
chosen = ["king", "queen", "prince", "paris", "france", "monday", "tuesday"]
unit = np.stack([words.vector(word) / np.linalg.norm(words.vector(word)) for word in chosen])
pair_cosines = unit @ unit.T  # (n_q, n_k) = (7, 7)
assert pair_cosines.shape == (7, 7) and np.allclose(np.diag(pair_cosines), 1) and np.allclose(pair_cosines, pair_cosines.T)
for i, j in ((0, 1), (3, 4), (0, 3)):
    print(f"{chosen[i]} and {chosen[j]}: {pair_cosines[i, j]:.2f}")
fig, ax = plots.figure(width=6, height=4.6)
plots.heat_map(ax, pair_cosines, chosen, chosen, label="Families stand out: cosine of each pair")
ax.set(xlabel="key", ylabel="query")
plots.show(fig, alt="A map of 7 by 7 cosines: king, queen and prince form a block, paris and france another, monday and tuesday a third.")

# %% [markdown]
# **Look.** Three families, and little between them. *King* and *paris* have little to do with each other: cosine 0.11, nearly a right angle.
# Is that remarkable?

# %% [markdown]
# ## Angles in many dimensions (4 min)
#
# **Predict.** Draw 1,000 pairs of random arrows in the plane. 111 of the pairs are within 10 degrees of a right angle. Now draw them in 8 dimensions. (After that come 64 and 384.)

# %%
predict("random")

# %% [markdown]
# **Run.** Entries are drawn from a normal distribution with spread (standard deviation) 1.

# %%
rng = np.random.default_rng(0)
angles, near, spread_of_product = {}, {}, {}
for d in (2, 8, 64, 384):
    a, b = rng.normal(size=(2, 1000, d))  # 1,000 pairs, (pairs, d) each
    dot = (a * b).sum(axis=1)
    cos = dot / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    angles[d], spread_of_product[d] = np.degrees(np.arccos(cos)), dot.std()
    near[d] = int((np.abs(angles[d] - 90) < 10).sum())
    print(f"d {d:3}: {near[d]:3} of 1,000 within 10 degrees; spread of the cosine {cos.std():.3f}, 1/sqrt(d) {d**-0.5:.3f}")
    assert abs(cos.std() * d**0.5 - 1) < 0.05
assert near[384] == 998
compare("random", near[8])

# %% [markdown]
# **Look.** In 384 dimensions it is nearly all of them, 998. The picture shows all 1,000 angles there and in the plane. Mind the vertical axes: their scales differ.

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
all_cosines = (words.vectors / lengths[:, None]) @ (words.vectors / lengths[:, None]).T
pairs = all_cosines[np.triu_indices(n, k=1)]  # each pair of words once
print(f"king and queen: {king_queen} is {king_queen / spread:.0f} times the spread {spread:.3f}")
print(f"{(np.abs(pairs) < np.cos(np.radians(80))).mean():.0%} of all pairs of words are within 10 degrees of a right angle")
print(f"undivided products of random pairs have the spread {spread_of_product[384]:.1f}, about sqrt(384) = {384**0.5:.1f}")
print(f"{(pairs > 0.05).mean():.0%} of all pairs of words have a cosine above 0.05")
assert (pairs > 0.05).mean() > 1 / 3
assert king_queen / spread > 12 and (np.abs(pairs) < np.cos(np.radians(80))).mean() > 0.96

# %% [markdown]
# **Look.** Real words are not random, and still 97 % of their pairs are close to a right angle. That is what makes search possible: there is room for very many
# directions that do not disturb one another. Keep the line about undivided products in mind. Products of vectors
# with entries of spread 1, as in the random pairs here, grow with $\sqrt{d}$, and in lesson 03 that nearly breaks attention.

# %% [markdown]
# ## Back to the shop (7 min, short path)
#
# A word vector is a list of 384 numbers that a language model keeps for a word. Those of *couch* and *sofa* are alike, which counts can never be.
# Add up the word vectors of a text and the text is one arrow in 384 dimensions.
# (The sum forgets the order of the words. Lesson 09 brings it back.) So there are four searches: counts or word vectors, product or cosine.
#
# **Predict.** Take one half of the repair. The texts become sums of word vectors, and the plain product compares them with *small couch*.

# %%
predict("half")

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
lengths_of_texts = {name: round(float(np.linalg.norm(as_words(text))), 2) for name, text in shop.items()}
print("lengths of the sums of words", lengths_of_texts)
assert first == {"as_counts": ("lamp", "lamp"), "as_words": ("lamp", "sofa")}
compare("half", first["as_words"][0])

# %% [markdown]
# **Look.** One search of four finds the sofa, though "small couch" shares no word with "tiny sofa": word vectors **and** cosine. With counts the sofa is a zero vector, and no measure can give it a direction;
# by cosine lamp and book tie at 0.71, and `argmax` takes the first. With word vectors and product the lamp still wins, 4.17 against 2.08, because eight words add up to a long arrow: 4.29, and 1.66 for the two words of the sofa.
# Two faults, then: what we compared, and how we measured.
#
# **Why.** Is it the cosine that is needed, or only something that long texts cannot win by length? Take the **mean** of a text's word vectors in place of the sum, and the plain product.

# %%
means = np.stack([as_words(text) / len(text.split()) for text in shop.values()])  # (3, 384)
by_mean = means @ as_words(query)  # (3,)
print("mean of the words, product", dict(zip(shop, by_mean.round(2).tolist(), strict=True)))
assert means.shape == (3, 384) and by_mean.argmax() == 0 and np.allclose(by_mean, [1.04, 0.52, 0.46], atol=0.005)

# %% [markdown]
# **Look.** Now the product finds the sofa too, 1.04 against 0.52 and 0.46. It was the sum that made long texts loud. The mean is the average of lesson 00 with equal weights.
# Attention averages too, so what comes out of it does not grow with the length of the text.
#
# One thing is left open. By cosine the sofa wins with 0.70 against 0.54. Is that sure enough to show it alone? Turning scores into shares of a choice is lesson 02.

# %% [markdown]
# ## A search of your own (10 min)
#
# **Make it.** Build a search of your own on other texts: a menu, a timetable, a shelf of books. `accept` wants at least 5 texts and 3 queries; each query
# must be answered rightly **without sharing a word** with the text it should find. The table has 1,872 common words, so many dishes and names are missing; a missing one is named, with near ones.
# `[word for word in words.words if word.startswith("b")]` lists those with b.

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
    return "accepted" if len(texts) >= 5 and len(queries) >= 3 else f"not yet: {len(texts)} of 5 texts, {len(queries)} of 3 queries"


print(accept(my_texts, my_queries))

# %% [markdown]
# Then try to break it: a query that a person answers at once and your search gets wrong. Negation ("wine but not red") is a good place to look.

# %% [markdown]
# ## Recap (3 min)
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
# Their difference is at a right angle to the query, and both throw the same shadow on it. So each is at least $|p| / \lVert q \rVert$ long, where p is the product. Beyond that, you know nothing of their lengths; and of their angles only that both are below 90 degrees, both above, or both equal to it.
#
# </details>
#
# <details><summary>When do product and cosine always name the same nearest key?</summary>
#
# When all keys have the same length. The length of the query does not matter: it divides all cosines alike.
#
# </details>
#
# <details><summary>Q has shape (5, 64) and K has shape (9, 64). What is the shape of Q K^T, and what is in row 4, column 0?</summary>
#
# (5, 9), that is (n_q, n_k). In row 4, column 0 is the dot product of the last query with the first key.
#
# </details>
#
# <details><summary>Two word vectors of 384 entries have cosine 0.05. Are the words related?</summary>
#
# There is no sign of it. 0.05 is about $1/\sqrt{384}$, the spread between random directions, and over a third of all pairs in our table have more.
#
# </details>
#
# <details><summary>From lesson 00: with which weights does a weighted average equal the plain mean, and why is that a poor test?</summary>
#
# With equal weights. If they are all 1, a function that divides by the number of values passes. Here keys of equal length did the same for the program that takes the plain product.
#
# </details>
