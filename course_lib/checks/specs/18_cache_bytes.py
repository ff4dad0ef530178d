"""Exercise `cache_bytes` (lesson 18): how much memory the keys and values of the past take."""

import numpy as np
import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    return 2 * n_layers * n_kv_heads * d_head * n * B * number_bytes


def layer_by_layer(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    total = 0
    for _ in range(n_layers):
        keys = B * n_kv_heads * n * d_head
        values = B * n_kv_heads * n * d_head
        total += (keys + values) * number_bytes
    return total


def by_the_token(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    of_a_token = sum((number_bytes * n_kv_heads * d_head, number_bytes * n_kv_heads * d_head)) * n_layers
    return int(np.prod([of_a_token, n, B], dtype=np.int64))


def by_a_shape(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    cache = torch.empty(n_layers, 2, B, n_kv_heads, n, d_head, device="meta")  # holds no memory
    return cache.numel() * number_bytes


# ------------------------------------------------------------------ stored wrong answers


def keys_alone(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count the keys and forget the values: both are kept, a factor of 2."""
    return n_layers * n_kv_heads * d_head * n * B * number_bytes


def queries_too(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count queries too: a query is used once and thrown away, keys and values alone are kept."""
    return 3 * n_layers * n_kv_heads * d_head * n * B * number_bytes


def one_layer(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count one layer: each layer has keys and values of its own."""
    return 2 * n_kv_heads * d_head * n * B * number_bytes


def one_head(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count one head: each of the n_kv_heads has keys and values of d_head numbers."""
    return 2 * n_layers * d_head * n * B * number_bytes


def one_token(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count one token: all n tokens of the past are kept."""
    return 2 * n_layers * n_kv_heads * d_head * B * number_bytes


def one_sequence(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count one sequence: each of the B has a cache of its own."""
    return 2 * n_layers * n_kv_heads * d_head * n * number_bytes


def features_forgotten(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count a key as one number: it has d_head of them."""
    return 2 * n_layers * n_kv_heads * n * B * number_bytes


def numbers(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return how many numbers there are: each takes `number_bytes` bytes."""
    return 2 * n_layers * n_kv_heads * d_head * n * B


def always_float32(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count 4 bytes a number whatever `number_bytes` is: take the argument."""
    return 2 * n_layers * n_kv_heads * d_head * n * B * 4


def always_float16(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count 2 bytes a number whatever `number_bytes` is: take the argument."""
    return 2 * n_layers * n_kv_heads * d_head * n * B * 2


def taken_for_bits(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You divide by 8 as if number_bytes were bits: it is bytes."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) / 8


def bits(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return bits: bytes are asked for, leave the 8 out."""
    return 8 * cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes)


def scores_kept(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count n * n scores: these are not kept, the keys and values of n tokens are."""
    return 2 * n_layers * n_kv_heads * n * n * B * number_bytes


def square_of_n(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """Your cache grows with the square of n: each token adds the same amount, so once n."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) * n


def sum_over_the_steps(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You add up the caches of all steps, 1 + 2 + ... + n tokens: there is one cache, and at the end it holds
    n tokens."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) * (n + 1) // 2


def last_token_left_out(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count n - 1 tokens: the keys and values of all n are in the cache."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n - 1, B, number_bytes)


def one_token_more(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count n + 1 tokens: the cache holds the n that have been read."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n + 1, B, number_bytes)


def kilobytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return KiB: bytes are asked for, do not divide by 1024."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) / 1024


def megabytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return MiB: bytes are asked for, do not divide by 1024 twice."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) / 1024**2


def gigabytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return GiB: bytes are asked for, do not divide by 1024 three times."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) / 1024**3


def decimal_megabytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return MB: bytes are asked for, do not divide by a million."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) / 10**6


def decimal_gigabytes(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You return GB: bytes are asked for, do not divide by 10**9."""
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) / 10**9


def two_matrices_of_weights(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count the weights of W_k and W_v: those are parameters, the cache holds what came out of them for
    each token."""
    return 2 * n_layers * (n_kv_heads * d_head) ** 2 * number_bytes


def head_divided(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You divide d_head by the number of heads: it is the size of one head already, multiply."""
    return 2 * n_layers * d_head / n_kv_heads * n * B * number_bytes


def added_up(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You add where a product belongs: layers times heads times features times tokens times sequences."""
    return 2 * (n_layers + n_kv_heads + d_head + n + B) * number_bytes


def doubled_twice(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You double twice: one factor of 2 for keys and values, and number_bytes holds the size of a number."""
    return 4 * n_layers * n_kv_heads * d_head * n * B * number_bytes


def attention_weights_too(n_layers, n_kv_heads, d_head, n, B, number_bytes):
    """You count attention weights too: they are made anew for each query, keys and values alone are kept."""
    weights = n_layers * n_kv_heads * n * n * B * number_bytes
    return cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) + weights


# ------------------------------------------------------------------ the exercise


def given(*sizes):
    return lambda rng: sizes


def any_model(rng):
    return tuple(int(rng.integers(2, most)) for most in (60, 20, 129, 5000, 65, 5))


EXERCISE = Exercise(
    id="cache_bytes",
    contract=(
        "cache_bytes(n_layers, n_kv_heads, d_head, n, B, number_bytes) -> bytes of the cache, a whole "
        "number: keys and values of n tokens of B sequences in every layer, n_kv_heads heads of d_head "
        "numbers, each of number_bytes bytes."
    ),
    minutes=6,
    difficulty=1,
    points=1,
    arguments={"n_layers": (), "n_kv_heads": (), "d_head": (), "n": (), "B": (), "number_bytes": ()},
    outputs={"bytes": ()},
    cases=[
        Case("one of everything", given(1, 1, 1, 1, 1, 1)),
        Case("by hand", given(2, 3, 5, 7, 11, 2), weight=2),
        Case("float32", given(2, 3, 5, 7, 1, 4)),
        Case("4 layers of 4 heads, d_model 144", given(4, 4, 36, 128, 1, 4)),
        Case("one head for all (MQA), 8 bits", given(4, 1, 36, 128, 1, 1)),
        Case("12 layers of 12 heads, 1,024 tokens", given(12, 12, 64, 1024, 1, 2)),
        Case("no token yet", given(4, 4, 36, 0, 2, 4)),
        Case("a batch of 16", given(3, 2, 8, 10, 16, 2)),
        Case("any model", any_model),
        Case("any other model", any_model),
    ],
    reference=layer_by_layer,
    solution=cache_bytes,
    right=[cache_bytes, layer_by_layer, by_the_token, by_a_shape],
    wrong=[
        keys_alone,
        queries_too,
        one_layer,
        one_head,
        one_token,
        one_sequence,
        features_forgotten,
        numbers,
        always_float32,
        always_float16,
        taken_for_bits,
        bits,
        scores_kept,
        square_of_n,
        sum_over_the_steps,
        last_token_left_out,
        one_token_more,
        kilobytes,
        megabytes,
        gigabytes,
        decimal_megabytes,
        decimal_gigabytes,
        two_matrices_of_weights,
        head_divided,
        added_up,
        doubled_twice,
        attention_weights_too,
    ],
    hints=[
        "What does one layer keep of one token, for one head? What of Q, K and V is needed again?",
        "A key has d_head numbers, a value as many: for each token, head, layer and sequence.",
        "`2 * n_layers * n_kv_heads * d_head * n * B * number_bytes`.",
    ],
)
