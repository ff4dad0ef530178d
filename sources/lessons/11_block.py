# ---
# jupyter:
#   course:
#     title: The block
#     question: What does attention need around it, so that twelve of them can learn?
#     minutes: 74
#     short_path: 28
#     needs: [00_start, 03_attention, 05_gradients, 06_bottleneck, 10_multi_head]
#     objectives:
#       - show what becomes of the tokens in twelve layers of attention alone, and how a sum keeps them apart
#       - compute a layer norm by hand, and tell it from a batch norm by one sentence with padding
#       - write pre-norm and post-norm, say which of them the paper of 2017 has, and measure what differs before the first step
#       - train twelve blocks in both orders, and say what a warm-up changes
#       - name a function of one token that attention alone cannot compute, and count the parameters of a block
#     terms: [residual connection, layer norm, pre-norm and post-norm, feed-forward network, rank collapse]
# ---

# %%
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import compare, predict, start

start("11_block", torch=True)

# %% [markdown]
# ## Twelve looks (4 min, short path)
#
# Attention lets every token look at all the others. If one look is good, twelve should be better. So here are eight random tokens with 16 features each, and twelve attention layers with random matrices, one after the other. Nothing is trained.
#
# **Predict.** The cosine (lesson 01) says how alike two vectors are: 1 means the same direction. At the start, the two most different tokens of the eight have a cosine below 0. What is it after twelve layers?

# %%
predict("alike")

# %% [markdown]
# **Run.** `least` is the smallest cosine of any two tokens, so that all others are larger.

# %%
from course_lib.transformer.attention import MultiHeadAttention


def least(x):
    """The smallest cosine of two tokens of x (B, n, d_model), and their mean length."""
    u = F.normalize(x, dim=-1)
    return (u @ u.mT).min().item(), x.norm(dim=-1).mean().item()


torch.manual_seed(0)
tokens = torch.randn(1, 8, 16)  # (B, n, d_model)
layers = [MultiHeadAttention(16, n_heads=1, bias=False) for _ in range(12)]

# %% [markdown]
# The next cell sends the tokens up, and prints both numbers after some of the layers.

# %%
x, alone = tokens, [least(tokens)]
for layer in layers:
    x = layer(x).detach()  # (B, n, d_model)
    alone.append(least(x))
for depth in (0, 1, 2, 4, 12):
    print(f"after {depth:2} layers: smallest cosine {alone[depth][0]:7.4f}, mean length {alone[depth][1]:.4f}")
assert x.shape == tokens.shape == (1, 8, 16)
assert alone[0][0] < -0.3 and alone[2][0] > 0.999 and alone[12][0] > 0.9999 and alone[12][1] < 1e-4
compare("alike", "above 0.99")

# %% [markdown]
# **Look.** After two layers the eight tokens point in one direction. Whatever they said is gone, and their length follows.
#
# **Trap.** *"Attention is the whole Transformer"*, as the title of its paper seems to say. Attention alone forgets what it was told. A test with one layer does not see it: after one layer the tokens still differ.
#
# **Why.** Every output is a weighted mean of the values (lesson 03), and means differ less than what goes into them. A mean of means differs less again. [Dong, Cordonnier and Loukas (2021)](https://arxiv.org/abs/2103.03404) prove it for stacks of pure self-attention: the tokens approach one and the same vector, "doubly exponentially" with depth. This is **rank collapse**: the matrix of the tokens, (n, d_model), has rank 1 at the end.
#
# Three parts around attention mend it, and make it learn: a way past it, a norm, and a small network for each token. Together they are the *block* of this lesson.
#
# **Short path.** 28 minutes: the four sections whose heading says *short path*, and recap questions 1 to 3. Choose *Run > Run All Cells* first, because later cells use the names of earlier ones.
#
# **Change it.** Sharper looks might keep the tokens apart. In the cell above write `layer.W_q.weight.data *= 10` as the first line of the loop. After how many layers are they alike now? Guess and look. Then take the line out and run both cells again.
#
# <details><summary>Answer</summary>
#
# The scores are ten times as large, and each token looks at fewer others. It helps for a layer or two: after four the smallest cosine is 1.0000 again. (The `assert` about two layers complains.)
#
# </details>

# %% [markdown]
# ## A way past (8 min, short path)
#
# The repair is one plus sign. Let a layer compute not the new token, but *what to add* to the old one:
#
# $$\mathbf y = \mathbf x + f(\mathbf x)$$
#
# This is a **residual connection** ([He and others, 2016](https://arxiv.org/abs/1512.03385), sections 3.1 and 3.2; $f$ learns the residue, what is missing). They had found that a plain network of 56 layers did worse than one of 20 layers *on the data it was trained with* (figure 1). With the sum, 110 layers learnt.
# The sum needs equal shapes. That is why every part of a Transformer takes (B, n, d_model) and returns (B, n, d_model).
#
# **By hand.** One token, one feature, twelve layers, each of which computes half of its input: $f(x) = \tfrac12 x$. We send in $x = 1$.
#
# - Without the sum each layer halves. In the end we have $(\tfrac12)^{12} = \tfrac1{4096}$.
# - The slope of the end for the beginning is a product too (chain rule, lesson 05), again $\tfrac1{4096}$. The first layer hears almost nothing from the loss.
#
# **Predict.** With the sum, $y = x + \tfrac12 x$ twelve times, what comes out for $x = 1$?

# %%
predict("chain")

# %% [markdown]
# **Run.** The chain, with three different layers: $f(x) = \tfrac12 x$, $f(x) = \tfrac1{100} x$ and $f(x) = -\tfrac12 x$. Value and slope at the end are equal, because all is linear and we send in 1.

# %%
ends = {}
for factor in (0.5, 0.01, -0.5):
    for way, sum_or_not in (("without", 0.0), ("with", 1.0)):
        first = torch.tensor(1.0, requires_grad=True)  # ()
        value = first
        for _ in range(12):
            value = sum_or_not * value + factor * value
        (slope,) = torch.autograd.grad(value, first)
        ends[factor, way] = value.item()
        print(f"f(x) = {factor:5} x, {way:7} the sum: value {value.item():9.4g}, slope {slope.item():9.4g}")
        assert np.isclose(slope.item(), value.item())
assert np.isclose(ends[0.5, "without"], 1 / 4096) and np.isclose(ends[0.5, "with"], 1.5**12) and 129 < 1.5**12 < 130
assert np.isclose(ends[0.01, "with"], 1.01**12) and np.isclose(ends[-0.5, "with"], 1 / 4096)
compare("chain", "about 130")

# %% [markdown]
# **Look.** The sum does not *guarantee* a good slope: $\tfrac32$ twelve times explodes, and a layer that takes away half halves again. What it does is to move the neutral point. Without it a layer must learn to hand on its input. With it a layer that does little, $\tfrac1{100} x$, lets value and slope through (1.13, and not $10^{-24}$).
# Multiply out $(1 + f)^{12}$: one term is 1, the way past all layers. It is there whatever the layers do.
#
# Now the same sum around the twelve attention layers of the hook.

