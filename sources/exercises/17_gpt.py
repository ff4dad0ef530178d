# ---
# jupyter:
#   course:
#     lesson: 17_gpt
#     exercises: [causal_loss, perplexity, 17_window]
# ---

# %%
import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("17_gpt", torch=True)

# %% [markdown]
# Two functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check.
#
# ## 1. The causal loss (12 min)
#
# A model read `ids` and gave `logits`. At place $i$ it says token $i+1$. Which logits have no label, and which token is nobody's label? Use PyTorch. The sub-goals are those of the lesson.

# %%
def causal_loss(logits, ids):
    """logits (B, n, V), ids (B, n), n >= 2 -> mean of -ln p over all B * (n - 1) predictions, in nats.

    >>> p = torch.tensor([[[0.5, 0.5], [0.875, 0.125], [0.25, 0.75]]])
    >>> loss = causal_loss(p.log(), torch.tensor([[0, 1, 1]]))  # 1/2, then 1/8: 1 and 3 bits
    >>> round(loss.item() / np.log(2).item(), 4)
    2.0
    """
    # 1. a guess at each place   2. the token after it is its label   3. minus the logarithm, and the mean
    ### BEGIN SOLUTION
    guesses, labels = logits[:, :-1], ids[:, 1:]  # 1. and 2.: (B, n - 1, V), (B, n - 1)
    log_p = guesses.log_softmax(dim=-1)  # 3.
    return -log_p.gather(-1, labels.unsqueeze(-1)).mean()
    ### END SOLUTION


# %%
check(causal_loss)

# %% [markdown]
# Stuck? Each call of `hint("causal_loss")` goes one step further; the other exercise has hints in the same way.

# %%
hint("causal_loss")

# %% [markdown]
# ## 2. Perplexity of a whole text (8 min)
#
# A long text is read in pieces, and of each piece you have the mean loss. The last piece is shorter. What is the perplexity of the whole text? Use NumPy.

# %%
def perplexity(losses, counts):
    """losses (N,), the mean nats per token of each piece; counts (N,), its tokens -> a number.

    A piece may have no token at all (count 0); not all have.

    >>> round(float(perplexity(np.log([2.0, 16.0]), np.array([2, 1]))), 4)  # 2, 2 and 16: the cube root of 64
    4.0
    """
    ### BEGIN SOLUTION
    return np.exp((losses * counts).sum() / counts.sum())
    ### END SOLUTION


# %%
check(perplexity)

# %% [markdown]
# Would the mean of the two perplexities be larger or smaller than the right number, and is it always so?
#
# ## 3. Hunt: it forgets what it wrote (10 min)
#
# Somebody's writer is fine in all tests with short texts. With long ones it goes in circles. You have the function that hands the model what it reads, not its source; here it gives the mean of the embeddings, so that you can look at it.
# Hand in an input `(ids, E, max_n)` on which it differs from the right one, and name the fault.

# %%
the_hunt = hunt("17_window")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference.

# %%
E = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # (n_vocab, d_model)
ids = np.array([0, 2])  # (n,)
far = np.abs(the_hunt.broken(ids, E, 4) - the_hunt.right(ids, E, 4))
print("largest difference:", far.max().round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "one_too_few"
### BEGIN SOLUTION
example = (np.array([0, 1, 2]), E, 2)
fault = "oldest_tokens"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 4. In your own words (5 min)
#
# GPT A has a loss of 2.4 bits per token on a text of which its tokens hold 3 characters on average. GPT B reads single characters and has 1.2 bits per token. A colleague says: "B has half the loss."
# Which one predicts its text better? What must be true of the text before you may say so?

# %% [markdown]
# <!-- answer: 17_bits points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# B's tokens are characters, so it needs 1.2 bits per character. A needs 2.4 bits for 3 characters, 0.8 bits per character, so A predicts better.
# It must be the same text for both, and neither may have seen it in training. Else a low number can come from copying, or from another text.
# ### END SOLUTION
