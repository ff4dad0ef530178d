# ---
# jupyter:
#   course:
#     title: Tokens
#     question: What does a model read when we hand it a text?
#     minutes: 61
#     short_path: 27
#     needs: [00_start, 01_dot_products, 02_softmax, 03_attention, 04_masks, 05_gradients]
#     objectives:
#       - say what characters, words and byte pairs cost in length, in vocabulary and in unknown words
#       - learn byte pairs from four words on paper, and cut a new word with them
#       - write the learning and the cutting in code, and hold both against the course library
#       - cut a word in two ways that both seem natural, and say which of them a tokenizer follows
#       - explain what a model inherits from its tokenizer in spelling, numbers, spaces and other languages
#     terms: [tokenizer, vocabulary, unknown token, byte-pair encoding, rank of a merge]
# ---

# %%
from course_lib import compare, predict, start
from course_lib.data.lesson_text import load_lesson_text

start("16_tokens")

# %% [markdown]
# ## Headache, once more (4 min, short path)
#
# In lesson 05 two tables learnt to say *headache* backwards, letter by letter. Language models read something else: pieces of text, each with a number.
# The program that cuts the text and hands out the numbers is a **tokenizer**. Its pieces are the tokens.
#
# The cell after the guess makes one from the text of lessons 00 to 04, as they stood when this lesson was written. (The text is frozen in a file: counts stay the same when a lesson changes.) Then it cuts *headache* and puts the tokens in reverse order.
#
# **Predict.** What will it say?

# %%
predict("backwards")

# %% [markdown]
# **Run.** The tokenizer is of the kind that GPT-2 uses, with 1,385 tokens. You will build it yourself below.

# %%
from course_lib.text import BytePairTokenizer

text = load_lesson_text()
tokenizer = BytePairTokenizer.train(text.train, n_vocab=1385)


def pieces(text, tokenizer=tokenizer):
    """The tokens of a text, as strings."""
    return [tokenizer.decode([i]) for i in tokenizer.encode(text)]


ids = tokenizer.encode("headache")  # (n,)
print("tokens:", pieces("headache"), " ids:", ids)
print("backwards:", tokenizer.decode(ids[::-1]))
assert len(ids) == 3 and pieces("headache") == ["head", "a", "che"]

# %% [markdown]
# The next cell answers your guess.

# %%
compare("backwards", tokenizer.decode(ids[::-1]))

# %% [markdown]
# **Look.** Three tokens for eight letters, and the letters inside a token keep their order. A model is handed the three ids alone.
# With each id it picks a row of its *embedding table*, which has one row for each token (`nn.Embedding` in lesson 06). The next cell does so with a table of random numbers.

# %%
import numpy as np

table = np.random.default_rng(0).normal(size=(len(tokenizer), 2))  # (n_vocab, d_model), here d_model = 2
x = table[ids]  # (n, d_model)
print(x.round(2))
assert np.shape(ids) == (3,) and table.shape == (1385, 2) and x.shape == (3, 2)

# %% [markdown]
# **Look.** Three rows are all that the layers get. No id says that its token has four letters, or which. What the rows hold must be learnt.
# Why would anybody read so? And who decided that *headache* is *head*, *a*, *che*? The lesson answers both.
#
# **Short path.** 27 minutes: the four sections whose heading says *short path*, and recap questions 2 and 3.
# Choose *Run > Run All Cells* first, because later cells use the names of earlier ones.

# %% [markdown]
# ## Words run out (6 min, short path)
#
# The plainest tokens are characters. The next plainest are words: give each word of the training text a number. The set of all tokens with their numbers is the **vocabulary**.
#
# Words are short sequences, and each of them means something. But the vocabulary is closed on the day it is made. Whatever comes later and is not in it becomes one and the same **unknown token**, `<unk>`.
#
# We take all words of lessons 00 to 04, then read lesson 05. It has the same author and the same subject. Does it use the same words?
#
# **Predict.** What share of the words of lesson 05 is unknown?

# %%
predict("unknown")

# %% [markdown]
# **Run.** `split_words` cuts off words and punctuation marks; both count as words here.

# %%
from collections import Counter

from course_lib.text import CharacterTokenizer, WordTokenizer, split_words

counts = Counter(split_words(text.train))
words = split_words(text.held_out)
unknown = [word for word in words if word not in counts]
share = len(unknown) / len(words)
of_different = len(set(unknown)) / len(set(words))
print(f"{len(counts):,} different words known; of {len(words):,} words in lesson 05 unknown: {share:.1%}")
print(f"of its different words: {of_different:.1%}, such as", sorted(set(unknown), key=words.index)[:9])
assert len(counts) == 1384 and 0.06 < share < 0.075 and 0.19 < of_different < 0.21

# %% [markdown]
# The next cell answers your guess, and shows what a model would read of a sentence.

# %%
compare("unknown", "about 1 in 15" if 0.05 < share < 0.09 else "about 1 in 3")
by_word = WordTokenizer.from_texts(text.train, specials=("unk",))
sentence = "The model starts with a headache and improves."
print(by_word.decode(by_word.encode(sentence)))
assert by_word.decode(by_word.encode(sentence)).count("<unk>") == 3 and len(by_word) == 1385
assert "start" in counts and "starts" not in counts and "headache" not in counts

