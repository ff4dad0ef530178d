# ---
# jupyter:
#   course:
#     title: Fast inference
#     question: Who does the same work again, each time a GPT writes a token?
#     minutes: 75
#     short_path: 34
#     needs: [04_masks, 09_positions, 10_multi_head, 12_encoder_decoder, 17_gpt]
#     objectives:
#       - count the multiplications of writing n tokens, with and without a KV cache
#       - write a cached step, and test it against the model that reads all again
#       - find a cache that loses its positions, and name the tests that cannot see it
#       - compute the bytes of a cache, also of published models
#       - share keys and values among heads (multi-query, grouped-query), and say what that saves and costs
#     terms: [KV cache, prefill, grouped-query attention, multi-query attention]
# ---

# %%
import numpy as np
import torch
import torch.nn.functional as F

from course_lib import compare, predict, start

start("18_fast_inference", torch=True)

# %% [markdown]
# ## The same work again (6 min, short path)
#
# The GPT of lesson 17 writes. For each new character it reads the whole text so far, although it read all of it but one character a moment ago. The next cell loads the model.

# %%
import json
from importlib.resources import files

from course_lib.text import CharacterTokenizer, Vocabulary
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.gpt import GPT

about = json.loads((files("course_lib") / "data/files/17_gpt.json").read_text(encoding="utf-8"))
tokenizer = CharacterTokenizer(Vocabulary(about["tokens"], specials=("unk",)))
grown = GPT(len(tokenizer), about["max_n"], BlockConfig(**about["sizes"]), positions="rotary").eval()
load_checkpoint(files("course_lib") / "data/files/17_gpt.safetensors", grown, about["sha256_of_the_table"])
print(f"{len(grown.blocks.layers)} layers, window {grown.max_n}, {len(tokenizer)} tokens in the vocabulary")

# %% [markdown]
# `write_naively` is the loop of lesson 17: read everything, draw a character, append it, again.

# %%
def draw(logits, generator):
    """logits (1, n_vocab) -> a token (1, 1), at temperature 0.8."""
    return torch.multinomial((logits / 0.8).softmax(dim=-1), 1, generator=generator)


@torch.no_grad()
def write_naively(model, text, n_new, seed=1):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor([tokenizer.encode(text)])  # (1, n)
    for _ in range(n_new):
        logits = model(ids)[:, -1]  # all tokens so far go through all layers; (1, n_vocab)
        ids = torch.cat([ids, draw(logits, generator)], dim=1)
    return tokenizer.decode(ids[0].tolist())


# %% [markdown]
# **Predict.** It starts from one character and writes 127 more. How many tokens go through the first layer, all steps together?

# %%
predict("passes")

# %% [markdown]
# **Run.** A hook at the first layer counts the tokens that come in.

# %%
tokens_in = []
counter = grown.blocks.layers[0].register_forward_pre_hook(lambda layer, given: tokens_in.append(given[0].shape[1]))
print(write_naively(grown, "\n", 127))
counter.remove()
print(f"tokens that came in: {tokens_in[:4]} ... {tokens_in[-1]}, together {sum(tokens_in):,}")
assert tokens_in == list(range(1, 128)) and sum(tokens_in) == 8128
compare("passes", f"{sum(tokens_in):,}")

# %% [markdown]
# **Look.** 8,128 passes for 127 new tokens: 1 + 2 + ... + 127. The first character alone went through every layer 127 times. 98 of 100 passes were made before. Do they bring anything new? If not, where can the old results be kept, and what is still wrong when every shape is right?
#
# **Change it.** On paper: a text twice as long, 254 new tokens. How many passes? (The window of this model is too short to run it.)
#
# <details><summary>Answer</summary>
#
# 254 · 255 / 2 = 32,385, about four times as many. The number of passes grows with the square of the length.
#
# </details>
#
# **Short path.** 34 minutes: the five sections whose heading says *short path*, and recap questions 1 to 3. Choose *Run > Run All Cells* first.

# %% [markdown]
# ## Count the work (7 min)
#
# We count multiplications in one layer, with $d$ = `d_model` and a feed-forward $4d$ wide. One token goes through $W_Q, W_K, W_V, W_O$ ($4d^2$) and the feed-forward ($8d^2$). A query asks $t$ keys: $td$ for the scores, $td$ for the mean of the values. (Scores that the mask hides are computed too.) Step $t$ writes one token when $t$ tokens are there:
#
# $$\text{without: } 12\,d^2\,t + 2\,d\,t^2 \qquad\qquad \text{only the new token: } 12\,d^2 + 2\,d\,t$$
#
# **By hand.** Three tokens, $d = 2$, so $12d^2 = 48$ and $2d = 4$:
#
# | step $t$ | reads all tokens again | only the new token |
# |---|---|---|
# | 1 | 48 + 4 = 52 | 48 + 4 = 52 |
# | 2 | 96 + 16 = 112 | 48 + 8 = 56 |
# | 3 | 144 + 36 = 180 | 48 + 12 = 60 |
# | sum | 344 | 168 |
#
# **Run.** The same in code, beside the course's own formula.

# %%
from course_lib import by_hand

t, d = np.arange(1, 4), 2
again, new_only = 12 * d**2 * t + 2 * d * t**2, 12 * d**2 + 2 * d * t  # (n,) each
print("reads all again:", again, "sum", again.sum(), "; only the new one:", new_only, "sum", new_only.sum())
assert again.tolist() == [52, 112, 180] and new_only.tolist() == [52, 56, 60]
for cached, counts in ((False, again), (True, new_only)):
    assert counts.sum() == by_hand.writing_multiplications(3, d_model=2, cached=cached)

# %% [markdown]
# Is the formula true of a real model? torch can count: `FlopCounterMode` adds up the products of matrices. It counts a multiplication and its addition as two. A fresh GPT reads 9 tokens at once, and we take off the output layer.

# %%
from torch.utils.flop_counter import FlopCounterMode

counted_model = GPT(11, 16, BlockConfig(d_model=32, n_heads=4, n_layers=2, d_hidden=128))
with FlopCounterMode(display=False) as counter, torch.no_grad():
    counted_model(torch.randint(11, (1, 9)), return_weights=True)
in_layers = counter.get_total_flops() // 2 - 9 * 32 * 11  # without the output layer, (n, d_model) times (d_model, n_vocab)
by_formula = 2 * (12 * 32**2 * 9 + 2 * 32 * 9**2)  # two layers
print(f"counted {in_layers:,}, by the formula {by_formula:,}")
assert in_layers == by_formula

# %% [markdown]
# The picture: multiplications of one step, for a layer of GPT-2 small ($d$ = 768).

# %%
from course_lib.palette import KEY, QUERY, QUIET
from course_lib.plots import figure, show

