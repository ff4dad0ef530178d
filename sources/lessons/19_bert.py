# ---
# jupyter:
#   course:
#     title: "BERT: an encoder alone"
#     question: What does a reader of both sides know, and what does it lose?
#     minutes: 80
#     short_path: 40
#     trains: true
#     needs: [04_masks, 08_self_and_cross, 10_multi_head, 11_block, 12_encoder_decoder, 13_training, 16_tokens, 17_gpt]
#     objectives:
#       - say what a reader of both sides can know and a reader of the left cannot, and measure it
#       - corrupt a text as BERT does, compute its loss by hand, and say what each of the three shares is for
#       - train on masked words, and test agreement against what counting and rules of thumb reach
#       - load published weights into your own BERT and check it against numbers from elsewhere
#       - compare sentences by mean pooling, say where this fails, and what happens when BERT must write
#     terms: [masked language model, attractor, segment, sentence embedding]
# ---

# %%
import json
from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F

from course_lib import compare, predict, start
from course_lib.data.archives import MINILM, checked_path, is_present

start("19_bert", torch=True)
minilm_here = is_present(MINILM)
no_weights = "(not run: the published weights are missing; `python course.py lab` fetches them once, with a network)"
needing = f"Three sections, a cell and a task need the published weights {no_weights}"
print("The published weights are here." if minilm_here else needing)

# %% [markdown]
# ## Two readers, one gap (7 min, short path)
#
# *the hungry \_\_\_ near the dog are tired .* Is it *cow* or *cows*? You looked at *are*. A GPT (lesson 17) reads from the left and cannot.
#
# Would more training help it? To find out, take a grammar that is small enough to list: 17,640 sentences with their probabilities. Two perfect readers can then be computed exactly. One knows the words before the gap, the other those on both sides.
# In this grammar six of ten nouns are singular, and the verb agrees with its subject.
#
# **Predict.** The perfect reader of the left has read *the hungry*. In the sentence above, how much does it give to plural nouns?

# %%
predict("left")

# %% [markdown]
# **Run.** Both perfect readers, asked about the gap.

# %%
from course_lib.explorers import toy_sentences

sentence, gap = "the hungry cows near the dog are tired .".split(), 2
vocabulary = toy_sentences.vocabulary()
plurals = [vocabulary.index(plural) for singular, plural in toy_sentences.NOUNS]
left = toy_sentences.left_only(sentence[:gap], gap)  # (n_vocab,)
both = toy_sentences.both_sides([*sentence[:gap], "[MASK]", *sentence[gap + 1 :]], gap)  # (n_vocab,)
print(f"plural, from the left: {left[plurals].sum():.0%}; from both sides: {both[plurals].sum():.0%}")
assert np.isclose(left[plurals].sum(), 0.4) and np.isclose(both[plurals].sum(), 1) and left.shape == both.shape == (37,)
assert len(toy_sentences.listed()[1]) == 17_640
compare("left", "40 %")

# %% [markdown]
# **Look.** The left reader is perfect, and it says 40 %. What it lacks is not training, it is the right side. **BERT** ([Devlin and others, 2019](https://arxiv.org/abs/1810.04805)) reads both.
# Then why does anybody write with a GPT? If BERT sees more, it should write better too. The section *Does BERT write?* lets it try.
#
# **Change it.** Step through the explorer. *At which words do the two readers differ most? Where do they nearly agree, and why?* Then write a sentence of your own with its words.
#
# <details><summary>Answer</summary>
#
# Most at the subject: their distributions are 0.72 apart (0 equal, 1 nothing in common). Then, with 0.50 each, at the adjective, where the other reader sees that a noun follows, and at the verb: both know its number, but only one sees *tired*. They agree where nothing that follows depends on the word: the second article, the attractor, the end.
#
# </details>

# %%
from course_lib.explorers import bert_vs_gpt_explorer

bert_vs_gpt_explorer(predict=False)

# %% [markdown]
# **Run.** The same in numbers, when you have looked: how far apart the two readers are at each word.

# %%
far = []
for place in range(len(sentence)):
    hidden = [*sentence[:place], "[MASK]", *sentence[place + 1 :]]
    gap_between = toy_sentences.left_only(sentence[:place], place) - toy_sentences.both_sides(hidden, place)  # (n_vocab,)
    far.append(abs(gap_between).sum() / 2)
print(", ".join(f"{word} {distance:.2f}" for word, distance in zip(sentence, far, strict=True)))
assert np.allclose(far, [0.24, 0.5, 0.72, 0.26, 0, 0, 0.5, 0, 0], atol=0.005)

# %% [markdown]
# **Short path.** 40 minutes: the five sections whose heading says *short path*, and recap questions 1 to 3. Choose *Run > Run All Cells* first.

# %% [markdown]
# ## Hide, then ask (9 min, short path)
#
# An encoder without a causal mask sees every token, also the one it must guess. Graded at every place, as a GPT is, it could copy its input. The loss would fall to 0 and teach nothing, as in lesson 12. So the word must be hidden *in the input*.
#
# A **masked language model** gets a text in which some words are hidden, and is graded on these alone. BERT's way: choose 15 % of the tokens. Of the chosen, 80 % become `[MASK]`, 10 % a random token, 10 % stay as they are. The loss counts at all chosen places, also where nothing changed.
#
# **By hand.** Three tokens, *cows are tired*, and two dice for each. Sub-goals: 1. choose, 2. fate, 3. labels.
#
# | place | word | first die | 1. chosen (below 0.15)? | second die | 2. fate | it reads | 3. label |
# |---|---|---|---|---|---|---|---|
# | 0 | cows | 0.40 | no | 0.55 | | cows | $-100$ |
# | 1 | are | 0.07 | yes | 0.31 | below 0.8: mask | [MASK] | are |
# | 2 | tired | 0.12 | yes | 0.85 | from 0.8 to 0.9: stays | tired | tired |
#
# (From 0.9 on it would be a random word.) The label $-100$ means "not asked". Now the loss, with two of three places asked:
#
# $$L = -\frac{1}{|C|} \sum_{i \in C} \ln p_i(x_i), \qquad C = \{i : \text{label}_i \ne -100\}$$
#
# Say the model gives the right word 1/2, 1/4 and 1/16. Counted in bits, with $\log_2$ in place of $\ln$, $L$ is the mean of 2 and 4: 3 bits. Place 0 does not count.
#
# **Run.** The same in code, then as a picture.

# %%
words, first, second = ["cows", "are", "tired"], np.array([0.40, 0.07, 0.12]), np.array([0.55, 0.31, 0.85])
chosen = first < 0.15  # 1. choose: the places in C (n,)
reads = np.where(chosen & (second < 0.8), "[MASK]", words)  # 2. fate (n,); no die is above 0.9
labels = np.where(chosen, words, "-100")  # 3. labels (n,)
p = np.array([1 / 2, 1 / 4, 1 / 16])  # p_i(x_i): what a model gives the right word at each place (n,)
bits = -np.log2(p)[chosen].mean()
print(reads.tolist(), labels.tolist(), f"loss {bits:.0f} bits; over all places {-np.log2(p).mean():.2f}")
assert reads.tolist() == ["cows", "[MASK]", "tired"] and labels.tolist() == ["-100", "are", "tired"] and np.isclose(bits, 3)
assert round(-np.log2(p).mean(), 2) == 2.33 and p.shape == chosen.shape == reads.shape == (3,)

# %% [markdown]
# The picture of $L$: each bar is a place, its height the bits that the right word costs there.

# %%
from course_lib.palette import KEY, QUERY, QUIET
from course_lib.plots import figure, show

fig, ax = figure(7, 3)
ax.bar(range(3), -np.log2(p), 0.6, color=[KEY if c else "none" for c in chosen], edgecolor=[KEY if c else QUIET for c in chosen])
for i, height in enumerate(-np.log2(p)):
    asked = "in $C$" if chosen[i] else "not asked"
    ax.text(i, height + 0.12, f"{asked}: $p_{i}$ = 1/{2**height:.0f}", ha="center")
