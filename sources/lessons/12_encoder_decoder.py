# ---
# jupyter:
#   course:
#     title: The encoder-decoder Transformer
#     question: What is each box of the famous figure for?
#     minutes: 75
#     short_path: 28
#     needs: [04_masks, 07_additive_attention, 08_self_and_cross, 09_positions, 10_multi_head, 11_block]
#     objectives:
#       - name every box of the 2017 figure, say what goes in and comes out, and write each as code
#       - say what a decoder without cross-attention can still do, and which test shows that it does not read
#       - shift a target to the right, and say what a model learns when nobody shifts it
#       - test that a decoder cannot see the future, and test this test
#       - copy weights into torch's own Transformer, and find the two norms that the paper lacks
#     terms: [memory, encoder layer, decoder layer, shift to the right, leak test]
# ---

# %%
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import compare, predict, start

start("12_encoder_decoder", torch=True)

# %% [markdown]
# ## A perfect loss (5 min, short path)
#
# A word has eight letters, a to h in any order, and is to be said backwards. `.` ends it: *hgfedcba* becomes *abcdefgh.*
# Somebody trains a Transformer on it: an encoder reads the word, a decoder writes the answer. While it learns, the decoder reads the right answer (teacher forcing, lesson 07). After 200 steps the loss is near zero, and every token is right on 500 words.
#
# **Predict.** Then the model writes on its own: it gets the word and the start symbol, says a token, reads what it said, says the next one. What will it write?

# %%
predict("alone")

# %% [markdown]
# **Run.** Words as token ids: 0 is padding (`_`), 1 the start symbol (`>`), 2 the end symbol (`.`), then the letters. There are 40,320 such words.

# %%
symbols, PAD, START, END = "_>.abcdefgh", 0, 1, 2
text = lambda ids: "".join(symbols[i] for i in ids.tolist())


def words(rng, B=64):
    """Words (B, 8), and what is to be said (B, 9): backwards, and the end."""
    source = torch.from_numpy(rng.permuted(np.tile(np.arange(3, 11), (B, 1)), axis=1))
    return source, F.pad(source.flip(1), (0, 1), value=END)


source, labels = words(np.random.default_rng(1), 3)
print(f"read {text(source[0])}, say {text(labels[0])}")
assert source.shape == (3, 8) and labels.shape == (3, 9)

# %% [markdown]
# The training loop, for every model of this lesson. `draw` gives the word, what the decoder reads, and what it must say. The rate rises for 20 steps, then falls (lesson 13).

# %%
def study(make, draw, seed=0, steps=200):
    torch.manual_seed(seed)
    rng, model, losses = np.random.default_rng(seed), make(), []
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.005, betas=(0.9, 0.98))
    rate = lambda step: min((step + 1) / 20, (steps - step) / (steps - 20))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    for _ in range(steps):
        source, reads, says = draw(rng)
        loss = F.cross_entropy(model(source, reads).flatten(0, 1), says.flatten())
        optimiser.zero_grad(), loss.backward(), optimiser.step(), schedule.step()
        losses.append(loss.item())
    return model, losses


# %% [markdown]
# Now they train: `d_model` = 32, two layers on each side. The test on 500 words is done in the same way as the training.

# %%
from course_lib.transformer.seq2seq import transformer_2017

sizes = {"d_model": 32, "n_heads": 4, "d_hidden": 64, "n_layers": 2, "dropout": 0.0}


def as_they_are(rng, B=64):
    source, labels = words(rng, B)
    return source, labels, labels  # the decoder reads the right answer


parrot, parrot_losses = study(lambda: transformer_2017(11, 11, **sizes), as_they_are)
source, reads, says = as_they_are(np.random.default_rng(99), 500)
told = (parrot(source, reads).argmax(dim=-1) == says).double().mean().item()
print(f"loss below 0.05: {parrot_losses[-1] < 0.05}; tokens right on 500 words: {told:.0%}")
assert 0.002 < parrot_losses[-1] < 0.005 and told == 1

# %% [markdown]
# So far as promised.
#
# **Change it.** Print every fortieth loss in a new cell, `parrot_losses[39::40]`. Does anything in these numbers warn you?
#
# <details><summary>Answer</summary>
#
# No. They fall fast and without a jump, to about 0.003.
#
# </details>
#
# `write` lets a model write nine tokens. The encoder is asked once. What its last layer puts out is the **memory**, one vector for each token of the source. The decoder is asked nine times, and reads the same memory each time.

# %%
@torch.no_grad()
def write(model, source, n_tokens=9):
    """What the model writes on its own for source (B, n): ids (B, n_tokens)."""
    memory = model.encode(source)  # (B, n, d_model), once
    said = torch.full((len(source), 1), START)
    for _ in range(n_tokens):
        logits = model.decode(said, memory)  # (B, tokens so far, n_vocab)
        said = torch.cat([said, logits[:, -1:].argmax(dim=-1)], dim=1)  # its own word is the next input
    return said[:, 1:]


# %% [markdown]
# **Run.** The model that has every token right.

# %%
said = write(parrot, source)
for row in range(3):
    print(f"read {text(source[row])}, say {text(says[row])}, it writes {text(said[row])}")
print(f"words right: {(said == says).all(dim=1).double().mean():.0%}; one token nine times: {(said == said[:, :1]).all()}")
assert not (said == says).all(dim=1).any() and (said == said[:, :1]).all()
compare("alone", "one token again and again")

# %% [markdown]
# **Change it.** Replace the start symbol in `write` by another token, for instance the letter d: `torch.full((len(source), 1), 6)`. Guess what comes out now. (Put it back afterwards.)
#
# <details><summary>Answer</summary>
#
# *ddddddddd* for every source. It does not read the source; it repeats.
#
# </details>
#
# **Look.** Loss near zero, 100 % of 4,500 tokens, and not one word. No box of the model is broken. What was wrong stands in one line above, and the section *What goes in* finds it.
#
# **Short path.** 28 minutes: the five sections whose heading says *short path*, and recap questions 1 to 3.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones.

# %% [markdown]
# ## The figure, box by box (5 min, short path)
#
# Figure 1 of [Vaswani and others (2017)](https://arxiv.org/abs/1706.03762) may be the most copied picture of the field. The idea of two networks is older: [Sutskever, Vinyals and Le (2014)](https://arxiv.org/abs/1409.3215) let one recurrent network read and another write, with one vector between them.
# [Bahdanau, Cho and Bengio (2015)](https://arxiv.org/abs/1409.0473) kept all states of the reader and let the writer look back (lesson 07). The Transformer keeps both ideas and drops the recurrence. The next cell draws it in our words.

# %%
from course_lib.palette import INK, KEY, QUERY, QUIET, VALUE

ends = ["add & norm", "feed-forward", "add & norm"]
left = ["source", "embedding + position", "self-attention", *ends]
right = ["target, shifted right", "embedding + position", "causal self-attention", "add & norm", "cross-attention",
         *ends, "linear, softmax", "next token"]