t, d = np.arange(1, 1025), 768
again, new_only = 12 * d**2 * t + 2 * d * t**2, 12 * d**2 + 2 * d * t
fig, ax = figure(7, 3)
ax.plot(t, again / 1e6, color=QUERY), ax.plot(t, new_only / 1e6, "--", color=KEY)
ax.text(600, 1900, "reads all again", color=QUERY), ax.text(600, 16, "only the new token", color=KEY)
ax.set_yscale("log")
ax.set(xlabel="tokens so far", ylabel="million multiplications, log", title="At t tokens, reading all again is t times the work", xlim=(0, 1024))
show(fig, alt="Multiplications per step. Reading all again rises from 7 to 8,900 million; only the new token stays between 7 and 9 million.")
saved = {n: again[:n].sum() / new_only[:n].sum() for n in (256, 512, 1024)}
print("times as many, for", ", ".join(f"{n:,} tokens: {int(factor)}" for n, factor in saved.items()))
assert np.allclose(again / new_only, t) and 8800 < again[-1] / 1e6 < 9000 and 7 < new_only[0] / 1e6 < 7.2 and 8.6 < new_only[-1] / 1e6 < 8.7
assert [int(factor) for factor in saved.values()] == [129, 260, 529]

# %% [markdown]
# **Look.** (The axis is logarithmic.) The upper curve begins where the lower one does, and ends a thousand times higher. Divide the two formulas: the ratio is $t$. All steps together, to write 1,024 tokens takes 529 times the multiplications when all is read again.
#
# **Change it.** For which length does the new token's attention, $2dt$, cost as much as all its other work? On paper.
#
# <details><summary>Answer</summary>
#
# $2dt = 12d^2$ gives $t = 6d$: 4,608 tokens for GPT-2 small, more than its window of 1,024. So a step with kept results is *nearly* flat, not flat: it grows by a little with each token.
#
# </details>

# %% [markdown]
# ## What must be kept (9 min, short path)
#
# Place $i$ cannot see what comes after it (lessons 04, 12). So nothing at place $i$ changes when a token is appended: not its vector, in any layer, and not the query, the key and the value that are made of it. What was computed once could be kept.
#
# **Predict.** A token has a query, a key and a value in each layer. Which of them will *later* tokens ask for?

# %%
predict("keep")

# %% [markdown]
# **By hand.** One head, $d_\text{head} = 1$. Two tokens are read: keys $0$ and $\ln 3$, values $4$ and $8$. Now a third comes, with query 1, key $\ln 4$, value 16. (The root of $d_\text{head}$ is 1.)
#
# - its scores: $1 \cdot 0$, $1 \cdot \ln 3$, $1 \cdot \ln 4$; their exponentials 1, 3, 4; weights $\tfrac18, \tfrac38, \tfrac48$
# - its context: $\tfrac18 \cdot 4 + \tfrac38 \cdot 8 + \tfrac48 \cdot 16 = 11.5$
#
# Of the past it needs the keys and the values. The old queries asked their questions when they were new; nobody asks them again. The store of the keys and values of all read tokens, in each layer, is the **KV cache**.
#
# **Run.** All three tokens at once with a causal mask, and the third one alone with the cache.

# %%
from course_lib.transformer.attention import scaled_dot_product_attention as attention

Q = torch.tensor([[1.0], [1.0], [1.0]])  # (n, d_head)
K, V = torch.tensor([[0.0], [np.log(3)], [np.log(4)]]), torch.tensor([[4.0], [8.0], [16.0]])  # (n, d_head) each
at_once, _ = attention(Q, K, V, causal=True)  # (n, d_head)
cache = (K[:2], V[:2])  # what two tokens left
new_K, new_V = torch.cat([cache[0], K[2:]]), torch.cat([cache[1], V[2:]])
alone, weights = attention(Q[2:], new_K, new_V)  # one query, three keys
print("at once:", at_once[:, 0].numpy(), "; the third alone:", alone[:, 0].numpy(), "with weights", weights[0].numpy())
assert torch.allclose(alone, at_once[2:]) and abs(alone.item() - 11.5) < 1e-12
assert torch.allclose(weights, torch.tensor([[1 / 8, 3 / 8, 4 / 8]]))
compare("keep", "key and value")

# %% [markdown]
# **Run.** Do they stay what they were in the trained model too? The keys and values of the first 10 tokens, when 10 are read and when 128 are.

# %%
text = ("It is written in the reference of the language. " * 4)[:128]
ids = torch.tensor([tokenizer.encode(text)])  # (1, n)
short, long = grown.new_caches(), grown.new_caches()  # lists that record each layer's keys and values
with torch.no_grad():
    grown(ids[:, :10], short), grown(ids, long)
for name in ("K", "V"):
    far = max((getattr(a, name) - getattr(b, name)[:, :, :10]).abs().max().item() for a, b in zip(short, long, strict=True))
    print(f"{name} of the first 10 tokens, {len(long)} layers: equal to 1e-12: {far < 1e-12}")
    assert far < 1e-12
assert long[0].K.shape == long[0].V.shape == (1, 4, 128, 36)  # (B, n_heads, n, d_head)

# %% [markdown]
# **Look.** The same numbers, in every layer. So they may be kept.
#
# Now a whole GPT, one token a call. Sub-goals: **1. place** (where does the new token stand?), **2. project** the new token alone, **3. append** its key and value, **4. ask** all keys. `p` is a library GPT with learned positions and random weights; `past` has a pair (K, V) for each layer.

# %%
from course_lib.transformer.attention import merge_heads, split_heads


def step(token, past, p):
    """token (B, 1) -> logits (B, 1, n_vocab); past, one (K, V) for each layer, grows by a token."""
    n_past = past[0][0].shape[2]
    x = p.embed(token) + p.positions.table[n_past]  # 1. place (B, 1, d_model)
    for i, layer in enumerate(p.blocks.layers):
        h, attn = layer.norm1(x), layer.self_attn
        Q, K, V = (split_heads(W(h), attn.n_heads) for W in (attn.W_q, attn.W_k, attn.W_v))  # 2. project
        past[i] = (torch.cat([past[i][0], K], dim=2), torch.cat([past[i][1], V], dim=2))  # 3. append
        x = x + attn.W_o(merge_heads(attention(Q, *past[i])[0]))  # 4. ask
        x = x + layer.ffn(layer.norm2(x))
    return p.output(p.blocks.norm(x))


# %% [markdown]
# **Run.** 9 tokens, one by one, against the library's model that reads them at once.

# %%
torch.manual_seed(0)
p = GPT(11, 16, BlockConfig(d_model=32, n_heads=4, n_layers=2), positions="learned")
for parameter in p.parameters():
    torch.nn.init.normal_(parameter, std=0.3)
new_past = lambda: [(torch.zeros(2, 4, 0, 8), torch.zeros(2, 4, 0, 8)) for _ in p.blocks.layers]  # (B, n_heads, 0, d_head)
nine = torch.randint(11, (2, 9))  # (B, n)
with torch.no_grad():
    past, expected = new_past(), p(nine)
    one_by_one = torch.cat([step(nine[:, t : t + 1], past, p) for t in range(9)], dim=1)  # (B, n, n_vocab)