# %% [markdown]
# **Look.** *start* is known and *starts* is not. Even with both in a word vocabulary, their two ids would have no more in common than those of *start* and *moon*. That they belong together, a model must learn from the data.
# And what is lost is what the sentence was about.
#
# Would a larger vocabulary of words help? The next cell counts how often the known words were seen.

# %%
for most in (1, 2, 5):
    rare = sum(times <= most for times in counts.values())
    print(f"seen at most {most} times: {rare:4} of {len(counts):,} words")
assert sum(times == 1 for times in counts.values()) == 560

# %% [markdown]
# **Look.** 560 of the 1,384 words were seen once. Each has a row of its own in the embedding table of shape (n_vocab, d_model). In one pass over the text, such a row is read once. The words that a larger vocabulary would add were not seen here at all.
#
# Characters are few, and each is seen often. But a text has many more of them. Every pair of tokens gets an attention weight, so the map has $n^2$ entries. The next cell counts for lesson 05.

# %%
by_character = CharacterTokenizer.from_texts(text.train, specials=("unk",))
n_characters, n_words = len(text.held_out), len(words)
print(f"characters: vocabulary {len(by_character):5,}, n = {n_characters:,}, map of n x n = {n_characters**2:,}")
print(f"words:      vocabulary {len(by_word):5,}, n = {n_words:,}, map of n x n = {n_words**2:,}")
print(f"the map of the characters is {n_characters**2 / n_words**2:.0f} times as large")
assert (len(by_character), n_characters, n_words) == (83, 9098, 2227)
assert round(n_characters**2 / n_words**2) == 17

# %% [markdown]
# **Look.** So we want something between: frequent words in one piece, rare words from a few pieces, and nothing unknown.
#
# **Change it.** In the cell with the sentence write one of your own. Can you write one of at least six words, with nothing unknown, that has nothing to do with this course?
#
# <details><summary>Answer</summary>
#
# It takes some tries. *The small book is on the table* comes out whole (the words are from our toy texts). *The dog sleeps under the old tree* does not.
#
# </details>

# %% [markdown]
# ## Merges on paper (10 min, short path)
#
# **Byte-pair encoding** starts with single letters and grows. It was first a way to compress files: replace the most frequent pair of bytes by a byte that is not in use, and repeat (Gage, *A new algorithm for data compression*, The C Users Journal 12(2), 1994).
# [Sennrich, Haddow and Birch (2016)](https://arxiv.org/abs/1508.07909), section 3.2, made it a tokenizer for translation. Pairs are merged inside of words, never across the border of two words.
#
# **By hand.** Our text has four words: *sea* 5 times, *deal* 4 times, *seal* 3 times, *dear* twice. Each merge takes four steps.
#
# **1. count** the pairs of neighbours. A word that occurs five times gives each of its pairs five times.
#
# | pair | in | count |
# |---|---|---|
# | e a | sea 5, deal 4, seal 3, dear 2 | 14 |
# | s e | sea 5, seal 3 | 8 |
# | a l | deal 4, seal 3 | 7 |
# | d e | deal 4, dear 2 | 6 |
# | a r | dear 2 | 2 |
#
# In symbols: let the word $w$ occur $t_w$ times (`times` in the code) and hold the pair $p$ in $N_w(p)$ places. Then
#
# $$\text{count}(p) = \sum_w t_w \, N_w(p), \qquad \text{count}(\text{e a}) = 5 \cdot 1 + 4 \cdot 1 + 3 \cdot 1 + 2 \cdot 1 = 14.$$
#
# **2. choose** the pair with the largest count: e a.
#
# **3. merge** it wherever it stands: `s ea`, `d ea l`, `s ea l`, `d ea r`.
#
# **4. write down** the pair at the end of the list of merges. Its place in the list is its *rank*: the first has rank 0. Then begin again with step 1.
#
# **Predict.** Which pair is next?

# %%
predict("second")

# %% [markdown]
# **Run.** The sum for *e a* as in the formula, then the counts before and after the first merge. They come from two small functions of the library, which are printed further down.

# %%
from itertools import pairwise

from course_lib.text import count_pairs, merge_pair

sea_text = {tuple("sea"): 5, tuple("deal"): 4, tuple("seal"): 3, tuple("dear"): 2}
e_a = sum(times * list(pairwise(word)).count(("e", "a")) for word, times in sea_text.items())  # sum of t_w N_w(p)
before = count_pairs(sea_text)
once = {tuple(merge_pair(word, ("e", "a"), "ea")): times for word, times in sea_text.items()}
after = count_pairs(once)
print("count(e a):", e_a, "\nbefore:", before.most_common(), "\nafter: ", after.most_common())
assert e_a == before["e", "a"] and before == {("e", "a"): 14, ("s", "e"): 8, ("a", "l"): 7, ("d", "e"): 6, ("a", "r"): 2}
assert after == {("s", "ea"): 8, ("ea", "l"): 7, ("d", "ea"): 6, ("ea", "r"): 2}
compare("second", " and ".join(max(after, key=after.get)))

