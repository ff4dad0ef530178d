# ---
# jupyter:
#   course:
#     lesson: 21_vision_transformer
#     exercises: [patch_embedding, unpatchify, 21_places]
# ---

# %%
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("21_vision_transformer", torch=True)

# %% [markdown]
# Two functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. Use PyTorch.
#
# ## 1. An image becomes tokens (25 min)
#
# Four steps, as in the lesson: cut, project, class token in front, positions. Images have C channels here, and need not be square. A patch is read channel by channel, each channel row by row.
# What does not fit is refused. To cut off the rest in silence would lose the edge of every image.

# %%
def patch_embedding(img, P, W, b, cls, pos):
    """img (B, C, H, Wd), W (C*P*P, D), b (D,), cls (D,), pos (1 + N, D) -> (B, 1 + N, D), N patches.

    ValueError where P does not divide H or Wd. No argument is changed.

    >>> img = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])  # one image, one patch: 1 + 2 + 3 + 4 = 10
    >>> one = torch.ones(4, 1)
    >>> patch_embedding(img, 2, one, torch.tensor([5.0]), torch.tensor([7.0]), torch.zeros(2, 1))
    tensor([[[ 7.],
             [15.]]])
    """
    # 1. cut   2. project   3. class token in front   4. positions
    ### BEGIN SOLUTION
    B, C, H, Wd = img.shape
    if H % P or Wd % P:
        raise ValueError(f"P must divide both sides; got P {P}, image {H} x {Wd}")
    grid = img.reshape(B, C, H // P, P, Wd // P, P)  # 1. cut: both sides in two
    patches = grid.permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * P * P)  # (B, N, C*P*P)
    tokens = patches @ W + b  # 2. project (B, N, D)
    tokens = torch.cat([cls.expand(B, 1, -1), tokens], dim=1)  # 3. class token in front (B, 1 + N, D)
    return tokens + pos  # 4. positions
    ### END SOLUTION


# %%
check(patch_embedding)

# %% [markdown]
# Stuck? Each call of `hint("patch_embedding")` goes one step further; the other exercises have hints in the same way.

# %%
hint("patch_embedding")

# %% [markdown]
# Which of your lines would a convolution replace? (`torch.nn.functional.conv2d` with stride P, as in the lesson.)
#
# ## 2. And back (12 min)
#
# The way from patches to the image. Models that paint need it: they put out patches. Here there is one image, so there is no axis B.

# %%
def unpatchify(patches, P, H, Wd):
    """patches (N, C*P*P), row by row from the top left -> the image (C, H, Wd). patches is not changed.

    >>> unpatchify(torch.tensor([[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]), 2, 2, 4)
    tensor([[[1., 2., 3., 4.],
             [5., 6., 7., 8.]]])
    """
    ### BEGIN SOLUTION
    grid = patches.reshape(H // P, Wd // P, -1, P, P)  # (rows, columns, C, P, P)
    return grid.permute(2, 0, 3, 1, 4).reshape(-1, H, Wd)  # (C, rows, P, columns, P) and together
    ### END SOLUTION


# %%
check(unpatchify)

# %% [markdown]
# Why does a plain `reshape` return an image of the right shape with the wrong picture? Draw what it does to the two patches of the docstring.
#
# ## 3. Hunt: seven in ten (10 min)
#
# Somebody's model names seven in ten of the digits and stays there. Their test compares it with the reference on fresh parameters, where the positions start at zero: equal. You have the function, not its source.
# Hand in an input `(patches, W, cls, pos)` on which it differs from the right one, and name the fault. patches is (N, p), W (p, d_model), cls (d_model,), pos (1 + N, d_model).

# %%
the_hunt = hunt("21_places")
print(the_hunt)

# %% [markdown]
# Try inputs here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. With positions of zero both agree.

# %%
import numpy as np

rng = np.random.default_rng(0)
patches, W, cls = rng.standard_normal((3, 4)), rng.standard_normal((4, 2)), rng.standard_normal(2)
pos = np.zeros((4, 2))  # (1 + N, d_model)
far = np.abs(the_hunt.broken(patches, W, cls, pos) - the_hunt.right(patches, W, cls, pos))
print("largest difference:", far.max().round(4))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "no_positions_at_all"
### BEGIN SOLUTION
places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])  # patch 0 has a place of its own
example = (np.array([[1.0, 0.0], [0.0, 1.0]]), np.eye(2), np.array([1.0, 0.0]), places)
fault = "patches_without_positions"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 4. In your own words (5 min)
#
# The lesson's Vision Transformer was trained on digits of 8 × 8 pixels, with patches of 2 × 2. It is now given the same digits as 16 × 16 pixels, each drawn twice as large.
# Which of its parts still fit, and which does not? The missing rows are filled with random numbers: why would you still expect bad answers?

# %% [markdown]
# <!-- answer: 21_larger points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# The matrix for patches, the layers and the class token fit, as none of them depends on the number of patches. The table of positions does not: it has 17 rows, and 64 patches and the class token need 65.
# New random rows are names that the model has never met, and the old rows now name other places of the digit. The patches look different too: each shows a quarter of what a patch showed before.
# ### END SOLUTION
