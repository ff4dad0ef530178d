# ---
# jupyter:
#   course:
#     title: Does the critic like it?
#     question: Is a Transformer better than counting words, and how would we know?
#     minutes: 81
#     short_path: 38
#     trains: true
#     needs: [02_softmax, 11_block, 13_training, 16_tokens, 19_bert]
#     objectives:
#       - build a sentence classifier in four ways, and say what each of them knows before it sees a label
#       - pool a batch with padding on paper and in code, and test that the padding changes no answer
#       - fine-tune a published model, and compare two learning rates
#       - tell a difference from luck, with a standard error and with McNemar's test by hand
#       - test a claim such as "it understands negation" on sentences built for it
#     terms: [bag of words, fine-tuning, mean pooling, low-rank update, McNemar's test]
# ---

# %%
import numpy as np
import torch
import torch.nn.functional as F

from course_lib import compare, predict, start

start("20_sentiment", torch=True)
torch.set_default_dtype(torch.float32)  # the published weights are float32

# %% [markdown]
# ## Two readers of 8,058 sentences (9 min, short path)
#
# *I … can't recommend it enough.* Did this critic like the film? People who were asked said yes, very much. The best model of this lesson says no, and is 96 % sure. Why? How good is it otherwise, and how would we know?
#
# Two readers begin with the same 8,058 sentences. One counts words, the other is a Transformer of lessons 01 to 13. Which one would you trust with the next thousand?
#
# **Run.** The next cell loads 10,072 sentences of critics, each with the mean rating of 15 to 29 people, from -4 to 4 ([Hutto and Gilbert, 2014](https://doi.org/10.1609/icwsm.v8i1.14550)).
# Ratings nearer to 0 than half a point are left out. The course keeps no sentence, so this page quotes a few short ones. On your machine, read all.

# %%
from course_lib.data.stand_ins import films_and_minilm

films, load_bert, real = films_and_minilm()  # real: False where the archives are missing
texts = lambda sentences: [s.text for s in sentences]
labels = lambda sentences: np.array([s.label for s in sentences])  # 1 positive, 0 negative
y = labels(films.test)  # (N,)
print(f"{len(films.train):,} for training, {len(films.validation):,} for choosing, {len(y):,} for the test")
assert not real or (len(films.train), len(y), round(max(y.mean(), 1 - y.mean()), 2)) == (8058, 1007, 0.52)

# %% [markdown]
# Always saying *positive* is right in 52 % of the test. The **bag of words** forgets all order but that of neighbours: it counts words and pairs of neighbouring words, weighs rare ones more, and draws one line: logistic regression. No attention, two seconds.

# %%
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def count_words(sentences, longest=2):
    """A line on the counts of words, and of pairs where `longest` is 2."""
    counts = TfidfVectorizer(ngram_range=(1, longest), sublinear_tf=True)
    return make_pipeline(counts, LogisticRegression(C=10)).fit(texts(sentences), labels(sentences))


bag = count_words(films.train)
right = {"bag of words": bag.predict(texts(films.test)) == y}  # name -> (N,) bool
print(f"bag of words: {right['bag of words'].mean():.0%} of the test sentences right")
assert not real or 0.79 < right["bag of words"].mean() < 0.81

# %% [markdown]
# Now the Transformer: two layers, `d_model` = 64, dropout, no other text than these sentences.
#
# **Predict.** How does it compare with counting?

# %%
predict("who")

# %% [markdown]
# **Run.** First the helpers. A sentence is a list of token ids with its label. Sentences of about one length share a batch (lesson 13).

# %%
from course_lib.data.batches import batches_by_length, pad
from course_lib.training import Recipe, train


def batch_of(data):
    """ids (B, n), keep (B, n) with True at real tokens, labels (B,)"""
    return *pad([ids for ids, _ in data], pad_id=0), torch.tensor([label for _, label in data])


def batches(data, B, seed=0):
    rng, lengths = np.random.default_rng(seed), [len(ids) for ids, _ in data]
    while True:
        for rows in batches_by_length(lengths, B, rng):
            yield batch_of([data[i] for i in rows])


# %% [markdown]
# The loss is cross-entropy over two classes. `positive` asks a model for the probability of *positive*, batch by batch, and puts the answers back in order.

# %%
loss = lambda model, batch: F.cross_entropy(model(batch[0], batch[1]), batch[2])


@torch.no_grad()
def positive(model, data, B=50):
    """The probability of label 1 for each sentence, (N,)."""
    order, p = np.argsort([len(ids) for ids, _ in data], kind="stable"), np.zeros(len(data))
    for at in range(0, len(data), B):
        ids, keep, _ = batch_of([data[i] for i in order[at : at + B]])
        p[order[at : at + B]] = model(ids, keep).softmax(dim=-1)[:, 1].numpy()
    return p


is_right = lambda p, y: (p > 0.5) == (y == 1)

# %% [markdown]
# The small Transformer: its own word list, BERT's form (lesson 19), three passes over the sentences, about ten seconds.

# %%
from course_lib.text import WordTokenizer
from course_lib.transformer.bert import Bert, BertForClassification
from course_lib.transformer.blocks import BlockConfig, zero_outputs

