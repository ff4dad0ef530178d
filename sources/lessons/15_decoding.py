# ---
# jupyter:
#   course:
#     title: Decoding
#     question: The model gives probabilities. Which sentence shall it write?
#     minutes: 70
#     short_path: 29
#     needs: [02_softmax, 12_encoder_decoder, 14_translation]
#     objectives:
#       - say what a temperature does to the odds of two tokens, and what it cannot do
#       - cut a distribution by top-k and by top-p, in the right order, and show by counting that a sampler is right
#       - work out by hand what greedy search and a beam find on a small model
#       - say what a length penalty does, and how the most likely text differs from a typical one
#       - tell an error of the search from an error of the model
#     terms: [greedy search, top-k, top-p, beam search, length penalty]
# ---

# %%
import re

import numpy as np
import torch

from course_lib import compare, predict, start

start("15_decoding", torch=True)

# %% [markdown]
# ## The best word at every step (5 min, short path)
#
# A language model small enough to look through. It is made of the running text of lessons 00 to 04, and it knows one thing: how often each word came after each word. `P[i, j]` is the share of word `j` among the words that followed word `i`.

# %%
from course_lib.data.lesson_text import load_lesson_text


def cut(text):
    """The words, numbers and marks of a text, in small letters; several dots count as one."""
    found = re.findall(r"\d+(?:[.,/]\d+)*|[a-z]+|[,:;?]|\.+", text.lower())
    return ["." if set(word) == {"."} else word for word in found]


text = cut(load_lesson_text().train)
print(text[:12])

# %% [markdown]
# Now the counting, and one row of shares for each word.

# %%
vocab = sorted(set(text))
ids = np.array([vocab.index(word) for word in text])
counts = np.zeros((len(vocab), len(vocab)))
np.add.at(counts, (ids[:-1], ids[1:]), 1)
P = counts / counts.sum(axis=1, keepdims=True)  # (n_vocab, n_vocab), each row sums to 1
print(f"{len(text):,} words, {len(vocab):,} different ones")
assert P.shape == (1235, 1235) and np.allclose(P.sum(axis=1), 1)

# %% [markdown]
# Now it shall write. **Greedy search** takes the most likely word at every step. It begins after a full stop.
#
# **Predict.** What does greedy search write?

# %%
predict("greedy_words")

# %% [markdown]
# **Run.** Forty words.

# %%
STOP = vocab.index(".")
name = lambda words: " ".join(vocab[i] for i in words)


def write(choose, n=40, first=STOP):
    """n words, each chosen from the probabilities (n_vocab,) after the word before."""
    words = [first]
    for _ in range(n):
        words.append(int(choose(P[words[-1]])))
    return words[1:]


# %% [markdown]
# `np.argmax` is greedy search.

# %%
greedy = write(np.argmax)
print(name(greedy))
assert name(greedy).startswith("the next cell draws the next cell draws the next cell draws")
compare("greedy_words", "the same few words again and again")

# %% [markdown]
# **Run.** Perhaps the beginning was unlucky. Every word once as the first one; and then the words *drawn* with their probabilities, not the best one taken.

# %%
ends = [write(np.argmax, 100, first)[-4:] for first in range(len(vocab))]
circle = {vocab.index(word) for word in ("the", "next", "cell", "draws")}
caught = sum(set(end) == circle for end in ends)
print(f"{caught:,} of {len(vocab):,} beginnings end in this circle")
rng = np.random.default_rng(0)
drawn = write(lambda p: rng.choice(len(p), p=p))
print("drawn:", name(drawn))
assert caught == len(vocab) - 1

# %% [markdown]
# **Change it.** Let `write` take the *second* best word at every step: `lambda p: np.argsort(-p, kind="stable")[1]`. (Words with one follower alone then get a word that never came.) Guess first: does it end in a circle?
#
# <details><summary>Answer</summary>
#
# It must. The rule looks at the last word alone, and there are 1,235 words. After 1,235 steps at the latest a word comes back, and from there everything repeats. Larger models look further back, so this argument does not hold for them. Holtzman and others ([2020](https://arxiv.org/abs/1904.09751)) found that they go round in circles all the same.
#
# </details>
#
# **Look.** The best word at each step, and a text that nobody would write. The drawn text is no sense either, but it looks like the course. This lesson is about what lies between a distribution and a text. Is greedy search too weak a search, or is something else wrong? The section *A bent coin* answers it.
#
# **Short path.** 29 minutes: the four sections whose heading says *short path*, and recap questions 1 to 3. Choose *Run > Run All Cells* first, because later cells use the names of earlier ones.

# %% [markdown]
# ## What a temperature does (9 min)
#
# Lesson 02 divided scores by a temperature $T$ before softmax. What becomes of two probabilities? With scores $z$, and $p_i$ the probability at $T = 1$:
#
# $$p_i(T) = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}} \qquad\qquad \frac{p_i(T)}{p_j(T)} = e^{(z_i - z_j) / T} = \left( \frac{p_i}{p_j} \right)^{1/T}$$
#
# The odds of two tokens go to the power $1/T$. That is all.
#
# **By hand.** Three tokens:
#
# | | a | b | c |
# |---|---|---|---|
# | $T = 1$ | 16/21 | 4/21 | 1/21 |
# | $T = 2$, square roots | 4/7 | 2/7 | 1/7 |
#
# **Predict.** At $T = 1$ the odds of a to b are 4 to 1. What are they at $T = 1/2$?

# %%
predict("odds")

# %% [markdown]
# **Run.** Both rows, and one for $T = 1/2$, with the function of the course library. It takes logits (n_vocab,) and gives probabilities (n_vocab,).

# %%
from course_lib.by_hand import entropy
from course_lib.decoding import next_token_distribution

p_abc = torch.tensor([16, 4, 1]) / 21  # (n_vocab,)
by_hand = {1.0: [16 / 21, 4 / 21, 1 / 21], 2.0: [4 / 7, 2 / 7, 1 / 7], 0.5: [256 / 273, 16 / 273, 1 / 273]}
for T, expected in by_hand.items():
    p = next_token_distribution(p_abc.log(), temperature=T)
    print(f"T = {T}: {p.numpy()}, odds a to b {p[0] / p[1]:.1f}, entropy {entropy(p.numpy()):.3f}")
    assert p.shape == (3,) and torch.allclose(p, torch.tensor(expected))