ax.axhline(bits, color=QUERY, ls="--"), ax.text(0, bits + 0.12, f"$L$ = {bits:.0f} bits", ha="center", color=QUERY)
ax.set_xticks(range(3), [f"{w}\nreads {r}\nlabel {label}" for w, r, label in zip(words, reads, labels, strict=True)])
ax.set(ylim=(0, 4.9), ylabel="$-\\log_2\\; p_i(x_i)$", title="The loss is the mean over the places that were asked")
show(fig, alt="Bars of 1, 2 and 4 bits. The first is hollow: not asked. The dashed line of the loss, 3, is midway between the others.")

# %% [markdown]
# **Predict.** A text of 100,000 tokens is corrupted this way, at a rate of 15 %. How many tokens that BERT reads differ from the original?

# %%
predict("changed")

# %% [markdown]
# **Run.** The library's `mask_tokens` on random ids; 0 is padding, 1 the mask.

# %%
from course_lib.data.batches import mask_tokens, pad

rng = np.random.default_rng(0)
ids = rng.integers(2, 100, size=(1000, 100))  # (B, n)
corrupted, labels = mask_tokens(ids, rng, mask_id=1, vocab=100, specials=(0, 1))
chosen, changed = labels != -100, corrupted != ids
masked = corrupted == 1
print(f"of all tokens: chosen {chosen.mean():.1%}, changed {changed.mean():.1%}, masked {masked.mean():.1%}")
parts = [kind[chosen].mean() for kind in (masked, changed & ~masked, ~changed)]
print("of the chosen: masked {:.0%}, another word {:.0%}, as it was {:.0%}".format(*parts))
assert corrupted.shape == labels.shape == ids.shape == (1000, 100) and (labels[chosen] == ids[chosen]).all()
assert abs(chosen.mean() - 0.15) < 0.005 and abs(changed.mean() - 0.135) < 0.005 and abs(parts[0] - 0.8) < 0.01
compare("changed", "about 13,500")

# %% [markdown]
# **Change it.** Your turn, with blanks: fill in the two lines, then run the test below. `other` holds random words.

# %%
def with_blanks(ids, other, first, second, mask_id, rate):
    """ids, other, first, second (n,) -> corrupted (n,), labels (n,)"""
    chosen = first < 0  # 1. choose: replace
    corrupted = np.where(chosen & (second < 0.8), mask_id, ids)  # 2. fate: mask ...
    corrupted = np.where(chosen & (second >= 0.9), other, corrupted)  # ... or a random word, or as it was
    return corrupted, ids  # 3. labels: replace


# %% [markdown]
# The test: five tokens, of which three are chosen. (The solution stands in it.)

# %%
def corrupt(ids, other, first, second, mask_id, rate):
    chosen = first < rate  # 1.
    corrupted = np.where(chosen & (second < 0.8), mask_id, ids)  # 2.
    corrupted = np.where(chosen & (second >= 0.9), other, corrupted)
    return corrupted, np.where(chosen, ids, -100)  # 3.


dice = np.array([[0.1, 0.9, 0.2, 0.3, 0.8], [0.1, 0.1, 0.95, 0.85, 0.95]])
given = (np.array([5, 6, 7, 8, 9]), np.full(5, 4), *dice, 1, 0.5)
print("passed" if all(map(np.array_equal, with_blanks(*given), corrupt(*given))) else "not yet")
assert [row.tolist() for row in corrupt(*given)] == [[1, 6, 4, 8, 9], [5, -100, 7, 8, -100]]

# %% [markdown]
# **Make it.** [The exercises](../exercises/19_bert.ipynb) ask for `mask_tokens` and `masked_loss` without blanks.
#
# **Why.** A GPT is graded on every token, BERT on 15 in 100: one pass over a text gives it fewer exercises. A higher rate gives more of them and leaves less to read. ([Wettig and others, 2023](https://arxiv.org/abs/2202.08005), found 40 % better for large models. We take 20 % below.)

# %% [markdown]
# ## Train it (9 min, short path)
#
# The training text is a toy grammar again, a larger one: *the hungry cows near the dog are tired*, *behind the children the old fox waits today*. The noun that is not the subject is called an **attractor**: it lures a reader who goes by the nearest noun. ([Linzen and others, 2016](https://arxiv.org/abs/1611.01368), test models so. Their attractors stand between subject and verb and have the other number. Ours may also stand in front, or have the same number.)
# The test asks for the verb: 1,000 sentences, half of them with an attractor of the other number. No pair of subject and attractor of the test occurs in training.

# %%
from collections import Counter
from itertools import pairwise

from course_lib.data.grammar import ADJECTIVES, MASK, NOUNS, PREPOSITIONS, VERBS, grammar
from course_lib.text import Vocabulary

data = grammar()
tokens = sorted({word for sentence in data.train for word in sentence.split()})
words = Vocabulary([*tokens, MASK], specials=("pad",))
pad_id, mask_id, n_vocab = words.pad_id, words.ids[MASK], len(words)
sentences = [words.encode(sentence.split()) for sentence in data.train]
e = data.test[1]
print(f"{len(sentences):,} sentences, {n_vocab} tokens; a test: {e.masked!r}, {e.right} or {e.wrong}?")
assert len(sentences) == 20_000 and len(data.test) == 1000 and e.attractor == "other"

# %% [markdown]
# **Change it.** On paper first: which form does the nearest noun choose in that test sentence? Make up a sentence in which the *first* noun is wrong.
#
# <details><summary>Answer</summary>
#
# *smiles*: the last noun before `[MASK]` is one *bird*. But the subject is *mice*, and *smile* is right. The first noun is wrong where the attractor stands in front: *near the dogs the old cow [MASK] tired*.
#
# </details>
#
# The model: the library's `Bert` with two layers and `d_model` = 64, and a linear map to the vocabulary at every place. BERT itself uses the token table as its output matrix; ours has a matrix of its own.

# %%
from course_lib.training import Recipe, train
from course_lib.transformer.bert import Bert
from course_lib.transformer.blocks import BlockConfig, zero_outputs


class MaskedWords(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = Bert(n_vocab, 12, BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False))
        self.output = torch.nn.Linear(64, n_vocab)
        torch.nn.init.normal_(self.bert.embed.weight), torch.nn.init.normal_(self.bert.positions.table)
        zero_outputs(self)

    def forward(self, ids, keep):
        return self.output(self.bert(ids, keep))  # (B, n, n_vocab)


# %% [markdown]
# The training: corrupt a batch of 128 sentences, anew each time, and ask at the chosen places. `F.cross_entropy` leaves out the label $-100$ by itself.

# %%
def learn(corrupt, steps, record=None, seed=0):
    """A model that learnt from sentences as `corrupt` leaves them, and its history."""
    torch.manual_seed(seed)
    rng, model = np.random.default_rng(seed), MaskedWords().float()

    def draw(step):
        ids, keep = pad([sentences[i] for i in rng.integers(len(sentences), size=128)], pad_id)  # (B, n) each
        corrupted, labels = map(torch.from_numpy, corrupt(ids.numpy(), rng))
        return corrupted, keep, labels

    loss = lambda model, batch: F.cross_entropy(model(*batch[:2]).flatten(0, 1), batch[2].flatten())
    recipe = Recipe(steps, muon_lr=0.03, warmup=30)
    return model, train(model, draw, loss, recipe, record=record, every=30, quiet=True)


# %% [markdown]
# How often is the right form likelier than the wrong one? Counted apart for the two kinds of attractors.

# %%
test_ids, test_keep = pad([words.encode(e.masked.split()) for e in data.test], pad_id)  # (n_test, n)
right, wrong = (torch.tensor([words.ids[getattr(e, form)] for e in data.test]) for form in ("right", "wrong"))  # (n_test,)
at = (torch.arange(1000), (test_ids == mask_id).int().argmax(dim=1))  # where the mask stands
is_other = np.array([e.attractor == "other" for e in data.test])


@torch.no_grad()
def agreement(model):
    logits = model(test_ids, test_keep)[at]  # (n_test, n_vocab)
    good = (logits.gather(1, right[:, None]) > logits.gather(1, wrong[:, None])).flatten().numpy()
    return good[~is_other].mean(), good[is_other].mean()


