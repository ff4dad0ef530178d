# ---
# jupyter:
#   course:
#     title: Additive attention
#     question: What changes when the writer may look back at the source?
#     minutes: 74
#     short_path: 28
#     trains: true
#     needs: [00_start, 01_dot_products, 02_softmax, 03_attention, 04_masks, 05_gradients, 06_bottleneck]
#     objectives:
#       - compute an additive score with its weights and context on paper, and say what its tanh and its hidden units are for
#       - write additive attention in PyTorch and place it in a recurrent translator
#       - compare three ways of handing a source to a writer at equal CPU time, and say what the comparison shows
#       - read an alignment map, and test by an exchange of states what a weight stands for
#       - name faults of attention that train well, and the tests that see them
#     terms: [encoder-decoder, additive attention, alignment, teacher forcing, exact match]
# ---

# %%
import numpy as np
import torch
from torch import nn

from course_lib import compare, predict, start

start("07_additive_attention", torch=True)

# %% [markdown]
# ## Two writers (5 min, short path)
#
# People write one day in many ways: *Wednesday, March 25, 1964*, *25 March 1964*, *3/25/64*. Computers prefer *1964-03-25*, the form of ISO 8601. Turning one into the other is a small translation. The month must be understood, and the order changes.
#
# The next cell makes 20,000 such pairs in 8 English formats, from the patterns of the Unicode CLDR. Days for testing are held out. **The tokens are characters.**

# %%
from course_lib.data.dates import dates

data = dates(20_000)
for text, iso in data.train[:6]:
    print(f"{text:30} {iso}")
print(len(data.train), "pairs to learn from,", len(data.test), "to test on")
assert not {iso for _, iso in data.train} & {iso for _, iso in data.test}

# %% [markdown]
# **Look.** We build translators of two recurrent networks. The **encoder** reads the text and leaves a state at every character. The **decoder** writes the date, one character at a time. Together they are called an **encoder-decoder**.
#
# Two of them train for about five CPU seconds each. They are alike but for one thing.
#
# - Writer A gets one vector, made from the encoder's last states, as its *first state*. From then on it is alone.
# - Writer B gets the same, and before each character it may *look back* at all states of the encoder.
#
# The measure is **exact match**: the share of unseen dates that are right from the first character to the last.
#
# **Predict.** How many dates does writer A, who never looks back, get right after five seconds?

# %%
predict("race")

# %% [markdown]
# **Short path.** 28 minutes: the sections whose heading says *short path*, and recap questions 1 to 3.
# Choose *Run > Run All Cells* first (about half a minute: four networks are trained). Then read, guess, and run your cells again.

# %% [markdown]
# ## A network that compares (10 min, short path)
#
# To look back is attention, as in lesson 03. The decoder's state is the query $\mathbf q$. The encoder's states are keys and values. What is a good score for a query and a key?
# A dot product needs vectors of one width, made of comparable features. Here the query comes from another network than the keys and may have another width.
#
# Bahdanau, Cho and Bengio ([2015](https://arxiv.org/abs/1409.0473), section 3.1 and appendix A.1.2) let a small network compare them:
#
# $$s_j = \mathbf v \cdot \tanh\left( W_q \, \mathbf q + W_k \, \mathbf k_j \right)$$
#
# $W_q$ (h, d_q) and $W_k$ (h, d_k) bring both to $h$ hidden units, where they are **added**. The vector $\mathbf v$ (h,) makes one number of them, and all three are learnt. Softmax and weighted mean follow as always. This is **additive attention**. (The small $\mathbf v$ is not a value; the letter is the paper's.)
#
# **By hand.** tanh looks like nothing for paper. But $\tanh\left(\tfrac12 \ln r\right) = \dfrac{r - 1}{r + 1}$. So with $L = \tfrac12 \ln 3$ we have $\tanh L = \tfrac12$, $\tanh 2L = \tfrac45$, and $\tanh 0 = 0$.
#
# Two keys, one number each: a at 0 and b at $L$. Two hidden units, $W_q = \begin{pmatrix} 1 \\ -1 \end{pmatrix}$, $W_k = \begin{pmatrix} 1 \\ 1 \end{pmatrix}$, $\mathbf v = 5 \ln 2 \cdot (1, -1)$. The values are 3 for a and 0 for b. For the query $q = L$:
#
# | key | $W_q q + W_k k$ | tanh | score | $e^{\text{score}}$ | weight |
# |---|---|---|---|---|---|
# | a, $k = 0$ | $(L, -L)$ | $(1/2, -1/2)$ | $5 \ln 2 \cdot 1$ | 32 | 2/3 |
# | b, $k = L$ | $(2L, 0)$ | $(4/5, 0)$ | $5 \ln 2 \cdot 4/5$ | 16 | 1/3 |
#
# The context is $\tfrac23 \cdot 3 + \tfrac13 \cdot 0 = 2$: a wins.
#
# **Predict.** The query becomes $q = -L$; nothing else changes. Who wins now? (Two lines on paper tell.)

# %%
predict("winner")

# %% [markdown]
# **Run.** The same numbers in code, first for one query, with shapes beside.

# %%
L, ln2 = 0.5 * np.log(3), np.log(2)
W_q, W_k = torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [1.0]])  # (h, d_q), (h, d_k)
v = 5 * ln2 * torch.tensor([1.0, -1.0])  # (h,)
keys, values = torch.tensor([[0.0], [L]]), torch.tensor([[3.0], [0.0]])  # (n_k, d_k), (n_k, d_v)


def look(query, tanh=torch.tanh, units=slice(None)):
    """Weights (n_k,) and context (d_v,) for one query (d_q,)."""
    hidden = tanh(W_q @ query + keys @ W_k.T)  # (n_k, h)
    weights = torch.softmax(hidden[:, units] @ v[units], dim=-1)
    return weights, weights @ values


# %% [markdown]
# The next cell asks with both queries, and asserts what paper said.

# %%
for sign in (1, -1):
    weights, context = look(torch.tensor([sign * L]))
    print(f"query {sign:2} L: weights a {weights[0]:.4f}, b {weights[1]:.4f}; context {context[0]:.4f}")
    assert weights.shape == (2,) and context.shape == (1,)
    assert torch.allclose(context, torch.tensor([2.0 if sign > 0 else 1.0]))
compare("winner", "b" if weights[1] > weights[0] else "a")

# %% [markdown]
# **Look.** The query alone decides who wins. Which parts of the formula does that need? Take some away and see.
#
# **Predict.** First the tanh. Five random queries, eight random keys, $h = 16$, but no tanh: the score is $\mathbf v \cdot (W_q \mathbf q + W_k \mathbf k_j)$. How many different rows of weights come out?

# %%
predict("no_tanh")

# %% [markdown]
# **Run.** Random numbers of size 1, with tanh and without. The queries are 4 wide and the keys 6.

# %%
rng = np.random.default_rng(0)


