# ---
# jupyter:
#   course:
#     title: Translation
#     question: How do we know that a translator is good?
#     minutes: 70
#     short_path: 30
#     trains: true
#     needs: [07_additive_attention, 12_encoder_decoder, 13_training]
#     objectives:
#       - turn pairs of texts into batches, and say how much padding batches by length save
#       - compute BLEU on paper, and name two faults that it does not see
#       - find test texts that stand in the training texts, and say what such a leak is worth
#       - compare three translators fairly, and say what attention is worth here and what the Transformer is worth
#       - say what decides how many pairs a translator needs
#     terms: [parallel data, BLEU, clipped precision, brevity penalty, chrF]
# ---

# %%
import re

import numpy as np
import torch

from course_lib import compare, predict, start

start("14_translation", torch=True)

# %% [markdown]
# ## One digit too high (5 min, short path)
#
# Dates, amounts, names and lists in French and in English: this is **parallel data**, pairs of texts that say the same. A library writes both from the same value, with the patterns of the Unicode project [CLDR](https://cldr.unicode.org). So each phrase has one right translation.

# %%
from course_lib.data.phrases import phrases, words

data = phrases(seed=14)
for french, english in data.test[9:16]:
    print(f"{french}  ->  {english}")
print(len(data.train), "pairs to learn from,", len(data.test), "held out")
assert (len(data.train), len(data.test)) == (34_200, 1_800)

# %% [markdown]
# Most papers on translation give one number, **BLEU**, from 0 to 100. It counts words, pairs of words, triples and fours that the reference has too.
#
# Here is a translator that makes one mistake in every phrase which holds a number: the last digit is one too high. *25.00 Canadian dollars* becomes *25.01 Canadian dollars*.
#
# **Predict.** It translates all held-out phrases with a number. How many BLEU points does it get?

# %%
predict("one_off")

# %% [markdown]
# **Run.** Words, marks and single digits are the tokens: `words` cuts a text, and a space joins the tokens.

# %%
from course_lib.metrics import bleu, exact_match

references = [" ".join(words(english)) for _, english in data.test]
numbered = [text for text in references if re.search(r"\d", text)]
next_digit = lambda digit: str((int(digit[0]) + 1) % 10)
off = [re.sub(r"\d(?=\D*$)", next_digit, text) for text in numbered]
print(f"for example: {off[0]!r} where {numbered[0]!r} is right")
print(f"{len(off)} phrases: BLEU {bleu(off, numbered):.0f}, exact {exact_match(off, numbered):.0%}")
assert 70 < bleu(off, numbered) < 77 and exact_match(off, numbered) == 0
compare("one_off", "about 75")

# %% [markdown]
# **Trap.** *"BLEU 74 means that 74 % are right."* Nothing is right here: every date is another day, every amount another sum. BLEU gives marks for the tokens around the mistake.
#
# **Change it.** Spoil the *first* digit: replace `r"\d(?=\D*$)"` by `r"\d"` and add `count=1` to `re.sub`. More points or fewer? Guess first. (The `assert` may complain. Put it back afterwards.)
#
# <details><summary>Answer</summary>
#
# A few more, about 76. The first digit stands near the start of many phrases, so fewer groups of four contain it.
#
# </details>
#
# **Short path.** 30 minutes: the sections whose heading says *short path*, and recap questions 1 to 3. Choose *Run > Run All Cells* first (about half a minute), because later cells use the names of earlier ones.

# %% [markdown]
# ## What a dictionary cannot do (8 min, short path)
#
# The next cell makes a dictionary from the training pairs. For each French word it takes the English word that goes with it most faithfully: twice the number of pairs which have both, divided by the sum of the numbers that have each (Dice's coefficient; we call it *faith*).

# %%
from collections import Counter

pairs = [(words(french), words(english)) for french, english in data.train]
n_french, n_english, n_both = Counter(), Counter(), Counter()
for french, english in pairs:
    n_french.update(set(french)), n_english.update(set(english))
    n_both.update((f, e) for f in set(french) for e in set(english))

dictionary = {}
for (f, e), n in sorted(n_both.items()):
    faith = 2 * n / (n_french[f] + n_english[e])
    if faith > dictionary.get(f, (0.0, ""))[0]:
        dictionary[f] = faith, e
print({f: dictionary[f][1] for f in ["lundi", "mars", "jours", "et", "australiens", "il", "y", "a", "3"]})
assert [dictionary[f][1] for f in ("lundi", "mars", "il")] == ["Monday", "March", "ago"]

# %% [markdown]
# It has learnt *lundi*, *mars* and all digits from the pairs alone. And it holds that *il*, *y* and *a* each mean *ago*: *il y a 3 jours* is *3 days ago*.
#
# **Predict.** We translate the held-out phrases with it, word by word, in the French order. How many are exactly right?

# %%
predict("dictionary")

# %% [markdown]
# **Run.**

# %%
by_word = [" ".join(dictionary[f][1] for f in words(french) if f in dictionary) for french, _ in data.test]
same_words = np.mean([sorted(a.split()) == sorted(b.split()) for a, b in zip(by_word, references, strict=True)])
print(f"exact {exact_match(by_word, references):.1%}, BLEU {bleu(by_word, references):.0f}; right words in any order {same_words:.1%}")
for n in (0, 5, 11, 14, 29):
    print(f"   {data.test[n][0]}  ->  {by_word[n]}   (right: {references[n]})")
assert 0.2 < exact_match(by_word, references) < 0.27 and same_words < 0.32
compare("dictionary", "about 25 %")

