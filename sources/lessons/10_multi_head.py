# ---
# jupyter:
#   course:
#     title: Multi-head attention
#     question: Why should one question look in several places at once?
#     minutes: 77
#     short_path: 26
#     needs: [03_attention, 04_masks, 05_gradients, 06_bottleneck, 08_self_and_cross]
#     objectives:
#       - prove on paper that one head cannot fetch two vectors, at any width, and show two heads that can
#       - write multi-head attention as a loop, with view and transpose, with einsum and with einops, and prove them equal
#       - find the missing transpose, a famous silent bug, and say which tests are blind to it
#       - say what the number of heads changes at equal d_model, and test whether heads differ by switching them off
#       - copy weights into torch's own module, and give it the mask that it expects
#     terms: [attention head, multi-head attention, output projection, ablation]
# ---

# %%
import numpy as np
import torch
from torch import nn

from course_lib import compare, predict, start

start("10_multi_head", torch=True)

# %% [markdown]
# ## One question, two parcels (5 min, short path)
#
# Twelve parcels lie on a table. Each holds 8 random numbers. One bears the mark A, one the mark B, ten bear none. The task: **hand over what is in A and what is in B**, 16 numbers, with one question.
# In terms of lesson 08: one query, twelve keys that show contents and marks, twelve values that are the contents. The next cell draws such tables.

# %%
from course_lib.data.tasks import two_vectors


def marked(rng, B=64):
    """Question (B, 1, 1), keys (B, n, 10), values (B, n, 8), and what is wanted (B, 16)."""
    task = two_vectors(B, seed=rng)  # n = 12 tokens: 8 numbers from N(0, 1), then the marks A and B
    tokens, wanted = (torch.from_numpy(x).double() for x in (task.inputs, task.targets))
    return torch.ones(B, 1, 1), tokens, tokens[..., :8], wanted.flatten(1)


question, keys, values, wanted = marked(np.random.default_rng(0), 4000)
print(f"12 parcels of 8 numbers; answering 0 everywhere costs {(wanted**2).mean():.2f}")
assert question.shape == (4000, 1, 1) and keys.shape == (4000, 12, 10) and values.shape == (4000, 12, 8)
assert wanted.shape == (4000, 16) and 0.98 < (wanted**2).mean() < 1.02

# %% [markdown]
# **Predict.** An attention layer with one head, trained until nothing moves, `d_model` = 16: as many numbers as are wanted. What error is left, where answering 0 costs 1?

# %%
predict("one_head")

# %% [markdown]
# The learner is small. Three linear maps bring question, keys and values to `d_model` numbers, and attention does its work. The first 16 numbers that come out are the answer.
# The next two cells define it and its training loop. AdamW is gradient descent with a step size of its own for every parameter (lesson 13). With `fused=True` it changes all of them in one call, which is faster.

# %%
class Fetch(nn.Module):
    """One question about n tokens: (B, 1, ...), (B, n, ...), (B, n, ...) -> (B, width)."""

    def __init__(self, heads, question, keys, values, wanted):
        super().__init__()
        self.heads, self.width = heads, wanted.shape[-1]
        d_model = heads.W_q.in_features
        self.ask, self.key, self.value = (nn.Linear(x.shape[-1], d_model) for x in (question, keys, values))

    def forward(self, question, keys, values):
        output = self.heads(self.ask(question), self.key(keys), self.value(values))  # (B, 1, d_model)
        return output[:, 0, : self.width]


# %% [markdown]
# The training loop draws a fresh batch of tables at each step.

# %%
def train(draw, make, seed=0, steps=300):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Fetch(make(), *draw(rng, 1))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0, fused=True)
    slower = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    for _ in range(steps):
        *given, wanted = draw(rng)
        loss = ((model(*given) - wanted) ** 2).mean()
        optimiser.zero_grad(), loss.backward(), optimiser.step(), slower.step()
    return model


# %% [markdown]
# **Run.** `MultiHeadAttention` with one head is the cross-attention of lesson 08, with one more matrix behind it. The cell trains it from three random starts. `error` is the mean squared error on 4,000 tables that no training saw.

# %%
from course_lib.transformer.attention import MultiHeadAttention


@torch.no_grad()
def error(model, draw, B=4000):
    *given, wanted = draw(np.random.default_rng(99), B)
    return ((model(*given) - wanted) ** 2).mean().item()


narrow = [train(marked, lambda: MultiHeadAttention(16, n_heads=1), seed, steps=200) for seed in range(3)]
narrow_errors = [error(model, marked) for model in narrow]
print("one head, d_model 16: error", [f"{e:.2f}" for e in narrow_errors])
assert all(0.48 < e < 0.52 for e in narrow_errors)
compare("one_head", "about 0.5")

# %% [markdown]
# **Look.** Half of the error is left, three times out of three. (0.49 is 0.50 here: on 4,000 tables the second decimal is uncertain by one or two.) Is the head too small, perhaps?
#
# **Predict.** We make the head four times as wide: `d_model` = 64, so that each matrix has 16 times as many numbers. What error is left?

# %%
predict("width")

# %% [markdown]
# **Run.** The wide head.

# %%
wide = train(marked, lambda: MultiHeadAttention(64, n_heads=1), steps=200)
print(f"one head, d_model 64: error {error(wide, marked):.2f}")
assert 0.48 < error(wide, marked) < 0.52
compare("width", "still about 0.5")

# %% [markdown]
# **Look.** The same half. It is a wall, and no training gets through it. In this lesson you prove that it is there, and walk around it with a second head.
#
# **Short path.** 26 minutes: the four sections whose heading says *short path*, and recap questions 1 to 3.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones.

# %% [markdown]
# ## One head is one mixture (8 min, short path)
#
# Shrink the task until it fits on paper: two parcels with one number each, $a$ and $b$, both drawn from N(0, 1). One query has one row of weights, $w$ on A and $1 - w$ on B. So what it brings home is
#
# $$m = w\,a + (1 - w)\,b$$
#
# **By hand.** Let $w = \tfrac12$. The parcels $(a, b) = (3, 1)$ give $m = 2$. So do $(1, 3)$, and $(2, 2)$. Whoever sees only $m = 2$ must answer the same to all three, and is wrong for two of them.
# What is the best answer? Everything after the weights is linear: $W_V$, then a last matrix. So the answer is $(\alpha m, \beta m)$ with two numbers that we may choose.
#
# **Predict.** Which $w$ leaves the smallest mean squared error, if $\alpha$ and $\beta$ are chosen as well as possible: 1/2, 3/4, or 1 (all weight on A)?

# %%
predict("which_w")

# %% [markdown]
# **By hand.** On average $a^2$ and $b^2$ are 1 and $a b$ is 0. Write $s = w^2 + (1 - w)^2$, the mean of $m^2$. The mean of $m\,a$ is $w$. So the error in $a$ is
#
# $$\text{mean of } (\alpha m - a)^2 = \alpha^2 s - 2 \alpha w + 1, \quad\text{smallest at } \alpha = \tfrac ws,\ \text{where it is}\ 1 - \tfrac{w^2}{s}$$
#
# In the same way the error in $b$ is $1 - (1 - w)^2 / s$ at $\beta = (1 - w)/s$. The sum of both is $2 - s/s = 1$, **whatever $w$ is**. The mean over the two numbers is $\tfrac12$.
#
# | $w$ | $s$ | $\alpha$ | $\beta$ | error in $a$ | error in $b$ | mean |
# |---|---|---|---|---|---|---|
# | 1/2 | 1/2 | 1 | 1 | 1/2 | 1/2 | 1/2 |
# | 3/4 | 5/8 | 6/5 | 2/5 | 1/10 | 9/10 | 1/2 |
# | 1 | 1 | 1 | 0 | 0 | 1 | 1/2 |
#
# **Run.** The table in code, and a referee who knows no formula: 100,000 random pairs, and the $\alpha$ and $\beta$ that fit them best.