def rows_of_weights(tanh, h=16, n_q=5, n_k=8):
    """Weights (n_q, n_k) of random queries, keys and parameters."""
    sizes = ((n_q, 4), (n_k, 6), (h, 4), (h, 6), (h,))
    Q, K, W_q, W_k, v = (torch.tensor(rng.standard_normal(size)) for size in sizes)
    return torch.softmax(tanh((Q @ W_q.T)[:, None] + (K @ W_k.T)[None]) @ v, dim=-1)


# %% [markdown]
# The next cell counts.

# %%
for name, tanh in (("tanh", torch.tanh), ("no tanh", lambda x: x)):
    rows = rows_of_weights(tanh)
    different = len(np.unique(rows.numpy().round(9), axis=0))
    print(f"{name:8}: different rows among {len(rows)}: {different}")
assert rows.shape == (5, 8) and different == 1
compare("no_tanh", str(different))

# %% [markdown]
# **Why.** Without tanh the score is $\mathbf v \cdot W_q \mathbf q + \mathbf v \cdot W_k \mathbf k_j$. The first part is the same for all keys, and softmax sees differences alone (lesson 02). The query drops out. It is the bend that lets query and key meet.
#
# **Predict.** Now keep tanh, and take a single hidden unit, $h = 1$. A thousand random queries look at six keys. How many of the six keys win at least once?

# %%
predict("one_unit")

# %% [markdown]
# **Run.** The same for more hidden units.

# %%
for h in (1, 2, 4, 16):
    winners = set(rows_of_weights(torch.tanh, h, n_q=1000, n_k=6).argmax(dim=-1).tolist())
    print(f"h = {h:2}: {len(winners)} of 6 keys win for some query")
    if h == 1:
        assert len(winners) == 1
        compare("one_unit", str(len(winners)))
assert len(winners) > 2
assert [round(look(torch.tensor([q]), units=[0])[0][1].item(), 2) for q in (L, -L)] == [0.74, 0.85]  # b, with unit 0 alone

# %% [markdown]
# **Why.** With one unit the score is $v \tanh(a + b_j)$, with $a$ from the query and $b_j$ from the key. tanh always rises. So for positive $v$ the key with the largest $b_j$ wins, whatever $a$ is. The query can sharpen or blur, and never choose.
# The next cell draws it with our numbers: the score as a function of the key, for both queries.

# %%
from course_lib.palette import KEY, QUERY, QUIET
from course_lib.plots import figure, show

fig, panels = figure(8, 2.9, columns=2)
line = torch.linspace(-1.2, 1.2, 200)[:, None]  # (200, d_k)
for ax, units, title in zip(panels, (1, 2), ("One unit: b wins for both", "Two: the query chooses"), strict=True):
    for sign, style, color in ((1, "-", QUERY), (-1, "--", KEY)):
        hidden = torch.tanh(W_q @ torch.tensor([sign * L]) + line @ W_k.T)  # (200, h)
        score = (hidden[:, :units] @ v[:units]).numpy()
        ax.plot(line[:, 0], score, style, color=color)
        ax.text(1.24, score[-1], "q = +L" if sign > 0 else "q = −L", va="center", color=color)
    ax.vlines([0.0, L], -5, 5, color=QUIET, lw=0.8, ls=":")
    ax.set_xticks([-1, 0, L, 1], ["−1", "a", "b", "1"])
    ax.set(title=title, xlabel="key", ylabel="score", xlim=(-1.2, 1.5), ylim=(-5, 5))
show(fig, alt="Left: two rising curves, b above a on both. Right: a hill for q = +L and a valley for q = -L.")

# %% [markdown]
# **Look.** Two units make a hill: one rises on its left flank, the other falls on its right one. The query says whether it is a hill or a valley, and a query of another size makes it wider or narrower. More units make more hills.
#
# **Change it.** In a new cell run `look(torch.tensor([L]), units=[0])` and the same with `-L`. Who wins, and by how much? Then give `tanh=lambda x: x`.
#
# <details><summary>Answer</summary>
#
# With unit 0 alone b wins both times: 0.74 against 0.26 for $q = L$ (the difference is $5 \ln 2 \cdot 0.3$), 0.85 against 0.15 for $-L$. Without tanh both weights are 1/2 for both queries: the query drops out, and here $\mathbf v \cdot W_k = 0$, so the key drops out too.
#
# </details>

# %% [markdown]
# ## Write it (8 min)
#
# In the lessons of Part I a table of scores was one matrix product. Here each of the n_q · n_k pairs has $h$ hidden units: a table of shape (B, n_q, n_k, h). New axes make the sum of all pairs: `queries[:, :, None]` is (B, n_q, 1, h), `keys[:, None]` is (B, 1, n_k, h). Added, each axis of size 1 is stretched.
#
# | step | for one query | for all, with shapes |
# |---|---|---|
# | 1. queries | $W_q \mathbf q$ | (B, n_q, h) |
# | 2. keys | $W_k \mathbf k_j$ | (B, n_k, h) |
# | 3. pairs | $\tanh(\ldots + \ldots)$ | (B, n_q, n_k, h) |
# | 4. scores | $\mathbf v \cdot \ldots$ | (B, n_q, n_k) |
# | 5. weights, context | softmax, weighted mean | (B, n_q, n_k), (B, n_q, d_v) |
#
# **Change it.** Two blanks, steps 3 and 4. Replace the two lines, run the cell and the next one.

# %%
def with_blanks(Q, K, V, W_q, W_k, v):
    queries = Q @ W_q.T  # 1. queries (B, n_q, h)
    keys = K @ W_k.T  # 2. keys (B, n_k, h)
    hidden = torch.zeros(len(Q), Q.shape[1], K.shape[1], len(v))  # 3. pairs (B, n_q, n_k, h): replace
    scores = torch.zeros(hidden.shape[:-1])  # 4. scores (B, n_q, n_k): replace
    weights = torch.softmax(scores, dim=-1)  # 5. weights
    return weights @ V, weights


# %% [markdown]
# **Run.** The judge: random tensors whose sizes are all different, and the paper example with both queries at once.

# %%
sizes = {"Q": (2, 3, 4), "K": (2, 5, 6), "V": (2, 5, 7), "W_q": (11, 4), "W_k": (11, 6), "v": (11,)}
parts = {name: torch.tensor(rng.standard_normal(size)) for name, size in sizes.items()}
both = torch.tensor([[[L], [-L]]])  # (B, n_q, d_q)
paper = (both, keys[None], values[None], W_q, W_k, v)


def judge(function):
    """Whether a function gives the contexts 2 and 1 of the paper example, in the right shapes."""
    output, weights = function(*paper)
    shapes = [tuple(x.shape) for x in function(**parts)]
    return shapes == [(2, 3, 7), (2, 3, 5)] and torch.allclose(output.flatten(), torch.tensor([2.0, 1.0]))


print("right" if judge(with_blanks) else "not yet")

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# hidden = torch.tanh(queries[:, :, None] + keys[:, None])
# scores = hidden @ v
# ```
#
# </details>
#
# The next cell is the function that we keep.