words = WordTokenizer.from_texts([t.lower() for t in texts(films.train)], ("pad", "unk"), n_vocab=8000)
as_words = lambda sentences: [(words.encode(s.text.lower())[:60], s.label) for s in sentences]
ids, keep, two = batch_of(as_words(films.train[:2]))
assert ids.shape == keep.shape == (2, keep.sum(dim=1).max()) and two.shape == (2,)  # (B, n), (B, n), (B,)
torch.manual_seed(0)
sizes = BlockConfig(d_model=64, n_heads=4, n_layers=2, d_hidden=128, bias=False, dropout=0.3)
small = BertForClassification(Bert(len(words), 60, sizes), n_classes=2, dropout=0.3)
zero_outputs(small)
steps = 3 * -(-len(films.train) // 32)
recipe = Recipe(steps, lr=1e-3, warmup=min(20, steps - 1), weight_decay=0.1)
history = train(small, batches(as_words(films.train), 32), loss, recipe, quiet=True)

# %% [markdown]
# And its test.

# %%
right["small Transformer"] = is_right(positive(small, as_words(films.test)), y)
assert small(ids, keep).shape == (2, 2)  # (B, n_classes)
share = right["small Transformer"].mean()
behind = right["bag of words"].mean() - share
print(f"{sum(p.numel() for p in small.parameters()):,} parameters; right between 70 and 77 %: {0.70 < share < 0.77}")
print(f"more than 2 points behind counting: {behind > 0.02}")
assert not real or (0.70 < share < 0.77 and behind > 0.02)
compare("who", "worse by more than 2 points")

# %% [markdown]
# **Look.** The architecture of this whole course loses to counting words. Three starts gave 73 to 75 %. Nothing is broken. What does it lack? Write your answer down: the next sections test it.
#
# **Change it.** Which words does the line of the bag lean on? Run `names = bag[0].get_feature_names_out(); print(names[bag[1].coef_[0].argsort()[-10:]])` in a new cell. Guess three of them first. And `[:10]`?
#
# <details><summary>Answer</summary>
#
# Words that praise wherever they stand, such as *funny* or *enjoyable*; at the other end *bad*, *dull*, *too*. With 8,058 sentences, a weight for each word is quickly found. The Transformer must find a *vector* for each word, and what to do with it.
#
# </details>
#
# **Short path.** 38 minutes: the four sections whose heading says *short path*, and recap questions 1 and 2. Choose *Run > Run All Cells* first.

# %% [markdown]
# ## One vector for a sentence (8 min)
#
# BERT gives a vector for each token, a classifier wants one for the sentence. **Mean pooling** (lesson 19) takes the mean over the real tokens. A linear map and a softmax follow:
#
# $$\mathbf s = \frac{\sum_i k_i \mathbf h_i}{\sum_i k_i}, \qquad \mathbf p = \operatorname{softmax}(W\mathbf s + \mathbf b), \qquad k_i = 1 \text{ at real tokens, else } 0$$
#
# **By hand.** Three places, the last is padding: $\mathbf h_0 = (2, 1)$, $\mathbf h_1 = (0, 3)$, $\mathbf h_2 = (-5, 2)$. The scores are 0 for negative and $\ln 3 \cdot s_0$ for positive.
#
# 1. leave padding out: $(2, 1) + (0, 3) = (2, 4)$
# 2. divide by the number of real tokens, 2: $\mathbf s = (1, 2)$
# 3. linear map and softmax: scores $(0, \ln 3)$, so *positive* has $\tfrac34$
#
# Who counts the padding gets $(-3, 6)/3 = (-1, 2)$, scores $(0, -\ln 3)$, and *positive* has $\tfrac14$. The answer has turned round.
#
# **Run.** The same in code.

# %%
h = torch.tensor([[[2.0, 1.0], [0.0, 3.0], [-5.0, 2.0]]])  # (B, n, d_model)
keep = torch.tensor([[True, True, False]])  # (B, n)
W = torch.tensor([[0.0, 0.0], [float(np.log(3)), 0.0]])  # (n_classes, d_model)
total = (h * keep.unsqueeze(-1)).sum(dim=1)  # 1. leave padding out (B, d_model)
s = total / keep.sum(dim=1, keepdim=True)  # 2. divide by the number of real tokens (B, d_model)
p = (s @ W.T).softmax(dim=-1)  # 3. linear map and softmax (B, n_classes)
wrong = (h.mean(dim=1) @ W.T).softmax(dim=-1)
print(f"s = {s[0].numpy()}, positive {p[0, 1]:.2f}; with padding counted {wrong[0, 1]:.2f}")
assert torch.allclose(s, torch.tensor([[1.0, 2.0]])) and torch.allclose(p[0, 1], torch.tensor(0.75))
assert torch.allclose(wrong[0, 1], torch.tensor(0.25)) and s.shape == (1, 2)

# %% [markdown]
# The same five vectors as a picture: two real tokens, one padding, and the two means.

# %%
from course_lib.palette import KEY, QUERY, QUIET, VALUE
from course_lib.plots import figure, show

fig, ax = figure(6, 3)
ax.axvline(0, color=QUIET, ls="--", lw=1)
ax.text(0.15, 3.6, "border: scores equal", color=QUIET, fontsize=9)
points = {"$h_0$": (h[0, 0], KEY, "o"), "$h_1$": (h[0, 1], KEY, "o"), "$h_2$, padding": (h[0, 2], QUIET, "x"),
          "$s$": (s[0], VALUE, "s"), "padding counted": (h.mean(dim=1)[0], QUERY, "D")}
for name, (place, color, mark) in points.items():
    ax.plot(*place, mark, color=color)
    side, ha = (8, "left") if place[0] >= 0 else (-8, "right")
    ax.annotate(name, place, xytext=(side, -4), textcoords="offset points", color=color, ha=ha, fontsize=10)
ax.set(xlim=(-7.5, 4), ylim=(0, 4), xlabel="feature 0", ylabel="feature 1")
ax.set(title="One padded place pulls the mean across the border")
show(fig, alt="A plane with the three vectors. The mean s of the two real ones, (1, 2), lies right of the border, on the positive side. With the padding at (-5, 2) counted the mean is (-1, 2), on the negative side.")

# %% [markdown]
# **Look.** $\mathbf s$ lies half-way between the two real vectors. Right of the dashed line the score for *positive* is the larger one.
#
# **Change it.** Fill in the two blanks, then run the test below it.

# %%
def with_blanks(h, keep, W):
    """h (B, n, d_model), keep (B, n), W (n_classes, d_model) -> probabilities (B, n_classes)"""
    total = h.sum(dim=1)  # 1. leave padding out: replace
    s = total / h.shape[1]  # 2. divide by the number of real tokens: replace
    return (s @ W.T).softmax(dim=-1)  # 3. linear map and softmax


# %% [markdown]
# The test: two sentences, one of them with padding.

# %%
from course_lib.transformer.bert import mean_pool

h2, keep2 = torch.cat([h, h + 1]), torch.tensor([[True, True, False], [True, True, True]])
expected = (mean_pool(h2, keep2) @ W.T).softmax(dim=-1)  # (B, n_classes)
print("with your two lines:", "right" if torch.allclose(with_blanks(h2, keep2, W), expected) else "not yet")
assert expected.shape == (2, 2)

# %% [markdown]
# <details><summary>One way to write the two lines</summary>
#
# ```python
# total = (h * keep.unsqueeze(-1)).sum(dim=1)
# s = total / keep.sum(dim=1, keepdim=True)
# ```
#
# </details>
#
# **Make it.** [The exercises](../exercises/20_sentiment.ipynb) ask for `mean_pooling` without blanks, also for a sentence without any token.

# %% [markdown]
# ## 250 labels (8 min, short path)
#
# MiniLM (lesson 19) has read text by the gigabyte. It has never seen one of our labels. (Whether it has met some of the sentences, nobody can say.) We freeze it: each sentence becomes its vector, 384 numbers, and `scikit-learn` draws a line through them, as it did for the counts.
#
# **Predict.** Only 250 labelled sentences. Counting gets 62 % with them. The line on MiniLM's vectors?

# %%
predict("few")

# %% [markdown]
# **Run.** Vectors of the test sentences and of 250 for training. The model works as it was published; only the line learns.

# %%
from course_lib.transformer.bert import sentence_embedding

minilm, pieces = load_bert()
as_pieces = lambda sentences: [(pieces.encode(s.text, max_length=60).ids, s.label) for s in sentences]


@torch.no_grad()
def vectors(data, B=50):
    """One vector of length 1 for each sentence, (N, d_model)."""
    order = np.argsort([len(ids) for ids, _ in data], kind="stable")
    groups = [batch_of([data[i] for i in order[at : at + B]]) for at in range(0, len(data), B)]
    parts = [sentence_embedding(minilm, ids, keep) for ids, keep, _ in groups]
    return torch.cat(parts).numpy()[np.argsort(order)]


# %% [markdown]
# Both lines, on the same 250 sentences.

# %%
test = as_pieces(films.test)
X = vectors(test)  # (N, d_model)
assert X.shape == (len(y), minilm.config.d_model) and np.allclose(np.linalg.norm(X, axis=1), 1, atol=1e-4)
few = films.train[:250]
line = LogisticRegression(C=10, max_iter=1000).fit(vectors(as_pieces(few)), labels(few))
right["frozen, 250"] = line.predict(X) == y
counted = count_words(few).score(texts(films.test), y)
print(f"250 sentences: counting {counted:.0%}, line on MiniLM's vectors {right['frozen, 250'].mean():.0%}")
assert not real or (0.6 < counted < 0.65 and 0.69 < right["frozen, 250"].mean() < 0.73)
compare("few", "about 71 %")

# %% [markdown]
# **Look.** Now it is MiniLM that is ahead. A film word that stands in none of the 250 sentences has a vector near words that do (lesson 01). To the bag it is a stranger.
#
# How does each grow with more sentences? That takes too long to run here, so two scripts, `20_sentiment.py` and `20_choices.py` in `sources/training`, have measured it. The one model that you do not know yet, *fine-tuned*, comes in the next section.

# %%
import json
from importlib.resources import files

from course_lib.data.films import same_text

shipped = files("course_lib") / "data/files"
about = json.loads((shipped / "20_sentiment.json").read_text(encoding="utf-8"))
choices = json.loads((shipped / "20_choices.json").read_text(encoding="utf-8"))
curve = {name: {int(n): np.mean(row["accuracy"]) for n, row in rows.items()} for name, rows in about["compared"].items()}
print(f"measured with {', '.join(map(str, curve['bag of words']))} sentences: {', '.join(curve)}")

# %% [markdown]
# The picture has a logarithmic axis: each step to the right is a multiple of labels.

# %%
paint = {"bag of words": (QUIET, "-.", -0.014), "frozen MiniLM": (KEY, "--", 0.014),
         "small Transformer": (QUERY, ":", 0), "fine-tuned MiniLM": (VALUE, "-", 0)}
fig, ax = figure(7.5, 3.6)
for name, (color, style, up) in paint.items():
    ax.plot(list(curve[name]), list(curve[name].values()), style, color=color, marker="o", ms=4)
    ax.text(8700, curve[name][8058] + up, name, color=color, fontsize=9, va="center")
ax.set(xscale="log", xlim=(220, 21000), title="Models that have read before need fewer labels")
ax.set(xlabel="labelled sentences", ylabel="share right in the test")
ax.set_xticks([250, 1000, 4000, 8058], ["250", "1,000", "4,000", "8,058"], minor=False)
ax.minorticks_off()
show(fig, alt="Share right by labelled sentences, 250 to 8,058. Small Transformer rises from a half to 74 %, bag of words from 62 to 80 %, frozen MiniLM from 71 to 80 %, fine-tuned MiniLM ends on top at 86 %.")

# %% [markdown]
# **Look.** The small Transformer is the steepest line and the lowest. With 250 sentences it only guesses. It starts from random numbers and must learn from the labels what each word means. Counting needs one number for a word, the Transformer a vector of 64, and matrices to mix them.
# Part of its slope is training time: three passes over 250 sentences are 24 steps, 20 of them warm-up. The next cell also shows what 756 steps, as many as all sentences get, make of 250 and of 1,000: more, but not more than counting.
#
# Does it lose for its shape, or for what it has not read? MiniLM has read before, and it is larger too. It has 6 layers in place of 2, `d_model` 384 in place of 64, 22.6 million parameters in place of 0.58, and other tokens. The figure does not separate these; the next section takes the reading away and keeps the size. (Whether the small one would pass the bag with ten times as many labels, the figure cannot say.)
#
# **Look** also at the frozen line: with all sentences it ends where counting ends. Its vectors were made to say what a sentence is *about* (lesson 19). A good film and a bad film are both about films. With 250 sentences the fine-tuned model lies 2 points below the frozen one. That is one run of 8 steps, and does not decide between them.
#
# **Change it.** Of how many words of the test does each training set know nothing at all? Guess for 250 sentences and for all; the next cell counts.

# %%
assert curve["small Transformer"][250] < 0.52 < 0.7 < curve["small Transformer"][8058] < 0.76
assert abs(curve["frozen MiniLM"][8058] - curve["bag of words"][8058]) < 0.01 and curve["frozen MiniLM"][250] > 0.69
for n, row in choices["small, as many steps"].items():
    low, high = min(row["accuracy"]), max(row["accuracy"])
    print(f"small Transformer, {n} sentences, 756 steps, three starts: {low:.0%} to {high:.0%} of the validation sentences")
    assert curve["small Transformer"][int(n)] < low and high < curve["bag of words"][int(n)]
words_of = lambda sentences: " ".join(map(same_text, texts(sentences))).split()  # small letters, no marks
for n in (250, len(films.train)):
    seen = set(words_of(films.train[:n]))
    strange = np.mean([word not in seen for word in words_of(films.test)])
    print(f"of the words in the test, {strange:.0%} stand in none of {n:,} training sentences")

# %% [markdown]
# ## Fine-tuning (10 min, short path)
#
# **Fine-tuning** goes on training the published weights, now on our labels ([Devlin and others, 2019](https://arxiv.org/abs/1810.04805), section 4). Three decisions of ours, meant to keep what was learnt before; a cell of this section tests them:
#
# - the new linear map starts at zero, so that the first steps do not shake the layers below;
# - the layers get a small rate (0.00008) and one pass; the new map has 0.001;
# - embeddings and the lowest layers stay as they are. No gradient has to go there, which saves time.

# %%
def new_classifier(frozen=3):
    """MiniLM with a fresh head; the embeddings and the `frozen` lowest layers will not learn."""
    bert, _ = load_bert(dropout=0.1)
    bert.requires_grad_(False)
    bert.blocks.layers[frozen:].requires_grad_(True)
    return BertForClassification(bert, n_classes=2)


# %% [markdown]
# Two rates, one for the map and one for the layers; both rise and fall with the same schedule (lesson 13).

# %%
def fine_tune(model, data, rate, B=16, seed=0):
    """One pass over the data; the history of the training."""
    layers = [p for p in model.bert.parameters() if p.requires_grad]
    groups = [{"params": model.head.parameters(), "lr": 1e-3}, {"params": layers, "lr": rate}]
    optimisers = [torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.01)]
    torch.manual_seed(seed)
    recipe = Recipe(-(-len(data) // B), warmup=min(20, len(data) // B - 1))
    return train(model, batches(data, B, seed), loss, recipe, optimisers=optimisers, quiet=True)


# %% [markdown]
# **Predict.** We fine-tune twice on the same 600 sentences: with rate 0.00008, and with 0.002. That is twice the rate of which the small Transformer made good use. What will the second one do?

# %%
predict("rate")

# %% [markdown]
# **Run.** Some ten seconds each.

# %%
some = as_pieces(films.train[:600])
taste, shaken = new_classifier(), new_classifier()
for model, rate in ((taste, 8e-5), (shaken, 2e-3)):
    fine_tune(model, some, rate)
right["fine-tuned, 600"] = is_right(positive(taste, test), y)
p_shaken = positive(shaken, test[:300])
same_side = max((p_shaken > 0.5).mean(), (p_shaken < 0.5).mean())
print(f"rate 0.00008: right in more than 72 %: {right['fine-tuned, 600'].mean() > 0.72}")
lost = is_right(p_shaken, y[:300]).mean()
print(f"rate 0.002: right in less than 60 % of 300: {lost < 0.6}; one answer for nearly all: {same_side > 0.9}")
assert not real or (right["fine-tuned, 600"].mean() > 0.72 and lost < 0.6 and same_side > 0.9)
compare("rate", "hardly better than guessing")

# %% [markdown]
# **Look.** After 38 steps with the large rate, the model says one and the same for nearly every sentence. In its answers nothing is left of what reading by the gigabyte had built. Nothing complains. (This is one start; three more come below.)
#
# **Why.** Is each of the three decisions needed? And the reading itself? `sources/training/20_choices.py` changed one at a time, with 600 sentences and three starts each. It scored them on `films.validation`, because these are choices.
#
# **Change it.** Guess the order of the six rows before you run the cell. Where do you expect no difference at all?

# %%
score = {name: np.array(row["accuracy"]) for name, row in choices["choices"].items()}  # (3,) each
for name, shares in score.items():
    seconds = choices["choices"][name]["cpu_seconds"]
    print(f"{name}: {shares.min():.0%} to {shares.max():.0%} right, {seconds:.0f} CPU s with the scoring")
here, n_lost = score["as in the lesson"], (score["rate 0.002"] < 0.55).sum()
assert (score["no layer fixed"] > here).all() and score["all six layers fixed"].max() < here.min()
assert n_lost == 2 and score["layers from random numbers"].max() < 0.55 and abs(score["map from random numbers"].mean() - here.mean()) < 0.02

# %% [markdown]
# **Look.** What MiniLM has read is what counts: its shape with random numbers only guesses. (38 steps at this rate suit published weights, not random ones.) The large rate is a gamble: two starts of three only guess, as ours did, and one got away with it. With all layers fixed only the map learns, and 38 small steps are not enough for it.
# The other decisions come off less well. A map from random numbers did as well, so the zeros are not shown to help. And to fix three layers cost accuracy in all three starts. It saves time, a fifth of it, and that is all that it does here. A good reason is not yet a measurement.
#
# On all 8,058 sentences it takes nearly three CPU minutes, so a script did it (in batches of 32, with two layers fixed). Its result comes as a small file of *changes*; the next section says how. The next cell adds them to the published weights.

# %%
from safetensors.torch import load_file

from course_lib.transformer.low_rank import add_changes

changes = load_file(shipped / "20_sentiment.safetensors")
tuned = new_classifier().eval()
if real:
    add_changes(tuned, changes)
p_tuned = positive(tuned, test)
right["fine-tuned"] = is_right(p_tuned, y)
ahead = right["fine-tuned"].mean() - right["bag of words"].mean()
print(f"fine-tuned on all: {right['fine-tuned'].mean():.0%}; ahead of counting by more than 4 points: {ahead > 0.04}")
assert not real or (0.84 < right["fine-tuned"].mean() < 0.87 and ahead > 0.04)

# %% [markdown]
# **Look.** Five points ahead of counting. The attention is that of lesson 10, the layers those of lesson 11. What has changed since the hook is the size, and where the weights come from.
# (As shipped it has 85.2 %. Before a cut that the next section explains, it had 85.6 %. The 86 % of the figure is the mean of two more starts.)
#
# **Change it.** Ask it about sentences of your own; `ask` is in the next cell. Find a sentence on which it is wrong and more than 90 % sure. It takes some people one minute.

# %%
def ask(text, model=tuned):
    """How likely the model thinks it that the sentence is positive."""
    return positive(model, [(pieces.encode(text, max_length=60).ids, 0)]).item()


for text in ("A warm film with a lovely ending.", "Two hours that I would like to have back."):
    print(f"{ask(text):.0%} positive: {text}")

# %% [markdown]
# ## Small changes (6 min)
#
# MiniLM has 22.6 million parameters, and the file of changes less than half a million. How can that be? About two thirds never learnt: the embeddings and the two lowest layers stayed as they were. That leaves 7.1 million. For each matrix of the rest the script took the change $\Delta W = W_\text{after} - W_\text{before}$ and kept its best approximation of rank $r$, from the singular value decomposition:
#
# $$\Delta W \approx L R, \qquad \Delta W: (m, n), \quad L: (m, r), \quad R: (r, n)$$
#
# A **low-rank update** needs $r(m + n)$ numbers in place of $mn$. [Hu and others (2022)](https://arxiv.org/abs/2106.09685) *train* in this form and call it LoRA; here the training was ordinary, and the cut came afterwards.
#
# **By hand.** $\Delta W = \begin{pmatrix}2 & 4\\ 1 & 2\end{pmatrix}$ has rank 1: $L = (2, 1)^\top$, $R = (1, 2)$. At $384 \times 384$ and $r = 16$: $16 \cdot 768 = 12{,}288$ numbers in place of 147,456.
#
# **Predict.** Cut to rank 1, each square matrix's change is 768 numbers. What is left of the accuracy?

# %%
predict("rank")

# %% [markdown]
# **Run.** The sizes here, and the accuracy by rank from the script's file.

# %%
by_rank = {int(r): share for r, share in about["accuracy_by_rank"].items()}
name = "bert.blocks.layers.3.self_attn.W_q.weight"
left, to_the_right = changes[name + ".left"].float(), changes[name + ".right"].float()  # (m, r), (r, n)
n_all, n_changes = sum(p.numel() for p in minilm.parameters()), sum(c.numel() for c in changes.values())
n_learnt = sum(p.numel() for p in minilm.blocks.layers[2:].parameters())  # two layers were fixed
print(f"{n_changes:,} numbers for a model of {n_all:,}, of which {n_learnt:,} learnt")
print(f"W_q of layer 3: {tuple(left.shape)} and {tuple(to_the_right.shape)}")
ranks = ", ".join(f"{r}: {share:.1%}" for r, share in by_rank.items())
print(f"share right by rank: {ranks}; uncut {about['accuracy_whole']:.1%}")
assert n_changes == about["parameters"] and (not real or (n_all, n_learnt) == (22_565_376, 7_097_856))
assert left.shape == (384, 16) and to_the_right.shape == (16, 384) and about["rank"] == 16
L, R = torch.tensor([[2.0], [1.0]]), torch.tensor([[1.0, 2.0]])
assert torch.equal(L @ R, torch.tensor([[2.0, 4.0], [1.0, 2.0]]))
assert 0.77 < by_rank[1] < 0.8 and abs(by_rank[8] - about["accuracy_whole"]) < 0.005
compare("rank", "about 78 %")

# %% [markdown]
# **Look.** Rank 1 keeps about 78 %, rank 8 all that 1,007 sentences can show: from there on the shares differ by a few sentences. Shipped is rank 16. A few directions for each matrix carry what fine-tuning did, as far as this test can tell.
# (These are shares of the test. They show what a cut costs. To choose a rank by them would break the rule of *The test set, used once*.)
#
# How far is that? The next cell measures the change against the matrix it is added to. It does the same for the two models with 600 sentences, whose changes are whole.

# %%
W_old = minilm.blocks.layers[3].self_attn.W_q.weight  # (m, n)
gentle = (left @ to_the_right).norm().item() / W_old.norm().item()  # cut to rank 16
W_q_of = lambda model: model.bert.blocks.layers[3].self_attn.W_q.weight
careful, rough = (((W_q_of(model) - W_old).norm() / W_old.norm()).item() for model in (taste, shaken))
if real:
    print(f"W_q of layer 3 moved by {gentle:.0%}, all sentences, cut to rank 16")
    print(f"600 sentences, uncut: the large rate moved it more than 10 times as far: {rough > 10 * careful}")
assert not real or (0.005 < gentle < 0.015 and careful < 0.006 and 0.06 < rough < 0.13)

# %% [markdown]
# **Look.** One hundredth of its length, after 8,058 sentences; the cut leaves some of the change out. After 600 sentences, the large rate had moved it by some 9 hundredths, the small one by less than one. Fine-tuning with a small rate stays near a place that took much reading to find.
#
# **Change it.** Which matrix of layer 3 moved most: $W_Q$, $W_V$ or the second one of the feed-forward network? Guess, then use the names `ffn.W_2` and `self_attn.W_v` above.
#
# <details><summary>Answer</summary>
#
# The feed-forward network: 1.7 %, $W_V$ 1.1 %, $W_Q$ 0.9 %. (They are changes cut to rank 16.) Of these three, $W_Q$ moved least; $W_K$ moved about as far as $W_Q$. Whether the heads look elsewhere is another question: *Where it looks* asks it.
#
# </details>

# %% [markdown]
# ## Is it real? (11 min, short path)
#
# 1,007 sentences are a sample. Another thousand would give other shares. If a model is right with probability $p$, the share strays by the standard error (lesson 15; there of a count, here of a share):
#
# $$\mathrm{se} = \sqrt{\frac{p\,(1 - p)}{N}}$$
#
# **Run.** All models so far, each give or take two standard errors.

# %%
from course_lib.metrics import standard_error

fig, ax = figure(7, 2.8)
names = sorted(right, key=lambda name: right[name].mean())
for at, name in enumerate(names):
    share = right[name].mean()
    se = standard_error(share, len(y))
    ax.errorbar(share, at, xerr=2 * se, fmt="o", color=KEY, capsize=4)
    assert not real or 0.011 < se < 0.0145
ax.set_yticks(range(len(names)), names)
ax.set(xlabel="share of 1,007 test sentences right, ± 2 standard errors")
ax.set(title="A thousand sentences leave 2 to 3 points open either way")
show(fig, alt="Five models with error bars of about 2.5 points each way: frozen with 250 sentences 71 %, small Transformer 75 %, fine-tuned with 600 and bag of words 78 and 80 %, fine-tuned on all 85 %.")
print(f"one standard error at 80 % right: {standard_error(0.8, 1007):.3f}")
assert f"{standard_error(0.8, 1007):.3f}" == "0.013"

# %% [markdown]
# Bars that do not overlap differ. Bars that overlap may differ too, because all models read *the same* sentences: what is hard for one is often hard for the other. So compare sentence by sentence.
#
# **Predict.** Counting is 5 points ahead of the small Transformer: it has some 50 more sentences right. On how many of the 1,007 does exactly one of the two get it right?

# %%
predict("one_right")

# %% [markdown]
# Sentences on which both are right, or both wrong, say nothing about which is better. **McNemar's test** ([1947](https://doi.org/10.1007/BF02295996)) looks at the others; here is its exact form. If the two were equally good, each of these would be a fair coin.
#
# **By hand.** Ten sentences: two models are both right in 1, both wrong in 1, model A alone in 1, model B alone in 7.
#
# 1. count what only one has right: $b = 1$, $c = 7$
# 2. how often do 8 fair coins give at most 1 head? $(1 + 8)/2^8 = 9/256$
# 3. it could have gone the other way too: $p = 2 \cdot 9/256 = 0.0703$
#
# So 7 to 1 looks clear, and in 7 of 100 cases equal models do that. By custom one asks for $p < 0.05$.
#
# **Run.** In code, and for our models.

# %%
from math import comb


def mcnemar(right_a, right_b):
    """(b, c, p): only a right, only b right, and how often fair coins fall at least as unevenly."""
    b, c = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())  # 1.
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)  # 2.
    return b, c, min(1.0, 2 * tail)  # 3.