print("equal to 1e-12:", torch.allclose(one_by_one, expected, atol=1e-12, rtol=0), "; keys kept:", tuple(past[0][0].shape))
assert torch.allclose(one_by_one, expected, atol=1e-12, rtol=0) and past[0][0].shape == (2, 4, 9, 8)

# %% [markdown]
# **Look.** There is no mask in `step`. A single new token is the last one, and it may see all that is kept: the causal mask has become the order of events.
#
# **Change it.** Leave out 3 for the values: append `K` and put `V` in place of the joined values. What happens? Guess: an error, or wrong numbers?
#
# <details><summary>Answer</summary>
#
# An error at the second token: two keys and one value do not fit. Faults that raise an error are the good ones. The next sections have faults that do not.
#
# </details>

# %% [markdown]
# ## Two writers, equal seeds (4 min, short path)
#
# The library's attention keeps keys and values in a `KVCache` for each layer. `write` hands the model the unread tokens alone.

# %%
@torch.no_grad()
def write(model, text, n_new, caches, seed=1):
    generator = torch.Generator().manual_seed(seed)
    ids = unread = torch.tensor([tokenizer.encode(text)])  # (1, n)
    for _ in range(n_new):
        logits = model(unread, caches)[:, -1]  # the past is in the caches
        unread = draw(logits, generator)
        ids = torch.cat([ids, unread], dim=1)
    return tokenizer.decode(ids[0].tolist())


# %% [markdown]
# **Predict.** Both writers draw at temperature 0.8 from equal seeds. Of 5 texts of 100 characters each: how many characters will differ?

# %%
predict("same")

# %% [markdown]
# **Run.** Both ways, five seeds.

# %%
differ = 0
for seed in range(5):
    slow = write_naively(grown, "The value of the ", 100, seed)
    fast = write(grown, "The value of the ", 100, grown.new_caches(), seed)
    differ += sum(a != b for a, b in zip(slow, fast, strict=True))
print(fast)
print("characters that differ:", differ, "of", 5 * len(fast[17:]))
assert differ == 0 and len(fast) == 117
compare("same", "none")

# %% [markdown]
# **Look.** Not one. The cache is no approximation; it leaves out what was computed twice.
#
# "Equal" means up to rounding: sums are taken in another order. In float64 that is below 1e-12 here, in 16 bits it is far more, and two nearly equal logits may then change places. That would be rounding, not a fault of the cache.
#
# The library's `generate` has both ways, and starts afresh when the window is full. The next cell writes past the window.

# %%
from course_lib.decoding import generate

prompt, runs = torch.tensor([tokenizer.encode("The value of the ")]), {}
for cached in (True, False):
    runs[cached] = generate(grown, prompt, 150, generator=torch.Generator().manual_seed(0), cached=cached)
print(runs[True].shape, "the same ids:", torch.equal(runs[True], runs[False]))
assert torch.equal(runs[True], runs[False]) and runs[True].shape == (1, 167)

# %% [markdown]
# ## Time for a token (7 min, short path)
#
# How much faster is it? A random GPT will do: time does not depend on what was learnt. Four layers, `d_model` = 128, float32. It writes 512 tokens, the likeliest each time.
#
# **Predict.** With the cache: how long do the last 64 tokens take, beside the first 64?

# %%
predict("flat")

# %% [markdown]
# **Run.** `seconds` writes, and takes the CPU time of each block of 64 tokens.

# %%
from time import process_time

watched = GPT(100, 513, BlockConfig(d_model=128, n_heads=4, n_layers=4, d_hidden=512)).float().eval()


@torch.no_grad()
def seconds(cached, n_new=512, block=64):
    """CPU seconds of each block of tokens, (n_blocks,)."""
    ids, caches, marks = torch.zeros(1, 1, dtype=torch.long), watched.new_caches() if cached else None, [process_time()]
    for t in range(1, n_new + 1):
        token = watched(ids[:, -1:] if cached else ids, caches)[:, -1:].argmax(dim=-1)
        ids = torch.cat([ids, token], dim=1)
        if t % block == 0:
            marks.append(process_time())
    return np.diff(marks)


# %% [markdown]
# Both ways. (The times depend on your machine.)

# %% tags=["nbval-ignore-output"] reason="prints CPU seconds"
seconds(True, 64)  # a first run, so that torch is warm
with_cache, without = seconds(True), seconds(False)
for name, block in (("with", with_cache), ("without", without)):
    print(f"{name:8}first 64 tokens {block[0]:.3f} s, last 64 {block[-1]:.3f} s, all {block.sum():.2f} s")
factor = without.sum() / with_cache.sum()
fewer = by_hand.writing_multiplications(512, 128, cached=False) / by_hand.writing_multiplications(512, 128)
print(f"multiplications saved: {fewer:.0f} times; time saved: {factor:.1f} times")
assert round(fewer) == 278

# %% [markdown]
# The picture, and the facts with wide margins, so that they hold on slow and busy machines too.

# %%
fig, ax = figure(7, 3)
middle = np.arange(8) * 64 + 32
ax.plot(middle, without / 64 * 1000, "o-", color=QUERY), ax.plot(middle, with_cache / 64 * 1000, "s--", color=KEY)
ax.text(middle[-2], without[-2] / 64 * 1000, "reads all again  ", color=QUERY, ha="right")
ax.text(middle[-1], with_cache[-1] / 64 * 1000 + 0.4, "with the cache", color=KEY, ha="right")
ax.set(xlabel="tokens so far", ylabel="ms for a token", ylim=(0, None), title="With the cache a token's time stays nearly the same")
show(fig, alt="Milliseconds per token in blocks of 64. Reading all again climbs steeply with the length; with the cache the line stays nearly flat.")
print("without: last block above 4 times the first:", without[-1] > 4 * without[0])
print("with: last block below 3 times the first:", with_cache[-1] < 3 * with_cache[0])
print("all 512 tokens: more than 2.5 times faster:", factor > 2.5)
assert without[-1] > 4 * without[0] and with_cache[-1] < 3 * with_cache[0] and factor > 2.5
compare("flat", "about as long")

# %% [markdown]
# **Look.** The dashed line is nearly flat, the other climbs. On the machine of this page 512 tokens took 10 to 16 times as long without the cache, in several runs.
#
# **Trap.** *"278 times fewer multiplications, so 278 times faster."* It is far less. A step with one token fetches every weight of the model from memory and multiplies it once; a step with 100 tokens fetches it once and uses it 100 times. And each call costs something before it multiplies at all. So many tokens at once are cheap *per token*, and one token at a time is dear.
#
# **Change it.** Time one call with 1 token and one with 64: `process_time()` around 50 calls of `watched(torch.zeros(1, 64, dtype=torch.long))`, within `torch.no_grad()`. Guess the ratio first: 64, or less?
#
# <details><summary>Answer</summary>
#
# Far below 64: 3 to 4 on the machine of this page. For so small a model the calls cost more than the weights: with `d_model` = 32, a sixteenth of the weights, one token still took three quarters of the time. [Shazeer (2019)](https://arxiv.org/abs/1911.02150) names this as the reason for slow decoding: not the arithmetic, but loading keys and values (and weights) again for each token. In large models that is the larger part. We come back to it in *Heads that share*.
#
# </details>
#
# **Make it.** [The exercises](../exercises/18_fast_inference.ipynb) ask for `cached_attention_step`: `step` for several new tokens, with several heads, from an empty cell.