# %%
x, past = tokens, [least(tokens)]
for layer in layers:
    x = x + layer(x).detach()  # (B, n, d_model)
    past.append(least(x))
for depth in (0, 1, 2, 4, 12):
    print(f"after {depth:2} layers: smallest cosine {past[depth][0]:7.4f}, mean length {past[depth][1]:.4f}")
assert all(cosine < 0 for cosine, _ in past) and 3 < past[-1][1] < 6

# %% [markdown]
# **Look.** The tokens stay apart: the smallest cosine is still negative after twelve layers. The picture shows both stacks.

# %%
from course_lib.palette import KEY, QUERY
from course_lib.plots import figure, show

fig, ax = figure(7, 2.9)
for curve, color, line, name in ((alone, QUERY, "o--", "attention alone"), (past, KEY, "s-", "with the sum")):
    ax.plot([cosine for cosine, _ in curve], line, color=color, ms=5)
    ax.annotate(name, (7, curve[7][0]), xytext=(0, -18), textcoords="offset points", color=color, ha="center")
ax.set(title="Attention alone makes all tokens alike within two layers", ylim=(-0.8, 1.1))
ax.set(xlabel="layers passed", ylabel="smallest cosine")
show(fig, alt="Smallest cosine of two tokens: attention alone jumps from -0.5 to 1 within two layers; with the sum it stays below 0.")

# %% [markdown]
# **Why.** A part of each token goes past all twelve layers unmixed. Dong and others find the same cause: with the sum there are paths that skip the attention, and these keep the rank up (section 3).
#
# **Change it.** In the cell with the sum, write `x + 30 * layer(x).detach()`. What happens to cosines and lengths? What would you do about it?
#
# <details><summary>Answer</summary>
#
# What the layers add now drowns what goes past. After twelve layers the smallest cosine is near 1, and the lengths have grown enormously. (The `assert` complains.) Something must keep the sizes of the two in proportion. That is the next part.
#
# </details>

# %% [markdown]
# ## Layer norm on paper (9 min, short path)
#
# **Layer norm** ([Ba, Kiros and Hinton, 2016](https://arxiv.org/abs/1607.06450), equation 4) brings the features of one token to mean 0 and variance 1. Then it lets two learnt vectors $\gamma, \beta$ (d,) stretch and move each feature:
#
# $$\mathrm{norm}(\mathbf x) = \gamma \odot \frac{\mathbf x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta \qquad \mu = \tfrac1d \sum_i x_i \qquad \sigma^2 = \tfrac1d \sum_i (x_i - \mu)^2$$
#
# **By hand.** One token with two features, $\mathbf x = (1, 3)$; $\gamma = (1, 1)$, $\beta = (0, 0)$. The small $\varepsilon = 10^{-5}$ is left out for now.
#
# | step | | for $(1, 3)$ |
# |---|---|---|
# | 1. mean | $\mu$ | $2$ |
# | 2. centre | $\mathbf x - \mu$ | $(-1, 1)$ |
# | 3. variance | mean of the squares of step 2 | $1$ |
# | 4. divide | by the root of the variance | $(-1, 1)$ |
# | 5. stretch and move | times $\gamma$, plus $\beta$ | $(-1, 1)$ |
#
# **Predict.** Now a token that is a hundred times as long, $(100, 300)$. What is its layer norm?

# %%
predict("hundred")

# %% [markdown]
# **Change it.** Here are the five steps as code for any number of tokens. Steps 2 and 3 are blank. Write them, run this cell and the next.

# %%
def norm_with_blanks(x, gamma, beta, eps=1e-5):
    """x (..., d), gamma (d,), beta (d,) -> (..., d)."""
    mean = x.mean(dim=-1, keepdim=True)  # 1. mean (..., 1)
    centred = torch.zeros_like(x)  # 2. centre (..., d): replace this line
    variance = torch.ones_like(mean)  # 3. variance (..., 1): replace this line
    normed = centred / torch.sqrt(variance + eps)  # 4. divide (..., d)
    return gamma * normed + beta  # 5. stretch and move


# %% [markdown]
# **Run.** Yours against the library, on paper's token and three others; `keepdim=True` keeps the axis so that it can be subtracted. Then the answer to the guess.

# %%
import inspect

from course_lib.transformer.blocks import layer_norm

ones, zeros = torch.ones(2), torch.zeros(2)  # (d,)
paper = torch.tensor([[1.0, 3.0], [100.0, 300.0], [2.0, 2.0], [0.001, 0.003]])  # (n, d)
theirs = layer_norm(paper, ones, zeros)
print("yours:", "right" if torch.allclose(norm_with_blanks(paper, ones, zeros), theirs) else "not yet")
for token, normed in zip(paper, theirs, strict=True):
    print(f"{token.tolist()} -> {normed.numpy()}")
assert theirs.shape == paper.shape == (4, 2)
assert torch.allclose(theirs[:2], torch.tensor([-1.0, 1.0]), atol=1e-5) and (theirs[2] == 0).all()
compare("hundred", "(-1, 1)")

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# centred = x - mean
# variance = centred.square().mean(dim=-1, keepdim=True)
# ```
#
# </details>
#
# **Look.** Size and offset of a token are taken away: $(1, 3)$ and $(100, 300)$ become the same. Equal features give 0 and not 0/0; for that there is $\varepsilon$. It also shows where a token is tiny: $(0.001, 0.003)$ has the variance $10^{-6}$, less than $\varepsilon$, and is not brought up to 1.
#
# With two features nothing but a sign is left: a token becomes $(-1, 1)$ or $(1, -1)$. In general the mean and the length go, two numbers of $d$. With 512 features that is little. The network that uses the norm can still learn a scale, for $\gamma$ and $\beta$ belong to it.
#
# **Trap.** *"torch.var computes the variance."* It divides by $d - 1$ unless told otherwise, as one does for a sample. The next cell shows what comes of it, and which tests are blind.

# %%
def norm_by_sample(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(dim=-1, keepdim=True)) / torch.sqrt(x.var(dim=-1, keepdim=True) + eps) + beta


wide = torch.randn(3, 5, 512, generator=torch.Generator().manual_seed(0))  # (B, n, d)
for name, x in (("d = 2", paper[:1]), ("d = 512", wide)):
    right, other = (norm(x, torch.ones(x.shape[-1]), torch.zeros(x.shape[-1])) for norm in (layer_norm, norm_by_sample))
    print(f"{name:7}: mean 0 {other.mean().abs().item() < 1e-12}, shape {other.shape == x.shape}, "
          f"largest difference {(right - other).abs().max().item():.4f}")
    assert torch.allclose(right, F.layer_norm(x, x.shape[-1:]))
