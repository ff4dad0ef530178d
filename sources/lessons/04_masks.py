# ---
# jupyter:
#   course:
#     title: Masks
#     question: How can a model be right every time and worth nothing?
#     minutes: 75
#     short_path: 31
#     needs: [00_start, 01_dot_products, 02_softmax, 03_attention]
#     objectives:
#       - hide a key from a query on paper, and say what its weight, the other weights and the output become
#       - build a padding mask and a causal mask, join them, and name the axes along which each is stretched
#       - show by a replaced token why a mask belongs before the softmax
#       - find a leak with a test that cannot be fooled by a good-looking map
#       - say what becomes of a row in which everything is hidden, and what a mask does not save
#     terms: [mask, padding mask, causal mask, leak, empty row]
# ---

# %%
import numpy as np

from course_lib import compare, predict, start

start("04_masks")

# %% [markdown]
# ## Right every time, and worth nothing (5 min, short path)
#
# Someone sells a model that reads a sequence and says, at each position, which token comes **next**. "Right 100 times in 100", says the leaflet.
#
# The seller's data are sequences of tokens drawn by chance: 10 kinds, all equally likely, each without regard to the others.
#
# **Predict.** What share of the next tokens can an honest model get right there, in the long run?

# %%
predict("honest")

# %% [markdown]
# **Run.** The model is one attention. Its queries and keys were set by hand, from the positions alone. The values are the tokens, *one-hot*: all zeros but for a single 1 in the place of their kind.
# So the largest entry of an output is the model's guess.

# %%
from course_lib.by_hand import scaled_dot_product_attention
from course_lib.data.tasks import unpredictable

task = unpredictable(1000, length=16, n_tokens=10, seed=0)  # inputs and targets: (B, n)
B, n = task.inputs.shape
keys = np.eye(n)  # (n_k, d), d = n
queries = 80 * np.eye(n, k=1)  # (n_q, d); 80 is large: divided by the root of d = 16 it gives a score of 20
values = np.eye(10)[task.inputs]  # (B, n_k, d_v): one-hot tokens

output, weights = scaled_dot_product_attention(queries, keys, values)  # (B, n_q, d_v), (n_q, n_k)
right = output.argmax(axis=-1) == task.targets  # (B, n)
print(f"{B} sequences of {n} tokens; right at the first 15 positions: {right[:, :15].mean():.0%}")
assert queries.shape == keys.shape == (n, n) and values.shape == (B, n, 10) and output.shape == (B, n, 10) and weights.shape == (n, n)
assert right[:, :15].all()

# %% [markdown]
# **Look.** 15,000 guesses about pure chance, and not one is wrong. How does it do that? A sequence has 16 positions, and this count left out the last one.
#
# **Predict.** How often is the model right there?

# %%
predict("last")

# %% [markdown]
# The next cell gives the share of right answers at the last three positions, and where each of their queries looks.

# %%
for i in (13, 14, 15):
    print(f"position {i}: right {right[:, i].mean():.1%}, looks most at position {weights[i].argmax()} "
          f"with weight {weights[i].max():.4f}")
assert 0.06 < right[:, -1].mean() < 0.14 and np.isclose(weights[15].max(), 1 / 16)
compare("last", "10 %, chance" if right[:, -1].mean() < 0.14 else "100 %")

# %% [markdown]
# **Look.** Key $j$ says "I stand at $j$", and query $i$ says "I look for $i + 1$". So position 13 looks at 14, position 14 at 15: each reads the answer off its neighbour. After the last one nothing stands in the input. Its query is zero, and zero gets the plain mean (lesson 03).
#
# Information that reaches an output, and will not be there when the model is used, is a **leak**. Nobody will hand a writing machine the word that it is about to write.
# This lesson builds the cure, a **mask**, and the test that finds a leak. Then the seller's model gets both.
#
# **Short path.** 31 minutes: the five sections whose heading says *short path*, and the recap questions 1, 2 and 4. Their cells need no others, so leave the rest unrun.

# %% [markdown]
# ## Keys that are no words (8 min, short path)
#
# There is a harmless reason to hide keys, so we start there. Sentences differ in length, and arrays do not. So short ones are filled up with a stand-in token, *padding*, which is no word and must not speak.
#
# A **mask** $M$ is an array of True and False, with an entry $M_{ij}$ for query $i$ and key $j$. For a single query it is one row, and we write $m_j$. **True means "may be attended".**
# It enters between the scores and the softmax. Vaswani et al. (2017, section 3.2.3) hide the future in this way, and padding is hidden by the same three steps:
#
# 1. **Mask.** Say which keys may be attended.
# 2. **Hide.** Where the mask is False, the score becomes $-\infty$.
# 3. **Softmax.** As always: $e^{-\infty} = 0$, so a hidden key gets the weight 0, and the others share 1.
#
# $$\tilde s_j = \begin{cases} s_j & \text{if } m_j \text{ is True} \\ -\infty & \text{otherwise} \end{cases} \qquad w_j = \frac{e^{\tilde s_j}}{\sum_l e^{\tilde s_l}} \qquad o = \sum_j w_j v_j$$
#
# **By hand.** One query, three keys, the third is padding. Values are single numbers, d_v = 1.
#
# | key | score $s_j$ | $e^{s_j}$ | weight without a mask | mask $m_j$ | $e^{\tilde s_j}$ | weight $w_j$ | value $v_j$ |
# |---|---|---|---|---|---|---|---|
# | birds | $\ln 1$ | 1 | 1/8 | True | 1 | 1/3 | 3 |
# | sing | $\ln 2$ | 2 | 2/8 | True | 2 | 2/3 | 6 |
# | *padding* | $\ln 5$ | 5 | 5/8 | False | 0 | 0 | 9 |
#
# Without a mask the output is $(1 \cdot 3 + 2 \cdot 6 + 5 \cdot 9)/8 = 7.5$, more than any word's value: the padding has spoken loudest. With it, $(1 \cdot 3 + 2 \cdot 6)/3 = 5$.
#
# **Run.** The same table as code, with the three steps as comments. One query, so all shapes are (n_k,).

# %%
from course_lib.by_hand import softmax

scores = np.log([1, 2, 5])  # (n_k,)
value = np.array([3.0, 6.0, 9.0])  # (n_k,)

mask = np.array([True, True, False])  # 1. mask (n_k,)
hidden = np.where(mask, scores, -np.inf)  # 2. hide (n_k,)
weights = softmax(hidden)  # 3. softmax (n_k,)

print("hidden scores ", hidden)
print("weights       ", weights, "output", weights @ value)
print("without a mask", softmax(scores), "output", softmax(scores) @ value)
assert mask.shape == hidden.shape == weights.shape == (3,)
assert np.allclose(weights, [1 / 3, 2 / 3, 0]) and weights[2] == 0
assert np.isclose(weights @ value, 5) and np.isclose(softmax(scores) @ value, 7.5)

# %% [markdown]
# **Look.** The weight of the padding is exactly 0, and the two words keep their ratio of 1 to 2: the ratio of two weights depends on the difference of their two scores alone (lesson 02).
# Hiding a key takes it out of the race and leaves the race among the others as it was. The next cell draws both rows of weights.