# %%
pairs = torch.randn(100_000, 2, generator=torch.Generator().manual_seed(0))  # (pairs, 2): a and b
left = {}
for w in (0.5, 0.75, 1.0):
    mix = torch.tensor([w, 1 - w])  # (n_k,)
    s = (mix**2).sum()
    m = (pairs @ mix)[:, None]  # (pairs, 1)
    fitted = torch.linalg.lstsq(m, pairs).solution  # (1, 2): alpha and beta
    seen = ((m @ fitted - pairs) ** 2).mean(dim=0)  # (2,)
    left[w] = (1 - mix**2 / s).mean().item()
    print(f"w {w:4}: by formula {(1 - mix**2 / s).numpy()}, mean {left[w]:.2f}; seen {seen.numpy().round(2)}")
    assert torch.allclose(seen, 1 - mix**2 / s, atol=0.01) and torch.allclose(fitted[0], mix / s, atol=0.01)
assert mix.shape == (2,) and m.shape == (100_000, 1) and all(np.isclose(e, 0.5) for e in left.values())
compare("which_w", "all three alike")

# %% [markdown]
# The picture says it without a formula. A pair is a point in the plane, and all answers $(\alpha m, \beta m)$ lie on one line. The best answer is the foot of the perpendicular; the distance to it, drawn in grey, is lost.

# %%
from course_lib.palette import KEY, QUERY, QUIET
from course_lib.plots import figure, show

fig, axes = figure(7.5, 3.3, columns=2)
for ax, w in zip(axes, (0.5, 1.0), strict=True):
    line = torch.tensor([w, 1 - w]) / torch.tensor([w, 1 - w]).norm()  # (2,), length 1
    points = pairs[:40]
    feet = (points @ line)[:, None] * line  # (40, 2)
    ax.plot(*torch.stack([points, feet]).permute(2, 0, 1), color=QUIET, lw=0.8)
    ax.plot(*points.T, "o", color=KEY, ms=4)
    ax.plot(*feet.T, "x", color=QUERY, ms=4)
    ax.set(title=f"w = {w:g}", xlabel="a (● wanted, × answered)", ylabel="b", aspect="equal")
    ax.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6))
fig.suptitle("Whatever the line of answers, one of two directions is lost", x=0.01, ha="left", fontsize=11, fontweight="bold")
show(fig, alt="40 points and their feet on a line, the diagonal for w = 1/2, the a axis for w = 1; the distances are as large.")

# %% [markdown]
# **Why.** Turning the line does not help: a round cloud has variance 1 in every direction, and one direction of two is lost. That makes 1 of 2.
#
# The parcels on the table hold 8 numbers each. The mixture $\mathbf m = \sum_j w_j \mathbf x_j$ has 8 numbers too. The answer with its 16 numbers is a linear function of it, plus a constant. So all answers lie in a *flat* of 8 dimensions (a line is one of 1, a plane one of 2), in a space of 16. At least 8 directions of variance 1 are lost: $8/16 = \tfrac12$.
# The weights do not occur in this argument, so they may depend on the contents as they like. Nor does the width: 64 numbers computed from 8 hold no more than 8.
#
# The next cell looks for that flat in the wide model: how many independent directions do its 4,000 answers have?

# %%
def directions(model, draw=marked):
    *given, wanted = draw(np.random.default_rng(99), 4000)
    answers = model(*given).detach()  # (B, width)
    return torch.linalg.matrix_rank(answers - answers.mean(dim=0), rtol=1e-9).item()


print(f"directions wanted 16, in the answers of the head of width 64: {directions(wide)}")
assert directions(wide) == 8

# %% [markdown]
# **Trap.** *"So one head can never tell two things."* It depends on the things. Suppose that the parcels hold letters, one-hot, and the weights are 2/3 and 1/3. Then the mixture shows 2/3 at A's letter and 1/3 at B's, and both can be read off. The next cell tries all 100 pairs of ten letters.

# %%
letters = torch.eye(10)  # (n_vocab, n_vocab), one-hot
first, second = torch.cartesian_prod(torch.arange(10), torch.arange(10)).T  # (100,) each: all pairs
mixture = 2 / 3 * letters[first] + 1 / 3 * letters[second]  # (100, n_vocab)
read_first = mixture.argmax(dim=-1)
read_second = (mixture - 2 / 3 * letters[read_first]).argmax(dim=-1)
print("mixture of letters 4 and 7:", mixture[47].numpy())
print(f"pairs read off without error: {((read_first == first) & (read_second == second)).sum()} of 100")
assert mixture.shape == (100, 10) and (read_first == first).all() and (read_second == second).all()

# %% [markdown]
# **Look.** A mixture of things from a short list can be decoded by whoever may use more than linear maps. A Transformer may (lesson 11). That is why our parcels hold real numbers: a test with letters would have shown nothing.
#
# **Change it.** Put 1/2 in place of 2/3 and 1/3. Which pairs are still read off? Guess first.
#
# <details><summary>Answer</summary>
#
# 55: the 10 pairs of equal letters and 45 of the others. Both letters can be seen, but not which one is A. `argmax` takes the lower one first, and that is right for half of the 90 pairs. (The `assert` complains.)
#
# </details>

# %% [markdown]
# ## Two heads on paper (8 min, short path)
#
# One look gives one mixture. So look twice: cut queries, keys and values into parts, and let each part do attention on its own. Each such part is an **attention head**. The whole is **multi-head attention** ([Vaswani and others, 2017](https://arxiv.org/abs/1706.03762), section 3.2.2):
#
# $$\text{head}_h = \mathrm{softmax}\!\left(\frac{Q_h K_h^\top}{\sqrt{d_\text{head}}}\right) V_h \qquad \text{output} = [\text{head}_0,\ \text{head}_1,\ \dots]\; W_O^\top$$
#
# | step | what happens | shape |
# |---|---|---|
# | 1. project | $W_Q, W_K, W_V$, as in lesson 08 | (n_q, d_model), (n_k, d_model) twice |
# | 2. split | head $h$ gets its own $d_\text{head} = d_\text{model} / n_\text{heads}$ features of each | (n_heads, n, d_head) |
# | 3. attend | each head, with its own weights | weights (n_heads, n_q, n_k) |
# | 4. merge | the heads side by side again | (n_q, d_model) |
# | 5. mix | the **output projection** $W_O$ | (n_q, d_model) |
#
# **By hand.** Two tokens A and B, $d_\text{model} = 2$, two heads of $d_\text{head} = 1$; $W_Q, W_K, W_V$ do nothing. The query is $(1, 1)$.
#
# | | key | value | score in head 0 | in head 1 |
# |---|---|---|---|---|
# | A | $(\ln 3, 0)$ | $(4, 4)$ | $\ln 3$ | 0 |
# | B | $(0, \ln 3)$ | $(8, 8)$ | 0 | $\ln 3$ |
#
# Head 0 sees the first features alone: weights $\tfrac34, \tfrac14$ and the context $\tfrac34 \cdot 4 + \tfrac14 \cdot 8 = 5$. Head 1 sees the second ones: weights $\tfrac14, \tfrac34$ and the context 7. One head with both features would have had equal scores, and the context $(6, 6)$.
#
# **Predict.** Wanted are the values themselves, 4 and 8. Neither head looks at one token alone: they bring home 5 and 7. Is there a matrix $W_O$ that makes $(4, 8)$ of $(5, 7)$, and would do so for any other values too?

# %%
predict("unmix")

# %% [markdown]
# **Run.** The five steps, and two other pairs of values with the same $W_O$.

# %%
from course_lib.transformer.attention import scaled_dot_product_attention as attention

ln3 = np.log(3)
q, k = torch.tensor([[1.0, 1.0]]), torch.tensor([[ln3, 0.0], [0.0, ln3]])  # (n_q, d_model), (n_k, d_model)
W_o = torch.tensor([[1.5, -0.5], [-0.5, 1.5]])  # (d_model, d_model)
for a, b in ((4.0, 8.0), (-1.0, 3.0), (10.0, 0.0)):
    v = torch.tensor([[a, a], [b, b]])  # 1. project: nothing to do (n_k, d_model)
    parts = [slice(0, 1), slice(1, 2)]  # 2. split: the features of each head
    both = [attention(q[:, own], k[:, own], v[:, own]) for own in parts]  # 3. attend
    merged = torch.cat([context for context, _ in both], dim=-1)  # 4. merge (n_q, d_model)
    output = merged @ W_o.T  # 5. mix (n_q, d_model)
    one = attention(q, k, v)[0]  # one head with both features (n_q, d_model)
    print(f"values {a}, {b}: one head {one[0].numpy()}, merged {merged[0].numpy()}, output {output[0].numpy()}")
    assert merged.shape == output.shape == (1, 2) and torch.allclose(output, torch.tensor([[a, b]]))

