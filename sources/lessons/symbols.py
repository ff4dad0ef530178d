# ---
# jupyter:
#   course:
#     title: Symbols
# ---

# %% [markdown]
# # Symbols
#
# One letter means one thing in the whole course: in the text, in figures, in code and in error messages. The arguments of an exercise keep
# the names of its contract. Shapes are written as NumPy prints them, with the names of the axes: `(n_q, d)` is a matrix with one row a query.

# %% [markdown]
# ## Sizes
#
# | Symbol | In code | Meaning |
# |:--|:--|:--|
# | $B$ | `B` | batch: examples computed side by side |
# | $n$ | `n` | tokens in a sequence |
# | $n_q,\; n_k$ | `n_q`, `n_k` | number of queries; number of keys, and of values |
# | $d$ | `d` | length of a vector where there is only one; in attention the length of a query and of a key |
# | $d_\text{model}$ | `d_model` | length of a token's vector inside a Transformer |
# | $d_\text{head}$ | `d_head` | length of a query and a key inside one head |
# | $d_v$ | `d_v` | length of a value |
# | $d_\text{hidden}$ | `d_hidden` | width inside a feed-forward layer |
# | $n_\text{heads}$ | `n_heads` | number of heads; `H` names the head axis of an array |
# | $n_\text{layers}$ | `n_layers` | number of layers |
# | $n_\text{vocab}$ | `n_vocab` | number of different tokens |
# | $C \times h \times w$ | `C`, `img_h`, `img_w` | channels, height and width of an image |

# %% [markdown]
# ## Arrays of attention
#
# | Symbol | In code | Shape | Meaning |
# |:--|:--|:--|:--|
# | $Q$ | `queries`, `Q` | `(..., n_q, d)` | queries, one a row: what asks |
# | $K$ | `keys`, `K` | `(..., n_k, d)` | keys, one a row: what is compared with |
# | $V$ | `values`, `V` | `(..., n_k, d_v)` | values, one a row: what is handed over |
# | $S = QK^\top/\sqrt{d}$ | `scores` | `(..., n_q, n_k)` | how well each query fits each key |
# | $A = \mathrm{softmax}(S)$ | `weights` | `(..., n_q, n_k)` | each row sums to 1 |
# | $O = AV$ | `output`, `context` | `(..., n_q, d_v)` | what each query gets |
# | $M$ | `mask` | `(..., n_q, n_k)` | boolean; **True means "may be attended"** |
# | $\tilde S$ | `hidden` | `(..., n_q, n_k)` | the scores, with $-\infty$ where the mask is False |
# | $q,\; k,\; v$ | `q`, `k`, `v` | `(d,)`, `(d,)`, `(d_v,)` | one query, one key, one value: a row of $Q$, $K$, $V$ |
#
# The dots stand for any axes in front, such as `(B, n_heads)`.

# %% [markdown]
# ## Operations and other letters
#
# | Symbol | In code | Meaning |
# |:--|:--|:--|
# | $a \cdot b$ | `a @ b` | dot product of two vectors |
# | $\lVert a \rVert$ | `np.linalg.norm(a)` | length of a vector |
# | $\theta$ | `angle` | angle between two vectors, in degrees where it is printed |
# | $K^\top$ | `K.T`, `np.swapaxes(K, -1, -2)` | transpose: the last two axes change places |
# | $T$ | `temperature` | what scores are divided by before softmax |
# | $p$ | `p`, `weights` | weights that are not negative and sum to 1 |
# | $H(p)$ | `entropy(p)` | entropy, in nats |
# | $\partial p_i / \partial x_j$ | `jacobian[i, j]` | how output $i$ answers input $j$ |
# | $\delta_{ij}$ | `np.eye(n)[i, j]` | 1 for $i = j$, else 0 |
# | $L$ | `loss` | the number that training makes small |
# | $\eta$ | `rate`, `learning_rate` | learning rate: what the gradient is multiplied by in a step of gradient descent |
# | $\mathrm{d}X$ | `d_X`, e.g. `d_scores` | gradient of the loss by $X$; it has the shape of $X$ |