# %% [markdown]
# **Look.** *s e* is gone: each of these e's now belongs to *ea*. So the counts must be made anew after every merge.
#
# **By hand.** Go on for three more merges before you unfold. Which are they, with which counts?
#
# <details><summary>Answer</summary>
#
# *s ea* (8) makes *sea*. Now *ea l* comes 4 times only, in *deal*; in *seal* it has become *sea l* (3). So *d ea* (6) is next and makes *dea*. Then *dea l* (4) makes *deal*. (A fifth would be *sea l* with 3.)
#
# </details>
#
# The next cell draws the four words, one merge after the other.

# %%
from matplotlib.patches import Rectangle

from course_lib.palette import INK, KEY, PAPER, QUERY, QUIET, VALUE
from course_lib.plots import figure, show


def draw_tokens(ax, tokens, x, y, width=0.55):
    """Tokens as boxes side by side, each letter of the same width."""
    for token in tokens:
        size = width * len(token)
        grown = {"facecolor": "#CFE3F1", "edgecolor": KEY} if len(token) > 1 else {"facecolor": PAPER, "edgecolor": QUIET}
        ax.add_patch(Rectangle((x + 0.03, y - 0.3), size - 0.06, 0.6, **grown))
        ax.text(x + size / 2, y, token, ha="center", va="center", color=INK, fontsize=10)
        x += size


# %% [markdown]
# Each row below is one step, from letters at the top to five merges at the bottom.

# %%
paper_merges = [("e", "a"), ("s", "ea"), ("d", "ea"), ("dea", "l"), ("sea", "l")]
rows = [sea_text]
for pair in paper_merges:
    rows.append({tuple(merge_pair(word, pair, "".join(pair))): times for word, times in rows[-1].items()})
fig, ax = figure(7.5, 3)
for y, row in enumerate(rows):
    label = "letters" if y == 0 else f"{y}. {' + '.join(paper_merges[y - 1])}"
    ax.text(-0.3, -y, label, ha="right", va="center", fontsize=9, color=INK)
    for column, word in enumerate(row):
        draw_tokens(ax, word, 2.7 * column, -y)
for column, (word, times) in enumerate(sea_text.items()):
    ax.text(2.7 * column, 0.75, f"{''.join(word)}, {times} times", fontsize=9, color=QUERY, va="center")
ax.set(xlim=(-2.2, 10.6), ylim=(-5.6, 1.1), title="Five merges: frequent words become one token, rare ones stay in pieces")
ax.axis("off")
show(fig, alt="Four words as rows of boxes. After five merges sea, deal and seal are one box each; dear is dea and r.")

# %% [markdown]
# **Look.** After five merges *sea*, *deal* and *seal* are whole, and *dear*, the rarest, is *dea* and *r*. Each merge added one token to the vocabulary, and the merged words became shorter.
# Letters stay in the vocabulary: six letters and five merges make eleven tokens.
#
# Now a new word comes: *dealer*. It is cut into letters, and the merges are applied.
#
# **Predict.** What are its tokens?

# %%
predict("dealer")

# %% [markdown]
# **Run.** The library cuts three words that were not in the text.

# %%
from course_lib.text import bpe_encode

for word in ("dealer", "seas", "lead"):
    print(f"{word}: {bpe_encode(word, paper_merges)}")
assert bpe_encode("seas", paper_merges) == ["sea", "s"] and bpe_encode("lead", paper_merges) == ["l", "ea", "d"]
assert len(set("seadealsealdear")) + len(paper_merges) == 11
compare("dealer", ", ".join(bpe_encode("dealer", paper_merges)))

# %% [markdown]
# **Trap.** *Tokens are words, word stems or syllables.* Sometimes they look like it: *sea*, *s*. But *dea* is no syllable of *dear* and no part of its meaning. It is what often stood side by side, and the merges asked for nothing else.
#
# **Change it.** Make *dear* the most frequent word: 20 in place of 2, in `sea_text`. What is the second merge now? Count on paper, then run the cell with the two counts. (Its asserts will complain; put 2 back.)
#
# <details><summary>Answer</summary>
#
# *e a* 32 times, then *d ea* with 24 (4 + 20), before *ea r* with 20 and *s ea* with 8.
#
# </details>

# %% [markdown]
# ## The same in code (7 min)
#
# Steps 1 and 2 are a count and a choice. For equal counts a rule must decide, so that everybody learns the same list. Any fixed rule will do. The loop below and the exercises take the pair that comes first in the alphabet.
#
# Step 3 has two traps. The next cell has a blank for each; as it stands it is wrong.

# %%
def merge_with_blanks(tokens, pair):
    """3. merge: every occurrence of the pair, from the left."""
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            merged.append(pair[0])  # blank 1: which token is written?
            i += 1  # blank 2: where does the search go on?
        else:
            merged.append(tokens[i])
            i += 1
    return merged


# %% [markdown]
# **Change it.** Fill both blanks, run that cell, then this test.

# %%
for word, pair, wanted in (("banana", ("a", "n"), ["b", "an", "an", "a"]), ("baaad", ("a", "a"), ["b", "aa", "a", "d"])):
    got = merge_with_blanks(list(word), pair)
    print(f"{word} with {pair}: {'right' if got == wanted else f'not yet, {got}'}")
    assert merge_pair(list(word), pair, "".join(pair)) == wanted