# %% [markdown]
# What do others reach? Four rules: the more frequent form (unigram), the more frequent form after the word before (bigram), the number of the nearest noun, the number of the first noun.

# %%
single = Counter(word for s in data.train for word in s.split())
double = Counter(pair for s in data.train for pair in pairwise(s.split()))
plural = {word: word in NOUNS.values() for word in [*NOUNS, *NOUNS.values()]}
before = [e.masked.split()[: e.masked.split().index(MASK)] for e in data.test]
nouns = [[plural[word] for word in b if word in plural] for b in before]
good = {
    "unigram": [single[e.right] > single[e.wrong] for e in data.test],
    "bigram": [double[b[-1], e.right] > double[b[-1], e.wrong] for b, e in zip(before, data.test, strict=True)],
    "nearest noun": [n[-1] == (e.right in VERBS.values()) for n, e in zip(nouns, data.test, strict=True)],
    "first noun": [n[0] == (e.right in VERBS.values()) for n, e in zip(nouns, data.test, strict=True)],
}

# %% [markdown]
# **Predict.** With an attractor of the other number the nearest noun is right in about 3 of 10 sentences (the attractor may stand in front). The first noun: 7 of 10. And the model, after some 12 seconds?

# %%
predict("agreement")

# %% [markdown]
# **Run.** Train, and watch one sentence on the way: `look` keeps its weights (n_layers · n_heads, n, n) for later.

# %%
probe = "the hungry cows near the dog [MASK] tired".split()


def look(model):
    ids = torch.tensor([words.encode(probe)])  # (1, n)
    maps = model.bert(ids, ids > 0, return_weights=True)[1]
    return {"probe": torch.cat(maps, dim=1)[0].numpy(), "agreement": agreement(model)}


usual = lambda ids, rng: mask_tokens(ids, rng, mask_id, n_vocab, (pad_id, mask_id), rate=0.2)
model, history = learn(usual, 600, record=look)
by_rule = {name: (np.mean(np.array(g)[~is_other]), np.mean(np.array(g)[is_other])) for name, g in good.items()}
by_rule["masked words"] = agreement(model)

# %% [markdown]
# The picture: each of the five, with both kinds of attractors.

# %%
fig, ax = figure(7, 3)
for y, (same, other) in enumerate(by_rule.values()):
    ax.plot([same, other], [y, y], color=QUIET, lw=1), ax.plot(same, y, "s", color=KEY), ax.plot(other, y, "o", color=QUERY)
ax.text(by_rule["bigram"][0], 1.15, "attractor of the same number", ha="right", color=KEY)
ax.text(by_rule["bigram"][1], 1.15, "of the other number", ha="center", color=QUERY)
ax.axvline(0.5, color=QUIET, ls=":", lw=1), ax.set_yticks(range(5), by_rule)
ax.set(xlim=(0, 1.03), xlabel="share of verbs in the right form", title="Only the masked-word model finds the subject")
show(fig, alt="Unigram near 0.5. Bigram and nearest noun near 1 and 0.3. First noun 1 and 0.7. The model above 0.9 for both.")
print(f"model, attractor of the other number: above 90 %: {by_rule['masked words'][1] > 0.9}")
uni, bi, nearest, front, ours = by_rule.values()  # each (same, other)
assert min(ours) > 0.9 and abs(nearest[1] - 0.3) < 0.06 and abs(front[1] - 0.7) < 0.06 and bi[1] < 0.4 and abs(uni[0] - 0.5) < 0.1
compare("agreement", "above 90 %")

# %% [markdown]
# **Look.** Nobody told it what a subject is. It was asked for hidden words, and to guess verbs one must know whose verb it is. The two rules of thumb fail on opposite sentences; only a reader who finds the subject passes both.
#
# **Change it.** Guess on paper: in what share of the *training* sentences does each of the two rules fit? (In the test half of all sentences have an attractor of the other number.) Then run the cell.

# %%
def rules_fit(sentence):
    """Whether the nearest noun has the number of the verb, and whether the first noun has it."""
    numbers = [plural[word] for word in sentence.split() if word in plural]
    verb_is_plural = any(word in VERBS.values() for word in sentence.split())
    return numbers[-1] == verb_is_plural, numbers[0] == verb_is_plural


nearest_fits, first_fits = np.mean([rules_fit(sentence) for sentence in data.train], axis=0)
print(f"right in the training sentences: nearest noun {nearest_fits:.0%}, first noun {first_fits:.0%}")
assert round(nearest_fits, 2) == 0.72 and round(first_fits, 2) == 0.87

# %% [markdown]
# So both rules look better in training than in the test, where traps are more frequent. The loss still charges for every sentence that a rule gets wrong.
# Back to the gap of the hook, in both directions: verbs after a subject, and a subject before *are*.

# %%
@torch.no_grad()
def guesses(text, k=4):
    """The k likeliest words at the mask, with their probabilities."""
    ids = torch.tensor([words.encode(text.split())])
    p = model(ids, ids > 0)[0, ids[0] == mask_id][0].softmax(dim=0)  # (n_vocab,)
    return {words.tokens[i]: round(p[i].item(), 2) for i in p.topk(k).indices.tolist()}


for text in ("the hungry cows near the dog [MASK] tired", "the hungry cow near the dogs [MASK] tired"):
    print(f"{text}: {' and '.join(sorted(guesses(text, 2)))}")
subjects = guesses("the [MASK] near the dog are tired", 8)
are_plural = set(subjects) <= set(NOUNS.values())
print("the [MASK] near the dog are tired: all of the eight likeliest words are plural nouns:", are_plural)
assert set(guesses("the hungry cows near the dog [MASK] tired", 2)) == {"are", "were"} and are_plural
assert set(guesses("the hungry cow near the dogs [MASK] tired", 2)) == {"is", "was"}

# %% [markdown]
# **Change it.** Now your own sentences. Ask it `guesses("near the dogs the old mouse [MASK] home")`. Which two words must share nearly everything? And what if there is no subject at all: `guesses("[MASK] near the dog are tired")`?
#
# <details><summary>Answer</summary>
#
# *goes* and *go*: what follows, *home*, allows no other verb. The subject is one mouse, so *goes* should have most of it. See what it leaves to *go*. Without a subject it says *with*, *beside* or another preposition: what begins a sentence, though none of them makes one here. Such a text was never in its training, and it has no way to refuse.
#
# </details>

# %% [markdown]
# ## A doubtful word (9 min)
#
# Why are 10 % replaced by a random word, and 10 % left alone? In use there is no `[MASK]`: every word is visible, and each place must hold a good vector of its word.
#
# **By hand.** The model is asked at a place where it sees a word $w$. Was it left alone, or put there at random? The other words say how likely $w$ is here: $q(w)$. There are $n_\text{vocab}$ words. Both cases have a share of 10 %, so
#
# $$\text{left alone} : \text{random} \;=\; q(w) : \frac{1}{n_\text{vocab}}$$
#
# With $n_\text{vocab} = 100$: a word with $q = 1/4$ has odds of 25 to 1, it is believed (96 %). A word with $q = 1/1000$ has odds of 1 to 10: it is believed with 9 %, and the model had better guess from the others.
#
# **Run.** The two cases.

# %%
for q in (1 / 4, 1 / 1000):
    odds = q / (1 / 100)  # left alone : random
    print(f"q = {q:g}: odds {odds:g}, believed {odds / (1 + odds):.0%}")
assert round(25 / 26, 2) == 0.96 and round(0.1 / 1.1, 2) == 0.09

# %% [markdown]
# If the reasoning holds, random words teach doubt, and words left alone teach trust. We take one or both away and see.
#
# **Predict.** A model is trained with masks alone: all chosen words become `[MASK]`. It then reads whole sentences without a mask. At how many places does it say the very word that stands there?

# %%
predict("masks_alone")

# %% [markdown]
# **Predict.** Another model gets 80 % masks and 20 % random words, and no word is left alone. Now it *is* asked at visible words. How often does it say the word that stands there?

# %%
predict("none_left")

# %% [markdown]
# **Run.** Four short trainings of 200 steps: BERT's shares; masks alone; no random words; no words left alone.

