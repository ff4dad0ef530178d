# ---
# jupyter:
#   course:
#     lesson: 00_start
#     exercises: [weighted_average]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check, hint

start("00_start")

# %% [markdown]
# ## weighted_average (4 min)
#
# In the lesson you filled in one line. Now write the whole function, without `np.average`. The three steps are those of the lesson.
#
# $$\text{weighted average} = \frac{\sum_{i=1}^{n} w_i \, v_i}{\sum_{i=1}^{n} w_i}$$
#
# | argument | shape | what it is |
# |---|---|---|
# | `values` | (n,) | n numbers |
# | `weights` | (n,) | how much each of them counts; they need not add up to 1 |
# | returns | a number | the weighted average |

# %%
def weighted_average(values, weights):
    """The average of `values` (n,), in which value i counts `weights[i]` times.

    weights (n,) need not sum to 1; none of them is negative.

    >>> float(weighted_average(np.array([4.0, 10.0, 2.0]), np.array([2.0, 1.0, 1.0])))
    5.0
    """
    ### BEGIN SOLUTION
    products = weights * values  # 1 multiply
    total = products.sum()  # 2 add
    return float(total / weights.sum())  # 3 divide
    ### END SOLUTION


check(weighted_average)

# %% [markdown]
# Stuck? Each call of the next cell gives the next of three hints. When the check says *right*, go on to
# [lesson 01](../notebooks/01_dot_products.ipynb).

# %%
hint("weighted_average")

# %% [markdown]
# ## In your own words (5 min)
#
# Somebody's `weighted_average` divides by the number of values. They test it with the weights 0.5, 1 and 1.5, and say: "All weights differ, so this test would have found a fault."
# Does it find this one? Say why or why not, and change **one** weight so that you can expect the fault to show.

# %% [markdown]
# <!-- answer: 00_weights points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# It does not find the fault. The weights add up to 3, and there are 3 values, so dividing by the number and dividing by the sum give the same.
# With 2 in place of 1.5 the sum is 3.5 and the number is still 3. Then the two results differ, unless the sum of the products is 0.
# ### END SOLUTION