# %% [markdown]
# The next cell draws steps 3 to 5 for the values 4 and 8, and answers the guess.

# %%
from course_lib.palette import VALUE
from course_lib.plots import number_grids

table = torch.cat([weights for _, weights in both]).numpy()  # (n_heads, n_k): one row a head
solver, values_AB = W_o.numpy(), np.array([[4.0], [8.0]])  # (d_model, d_model), (n_k, 1)
seen = table @ values_AB  # (n_heads, 1)
grids = {"weights\n(n_heads, n_k)": table, "values": values_AB, "merged": seen,
         "$W_O$": solver, "merged ": seen, "output": solver @ seen}
fig, ax = figure(7.5, 1.9)
number_grids(ax, grids, ["·", "=", "     ", "·", "="], {"weights\n(n_heads, n_k)": QUERY, "values": VALUE})
ax.set_title("Two looks are two equations, and $W_O$ solves them")
show(fig, alt="Weights 3/4 1/4 and 1/4 3/4 times the values 4, 8 give 5, 7; W_O times 5, 7 gives 4, 8.")
assert np.allclose(seen[:, 0], [5, 7]) and np.allclose(solver @ table, np.eye(2)) and table.shape == (2, 2)
compare("unmix", "yes, for any values")

# %% [markdown]
# **Look.** $W_O$ is the inverse of the table of weights. Two *different* mixtures of two numbers are two equations with two unknowns. So a head need not look sharply at one token: what counts is that the heads look differently.
#
# **Change it.** Let both heads look alike: replace the keys by `torch.tensor([[ln3, ln3], [0.0, 0.0]])`. What is merged, and could any $W_O$ repair it? Guess, then run the cell with the five steps.
#
# <details><summary>Answer</summary>
#
# Merged is $(5, 5)$ for 4 and 8: one equation, written twice. Its table has two equal rows and no inverse. Two heads that do the same are one head. (The `assert` complains. Put the keys back.)
#
# </details>

# %% [markdown]
# ## Four ways to write it (10 min)
#
# In a batch, the five steps work on (B, n, d_model). The first way is a loop over the heads. `p` holds the four maps.

# %%
def by_loop(p, q, k, v, n_heads):
    Q, K, V = p.W_q(q), p.W_k(k), p.W_v(v)  # 1. project (B, n_q, d_model), (B, n_k, d_model) twice
    d_head = Q.shape[-1] // n_heads
    contexts = []
    for h in range(n_heads):
        own = slice(h * d_head, (h + 1) * d_head)  # 2. split
        contexts.append(attention(Q[..., own], K[..., own], V[..., own])[0])  # 3. attend (B, n_q, d_head)
    return p.W_o(torch.cat(contexts, dim=-1))  # 4. merge, 5. mix (B, n_q, d_model)


# %% [markdown]
# Heads do not see each other, like the examples of a batch. So they can become one more leading axis, and a single call of attention does them all. That takes two moves of the axes:
#
# $$(B, n, d_\text{model}) \xrightarrow{\ \texttt{view}\ } (B, n, n_\text{heads}, d_\text{head}) \xrightarrow{\ \texttt{transpose(1, 2)}\ } (B, n_\text{heads}, n, d_\text{head})$$
#
# `view` cuts the last axis into pieces: the numbers stay where they are. `transpose` exchanges the axes of tokens and heads. Merging goes the same way back.
#
# **Change it.** Two lines are blank, the splitting and the merging. Write them and run this cell and the next. (`x.transpose(1, 2)` exchanges axes 1 and 2; `x.flatten(2)` joins the axes from 2 on.)

# %%
def with_blanks(p, q, k, v, n_heads):
    def split(x):  # (B, n, d_model) -> (B, n_heads, n, d_head)
        B, n, d_model = x.shape
        return torch.zeros(B, n_heads, n, d_model // n_heads)  # 2. split: replace this line

    Q, K, V = split(p.W_q(q)), split(p.W_k(k)), split(p.W_v(v))  # 1. project, 2. split
    context, _ = attention(Q, K, V)  # 3. attend (B, n_heads, n_q, d_head)
    merged = torch.zeros(q.shape)  # 4. merge (B, n_q, d_model): replace this line
    return p.W_o(merged)  # 5. mix


# %% [markdown]
# **Run.** Your version against the loop, with sizes that are all different.

# %%
torch.manual_seed(1)
p = MultiHeadAttention(12, n_heads=3)  # here used for its four maps
q, k = torch.randn(2, 5, 12), torch.randn(2, 7, 12)  # (B, n_q, d_model), (B, n_k, d_model)
expected = by_loop(p, q, k, k, n_heads=3)
far = (with_blanks(p, q, k, k, n_heads=3) - expected).abs().max()
print("with your two lines:", "right" if far < 1e-12 else "not yet")
assert expected.shape == (2, 5, 12)

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# return x.view(B, n, n_heads, d_model // n_heads).transpose(1, 2)
# merged = context.transpose(1, 2).flatten(2)
# ```
#
# </details>
#
# The next cell has the three other ways. `einsum` names each axis with a letter, and sums over those that are missing on the right. [`einops.rearrange`](https://einops.rocks) says in words what view and transpose do; `(h d)` is one axis made of two.

# %%
from einops import rearrange

from course_lib.transformer.attention import merge_heads, split_heads


def by_reshape(p, q, k, v, n_heads):
    Q, K, V = (split_heads(x, n_heads) for x in (p.W_q(q), p.W_k(k), p.W_v(v)))  # (B, n_heads, n, d_head)
    return p.W_o(merge_heads(attention(Q, K, V)[0]))


def by_einops(p, q, k, v, n_heads):
    Q, K, V = (rearrange(x, "b n (h d) -> b h n d", h=n_heads) for x in (p.W_q(q), p.W_k(k), p.W_v(v)))
    return p.W_o(rearrange(attention(Q, K, V)[0], "b h n d -> b n (h d)"))


# %% [markdown]
# With einsum no axis need move at all: the letters say which head meets which.

# %%
def by_einsum(p, q, k, v, n_heads):
    Q, K, V = (x.unflatten(-1, (n_heads, -1)) for x in (p.W_q(q), p.W_k(k), p.W_v(v)))  # (B, n, n_heads, d_head)
    scores = torch.einsum("bqhd,bkhd->bhqk", Q, K) / Q.shape[-1] ** 0.5  # (B, n_heads, n_q, n_k)
    return p.W_o(torch.einsum("bhqk,bkhd->bqhd", scores.softmax(dim=-1), V).flatten(2))


ways = {"loop": by_loop, "reshape": by_reshape, "einsum": by_einsum, "einops": by_einops}
for name, way in ways.items():
    same = (way(p, q, k, k, 3) - p(q, k, k)).abs().max().item() < 1e-12
    print(f"{name:8} equals the library's MultiHeadAttention to 1e-12: {same}")
    assert same and way(p, q, k, k, 3).shape == (2, 5, 12)

# %% [markdown]
# **Change it.** In `by_einops` write `(d h)` in place of `(h d)`, in both places. Is it still multi-head attention? Is it still equal? Guess, then run its cell and the last one.
#
# <details><summary>Answer</summary>
#
# It is multi-head attention, with other heads: with 3 heads, head 0 takes features 0, 3, 6, 9 and not 0 to 3. A fresh layer trains as well with it. But weights that were trained with the one cut mean nothing under the other, so it is not equal.
#
# </details>
#
# **Run.** Which is the fastest? Guess an order, for 16 heads. The next cell takes the best of seven runs, on one sequence of 8 tokens and on 8 sequences of 64. These times depend on your machine.

# %% tags=["nbval-ignore-output"] reason="times depend on the machine"
from timeit import repeat

p_time = MultiHeadAttention(128, n_heads=16)
for B, n in ((1, 8), (8, 64)):
    x_time = torch.randn(B, n, 128)  # (B, n, d_model)
    with torch.no_grad():
        best = {name: min(repeat(lambda way=way, x=x_time: way(p_time, x, x, x, 16), number=2, repeat=7)) / 2
                for name, way in ways.items()}
    print(f"B {B}, n {n:2}:", ", ".join(f"{name} {1000 * seconds:.2f} ms" for name, seconds in best.items()))

# %% [markdown]
# **Look.** On the machine of this page the loop takes about three times as long as the others for 8 tokens: it pays for 16 small calls. For 8 sequences of 64 the multiplications are most of the work, and they are the same in all four.
# So choose the one that you can read without an error. The course library uses view and transpose; the next cell prints its two functions.

# %%
import inspect

for function in (split_heads, merge_heads):
    print(inspect.getsource(function))

# %% [markdown]
# **Make it.** [The exercises](../exercises/10_multi_head.ipynb) ask for `split_heads` and for the whole `MultiHeadAttention`, with masks, from an empty class. You can do them now or after the recap.
#
# ## Two heads, trained (5 min, short path)
#
# **Short path.** `split_heads` and `merge_heads`, used below, are steps 2 and 4 for a whole batch.
#
# The next cell is the module for our experiments: five steps, and a switch for each head. `weights` and `merged` are kept to be looked at.

# %%
class MultiHead(nn.Module):
    def __init__(self, d_model, n_heads, split=split_heads, merge=merge_heads):
        super().__init__()
        self.n_heads, self.split, self.merge = n_heads, split, merge
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model) for _ in range(4))
        self.on = torch.ones(n_heads)  # 0 switches a head off

    def forward(self, q, k, v, mask=None):
        projected = self.W_q(q), self.W_k(k), self.W_v(v)  # 1. project
        Q, K, V = (self.split(x, self.n_heads) for x in projected)  # 2. split (B, n_heads, n, d_head)
        context, self.weights = attention(Q, K, V, mask)  # 3. attend; weights (B, n_heads, n_q, n_k)
        self.merged = self.merge(context * self.on[:, None, None])  # 4. merge (B, n_q, d_model)
        return self.W_o(self.merged)  # 5. mix