paint = {"self-attention": KEY, "causal self-attention": QUERY, "cross-attention": VALUE}


def column(ax, x, names):
    for y, name in enumerate(names):
        frame = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": paint.get(name, QUIET)}
        ax.text(x, y, name, ha="center", va="center", bbox=frame, color=paint.get(name, INK), fontsize=9)
        if y:
            ax.annotate("", (x, y - 0.3), (x, y - 0.7), arrowprops={"arrowstyle": "->", "color": QUIET})


# %% [markdown]
# The picture: both columns, the bridge between them, and dashed frames around what is repeated, six times in the paper. The line around each sublayer is its residual connection (lesson 11).

# %%
from course_lib.plots import figure, show

fig, ax = figure(7.5, 4.8)
column(ax, 0, left), column(ax, 1, right), ax.axis("off")
ax.annotate("", (0.83, 4), (0.31, 5), arrowprops={"arrowstyle": "->", "color": VALUE, "lw": 2})
ax.text(0.49, 4.8, "memory", color=VALUE)
for x, side, y in ((0, -0.26, 3), (0, -0.26, 5), (1, 0.26, 3), (1, 0.26, 5), (1, 0.26, 7)):  # around a sublayer
    ax.plot([x, x + side, x + side], [y - 1.5, y - 1.5, y], color=QUIET, lw=1)
    ax.annotate("", (x + side / 2, y), (x + side, y), arrowprops={"arrowstyle": "->", "color": QUIET})
for x, top, name, side in ((0, 5, "encoder layer\n× n_layers", "right"), (1, 7, "decoder layer\n× n_layers", "left")):
    edge = np.array([-0.29, 0.29, 0.29, -0.29, -0.29]) + x
    ax.plot(edge, [1.38, 1.38, top + 0.45, top + 0.45, 1.38], "--", color=QUIET, lw=0.8)
    ax.text(x - 0.32 if x == 0 else x + 0.32, 3.5, name, ha=side, va="center", color=QUIET, fontsize=9)
ax.set(xlim=(-0.65, 1.65), ylim=(-0.6, 9.5), title="One stack reads, the other writes, and looks back in every layer")
show(fig, alt="Encoder: embedding, self-attention, feed-forward. Decoder: causal self-attention, cross-attention to the memory, feed-forward. A line leads around each.")

# %% [markdown]
# | box | section of the paper | here since | from → to |
# |---|---|---|---|
# | embedding, times $\sqrt{d_\text{model}}$ | 3.4 | lessons 06, 09 | (B, n) → (B, n, d_model) |
# | position, added | 3.5 | lesson 09 | the same |
# | self-attention, causal in the decoder | 3.2 | lessons 04, 08, 10 | the same |
# | cross-attention | 3.2.3 | lessons 07, 08 | (B, m, d_model) and (B, n, d_model) → (B, m, d_model) |
# | feed-forward | 3.3 | lesson 11 | (B, n, d_model) → the same, each token on its own |
# | add & norm | 3.1 | lesson 11 | the same, *after* each sublayer |
# | linear, softmax | 3.4 | lesson 02 | (B, m, d_model) → (B, m, n_vocab) |
#
# An **encoder layer** has two sublayers: self-attention and feed-forward. What the last layer puts out is the memory of `write`. A **decoder layer** has three sublayers, and every decoder layer reads the *same* memory. (Why its target is *shifted right* is the subject of *What goes in*.)
#
# **Change it.** On paper: turn the figure into a GPT (lesson 17), which has no source and writes on from what it was given. Which boxes go? And which are left for BERT (lesson 19), which reads and never writes?
#
# <details><summary>Answer</summary>
#
# GPT: the whole left column goes, and cross-attention with its add & norm. BERT: the left column stays, with a linear map on top.
#
# </details>

# %% [markdown]
# ## The left column (5 min)
#
# From bottom to top, the left column of the figure is two steps in a frame. With $\mathbf X$ (n, d_model) for what comes in:
#
# $$\mathbf X_1 = \mathrm{norm}_1(\mathbf X + \mathrm{attn}(\mathbf X, \mathbf X, \mathbf X)) \qquad\qquad \mathbf X_3 = \mathrm{norm}_2(\mathbf X_1 + \mathrm{ffn}(\mathbf X_1))$$
#
# The three arguments are queries, keys and values. The same as code: `p` holds the parts `self_attn`, `ffn` and two norms, as in lesson 11.

# %%
def encoder_layer(x, p):
    """x (B, n, d_model) -> (B, n, d_model)"""
    x = p.norm1(x + p.self_attn(x, x, x))  # 1. self-attention: each token asks all tokens
    return p.norm2(x + p.ffn(x))  # 3. feed-forward: each token on its own


# %% [markdown]
# (There is no step 2 here; the decoder has it.) The whole left column: look the tokens up, scale, add positions, then one layer after the other. The next cell asserts that it is the library's encoder.

# %%
from course_lib.transformer.positions import sinusoidal_positions

torch.manual_seed(0)
model = transformer_2017(11, 11, **sizes)
source, labels = words(np.random.default_rng(1), 2)  # (B, n), (B, m)
tokens = model.embed_source.tokens.weight[source] * 32**0.5  # embedding, times the root of d_model (B, n, d_model)
positions = sinusoidal_positions(8, 32)  # (n, d_model)
lengths = tokens.norm(dim=-1).mean(), positions.norm(dim=-1).mean()
x = tokens + positions
for p in model.encoder.layers:
    x = encoder_layer(x, p)
memory = model.encode(source)  # (B, n, d_model)
print("our left column equals the library's encoder to 1e-12:", torch.allclose(x, memory, atol=1e-12, rtol=0))
assert torch.allclose(x, memory, atol=1e-12, rtol=0) and memory.shape == (2, 8, 32)
assert 5 < lengths[0] < 6.5 and abs(lengths[1] - 4) < 1e-6

# %% [markdown]
# **Why.** The root: embeddings are drawn with a length of about 1 here. (Section 3.4 of the paper names the factor and gives no reason. It shares the table with the output layer, which wants small numbers.) A sinusoid has length $\sqrt{d_\text{model}/2}$. Without the factor the position would drown the token.
#
# **Change it.** Leave out `* 32**0.5`, and print `lengths`, the mean length of a token and of a position. Which is longer? Guess first. (The `assert` complains.)
#
# <details><summary>Answer</summary>
#
# The position: exactly 4, since each pair of sine and cosine has length 1 and there are 16 pairs. The tokens are about 1 long without the factor and about 5.7 long with it.
#
# </details>