# %% [markdown]
# The ten sentences of the example, and the first pair of our models.

# %%
first = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
second = np.array([1, 0, 0, 1, 1, 1, 1, 1, 1, 1], dtype=bool)
print("b, c, p:", mcnemar(first, second))
assert mcnemar(first, second) == (1, 7, 0.0703125)
b, c, p = mcnemar(right["bag of words"], right["small Transformer"])
print(f"bag and small Transformer: exactly one right in 140 to 240: {140 < b + c < 240}; p below 0.01: {p < 0.01}")
assert not real or (140 < b + c < 240 and p < 0.01)
compare("one_right", "about 190")

# %% [markdown]
# **Look.** Nearly one sentence in five, although the shares are 5 points apart. The two are good at different sentences.
#
# Now the differences that somebody might report. A bag without the pairs of words joins in.

# %%
single = count_words(films.train, longest=1)
right["single words"] = single.predict(texts(films.test)) == y
pairs = {("fine-tuned", "bag of words"): True, ("bag of words", "small Transformer"): True,
         ("bag of words", "single words"): False, ("small Transformer", "frozen, 250"): None}
for (one, other), expected in pairs.items():
    apart, (b, c, p) = right[one].mean() - right[other].mean(), mcnemar(right[one], right[other])
    print(f"{one} before {other}: {'p below 0.01' if p < 0.01 else 'p above 0.2' if p > 0.2 else 'between'}")
    assert not real or (apart > 0 and (expected is None or (p < 0.01, p > 0.2) == (expected, not expected)))