# %% [markdown]
# **Look.** With the words in any order it would not be much better: order is not the only thing that is missing.
#
# | French | English | what a translator must do |
# |---|---|---|
# | 41,00 dollars jamaïcains | 41.00 Jamaican dollars | turn adjective and noun round; the mark in a number is another one |
# | dimanche 10 juin 2040, 03:31 | Sunday, June 10, 2040, 3:31 AM | day and month change places; two commas and *AM* come from nowhere |
# | lundi 5 décembre 2089, 18:22 | Monday, December 5, 2089, 6:22 PM | take 12 from the hour |
# | il y a 85 ans | 85 years ago | three words become one, at the other end |
# | 69 onces par mois | 69 ounces per month | *mois* is *month* or *months*: what stands before it decides |
# | 2e trimestre 2047 | 2nd quarter 2047 | *e* is *nd* because of the digit (agreement) |
#
# Each line needs a look at another place of the source: at a neighbour, at the other end, at the digit before. That is what attention is for. The next cell asserts that these are pairs of our data.

# %%
examples = ["41,00 dollars jamaïcains", "dimanche 10 juin 2040, 03:31", "lundi 5 décembre 2089, 18:22", "il y a 85 ans"]
known = dict(data.test)
for french in [*examples, "69 onces par mois", "2e trimestre 2047"]:
    print(f"{french}  ->  {known[french]}")
assert known["lundi 5 décembre 2089, 18:22"] == "Monday, December 5, 2089, 6:22 PM" and known["il y a 85 ans"] == "85 years ago"
assert known["2e trimestre 2047"] == "2nd quarter 2047" and known["69 onces par mois"] == "69 ounces per month"

# %% [markdown]
# **Change it.** Look up `dictionary["de"]`, `dictionary[","]` and `dictionary["mois"]` in a new cell. Which of the three has a faith near 1, and why have the others not?
#
# <details><summary>Answer</summary>
#
# None of them. *de* goes best with *Time*, which it meets in the names of time zones; elsewhere it is *of* or nothing at all. The comma is a point in numbers, and a comma in dates. *mois* goes with *months* and with *month*, and each takes a share.
#
# </details>

# %% [markdown]
# ## Pairs become batches (8 min)
#
# A vocabulary for each side: all tokens of the training texts, and four special ones. `bos` begins what the decoder reads, `eos` ends what it says (lesson 12), `pad` fills short rows up, `unk` stands for every token that no training text has (lesson 16 does better).

# %%
from course_lib.text import Vocabulary

specials = ("pad", "bos", "eos", "unk")
reader = Vocabulary.from_tokens((word for french, _ in pairs for word in french), specials)
writer = Vocabulary.from_tokens((word for _, english in pairs for word in english), specials)
print(len(reader), "French tokens,", len(writer), "English tokens; most frequent:", reader.tokens[4:14])
assert len(reader) == 347 and len(writer) == 312

# %% [markdown]
# **By hand.** Two sources of 5 and 2 tokens. Three steps, and they come again below.

# %%
rows = [reader.encode(words(text)) for text in ("il y a 3 jours", "3 jours")]
n = max(len(row) for row in rows)  # 1. the longest
ids = torch.tensor([row + [reader.pad_id] * (n - len(row)) for row in rows])  # 2. fill: (B, n)
keep = torch.tensor([[j < len(row) for j in range(n)] for row in rows])  # 3. the mask: (B, n)
print(ids, keep, sep="\n")
assert ids.shape == keep.shape == (2, 5) and keep.tolist() == [[True] * 5, [True, True, False, False, False]]

# %% [markdown]
# **Change it.** Now the English side. The decoder reads `bos`, t1, t2, ... and says t1, t2, ..., `eos`. The row that is said lacks its end: mend the line with *2. fill* and `says`. (3. The mask is not needed here: the causal mask hides what comes later, and the loss leaves `pad` out.)

# %%
def both_rows(rows, bos, eos, pad):
    """Lists of ids -> what the decoder reads and what it says, both (B, m)."""
    m = max(len(row) for row in rows) + 1  # 1. the longest, and one more
    reads = [[bos, *row] + [pad] * (m - len(row) - 1) for row in rows]  # 2. fill
    says = [[*row] + [pad] * (m - len(row)) for row in rows]  # 2. fill: here something is missing
    return torch.tensor(reads), torch.tensor(says)


reads, says = both_rows([[7, 8], [9]], bos=1, eos=2, pad=0)
print("reads", reads.tolist(), "says", says.tolist())
print("right" if says.tolist() == [[7, 8, 2], [9, 2, 0]] else "not yet: nobody says where the text ends")

# %% [markdown]
# <details><summary>Answer</summary>
#
# `says = [[*row, eos] + [pad] * (m - len(row) - 1) for row in rows]`. The whole of it, with the mask, is exercise 1, `pad_batch`, without a line given.
#
# </details>
#
# Padding is computed like everything else, and then thrown away.
#
# **Predict.** The sources have 1 to 24 tokens, 7.7 on average. We shuffle them and cut batches of 64. Which share of the places is padding? (Then we do it again with batches of about one length.)

# %%
predict("padding")

# %% [markdown]
# **Run.**

# %%
from course_lib.data.batches import batches_by_length