# %% [markdown]
# **Predict.** Two heads with 8 features each now learn to fetch both parcels, from three random starts. At which parcel will head 0 look?

# %%
predict("who_looks")

# %% [markdown]
# **Run.** First a function that looks: the mean weight that each head puts on A, and on B.

# %%
@torch.no_grad()
def looks(model, over=torch.mean):
    """Weight of each head on A and on B, (n_heads, 2): mean over the tables, or their spread (torch.std)."""
    question, keys, values, _ = marked(np.random.default_rng(99), 4000)
    model(question, keys, values)
    return over(model.heads.weights[:, :, 0] @ keys[..., 8:], dim=0)  # (B, n_heads, n_k) by (B, n_k, 2)


# %% [markdown]
# The next cell trains them. `directions` counts as before, 16 are wanted. The last line says whether the weights depend on the table.

# %%
twos = [train(marked, lambda: MultiHead(16, n_heads=2), seed) for seed in range(3)]
for model in twos:
    (a0, b0), (a1, b1) = looks(model).tolist()
    print(f"error {error(model, marked):.4f}, directions {directions(model)};", end=" ")
    print(f"head 0: A {a0:.2f}, B {b0:.2f}; head 1: A {a1:.2f}, B {b1:.2f}")
    assert error(model, marked) < 0.001 and directions(model) == 16
spread = max(looks(model, torch.std).max().item() for model in twos)
print("spread of these weights from table to table below 0.01:", spread < 0.01)
assert spread < 0.01
choices = {looks(model)[0].argmax().item() for model in twos}  # of head 0
compare("who_looks", "at A in some runs, at B in others" if choices == {0, 1} else "at A in all three")

# %% [markdown]
# **Look.** Error 0.0000, and answers in all 16 directions: the wall is gone, with no more parameters than before. Which head takes which parcel is decided by the random start.
# And in the first run head 0 is not sharp: 0.18 on A, 0.80 on B. As on paper, $W_O$ takes the mixture apart. One matrix can do that for all tables, because the weights are (nearly) the same in all of them: the heads go by the marks alone.
#
# **Why.** Two heads bring home two mixtures, 16 numbers. The flat of the proof is now the whole space. Vaswani and others say it in one sentence of their section 3.2.2: "With a single attention head, averaging inhibits this."
#
# **Change it.** Give the two heads less room, in a new cell: `train(marked, lambda: MultiHead(12, n_heads=2))`. What goes wrong, and is it only a matter of shapes?
#
# <details><summary>Answer</summary>
#
# An error about shapes: 12 numbers come out and 16 are wanted. A linear map from 12 to 16 numbers behind it would make it run. But then at most 12 of 16 directions can be right, and 4/16 = 0.25 of the error stays. Two looks are not enough: the looks must also have room.
#
# </details>

# %% [markdown]
# ## The missing transpose (8 min)
#
# **Trap.** *"The shapes are right, so the split is right."* Why the detour over (B, n, n_heads, d_head)? One could ask for the wanted shape at once: `x.view(B, n_heads, n, d_head)`. It runs, and no shape is wrong afterwards.
# The next cell has this split, and the merge that undoes it.

# %%
def split_wrong(x, n_heads):
    return x.reshape(x.shape[0], n_heads, x.shape[1], -1)  # no transpose


def merge_wrong(x):
    return x.reshape(x.shape[0], x.shape[2], -1)  # (B, n_heads, n, d_head) -> (B, n, d_model)


# %% [markdown]
# Here are 4 tokens of 4 features, split in two ways. The number 23 is feature 3 of token 2.

# %%
numbered = 10.0 * torch.arange(4)[:, None] + torch.arange(4)  # (n, d_model)
right, wrong = split_heads(numbered[None], 2)[0], split_wrong(numbered[None], 2)[0]  # (n_heads, n, d_head) each
grids = {"tokens": numbered, "right:\nhead 0": right[0], "right:\nhead 1": right[1],
         "wrong:\nhead 0": wrong[0], "wrong:\nhead 1": wrong[1]}
colors = {name: QUIET if name == "tokens" else VALUE if "right" in name else QUERY for name in grids}
fig, ax = figure(8, 2.2)
number_grids(ax, {name: grid.numpy() for name, grid in grids.items()}, ["", "", "   ", ""], colors)
ax.set_title("Right: every token, half its features. Wrong: half the tokens")
show(fig, alt="Right heads hold features 0, 1 or 2, 3 of all tokens; wrong ones hold tokens 0, 1 or tokens 2, 3.")
assert right.shape == wrong.shape == (2, 4, 2) and wrong[0].flatten().tolist() == [0, 1, 2, 3, 10, 11, 12, 13]

# %% [markdown]
# **Look.** `view` keeps the numbers in their order, row after row. Without the transpose, head 0 gets the first half of the *sequence*, each token cut into two rows that attend to each other.
#
# **Predict.** Which of these tests notices it?

# %%
predict("blind_tests")

# %% [markdown]
# **Run.** First the test that most people trust: does it learn? Two heads with the wrong split and the wrong merge, three starts.

# %%
def mixed_up(d_model=16, n_heads=2):
    return MultiHead(d_model, n_heads, split_wrong, merge_wrong)


for seed in range(3):
    torch.manual_seed(seed)
    before = error(Fetch(mixed_up(), *marked(np.random.default_rng(0), 1)), marked)
    after = error(train(marked, mixed_up, seed, steps=200), marked)
    print(f"wrong split: error {before:.2f} before training, {after:.2f} after")
    assert before > 0.95 and 0.45 < after < 0.6

# %% [markdown]
# **Look.** The error goes down by almost half. Who knows nothing of the proof would say: "it learns, and the second head brings nothing". Next, seven tests that one could write for the module. Each returns True where it is passed.

# %%
x, last = torch.randn(1, 4, 4), torch.zeros(1, 4, 4)  # (B, n, d_model)
last[:, 3] = 1.0  # a nudge of the last token
lower = torch.ones(4, 4, dtype=torch.bool).tril()  # causal