p = mcnemar(right["bag of words"], right["single words"])[2]
print(f"bag of words before single words: p between 0.3 and 0.5: {0.3 < p < 0.5}")
assert not real or 0.3 < p < 0.5

# %% [markdown]
# **Look.** Fine-tuning beats counting, and counting beats the small Transformer: both real. *Pairs of words help* is not shown: one point, and coins do as well in about 4 of 10 cases. And the small Transformer, with 8,058 sentences, before a line on 250? Nearly 4 points, and still at the border: the cell says *between*.
# A $p$ above 0.05 does not say that two models are equal. This test was too small to tell.
#
# One luck is not in it: the start of the training. Three small Transformers had 73 to 75 %. McNemar compares *these two* trained models, not two recipes.
#
# **Change it.** How many test sentences would it take for the one point between the two bags? Four times as many halve the standard error. Guess, then repeat their answers: `mcnemar(np.tile(right["bag of words"], 4), np.tile(right["single words"], 4))`, and 5, and 8 times. Why would this be cheating in a report?
#
# <details><summary>Answer</summary>
#
# About five times, some 5,000 sentences, if the shares stay. In a report it would be cheating, because copies are no new sentences: they tell what we would see *if* the difference were real, not whether it is.
#
# </details>

# %% [markdown]
# ## The test set, used once (5 min)
#
# **Trap.** *"I tried a thousand settings and report the best score on the test set."* Take a thousand models that toss a coin for every sentence. None knows anything.
#
# **Predict.** How many test sentences does the best of them get right?