p = next_token_distribution(p_abc.log(), temperature=0.5)
compare("odds", f"{p[0] / p[1]:.0f} to 1")

# %% [markdown]
# **Look.** The row that was missing, with the odds 16 to 1:
#
# | | a | b | c |
# |---|---|---|---|
# | $T = 1/2$, squares | 256/273 | 16/273 | 1/273 |
#
# The limits: $T \to 0$ leaves all to the likeliest token, $T \to \infty$ makes all equal. At $T = 0$ the formula would divide by 0, so the library takes the first maximum by rule. The next cell asserts both limits, and what a tie does.

# %%
cold, zero, hot = (next_token_distribution(p_abc.log(), temperature=T) for T in (0.01, 0, 1e6))
tie = torch.tensor([1.0, 3.0, 3.0])
near, at = (next_token_distribution(tie, temperature=T) for T in (0.01, 0))
print("T = 0.01:", cold.numpy(), " T = 0:", zero.numpy(), " T = 1,000,000:", hot.numpy())
print("a tie, T = 0.01:", near.numpy(), " T = 0:", at.numpy())
assert zero.tolist() == [1, 0, 0] and torch.allclose(cold, zero) and torch.allclose(hot, torch.ones(3) / 3, atol=1e-4)
assert at.tolist() == [0, 1, 0] and torch.allclose(near, torch.tensor([0, 0.5, 0.5]))

# %% [markdown]
# The picture: three probabilities and their entropy over the temperature.

# %%
from course_lib.palette import INK, KEY, QUERY, VALUE
from course_lib.plots import figure, show

temperatures = np.geomspace(0.1, 20, 200)
curves = np.array([next_token_distribution(p_abc.log(), T).numpy() for T in temperatures])  # (200, n_vocab)
fig, (left, right) = figure(8, 3, columns=2)
for i, (letter, color, style) in enumerate(zip("abc", (KEY, QUERY, VALUE), ("-", "--", ":"), strict=True)):
    left.semilogx(temperatures, curves[:, i], style, color=color)
    left.text(22, curves[-1, i] + 0.06 * (1 - i), letter, color=color, va="center")
right.semilogx(temperatures, entropy(curves), color=INK)
right.axhline(np.log(3), ls=":", color=INK), right.text(0.11, 1.01, "ln 3, all equal")
left.set(xlabel="temperature T", ylabel="probability", title="The order never changes", xlim=(0.1, 30))
right.set(xlabel="temperature T", ylabel="entropy in nats", title="The entropy only grows", ylim=(0, 1.2))
show(fig, alt="Left: a falls, c rises, and all meet at one third; they never cross. Right: the entropy rises from 0 to ln 3.")
assert (np.diff(curves, axis=1) < 0).all() and (np.diff(entropy(curves)) > 0).all()

# %% [markdown]
# **Trap.** *"Temperature is creativity."* A higher temperature has no idea that a lower one lacks. It keeps the order of all tokens and shrinks the distances. Good unlikely words gain, and so does every piece of nonsense.
#
# A second trap in the code. Somebody divides the *probabilities* by $T$, in place of the logits, and scales them to sum 1.
#
# **Predict.** What does this version do at $T = 2$?

# %%
predict("divided")

# %% [markdown]
# **Run.** The wrong version at three temperatures.

# %%
def on_probabilities(logits, T):
    p = logits.softmax(dim=-1) / T
    return p / p.sum()


for T in (0.5, 1.0, 2.0):
    print(f"T = {T}: {on_probabilities(p_abc.log(), T).numpy()}")
    assert torch.allclose(on_probabilities(p_abc.log(), T), p_abc)
compare("divided", "nothing at all")

# %% [markdown]
# **Look.** The factor $1/T$ stands above and below the fraction and cancels. Three weak tests would pass: at $T = 1$ it is right, the sum is 1, the order stays. A test at $T = 2$ sees it at once.
#
# **Change it.** Which temperature makes the odds of a to c 2 to 1? They are 16 to 1 at $T = 1$. Find it on paper, then check with `next_token_distribution`.
#
# <details><summary>Answer</summary>
#
# $16^{1/T} = 2$, so $T = 4$.
#
# </details>

# %% [markdown]
# ## Count the draws (6 min)
#
# A sampler is random. How does one test it? By counting. In $n$ draws a token of probability $p$ is expected $np$ times. The count scatters around it with the standard error $\sqrt{n p (1 - p)}$.
#
# **Predict.** At $T = 2$, a has probability 4/7, so 5,714 are expected in 10,000 draws. How far off is the count, typically?

# %%
predict("standard_error")

# %% [markdown]
# **Run.** 10,000 draws from the distribution. For each token: the count, and how many standard errors it is off.

# %%
p = next_token_distribution(p_abc.log(), temperature=2.0)
draws = torch.multinomial(p, 10_000, replacement=True, generator=torch.Generator().manual_seed(0))
seen = torch.bincount(draws, minlength=3).numpy()  # (n_vocab,)
expected = 10_000 * p.numpy()
errors = np.sqrt(expected * (1 - p.numpy()))
print("expected", expected.round(0), "standard errors", errors.round(1))
print("all within four standard errors:", (abs(seen - expected) < 4 * errors).all())
assert (abs(seen - expected) < 4 * errors).all() and seen.shape == (3,)
compare("standard_error", "about 50")

# %% [markdown]
# One number for all tokens together is Pearson's (1900) $\chi^2 = \sum_i (O_i - E_i)^2 / E_i$, with $O_i$ seen and $E_i = n p_i$ expected. For three tokens it is above 5.99 in one of twenty experiments, and above 13.8 in one of a thousand, if the sampler is right.
#
# **By hand.** 80 draws, expected 10, 20 and 50, seen 12, 18 and 50: $\tfrac{4}{10} + \tfrac{4}{20} + 0 = 0.6$. Nothing to complain of.
#
# **Run.** Can the test see a sampler that forgot the temperature? It draws from 16/21, 4/21, 1/21. Each experiment is repeated 2,000 times.