# %% [markdown]
# <details><summary>Answer</summary>
#
# Blank 1: `pair[0] + pair[1]`. Blank 2: `i += 2`, behind both. In `a a a` the left two are merged, and the third is left over.
#
# </details>
#
# The next cell puts the four steps in a loop.

# %%
def learn(words, n_merges):
    """The merges, in order, from words {tuple of tokens: how often it occurs}."""
    merges = []
    for _ in range(n_merges):
        pairs = count_pairs(words)  # 1. count
        pair = min(pairs, key=lambda pair: (-pairs[pair], pair))  # 2. choose
        words = {tuple(merge_pair(word, pair, pair[0] + pair[1])): times for word, times in words.items()}  # 3. merge
        merges.append(pair)  # 4. write down
    return merges


# %% [markdown]
# **Run.** It must learn what we learnt on paper. The library's `counted_merges` must too; it works on bytes, which come below, and says each count.

# %%
import inspect

from course_lib.text import counted_merges

learnt = learn(sea_text, 5)
by_library = counted_merges({"".join(word).encode(): times for word, times in sea_text.items()}, 256 + 5)
assert learnt == paper_merges == [(left.decode(), right.decode()) for left, right in by_library]
print("paper, loop and library agree:", learnt, "\nwith the counts", list(by_library.values()), "\n")
assert list(by_library.values()) == [14, 8, 6, 4, 3]
assert count_pairs(rows[2])["ea", "l"] == 4 and count_pairs(rows[2])["sea", "l"] == 3  # after two merges
for function in (count_pairs, merge_pair):
    print(inspect.getsource(function).split('"""')[2].strip("\n"), "\n")

# %% [markdown]
# **Look.** These are the two functions that did the work above. Our text of four words had no tie, so the loop and the library had to agree.
# In a tie the library takes the pair whose parts are the oldest tokens, so there its list may differ from that of the loop. (It also counts again only in the words that hold the merged pair.)
#
# The next cell checks two answers from above: the sentence without unknown words, and *dear* 20 times.

# %%
assert all(word in counts for word in split_words("The small book is on the table"))
assert {"sleeps", "tree"} == {word for word in split_words("The dog sleeps under the old tree") if word not in counts}
more_dear = {**sea_text, tuple("dear"): 20}
then = {tuple(merge_pair(word, ("e", "a"), "ea")): times for word, times in more_dear.items()}
print(learn(more_dear, 2), count_pairs(then).most_common(3))
assert count_pairs(more_dear)["e", "a"] == 32
assert count_pairs(then) == {("d", "ea"): 24, ("ea", "r"): 20, ("s", "ea"): 8, ("ea", "l"): 7}

# %% [markdown]
# **Make it.** From an empty function: [the exercises](../exercises/16_tokens.ipynb) ask for `most_frequent_pair`, `merge_pair` and `bpe_encode`. You can do the first two now.

# %% [markdown]
# ## Two merges want one letter (7 min, short path)
#
# A new word may offer several merges at once. Which goes first? The one that was learnt first, that of the lowest **rank of a merge**. The order of learning is part of the tokenizer.
#
# **By hand.** Let the list be *b c*, then *a b*. The word *abc* offers both, and they want the same b. *b c* has rank 0, so the tokens are `a`, `bc`. Then no pair of the list is left.
# The other natural idea is *longest match*: cut the longest known piece off the left, and go on. It takes `ab`, then `c`.
#
# In our trained tokenizer *␣gradient* is one token (␣ is the space in front of the word), and so is *s*.
#
# **Predict.** What are the tokens of *␣gradients*?

# %%
predict("gradients")

# %% [markdown]
# **Run.** This function applies merges step by step and prints the rank of each. (It starts from bytes; for English letters that is the same as letters.)

# %%
def trace(word, ranks):
    """All merges of a word, from its bytes on."""
    tokens = [bytes([byte]) for byte in word.encode()]
    while present := [pair for pair in pairwise(tokens) if pair in ranks]:
        first = min(present, key=ranks.get)
        tokens = merge_pair(tokens, first, first[0] + first[1])
        print(f"rank {ranks[first]:4}: ", " | ".join(token.decode(errors="replace").replace(" ", "␣") for token in tokens))
    return tokens


assert bpe_encode("abc", [("b", "c"), ("a", "b")]) == ["a", "bc"]  # as by hand

# %% [markdown]
# The next cell traces the word, and answers your guess.

# %%
assert b" gradient" in tokenizer.ids and b"s" in tokenizer.ids
tokens = trace(" gradients", tokenizer.ranks)
assert tokenizer.ranks[b"t", b"s"] == 24 and tokenizer.ranks[b"en", b"t"] == 97
assert tokens == [b" gradi", b"ents"] == bpe_encode([bytes([b]) for b in b" gradients"], tokenizer.ranks)
compare("gradients", ", ".join(repr(token.decode()) for token in tokens))

# %% [markdown]
# **Why.** Rank 24 decides: *t s* was learnt early, long before *en t* (rank 97). So the t goes to the s. *␣gradient* needs *ent*, and there is no *ent* any more.
#
# The next cell writes longest match, and lets both cut every piece of lesson 05.

# %%
def longest_match(word, known):
    """Cut the longest known token off the left, again and again."""
    tokens, i, word = [], 0, word.encode()
    while i < len(word):
        end = max(end for end in range(i + 1, len(word) + 1) if word[i:end] in known)
        tokens.append(word[i:end])
        i = end
    return tokens