# %%
def my_additive_attention(Q, K, V, W_q, W_k, v):
    queries = Q @ W_q.T  # 1. queries (B, n_q, h)
    keys = K @ W_k.T  # 2. keys (B, n_k, h)
    hidden = torch.tanh(queries[:, :, None] + keys[:, None])  # 3. pairs (B, n_q, n_k, h)
    scores = hidden @ v  # 4. scores (B, n_q, n_k)
    weights = torch.softmax(scores, dim=-1)  # 5. weights (B, n_q, n_k)
    return weights @ V, weights  # context (B, n_q, d_v)


# %% [markdown]
# **Run.** Paper and library judge it. The library's version is printed without its docstring: it adds a mask.

# %%
import inspect

from course_lib.transformer.attention import additive_attention

assert judge(my_additive_attention)
theirs = additive_attention(*parts.values())
assert all(torch.allclose(a, b) for a, b in zip(my_additive_attention(**parts), theirs, strict=True))
print("paper and library agree\n")
print(inspect.getsource(additive_attention).split('"""')[2].strip("\n"))

# %% [markdown]
# **Make it.** Now from an empty function: [the exercises](../exercises/07_additive_attention.ipynb) ask for `additive_attention`, for the score of another paper, and for a hunt. You can do them now or after the recap.

# %% [markdown]
# ## The translator around it (7 min)
#
# One step of writer B, with $\mathbf h_j$ the encoder's state at character $j$ and $\mathbf s_i$ the decoder's state after writing character $i$:
#
# | what | formula | shape |
# |---|---|---|
# | where to look | $\alpha_{i} = \mathrm{softmax}_j \left( \mathbf v \cdot \tanh(W_q \mathbf s_{i-1} + W_k \mathbf h_j) \right)$ | (B, n) |
# | what is read | $\mathbf c_i = \sum_j \alpha_{ij} \mathbf h_j$ | (B, d_memory) |
# | new state | $\mathbf s_i = \mathrm{GRU}\left( [\,y_{i-1};\ \mathbf c_i\,],\ \mathbf s_{i-1} \right)$ | (B, d_hidden) |
# | next character | from $\mathbf s_i$ and $\mathbf c_i$ | (B, n_vocab) |
#
# The table of all $\alpha_{ij}$ is the **alignment**: row $i$ says where character $i$ was looking. The query is the state *before* the step, $\mathbf s_{i-1}$: it must say what it wants without having seen it. The keys $W_k \mathbf h_j$ are the same for all steps and are computed once (appendix A.1.2).
#
# (Our model differs from the paper in details. For instance, its first state comes from both directions, and a tanh layer stands where the paper has maxout.)
#
# The encoder reads forwards and backwards, each direction with 64 numbers. So $\mathbf h_j$ has 128 numbers and knows what stands before *and after* place $j$. Keep this in mind.
#
# The next cell turns characters into ids. While it trains, the decoder reads the *right* previous character, even where it had written a wrong one. That is called **teacher forcing** (Williams and Zipser, [1989](https://doi.org/10.1162/neco.1989.1.2.270)).

# %%
from course_lib.data.batches import pad, shift_right
from course_lib.text import CharacterTokenizer

specials = ("pad", "bos", "eos", "unk")
reader = CharacterTokenizer.from_texts([text for text, _ in data.train], specials)
writer = CharacterTokenizer.from_texts([iso for _, iso in data.train], specials)
names = writer.vocabulary


def tensors(pairs, reader=reader, writer=writer):
    """source (B, n), keep (B, n), what the decoder reads (B, m), what it must say (B, m)."""
    ids, keep = pad([reader.encode(text) for text, _ in pairs], reader.vocabulary.pad_id)
    names = writer.vocabulary
    return ids, keep, *shift_right([writer.encode(iso) for _, iso in pairs], names.bos_id, names.eos_id, names.pad_id)


# %% [markdown]
# **Run.** Two pairs as tensors, through an untrained model of the library.

# %%
from course_lib.transformer.recurrent import AdditiveAttention, RecurrentSeq2Seq

ids, keep, written, labels = tensors([("3/25/64", "1964-03-25"), ("March 25, 1964", "1964-03-25")])
model = RecurrentSeq2Seq(len(reader), len(writer), d_embed=32, d_hidden=64)
memory = model.encode(ids, keep)  # (B, n, d_memory)
logits, alignment = model.decode(written, memory, keep, return_weights=True)
print("source", *ids.shape, " memory", *memory.shape, " logits", *logits.shape, " alignment", *alignment.shape)
print("reads ", names.decode(written[0].tolist()), "\nsays  ", names.decode(labels[0].tolist()))
assert ids.shape == keep.shape == (2, 14) and memory.shape == (2, 14, 128)
assert logits.shape == (2, 11, len(writer)) and alignment.shape == (2, 11, 14)
assert (alignment[0, :, 7:] == 0).all() and torch.allclose(alignment.sum(-1), torch.ones(2, 11))

# %% [markdown]
# **Look.** Ten characters and the end. The short source is padded to 14 characters, and its padding gets weight 0 (lesson 04). The next cell asserts that the module inside is the function you know, and prints it.

# %%
module = model.attention
query = torch.randn(2, 64)  # (B, d_hidden)
W_q_, W_k_, v_ = module.W_q.weight, module.W_k.weight, module.v.weight[0]
context, weights = module(query, module.W_k(memory), memory, keep, return_weights=True)
same = additive_attention(query[:, None], memory, memory, W_q_, W_k_, v_, mask=keep[:, None])
assert torch.allclose(context, same[0][:, 0]) and torch.allclose(weights, same[1][:, 0])
print(inspect.getsource(AdditiveAttention.forward).split('"""')[2].strip("\n"))

# %% [markdown]
# **Change it.** What shape would `alignment` have for the text *Wednesday, September 30, 1964* alone? Say it, then run `tensors` and `model` on `[("Wednesday, September 30, 1964", "1964-09-30")]` in a new cell.
#
# <details><summary>Answer</summary>
#
# (1, 11, 29): one text, ten characters and the end, 29 characters to look at.
#
# </details>

# %% [markdown]
# ## The race (9 min, short path)
#
# **Short path.** In the sections that you skipped, `additive_attention` was written, `tensors` turned texts into padded ids, and `RecurrentSeq2Seq` became the whole translator. `keep` says which characters are real.
#
# A third contender makes the comparison fair. Writer A *starts* from the source and is then alone (Sutskever, Vinyals and Le, [2014](https://arxiv.org/abs/1409.3215), with LSTMs). Another classic hands the *same* fixed summary to the decoder at **every** step (Cho and others, [2014](https://arxiv.org/abs/1406.1078), section 2.2). It still cannot choose where to look. Call it writer C.
#
# **Predict.** Writer C reads the same 128 numbers before each character. How many dates are exact after the same five seconds?

# %%
predict("summary")

