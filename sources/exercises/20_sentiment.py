# ---
# jupyter:
#   course:
#     lesson: 20_sentiment
#     exercises: [mean_pooling, mcnemar, 20_left]
# ---

# %%
import math

import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("20_sentiment", torch=True)

# %% [markdown]
# Two functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. No archive is needed here.
#
# ## 1. One vector for a sentence (10 min)
#
# The mean of the real tokens. Padding counts neither in the sum nor in the number, and may stand anywhere. A sentence without any token gets zeros. Use PyTorch. The sub-goals are those of the lesson.

# %%
def mean_pooling(x, keep):
    """x (B, n, d), keep (B, n) bool, True at real tokens -> (B, d). x is not changed.

    >>> x = torch.tensor([[[2.0, 1.0], [0.0, 3.0], [-5.0, 2.0]]])
    >>> mean_pooling(x, torch.tensor([[True, True, False]]))
    tensor([[1., 2.]])
    """
    # 1. leave padding out   2. divide by the number of real tokens
    ### BEGIN SOLUTION
    total = (x * keep.unsqueeze(-1)).sum(dim=1)  # 1. (B, d)
    return total / keep.sum(dim=1, keepdim=True).clamp(min=1)  # 2. zeros where there is no token
    ### END SOLUTION


# %%
check(mean_pooling)

# %% [markdown]
# Stuck? Each call of `hint("mean_pooling")` goes one step further; the other exercise has hints in the same way.

# %%
hint("mean_pooling")

# %% [markdown]
# ## 2. Better, or lucky? (10 min)
#
# Two models have read the same sentences. Only those count on which exactly one is right. Use NumPy and `math.comb`. What should `p` be if no sentence tells the two apart, and can it pass 1?

# %%
def mcnemar(right_a, right_b):
    """right_a, right_b (N,) bool -> (b, c, p): only a right, only b right, and how often b + c fair coins
    fall at least as unevenly, to either side.

    >>> right_a = np.array([True, True, False, False, False, False, False, False, False])
    >>> right_b = np.array([True, False, True, True, True, True, True, True, True])
    >>> mcnemar(right_a, right_b)
    (1, 7, 0.0703125)
    """
    # 1. count what only one has right   2. the tail of the coins   3. it could have gone the other way too
    ### BEGIN SOLUTION
    b, c = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())  # 1.
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)  # 2.
    return b, c, min(1.0, 2 * tail)  # 3. also where b and c are equal
    ### END SOLUTION


# %%
check(mcnemar)

# %% [markdown]
# How unevenly must 8 coins fall for $p < 0.05$? And could 5 coins ever do it? Try: the smallest $p$ that 5 coins can give is $2/2^5$.
#
# ## 3. Hunt: right in every batch so far (10 min)
#
# Somebody's pooling has served for a year behind a BERT. Alone or in company, each sentence gets the same vector. Then the same function was put behind a GPT, and it was as if the model had become duller. You have the function, not its source.
# Hand in an input `(x, keep)` on which it differs from the right one, and name the fault. x is (B, n, d), keep (B, n).

# %%
the_hunt = hunt("20_left")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. In a batch as the lesson makes it, both agree.

# %%
x = np.random.default_rng(0).standard_normal((2, 4, 3))  # (B, n, d)
keep = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])  # (B, n)
print("largest difference:", np.abs(the_hunt.broken(x, keep) - the_hunt.right(x, keep)).max().round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "padding_in_the_sum"
### BEGIN SOLUTION
example = (np.array([[[9.0], [1.0]]]), np.array([[0, 1]]))
fault = "padding_thought_behind"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 4. In your own words (5 min)
#
# Two pairs of models read the same 1,007 sentences. In the first pair, model A alone is right on 10 and model B alone on none. In the second pair it is 105 and 95. So both differences are 10 sentences.
# Which of them may well be luck? And why do the sentences on which both models agree not count?

# %% [markdown]
# <!-- answer: 20_coins points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# The second. If two models were equally good, each sentence on which only one is right would be a fair coin: 200 coins often fall as unevenly as 105 to 95, but ten coins seldom fall all to one side, in 2 of 1,024 cases.
# Where both are right or both are wrong, nothing speaks for one of them. So these sentences cannot say which is better.
# ### END SOLUTION