assert (right - other).abs().max() < 0.005 and np.isclose(norm_by_sample(paper[:1], ones, zeros)[0, 1], 0.5**0.5)

# %% [markdown]
# **Look.** With two features the fault is 0.29. With 512 features it hides in the third decimal, and training goes on without a complaint. It shows the day somebody loads published weights. Test with few features.
#
# **Make it.** Write it from an empty function: [exercise 1](../exercises/11_block.ipynb), `layer_norm`, now or after the recap.

# %% [markdown]
# ## Whose mean? (6 min)
#
# Before layer norm there was *batch norm* ([Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)). Same formula, other axis: it takes mean and variance of **one feature over all tokens of the batch**. Two tokens of two features, by both:
#
# | | $\mathbf x$ | layer norm: along the row | batch norm: down the column |
# |---|---|---|---|
# | token 0 | $(1, 3)$ | $(-1, 1)$ | $(-1, -1)$ |
# | token 1 | $(2, 8)$ | $(-1, 1)$ | $(1, 1)$ |
#
# **Run.** The table in code, with torch's own.

# %%
two = torch.tensor([[1.0, 3.0], [2.0, 8.0]])  # (tokens, d)
by_rows, by_columns = F.layer_norm(two, (2,)), F.batch_norm(two, None, None, training=True)
print("layer norm\n", by_rows.numpy().round(2), "\nbatch norm\n", by_columns.numpy().round(2))
assert torch.allclose(by_rows, torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]), atol=1e-4)
assert torch.allclose(by_columns, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), atol=1e-4)

# %% [markdown]
# **Look.** Both are right answers to different questions. Why do Transformers take the row? Sentences differ in length, and the shorter ones are padded (lesson 04).
#
# **Predict.** Sentence A has three tokens and lies in a batch with sentence B. Now B is replaced by a longer one, and A gets four tokens of padding, all 0. What becomes of the normed tokens of A?

# %%
predict("neighbour")

# %% [markdown]
# **Run.** A in both batches, normed by either norm; B is random.

# %%
g = torch.Generator().manual_seed(3)
A, short, long = (torch.randn(n, 5, generator=g) + 1 for n in (3, 3, 7))  # (n, d) each
batches = [nn.utils.rnn.pad_sequence([A, B], batch_first=True) for B in (short, long)]  # (B, n, d): n = 3, 7
for name, norm in (("layer norm", lambda x: F.layer_norm(x, (5,))),
                   ("batch norm", lambda x: F.batch_norm(x.flatten(0, 1), None, None, training=True).view(x.shape))):
    first, second = (norm(batch)[0, :3] for batch in batches)  # (3, d): A's own tokens
    moved = (first - second).abs().max().item()
    print(f"{name}: A's tokens move by up to {moved:.2f}")
    assert (moved < 1e-12) == (name == "layer norm")
assert [tuple(batch.shape) for batch in batches] == [(2, 3, 5), (2, 7, 5)] and moved > 0.3
compare("neighbour", "batch norm changes them, layer norm does not")

# %% [markdown]
# The picture shows the second batch, A with its padding above B. It outlines one group of numbers that share a mean.

# %%
from matplotlib import pyplot as plt

from course_lib.palette import GRID, INK, MASKED, PAPER

fig, axes = figure(6.5, 3.2, columns=2)
groups = {"Layer norm: one token": (0, 1, 5, 1), "Batch norm: one feature": (1, 0, 1, 14)}
for ax, (title, group) in zip(axes, groups.items(), strict=True):
    for row, column in np.ndindex(14, 5):
        look = {"fc": PAPER, "ec": MASKED, "hatch": "////"} if 3 <= row < 7 else {"fc": "#CFE3F1", "ec": GRID}
        ax.add_patch(plt.Rectangle((column, row), 1, 1, **look))
    ax.add_patch(plt.Rectangle(group[:2], *group[2:], fill=False, ec=QUERY, lw=3))
    ax.axhline(7, color=INK, lw=2)
    ax.set(title=title, xlim=(-0.1, 5.1), ylim=(14.1, -0.1), xlabel="features", xticks=[])
    ax.set_yticks([1.5, 5, 10.5], ["A", "padding", "B"])
show(fig, alt="14 rows of tokens by 5 columns of features. Layer norm outlines one row of A; batch norm one column through A, its hatched padding and B.")

# %% [markdown]
# **Look.** Under batch norm a sentence means something else in other company, and padding counts as four tokens of zeros. Layer norm reads one token, and neither the batch nor the length matters. It also does the same in training and in use, and with a batch of one. Ba and others name these reasons (section 1) for recurrent networks.
#
# **Change it.** Batch norm could leave the padding out of its mean. Would A then stay the same in both batches? Guess.
#
# <details><summary>Answer</summary>
#
# No: the mean still contains B's tokens, and B was replaced. And in use, for a single sentence, one must take means that were stored during training: the two phases compute different things.
#
# </details>

# %% [markdown]
# ## Before or after? (7 min, short path)
#
# A sum and a norm can be put together in two orders, **pre-norm and post-norm**:
#
# $$\text{post-norm:}\quad \mathbf y = \mathrm{norm}(\mathbf x + f(\mathbf x)) \qquad\qquad \text{pre-norm:}\quad \mathbf y = \mathbf x + f(\mathrm{norm}(\mathbf x))$$
#
# Here $f$ is attention or a **feed-forward network**: two linear maps with a bend between them, for each token on its own. A section below says what for. A block has both parts, each with its own sum and norm.
#
# **By hand.** $\mathbf x = (1, 3)$, and $f$ doubles. Post-norm: the sum is $(3, 9)$, normed $(-1, 1)$. Pre-norm: the norm gives $(-1, 1)$, doubled $(-2, 2)$, and the sum is $(-1, 5)$.
# Now $f$ is silent, $f = 0$. Post-norm: $(-1, 1)$. Pre-norm: $(1, 3)$, untouched.
#
# **Run.** The library's version, its two cases, and the numbers from paper.

# %%
from course_lib.transformer.blocks import residual_block

x = torch.tensor([[1.0, 3.0]])  # (n, d)
norm = nn.LayerNorm(2, eps=0)
for name, f in (("doubles", lambda h: 2 * h), ("silent", lambda h: 0 * h)):
    post, pre = (residual_block(x, f, norm, pre=pre).detach() for pre in (False, True))
    print(f"f {name:7}: post-norm {post[0].numpy()}, pre-norm {pre[0].numpy()}")
    assert torch.allclose(post, torch.tensor([[-1.0, 1.0]])) and post.shape == pre.shape == x.shape
    assert torch.allclose(pre, torch.tensor([[-1.0, 5.0]]) if name == "doubles" else x)
print(inspect.getsource(residual_block).splitlines()[-1].strip())

# %% [markdown]
# The picture shows where the norm stands. The thick line is the way past.