# %%
def by_shares(masks, random):
    """A corruption with these shares of the chosen; the rest of them is left alone."""
    def corrupt(ids, rng):
        chosen, fate = (rng.random(ids.shape) < 0.2) & (ids != pad_id), rng.random(ids.shape)  # (B, n) each
        reads = np.where(chosen & (fate < masks), mask_id, ids)
        reads = np.where(chosen & (fate >= 1 - random), rng.integers(1, mask_id, ids.shape), reads)
        return reads, np.where(chosen, ids, -100)

    return corrupt


ways = {"80 masks, 10 random, 10 left": usual, "100 masks": by_shares(1, 0),
        "80 masks, 20 left": by_shares(0.8, 0), "80 masks, 20 random": by_shares(0.8, 0.2)}  # fmt: skip
trained = {name: learn(corrupt, 200)[0] for name, corrupt in ways.items()}

# %% [markdown]
# The test: 1,000 whole sentences; then each with one wrong word at a random place.

# %%
whole = test_ids.clone()
whole[at] = right
rng = np.random.default_rng(5)
spot = (torch.arange(1000), torch.tensor([rng.integers(n) for n in test_keep.sum(dim=1).tolist()]))
spoilt, strange = whole.clone(), torch.from_numpy(rng.integers(1, mask_id, 1000))
spoilt[spot] = strange
is_strange = strange != whole[spot]  # the random word may be the right one
shares = {}
for name, other in trained.items():
    with torch.no_grad():
        says = other(whole, test_keep).argmax(dim=-1)  # (n_test, n)
        at_spot = other(spoilt, test_keep)[spot].argmax(dim=-1)  # (n_test,)
    kept, believed = (says == whole)[test_keep], (at_spot == strange)[is_strange]
    shares[name] = kept.double().mean().item(), believed.double().mean().item()

# %% [markdown]
# Both shares, and the long-trained model of the section before on a verb in the wrong form: *the hungry cows near the dog is tired*.

# %%
with_wrong = whole.clone()
with_wrong[at] = wrong
with torch.no_grad():
    on_right, on_wrong = (model(ids, test_keep).softmax(dim=-1)[at] for ids in (whole, with_wrong))
p_right, p_wrong = on_right.gather(1, right[:, None]).mean().item(), on_wrong.gather(1, wrong[:, None]).mean().item()
ranges = ("below 20 %", "20 to 50 %", "50 to 85 %", "above 85 %")
rough = lambda share: ranges[np.searchsorted([0.2, 0.5, 0.85], share)]
for name, (kept, believed) in shares.items():  # float32 trainings: a range is safe, a digit is not
    print(f"{name:29} says the visible word: {rough(kept)}; believes a wrong word: {rough(believed)}")
print("a verb in the right form gets more than one in the wrong form, by half or more:", p_right > 1.5 * p_wrong)
bert, masks_alone, no_random, none_left = shares.values()  # each: says the visible word, believes a wrong one
assert p_right > 1.5 * p_wrong and bert[0] > 0.85 and bert[1] < 0.2 and no_random[0] > 0.97 and no_random[1] > 0.5
assert all(0.22 < says < 0.45 and believes < 0.05 for says, believes in (masks_alone, none_left))
compare("masks_alone", "at about a third")
compare("none_left", "at about a third")

# %% [markdown]
# **Look.** With masks alone the model was never asked at a visible word, and mostly says something else there. With random words and none left alone it *was* asked there, and learnt no more. A random word is drawn without a look at the right one, so it says nothing about it, and the model looks past it.
# With 20 % left alone and none random it says nearly every right word, and more than half of the wrong ones too. BERT's shares give both trust and doubt: the model mostly says what stands there, and doubts what does not fit.
# The paper compares such shares on two tasks (appendix C.2): the differences are small, about one point at most. So the recipe is sound, and not sacred.

# %% [markdown]
# ## Inside the training (6 min)
#
# Every 30 steps `look` kept the weights of *the hungry cows near the dog [MASK] tired*, 2 layers of 4 heads, and the agreement across attractors of the other number.
#
# **Change it.** Scrub through the training. *Keep the row of the mask. In which head does it come to rest on "cows"? Where is the loss when agreement leaves one half?*

# %% tags=["nbval-ignore-output"] reason="the still shows digits of a float32 training"
from course_lib.explorers import training_replay_explorer

maps = history.maps["probe"]  # (n_maps, n_layers * n_heads, n, n)
losses = [history.loss[0], *history.loss.reshape(-1, 30).mean(axis=1)]  # the last 30 steps before each look
on_cows = maps[:, :, probe.index(MASK), probe.index("cows")]  # (n_maps, heads)
assert maps.shape == (21, 8, 8, 8) and np.allclose(maps.sum(axis=-1), 1, atol=1e-4)
across = history.maps["agreement"][:, 1]  # (n_maps,)
labels = ["MASK" if word == MASK else word for word in probe]
training_replay_explorer(losses, maps, across, rows=labels, columns=labels, query=probe.index(MASK), step=4, predict=False)

# %% [markdown]
# <details><summary>Answer</summary>
#
# In a head of the second layer (5 to 8 of the eight). In the stored run it is head 5, and no other. When agreement leaves one half, most of the fall of the loss is done, and its curve shows no jump there: number is one bit among many things to be guessed.
#
# </details>
#
# In figures: the head that looks most at *cows* in the end; and agreement and loss after 120 steps. (The explorer counts the looks: its step 4.)

# %%
best = on_cows[-1].argmax()
first, last = on_cows[[0, -1], best]
print(f"it stands in layer {best // 4}; its weight on cows, first below 0.2: {first < 0.2}; in the end above 0.5: {last > 0.5}")
fallen = (losses[0] - losses[4]) / (losses[0] - losses[-1])
near_half = abs(across[4] - 0.5) < 0.1
print(f"after 120 steps: more than 3/4 of the fall of the loss is done: {fallen > 0.75}; agreement near 1/2: {near_half}")
assert best // 4 == 1 and first < 0.2 and last > 0.5 and fallen > 0.75 and near_half

# %% [markdown]
# **Look.** In the end a head looks from the place of the verb at the subject, across the attractor. One weight is a hint, no proof. And agreement comes late, when the loss has little left to fall. A loss is a mean over everything; a *test* asks one thing. (Other starts found the subject sooner or later than this one, from about step 200 to about step 350. The teaching notes say how it went.)

# %% [markdown]
# ## BERT, box by box (7 min)
#
# Now the published architecture. It is the encoder of lesson 12 with other ends:
#
# | | 2017 encoder | BERT | GPT-2 |
# |---|---|---|---|
# | mask | padding | padding | causal |
# | norm | after each part | after each part, and once at the beginning | before |
# | positions | sinusoids | learnt, at most 512 | learnt |
# | activation | ReLU | GELU | GELU |
# | added to each token | position | position and **segment** | position |
#
# A **segment** says whether a token belongs to the first or the second text: BERT may read a pair, `[CLS] text [SEP] other text [SEP]`. `[CLS]` stands in front of everything; a classifier may read its vector (lesson 20).
# BERT had a second task: does the second text follow the first? A pooling layer on `[CLS]` served it. [Liu and others (2019)](https://arxiv.org/abs/1907.11692) found with RoBERTa that this task can be left out.
# As formulas, for token $t_i$ at place $i$ of the first text, with tables $E$, $P$, $S$ of tokens, positions and segments:
#
# $$\mathbf x_i = \text{norm}(E_{t_i} + P_i + S_0)$$
#
# $$\text{and in each layer}\qquad \mathbf x \leftarrow \text{norm}_1(\mathbf x + \text{attention}(\mathbf x)), \qquad \mathbf x \leftarrow \text{norm}_2(\mathbf x + \text{ffn}(\mathbf x))$$
#
# **Change it.** On paper first: draw the boxes of one layer and the two ways around them. Where would GPT-2 have its norms? Then compare with the picture.