# %% [markdown]
# ## A decoder layer has three parts (6 min, short path)
#
# | step | formula | mask | shape of the weights |
# |---|---|---|---|
# | 1. self-attention | $\mathbf Y_1 = \mathrm{norm}_1(\mathbf Y + \mathrm{attn}(\mathbf Y, \mathbf Y, \mathbf Y))$ | causal, lesson 04 | (B, n_heads, m, m) |
# | 2. cross-attention | $\mathbf Y_2 = \mathrm{norm}_2(\mathbf Y_1 + \mathrm{attn}(\mathbf Y_1, \mathbf M, \mathbf M))$ | padding of the source | (B, n_heads, m, n) |
# | 3. feed-forward | $\mathbf Y_3 = \mathrm{norm}_3(\mathbf Y_2 + \mathrm{ffn}(\mathbf Y_2))$ | | |
#
# $\mathbf Y$ is the target (B, m, d_model), and so is what each step gives; $\mathbf M$ is the memory (B, n, d_model). In step 1 the target asks itself: queries, keys and values come from it. In step 2 the target asks, and the memory gives keys and values.
#
# **By hand.** One target token $\mathbf y = (1, -1)$, two memory tokens $\mathbf m_0 = (0, 4)$ and $\mathbf m_1 = (0, 0)$, $d_\text{model} = 2$. Of two different numbers a norm leaves only $(1, -1)$ or $(-1, 1)$: it says which of the two was larger.
#
# 1. self-attention: a token alone brings home itself. $(1, -1) + (1, -1) = (2, -2)$, normed $(1, -1)$.
# 2. cross-attention: suppose $W_Q$ makes the scores $\ln 3$ and 0. Weights $\tfrac34, \tfrac14$, context $(0, 3)$. $(1, -1) + (0, 3) = (1, 2)$, normed $(-1, 1)$.
# 3. feed-forward: suppose it is ReLU alone. $(-1, 1) + (0, 1) = (-1, 2)$, normed $(-1, 1)$.
#
# The source has turned the answer round. Now leave step 2 out: $(1, -1) + (1, 0) = (2, -1)$, normed $(1, -1)$, whatever the memory says.
#
# **Run.** The same in code, also for another memory.

# %%
from course_lib.transformer.attention import scaled_dot_product_attention as attention
from course_lib.transformer.blocks import layer_norm

norm = lambda x: layer_norm(x, torch.ones(2), torch.zeros(2), eps=0.0)
W_q = torch.tensor([[0.0, 0.0], [np.log(3) / 4 * 2**0.5, 0.0]])  # (d_model, d_model)
on_paper = {(0.0, 4.0): ([3 / 4, 1 / 4], [0, 3], [-1, 1], [1, -1]), (4.0, 0.0): ([1 / 2, 1 / 2], [2, 0], [1, -1], [1, -1])}
for m_0, numbers in on_paper.items():
    y, memory2 = torch.tensor([[1.0, -1.0]]), torch.tensor([m_0, (0.0, 0.0)])  # (m, d_model), (n, d_model)
    y = norm(y + attention(y, y, y)[0])  # 1. self-attention
    context, weights = attention(y @ W_q.T, memory2, memory2)  # (m, d_model), (m, n)
    with_source = norm(y + context)  # 2. cross-attention
    with_source, without = (norm(h + h.relu()) for h in (with_source, y))  # 3. feed-forward
    shown = {"weights": weights, "context": context, "output": with_source, "without step 2": without}
    print(f"m_0 {m_0}:", ", ".join(f"{name} {tensor[0].numpy()}" for name, tensor in shown.items()))
    assert all(np.allclose(tensor[0], row) for tensor, row in zip(shown.values(), numbers, strict=True))

# %% [markdown]
# ## The right column (6 min)
#
# **Change it.** Write the decoder layer for a whole batch. Two places are blank: who may look at whom in step 1, and what step 2 brings home. `p` has `self_attn`, `cross_attn`, `ffn`, `norm1`, `norm2`, `norm3`. Then run this cell and the next.

# %%
def with_blanks(y, memory, p):
    """y (B, m, d_model), memory (B, n, d_model) -> (B, m, d_model)"""
    m = y.shape[1]
    past = torch.ones(m, m, dtype=torch.bool)  # (queries, keys): replace, True where a query may look
    y = p.norm1(y + p.self_attn(y, y, y, past))  # 1. self-attention
    y = p.norm2(y + torch.zeros_like(y))  # 2. cross-attention: replace the zeros
    return p.norm3(y + p.ffn(y))  # 3. feed-forward


# %% [markdown]
# **Run.** Your layer against the library's.

# %%
p = model.decoder.layers[0]
y = torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(0))  # (B, m, d_model)
expected = p(y, memory)  # (B, m, d_model)
far = (with_blanks(y, memory, p) - expected).abs().max()
print("with your two lines:", "right" if far < 1e-12 else "not yet")
assert expected.shape == (2, 9, 32)

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# past = torch.ones(m, m, dtype=torch.bool).tril()
# y = p.norm2(y + p.cross_attn(y, memory, memory))
# ```
#
# </details>
#
# For the experiments of this lesson the layer gets two switches: how far it may look `ahead` (0 is right), and whether it has a step 2.

# %%
def decoder_layer(y, memory, p, ahead=0, cross=True):
    m = y.shape[1]
    past = torch.ones(m, m, dtype=torch.bool).tril(ahead)  # (m, m)
    y = p.norm1(y + p.self_attn(y, y, y, past))  # 1. self-attention
    if cross:
        y = p.norm2(y + p.cross_attn(y, memory, memory))  # 2. cross-attention
    return p.norm3(y + p.ffn(y))  # 3. feed-forward


assert torch.allclose(decoder_layer(y, memory, p), expected, atol=1e-12, rtol=0)

# %% [markdown]
# **Change it.** In `decoder_layer`, put step 2 before step 1, and run its cell. Guess first: does the `assert` notice? The two shapes are the same.
#
# <details><summary>Answer</summary>
#
# It does: each step works on what the step before left, so their order matters. The target first sorts itself out and then asks the source. (Put it back.)
#
# </details>
#
# Now the whole model. `parts` is a library model from which we take the parameters alone; encoding and decoding are ours.

# %%
class Boxes(nn.Module):
    def __init__(self, **switches):
        super().__init__()
        self.parts, self.switches = transformer_2017(11, 11, **sizes), switches
        self.encode = self.parts.encode  # the left column, asserted above: (B, n) -> (B, n, d_model)

    def decode(self, target, memory):  # (B, m) and (B, n, d_model) -> (B, m, n_vocab)
        y = self.parts.embed_target(target)
        for p in self.parts.decoder.layers:
            y = decoder_layer(y, memory, p, **self.switches)
        return self.parts.output(y)

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


# %% [markdown]
# The next cell asserts that it is the library's model, output layer included.

# %%
torch.manual_seed(0)
boxes = Boxes()
same = torch.allclose(boxes(source, labels), boxes.parts(source, labels), atol=1e-12, rtol=0)
print("our boxes equal the library's Transformer to 1e-12:", same)
assert same and boxes(source, labels).shape == (2, 9, 11)