def moved(heads, mask=None):
    """Which outputs move when the last token is nudged, (n,)."""
    y, z = x + last, x
    return ((heads(y, y, y, mask) - heads(z, z, z, mask)).abs().sum(dim=-1)[0] > 1e-9).tolist()


def equals_loop(make, n_heads, n=4):
    heads, y = make(4, n_heads), x[:, :n]
    return torch.allclose(heads(y, y, y), by_loop(heads, y, y, y, n_heads))


# %% [markdown]
# The table of all seven, for the right module and the wrong one.

# %%
tests = {
    "shape of the output": lambda make: make(4, 2)(x, x, x).shape == x.shape,
    "merging undoes splitting": lambda make: torch.equal(make(4, 2).merge(make(4, 2).split(x, 2)), x),
    "no look ahead (causal)": lambda make: moved(make(4, 2), lower) == [False, False, False, True],
    "one head equals the loop": lambda make: equals_loop(make, 1),
    "one token equals the loop": lambda make: equals_loop(make, 2, n=1),
    "each token reaches all": lambda make: moved(make(4, 2)) == [True] * 4,
    "two heads equal the loop": lambda make: equals_loop(make, 2),
}
passed = {name: [bool(test(make)) for make in (MultiHead, mixed_up)] for name, test in tests.items()}
print(f"{'test':26}{'right split':>12}{'wrong split':>13}")
for name, row in passed.items():
    print(f"{name:26}", *(f"{'passes' if ok else 'caught':>11} " for ok in row))
assert all(right for right, _ in passed.values()) and [wrong for _, wrong in passed.values()] == [True] * 5 + [False] * 2
compare("blind_tests", "nudging the last token, and looking who moves")

# %% [markdown]
# **Look.** Five tests of seven are blind. With one head or one token both orders are the same. Two mistakes that undo each other look like none. And in a stretch of the sequence the rows above are still no later tokens.
# Two tests see it: **nudge a token and look who moves** (token 0 never meets token 3), and **compare with the slow loop**. A loop over slices has no axes to confuse. Keep it, as a judge.
#
# **Change it.** Take the right split with the wrong merge: write `MultiHead(4, n_heads, split_heads, merge_wrong)` into a new function in place of `mixed_up`, and run the table with it. Which tests catch it now?
#
# <details><summary>Answer</summary>
#
# Three: *merging undoes splitting*, *no look ahead* and *two heads equal the loop*. Each token reaches all now, since the split is right. But the output of token 0 holds what head 0 found for tokens 0 and 1: it looks ahead.
#
# </details>

# %% [markdown]
# ## How many heads? (9 min)
#
# **Predict.** `d_model` stays 16. We go from 1 head to 16 heads. What happens to the number of parameters?

# %%
predict("parameters")

# %% [markdown]
# **Run.** Count them.

# %%
for n_heads in (1, 2, 4, 8, 16):
    count = sum(parameter.numel() for parameter in MultiHead(16, n_heads).parameters())
    print(f"n_heads {n_heads:2}, d_head {16 // n_heads:2}: {count} parameters")
    assert count == 4 * (16 * 16 + 16)
compare("parameters", "it stays the same")

# %% [markdown]
# **Look.** Four matrices of 16 by 16 and four biases, always. The heads are a way of *cutting* the same features. More heads means narrower heads: $d_\text{head} = d_\text{model} / n_\text{heads}$.
#
# So what do narrow heads cost? Two marks are told apart with one number. We take a harder question: parcels bear **names**, random directions in 4 dimensions. The question names two of eight parcels; wanted are their contents, 4 numbers each.

# %%
def named(rng, B=64, n=8, d=4):
    """Question (B, 1, 8): two names; keys (B, n, 4): all names; values (B, n, 4); wanted (B, 8)."""
    names = rng.standard_normal((B, n, d))
    names = names / np.linalg.norm(names, axis=-1, keepdims=True)
    contents = rng.standard_normal((B, n, d))
    question, wanted = names[:, :2].reshape(B, 1, 2 * d), contents[:, :2].reshape(B, 2 * d)
    return tuple(torch.from_numpy(array) for array in (question, names, contents, wanted))


assert [tuple(array.shape) for array in named(np.random.default_rng(0))] == [(64, 1, 8), (64, 8, 4), (64, 8, 4), (64, 8)]

# %% [markdown]
# (The first two parcels are asked for. Attention has no positions here, so it cannot know.)
#
# **Predict.** Nothing known costs 1.0, and one head is stuck near 0.5 as before. Where do 16 heads with one feature each end?

# %%
predict("too_many")

# %% [markdown]
# **Run.** Five numbers of heads, the same number of parameters, three starts each.

# %%
counts, names_error = (1, 2, 4, 8, 16), {}
for n_heads in counts:
    make = lambda n_heads=n_heads: MultiHead(16, n_heads)
    names_error[n_heads] = [error(train(named, make, seed), named) for seed in range(3)]
    print(f"n_heads {n_heads:2}, d_head {16 // n_heads:2}: error", [f"{e:.2f}" for e in names_error[n_heads]])
assert 0.45 < min(names_error[1]) and max(names_error[1]) < 0.55
assert max(names_error[2] + names_error[4]) < 0.1 and min(names_error[8]) > 0.3 and min(names_error[16]) > 0.6
compare("too_many", "above 0.5, worse than one head")

# %% [markdown]
# The next cell draws it.

# %%
fig, ax = figure(6.5, 3)
ax.plot(counts, [np.mean(names_error[n]) for n in counts], "-", color=KEY)
for seed, mark in zip(range(3), "os^", strict=True):
    ax.plot(counts, [names_error[n][seed] for n in counts], mark, color=KEY, ms=5)
ax.axhline(0.5, color=QUIET, lw=0.8, ls="--")
ax.annotate("one mixture", (16, 0.5), xytext=(-66, -12), textcoords="offset points", color=QUIET)
ax.set_xscale("log", base=2)
ax.set_xticks(counts, [f"{n}\n({16 // n})" for n in counts])
ax.set(title="Too few heads hurt, and so do too many", ylabel="error", ylim=(0, 0.75))
ax.set_xlabel("heads (features of each); 1,088 parameters in all cases")
show(fig, alt="Error against heads: 0.5 with 1, below 0.1 with 2 and 4, about 0.4 with 8, above 0.6 with 16; three starts each.")

# %% [markdown]
# **Why.** A score in a head with one feature is a product of two numbers, $q\,k$. It is largest at the largest $k$, or at the smallest if $q$ is negative. So only the two outermost keys can ever be preferred (*How narrow?*, at the end of lesson 05). Sixteen such heads bring sixteen looks, each at an end of some line.
# The next cell counts, in tables of eight random names: how many of them can win, for some query, in a head that sees 1, 2, 3 or all 4 numbers of a name?

# %%
rng = np.random.default_rng(0)
tables = named(rng, B=200)[1].numpy()  # (200, n, 4)
for seen in (1, 2, 3, 4):
    queries = rng.standard_normal((3000, seen))  # (queries, seen)
    winners = (tables[..., :seen] @ queries.T).argmax(axis=1)  # (200, queries): who wins each query
    can_win = np.mean([len(set(row)) for row in winners])
    print(f"{seen} of 4 numbers seen: on average {can_win:.1f} of 8 names can win")
    assert {1: can_win == 2, 2: 4 < can_win < 6, 3: 6 < can_win < 8, 4: can_win > 7.8}[seen]

# %% [markdown]
# **Look.** With all 4 numbers every name can be found. With 2, a name is a point in the plane: put a rubber band around the eight points, and only those that hold it can win. With 1, only the two ends can.
#
# In practice the number lies between. The first Transformer had 8 heads of 64 features. A variant with one head was 0.9 BLEU worse than the best, and one with 32 heads of 16 features lost 0.4. (Vaswani and others, 2017, section 6.2 and table 3, rows A.)
# [Bhojanapalli and others (2020)](https://arxiv.org/abs/2002.07028) call it a low-rank bottleneck: a head with fewer features than there are tokens cannot make every table of weights.
#
# **Change it.** The explorer has six parcels of 4 numbers, A and B wanted, and heads that you aim by hand. At first one head stands between A and B, and nothing arrives whole. **Go to four heads and switch off two of them, so that all of B arrives and nothing of A.** How many numbers do the matrices hold on the way? Pin a state to compare two.