# %%
from course_lib.palette import KEY, MASKED
from course_lib.plots import bars, figure, heat_map, show

fig, axes = figure(7, 2.5, columns=2)
for ax, drawn, title in zip(axes, (softmax(scores), weights), ("no mask: padding is loudest", "masked: two words share 1"), strict=True):
    bars(ax, ["birds", "sing", "padding"], drawn, color=KEY, digits=3)
    ax.patches[2].set(facecolor=MASKED, hatch="///")
    ax.set(title=title, xlabel="key", ylabel="weight", ylim=(0, 0.8))
show(fig, alt="Bars: without a mask 0.125, 0.25 and 0.625 for the padding; masked 0.333, 0.667 and 0 for the padding.")

# %% [markdown]
# **Change it.** In the next cell hide *sing* as well, and say first what the output will be.

# %%
my_mask = np.array([True, True, False])  # (n_k,): change it
my_weights = softmax(np.where(my_mask, scores, -np.inf))  # (n_k,)
print("weights", my_weights, "output", my_weights @ value)

# %% [markdown]
# <details><summary>Answer</summary>
#
# One key is left, so it gets the whole weight, whatever its score: the output is its value, 3.
#
# </details>
#
# Is the mask needed? Padding could be made of zeros: keys and values of nothing but 0.
#
# **Predict.** The first of three words asks. Behind the three stand two such rows of zeros, and there is no mask. What does the padding do to the output?

# %%
predict("zeros")

# %% [markdown]
# **Run.** Three real words from the table of lesson 01, and two rows of zeros. The first word asks.

# %%
from course_lib.data.words import load_words

table = load_words()
words = "the cat sat".split()
alone = np.array([table.vector(word) for word in words])  # (3, d)
padded = np.vstack([alone, np.zeros((2, 384))])  # (n, d)

output_alone, _ = scaled_dot_product_attention(alone[:1], alone, alone)  # (1, d_v)
output_padded, weights = scaled_dot_product_attention(alone[:1], padded, padded)  # (1, d_v), (1, n_k)
length_alone, length_padded = np.linalg.norm(output_alone), np.linalg.norm(output_padded)
print(f"weights {weights[0]}, of which padding {weights[0, 3:].sum():.2f}")
print(f"length of the output: alone {length_alone:.2f}, with zeros behind it {length_padded:.2f}")
assert padded.shape == (5, 384) and 0.35 < weights[0, 3:].sum() < 0.42 and alone[0] @ alone[2] < 0
assert 0.58 < length_padded / length_alone < 0.65
compare("zeros", "it takes weight, and the output shrinks" if length_padded < 0.9 * length_alone else "nothing")

# %% [markdown]
# **Trap.** "A zero adds nothing." That is true of a sum. In the denominator of a softmax a score of 0 adds $e^0 = 1$. Here two rows of nothing take almost two fifths of the weight, and the output shrinks to about three fifths. Each gets even a little more than *sat*, whose score is below 0. A score of 0 is a score like any other.

# %% [markdown]
# ## A batch of sentences (8 min)
#
# Now three sentences at once, of 3, 5 and 2 words. Everything has a batch axis: queries, keys and values are (B, n, d), the scores (B, n_q, n_k).
# Whether a key is padding depends on the sentence and on the key, and not on who asks. So a **padding mask** needs one row for each sentence: `key_keep`, shape (B, n_k).
#
# | tensor | shape | axes |
# |---|---|---|
# | `batch`, the word vectors | (B, n, d) | sentence, position, feature |
# | key_keep | (B, n_k) | sentence, key |
# | `key_keep[:, None, :]` | (B, 1, n_k) | sentence, *any query*, key |
# | scores, weights | (B, n_q, n_k) | sentence, query, key |
#
# The axis of length 1 is stretched by NumPy: every query of a sentence meets the same row. The next cell builds the batch.

# %%
from course_lib.by_hand import padding_mask

sentences = ["the cat sat", "a dog saw the cat", "snow fell"]
lengths = np.array([len(sentence.split()) for sentence in sentences])  # (B,)
B, n, d = len(sentences), lengths.max(), 384
batch = np.zeros((B, n, d))  # (B, n, d)
for b, sentence in enumerate(sentences):
    batch[b, : lengths[b]] = [table.vector(word) for word in sentence.split()]

key_keep = padding_mask(lengths, n)  # (B, n_k)
print(f"batch {batch.shape}, key_keep {key_keep.shape}\n{key_keep.astype(int)}")
assert batch.shape == (3, 5, 384) and key_keep.shape == (3, 5) and key_keep.sum() == lengths.sum() == 10

# %% [markdown]
# **Run.** Attention over the whole batch, with and without the mask. Each sentence is also computed alone, without any padding: this is what the batch must reproduce.

# %%
masked, weights = scaled_dot_product_attention(batch, batch, batch, mask=key_keep[:, None, :])  # (B, n_q, d_v), (B, n_q, n_k)
unmasked, _ = scaled_dot_product_attention(batch, batch, batch)  # (B, n_q, d_v)
for b, length in enumerate(lengths):
    own = batch[b, :length]  # (n, d): the sentence alone
    expected, _ = scaled_dot_product_attention(own, own, own)
    off = [np.abs(result[b, :length] - expected).max() for result in (unmasked, masked)]
    print(f"{sentences[b]:18} differs from the sentence alone: no mask {off[0]:.4f}, masked {off[1]:.4f}")
    assert off[1] < 1e-12 and (off[0] > 0.01 or length == n)
print(f"row 4 of the first sentence, where padding asks: {weights[0, 4]}")
assert masked.shape == (3, 5, 384) and weights.shape == (3, 5, 5) and np.all(weights[0, :, 3:] == 0)
assert np.isclose(weights[0, 4].sum(), 1)

# %% [markdown]
# **Look.** With the mask, company makes no difference: each sentence gets what it would get alone. Without it, the same sentence has another output in another batch. The second sentence fills its row, has no padding, and never notices.
# A mask hides keys, and not queries: the rows of padding itself have weights and an output too. They are nobody's, and are left out later.
#
# **Predict.** Someone forgets the new axis and lays `key_keep` (B, n_k) straight onto scores of shape (B, n_q, n_k). Three sentences of three positions: B = n_q = n_k = 3. What happens?

# %%
predict("forgotten_axis")

# %% [markdown]
# **Run.** All scores are equal here, so each row shares its weight equally among the keys that its mask shows. Sentence 0 has three words, sentence 1 two, sentence 2 one.

# %%
short = padding_mask([3, 2, 1], 3)  # (B, n_k)
equal = np.zeros((3, 3, 3))  # scores (B, n_q, n_k)
wrong = softmax(np.where(short, equal, -np.inf))  # (B, n_q, n_k): no new axis
good = softmax(np.where(short[:, None, :], equal, -np.inf))  # (B, n_q, n_k)
print(f"sentence 2, one word\nwithout the new axis\n{wrong[2]}\nwith it\n{good[2]}")
assert np.allclose(wrong[2], [[1 / 3] * 3, [1 / 2, 1 / 2, 0], [1, 0, 0]]) and np.allclose(good[2], [[1, 0, 0]] * 3)
compare("forgotten_axis", "no error, and wrong weights" if wrong.shape == good.shape else "an error")