# %% [markdown]
# The next cell writes C: a module that stands in the place of attention and returns where the two directions of the encoder stopped.

# %%
class FixedSummary(nn.Module):
    """The same summary at every step; nothing is weighed, so there are no weights."""

    def W_k(self, memory):
        return memory

    def forward(self, query, keys, values, keep, return_weights=False):
        forward, backward = values.chunk(2, dim=-1)  # (B, n, 64) each
        last = forward[torch.arange(len(values)), keep.sum(dim=1) - 1]  # (B, 64), at the last real character
        return torch.cat([last, backward[:, 0]], dim=-1), None


# %% [markdown]
# Training and testing, for all contenders alike: batches of about one length, cross-entropy of the next character, exact match on held-out dates. The decoder writes for itself in the test.

# %%
from course_lib.data.batches import batches_by_length


def batches(rng, pairs=data.train):
    while True:
        for rows in batches_by_length([len(text) for text, _ in pairs], 64, rng):
            yield tensors([pairs[i] for i in rows])


# %% [markdown]
# The next cell writes dates with a model, and counts the exact ones.

# %%
from course_lib.decoding import translate
from course_lib.metrics import exact_match


def write(model, texts):
    ids, keep = pad([reader.encode(text) for text in texts], reader.vocabulary.pad_id)
    answers = translate(model, ids, keep, names.bos_id, names.eos_id, max_n=14)
    return [writer.decode(answer) for answer in answers]


def exact(model, pairs):
    return exact_match(write(model, [text for text, _ in pairs]), [iso for _, iso in pairs])


# %% [markdown]
# A long training may run in float32: `.float()`. The last digits then depend on the machine, so we print facts and no digits.

# %%
import time

from course_lib.training import Recipe, smoothed_cross_entropy, train


def loss(model, batch):
    ids, keep, written, labels = batch
    return smoothed_cross_entropy(model(ids, written, keep), labels, names.pad_id)


def learn(model, steps, lr, seed=0):
    began, recipe = time.process_time(), Recipe(steps, lr=lr, warmup=20)
    look_in = lambda model: {"exact": exact(model, data.test[:200]), "seconds": time.process_time() - began}
    stream = batches(np.random.default_rng(seed))
    return train(model.float(), stream, loss, recipe, evaluate=look_in, every=40, quiet=True)


# %% [markdown]
# **Change it.** How many parameters does `FixedSummary` have? Say it, then run `sum(p.numel() for p in FixedSummary().parameters())` in a new cell. Why is that no unfair advantage of B in the race? (B's attention has 12,352.)
#
# <details><summary>Answer</summary>
#
# None. The race below prints the sizes. A and C are smaller, but size is not what holds them back. A script also trained A with as many parameters as B, and C of this very size for longer: the table further down shows both.
#
# </details>
#
# **Run.** The race. A step of B is dearer, so A and C get more steps for the same time. A learns with the rate 4e-3; with 8e-3 it does no better. The summary and attention start from the same random numbers.

# %%
contenders = {"A first state only": (360, 4e-3), "C fixed summary": (330, 8e-3), "B attention": (240, 8e-3)}
models, histories = {}, {}
for name, (steps, lr) in contenders.items():
    torch.manual_seed(0)
    model = RecurrentSeq2Seq(len(reader), len(writer), d_embed=32, d_hidden=64, attention=name[0] != "A")
    if name[0] == "C":
        model.attention = FixedSummary()
    models[name], histories[name] = model, learn(model, steps, lr)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{name:20} {size:7,} parameters, {steps} steps")

# %% [markdown]
# The next cell tests each on 500 held-out dates, and answers both guesses.

# %%
share = {name[0]: exact(model, data.test[:500]) for name, model in models.items()}
print("A at most 3 %:", share["A"] <= 0.03)
print("C between 70 % and 98 %:", 0.7 < share["C"] < 0.98)
print("B above 96 %:", share["B"] > 0.96)
assert share["A"] <= 0.03 and 0.7 < share["C"] < 0.98 and share["B"] > 0.96
compare("race", "almost none")
compare("summary", "more than 70 %")

# %% [markdown]
# **Change it.** Ask all three for dates of your own, in a new cell: `{name: write(model, ["Mar 25, 1964"]) for name, model in models.items()}`. Find a date that C gets wrong. What has A learnt?
#
# How long did each take, and what does each write for three held-out dates? The seconds are those of your machine, the tests on the way included.

# %% tags=["nbval-ignore-output"] reason="prints CPU seconds"
texts = [text for text, _ in data.test[:3]]
print("to read:", "; ".join(texts))
for name, history in histories.items():
    print(f"{name:20} {history.scores['seconds'][-1]:.1f} CPU seconds, {share[name[0]]:6.1%} of 500 dates exact;", end=" ")
    print("writes", ", ".join(write(models[name], texts)))

# %% [markdown]
# **Look.** A's answers have the form of a date. Is more of the source in them? The next cell counts over 500 dates, place by place, how often A writes the right character.

# %%
said, wanted = write(models["A first state only"], [text for text, _ in data.test[:500]]), [iso for _, iso in data.test[:500]]
right = np.mean([[a == b for a, b in zip(x.ljust(10), y, strict=False)] for x, y in zip(said, wanted, strict=True)], axis=0)  # (10,)
print("A, each character of the year right in more than 80 %:", right[:4].min() > 0.8)
print("A, last digit of month and of day right in less than 30 %:", right[[6, 9]].max() < 0.3)
assert right.shape == (10,) and right[:4].min() > 0.8 and right[[6, 9]].max() < 0.3

# %% [markdown]
# **Look.** The year, which it writes first, arrives. Month and day, which come last, are little more than guesses. The next cell draws the way there: exact dates against CPU seconds.

# %%
fig, ax = figure(7, 3)
for (name, history), style, color in zip(histories.items(), (":", "--", "-"), ("#555555", KEY, QUERY), strict=True):
    seconds, percent = history.scores["seconds"], 100 * history.scores["exact"]
    ax.plot(seconds, percent, style, color=color)
    ax.text(seconds[-1] + 0.1, percent[-1], name, va="center", color=color)
ax.set(title="Looking back wins at equal time", xlabel="CPU seconds", ylabel="exact dates in %", ylim=(-3, 105))
ax.set_xlim(0, 1.4 * seconds[-1])
show(fig, alt="Exact dates over CPU seconds: attention rises first, the fixed summary later, the first state stays near 0.")

# %% [markdown]
# **Look.** Which decoder stands behind the words *without attention* matters more than anything else in this race. Who says that a network "without attention" fails on dates should say: the one that gets the source in its first state alone, in this time.
#
# So is the vector between reader and writer too small? 36,525 days are $\log_2 36525 \approx 15$ bits. Writer A's first state has 64 numbers.
#
# **Predict.** Writer A gets eight times as long, about 45 seconds, from three random starts. How many dates are exact?

# %%
predict("longer")

