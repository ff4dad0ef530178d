"""Exercise `split_heads` (lesson 10): each head's features of every token."""

import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def split_heads(x, n_heads):
    B, n, d_model = x.shape
    if d_model % n_heads != 0:
        raise ValueError(f"n_heads must divide d_model; got d_model {d_model}, n_heads {n_heads}")
    return x.view(B, n, n_heads, d_model // n_heads).transpose(1, 2)


def with_slices(x, n_heads):
    d_head, rest = divmod(x.shape[-1], n_heads)
    if rest:
        raise ValueError("d_model must be a multiple of n_heads")
    return torch.stack([x[:, :, h * d_head : (h + 1) * d_head] for h in range(n_heads)], dim=1)


def with_chunks(x, n_heads):
    if x.shape[-1] % n_heads:
        raise ValueError("d_model must be a multiple of n_heads")
    return torch.stack(x.chunk(n_heads, dim=-1), 1)


def with_loops(x, n_heads):
    B, n, d_model = x.shape
    if d_model % n_heads:
        raise ValueError("d_model must be a multiple of n_heads")
    d_head = d_model // n_heads
    heads = torch.zeros(B, n_heads, n, d_head, dtype=x.dtype)
    for feature in range(d_model):
        heads[:, feature // d_head, :, feature % d_head] = x[:, :, feature]
    return heads


# ------------------------------------------------------------------ stored wrong answers


def sized(x, n_heads):
    """B, n, d_head, after the test that the heads fit."""
    B, n, d_model = x.shape
    if d_model % n_heads:
        raise ValueError("d_model must be a multiple of n_heads")
    return B, n, d_model // n_heads


def no_transpose(x, n_heads):
    """You ask for the shape (B, n_heads, n, d_head) at once, so a head gets some of the tokens, whole: first
    cut the last axis into (n_heads, d_head), then exchange the axes of tokens and heads."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n_heads, n, d_head)


def every_nth_feature(x, n_heads):
    """Head 0 gets every n_heads-th feature: it owns the first d_head in a row, so cut the last axis into
    (n_heads, d_head), in this order."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, d_head, n_heads).permute(0, 3, 1, 2)


def tokens_last(x, n_heads):
    """Your last two axes are exchanged, (d_head, n): attention wants (n, d_head) there."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, n_heads, d_head).permute(0, 2, 3, 1)


def not_exchanged(x, n_heads):
    """The heads stand behind the tokens, (B, n, n_heads, d_head): exchange axes 1 and 2, or attention will
    compare heads with heads."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, n_heads, d_head)


def heads_first(x, n_heads):
    """The heads stand before the batch: the order is (B, n_heads, n, d_head)."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, n_heads, d_head).permute(2, 0, 1, 3)


def batch_cut(x, n_heads):
    """You exchange batch and heads after cutting the wrong axis, so a head mixes examples: each example keeps
    its own place on axis 0."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(n_heads, B, n, d_head).transpose(0, 1)


def transposed_then_cut(x, n_heads):
    """You exchange tokens and features before you cut: the pieces then hold numbers of several tokens. Cut
    the last axis first."""
    B, n, d_head = sized(x, n_heads)
    return x.transpose(1, 2).reshape(B, n_heads, n, d_head)


def heads_reversed(x, n_heads):
    """Your heads come in reverse order: head 0 owns the first d_head features."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, n_heads, d_head).transpose(1, 2).flip(1)


def tokens_reversed(x, n_heads):
    """The tokens come in reverse order: their order stays as it is."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, n_heads, d_head).transpose(1, 2).flip(2)


def all_features_for_each(x, n_heads):
    """Every head gets all features: head h owns d_head of them, h * d_head to (h + 1) * d_head - 1."""
    B, n, _ = sized(x, n_heads)
    return x[:, None].expand(B, n_heads, n, x.shape[-1])


def first_features_for_each(x, n_heads):
    """Every head gets the first d_head features: head h begins at feature h * d_head."""
    B, n, d_head = sized(x, n_heads)
    return x[:, None, :, :d_head].expand(B, n_heads, n, d_head)


def sizes_exchanged(x, n_heads):
    """You cut into d_head heads of n_heads features: the sizes are in each other's place."""
    B, n, d_head = sized(x, n_heads)
    return x.reshape(B, n, d_head, n_heads).transpose(1, 2)


def first_example_for_all(x, n_heads):
    """All examples get the heads of the first: keep the axis of the batch."""
    B, n, d_head = sized(x, n_heads)
    return x[:1].reshape(1, n, n_heads, d_head).transpose(1, 2).expand(B, n_heads, n, d_head)


def no_error(x, n_heads):
    """You do not refuse a d_model that n_heads does not divide, and drop the features that are left over:
    raise a ValueError."""
    B, n, d_model = x.shape
    d_head = d_model // n_heads
    return x[..., : n_heads * d_head].reshape(B, n, n_heads, d_head).transpose(1, 2)


def left_to_view(x, n_heads):
    """You leave the refusal to `view`, whose RuntimeError does not speak of heads: test d_model % n_heads and
    raise a ValueError."""
    B, n, d_model = x.shape
    return x.reshape(B, n, n_heads, d_model // n_heads).transpose(1, 2)


def no_transpose_no_test(x, n_heads):
    """And a second fault: you ask for the shape (B, n_heads, n, d_head) at once, so a head gets some of the
    tokens, whole. First cut the last axis into (n_heads, d_head), then exchange the axes of tokens and
    heads."""
    B, n, d_model = x.shape
    return x.reshape(B, n_heads, n, d_model // n_heads)


def every_nth_feature_no_test(x, n_heads):
    """And a second fault: head 0 gets every n_heads-th feature, but it owns the first d_head in a row. Cut
    the last axis into (n_heads, d_head), in this order."""
    B, n, d_model = x.shape
    return x.reshape(B, n, d_model // n_heads, n_heads).permute(0, 3, 1, 2)


def not_exchanged_no_test(x, n_heads):
    """And a second fault: the heads stand behind the tokens, (B, n, n_heads, d_head). Exchange axes 1 and 2,
    or attention will compare heads with heads."""
    B, n, d_model = x.shape
    return x.reshape(B, n, n_heads, d_model // n_heads)


def tokens_last_no_test(x, n_heads):
    """And a second fault: your last two axes are exchanged, (d_head, n). Attention wants (n, d_head)
    there."""
    B, n, d_model = x.shape
    return x.reshape(B, n, n_heads, d_model // n_heads).permute(0, 2, 3, 1)


def asserts(x, n_heads):
    """You refuse with an assert, which raises an AssertionError: raise a ValueError that names the
    numbers."""
    assert x.shape[-1] % n_heads == 0
    return split_heads(x, n_heads)


# ------------------------------------------------------------------ the exercise


def numbered(B, n, d_model):
    """Token by token: 100 for the example, 10 for the token, 1 for the feature."""
    return torch.tensor(
        [[[100.0 * b + 10 * t + f for f in range(d_model)] for t in range(n)] for b in range(B)]
    )


EXERCISE = Exercise(
    id="split_heads",
    contract=(
        "split_heads(x, n_heads) -> heads; x (B, n, d_model), heads (B, n_heads, n, d_head) with d_head = "
        "d_model / n_heads; head h holds features h*d_head to (h+1)*d_head - 1 of every token. ValueError "
        "where n_heads does not divide d_model."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    takes="torch",
    arguments={"x": ("B", "n", "d_model"), "n_heads": ()},
    outputs={"heads": ("B", "n_heads", "n", "d_head")},
    cases=[
        Case("3 tokens, 2 heads of 5", lambda rng: (rng.normal(size=(2, 3, 10)), 2), weight=3),
        Case("numbered, 4 tokens, 2 heads of 2", lambda rng: (numbered(2, 4, 4).numpy(), 2)),
        Case("heads, tokens and features alike", lambda rng: (rng.normal(size=(2, 3, 9)), 3)),
        Case("one head", lambda rng: (rng.normal(size=(2, 3, 4)), 1)),
        Case("heads of one feature", lambda rng: (rng.normal(size=(3, 2, 5)), 5)),
        Case("one token", lambda rng: (rng.normal(size=(2, 1, 6)), 3)),
        Case("7 features, 3 heads", lambda rng: (rng.normal(size=(1, 2, 7)), 3)),
        Case("7 features, 3 heads, 3 tokens", lambda rng: (rng.normal(size=(1, 3, 7)), 3)),
    ],
    reference=split_heads,
    solution=split_heads,
    right=[split_heads, with_slices, with_chunks, with_loops],
    wrong=[
        no_transpose,
        every_nth_feature,
        tokens_last,
        not_exchanged,
        heads_first,
        batch_cut,
        transposed_then_cut,
        heads_reversed,
        tokens_reversed,
        all_features_for_each,
        first_features_for_each,
        sizes_exchanged,
        first_example_for_all,
        no_error,
        left_to_view,
        no_transpose_no_test,
        every_nth_feature_no_test,
        not_exchanged_no_test,
        tokens_last_no_test,
        asserts,
    ],
    hints=[
        "Write down the numbers of one token with 4 features. Which go to head 0, which to head 1?",
        (
            "`view` cuts an axis and moves no number: cut the last one into (n_heads, d_head). `transpose` "
            "exchanges two axes: which two?"
        ),
        "`x.view(B, n, n_heads, d_model // n_heads).transpose(1, 2)`, after the test with `%`.",
    ],
)