# %% [markdown]
# **Look.** NumPy lines shapes up from the right. So the *sentences* of the mask landed on the *queries* of the scores: query 2 of every sentence got the mask of sentence 2.
# Each row sums to 1. The shapes are right, and everything that is printed looks like a mask.
#
# **Change it.** Give the batch a fourth sentence: `padding_mask([3, 2, 1, 3], 3)` and `np.zeros((4, 3, 3))`. What happens to each of the two lines now? Restore them afterwards.
#
# <details><summary>Answer</summary>
#
# The line without the axis raises a ValueError: 4 sentences do not fit 3 queries. The line below it is not reached; alone it works. Again, different sizes make a mistake visible (lesson 03).
#
# </details>

# %% [markdown]
# ## Hiding the future (5 min, short path)
#
# Now to the leak. A model that writes has, at each position, only what came before. While it learns from a finished text (is *trained*), the rest lies in the same array.
# A **causal mask** hides it: a query may see its own position and earlier ones.
#
# $$M_{ij} = \text{True} \iff j \le i \qquad (n_q = n_k)$$
#
# May a query see *itself*? Yes: position $i$ is asked for token $i + 1$, and token $i$ is known by then. In a model that must predict the thing *at* position $i$, the diagonal must be hidden as well, and that is not enough: where query $i$ is made of token $i$, output $i$ still depends on it. So keep token $i$ out of the query too, and out of any path around the attention, or shift the input by one.
#
# **By hand.** Three tokens with all scores equal. Row by row: the first sees itself, the second two keys, the third all three.
#
# | | key 0 | key 1 | key 2 |
# |---|---|---|---|
# | query 0 | 1 | 0 | 0 |
# | query 1 | 1/2 | 1/2 | 0 |
# | query 2 | 1/3 | 1/3 | 1/3 |
#
# **Change it.** The three steps once more. Steps 2 and 3 are there. Step 1 is a stand-in that hides nothing. Write your own line: compare a column of query positions with a row of key positions.

# %%
def my_causal_softmax(scores):
    n_q, n_k = scores.shape
    mask = np.ones((n_q, n_k), dtype=bool)  # 1. mask (n_q, n_k): replace this line
    hidden = np.where(mask, scores, -np.inf)  # 2. hide (n_q, n_k)
    return softmax(hidden)  # 3. softmax (n_q, n_k)


# %% [markdown]
# **Run.** This cell holds your function against the table.

# %%
by_hand_rows = np.array([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])  # (n_q, n_k)
yours = my_causal_softmax(np.zeros((3, 3)))
print(yours)
print("they agree" if np.allclose(yours, by_hand_rows) else "not yet: step 1 is still to be written")

# %% [markdown]
# <details><summary>One way to write step 1</summary>
#
# ```python
# mask = np.arange(n_k) <= np.arange(n_q)[:, None]
# ```
#
# A row (n_k,) against a column (n_q, 1) gives (n_q, n_k). `np.tril(np.ones((n_q, n_k), dtype=bool))` is the same lower triangle.
#
# </details>

# %% [markdown]
# ## One pass, six questions (4 min)
#
# What is a row under a causal mask worth? Compare it with a sentence that is cut off after its fourth word.
#
# **Predict.** Row 3 of causal attention over six words, against the last row of plain attention over the first four words alone. The same numbers?

# %%
predict("prefix")

# %% [markdown]
# **Run.** For every position of a six-word sentence: the causal output against the sentence cut off there. `causal_mask` is the library's.

# %%
from course_lib.by_hand import causal_mask

six = np.array([table.vector(word) for word in "the cat sat on the table".split()])  # (n, d)
causal, _ = scaled_dot_product_attention(six, six, six, mask=causal_mask(6, 6))  # (n_q, d_v)
for i in range(6):
    cut = six[: i + 1]  # (i + 1, d)
    last, _ = scaled_dot_product_attention(cut[-1:], cut, cut)  # (1, d_v)
    print(f"position {i}: causal row against the cut sentence, largest difference {np.abs(causal[i] - last[0]).max():.4f}")
    assert np.allclose(causal[i], last[0], atol=1e-12)
assert six.shape == causal.shape == (6, 384)
compare("prefix", "the same" if np.allclose(causal[3], scaled_dot_product_attention(six[3:4], six[:4], six[:4])[0]) else "different")

# %% [markdown]
# **Why.** This is what the mask is for. One pass over the text answers six questions, "what comes after one word, after two, ...", as if each had been asked alone.
# Without the mask one would need six passes, or cheat.
#
# **Run.** The explorer has queries, keys and values of its own: two numbers for each word, drawn at random. So its weights are not those of the word table, but the mask obeys the same rule.
# The last word, *table*, has been replaced by another. The right column shows how far each output moved.
# **Which word must you replace so that exactly two outputs move?** Choose it, pin the picture, and then switch *causal* off.

# %%
from course_lib.explorers import mask_explorer

explorer = mask_explorer("the cat sat on the table", causal=True, changed=5, predict=False)
explorer

# %% [markdown]
# **Change it.** Press *A leak*. It replaces the last word and paints one cell open. Which output moves beside that of the last word itself, and by which cell? Close it by painting, and watch the line below the picture.
#
# <details><summary>What one finds</summary>
#
# Replace word 4, the second *the*: outputs 4 and 5 move, because only those two may see it. Without *causal* all six move.
# With *A leak*, query 1, *cat*, may see the last word. Its output moves, by 1.51, although it stands four words earlier.
#
# </details>
#
# The next cell counts from Python, for each replaced word, how many outputs move, and looks at the painted leak.

# %%
def how_many_move(**rules):
    return [int((mask_explorer("the cat sat on the table", changed=j, **rules).moved > 0).sum()) for j in range(6)]


with_mask, without = how_many_move(causal=True), how_many_move(causal=False)
print("causal:    ", with_mask)
print("not causal:", without)
leak = mask_explorer("the cat sat on the table", preset="A leak")
print("A leak, how far each output moved:", leak.moved)  # (n,)
assert with_mask == [6, 5, 4, 3, 2, 1] and without == [6] * 6
assert np.flatnonzero(leak.moved).tolist() == [1, 5] and np.isclose(leak.moved[1], 1.51, atol=0.005)

# %% [markdown]
# ## Both masks at once, and a query that comes last (4 min)
#
# A key must be real *and* not in the future, so the masks are joined with `&`: (B, 1, n_k) with (n_q, n_k) gives (B, n_q, n_k).
#
# And when a model has written five tokens, only the newest asks: the outputs of the earlier four are known from before. Keys are all five, itself included, so n_q = 1 and n_k = 5. The query stands at position 4, not at 0. So in this course the queries are always the **last** n_q positions:
#
# $$M_{ij} = \text{True} \iff j \le i + n_k - n_q$$
#
# The next cell shows three such masks, and a batch in which both kinds are joined.