# %%
fig, axes = figure(7, 2.9, columns=2)
for ax, title, norm_at in zip(axes, ("Post-norm: on the way past", "Pre-norm: beside it"), ((0, 3.6), (1.7, 0.95)), strict=True):
    ax.annotate("", (0, 4.5), (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 4, "color": KEY})
    ax.plot([0, 1.7, 1.7, 0], [0.3, 0.3, 2.6, 2.6], color=INK, lw=1.5)
    boxes = ("+", (0, 2.6), INK, "circle"), ("  f  ", (1.7, 1.85), INK, "round"), ("norm", norm_at, QUERY, "round")
    for text, place, color, form in boxes:
        ax.text(*place, text, ha="center", va="center", color=color, bbox={"boxstyle": form, "fc": PAPER, "ec": color, "lw": 1.5})
    ax.set(title=title, xlim=(-0.8, 2.8), ylim=(-0.1, 4.7)), ax.axis("off")
show(fig, alt="Two diagrams: a thick upward line with a branch through f that is added back. Post-norm has the norm on the line after the sum, pre-norm on the branch before f.")

# %% [markdown]
# **Look.** In pre-norm a way leads from the bottom to the top on which no norm stands. What travels on it, $\mathbf x$ plus all that was added so far, is called the *stream*. In post-norm each sum is normed, so nothing passes untouched.
#
# **Predict.** Which of the two has the Transformer of the paper *Attention is all you need*, 2017?

# %%
predict("figure")

# %% [markdown]
# **Trap.** *"The figure of 2017 shows pre-norm."* Section 3.1 of [the paper](https://arxiv.org/abs/1706.03762) says: "the output of each sub-layer is LayerNorm(x + Sublayer(x))", and figure 1 has *Add & Norm* after each part. That is post-norm.
# Yet much code that follows the paper has the norm first, the well-known [*Annotated Transformer*](https://nlp.seas.harvard.edu/annotated-transformer/) among it (a comment there says so). Two blocks of either kind have equal shapes, equal parameters and a falling loss. So no such test tells which one you have; only the numbers of one forward pass do.
#
# The next cell asks this library: which order has `transformer_2017`, and which has a block without further wishes?

# %%
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.seq2seq import transformer_2017

small = transformer_2017(5, 5, d_model=8, n_heads=2, d_hidden=16, n_layers=1).eval()  # no dropout
y = torch.randn(2, 3, 8, generator=g)  # (B, n, d_model)
layer = small.encoder.layers[0]
attended = F.layer_norm(y + layer.self_attn(y), (8,))
by_formula = F.layer_norm(attended + layer.ffn(attended), (8,))
print("transformer_2017 computes post-norm:", torch.allclose(layer(y), by_formula))
print("BlockConfig().pre_norm:", BlockConfig().pre_norm)
assert torch.allclose(layer(y), by_formula) and BlockConfig().pre_norm
compare("figure", "post-norm")

# %% [markdown]
# **Look.** In this course `transformer_2017` is as in the paper. So is the BERT of lesson 19, because its published weights were trained that way. All other models have pre-norm. A unit test of the project holds these sentences to it.
# GPT-2 moved the norm to the input of each part and added one more after the last block ([Radford and others, 2019](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf), section 2.3). Is that taste? The next two sections measure.
#
# **Change it.** Let $f$ be $-\mathbf x$ in the cell with the two cases, `lambda h: -h`. What does post-norm give, and what pre-norm? Do it on paper first.
#
# <details><summary>Answer</summary>
#
# Post-norm: the sum is $(0, 0)$, its norm is 0/0. Here $\varepsilon$ is 0, so nan comes out; with $\varepsilon$ it is $(0, 0)$. Pre-norm: $(1, 3) - (-1, 1) = (2, 2)$. (The `assert` complains.)
#
# </details>

# %% [markdown]
# ## Before the first step (9 min)
#
# We stack 12 blocks of the library, attention and feed-forward, with random matrices by Xavier's rule (uniform, within ± $\sqrt{6 / (d_\text{in} + d_\text{out})}$, so that sizes are roughly kept; as in PyTorch's `xavier_uniform_`). 17 random tokens go up, and a random slope for each output number comes down (lesson 05). In four ways: post-norm, pre-norm, the sum without a norm, and neither.

# %%
from course_lib.transformer.blocks import EncoderLayer