# %%
chi_square = lambda O, E: ((O - E) ** 2 / E).sum(axis=-1)
assert np.isclose(chi_square(np.array([12, 18, 50]), np.array([10, 20, 50])), 0.6)
assert np.allclose(np.exp([-5.99 / 2, -13.8 / 2]), [1 / 20, 1 / 1000], rtol=0.01)  # share above, for three tokens
rng, caught = np.random.default_rng(0), {}
for n in (10, 30, 100, 1000):
    alarms = [(chi_square(rng.multinomial(n, q, 2000), n * p.numpy()) > 5.99).mean() for q in (p.numpy(), p_abc.numpy())]
    caught[n] = alarms
    print(f"{n:5} draws: alarm for the right sampler {alarms[0]:4.0%}, for the wrong one {alarms[1]:4.0%}")
assert all(alarm[0] < 0.08 for alarm in caught.values()) and caught[10][1] < 0.12 and caught[1000][1] == 1

# %% [markdown]
# **Look.** Ten draws let the wrong sampler pass in nine of ten experiments; a thousand find it every time. The price is a false alarm in about one of twenty. A test that must not fail by chance takes a higher bound or a fixed seed.
#
# **Make it.** [Exercise 3](../exercises/15_decoding.ipynb) is `chi_square`, with the case that a token cannot come at all.

# %% [markdown]
# ## Cut the tail: top-k and top-p (9 min, short path)
#
# Our model gives a probability of 0 to all that it never saw. A network with softmax never does: every word gets a little. The next cell imitates that: with 5 % any word comes, as often as it is in the text.

# %%
any_word = np.bincount(ids, minlength=len(vocab)) / len(ids)  # (n_vocab,)
Q = 0.95 * P + 0.05 * any_word  # (n_vocab, n_vocab)
log_Q = torch.from_numpy(np.log(Q))
assert np.allclose(Q.sum(axis=1), 1) and (Q > 0).all() and log_Q.shape == (1235, 1235)

# %% [markdown]
# **Predict.** Each word is a stray one with 5 %. We draw texts of 40 words. How many of them hold at least one stray word?

# %%
predict("stray")

# %% [markdown]
# **Run.** One minus the chance that all 40 are in order.

# %%
share = 1 - 0.95**40
print(f"{share:.0%} of the texts")
compare("stray", f"{share:.0%}")

# %% [markdown]
# A small risk at each step is a large one in a text. So the tail is cut off before drawing:
#
# - **Top-k** keeps the $k$ likeliest tokens ([Fan, Lewis and Dauphin, 2018](https://arxiv.org/abs/1805.04833)).
# - **Top-p**, or nucleus sampling, keeps the smallest set of likeliest tokens whose mass reaches $p$ ([Holtzman and others, 2020](https://arxiv.org/abs/1904.09751)). The token that crosses $p$ stays.
#
# What is left is scaled to sum 1. Where both are given, the order is: temperature, top-k, top-p.
#
# **By hand.** a, b, c with 1/2, 3/10, 1/5 at $T = 1$; top-k 2 and top-p 0.6.
#
# 1. temperature: nothing to do.
# 2. top-k: c goes. Scaled: 5/8, 3/8.
# 3. top-p: a alone has 0.625 and reaches 0.6, so b goes too.
# 4. scale to sum 1: a has 1.
#
# **Predict.** The other way round, top-p before top-k: how many tokens stay?

# %%
predict("order")

# %% [markdown]
# **Run.** The four steps in code, and the library. Then steps 3 and 2 exchanged.

# %%
def top_k(p, k):
    kept = torch.where(torch.arange(len(p)) < k, p, 0)  # the tokens stand in order here
    return kept / kept.sum()


def top_p(p, mass):
    before = p.cumsum(dim=0) - p  # mass of the likelier ones
    kept = torch.where(before < mass, p, 0)  # the crossing token stays
    return kept / kept.sum()


# %% [markdown]
# Both orders:

# %%
p = torch.tensor([0.5, 0.3, 0.2])  # (n_vocab,), largest first
k_first, p_first = top_p(top_k(p, 2), 0.6), top_k(top_p(p, 0.6), 2)
print("top-k, then top-p:", k_first.numpy(), "  top-p, then top-k:", p_first.numpy())
assert k_first.tolist() == [1, 0, 0] and torch.allclose(p_first, torch.tensor([0.625, 0.375, 0]))
assert torch.allclose(k_first, next_token_distribution(p.log(), top_k=2, top_p=0.6))
compare("order", f"{(p_first > 0).sum()}")

# %% [markdown]
# **Look.** The same two cuts, another order, another text. The temperature has its place, too: (16, 4, 1)/21 with top-p 0.8 keeps two tokens, since 16/21 is below 0.8. At $T = 1/2$ the first has 256/273, and top-p 0.8 keeps one. Who cuts first and cools later keeps two.
#
# **Why.** The crossing token stays. What if it went? Then the mass stays below $p$ or meets it, and where one token is sure enough nothing is left. The next cell tries it.

# %%
def without_crossing(p, mass):
    kept = torch.where(p.cumsum(dim=0) <= mass, p, 0)
    return kept / kept.sum()


sure = torch.tensor([0.9, 0.1])
print("top-p 0.8 without the crossing token:", without_crossing(sure, 0.8).numpy(), " with it:", top_p(sure, 0.8).numpy())
assert without_crossing(sure, 0.8).isnan().all() and top_p(sure, 0.8).tolist() == [1, 0]

# %% [markdown]
# **Change it.** Now tokens in any order, as they come. Two places are blank. `order` says which token is the likeliest, the second, and so on; the last line puts all back. Then run this cell and the next.

# %%
def with_blanks(logits, temperature, k, mass):
    p = (logits / temperature).softmax(dim=-1)  # 1. temperature (n_vocab,)
    order = p.argsort(descending=True, stable=True)
    p = p[order]
    p = p  # 2. top-k: replace, and scale to sum 1
    p = p  # 3. top-p: replace
    p = p / p.sum()  # 4. scale to sum 1
    return torch.zeros_like(p).scatter(0, order, p)


# %% [markdown]
# **Run.** Your two lines against the library.

# %%
logits = torch.tensor([0.3, 1.9, -0.7, 2.6, 0.9])
wanted = next_token_distribution(logits, 1.5, top_k=4, top_p=0.7)
print("with your two lines:", "right" if torch.allclose(with_blanks(logits, 1.5, 4, 0.7), wanted) else "not yet")
assert (wanted > 0).sum() == 2

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# p = top_k(p, k)
# p = top_p(p, mass)
# ```
#
# </details>
#
# **Make it.** Exercise 1 is the whole `next_token_distribution`: temperature 0, ties, a $k$ larger than the vocabulary.

