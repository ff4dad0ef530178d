# ---
# jupyter:
#   course:
#     lesson: 19_bert
#     exercises: [mask_tokens, masked_loss, 19_asked]
# ---

# %%
import numpy as np
import torch
import torch.nn.functional as F

from course_lib import start
from course_lib.checks import check, hint, hunt

start("19_bert", torch=True)

# %% [markdown]
# Two functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check.
#
# ## 1. Hide the words (20 min)
#
# What BERT is given to read, and what it must find. `rng` is a NumPy generator: draw everything from it. Special tokens are never chosen, and never drawn as the random word. Use NumPy; the sub-goals are those of the lesson.

# %%
def mask_tokens(ids, rng, mask_id, vocab, specials, rate=0.15):
    """ids of any shape -> (corrupted, labels), whole numbers of that shape; ids is not changed.

    Each position is chosen on its own with probability `rate`. Of the chosen 80 % become mask_id, 10 % a
    random token from 0 to vocab - 1 (perhaps the same one), 10 % stay. labels: the original where chosen,
    else -100. specials is a tuple of ids.

    >>> ids = np.full(10_000, 5)
    >>> corrupted, labels = mask_tokens(ids, np.random.default_rng(0), 1, 50, (0, 1), rate=0.5)
    >>> bool(abs((labels == 5).mean() - 0.5) < 0.03), bool(abs((corrupted == 1).mean() - 0.4) < 0.03)
    (True, True)
    """
    # 1. choose   2. fate   3. labels
    ### BEGIN SOLUTION
    chosen = (rng.random(ids.shape) < rate) & ~np.isin(ids, specials)  # 1. choose
    fate = rng.random(ids.shape)  # 2. fate: a second die
    words = np.setdiff1d(np.arange(vocab), specials)
    corrupted = np.where(chosen & (fate < 0.8), mask_id, ids)
    corrupted = np.where(chosen & (fate >= 0.9), rng.choice(words, size=ids.shape), corrupted)
    return corrupted, np.where(chosen, ids, -100)  # 3. labels
    ### END SOLUTION


# %%
check(mask_tokens)

# %% [markdown]
# Stuck? Each call of `hint("mask_tokens")` goes one step further; the other exercise has hints in the same way.

# %%
hint("mask_tokens")

# %% [markdown]
# ## 2. The loss at the chosen places (10 min)
#
# The labels come as `mask_tokens` makes them. What should the loss be in a batch where nothing at all was chosen? Use PyTorch.

# %%
def masked_loss(logits, labels):
    """logits (B, n, V), labels (B, n), -100 where nothing is asked -> mean of -ln p over the rest; 0 if none.

    >>> p = torch.tensor([[[0.5, 0.5], [0.875, 0.125], [0.5, 0.5]]])
    >>> loss = masked_loss(p.log(), torch.tensor([[0, 1, -100]]))  # 1/2 and 1/8: 1 and 3 bits
    >>> round(loss.item() / np.log(2).item(), 4)
    2.0
    """
    ### BEGIN SOLUTION
    asked = labels != -100
    if not asked.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[asked], labels[asked])
    ### END SOLUTION


# %%
check(masked_loss)

# %% [markdown]
# In lesson 17 the logits at place $i$ were asked for token $i+1$. Why is there no shift here?
#
# ## 3. Hunt: it trusts nothing (10 min)
#
# Somebody's masked-word model learns well, as its loss says. Used on whole sentences, it does not hold on to the words that it reads. You have its loss function, not its source; $p$ is what the model gives the right token at each place.
# Hand in an input `(p, reads, labels)` on which it differs from the right one, and name the fault. 1 is the id of `[MASK]`.

# %%
the_hunt = hunt("19_asked")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference.

# %%
p = np.array([0.5, 0.25, 0.125])  # (n,)
reads, labels = np.array([1, 5, 7]), np.array([4, -100, -100])  # (n,) each
print("suspect", the_hunt.broken(p, reads, labels), "reference", the_hunt.right(p, reads, labels))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "all_places"
### BEGIN SOLUTION
example = (p, reads, np.array([4, 5, -100]))  # the second word was chosen and left alone
fault = "masks_alone"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 4. In your own words (5 min)
#
# Words are hidden in BERT's way: 15 % of the tokens are chosen. A colleague takes the mean of the loss over **all** places, and it falls from 2.4 bits to 0.36. "The model has become much better."
# What does the model do at the other 85 %, and what does the 0.36 say about the hidden words?

# %% [markdown]
# <!-- answer: 19_all_places points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# At the other 85 % the token that it must name stands in its input, so copying is enough, and the loss there is near 0. Nothing about language is needed for it.
# With 2.4 bits at the chosen places and 0 at all others the mean is $0.15 \cdot 2.4 = 0.36$ bits. So the hidden words are guessed no better than before.
# ### END SOLUTION