# %%
fig, ax = figure(8, 1.7)
names = ("$E_{t_i}$ token\n$+P_i$ position\n$+S_0$ segment", "norm", "attention", "+ x,\nnorm$_1$", "ffn", "+ x,\nnorm$_2$")
look_of = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": KEY}
boxes = [ax.text(i, 0, name, ha="center", va="center", bbox=look_of).get_bbox_patch() for i, name in enumerate(names)]
for i in range(5):
    ends = {"patchA": boxes[i], "patchB": boxes[i + 1], "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (i + 1, 0), (i, 0), arrowprops={"arrowstyle": "-|>", "color": "black", **ends}, zorder=4)
for tail, tip in ((1.5, 3), (3.5, 5)):
    around = {"arrowstyle": "-|>", "color": QUIET, "connectionstyle": "arc3,rad=-0.5", "shrinkA": 0, "shrinkB": 20}
    ax.annotate("", (tip, 0), (tail, 0), arrowprops=around)
ax.plot([1.4, 5.45, 5.45, 1.4, 1.4], [-0.8, -0.8, 0.9, 0.9, -0.8], color=QUERY, ls="--", lw=1)
ax.text(5.4, -0.75, "one layer; MiniLM has six", color=QUERY, ha="right", va="bottom", fontsize=9)
ax.set(xlim=(-0.6, 5.6), ylim=(-0.9, 1), title="BERT: add three tables, norm, then encoder layers"), ax.axis("off")
show(fig, alt="Token, position and segment are added, then a norm. Each layer: attention, add and norm, feed-forward, add and norm.")

# %% [markdown]
# And in code: your own BERT, from parts of lessons 09 to 11.

# %%
def my_bert(ids, keep, bert):
    """ids (B, n), of which `keep` are real tokens -> hidden (B, n, d_model); `bert` holds the parts."""
    n = ids.shape[1]
    x = bert.embed(ids) + bert.positions.table[:n] + bert.types.weight[0]  # E + P + S_0 (B, n, d_model)
    x = bert.norm(x)
    mask = keep[:, None]  # (B, 1, n): the same keys for every query
    for layer in bert.blocks.layers:
        x = layer.norm1(x + layer.self_attn(x, x, x, mask))  # all tokens ask all tokens
        x = layer.norm2(x + layer.ffn(x))
    return x


# %% [markdown]
# Is it the library's? Random weights, as lesson 12 asks; and what moves when token 5 changes, and what when only padding changes.

# %%
torch.manual_seed(0)
SIZES = {"pre_norm": False, "activation": "gelu", "eps": 1e-12}
small = Bert(11, 16, BlockConfig(d_model=32, n_heads=4, d_hidden=64, n_layers=2, **SIZES)).eval()
for parameter in small.parameters():
    torch.nn.init.normal_(parameter, std=0.3)
ids, keep = torch.randint(11, (2, 9)), torch.arange(9) < torch.tensor([[9], [7]])  # (B, n) each
token, padding = ids.clone(), ids.clone()
token[:, 5], padding[1, 8] = (ids[:, 5] + 1) % 11, (ids[1, 8] + 1) % 11  # the second text has 7 tokens
with torch.no_grad():
    hidden = my_bert(ids, keep, small)
    assert torch.allclose(hidden, small(ids, keep), atol=1e-12) and hidden.shape == (2, 9, 32)
    by_token, by_padding = ((my_bert(new, keep, small) - hidden).abs().amax(dim=2) for new in (token, padding))  # (B, n)
print("token 5 changed; places that moved in the first text:", (by_token[0] > 1e-9).nonzero().flatten().tolist())
print("padding changed; places that moved in the second text:", (by_padding[1] > 1e-9).nonzero().flatten().tolist())
assert (by_token[keep] > 1e-9).all() and (by_padding[keep] == 0).all() and by_padding[1, 8] > 1e-9

# %% [markdown]
# **Change it.** Leave `bert.types.weight[0]` out and run both cells. The `assert` complains, though it is the same vector at every place. Why is it not lost in the norm?
#
# <details><summary>Answer</summary>
#
# A norm takes away what is the same in all *features* of one token, and this vector differs from feature to feature. So it tilts every token, and all that stands above computes with other numbers. In a published model the layers above were trained with that tilt.
#
# </details>

# %% [markdown]
# ## Real weights (8 min, short path)
#
# [all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2) is a BERT with six layers of 12 heads and `d_model` = 384. [Wang and others (2020)](https://arxiv.org/abs/2002.10957) made such small models by letting them imitate the attention of a large one. From one with twelve layers [every second was kept](https://huggingface.co/nreimers/MiniLM-L6-H384-uncased). The six were trained further on a billion pairs of sentences that belong together.
# Its weights come as a file of named arrays. Some of the names:

# %%
from safetensors import safe_open

from course_lib.data.minilm import load_minilm

if minilm_here:
    with safe_open(checked_path(MINILM, "model.safetensors"), "pt") as file:
        published = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    for name in ("embeddings.word_embeddings", "encoder.layer.0.attention.self.query", "encoder.layer.0.intermediate.dense"):
        print(f"{name + '.weight':45}{published[name + '.weight']}")
    has_head = any("predictions" in name for name in published)
    print(len(published), "arrays; a head for masked words among them:", has_head)
    assert len(published) == 104 and not has_head
else:
    print(no_weights)

# %% [markdown]
# 101 of them go into our blocks by a table of names (`published_names`): *query* is our `W_q`, *intermediate.dense* our `W_1`. The others are a pooling layer that sentences do not need, and a list of the numbers 0 to 511.
#
# **Predict.** `my_bert` above has 10 lines, and nobody has compared it with anything but ourselves. How far from the numbers of the library `transformers` with these weights?

# %%
predict("parity")

# %% [markdown]
# **Run.** The reference numbers were made with `transformers` by `sources/training/19_minilm_reference.py`: four features of every token of two sentences.

# %%
path = files("course_lib") / "data/files/19_minilm_reference.json"
reference = json.loads(path.read_text(encoding="utf-8"))
ids, keep = torch.tensor(reference["ids"]), torch.tensor(reference["keep"])  # (B, n) each
expected = torch.tensor([row for sentence in reference["hidden"] for row in sentence])  # (real tokens, 4)
if minilm_here:
    minilm, tokenizer = load_minilm()
    with torch.no_grad():
        hidden = my_bert(ids, keep, minilm)  # (B, n, 384)
    far = (hidden[keep][:, :4] - expected).abs().max().item()
    print(f"{sum(p.numel() for p in minilm.parameters()):,} parameters; equal to 1e-5: {far < 1e-5}")
    assert far < 1e-5 and hidden.shape == (2, 16, 384)
    compare("parity", "less than 0.00001")

# %% [markdown]
# **Look.** Your lines of code are the published model. Four features of every token are a spot check, but a sharp one: each depends on all six layers. The course's tests compare every feature and every attention weight.
# The 22,565,376 parameters by formula, as in lesson 17: tables $(30522 + 512 + 2)\,d$, a norm $2d$, and six layers of $12 d^2 + 13 d$. More than half of it is the token table.
#
# **Predict.** Now a wrong setting: six heads of 64 features in place of twelve of 32. What does strict loading say?

# %%
predict("heads")

# %% [markdown]
# **Run.** Five wrong settings: do they load, how far are the four features from the reference, and how like are the vectors (cosine similarity)? `torch.device("meta")` makes the empty model without memory.

# %%
from dataclasses import replace

from course_lib.transformer.bert import MINILM as RIGHT

faults = {"six heads": {"n_heads": 6}, "ReLU": {"activation": "relu"}, "GELU by tanh": {"activation": "gelu_tanh"},
          "eps 1e-5": {"eps": 1e-5}, "norm before": {"pre_norm": True, "final_norm": False}}  # fmt: skip
apart = {}
for name, fault in faults.items() if minilm_here else ():
    with torch.device("meta"):
        other = Bert(30522, 512, replace(RIGHT, **fault)).eval()
    other.load_state_dict(minilm.state_dict(), strict=True, assign=True)  # never complains
    with torch.no_grad():
        strange = other(ids, keep)[keep]
    apart[name] = (strange[:, :4] - expected).abs().max().item(), F.cosine_similarity(strange, hidden[keep]).mean().item()
    print(f"{name:13} loads; largest difference {apart[name][0]:.4f}, mean cosine {apart[name][1]:.2f}")

# %% [markdown]
# The answer to your guess. Then a sixth fault: padding that is not hidden, in each of the two sentences.

# %%
assert (30522 + 512 + 2) * 384 + 2 * 384 + 6 * (12 * 384**2 + 13 * 384) == 22_565_376 < 2 * 30522 * 384
if minilm_here:
    assert apart["six heads"][0] > 0.3 and apart["norm before"][1] < 0.2 and 1e-5 < apart["eps 1e-5"][0] < 0.001
    assert 0.001 < apart["GELU by tanh"][0] < 0.003 and len(apart) == 5
    compare("heads", "nothing, it loads")
    with torch.no_grad():
        off = (my_bert(ids, torch.ones_like(keep), minilm) - hidden).abs().amax(dim=2)  # (B, n)
    for row in (0, 1):
        print(f"sentence {row}, {keep[row].sum()} tokens of {len(keep[row])}: off by {off[row][keep[row]].max():.4f}")
    assert off[0][keep[0]].max() > 0.5 and off[1].max() == 0

# %% [markdown]
# **Look.** The shapes of the weights do not know how many heads they serve, nor what stands between them. With six heads the vectors even point roughly the right way. Only numbers from elsewhere tell. And a reference of one sentence, without padding, would have missed the sixth fault.
#
# **Trap.** *"All weights were loaded without complaint, so it is the same model."* So were those of all five.

# %% [markdown]
# ## What its heads look at (7 min)
#
# Each of its 72 heads deals out a weight of 1 for every word of your sentence.
#
# **Predict.** In the layers between the first and the last, on which token does about half of all weight lie?

# %%
predict("rest")

# %% [markdown]
# **Run.** Three habits: mean weight on the token before, on the token after, and on `[CLS]`. Only words ask here, not `[CLS]` and `[SEP]`.

# %%
mine = ["The cat slept as it was tired.", "The hungry cows near the dog are eating grass.",
        "She wrote a letter to her brother last week.", "Attention looks at all tokens of a sentence."]  # fmt: skip


@torch.no_grad()
def habits(texts):
    """Mean weight (3, n_layers, n_heads) on the token before, the token after, and [CLS]."""
    found = []
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text).ids])  # (1, n)
        A = torch.cat(minilm(ids, ids > 0, return_weights=True)[1])  # (n_layers, n_heads, n, n)
        inner = A[:, :, 1:-1]  # the words ask (n_layers, n_heads, n - 2, n)
        before, after = (inner.diagonal(offset, -2, -1) for offset in (0, 2))
        found.append(torch.stack([w.mean(dim=-1) for w in (before, after, inner[..., 0])]))
    return torch.stack(found).mean(dim=0).numpy()