# %% [markdown]
# `split_text` cuts the text into words first, each with the space before it. The next cell compares all different words, then the length of the whole text.

# %%
from course_lib.text import split_text

everything = split_text(text.held_out)
by_rank = {word: [tokenizer.tokens[i] for i in tokenizer.encode(word)] for word in everything}
by_length = {word: longest_match(word, tokenizer.ids) for word in everything}
differ = sorted(word for word in by_rank if by_rank[word] != by_length[word])
print(f"cut differently: {len(differ)} of {len(by_rank)} different words")
for word in (" masked", " places", " sequences"):
    print(f"{word.strip():10} by rank {[t.decode() for t in by_rank[word]]}, by length {[t.decode() for t in by_length[word]]}")
lengths = [sum(len(cut[word]) for word in everything) for cut in (by_rank, by_length)]
print("tokens of the whole text, by rank and by length:", lengths)
assert all(b"".join(by_rank[word]) == b"".join(by_length[word]) == word.encode() for word in everything)
assert (len(differ), len(by_rank)) == (68, 570) and lengths[0] == len(tokenizer.encode(text.held_out)) == lengths[1] + 9

# %% [markdown]
# **Trap.** *The tokenizer takes the longest piece it knows.* For 88 of 100 different words you would not notice. Nor would the usual test: `decode(encode(text)) == text` holds for both, as the last but one line asserts. And longest match is not even a bad way to cut: here it needs 9 tokens fewer.
# But a model is trained on one of them. Feed it the other cut, and it reads sequences it has never met. The sure test compares ids with the tokenizer of the training.
#
# Longest match has its own family: BERT cuts so, with a vocabulary called WordPiece. The way to make such a vocabulary is from [Schuster and Nakajima (2012)](https://doi.org/10.1109/ICASSP.2012.6289079); [Wu and others (2016)](https://arxiv.org/abs/1609.08144), section 4.1, brought it to translation. Schuster and Nakajima choose the merge that raises the likelihood of the training text most.
# A third family goes the other way round: [Kudo (2018)](https://arxiv.org/abs/1804.10959) starts with many pieces, gives each a probability, and drops those that are missed least.
#
# **Change it.** Trace words of your own: `trace(" masked", tokenizer.ranks)` in a new cell. Find a word whose last merge has a rank above 1,000.
#
# <details><summary>Answer</summary>
#
# *␣subtraction*, for instance: it ends as `␣sub`, `tra`, `ction`, and its last merge, *t ra*, has rank 1,116.
#
# </details>

# %% [markdown]
# ## Letters of which alphabet? (7 min)
#
# On paper we began with the letters of English. Unicode has more than 150,000 characters, and new ones come every year. [Radford and others (2019)](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf), section 2.2, start from *bytes* instead.
# Every text in a computer is a row of bytes, 256 different ones. In the usual form, UTF-8, a plain English letter is one byte, and é is two.
#
# **Predict.** How many ids does the shell 🐚 get?

# %%
predict("shell")

# %% [markdown]
# **Run.** Five characters as bytes, and what our tokenizer makes of them.

# %%
for character in ("e", "é", "λ", "東", "🐚"):
    print(f"{character}: bytes {list(character.encode())}, {len(tokenizer.encode(character))} ids")
    assert tokenizer.decode(tokenizer.encode(character)) == character
words_of_it = {1: "one of its own", 4: "four"}
compare("shell", words_of_it[len(tokenizer.encode("🐚"))])

# %% [markdown]
# **Look.** Every text comes back, whatever it is. There is no unknown token, because there is no unknown byte.
#
# The price: a token may be a part of a character. The next cell decodes a shell that was cut off after three of four ids.

# %%
shell = tokenizer.encode("A 🐚")
print("all ids:", tokenizer.decode(shell), " without the last one:", tokenizer.decode(shell[:-1]))
one_by_one = "".join(tokenizer.decode([i]) for i in shell)
print("decoded id by id:", one_by_one)
assert tokenizer.decode(shell) == "A 🐚" != one_by_one and "\ufffd" in tokenizer.decode(shell[:-1])

# %% [markdown]
# **Look.** � (U+FFFD) stands for bytes that make no character. A program that decodes id by id prints four of them, as above. The cure: join the bytes first, then decode, and wait while a character is not whole.
#
# Before any merge, GPT-2 cuts the text into words, with a regular expression. It keeps letters, digits and other marks apart, and a space goes with the word after it. The next cell shows such cuts, and what they mean for one word. (Its first assert is an answer from above.)

# %%
print(split_text("We'll see 25 cats: attention, please!"))
for written in ("attention", " attention", "Attention"):
    print(f"{written!r:12} {pieces(written)}  ids {tokenizer.encode(written)}")
assert tokenizer.ranks[b"t", b"ra"] == 1116 and pieces(" subtraction") == [" sub", "tra", "ction"]
assert "".join(split_text(text.held_out)) == text.held_out
assert len(pieces(" attention")) == 1 < len(pieces("attention")) and set(pieces("Attention")) != set(pieces("attention"))