# %%
predict("coins")

# %% [markdown]
# **Run.** The best on the test, and the same model on the validation sentences.

# %%
rng = np.random.default_rng(0)
tossed = rng.integers(0, 2, (1000, 1007)).astype(bool)  # (models, N)
truth = {"test": y == 1, "validation": labels(films.validation) == 1}
scores = (tossed[:, : len(y)] == truth["test"]).mean(axis=1)
best = scores.argmax()
fresh = (tossed[best, : len(films.validation)] == truth["validation"]).mean()
print(f"best of 1,000 on the test: {scores[best]:.1%}; the same one on other sentences: {fresh:.1%}")
bests = rng.binomial(1007, 0.5, (400, 1000)).max(axis=1) / 1007  # the best of 400 more thousands
print(f"the best of a thousand has on average {bests.mean():.0%}")
assert 0.548 < bests.mean() < 0.554 and (not real or 0.05 < (bests <= scores[best]).mean() < 0.15)
assert not real or (0.54 < scores[best] < 0.55 and 0.49 < fresh < 0.51)
print(f"the bag of words on its own training sentences: {bag.score(texts(films.train), labels(films.train)):.0%}")
compare("coins", "about 55 %")

# %% [markdown]
# **Look.** Four points out of nothing, and this draw is a low one: about one in ten is as low. On average it is five points, nearly as much as fine-tuning gained over counting. Choosing belongs to the *validation* sentences; the test is opened once, at the end. (This course has broken the rule a little: its authors saw test scores while they wrote the recipes, and the shares by rank are test scores. A few looks, not a thousand.)
#
# The last line is the other way to fool oneself: test sentences that were trained on. 100 % says little where there are more weights than sentences. A collection may hold a sentence twice, so the loader keeps copies in one part. The next cell looks whether it did.