# %% [markdown]
# The three habits as pictures. The darker, the more weight; the strongest head of each carries its number.

# %%
from course_lib.plots import WEIGHTS

if minilm_here:
    table = habits(mine)  # (3, n_layers, n_heads)
    fig, axes = figure(8, 2.5, columns=3)
    for ax, habit, name in zip(axes, table, ("token before", "token after", "[CLS]"), strict=True):
        image = ax.imshow(habit, cmap=WEIGHTS, vmin=0, vmax=1, aspect="auto")
        layer, head = np.unravel_index(habit.argmax(), habit.shape)
        ax.text(head, layer, f"{habit.max():.1f}", ha="center", va="center", color="white", fontsize=7)
        ax.set(xlabel="head", ylabel="layer", xticks=range(0, 12, 2), title=name)
    fig.colorbar(image, ax=axes, label="mean weight", shrink=0.8)
    fig.suptitle("One head looks back, one forward; in layers 1 to 4 most rest on [CLS]", x=0.01, ha="left", fontweight="bold")
    show(fig, alt="Mean weights. Token before: head 2 of layer 0. Token after: head 8 of layer 1. [CLS]: most heads of layers 1 to 4.")
else:
    print(no_weights)

# %% [markdown]
# In numbers, with the count of heads that spend more than half of their weight on `[CLS]`.

# %%
if minilm_here:
    for place, name in (((0, 0, 2), "token before"), ((1, 1, 8), "token after"), ((2, 4, 5), "[CLS]")):
        print(f"layer {place[1]} head {place[2]}, {name}: {table[place]:.2f}")
    resting = (table[2] > 0.5).sum(axis=1)  # (n_layers,)
    print("on [CLS], layer by layer:", table[2].mean(axis=1).round(2), "heads of 12 above 1/2:", resting)
    assert table[0, 0, 2] > 0.98 and 0.5 < table[1, 1, 8] < 0.75 and table[2, 4, 5] > 0.85
    assert (0.45 < table[2, 1:5].mean(axis=1)).all() and (table[2].mean(axis=1) < 0.7).all() and (resting[1:5] > 6).all()
    compare("rest", "[CLS]")

# %% [markdown]
# **Look.** Head 2 of layer 0 hands on the token before: weight 1.00 in the mean of four sentences, though their words differ. And in the layers between the first and the last half of the attention or somewhat more rests on `[CLS]`. Softmax must spend its 1 somewhere. One reading is that a head which finds nothing puts it where it does no harm: [Clark and others (2019)](https://arxiv.org/abs/1906.04341) saw the same in BERT, there on `[SEP]`, and argued so.
#
# **Change it.** The explorer has the first sentence in all layers and heads, counted from 1 there. *Choose the row "it". Which head of the last layer looks most at "cat"? And is that proof that the model knows what "it" means?*

# %%
from course_lib.explorers import attention_explorer

if minilm_here:
    cat = tokenizer.encode(mine[0])
    ids = torch.tensor([cat.ids])
    with torch.no_grad():
        weights = torch.cat(minilm(ids, ids > 0, return_weights=True)[1]).numpy()  # (n_layers, n_heads, n, n)
    to_cat = weights[5, :, cat.tokens.index("it"), cat.tokens.index("cat")]  # (n_heads,)
    assert weights.shape == (6, 12, 10, 10) and to_cat.argmax() == 11 and abs(to_cat.max() - 0.78) < 0.005
attention_explorer(cat.tokens, weights=weights, layer=5, query=5, predict=False) if minilm_here else print(no_weights)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The last one (head 11 from 0), with weight 0.78. It is no proof: the same head may look at any noun from any word. Exchange a word and see what moves (lesson 07); lesson 25 does it with care.
#
# </details>

# %% [markdown]
# ## Sentences as vectors (8 min)
#
# BERT gives a vector $\mathbf h_i$ per token. Mean pooling makes one of them: the mean over the real tokens $K$, without padding. Scaled to length 1 it is the **sentence embedding** $\mathbf s$. The dot product of two such vectors is their cosine similarity, and so sentences are compared ([Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084)):
#
# $$\mathbf m = \frac{1}{|K|} \sum_{i \in K} \mathbf h_i, \qquad \mathbf s = \frac{\mathbf m}{\lVert \mathbf m \rVert}, \qquad \text{similarity} = \mathbf s \cdot \mathbf s'$$
#
# In code, and checked by hand: tokens 1 and 3 and a place of padding have the mean 2.

# %%
def mean_pool(hidden, keep):
    """hidden (B, n, d_model), keep (B, n) -> (B, d_model), the mean of the real tokens."""
    return (hidden * keep[..., None]).sum(dim=1) / keep.sum(dim=1, keepdim=True)  # m


@torch.no_grad()
def embed(texts, pool=mean_pool):
    """One vector of length 1 for each text, (B, d_model)."""
    batch = tokenizer.encode_batch(texts)
    ids, keep = torch.from_numpy(batch.ids), torch.from_numpy(batch.keep)  # (B, n) each
    return F.normalize(pool(my_bert(ids, keep, minilm), keep), dim=-1)  # s


assert mean_pool(torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[True, True, False]])).item() == 2

# %% [markdown]
# **Predict.** *I like this film.* To which of these is it nearest: *I do not like this film.*, *I hate this film.*, *This film is bad.*?

# %%
predict("negation")

# %% [markdown]
# **Run.** Seven pairs.