# %% [markdown]
# ## The place of a new token (8 min, short path)
#
# Sub-goal 1 looked harmless. The new token comes alone, as a sequence of length 1. A model that counts places from the beginning of its *input* gives it the place 0. With learned positions the token gets the first row of the table; with rotary ones (lesson 09) its key is turned as if at place 0. Here is such a cache for the library: it keeps everything and forgets how much it keeps.

# %%
from course_lib.transformer.attention import KVCache


class Forgetful(KVCache):
    def __len__(self):
        return 0  # the library asks len(cache) where the new keys begin


forgetful = lambda model: [Forgetful() for _ in model.blocks.layers]
with torch.no_grad():
    cache, right = forgetful(grown), grown.new_caches()
    shapes = {tuple(grown(ids[:, t : t + 1], caches).shape) for t in range(5) for caches in (cache, right)}
print("shapes of the logits:", shapes, "; of the keys:", tuple(cache[0].K.shape), tuple(right[0].K.shape))
assert shapes == {(1, 1, len(tokenizer))} and cache[0].K.shape == right[0].K.shape == (1, 4, 5, 36)

# %% [markdown]
# All shapes are right, and nothing complains. Every key and value is kept.
#
# **Predict.** The trained model reads held-out text with this cache, one character at a time. It needs some 2 bits per character (on these pieces) when all is right. Guessing all characters alike would take 6.7 bits. With the forgetful cache?

# %%
predict("restart")

# %% [markdown]
# **Run.** 24 pieces of 128 characters: read at once, with the right cache, and with the forgetful one.

# %%
from course_lib.data.prose import load_prose

held_ids = torch.tensor(tokenizer.encode(load_prose().validation[: 24 * 128 + 1]))
reads, says = held_ids[:-1].view(24, 128), held_ids[1:].view(24, 128)  # (B, n) each


@torch.no_grad()
def bits(model, caches=None):
    """Bits per character; with caches the text is read one character at a time."""
    one_by_one = (reads[:, t : t + 1] for t in range(128))
    logits = model(reads) if caches is None else torch.cat([model(token, caches) for token in one_by_one], dim=1)
    return F.cross_entropy(logits.flatten(0, 1), says.flatten()).item() / np.log(2)


# %% [markdown]
# Three ways to read, and what each writes.

# %%
ways = {"at once": bits(grown), "right cache": bits(grown, grown.new_caches()), "forgetful cache": bits(grown, forgetful(grown))}
alike = np.log2(len(tokenizer))
print(f"cache and at once agree to 1e-9: {abs(ways['right cache'] - ways['at once']) < 1e-9}; below 2.6 bits: {ways['at once'] < 2.6}")
print(f"forgetful above guessing ({alike:.1f} bits): {ways['forgetful cache'] > alike}")
print("it writes:", write(grown, "The value of the ", 80, forgetful(grown)).replace("\n", " "))
assert abs(ways["right cache"] - ways["at once"]) < 1e-9 and ways["at once"] < 2.6 and ways["forgetful cache"] > alike
compare("restart", "more than guessing")

# %% [markdown]
# **Look.** Worse than a model that knows nothing, with the same weights and all keys kept. Each key came in alone and was turned as if it stood at place 0. The query is turned by its true place: the library counts it from the number of keys. So every key, even the token's own, seems to stand at the very beginning.
#
# **Run.** One head, seen from the last character of each piece. It is the head of lesson 17 that looks one character back.

# %%
@torch.no_grad()
def looks_at(caches, layer=3, head=1):
    """Weights of the last 8 keys when the last character reads, mean over the pieces (8,)."""
    for t in range(128):
        _, weights = grown(reads[:, t : t + 1], caches, return_weights=True)  # a list of (B, n_heads, 1, t + 1)
    return weights[layer][:, head, 0, -8:].mean(dim=0)


right, lost = looks_at(grown.new_caches()), looks_at(forgetful(grown))

# %% [markdown]
# The weights of the last eight characters, side by side.

# %%
fig, ax = figure(7, 2.6)
for shift, name, view, style in ((-0.2, "right cache", right, {"color": KEY}), (0.2, "forgetful", lost, {"color": QUERY, "hatch": "//"})):
    ax.bar(np.arange(8) + shift, view, 0.4, label=name, **style)
ax.set_xticks(range(8), [*(f"{back} back" for back in range(7, 0, -1)), "itself"]), ax.legend()
ax.set(ylabel="weight", title="With place 0 for all keys, the head loses the character before")
show(fig, alt="Weights of the last eight keys. Right cache: more than half on one back. Forgetful cache: nearly nothing on all eight.")
print(f"one back, right: more than half: {bool(right[-2] > 0.5)}; forgetful, all eight together: below 0.2: {bool(lost.sum() < 0.2)}")
assert about["heads"]["one before"] == ["layer 3", 1] and right[-2] > 0.5 and lost.sum() < 0.2

# %% [markdown]
# **Look.** With the right cache more than half of the weight is on the character before. With the forgetful one nearly nothing is left there: the head finds no key at the distance that it has learnt.
#
# **Change it.** On paper: with the forgetful cache the query of the eleventh token stands at place 10. How far back does its own key seem to be, and how far that of the first token?
#
# <details><summary>Answer</summary>
#
# Both 10 places: all keys were turned as if at place 0. No key seems to be one place back.
#
# </details>
#
# The training loss was fine all the time: training uses no cache. And the prompt is read in one call, which begins at 0 rightly. Only what is written afterwards is rubbish.
#
# **Trap.** *"The cache is tested."* With what? The next cell runs three tests that the forgetful cache passes. Each compares it with the model that reads at once.

# %%
with torch.no_grad():
    placeless = GPT(11, 16, BlockConfig(d_model=32, n_heads=4, n_layers=2), positions="none")
    same = lambda model, ids, chunks: torch.allclose(  # does reading by chunks give what reading at once gives?
        torch.cat([model(part, cache) for cache in [forgetful(model)] for part in ids.split(chunks, dim=1)], dim=1),
        model(ids), atol=1e-9, rtol=0)
    verdicts = {"only one call": same(p, nine, 9), "only one token": same(p, nine[:, :1], 1),
                "a model without positions": same(placeless, nine, 1), "one by one, with positions": same(p, nine, 1)}
for name, passed in verdicts.items():
    print(f"{name:27}", "passes" if passed else "FAILS")
assert list(verdicts.values()) == [True, True, True, False]