# %% [markdown]
# ## Which cut is the right one? (7 min)
#
# Back to the language model, now with its tail. Two things should be rare: pairs of words that the text never had (nonsense), and runs of four words that came before (circles). We measure both on 5,000 drawn words.
#
# **Predict.** Three settings: temperature 0.3; top-k 10; top-p 0.9. Which one makes pairs that never were rare *and* stays clear of circles, with more than 95 % of its fours new?

# %%
predict("cure")

# %% [markdown]
# **Run.** Each distribution is computed once and kept.

# %%
def draw(n, **settings):
    generator, known, words = torch.Generator().manual_seed(0), {}, [STOP]
    for _ in range(n):
        last = words[-1]
        if last not in known:
            known[last] = next_token_distribution(log_Q[last], **settings)
        words.append(int(torch.multinomial(known[last], 1, generator=generator)))
    return words


# %% [markdown]
# The two faults, counted.

# %%
from itertools import pairwise


def faults(words):
    """Share of pairs that the text never had, and share of fours that are new."""
    never = np.mean([counts[pair] == 0 for pair in pairwise(words)])
    fours = list(zip(*(words[i:] for i in range(4)), strict=False))
    return never, len(set(fours)) / len(fours)


# %% [markdown]
# The table; the last column counts different words. The text itself has 843 different ones in its first 5,000.

# %%
table, colder = {}, [{"temperature": T} for T in (1.5, 0.7, 0.3, 0)]
for settings in ({}, *colder, {"top_k": 10}, {"top_p": 0.9}):
    words = draw(5000, **settings)
    said = ", ".join(f"{key} {value}" for key, value in settings.items()) or "nothing cut"
    table[said] = (*faults(words), len(set(words)))
    print(f"{said:16} pairs that never were {table[said][0]:5.1%}, fours that are new {table[said][1]:4.0%}, words {table[said][2]}")
assert table["nothing cut"][0] > 0.02 and table["top_p 0.9"][0] < 0.01 and table["top_p 0.9"][1] > 0.95
assert table["temperature 0.3"][1] < 0.5 and table["top_k 10"][1] < 0.9 and table["temperature 1.5"][0] > 0.2
near = table["temperature 0.7"]
assert near[0] > table["top_p 0.9"][0] and near[1] < table["top_p 0.9"][1] and len(set(ids[:5000])) == 843
compare("cure", "top-p 0.9")

# %% [markdown]
# **Look.** A low temperature removes the nonsense and brings the circles; a high one the reverse: one knob for two faults. (At 0.7 it comes near to top-p 0.9, and has a little more of both faults.) Top-k 10 cuts too much where many words are possible. Top-p asks each distribution how wide it is. The next cell counts what it keeps.

# %%
cut_rows = {word: next_token_distribution(log_Q[vocab.index(word)], top_p=0.9) for word in ("next", "other", "a", "the")}
kept = {word: int((p > 0).sum()) for word, p in cut_rows.items()}
print("words kept by top-p 0.9:", kept)
assert kept["next"] < 10 < 100 < kept["the"]

# %% [markdown]
# **Change it.** The picture: the mass of the likeliest words together, after *next* and after *the*. Guess first: which share have the ten likeliest after *the*? Then add the word *a* with a colour of its own.
#
# <details><summary>Answer</summary>
#
# 27 %. Top-k 10 throws away nearly three quarters of what may follow *the*. For *a*: `("a", VALUE, ":")` in the loop, and `"a"` in the tuple of `mass`.
#
# </details>

# %%
fig, ax = figure(7.5, 3.2)
mass = {word: np.sort(Q[vocab.index(word)])[::-1].cumsum() for word in ("next", "the")}  # (n_vocab,) each
for word, color, style in (("next", KEY, "-"), ("the", QUERY, "--")):
    ax.semilogx(np.arange(1, len(vocab) + 1), mass[word], style, color=color)
    ax.plot(kept[word], mass[word][kept[word] - 1], "o", color=color)
ax.text(1.6, 0.63, "after next", color=KEY), ax.text(30, 0.35, "after the", color=QUERY)
ax.axhline(0.9, color=INK, ls=":", lw=1), ax.text(1.1, 0.94, "top-p 0.9 stops here", color=INK)
ax.axvline(10, color=INK, ls=":", lw=1), ax.text(10.5, 0.05, "top-k 10 stops here", color=INK)
ax.set(xlabel="likeliest words (log scale)", ylabel="mass together", ylim=(0, 1.05), title="One mass, many widths: top-p follows the distribution")
show(fig, alt="Mass over the number of likeliest words. After next it reaches 0.9 with 7 words, after the with 191. Ten words hold 0.96 and 0.27.")
assert [round(m[9], 2) for m in mass.values()] == [0.96, 0.27]  # of ten words

# %% [markdown]
# **Why.** After *next* few words make sense, after *the* some two hundred. A fixed $k$ is too wide for one and too narrow for the other. (On this model and this measure. With counts as a model the tail is known, and top-p 0.9 fits it well. Nobody has shown that 0.9 is right everywhere.)
#
# **Change it.** The words that followed *model* in the text, eleven of them. The explorer opens at temperature 1 with top-p 0.5. *How many tokens stay at the temperatures 1, 2 and 0.5? And with top-k 3 in place of top-p?* Then draw 100 words and look how the counts come near.
#
# <details><summary>Answer</summary>
#
# Top-p 0.5: three, five, one. It acts on what the temperature has left: flat, more tokens are needed for half of the mass. Top-k 3 always keeps three. The cell after the explorer asserts it.
#
# </details>

# %%
from course_lib.explorers import sampling_explorer

row = P[vocab.index("model")]  # (n_vocab,)
followers = np.argsort(-row, kind="stable")[: (row > 0).sum()]
sampling_explorer(row[followers], [vocab[i] for i in followers], top_p=0.5, prompt="... the model", predict=False)

# %% [markdown]
# The next cell counts the tokens that stay.

# %%
scores = torch.from_numpy(np.log(row[followers]))  # (followers,)
for settings in ({"top_p": 0.5}, {"top_k": 3}):
    stay = [int((next_token_distribution(scores, T, **settings) > 0).sum()) for T in (1.0, 2.0, 0.5)]
    print(settings, "tokens that stay at the temperatures 1, 2 and 0.5:", stay)
    assert stay == ([3, 5, 1] if "top_p" in settings else [3, 3, 3]) and len(followers) == 11