# %%
others = ("I enjoy this movie.", "I do not like this film.", "I hate this film.", "This film is bad.")
pairs = [("I like this film.", other) for other in others]
pairs += [("The dog bites the man.", other) for other in ("The man bites the dog.", "A man was bitten by a dog.")]
pairs += [("A man is playing the guitar.", "The stock market fell sharply.")]
if minilm_here:
    first, second = (embed(side) for side in zip(*pairs, strict=True))  # (7, d_model) each
    alike = (first * second).sum(dim=-1).numpy()  # (7,)
    for (a, b), cosine in zip(pairs, alike, strict=True):
        print(f"{cosine:5.2f}  {a} | {b}")
    assert first.shape == (7, 384) and all(np.diff(alike[:4]) < 0) and alike[3] > 0.5
    assert alike[4] > 0.95 > alike[5] and abs(alike[6]) < 0.1
    compare("negation", "I do not like this film")
else:
    print(no_weights)

# %% [markdown]
# **Look.** It tells guitars from stock markets. But the *opposite* is nearer (0.75) than *This film is bad* (0.56), and exchanging who bites whom hardly matters (0.97). Its [model card](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2) lists the training pairs, for instance a question and its duplicate, a question and its answer, a title and its text. Such pairs are about the same thing, and that may be why similar means "about the same thing" here. To find similar questions that is right; to find contradictions it is not.
#
# **Trap.** *"The mean over dim 1 is the mean over the tokens."* In a batch the short texts end with padding. The next cell takes that mean, alone and beside a long text.

# %%
over_all = lambda hidden, keep: hidden.mean(dim=1)
long = "This sentence is much longer than the other two, so that they are filled up with padding at their ends, many times."
if minilm_here:
    for pool, name in ((mean_pool, "real tokens"), (over_all, "all places")):
        alone, beside = embed(list(pairs[0]), pool), embed([*pairs[0], long], pool)
        similarity = [(e[0] @ e[1]).item() for e in (alone, beside)]
        print(f"{name:12} the two alone {similarity[0]:.2f}, beside a long text {similarity[1]:.2f}")
    assert similarity[1] - similarity[0] > 0.1
else:
    print(no_weights)

# %% [markdown]
# **Look.** With the wrong mean the similarity of two sentences depends on who else is in the batch. Alone both functions agree, because these two have the same number of tokens: a test with one text, or with texts of one length, would not see it.
#
# **Change it.** Your own sentences: `e = embed(["...", "..."])`, then `e[0] @ e[1]`. Find two that mean the same and score below 0.5, and two that contradict each other and score above 0.9.
#
# <details><summary>Answer</summary>
#
# For instance *He kicked the bucket.* and *He died.*, 0.44. And *The door is open.* and *The door is closed.*, 0.92; *Take two tablets a day.* and *Take ten tablets a day.*, 0.91.
#
# </details>
#
# **Run.** The pairs of that answer. Run it when you have your own.

# %%
found = (("He kicked the bucket.", "He died."), ("The door is open.", "The door is closed."),
         ("Take two tablets a day.", "Take ten tablets a day."))  # fmt: skip
if minilm_here:
    one, two = (embed(side) for side in zip(*found, strict=True))  # (3, d_model) each
    print((one * two).sum(dim=-1).numpy().round(2))
    assert np.allclose((one * two).sum(dim=-1).numpy(), [0.44, 0.92, 0.91], atol=0.006)
else:
    print(no_weights)

# %% [markdown]
# ## Does BERT write? (7 min, short path)
#
# Back to the question of the hook. BERT sees more, so let it write: a row of masks, and it fills them. First all at once.
#
# **Predict.** The *perfect* reader of the first section, asked about all nine places of a sentence at once, draws each word from its guess. How many of 1,000 drawings are sentences of the grammar?

# %%
predict("at_once")

# %% [markdown]
# **Run.** With all nine words hidden, the perfect guess at each place is the share of each word there.

# %%
vocabulary, rows, chances = toy_sentences.listed()
nine = (rows >= 0).sum(axis=1) == 9
rows, chances = rows[nine], chances[nine] / chances[nine].sum()  # (n_sentences, 9), (n_sentences,)
known, rng = {tuple(row) for row in rows.tolist()}, np.random.default_rng(0)
guess = [np.bincount(rows[:, place], chances, len(vocabulary)) for place in range(9)]  # 9 of (n_vocab,)
drawn = np.stack([rng.choice(len(vocabulary), 1000, p=p) for p in guess], axis=1)  # (1000, 9)
hits = np.mean([tuple(row) in known for row in drawn.tolist()])
print(f"sentences: {hits:.1%}; for instance:", " ".join(vocabulary[i] for i in drawn[1]))
print("always the likeliest word:", " ".join(vocabulary[p.argmax()] for p in guess))
assert hits < 0.06 and tuple(p.argmax() for p in guess) not in known
compare("at_once", "fewer than 60")

# %% [markdown]
# **Look.** Each guess is perfect, and together they make no sentence. Each place knows what is likely *there*; none knows what the others will say. A GPT's factors multiply to the probability of the whole text. Guesses that are made at once do not:
#
# $$p(x) = \prod_i p(x_i \mid x_0 \dots x_{i-1}) \qquad\text{but in general}\qquad p(x) \ne \prod_i p(x_i)$$
#
# (With all words hidden the perfect reader knows the length and nothing else. So its guesses are the shares $p(x_i)$ among sentences of nine words.)
# Now let it fill one place after the other, each time with what stands there already. Then the chain rule holds again, and for any order $a, b, c \dots$ of the places:
#
# $$p(x) = p(x_a) \; p(x_b \mid x_a) \; p(x_c \mid x_a, x_b) \cdots$$
#
# **Run.** The perfect reader once more, 1,000 times, each time in another random order.

# %%
def in_any_order(rng):
    """A drawing of the perfect reader, place by place in a random order (9,)."""
    text, fits = np.zeros(9, int), np.ones(len(rows), bool)  # fits: the sentences with the words drawn so far
    for place in rng.permutation(9):
        p = np.bincount(rows[fits, place], chances[fits], len(vocabulary))  # (n_vocab,)
        text[place] = rng.choice(len(vocabulary), p=p / p.sum())
        fits &= rows[:, place] == text[place]
    return text


one_after_other = [in_any_order(rng) for _ in range(1000)]
all_fit = np.mean([tuple(text.tolist()) in known for text in one_after_other])
print(f"sentences: {all_fit:.0%}; for instance:", " ".join(vocabulary[i] for i in one_after_other[0]))
assert all_fit == 1

# %% [markdown]
# **Look.** Without a fault. So a reader of both sides can write, if it is perfect and may do it word by word.
#
# **Change it.** Let it fill from the left: `range(9)` in place of the random order. *What must the share be?*
#
# <details><summary>Answer</summary>
#
# All again. The chain rule asks for no order.
#
# </details>
#
# A trained reader is not perfect, and it was seldom asked with nearly all hidden. Our model does it three ways: at once, from the left, and always the place of which it is surest.

# %%
@torch.no_grad()
def fill_in(model, n, way, generator):
    """n masks filled by drawing, at once or one by one; a text."""
    ids, open_places = torch.full((1, n), mask_id), list(range(n))
    while open_places:
        logits = model(ids, ids > 0)[0]  # (n, n_vocab)
        logits[:, [pad_id, mask_id]] = -torch.inf
        p = logits.softmax(dim=-1)
        surest = max(open_places, key=lambda place: p[place].max())
        now = {"at once": open_places, "from the left": open_places[:1], "surest first": [surest]}[way]
        ids[0, now] = torch.multinomial(p[now], 1, generator=generator).flatten()
        open_places = [place for place in open_places if place not in now]
    return words.decode(ids[0].tolist())


# %% [markdown]
# A pattern says what counts as a sentence here: one to three noun phrases, then a verb that agrees with the subject. It is looser than the grammar, which has at most two, and it does not look at what follows the verb. (The teaching notes have shares with the ending checked too.)

# %%
import re

one_of = lambda words: f"(?:{'|'.join(word for word in words if word)})"
noun, verb, near = one_of([*NOUNS, *NOUNS.values()]), one_of([*VERBS, *VERBS.values()]), one_of(PREPOSITIONS)
phrase = f"the (?:{one_of(ADJECTIVES)} )?({noun})"
pattern = re.compile(f"(?:{near} {phrase} )?{phrase}(?: {near} {phrase})? ({verb})( [a-z ]+)?")