# %%
for n_q, n_k in ((5, 5), (2, 5), (1, 5)):
    print(f"n_q = {n_q}, n_k = {n_k}\n{causal_mask(n_q, n_k).astype(int)}")
print(f"a triangle from the upper left corner\n{np.tril(np.ones((1, 5))).astype(int)}")
both = key_keep[:, None, :] & causal_mask(5, 5)  # (B, n_q, n_k)
print(f"sentence 0, 3 words of 5, causal\n{both[0].astype(int)}")
assert causal_mask(1, 5).all() and both.shape == (3, 5, 5) and np.array_equal(causal_mask(2, 5), causal_mask(5, 5)[-2:])

# %% [markdown]
# **Look.** Two queries get the last two rows of the square. A triangle that starts in the upper left corner, `np.tril(np.ones((1, 5)))`, shows the newest token the first key alone.
#
# **Make it.** Now from an empty function: [the exercises](../exercises/04_masks.ipynb) ask for `padding_mask`, `causal_mask` and `masked_softmax`, with nothing but the three step names left. You can do them now or after the recap.

# %% [markdown]
# ## Before the softmax, or after it? (6 min, short path)
#
# *"The mask makes some weights zero. So compute the softmax, then set those weights to zero. The map is the same, and nobody needs infinities."*
#
# **Predict.** Suppose it is done like that: the weights for all future words are exactly 0. The *last* word is replaced. Does the output of the *first* word move?

# %%
predict("denominator")

# %% [markdown]
# **Run.** Two functions, the mask before and after the softmax. `hide(scores, mask)` is the library's step 2. Queries, keys and values are all X.

# %%
from course_lib.by_hand import attention_scores, causal_mask, hide


def mask_first(X):
    weights = softmax(hide(attention_scores(X, X), causal_mask(len(X), len(X))))  # (n_q, n_k)
    return weights @ X, weights


def mask_after(X):
    weights = softmax(attention_scores(X, X)) * causal_mask(len(X), len(X))  # (n_q, n_k)
    return weights @ X, weights


# %% [markdown]
# X is a text of six random vectors. This cell replaces the last of them and prints by how much the first output moved.

# %%
X = np.random.default_rng(1).standard_normal((6, 4))  # (n, d)
other = X.copy()
other[5] = -X[5]  # another last token
moves = {}
for attend in (mask_first, mask_after):
    (before, weights), (after, _) = attend(X), attend(other)
    moves[attend.__name__] = np.linalg.norm(after[0] - before[0])
    print(f"{attend.__name__:10} weight of the last key {weights[0, 5]}, sum of row 0 {weights[0].sum():.2f}, "
          f"first output moved by {moves[attend.__name__]:.4f}")
assert X.shape == (6, 4) and weights.shape == (6, 6) and moves["mask_first"] == 0 and moves["mask_after"] > 0.01
compare("denominator", "yes" if moves["mask_after"] > 0 else "no")

# %% [markdown]
# **Trap.** "A weight of 0 is silence." Follow the softmax: $w_0 = e^{s_0} / \sum_l e^{s_l}$. The sum in the denominator runs over *all* keys, the hidden ones too. Setting their own weights to zero afterwards does not take them out of that sum.
# The future does not speak through its weight. It speaks through the **denominator**.
#
# **Run.** The explorer makes this mistake on purpose, and asks you a question first. Then compare the sums of the rows. **Which row is the only one that is right, and why?**

# %%
from course_lib.explorers import mask_explorer

late = mask_explorer("the cat sat on the table", causal=True, after=True)
late

# %% [markdown]
# **Change it.** Under *Replace* choose *table*: how many outputs move? Then switch *Mask after softmax* off.
#
# <details><summary>Answers</summary>
#
# Only the last row is right. Nothing is hidden from it, so nothing was taken from it.
# All six outputs move, five of them through a leak. With the mask before the softmax only the last one moves, which is *table* itself.
#
# </details>
#
# The next cell checks both from Python. The explorer's vectors are its own, two random numbers a word, so other vectors would give other sums.

# %%
print("sums of the rows:", late.row_sums)  # (n,)
for after in (True, False):
    replaced = mask_explorer("the cat sat on the table", causal=True, after=after, changed=5)
    print(f"after = {after!s:5}: {(replaced.moved > 0).sum()} outputs moved, {replaced.leaks} through a leak")
    assert ((replaced.moved > 0).sum(), replaced.leaks) == ((6, 5) if after else (1, 0))
assert np.isclose(late.row_sums[1], 0.07, atol=0.005) and np.isclose(late.row_sums[5], 1) and late.row_sums[:5].max() < 0.95

# %% [markdown]
# **Look.** Row *cat* keeps 0.07 of its weight. How much a row keeps depends also on words that it must not see.

# %% [markdown]
# ## Divide once more? (5 min)
#
# "Then divide each row by its sum again, so that it is 1."
#
# **Predict.** The mended row, with a hidden score 1000 above the others: what are its weights?

# %%
predict("renormalise")

# %% [markdown]
# **Run.** First 1,000 random causal maps, mended in this way, against the right ones. Then the row of the paper table with a hidden score that grows, in float64 and in float32.

# %%
def mended(scores, mask, guard=0.0):
    weights = softmax(scores) * mask
    with np.errstate(invalid="ignore"):  # silences NumPy's warning
        return weights / (weights.sum(axis=-1, keepdims=True) + guard)


random_scores = np.random.default_rng(2).standard_normal((1000, 6, 6))  # (B, n_q, n_k)
gap = np.abs(mended(random_scores, causal_mask(6, 6)) - softmax(hide(random_scores, causal_mask(6, 6)))).max()
print(f"1,000 random maps, largest difference below 1e-12: {gap < 1e-12}")
shown = np.array([True, True, False])  # (n_k,): the third key is hidden

# %% [markdown]
# The scores are $\ln 1$, $\ln 2$ and a hidden one that leads by more and more.

# %%
f32, f64 = np.float32, np.float64
for lead, dtype in ((0, f64), (300, f64), (103, f32), (110, f32), (745, f64), (1000, f64)):
    row = np.array([0, np.log(2), lead], dtype)  # (n_k,)
    print(f"hidden score {lead:4}, {dtype.__name__}: {mended(row, shown)}, masked first {softmax(hide(row, shown))}")
    assert np.allclose(softmax(hide(row, shown)), [1 / 3, 2 / 3, 0])
    assert np.isnan(mended(row, shown)).all() if lead in (110, 1000) else True
    assert np.allclose(mended(row, shown), [1 / 3, 2 / 3, 0]) == (lead in (0, 300))  # the others are wrong
assert gap < 1e-12 and lead == 1000
compare("renormalise", "nan" if np.isnan(mended(row, shown)).all() else "the right weights")

