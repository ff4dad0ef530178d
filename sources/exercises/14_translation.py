# ---
# jupyter:
#   course:
#     lesson: 14_translation
#     exercises: [pad_batch, clipped_matches, corpus_bleu, 14_brevity]
# ---

# %%
import math
from collections import Counter

import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("14_translation", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. The first gives tensors; the other two need no more than Python, and are to be written without `sacrebleu`.
#
# ## 1. A batch (8 min)
#
# Rows of different lengths become one tensor, and a mask says what is real. The mask follows from the lengths. Why not from the ids? (Some models pad with a token that texts use too.)

# %%
def pad_batch(rows, pad):
    """Lists of ids -> (ids, keep), both (B, n), n the length of the longest row; at least one id in all.

    ids: each row, then pad. keep: True at the tokens of the row, whatever their id. The lists are not changed.

    >>> ids, keep = pad_batch([[5, 6, 7], [8]], pad=0)
    >>> ids.tolist()
    [[5, 6, 7], [8, 0, 0]]
    >>> keep.tolist()
    [[True, True, True], [True, False, False]]
    """
    # 1. the longest   2. fill   3. the mask
    ### BEGIN SOLUTION
    n = max(len(row) for row in rows)  # 1. the longest
    ids = torch.tensor([[*row, *[pad] * (n - len(row))] for row in rows])  # 2. fill
    keep = torch.tensor([[j < len(row) for j in range(n)] for row in rows])  # 3. the mask
    return ids, keep
    ### END SOLUTION


# %%
check(pad_batch)

# %% [markdown]
# Stuck? Each call of `hint("pad_batch")` goes one step further; the other exercises have hints in the same way.

# %%
hint("pad_batch")

# %% [markdown]
# ## 2. What counts as a match (10 min)
#
# Two lists of words. How many groups of n words has the candidate, and how many of these has the reference? A group counts at most as often as it occurs in the reference.

# %%
def clipped_matches(candidate, reference, n):
    """Two lists of words -> (matches, total): n-grams of the candidate that count, and all it has.

    >>> clipped_matches("3 3 days".split(), "3 days ago".split(), 1)
    (2, 3)
    >>> clipped_matches("3 3 days".split(), "3 days ago".split(), 2)
    (1, 2)
    """
    ### BEGIN SOLUTION
    has, may = (
        Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1)) for text in (candidate, reference)
    )
    return (has & may).total(), has.total()
    ### END SOLUTION


# %%
check(clipped_matches)

# %% [markdown]
# Does your function know that *b a* is not *a b*? And what does it say about a candidate of two words with n = 3?
#
# ## 3. BLEU of a corpus (15 min)
#
# All four orders, all texts. Which numbers are added up before anything is divided? Your `clipped_matches` may help, if it is right.

# %%
def corpus_bleu(candidates, references):
    """Two lists of texts, each a list of words -> BLEU from 0 to 100.

    n-grams of 1 to 4 words, clipped; counts added up over all texts; geometric mean; brevity penalty
    exp(1 - wanted / written) where fewer words are written than wanted. An order without a match gives 0.

    >>> round(corpus_bleu(["a b c d e".split()], ["a b c d e f".split()]), 1)  # 100 exp(-1/5)
    81.9
    """
    ### BEGIN SOLUTION
    logs = 0.0
    for n in (1, 2, 3, 4):
        counts = [clipped_matches(c, r, n) for c, r in zip(candidates, references, strict=True)]
        matches, total = (sum(column) for column in zip(*counts, strict=True))
        if matches == 0:
            return 0.0
        logs += math.log(matches / total) / 4
    written, wanted = sum(map(len, candidates)), sum(map(len, references))
    return 100 * math.exp(logs + min(0.0, 1 - wanted / written))
    ### END SOLUTION


# %%
check(corpus_bleu)

# %% [markdown]
# Right? Then it equals `sacrebleu` without smoothing. Compare both on texts of your own.
#
# ## 4. Hunt: no text may be short (10 min)
#
# Somebody's BLEU is a little lower than that of other tools, on nearly every test set. You have their brevity penalty, not its source.
# Hand in an input `(written, wanted)` on which it differs from the right one, and name the fault. Both are (B,): the numbers of words of candidates and references.

# %%
the_hunt = hunt("14_brevity")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. With a single text, both agree.

# %%
import numpy as np

for written, wanted in ((2, 4), (4, 4), (8, 4)):
    one = np.array([float(written)]), np.array([float(wanted)])
    print(f"{written} words for {wanted}: {the_hunt.broken(*one):.3f}, right {the_hunt.right(*one):.3f}")

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "not_cut_at_one"
### BEGIN SOLUTION
example = (np.array([2.0, 6.0]), np.array([4.0, 4.0]))
fault = "mean_over_texts"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A translator of train times is changed. Its BLEU falls from 92 to 88, and its exact matches rise from 60 % to 75 %.
# How can both happen? Which of the two numbers would you report for a timetable, and which rather for a newspaper?

# %% [markdown]
# <!-- answer: 14_timetable points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# BLEU gives marks for the pieces around a mistake. Before, many phrases were wrong in one digit or word; now fewer phrases are wrong, but those more thoroughly, so that more pieces are lost.
# For a timetable there is one right answer, and one wrong digit makes it useless: exact match. A sentence in a newspaper has many right translations, so exact match would punish right ones, and BLEU, together with a look at the mistakes, says more.
# ### END SOLUTION