# %% [markdown]
# **Look.** One word, three different lists of ids: at the beginning of a line, after a space, with a capital. A model must learn from data that they belong together.
#
# **Why** cut into words at all? The next cell leaves it out: it learns 250 merges from the first 6,000 characters as if they were one long word.

# %%
from course_lib.text import learn_merges

one_word = learn_merges({text.train[:6000].encode(): 1}, 256 + 250)
grown = [(left + right).decode() for left, right in one_word]
across = [token for token in grown if " " in token.strip()]
print(f"{len(across)} of {len(grown)} tokens cross a space, such as", across[:8])
assert len(one_word) == 250 and 20 <= len(across) <= 30

# %% [markdown]
# **Look.** Tokens now end in the middle of the next word, or begin with the end of the last one. Radford and others (section 2.2) saw *dog.*, *dog!* and *dog?* take a row each. With the cut into words first, rows go to words and parts of words.
#
# **Change it.** Run `pieces("Maria")` with your own name in a new cell. Then write it with a space in front. Which letters are joined?

# %% [markdown]
# ## One text, three vocabularies (9 min)
#
# How many merges? Each one adds a row to the embedding table, and shortens the text a little.
#
# **Predict.** How many merges make lesson 05 half as long as its bytes?

# %%
predict("halve")

# %% [markdown]
# **Run.** The merges are an ordered list, so a smaller tokenizer is the beginning of a larger one. The cell cuts lesson 05 with the first 0, 10, 20 ... merges.

# %%
merge_counts = [0, 10, 20, 50, 100, 180, 256, 512, 800, 1129]
tokens_of = [len(BytePairTokenizer(tokenizer.merges[:k]).encode(text.held_out)) for k in merge_counts]
for k, n in zip(merge_counts, tokens_of, strict=True):
    print(f"{k:5} merges: vocabulary {256 + k:5,}, tokens {n:5,}, {n / tokens_of[0]:.0%}")
half = min(range(len(tokens_of)), key=lambda i: abs(tokens_of[i] / tokens_of[0] - 0.5))
assert tokens_of[0] == len(text.held_out.encode()) == 9106 and tokens_of[-1] == 2839
assert np.all(np.diff(tokens_of) < 0) and 0.77 < tokens_of[2] / tokens_of[0] < 0.79
assert round(tokens_of[-1] / n_words, 1) == 1.3 and tokens_of[5] - tokens_of[-1] < tokens_of[0] / 5
compare("halve", "about 180" if merge_counts[half] == 180 else "about 20")

# %% [markdown]
# The next cell draws this curve with the other two vocabularies.

# %%
fig, ax = figure(7.5, 3.4)
ax.semilogx(256 + np.array(merge_counts), tokens_of, "o-", color=KEY, ms=4)
ax.plot([len(by_character)], [n_characters], "s", color=QUERY, ms=8)
ax.plot([len(by_word)], [n_words], "D", color=VALUE, ms=8)
ax.annotate("characters\n0.07 % unknown", (len(by_character), n_characters), (10, -14), textcoords="offset points", color=QUERY)
ax.annotate("words\n6.8 % unknown", (len(by_word), n_words), (-14, -4), textcoords="offset points", color=VALUE, ha="right", va="top")
ax.annotate("byte pairs\nnothing unknown", (356, tokens_of[4]), (10, 8), textcoords="offset points", color=KEY)
ax.set(title="Byte pairs come near the length of words, with nothing unknown")
ax.set(xlabel="size of the vocabulary", ylabel="tokens in lesson 05")
ax.set(xlim=(60, 2500), ylim=(0, 10_000), xticks=[100, 256, 512, 1024, 2048], xticklabels=["100", "256", "512", "1,024", "2,048"])
ax.yaxis.set_major_formatter("{x:,.0f}")
ax.minorticks_off()
show(fig, alt="Tokens against vocabulary: characters 83 and 9,098, words 1,385 and 2,227, byte pairs fall from 9,106 to 2,839.")
unknown = [c for c in text.held_out if c not in by_character.vocabulary.ids]
assert set(unknown) == {"\N{MINUS SIGN}", "Z"} and (round(share, 3), round(len(unknown) / n_characters, 4)) == (0.068, 0.0007)

# %% [markdown]
# **Look.** With a vocabulary as large as that of the words, byte pairs need 2,839 tokens for 2,227 words: 1.3 to a word, and none is unknown. (Even among the characters 6 were unknown: the true minus sign and the letter Z.)
# The first 180 merges save half, the other 949 not even a fifth more: frequent pairs are few. Real tokenizers learn from far more text, where more pairs are frequent. GPT-2 has 50,257 tokens (Radford and others, section 2.3).
#
# **Change it.** The explorer draws this curve for one sentence, and plays our merges one at a time. **After how many merges is *␣attention* one token, and which two pieces were joined last?** The challenge at the bottom of the card checks your number.
# To compare two states press *No merge*, *Pin* and *All merges*: the first picture stays in view.
# Then write over the sentence: it is cut as you type. Which words of yours stay in pieces, even with all merges?
#
# <details><summary>Answer</summary>
#
# After 472: *␣at* and *tention*. Names, typing errors and words from other subjects stay in pieces: the lessons did not have them, or too seldom.
#
# </details>

# %%
from course_lib.explorers import tokenizer_explorer

