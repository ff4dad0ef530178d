# ---
# jupyter:
#   course:
#     lesson: 13_training
#     exercises: [smoothed_cross_entropy, warmup_rate, clip_gradient, 13_mean]
# ---

# %%
import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("13_training", torch=True)

# %% [markdown]
# Three functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check.
#
# ## 1. The loss (18 min)
#
# The soft target is $1 - s$ on the right token plus $s / V$ on **every** token. Padded places do not count, whatever the model says there. A batch without a real token has loss 0. Use PyTorch, without `F.cross_entropy`.

# %%
def smoothed_cross_entropy(logits, targets, pad, smoothing=0.0):
    """Mean cross-entropy in nats over the tokens that are not pad, against softened targets; shape ().

    logits (B, n, V), targets (B, n). No real token at all gives 0.

    >>> p = torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]])
    >>> smoothed_cross_entropy(p.log(), torch.tensor([[0, 9]]), pad=9, smoothing=0.3)
    tensor(0.8318)
    """
    # 1. which places count   2. log-probabilities   3. of the right tokens   4. the mean over all tokens   5. the mean of what counts
    ### BEGIN SOLUTION
    keep = targets != pad  # 1. which places count (B, n)
    log_p = logits[keep].log_softmax(dim=-1)  # 2. log-probabilities (n_real, V)
    right = log_p.gather(-1, targets[keep].unsqueeze(-1)).squeeze(-1)  # 3. of the right tokens (n_real,)
    spread = log_p.mean(dim=-1)  # 4. the mean over all tokens (n_real,)
    return -((1 - smoothing) * right + smoothing * spread).sum() / keep.sum().clamp(min=1)  # 5. the mean of what counts
    ### END SOLUTION


# %%
check(smoothed_cross_entropy)

# %% [markdown]
# Stuck? Each call of `hint("smoothed_cross_entropy")` goes one step further; the other exercises have hints in the same way.

# %%
hint("smoothed_cross_entropy")

# %% [markdown]
# Which $s$ of the other convention (spread over the $V - 1$ others) gives the same target as ours with $s = 0.3$ and $V = 3$?
#
# ## 2. The rate of 2017 (8 min)
#
# $$\text{rate}(n) = \text{factor} \cdot d^{-1/2} \cdot \min\left( n^{-1/2},\ n \cdot \text{warmup}^{-3/2} \right)$$
#
# Steps count from 1. Step 0 is treated as step 1.

# %%
def warmup_rate(step, d_model, warmup, factor=1.0):
    """The learning rate of Vaswani et al. 2017, section 5.3.

    >>> [warmup_rate(step, d_model=4, warmup=4) for step in (1, 4, 16)]
    [0.0625, 0.25, 0.125]
    """
    ### BEGIN SOLUTION
    step = max(step, 1)
    return factor * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
    ### END SOLUTION


# %%
check(warmup_rate)

# %% [markdown]
# At which later step is the rate half of the peak? Answer with `warmup` in it, then test your answer with the function.
#
# ## 3. Too long a gradient (8 min)
#
# A layer has two gradients, gW and gb. Together they are one vector. Where it is longer than `longest`, shorten it and keep its direction. Use NumPy.

# %%
def clip_gradient(gW, gb, longest):
    """(gW', gb'): both multiplied by one share, so that their common length is at most `longest`.

    gW (d_in, d_out), gb (d_out,). A shorter gradient stays as it is.

    >>> clip_gradient(np.array([[3.0]]), np.array([4.0]), 1.0)
    (array([[0.6]]), array([0.8]))
    """
    ### BEGIN SOLUTION
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    share = longest / length if length > longest else 1.0
    return gW * share, gb * share
    ### END SOLUTION


# %%
check(clip_gradient)

# %% [markdown]
# ## 4. Hunt: right for every sentence alone (10 min)
#
# Somebody's mean leaves padding out, and for one sentence at a time it is right. In batches it is off, and not always.
# Hand in an input `(losses, keep)` on which it differs from the right one, and name the fault.

# %%
the_hunt = hunt("13_mean")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(losses, keep)` is the suspect, `the_hunt.right(losses, keep)` the reference.

# %%
losses = np.array([[3.0, 1.0, 9.0]])  # (B, n)
keep = np.array([[True, True, False]])
print("broken", the_hunt.broken(losses, keep), " right", the_hunt.right(losses, keep))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "padding_counts"
### BEGIN SOLUTION
example = (np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), np.array([[True, False, False], [True, True, True]]))
fault = "mean_of_means"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 5. In your own words (5 min)
#
# Two teams train on the same digits, 10 classes. Team A smooths its targets with 0.1 and reports a loss of 0.62. Team B does not smooth and reports 0.31, a mean over all places, half of which are padding with a loss of 0.
# Can you say which model is better? Which number would you ask both for?

# %% [markdown]
# <!-- answer: 13_two_teams points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# No. With this smoothing A's loss cannot fall below 0.50, the entropy of its target, so most of the 0.62 is no error. B's mean counts padding: over its real places the loss is 0.62 as well, and there the best possible is 0.
# I would ask both for the loss without smoothing, the mean over the same real places of the same new sequences.
# ### END SOLUTION