# %% [markdown]
# **Look.** On paper the mended row is right, because the wrong denominator cancels:
#
# $$\frac{e^{s_j} / \sum_{\text{all}}}{\sum_{l \text{ kept}} e^{s_l} / \sum_{\text{all}}} = \frac{e^{s_j}}{\sum_{l \text{ kept}} e^{s_l}}$$
#
# On ordinary numbers it agrees with the right one to rounding, so no test with small random numbers tells them apart.
# Then a hidden score dominates. First the real exponentials shrink to the last few steps above 0 and lose their ratio: at a lead of 103 in float32, or 745 in float64, the row sums to 1, has no nan, and is wrong without a word.
# A little further they underflow to 0, 0 is divided by 0, and the row is nan. In float32, in which many models run, a lead of 110 is enough.
# Worst, it is the *padding*, or the future, that decides when.
#
# **Change it.** Guard the division, as many do: set `guard` to 1e-9. Then try leads of 10, 20, 25 and 1000. What becomes of the nan, and what of the right answer?

# %%
lead, guard = 1000, 0.0
print(mended(np.array([0, np.log(2), lead]), shown, guard))

# %% [markdown]
# <details><summary>Answer</summary>
#
# No nan any more, and near a lead of 20 the right answer fades without a word: (0.287, 0.574, 0) at 20, (0.013, 0.027, 0) at 25, nothing at 1000. The small number is then larger than what is left of the real weights.
#
# </details>

# %% [markdown]
# ## Change a token and look (9 min)
#
# A leak (section 1) is about what *reaches* an output. So do not look at the map, look at what moves: **replace a token. Every output that is forbidden to see it must stay as it was**, up to rounding. Here no number may move by more than 1e-9.
# This test knows nothing about softmax or masks. It works for any model without chance inside.
#
# Five ways to get a causal mask wrong will meet five tests. The next cell defines three of them, the one after it a fourth; the fifth is `mask_after`. `mask_first` is the right one.

# %%
def no_mask(X):
    return scaled_dot_product_attention(X, X, X)


def one_ahead(X):
    return scaled_dot_product_attention(X, X, X, mask=np.tril(np.ones((len(X), len(X)), bool), k=1))


def zero_scores(X):
    weights = softmax(attention_scores(X, X) * causal_mask(len(X), len(X)))
    return weights @ X, weights


# %% [markdown]
# The fourth is the mended version of the last section. Below it is the test itself: replace token `j`, and see whether any output *before* it moves. A nan counts as a fault too.

# %%
def mended_after(X):
    weights = mended(attention_scores(X, X), causal_mask(len(X), len(X)))
    return weights @ X, weights


def leaks(attend, X, j, new, rows=slice(None)):
    """Whether an output before position j moves when token j of X (n, d) becomes `new` (d,)."""
    changed = X.copy()
    changed[j] = new
    (before, _), (after, _) = attend(X), attend(changed)
    return not np.allclose(before[:j][rows], after[:j][rows], rtol=0, atol=1e-9)


# %% [markdown]
# **Predict.** A short test replaces the *last* token and asks whether output *0* moves. Which of these mistakes does it not see?

# %%
predict("weak_test")

# %% [markdown]
# **Run.** The cell lets each of the five tests meet the right function and the five mistakes. `True` means: something is wrong here.

# %%
above = ~causal_mask(6, 6)  # (n_q, n_k): the future
tests = {
    "rows do not sum to 1": lambda f: not np.allclose(f(X)[1].sum(axis=-1), 1),
    "map not 0 above the diagonal": lambda f: bool(f(X)[1][above].any()),
    "new last token, output 0": lambda f: leaks(f, X, 5, -X[5], slice(0, 1)),
    "each token, all before it": lambda f: any(leaks(f, X, j, -X[j]) for j in range(6)),
    "each token, a loud one": lambda f: any(leaks(f, X, j, size * X[j]) for j in range(6) for size in (1e6, -1e6)),
}
mistakes = [mask_first, no_mask, one_ahead, zero_scores, mask_after, mended_after]
seen = {name: [test(f) for f in mistakes] for name, test in tests.items()}
print(f"{'':29}", *(f"{f.__name__:12}" for f in mistakes))
for name, row in seen.items():
    print(f"{name:29}", *(f"{noticed!s:12}" for noticed in row))
assert [sum(row) for row in seen.values()] == [1, 3, 3, 4, 5] and not any(row[0] for row in seen.values())
compare("weak_test", "one position ahead" if not seen["new last token, output 0"][2] else "the mask after the softmax")

# %% [markdown]
# **Look.** Row by row.
#
# - **Sums** notice the mask after the softmax, and nothing else: every other mistake ends in a softmax or a division.
# - **The map** misses the mask after the softmax, and `mended_after`, which divides once more. Those mistakes *make* the zeros at which the test looks; the hidden score still counts in a denominator.
# - **The last token and output 0** miss the model that looks one position ahead, the seller's trick: output 0 sees 1, not 5. A test must try every token.
# - **Each token, all before it** notices four. What remains is the mended version, which fails only when a hidden score dominates.
# - **A loud token**, a million times as long, makes it dominate, if it points towards the query. A query that it points away from gets a very low score instead, so the test tries both signs.
#
# A test that finds nothing is no proof: the fourth found nothing wrong with the mended version. This cell counts, for that version, how many of the 15 pairs of a token and an earlier output each sign finds.

# %%
pairs = [(i, j) for j in range(6) for i in range(j)]  # output i, later token j
for sizes in ((1e6,), (-1e6,), (1e6, -1e6)):
    found = [any(leaks(mended_after, X, j, size * X[j], slice(i, i + 1)) for size in sizes) for i, j in pairs]
    print(f"loud tokens {sizes}: {sum(found)} of {len(pairs)} pairs found")
    assert sum(found) == {(1e6,): 5, (-1e6,): 10, (1e6, -1e6): 15}[sizes]

# %% [markdown]
# **Look.** One sign finds 5 pairs, the other the other 10. The [mutant hunt](../exercises/04_masks.ipynb) of this lesson asks for an input that ordinary numbers do not give.
#
# The next cell draws what moves, for three of the six. A row is an output, a column the token that was replaced.

# %%
def reach(attend):
    new = [np.where(np.arange(6)[:, None] == j, -X, X) for j in range(6)]  # n times (n, d): token j turned round
    moved = [np.linalg.norm(attend(changed)[0] - attend(X)[0], axis=-1) for changed in new]
    return (np.array(moved).T > 1e-9).astype(float)  # (n_q, n_k)


fig, axes = figure(8, 3, columns=3)
for ax, attend in zip(axes, (mask_first, one_ahead, mask_after), strict=True):
    label = f"{attend.__name__}: {reach(attend)[above].sum():.0f} leaks"
    heat_map(ax, reach(attend), list("012345"), list("012345"), label=label, digits=0)
    ax.set(xlabel="token replaced", ylabel="output that moves")
show(fig, alt="Three maps of ones and zeros: with mask_first the lower triangle, with one_ahead one diagonal more, with mask_after all ones.")
assert [reach(f).sum() for f in (mask_first, one_ahead, mask_after)] == [21, 26, 36]