tokenizer_explorer(predict=False)

# %% [markdown]
# **Run.** The same from code: the word after 472 merges, and one merge before.

# %%
played = tokenizer_explorer(" attention", n_merges=472, predict=False)
assert played.merges == tokenizer.merges and played.tokens == [b" attention"]
print("one merge before:", bpe_encode([bytes([b]) for b in b" attention"], tokenizer.merges[:471]))
print(f"the pair came {played.counts[471]} times in lessons 00 to 04")
assert tokenizer.merges[471] == (b" at", b"tention")

# %% [markdown]
# Is our tokenizer the same as the one that others use? The file with the text also holds the ids of one sample, made by Hugging Face's `tokenizers` library with our merges. A test of the course makes them afresh.

# %%
print("...", text.sample[-48:])
assert tokenizer.encode(text.sample) == text.sample_ids and text.sample_n_vocab == len(tokenizer)
print(f"our {len(text.sample_ids)} ids and those of the library are the same")

# %% [markdown]
# **Change it.** Train on lesson 05 itself, with the same size: `BytePairTokenizer.train(text.held_out, 1385)`. How many tokens does it know then, and how many does it make of lesson 05? Guess first: more or fewer than 2,839?
#
# <details><summary>Answer</summary>
#
# Fewer: 2,659, and with a vocabulary of 874 only, since no pair that occurs twice is left by then. That is no merit. It has learnt the words of the very text it is measured on. For lessons 00 to 04 it needs 20,260 tokens, where ours needs 14,464, having learnt from them. Measure a tokenizer on text that neither has seen.
#
# </details>
#
# The next cell asserts the numbers of this answer, and prints nothing.

# %%
own = BytePairTokenizer.train(text.held_out, 1385)
assert (len(own), len(own.encode(text.held_out))) == (874, 2659)
assert (len(own.encode(text.train)), len(tokenizer.encode(text.train))) == (20_260, 14_464)

# %% [markdown]
# ## What a model inherits (8 min)
#
# A tokenizer is trained once, before the model, and then it stays. Its habits become those of the model.
#
# **Numbers.** The next cell cuts a few.

# %%
for number in ("100", "101", "1234", "12345", "2017", "2026"):
    print(f"{number:6} {pieces(number)}")
assert len(pieces("1234")) == len(pieces("12345")) == 4

# %% [markdown]
# **Look.** Some digits stand together because they were frequent in the text. So the same digit is a token here and half of a token there, and a token does not tell whether it counts ones, tens or hundreds. A model that adds would have to cope with each way of cutting (we do not measure that here). [LLaMA](https://arxiv.org/abs/2302.13971) (Touvron and others, 2023, section 2.1) cuts every number into single digits.
#
# **Languages.** The names of the seven days and twelve months, in seven languages. They come from the CLDR, a public collection, through the package `babel`.
#
# **Predict.** How many times as many tokens does Greek need as English?

# %%
predict("greek")

# %% [markdown]
# **Run.** The same content, with our tokenizer that was trained on English.

# %%
from babel import Locale

languages = {"English": "en", "German": "de", "French": "fr", "Russian": "ru", "Greek": "el", "Hindi": "hi", "Japanese": "ja"}
table = {}
for language, code in languages.items():
    names = [*Locale(code).days["format"]["wide"].values(), *Locale(code).months["format"]["wide"].values()]
    table[language] = len(" ".join(names)), len(tokenizer.encode(" ".join(names)))  # characters, tokens
ratio = table["Greek"][1] / table["English"][1]
print(f"Greek needs {ratio:.0f} times as many tokens as English")
assert 3.5 < ratio < 4.5
compare("greek", "about 4 times as many" if 3 < ratio < 5 else "about as many")

# %% [markdown]
# The next cell draws characters and tokens side by side.

# %%
fig, ax = figure(7.5, 4)
for y, (n_letters, n_tokens) in enumerate(table.values()):
    ax.barh(-y + 0.19, n_letters, 0.34, color=PAPER, edgecolor=QUIET, hatch="///")
    ax.barh(-y - 0.19, n_tokens, 0.34, color=KEY)
    ax.text(n_tokens + 4, -y - 0.19, f"{n_tokens / n_letters:.1f} tokens to a character", va="center", fontsize=9, color=KEY)
ax.set_yticks([-y for y in range(len(table))], list(table))
ax.set(title="The same days and months: up to 4 times as many tokens as in English", xlabel="characters (hatched) and tokens (filled)", xlim=(0, 490))
show(fig, alt="Bars for seven languages. English, German, French: fewer tokens than characters. Russian, Greek, Hindi, Japanese: two to three times as many tokens as characters.")
assert round(max(n_tokens for _, n_tokens in table.values()) / table["English"][1]) == 4
for language in ("Russian", "Greek", "Hindi", "Japanese"):
    assert 1.6 < table[language][1] / table[language][0] < 2.9
for language in ("English", "German", "French"):
    assert table[language][1] < 0.7 * table[language][0]
assert [round(table[language][1] / table[language][0], 1) for language in ("Greek", "English")] == [1.9, 0.6]
assert min(table.values()) == table["Japanese"] and table["Japanese"][1] > table["English"][1]

