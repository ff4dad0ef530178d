"""What a Transformer multiplies and stores: work by the length of the text, the weights map, the KV cache.

Counted are the multiplications of the matrix products in the blocks; each goes with an addition, so FLOPs
are twice as many. Left out: embeddings, the output layer, norms, softmax, biases. All n^2 pairs of tokens
are counted: a plain implementation computes the scores that a causal mask then hides. The feed-forward
layer is taken as 4 d_model wide. d_head = d_model / n_heads. Groups of query heads share n_kv_heads keys and
values: as many as n_heads (multi-head), fewer (grouped-query) or 1 (multi-query attention).
Sources: Vaswani et al. 2017, Attention Is All You Need, section 3; Shazeer 2019, Fast Transformer Decoding
(multi-query attention); Ainslie et al. 2023, GQA (grouped-query attention).
"""


def d_kv(d_model: int, n_heads: int, n_kv_heads: int | None = None) -> int:
    """Numbers of one token's keys in one layer (as many as of its values): n_kv_heads * d_head.

    Raises ValueError where n_heads does not divide d_model, or n_kv_heads not n_heads.

    >>> d_kv(8192, n_heads=64, n_kv_heads=8)
    1024
    """
    n_kv_heads = n_heads if n_kv_heads is None else n_kv_heads
    if min(d_model, n_heads, n_kv_heads) < 1 or d_model % n_heads or n_heads % n_kv_heads:
        raise ValueError(
            "n_heads must divide d_model and n_kv_heads must divide n_heads; "
            f"got d_model {d_model}, n_heads {n_heads}, n_kv_heads {n_kv_heads}"
        )
    return d_model // n_heads * n_kv_heads


def layer_multiplications(
    n: int, d_model: int, n_heads: int = 1, n_kv_heads: int | None = None
) -> dict[str, int]:
    """Multiplications of one block that reads n tokens at once, by part.

    projections: W_Q and W_O with d_model^2 entries, W_K and W_V with d_model * d_kv, for each token;
    attention: the scores and the weighted sum of the values, n^2 d_model each, whatever n_heads is;
    feed_forward: two matrices with 4 d_model^2 entries, for each token.

    >>> layer_multiplications(10, d_model=4)
    {'projections': 640, 'attention': 800, 'feed_forward': 1280}
    """
    return {
        "projections": n * 2 * d_model * (d_model + d_kv(d_model, n_heads, n_kv_heads)),
        "attention": 2 * n**2 * d_model,
        "feed_forward": n * 8 * d_model**2,
    }


def equal_length(d_model: int, n_heads: int = 1, n_kv_heads: int | None = None) -> int:
    """The n at which attention multiplies as much as projections and feed-forward: 5 d_model + d_kv.

    >>> equal_length(768, n_heads=12)
    4608
    """
    return 5 * d_model + d_kv(d_model, n_heads, n_kv_heads)


def writing_multiplications(
    n: int, d_model: int, n_heads: int = 1, n_kv_heads: int | None = None, cached: bool = True
) -> int:
    """Multiplications of one block that writes n tokens one after another, with or without a KV cache.

    With the cache, step t works on its own token and attends to t keys: n times the work per token, plus
    n (n + 1) d_model. Without it, step t reads all t tokens again: n (n + 1) / 2 times the work per token,
    plus 2 d_model times n (n + 1) (2 n + 1) / 6.

    >>> writing_multiplications(10, d_model=4), writing_multiplications(10, d_model=4, cached=False)
    (2360, 13640)
    """
    one = layer_multiplications(1, d_model, n_heads, n_kv_heads)
    per_token = one["projections"] + one["feed_forward"]
    if cached:
        return n * per_token + n * (n + 1) * d_model
    return n * (n + 1) // 2 * per_token + n * (n + 1) * (2 * n + 1) // 6 * 2 * d_model


def map_bytes(n: int, n_heads: int = 1, bytes_per_number: int = 2) -> int:
    """Bytes of the attention weights of one layer where all of them are stored: n^2 for each head.

    >>> map_bytes(1024, n_heads=12)
    25165824
    """
    return n**2 * n_heads * bytes_per_number


def cache_bytes(
    n: int,
    d_model: int,
    n_heads: int = 1,
    n_kv_heads: int | None = None,
    n_layers: int = 1,
    bytes_per_number: int = 2,
) -> int:
    """Bytes of the keys and values of n tokens in all layers, 2 n d_kv numbers for each layer.

    >>> cache_bytes(4096, 4096, n_heads=32, n_layers=32)
    2147483648
    """
    return 2 * n * d_kv(d_model, n_heads, n_kv_heads) * n_layers * bytes_per_number
