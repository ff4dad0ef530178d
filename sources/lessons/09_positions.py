# ---
# jupyter:
#   course:
#     title: Positions
#     question: How does attention learn who bit whom?
#     minutes: 78
#     short_path: 28
#     trains: true
#     needs: [00_start, 01_dot_products, 02_softmax, 03_attention, 04_masks, 06_bottleneck, 08_self_and_cross]
#     objectives:
#       - show that self-attention without positions gives every order of the words the same answer, and say what a causal mask changes
#       - build sinusoidal positions on paper and in code, and say what one pair of features cannot tell apart
#       - turn queries and keys so that their score depends on the distance alone, and prove it in one line
#       - add ALiBi's bias to the scores, and name a question that it cannot ask
#       - test a scheme beyond the length it was trained at, and find out by a window why it fails
#     terms: [sinusoidal positions, learned positions, relative positions, rotary positions, ALiBi]
# ---

# %%
import torch

from course_lib import compare, predict, start
from course_lib.transformer.attention import SelfAttention

start("09_positions", torch=True)

# %% [markdown]
# ## Dog bites man (5 min, short path)
#
# *Dog bites man* is no news. *Man bites dog* is. The two have the same three words, so all of the news is in the order.
#
# Lesson 08 built self-attention, and found that it is equivariant: shuffle the input, and the output comes out shuffled in the same way. What does that do to our two sentences?
#
# **Predict.** Self-attention reads both, with no mask. What does it make of the word *dog*?

# %%
predict("shuffled")

# %% [markdown]
# **Run.** Three random embeddings, one random self-attention. The cell compares what each word gets in the two sentences.

# %%
words = ["dog", "bites", "man"]
embedding, attention = torch.nn.Embedding(3, 8), SelfAttention(8, 8)


def read(sentence):
    ids = torch.tensor([[words.index(word) for word in sentence.split()]])  # (B, n), B = 1
    return attention(embedding(ids))[0].detach()  # (n, d_head)


news, no_news = read("man bites dog"), read("dog bites man")
for word, other in zip(words, (2, 1, 0), strict=True):
    far = (no_news[words.index(word)] - news[other]).abs().max()
    print(f"{word:6} the same to 1e-12: {bool(far < 1e-12)}")
print("mean over the words the same:", torch.allclose(news.mean(0), no_news.mean(0), atol=1e-12))

# %% [markdown]
# The next cell answers your guess.

# %%
assert news.shape == no_news.shape == (3, 8)
assert torch.allclose(no_news, news.flip(0), atol=1e-12) and not torch.allclose(no_news, news, atol=0.01)
compare("shuffled", "the same as in the other sentence")

# %% [markdown]
# **Look.** Each word gets the same in both. Whatever stands behind reads the same three vectors, in another order. Training cannot help: this holds for *all* weights.
# A dot product of query and key asks *what* stands there. Nothing asks *where*.
#
# A recurrent network reads one token after the other (lesson 06), so order came for free. Attention has to be told. There are two places to do it. **Before** attention one can change the tokens' vectors: two schemes below add something. **Inside** one can change the scores: three schemes act there.
#
# In the end four of the five run a race: they learn on 16 tokens, and are asked on 64.
#
# **Short path.** 28 minutes: the four sections whose heading says *short path*, the formula in *One hand is not enough*, and recap questions 1 to 3.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones. Then read your sections, guess, and run their cells again.

# %% [markdown]
# ## A hand for each position (8 min, short path)
#
# Give the words a clock with one hand. Position 0 has the hand straight up, and with each position it moves on by the same angle. What we add to a word is where the tip of the hand points.
#
# **By hand.** Let one step be a sixth of a turn, 60°. The vector of position $p$ is $\mathrm{PE}[p] = (\sin(p \cdot 60°), \ \cos(p \cdot 60°))$. So $d = 2$:
#
# | position $p$ | angle | $\mathrm{PE}[p]$ |
# |---|---|---|
# | 0 | 0° | $(0, \ 1)$ |
# | 1 | 60° | $(\tfrac{\sqrt 3}{2}, \ \tfrac12)$ |
# | 2 | 120° | $(\tfrac{\sqrt 3}{2}, \ -\tfrac12)$ |
#
# Two things can be read off the table.
#
# - **The dot product sees the distance.** $\mathrm{PE}[0] \cdot \mathrm{PE}[1] = \tfrac12$ and $\mathrm{PE}[1] \cdot \mathrm{PE}[2] = \tfrac34 - \tfrac14 = \tfrac12$. Two apart: $\mathrm{PE}[0] \cdot \mathrm{PE}[2] = -\tfrac12$. The hands have length 1, so their dot product is the cosine of the angle between them (lesson 01): $\cos(\text{distance} \cdot 60°)$.
# - **A step is a rotation.** One fixed matrix takes each position to the next: $\mathrm{PE}[p + 1] = R \; \mathrm{PE}[p]$ with $R = \begin{pmatrix} \tfrac12 & \tfrac{\sqrt 3}{2} \\ -\tfrac{\sqrt 3}{2} & \tfrac12 \end{pmatrix}$.
#
# **Run.** The table as code, and both findings.

# %%
step = torch.pi / 3  # 60 degrees
hands = torch.stack([torch.sin(step * torch.arange(3.0)), torch.cos(step * torch.arange(3.0))], dim=-1)  # (n, d)
R = torch.tensor([[0.5, 0.75**0.5], [-(0.75**0.5), 0.5]])  # (d, d)
dots = hands @ hands.T  # (n, n)
print(hands, "\ndot products\n", dots)
assert hands.shape == (3, 2) and dots.shape == (3, 3)
assert torch.allclose(hands, torch.tensor([[0, 1], [0.75**0.5, 0.5], [0.75**0.5, -0.5]]))
assert torch.allclose(dots[[0, 1, 0], [1, 2, 2]], torch.tensor([0.5, 0.5, -0.5]))
assert torch.allclose(hands[:-1] @ R.T, hands[1:])  # R takes position 0 to 1, and 1 to 2

# %% [markdown]
# **Look.** The table of dot products is the same along each diagonal: the distance alone counts.
#
# **Change it.** Let the step on paper be 90° (`step = torch.pi / 2` in the cell with the table, and 5 in place of both 3s; its asserts will complain). Which positions can this clock not tell apart?
#
# <details><summary>Answer</summary>
#
# Positions 0 and 4: after four quarter turns the hand is up again. With 60° it takes six steps.
#
# </details>
#
# The next cell draws the clock.

# %%
from course_lib.palette import KEY, QUERY, QUIET
from course_lib.plots import figure, show

circle = torch.stack([f(torch.linspace(0, 2 * torch.pi, 200)) for f in (torch.sin, torch.cos)])  # (2, 200)
fig, ax = figure(3.6, 3.2)
ax.plot(*circle, color=QUIET, lw=0.8)
for p, (x, y) in enumerate(hands):
    ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": KEY, "lw": 2, "shrinkB": 0})
    ax.annotate(f"position {p}", (x, y), (6 if p else -26, 6 if p < 2 else -12), textcoords="offset points")