# %% [markdown]
# **Look.** Where no merge fits, each byte costs a token: two for a Greek or Russian letter, three for a Hindi or Japanese one. (A space is one byte, and so is a digit, of which the Japanese months have many. So the means in the picture are lower.) Greek comes to 1.9 tokens a character and English to 0.6, and the Greek names are longer too. Japanese needs the fewest characters, and yet more tokens than English.
# Users pay by the token, and the room of a model is counted in tokens. [Petrov and others (2023)](https://arxiv.org/abs/2305.15425) measured real tokenizers: the same text can be up to 15 times as long in one language as in another. More text of a language in the training of the tokenizer helps that language.
#
# **Spelling.** Back to *headache*. The ids say nothing about letters, so reversing them gave *cheahead*. The next cell writes the word with spaces and reverses those ids.

# %%
spelt = tokenizer.encode("h e a d a c h e")  # (n,)
print(pieces("h e a d a c h e"))
print("backwards:", tokenizer.decode(spelt[::-1]).replace(" ", ""))
assert tokenizer.decode(spelt[::-1]).replace(" ", "") == "headache"[::-1] and len(spelt) == 8

# %% [markdown]
# **Look.** With a token for each letter it works. So "a model that cannot spell is stupid" misses the point: it was never shown the letters. It must learn the spelling of each token from other texts, as you learn that of a word which you have only heard.
#
# **Change it.** How many tokens has your own sentence in the language you speak at home? Compare it with its English translation: `len(tokenizer.encode("..."))` in a new cell.

# %% [markdown]
# ## Recap (3 min)
#
# **Recap.** Say the answer aloud before you unfold it. (Short path: 2 and 3.)
#
# <details><summary>1. What does each kind of vocabulary cost: characters, words, byte pairs?</summary>
#
# Characters: long sequences, and attention grows with $n^2$. Words: unknown words (6.8 % of lesson 05), and many rows that are hardly ever trained. Byte pairs: between the two in length and nothing unknown, but cuts that follow frequency and not meaning.
#
# </details>
#
# <details><summary>2. What are the four steps of one merge?</summary>
#
# Count the pairs of neighbours, choose the most frequent, merge it everywhere from the left, write it down. Then count anew.
#
# </details>
#
# <details><summary>3. The list is b c, then a b. How is abc cut, and how would longest match cut it?</summary>
#
# By rank: `a`, `bc`. By longest match: `ab`, `c`. Both come back as *abc*, so a round trip does not tell them apart.
#
# </details>
#
# <details><summary>4. Why is there no unknown token on bytes? What is the price?</summary>
#
# All 256 bytes are tokens, and every text is a row of bytes. A token can be a part of a character, and scripts without merges need two to four tokens to a character.
#
# </details>
#
# <details><summary>5. Why measure a tokenizer on text that it was not trained on?</summary>
#
# It has learnt the words of that very text, and so cuts it into fewer tokens than new text of the same kind.
#
# </details>
#
# <details><summary>6. From lesson 04: a batch has rows of 9 and of 5 tokens. What must be done, and does it matter that they come from a tokenizer?</summary>
#
# The short row is filled up, and a padding mask hides the filling. Numbers of tokens differ even between texts with equal numbers of letters. So a batch of sentences needs it, unless all happen to be equally long.
#
# </details>
#
# **What stays.** A model reads what its tokenizer hands over. Frequent text in large pieces, rare text in small ones, in the order in which the merges were learnt. Nobody decided on *head*, *a*, *che*: the merges come from five lessons in which the word *headache* does not stand.

# %% [markdown]
# ## Your own tokenizer (after the lesson)
#
# **Make it.** For another day, about 20 minutes. Write `my_tokenizer(text, n_merges)`: it returns two functions, `encode` and `decode`, made from nothing but `learn`, `split_text` and `bpe_encode`. Work on bytes: a word is `tuple(bytes([b]) for b in word.encode())`.
# It learns from another text than ours did: lesson 05, or one of your own in `my_text` (some 9,000 letters of English). The test asks for exact round trips in any language with tokens longer than a byte, and for at most half of the bytes on lessons 00 to 04, which it has not seen.

# %%
def my_tokenizer(text, n_merges):
    """Learn merges from a text -> (encode, decode); encode gives a list of tokens (bytes): replace the body."""

    def encode(text):
        return [bytes([b]) for b in text.encode()]

    def decode(tokens):
        return b"".join(tokens).decode()

    return encode, decode


# %% [markdown]
# **Run.** The acceptance test.

# %%
my_text, unseen = text.held_out, text.train
encode, decode = my_tokenizer(my_text, 300)
strings = ["", "headache", "Καλημέρα", "東京 🐚", "  two  spaces\n"]
exact, merged = all(decode(encode(s)) == s for s in strings), any(len(token) > 1 for token in encode(my_text))
print("round trips:", "passed" if exact and merged else "not yet")
n_mine, n_bytes = len(encode(unseen)), len(unseen.encode())
print("at most half of the bytes:", "passed" if n_mine <= n_bytes / 2 else "not yet")

# %% [markdown]
# <details><summary>Hint</summary>
#
# Count the words first: `Counter(split_text(text))`, then one tuple of bytes for each different word, with its count, into `learn`. To encode, cut with `split_text`, and give each word's list of bytes to `bpe_encode`.
#
# </details>