# %% [markdown]
# ## Best word, best sentence? (8 min, short path)
#
# A translator should not draw lots. It should write the most likely sentence. Greedy search takes the best word at each step; is that not the same?
#
# **By hand.** Sentences of two words. First x with 3/5 or y with 2/5.
#
# | after | x | y | z |
# |---|---|---|---|
# | x | 2/5 | 3/10 | 3/10 |
# | y | 1/10 | 0 | 9/10 |
#
# **Predict.** Greedy search begins with x. How likely is the sentence that it writes, and is there a better one?

# %%
predict("two_steps")

# %% [markdown]
# **Run.** All sentences, in fractions.

# %%
from fractions import Fraction

first_word = {"x": Fraction(3, 5), "y": Fraction(2, 5)}
after = {
    "x": {"x": Fraction(2, 5), "y": Fraction(3, 10), "z": Fraction(3, 10)},
    "y": {"x": Fraction(1, 10), "z": Fraction(9, 10)},
}
sentences = {(u, v): first_word[u] * after[u][v] for u in first_word for v in after[u]}
for words, p in sorted(sentences.items(), key=lambda pair: -pair[1]):
    print(*words, p)
best = max(sentences, key=sentences.get)
assert sum(sentences.values()) == 1 and best == ("y", "z")
assert sentences[best] == Fraction(9, 25) and sentences["x", "x"] == Fraction(6, 25)
compare("two_steps", "6/25, and another has 9/25")

# %% [markdown]
# **Look.** The better first word leads to weaker second words. Greedy search does not look ahead, and it cannot go back.
#
# **Beam search** keeps the `beam` best beginnings in place of one. At each step all of them are continued by all tokens, and the best `beam` of *all* candidates stay (Graves, [2012](https://arxiv.org/abs/1211.3711)). Beam 1 is greedy search. Log-probabilities are added, because products of many probabilities underflow.
#
# **Run.** The library's `beam_search` asks a function: beginning to next tokens with their log-probabilities. `>` starts, `.` ends, and our tables have no end, so we stop after `max_len` tokens.

# %%
from course_lib.decoding import beam_search


def model_of(tree):
    """logp(prefix) of a tree: beginning (without the start) -> {token: probability}."""
    return lambda prefix: {token: np.log(float(p)) for token, p in tree[prefix[1:]].items()}


two_words = {(): first_word, ("x",): after["x"], ("y",): after["y"]}
for beam in (1, 2):
    words, score = beam_search(model_of(two_words), bos=">", eos=".", beam=beam, max_len=2, alpha=0.0)
    print(f"beam {beam}: {' '.join(words)} with {np.exp(score):.2f}")
    assert np.isclose(np.exp(score), float([Fraction(6, 25), Fraction(9, 25)][beam - 1]))

# %% [markdown]
# **Trap.** *"Beam search finds the most likely sentence."* It finds a good one. The next model has three first words, and the best sentence begins with the third: beam 2 has dropped it by then.

# %%
three_ways = {
    (): {"x": Fraction(2, 5), "y": Fraction(7, 20), "z": Fraction(1, 4)},
    ("x",): {"x": Fraction(2, 5), "y": Fraction(3, 10), "z": Fraction(3, 10)},
    ("y",): {"x": Fraction(3, 5), "y": Fraction(2, 5)},
    ("z",): {"z": Fraction(19, 20), "x": Fraction(1, 20)},
}
found = {beam: beam_search(model_of(three_ways), ">", ".", beam, max_len=2, alpha=0.0) for beam in (1, 2, 3)}
for beam, (words, score) in found.items():
    print(f"beam {beam}: {' '.join(words)} with {np.exp(score):.4f}")
all_of_them = {(u, v): p * q for u, p in three_ways[()].items() for v, q in three_ways[(u,)].items()}
assert max(all_of_them, key=all_of_them.get) == tuple(found[3][0]) == ("z", "z") and found[2][0] == ["y", "x"]

# %% [markdown]
# A wider beam was better each time. Must it be?
#
# **Predict.** Greedy search finds a sentence of probability $p$. Can a beam of 2 end with a *less* likely one on the same model?

# %%
predict("wider")

# %% [markdown]
# **Run.** Three words. If x is the first, the third is decided; after y it stays open.

# %%
open_end = {"x": Fraction(1, 3), "y": Fraction(1, 3), "z": Fraction(1, 3)}
worse = {
    (): {"x": Fraction(11, 20), "y": Fraction(9, 20)},
    ("x",): open_end, ("y",): {"x": Fraction(1, 2), "z": Fraction(1, 2)},
    ("y", "x"): open_end, ("y", "z"): open_end,
    ("x", "x"): {"z": Fraction(1)}, ("x", "y"): {"z": Fraction(1)}, ("x", "z"): {"z": Fraction(1)},
}  # fmt: skip
found = {beam: np.exp(beam_search(model_of(worse), ">", ".", beam, max_len=3, alpha=0.0)[1]) for beam in (1, 2, 3)}
print({beam: f"{p:.4f}" for beam, p in found.items()})
assert np.allclose(list(found.values()), [11 / 60, 9 / 120, 11 / 60])
compare("wider", "yes")

# %% [markdown]
# **Look.** At step two, y x and y z have 9/40 each and take both places; x x has 11/60 and is dropped. At step three it would have been the best. Only a beam that drops nothing is sure.
#
# **Change it.** The same model as a tree. Move the beam from 1 to 2 to 3. *Which beginnings die at step two under a beam of 2, and why does a beam of 3 save the right one?*
#
# <details><summary>Answer</summary>
#
# Everything that begins with x: 11/60 each, and two beginnings with y have 9/40. A beam of 3 has a place left for x x, and the earlier of equals gets it.
#
# </details>

# %%
tree = {start: {token: np.log(float(p)) for token, p in row.items()} for start, row in worse.items()}
sampling_explorer(view="tree", logp=tree, beam=2, prompt=">", predict=False)

# %% [markdown]
# **Make it.** Exercise 2 is `beam_search`, with sentences that end at different steps.