def is_sentence(text):
    found = pattern.fullmatch(" ".join(text) if isinstance(text, list) else text)
    return found is not None and plural[found[2]] == (found[4] in VERBS.values())


assert all(map(is_sentence, data.train)) and not is_sentence("the cows near the dog is tired")

# %% [markdown]
# **Run.** Sixty sentences of eight words each way.

# %%
written = {}
for way in ("at once", "from the left", "surest first"):
    generator = torch.Generator().manual_seed(1)
    texts = [fill_in(model, 8, way, generator) for _ in range(60)]
    written[way] = np.mean([is_sentence(text) for text in texts])
at_once, *one_by_one = written.values()
print("sentences, at once fewer than 10 %:", at_once < 0.1)
print("one by one, either way, more than half:", min(one_by_one) > 0.5)
assert at_once < 0.1 and min(one_by_one) > 0.5

# %% [markdown]
# **Change it.** Print ten of `texts`. What is wrong with those that are no sentences?
#
# <details><summary>Answer</summary>
#
# Mostly a verb or an adjective where a noun should stand, or a verb of the wrong number: words that were drawn early, when hardly anything stood there.
#
# </details>
#
# **Trap.** *"BERT cannot generate."* It can be made to, one place at a time ([Wang and Cho, 2019](https://arxiv.org/abs/1902.04094)). But look at the price. You must say beforehand how many words. Each word needs a full pass over all places, and no cache helps (lesson 18): every new word changes every vector. And in its training most words were in sight: it was seldom asked when nearly all were hidden.
# *"BERT generates, like GPT"* is the same mistake from the other side: guesses that one pass makes at several places need not fit together.
#
# **Trap.** *"MiniLM is a BERT, so ask it for `[MASK]`."* The file has no head for words. If we use the token table as one, we get an answer all the same:

# %%
if minilm_here:
    encoded = tokenizer.encode("Paris is the capital of [MASK].")
    ids = torch.tensor([encoded.ids])
    with torch.no_grad():
        hidden = my_bert(ids, ids > 0, minilm)[0, encoded.ids.index(tokenizer.mask_id)]  # (d_model,)
    scores = minilm.embed.weight @ hidden  # (n_vocab,)
    print("the best five:", [tokenizer.tokens[i] for i in scores.topk(5).indices.tolist()])
    rank = (scores > scores[tokenizer.ids["france"]]).sum().item()
    print(f"france, among {len(tokenizer):,} tokens, comes after more than 10,000 others: {rank > 10_000}")
    assert rank > 10_000
else:
    print(no_weights)

# %% [markdown]
# **Look.** No complaint, and nonsense. Its last training was to bring sentences of a pair together and others apart. Before that, the model whose layers it has learnt by imitating the attention of a larger one. Neither asked for words, and what a model can answer is what it was trained for.
#
# | | GPT | BERT |
# |---|---|---|
# | sees | the left | both sides |
# | graded at | every token | the chosen 15 % |
# | the guesses of one pass multiply to the probability of a text | yes | no |
# | to write a word | one pass for the new token, with a cache | one pass over all places, the length fixed beforehand |
# | good for | writing | vectors of words and sentences, classes (lesson 20), gaps |
#
# **Change it.** Sixty sentences of 5 words, and of 12, in place of 8: `fill_in(model, 12, "surest first", generator)`. Which length is impossible in this grammar, and what does the model do with it?
#
# <details><summary>Answer</summary>
#
# No sentence has 12 words: the longest has 10 (`max(map(len, sentences))`). The model has no way to refuse; it fills all places.
#
# </details>

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 to 3.)
#
# <details><summary>1. A perfect reader of the left gives 40 % to the right kind of word. Would more training help?</summary>
#
# No. What it lacks stands on the right side of the gap.
#
# </details>
#
# <details><summary>2. Of 1,000 tokens, how many are chosen, masked, replaced, left alone? Where does the loss count?</summary>
#
# About 150, 120, 15, 15. At all 150, also where nothing changed.
#
# </details>
#
# <details><summary>3. Why can BERT's guesses at all masks at once, each of them perfect, make no sentence?</summary>
#
# Each place guesses without knowing what the others will say. Their product is not the probability of a text. One after the other, perfect guesses do fit: the chain rule holds in any order.
#
# </details>
#
# <details><summary>4. What do the random words teach, and what the words left alone?</summary>
#
# Doubt: a visible word that does not fit may be wrong. Trust: a visible word that fits is mostly right. Without random words more than half of the wrong words were believed. With random words and none left alone, a visible word counted for as little as with masks alone.
#
# </details>
#
# <details><summary>5. All published weights loaded strictly. Name two faults that this does not show.</summary>
#
# The number of heads, the activation, the order of norm and sum, eps, padding that is not hidden.
#
# </details>
#
# <details><summary>6. "I like this film." and "I do not like this film." are near (0.75). Is the embedding broken?</summary>
#
# No. It was trained on pairs such as question and answer, which are about the same thing, and so are these two. For another notion of similarity it needs another training.
#
# </details>
#
# <details><summary>7. From lesson 17: what makes a GPT out of encoder layers?</summary>
#
# The causal mask. BERT is what you get without it, and then the task must change too, or it copies.
#
# </details>
#
# **What stays.** The hook asked why anybody writes with a GPT. A model that sees both sides is the better reader. It can write, one word after the other. But it pays a full pass over all places for each word, with a length fixed beforehand, and it was seldom asked with nearly all hidden. The next lesson uses the reader: a few thousand labelled sentences, and MiniLM learns to tell good from bad.

# %% [markdown]
# ## Two tasks for another day (after the lesson)
#
# **Make it.** About 20 minutes. A search of your own: at least twelve texts of yours (notes, recipes, titles of songs) and six questions, each with the number of its text. No question may share a word of four letters or more with its text, so counting shared words would find none of them. The acceptance test: your questions find their texts by `embed`. Which questions did you have to give up, and why?

# %%
my_texts = ["We planted tomatoes on the balcony.", "My bicycle has a flat tyre."]  # more of your own
my_questions = {"Which vegetables grow at home?": 0}  # a question: the number of its text

# %% [markdown]
# **Run.** The acceptance test.

# %%
long_words = lambda text: set(re.findall(r"\w{4,}", text.lower()))
shared = [q for q, number in my_questions.items() if long_words(q) & long_words(my_texts[number])]
if not minilm_here:
    print(no_weights)
elif len(my_texts) < 12 or len(my_questions) < 6 or shared:
    print(f"not yet: {len(my_texts)} texts, {len(my_questions)} questions, sharing a word with their text: {shared}")
else:
    similar = embed(list(my_questions)) @ embed(my_texts).T  # (n_questions, n_texts)
    right_ones = similar.argmax(dim=1).numpy() == list(my_questions.values())
    print("passed" if right_ones.all() else f"not yet: {np.array(list(my_questions))[~right_ones]} found another text")

# %% [markdown]
# **Make it.** About 15 minutes. Write your own corruption for `learn`: hide pairs of neighbours, or only nouns, or only verbs, or half of all words. The acceptance test trains it and asks for agreement across an attractor. Guess first: what happens if verbs are never chosen?
#
# <details><summary>Answer</summary>
#
# Then agreement stays near one half: nothing ever asked for the number of a verb. In our runs so did hiding only nouns. Hiding half of all words passed, and so did hiding only the verbs. (The teaching notes have the figures.)
#
# </details>

# %%
def my_corruption(ids, rng):
    """ids (B, n), 0 is padding -> corrupted (B, n), labels (B, n), -100 where nothing is asked: replace."""
    return usual(ids, rng)


# %% [markdown]
# **Run.** The acceptance test.

# %%
trial = np.array(sentences[0])[None].repeat(200, axis=0)
mine_and_usual = (corrupt(trial, np.random.default_rng(0)) for corrupt in (my_corruption, usual))
if all(map(np.array_equal, *mine_and_usual)):
    print("not yet: this is the old corruption")
else:
    same, other = agreement(learn(my_corruption, 600)[0])
    print(f"same {same:.0%}, other {other:.0%}:", "passed" if other > 0.9 else "not yet")