# %% [markdown]
# ## Without the middle part (5 min, short path)
#
# **Trap.** *"A decoder layer is self-attention and feed-forward."* It is so in a GPT (lesson 17), which has no source. Here the middle part is the only way from the source to the target. What is lost without it?
#
# From now on the decoder reads the target **shifted to the right**: the start symbol, then the answer without its end. (The next section says why.) We train a decoder without step 2. Each word holds each of eight letters once. Guessing blindly gives 1 letter in 8, 12 %.
#
# **Predict.** Tested as it was trained, with the right letters up to here as its input: how many letters will it get right?

# %%
predict("two_parts")

# %% [markdown]
# **Run.** 200 steps without cross-attention, and the test on 500 other draws.

# %%
def shifted(rng, B=64):
    source, labels = words(rng, B)
    return source, F.pad(labels[:, :-1], (1, 0), value=START), labels


blind, blind_losses = study(lambda: Boxes(cross=False), shifted)
source, reads, says = shifted(np.random.default_rng(99), 500)
right = (blind(source, reads).argmax(dim=-1) == says).double()[:, :8]  # (B, letters)
by_place = right.mean(dim=0).numpy()
possible = 1 / np.arange(8, 0, -1)  # letters that are left: 8, 7, ... 1
print(f"letters right {right.mean():.0%}, possible without the source {possible.mean():.0%}")
print("place by place:", by_place.round(2))
assert 0.31 < right.mean() < 0.37 and np.allclose(by_place, possible, atol=0.08) and round(possible.mean(), 2) == 0.34
compare("two_parts", "about 34 %")

# %% [markdown]
# **Look.** Nearly three times as good as blind guessing, and it has never seen a source. It learnt that no letter comes twice: at the last place only one is left, and it is always right there. The mean of $\tfrac18, \tfrac17, \dots, 1$ is 0.34.
#
# So *"better than chance, hence it reads the source"* is a wrong conclusion. The loss falls, too, from 2.6 to 1.2. Which test sees it? Give it **another source** and look whether the output moves at all.

# %%
with torch.no_grad():
    moved = {}
    for name, model in (("without cross-attention", blind), ("with it, untrained", boxes)):
        moved[name] = (model(source, reads) - model(source.flip(0), reads)).abs().max().item()
        print(f"{name}: largest change of a logit with another source {moved[name]:.2f}")
said = write(blind, source)
print("written on its own, three sources:", ", ".join(text(row) for row in said[:3]))
assert moved["without cross-attention"] == 0 and moved["with it, untrained"] > 0.02
assert 2.4 < blind_losses[0] < 2.8 and 1.15 < blind_losses[-1] < 1.25
assert (said == said[0]).all()

# %% [markdown]
# **Look.** Not a single bit moves, and it writes one and the same word for every source. The untrained model has learnt nothing and passes: with random weights, a *connection* shows before any training.
#
# **Make it.** [The exercises](../exercises/12_encoder_decoder.ipynb) ask for `encoder_layer` and `decoder_layer` with padding masks.

# %% [markdown]
# ## What goes in, what comes out (7 min, short path)
#
# At each place the decoder says *the next* token. So it may read what was said before, and not what it must say. That takes two rows made of one answer, one shifted against the other. This is the **shift to the right**.
#
# **By hand.** A batch of two answers, *cab* and *d*:
#
# | | place 0 | place 1 | place 2 | place 3 |
# |---|---|---|---|---|
# | reads | > | c | a | b |
# | says | c | a | b | . |
# | reads | > | d | _ | _ |
# | says | d | . | _ | _ |
#
# Each column is one exercise: *having read all up to here, say this*. The loss leaves out the places where `says` is padding.
#
# **Predict.** How many columns would there be if the longest answer had 20 letters?

# %%
predict("columns")

# %% [markdown]
# **Run.** The library's `shift_right` on the two answers.

# %%
from course_lib.data.batches import shift_right

answers = [[symbols.index(letter) for letter in word] for word in ("cab", "d")]
reads2, says2 = shift_right(answers, START, END, PAD)  # (B, L + 1) each
for row in range(2):
    print(f"reads {text(reads2[row])}   says {text(says2[row])}")
assert [text(row) for row in reads2] == [">cab", ">d__"] and [text(row) for row in says2] == ["cab.", "d.__"]
columns = shift_right([[3] * 20, [4]], START, END, PAD)[0].shape[1]
compare("columns", f"{columns}")

# %% [markdown]
# Must the padding of the target be masked in step 1? It stands at the end, in the future of every real token, and the causal mask hides it already. (The exercise masks it all the same, as many implementations do.) The padding of the *source* must be masked, in both stacks.
#
# Now the hook. There the decoder read `labels` themselves: at each place it saw the very token that it had to say. It learnt to repeat what it reads. That needs no source, and no other place. On its own it reads the start symbol, says a letter, reads that, and says it again: one letter nine times.
#
# The next cell asks the model of the hook to repeat nonsense.

# %%
nonsense = torch.tensor([[symbols.index(letter) for letter in "aaabbbhh"]])  # (B, m)
echo = parrot(source[:1], nonsense).argmax(dim=-1)  # (B, m)
print(f"source {text(source[0])}, reads {text(nonsense[0])}, says {text(echo[0])}")
assert torch.equal(echo, nonsense)

# %% [markdown]
# **Change it.** How many tokens does this model get right if it reads the *shifted* rows of the 500 words, `shifted(np.random.default_rng(99), 500)`? Guess, then compute it in a new cell.
#
# <details><summary>Answer</summary>
#
# 74 of 4,500. It says what it reads, the token before, and no letter comes twice. Only at the start, where it never saw the start symbol, does it guess: 1 letter in 8, at 1 place in 9, so about 1 in 72 is to be expected. So a test with the right inputs would have told at once; theirs had the same mistake as the training.
#
# </details>
#
# **Run.** The right model at last: shifted, three parts, 200 steps. Then it writes on its own.

# %%
honest, honest_losses = study(Boxes, shifted)
said = write(honest, source)
for row in range(3):
    print(f"read {text(source[row])}, writes {text(said[row])}")
exact = (said == says).all(dim=1).double().mean().item()
print(f"of 500 words right to the end, above 95 %: {exact > 0.95}")
assert exact > 0.95

# %% [markdown]
# Did it learn the words by heart? The next cell draws the words of the training again, and counts those of the 500 that were not among them.

# %%
rng = np.random.default_rng(0)
studied = {text(word) for _ in range(200) for word in words(rng)[0]}
new = torch.tensor([text(word) not in studied for word in source])  # (B,)
exact_new = (said == says).all(dim=1)[new].double().mean().item()
print(f"{len(studied)} words studied; {new.sum()} of 500 are new, right among these above 95 %: {exact_new > 0.95}")
assert 300 < new.sum() < 420 and exact_new > 0.95