# %%
from course_lib.explorers import multi_head_explorer

multi_head_explorer(preset="One head", predict=False)

# %% [markdown]
# The next cell walks the same way in code: one head, two, four with heads 0 and 1 off.

# %%
for n_heads, off in ((1, []), (2, []), (4, [0, 1])):
    walk = multi_head_explorer(n_heads=n_heads, off=off, predict=False)
    for_a, for_b = walk.output.reshape(2, 4)  # the 4 numbers of each parcel
    print(f"n_heads {n_heads}, off {off}: for A {for_a.round(1)}, for B {for_b.round(1)}, {walk.parameters} parameters")
assert (for_a == 0).all() and walk.parameters == 4 * 8 * 8

# %% [markdown]
# **Look.** Half of the heads serve A and half B, and the count stays at 256.
#
# **Change it.** Where is the border? In the training cell above use `MultiHead(32, n_heads)` (and heads of twice as many features). Which numbers of heads work now? Guess from $d_\text{head}$. (Its assertions complain.)
#
# <details><summary>Answer</summary>
#
# 2, 4 and 8 heads work, with 4 or more features each. 16 heads of 2 features do not (about 0.3), as 8 heads of 2 features did not.
#
# </details>

# %% [markdown]
# ## What the output projection is for (6 min)
#
# After step 4 the heads stand side by side: features 0 to 7 come from head 0, the rest from head 1. $W_O$ has a column for every one of these features. So it can be cut into blocks of columns, one for each head:
#
# $$\text{output} = \sum_h \text{head}_h \, W_{O,h}^\top + \mathbf b$$
#
# Each head writes a contribution of its own into *all* features of the output, and the contributions are added. The next cell asserts it for a trained model.

# %%
*given, wanted = marked(np.random.default_rng(99), 4000)
model = twos[0]
output = model(*given)  # (B, width)
W_o, b_o = model.heads.W_o.weight, model.heads.W_o.bias  # (d_model, d_model), (d_model,)
contributions = [model.heads.merged[:, 0, own] @ W_o[:, own].T for own in (slice(0, 8), slice(8, 16))]  # (B, d_model) each
assert all(part.shape == (4000, 16) for part in contributions)
print("sum of the contributions equals the output to 1e-12:", (sum(contributions) + b_o - output).abs().max().item() < 1e-12)
assert (sum(contributions) + b_o - output).abs().max() < 1e-12

# %% [markdown]
# What if $W_O$ is missing, and the merged heads are the output? Taking a part away and measuring what is lost is called **ablation**. For one of the models the answers are wanted in the usual order, $a_0 \dots a_7, b_0 \dots b_7$, for the other in turns: $a_0, b_0, a_1, b_1, \dots$
#
# **Predict.** Two heads without $W_O$, answers wanted in turns. Training may change everything else. What error is left?

# %%
predict("no_W_o")

# %% [markdown]
# **Run.** First the other order, and the heads without $W_O$.

# %%
def in_turns(rng, B=64):
    *given, wanted = marked(rng, B)
    return *given, wanted.view(B, 2, 8).transpose(1, 2).flatten(1)  # a0, b0, a1, b1, ... (B, 16)


def without_W_o():
    heads = MultiHead(16, n_heads=2)
    heads.W_o = nn.Identity()
    return heads


# %% [markdown]
# The next cell trains them, three starts each.

# %%
turns = [train(in_turns, lambda: MultiHead(16, n_heads=2), seed, steps=200) for seed in range(3)]
for name, draw, with_it in (("A, then B", marked, twos), ("in turns", in_turns, turns)):
    without = [train(draw, without_W_o, seed, steps=200) for seed in range(3)]
    kept, lost = ([error(model, draw) for model in models] for models in (with_it, without))
    print(f"{name:10} with W_O {[f'{e:.2f}' for e in kept]}, without {[f'{e:.2f}' for e in lost]}")
    assert max(kept) < 0.01 and (max(lost) < 0.01 if draw is marked else min(lost) > 0.45)
compare("no_W_o", "0.50")

# %% [markdown]
# **Look.** In the usual order nothing is lost: head 0 fetches A into places 0 to 7 and head 1 fetches B into the rest, and $W_V$ puts their features in order. In turns, head 0 must fill places 0 to 7 alone, with four features of A *and* four of B, out of one mixture. That is the wall again.
#
# **Why.** So $W_O$ is there for two things: it lets a head write anywhere, and it takes mixtures apart, as on paper. (If a linear map follows directly, that one can do the work. In a Transformer an addition and a normalisation follow, lesson 11.)
#
# **Change it.** In the cell of contributions, set `model = twos[1]` and print `contributions[0].std(dim=0)`. Does head 0 write into all 16 features, or into eight? Guess from its sharp look, A 0.95 and B 0.05.
#
# <details><summary>Answer</summary>
#
# Into all: about 1.0 in the first eight, and about 0.03 in the others. Head 1 looks at A with 0.03, so a little of A must be taken out of what head 1 writes for B. Head 0 does that.
#
# </details>

# %% [markdown]
# ## Does each head do something of its own? (9 min)
#
# **Trap.** *"Each head attends to another aspect."* The paper says that several heads *allow* the model "to jointly attend to information from different representation subspaces at different positions". Allow is not force: nothing in the loss asks the heads to differ. We test it where the truth is known.
#
# Eight heads of 4 features, `d_model` = 32, and the parcels A and B. Two looks are needed. One look with 4 features carries 4 numbers, and 16 are wanted.
#
# **Predict.** How will the eight heads share the work?

# %%
predict("roles")

# %% [markdown]
# **Run.** Three starts, 300 steps each, and where each head looks.

# %%
eights = [train(marked, lambda: MultiHead(32, n_heads=8), seed) for seed in range(3)]
for seed, model in enumerate(eights):
    on_a, on_b = (looks(model) > 0.95).sum(dim=0).tolist()
    print(f"start {seed}: error {error(model, marked):.4f}; heads on A alone {on_a}, on B alone {on_b}, on both {8 - on_a - on_b}")
    assert error(model, marked) < 0.001 and min(on_a, on_b) >= 2 and on_a + on_b < 8
compare("roles", "several look at A, several at B, some at both")

# %% [markdown]
# The next cell draws the looks of all heads.

# %%
from course_lib.plots import heat_map

fig, axes = figure(8, 3.3, columns=3)
for seed, (ax, model) in enumerate(zip(axes, eights, strict=True)):
    heat_map(ax, looks(model).numpy(), [f"head {h}" for h in range(8)], ["A", "B"], label=f"start {seed}")
    ax.set_aspect(0.4)
fig.suptitle("Heads repeat each other, and no number has a fixed task", x=0.01, ha="left", fontsize=11, fontweight="bold")
show(fig, alt="Mean weight on A and B of eight heads for three starts: in each several heads on A, several on B, some on both.")

# %% [markdown]
# **Look.** Several heads look at the same parcel. Which ones do is an accident of the start. It must be: the heads are added up, so their order has no meaning. The next cell exchanges all eight, with their parameters, and nothing changes.

# %%
import copy

model = eights[0]
shuffled = copy.deepcopy(model)
features = torch.arange(32).view(8, 4).flip(0).flatten()  # head 7 first, head 0 last (d_model,)
for name in ("W_q", "W_k", "W_v"):
    layer = getattr(shuffled.heads, name)
    layer.weight.data, layer.bias.data = layer.weight[features].clone(), layer.bias[features].clone()
shuffled.heads.W_o.weight.data = model.heads.W_o.weight[:, features].clone()
same = (shuffled(*given) - model(*given)).abs().max().item() < 1e-12
print("heads in reverse order, same output to 1e-12:", same)
assert same and torch.allclose(looks(shuffled), looks(model).flip(0))