# %% [markdown]
# **Run.** That is too long for a lesson. `sources/training/07_dates.py` did it beforehand, from three seeds, and its figures come with the course. (The script reports its own three races too.)

# %%
import json
from pathlib import Path

import course_lib

folder = Path(course_lib.__file__).parent / "data" / "files"
about = json.loads((folder / "07_dates.json").read_text(encoding="utf-8"))


def table(*wanted):
    for name in wanted:
        seen = about["ablations"][name]
        shares = ", ".join(f"{share:6.1%}" for share in seen["exact"])
        seconds = np.mean(seen["cpu_seconds"])
        print(f"{name:38}{seen['steps']:5} steps{seconds:6.1f} s{seen['parameters']:9,}   exact {shares}")


# %% [markdown]
# The table: steps, mean CPU seconds, parameters, exact dates from three seeds.

# %%
table("additive attention, h = 64", "fixed summary at every step")
table("first state only", "first state only, as many parameters")
print()
table("fixed summary, three times as long", "first state only, eight times as long")
assert 15 < np.log2(36525) < 16
patient = about["ablations"]["first state only, eight times as long"]["exact"]
assert min(patient) < 0.1 and max(patient) == 1.0
assert max(about["ablations"]["first state only, as many parameters"]["exact"]) < 0.03
compare("longer", "it depends on the start")

# %% [markdown]
# **Why.** One run ended at 100 %, so there is room: 64 numbers hold a date. Another run, from other random numbers, is still lost after the same time. What is slow, and a gamble, is *learning* to carry the source. In A, what the source says about the tenth character must survive nine steps of writing. The gradient must travel the same way back (lesson 06). C shortens the way, since each step reads the source directly. B shortens it and also tells *where* in the source: each character is one short path away.
#
# Dates are short. With long sentences the room itself becomes scarce: Cho and others ([2014b](https://arxiv.org/abs/1409.1259)) saw a fixed vector translate ever worse as sentences grew. Bahdanau's figure 2 shows how much of that looking back repairs.
#
# **Change it.** In `contenders` give A the learning rate 8e-3, run the race and the test again. (It takes about twenty seconds.) Does the verdict change? Put 4e-3 back.

# %% [markdown]
# ## See it form (4 min, short path)
#
# Nobody told B where to look: the loss knows the right characters and nothing else. The same script trained B on **8 languages** and noted its alignment on *Wednesday, March 25, 1964*, a day that was held out.
#
# **Predict.** The finished model writes 1964-03-25. Which character of the source gets most of the weight while it writes the first 1?

# %%
predict("first_digit")

# %% [markdown]
# **Change it.** The rows are the characters of YYYY-MM-DD, M1 the first digit of the month. A map was noted each 20 steps of training, so the explorer's step 6 is step 120. (Its title says *head* for one attention; lesson 10 has several.)
# *When do the rows of the year look at the year, and when those of the month at March?* Pin a step to compare two.

# %%
from course_lib.explorers import training_replay_explorer
from course_lib.training import History

history = History.from_arrays({name: np.array(values) for name, values in about["history"].items()})
watched, roles = "Wednesday, March 25, 1964", ["Y1", "Y2", "Y3", "Y4", "–", "M1", "M2", "–", "D1", "D2", "end"]
first = np.flatnonzero(history.map_steps <= 600)  # the later maps change little
losses = history.loss[np.minimum(history.map_steps[first], len(history) - 1)]
columns = [f"{c}\u2009".replace(" ", "␣") for c in watched]
training_replay_explorer(losses, history.maps[watched][first], history.scores["exact"][first],
                         rows=roles, columns=columns, step=6, predict=False)

# %% [markdown]
# **Run.** The same in numbers: the weight of the year's rows on the year, and of the month's rows on *March*. Beside it, how many whole dates are exact. The last line answers your guess.

# %%
on_year = history.maps[watched][:, :4, -4:].sum(axis=-1).mean(axis=-1)  # (n_maps,)
on_month = history.maps[watched][:, 5:7, 11:16].sum(axis=-1).mean(axis=-1)  # (n_maps,), at the five letters of March
for i in (0, 2, 4, 6, 10, 20, len(on_year) - 1):
    exact_now = history.scores["exact"][i]
    print(f"step {history.map_steps[i]:4}: year {on_year[i]:4.0%}, month {on_month[i]:4.0%}, exact dates {exact_now:4.0%}")
assert on_year[4] > 0.9 and on_month[4] < 0.3 and history.scores["exact"][4] < 0.1 and history.map_steps[4] == 80
assert on_month[10] > 0.9 and history.scores["exact"][10] > 0.9 and history.map_steps[10] == 200
Y1 = history.maps[watched][-1, 0]  # (n,), the finished row
print(f"Y1 at the end: weight {Y1[-4]:.2f} on {watched[-4]!r}, {Y1[-3]:.2f} on {watched[-3]!r}")
assert Y1.argmax() == len(watched) - 3
compare("first_digit", "the 9 beside it")

# %% [markdown]
# **Look.** The year is found first: at step 80 its rows look at the year with more than nine tenths of their weight, and yet hardly a date is exact. Then the rows of the month find March, and the exact dates come with them.
# A decoder that looks in the right place has little left to learn: to copy a digit, and to know twelve months in 8 languages.

# %% [markdown]
# ## Where does it look? (10 min)
#
# The finished reader of 8 languages, from the file that the script wrote. The cell fills a model of the same sizes with its weights.

# %%
from course_lib.text import Vocabulary
from course_lib.transformer.checkpoints import load_checkpoint

vocabularies = (Vocabulary(about[f"{side}_tokens"], specials) for side in ("source", "target"))
reader8, writer8 = map(CharacterTokenizer, vocabularies)
model8 = RecurrentSeq2Seq(len(reader8), len(writer8), **about["sizes"])
load_checkpoint(folder / "07_dates.safetensors", model8, about["sha256_of_the_table"])
model8.requires_grad_(False)
print(f"exact among 2,000 held-out dates: {about['exact']:.2%}; {about['cpu_seconds']} CPU seconds of training")
print("and among 2,000 of each language:", {name: f"{share:.2%}" for name, share in about["exact_by_language"].items()})
assert about["exact"] > 0.99 and min(about["exact_by_language"].values()) > 0.97

# %% [markdown]
# **Predict.** In Polish, *25 marca 1964* is the 25th of March, and *25 maja 1964* the 25th of May. Where does it look in *marca* while it writes the 3 of 03?

# %%
predict("month_row")

# %% [markdown]
# **Run.** A function that translates and returns the alignment, and the map of one date.

# %%
def read_date(text):
    """What the model writes, and where each character looked (n_target, n_source)."""
    ids, keep = pad([reader8.encode(text)], reader8.vocabulary.pad_id)
    memory, end = model8.encode(ids, keep), writer8.vocabulary
    said = translate(model8, ids, keep, end.bos_id, end.eos_id, max_n=14)[0]
    weights = model8.decode(torch.tensor([[end.bos_id, *said[:-1]]]), memory, keep, return_weights=True)[1]
    return list(writer8.decode(said)), weights[0].numpy()