# %% [markdown]
# **Look.** The first three cannot see this fault. One call begins at 0 rightly, one token stands at 0, and without positions no place can be wrong. (A test of shapes makes four.) A test of a cache needs a model with positions, random weights, and more than one call.
#
# **Change it.** In `Forgetful`, return `max(0, super().__len__() - 1)` in place of 0: one place too low. Does the last test see it? And does the text still look like salad? Run this section again.
#
# <details><summary>Answer</summary>
#
# The test sees it, and the text is salad again, at about 5 bits per character. Each key is turned one place too little, so a head that has learnt to look one token back now finds the token itself. Being wrong by one is no small fault here.
#
# </details>

# %% [markdown]
# ## Several tokens at once (9 min)
#
# A prompt is there before anything is written. It can be read in one call, all its keys and values computed in parallel: this is the **prefill**. Then tokens come one by one. A very long prompt is read in pieces (chunks), because the scores of all its queries at once take much memory.
#
# A chunk of $m$ new tokens after $n_\text{past}$ cached ones: each new token sees the whole past, and of the chunk what stands up to itself. For $n_\text{past} = 3$ and $m = 2$:
#
# | | key 0 | key 1 | key 2 | key 3 | key 4 |
# |---|---|---|---|---|---|
# | query at place 3 | yes | yes | yes | yes | no |
# | query at place 4 | yes | yes | yes | yes | yes |
#
# **Change it.** `step` for a chunk. Two blanks: the place of the tokens, and who may see whom. Then run the test below it.

# %%
def with_blanks(ids, past, p):
    """ids (B, m) -> logits (B, m, n_vocab); past grows by m tokens."""
    n_past, m = past[0][0].shape[2], ids.shape[1]
    x = p.embed(ids) + p.positions.table[0:m]  # 1. place: replace 0:m
    seen = torch.ones(m, n_past + m, dtype=torch.bool)  # (queries, keys): replace, True where a query may look
    for i, layer in enumerate(p.blocks.layers):
        h, attn = layer.norm1(x), layer.self_attn
        Q, K, V = (split_heads(W(h), attn.n_heads) for W in (attn.W_q, attn.W_k, attn.W_v))  # 2. project
        past[i] = (torch.cat([past[i][0], K], dim=2), torch.cat([past[i][1], V], dim=2))  # 3. append
        x = x + attn.W_o(merge_heads(attention(Q, *past[i], seen)[0]))  # 4. ask
        x = x + layer.ffn(layer.norm2(x))
    return p.output(p.blocks.norm(x))


# %% [markdown]
# The test: chunks of 4, 3 and 2 tokens.

# %%
def by_chunks(read, ids, sizes, model):
    """Logits (B, n, n_vocab) of ids that are read in chunks of these sizes."""
    past = new_past()
    with torch.no_grad():
        return torch.cat([read(part, past, model) for part in ids.split(sizes, dim=1)], dim=1)


print("passed" if torch.allclose(by_chunks(with_blanks, nine, [4, 3, 2], p), expected, atol=1e-9, rtol=0) else "not yet")

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# x = p.embed(ids) + p.positions.table[n_past : n_past + m]
# seen = torch.ones(m, n_past + m, dtype=torch.bool).tril(n_past)
# ```
#
# The triangle is not square: its first row has n_past + 1 times True.
#
# </details>
#
# **Predict.** torch's own function has `is_causal=True`. One new query, five keys: which keys does it see?

# %%
predict("corner")

# %% [markdown]
# **Run.** Values 0 to 4 and equal scores: the output is the mean of the values that are seen.

# %%
q, k = torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 5, 1)  # (B, n_heads, m, d_head), (B, n_heads, n, d_head)
v = torch.arange(5.0).view(1, 1, 5, 1)
theirs = F.scaled_dot_product_attention(q, k, v, is_causal=True).item()
ours = attention(q, k, v, causal=True)[0].item()
print(f"torch, is_causal=True: {theirs:.1f}; all five keys: {ours:.1f}")
assert theirs == 0 and ours == 2
compare("corner", "key 0 alone")

# %% [markdown]
# **Look.** torch's triangle begins at the first key, whatever the number of queries; its documentation says so. That is right for training, where both are equal. With a cache, hand over the mask. (The course's `attention` takes the queries as the *last* places.)
#
# For the experiments, the same with two switches: `place` says where a chunk begins, `seen` who may see whom.

# %%
triangle = lambda m, n_past: torch.ones(m, n_past + m, dtype=torch.bool).tril(n_past)


def read_on(ids, past, p, place=lambda n_past: n_past, seen=triangle):
    n_past, m = past[0][0].shape[2], ids.shape[1]
    first = place(n_past)
    x = p.embed(ids) + p.positions.table[first : first + m]  # 1. place (B, m, d_model)
    for i, layer in enumerate(p.blocks.layers):
        h, attn = layer.norm1(x), layer.self_attn
        Q, K, V = (split_heads(W(h), attn.n_heads) for W in (attn.W_q, attn.W_k, attn.W_v))  # 2. project
        past[i] = (torch.cat([past[i][0], K], dim=2), torch.cat([past[i][1], V], dim=2))  # 3. append
        x = x + attn.W_o(merge_heads(attention(Q, *past[i], seen(m, n_past))[0]))  # 4. ask
        x = x + layer.ffn(layer.norm2(x))
    return p.output(p.blocks.norm(x))


# %% [markdown]
# Three faults, one line each: places begin at 0 in every call; the chunk is open inside; the triangle begins at the first key.
#
# **Predict.** A cache is tested *one token at a time against all at once*. Which of the three faults does this test miss?

# %%
predict("misses")

# %% [markdown]
# **Run.** Four tests, three faults and the right version. `blank` is the same model, its table of positions set to zero.

# %%
from copy import deepcopy

blank = deepcopy(p)
blank.positions.table.data.zero_()
tests = {"one call": ([9], p), "one by one": ([1] * 9, p), "chunks, no positions": ([4, 3, 2], blank), "chunks": ([4, 3, 2], p)}
versions = {"right": {}, "places from 0": {"place": lambda n_past: 0},
            "open inside": {"seen": lambda m, n_past: torch.ones(m, n_past + m, dtype=torch.bool)},
            "first corner": {"seen": lambda m, n_past: torch.ones(m, n_past + m, dtype=torch.bool).tril()}}
caught = np.zeros((4, 4), dtype=bool)  # (versions, tests)
for i, switches in enumerate(versions.values()):
    for j, (sizes, model) in enumerate(tests.values()):
        read = lambda ids, past, p, switches=switches: read_on(ids, past, p, **switches)
        with torch.no_grad():
            caught[i, j] = not torch.allclose(by_chunks(read, nine, sizes, model), model(nine), atol=1e-9, rtol=0)

# %% [markdown]
# Who is caught by which test?

# %%
print(f"{'':15}" + "".join(f"{name:>22}" for name in tests))
for name, row in zip(versions, caught, strict=True):
    print(f"{name:15}" + "".join(f"{'caught' if hit else 'passes':>22}" for hit in row))
assert not caught[0].any() and caught[1:, 3].all() and not caught[1:, :3].all(axis=0).any()
assert caught[1:, 1].tolist() == [True, False, True]
compare("misses", "open inside: a chunk sees its own future")