# %% [markdown]
# **Look.** It has the rule, not a list.

# %% [markdown]
# ## All at once, or one by one (4 min)
#
# In training all nine places were computed at once; in use each takes a run of its own. Do both compute the same? Compare what the model says while it reads the right answer with what it said token by token.
#
# **Predict.** For a word that it writes without a fault: how far apart are the logits of the nine separate runs and those of the one run with the whole answer?

# %%
predict("together")

# %% [markdown]
# **Run.** Both ways for one word.

# %%
with torch.no_grad():
    good = (said == says).all(dim=1).nonzero()[0, 0]  # the first word without a fault
    memory = honest.encode(source[good : good + 1])  # (B, n, d_model)
    answer = reads[good : good + 1]  # (B, m)
    at_once = honest.decode(answer, memory)[0]  # (m, n_vocab)
    one_by_one = torch.cat([honest.decode(answer[:, : t + 1], memory)[0, -1:] for t in range(9)])  # (m, n_vocab)
print("equal to 1e-12:", torch.allclose(at_once, one_by_one, atol=1e-12, rtol=0))
assert torch.allclose(at_once, one_by_one, atol=1e-12, rtol=0) and at_once.shape == (9, 11)
compare("together", "equal, up to rounding")

# %% [markdown]
# **Why.** Place $t$ cannot see what stands to its right, so it does not matter whether it is there. That is the bargain of the causal mask: training computes all places in parallel *because* none sees the future. The paper says it in one sentence of section 3.1: masking, "combined with fact that the output embeddings are offset by one position, ensures that the predictions for position i can depend only on the known outputs at positions less than i".
#
# **Change it.** Train `honest` without self-attention in the decoder: in a new cell, copy `decoder_layer` without step 1 and without `norm1`, and `Boxes` with it. Can it still say words backwards? Guess first. Then train it with `seed=1`.
#
# <details><summary>Answer</summary>
#
# It can, with this start: all 500 words are right. What stands at place $t$ follows from the source and the place alone; what was said before is not needed. With `seed=1` and `seed=2` no word is right after 200 steps, though, and fewer than a third of the tokens. With `seed=1` 42 % of the words are right after 400. So what a task does not need may still help to learn it.
# In a language it is needed, too: *on danse* can begin with *we* or with *one*, and then *dance* or *dances* must fit.
#
# </details>

# %% [markdown]
# ## The decoder cannot see the future (10 min)
#
# The mask is one call of `tril`. With `tril(1)` each place also sees one token ahead. After the shift, that is the token which it must say.
#
# **Predict.** We train with this leak. How will its training loss look beside the honest one?

# %%
predict("leak_loss")

# %% [markdown]
# **Run.** The same model, the same shift, `ahead=1`.

# %%
leaky, leaky_losses = study(lambda: Boxes(ahead=1), shifted)
told = (leaky(source, reads).argmax(dim=-1) == says).double().mean().item()
alone = (write(leaky, source) == says).all(dim=1).double().mean().item()
print(f"loss after 80 steps: honest above 0.2: {honest_losses[79] > 0.2}, leaky below 0.01: {leaky_losses[79] < 0.01}")
print(f"leaky: tokens right while it reads the answer {told:.0%}, words right on its own {alone:.0%}")
assert 0.3 < honest_losses[79] < 0.6 and leaky_losses[79] < 0.01 and told == 1 and alone == 0
compare("leak_loss", "lower, and sooner")

# %% [markdown]
# The picture has the four trainings so far, 200 steps each. The loss has a logarithmic scale.

# %%
fig, ax = figure(7.5, 3.4)
lines = {"without cross-attention: 0 words": (blind_losses, QUIET, "-."), "right: above 95 % of the words": (honest_losses, KEY, "-"),
         "looks ahead: 0 words": (leaky_losses, QUERY, "--"), "not shifted:\n0 words": (parrot_losses, VALUE, ":")}
places = ((130, 1.5), (120, 0.16), (60, 0.0024), (3, 0.04))
for (name, (losses, color, style)), place in zip(lines.items(), places, strict=True):
    ax.plot(range(1, len(losses) + 1), losses, style, color=color)
    ax.text(*place, name, color=color, fontsize=9)
ax.set_yscale("log")
ax.set(title="The lowest losses belong to models that cannot write", xlabel="training step", ylabel="loss (nats)", xlim=(0, 215))
show(fig, alt="Loss by step: not shifted and looking ahead fall below 0.02 first; the right one later; without cross-attention stays at 1.2.")
assert max(leaky_losses[-1], parrot_losses[-1]) < honest_losses[-1]

# %% [markdown]
# **Look.** Whoever judges by the loss chooses the wrong model twice. Tests on held-out words do not help as long as the answer is fed in: they are cheated in the same way.
#
# **Change it.** Take the causal mask away altogether: train `Boxes(ahead=8)`. Where will its loss stand at step 80 and at the end, beside the honest and the leaky one? Guess, then print numbers 79 and 199 of its losses.
#
# <details><summary>Answer</summary>
#
# At step 80 about 1.4, far above the honest one (0.5). At the end below 0.01, lower than the honest one. The answer stands in sight, but so does everything else. Our guess at the cause, not tested: the model must first find out which of nine places holds it, and the last one in sight is sooner found. So early in a training a wider leak can look *less* suspicious.
#
# </details>
#
# %% [markdown]
# What does help is a **leak test**: change the target at place $j$. Outputs *before* $j$ must stay. And a test must be able to fail, so it also looks whether the outputs *after* $j$ move. The next cell is this test.

# %%
@torch.no_grad()
def leak_test(model, source, reads):
    """Largest change before the changed place, and smallest change at a place after it."""
    memory = model.encode(source)
    logits, earlier, later = model.decode(reads, memory), 0.0, np.inf  # (B, m, n_vocab)
    for j in range(1, reads.shape[1]):
        other = reads.clone()
        other[:, j] = torch.where(reads[:, j] == 3, 4, 3)  # another letter
        change = (model.decode(other, memory) - logits).abs().amax(dim=-1)  # (B, m)
        earlier = max(earlier, change[:, :j].max().item())
        later = min([later, *change[:, j + 1 :].flatten().tolist()])
    return earlier, later


# %% [markdown]
# **Run.** Four models of the same size.

# %%
torch.manual_seed(0)
suspects = {"honest, trained": honest, "honest, untrained": Boxes(), "leaky, trained": leaky, "leaky, untrained": Boxes(ahead=1)}
for name, model in suspects.items():
    earlier, later = leak_test(model, source[:20], reads[:20])
    verdict = "leak" if earlier > 1e-12 else "no leak"
    print(f"{name:18} earlier outputs stay to 1e-12: {earlier <= 1e-12!s:5}, later ones move: {later > 0!s:5} -> {verdict}")
    assert (earlier > 1e-12) == ("leaky" in name) and later > 0