rng, lengths = np.random.default_rng(0), np.array([len(french) for french, _ in pairs])
shuffled = np.array_split(rng.permutation(len(lengths)), len(lengths) // 64)


def padding(batches):
    """Share of the places of the source that are padding."""
    return 1 - lengths.sum() / sum(len(rows) * lengths[rows].max() for rows in batches)


sorted_batches = batches_by_length(lengths, 64, rng)
print(f"shuffled {padding(shuffled):.0%}, by length {padding(sorted_batches):.0%}; mean length {lengths.mean():.1f}")
assert 0.5 < padding(shuffled) < 0.57 and padding(sorted_batches) < 0.1
compare("padding", "about 50 %")

# %% [markdown]
# **Look.** One long source in 64 makes 63 others long. Batches by length save half of the work. They are shuffled too: a little noise on the lengths, and the batches in random order.
#
# **Change it.** Set 64 to 8 in both places. Does the shuffled share rise or fall? Guess first. (The `assert` complains. Put it back afterwards.)
#
# <details><summary>Answer</summary>
#
# It falls, to about 41 %: the longest of 8 is not as long as the longest of 64. With one row in a batch there is no padding at all, and no speed either.
#
# </details>

# %% [markdown]
# ## What was held out (5 min)
#
# **Predict.** Somebody draws 36,000 phrases with the same generator and holds out the last 1,800. How many of these stand among the other 34,200?

# %%
predict("twice")

# %% [markdown]
# **Run.** First drawn without a look, then our own split, which lets no French and no English text come twice.

# %%
from course_lib.data.phrases import one_phrase

rng = np.random.default_rng(14)
drawn = [one_phrase(rng) for _ in range(36_000)]
seen = {french for french, _ in drawn[:34_200]}
leaked = np.mean([french in seen for french, _ in drawn[34_200:]])
seen_here = [{pair[side] for pair in data.train} & {pair[side] for pair in data.test} for side in (0, 1)]
print(f"drawn without a look: {leaked:.0%} of the held-out phrases were trained on")
print("here:", [len(texts) for texts in seen_here], "French and English texts stand on both sides")
assert 0.22 < leaked < 0.26 and seen_here == [set(), set()]
compare("twice", "about one in four")

# %% [markdown]
# What is such a leak worth? A model that was trained on few phrases shows it best. The figures come from `sources/training/14_translation.py`: Transformers that learnt 500 to 8,000 of our phrases, 250 steps, three starts each. They were tested on phrases they were trained on, and on the 1,800 new ones.

# %%
import json
from pathlib import Path

import course_lib

folder = Path(course_lib.__file__).parent / "data" / "files"
fewer = json.loads((folder / "14_pairs.json").read_text(encoding="utf-8"))


exact_shares = lambda entry, which: np.array([scores["exact"] for scores in entry[which]])  # one per start
for n in fewer["phrases"]:
    trained, new = (exact_shares(fewer["phrases"][n], which).mean() for which in ("trained", "held_out"))
    print(f"{n:>5} phrases: trained {trained:5.1%}, new {new:5.1%}; with a quarter leaked one would report {0.25 * trained + 0.75 * new:.1%}")

# %% [markdown]
# **Look.** A model that knows its training phrases by heart gets full marks for whatever leaked. The weaker it is on new ones, the more a leak flatters it: at 500 phrases by some fifteen points.
#
# **Trap.** *"Held out means unseen."* It means that it was put aside. Look for texts that stand on both sides, for each language by itself.
#
# **Change it.** Even without doubles, new is not very new. In a new cell mask the digits, `mask = lambda text: re.sub(r"\d+", "#", text)`: of how many held-out phrases is the masked French among the masked training phrases? Guess first.
#
# <details><summary>Answer</summary>
#
# Of 85 %: `known = {mask(french) for french, _ in data.train}`, then `np.mean([mask(french) in known for french, _ in data.test])`. What is tested here is new numbers in known patterns, and some new combinations. Say so when you report such a score.
#
# </details>

# %% [markdown]
# ## Two translators, live (6 min)
#
# A Transformer and a GRU with attention (lesson 07), both of about 150,000 parameters, under ten CPU seconds each. `tensors` makes the four tensors of a batch, with the library's `pad` and `shift_right`.

# %%
from course_lib.data.batches import pad, shift_right
from course_lib.training import Recipe, smoothed_cross_entropy, train


def tensors(some):
    """Pairs of token lists -> source (B, n), keep (B, n), what the decoder reads and says, (B, m) each."""
    ids, keep = pad([reader.encode(french) for french, _ in some], reader.pad_id)
    return ids, keep, *shift_right([writer.encode(e) for _, e in some], writer.bos_id, writer.eos_id, writer.pad_id)


# %% [markdown]
# Batches without end, and the loss.

# %%
def batches(rng):
    while True:
        for rows in batches_by_length([len(f) + len(e) for f, e in pairs], 64, rng):
            yield tensors([pairs[i] for i in rows])


def loss(model, batch):
    ids, keep, reads, says = batch
    return smoothed_cross_entropy(model(ids, reads, keep), says, writer.pad_id)


# %% [markdown]
# **Change it.** Add `assert (says != writer.pad_id).sum() == sum(len(e) + 1 for _, e in [pairs[i] for i in rows])` to `batches`, in the right place, with the names it needs. Run on: does it complain when the models are trained below?
#
# <details><summary>Answer</summary>
#
# `ids, keep, reads, says = tensors([pairs[i] for i in rows])`, then the `assert`, then `yield ids, keep, reads, says`. It stays silent. Each target is said to its last token, and one token more: `eos`. The loss is a mean over these and no others.
#
# </details>
#
# `write` lets a model translate on its own, greedy: at each step the likeliest token (lesson 15 asks whether that is wise).

# %%
from course_lib.decoding import translate

tests = [(words(french), words(english)) for french, english in data.test]


def write(model, some):
    ids, keep, *_ = tensors(some)
    answers = translate(model, ids, keep, writer.bos_id, writer.eos_id, max_n=30)
    return [writer.decode(answer) for answer in answers]


def exact(model, some):
    return exact_match(write(model, some), [english for _, english in some])


# %% [markdown]
# **Predict.** After these few seconds, which has more of 500 held-out phrases exactly right?

# %%
predict("live")

# %% [markdown]
# **Run.** Both learn in float32; the last digits depend on the machine, so the check below asks for facts. Steps and rates were chosen beforehand, so that both take about the same time.

# %%
from course_lib.transformer.recurrent import RecurrentSeq2Seq
from course_lib.transformer.seq2seq import course_transformer

sizes = len(reader), len(writer)
makers = {
    "Transformer": (lambda: course_transformer(*sizes, d_model=48, max_n=64), Recipe(300, lr=5e-3, muon_lr=0.03)),
    "GRU with attention": (lambda: RecurrentSeq2Seq(*sizes, 56, 56), Recipe(380, lr=7e-3)),
}

# %% [markdown]
# Now both learn.

# %%
from time import process_time

small, seconds = {}, {}
for name, (make, recipe) in makers.items():
    torch.manual_seed(0)
    small[name], started = make().float(), process_time()
    train(small[name], batches(np.random.default_rng(0)), loss, recipe, quiet=True)
    seconds[name] = process_time() - started
    shape = small[name](*[tensors(tests[:3])[k] for k in (0, 2, 1)]).shape
    print(f"{name:20} {sum(p.numel() for p in small[name].parameters()):,} parameters; logits (B, m, n_target) {tuple(shape)}")

# %% [markdown]
# What do they write? CPU seconds of the learning, the exact share of 500 held-out phrases, and two of them. (This cell depends on the machine.)

# %% tags=["nbval-ignore-output"] reason="translations of models trained on this machine"
live = {name: exact(model, tests[:500]) for name, model in small.items()}
for name, model in small.items():
    print(f"{name:19}{seconds[name]:3.0f} s  exact {live[name]:.0%}:", "; ".join(" ".join(text) for text in write(model, tests[9:11])))

# %% [markdown]
# The answer, as a fact that does not depend on the machine:

# %%
print("Transformer above 55 %:", live["Transformer"] > 0.55, "- and ahead:", live["Transformer"] > live["GRU with attention"])
assert live["Transformer"] > 0.55 and live["Transformer"] > live["GRU with attention"] > 0.2
compare("live", "the Transformer")

# %% [markdown]
# **Look.** The Transformer is quick at the start. This is one start, small models and a few seconds.
#
# **Change it.** Take attention away: `RecurrentSeq2Seq(*sizes, 56, 56, attention=False)`. How far does it get with the same steps? Guess, then run the cells again. (The check complains. Put it back afterwards.)
#
# <details><summary>Answer</summary>
#
# Not far, though its steps are cheaper. The next section gives it a fair chance: as many parameters, as much time.
#
# </details>

# %% [markdown]
# ## Who leads when (8 min, short path)
#
# Now longer. The script trained three models of 470,000 to 490,000 parameters, from three starts each, for about the same CPU seconds on one thread: the Transformer of the course, a GRU with attention, and a GRU whose decoder gets the source in its first state alone (lessons 06 and 07). Each has a recipe of its own: Muon for the Transformer's matrices, AdamW for the GRUs (lesson 13).
#
# **Predict.** Which of them has most of the 1,800 held-out phrases exactly right in the end?

# %%
predict("three")

# %% [markdown]
# **Run.**

# %%
about = json.loads((folder / "14_translation.json").read_text(encoding="utf-8"))
names = {"transformer": "Transformer", "gru_with_attention": "GRU with attention", "gru": "GRU"}


def column(name, what):
    return np.array([run[what] for run in about["models"][name]])  # one per start


for name, label in names.items():
    shares = ", ".join(f"{share:.1%}" for share in column(name, "exact"))
    print(f"{label:19}{column(name, 'parameters')[0]:8,} parameters {column(name, 'cpu_seconds').mean():4.0f} s  exact {shares}", end="")
    print(f"  BLEU {column(name, 'bleu').mean():.1f}  chrF {column(name, 'chrf').mean():.1f}")
best = {name: column(name, "exact") for name in names}
assert best["gru_with_attention"].min() > best["transformer"].max() and best["transformer"].min() > best["gru"].max() + 0.1
compare("three", "the GRU with attention, by a little")

# %% [markdown]
# **Look.** A GRU that cannot look back gets some three quarters right in this time. With attention it is the best of all, at 99 %, and the Transformer comes close, at 97 %. (That all three starts of it have 96.8 % is chance: by length they differ.) **Attention is what matters here, not the Transformer.**
#
# **Why** with care: this is a race of recipes. We chose each by how it did on held-out phrases, which flatters all three. A better recipe may close a gap of two points. It will hardly close one of twenty.
#
# **Trap.** *"A better translator needs a Transformer."* On these phrases, at this size and time, the older model is a little better. What the Transformer is better at does not show here: it computes all places at once, which pays off on hardware with thousands of arithmetic units, with long texts and large models (Vaswani and others, [2017](https://arxiv.org/abs/1706.03762), table 2, compared training cost on such hardware).
#
# Who leads when? The same trainings, look by look, on 300 held-out phrases.

# %%
from course_lib.palette import KEY, QUERY, QUIET
from course_lib.plots import figure, show

looks = {"transformer": (QUERY, "-", 92), "gru_with_attention": (KEY, "--", 100), "gru": (QUIET, ":", 71)}
fig, ax = figure(7.5, 3.2)
for name, (color, style, height) in looks.items():
    for run in about["models"][name]:
        ax.plot(run["course"]["seconds"], 100 * np.array(run["course"]["exact"]), style, color=color, lw=1.3)
    ax.text(43, height, names[name], color=color, va="center")
ax.set(title="Those that can look back leave the other behind", xlabel="CPU seconds", ylabel="exact phrases in %", ylim=(-3, 108))
ax.set_xlim(0, 56), ax.set_xticks(range(0, 50, 10))
show(fig, alt="Exact phrases over CPU seconds, three starts each. The Transformer leads for ten seconds, the GRU with attention ends highest, the GRU without it at about 70 %.")
at_8 = {name: [np.interp(8, run["course"]["seconds"], run["course"]["exact"]) for run in about["models"][name]] for name in names}
assert min(at_8["transformer"]) > 0.5 and 0.3 < min(at_8["gru_with_attention"]) and max(at_8["gru_with_attention"]) < 0.45

# %% [markdown]
# **Look.** Up to about ten seconds the Transformer leads: at eight seconds it has more than half, the GRU with attention a third or little more. Then the two are close, and the GRU with attention ends ahead. A race that ends at eight seconds has another winner than one that ends at 35. So a claim "A is better than B" needs the time, the size and the data with it.
#
# Where are the points lost? By length of the source, means of three starts:

# %%
print(f"{'tokens of the source':22}{'phrases':>8}" + "".join(f"{label:>20}" for label in names.values()))
for span in about["models"]["gru"][0]["by_length"]:
    n = about["models"]["gru"][0]["by_length"][span]["n"]
    shares = [np.mean([run["by_length"][span]["exact"] for run in about["models"][name]]) for name in names]
    print(f"{span:22}{n:8}" + "".join(f"{share:20.1%}" for share in shares))
assert n == 271 and shares[2] < 0.12 < 0.8 < shares[0] < 0.9 < shares[1]  # of the longest sources

# %% [markdown]
# **Look.** On short sources all three are good. On the longest, the GRU that carries everything in one state gets one in ten right; both that look back get most of them. Between these two the long sources make the difference as well.
#
# **Why?** A guess: the state of the GRU moves on step by step. The Transformer has one learnt vector for each place, and few training phrases reach the far places. That fits the table. To test it, exchange the positions and train again (lesson 09).
#
# **Change it.** Print the last row for each start by itself, in a new cell. How far apart are three starts of one model, and is the gap between the two better models larger?
#
# <details><summary>Answer</summary>
#
# `[[run["by_length"]["13-30"]["exact"] for run in about["models"][name]] for name in names]`. The starts of one model are one to three points apart, Transformer and GRU with attention seven or more.
#
# </details>

# %% [markdown]
# ## BLEU by hand (9 min)
#
# How good is *3 3 days* where *3 days ago* is right? And *days ago*?
#
# 1. **Clipped precision** $p_k$: which share of the candidate's groups of $k$ words does the reference have? A group counts at most as often as the reference has it.
# 2. The geometric mean over $k = 1 \dots 4$, here over 1 and 2.
# 3. **Brevity penalty** $\beta$: who writes only what is sure would have high precision. With $c$ words written and $r$ wanted:
#
# $$\text{BLEU} = 100 \cdot \beta \cdot \Big(\prod_{k=1}^{4} p_k\Big)^{1/4}, \qquad \beta = \min\left(1,\ e^{1 - r/c}\right)$$
#
# All numbers are of the whole corpus: matches, groups, $c$ and $r$ are added up over all texts first. The measure is that of Papineni and others ([2002](https://aclanthology.org/P02-1040/)).
#
# **By hand.** *3 3 days*, with a mark on each group that counts:
#
# | groups of | candidate | reference | $p_k$ |
# |---|---|---|---|
# | one word | **3** ✓ · 3 · **days** ✓ | 3 · days · ago | $\tfrac23$ |
# | two words | 3 3 · **3 days** ✓ | 3 days · days ago | $\tfrac12$ |
#
# The reference has one *3*, so one of two counts. $\beta = 1$. BLEU of order 2: $100 \sqrt{\tfrac13} \approx 57.7$.
#
# *days ago*: $p_1 = p_2 = 1$, but $c = 2$ and $r = 3$: $\beta = e^{-1/2} \approx 0.607$. BLEU of order 2: 60.7.
#
# **Run.** The same in code, and by `sacrebleu` (Post, [2018](https://aclanthology.org/W18-6319/)), the tool that papers use.

# %%
import math

from sacrebleu.metrics import BLEU

reference = "3 days ago".split()
groups = lambda text, k: Counter(zip(*(text[i:] for i in range(k)), strict=False))
for candidate in ("3 3 days".split(), "days ago".split()):
    has = [groups(candidate, k) for k in (1, 2)]
    p = [(has[k - 1] & groups(reference, k)).total() / has[k - 1].total() for k in (1, 2)]  # & takes the smaller number
    penalty = min(1.0, math.exp(1 - len(reference) / len(candidate)))
    by_hand = 100 * penalty * math.prod(p) ** (1 / 2)
    theirs = BLEU(tokenize="none", max_ngram_order=2).corpus_score([" ".join(candidate)], [["3 days ago"]]).score
    print(f"{' '.join(candidate):9} p1 {p[0]:.2f}  p2 {p[1]:.2f}  penalty {penalty:.3f}  BLEU {by_hand:.1f}, sacrebleu {theirs:.1f}")
    assert abs(by_hand - theirs) < 1e-9 and round(by_hand, 1) in (57.7, 60.7)

# %% [markdown]
# **Why** clipped? Without it *3 3 3 3* would have $p_1 = 1$. **Why** the penalty? Leave it out and *days ago* gets 100.
#
# **Change it.** Add `"3 3 3 3".split()` and `"ago days 3".split()` to the candidates. Compute both on paper first. (The `assert` complains. Put it back afterwards.)
#
# <details><summary>Answer</summary>
#
# *3 3 3 3*: $p_1 = \tfrac14$, $p_2 = 0$, so 0 by hand. *ago days 3* has all the right words and no right pair: again 0. (sacrebleu forgives a little where an order has no match, so it gives more. Its setting `smooth_method="none"` does not.)
#
# </details>
#
# What does BLEU not see? A reference, and four translations of it. Which would you want on your ticket? Then *69 ounces per month*, with *months* or *year* at its end.

# %%
from course_lib.metrics import chrf

right = "Monday , March 4 , 2 0 1 9 , 2 : 0 5 PM"
for said in ("Monday , March 4 , 2 0 1 9 , 2 : 0 5 AM", "2 : 0 5 PM , Monday , March 4 , 2 0 1 9",
             "Monday , May 4 , 2 0 1 9 , 2 : 0 5 PM", "March 4 , 2 0 1 9 , 2 : 0 5 PM , on Monday"):
    print(f"BLEU {bleu([said], [right]):5.1f}  chrF {chrf([said], [right]):5.1f}  {said}")
missed, moved = "Monday , March 4 , 2 0 1 9 , 2 : 0 5 AM", "2 : 0 5 PM , Monday , March 4 , 2 0 1 9"
assert bleu([missed], [right]) > bleu([moved], [right]) + 10
for last in ("months", "year"):
    form = [f"6 9 ounces per {last}"], ["6 9 ounces per month"]
    print(f"BLEU {bleu(*form):5.1f}  chrF {chrf(*form):5.1f}  {form[0][0]}")

# %% [markdown]
# **Look.** The translation which is wrong by twelve hours gets most points. The one that says the same in another order loses eleven more. BLEU counts pieces; it knows neither which piece matters nor that two orders mean the same. 
# **chrF** (Popović [2015](https://aclanthology.org/W15-3049/)) compares runs of letters. It is kinder to *months* than to *year*, which are the same to BLEU. That *AM* is worse than another order it does not see either.
#
# Take a **perfect** translator: each of the 1,800 translations *is* its reference.
#
# **Predict.** BLEU by the formula, for each text alone, and then the mean. What comes out?

# %%
predict("mean")

# %% [markdown]
# **Run.** No smoothing, as in the formula.

# %%
formula = BLEU(tokenize="none", smooth_method="none")
whole = formula.corpus_score(references, [references]).score
alone = np.array([formula.corpus_score([text], [[text]]).score for text in references])
print(f"a perfect translator: corpus BLEU {whole:.0f}, mean of the single BLEUs {alone.mean():.1f}; {(alone < 1).sum()} texts got 0")
print("for example:", [text for text, score in zip(references, alone, strict=True) if score < 1][:4])
assert round(whole) == 100 and set(alone.round()) == {0, 100} and (alone < 1).sum() == 61
compare("mean", "a little below 100")

# %% [markdown]
# **Trap.** *"BLEU of the test set is the mean of the BLEUs of its texts."* *69 ounces per month* has five tokens and 100 points. *Dutch or Russian* has three tokens, no group of four, and 0 points. So whoever averages must smooth, and there are several ways. Ask for the signature of a score, and compare only what has the same:

# %%
print(bleu(references, references).signature.rpartition("|")[0])  # without the version

# %% [markdown]
# ## Where it looks (9 min)
#
# The next cell loads the Transformer of the first start from the file that the script wrote, and gives the explorer a function: text to target tokens, cross-attention and self-attention of the last decoder layer.

# %%
from course_lib.transformer.checkpoints import load_checkpoint

model = course_transformer(*sizes, **about["sizes"])
load_checkpoint(folder / "14_translation.safetensors", model, about["sha256_of_the_table"])
model.requires_grad_(False)
assert reader.tokens[4:] == about["source_tokens"] and writer.tokens[4:] == about["target_tokens"]


# %% [markdown]
# The function, and one phrase.

# %%
def say(text):
    """Target tokens, cross-attention (n_heads, m, n) and self-attention (n_heads, m, m)."""
    ids, keep, *_ = tensors([(words(text), [])])
    said = translate(model, ids, keep, writer.bos_id, writer.eos_id, max_n=40)[0]
    reads = torch.tensor([[writer.bos_id, *said[:-1]]])  # (1, m)
    _, own, crossed = model.decode(reads, model.encode(ids, keep), keep, return_weights=True)
    return writer.decode(said), crossed[-1][0].numpy(), own[-1][0].numpy()


said, cross, own = say("lundi 5 décembre 2089, 18:22")
print(" ".join(said), "- cross-attention", cross.shape, "self-attention", own.shape)
assert " ".join(said) == "Monday , December 5 , 2 0 8 9 , 6 : 2 2 PM" and cross.shape == (4, 15, 13)

# %% [markdown]
# **Change it.** Where do the four heads look while *December*, *5* and *6* are written? Guess, run the cell, then add step 14, *PM*, to the loop.
#
# <details><summary>Answer</summary>
#
# For *PM* each head has another favourite, and none looks most at the 1 of 18. A guess: what was found out for the *6* is still there, and self-attention hands it on.
#
# </details>

# %%
source = words("lundi 5 décembre 2089, 18:22")
for step in (2, 3, 10):
    print(f"{said[step]:9} each head looks most at", [source[place] for place in cross[:, step].argmax(axis=1)])
assert (cross[:, 2].argmax(axis=1) == 2).all() and (cross[:, 3].argmax(axis=1) == 1).all() and cross[0, 10].argmax() == 9
assert cross[0, 10, 9] > 0.95 and cross[3, 10].argmax() == 7 and cross[3, 10].max() < 0.5

# %% [markdown]
# **Change it.** Step through the explorer, then write French phrases of your own. **At which steps does some head look far from its place, and where does the hour look?** Try *il y a 3 jours*, *13,5 milles marins*, *Japon, Brésil ou Inde*, and a date of yours. Then reset, go to the step that writes *6*, pin head 1 and choose head 4. What differs?
#
# <details><summary>Answer</summary>
#
# For *December* all heads look at the third token, for *5* at the second: the path goes back. For the hour, *6*, two heads look at the 8 of 18, from which 12 is taken away: head 1 gives it nearly everything. Head 4 looks most at the comma, with less than half of its weight.
# *ago* is written while the heads look at *y* and *a*. *dollars* and *Jamaican* in *41,00 dollars jamaïcains* cross as well. For the first comma, which the French has not, each head looks at another token.
#
# </details>

# %%
from course_lib.explorers import encoder_decoder_explorer

encoder_decoder_explorer("lundi 5 décembre 2089, 18:22", translate=say, tokenize=words, predict=False)

# %% [markdown]
# Which held-out phrases does it get wrong?
#
# **Run.** All 1,800, with this model.

# %%
answers = write(model, tests)
wrong = [(" ".join(f), " ".join(said), " ".join(e)) for (f, e), said in zip(tests, answers, strict=True) if said != e]
elevens, times, lists = (sum(bool(re.search(what, w[0])) for w in wrong) for what in ("1 1 :", ":", " (et|ou) "))
n_elevens, n_times = (sum(what in french for french, _ in data.test) for what in ("11:", ":"))
print(f"{len(wrong)} of {len(tests)} wrong. Lists: {lists}. Times: {times} of {n_times}, {elevens} of them after eleven, of {n_elevens}.")
for french, said, english in wrong[1:4]:
    print(f"   {french}\n      {said}\n      {english}")
assert 45 < len(wrong) < 70 and elevens >= 3 and lists > len(wrong) / 2 and n_elevens == 12

# %% [markdown]
# **Look.** Two kinds stand out. Most are lists: in their long numbers digits are lost or repeated, or the comma of the thousands is missing. The same digits stand in many places there, and to copy the right one the decoder must know *where* it is. And nearly all wrong times come after eleven: *11:39* becomes *PM*. (Perhaps because an hour that begins with 1 mostly belongs to *PM*. Nothing here proves it.)
#
# **Change it.** Make a list of your own with long numbers in the explorer: *1433 hectares, 408,2 watts et 378,9 volts* (write numbers without a space). Which step goes wrong first?
#
# <details><summary>Answer</summary>
#
# In this list the 2 of *408,2*: it becomes an 8, and the third number gets an 8 too many. Digits that stand in two of the numbers are where it slips.
#
# </details>
#
# **Predict.** A *lustre* is a span of five years. The word stands in no training phrase, so it becomes `<unk>`. What does the model write for *il y a 3 lustres*?

# %%
predict("unknown")

# %% [markdown]
# **Run.** The translation, and how sure the model is of each token.

# %%
def sure(text):
    """What is written for a text, and the probability of each token (m,)."""
    said, *_ = say(text)
    ids, keep, *_ = tensors([(words(text), [])])
    target = torch.tensor([writer.encode(said)])
    reads = torch.cat([torch.tensor([[writer.bos_id]]), target[:, :-1]], dim=1)
    p = model(ids, reads, keep).softmax(dim=-1)  # (1, m, n_target)
    return said, p.gather(-1, target[..., None])[0, :, 0].numpy()


# %% [markdown]
# Two texts with an unknown word, one without.

# %%
for text in ("il y a 3 lustres", "il y a 3 jours", "Brésil, Narnia et Japon"):
    said, p = sure(text)
    print(f"{text}  ->  {' '.join(said)}   (least sure token: {said[p.argmin()]}, {p.min():.2f})")
said, p = sure("il y a 3 lustres")
assert said[0] == "3" and said[-1] == "ago" and "<unk>" not in said and p.min() < 0.5 and sure("il y a 3 jours")[1].min() > 0.9
assert say("il y a 3 siècles")[0] == said  # another unknown word, the same translation
compare("unknown", "3, then a wrong word, ago")

# %% [markdown]
# **Look.** It writes something, fluently, and what it writes is wrong. Only the probability says that it does not know. No training phrase held `<unk>`, so its vector is still the random one of the start (a little shrunk by weight decay). Every unknown word is the same word to it. And it has learnt never to write `<unk>`: that was never a label.
# Users of such a system see the sentence and not the probability. Lesson 16 cuts words into pieces, so that there are no unknown ones.

# %% [markdown]
# ## Real sentences (9 min, short path)
#
# The phrases come from patterns. What about sentences that people wrote? JupyterLab's interface has been translated into French by volunteers; the pack is installed with the course. Some pairs of it:
#
# | French | English |
# |---|---|
# | Fermer tous les autres onglets | Close All Other Tabs |
# | Afficher la barre latérale gauche | Show Left Sidebar |
# | Fermer la boîte de recherche | Close Search Box |
#
# There are 2,151 pairs to learn from and 239 to test on. The script trained the Transformer on them for 250 steps, from three starts, and on as many phrases for as long.
#
# **Predict.** Of the 239 new sentences, how many are translated exactly?

# %%
predict("interface")

# %% [markdown]
# **Run.** Sentences beside phrases. (The tokens count the four special ones.)

# %%
for label, entry in (("2,151 phrases", fewer["phrases"]["2151"]), ("2,151 sentences", fewer["interface"])):
    new, trained = exact_shares(entry, "held_out"), exact_shares(entry, "trained")
    points = np.mean([scores["bleu"] for scores in entry["held_out"]])
    strange = entry["with_unknown_word"] / entry["test"]
    print(f"{label:16} new {new.min():6.1%} to {new.max():6.1%}  trained {trained.mean():6.1%}  BLEU {points:5.1f}")
    print(f"{'':16} French tokens {entry['n_source']:,}, new pairs with an unknown word {strange:.1%}")
assert new.max() < 0.1
compare("interface", "fewer than 10 %")

# %% [markdown]
# **Look.** About one new sentence in twenty, and a BLEU of about ten. Half of the *training* sentences are exact: what it learns, it learns by heart. With as many phrases the same steps give a fair translator. (250 steps are seven rounds. More rounds would teach it more by heart. What they do for new sentences we did not measure.)
#
# The picture puts it beside the curve of the phrases.

# %%
sizes_tried = [int(n) for n in fewer["phrases"]]
shares = np.array([exact_shares(entry, "held_out") for entry in fewer["phrases"].values()])  # (sizes, starts)
fig, ax = figure(7.5, 3.2)
ax.plot(sizes_tried, 100 * shares.mean(axis=1), "o-", color=KEY)
ax.fill_between(sizes_tried, 100 * shares.min(axis=1), 100 * shares.max(axis=1), color=KEY, alpha=0.2)
ax.text(sizes_tried[2] * 1.1, 100 * shares[2].mean() - 12, "phrases (band: three starts)", color=KEY)
real = fewer["interface"]
ax.plot(real["train"], 100 * exact_shares(real, "held_out").mean(), "s", color=QUERY, ms=8)
ax.text(real["train"] * 1.15, 100 * exact_shares(real, "held_out").mean(), "sentences of the interface", color=QUERY, va="center")
ax.set(xscale="log", title="Phrases need few pairs; as many sentences are not enough", xlabel="training pairs (log scale)", ylabel="exact on new ones in %", ylim=(-4, 104))
ax.set_xticks(sizes_tried, [f"{n:,}" for n in sizes_tried]), ax.minorticks_off()
show(fig, alt="Exact share over the number of training phrases rises steeply from 500 on; one square for the sentences of the interface lies near 0.")

# %% [markdown]
# **Look.** At 8,000 phrases the short training is what limits: 250 steps are two rounds. At 500 and 1,000 it is the phrases.
#
# **Why.** How often does the model meet a word? Phrases and sentences, side by side:

# %%
from course_lib.data.interface import load_interface

interface = load_interface(14)
for label, some in (("phrases", data.train[:2151]), ("sentences", interface.train)):
    times = Counter(word for french, _ in some for word in words(french))
    once = np.mean([n == 1 for n in times.values()])
    print(f"2,151 {label:9}: {len(times):5,} French tokens, met {np.median(list(times.values())):3.0f} times (median), {once:3.0%} of them once")
assert len(interface.train) == 2151 and once > 0.4

# %% [markdown]
# - A word that is met once could mean any of the English words beside it. Nothing tells which.
# - A word that was never met is `<unk>`: the model can only guess. (Section *Where it looks* shows one such guess.)
# - People translate freely: several answers are right, and exact match counts one of them. How much that costs we did not measure.
#
# The paper of 2017 trained English to French on 36 million pairs (section 5.1), some 17,000 times as many as here. What helps where pairs are few: pieces of words (lesson 16), and a model that has read other text before (lesson 19).
#
# **Change it.** In a new cell count the sentences of `interface.test` whose French words have all been met twice or more (`times` is that of the sentences). Guess first.
#
# <details><summary>Answer</summary>
#
# 145 of 239: `sum(all(times[w] > 1 for w in words(f)) for f, _ in interface.test)`. So unknown words are not the whole story. Two meetings are too few as well, and sentences share no patterns as phrases do, where a known pattern carries any number and any month.
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. A translator has BLEU 74. How many of its translations are right?</summary>
#
# Nobody can say. It may be none: one wrong digit in each phrase leaves 74. Ask for exact match where there is one right answer, and look at the mistakes.
#
# </details>
#
# <details><summary>2. Which of the three models was best, and what made the difference?</summary>
#
# The GRU with attention, a little before the Transformer; both far before the GRU without attention. Attention made the difference, at equal size and time on these phrases.
#
# </details>
#
# <details><summary>3. Why do 2,151 phrases give a fair translator, and 2,151 sentences do not?</summary>
#
# Phrases follow some dozens of patterns, with few words: each pattern and word is met often. Of the French tokens of the sentences, nearly half are met once, and every third new pair has one that was never met.
#
# </details>
#
# <details><summary>4. Reference <em>in 5 days</em>, candidate <em>in in 5 days</em>: what are the clipped precisions for one and two words, and the brevity penalty?</summary>
#
# $p_1 = \tfrac34$ (*in* counts once), $p_2 = \tfrac23$ (*in in* does not count). The penalty is 1: four words are written, three wanted.
#
# </details>
#
# <details><summary>5. Why is BLEU not averaged over texts?</summary>
#
# A text of three words has no group of four, so its BLEU is 0 even if it is right. Counts are added up first.
#
# </details>
#
# <details><summary>6. Random phrases are cut into a training and a test part. What must be checked?</summary>
#
# That no source and no target stands in both. Here, one in four would.
#
# </details>
#
# <details><summary>7. From lesson 12: what does the decoder read while it trains, and what must it say?</summary>
#
# It reads `bos`, t1, t2, ..., and says t1, t2, ..., `eos`: the target, shifted to the right. Without the shift it learns to repeat.
#
# </details>
#
# **What stays.** The hook had 74 points and not one right phrase. A score is a question to a translator, and BLEU asks which pieces it shares with one reference. Exact match asks more, and is fair only where one answer is right.
# The next lesson asks how a text is taken out of a decoder: the likeliest token at each step, or something better.

# %% [markdown]
# ## Break it (after the lesson)
#
# **Make it.** For another day, about 20 minutes. The translator gets nearly all held-out phrases right, and these were drawn as its training phrases were. Find a kind of phrase that it gets wrong though it knows every word. `babel` writes exact pairs: `format_unit(7, "length-meter", locale="fr")`, and the same with `"en"`. Longer numbers? Longer lists? Other years?
# The acceptance test wants 20 pairs of known words, none of them trained on, of which fewer than half are translated exactly.

# %%
def my_phrases():
    """At least 20 pairs (French, English): replace the body."""
    rng = np.random.default_rng(0)
    return [one_phrase(rng) for _ in range(20)]


# %% [markdown]
# **Run.** The acceptance test.

# %%
mine = [(words(french), words(english)) for french, english in my_phrases()]
is_known = all(w in reader.ids for f, _ in mine for w in f) and all(w in writer.ids for _, e in mine for w in e)
trained_on = sum(" ".join(f) in {" ".join(french) for french, _ in pairs} for f, _ in mine)
if len(mine) < 20 or not is_known or trained_on:
    print(f"not yet: {len(mine)} pairs, all words known: {is_known}, trained on: {trained_on}")
else:
    share = exact(model, mine)
    print(f"exact {share:.0%}:", "passed" if share < 0.5 else "not yet")