# %% [markdown]
# **Look.** Every test but the last lets a fault pass: one call has no past, one token has no inside, and without positions a place cannot be wrong. Chunks of several tokens, after a cache, with positions and random weights: this is the test to keep.
#
# **Change it.** How much memory do chunks save? `by_hand.map_bytes(n, n_heads, bytes_per_number)` is the weights map of one layer, $n \times n$ for each head. Take 4,096 tokens, 32 heads, 2 bytes. And in chunks of 256?
#
# <details><summary>Answer</summary>
#
# 1.07 GB, and 67 MB for the last chunk: 256 queries, 4,096 keys. That is so where the map is stored; lesson 24 shows how to do without. The scores cost less too: a chunk has no columns for later chunks, so 53 of 100 scores are computed.
#
# </details>

# %% [markdown]
# ## What the cache takes (7 min)
#
# Nothing is free: what is not computed again must be stored. For each token, each layer keeps a key and a value of $d_\text{head}$ numbers for each head:
#
# $$\text{bytes} = 2 \cdot n_\text{layers} \cdot n_\text{KV heads} \cdot d_\text{head} \cdot n \cdot B \cdot \text{bytes per number}$$
#
# **By hand.** One layer, 2 heads of 2 numbers, 3 tokens, one sequence, 8 bytes a number (float64): $2 \cdot 1 \cdot 2 \cdot 2 \cdot 3 \cdot 1 \cdot 8 = 192$ bytes.
#
# **Run.** Weigh a real one.

# %%
def weigh(caches):
    """Bytes that the caches of all layers hold."""
    return sum(part.numel() * part.element_size() for cache in caches for part in (cache.K, cache.V))


tiny = GPT(11, 16, BlockConfig(d_model=4, n_heads=2, n_layers=1))
caches = tiny.new_caches()
with torch.no_grad():
    tiny(torch.tensor([[1, 2, 3]]), caches)
print(f"weighed {weigh(caches)}, by the formula {by_hand.cache_bytes(3, 4, n_heads=2, n_layers=1, bytes_per_number=8)}")
assert weigh(caches) == 192 == by_hand.cache_bytes(3, 4, n_heads=2, n_layers=1, bytes_per_number=8)
assert weigh(long) == 2 * 4 * 4 * 36 * 128 * 8  # the grown model, its window full

# %% [markdown]
# **Predict.** Llama 2 comes with 7 and with 70 billion parameters. One text of 4,096 tokens, 16 bits a number. Which has the larger cache?

# %%
predict("larger")

# %% [markdown]
# **Run.** The sizes of the published models: [GPT-2](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf) small (Radford and others, 2019), [Llama 2](https://arxiv.org/abs/2307.09288) (Touvron and others, 2023), layers and heads as in the first [LLaMA](https://arxiv.org/abs/2302.13971) of 7B and 65B (table 2). But the 70B has 8 heads of keys and values for its 64 of queries (appendix A.2.1).

# %%
models = {  # n, d_model, n_heads, n_kv_heads, n_layers
    "GPT-2 small": (1024, 768, 12, 12, 12),
    "Llama 2 7B": (4096, 4096, 32, 32, 32),
    "Llama 2 70B": (4096, 8192, 64, 8, 80),
    "70B with 64 KV heads": (4096, 8192, 64, 64, 80),
}
size = {name: by_hand.cache_bytes(*sizes) for name, sizes in models.items()}  # 2 bytes a number
for name, (n, *_) in models.items():
    print(f"{name:21}{n:6,} tokens {size[name] / 1e9:7.3f} GB, {size[name] / n / 1000:7.0f} kB a token")
assert size["Llama 2 7B"] == 2 * 32 * 32 * 128 * 4096 * 2 and size["Llama 2 70B"] == 2 * 80 * 8 * 128 * 4096 * 2
assert size["Llama 2 7B"] > 1.5 * size["Llama 2 70B"] and size["70B with 64 KV heads"] == 8 * size["Llama 2 70B"]
assert 6 * size["GPT-2 small"] < 2 * 124_439_808 < 7 * size["GPT-2 small"]
compare("larger", "the 7B")

# %% [markdown]
# **Look.** The model with ten times the parameters has the smaller cache, thanks to eight heads of keys and values for 64 of queries. The next section does that by hand. Also: 7 texts of 1,024 tokens in GPT-2 small take more memory than its 124,439,808 weights (lesson 17), 2 bytes a number in both.
#
# The explorer has these sizes as presets. **Change it.** *Which is the largest number of KV heads with which Llama 2 7B keeps 4,096 tokens in less than half a GB? And in the preset “A long text”: for which lengths is the KV cache larger than the weights map of a layer?*

# %%
from course_lib.explorers import cost_explorer

cost_explorer(preset="Llama 2 7B", predict=False)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Four: 8 would take 0.54 GB, 4 take 0.27. And for *short* texts: the cache grows with $n$, the map with $n^2$. The cache is larger below 1,536 tokens.
#
# </details>
#
# The next cell checks both answers. A cache can also be kept from growing: with a *sliding window* each token sees the last $w$ tokens, and older keys are thrown away ([Beltagy and others, 2020](https://arxiv.org/abs/2004.05150); Mistral 7B has $w$ = 4,096, [Jiang and others, 2023](https://arxiv.org/abs/2310.06825)).

# %%
for n_kv_heads in (8, 4):
    print(f"7B with {n_kv_heads} KV heads: {by_hand.cache_bytes(4096, 4096, 32, n_kv_heads, 32) / 1e9:.2f} GB")
larger_cache = [n for n in range(1, 4097) if by_hand.cache_bytes(n, 768, 12, 12, 12) > by_hand.map_bytes(n, 12)]
print("cache larger than the map of a layer up to", max(larger_cache), "tokens")
assert by_hand.cache_bytes(4096, 4096, 32, 8, 32) > 0.5e9 > by_hand.cache_bytes(4096, 4096, 32, 4, 32)
assert max(larger_cache) == 1535

# %% [markdown]
# ## Heads that share (8 min)
#
# Each step loads the whole cache from memory to use it once. Fewer heads of keys and values make it smaller. **Multi-query attention** has one for all query heads ([Shazeer, 2019](https://arxiv.org/abs/1911.02150)); **grouped-query attention** has $G$, one for each group of $n_\text{heads} / G$ query heads ([Ainslie and others, 2023](https://arxiv.org/abs/2305.13245)). Query head $h$ reads group $\lfloor h \cdot G / n_\text{heads} \rfloor$.
#
# **By hand.** Four query heads, $G = 2$, two tokens, equal scores, so each head takes the mean of its values. Group 0 has the values 1 and 3, group 1 has 10 and 30. Heads 0 and 1 get 2, heads 2 and 3 get 20.
#
# **Run.** Write each group out for its heads, and attend as ever. Two ways to write out; only one is right.

# %%
interleaved = lambda x, share: x.repeat_interleave(share, dim=1)  # groups 0 0 1 1
tiled = lambda x, share: x.repeat(1, share, 1, 1)  # groups 0 1 0 1