# %% [markdown]
# **Look.** 1 means that the output moved. The titles count the ones above the diagonal. The right function has none there. One position ahead adds a diagonal of 5. And the mask after the softmax, whose map of *weights* is a perfect triangle, lets every token reach every output, 15 leaks.
#
# **Change it.** In the next cell write `zero_scores` in place of `one_ahead`, and say first what its map will be.

# %%
print(reach(one_ahead).astype(int))

# %% [markdown]
#
# <details><summary>Answer</summary>
#
# All ones: a hidden key with the score 0 still has a weight, and hands over its value.
#
# </details>

# %% [markdown]
# ## A row with nothing in it (6 min)
#
# What if *everything* is hidden from a query? It happens: a sentence of length 0 in a batch, or padding in *front* of a sentence together with a causal mask. We call it an **empty row**.
#
# **Predict.** Both scores of a row are hidden with $-\infty$. The softmax subtracts the largest score first, as lesson 02 taught. What comes out?

# %%
predict("empty")

# %% [markdown]
# **Run.** Three ways to treat an empty row: the softmax as in lesson 02, a large negative number instead of $-\infty$, and the library's softmax.

# %%
def softmax_row(scores):
    with np.errstate(invalid="ignore"):  # silences NumPy's warning
        exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()


# %% [markdown]
# First the empty row that padding in front makes. Then a row of two scores, both hidden, in the three ways.

# %%
nothing = np.array([False, False])  # (n_k,)
row = np.array([2.0, 1.0])  # scores (n_k,)
in_front = np.array([False, True, True]) & causal_mask(3, 3)  # (n_q, n_k)
print("padding in front, causal: real keys of each query", in_front.sum(axis=-1))
print("-inf, as in lesson 02:", softmax_row(np.where(nothing, row, -np.inf)))
print("-1e9:                 ", softmax_row(np.where(nothing, row, -1e9)))
print("-inf, the library:    ", softmax(hide(row, nothing)))
assert np.allclose(softmax_row(np.where(nothing, row, -1e9)), 0.5) and np.all(softmax(hide(row, nothing)) == 0)
scores, shown = np.log([1, 2, 5]), np.array([True, True, False])  # (n_k,): a row with real keys
assert np.array_equal(softmax_row(np.where(shown, scores, -1e9)), softmax(hide(scores, shown)))
assert in_front.sum(axis=-1).tolist() == [0, 1, 2]
compare("empty", "nan" if np.isnan(softmax_row(np.where(nothing, row, -np.inf))).all() else "zeros")

# %% [markdown]
# **Look.** The largest score is $-\infty$, and $-\infty - (-\infty)$ is nan.
#
# With $-10^9$ no nan appears, which makes it tempting. The query then looks at all hidden keys alike: padding speaks, with firm weights, and nobody is warned.
# In every row with at least one real key of ordinary size, the two agree exactly: $e^{-10^9}$ underflows to 0.
#
# The library treats the row apart: all weights 0, so the output is 0. That is the rule of this course: **a query that may attend nothing gets a row of zeros, never nan.** It is a choice, and the exercises ask for it.
#
# Next, a *hidden* value is nan, say from an empty row of an earlier attention (a *layer*). Its weight is exactly 0.

# %%
predict("zero_times_nan")

# %% [markdown]
# **Run.** A masked row whose hidden value is nan. Below it, a whole attention over three tokens, of which the third is hidden and nan.

# %%
weights = softmax(hide(scores, shown))  # (n_k,): 1/3, 2/3, 0
broken_value = np.array([3.0, 6.0, np.nan])  # (n_k,)
print("weights", weights, "times values", broken_value, "=", weights @ broken_value)
broken = np.array([[1.0, 0.0], [0.0, 1.0], [np.nan, np.nan]])  # (n, d)
next_output, _ = scaled_dot_product_attention(broken, broken, broken, mask=np.tile(shown, (3, 1)))  # (n_q, d_v)
print(f"in the next attention {np.isnan(next_output).mean():.0%} of all output numbers are nan")
assert next_output.shape == (3, 2) and np.isnan(next_output).all()
compare("zero_times_nan", "nan" if np.isnan(weights @ broken_value) else "5, as before")

# %% [markdown]
# **Look.** $0 \cdot \text{nan} = \text{nan}$. A mask silences numbers, not nan. So one empty row, treated badly in one layer, reaches every output of the next one, although it is hidden there.
#
# **Change it.** In the next cell hide with `-5.0`, and show the second key: `[False, True]`. What is the weight of the hidden key now, and when would nobody notice?

# %%
instead, may = -1e9, np.array([False, False])  # may (n_k,)
print(softmax_row(np.where(may, row, instead)))

# %% [markdown]
# <details><summary>Answer</summary>
#
# The scores are -5 and 1, so it gets $1/(1 + e^6)$, 0.0025. Beside a real score of 10 it gets $1/(1 + e^{15})$, 3 parts in ten million: that is not zero, but four printed digits hide it. Beside a real score of -5 it gets one half, and beside -9 it wins, with 0.98.
#
# </details>

# %% [markdown]
# ## What a mask does not do (5 min)
#
# A mask is no knife. Every score is computed, hidden, exponentiated and multiplied by its value, and then counts for nothing.
#
# **Predict.** Four sentences of 3, 5, 4 and 12 words, padded to 12. Which share of all the scores, in percent, belongs to a real query *and* a real key?

# %%
predict("share")

# %% [markdown]
# **Run.** The count, for this batch and for a causal mask of growing size. Below, the average *loss* (the penalty for bad guesses) if every real word has a loss of 2.0 and padding has none.

# %%
lengths = np.array([3, 5, 4, 12])  # (B,)
real = padding_mask(lengths, 12)  # (B, n)
useful = real[:, :, None] & real[:, None, :]  # (B, n_q, n_k): real query and real key
print(f"padding: {useful.sum()} of {useful.size} scores are of use, {useful.mean():.1%}")
for size in (4, 64, 1024):
    print(f"causal, n = {size:4}: {causal_mask(size, size).mean():.1%} of the scores are of use")
loss = np.where(real, 2.0, 0.0)  # (B, n)
print(f"mean loss over all rows {loss.mean():.1f}, over real words {loss[real].mean():.1f}")
assert useful.shape == (4, 12, 12) and useful.sum() == 194 and loss.mean() == 1 and loss[real].mean() == 2
compare("share", 100 * useful.mean())

# %% [markdown]
# **Look.** One third of the work is of use here. Under a causal mask the share falls towards one half as n grows. Three things follow.
#
# - **Padding costs.** Batches of sentences of like length waste less. Some programs skip whole blocks of hidden scores; lesson 24 comes back to them.
# - **Rows of padded queries are nobody's.** Leave them out of the loss and of every average. Averaged over all rows, the loss above looks half as large as it is.
# - **A mask guards its own attention only.** A leak can also come in elsewhere. The next cell adds the average of the whole text to every output. The map stays perfect, and the test finds the leak, if it is put to the whole model.

# %%
def with_average(X):
    output, weights = mask_first(X)
    return output + X.mean(axis=0), weights  # (n, d_v), (n_q, n_k)