# %% [markdown]
# **Change it.** Leave `"W_k"` out of the loop in the cell above. Guess what happens to the output, then run it. Put it back.
#
# <details><summary>Answer</summary>
#
# The output changes: the queries of head 7 now meet the keys of head 0. What belongs to one head must move together. (The `assert` complains.)
#
# </details>
#
# So is every head needed? The next cell switches off one at a time, and does not train again.

# %%
def importance(model):
    """Error when one head is switched off, for each head."""
    errors = []
    for h in range(8):
        model.heads.on = (torch.arange(8) != h).double()  # (n_heads,)
        errors.append(error(model, marked, B=1000))
    model.heads.on = torch.ones(8)
    return np.array(errors)


for seed, model in enumerate(eights):
    errors = importance(model)
    print(f"start {seed}: error without head 0, 1, ... 7:", " ".join(f"{e:.2f}" for e in errors))
    assert errors.min() < 0.03 and errors.max() > 0.14

# %% [markdown]
# **Look.** In each run some heads matter many times as much as others. Some can be switched off at the cost of about 0.02. Yet this counts what the *rest of the model* expects of a head, not what the head knows: $W_O$ was fitted to the presence of all eight.
# A fairer question lets $W_O$ adapt. It is linear, so the best one can be computed at once, by least squares.
#
# **Predict.** Heads are switched off one after another, always the one that is missed least, and $W_O$ is fitted anew each time. How many of the eight can go before the error rises?

# %%
predict("spare")

# %% [markdown]
# **Run.** `refitted` fits on 2,000 tables and measures on 2,000 others.

# %%
def refitted(merged, on):
    """Error with the best possible W_O for the heads that are on; merged (B, d_model), on (n_heads,)."""
    kept = merged[:, on.repeat_interleave(4)]  # (B, 4 * heads on)
    kept = torch.cat([kept, torch.ones(len(kept), 1)], dim=1)  # for the bias
    best = torch.linalg.lstsq(kept[:2000], wanted[:2000], driver="gelsd").solution
    return ((kept[2000:] @ best - wanted[2000:]) ** 2).mean().item()


# %% [markdown]
# The next cell switches heads off, one after another.

# %%
for seed, model in enumerate(eights):
    model(*given)
    merged, on, path = model.heads.merged[:, 0].detach(), torch.ones(8, dtype=torch.bool), []
    while on.sum() > 1:
        tried = {h: refitted(merged, on & (torch.arange(8) != h)) for h in range(8) if on[h]}
        gone = min(tried, key=tried.get)
        on[gone] = False
        path.append(tried[gone])
    print(f"start {seed}: error with 7, 6, ... 1 heads left:", " ".join(f"{e:.2f}" for e in path))
    assert max(path[:4]) < 0.001 and np.allclose(path[4:], [0.25, 0.5, 0.75], atol=0.04)
compare("spare", "4")

# %% [markdown]
# **Look.** Four can go at no cost, in all three starts: four heads of 4 features carry 16 numbers. Then the flat of the proof shrinks by 4 dimensions with each head, and the error rises by 4/16. The eight heads knew the same things twice.
#
# **Why.** In large models the same was found. [Michel, Levy and Neubig (2019)](https://arxiv.org/abs/1905.10650) report that "a large percentage of attention heads can be removed at test time without significantly impacting performance". Some layers can do with a single one.
# [Voita and others (2019)](https://aclanthology.org/P19-1580) pruned 38 of 48 encoder heads of a translation model, English to Russian, for a loss of only 0.15 BLEU. In their model the heads that stayed longest did have tasks that one can name, such as looking at the neighbour.
# So heads *may* specialise. Whether one did has to be measured, and one picture of one head shows it neither way.
#
# **Change it.** The model of start 0 has 32 features for 16 numbers. Train one without room to spare, `MultiHead(16, n_heads=4)`: four heads of 4. How many can be switched off with $W_O$ fitted anew? Guess; then compute `refitted` for each single head off, in a new cell (`repeat_interleave(4)` fits).
#
# <details><summary>Answer</summary>
#
# None: whichever head is off, the error is about 0.25. Where there is no room to spare, every head is needed.
#
# </details>

# %% [markdown]
# ## torch's own module, and its mask (6 min)
#
# PyTorch has this layer too, `nn.MultiheadAttention`. It packs $W_Q, W_K, W_V$ into one matrix, one below the other. Unless told `batch_first=True` it takes (n, B, d_model). It returns the weights too, as a mean over the heads.
# The next cell copies our parameters into it.

# %%
torch.manual_seed(2)
ours, theirs = MultiHead(12, n_heads=3), nn.MultiheadAttention(12, num_heads=3, batch_first=True)
q, k = torch.randn(2, 5, 12), torch.randn(2, 7, 12)  # (B, n_q, d_model), (B, n_k, d_model)
packed = (ours.W_q, ours.W_k, ours.W_v)
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in packed]))  # (3 d_model, d_model)
    theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in packed]))  # (3 d_model,)
theirs.out_proj.load_state_dict(ours.W_o.state_dict())
output, mean_weights = theirs(q, k, k)  # (B, n_q, d_model), (B, n_q, n_k)
print(f"equal to 1e-12: {(output - ours(q, k, k)).abs().max().item() < 1e-12}")
assert (output - ours(q, k, k)).abs().max() < 1e-12 and torch.allclose(mean_weights, ours.weights.mean(dim=1))
assert output.shape == (2, 5, 12) and mean_weights.shape == (2, 5, 7)

# %% [markdown]
# They are equal. Now a mask: in this course True means *may be attended*. Here keys 5 and 6 are padding, so `keep` is five times True and twice False.
#
# **Predict.** We hand `keep` to torch's module as its `attn_mask`. What comes back?

# %%
predict("polarity")

# %% [markdown]
# **Run.** The weights on real keys and on padding, for both signs.

# %%
keep = torch.tensor([True] * 5 + [False] * 2).expand(5, 7)  # (n_q, n_k)
for name, mask in (("keep", keep), ("~keep", ~keep)):
    output, weights = theirs(q, k, k, attn_mask=mask)
    equal = torch.allclose(output, ours(q, k, k, mask=keep))
    real, padding = weights[..., :5].sum(dim=-1).mean(), weights[..., 5:].sum(dim=-1).mean()
    print(f"attn_mask={name:5}: weight on real keys {real:.0f}, on padding {padding:.0f}; equals ours with keep: {equal}")
    assert equal == (name == "~keep")
by_keys = theirs(q, k, k, key_padding_mask=~keep[:2])[0]  # here one row for each example (B, n_k)
fused = nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=keep)  # (B, n_q, d_model)
print("F.scaled_dot_product_attention with keep equals ours:", torch.allclose(fused, attention(q, k, k, keep)[0]))
assert torch.allclose(by_keys, ours(q, k, k, mask=keep)) and torch.allclose(fused, attention(q, k, k, keep)[0])
compare("polarity", "all weight on the padding, without an error")

# %% [markdown]
# **Look.** In this module True means *hidden*, for `attn_mask` and for `key_padding_mask` alike. It runs without an error in either case, and with the wrong sign it reads nothing but padding.
# (In `F.scaled_dot_product_attention`, of the same library, True means *may be attended*, as here. Look it up each time.)
#
# **Predict.** Now query 1 may attend nothing at all. Our rule of lesson 04: its weights are 0, so only the bias of $W_O$ comes out. What does torch's module give?

# %%
predict("empty")

# %% [markdown]
# **Run.** The empty row, from both.

# %%
nobody = keep.clone()  # (n_q, n_k)
nobody[1] = False
from_ours, (from_theirs, _) = ours(q, k, k, mask=nobody), theirs(q, k, k, attn_mask=~nobody)
print("ours, query 1, equals the bias of W_O:", torch.equal(from_ours[0, 1], ours.W_o.bias))
print("torch's, query 1:", from_theirs[0, 1, :3].tolist())
assert torch.equal(from_ours[0, 1], ours.W_o.bias) and from_theirs[:, 1].isnan().all()
assert torch.allclose(from_theirs[:, [0, 2, 3, 4]], from_ours[:, [0, 2, 3, 4]])
without_weights = theirs(q, k, k, attn_mask=~nobody, need_weights=False)[0]  # (B, n_q, d_model)
print("torch's with need_weights=False, equal to ours:", torch.allclose(without_weights, from_ours))
compare("empty", "nan")

