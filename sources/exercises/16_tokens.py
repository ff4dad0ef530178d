# ---
# jupyter:
#   course:
#     lesson: 16_tokens
#     exercises: [most_frequent_pair, merge_pair, bpe_encode, 16_cut]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check, hint, hunt

start("16_tokens")

# %% [markdown]
# Three functions and a hunt: count and choose, merge, encode, and an encoder that does not do what it should. Plain Python is enough, without a tokenizer library.
#
# ## 1. Count and choose (8 min)
#
# Steps 1 and 2 of a merge. `words` are lists of tokens, `times` says how often each word occurs.

# %%
def most_frequent_pair(words, times):
    """The pair (left, right) of neighbours that occurs most often.

    Of equally frequent pairs the first in the alphabet: the smaller left part, then the smaller right part.
    At least one word has two tokens.

    >>> most_frequent_pair([["s", "ea"], ["s", "ea", "l"], ["d", "ea", "l"]], [5, 3, 4])
    ('s', 'ea')
    """
    # 1. count   2. choose
    ### BEGIN SOLUTION
    counts = {}
    for word, n in zip(words, times, strict=True):
        for pair in zip(word, word[1:]):
            counts[pair] = counts.get(pair, 0) + n
    return min(counts, key=lambda pair: (-counts[pair], pair))
    ### END SOLUTION


# %%
check(most_frequent_pair)

# %% [markdown]
# Stuck? Each call of `hint("most_frequent_pair")` goes one step further; the other exercises have hints in the same way.

# %%
hint("most_frequent_pair")

# %% [markdown]
# ## 2. Merge (10 min)
#
# Step 3. From the left, without overlap. What do `a a a` become when the pair is (a, a)?

# %%
def merge_pair(tokens, pair, new):
    """A new list in which every occurrence of `pair`, from the left and without overlap, is replaced by `new`.

    >>> merge_pair(["b", "a", "n", "a", "n", "a"], ("a", "n"), "an")
    ['b', 'an', 'an', 'a']
    """
    # 3. merge
    ### BEGIN SOLUTION
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            merged.append(new)
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged
    ### END SOLUTION


# %%
check(merge_pair)

# %% [markdown]
# ## 3. Encode (18 min)
#
# The merges are learnt, and a new word comes. At each step all occurrences of the present pair of *lowest* rank are merged. The rank of a pair is its place in the list. Your `merge_pair` may help.

# %%
def bpe_encode(word, merges):
    """The tokens of `word`; `merges` are pairs in the order in which they were learnt.

    At each step all occurrences of the present pair of lowest rank are merged, until none is left.

    >>> bpe_encode("idea", [("e", "a"), ("s", "ea"), ("d", "ea")])
    ['i', 'dea']
    """
    ### BEGIN SOLUTION
    ranks = {tuple(pair): rank for rank, pair in reversed(list(enumerate(merges)))}
    tokens = list(word)
    while present := [pair for pair in zip(tokens, tokens[1:]) if pair in ranks]:
        first = min(present, key=ranks.get)
        tokens = merge_pair(tokens, first, first[0] + first[1])
    return tokens
    ### END SOLUTION


# %%
check(bpe_encode)

# %% [markdown]
# ## 4. Hunt: an encoder with its own mind (12 min)
#
# Somebody tried an encoder on a page of text. With one merge every token was right. With many merges most words were right, and some were not. You have the function, not its source.
# Letters are numbers below 100 here, and merge k makes the token 100 + k. Hand in an input `(ids, pairs)` on which it differs from the right one, and name the fault. The cell prints the list of faults.

# %%
the_hunt = hunt("16_cut")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(ids, pairs)` is the suspect, `the_hunt.right(ids, pairs)` the reference. Here both agree.

# %%
ids = np.array([1, 2, 1, 2])  # (n,)
pairs = np.array([[1, 2], [100, 100]])  # (m, 2): 1 2 makes 100, then 100 100 makes 101
print("broken:", the_hunt.broken(ids, pairs), " right:", the_hunt.right(ids, pairs))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "first_only"
### BEGIN SOLUTION
example = (np.array([1, 2, 3]), np.array([[2, 3], [1, 2]]))  # 2 3 was learnt first
fault = "longest_piece"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A tokenizer on bytes learnt its merges from English alone. Its model can read 1,000 tokens at once and is now given a Greek text; a Greek letter has two bytes in UTF-8.
# No token is unknown. What does the Greek reader pay all the same? Name two things, and say about how many Greek letters fit.

# %% [markdown]
# <!-- answer: 16_greek points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# Without merges for Greek each letter takes two tokens, so about 500 letters fit, where an English text has several letters to a token. More tokens also mean more steps to write and more scores in attention, which grow with the square of their number.
# A token is only half of a letter, so the model must first learn to put letters together.
# ### END SOLUTION