# %% [markdown]
# ## The price of length (8 min)
#
# Each further word multiplies by a number of at most 1. So among sentences of different length the short ones have an advantage. A **length penalty** divides the log-probability by a power of the length, here $n^\alpha$, before the best is chosen. With $\alpha = 0$ nothing changes, with $\alpha = 1$ it is the mean per token. (Wu and others, [2016](https://arxiv.org/abs/1609.08144), section 7, take $((5 + n)/6)^\alpha$.)
#
# **By hand.** A stops at once: one token, probability 3/10. B has three tokens of 3/5 each, so 27/125.
#
# | | $\log p$ | $\alpha = 0$ | $\alpha = 1$ |
# |---|---|---|---|
# | A, $n = 1$ | -1.20 | **-1.20** | -1.20 |
# | B, $n = 3$ | -1.53 | -1.53 | **-0.51** |
#
# **Run.** The table by beam search. `.` counts as a token.

# %%
short_or_long = {
    (): {".": 0.3, "x": 0.6, "y": 0.1},
    ("x",): {"x": 0.6, "y": 0.4},
    ("x", "x"): {".": 0.6, "y": 0.4},
    ("x", "y"): {".": 0.5, "y": 0.5},
}
for alpha in (0.0, 1.0):
    words, score = beam_search(model_of(short_or_long), ">", ".", beam=2, max_len=3, alpha=alpha)
    print(f"alpha {alpha}: {' '.join(words)}  score {score:.2f}")
    assert len(words) == (3 if alpha else 1) and np.isclose(score, np.log(0.6) if alpha else np.log(0.3))

# %% [markdown]
# Now the language model without its tail. Its text has 745 sentences of 15 words on average. What is its most likely sentence? Here we need no beam. A beginning can only lose by going on, so whoever always continues the likeliest beginning of all finds the best sentence, for certain.
#
# **Predict.** How many words has the most likely sentence, full stop included?

# %%
predict("most_likely")

# %% [markdown]
# **Run.** The five likeliest sentences. A heap hands out the likeliest beginning each time.

# %%
import heapq

heap, likeliest = [(0.0, (STOP,))], []
while len(likeliest) < 5:
    cost, words = heapq.heappop(heap)  # cost: minus the log-probability
    if len(words) > 1 and words[-1] == STOP:
        likeliest.append((np.exp(-cost), name(words[1:])))
        continue
    for j in np.flatnonzero(P[words[-1]]):
        heapq.heappush(heap, (cost - np.log(P[words[-1], j]), (*words, int(j))))

# %% [markdown]
# They are, with their probabilities:

# %%
for p, sentence in likeliest:
    print(f"{p:.4f}  {sentence}")
lengths = np.diff(np.flatnonzero(ids == STOP))
print(f"{len(lengths)} sentences, {lengths.mean():.1f} words each; 'it .' among them: {'. it .' in ' '.join(text)}")
compare("most_likely", f"{len(likeliest[0][1].split())}")
assert likeliest[0][1] == "it ." and ". it ." not in " ".join(text) and len(lengths) == 745 and lengths.mean().round() == 15

# %% [markdown]
# **Look.** *It.* A sentence that does not come once in the text is the most likely one. Stahlberg and Byrne ([2019](https://arxiv.org/abs/1908.10090)) searched a trained translator exactly: for more than half of the sentences its most likely translation was the *empty* one. A small beam hid this. The next cell widens the beam step by step.

# %%
def logp(prefix):
    row = P[prefix[-1]]
    return {int(j): np.log(row[j]) for j in np.flatnonzero(row)}


for alpha in (0.0, 1.0):
    for beam in (1, 3, 50):
        words, score = beam_search(logp, STOP, STOP, beam, max_len=30, alpha=alpha)
        total = score * len(words) ** alpha
        said = name(words) if len(words) < 10 else name(words[:9]) + " ..."
        print(f"alpha {alpha}, beam {beam:2}: {len(words):2} words, log-probability {total:6.2f}  {said}")
        assert alpha or beam < 3 or len(words) < 4

# %% [markdown]
# **Look.** Without a penalty a beam of 3 falls for *the weights.* and a beam of 50 for *it.* With $\alpha = 1$ they are longer, and still no sense. The penalty mends the length and nothing else.
#
# **Change it.** Which $\alpha$ makes A and B of the table equal? Solve $\ln 0.3 = 3 \ln 0.6 \,/\, 3^\alpha$ and try a little less and a little more in the cell.
#
# <details><summary>Answer</summary>
#
# $3^\alpha = 3 \ln 0.6 / \ln 0.3 \approx 1.27$, so $\alpha \approx 0.22$. Below it A wins, above it B.
#
# </details>

# %% [markdown]
# ## A bent coin (7 min, short path)
#
# Back to the hook, with a model that everybody understands. A bent coin shows heads with 0.6. It is tossed 100 times.
#
# **Predict.** Which of all sequences of 100 tosses is the most likely one, and how often does it come in 10,000 tries?

# %%
predict("coin")

# %% [markdown]
# **Run.** 10,000 tries.

# %%
rng = np.random.default_rng(0)
tosses = rng.random((10_000, 100)) < 0.6  # (tries, tosses), True is heads
heads = tosses.sum(axis=1)
print(f"all heads: probability {0.6**100:.1e}, seen {(heads == 100).sum()} times; heads per try {heads.min()} to {heads.max()}")
print(f"between 50 and 70 heads: {((heads >= 50) & (heads <= 70)).mean():.0%} of the tries")
assert (heads == 100).sum() == 0 and ((heads >= 50) & (heads <= 70)).mean() > 0.95 and heads.max() < 85
compare("coin", "all heads, never")

# %% [markdown]
# **Look.** All heads is the most likely *sequence*: each tail would divide its probability by 1.5. But it is one, and there are about $10^{28}$ sequences with 60 heads. Each of those is rarer, all together are far more. Drawing shows what is typical; searching for the maximum shows all heads.
#
# For long sequences Shannon ([1948](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x), theorem 3) says how likely typical ones are: minus the log-probability per token, the *surprise*, is near the entropy. That is 0.673 for this coin. All heads has 0.511, too little. The next cell asserts these figures.

# %%
from math import comb

surprise = -(heads * np.log(0.6) + (100 - heads) * np.log(0.4)) / 100  # (tries,), nats per toss
print(f"entropy {entropy(np.array([0.6, 0.4])):.3f}, mean surprise of the tries {surprise.mean():.3f}, all heads {-np.log(0.6):.3f}")
print(f"sequences with 60 heads: {comb(100, 60):.1e}")
assert abs(surprise.mean() - 0.673) < 0.001 and round(-np.log(0.6), 3) == 0.511 and 1e28 < comb(100, 60) < 2e28