ax.set(title="Equal steps are equal turns", xlabel="feature 0: sine", ylabel="feature 1: cosine",
       xlim=(-1.2, 1.8), ylim=(-1.2, 1.35), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
show(fig, alt="A unit circle with three arrows at 0, 60 and 120 degrees clockwise from the top: positions 0, 1 and 2.")

# %% [markdown]
# [Vaswani and others (2017)](https://arxiv.org/abs/1706.03762), section 3.5, let the first hand move by 1 radian per position, about 57°.
#
# **Predict.** The hands of positions 3 and 5 have the dot product $\cos 2 = -0.4161$. What about positions 103 and 105?

# %%
predict("same_gap")

# %% [markdown]
# **Run.** Both pairs, from a function that makes hands with a step of 1 radian.

# %%
def one_hand(positions):
    """(n,) -> (n, 2): sine and cosine of 1 radian per position."""
    return torch.stack([positions.sin(), positions.cos()], dim=-1)


near, later = one_hand(torch.tensor([3.0, 5.0])), one_hand(torch.tensor([103.0, 105.0]))  # (2, d) each
print(f"3 and 5: {near[0] @ near[1]:.4f}   103 and 105: {later[0] @ later[1]:.4f}")
assert near.shape == later.shape == (2, 2)
assert torch.isclose(near[0] @ near[1], later[0] @ later[1]) and torch.isclose(near[0] @ near[1], torch.tensor(2.0).cos())
compare("same_gap", "the same, -0.4161")

# %% [markdown]
# **Why.** $\sin a \sin b + \cos a \cos b = \cos(a - b)$: of the two positions only the difference is left. That is what a sentence needs. *Two words before me* means the same at the beginning of a text and a page later.

# %% [markdown]
# ## One hand is not enough (7 min)
#
# A radian never divides a full turn, $2\pi = 6.283\ldots$ radians, so with the paper's step the hand never comes back *exactly*.
#
# **Predict.** One hand, 1 radian per position. Which of the positions 1 to 50 looks most like position 0?

# %%
predict("twin")

# %% [markdown]
# **Run.** The dot products with position 0, and the three largest.

# %%
distance = torch.arange(51.0)
likeness = one_hand(distance) @ one_hand(distance)[0]  # (51,)
best = likeness[1:].topk(3)
for value, at in zip(best.values, best.indices + 1, strict=True):
    print(f"position {at:2}: {value:.4f}, after {at / (2 * torch.pi):.3f} turns")
print(f"position  1: {likeness[1]:.4f}")
assert likeness.shape == (51,) and best.indices[0] + 1 == 44 and best.values[0] > 0.9998
compare("twin", "44")

# %% [markdown]
# **Look.** 44 radians are 7.003 turns, so position 44 is position 0's twin. Its neighbour, position 1, is far less like it. One hand is a clock without an hour hand: it tells the minute, and not the hour.
#
# So take more hands, each slower than the one before. A vector of $d$ features holds $d/2$ hands, two features each. With $i = 0, 1, \ldots, d/2 - 1$:
#
# $$\mathrm{PE}[p, 2i] = \sin\!\left(\frac{p}{10000^{2i/d}}\right) \qquad \mathrm{PE}[p, 2i+1] = \cos\!\left(\frac{p}{10000^{2i/d}}\right)$$
#
# These are **sinusoidal positions** (Vaswani and others, 2017, section 3.5). Hand 0 moves by 1 radian per position, and each next one by a fixed factor less. The number by which $p$ is multiplied, $10000^{-2i/d}$, is the *rate* of hand $i$.
#
# What we found for one hand holds for all. The dot product of two positions is the sum of $\cos(\text{distance} \cdot \text{rate})$ over the hands. The next cell has 32 hands, $d = 64$, and asks again for the twin of position 0, up to position 100,000.

# %%
from course_lib.transformer.positions import sinusoidal_positions

PE = sinusoidal_positions(100_001, 64)  # (n, d)
likeness_64 = PE @ PE[0]  # (n,)
print("with itself and positions 1 to 3:", likeness_64[:4])
print("position 44:", likeness_64[44], " most alike of 1 to 100,000: position", likeness_64[1:].argmax().item() + 1)
assert PE.shape == (100_001, 64) and torch.isclose(likeness_64[0], torch.tensor(32.0))
assert likeness_64[1:].argmax() == 0 and likeness_64[44] < 20
few = [sinusoidal_positions(10_001, d) for d in (4, 8, 16)]  # for the change below
assert [(P[1:] @ P[0]).argmax() + 1 for P in few] == [1885, 6283, 1]
assert 47_000 < 2 * torch.pi * 10000 ** (62 / 64) < 47_500  # positions for one turn of the slowest hand

# %% [markdown]
# **Look.** Now the neighbour is the most alike, and position 44 is far.
#
# The second finding holds too: a step of a fixed size is *one* matrix, the same from every position. It has a small rotation for each hand along its diagonal. The authors chose waves for that reason: a fixed distance should be learnable as a linear map. The next cell builds the matrix for 7 steps.

# %%
turns = 7 * 10000.0 ** (-torch.arange(0, 64, 2) / 64)  # (d/2,): 7 steps of each hand
blocks = [torch.tensor([[a.cos(), a.sin()], [-a.sin(), a.cos()]]) for a in turns]
R_7 = torch.block_diag(*blocks)  # (d, d)
print("R_7 takes every position to the one 7 later:", torch.allclose(PE[:-7] @ R_7.T, PE[7:]))
assert R_7.shape == (64, 64) and torch.allclose(PE[:-7] @ R_7.T, PE[7:])
assert torch.allclose(torch.cos(turns).sum(), PE[100] @ PE[107])  # and the sum of cosines

# %% [markdown]
# The next cell shows all features as stripes, and both curves of likeness.

# %%
fig, (left, right) = figure(8, 3.2, columns=2)
picture = left.imshow(PE[:100].T, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
left.set(title="Fast waves above, slow ones below", xlabel="position", ylabel="feature")
fig.colorbar(picture, ax=left, ticks=[-1, 0, 1])
right.plot(distance, likeness, "--", color=QUERY, lw=1.5)
right.plot(distance, likeness_64[:51] / 32, color=KEY)
right.annotate("1 hand", (51, 0.93), color=QUERY)
right.annotate("32 hands", (51, 0.45), color=KEY)
right.set(title="One hand comes back, 32 do not", xlabel="distance", ylabel="dot product / number of hands", xlim=(-1, 66))
show(fig, alt="Left: stripes of 64 features over 100 positions, fast above, slow below. Right: likeness by distance; one hand swings back to 1 at 44, 32 hands fall and stay below 0.97.")

# %% [markdown]
# **Look.** The lower half of the stripes hardly changes over 100 positions: sines still near 0 (white) and cosines near 1 (red) take turns. Those hands are for long texts: the slowest needs some 47,000 positions for one turn. (The paper says that wavelengths reach $10000 \cdot 2\pi$. With $d = 64$ the last exponent is 62/64, so they stop a little before.)
#
# **Change it.** In a new cell, see how few hands do: `P = sinusoidal_positions(10_001, d); (P[1:] @ P[0]).argmax() + 1` for `d` = 4, 8 and 16. Which is the first where the neighbour is the most alike?
#
# <details><summary>Answer</summary>
#
# With 2 hands the twin is 1885, with 4 hands 6283 (a thousand turns of the first hand). With 8 hands it is position 1.
#
# </details>

# %% [markdown]
# ## Waves in code (7 min)
#
# The same in five steps. On paper they were columns of the table; here they are lines.
#
# | step | on paper, one hand | in code | shape |
# |---|---|---|---|
# | 1. positions | 0, 1, 2 | `start`, `start + 1`, ... | (n,) |
# | 2. rates | 60° | yours, below | (d/2,) |
# | 3. angles | 0°, 60°, 120° | each position times each rate | (n, d/2) |
# | 4. waves | sine, cosine | sines at even, cosines at odd features | (n, d) |
# | 5. add | not yet | `embeddings + waves` | (B, n, d) |
#
# **Change it.** Fill both blanks: the rates, and the odd features. Run the cell, then the next one.

# %%
def waves_with_blanks(n, d, start=0):
    positions = torch.arange(start, start + n)  # 1. positions (n,)
    rates = torch.zeros(d // 2)  # 2. rates (d/2,): replace this line
    angles = positions[:, None] * rates  # 3. angles (n, d/2)
    waves = torch.zeros(n, d)  # 4. waves (n, d)
    waves[:, 0::2] = angles.sin()
    # the odd features: add a line
    return waves


# %% [markdown]
# **Run.** The judge: even features, odd features, and a sequence that begins at position 11.

# %%
mine, right = waves_with_blanks(5, 6), sinusoidal_positions(5, 6)
for name, verdict in (("even features", torch.allclose(mine[:, 0::2], right[:, 0::2])),
                      ("odd features", torch.allclose(mine[:, 1::2], right[:, 1::2])),
                      ("start at 11", torch.allclose(waves_with_blanks(5, 6, 11), sinusoidal_positions(5, 6, 11)))):
    print(f"{name:14}", "right" if verdict else "not yet")

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# rates = 10000.0 ** (-torch.arange(0, d, 2) / d)
# waves[:, 1::2] = angles.cos()
# ```
#
# </details>
#
# The next cell has the function that we keep, in which `stack` and `flatten` weave sines and cosines together, and prints the library's. (There the angles are computed in float64: at large positions float32 loses digits.)

# %%
import inspect


def my_waves(n, d, start=0):
    positions = torch.arange(start, start + n)  # 1. positions (n,)
    rates = 10000.0 ** (-torch.arange(0, d, 2) / d)  # 2. rates (d/2,)
    angles = positions[:, None] * rates  # 3. angles (n, d/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)  # 4. waves (n, d)


assert my_waves(5, 6).shape == (5, 6) and torch.allclose(my_waves(5, 6, 11), sinusoidal_positions(5, 6, 11))
assert torch.allclose(my_waves(50, 2), one_hand(torch.arange(50.0)))
print(inspect.getsource(sinusoidal_positions).split('"""')[2].strip("\n"))

# %% [markdown]
# **Run.** Step 5 on our two sentences: embeddings plus waves, through the same attention as before.

# %%
def read_with_waves(sentence):
    ids = torch.tensor([[words.index(word) for word in sentence.split()]])  # (B, n)
    x = embedding(ids) + my_waves(3, 8)  # 5. add (B, n, d)
    return attention(x)[0].detach()  # (n, d_head)


for sentence in ("dog bites man", "man bites dog"):
    print(f"{sentence}: the mean over the words begins", read_with_waves(sentence).mean(0)[:3])
assert (read_with_waves("dog bites man").mean(0) - read_with_waves("man bites dog").mean(0)).abs().max() > 0.01

# %% [markdown]
# **Look.** The two sentences are no longer the same. The wave is the same for every word and every sentence; it belongs to the place.
#
# ## How loud may a place speak? (6 min)
#
# Word and place now share one vector. Which of them is heard?
#
# The waves have a fixed length. Each hand adds $\sin^2 + \cos^2 = 1$ to the square, so $\lVert \mathrm{PE}[p] \rVert = \sqrt{d/2}$, which is 5.66 at $d = 64$.
# The embeddings have the length that their start gave them. Many models use the table of embeddings a second time, at the output (Vaswani and others, section 3.4). Its numbers are then drawn small, with a standard deviation near $1/\sqrt d$, and a word has a length of about 1.
#
# **Predict.** Take *dog* and *cat*, two random embeddings of that kind, and add waves. Which is more like *dog at position 0*: dog at position 9, or cat at position 0?

# %%
predict("loud")

# %% [markdown]
# **Run.** Cosines, with the embeddings multiplied by 1, by $\sqrt d = 8$, and by $d = 64$.

# %%
d = 64
dog, cat = torch.randn(2, d, generator=torch.Generator().manual_seed(0)) / d**0.5  # (d,) each
place = sinusoidal_positions(10, d)  # (n, d)
cosine = torch.nn.functional.cosine_similarity
seen = {}
for name, factor in (("1", 1), ("root of d", d**0.5), ("d", d)):
    here = factor * dog + place[0]
    seen[name] = [cosine(here, other, dim=0).item() for other in (factor * dog + place[9], factor * cat + place[0])]
    print(f"times {name:9}: same word, other place {seen[name][0]:.2f}; other word, same place {seen[name][1]:.2f}")
assert torch.allclose(place.norm(dim=-1), torch.tensor(32.0).sqrt()) and 0.8 < dog.norm() < 1.2
assert seen["1"][0] < seen["1"][1] and seen["root of d"][0] > seen["root of d"][1]
compare("loud", "cat at position 0" if seen["1"][1] > seen["1"][0] else "dog at position 9")

# %% [markdown]
# **Why.** Unscaled, the place drowns the word: all that stands first looks alike. The 2017 paper multiplies the embeddings by $\sqrt{d_\text{model}}$ (section 3.4) and gives no reason. Lengths are a plausible one: $\sqrt d$ for the word against $\sqrt{d/2}$ for the place.
# Multiplied by $d$, the word drowns the place.
#
# **Trap.** *"Multiply by $\sqrt d$, always."* It depends on the start. PyTorch's `nn.Embedding` draws its numbers with standard deviation 1, so its vectors have length $\sqrt d$ already. Scaled once more they would be as in the last line. The course's models draw their embeddings so, and do not scale.
#
# **Change it.** Which of the three lines is what you get from `nn.Embedding(2, 64)` with and without the factor $\sqrt d$? Say it, then look at `torch.nn.Embedding(2, 64).weight.norm(dim=-1)` in a new cell.
#
# <details><summary>Answer</summary>
#
# The lengths are near 8. Without a factor it is the middle line, with the factor the last one.
#
# </details>

# %% [markdown]
# ## A table of places (5 min)
#
# Why invent waves? One can let the model find a vector for each place, as it finds one for each word. Such **learned positions** are a table with one row per position, shape (max_n, d_model), added in the same way. [Gehring and others (2017)](https://arxiv.org/abs/1705.03122), section 3.1, did so in a convolutional translator; GPT and BERT do so too.
# The 2017 paper tried both and saw nearly the same quality (section 3.5 and table 3, row E).
#
# **Predict.** The table has 16 rows, positions 0 to 15. A sentence has 17 tokens. What happens to the last one?

# %%
predict("row_17")

# %% [markdown]
# **Run.** The library's module, with 16 and with 17 tokens.

# %%
from course_lib.transformer.positions import LearnedPositions

table = LearnedPositions(max_n=16, d_model=8)
assert table.table.shape == (16, 8)
for n in (16, 17):
    try:
        print(n, "tokens:", tuple(table(torch.zeros(1, n, 8)).shape))
    except ValueError as error:
        print(n, "tokens:", error)
        compare("row_17", "an error: there is no row for it")

# %% [markdown]
# **Look.** A table ends. One can make it longer than the training texts, but a row that no text has used stays as it was drawn: random. Waves have no end, and the authors hoped for more from them: they "may allow the model to extrapolate" to longer sequences (section 3.5). Keep that sentence in mind.
#
# ## Ask for the distance (5 min)
#
# Something else is odd about adding. Write $\mathbf e$ for the word and $\mathbf u$ for the place. The score of a query at one token and a key at another is
#
# $$(\mathbf e + \mathbf u)^\top W (\mathbf e' + \mathbf u') = \mathbf e^\top W \mathbf e' + \mathbf e^\top W \mathbf u' + \mathbf u^\top W \mathbf e' + \mathbf u^\top W \mathbf u'$$
#
# with $W = W_Q^\top W_K$ for column vectors. Word to word is what we had. Place to place is what we want. The two in the middle mix "this word" with "the fifth place", which is seldom of use. ([Dai and others, 2019](https://arxiv.org/abs/1901.02860), Transformer-XL, section 3.3, take the sum apart in this way.)
#
# The next cell checks the sum for one query and one key.

# %%
W = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))  # (d, d)
e, e_key = embedding.weight[0].detach(), embedding.weight[2].detach()  # (d,)
place_q, place_k = my_waves(1, 8, start=5)[0], my_waves(1, 8, start=2)[0]  # (d,)
parts = [e @ W @ e_key, e @ W @ place_k, place_q @ W @ e_key, place_q @ W @ place_k]
print("four parts:", torch.stack(parts), "  sum:", sum(parts))
assert torch.isclose((e + place_q) @ W @ (e_key + place_k), sum(parts))

# %% [markdown]
# So leave the words alone, and put the distance where it is needed: into the score. These are **relative positions**. [Shaw and others (2018)](https://arxiv.org/abs/1803.02155) learn a vector for each distance and add it to the keys (and a second one to the values). In the simplest form, a learnt number $b$ for each distance is added to the score ([Raffel and others, 2020](https://arxiv.org/abs/1910.10683), section 2.1, who let far distances share one):
#
# $$s_{pr} = \frac{\mathbf q_p \cdot \mathbf k_r}{\sqrt d} + b_{p - r}$$
#
# for a query at position $p$ and a key at position $r$. Shaw and others clip the distance: beyond 16, say, all distances share an entry, so there is no position without a row. The next cell fills such a table by hand, to see where its numbers go.

# %%
from course_lib.transformer.positions import RelativeBias

relative = RelativeBias(n_heads=1, max_distance=2)  # one number for each distance -2 ... 2
relative.table.data = torch.tensor([[-2.0, -1.0, 0.0, 1.0, 2.0]])  # the number is the distance itself
bias = relative(5, 5)[0].detach()  # (n_q, n_k)
print("rows are queries, columns keys\n", bias)
assert bias.shape == (5, 5) and bias[4, 0] == bias[4, 2] == 2 and bias[0, 4] == -2

# %% [markdown]
# **Look.** The same number along each diagonal, and clipped in the corners. The sign matters: a key before the query and one after it have numbers of their own.
#
# **Change it.** Which entries of the table would you set to $-\infty$ to get a causal mask (lesson 04)? Try it in the cell above.
#
# <details><summary>Answer</summary>
#
# The first two, distances −2 and −1: keys after the query. `-torch.inf` in their place closes everything above the diagonal.
#
# </details>

# %% [markdown]
# ## Turn, do not add (7 min, short path)
#
# Can we have the distance in the score without a table? The hands of the clock could: their dot product knew the distance alone. So do not *add* a hand to the word. **Turn the query and the key themselves**, like hands, by an angle that grows with the position. Then take the dot product as usual.
#
# **By hand.** Again a sixth of a turn per position, and $d = 2$. The query is $\mathbf q = (2, 0)$ and the key $\mathbf k = (1, 0)$, before they are turned:
#
# | query at | key at | turned query | turned key | dot product |
# |---|---|---|---|---|
# | 1 | 0 | $(1, \sqrt 3)$ | $(1, 0)$ | $1$ |
# | 2 | 1 | $(-1, \sqrt 3)$ | $(\tfrac12, \tfrac{\sqrt 3}{2})$ | $-\tfrac12 + \tfrac32 = 1$ |
# | 2 | 0 | $(-1, \sqrt 3)$ | $(1, 0)$ | $-1$ |
#
# One apart: 1, wherever they stand. Two apart: −1. In general, with $R_p$ for the turn at position $p$:
#
# $$(R_p \mathbf q) \cdot (R_r \mathbf k) = \mathbf q^\top R_p^\top R_r \, \mathbf k = \mathbf q \cdot (R_{r - p} \, \mathbf k)$$
#
# A turn's transpose turns back, and what is left is the difference. That is the whole proof. These are **rotary positions** ([Su and others, 2021](https://arxiv.org/abs/2104.09864), RoFormer, section 3.2), *RoPE* for short. With more features, the neighbours $(2i, 2i+1)$ make a pair, and pair $i$ turns at the rate $10000^{-2i/d}$, as the hands did.
#
# **Run.** A turn in code, with the three rows of the table. (Here angles run counter-clockwise, as RoFormer has it; the hands above ran clockwise. The scores do not mind.)

# %%
def turned(x, angles):
    """Pairs (2i, 2i+1) of x (..., n, d) turned by angles (n, d/2)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


sixth = torch.pi / 3 * torch.arange(3.0)[:, None]  # (n, d/2): positions 0, 1, 2
queries = turned(torch.tensor([[2.0, 0.0]]).expand(3, 2), sixth)  # (n, d): one query, tried at each position
keys = turned(torch.tensor([[1.0, 0.0]]).expand(3, 2), sixth)  # (n, d)
scores = queries @ keys.T  # (n_q, n_k), not divided by the root of d
print(scores.round(decimals=4))
assert queries.shape == keys.shape == (3, 2) and scores.shape == (3, 3)
assert torch.allclose(scores[[1, 2, 2], [0, 1, 0]], torch.tensor([1.0, 1.0, -1.0]))

# %% [markdown]
# **Predict.** Now $d = 64$, with random numbers. In one variant the **queries alone** are turned, and the keys stay as they are. Query and key both move on by 1,000 positions. In which variants does the score stay?

# %%
predict("moved")

# %% [markdown]
# **Run.** Eight positions, the same query and the same key at each. The score of every pair is computed from position 0 on and from position 1,000 on. `rotate` is the library's version of `turned`, with the angles of the formula.

# %%
from course_lib.transformer.positions import rotate

q, k = torch.randn(2, 1, 64, generator=torch.Generator().manual_seed(2)).expand(2, 8, 64)  # (n, d) each
rates = 10000.0 ** (-torch.arange(0, 64, 2) / 64)  # (d/2,)
assert torch.allclose(rotate(q, start=3), turned(q, torch.arange(3, 11)[:, None] * rates))
both = [rotate(q, start) @ rotate(k, start).T for start in (0, 1000)]  # (n_q, n_k) each
alone = [rotate(q, start) @ k.T for start in (0, 1000)]
print("both turned:    the same to 1e-10", torch.allclose(*both, rtol=0, atol=1e-10))
print("queries alone:  largest change above 1", bool((alone[0] - alone[1]).abs().max() > 1))
assert torch.allclose(*both, rtol=0, atol=1e-10) and not torch.allclose(*alone, atol=1)
assert torch.allclose(rotate(q).norm(dim=-1), q.norm(dim=-1))  # turning keeps lengths
assert torch.isclose(both[0][5, 2], q[0] @ rotate(k[:1], start=2 - 5)[0])  # the line above: only r - p is left
compare("moved", "only where both are turned")

# %% [markdown]
# **Look.** Turned together, they forget where they stand and keep how far apart. Turned alone, the score depends on the place.
#
# And the values? The next cell turns them too, and moves everything on by 1,000 once more.

# %%
v = torch.randn(8, 64, generator=torch.Generator().manual_seed(5))  # (n_k, d_v)
weights = [(scores / 8).softmax(dim=-1) for scores in both]  # (n_q, n_k) each
handed = [w @ v for w in weights]  # (n_q, d_v) each
handed_turned = [w @ rotate(v, start) for w, start in zip(weights, (0, 1000), strict=True)]
print("values as they are: output the same to 1e-10", torch.allclose(*handed, rtol=0, atol=1e-10))
print("values turned too:  output the same to 1e-10", torch.allclose(*handed_turned, rtol=0, atol=1e-10))
assert torch.allclose(*handed, rtol=0, atol=1e-10) and (handed_turned[0] - handed_turned[1]).abs().max() > 0.5

# %% [markdown]
# **Look.** So the **values are not turned**: what a token hands over should not depend on where it stands. (Where waves are added, the values carry them too.)
#
# Does rotary prefer what is near? The next cell takes one key content at all positions, and two queries that stand at 20. The first query equals the key. The second is the key *turned back by 7 positions*.

# %%
content = torch.randn(1, 64, generator=torch.Generator().manual_seed(3))  # (1, d)
keys = rotate(content.expand(21, 64))  # (n_k, d): positions 0 ... 20
near_query, back_query = rotate(content, start=20), rotate(rotate(content, start=-7), start=20)  # (1, d)
by_distance = {name: (query @ keys.T)[0].flip(0) for name, query in (("near", near_query), ("back", back_query))}  # (n_k,)
fig, ax = figure(6.5, 2.8)
ax.plot(by_distance["near"], "o-", color=KEY, ms=4)
ax.plot(by_distance["back"], "s--", color=QUERY, ms=4)
ax.annotate("query = key", (17, by_distance["near"][17] - 4), color=KEY)
ax.annotate("query = key turned back by 7", (8.3, by_distance["back"][7]), color=QUERY)
ax.set(title="A rotary query can aim at any distance", xlabel="distance of the key", ylabel="score", xticks=range(0, 21, 5), ylim=(20, 51))
show(fig, alt="Score by distance: for the query equal to the key highest at distance 0, for the one turned back by 7 highest at 7.")
assert by_distance["near"].argmax() == 0 and by_distance["back"].argmax() == 7

# %% [markdown]
# **Look.** A query equal to the key scores highest at distance 0 and falls off. Su and others show that a bound on the score falls with the distance (section 3.4.3). But a query may be anything, and one that is turned back by 7 asks for *seven tokens before me*. (It aims with what the keys have in common. Here they are all alike; a model can give its keys a common part.)
#
# **Change it.** Aim at the token 12 before: which number do you change? Then aim at distance 30, for a query at 40 (make 41 keys).
#
# <details><summary>Answer</summary>
#
# `start=-7` becomes `start=-12`. For 30: `start=-30`, and 40 in place of each 20, `expand(41, 64)`. The last assert complains, the picture shows the peak at 30.
#
# </details>

# %% [markdown]
# ## Forget what is far (6 min)
#
# The fifth scheme has no angles. [Press, Smith and Lewis (2022)](https://arxiv.org/abs/2108.12409), *Train Short, Test Long*, section 3, take from each score a number that grows with the distance: **ALiBi**, attention with linear biases.
#
# $$s_{pr} = \frac{\mathbf q_p \cdot \mathbf k_r}{\sqrt d} - m \cdot (p - r) \qquad \text{for keys at or before the query}$$
#
# Nothing is learnt. A head has a fixed slope $m$. (A *head* is one of several attentions side by side, lesson 10.) Of four heads, the slopes are 1/4, 1/16, 1/64 and 1/256: some forget fast, some slowly. In general head $h$ has $2^{-8h/n_\text{heads}}$, counted from 1.
#
# **By hand.** Slope $\ln 2$, three keys at the distances 2, 1 and 0, all contents alike, so the scores are only the bias: $-2 \ln 2$, $-\ln 2$, $0$.
# Softmax takes $e$ to these: $\tfrac14, \tfrac12, 1$. The sum is $\tfrac74$, so the weights are $\tfrac17, \tfrac27, \tfrac47$. Each step back halves the weight.
#
# **Run.** The numbers from above, then the library's bias for four heads.

# %%
from course_lib.transformer.positions import alibi_bias

weights = (-torch.tensor(2.0).log() * torch.tensor([2.0, 1.0, 0.0])).softmax(dim=-1)  # (n_k,)
four = alibi_bias(n_heads=4, n_q=3, n_k=3)  # (H, n_q, n_k)
print("weights", weights, "\nhead 1\n", four[0], "\nlast query of head 4", four[3, -1])
assert torch.allclose(weights, torch.tensor([1.0, 2.0, 4.0]) / 7)
assert four.shape == (4, 3, 3) and torch.allclose(-four[:, 1, 0], torch.tensor([1 / 4, 1 / 16, 1 / 64, 1 / 256]))
assert (four[:, 0, 1:] == -torch.inf).all()

# %% [markdown]
# **Look.** The bias is causal: keys after the query get $-\infty$. Suppose somebody wants ALiBi for a model that reads in both directions, and takes the obvious step: $-m$ times the distance *without its sign*, no mask.
#
# **Predict.** Does this model tell *dog bites man* from *man bites dog*?

# %%
predict("mirror")

# %% [markdown]
# **Run.** Our two sentences through one random attention, with no positions and in five ways with them. The first cell measures how far apart the two means over the words are.

# %%
from course_lib.transformer.attention import scaled_dot_product_attention


def verdict_gap(bias=None, turn=False, waves=False, other=(2, 1, 0)):
    """How far apart the mean outputs are for the words in order and in another order."""
    means = []
    for ids in (torch.tensor([0, 1, 2]), torch.tensor(other)):
        x = embedding(ids) + (my_waves(3, 8) if waves else 0)  # (n, d)
        Q, K, V = attention.W_q(x), attention.W_k(x), attention.W_v(x)  # (n, d_head)
        Q, K = (rotate(Q), rotate(K)) if turn else (Q, K)
        means.append(scaled_dot_product_attention(Q, K, V, bias=bias)[0].mean(0))
    return (means[0] - means[1]).norm().item()

# %% [markdown]
# The distance with its sign is `p - r`, for all pairs:

# %%
signed = torch.arange(3)[:, None] - torch.arange(3)  # (n_q, n_k)
gaps = {"no positions": verdict_gap(), "waves added": verdict_gap(waves=True), "rotary": verdict_gap(turn=True),
        "relative, signed": verdict_gap(0.25 * signed), "ALiBi, causal": verdict_gap(alibi_bias(4, 3, 3)[0]),
        "ALiBi without the sign": verdict_gap(-0.25 * signed.abs())}
for name, gap in gaps.items():
    print(f"{name:23} {'tells them apart' if gap > 1e-3 else 'the same answer for both'}")
assert [gap > 1e-3 for gap in gaps.values()] == [False, True, True, True, True, False]
assert gaps["ALiBi without the sign"] < 1e-12
compare("mirror", "no: the same answer for both")

# %% [markdown]
# **Why.** *Man bites dog* is *dog bites man* read backwards. Reversing keeps all distances; only their signs change. A bias that cannot see the sign cannot see the reversal. Here ALiBi leans on its causal mask for the direction.
# A weaker test would not have seen it. Take another order than the mirror, *bites dog man*, and this bias does tell it from *dog bites man*. The next cell shows it.

# %%
from itertools import permutations

for order in ((1, 0, 2), (2, 1, 0)):
    gap = verdict_gap(-0.25 * signed.abs(), other=order)
    print(f"{' '.join(words[i] for i in order):14} {'is told from' if gap > 1e-3 else 'is taken for'} dog bites man")
    assert (gap > 1e-3) == (order != (2, 1, 0))
six = [verdict_gap(-0.25 * signed.abs(), other=order) for order in permutations(range(3))]
assert len({round(gap, 6) for gap in six}) == 3  # for the change below

# %% [markdown]
# **Change it.** How many of the six orders of the three words does the bias without the sign tell apart? Say it, then print `six` in a new cell: the gap between *dog bites man* and each of the six.
#
# <details><summary>Answer</summary>
#
# Three: each order and its mirror image count as one, so each gap occurs twice.
#
# </details>
#
# All schemes side by side, in an explorer. (It draws the cosine to the right and the sine upwards, so its hands run counter-clockwise.) Begin with the waves: **find a base and a pair whose hand turns once in about 24 positions.** Then choose *ALiBi* and look at the words that trade places. It has no sign there either, so why does it notice this swap?

# %%
from course_lib.explorers import positions_explorer

positions_explorer(predict=False)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The hand: for instance pair 4 with a base of 213. The swap turns *the dog bites the man* into *the man bites the dog*. That is no mirror image: both *the* stay where they are, and their distances to *dog* and *man* change.
#
# </details>

# %% [markdown]
# ## Is it deaf without? (6 min)
#
# **Trap.** *"Without positions, attention knows nothing of order."* Our first section says so, and it had no mask. Now take a causal mask, as in every model that writes.
#
# **Predict.** Six tokens, no positions, one causal self-attention. The first two tokens change places. Does the output of the *last* token change? And with a second such layer on top?

# %%
predict("causal_order")

# %% [markdown]
# **Run.** One and two layers, with and without the mask. The second layer reads tokens plus what the first one found, as layers in a Transformer do.

# %%
first, second = SelfAttention(8, 8), SelfAttention(8, 8)
tokens = torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(4))  # (B, n, d)
swapped = tokens[:, [1, 0, 2, 3, 4, 5]]


def last_output(x, layers, causal):
    for layer in (first, second)[:layers]:
        x = x + layer(x, causal=causal)  # (B, n, d)
    return x[0, -1].detach()


for causal in (False, True):
    moved = [(last_output(tokens, layers, causal) - last_output(swapped, layers, causal)).abs().max() > 1e-6 for layers in (1, 2)]
    print(f"{'causal' if causal else 'no mask':7}: last output changes with one layer {bool(moved[0])}, with two {bool(moved[1])}")
compare("causal_order", "not with one layer, but with two" if moved == [False, True] else "never")

# %% [markdown]
# **Why.** The last token sees all six. For one layer they are a set, and a set has no order. But the mask treats the *earlier* tokens differently: token 0 sees only itself, token 1 sees two. After the first layer each carries a trace of what stood before it, and the second layer reads these traces.
#
# How could such a trace say *where*? The next cell gives a recipe with nothing but a mask: all scores equal, and a value of 1 at the first token alone.

# %%
from course_lib.transformer.attention import causal_mask

value = torch.zeros(6, 1)  # (n_k, d_v)
value[0] = 1
counted, _ = scaled_dot_product_attention(torch.zeros(6, 2), torch.zeros(6, 2), value, mask=causal_mask(6, 6))  # (n_q, d_v)
print("outputs", counted[:, 0], "\none over them", 1 / counted[:, 0])
assert counted.shape == (6, 1) and torch.allclose(1 / counted[:, 0], torch.arange(1.0, 7.0))
assert not torch.allclose(last_output(tokens, 2, True), last_output(swapped, 2, True), atol=1e-6)
assert torch.allclose(last_output(tokens, 1, True), last_output(swapped, 1, True), atol=1e-12)

# %% [markdown]
# **Look.** The mask counts. Query $p$ spreads its weight over $p + 1$ tokens, so the first one gets $1/(p+1)$. [Haviv and others (2022)](https://arxiv.org/abs/2203.16634) train language models without any positions. They come close to models with them, and the position of a token can be read off their inner vectors.
#
# So how much is a model worth without positions? Part of the answer is in the race.
#
# **Change it.** Give the value 1 to token 2 in place of token 0. What comes out, and can you still read off every position?
#
# <details><summary>Answer</summary>
#
# 0, 0, 1/3, 1/4, 1/5, 1/6: from position 2 on. The first two look alike, as neither sees token 2.
#
# </details>

# %% [markdown]
# ## The race (8 min, short path)
#
# Five copies of one small model: two layers with a causal mask, four heads. We borrow it from lesson 17, where you build it; here only its argument `positions` matters:
#
# | name | what the model is told |
# |---|---|
# | none | nothing: it has only its mask |
# | learned | a table with one vector for each position, added to the tokens |
# | sinusoidal | the waves, added to the tokens |
# | rotary | queries and keys are turned |
# | ALiBi | each score loses a slope times the distance: the farther, the less; one slope per head, 1/4 to 1/256 |
#
# All are trained on sequences of **16** tokens, and then asked on sequences of 16, 32 and 64. Only answers in the second half count: of 32 and 64 tokens, those are places that no training example had.
#
# The first task: *which letter followed the most recent marker?* The next cell shows one example; the marker is `*`, and a dot means "not asked".

# %%
import numpy as np

from course_lib.data.tasks import most_recent, steps_back

NOT_ASKED = -1


def show_example(task):
    names = np.array(list("abcdefgh*"))
    print("tokens ", " ".join(names[task.inputs[0]]))
    print("answers", " ".join(np.where(task.keep[0], names[task.targets[0]], ".")))


show_example(most_recent(1, length=16, seed=3))

# %% [markdown]
# **Look.** Each place is asked anew: *b*, until the letter after the second marker has come, then *d*.
#
# **Predict.** Trained on 16 tokens, asked on 64: whose answers are still right?

# %%
predict("race")

# %% [markdown]
# The next cells define training and judging. The loop, the loss and the recipe are explained in lesson 13; you need not read them now.

# %%
from functools import partial

from course_lib.training import Recipe, smoothed_cross_entropy, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.gpt import GPT


def batch_of(task):
    targets = np.where(task.keep, task.targets, NOT_ASKED)
    return torch.from_numpy(task.inputs), torch.from_numpy(targets)  # (B, n) each


def loss(model, batch):
    return smoothed_cross_entropy(model(batch[0]), batch[1], NOT_ASKED)


# %% [markdown]
# Each step of training draws 64 fresh sequences, for 150 steps in all:

# %%
def trained(draw, positions, seed=0, steps=150):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = GPT(9, max_n=64, config=BlockConfig(d_model=32, bias=False), positions=positions)
    zero_outputs(model)
    batches = lambda step: batch_of(draw(64, length=16, seed=rng))
    train(model, batches, loss, Recipe(steps, lr=5e-3, muon_lr=0.05), quiet=True)
    return model


# %% [markdown]
# A model is judged on 200 sequences that are new to it. (`distances` is for later.)

# %%
def second_half(model, draw, length, distances=None):
    """Share of right answers in the second half of 200 fresh sequences."""
    inputs, targets = batch_of(draw(200, length=length, seed=10_000))
    targets[:, : length // 2] = NOT_ASKED
    with torch.no_grad():
        logits = model(inputs) if distances is None else windowed(model, inputs, distances)  # (B, n, n_vocab)
    return (logits.argmax(-1) == targets)[targets != NOT_ASKED].double().mean().item()

# %% [markdown]
# A second guess: a model with no positions at all takes part. It has its causal mask and two layers.
#
# **Predict.** How often is it right at 16 tokens, the length it was trained at? Chance is 1 in 8.

# %%
predict("nothing")

# %% [markdown]
# **Run.** Five models, some ten seconds in all.

# %%
labels = {"none": "none", "learned": "learned", "sinusoidal": "sinusoidal", "rotary": "rotary", "alibi": "ALiBi"}
schemes = list(labels)
lengths = (16, 32, 64)


def race(draw):
    """Train one model per scheme; returns the models, and the scores by scheme at the three lengths."""
    models = {name: trained(draw, name) for name in schemes}
    scores = {name: [second_half(model, draw, n) for n in lengths] for name, model in models.items()}
    for name, shares in scores.items():
        print(f"{labels[name]:10}", "  ".join(f"{n} tokens {share:.2f}" for n, share in zip(lengths, shares, strict=True)))
    return models, scores


recent_models, recent = race(most_recent)

# %% [markdown]
# The next cell answers both guesses.

# %%
assert recent["alibi"][2] > 0.7 and max(recent[name][2] for name in schemes[:4]) < 0.5
assert min(recent[name][0] for name in schemes[1:]) > 0.85 and 0.6 < recent["none"][0] < 0.85
compare("race", "ALiBi" if recent["alibi"][2] > 0.7 else "rotary")
compare("nothing", "about 0.7" if 0.6 < recent["none"][0] < 0.85 else "about 0.12, chance")

# %% [markdown]
# **Look.** At 16 tokens all four schemes are good, and even no positions at all is far above chance: the mask counts. At 64 one is left.
#
# - **Learned**: no text had a position 16, so its row is still as random as it was drawn.
# - **Sinusoidal**: every position has a wave, and yet the model fails. The hope of 2017 does not come true here. The waves of position 40 exist, but no training example ever asked what to do with them. Press and others (2022, section 2) find the same for language models.
# - **Rotary** does better at 32 and is lost at 64, though its scores depend on the distance alone. Why? We come to that.
# - **ALiBi**: what is far counts less, at any length.
#
# So ALiBi is the best scheme? The second task is as short to say: *which token stood 7 places before?*

# %%
back_7 = partial(steps_back, back=7)
show_example(back_7(1, length=16, seed=3))

# %% [markdown]
# **Predict.** ALiBi again, on this task, at 16 tokens: the length it was trained at. How often is it right?

# %%
predict("back")

# %% [markdown]
# **Run.** The same race with the second task.

# %%
_, back = race(back_7)
assert back["rotary"][2] > 0.6 and max(back[name][1] for name in schemes if name != "rotary") < 0.4
assert min(back[name][0] for name in ("learned", "sinusoidal", "rotary")) > 0.95
assert max(back["alibi"][0], back["none"][0]) < 0.45
compare("back", "about 0.3" if back["alibi"][0] < 0.45 else "about 1")

# %% [markdown]
# The next cell draws both races.

# %%
fig, axes = figure(8, 3.3, columns=2)
marks = {"none": "x:", "learned": "v--", "sinusoidal": "^--", "rotary": "s-", "alibi": "o-"}
colors = {"none": QUIET, "learned": "#CC79A7", "sinusoidal": "#009E73", "rotary": QUERY, "alibi": KEY}
for ax, scores, title in zip(axes, (recent, back), ("Most recent marker: ALiBi", "Seven back: rotary"), strict=True):
    for name in schemes:
        ax.plot(range(3), scores[name], marks[name], color=colors[name], ms=6, label=labels[name])
    ax.axhline(1 / 8, color=QUIET, lw=0.8)
    ax.set(title=title, xlabel="tokens (trained at 16)", ylabel="right answers, second half", ylim=(0, 1.05))
    ax.set_xticks(range(3), lengths)
    ax.annotate("chance", (0, 1 / 8), (0, -11), textcoords="offset points", color=QUIET, fontsize=8)
axes[1].legend(loc="center right", bbox_to_anchor=(1, 0.52))
show(fig, alt="Right answers at 16, 32 and 64 tokens. Most recent marker: ALiBi stays high, all others fall. Seven back: rotary stays highest, ALiBi and none are low from the start, learned and sinusoidal fall to chance.")

# %% [markdown]
# **Look.** The winner of the first race cannot run the second. It is near the model without positions, and at the trained length already. A bias that falls with the distance is always largest at distance 0: it can say *near*, and it cannot say *seven*.
# A rotary query can aim at any distance, as the figure with the peak at 7 showed. So there is no best scheme, only one that suits the question. [Kazemnejad and others (2023)](https://arxiv.org/abs/2305.19466) compare such schemes, and none at all, on small tasks of reasoning and arithmetic. There *none* did best beyond the trained lengths. On our two tasks it does not.
#
# Seven is out of reach. Up to which distance does ALiBi manage? Say a number.
#
# **Run.** ALiBi alone, trained to look 1, 2 and 3 places back.

# %%
nearer = {}
for far in (1, 2, 3):
    draw = partial(steps_back, back=far)
    model = trained(draw, "alibi")
    nearer[far] = [second_half(model, draw, n) for n in lengths]
    print(f"{far} back ", "  ".join(f"{n} tokens {share:.2f}" for n, share in zip(lengths, nearer[far], strict=True)))
assert min(nearer[1]) > 0.95 and max(nearer[2] + nearer[3]) < 0.7

# %% [markdown]
# **Look.** To distance 1, and there at every length. It mixes the nearest tokens and knows the last of them, which seems to be enough to name its neighbour. From 2 on it is lost.
#
# **Change it.** The learnt bias by distance did not run, because it needs more steps. Should it be able to say *seven*? Guess, then try `model = trained(back_7, "relative", steps=600)` and `second_half(model, back_7, 16)` in a new cell (ten seconds).
#
# <details><summary>Answer</summary>
#
# It can: its table has a number of its own for distance 7. On the two seeds that we tried, 1.00 at 16 tokens. With 150 steps it was still at about 0.7.
#
# </details>

# %% [markdown]
# ## Why rotary fell (5 min)
#
# In the first race rotary fell. Its scores know distances alone, and the letter asked for is seldom far: more than 15 places back in 3 cases of 100. A guess: at 64 tokens a query meets keys at distances from 16 to 63. No training example had those, so nothing ever pushed their scores down.
#
# The guess can be tested without training: hide every key that is 16 or more away, a *window*. The next cell builds it as a mask, from the distances that stay visible.

# %%
def windowed(model, ids, distances):
    """The model's logits when each token sees only the keys at these distances before it."""
    x = model.embed(ids)  # (B, n, d_model)
    x = x if model.positions is None else model.positions(x)
    p = torch.arange(ids.shape[1])
    near = torch.isin(p[:, None] - p, torch.tensor(list(distances)))  # (n_q, n_k)
    bias = None if model.score_bias is None else model.score_bias(*near.shape)
    return model.output(model.blocks(x, near, bias, True))


after_marker = np.roll(most_recent(2000, length=64, seed=0).inputs == 8, 1, axis=1)  # (examples, n)
letter = np.maximum.accumulate(np.where(after_marker, np.arange(64), 0), axis=1)  # where the letter stands
print(f"letter more than 15 back: {(np.arange(64) - letter > 15)[:, 32:].mean():.0%}")

# %% [markdown]
# **Predict.** Three models fell: learned, sinusoidal, rotary. Their weights stay, the window comes. Who is right again at 64 tokens?

# %%
predict("window")

# %% [markdown]
# **Run.** The models of the first race at 64 tokens, without and with the window.

# %%
rescued = {}
for name, model in recent_models.items():
    rescued[name] = second_half(model, most_recent, 64, distances=range(16))
    print(f"{labels[name]:10} at 64 tokens: {recent[name][2]:.2f}, with a window of 16: {rescued[name]:.2f}")
ids, _ = batch_of(most_recent(2, length=16, seed=1))
with torch.no_grad():
    assert torch.allclose(windowed(recent_models["rotary"], ids, range(16)), recent_models["rotary"](ids))  # nothing to hide
assert rescued["rotary"] > 0.9 and max(rescued["sinusoidal"], rescued["learned"], rescued["none"]) < 0.6
compare("window", "rotary alone" if rescued["rotary"] > 0.9 else "none of them")

# %% [markdown]
# **Look.** The same weights, and rotary is back. The window does not save the waves and the table: they fail by the *positions* themselves. A token at position 50 carries a vector that the model has not met.
#
# Was it really the unseen *distances*? The window also leaves fewer keys, and softmax has to share among fewer. So keep 16 keys, but let half of them be far. The next cell compares.

# %%
visible = {"distances 0 to 15": range(16), "distances 0 to 7": range(8), "0 to 7 and 40 to 47": [*range(8), *range(40, 48)]}
control = {name: second_half(recent_models["rotary"], most_recent, 64, kept) for name, kept in visible.items()}
for name, share in control.items():
    print(f"{name:20} {len(visible[name]):2} keys: {share:.2f}")
assert control["distances 0 to 15"] > 0.9 and 0.75 < control["distances 0 to 7"] < 0.92 and control["0 to 7 and 40 to 47"] < 0.6
others = [second_half(recent_models["rotary"], most_recent, 64, range(n)) for n in (24, 48)]  # for the change below
assert others[0] > 0.85 and others[1] < 0.6

# %% [markdown]
# **Why.** Eight near keys alone do well. Eight far ones added, and the model falls, with no more keys than it was trained on. It *is* the distances.
# Two kinds of "never seen", positions and distances, and one mask tells them apart. ALiBi needs no window. It *is* one, with a soft edge.
#
# **Change it.** Add windows of 24 and 48, `range(24)` and `range(48)`, to `visible` and run its cell again. Guess first: which of the two still works?
#
# <details><summary>Answer</summary>
#
# 24 does: a few unseen distances do little harm. With 48 there are too many of them.
#
# </details>
#
# Who uses what? GPT and BERT have a table of learned positions (Radford and others, 2018; [Devlin and others, 2019](https://arxiv.org/abs/1810.04805)). T5 adds a learnt bias by distance (Raffel and others, 2020, section 2.1), BLOOM has ALiBi ([Le Scao and others, 2022](https://arxiv.org/abs/2211.05100)), and Llama turns ([Touvron and others, 2023](https://arxiv.org/abs/2302.13971), section 2.2).
#
# **Make it.** [The exercises](../exercises/09_positions.ipynb) ask for `add_sinusoidal_positions`, `apply_rope` and `alibi_bias` from an empty function, and for a fault that shows only when earlier keys are kept.

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. What is the dot product of two sinusoidal positions, and what does it depend on?</summary>
#
# The sum over the hands of $\cos(\text{distance} \cdot \text{rate})$. It depends on the distance alone.
#
# </details>
#
# <details><summary>2. Why does a rotary score depend on the distance alone? Which of queries, keys and values are turned?</summary>
#
# $(R_p \mathbf q) \cdot (R_r \mathbf k) = \mathbf q \cdot (R_{r-p} \, \mathbf k)$, because a turn's transpose turns back. Queries and keys are turned, both; values are not.
#
# </details>
#
# <details><summary>3. Name a question that suits ALiBi, and one that it cannot answer.</summary>
#
# The most recent of something suits it, at any length. "Exactly seven back" does not: its bias is always largest at distance 0.
#
# </details>
#
# <details><summary>4. Why many hands, and not one?</summary>
#
# One hand comes nearly back: position 44 looks like position 0. Slow hands tell the turns apart, as an hour hand does.
#
# </details>
#
# <details><summary>5. When should embeddings be multiplied by the root of d?</summary>
#
# When they are drawn with a length near 1, so that the waves, of length $\sqrt{d/2}$, would drown them. Not when they have length $\sqrt d$ already.
#
# </details>
#
# <details><summary>6. What does causal self-attention without positions know of order, with one layer and with two?</summary>
#
# For one layer the tokens before are a set. With two, earlier tokens carry traces of what stood before them, so swapping two of them changes the last output.
#
# </details>
#
# <details><summary>7. From lesson 04: queries are the last n_q of n_k positions. From which position must they be turned?</summary>
#
# From $n_k - n_q$. Counted from 0 they would ask from too far to the left. That is the hunt of this lesson's exercises.
#
# </details>
#
# **What stays.** A dot product asks *what*. The *where* has to be put in: added to the tokens, turned into queries and keys, or taken off the scores. Then attention can know that the dog bit the man. What it can ask about distances, and whether it can at lengths that it never saw, depends on which of these you chose.

# %% [markdown]
# ## Places in a picture (after the lesson)
#
# **Make it.** For another day, about 20 minutes. A picture's patches have a row and a column (lesson 21). Write `grid_positions(rows, columns, d)` that returns a vector for each patch, shape (rows, columns, d). The dot product of two patches shall depend on how many rows and how many columns they are apart, and on nothing else.
# And one more thing: each patch needs a vector of its own. Patches (3, 0) and (0, 3) must not share one.

# %%
def grid_positions(rows, columns, d):
    """Vectors (rows, columns, d) for the patches of a picture: replace the body."""
    return my_waves(rows * columns, d).reshape(rows, columns, d)


# %% [markdown]
# **Run.** The acceptance test. The stand-in counts the patches as if they stood in one line, which is wrong: the right end of a row would be the neighbour of the left end of the next.

# %%
grid = grid_positions(6, 7, 32)
dots = torch.einsum("rcd,xyd->rcxy", grid, grid)  # (rows, columns, rows, columns)
moved = torch.allclose(dots[:-1, :-1, :-1, :-1], dots[1:, 1:, 1:, 1:])  # both patches one row and one column on
turned_over = torch.allclose(dots[1, 1, 3, 2], dots[3, 1, 1, 2])  # two rows and one column apart, on both diagonals
apart = bool((grid[3, 0] - grid[0, 3]).norm() > 0.5)
flat = grid.reshape(42, -1)
different = bool(((flat[:, None] - flat[None]).norm(dim=-1) + torch.eye(42) > 0.5).all())
print({"moves along": moved, "rows and columns apart": turned_over, "(3, 0) is not (0, 3)": apart, "all different": different})
print("passed" if grid.shape == (6, 7, 32) and moved and turned_over and apart and different else "not yet")

# %% [markdown]
# <details><summary>Hint</summary>
#
# Half of the features for the row, half for the column: `my_waves(rows, d // 2)` and `my_waves(columns, d // 2)`, put side by side with `torch.cat`. The dot product is then the sum of a cosine sum for the rows and one for the columns.
#
# </details>
