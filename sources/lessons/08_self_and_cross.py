# ---
# jupyter:
#   course:
#     title: Self-attention and cross-attention
#     question: Who asks, and who answers?
#     minutes: 75
#     short_path: 28
#     needs: [03_attention, 04_masks, 05_gradients, 06_bottleneck, 07_additive_attention]
#     objectives:
#       - make queries, keys and values of one token with three matrices, on paper and as a module
#       - predict what is lost when one of the three matrices is left out, and why
#       - say which shuffles an attention layer notices, prove it in one line, and test it
#       - let one sequence ask another of different length, with a mask, and name every shape
#       - keep apart who asks whom (self, cross) and how the score is computed (additive, dot product)
#     terms: [projection matrix, self-attention, permutation equivariance, cross-attention, permutation invariance]
# ---

# %%
import torch
from torch import nn

from course_lib import compare, predict, start

start("08_self_and_cross", torch=True)

# %% [markdown]
# ## Six guests at a swap party (4 min, short path)
#
# Six guests stand in a room. Each wears a name badge, looks for one other guest, and has brought one thing. At the end, each should carry home **the thing of the guest they look for**.
#
# A guest is one token: name (one of 8), sought name (one of 8) and thing (one of 6), each one-hot, side by side. That makes $d_\text{model} = 8 + 8 + 6 = 22$ numbers. The next cell draws such rooms.

# %%
people = "Ana Ben Cleo Dan Eva Finn Gil Hana".split()
things = "apples bread cheese dates eggs figs".split()
NAME, SEEKS, BRINGS = slice(0, 8), slice(8, 16), slice(16, 22)  # the three parts of a token


def party(B, n, rng):
    """B rooms: tokens (B, n, d_model), the place of the sought guest (B, n), that guest's thing (B, n)."""
    who = torch.rand(B, 8, generator=rng).argsort(dim=-1)[:, :n]
    ring = torch.rand(B, n, generator=rng).argsort(dim=-1)  # each seeks the next of a random ring
    sought = torch.empty(B, n, dtype=torch.long).scatter_(1, ring, ring.roll(-1, dims=1))
    thing = torch.randint(6, (B, n), generator=rng)
    parts = (torch.eye(8)[who], torch.eye(8)[who.gather(1, sought)], torch.eye(6)[thing])
    return torch.cat(parts, dim=-1), sought, thing.gather(1, sought)


# %% [markdown]
# Here is one room.

# %%
room, sought, right = party(1, 6, torch.Generator().manual_seed(7))  # (B, n, d_model), (B, n), (B, n)
names = [people[i] for i in room[0, :, NAME].argmax(dim=-1)]
for name, guest, answer in zip(names, room[0], right[0], strict=True):
    wish, thing = people[guest[SEEKS].argmax()], things[guest[BRINGS].argmax()]
    print(f"{name:5} seeks {wish:5} brought {thing:8} should go home with {things[answer]}")
assert room.shape == (1, 6, 22) and sought.shape == right.shape == (1, 6)

# %% [markdown]
# Attention is made for such look-ups: a query finds a key and receives its value. So we hand the tokens to the attention of lesson 03, as queries, as keys and as values.
#
# **Predict.** At whom does each guest look most?

# %%
predict("raw")

# %% [markdown]
# **Run.** The largest weight of each guest.

# %%
from course_lib.transformer.attention import scaled_dot_product_attention as attention

_, weights = attention(room, room, room)  # (B, n, n): row asks, column answers
for name, row in zip(names, weights[0], strict=True):
    print(f"{name:5} looks most at {names[row.argmax()]:5} ({row.max():.2f})")
assert weights.shape == (1, 6, 6) and (weights.argmax(dim=-1)[0] == torch.arange(6)).all()
compare("raw", "at themselves")

# %% [markdown]
# **Look.** Everybody finds themselves. Lesson 03 ended there too, with a pronoun that never found its noun. The dot product compares name with name, wish with wish, thing with thing.
# But the party needs another comparison: *my wish with your name*. In this lesson you build the layer that can learn it.
#
# **Short path.** 28 minutes: the four sections whose heading says *short path*, and recap questions 1 to 4.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones.

# %% [markdown]
# ## Ask, answer, hand over (10 min, short path)
#
# A guest plays three parts at once. They **ask** (whom do I seek?), they **answer** (who am I?), and they **hand over** (what did I bring?). So each token gets three vectors in place of one:
#
# $$\mathbf q_i = W_Q\,\mathbf x_i \qquad \mathbf k_i = W_K\,\mathbf x_i \qquad \mathbf v_i = W_V\,\mathbf x_i$$
#
# Each $W$ is a **projection matrix**: a table of numbers to be learnt, the same for every token. (Not the shadow of lesson 01. In this trade any linear map into another space is called a projection.)
# Where queries, keys and values all come from one sequence, the layer is called **self-attention**: the sequence asks itself.
#
# | step | formula | shape |
# |---|---|---|
# | tokens | $X$, one row a token | (n, d_model) |
# | the three matrices | $W_Q,\ W_K,\ W_V$ | (d_head, d_model) for the first two, (d_v, d_model) |
# | 1. project | $Q = X W_Q^\top,\ K = X W_K^\top,\ V = X W_V^\top$ | (n, d_head), (n, d_head), (n, d_v) |
# | 2. score | $S = Q K^\top / \sqrt{d_\text{head}}$ | (n, n) |
# | 3. weigh | $A = \mathrm{softmax}(S)$, row by row | (n, n) |
# | 4. mix | $O = A V$ | (n, d_v) |
#
# Steps 2 to 4 are lesson 03. Step 1 is new. $W^\top$ stands on the right because tokens are rows; `nn.Linear` stores $W$ in the same way, as (out, in).
#
# **By hand.** Three tokens with $d_\text{model} = 2$: a $= (1, 0)$, b $= (0, 1)$, c $= (1, 1)$. Read the first number as *how much it asks*, the second as *how much it offers*. With $d_\text{head} = d_v = 1$ take
#
# $$W_Q = (\ln 2,\ 0) \qquad W_K = (0,\ 1) \qquad W_V = (15,\ 30)$$
#
# a asks b with the score $q_a k_b = \ln 2 \cdot 1 = \ln 2$.
#
# **Predict.** What is the score the other way round, when b asks a?

# %%
predict("asymmetric")

# %% [markdown]
# **Run.** The four steps in code, with the numbers from paper: scores of a: $0, \ln 2, \ln 2$; its weights $\tfrac15, \tfrac25, \tfrac25$; its output $\tfrac15 \cdot 15 + \tfrac25 \cdot 30 + \tfrac25 \cdot 45 = 33$.

# %%
ln2 = torch.log(torch.tensor(2.0))
x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # (n, d_model): a, b, c
W_Q, W_K = torch.tensor([[ln2, 0.0]]), torch.tensor([[0.0, 1.0]])  # (d_head, d_model) each
W_V = torch.tensor([[15.0, 30.0]])  # (d_v, d_model)

