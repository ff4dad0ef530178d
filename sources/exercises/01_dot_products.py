# ---
# jupyter:
#   course:
#     lesson: 01_dot_products
#     exercises: [projection, similarity, nearest]
# ---

# %%
import numpy as np

from course_lib import start
from course_lib.checks import check, hint

start("01_dot_products")

# %% [markdown]
# ## projection (8 min)
#
# All three functions are to be written with NumPy alone.
#
# How far does one arrow reach along another? In the lesson the shadow of (2, 1) on (4, 0) was (2, 0).
#
# | argument | shape | what it is |
# |---|---|---|
# | `a` | (d,) | the arrow that throws the shadow |
# | `b` | (d,) | the arrow on which the shadow falls |
# | returns | (d,) | the part of a that lies along b; zeros where b is zero |
#
# Before you write: if b became ten times as long, what should happen to the result?

# %%
def projection(a, b):
    """The part of a (d,) that lies along b (d,), a vector (d,); zeros where b is zero.

    >>> projection(np.array([2.0, 1.0]), np.array([4.0, 0.0]))
    array([2., 0.])
    """
    ### BEGIN SOLUTION
    squared_length = b @ b
    if squared_length == 0:
        return np.zeros(len(b))  # a zero vector has no direction
    return (a @ b) / squared_length * b
    ### END SOLUTION


check(projection)

# %% [markdown]
# Each call of the next cell gives the next of three hints.

# %%
hint("projection")

# %% [markdown]
# ## similarity (12 min)
#
# One query against every key. The steps have the names they had in the lesson: **line up, multiply and add, measure, divide**.
# The lesson's worked example had no zero vector. This one must survive it.
#
# | argument | shape | what it is |
# |---|---|---|
# | `q` | (d,) | the query |
# | `K` | (n, d) | n keys, one in each row |
# | returns `dot` | (n,) | the dot product of the query with each key |
# | returns `cos` | (n,) | the cosine of the angle to each key; 0 where one of the two is a zero vector |

# %%
def similarity(q, K):
    """Dot products and cosines of a query q (d,) with every key in K (n, d): two arrays (n,).

    >>> similarity(np.array([3.0, 4.0]), np.array([[3.0, 4.0], [0.0, 2.0]]))
    (array([25.,  8.]), array([1. , 0.8]))
    """
    ### BEGIN SOLUTION
    assert K.shape[1:] == q.shape  # 1 line up
    dot = K @ q  # 2 multiply and add
    lengths = np.linalg.norm(K, axis=1) * np.linalg.norm(q)  # 3 measure
    cos = np.zeros(len(K))
    there = lengths > 0  # a zero vector has no direction: its cosine stays 0
    cos[there] = dot[there] / lengths[there]  # 4 divide
    return dot, cos
    ### END SOLUTION


check(similarity)

# %%
hint("similarity")

# %% [markdown]
# ## nearest (10 min)
#
# The search itself: which rows of a table point most nearly where the query points? You may use `similarity` from above,
# or the library's: `from course_lib.by_hand import similarity`.
#
# | argument | shape | what it is |
# |---|---|---|
# | `q` | (d,) | the query |
# | `K` | (n, d) | n keys, one in each row |
# | `k` | a whole number | how many rows are wanted, 1 to n |
# | returns | (k,) | the rows of K with the largest cosine to q, best first; among equals the lower row first |

# %%
def nearest(q, K, k):
    """Rows (k,) of the k keys in K (n, d) with the largest cosine to q (d,), best first; ties by lower row.

    Rows are whole numbers, so that `K[rows]` works.

    >>> nearest(np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]]), 2)
    array([2, 1])
    """
    ### BEGIN SOLUTION
    _, cos = similarity(q, K)
    return np.argsort(-cos, kind="stable")[:k]
    ### END SOLUTION


check(nearest)

# %%
hint("nearest")

# %% [markdown]
# ## With real words
#
# The next cell uses the library's `nearest`, so it runs in any case. When your own is right, leave out the import: the answer must be the same.

# %%
from course_lib.by_hand import nearest
from course_lib.data.words import load_words

words = load_words()
rows = nearest(words.vector("king"), words.vectors, 4)
print([words.words[row] for row in rows])
assert rows.shape == (4,)

# %% [markdown]
# ## In your own words (5 min)
#
# A music shop keeps 384 numbers for each song, and every song's vector is scaled to length 1. A colleague leaves out the division and ranks the songs by the plain dot product with the query.
# Is the order still that of the cosines? Then one song is stored three times as long by mistake: when does it win, although it should not?

# %% [markdown]
# <!-- answer: 01_lengths points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# Yes. The length of each key is 1 and the length of the query is the same for all songs, so product and cosine put them in the same order.
# The long song has three times its product. Where its cosine is above 0, it passes every song whose cosine is less than three times as large. (Where its cosine is below 0, it falls farther back.)
# ### END SOLUTION