text = "25 marca 1964"
said, weights = read_date(text)
print("".join(said), "- row of the 3:", {place: f"{text[place]} {weights[6, place]:.2f}" for place in range(3, 8)})
assert "".join(said) == "1964-03-25" and text[3:8] == "marca"
assert weights[6, 3:5].sum() > 0.7 and weights[6, 5] < 0.1 and weights[0].argmax() == 10
compare("month_row", "on m and a, which both words have")

# %% [markdown]
# The next cell draws the whole map.

# %%
from course_lib.plots import heat_map

fig, ax = figure(7.5, 5.2)
title = "The month's rows look at its first letters, the day's rows at its digits"
heat_map(ax, weights, said, [c.replace(" ", "␣") for c in text], label=title, digits=1)
ax.set(xlabel="source: 25 marca 1964", ylabel="written")
show(fig, alt="Alignment with 25 marca 1964: the year looks at the end, the month at m and a, the day at the start.")
assert weights.shape == (10, 13) and weights[5:7, 3:5].sum() > 1.2 and weights[8:, :2].sum() > 1.3

# %% [markdown]
# **Look.** The path goes to the end of the source, to the middle, to the start: the order of the date turned round, and nobody gave the rule. But look closely. Here too the first 1 is written while looking at the 9. And 03 is written while looking at *m* and *a*, which *maja* (May) begins with too.
#
# **Change it.** Type dates of your own in the source of the explorer: another language, *3/4/05*, a misspelt month, a day that does not exist. **Which steps look at many places, and why does it do no harm?**
#
# <details><summary>Answer</summary>
#
# Most of all the two that write a hyphen. What they write does not depend on the source, so the loss never told them where to look. *3/4/05* is read the American way, 2005-03-04: none of its other training texts has that form. *31 February 2001* is translated as it stands. Nobody taught it which days exist.
#
# </details>

# %%
from course_lib.explorers import encoder_decoder_explorer

encoder_decoder_explorer("lundi 25 mai 1964", translate=read_date, predict=False)

# %% [markdown]
# **Trap.** *"The weight lies on m, so the network read the letter m."* How then does it know March from May?
#
# Here is a test that decides. Polish writes *25 maj 1964* and *25 mar 1964* in short form. Only one letter differs, the third of the month, at place 5. We read both, and exchange encoder states. The decoder works on the states of *25 maj 1964*. At one place, the state is replaced by that of *25 mar 1964*.
#
# **Predict.** We replace the state at place 5: the j by the r, the one letter that differs. Which month is written?

# %%
predict("swap")

# %% [markdown]
# **Run.** Every place in turn. The first state of the decoder stays that of *maj*.

# %%
may, march = "25 maj 1964", "25 mar 1964"
ids, keep, written, _ = tensors([(may, "1964-05-25"), (march, "1964-03-25")], reader8, writer8)
memory = model8.encode(ids, keep)  # (B, n, d_memory)


def month_after(places):
    """The month that is written when these places of `may` have the states of `march`."""
    cache = model8.new_caches()
    model8.decode(written[:1, :5], memory[:1], keep[:1], cache)  # writes "1964-" from the states of may
    mixed = memory[:1].clone()
    mixed[:, places] = memory[1:, places]
    cache[0].keys = model8.attention.W_k(mixed)
    logits = model8.decode(written[:1, 5:7], mixed, keep[:1], cache)  # (B, 2, n_vocab)
    return "".join(writer8.vocabulary.decode(logits[0].argmax(-1).tolist()))


# %% [markdown]
# The cell prints, for each place, the letter, the weight of the row that writes the month's second digit, and the month after the exchange.

# %%
_, month_rows = read_date(may)
after = [month_after([place]) for place in range(len(may))]
for place, letter in enumerate(may):
    changed = "   changed" if after[place] != "05" else ""
    print(f"place {place:2} {letter!r} -> {march[place]!r}: weight {month_rows[6, place]:.2f}, month {after[place]}{changed}")
print("places 3 and 4 together:", month_after([3, 4]))
assert after[4] == "03" and [after[place] for place in range(11) if place != 4] == ["05"] * 10
assert may[4] == march[4] == "a" and month_after([3, 4]) == "03" and month_rows[6].argmax() == 4
compare("swap", "still 05, May")

# %% [markdown]
# **Look.** The letter that differs may be exchanged, and nothing happens. The state at *a*, a letter that both dates share, decides. In *maj* it has seen a j to its right, because the encoder also reads backwards. In *mar* it has seen an r.
#
# A weight says **at which place a state was read**. It does not say what that state knew, and a state knows its neighbourhood.
#
# Would a weaker test have shown it? The usual one is to look at some maps. The next cell counts over 300 held-out dates how often the place with the largest weight holds the very character that is written.

# %%
from course_lib.data.dates import LANGUAGES

tests8 = dates(3_000, about["seed"], LANGUAGES).test  # 300, of days that were held out
ids, keep, written, _ = tensors(tests8, reader8, writer8)
weights = model8.decode(written, model8.encode(ids, keep), keep, return_weights=True)[1]  # (B, m, n)
places = weights.argmax(dim=-1)  # (B, m)
hits = [[text[j] == c for j, c in zip(row, iso, strict=False)] for row, (text, iso) in zip(places, tests8, strict=True)]
same = np.mean(hits, axis=0)  # (10,), one share for each character of the date
for name, share in zip(("Y1", "Y2", "Y3", "Y4", "-", "M1", "M2", "-", "D1", "D2"), same, strict=True):
    print(f"{name} {share:4.0%}", end="   ")
assert same[[2, 3, 9]].min() > 0.95 and same[[0, 4, 5, 7]].max() < 0.75
largest = weights.amax(dim=-1).mean(dim=0)[:10]  # (10,)
print("\nlargest weight:", [round(x, 2) for x in largest.tolist()])
assert set(largest.argsort()[:2].tolist()) == {4, 7}

# %% [markdown]
# **Look.** The last digits of year and day look at themselves. A map of *64* and *25* would have confirmed what one expects. (M2 can only hit where the month stands there in digits.) The map of *marca* raised the doubt; the exchange settled it.
# The second line gives the mean of each row's largest weight. The hyphens have the least: they look at many places.
#
# ## All weights are 1 (8 min)
#
# **Trap.** *"It trains, and right answers come out. So the attention works."* The score layer gives a tensor (B, n, 1). Somebody writes softmax over the **last** axis, and squeezes afterwards. That axis has a single entry, so each weight is $e^s / e^s = 1$.
#
# **Predict.** Nothing raises an error. It trains like B, as many steps. How many dates are exact?

# %%
predict("wrong_axis")

# %% [markdown]
# **Run.** The wrong module differs from the right one in two lines.