# %% [markdown]
# **Look.** With weights asked for, the module takes softmax of a row of $-\infty$, which is 0 divided by 0, and gives nan. Without them it takes another path, through a fused kernel, and gives what we give, in the version of this page. A sentence of nothing but padding can so break a training, or not, for a reason that has nothing to do with it.
#
# A mask for each example, (B, n_q, n_k), needs one more axis for the heads. The library's `MultiHeadAttention` adds this axis itself; for the short class of this lesson we write `each[:, None]`. torch's module wants the heads multiplied into the batch, (B · n_heads, n_q, n_k). The next cell shows both.

# %%
each = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(0)) > 0.4  # (B, n_q, n_k)
assert each.any(dim=-1).all()
output = ours(q, k, k, mask=each[:, None])  # (B, 1, n_q, n_k): one mask for all heads
for_all = (~each).repeat_interleave(3, dim=0)  # (B * n_heads, n_q, n_k)
print("a mask for each example, equal:", torch.allclose(theirs(q, k, k, attn_mask=for_all)[0], output))
assert for_all.shape == (6, 5, 7) and torch.allclose(theirs(q, k, k, attn_mask=for_all)[0], output)

# %% [markdown]
# **Change it.** Write `(~each).repeat(3, 1, 1)` in place of `repeat_interleave`. The shape is the same. Why is the output not?
#
# <details><summary>Answer</summary>
#
# `repeat` gives the masks of examples 0, 1, 0, 1, 0, 1; wanted are 0, 0, 0, 1, 1, 1, because the heads of one example stand together. Some heads then get the mask of the other sentence, and no shape tells.
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. Why can one head not fetch two vectors, however wide it is?</summary>
#
# With one query it brings home one mixture, 8 numbers. All answers lie in a flat of 8 dimensions, and 16 are wanted: half of the variance is lost, whatever the weights.
#
# </details>
#
# <details><summary>2. Must the two heads each look at one token?</summary>
#
# No. Two different mixtures are two equations, and $W_O$ solves them. They must look differently, and have room.
#
# </details>
#
# <details><summary>3. What are the five steps, and the shape after each?</summary>
#
# Project (B, n, d_model), split (B, n_heads, n, d_head), attend (the same, with weights (B, n_heads, n_q, n_k)), merge (B, n_q, d_model), mix (B, n_q, d_model).
#
# </details>
#
# <details><summary>4. Somebody splits with <code>view(B, n_heads, n, d_head)</code>. What happens, and which two tests see it?</summary>
#
# Each head gets a stretch of the sequence in place of some features. All shapes fit and the loss falls. Nudge a token and look who moves, or compare with the loop.
#
# </details>
#
# <details><summary>5. From 8 heads to 16 at the same d_model: what changes, what does not?</summary>
#
# The number of parameters stays. $d_\text{head}$ is halved, so each head can tell fewer keys apart.
#
# </details>
#
# <details><summary>6. A head is switched off and the error hardly moves. What have you shown?</summary>
#
# That the rest of this model does without it. Not that a model trained with one head fewer would do as well, nor what the head looks at.
#
# </details>
#
# <details><summary>7. From lesson 04: what comes out for a query that may attend nothing, and what if the code adds −∞ before softmax?</summary>
#
# By our rule zeros (after $W_O$: its bias). With −∞ in a whole row softmax divides 0 by 0: nan.
#
# </details>
#
# **What stays.** A head is one look, and one look is one mixture. Several narrow heads cost as much as one wide head, and bring home several mixtures, which $W_O$ takes apart. The two parcels from the start are in good hands now, 16 numbers of 16.
# The next lesson puts this layer into a block, and twelve blocks on top of each other.

# %% [markdown]
# ## A smuggler (after the lesson)
#
# For those who want more. In the proof the values were the contents alone. Suppose that the values also show the marks. The mixture then has two more numbers: the weights on A and B themselves. And weights can depend on contents.
#
# **Predict.** One number in each of two parcels, one head, values (content, mark of A). Somebody chooses the keys by hand. How small can the error become?

# %%
predict("smuggler")

# %% [markdown]
# **By hand.** Let the score be $\kappa$ times the content, with a small $\kappa$. Then $w = \sigma(\kappa (a - b)) \approx \tfrac12 + \tfrac\kappa4 (a - b)$, where $\sigma(x) = 1/(1 + e^{-x})$: the weight has become a message about $a - b$. The second number of the mixture is $w$. So $a - b \approx \tfrac4\kappa (w - \tfrac12)$, a linear function of what comes home, and $m \approx \tfrac12 (a + b)$.
#
# **Run.** The linear answers $m \pm \tfrac2\kappa (w - \tfrac12)$, for three $\kappa$.

# %%
for kappa in (1.0, 0.1, 0.01):
    scores = kappa * pairs  # (pairs, n_k): a score for A and for B
    weights = scores.softmax(dim=-1)  # (pairs, n_k)
    m, w = (weights * pairs).sum(dim=-1), weights[:, 0]  # (pairs,) each: the mixture of values (content, mark of A)
    answers = torch.stack([m + 2 / kappa * (w - 0.5), m - 2 / kappa * (w - 0.5)], dim=-1)  # (pairs, 2)
    smuggled = ((answers - pairs) ** 2).mean().item()
    print(f"kappa {kappa:4}: error {smuggled:.4f}, numbers in the last layer up to {2 / kappa:.0f}")
assert smuggled < 0.001
compare("smuggler", "as small as one likes")

# %% [markdown]
# **Look.** One head hands over two numbers: one in what it mixes, one in *how* it mixes. With 8 numbers in each parcel a head has one such message for 16 numbers, so it saves at most 1/16: the wall then stands at 7/16, not at 8/16.
# (A weight is a function of one number of each token, $\mathbf q \cdot \mathbf k_j$. Whatever lies at a right angle to it, 7 numbers of A and 7 of B, is mixed as before.)
# Does training find the trick? The next cell lets the values show the marks, and trains one head for 400 steps from three starts.

# %%
def marks_in_values(rng, B=64):
    question, keys, _, wanted = marked(rng, B)
    return question, keys, keys, wanted


models = [train(marks_in_values, lambda: MultiHead(16, n_heads=1), seed, steps=400) for seed in range(3)]
smugglers = [error(model, marks_in_values) for model in models]
print("one head, marks in the values: error", [f"{e:.2f}" for e in smugglers], " 7/16 =", 7 / 16)
assert min(smugglers) < 0.46 and 0.48 < max(smugglers) < 0.52

# %% [markdown]
# **Look.** From one start of three training goes through the old wall, to the new one. So the first experiment of this lesson stands because its values are the contents alone. A proof needs every condition spelled out, and an experiment that seems to confirm it may have been run from the wrong start.

# %% [markdown]
# ## Three parcels (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Write `three_marked(rng, B)`: as `marked`, with three marks A, B, C. Keys are (B, 12, 11), values (B, 12, 8), wanted is (B, 24). The acceptance test trains two and three heads with `d_model` = 24. Before you run it: which error will two heads leave?

# %%
def three_marked(rng, B=64):
    """Question (B, 1, 1), keys (B, 12, 11), values (B, 12, 8), wanted (B, 24): replace the body."""
    return marked(rng, B)


# %% [markdown]
# **Run.** The acceptance test.

# %%
shapes = [tuple(array.shape) for array in three_marked(np.random.default_rng(0), 64)]
if shapes == [(64, 1, 1), (64, 12, 11), (64, 12, 8), (64, 24)]:
    results = [error(train(three_marked, lambda n=n: MultiHead(24, n_heads=n)), three_marked) for n in (2, 3)]
    passed = 0.3 < results[0] < 0.36 and results[1] < 0.01
    print(f"2 heads {results[0]:.2f}, 3 heads {results[1]:.2f}:", "passed" if passed else "not yet")
else:
    print("not yet: the shapes are", shapes)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `rng.permuted(np.tile(np.arange(12), (B, 1)), axis=1)[:, :3]` draws three different places for each table. Two heads carry 16 of 24 numbers: one third of the error stays.
#
# </details>