def xavier(model):
    """Every linear map: weights by Xavier's rule, biases 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight), nn.init.zeros_(module.bias)
    return model


def part(x, f, norm, way):
    if way in ("post-norm", "pre-norm"):
        return residual_block(x, f, norm, pre=way == "pre-norm")
    return x + f(x) if way == "sum, no norm" else f(x)


# %% [markdown]
# `through` notes the tokens after each block, and the slopes that arrive there. The 2017 paper has no norm at the end; pre-norm needs one, and gets it.

# %%
def through(way, n_layers=12, d_model=32, seed=0):
    """States after 0, 1, ... blocks, each (B, n, d_model), and the slopes that arrive at each."""
    torch.manual_seed(seed)
    blocks = xavier(nn.ModuleList(EncoderLayer(BlockConfig(d_model)) for _ in range(n_layers)))
    states = [torch.randn(16, 17, d_model, requires_grad=True)]  # (B, n, d_model)
    for block in blocks:
        x = part(states[-1], block.self_attn, block.norm1, way)
        states.append(part(x, block.ffn, block.norm2, way))
    output = F.layer_norm(states[-1], (d_model,)) if way == "pre-norm" else states[-1]
    slopes = torch.autograd.grad((output * torch.randn(output.shape)).sum(), states)
    return [state.detach() for state in states], slopes


# %% [markdown]
# **Predict.** In which of the four does less than a hundredth of the slope arrive at the bottom?

# %%
predict("four_ways")

# %% [markdown]
# **Run.** For each way, at the end: the mean cosine of two tokens and the length of a token. And the size of the slopes before the first block, divided by that after the last.

# %%
def mean_cosine(x):
    u, n = F.normalize(x, dim=-1), x.shape[-2]
    return (((u @ u.mT).sum(dim=(-2, -1)) - n) / (n * n - n)).mean().item()


WAYS, heard = ("post-norm", "pre-norm", "sum, no norm", "neither"), {}
for way in WAYS:
    states, slopes = through(way)
    heard[way] = [(slope.norm() / slopes[-1].norm()).item() for slope in slopes]
    cosine, length = mean_cosine(states[-1]), states[-1].norm(dim=-1).mean().item()
    print(f"{way:12}: mean cosine {cosine:.2f}, length {length:8.2g}, slope at the bottom {heard[way][0]:.1g}")
    assert way != "post-norm" or (cosine > 0.99 and all(0.3 < mean_cosine(through(way, 3, seed=s)[0][-1]) < 0.6 for s in range(3)))
assert states[0].shape == slopes[0].shape == (16, 17, 32) and 5.5 < states[0].norm(dim=-1).mean() < 5.7
assert heard["neither"][0] < 0.01 and heard["sum, no norm"][0] > 1e6 and all(0.1 < heard[way][0] < 10 for way in WAYS[:2])
compare("four_ways", "neither")

# %% [markdown]
# The picture shows the slopes at every height, on a scale of powers of ten.

# %%
from course_lib.palette import ACCENT, QUIET, VALUE

fig, ax = figure(7.5, 3.2)
styles = zip(WAYS, (QUERY, KEY, VALUE, ACCENT), ("o-", "s-", "^--", "v:"), (-5, 5, 0, 0), strict=True)
for way, color, line, up in styles:
    ax.semilogy(heard[way], line, color=color, ms=5)
    ax.annotate(way, (0, heard[way][0]), xytext=(-8, up), textcoords="offset points", color=color, ha="right", va="center")
ax.set(title="With a sum and a norm the slopes arrive at the bottom", xlabel="blocks below", ylabel="slope, relative to the top")
ax.set(xlim=(-2.7, 12.4), xticks=range(0, 13, 2), ylim=(1e-3, 1e8))
show(fig, alt="Slope by height: about 1 everywhere for post-norm and pre-norm; without a norm it grows a millionfold downwards; with neither it falls below a hundredth.")

# %% [markdown]
# **Look.** Without sum and norm the slope vanishes on the way down; with the sum alone it explodes. Post-norm and pre-norm both hand it down. So here post-norm's trouble is *not* a slope that vanishes.
# In other deep stacks it may be part of it: [Takase and others (2023)](https://arxiv.org/abs/2206.00330) see slopes vanish under post-norm. [Liu and others (2020)](https://arxiv.org/abs/2004.08249) find that to mend this alone does not mend the training.
#
# (With neither sum nor norm the tokens are alike too, although each block has its feed-forward network.)
#
# Two other numbers differ. The cosine: under post-norm the tokens are nearly alike after 12 blocks. The length: under pre-norm it has grown to about three times its start, 5.6, because nothing norms the sum.
#
# **Predict.** That length has a consequence at the top. We take a real loss, on digits, and ask how long the gradient is for a matrix of the **last** block. With 24 blocks, how many times is it longer under post-norm than under pre-norm?

# %%
predict("last_block")

# %% [markdown]
# The model is a Vision Transformer (lesson 21): an image of 8 × 8 pixels is cut into 16 patches, each becomes a token, and a 17th token of its own collects the answer.

# %%
from course_lib.data.digits import load_digits
from course_lib.transformer.vision import VisionTransformer

digits = {name: load_digits(name) for name in ("train", "test")}
images, labels = torch.tensor(digits["train"].images).double(), torch.tensor(digits["train"].labels)


def new_model(pre_norm, n_layers=12, seed=0):
    torch.manual_seed(seed)
    model = VisionTransformer((1, 8, 8), 2, 10, BlockConfig(d_model=32, n_layers=n_layers, pre_norm=pre_norm))
    xavier(model.encoder)
    return model


assert images.shape == (1437, 1, 8, 8) and labels.shape == (1437,)  # (images, C, height, width), (images,)

# %% [markdown]
# **Run.** The mean of four starts, with 64 images; `W_2` is the second matrix of the last block's feed-forward network.

# %%
def last_gradient(pre_norm, n_layers, seed):
    model = new_model(pre_norm, n_layers, seed)
    loss = F.cross_entropy(model(images[:64]), labels[:64])
    (gradient,) = torch.autograd.grad(loss, model.encoder.layers[-1].ffn.W_2.weight)
    return gradient.norm().item()


ratios = {}
for n_layers in (2, 6, 24):
    post, pre = (np.mean([last_gradient(order, n_layers, seed) for seed in range(4)]) for order in (False, True))
    ratios[n_layers] = post / pre
    print(f"{n_layers:2} blocks: post-norm {post:.2f}, pre-norm {pre:.2f}, ratio {post / pre:.1f}, "
          f"root of the depth {n_layers**0.5:.1f}")
    assert 0.6 < post / pre / n_layers**0.5 < 1.6
compare("last_block", "about 5 times")

# %% [markdown]
# **Why.** [Xiong and others (2020)](https://arxiv.org/abs/2002.04745) give bounds for the start, and for this very matrix (theorem 1): $d \sqrt{\ln d}$ times a constant under post-norm, whatever the depth $L$. Under pre-norm it is $d \sqrt{\ln d / L}$. The ratio of the bounds is $\sqrt L$, and here it is the ratio of the gradients too.
# The reason can be seen with paper and pencil. Each part adds a vector, and the vectors point in unrelated directions, so the squared length grows by about the same amount each time: the length grows like $\sqrt L$. The last norm divides by it, and so it divides the gradient.
#
# They conclude that a post-norm model must begin with small steps, a *warm-up*, and a pre-norm model need not. Does it hold here?
#
# **Change it.** Which of the two differences grows with depth, the cosine or the ratio? Call `mean_cosine(through("post-norm", n_layers=3)[0][-1])` and compare it with 12 and 24.
#
# <details><summary>Answer</summary>
#
# Both. With 3 blocks the mean cosine is between 0.3 and 0.6 (three starts), with 12 above 0.99, and with 24 nearer still to 1. So two things go wrong together, and this experiment cannot say which of them hurts.
#
# </details>

# %% [markdown]
# ## Twelve blocks learn, or not (9 min)
#
# **Predict.** 12 blocks, 1,437 digits, a constant learning rate of 0.002 from the first step on. Pre-norm reads more than 90 % of the held-out digits after 400 steps. And post-norm, all else equal?

# %%
predict("trained")

# %% [markdown]
# **Run.** A taste, live: 120 steps of each, from one start. `train` is the course's loop (lesson 13), `constant` leaves the rate as it is.

# %%
from course_lib.training import Recipe, train

test_images, test_labels = torch.tensor(digits["test"].images), torch.tensor(digits["test"].labels)


def taste(pre_norm, steps=120, seed=1, **recipe):
    model, generator = new_model(pre_norm, seed=seed).float(), torch.Generator().manual_seed(seed)
    rows = [torch.randint(len(labels), (32,), generator=generator) for _ in range(steps)]
    batches = [(images[row].float(), labels[row]) for row in rows]  # (B, 1, 8, 8), (B,)
    recipe = Recipe(steps, lr=2e-3, schedule="constant", **{"warmup": 0, **recipe})
    train(model, batches, lambda m, batch: F.cross_entropy(m(batch[0]), batch[1]), recipe, quiet=True)
    with torch.no_grad():
        return (model(test_images).argmax(dim=-1) == test_labels).float().mean().item()


# %% [markdown]
# Guessing would be right for one digit in ten.

# %%
seen = {name: taste(order) for name, order in (("pre-norm", True), ("post-norm", False))}
for name, share in seen.items():
    print(f"{name:9} after 120 steps: above 50 %: {share > 0.5}, below 15 %: {share < 0.15}")
assert seen["pre-norm"] > 0.5 and seen["post-norm"] < 0.15

# %% [markdown]
# **Look.** Post-norm has learnt nothing. Is it slow, or stuck? The whole experiment was run by a script, [`sources/training/11_norms.py`](../sources/training/11_norms.py): 400 steps, three starts that were not used to choose the settings. It also has a warm-up, in which the rate rises from 0 to 0.002 over the first 200 steps.
#
# **Predict.** How well does post-norm read with this warm-up, after the same 400 steps?

# %%
predict("warm_up")

# %% [markdown]
# **Run.** The script's results: the share of 360 held-out digits, for each of the three starts.

# %%
import json
from importlib.resources import files

about = json.loads((files("course_lib") / "data/files/11_norms.json").read_text(encoding="utf-8"))
result = {name: np.array(setting["accuracy"]) for name, setting in about["settings"].items()}
for name, accuracy in result.items():
    stopped = [step for step in about["settings"][name]["stopped"] if step]
    note = f"  broke off at steps {stopped}: the gradient was nan" if stopped else ""
    print(f"{name:32}", " ".join(f"{share:5.1%}" for share in accuracy) + note)
assert result["pre-norm"].min() > 0.9 and result["post-norm"].max() < 0.15
assert result["post-norm, warm-up"].min() > 0.7 and result["post-norm, 2 blocks"].min() > 0.85
assert max(about["settings"]["no norm in the blocks"]["stopped"]) < 70
compare("trained", "at chance")
compare("warm_up", "above 70 %")

# %% [markdown]
# The picture shows the losses of the first three settings, ten steps averaged, three starts each.

# %%
fig, ax = figure(7.5, 3.2)
for name, color, line in (("pre-norm", KEY, "-"), ("post-norm", QUERY, "--"), ("post-norm, warm-up", VALUE, "-.")):
    curves = np.array(about["settings"][name]["loss"])  # (starts, steps / 10)
    ax.plot(5 + 10 * np.arange(curves.shape[1]), curves.T, line, color=color, lw=1.4)
    ax.annotate(name, (402, curves[:, -1].mean()), color=color, va="center", annotation_clip=False)
ax.axvline(200, color=QUIET, lw=0.8)
ax.annotate("warm-up ends", (200, 2.6), xytext=(4, 0), textcoords="offset points", color=QUIET, fontsize=9)
ax.set(title="At this rate, 12 blocks with post-norm need a warm-up", xlabel="step", ylabel="loss (guessing: 2.3)")
ax.set(xlim=(0, 530), ylim=(0, 2.8), xticks=range(0, 401, 100))
ends = {name: np.array(about["settings"][name]["loss"])[:, -5:].mean() for name in ("pre-norm", "post-norm", "post-norm, warm-up")}
assert ends["pre-norm"] < 0.2 and 0.35 < ends["post-norm, warm-up"] < 0.65 and abs(ends["post-norm"] - np.log(10)) < 0.05
show(fig, alt="Loss over 400 steps, three starts each: pre-norm falls below 0.2; post-norm stays at 2.3; post-norm with warm-up falls more slowly, to about 0.5.")

# %% [markdown]
# One number more, for the line that broke off: the gradient of the *first* block before the first step, with the norms in the blocks and without. The last norm stays in both.

# %%
def first_gradient(norms, seed):
    model = new_model(pre_norm=True, seed=seed)
    if not norms:
        for layer in model.encoder.layers:
            layer.norm1, layer.norm2 = nn.Identity(), nn.Identity()
    loss = F.cross_entropy(model(images[:64]), labels[:64])  # logits (B, 10) against labels (B,)
    (gradient,) = torch.autograd.grad(loss, model.encoder.layers[0].ffn.W_2.weight)
    return gradient.norm().item()


for seed in range(3):
    with_norms, without = first_gradient(True, seed), first_gradient(False, seed)
    print(f"start {seed}: with norms {with_norms:.1f}, without more than a thousand times as long: {without > 1000 * with_norms}")
    assert without > 1000 * with_norms

# %% [markdown]
# **Look.** The first three lines are the claim, on three starts: post-norm is stuck at chance, a warm-up frees it, pre-norm needs none. With 2 blocks both orders learn without a warm-up. So it is the depth that makes the order matter.
# Pre-norm is ahead after 400 steps even of post-norm with its warm-up. That need not be so in the end: with enough patience post-norm may catch up. Takase and others report that with six layers or fewer it even comes out ahead, for the generation of texts.
#
# The last three lines take parts away from pre-norm. Without the sum it stays at chance. Without the norms it breaks off within 70 steps: it begins with a gradient thousands of times as long, as the cell above shows, and ends in nan. Without any feed-forward network the digits are read about as well as before. This task does not need one; the next section has a task that does.
#
# **Trap.** *"Pre-norm or post-norm is a matter of taste."* With two blocks one could think so, and small examples have two. With twelve, and the same rate, one reads digits and the other guesses.
#
# **Change it.** Give post-norm a short warm-up live: `taste(False, steps=200, warmup=100, seed=2)` in a new cell, then with `seed=1`. The table says that a tenth of the rate, constant from the first step on, helps as well. What do the two have in common?
#
# <details><summary>Answer</summary>
#
# The first steps are small in either case. With the warm-up the later ones are as large as those that failed. So it is large steps *at the start* that harm. (So short a warm-up helps less surely. The two starts get far above chance, and not equally far.)
#
# </details>

# %% [markdown]
# ## What attention cannot compute (8 min)
#
# Now the third part, the feed-forward network: two linear maps with a bend between them, for each token on its own, the same for all tokens (Vaswani and others, 2017, section 3.3):
#
# $$\mathrm{FFN}(\mathbf x) = W_2 \, \mathrm{relu}(W_1 \mathbf x + \mathbf b_1) + \mathbf b_2 \qquad \mathrm{relu}(h) = \max(0, h)$$
#
# Why, when attention already has a softmax in it? Ask for something small: each token is one number $x$, and wanted is its size $|x|$. Numbers are drawn from N(0, 1).
#
# **Predict.** A sentence of one token, any number of attention layers and sums, no norm, everything trained as well as can be. What mean squared error is left? (Answering the best constant costs 0.36.)

# %%
predict("absolute")

# %% [markdown]
# **By hand.** One token alone has one key to look at. Its weight is 1, whatever the scores say. So the output is $W_O W_V \mathbf x + \mathbf b$: a linear map and a constant. Sums of such, and layers of such, are again $a x + c$.
# The best $a$ for $|x|$ is 0, because $|x|$ rises to the right as much as to the left. So the best answer is a constant, the mean of $|x|$, and the error is the variance, $1 - \tfrac2\pi \approx 0.36$.
#
# With a bend it takes two hidden numbers: $|x| = \mathrm{relu}(x) + \mathrm{relu}(-x)$. So $W_1 = (1, -1)^\top$ and $W_2 = (1, 1)$.
#
# **Run.** Four attention layers with sums on 10,000 sentences of one token, and the best line fitted to what comes out. Then the network by hand.

# %%
from course_lib.transformer.blocks import FeedForward

numbers = torch.randn(10_000, 1, 1, generator=torch.Generator().manual_seed(0))  # (B, n, d): one token of one feature
size = numbers.abs()
torch.manual_seed(0)
up, four = nn.Linear(1, 8), [MultiHeadAttention(8, n_heads=2) for _ in range(4)]
h = up(numbers)  # (B, n, d_model)
for layer in four:
    h = h + layer(h)
h = torch.cat([h, torch.ones(10_000, 1, 1)], dim=-1)[:, 0].detach()  # (B, d_model + 1): with a constant
fitted = h @ torch.linalg.lstsq(h, size[:, 0], driver="gelsd").solution  # (B, 1)
error = ((fitted - size[:, 0]) ** 2).mean().item()
constant = size.var(correction=0).item()
print(f"attention, best fit: error {error:.3f}; the best constant: {constant:.3f}; 1 - 2/pi = {1 - 2 / np.pi:.3f}")
assert 0 <= constant - error < 0.001 and abs(constant - (1 - 2 / np.pi)) < 0.01 and h.shape == (10_000, 9)

# %% [markdown]
# The network with the numbers from paper:

# %%
by_hand = FeedForward(1, 2)
with torch.no_grad():
    by_hand.W_1.weight.copy_(torch.tensor([[1.0], [-1.0]])), by_hand.W_1.bias.zero_()  # (d_hidden, d), (d_hidden,)
    by_hand.W_2.weight.copy_(torch.tensor([[1.0, 1.0]])), by_hand.W_2.bias.zero_()  # (d, d_hidden), (d,)
    for number in (2.0, -3.0):
        token = torch.tensor([number])  # (d,)
        print(f"x = {number}: hidden {torch.relu(by_hand.W_1(token)).numpy()}, output {by_hand(token).item()}")
    print("error on 10,000 numbers:", ((by_hand(numbers) - size) ** 2).mean().item())
assert torch.equal(by_hand(numbers), size)
compare("absolute", "0.36")

# %% [markdown]
# **Look.** Attention says *where to take from*. What it takes is a mixture of linear images: each head's context lies between the values that it mixes. The bend computes something new *of one token*.
#
# **Trap.** *"So attention is linear."* With a neighbour it is not: the weights depend on the tokens. The section *A neighbour for a bend*, after the lesson, makes $|x|$ of attention and one silent token. The argument above needs that there is none.
# And a norm bends too. What you can say is this: the feed-forward network is the part that is *made* to compute within a token.
#
# **Change it.** XOR of two features that are 0 or 1: wanted is 1 if exactly one of them is 1. Find hidden units that do it with $h = x_1 + x_2$: which relu do you need besides $\mathrm{relu}(h)$?
#
# <details><summary>Answer</summary>
#
# $\mathrm{relu}(h) - 2\,\mathrm{relu}(h - 1)$: for $h = 0, 1, 2$ it is $0, 1, 0$. So $W_1$ has two rows $(1, 1)$, $\mathbf b_1 = (0, -1)$, $W_2 = (1, -2)$.
#
# </details>

# %% [markdown]
# ## Where the parameters sit (4 min)
#
# The base model of 2017 has $d_\text{model} = 512$, 8 heads, and 2,048 hidden numbers in its feed-forward networks: four times $d_\text{model}$ (section 3.3).
#
# **Predict.** Which share of the parameters of one encoder layer sits in the feed-forward network?

# %%
predict("share")

# %% [markdown]
# **Run.** The library's encoder layer with these sizes, counted part by part.

# %%
base = EncoderLayer(BlockConfig(d_model=512, n_heads=8, d_hidden=2048))
parts = ("self_attn", "ffn", "norm1", "norm2")
counts = {name: sum(p.numel() for p in getattr(base, name).parameters()) for name in parts}
total = sum(counts.values())
for name, count in counts.items():
    print(f"{name:9} {count:9,} parameters, {count / total:5.1%}")
assert counts["self_attn"] == 4 * (512 * 512 + 512) and counts["ffn"] == 2 * 512 * 2048 + 2048 + 512
assert counts["norm1"] == 2 * 512 and 0.66 < counts["ffn"] / total < 0.67
compare("share", "two thirds")

# %% [markdown]
# **Look.** Attention has four matrices of $d \times d$, the feed-forward network two of $d \times 4d$: $4 d^2$ against $8 d^2$. The part that the model is named for holds a third. (A decoder layer has two attentions, lesson 12: there it is half and half.)
#
# **Change it.** The small models of this course have $d_\text{hidden} = 2 d_\text{model}$. What is the share then? Say it, then let the cell count: `d_hidden=1024`.
#
# <details><summary>Answer</summary>
#
# $4 d^2$ against $4 d^2$: half. (The `assert` complains.)
#
# </details>

# %% [markdown]
# ## All switches (5 min)
#
# Here is the whole block with a switch for each part: residual, norm, feed-forward. It has 6 random tokens of 16 numbers, random matrices, and up to 24 blocks. The gradient at the last output has length 1. There is no norm after the last block.
#
# **Change it.** Begin with attention alone, and guess before each switch what it will do to the three curves. **Then find a setting with 24 blocks whose tokens still differ, and whose first block gets a gradient of a reasonable size.** Pin a state to compare two.

# %%
from course_lib.explorers import block_explorer

block_explorer(predict=False)

# %% [markdown]
# The next cell walks through four settings in code. `differences` is the distance of the tokens from their mean, as a share of their length.

# %%
walks = {}
for residual, norm in ((False, "none"), (True, "none"), (True, "post"), (True, "pre")):
    walk = block_explorer(residual=residual, norm=norm, feed_forward=True, depth=24, predict=False)
    walks[norm, residual] = walk
    print(f"residual {residual!s:5}, norm {norm:4}: tokens differ by {walk.differences[-1]:.2f}, "
          f"length {walk.lengths[-1]:8.2g}, gradient at the bottom {walk.gradients[0]:.2g}")
assert walks["pre", True].differences[-1] > 2 * walks["post", True].differences[-1]
assert walks["none", False].differences[-1] < 0.01 and 0.05 < walks["post", True].gradients[0] < 0.2

# %% [markdown]
# **Look.** The same picture as in torch, with other random numbers and twice the depth. The sum alone does not keep the tokens apart: what the blocks add grows until it drowns what passes. Post-norm keeps the length, but the tokens are alike. Of its gradient about a tenth arrives at the bottom: with 24 blocks the slopes do begin to shrink. Pre-norm keeps them apart, at the price of a stream that grows.
#
# **Make it.** [The exercises](../exercises/11_block.ipynb) ask for `layer_norm`, `residual_block` and `FeedForward` from empty functions, and have a hunt for a norm that reads what it should not.

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. What becomes of the tokens in a stack of attention alone, and why?</summary>
#
# They become alike, after two layers here. Each output is a mean of values, and means of means differ less and less. A sum that lets each token pass keeps them apart, as long as what is added does not drown what passes.
#
# </details>
#
# <details><summary>2. What are the five steps of layer norm, and what becomes of (1, 3) with gamma 1 and beta 0?</summary>
#
# Mean 2, centred $(-1, 1)$, variance 1 (divided by $d$), divided by its root $(-1, 1)$, stretched and moved $(-1, 1)$.
#
# </details>
#
# <details><summary>3. Write pre-norm and post-norm. Which is in the paper of 2017?</summary>
#
# Pre: $\mathbf x + f(\mathrm{norm}(\mathbf x))$. Post: $\mathrm{norm}(\mathbf x + f(\mathbf x))$, and this is the paper's.
#
# </details>
#
# <details><summary>4. Why layer norm and not batch norm for sentences?</summary>
#
# Batch norm takes the mean of a feature over all tokens of the batch. So a sentence changes with its neighbours and its padding. Layer norm reads one token.
#
# </details>
#
# <details><summary>5. What differs between the two orders before the first step, and what does not?</summary>
#
# Both hand the slopes down. Under post-norm the tokens are nearly alike at the top, and the gradient of the last block is about $\sqrt L$ times as long. Pre-norm's stream grows and needs a last norm.
#
# </details>
#
# <details><summary>6. Name a function of one token that attention cannot compute when the token is alone.</summary>
#
# $|x|$, or XOR of two features: with a single key the weight is 1, so the output is linear. Two hidden units of a feed-forward network do it.
#
# </details>
#
# <details><summary>7. From lesson 10: why is the output projection needed, although a linear map follows in the next layer anyway?</summary>
#
# Between the two stands the sum: what attention brings home is *added* to the token. $W_O$ decides into which features each head writes. Without it head 0 could only add to the first features, and so on.
#
# </details>
#
# **What stays.** Twelve looks alone end in one vector. With a way past, a norm and a small network for each token, twelve blocks read digits. The norm stands before the part or after the sum, and in a deep stack it is not all the same.
# The next lesson stacks such blocks on two sides and connects them: the Transformer of 2017, whole.

# %% [markdown]
# ## A neighbour for a bend (after the lesson)
#
# For those who want more. A token $x$ and a silent neighbour 0. Attention without any norm or feed-forward network, two heads, the matrices chosen by hand.
#
# **Predict.** Can it compute $|x|$ now?

# %%
predict("neighbour_bend")

# %% [markdown]
# **By hand.** Let the score of $x$ with itself be $\kappa x$, and with the neighbour 0. (The query is a constant, $\kappa$, from a bias; the key is the number itself.) Then $x$ has the weight $\sigma(\kappa x) = 1 / (1 + e^{-\kappa x})$, and the head brings home $x \, \sigma(\kappa x)$. That is a bend: near $x$ on the right, near 0 on the left.
# The second head has $-\kappa$ and the value $-x$: it brings $-x \, \sigma(-\kappa x)$. The sum of both is $x \tanh(\kappa x / 2)$, which is nearly $|x|$.
#
# **Run.** Both heads with the library's attention on the 10,000 numbers, each with its silent neighbour.

# %%
from course_lib.transformer.attention import scaled_dot_product_attention

pair = torch.cat([numbers, torch.zeros_like(numbers)], dim=1)  # (B, n, d): the number, and 0
for kappa in (1.0, 10.0, 100.0):
    query = torch.full_like(numbers, kappa)  # (B, n_q, d): a constant
    heads = [scaled_dot_product_attention(sign * query, pair, sign * pair)[0] for sign in (1, -1)]
    answer = heads[0] + heads[1]  # (B, n_q, d): W_O adds the two heads
    error = ((answer - size) ** 2).mean().item()
    print(f"kappa {kappa:5}: error {error:.4f}")
    assert torch.allclose(answer, numbers * torch.tanh(kappa * numbers / 2))
assert error < 1e-4 and answer.shape == (10_000, 1, 1)
compare("neighbour_bend", "yes, nearly")

# %% [markdown]
# **Look.** $x \, \sigma(\kappa x)$ is no stranger: it is the bend that later models call SiLU or swish ([Ramachandran, Zoph and Le, 2017](https://arxiv.org/abs/1710.05941)). So "attention cannot bend" is false as soon as there is something else to look at. It can, at the price of a head and of a token that keeps still.
# A proof needs every condition spelled out. Here it was: *one token alone*.

# %% [markdown]
# ## A gate on the sum (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Between pre-norm and post-norm there are other ways. One has a learnt number $\alpha$ in each part, 0 at the start: $\mathbf y = \mathbf x + \alpha f(\mathbf x)$, without any norm ([Bachlechner and others, 2020](https://arxiv.org/abs/2003.04887), *ReZero*). Write it as an encoder layer.
# The acceptance test asks for three things. At the start a stack of 12 must return its input. After 150 steps without a warm-up it must read more than half of the digits. And every $\alpha$ must have moved.

# %%
class Gated(nn.Module):
    """Attention and feed-forward, each behind a gate that begins at 0: replace forward, and add the gates."""

    def __init__(self):
        super().__init__()
        parts = xavier(EncoderLayer(BlockConfig(d_model=32)))
        self.self_attn, self.ffn = parts.self_attn, parts.ffn
        self.gates = nn.Parameter(torch.ones(2))

    def forward(self, x, *mask_and_more, **options):
        return self.ffn(self.self_attn(x))  # (B, n, d_model)


# %% [markdown]
# **Run.** The acceptance test; the training comes only when the first condition is met.

# %%
torch.manual_seed(0)
gated = new_model(pre_norm=True)
gated.encoder.layers = nn.ModuleList(Gated() for _ in range(12))
x = y = torch.randn(2, 17, 32)  # (B, n, d_model)
for layer in gated.encoder.layers:
    y = layer(y)
if not torch.allclose(x, y):
    print("not yet: the stack changes its input")
else:
    batches = [(images[i::45], labels[i::45]) for i in range(45)]
    recipe = Recipe(150, lr=2e-3, warmup=0, schedule="constant")
    train(gated, batches, lambda m, b: F.cross_entropy(m(b[0]), b[1]), recipe, quiet=True)
    right = (gated(test_images.double()).argmax(dim=-1) == test_labels).double().mean().item()
    moved = all((layer.gates != 0).all() for layer in gated.encoder.layers)
    print("passed" if right > 0.5 and moved else "not yet")