# %%
known = {same_text(text) for text in texts(films.train)}
both = sum(same_text(text) in known for text in texts(films.test) + texts(films.validation))
print("sentences of test and validation that stand in the training part:", both)
assert both == 0

# %% [markdown]
# ## Sentences built for a question (10 min)
#
# Which sentences does the best model get wrong? First by how strong the people's own rating was, from barely positive or negative to strong.

# %%
strength, edges = np.array([abs(s.rating) for s in films.test]), [(0.5, 1), (1, 1.5), (1.5, 2), (2, 2.5), (2.5, 4.1)]
groups = [(strength >= low) & (strength < high) for low, high in edges]
share_in = lambda name: [right[name][group].mean() if group.any() else 0 for group in groups]
shares = {name: share_in(name) for name in ("fine-tuned", "bag of words")}
fig, ax = figure(7, 3)
for name, style, color, up in (("fine-tuned", "-", VALUE, 0.035), ("bag of words", "-.", QUIET, -0.045)):
    ax.plot(range(5), shares[name], style, color=color, marker="o")
    ax.text(3, shares[name][3] + up, name, color=color, fontsize=9, ha="center")
ticks = [f"{low} to {min(high, 4)}\n{group.sum()} sentences" for (low, high), group in zip(edges, groups, strict=True)]
ax.set_xticks(range(5), ticks)
ax.set(ylabel="share right", xlabel="distance of the mean rating from 0", ylim=(0.5, 1))
ax.set(title="Models err more where the mean rating is near 0")
show(fig, alt="Share right by strength of the rating: fine-tuned rises from 61 % to 95 %, bag of words from 62 % to 91 %.")
assert not real or (shares["fine-tuned"][0] < 0.7 and shares["fine-tuned"][4] > 0.92)

# %% [markdown]
# **Look.** Many errors are sentences with a mean rating near 0. There people were lukewarm, or they disagreed: a mean does not tell which. Now some errors of which it was sure: wrong, by more than 80 %, and at most eight words long.

# %%
sure = np.abs(p_tuned - 0.5) > 0.3
for i in np.flatnonzero(~right["fine-tuned"] & sure):
    if len(films.test[i].text.split()) <= 8:
        print(f"{p_tuned[i]:.0%} positive, rated {films.test[i].rating:+.1f}: {films.test[i].text}")
for text in ("I can recommend it.", "I can't recommend it.", "I can't recommend it enough."):
    print(f"{'praise' if ask(text) > 0.5 else 'blame'}: {text}")
the_first = [p_tuned[i] for i, s in enumerate(films.test) if "recommend it enough" in s.text]
assert not real or (0.03 < min(the_first) < 0.05 and ask("I can recommend it.") > 0.5 > ask(text))

# %% [markdown]
# **Change it.** Read more of them: leave out the limit of eight words. Sort them under *mixed*, *negation*, *comparison*, *I cannot say why*. Which heap is largest? (Keep them on your machine.)
#
# There is the sentence of the start, and the cell has taken it apart. With *can* the praise is found, *can't* turns it round, and *enough* does not turn it back. What does the model make of *not*? Reading errors suggests a question; sentences *built* for it answer. Five words of praise, five of blame, with and without *not*.
#
# **Predict.** The best model, on *The film is not boring.*:

# %%
predict("boring")

# %% [markdown]
# **Run.** Three models on the same pairs. The single words see *not* and *good* apart; the bag of words also has a count for the pair *not good*, if it was ever seen.

# %%
praise, blame = "good great funny charming brilliant".split(), "bad boring dull awful terrible".split()
plain = [f"The film is {word}." for word in praise + blame]
negated = [f"The film is not {word}." for word in praise + blame]
asked = {"single words": lambda t: single.predict_proba(t)[:, 1], "bag of words": lambda t: bag.predict_proba(t)[:, 1],
         "fine-tuned": lambda t: np.array([ask(text) for text in t])}
turned = {}
for name, answer in asked.items():
    before, after = answer(plain) > 0.5, answer(negated) > 0.5  # (10,) each
    turned[name] = (before[:5] & ~after[:5]).sum(), (~before[5:] & after[5:]).sum()
    print(f"{name}: turned round by 'not': {turned[name][0]} of 5 praises, {turned[name][1]} of 5 blames")
assert not real or turned == {"single words": (0, 0), "bag of words": (0, 0), "fine-tuned": (5, 0)}
compare("boring", "negative, more than 90 % sure")

# %% [markdown]
# How positive does the fine-tuned model find each of the ten, without and with *not*?

# %%
p_plain, p_not = (asked["fine-tuned"](sentences) for sentences in (plain, negated))  # (10,) each
for word, without, with_not in zip(praise + blame, p_plain, p_not, strict=True):
    print(f"{word} {without:.0%}, not {word} {with_not:.0%}")
assert not real or (p_not[6] < 0.1 and (p_not[5:] > p_plain[5:]).all() and p_not[6:].max() < 0.05)

# %% [markdown]
# **Trap.** *"It turns* not good *round, so it understands negation."* It turns all five praises round, which counting did not. With *not* every blame becomes a little less negative (*bad* 1 % positive, *not bad* 33 %), but none crosses one half. The other four stay below 5 %: *not* turns praise round and hardly moves blame. A test with *not good* alone would have called that understanding.
#
# **Why.** The next cell counts what the training sentences say.

# %%
import re

with_not = [s for s in films.train if re.search(r"\bnot\b|n't\b", s.text.lower())]
turned_blame = [s for s in with_not if re.search(rf"(not|n't) (a )?({'|'.join(blame)})\b", s.text.lower())]
share = np.mean([s.label for s in with_not]) if with_not else 0
print(f"{len(with_not):,} of {len(films.train):,} training sentences hold not or n't; {share:.0%} of these are positive")
print(f"all sentences: {labels(films.train).mean():.0%} positive")
print(f"{len(turned_blame)} of them negate one of the five blames; positive: {sum(s.label for s in turned_blame)}")
assert not real or (share < 0.42 and len(turned_blame) == 11 and sum(s.label for s in turned_blame) == 2)

# %% [markdown]
# **Look.** With *not*, sentences are positive less often: 40 % in place of 49. And the praise *not bad* hardly occurs: 11 sentences negate a blame, and only 2 of those are positive. So these sentences hardly ever ask the model to turn blame round. A training set teaches whatever is enough for it (lesson 12). And *sarcasm*? No sentence here is marked as sarcastic. Who has no labels for it cannot say how well a model does it.
#
# **Change it.** Does *never* do what *not* does? And *far from*, and *anything but*? Build the lists as above, and guess first.
#
# <details><summary>Answer</summary>
#
# *never*: five praises turned round, no blame. *far from*: four praises, no blame. *anything but*: nothing at all, the film that is *anything but funny* is still found funny. So what it does with *not* does not carry over to all that negates.
#
# </details>

# %% [markdown]
# ## Padding again (6 min)
#
# Back to the padding. Somebody writes `h.mean(dim=1)` in place of `mean_pool(h, keep)`. The masks in the layers are right. One sentence at a time, all is well: there is no padding. In service, requests are put into batches.
#
# **Predict.** 200 short sentences, right pooling, then the wrong one in batches with a sentence of 60 tokens. How many answers change?

# %%
predict("neighbour")

# %% [markdown]
# **Run.** The same model, the same sentences, filled up to 60 places. `good` pools right, `bad` counts padding.

# %%
short = [item for item in test if len(item[0]) <= 20][:200]
ids, keep, _ = batch_of(short)  # (B, n)
more = 60 - ids.shape[1]
ids, keep = F.pad(ids, (0, more)), F.pad(keep, (0, more))  # (B, 60): a long neighbour
with torch.no_grad():
    h = tuned.bert(ids, keep)  # (B, n, d_model)
    good, bad = (tuned.head(pooled).argmax(dim=-1) for pooled in (mean_pool(h, keep), h.mean(dim=1)))
alone = positive(tuned, short, B=1) > 0.5
assert h.shape == (len(short), 60, minilm.config.d_model)

# %% [markdown]
# How many answers differ from those that each sentence gets alone?

# %%
print(f"right pooling: changed by the neighbour {(good.numpy() != alone).sum()} of {len(short)}")
changed, labels_short = (bad.numpy() != alone).sum(), np.array([label for _, label in short])
print(f"padding counted: changed in 5 to 20 of {len(short)}: {5 <= changed <= 20}")
loss_of_accuracy = (good.numpy() == labels_short).mean() - (bad.numpy() == labels_short).mean()
print(f"accuracy apart by less than 2.5 points: {abs(loss_of_accuracy) < 0.025}")
assert not real or (5 <= changed <= 20 and abs(loss_of_accuracy) < 0.025 and (good.numpy() == alone).all())
compare("neighbour", "about 12")

# %% [markdown]
# **Look.** About 12 of 200 people get another answer, because of what somebody else has sent. And with 60 places accuracy hardly moves: about as many answers turn right as turn wrong. So a test of accuracy can miss it. A test that sees it asks the same sentence twice, alone and in company.
#
# **Change it.** Set `more` so that the batch has 20, 40 and 120 places. From which length on does it begin to matter? Guess first. And what if the *layers* may see the padding too, `tuned.bert(ids, torch.ones_like(keep))`?
#
# <details><summary>Answer</summary>
#
# We saw 2 of 200 changed with 20 places, 10 with 40, 12 with 60, 18 with 120; by then accuracy falls by 2 points. If the layers see the padding too, about 16 change at 60 places: then the tokens themselves are mixed with what is no word.
#
# </details>
#
# **Make it.** The hunt in [the exercises](../exercises/20_sentiment.ipynb) has a pooling that passes this test, too.

# %% [markdown]
# ## Where it looks (5 min)
#
# Did fine-tuning change where the heads look? `maps` gives the weights of all layers and heads for a sentence.