Q, K, V = x @ W_Q.T, x @ W_K.T, x @ W_V.T  # 1. project (n, d_head), (n, d_head), (n, d_v)
S = Q @ K.T / W_Q.shape[0] ** 0.5  # 2. score (n, n)
A = S.softmax(dim=-1)  # 3. weigh (n, n)
O = A @ V  # 4. mix (n, d_v)
print("weights\n", A.numpy(), "\noutput", O[:, 0].numpy())
assert Q.shape == K.shape == V.shape == O.shape == (3, 1) and S.shape == A.shape == (3, 3)
assert torch.allclose(A, torch.tensor([[0.2, 0.4, 0.4], [1 / 3, 1 / 3, 1 / 3], [0.2, 0.4, 0.4]]))
assert S[0, 1] == ln2 and S[1, 0] == 0 and torch.allclose(O[:, 0], torch.tensor([33.0, 30.0, 33.0]))
compare("asymmetric", "0")

# %% [markdown]
# The next cell draws the same numbers as tables: queries in vermilion, keys in blue, values in green.

# %%
from course_lib.palette import KEY, PAPER, QUERY, QUIET, VALUE
from course_lib.plots import figure, number_grids, show

colors = {"Q": QUERY, "K transposed": KEY, "V": VALUE, "output": VALUE}
fig, ax = figure(8, 2)
grids = {"Q": Q, "K transposed": K.T, "S": S, "A": A, "V": V, "output": O}
number_grids(ax, {k: g.numpy().round(2) for k, g in grids.items()}, ["times", "=", "softmax", "times", "="], colors)
ax.set_title("a asks b with 0.69, b asks a with 0: the scores are not symmetric")
show(fig, alt="Q, K transposed, scores, weights, V, output 33, 30, 33. Scores of a: 0, 0.69, 0.69; of b: 0, 0, 0.")

# %% [markdown]
# **Look.** b asks nothing ($q_b = 0$), so all its scores are 0 and it takes the plain mean, 30. Token c both asks and offers: it looks at b and at itself, twice as much as at a.
# With one vector per token the score of a for b is that of b for a. Two matrices end that: *a looks at b* no longer says anything about *b looks at a*.
#
# **Make it.** Two lines of step 1 are blank. Fill them in and run the cell: it compares with the paper and with the library.

# %%
def attend_with_blanks(x, W_Q, W_K, W_V):
    queries = x @ W_Q.T  # 1. project (n, d_head)
    keys = torch.zeros(len(x), len(W_K))  # blank: (n, d_head)
    values = torch.zeros(len(x), len(W_V))  # blank: (n, d_v)
    scores = queries @ keys.T / len(W_Q) ** 0.5  # 2. score (n, n)
    weights = scores.softmax(dim=-1)  # 3. weigh (n, n)
    return weights @ values  # 4. mix (n, d_v)


X, *three = (torch.randn(shape) for shape in ((5, 7), (3, 7), (3, 7), (2, 7)))  # n 5, d_model 7, d_head 3, d_v 2
print("paper  ", "right" if torch.allclose(attend_with_blanks(x, W_Q, W_K, W_V), O) else "not yet")
expected = attention(*(X @ W.T for W in three))[0]
print("library", "right" if torch.allclose(attend_with_blanks(X, *three), expected) else "not yet")

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# keys = x @ W_K.T
# values = x @ W_V.T
# ```
#
# </details>
#
# The next cell is the layer that we keep, as a module with three matrices (lesson 06). The first step is a method of its own, because we will tamper with it. It takes a batch, and returns the weights too.