# %%
class WrongAxis(AdditiveAttention):
    def forward(self, query, keys, values, keep=None, return_weights=False):
        scores = self.v(torch.tanh(self.W_q(query).unsqueeze(-2) + keys))  # (B, n, 1)
        weights = scores.softmax(dim=-1).squeeze(-1)  # the mistake: this axis has one entry
        context = (weights.unsqueeze(-2) @ values).squeeze(-2)  # (B, d_memory)
        return (context, weights) if return_weights else context


torch.manual_seed(0)
wrong = RecurrentSeq2Seq(len(reader), len(writer), d_embed=32, d_hidden=64)
wrong.attention = WrongAxis(64, 128, 64)
wrong_history = learn(wrong, 240, 8e-3)

# %% [markdown]
# The next cell tests it as B was tested.

# %%
wrong_share = exact(wrong, data.test[:500])
print("exact between 10 % and 90 %:", 0.1 < wrong_share < 0.9)
print("last loss below a tenth of the first:", wrong_history.loss[-1] < 0.1 * wrong_history.loss[0])
assert 0.1 < wrong_share < 0.9 and wrong_history.loss[-1] < 0.1 * wrong_history.loss[0]
compare("wrong_axis", "between 10 % and 90 %")

# %% [markdown]
# And given four times as long? The script trained it from three seeds.

# %%
table("softmax over the wrong axis", "wrong axis, four times as long")
assert min(about["ablations"]["wrong axis, four times as long"]["exact"]) > 0.97

# %% [markdown]
# **Look.** With patience the broken one becomes as good as the right one. Its context is the sum of all states, the same at every step: it has turned into a kind of writer C. The score network gets no gradient at all, and nobody notices.
#
# A falling loss does not see it, nor do nice samples.
#
# **Change it.** Before you read on: which single line about `weights` would have caught it? Write it in a new cell, with `weights = wrong.decode(written, wrong.encode(ids, keep), keep, return_weights=True)[1]` after `ids, keep, written, _ = tensors(data.test[:50])`.
#
# Four tests look at the attention itself; the next cell writes them down.

# %%
ids, keep, written, labels = tensors(data.test[:50])


def tests_of(model):
    model.zero_grad()
    memory = model.encode(ids, keep)
    logits, weights = model.decode(written, memory, keep, return_weights=True)  # weights (B, m, n)
    loss(model, (ids, keep, written, labels)).backward()
    return {"rows sum to 1": bool((weights.sum(-1) - 1).abs().max() < 1e-4),
            "padding has weight 0": bool((weights * ~keep[:, None]).max() == 0),
            "steps look differently": bool(weights.std(dim=1).max() > 0.01),
            "scores get a gradient": bool(model.attention.v.weight.grad.abs().max() > 1e-9)}


# %% [markdown]
# Both models answer:

# %%
right_tests, wrong_tests = tests_of(models["B attention"]), tests_of(wrong)
for name in right_tests:
    print(f"{name:24} right axis: {right_tests[name]!s:6} wrong axis: {wrong_tests[name]}")
assert all(right_tests.values()) and not any(wrong_tests.values())

# %% [markdown]
# **Change it.** Mend a copy of `WrongAxis`, put it into a new model, and ask the four tests. Which axis, and what about the padding? No training is needed: `model.load_state_dict(models["B attention"].state_dict())` lends it B's weights.
#
# <details><summary>Answer</summary>
#
# `scores.squeeze(-1)` first, then `masked_fill(~keep, -torch.inf)`, then softmax over the last axis, which now is n. Without the second part the padding keeps some weight. With B's weights all four pass. In a model that has learnt nothing, *steps look differently* fails even for the right axis: a test of what is learnt, where the other three test the code.
#
# </details>

# %% [markdown]
# ## Take it apart (5 min)
#
# Which parts does B need? The script took one away at a time, on the same English dates, three seeds each, in about the same time.

# %%
table("additive attention, h = 64", "h = 8", "h = 1", "no tanh", "encoder reads forward only")
table("fixed summary at every step")
found = {name: np.array(seen["exact"]) for name, seen in about["ablations"].items()}
assert found["h = 1"].max() < 0.96 and found["no tanh"].max() < 0.7 < found["fixed summary at every step"].min()
assert found["additive attention, h = 64"].min() > 0.97 and found["encoder reads forward only"].min() > 0.97

# %% [markdown]
# **Look.** Read it beside the fixed summary, which lies near 87 %.
#
# - **h = 1** is about where the summary is. The same place wins at every step, as you proved on paper; the query can only sharpen or blur.
# - **h = 8** is there too in two runs, and as good as 64 in the third.
# - **No tanh** is *worse* than a summary: the weights are the same at every step, a mean that must serve all ten characters.
# - **Forward only** loses next to nothing here, with 41,000 parameters less and more steps in the same time. Such a reader cannot know at the *a* of *mar* what follows. But a state a few letters later has read the whole name.
#
# So the bend and enough hidden units matter on this task, and the second direction does not. Bahdanau's paper wanted it so that a word's state summarises *both* its sides (section 3.2); on your task, measure.
#
# The mask is the last part. Texts of a batch are padded to one length, and padding must get no weight. We take the finished reader of 8 languages and remove the mask from its attention, nothing else. 300 held-out dates, padded to the longest of them.
#
# **Predict.** How many come out exact without the mask?

# %%
predict("no_mask")

# %% [markdown]
# The cell builds the attention without a mask, and takes the weights over.

# %%
class NoMask(AdditiveAttention):
    def forward(self, query, keys, values, keep=None, return_weights=False):
        return super().forward(query, keys, values, None, return_weights)


masked, unmasked = model8.attention, NoMask(64, 128, 64)
unmasked.load_state_dict(masked.state_dict())
print(len(tests8), "dates, for instance", tests8[2][0], "and", tests8[5][0])

# %% [markdown]
# **Run.** With the mask and without, and with 100 more padding characters.

# %%
end = writer8.vocabulary
for name, attention in (("mask", masked), ("no mask", unmasked)):
    model8.attention = attention
    for more in (0, 100):
        ids, keep, written, _ = tensors(tests8, reader8, writer8)
        ids, keep = nn.functional.pad(ids, (0, more)), nn.functional.pad(keep, (0, more))  # pad_id is 0, keep False
        answers = [writer8.decode(a) for a in translate(model8, ids, keep, end.bos_id, end.eos_id, max_n=14)]
        memory = model8.encode(ids, keep)
        weights = model8.decode(written, memory, keep, return_weights=True)[1]
        rows = (weights * ~keep[:, None]).sum(dim=-1).mean(dim=0)  # (m,), what each row gives to padding
        lost, right, hyphens = rows.mean(), exact_match(answers, [iso for _, iso in tests8]), rows[[4, 7]].mean()
        print(f"{name:8} padded to {ids.shape[1]:3}: {lost:4.0%} of the weight on padding ({hyphens:4.0%} for hyphens), {300 * right:.0f} exact")
        assert right > 0.9 and (lost == 0) == (name == "mask") and (more or right > 0.97) and not memory[~keep].any()