# %% [markdown]
# **Change it.** On paper: a coin that shows heads with 0.9. How often is a try of 100 tosses all heads?
#
# <details><summary>Answer</summary>
#
# $0.9^{100} \approx 0.000027$: about once in 38,000 tries. Even then nobody should expect the most likely sequence.
#
# </details>
#
# **Run.** The same for the language model: the surprise per word in pieces of 40 words. The text it was made of, 8,000 drawn words, and greedy search.

# %%
def surprises(words):
    words = np.array(words)
    each = -np.log(Q[words[:-1], words[1:]])  # (n,), nats
    return each[: len(each) // 40 * 40].reshape(-1, 40).mean(axis=1)  # (pieces,)


# %% [markdown]
# The picture. The line of greedy search is the mean of ten pieces, which are all nearly equal.

# %%
of_text, of_draws, of_greedy = surprises(ids), surprises(draw(8000)), surprises([STOP, *write(np.argmax, 400)])
fig, ax = figure(7.5, 3)
bins = np.linspace(1.4, 4, 27)
ax.hist(of_text, bins, density=True, color=KEY, alpha=0.5, hatch="//", edgecolor=KEY)
ax.hist(of_draws, bins, density=True, histtype="step", color=QUERY, lw=2)
ax.axvline(of_greedy.mean(), color=VALUE, ls="--"), ax.text(of_greedy.mean() + 0.03, 1.9, "greedy search", color=VALUE)
ax.text(2.58, 1.5, "the text", color=KEY, ha="right"), ax.text(3.43, 1.1, "drawn", color=QUERY)
ax.set(xlabel="surprise per word in nats, pieces of 40 words", ylabel="density", title="Nobody writes what greedy search writes")
show(fig, alt="Pieces of the text lie between 2.4 and 3.2 nats, drawn ones between 2.5 and 3.8. Greedy search lies at 1.65, far to the left.")
assert of_greedy.mean() < 1.7 < 2.3 < of_text.min() and of_draws.min() > 2.3
assert of_text.max() < 3.3 and of_draws.max() < 4 and (len(of_text), len(of_draws)) == (282, 200)

# %% [markdown]
# **Look.** Not one of the 282 pieces of the text, and none of the 200 drawn ones, is as likely as what greedy search writes. Was the search too weak, then? The most likely forty words can be found exactly: for each last word, keep the best beginning that ends in it, and go on from there.

# %%
log_P = np.log(P, out=np.full_like(P, -np.inf), where=P > 0)
best, came_from = log_P[STOP], []  # of the best beginning that ends in each word (n_vocab,)
for _ in range(39):
    candidates = best[:, None] + log_P  # (n_vocab before, n_vocab after)
    best = candidates.max(axis=0)
    came_from.append(candidates.argmax(axis=0))
exact = [int(best.argmax())]
for row in came_from[::-1]:
    exact.insert(0, int(row[exact[0]]))
of_greedy_search = sum(log_P[pair] for pair in pairwise([STOP, *greedy]))
print(f"log-probability {best.max():.1f}, greedy search {of_greedy_search:.1f}\n{name(exact)}")
five = vocab.index("05")
assert exact.count(five) > 30 and P[five, five] == 1 / 2 and best.max() > of_greedy_search + 20

# %% [markdown]
# **Look.** A perfect search finds a tighter circle, one word long. (The text has *05* twice, once before another *05*: a link to lesson 05. So each further *05* has 1/2.) This is *all heads*. Greedy search was not too weak: the maximum is not what people write.
#
# **Why.** So the aim decides. Where one answer is right (a date, a translation), search. Where many are (a story, a conversation), draw, with the tail cut off.
#
# **Change it.** In a new cell: `surprises(draw(8000, top_p=0.9)).mean()`. Does cutting bring the drawn words nearer to the text, which has 2.85? Guess first.
#
# <details><summary>Answer</summary>
#
# Here it does: about 2.9 in place of 3.1. The stray words of the tail are surprising, and the text has none of them. (The text is the one the counts were made of. A new text would hold pairs that were never counted, and be more surprising than all of these.)
#
# </details>

# %% [markdown]
# ## Does a beam help a translator? (8 min)
#
# The Transformer of lesson 14 translates French phrases, and each has one right answer. The next cell loads it from the file that its script wrote; 600 held-out phrases follow.

# %%
import json
from pathlib import Path

import course_lib
from course_lib.text import Vocabulary
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.seq2seq import course_transformer

folder = Path(course_lib.__file__).parent / "data" / "files"
about = json.loads((folder / "14_translation.json").read_text(encoding="utf-8"))
french, english = (Vocabulary(about[f"{side}_tokens"], ("pad", "bos", "eos", "unk")) for side in ("source", "target"))
translator = course_transformer(len(french), len(english), **about["sizes"])
load_checkpoint(folder / "14_translation.safetensors", translator, about["sha256_of_the_table"])
translator.requires_grad_(False)
print(f"{sum(p.numel() for p in translator.parameters()):,} parameters, {len(french)} French words, {len(english)} English ones")

# %% [markdown]
# The phrases as ids, and the right answers.

# %%
from course_lib.data.batches import pad, shift_right
from course_lib.data.phrases import phrases, words

pairs = [tuple(map(words, pair)) for pair in phrases(seed=about["data_seed"]).test[:600]]
source, keep = pad([french.encode(text) for text, _ in pairs], french.pad_id)  # (B, n) each
references = [english.encode(text) for _, text in pairs]
END = english.eos_id
print(*pairs[2], sep="\n")

# %% [markdown]
# The log-probability that the model gives to whole answers takes one run by teacher forcing (lesson 12).

# %%
def log_probability(answers):
    """Of whole answers, end included: (B,)."""
    reads, says = shift_right(answers, english.bos_id, END, english.pad_id)  # (B, m) each
    of_each = translator(source, reads, keep).log_softmax(dim=-1).gather(-1, says[..., None])[..., 0]
    return (of_each * (says != english.pad_id)).sum(dim=-1).numpy()


assert log_probability(references).shape == (600,)

# %% [markdown]
# **Predict.** Greedy search has 24 of the 600 wrong. How many of these does a beam of 4 mend?

# %%
predict("beam_helps")

# %% [markdown]
# **Run.** Both, with $\alpha = 0$, so that the beam looks for the most likely answer and nothing else.

# %%
from course_lib.decoding import translate

answers = {b: translate(translator, source, keep, english.bos_id, END, 40, beam=b, alpha=0.0) for b in (1, 4)}
right = {b: np.array([said == wanted for said, wanted in zip(answers[b], references, strict=True)]) for b in (1, 4)}
sums = {b: log_probability(answers[b]) for b in (1, 4)}
likelier = sums[4] > sums[1] + 1e-4
for b in (1, 4):
    print(f"beam {b}: {right[b].sum()} of 600 exact, mean log-probability {sums[b].mean():.3f}")
print(f"more likely with the beam: {likelier.sum()}, less likely: {(sums[4] < sums[1] - 1e-4).sum()}")
print(f"mended: {(right[4] & ~right[1]).sum()}, spoilt: {(right[1] & ~right[4]).sum()}")
assert right[1].sum() == right[4].sum() == 576 and likelier.sum() == 6 and not (right[4] & ~right[1]).any()
compare("beam_helps", "none")

# %% [markdown]
# **Look.** The beam does what it promises: six answers are more likely than before, none is less. And not one more is right. Where did the error come from? There are two kinds:
#
# - **of the search**: the right answer has a *larger* log-probability than what was written. The search missed it.
# - **of the model**: it has a smaller one. The model prefers its mistake, and a better search can only make it surer.
#
# **Run.** Both kinds among the 24, and two of the answers that became likelier.

# %%
of_references = log_probability(references)
wrong = ~right[1]
of_search, of_model = (wrong & (of_references > sums[1])).sum(), (wrong & (of_references < sums[1])).sum()
print(f"greedy search: errors of the search {of_search}, of the model {of_model}")
for i in np.flatnonzero(likelier)[:2]:
    print(f"right  {of_references[i]:7.2f}  {' '.join(english.decode(references[i]))}")
    for b in (1, 4):
        print(f"beam {b} {sums[b][i]:7.2f}  {' '.join(english.decode(answers[b][i]))}")
assert (of_search, of_model) == (0, 24) and np.median(sums[1]) > np.log(0.99)

# %% [markdown]
# **Look.** All 24 are errors of the model. In the first example a country is missing either way; the beam found a likelier way to leave one out.
#
# This translator is nearly always sure: half of its answers have a probability above 0.99. And its phrases have one right answer. That leaves little for a beam to do. Translators of real sentences gained from small beams, and lost with wide ones ([Koehn and Knowles, 2017](https://arxiv.org/abs/1706.03872), section 3.6). The words *error of the search* and *of the model* are those of Stahlberg and Byrne. Measure it on your own model before you pay for it: a beam of 4 computes four times as many rows.
#
# **Change it.** Put 16 in place of each 4 in the cell that runs both (it takes some twenty seconds then). How many answers become likelier, how many right? Put 4 back afterwards.
#
# <details><summary>Answer</summary>
#
# Six again, and none is mended. A beam of 2 finds these six, too. Here there is no more to be found.
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. Probabilities 1/2, 3/10, 1/5. Which tokens stay with top-p 0.5, and which with 0.6?</summary>
#
# The first alone: it reaches 0.5. With 0.6 the second crosses the bound and stays, too.
#
# </details>
#
# <details><summary>2. Build a model of two steps on which greedy search loses.</summary>
#
# A first word that is likelier, and after which nothing is likely; a second one after which one word is nearly sure. 3/5 · 2/5 against 2/5 · 9/10.
#
# </details>
#
# <details><summary>3. Why does greedy search write what nobody would write, although every word is the best?</summary>
#
# The most likely sequence is not a typical one: all heads with a bent coin. Typical texts are each less likely and together far more.
#
# </details>
#
# <details><summary>4. Two tokens have odds 9 to 1. What are they at temperature 2, and at 1/2?</summary>
#
# 3 to 1, and 81 to 1: the odds to the power $1/T$.
#
# </details>
#
# <details><summary>5. A sampler passes 10 draws. What does that say?</summary>
#
# Little: a wrong temperature passed in nine of ten experiments. Say how many draws, which bound, and how often a right sampler would fail.
#
# </details>
#
# <details><summary>6. A translation is wrong. How do you find out whether a wider beam can help?</summary>
#
# Compare log-probabilities of the right answer and of what was written. Only if the right one is larger did the search miss it.
#
# </details>
#
# <details><summary>7. From lesson 02: what is the entropy of n equally likely tokens, and which temperature leads there?</summary>
#
# $\ln n$; a very high one.
#
# </details>
#
# **What stays.** The model gives a distribution; the text is made by a rule that you choose. Searching for the maximum and drawing are two aims, not two qualities. The circle of the hook was no accident: the exact maximum is a circle, too. Lesson 17 draws from a model that looks further back.

# %% [markdown]
# ## Settings for another text (after the lesson)
#
# **Make it.** For another day, about 15 minutes. The running text of lesson 05, or one of your own in `my_text`, becomes a model with a tail of 10 %. Find `my_settings` for `next_token_distribution`. Wanted: below 1 % of pairs that the text never had, more than 90 % of the fours new, and at least 150 different words in 2,000. Before you try: which of the three does each knob serve?

# %%
my_text = load_lesson_text().held_out
my_settings = {"temperature": 1.0, "top_k": None, "top_p": None}

# %% [markdown]
# **Run.** The acceptance test. (Its model takes the place of the lesson's: run all cells to have that back.)

# %%
mine = cut(my_text)
vocab = sorted(set(mine))
ids, STOP = np.array([vocab.index(word) for word in mine]), vocab.index(".")
counts = np.zeros((len(vocab), len(vocab)))
np.add.at(counts, (ids, np.roll(ids, -1)), 1)  # the text in a ring, so that every word has a follower
any_word = np.bincount(ids) / len(ids)
log_Q = torch.from_numpy(np.log(0.9 * counts / counts.sum(axis=1, keepdims=True) + 0.1 * any_word))
my_words = draw(2000, **my_settings)
never, new = faults(my_words)
passed = never < 0.01 and new > 0.9 and len(set(my_words)) >= 150
print(f"pairs that never were {never:.1%}, new fours {new:.0%}, words {len(set(my_words))}:", "passed" if passed else "not yet")