# %%
@torch.no_grad()
def maps(bert, text):
    """The pieces, and the weights (n_layers, n_heads, n, n)."""
    encoding = pieces.encode(text)
    ids = torch.tensor([encoding.ids])  # (B, n)
    _, weights = bert(ids, torch.ones_like(ids, dtype=torch.bool), return_weights=True)
    return encoding.tokens, torch.stack([layer[0] for layer in weights]).numpy()


tokens, after = maps(tuned.bert, "The film is not boring.")
_, before = maps(minilm, "The film is not boring.")
moved = 0.5 * np.abs(after - before).sum(axis=-1).mean(axis=(1, 2))  # (n_layers,): share of weight that moved
print("share of the weight that moved, layer by layer:", moved.round(2))
assert after.shape == (6, 12, 8, 8) and (not real or (moved[:2].max() < 1e-6 and 0.15 < moved[4:].min() < 0.3))

# %% [markdown]
# **Look.** Nothing in the two layers that the script kept fixed; about a fifth in the last two. This is one sentence of 8 tokens, so an example. Other sentences may give other shares.
#
# **Change it.** The explorer holds the last layer twice: layer 1 as it was published, layer 2 after fine-tuning. Choose the query *not*, go through the heads of layer 2, and compare each with the same head of layer 1. *Which head looks hardest from* not *to* boring*? Did fine-tuning do that? Was the answer right?*
#
# <details><summary>Answer</summary>
#
# Head 10 (counted from 0: head 9), with more than 0.9. As published it had 0.75, and head 5 looked hardest, with 0.87. So fine-tuning sharpened a look that was there. It looks at the right word, and the answer is wrong: negative, and sure. Where a head looks does not say what is made of it; lesson 26 asks what weights can explain.
#
# </details>

# %%
from course_lib.explorers import attention_explorer

at_not, at_boring = tokens.index("not"), tokens.index("boring")
from_not = after[5, :, at_not, at_boring]  # (n_heads,)
both = np.stack([before[5], after[5]])  # (2, n_heads, n, n): published, fine-tuned
as_published = before[5, :, at_not, at_boring]
assert not real or (from_not.argmax() == 9 and from_not[9] > 0.9 and round(float(as_published[9]), 2) == 0.75)
assert not real or (as_published.argmax() == 4 and round(float(as_published[4]), 2) == 0.87)
attention_explorer(tokens, weights=both, layer=1, head=0, query=at_not, predict=False)

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 1 and 2.)
#
# <details><summary>1. Why did the small Transformer lose to counting, and why did MiniLM win?</summary>
#
# It started from random numbers and had 8,058 sentences to learn what words mean. Counting needs one number for a word. MiniLM had read before it saw a label; the same attention was in both. It is larger, too. But with 600 sentences its shape alone, from random numbers, only guessed.
#
# </details>
#
# <details><summary>2. Of 1,007 sentences, model A alone is right on 71, model B alone on 125. What do you do with the other 811?</summary>
#
# Leave them out: they say nothing about which is better. If both were equally good, 196 coins would have to fall 71 to 125; that happens in fewer than 1 of 1,000 cases.
#
# </details>
#
# <details><summary>3. It turns <em>good</em> into <em>not good</em> correctly, five times of five. Does it understand negation?</summary>
#
# Not shown. It may take *not* for a bad sign beside praise. Build the other direction, *not boring*: all five became a little less negative, none was turned round.
#
# </details>
#
# <details><summary>4. What does a mean that counts padding change, and which test sees it?</summary>
#
# The answer depends on the longest sentence of the batch. Accuracy may stay the same. Ask the same sentence alone and in a batch.
#
# </details>
#
# <details><summary>5. Why is the best of a thousand test scores no estimate of anything?</summary>
#
# The best of a thousand coins has about 55 % of 1,007. Whoever chooses on the test measures the luck of the choice too. Choose on validation, test once.
#
# </details>
#
# <details><summary>6. A matrix of 384 × 384 is cut to rank 16. How many numbers are stored?</summary>
#
# 16 · (384 + 384) = 12,288, a twelfth of 147,456.
#
# </details>
#
# <details><summary>7. (Lesson 02) The scores are 0 and ln 3. What does softmax make of them, and what of -ln 3?</summary>
#
# 1/4 and 3/4; with -ln 3 the weights change places.
#
# </details>
#
# **Back to the hook.** From random numbers and 8,058 labels, no Transformer that we tried beat counting words. One that had read before did, and McNemar's test says that this is hardly the luck of the sentences. And 85 % is no understanding. It finds *not boring* boring, and takes *can't recommend it enough* for blame: on what we built, *not* turns praise round and leaves blame as it was.

# %% [markdown]
# ## Make it: other things than films (after the lesson)
#
# **Make it.** The archive also holds sentences about cameras, players and other devices, rated in the same way ([Hu and Liu, 2004](https://doi.org/10.1145/1014052.1014073), collected them). 1,199 are for training, 300 for choosing, 1,486 for the test. Are they positive?
# Beat two rivals: counting, which learns from the 1,199, and our film model as it is. Use the sentences about devices, those about films, or both; fine-tune, or draw a line on vectors. Choose between your attempts on `products.validation`. Then run the test below, once. It asks for more right answers than either rival, with $p < 0.05$.

# %%
from course_lib.data.films import load_products

products = load_products() if real else films
y_new = labels(products.test)  # (N,)
rivals = {"counting": lambda: count_words(products.train).predict(texts(products.test)),
          "the film model": lambda: positive(tuned, as_pieces(products.test)) > 0.5}

# %% [markdown]
# The test of your answers, rival by rival.

# %%
def accept(answers):
    """Says whether these answers for products.test, (N,) of 0 and 1, beat both rivals by more than luck."""
    ours = np.asarray(answers) == y_new
    for name, answer in rivals.items():
        theirs = answer() == y_new
        if ours.mean() <= theirs.mean() or mcnemar(ours, theirs)[2] >= 0.05:
            return f"not yet: {ours.mean():.0%} right, {name} has {theirs.mean():.0%}"
    return "passed"


# %% [markdown]
# The test on an attempt that cannot pass: the words of the film sentences, counted.

# %%
print(accept(bag.predict(texts(products.test))))
assert not real or round(max(y_new.mean(), 1 - y_new.mean()), 2) == 0.58
print(f"always positive: {y_new.mean():.0%}; the film model, by the script: {choices['products']['fine-tuned on films, as shipped']:.0%}")

# %% [markdown]
# **Look.** What the film sentences say of words carries over badly for counting, and better for the model that had read before. The test can be passed.
#
# <details><summary>What we saw</summary>
#
# A line on the published vectors has 80 % and does not pass: too little ahead of the film model. A line on the vectors of the film model has 85 % and passes. Fine-tuning is yours to try.
#
# </details>