model8.attention = masked
compare("no_mask", "more than 95 %")

# %% [markdown]
# **Look.** Without the mask a seventh of the weight is lost on padding, and hardly a date suffers. Two things hide the fault. The states at padding are exactly 0 here (the cell asserts it), so lost weight only shortens the context. And the rows with a clear target keep their weight: most of the loss is that of the hyphens.
# What the answer is then depends on how much padding the *neighbours* of a text in the batch need. The test is not accuracy: it is the weight on padding (lesson 04).
#
# ## Other scores (5 min)
#
# Luong, Pham and Manning ([2015](https://arxiv.org/abs/1508.04025), section 3.1) compared ways to score. With $\mathbf q$ the decoder's state and $\mathbf k$ an encoder's state:
#
# | name | score | learnt |
# |---|---|---|
# | dot | $\mathbf q \cdot \mathbf k$ | nothing; both must have one width |
# | general | $\mathbf q \, W \, \mathbf k$ | $W$ (d_q, d_k) |
# | concat | $\mathbf v \cdot \tanh(W [\mathbf q; \mathbf k])$ | the additive score: $W = [W_q \; W_k]$ side by side |
#
# They differ from Bahdanau in the query too: theirs is the state *after* the step, ours the one before. The next cell asserts two of these sentences: concat is additive, and *general* with $W = I$ is the dot product.

# %%
Q, K = parts["Q"], parts["K"]
W_side = torch.cat([parts["W_q"], parts["W_k"]], dim=1)  # (h, d_q + d_k)
side_by_side = Q[:, :, None].expand(2, 3, 5, 4), K[:, None].expand(2, 3, 5, 6)
pairs = torch.cat(side_by_side, dim=-1)  # (B, n_q, n_k, d_q + d_k)
concat = torch.tanh(pairs @ W_side.T) @ parts["v"]  # (B, n_q, n_k)
assert torch.allclose(torch.softmax(concat, dim=-1), my_additive_attention(**parts)[1])
general = Q @ torch.eye(4) @ Q.transpose(1, 2)  # (B, n_q, n_q), queries as keys
assert torch.allclose(general, Q @ Q.transpose(1, 2))
print("concat is additive; general with the identity is the dot product")
print(f"numbers held for 1000 queries and 1000 keys: additive, h = 64: {1000 * 1000 * 64:,}; dot: {1000 * 1000:,}")

# %% [markdown]
# **Why.** The additive score needs a tanh for each hidden unit of each pair, and holds all of them for the backward pass. A dot product is one matrix product and holds one number a pair. Vaswani and others ([2017](https://arxiv.org/abs/1706.03762), section 3.2.1) chose it because it is faster and needs less space in practice. Unscaled it fell behind the additive score at large d, so they added the $1/\sqrt d$ of lesson 03.
#
# Soft look-ups are older than the word attention in translation. Graves ([2013](https://arxiv.org/abs/1308.0850), section 5.1) let a network that writes by hand slide a soft window over the characters of a text. The window moved forward only. Bahdanau's score may jump anywhere, as our dates need.
#
# **Change it.** Write a query and a key for which the dot product is 0 and *general* is 5. How many numbers of $W$ do you need?
#
# <details><summary>Answer</summary>
#
# One: $\mathbf q = (1, 0)$, $\mathbf k = (0, 1)$, and $W_{12} = 5$. W says which feature of the query goes with which feature of the key.
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. What is the additive score, and what are query, keys and values in a translator?</summary>
#
# $\mathbf v \cdot \tanh(W_q \mathbf q + W_k \mathbf k)$. The query is the decoder's state before the step; keys and values are the encoder's states at all characters.
#
# </details>
#
# <details><summary>2. What happens without tanh, and what with one hidden unit?</summary>
#
# Without tanh the query adds one number to all scores of its row, and softmax does not see it. With one unit the same key wins for every query; the query can only sharpen or blur.
#
# </details>
#
# <details><summary>3. What did the race show, and what did it not?</summary>
#
# At equal CPU time looking back wins by far over a source that is given once, and less far over a fixed summary at every step. It did not show that the vector is too small. With three times as long the summary learns all of these short dates. With eight times as long the first state does from one start of three.
#
# </details>
#
# <details><summary>4. The weight lies on the letter a. What was read there?</summary>
#
# The encoder's state at a, which knows its neighbours. Exchanging that state changed the month; exchanging the letter that differed did not.
#
# </details>
#
# <details><summary>5. A model trains to 100 % with softmax over the wrong axis. Which tests see it?</summary>
#
# Rows sum to 1; padding has weight 0; the rows of different steps differ; the score's parameters get a gradient.
#
# </details>
#
# <details><summary>6. Why are the keys computed once, and the queries at each step?</summary>
#
# The encoder's states do not change while the decoder writes. Its own state, the query, does at each step.
#
# </details>
#
# <details><summary>7. From lesson 05: which gradient does a state of the encoder with weight 0 get through this step?</summary>
#
# None: both the way through the value and the way through the score are multiplied by the weight. (It may get one by other ways: its neighbours were computed from it.)
#
# </details>
#
# **What stays.** A decoder that may look back learns to translate dates. In the same time, one that only starts from the source gets hardly one exact. The score is a small network; the alignment is learnt from the errors alone. Who asked were the states of one network, who answered those of another. In the next lesson a sequence asks itself.

# %% [markdown]
# ## A format of your own (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Teach the translator a way of writing dates that you make up: Roman months (*25.III.1964*), words for days, dates written backwards. Write `own_form(day)`, which takes a `datetime.date`, and `teach(pairs)`, which returns a function from text to ISO date.
# The test: at least 95 % exact on days that were held out. (As it stands, nothing is learnt.)

# %%
import datetime as dt


def own_form(day):
    """A date as text: replace the body."""
    return f"{day.day}.{day.month}.{day.year}"


def teach(pairs):
    """A function text -> ISO date, learnt from (text, iso) pairs: replace the body."""
    return lambda text: "1964-03-25"


# %% [markdown]
# **Run.** The acceptance test, on 36,525 days, a tenth of them held out.

# %%
days = [dt.date(1950, 1, 1) + dt.timedelta(days=int(i)) for i in np.random.default_rng(0).permutation(36_525)]
own_pairs = [(own_form(day), day.isoformat()) for day in days]
assert len({text for text, _ in own_pairs}) == len(own_pairs), "two days have the same text"
own_reader = teach(own_pairs[3_652:])
right = np.mean([own_reader(text) == iso for text, iso in own_pairs[:200]])
print("passed" if right >= 0.95 else "not yet")

# %% [markdown]
# <details><summary>Hint</summary>
#
# Characters that the old reader never saw need a reader of their own: `CharacterTokenizer.from_texts`. Give `tensors` that reader, write `batches` and `loss` for it as in the race, and train 240 steps. `read_date` shows how to answer one text. Day and month may be hard to tell apart in your format: is 3/4 the third of April?
#
# </details>