def grouped(Q, K, V, write_out=interleaved):
    """Q (B, n_heads, n_q, d), K and V (B, G, n_k, d) -> (B, n_heads, n_q, d)"""
    share = Q.shape[1] // K.shape[1]
    return attention(Q, write_out(K, share), write_out(V, share))[0]


Q, K = torch.zeros(1, 4, 1, 1), torch.zeros(1, 2, 2, 1)
V = torch.tensor([[1.0, 3.0], [10.0, 30.0]]).view(1, 2, 2, 1)
print("interleaved:", grouped(Q, K, V).flatten().tolist(), "; tiled:", grouped(Q, K, V, tiled).flatten().tolist())
assert grouped(Q, K, V).flatten().tolist() == [2, 2, 20, 20] and grouped(Q, K, V, tiled).flatten().tolist() == [2, 20, 2, 20]

# %% [markdown]
# Who reads whom? If group $g$ has the value $e_g$ (a 1 in column $g$), the output of a head names its group. G = 4 is multi-head, G = 1 multi-query attention.

# %%
from course_lib.plots import heat_map

panels = {"G = 4": (4, interleaved), "G = 2": (2, interleaved), "G = 1": (1, interleaved), "G = 2, tiled": (2, tiled)}
fig, axes = figure(7.5, 2.8, columns=4)
reads_from = {}
for ax, (name, (G, way)) in zip(axes, panels.items(), strict=True):
    e = torch.eye(G).view(1, G, 1, G)  # (B, G, n_k, d_head)
    reads_from[name] = grouped(torch.zeros(1, 4, 1, 1), torch.zeros(1, G, 1, 1), e, way)[0, :, 0].numpy()  # (n_heads, G)
    heat_map(ax, reads_from[name], [f"q{h}" for h in range(4)], [f"{g}" for g in range(G)], name, digits=0)
    ax.set_xlabel("group")
fig.suptitle("Neighbours share a group; tiled, the groups are dealt out in turn", fontsize=11, weight="bold")
show(fig, alt="Which group each of four query heads reads. G 4: 0 1 2 3. G 2: 0 0 1 1. G 1: 0 0 0 0. Tiled, G 2: 0 1 0 1.")
groups = {name: matrix.argmax(axis=1).tolist() for name, matrix in reads_from.items()}
print(groups)
assert list(groups.values()) == [[0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1]]

# %% [markdown]
# **Change it.** On paper: six query heads, $G = 3$. Which heads read group 1, and which would in the tiled order?
#
# <details><summary>Answer</summary>
#
# Heads 2 and 3: $\lfloor 2 \cdot 3 / 6 \rfloor = \lfloor 3 \cdot 3 / 6 \rfloor = 1$. Tiled: heads 1 and 4.
#
# </details>
#
# **Trap.** *"Both have the right shape and share as they should."* Who trains from the start with the tiled order gets a model as good: its heads have other numbers. Who loads published weights gets heads that read the wrong keys. The next cell compares with torch's own (`enable_gqa=True`), for $G$ = 1, 2 and 4.

# %%
generator = torch.Generator().manual_seed(0)
Q = torch.randn(2, 4, 3, 5, generator=generator)  # (B, n_heads, n_q, d)
agree = {}
for G in (1, 2, 4):
    K, V = torch.randn(2, 2, G, 7, 5, generator=generator)  # (B, G, n_k, d) each
    theirs = F.scaled_dot_product_attention(Q, K, V, enable_gqa=True)
    agree[G] = [torch.allclose(grouped(Q, K, V, way), theirs, atol=1e-12, rtol=0) for way in (interleaved, tiled)]
    print(f"G {G}: interleaved equals torch's: {agree[G][0]}, tiled: {agree[G][1]}")
assert agree == {1: [True, True], 2: [True, False], 4: [True, True]}

# %% [markdown]
# **Look.** With one group for all, and with one for each head, the order does not matter. A test with *multi-query* and *multi-head* attention cannot see this fault. Test with $1 < G < n_\text{heads}$.
#
# **Predict.** One key in place of four. How many multiplications does it save in the *scores*, for one step with a cache?

# %%
predict("scores")

# %% [markdown]
# **Run.** Three layers of the library, with 4, 2 and 1 groups: parameters, the numbers in the cache, and the counted multiplications of scores and means (`bmm`, a product of batches of matrices).

# %%
from course_lib.transformer.attention import MultiHeadAttention

products = {}
for G in (4, 2, 1):
    layer, cache = MultiHeadAttention(64, n_heads=4, n_groups=G, bias=False), KVCache()
    with torch.no_grad():
        layer(torch.randn(1, 99, 64), cache=cache)
        with FlopCounterMode(display=False) as counter:
            layer(torch.randn(1, 1, 64), cache=cache, return_weights=True)  # the hundredth token
    products[G] = counter.get_flop_counts()["Global"][torch.ops.aten.bmm] // 2
    parameters = sum(w.numel() for w in layer.parameters())
    print(f"G {G}: {parameters:6,} parameters, {cache.K.numel() + cache.V.numel():6,} numbers kept, {products[G]:,} multiplications")
    assert cache.K.shape == (1, G, 100, 16) and parameters == 2 * 64 * 64 + 2 * 64 * 16 * G
assert set(products.values()) == {2 * 100 * 64}
compare("scores", "none")

# %% [markdown]
# **Look.** The cache shrinks by the number of heads that share. The layer's parameters shrink by a quarter and by three eighths, the scores not at all: every query head still asks every token. What is saved is memory, and the time to load it.
#
# **Make it.** [The exercises](../exercises/18_fast_inference.ipynb) ask for `grouped_query_attention` and `cache_bytes`, and have a hunt.

# %% [markdown]
# ## What sharing costs (7 min)
#
# Ainslie and others turn a trained multi-head model into a grouped one: the new key head of a group is the *mean* of its old ones, the same for values. Then they train on for 5 % of the first training. The next cell takes the mean for the model of lesson 17.