print("map 0 above the diagonal:", not with_average(X)[1][above].any(), "- leak found:", leaks(with_average, X, 5, -X[5]))
assert not with_average(X)[1][above].any() and leaks(with_average, X, 5, -X[5])

# %% [markdown]
# **Change it.** Sort these eight sentences into two batches of four, so that as little as possible is wasted. Each batch is padded to *its own* longest.

# %%
two_batches = [[3, 5, 4, 12], [11, 4, 3, 12]]  # lengths
of_use, paid = sum(m * m for four in two_batches for m in four), sum(4 * max(four) ** 2 for four in two_batches)
print(f"{of_use} of {paid} scores are of use, {of_use / paid:.0%}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# 3, 3, 4, 4 padded to 4: 50 of 64. And 5, 11, 12, 12 padded to 12: 434 of 576. Together 484 of 640, or 76 %, where it was 484 of 1152, or 42 %.
#
# </details>

# %% [markdown]
# ## The seller's model, masked (5 min, short path)
#
# Back to the seller. Only one thing changes: `mask=causal_mask(n, n)`. The next cell draws the share of right answers by position.

# %%
n = task.inputs.shape[1]
honest, weights = scaled_dot_product_attention(queries, keys, values, mask=causal_mask(n, n))  # (B, n_q, d_v)
now_right = (honest.argmax(axis=-1) == task.targets).mean(axis=0)  # (n,)

fig, ax = figure(7, 2.8)
for line, name, style in ((right.mean(axis=0), "no mask", "o--"), (now_right, "causal mask", "s-")):
    ax.plot(range(n), 100 * line, style)
    ax.annotate(name, (7, 100 * line[7]), xytext=(0, -14 if line[7] > 0.5 else 8), textcoords="offset points", ha="center")
ax.set(title="With the mask only chance is left", xlabel="position", ylabel="right (%)", ylim=(0, 108))
show(fig, alt="By position: without a mask 100 % right but for the last, at chance; with the causal mask near 10 % everywhere.")
print(f"with the causal mask {now_right.mean():.1%} right; from {now_right.min():.1%} to {now_right.max():.1%} by position")
print(f"row 13 gives each of its 14 keys the weight {weights[13, 13]:.4f}")
assert 0.09 < now_right.mean() < 0.11 and np.abs(now_right - 0.1).max() < 0.04 and np.allclose(weights[13, :14], 1 / 14)
compare("honest", "10 %" if now_right.mean() < 0.12 else "100 %")

# %% [markdown]
# **Look.** The key that each query was looking for is hidden (the last query never had one). The others all score 0, so it gets the plain mean of the past, and its guess, the commonest token so far, is right one time in ten. On such data that is the best there is.
#
# And the test? The next cell replaces each of the 16 tokens of the first sequence in turn, and asks which outputs *before* it move, by more than 1e-6.

# %%
def moved_early(asking, j, given):
    """Outputs before position j that move when token j of the first sequence is replaced."""
    changed = task.inputs[0].copy()  # (n,)
    changed[j] = (changed[j] + 1) % 10
    before, after = (scaled_dot_product_attention(asking, keys, np.eye(10)[t], mask=given)[0] for t in (task.inputs[0], changed))
    return np.flatnonzero(np.abs(after - before)[:j].max(axis=-1) > 1e-6).tolist()


for name, given in (("no mask", None), ("causal", causal_mask(n, n))):
    early = [moved_early(queries, j, given) for j in range(n)]
    print(f"{name:8} earlier outputs moved by token 0, 1, ..., 15: {early}")
    assert early == ([[]] + [[j - 1] for j in range(1, n)] if given is None else [[]] * n)

# %% [markdown]
# **Look.** Without the mask, each token but the first moves the output before it: 14 moves with the token at 15. That is the leak, found without knowing anything about the model's inside. With the mask, no token moves an earlier output.
#
# And the score? Where no past can tell the future, it is 10 % in the long run. A thousand guesses scatter around that by about one percentage point, as the squares in the figure do. Far more than that, for a model that has not seen these sequences, has a reason, and there are two: a leak, or a **wrong target**. (A model that has learned these very sequences by heart needs neither. This one was set by hand and has learned nothing.)
# The next cell makes the second mistake. The model has the causal mask, each query looks for its own position, and the target is not shifted: it is the very token that the position reads.

# %%
itself, mask_n = 80 * np.eye(n), causal_mask(n, n)  # (n_q, d), (n_q, n_k)
guesses = scaled_dot_product_attention(itself, keys, values, mask=mask_n)[0].argmax(axis=-1)  # (B, n_q)
early = [moved_early(itself, j, mask_n) for j in range(n)]
print(f"target not shifted: {(guesses == task.inputs).mean():.0%} right; shifted: {(guesses == task.targets).mean():.1%}")
print("earlier outputs moved by any of the 16 tokens:", sum(map(len, early)))
assert (guesses == task.inputs).all() and 0.09 < (guesses == task.targets).mean() < 0.11 and early == [[]] * n

# %% [markdown]
# **Look.** 100 % right, and the test is silent: no token moved an output before it. The test finds leaks, and a wrong target is none. So check both: what moves, and what is asked for. That is why Vaswani et al. (2017, sections 3.1 and 3.2.3) use the mask together with a shift by one position.
#
# **Change it.** Let each query look one position ahead, `where = 1`, then one back, `where = -1`. Which shares do you expect?

# %%
where = 0
look = 80 * np.eye(n, k=where)  # (n_q, d)
guesses = scaled_dot_product_attention(look, keys, values, mask=mask_n)[0].argmax(axis=-1)  # (B, n_q)
print(f"right if not shifted {(guesses == task.inputs).mean():.0%}, if shifted {(guesses == task.targets).mean():.0%}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Against the shifted target it is chance each time: no past can tell. Against the other, one ahead is the plain mean of all that may be seen, the token itself among it, so it is better than chance.
# One back names the token before, chance again, except at position 0, which may see itself alone.
#
# </details>
#
# The idea is older. MADE (Germain et al., 2015) masks the connections (parameter matrices) of an ordinary network, so that each output depends on earlier inputs alone.
# PixelRNN (van den Oord, Kalchbrenner and Kavukcuoglu, 2016, section 3.4) has two masks: mask A, in the first layer, also hides the colour value that is to be predicted, and mask B, in later layers, does not.

# %% [markdown]
# ## Recap (5 min)
#
# **Recap.** Say the answer aloud before you unfold it.
#
# <details><summary>1. What are the three steps of a masked softmax, and what does True mean in a mask?</summary>
#
# Mask: say which keys may be attended, True means "may". Hide: $-\infty$ where the mask is False. Softmax over the keys.
#
# </details>
#
# <details><summary>2. Two keys, scores ln 1 and ln 2, a third key is hidden. What are the weights, and what if the hidden score grows to 1000?</summary>
#
# 1/3, 2/3 and 0. Nothing changes when the hidden score grows.
#
# </details>
#
# <details><summary>3. A padding mask for a batch has the shape (B, n_k). How does it meet scores of shape (B, n_q, n_k)?</summary>
#
# As `key_keep[:, None, :]`, (B, 1, n_k): the same row for every query of a sentence.
#
# </details>
#
# <details><summary>4. The weights for the future are zero, and yet the future reaches the output. How?</summary>
#
# Through the denominator: the mask came after the softmax, whose sum runs over all keys.
#
# </details>
#
# <details><summary>5. Which test finds a leak, and why must it try every token?</summary>
#
# Replace a token: every output that is forbidden to see it must stay as it was. A model that looks one position ahead is found only by the token next to a position.
#
# </details>
#
# <details><summary>6. Why is a large negative number not as good as minus infinity?</summary>
#
# In an empty row all hidden keys get the same weight, so padding speaks. And a constant that is low enough here may not be elsewhere.
#
# </details>
#
# <details><summary>7. From lesson 03: keys and values are shuffled together and the output stays. Is that still so under a causal mask?</summary>
#
# Only if the columns of the mask are shuffled along. The mask speaks of positions, so with it the order of the keys counts.
#
# </details>
#
# <details><summary>8. From lesson 02: why does subtracting the largest score change no weight, and which largest score must it be here?</summary>
#
# A constant cancels in the fraction. It must be the largest of those that may be attended; with a hidden one, all the others may underflow to 0.
#
# </details>
#
# The next cell checks the numbers in the folded answers, two of the seller's section, and that a hidden diagonal alone does not keep token 3 out of output 3: replaced, it still moves an entry of that output by more than 0.5.

# %%
grown = np.array([0, np.log(2), 1000])  # (n_k,)
assert np.allclose(softmax(hide(grown, np.array([True, True, False]))), [1 / 3, 2 / 3, 0])
assert np.isclose(1 / (1 + np.exp(6)), 0.0025, atol=5e-5) and np.isclose(1 / (1 + np.exp(15)), 3e-7, rtol=0.03)
strict, turned = np.tril(np.ones((6, 6), bool), k=-1), np.where(np.arange(6)[:, None] == 3, -X, X)  # no diagonal; token 3 replaced
assert np.abs(np.subtract(*(softmax(hide(attention_scores(T, T), strict))[3] @ T for T in (X, turned)))).max() > 0.5  # output 3
assert np.allclose([softmax(np.array([-5.0, -5.0]))[1], softmax(np.array([-9.0, -5.0]))[1]], [0.5, 0.98], atol=0.005)
like_lengths = [[3, 3, 4, 4], [5, 11, 12, 12]]
used, paid = (sum(f(four) for four in like_lengths) for f in (lambda b: sum(m * m for m in b), lambda b: 4 * max(b) ** 2))
assert (used, paid, 8 * 12**2) == (484, 640, 1152) and np.allclose([used / paid, used / 1152], [0.76, 0.42], atol=0.005)
for lead, left in ((20, [0.287, 0.574, 0]), (25, [0.013, 0.027, 0]), (1000, [0, 0, 0])):
    assert np.allclose(mended(np.array([0, np.log(2), lead]), [1, 1, 0], 1e-9), left, atol=5e-4)
ahead = scaled_dot_product_attention(80 * np.eye(n, k=1), keys, values, mask=mask_n)[0].argmax(axis=-1)  # (B, n_q)
assert (ahead == task.inputs).mean() > 0.3 and np.isclose(np.sqrt(0.1 * 0.9 / 1000), 0.01, atol=1e-3)  # better than chance; scatter
print("The numbers in the answers hold.")

# %% [markdown]
# **What stays.** A mask is a rule about who may speak, and it has to be applied before the loudest is chosen. Whether it holds is seen by what moves, not by how the map looks.
# Next, attention learns: [lesson 05](05_gradients.ipynb) takes its gradient by hand, and a hidden score will get the gradient 0.

# %% [markdown]
# ## Several sentences in one row (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Padding fills rows of tokens with nothing. *Packing* puts several sentences one after the other into a single row of tokens, with no padding at all. Then a word must not see the words of another sentence.
# Write `packed_mask`: it gets the number of the sentence of each token, say 0 0 0 1 1, and returns a mask (n, n) that is causal inside each sentence and closed between sentences. It now returns the causal mask alone.
#
# <details><summary>Hint</summary>
#
# Two tokens may meet if they have the same sentence number. Compare a column with a row, as in step 1 of *Hiding the future*. Two rules must hold at once.
#
# </details>

# %%
def packed_mask(sentence_of):
    """The mask (n, n) for tokens (n,) numbered by their sentence: replace the body."""
    return causal_mask(len(sentence_of), len(sentence_of))


# %% [markdown]
# **Run.** The acceptance test: every sentence gets the same outputs as alone, and a replaced token moves nothing outside of its own sentence, not even a loud one.

# %%
texts = ["cold rain", "the king saw a small house", "water and bread"]
sentence_of = np.repeat([0, 1, 2], [2, 6, 3])  # (n,)
tokens = np.array([table.vector(word) for text in texts for word in text.split()])  # (n, d)
given = packed_mask(sentence_of)
packed, _ = scaled_dot_product_attention(tokens, tokens, tokens, mask=given)  # (n, d_v)
as_alone = []
for s in range(3):
    own = tokens[sentence_of == s]
    alone, _ = scaled_dot_product_attention(own, own, own, mask=causal_mask(len(own), len(own)))
    as_alone.append(np.allclose(packed[sentence_of == s], alone))
loud = np.where(np.arange(11)[:, None] == 3, 1000 * tokens, tokens)  # the second word of sentence 1
moved = np.abs(scaled_dot_product_attention(loud, loud, loud, mask=given)[0] - packed).max(axis=-1) > 1e-9
print("sentences that come out as if alone:", as_alone, "outputs that moved:", np.flatnonzero(moved).tolist())
assert tokens.shape == (11, 384) and given.shape == (11, 11)
print("passed" if all(as_alone) and np.flatnonzero(moved).tolist() == [3, 4, 5, 6, 7] else "not yet")

# %% [markdown]
# **Look.** With the causal mask alone, the first sentence is right, because nothing stands before it, and later ones see their neighbours. When yours passes, count. A packed row of all tokens has a score for every pair of them, a padded batch the square of its longest length for every sentence. The next cell counts both.

# %%
for lengths in ([2, 6, 3], [3, 5, 4, 12], [1, 1, 12]):
    packed_scores, padded_scores = sum(lengths) ** 2, len(lengths) * max(lengths) ** 2
    print(f"{lengths!s:14} tokens: packed {sum(lengths)}, padded {len(lengths) * max(lengths)}; "
          f"scores: packed {packed_scores}, padded {padded_scores}, of use {sum(m * m for m in lengths)}")

# %% [markdown]
# **Look.** Packing saves tokens each time, which helps whatever treats each token alone. With scores it depends on the lengths: here 121 packed against 108 padded, in the batch of *What a mask does not do* 576 in both, and with one long sentence among short ones 196 against 432.
# Skipping whole blocks of hidden scores would save more.