# %%
class MySelfAttention(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def project(self, x):
        return self.W_q(x), self.W_k(x), self.W_v(x)

    def forward(self, x):  # (B, n, d_model)
        Q, K, V = self.project(x)  # 1. project (B, n, d_head) each
        scores = Q @ K.mT / Q.shape[-1] ** 0.5  # 2. score (B, n, n)
        weights = scores.softmax(dim=-1)  # 3. weigh (B, n, n)
        return weights @ V, weights  # 4. mix (B, n, d_head)


# %% [markdown]
# **Run.** The library has the same class. The cell copies our matrices into it, asserts that both agree, and shows the library's own step 1.

# %%
import inspect

from course_lib.transformer.attention import SelfAttention

mine, theirs = MySelfAttention(7, 3), SelfAttention(7, 3)
theirs.load_state_dict(mine.state_dict())
X = torch.randn(2, 5, 7)  # (B, n, d_model)
output, weights = mine(X)
assert output.shape == (2, 5, 3) and weights.shape == (2, 5, 5)
assert torch.allclose(theirs(X), output) and torch.allclose(theirs(X, return_weights=True)[1], weights)
print("ours and the library's: the same\n")
print(inspect.getsource(SelfAttention.forward).split('"""')[2].strip("\n"))

# %% [markdown]
# **Look.** The library's `mask` and `causal` are those of lesson 04. The rest is ours.
#
# At the party one can set the matrices by hand: $W_Q$ picks the wish, $W_K$ the name, $W_V$ the thing. A factor of 20 makes the choice sharp. The next cell sends everybody home.

# %%
I = torch.eye(22)
layer = MySelfAttention(22, 8)
layer.W_q.weight.data, layer.W_k.weight.data = 20 * I[SEEKS], I[NAME]  # (d_head, d_model) each
layer.W_v.weight.data = torch.cat([I[BRINGS], torch.zeros(2, 22)])  # (d_head, d_model)
with torch.no_grad():
    output, weights = layer(room)  # (B, n, d_head), (B, n, n)
for name, share, answer in zip(names, output[0, :, :6], right[0], strict=True):
    verdict = "as wished" if share.argmax() == answer else "wrong"
    print(f"{name:5} goes home with {things[share.argmax()]:8} ({share.max():.2f}) {verdict}")
assert (output[0, :, :6].argmax(dim=-1) == right[0]).all() and output[..., 6:].abs().max() == 0

# %% [markdown]
# **Look.** One layer, three matrices, six right answers. (Things need 6 numbers and $d_\text{head}$ is 8: the last two rows of $W_V$ stay 0.)
#
# **Change it.** Exchange `SEEKS` and `NAME` in that cell. Who finds whom now? Guess, run, and put them back.
#
# <details><summary>Answer</summary>
#
# Each asks with their *name* and is found by their *wish*. So each guest finds the one who seeks *them*: the ring, run backwards. The table of scores is transposed.
#
# </details>

# %% [markdown]
# ## Learn whom to ask (6 min, short path)
#
# Nobody sets such matrices by hand. Now they start random and learn. A last linear layer, the *readout*, turns each output (d_head) into six scores, one for each thing. The loss is $-\ln p$ of the right thing (lesson 02), and torch computes the gradients (lesson 06).

# %%
class Fetcher(nn.Module):
    """An attention layer, then a readout (B, n, width) -> (B, n, 6)."""

    def __init__(self, attend, width):
        super().__init__()
        self.attend, self.readout = attend, nn.Linear(width, 6)

    def forward(self, *tokens):
        output, weights = self.attend(*tokens)
        return self.readout(output), weights


# %% [markdown]
# The training loop draws 64 fresh rooms at each step. Nothing but the right thing is told; *whom to look at* is not.

# %%
def learn(model, draw=party, sizes=(6,), steps=300):
    rng = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        *tokens, _, right = draw(64, *sizes, rng)
        logits, _ = model(*tokens)  # (B, n, 6)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), right.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


# %% [markdown]
# The next cell says how a model is judged: 1,000 fresh rooms, the share of right things, and the mean weight on the sought guest.

# %%
@torch.no_grad()
def judge(model, draw=party, sizes=(6,)):
    """Accuracy, and the weights (B, n_q, n_k) with the sought places (B, n_q)."""
    *tokens, sought, right = draw(1000, *sizes, torch.Generator().manual_seed(2))
    logits, weights = model(*tokens)
    return (logits.argmax(dim=-1) == right).double().mean().item(), weights, sought


def on(weights, places):
    """Mean weight that the queries put on these places (B, n_q)."""
    return weights.gather(2, places[..., None]).mean().item()


# %% [markdown]
# **Run.** Train and judge.

# %%
torch.manual_seed(0)
model = learn(Fetcher(MySelfAttention(22, 8), 8))
accuracy, weights, whom = judge(model)
print(f"right things {accuracy:.1%}, weight on the sought guest {on(weights, whom):.2f} (alike: {1 / 6:.2f})")
assert weights.shape == (1000, 6, 6) and accuracy > 0.995 and on(weights, whom) > 0.8

# %% [markdown]
# **Change it.** How few steps are enough for 99 %? Guess, then give `learn` its last argument, such as `steps=100`, in the cell above. (Its `assert` may complain.) Put 300 back.
#
# <details><summary>Answer</summary>
#
# Some 45: it is right in 70 % after 30 steps, 96 % after 40 and 100 % after 50.
#
# </details>
#
# The next cell draws who looks at whom in the room from the start, before and after.

# %%
from course_lib.plots import heat_map

wishes = [f"{name} seeks {people[guest[SEEKS].argmax()]}" for name, guest in zip(names, room[0], strict=True)]
with torch.no_grad():
    maps = (attention(room, room, room)[1], model(room)[1])  # (B, n, n) each
fig, axes = figure(8, 3.7, columns=2)
for ax, picture, title in zip(axes, maps, ("tokens as they are: oneself", "learnt: the sought guest"), strict=True):
    heat_map(ax, picture[0].numpy(), wishes if ax is axes[0] else names, names, label=title)
    ax.set(xlabel="answers", ylabel="asks")
show(fig, alt="Maps of six guests. As they are each looks most at themselves; learnt, each row is on the sought guest.")
assert (maps[1].argmax(dim=-1) == sought).all()

# %% [markdown]
# **Look.** Each row has found its guest, and the map is not symmetric: who is sought does not look back. The loss never mentioned a look. It asked for the right thing, and looking at the right guest was the way to get it.
#
# All rooms had six guests.
#
# **Predict.** The same layer goes to rooms of 2 to 8 guests. What happens?

# %%
predict("rooms")

# %% [markdown]
# **Run.** The accuracy for each size, and the number of parameters that it takes.

# %%
sizes = {n: judge(model, sizes=(n,))[0] for n in range(2, 9)}
print("accuracy:", "  ".join(f"{n} guests {share:.1%}" for n, share in sizes.items()))
counts = {part: sum(p.numel() for p in getattr(model, part).parameters()) for part in ("attend", "readout")}
print("parameters:", counts)
assert min(sizes.values()) > 0.99 and counts == {"attend": 3 * 22 * 8, "readout": 8 * 6 + 6}
compare("rooms", "it works as well")

# %% [markdown]
# **Look.** No matrix has an axis for guests: together they have $3 \cdot d_\text{model} \cdot d_\text{head} = 528$ numbers whether two guests come or two thousand. The map of $n \times n$ weights is computed, not stored.
#
# **Make it.** [The exercises](../exercises/08_self_and_cross.ipynb) ask for `SelfAttention` from an empty class. You can write it now or after the recap.

# %% [markdown]
# ## Take one away (9 min)
#
# Are three matrices needed? To judge what a poor layer can do, the next cell plays without looking at anybody: it names the most frequent thing that the *other* guests brought.

# %%
tokens, _, right_things = party(10_000, 6, torch.Generator().manual_seed(6))
brought = tokens[..., BRINGS]  # (B, n, 6)
by_counting = (brought.sum(dim=1, keepdim=True) - brought).argmax(dim=-1)  # (B, n)
counting = (by_counting == right_things).double().mean().item()
print(f"right by counting alone: {counting:.0%}")
assert 0.42 < counting < 0.44

# %% [markdown]
# **Look.** 43 % without a single look. Whoever is not above that has found nobody.
#
# First, let one matrix serve as both $W_Q$ and $W_K$. A guest then asks with the very vector by which they are found.
#
# **Predict.** Trained as before, how well does it do?

# %%
predict("one_for_both")

# %% [markdown]
# And then one is left out: without $W_Q$ the token itself is the query, without $W_V$ the token itself is the value. (Without $W_Q$ the key has to be as long as the token, so $d_\text{head} = 22$.)
#
# **Predict.** Which of the two can be left out without harm?

# %%
predict("left_out")

# %% [markdown]
# The variants change step 1, and one of them hides each guest from themselves with a mask (lesson 04).

# %%
class OneForBoth(MySelfAttention):
    def project(self, x):
        return self.W_q(x), self.W_q(x), self.W_v(x)


class ItselfHidden(OneForBoth):
    def forward(self, x):
        return attention(*self.project(x), mask=~torch.eye(x.shape[1], dtype=torch.bool))


class NoQueries(MySelfAttention):
    def project(self, x):
        return x, self.W_k(x), self.W_v(x)

# %% [markdown]
# Two more, one without either of the first two matrices, and one without the third:

# %%
class NeitherQueriesNorKeys(MySelfAttention):
    def project(self, x):
        return x, x, self.W_v(x)


class NoValues(MySelfAttention):
    def project(self, x):
        return self.W_q(x), self.W_k(x), x

# %% [markdown]
# **Run.** Train them all. *Seeker* is the guest who looks for you.

# %%
variants = {"all three": (MySelfAttention, 8, 8), "one for both": (OneForBoth, 8, 8),
            "  itself hidden": (ItselfHidden, 8, 8), "no W_Q": (NoQueries, 22, 22),
            "no W_Q, no W_K": (NeitherQueriesNorKeys, 8, 8), "no W_V": (NoValues, 8, 22)}
seen, oneself = {}, torch.arange(6).expand(1000, 6)  # (B, n)
print(f"{'':16} right   weight on: sought  seeker  oneself")
for label, (kind, d_head, width) in variants.items():
    torch.manual_seed(0)
    share, weights, whom = judge(learn(Fetcher(kind(22, d_head), width)))
    seen[label] = (share, *(on(weights, places) for places in (whom, whom.argsort(dim=-1), oneself)))
    print(f"{label:16} {share:5.0%}  {'':10}" + "".join(f"{weight:8.2f}" for weight in seen[label][1:]))
assert min(seen[label][0] for label in ("all three", "no W_Q", "no W_V")) > 0.98
assert 0.3 < seen["no W_Q, no W_K"][0] < seen["one for both"][0] < counting
compare("one_for_both", "no better than counting")
compare("left_out", "either of them")

# %% [markdown]
# **Why.** One matrix for both fails in two ways, and both are on paper in a line.
#
# - **It looks back.** $\mathbf q_i \cdot \mathbf q_j = \mathbf q_j \cdot \mathbf q_i$: the score is symmetric. A high score for the guest you seek is a high score of that guest for you, who seeks somebody else. With themselves hidden, guests split their weight evenly between *sought* and *seeker*. In one case of six both brought the same thing, in the others half are right: $\tfrac16 + \tfrac56 \cdot \tfrac12 = \tfrac{7}{12} = 58\,\%$.
# - **It looks at itself.** $0 \le \lVert \mathbf q_i - \mathbf q_j \rVert^2$ gives $\mathbf q_i \cdot \mathbf q_j \le \tfrac12 (\mathbf q_i \cdot \mathbf q_i + \mathbf q_j \cdot \mathbf q_j)$. A pair never scores above the mean of their two scores for themselves.
#
# With both matrices left out, the tokens themselves are compared, as at the start: the worst of all. The next cell checks both bullets.

# %%
both, hidden = seen["one for both"], seen["  itself hidden"]
assert abs(hidden[0] - 7 / 12) < 0.03 and abs(hidden[1] - hidden[2]) < 0.01 and both[3] > both[1]
with torch.no_grad():
    Q = OneForBoth(22, 8).project(room)[0]  # (B, n, d_head)
    S = (Q @ Q.mT)[0]  # (n, n)
mean_of_own = (S.diagonal()[:, None] + S.diagonal()) / 2  # (n, n)
above = int((S > mean_of_own + 1e-12).sum())
print(f"symmetric: {torch.allclose(S, S.T)}, pairs above the mean of their two scores for themselves: {above}")
assert torch.allclose(S, S.T) and above == 0

# %% [markdown]
# **Look.** Both hold for any matrix, trained or not: this one is fresh and random. The printed 41 % and 59 % fit the two bullets.
#
# **Change it.** Is it a lack of room? In the table of variants give *one for both* and *itself hidden* 22 features in place of 8, twice each. Guess first. Put 8 back.
#
# <details><summary>Answer</summary>
#
# It stays: 41 % and 58 %. Symmetry is no matter of width.
#
# </details>
#
# But leave out $W_Q$ alone, or $W_V$ alone, and nothing is lost. (Without $W_Q$ only half the weight is on the sought guest after 300 steps, which is enough.) Why then does a Transformer have all three? $W_Q$ is the next section's question.
#
# **Without $W_V$** the whole token arrives: name, wish and thing. The readout is linear and can pick the thing afterwards, since $(A X) W^\top = A (X W^\top)$. That ends when the output is **added** to the token itself, as every Transformer does (lesson 11). The next cell trains this with and without $W_V$.

# %%
class AddedToItself(nn.Module):
    def __init__(self, attend):
        super().__init__()
        self.attend = attend

    def forward(self, x):
        output, weights = self.attend(x)
        return x + output, weights


for label, kind in (("with W_V", MySelfAttention), ("without", NoValues)):
    torch.manual_seed(0)
    share, weights, whom = judge(learn(Fetcher(AddedToItself(kind(22, 22)), 22)))
    print(f"added to the token, {label:8}: right {share:4.0%}, weight on the sought guest {on(weights, whom):.2f}")
    assert share > 0.98 if label == "with W_V" else abs(share - 7 / 12) < 0.03

# %% [markdown]
# **Look.** Without $W_V$ the guest looks at the right one with almost all weight, and is right in 7 of 12 cases again. Their own apples and the fetched bread lie in the same six features, and nobody can tell which came from where. $W_V$ writes what is fetched *somewhere else*.
#
# So a good map is not yet a good answer. $W_Q$ and $W_K$ decide **where** to look, $W_V$ decides **what** arrives and in which features.
#
# **Change it.** In the last cell replace `x + output` by `x - output`. Does that help the layer without $W_V$? Guess first. (The `assert` will complain.)
#
# <details><summary>Answer</summary>
#
# Yes, it is right in 86 %. The fetched thing now comes with a minus sign, so the readout can tell the two apart. Where both brought the same, they cancel to six zeros, and it has to guess: $\tfrac56 + \tfrac16 \cdot \tfrac16 = 86\,\%$. A sign is a very small $W_V$.
#
# </details>

# %% [markdown]
# ## Only the product counts (6 min)
#
# Why could $W_Q$ be left out? Write the score of token $i$ for token $j$ in full:
#
# $$s_{ij} = \frac{(W_Q \mathbf x_i) \cdot (W_K \mathbf x_j)}{\sqrt{d_\text{head}}} = \mathbf x_i^\top M\, \mathbf x_j \qquad M = \frac{W_Q^\top W_K}{\sqrt{d_\text{head}}} \quad (d_\text{model}, d_\text{model})$$
#
# The two matrices enter as one product. Entry $M_{ab}$ says how much feature $a$ of the one who asks wants feature $b$ of the one who answers. With $W_Q$ left out, $W_K$ alone plays $M$.
#
# The next cell takes the learnt layer and draws its $M$.

# %%
from matplotlib.colors import LinearSegmentedColormap as ColorMap

W_Q, W_K = (linear.weight.detach() for linear in (model.attend.W_q, model.attend.W_k))  # (d_head, d_model) each
M = W_Q.T @ W_K / 8**0.5  # (d_model, d_model)
assert M.shape == (22, 22) and M[SEEKS, NAME].diagonal().min() > 2 * M[NAME, SEEKS].abs().max()
fig, ax = figure(6, 4.6)
signed = ColorMap.from_list("signed", [QUERY, PAPER, KEY])
image = ax.imshow(M, cmap=signed, vmin=-M.abs().max(), vmax=M.abs().max())
ax.set(xlabel="answers", ylabel="asks", title="The learnt M: my wish meets your name")
ax.set_xticks([3.5, 11.5, 18.5], ["name", "seeks", "brings"])
ax.set_yticks([3.5, 11.5, 18.5], ["name", "seeks", "brings"], rotation=90, va="center")
ax.hlines([7.5, 15.5], -0.5, 21.5, color=QUIET, lw=0.8)
ax.vlines([7.5, 15.5], -0.5, 21.5, color=QUIET, lw=0.8)
fig.colorbar(image, ax=ax, label="entry of M")
show(fig, alt="M, 22 by 22, in nine blocks: in the block seeks by name the diagonal stands out; the rest is weaker.")

# %% [markdown]
# **Look.** One diagonal stands out, in the block *seeks* by *name*: Ana wanted, Ana found. Nothing like it stands in the mirrored block. Training found what we set by hand.
#
# **Predict.** Take a random invertible matrix $R$ and put $R\,W_Q$ and $R^{-\top} W_K$ in place of the two. All their entries change. What does the map do?

# %%
predict("other_pair")

# %% [markdown]
# **Run.** The other pair on 1,000 rooms.

# %%
import copy

R = torch.randn(8, 8, generator=torch.Generator().manual_seed(4))
other = copy.deepcopy(model)
other.attend.W_q.weight.data = R @ W_Q  # (d_head, d_model)
other.attend.W_k.weight.data = torch.linalg.inv(R).T @ W_K  # (d_head, d_model)
maps, maps_of_other = judge(model)[1], judge(other)[1]  # (B, n, n) each
print(f"largest change of an entry of W_Q {(other.attend.W_q.weight - W_Q).abs().max():.1f}")
print("largest change of a weight in 1,000 maps below 1e-10:", bool((maps - maps_of_other).abs().max() < 1e-10))
assert (maps - maps_of_other).abs().max() < 1e-10 and torch.linalg.matrix_rank(M) == 8
assert torch.allclose(room @ M @ room.mT, model.attend.W_q(room) @ model.attend.W_k(room).mT / 8**0.5)
compare("other_pair", "it stays as it is")

# %% [markdown]
# **Why.** $(R W_Q)^\top (R^{-\top} W_K) = W_Q^\top R^\top R^{-\top} W_K = W_Q^\top W_K$. So a single entry of $W_Q$ or $W_K$ means nothing by itself; their product does.
#
# Then why not learn $M$? Because of its size. The 2017 paper has $d_\text{model} = 512$ and $d_\text{head} = 64$ for each head (section 3.2.2). The next cell counts.

# %%
d_model, d_head = 512, 64
print(f"W_Q and W_K: 2 x {d_head} x {d_model} = {2 * d_head * d_model:,}")
print(f"M:           {d_model} x {d_model} = {d_model**2:,}")
assert (2 * d_head * d_model, d_model**2) == (65_536, 262_144)

# %% [markdown]
# **Look.** A quarter of the numbers, and for each pair of tokens 64 products in place of 512. The price: $M$ has at most rank $d_\text{head}$ (ours has rank 8). A head can compare few things at a time, which lesson 10 makes up for with several heads.
#
# **Change it.** From which width on do two matrices cost as much as one $M$? Work it out, then check with `d_head = 256` in the last cell. (Its `assert` will complain.)

# %% [markdown]
# ## "it" finds the cat (7 min)
#
# Lesson 03 left a sentence unfinished: *the cat sat because it was tired*. With real word vectors as queries and keys alike, every word found itself, and *it* never found *cat*. Now we may learn two matrices of shape (8, 384).
#
# The training sentences have a pattern: *the (animal) sat on the (thing) because it was tired*. The layer is told only that *it* means the animal. Five animals and ten things are kept for the test, *cat* and *mat* among them.

# %%
from course_lib.data.words import load_words

table = load_words()
animals = "dog horse cow sheep bird mouse lion tiger wolf snake eagle puppy".split()
objects = "table chair bed box car house boat wall sofa bridge road stone tree bus ship hill tower window lamp truck"
objects = objects.split()
new_animals = "cat rabbit fish shark kitten".split()
new_objects = "mat floor door rug train garden cup field street beach".split()


def embed(sentence):
    """Word vectors (n, 384), each stretched to length root of 384 (lesson 03)."""
    X = torch.tensor([table.vector(word).tolist() for word in sentence.split()])
    return X * 384**0.5 / X.norm(dim=-1, keepdim=True)


# %% [markdown]
# All pairs of an animal and a thing make 240 sentences to learn from, and 50 fresh ones.

# %%
def sentences(animals, objects):
    """All sentences of the pattern, (B, n, 384): the animal is word 1, "it" is word 7."""
    lines = [f"the {animal} sat on the {thing} because it was tired" for animal in animals for thing in objects]
    return torch.stack([embed(line) for line in lines])


# %% [markdown]
# The next cell trains on the weight of *it* alone: the loss is $-\ln$ of its weight on the animal. $W_V$ is not used.

# %%
old, new = sentences(animals, objects), sentences(new_animals, new_objects)
assert old.shape == (240, 10, 384) and new.shape == (50, 10, 384)
torch.manual_seed(0)
asking = MySelfAttention(384, 8)
optimiser = torch.optim.Adam(asking.parameters(), lr=1e-3)
for _ in range(40):
    loss = -asking(old)[1][:, 7, 1].log().mean()  # the weight of "it" on the animal
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %% [markdown]
# **Run.** What did *it* learn about animals it never met?

# %%
with torch.no_grad():
    on_animal = asking(new)[1][:, 7, 1]  # (B,)
    back = asking(new)[1][:, 1, 7]  # (B,)
    row = asking(embed("the cat sat because it was tired")[None])[1][0, 4]  # (n,)
print(f"50 fresh sentences: 'it' looks most at the animal in {(on_animal > 0.5).double().mean():.0%}")
print(f"mean weight of 'it' on the animal above 0.9: {bool(on_animal.mean() > 0.9)}")
print(f"mean weight of the animal on 'it' below 0.2: {bool(back.mean() < 0.2)}")
print("the cat sat because it was tired: 'it' on 'cat' above 0.95:", bool(row[1] > 0.95))
assert (on_animal > 0.5).double().mean() > 0.9 and on_animal.mean() > 0.9 and back.mean() < 0.2 and row[1] > 0.95

# %% [markdown]
# **Look.** *it* finds *cat*, a word it was never trained on. The matrices did not learn a list. They learnt a direction in which the vectors of animals agree, and made it what *it* asks for. And the cat does not look back.
#
# **Change it.** Put *kitten* or *shark* for *cat* into the sentence of that cell. Then *table*: what does *it* do when there is no animal?
#
# <details><summary>Answer</summary>
#
# *kitten* and *shark* are found. *table* is found too, with almost all the weight, though it was a thing in training. Softmax must spend its 1 somewhere (lesson 02), and among these words *table* is the nearest.
#
# </details>
#
# Now a test of understanding: *the cat sat on the mat because it was soft*. Any reader thinks of the mat.
#
# **Predict.** *tired* is replaced by *soft*. Where does *it* look?

# %%
predict("soft")

# %% [markdown]
# **Run.** Both sentences, the row of *it*.

# %%
with torch.no_grad():
    for last in ("tired", "soft"):
        line = f"the cat sat on the mat because it was {last}"
        row = asking(embed(line)[None])[1][0, 7]  # (n,)
        print(f"... was {last}: 'it' looks most at {line.split()[row.argmax()]!r}, above 0.9: {bool(row[1] > 0.9)}")
        assert row.argmax() == 1 and row[1] > 0.9
compare("soft", "still at the cat")

# %% [markdown]
# **Why.** A query is made from one token alone. *soft* can offer itself as a key, but it cannot change what *it* asks.
# For that, *it* must first hear of *soft*. In a second layer, the token *it* would already carry what the first layer fetched. Depth is not luxury: it lets context shape the question.
#
# **Trap.** The map looks as if the layer understood the sentence. It learnt "*it* wants animals" from a pattern in which that was always right. A test within the pattern would never have shown it.
#
# **Change it.** Put another word for *cat* into the last cell: *teacher*, *king*, *bread*. What counts as an animal? (Its `assert` may complain. The table holds 1,872 words; any other one raises an error.)
#
# <details><summary>Answer</summary>
#
# With this start *king* counts, even *bread* does, and *teacher* does not: then *it* looks at *mat*. From another start *teacher* counts too. The pattern had twelve animals and twenty things; about everything else it said nothing, so chance decides.
#
# </details>

# %% [markdown]
# ## A set, not a sequence (9 min)
#
# The guests stood in some order. Does it matter?
#
# **Predict.** The tokens go into the trained layer in another order. What happens to the outputs?

# %%
predict("shuffle")

# %% [markdown]
# **Run.** Shuffle first and attend then, or attend first and shuffle then.

# %%
def notices(layer, x, order):
    """Largest difference between shuffling the tokens before `layer` and after it."""
    with torch.no_grad():
        return (layer(x[:, order]) - layer(x)[:, order]).abs().max().item()


order = torch.tensor([2, 0, 5, 1, 4, 3])
layer = model.attend
print("shuffled before or after, difference below 1e-12:", notices(lambda x: layer(x)[0], room, order) < 1e-12)
print("output as if nothing had been shuffled:", torch.allclose(layer(room[:, order])[0], layer(room)[0]))
assert notices(lambda x: layer(x)[0], room, order) < 1e-12
compare("shuffle", "the same outputs, shuffled alike")

# %% [markdown]
# **Why.** Let $P$ shuffle rows. Queries, keys and values become $PQ$, $PK$, $PV$. The scores become $P S P^\top$: rows and columns move. Softmax works inside each row, so the weights become $P A P^\top$, and
#
# $$(P A P^\top)(P V) = P (A V) \qquad \text{because } P^\top P = I$$
#
# This is **permutation equivariance**: *shuffle the input, and the output is shuffled alike*. Not to be mixed up with **permutation invariance**: *shuffle the input, and the output stays*. (Zaheer and others, [*Deep Sets*](https://arxiv.org/abs/1703.06114), 2017, section 2, have both; Lee and others, [*Set Transformer*](https://arxiv.org/abs/1810.00825), 2019, build on attention for this reason.)
#
# For self-attention the guests are a **set**. What breaks it? The next cell asks six layers.

# %%
torch.manual_seed(0)
causal, gru = SelfAttention(22, 8), nn.GRU(22, 8, batch_first=True)
places, per_token = torch.randn(6, 22), nn.Sequential(nn.Linear(8, 5), nn.ReLU())
layers = {"self-attention": lambda x: layer(x)[0],
          "  then a layer per token": lambda x: per_token(layer(x)[0]),
          "  causal mask": lambda x: causal(x, causal=True),
          "  a vector for each place added": lambda x: layer(x + places)[0],
          "  one token hidden, always place 0": lambda x: causal(x, mask=torch.arange(6) != 0),
          "recurrent network (lesson 06)": lambda x: gru(x)[0]}
blind = {label: notices(f, room, order) < 1e-12 for label, f in layers.items()}
for label, same in blind.items():
    print(f"{label:36}", "equivariant" if same else "notices the order")
assert list(blind.values()) == [True, True, False, False, False, False]

# %% [markdown]
# **Look.** Whatever speaks of *places* breaks it: a causal mask, a mask that stays while the tokens move, a vector for each place, and reading one after the other. A layer that treats each token alike keeps it.
#
# A blessing, or a defect? For the party a blessing: order was never the point. Now change the game. Each guest goes home with the thing of **the guest standing before them** (the first one takes from the last).
#
# **Predict.** The layer is trained for that. How well does it do? (Counting was right in 43 %.)

# %%
predict("neighbour")

# %% [markdown]
# The next cell has the new game, without places, and with the place of each guest as six further features.

# %%
def neighbours(B, n, rng):
    tokens, _, _ = party(B, n, rng)
    before = (torch.arange(n) - 1).remainder(n).expand(B, n)  # (B, n)
    return tokens, before, tokens[..., BRINGS].argmax(dim=-1).gather(1, before)


def with_places(B, n, rng):
    tokens, before, right = neighbours(B, n, rng)
    return torch.cat([tokens, torch.eye(n).expand(B, n, n)], dim=-1), before, right


# %% [markdown]
# **Run.** Train for both.

# %%
for label, draw, d_in in (("without places", neighbours, 22), ("with places", with_places, 28)):
    torch.manual_seed(0)
    share, weights, before = judge(learn(Fetcher(MySelfAttention(d_in, 8), 8), draw), draw)
    print(f"{label:15} right {share:4.0%}, weight on the guest before {on(weights, before):.2f}")
    assert share > 0.98 if d_in == 28 else 0.38 < share < 0.45
compare("neighbour", "no better than counting")

# %% [markdown]
# **Look.** No training can help: by the proof the layer cannot know who stands before whom. Language is full of neighbours, so a Transformer is *told* the places. How to tell them well is lesson 09.
#
# **Make it.** One of [the exercises](../exercises/08_self_and_cross.ipynb), `order_gaps`, turns `notices` into a test of both words.

# %% [markdown]
# ## Another room: cross-attention (8 min, short path)
#
# So far the guests asked each other. Now three latecomers stand in the hall and look for people in the *other* room. Queries come from the hall, keys and values from the room. That is **cross-attention**: one sequence asks another.
#
# $$Q = X_\text{hall} W_Q^\top \qquad K = X_\text{room} W_K^\top \qquad V = X_\text{room} W_V^\top$$
#
# The same three matrices, the same four steps. In translation the decoder (the text being written) asks the encoder (the text being read), hence the names `dec` and `enc`.
#
# **Predict.** `dec` has 3 tokens, `enc` has 5. Which shape does the table of weights have?

# %%
predict("cross_shape")

# %% [markdown]
# The next cell is the layer. It inherits the matrices, and `keep` (lesson 04) says which tokens of `enc` are real.

# %%
class MyCrossAttention(MySelfAttention):
    def forward(self, dec, enc, keep=None):  # (B, n_dec, d_model), (B, n_enc, d_model), (B, n_enc)
        Q, K, V = self.W_q(dec), self.W_k(enc), self.W_v(enc)  # 1. project: dec asks, enc answers
        mask = None if keep is None else keep[:, None, :]  # (B, 1, n_enc)
        return attention(Q, K, V, mask)  # 2. score, 3. weigh, 4. mix


# %% [markdown]
# Latecomers have a name, a wish and a thing of their own. What they wish for is in the other room.

# %%
def two_rooms(B, n_dec, n_enc, rng):
    """Latecomers (B, n_dec, d_model), a room (B, n_enc, d_model), the sought places and right things (B, n_dec)."""
    enc, dec = party(B, n_enc, rng)[0], party(B, n_dec, rng)[0]
    sought = torch.randint(n_enc, (B, n_dec), generator=rng)
    host = enc.gather(1, sought[..., None].expand(B, n_dec, 22))  # (B, n_dec, d_model)
    dec[..., SEEKS] = host[..., NAME]
    return dec, enc, sought, host[..., BRINGS].argmax(dim=-1)


# %% [markdown]
# **Run.** We train nothing. The cell lends the matrices of the *self*-attention layer to the new one.

# %%
cross = copy.deepcopy(model)
cross.attend = MyCrossAttention(22, 8)
cross.attend.load_state_dict(model.attend.state_dict())
share, weights, whom = judge(cross, two_rooms, (3, 5))
print(f"3 ask 5: right {share:.1%}, weights {tuple(weights.shape)}")
print(f"6 ask 4: right {judge(cross, two_rooms, (6, 4))[0]:.1%}")
print("asking one's own room is self-attention:", torch.allclose(cross(room, room)[0], model(room)[0]))
assert share > 0.99 and weights.shape == (1000, 3, 5) and torch.allclose(weights.sum(dim=-1), torch.ones(1000, 3))
compare("cross_shape", "(3, 5)")

# %% [markdown]
# **Look.** It works at once. The matrices know how to ask for a wish and be found by a name; *where* the two come from is not their business. Self-attention is cross-attention with one's own sequence.
#
# Next the mask. Rooms of different size share a batch, filled up with stand-ins. The next cell replaces the last two tokens of `enc` by loud nonsense, with and without `keep`.

# %%
dec, enc, _, _ = two_rooms(1, 3, 5, torch.Generator().manual_seed(5))
keep = torch.tensor([[True, True, True, False, False]])  # (B, n_enc)
loud = enc.clone()
loud[:, 3:] = 50.0
with torch.no_grad():
    for label, kept in (("with keep", keep), ("without", None)):
        moved = (cross.attend(dec, enc, kept)[0] - cross.attend(dec, loud, kept)[0]).abs().max()
        weights = cross.attend(dec, loud, kept)[1]  # (B, n_dec, n_enc)
        print(f"{label:9}: output moves by {moved:5.1f}, largest weight of a stand-in {weights[..., 3:].max():.1f}")
        assert (moved == 0) == (kept is not None) == bool((weights[..., 3:] == 0).all())

# %% [markdown]
# **Look.** The mask speaks of `enc`, has one entry a key and closes columns. Stand-ins among the *queries* need no mask here: their rows are computed and ignored.
#
# **Change it.** Which shuffle does cross-attention notice? In the next cell the hosts are shuffled, or the latecomers, and once the hosts without their `keep`. Say for each what happens, then run.

# %%
hosts, late = torch.tensor([4, 2, 0, 1, 3]), torch.tensor([2, 0, 1])
with torch.no_grad():
    output = cross.attend(dec, enc, keep)[0]  # (B, n_dec, d_head)
    same = {"hosts and keep shuffled: output stays": (cross.attend(dec, enc[:, hosts], keep[:, hosts])[0], output),
            "latecomers shuffled: output is shuffled alike": (cross.attend(dec[:, late], enc, keep)[0], output[:, late]),
            "hosts shuffled, keep left behind: output stays": (cross.attend(dec, enc[:, hosts], keep)[0], output)}
for label, (one, two) in same.items():
    print(f"{label:48}", bool((one - two).abs().max() < 1e-12))
assert [bool((one - two).abs().max() < 1e-12) for one, two in same.values()] == [True, True, False]

# %% [markdown]
# **Look.** Shuffle those who ask, and the outputs are shuffled alike: *equivariant*. Shuffle those who answer, and the outputs stay: *invariant*, since $A P^\top P V = A V$. The third line is the classic mistake: tokens move, their mask does not.
#
# The library's `CrossAttention` has $d_\text{head} = d_\text{model}$. The next cell asserts that it equals ours and prints its step 1.

# %%
from course_lib.transformer.attention import CrossAttention

mine, theirs = MyCrossAttention(22, 22), CrossAttention(22)
theirs.load_state_dict(mine.state_dict())
output, weights = mine(dec, enc, keep)
assert output.shape == (1, 3, 22) and weights.shape == (1, 3, 5)
their_output, their_weights = theirs(dec, enc, keep, return_weights=True)
assert torch.allclose(their_output, output) and torch.allclose(their_weights, weights)
print(inspect.getsource(CrossAttention.forward).split('"""')[2].strip("\n"))

# %% [markdown]
# **Make it.** `CrossAttention` waits in [the exercises](../exercises/08_self_and_cross.ipynb), with sentences that are nothing but padding.

# %% [markdown]
# ## Two questions, four answers (7 min)
#
# **Trap.** "Self-attention, that is, scaled dot-product attention": so one can hear it. But the two names answer two different questions.
#
# - **Who asks whom?** One's own sequence (*self*) or another (*cross*).
# - **How is the score computed?** By a small network (*additive*, lesson 07) or by a *dot product* of projected vectors.
#
# **Predict.** How many of the four combinations can play the party?

# %%
predict("four")

# %% [markdown]
# The next cell has the additive score in the same dress: same three matrices, same arguments, and the library function that lesson 07 derived.

# %%
from course_lib.transformer.attention import additive_attention


class Additive(MySelfAttention):
    def __init__(self, d_model, d_head):
        super().__init__(d_model, d_head)
        self.v = nn.Parameter(torch.randn(d_head) / d_head**0.5)

    def forward(self, asks, answers=None):
        answers = asks if answers is None else answers
        return additive_attention(asks, answers, self.W_v(answers), self.W_q.weight, self.W_k.weight, self.v)


# %% [markdown]
# **Run.** All four, trained alike. *Self* plays in one room, *cross* in two.

# %%
games = {"self": (party, (6,)), "cross": (two_rooms, (3, 6))}
kinds = {("self", "dot product"): MySelfAttention, ("cross", "dot product"): MyCrossAttention,
         ("self", "additive"): Additive, ("cross", "additive"): Additive}
works = {}
for (who, score), kind in kinds.items():
    torch.manual_seed(0)
    works[who, score] = judge(learn(Fetcher(kind(22, 8), 8), *games[who]), *games[who])[0]
    print(f"{who:5} attention, {score:11} score: right {works[who, score]:.1%}")
assert min(works.values()) > 0.99
compare("four", "all four")

# %% [markdown]
# **Look.** A test on one combination alone could not have told the two questions apart. Each of the four has a paper:
#
# | | additive score | dot-product score |
# |---|---|---|
# | **cross** | [Bahdanau, Cho and Bengio, 2015](https://arxiv.org/abs/1409.0473), section 3.1 | [Luong, Pham and Manning, 2015](https://arxiv.org/abs/1508.04025), section 3.1 |
# | **self** | [Cheng, Dong and Lapata, 2016](https://arxiv.org/abs/1601.06733), section 3 | [Parikh and others, 2016](https://arxiv.org/abs/1606.01933), section 3.4; [Vaswani and others, 2017](https://arxiv.org/abs/1706.03762), section 3.2 |
#
# - **Bahdanau** (lesson 07): the decoder's state asks, the states of the source answer. It is cross-attention with an additive score. There is no $W_V$: the source states themselves are mixed.
# - **Luong** scores with $\mathbf h_t^\top W_a \mathbf h_s$ (called *general*): that is the $M$ of this lesson, not split in two. The bare dot product is there too.
# - **Cheng** lets a reader attend to its own earlier states, speaks of *intra-attention*, and scores additively. So the first of these "self" papers was not a dot product at all.
# - **Parikh** calls it *intra-sentence attention*, and sends asker and answerer through one network, $F(a_i) \cdot F(a_j)$. By section 4 that score is symmetric, but for a bias by distance.
# - **Vaswani** calls it *self-attention* (section 2: "sometimes called intra-attention"), with the scale and three matrices for each head.
#
# The 2017 Transformer uses attention in three ways (section 3.2.3), all with the same score:
#
# | where | queries from | keys and values from | mask |
# |---|---|---|---|
# | encoder | source | source (*self*) | padding |
# | decoder | target so far | target so far (*self*) | causal |
# | between them | target so far | encoder's output (*cross*) | padding of the source |
#
# You have met all three. Lesson 12 puts them into one model.
#
# **Change it.** Make a fifth kind: *cross* with one matrix for both, $W_Q$ for the keys too. Does the symmetry still hurt, when those who answer never ask? Guess, then try it in a new cell: subclass `MyCrossAttention` as `OneForBoth` does.
#
# <details><summary>Answer</summary>
#
# It does: right in 60 %. A host is found by a vector that still holds the host's own wish. So hosts draw looks who *seek* somebody of the latecomer's name. So do hosts with the latecomer's own name or wish: a vector fits its like.
#
# </details>

# %% [markdown]
# ## Same map, other parcels (5 min)
#
# A map of weights says who looks at whom. Does it say what is carried home? Below are three tokens with vectors of two numbers, and all twelve entries of the three matrices under your hands. The card first asks for a guess of its own.
#
# **Change it.** Move entries of $W_V$ and watch the weights. Find two different pairs $W_Q$, $W_K$ with the same weights. Then try to make *all three* tokens look most at the same one, by the matrices alone. Can it be done?
#
# <details><summary>Answer to the last one</summary>
#
# No, not with these three tokens. For token $j$ to win against $k$ with everybody, $\mathbf x_i^\top M (\mathbf x_j - \mathbf x_k)$ must be positive for all three $i$. But the point 0 lies inside the triangle of the tokens: it is a weighted mean of them. So the same weighted mean of the three numbers is 0, and they cannot all be positive. Drag the tokens to one side of 0, and it can be done.
#
# </details>

# %%
from course_lib.explorers import qkv_explorer

explorer = qkv_explorer()
explorer

# %% [markdown]
# The next cell changes $W_V$ alone in code, and looks what moved. It also checks that 0 lies inside the triangle.

# %%
before = explorer.weights, explorer.output  # (n, n), (n, 2)
explorer.W_V = [[0.0, -1.0], [1.0, 0.0]]
moved = [not (old == new).all() for old, new in zip(before, (explorer.weights, explorer.output), strict=True)]
print("weights moved:", moved[0], " output moved:", moved[1])
explorer.reset()
triangle = torch.tensor([[x, y, 1.0] for x, y in explorer.vectors])  # (n, 3)
shares = torch.linalg.solve(triangle.T, torch.tensor([0.0, 0.0, 1.0]))  # (n,): 0 as a weighted mean of the tokens
assert moved == [False, True] and (shares > 0).all()

# %% [markdown]
# **Look.** Same map, other output. "The model looked at *cat*" says from where something came, not what. Lesson 26 asks how much a map explains at all.

# %% [markdown]
# ## Recap (4 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 4.)
#
# <details><summary>1. What do $W_Q$, $W_K$ and $W_V$ do to a token?</summary>
#
# They make three vectors of it: what it asks for, by what it is found, and what it hands over.
#
# </details>
#
# <details><summary>2. Self-attention with d_model 512 and d_head 64: how many parameters for 10 tokens, and for 1,000?</summary>
#
# $3 \cdot 512 \cdot 64 = 98{,}304$ for both. The matrices act on one token at a time.
#
# </details>
#
# <details><summary>3. In cross-attention, which sequence does the padding mask speak of, and which axis does it close?</summary>
#
# The one that answers (`enc`): it closes columns, (B, 1, n_enc).
#
# </details>
#
# <details><summary>4. From lesson 04: which keys may the last of n queries see under a causal mask? And the first?</summary>
#
# The last sees all, the first only itself. That is why the mask gives the order away.
#
# </details>
#
# <details><summary>5. "Self-attention" and "scaled dot product": which question does each answer?</summary>
#
# *Self* says who asks whom; *scaled dot product* says how the score is computed. All four combinations exist, and all four worked.
#
# </details>
#
# <details><summary>6. Why can one matrix not serve for queries and keys?</summary>
#
# The scores become symmetric, so whoever is found looks back; and no pair scores above the mean of their two scores for themselves.
#
# </details>
#
# <details><summary>7. Two layers have quite different $W_Q$ and $W_K$. Can they have the same maps?</summary>
#
# Yes: only $W_Q^\top W_K$ counts, and $R\,W_Q$ with $R^{-\top} W_K$ gives the same product.
#
# </details>
#
# <details><summary>8. Self-attention is equivariant. Name two things that end it.</summary>
#
# A causal mask (or any mask that stays while tokens move); vectors that tell the place.
#
# </details>
#
# **What stays.** A token asks with one part, answers with another, and hands over a third. At the start six guests found only themselves; three matrices later everyone went home with the right thing.

# %% [markdown]
# ## Two steps away (after the lesson)
#
# **Make it.** For another day, about 25 minutes. A harder game: each guest goes home with the thing of the one *whom the sought guest seeks*. If Ana seeks Ben and Ben seeks Cleo, Ana takes Cleo's thing.
# A query cannot know what Ben's wish is, so one layer is not enough (why?). Build `two_steps`, a module (B, n, 22) -> (B, n, 6), and train it. The cell below has the game and the test.

# %%
def further(B, n, rng):
    tokens, sought, _ = party(B, n, rng)
    there = sought.gather(1, sought)  # (B, n)
    return tokens, there, tokens[..., BRINGS].argmax(dim=-1).gather(1, there)


two_steps = nn.Linear(22, 6)  # replace by your own module, trained on further(64, 6, rng)

with torch.no_grad():
    tokens, _, right = further(1000, 6, torch.Generator().manual_seed(7))
    share = (two_steps(tokens).argmax(dim=-1) == right).double().mean()
print("passed" if share > 0.95 else "not yet: the test asks for 95 % of the things")

# %% [markdown]
# <details><summary>Hint</summary>
#
# Two layers, each added to what goes in: `x = x + layer(x)[0]`, twice, each `MySelfAttention(22, 22)`; then a readout. 600 steps with learning rate 0.01 are enough. The first layer fetches the sought guest's wish, the second asks with it.
#
# </details>
