# ---
# jupyter:
#   course:
#     lesson: 15_decoding
#     exercises: [next_token_distribution, beam_search, chi_square, 15_order]
# ---

# %%
import math

import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("15_decoding", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check.
#
# ## 1. From logits to the distribution (25 min)
#
# In this order: temperature, top-k, top-p. Temperature 0 gives all mass to the first maximum. Top-p keeps the smallest set of likeliest tokens whose mass reaches p; the token that crosses p stays. Of equally likely tokens the lower index counts as likelier. A `top_k` larger than the vocabulary keeps all. Use PyTorch.

# %%
def next_token_distribution(logits, temperature=1.0, top_k=None, top_p=None):
    """Probabilities (V,) of the next token from logits (V,). logits are not changed.

    >>> next_token_distribution(torch.tensor([1.0, 3.0, 1.0]).log(), top_k=2)
    tensor([0.2500, 0.7500, 0.0000])
    """
    # 1. temperature   2. top-k   3. top-p   4. scale to sum 1
    ### BEGIN SOLUTION
    if temperature == 0:
        p = torch.zeros_like(logits)
        p[logits.argmax()] = 1
        return p
    p = (logits / temperature).softmax(dim=-1)  # 1. temperature
    order = logits.argsort(descending=True, stable=True)
    p = p[order]
    if top_k is not None:  # 2. top-k
        p[top_k:] = 0
        p = p / p.sum()
    if top_p is not None:  # 3. top-p
        before = p.cumsum(0) - p
        p = torch.where(before < top_p - 1e-9, p, 0)  # 1e-9: sums are rounded
    p = p / p.sum()  # 4. scale to sum 1
    return torch.zeros_like(p).scatter(0, order, p)
    ### END SOLUTION


# %%
check(next_token_distribution)

# %% [markdown]
# Stuck? Each call of `hint("next_token_distribution")` goes one step further; the other exercises have hints in the same way.

# %%
hint("next_token_distribution")

# %% [markdown]
# ## 2. Beam search (30 min)
#
# At each step every live beginning is continued by every token that `logp` offers. The `beam` best of all candidates stay, by the sum of their log-probabilities. One that ends in `eos` is finished: it took a place in this step, and leaves the beam. At the end the best sum / length**alpha wins, among the finished ones and those cut at `max_len`. The length counts `eos` and not `bos`. Of equals the earlier candidate wins.

# %%
def beam_search(logp, bos, eos, beam, max_len, alpha):
    """The best sentence that a beam finds -> (tokens, score), tokens a list without bos, with eos.

    logp(prefix) takes a tuple that begins with bos and gives a dict token -> log-probability.

    >>> rows = {(0,): {1: 0.6, 2: 0.4}, (0, 1): {9: 0.5, 3: 0.5}, (0, 2): {9: 1.0}}
    >>> logp = lambda prefix: {token: math.log(p) for token, p in rows[prefix].items()}
    >>> tokens, score = beam_search(logp, bos=0, eos=9, beam=2, max_len=2, alpha=0.0)
    >>> tokens, round(math.exp(score), 4)
    ([2, 9], 0.4)
    """
    # 1. all continuations   2. the best of all   3. finished or live   4. the best score
    ### BEGIN SOLUTION
    live, finished = [((), 0.0)], []
    for _ in range(max_len):
        longer = []
        for tokens, total in live:  # 1. all continuations
            for token, more in logp((bos, *tokens)).items():
                longer.append(((*tokens, token), total + more))
        best = sorted(longer, key=lambda candidate: -candidate[1])[:beam]  # 2. the best of all, equals keep their order
        finished += [candidate for candidate in best if candidate[0][-1] == eos]  # 3. finished or live
        live = [candidate for candidate in best if candidate[0][-1] != eos]
    scored = [(total / len(tokens) ** alpha, tokens) for tokens, total in finished + live]  # 4. the best score
    score, tokens = max(scored, key=lambda pair: pair[0])
    return list(tokens), score
    ### END SOLUTION


# %%
check(beam_search)

# %% [markdown]
# A beam of 3 asks `logp` up to three times at each step. A real model answers all three in one batch.
#
# ## 3. Counted draws against probabilities (8 min)
#
# $\chi^2 = \sum_i (O_i - E_i)^2 / E_i$, with $O_i$ the counts and $E_i = n p_i$. A token with $p_i = 0$ adds 0 if it never came. If it came, no sampler of $p$ can have drawn it: return infinity. Use NumPy, without `scipy.stats`.

# %%
def chi_square(counts, p):
    """counts (V,), whole numbers, and p (V,) -> the sum of (O - E)^2 / E, a number.

    >>> chi_square(np.array([12, 18, 50]), np.array([1, 2, 5]) / 8)  # 4/10 + 4/20 + 0
    0.6
    """
    ### BEGIN SOLUTION
    expected = counts.sum() * p
    possible = p > 0
    if counts[~possible].any():
        return math.inf
    return float(((counts - expected)[possible] ** 2 / expected[possible]).sum())
    ### END SOLUTION


# %%
check(chi_square)

# %% [markdown]
# ## 4. Hunt: it passed each test (8 min)
#
# Somebody tested a sampler with all temperatures and with all values of `top_p`, and it was right each time. In use its texts are odd. You have the function, not its source.
# Hand in an input `(logits, temperature, top_p)` on which it differs from the right one, and name the fault. logits are (V,).

# %%
the_hunt = hunt("15_order")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. At temperature 1 both agree.

# %%
logits, temperature, top_p = np.array([2.0, 1.0, 0.0, -1.0]), 1.0, 0.8
print("suspect  ", the_hunt.broken(logits, temperature, top_p).round(4))
print("reference", the_hunt.right(logits, temperature, top_p).round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "threshold"
### BEGIN SOLUTION
example = (np.array([2.0, 1.0, 0.0, -1.0]), 2.0, 0.8)
fault = "temperature_last"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# A program writes stories by drawing, with top-p 0.9. A colleague puts a beam search of width 50 in its place: "Its texts have a higher probability, so they are better."
# What would you expect of these stories, and why (think of the bent coin)? Where would the colleague's argument be a good one?

# %% [markdown]
# <!-- answer: 15_story points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# I would expect dull texts that repeat themselves. The most likely sequence is not a typical one: of 100 tosses of the bent coin, all heads is the most likely sequence, and nobody ever sees it.
# Where one answer is right, as with a date or a translation, searching for the most likely one makes sense. It helps only as far as the search was the cause of the mistakes.
# ### END SOLUTION