# %%
def with_fewer(model, G):
    """The model with G heads of keys and values, each the mean of those it replaces."""
    state = model.state_dict()
    for name, weight in state.items():
        if "W_k" in name or "W_v" in name:  # (n_heads * d_head, d_model)
            state[name] = weight.view(G, 4 // G, 36, -1).mean(dim=1).flatten(0, 1)  # (G * d_head, d_model)
    fewer = GPT(len(tokenizer), model.max_n, BlockConfig(**about["sizes"], n_groups=G), positions="rotary").eval()
    fewer.load_state_dict(state)
    return fewer


# %% [markdown]
# **Predict.** With two heads of keys and values in place of four, and no further training: how many bits more per held-out character?

# %%
predict("mean")

# %% [markdown]
# **Run.** 4 (as it was), 2 and 1.

# %%
pooled = {G: bits(with_fewer(grown, G)) for G in (4, 2, 1)}
print(f"4 heads: as before to 1e-9: {abs(pooled[4] - ways['at once']) < 1e-9}")
print(f"2 heads: more than 1.5 bits worse: {pooled[2] > pooled[4] + 1.5}; 1 head: worse still: {pooled[1] > pooled[2]}")
assert abs(pooled[4] - ways["at once"]) < 1e-9 and pooled[2] > pooled[4] + 1.5 and pooled[1] > pooled[2]
compare("mean", "more than 1.5")

# %% [markdown]
# **Look.** More than 1.5 bits: it is nearly lost. Heads that were trained apart look for different things, and a mean of their keys is nobody's key. The mean is a place to train on from.
#
# **Run.** So train on: 75 steps, 5 % of the first training, three seeds. Beside it small models (two layers, `d_model` = 64, 400 steps) that had 4, 2 or 1 heads of keys and values from the start. `sources/training/18_groups.py` did both; bits are on the whole held-out text.

# %%
shared = json.loads((files("course_lib") / "data/files/18_groups.json").read_text(encoding="utf-8"))
for name in ("further", "from the start"):
    for G, runs in shared[name].items():
        print(f"{name:15} {G} KV heads: bits " + "  ".join(f"{b:.2f}" for b in runs))
mean = {name: {G: np.mean(runs) for G, runs in shared[name].items()} for name in ("further", "from the start")}
cost = {G: round(mean["further"][G] - mean["further"]["4"], 2) for G in ("2", "1")}
print("trained on, bits more than 4 heads:", {G: float(bits_more) for G, bits_more in cost.items()})
assert cost == {"2": 0.13, "1": 0.64} and shared["steps"] == {"further": 75, "from the start": 400}
starts = [max(runs) - min(runs) for runs in shared["from the start"].values()]
more = {G: np.subtract(shared["from the start"][G], shared["from the start"]["4"]) for G in ("2", "1")}  # (n_seeds,) each
assert (abs(more["2"]) < 0.01).all() and ((more["1"] > 0.01) & (more["1"] < 0.02)).all() and min(starts) > 0.03

# %% [markdown]
# **Look.** 75 steps bring most of it back: two heads cost 0.13 bits, one head 0.64, beside four heads with the same further steps. Trained from the start, 2 heads are as good as 4 to 0.01 bits. One head is worse with each seed, by less than 0.02 bits. The three starts of one model lie further apart, by 0.03 and more. So here the cost lies in the *change* of a trained model, hardly in the sharing. (A small model, a small text: do not carry the figures to large ones.)
#
# [Ainslie and others (2023)](https://arxiv.org/abs/2305.13245) find for their large models that after the further training grouped heads come close to multi-head quality, and are nearly as fast as multi-query. That is their measurement, not ours.
#
# **Change it.** Take the *first* head of each group in place of the mean: `[:, 0]` for `.mean(dim=1)`. Better or worse before any further training? Guess, and run the cells of this section.
#
# <details><summary>Answer</summary>
#
# About the same here, both nearly lost. (The paper finds the mean better, after further training.)
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. Why may keys and values be kept, and why not the queries too?</summary>
#
# Place $i$ cannot see later tokens, so its key and value never change. A query asks once, when its token is new; nobody asks it again.
#
# </details>
#
# <details><summary>2. How many tokens go through a layer to write 127 after a first one, without a cache and with one?</summary>
#
# 8,128 and 127.
#
# </details>
#
# <details><summary>3. Somebody tests a cache one token at a time, on a model without positions. Name two faults that this test cannot see.</summary>
#
# Places that begin at 0 in each call, since the model has none. And a chunk that is open inside, since one token has no inside.
#
# </details>
#
# <details><summary>4. Three cached tokens, two new ones. What does the mask look like?</summary>
#
# Two rows, five columns. The first row has four times True, the second five times: `tril(3)`.
#
# </details>
#
# <details><summary>5. 32 layers, 32 heads of 128 numbers, 4,096 tokens, 2 bytes a number: how large is the cache? And with 8 KV heads?</summary>
#
# $2 \cdot 32 \cdot 32 \cdot 128 \cdot 4096 \cdot 2$ bytes = 2.1 GB. A quarter, 0.54 GB.
#
# </details>
#
# <details><summary>6. Eight query heads, two groups. Which heads read group 1, and with which G does a wrong order not show?</summary>
#
# Heads 4 to 7. With $G$ = 1 and with $G$ = 8.
#
# </details>
#
# <details><summary>7. From lesson 12: the decoder was run nine times there, the encoder once. What would a cache have saved?</summary>
#
# The decoder's own keys and values, as here. And the keys and values that cross-attention makes of the memory: the memory never changes, so they need to be made once for the whole sentence.
#
# </details>
#
# **What stays.** Of 8,128 passes 127 were needed. The old keys and values cannot change, so they are kept, and the text is the same to the last character. What can go wrong has the right shape: the place of a new token, the inside of a chunk, the order of the groups. Each wants a test that can fail.
# Next: BERT, which reads in both directions, so that each new token changes what every layer after the first had kept: lesson 19.

# %% [markdown]
# ## A window of your own (after the lesson)
#
# **Make it.** For another day, about 20 minutes. A cache that stops growing: `WindowCache` keeps the keys and values of the last `window` tokens. `KVCache.extend(K, V)` appends and returns all; `self.K` and `self.V` are what is kept. The acceptance test reads token by token with your cache, and compares with a model that reads at once and whose mask is a band. Mind what `len` means.

# %%
class WindowCache(KVCache):
    def __init__(self, window):
        super().__init__()
        self.window = window

    def extend(self, K, V):
        return super().extend(K, V)  # replace: keep the last self.window tokens, and return these


# %% [markdown]
# **Run.** The acceptance test, with a window of 4.

# %%
band = lambda m, n_past: triangle(m, n_past).triu(n_past - 3)  # a query sees itself and the three before
wanted = by_chunks(lambda ids, past, p: read_on(ids, past, p, seen=band), nine, [9], p)  # (B, n, n_vocab)
caches = [WindowCache(4) for _ in p.blocks.layers]
with torch.no_grad():
    got = torch.cat([p(nine[:, t : t + 1], caches) for t in range(9)], dim=1)
short_enough = caches[0].K.shape[2] <= 4
print("passed" if short_enough and torch.allclose(got, wanted, atol=1e-9, rtol=0) else "not yet")
assert not torch.allclose(expected, wanted, atol=1e-9, rtol=0)

# %% [markdown]
# <details><summary>One way</summary>
#
# ```python
# class WindowCache(KVCache):
#     def __init__(self, window):
#         super().__init__()
#         self.window, self.n_read = window, 0
#
#     def __len__(self):
#         return self.n_read  # the place of the next token, not what is kept
#
#     def extend(self, K, V):
#         self.n_read += K.shape[-2]
#         super().extend(K, V)
#         self.K, self.V = self.K[:, :, -self.window :], self.V[:, :, -self.window :]
#         return self.K, self.V
# ```
#
# Without its own `__len__` the places stay at 4 once the window is full: the trap of this lesson again. It serves learned positions alone: the library counts a rotary query's place from the number of keys that are kept.
#
# </details>