# %% [markdown]
# **Look.** The test needs no training, no labels, no patience. Run it first, before the first step.
#
# **Predict.** Now with `course_transformer`, the model that later lessons train. Someone has left out the causal mask altogether. The model is fresh. Does the leak test notice?

# %%
predict("fresh")

# %% [markdown]
# **Run.** `Open` is a decoder without a causal mask: its layers run with `causal=False`.

# %%
from course_lib.transformer.seq2seq import course_transformer


class Open(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = course_transformer(11, 11, d_model=32)
        self.encode = self.parts.encode

    def decode(self, target, memory):
        y = self.parts.decoder(self.parts.embed_target(target), memory, causal=False)
        return self.parts.output(y)


# %% [markdown]
# The test, and the test again after all parameters have got random numbers.

# %%
torch.manual_seed(0)
unmasked = Open()
fresh = leak_test(unmasked, source[:20], reads[:20])
for parameter in unmasked.parameters():
    nn.init.normal_(parameter, std=0.3)
random = leak_test(unmasked, source[:20], reads[:20])
for name, (earlier, later) in (("fresh", fresh), ("random weights", random)):
    print(f"{name:14} earlier outputs move: {earlier > 1e-12!s:5}, later outputs move: {later > 1e-12}")
assert fresh == (0.0, 0.0) and min(random) > 1e-12
compare("fresh", "no: the outputs before j stay")

# %% [markdown]
# **Look.** The fresh model passes, without any mask. `course_transformer` starts every output projection at zero, so that each layer begins as the identity. Nothing flows between places yet, neither forbidden nor allowed things.
# The second number gives it away: the *later* outputs do not move either. A test that cannot fail has passed. So: random weights everywhere, and look whether the allowed influence arrives.
#
# **Make it.** The [exercise notebook](../exercises/12_encoder_decoder.ipynb) has a hunt: a cross-attention with a fault that a copying task hides.

# %% [markdown]
# ## torch's own, and two norms too many (8 min)
#
# PyTorch has both stacks as `nn.Transformer`. If our figure is right, the same weights must give the same output. Names differ, and torch packs $W_Q, W_K, W_V$ into one matrix (lesson 10). The next cell translates the names.

# %%
NAMES = {"cross_attn": "multihead_attn", "W_o": "out_proj", "ffn.W_1": "linear1", "ffn.W_2": "linear2",
         "gamma": "weight", "beta": "bias"}


def renamed(model):
    """The parameters of our two stacks under torch's names."""
    state = {name: value for name, value in model.state_dict().items() if name.startswith(("encoder", "decoder"))}
    for ours, theirs in NAMES.items():
        state = {name.replace(ours, theirs): value for name, value in state.items()}
    for name in [name for name in state if "W_q" in name]:
        three = [state.pop(name.replace("W_q", matrix)) for matrix in ("W_q", "W_k", "W_v")]
        state[name.replace("W_q.", "in_proj_")] = torch.cat(three)
    return state


# %% [markdown]
# **Run.** Load them. `bias=True` gives our attention the biases that torch's has, and the formulas of the paper have not. `strict=False` lets names be missing; the cell prints which ones.

# %%
torch.manual_seed(0)
ours = transformer_2017(11, 11, **sizes, bias=True)
theirs = nn.Transformer(32, 4, 2, 2, 64, dropout=0.0, batch_first=True)
loaded = theirs.load_state_dict(renamed(ours), strict=False)
print("missing in ours:", loaded.missing_keys)
print("unknown to torch:", loaded.unexpected_keys)
assert loaded.missing_keys == [f"{stack}.norm.{part}" for stack in ("encoder", "decoder") for part in ("weight", "bias")]
assert not loaded.unexpected_keys

# %% [markdown]
# **Look.** All parameters found a place, and four of torch's got nothing: a norm at the end of each stack. The figure of 2017 has none there. (A post-norm layer ends with a norm anyway. Pre-norm stacks do need one, lesson 11.)
#
# **Predict.** These two norms are fresh: $\gamma$ = 1, $\beta$ = 0. How far apart will the outputs be?

# %%
predict("final_norm")

# %% [markdown]
# **Run.** Sources of different length, so padding is masked too. In torch's masks True means *hidden* (lesson 10). Its encoder puts zeros at padding in evaluation mode, so the modules stay in training mode, without dropout.

# %%
keep = torch.arange(8) < torch.tensor([[8], [5]])  # (B, n)
x, y = torch.randn(2, 8, 32), torch.randn(2, 9, 32)  # (B, n, d_model), (B, m, d_model)


def apart(ours, theirs):
    memory = ours.encoder(x, keep[:, None])
    mine = ours.decoder(y, memory, memory_mask=keep[:, None])  # (B, m, d_model)
    ahead = ~torch.ones(9, 9, dtype=torch.bool).tril()  # True is hidden
    other = theirs(x, y, tgt_mask=ahead, src_key_padding_mask=~keep, memory_key_padding_mask=~keep)
    return (mine - other).abs().max().item()


# %% [markdown]
# Now the gap, fresh norms included.

# %%
fresh_gap = apart(ours, theirs)
print(f"largest difference above 1e-6: {fresh_gap > 1e-6}, below 1e-5: {fresh_gap < 1e-5}")
assert 1e-6 < fresh_gap < 1e-5
compare("final_norm", "a few millionths")

# %% [markdown]
# **Look.** Almost nothing: the norm of what was normed already is the same, but for `eps`. In float32 this would pass for rounding, and somebody would write *"parity with torch: tested"*. Now give every parameter random numbers, as a trained model has, norms included.

# %%
for parameter in ours.parameters():
    nn.init.normal_(parameter, std=0.3)
theirs.load_state_dict(renamed(ours), strict=False)
with_norms = transformer_2017(11, 11, **sizes, bias=True, final_norm=True)
for parameter in with_norms.parameters():
    nn.init.normal_(parameter, std=0.3)
both = nn.Transformer(32, 4, 2, 2, 64, dropout=0.0, batch_first=True)
both.load_state_dict(renamed(with_norms), strict=True)
print(f"without the two norms, random weights: apart by more than 0.1: {apart(ours, theirs) > 0.1}")
print(f"with them (final_norm=True): equal to 1e-9: {apart(with_norms, both) < 1e-9}")
assert apart(ours, theirs) > 0.1 and apart(with_norms, both) < 1e-9

# %% [markdown]
# **Look.** With the same two norms it is the same function: ours, box by box, and torch's. Without them the gap is large as soon as the weights are not fresh.
# Twice in this lesson a fresh model has hidden a fault: outputs that start at zero hid the missing mask, and norms that start at 1 and 0 hid two norms too many. **Test with random weights.** And prefer `strict=True`: the missing names were printed, but a `strict=False` without a look would have swallowed them.

# %% [markdown]
# ## Where the parameters are (4 min)
#
# The base model of the paper has `d_model` 512, 8 heads, feed-forward 2,048 wide, six layers on each side, and a shared vocabulary of about 37,000 tokens (section 5.1).
#
# **Predict.** "Attention is all you need." Which boxes hold the largest share of its parameters: all attention together, all feed-forward, or the token table?

# %%
predict("most")

# %% [markdown]
# **Run.** Count them box by box. `torch.device("meta")` makes parameters with a shape and no memory. The paper shares one table between source, target and output (section 3.4). The library's model has three tables, so we count one of them.

# %%
with torch.device("meta"):
    base = transformer_2017(37_000, 37_000)
boxes_of = {"attention": ("self_attn", "cross_attn"), "feed-forward": ("ffn",), "norms": ("norm",)}
stacks = [*base.encoder.named_parameters(), *base.decoder.named_parameters()]
count = {box: sum(p.numel() for name, p in stacks if any(part in name for part in parts)) for box, parts in boxes_of.items()}
count["token table"] = base.embed_source.tokens.weight.numel()
for box, number in count.items():
    print(f"{box:13}{number:>12,}  {number / sum(count.values()):4.0%}")
print(f"{'sum':13}{sum(count.values()):>12,}")
assert count["attention"] == 18 * 4 * 512**2 and sum(count.values()) == 63_045_632
compare("most", "feed-forward")

# %% [markdown]
# **Look.** Feed-forward holds 40 %, attention 30 %, the table 30 %. The 18 attention boxes are 6 in the encoder and 2 × 6 in the decoder, with four matrices of 512 × 512 each. The paper's table 3 says 65 million for this model; we count 63, and do not know how they counted.
#
# **Change it.** Print the count of `base.encoder.layers[0]` and of `base.decoder.layers[0]`. How much larger is the decoder layer, and which box makes the difference? Do it on paper first.
#
# <details><summary>Answer</summary>
#
# 3,150,336 and 4,199,936: the decoder layer has one more attention, 4 · 512² = 1,048,576, and one more norm, 1,024.
#
# </details>

# %% [markdown]
# ## Who is read? (7 min)
#
# `honest` writes more than 95 % of the words right. Which places of the memory does it need for which letter? A picture of weights would not decide it (lesson 07), but an exchange does: put the vector of *another* word at place $j$ of the memory, and see which letters change.
#
# **Predict.** Letter 7 of the answer stands at place 0 of the word. We exchange the memory at place 0. In how many of 500 words does letter 7 change?

# %%
predict("last_letter")

# %% [markdown]
# **Run.** The decoder reads the right letters up to here, and one place of its memory is exchanged at a time.

# %%
@torch.no_grad()
def swayed(model, draw):
    """Share of words in which token t changes when place j of the memory is another word's, (m, n)."""
    source, reads, _ = draw(np.random.default_rng(99), 500)
    memory, table = model.encode(source), []
    said = model.decode(reads, memory).argmax(dim=-1)  # (B, m)
    for j in range(8):
        mixed = memory.clone()
        mixed[:, j] = memory.roll(1, dims=0)[:, j]
        table.append((model.decode(reads, mixed).argmax(dim=-1) != said).double().mean(dim=0))
    return torch.stack(table, dim=1)


# %% [markdown]
# Letter 0 stands at place 7 of the word, letter 7 at place 0.

# %%
by_honest = swayed(honest, shifted)
for t in (0, 7):
    print(f"letter {t} changes in {by_honest[t, 7 - t]:.0%} of the words when its own place is exchanged")
source, reads, _ = shifted(np.random.default_rng(99), 500)
with torch.no_grad():
    memory = honest.encode(source)
    own, strange = (honest.decode(reads, m)[:, 7].argmax(dim=-1) for m in (memory, memory.roll(1, dims=0)))
print(f"letter 7 stays in above 90 % of the words when all places are exchanged: {(own == strange).double().mean() > 0.9}")
assert by_honest[0, 7] > 0.8 and by_honest[7].max() < 0.05 and (own == strange).double().mean() > 0.9
assert by_honest.shape == (9, 8)
compare("last_letter", "in nearly none")

# %% [markdown]
# **Look.** The last letter is hardly read: even with the whole memory of another word it stays. The model does what the blind one did: seven letters are said, one is left. It is right, for a reason that nobody had in mind.
#
# **Change it.** Compute `swayed(blind, shifted)` in a new cell. Which of its 72 numbers can be above 0? Guess first.
#
# <details><summary>Answer</summary>
#
# None. The blind model does not look at the memory at all. (`honest` has a row of zeros at the end too, for another reason: it may read, but the end follows from the place.)
#
# </details>
#
# What if letters may come twice, so that nothing can be excluded? The next cell trains the same boxes on such words.

# %%
def any_letters(rng, B=64):
    source = torch.from_numpy(rng.integers(3, 11, (B, 8)))  # (B, n), each letter drawn anew
    labels = F.pad(source.flip(1), (0, 1), value=END)
    return source, F.pad(labels[:, :-1], (1, 0), value=START), labels


reader, reader_losses = study(Boxes, any_letters)
source, reads, says = any_letters(np.random.default_rng(99), 500)
exact = (write(reader, source) == says).all(dim=1).double().mean().item()
by_reader = swayed(reader, any_letters)
print(f"words right above 95 %: {exact > 0.95}; letter 7 changes in more than 80 %: {by_reader[7, 0].item() > 0.8}")
assert exact > 0.95 and by_reader[7, 0] > 0.8

# %% [markdown]
# Both tables, row by row: which places sway the letter that is written? Each number is a share of the 500 words.

# %%
from course_lib.plots import heat_map

fig, axes = figure(8, 4.1, columns=2)
for ax, table, name in zip(axes, (by_honest, by_reader), ("every letter once: share changed", "any letters: share changed"), strict=True):
    heat_map(ax, table.numpy(), [f"{t}" for t in range(8)] + ["end"], [f"{j}" for j in range(8)], label=name, digits=1)
    ax.set(xlabel="place exchanged in the memory", ylabel="token written")
fig.suptitle("Both models write right; only one reads every letter", x=0.01, ha="left", fontsize=11, fontweight="bold")
show(fig, alt="Share of changed tokens. Any letters: high along the anti-diagonal. Every letter once: fades towards the last letter, which nothing changes.")
assert by_reader.flip(1).diagonal()[:8].min() > 0.8

# %% [markdown]
# **Look.** On the right the anti-diagonal is whole: each letter is read where it stands. Beside it, the place of the letter before matters too: the model does not go by the place alone. (No share can be much above 7/8, since two random letters agree once in eight times.) The end of the word depends on no letter in either model: all words have eight.
#
# **Why.** A training set teaches whatever is enough for it. Who wants a model that reads must draw tasks which cannot be solved otherwise, or test it on such.
#
# The explorer shows where this second model looks. `spell` gives it the text that is written, and the weights of the second decoder layer.

# %%
@torch.no_grad()
def spell(word):
    """What the model writes, cross-attention (n_heads, m, n) and self-attention (n_heads, m, m)."""
    if not set(word) <= set("abcdefgh"):
        raise ValueError("the model knows the letters a to h alone")
    ids = torch.tensor([[symbols.index(letter) for letter in word]])  # (B, n)
    said = write(reader, ids)
    reads = F.pad(said[:, :-1], (1, 0), value=START)
    _, own, crossed = reader.parts.decode(reads, reader.encode(ids), return_weights=True)
    return list(text(said[0])), crossed[-1][0].numpy(), own[-1][0].numpy()


said, cross, own = spell("headache")
print("".join(said), cross.shape, own.shape)
assert "".join(said) == "ehcadaeh." and cross.shape == (4, 9, 8) and own.shape == (4, 9, 9)

# %% [markdown]
# **Change it.** Two explorers, one for head 1 and one for head 3, both at step 3. The source is in sight, a hatched wall hides what is not yet written. (They count steps, heads and places from 1, the lesson from 0.) At this step the model writes *c*, which stands at place 6.
# **Which of the four heads look most at place 6? Is there a head that looks most at the right place for all eight letters? (The map *All steps* shows it.) And where do the heads look when the end is written?**
# Then type words of your own with the letters a to h: *cabbaged*, or a short one, *bead*. What fails, and why?
#
# <details><summary>Answer</summary>
#
# At step 3 head 3 alone; the others look most at place 7 or 8. No head is right throughout: each looks most at the right place for five of the eight letters, and for each letter at least one head does. One look may be a mixture, as long as all together tell the letter.
# At the end all look at the first two places of the source. The end needs no letter, so nothing told them where to look. *bead* becomes *dddddaeb.*: the model was trained on words of eight alone, and says eight letters.
#
# </details>

# %%
from course_lib.explorers import encoder_decoder_explorer

encoder_decoder_explorer("headache", translate=spell, step=2, head=0, predict=False)

# %% [markdown]
# The same step, head 3.

# %%
encoder_decoder_explorer("headache", translate=spell, step=2, head=2, predict=False)

# %% [markdown]
# The next cell counts it for *headache*, and measures over 500 words how much weight each head has on the very letter that is written.

# %%
hits = cross[:, :8].argmax(axis=-1) == np.arange(7, -1, -1)  # (n_heads, letters)
print("headache, letters for which a head looks most at the right place:", hits.sum(axis=1))
assert (hits.sum(axis=1) == 5).all() and hits.any(axis=0).all() and hits[:, 2].tolist() == [False, False, True, False]
assert "".join(spell("cabbaged")[0]) == "degabbac." and "".join(spell("bead")[0]) == "dddddaeb."

with torch.no_grad():
    weights = reader.parts.decode(reads, reader.encode(source), return_weights=True)[2][-1]  # (B, n_heads, m, n)
on_letter = weights[:, :, :8].flip(-1).diagonal(dim1=-2, dim2=-1).mean(dim=(0, 2))  # (n_heads,)
print("500 words, mean weight on the letter to be written:", on_letter.numpy().round(2))
assert on_letter.min() > 0.4 and on_letter.max() < 0.6
assert weights.shape == (500, 4, 9, 8) and weights[:, :, 8, :2].sum(dim=-1).mean() > 0.9

# %% [markdown]
# **Look.** Far above 1/8, far below 1. The exchange says what matters; the weights say where the heads looked.

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. What are the three parts of a decoder layer, and who asks whom in each?</summary>
#
# Causal self-attention: the target asks the target. Cross-attention: the target asks the memory. Feed-forward: nobody asks, each token on its own. After each: add & norm.
#
# </details>
#
# <details><summary>2. A decoder gets 34 % of the letters right where blind guessing gives 12 %. Does it read the source?</summary>
#
# Not for certain. It may know what is likely after what it wrote. Give it another source, and look whether the output moves.
#
# </details>
#
# <details><summary>3. The answer is <em>cab</em>. What does the decoder read and what does it say? What if nobody shifts?</summary>
#
# It reads `>cab` and says `cab.`. Without the shift it reads what it must say, and learns to repeat: the loss is near 0, and on its own it writes one token again and again.
#
# </details>
#
# <details><summary>4. Why does a leak not show in the training loss, nor in held-out tokens with teacher forcing?</summary>
#
# The leak of one token made both better. The answer is in the input in both cases. It shows when the model writes on its own, and in a leak test.
#
# </details>
#
# <details><summary>5. What must a leak test look at besides the earlier outputs, and why on random weights?</summary>
#
# At the later ones: they must move. In a fresh model whose layers start as the identity nothing passes from place to place, so every mask passes the test.
#
# </details>
#
# <details><summary>6. Which norms of nn.Transformer have no counterpart in the paper?</summary>
#
# The norm at the end of each stack. With fresh weights they hardly change the output.
#
# </details>
#
# <details><summary>7. From lesson 04: why is the mask applied before softmax and not to the weights after it?</summary>
#
# After it the row no longer sums to 1, and the hidden scores still had a say in the sum by which all were divided.
#
# </details>
#
# **What stays.** The figure is a wiring of boxes that you had before. The hook had a model with every box right and the wrong row of inputs: a perfect loss measures how well the task *as given* is solved, and the task was to repeat.
# The next lesson is about training itself: the loss, the rate, the batches.

# %% [markdown]
# ## Another rule (after the lesson)
#
# **Make it.** For another day, about 15 minutes. Write `my_rule`: a word (B, 8) to an answer (B, n_answer) with letters of the word, in another order or a selection: sorted, the letters at odd places, the two halves exchanged. In these words a letter may come twice. The acceptance test first looks whether the answers hold letters of their words, and differ from word to word. Then it trains the boxes on your rule for 200 steps. Before you run it: for which rules must many places be read to write one letter?

# %%
def my_rule(source):
    """source (B, 8) -> answer (B, n_answer), n_answer from 1 to 8: replace the body."""
    return source.flip(1)


# %% [markdown]
# **Run.** The acceptance test.

# %%
def by_my_rule(rng, B=64):
    source = any_letters(rng, B)[0]
    answer = my_rule(source)
    return source, F.pad(answer, (1, 0), value=START), F.pad(answer, (0, 1), value=END)


source, reads, says = by_my_rule(np.random.default_rng(99), 500)
answer = reads[:, 1:]  # (B, n_answer)
of_the_word = (answer[:, :, None] == source[:, None]).any(dim=-1).all()
differ = (answer != answer.roll(1, dims=0)).any(dim=1).double().mean() > 0.25
if torch.equal(answer, source.flip(1)) or not of_the_word or not differ:
    print("not yet: the old rule, letters that the word has not, or one answer for all words")
else:
    score = (write(study(Boxes, by_my_rule)[0], source, says.shape[1]) == says).all(dim=1).double().mean().item()
    print(f"{score:.0%} of 500 words:", "passed" if score > 0.9 else "not yet")
