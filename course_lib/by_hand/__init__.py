"""What the lessons derive on paper, in NumPy, with its backward pass. Never imports torch."""

from course_lib.by_hand.additive import additive_attention, additive_attention_backward
from course_lib.by_hand.attention import (
    attention_scores,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from course_lib.by_hand.costs import (
    cache_bytes,
    d_kv,
    equal_length,
    layer_multiplications,
    map_bytes,
    writing_multiplications,
)
from course_lib.by_hand.decoding import (
    beam_search,
    beam_steps,
    draw_tokens,
    next_token_distribution,
    uniform_draws,
)
from course_lib.by_hand.differences import finite_difference
from course_lib.by_hand.inspection import attention_rollout, prefix_matching_score
from course_lib.by_hand.layers import (
    feed_forward,
    feed_forward_backward,
    layer_norm,
    layer_norm_backward,
    linear_backward,
)
from course_lib.by_hand.masks import causal_mask, hide, masked_softmax, padding_mask
from course_lib.by_hand.normalise import entropy, log_sum_exp, softmax, softmax_backward
from course_lib.by_hand.paths import layer_costs, signal_left
from course_lib.by_hand.pictures import (
    box_iou,
    corners,
    cut_patches,
    match_cost,
    patch_shares,
    patch_similarity,
)
from course_lib.by_hand.positions import rotate, rotate_backward, sinusoidal_positions
from course_lib.by_hand.tiles import tiled_attention, tiled_attention_backward
from course_lib.by_hand.vectors import nearest, projection, similarity

__all__ = [
    "additive_attention",
    "additive_attention_backward",
    "attention_rollout",
    "attention_scores",
    "beam_search",
    "beam_steps",
    "box_iou",
    "cache_bytes",
    "causal_mask",
    "corners",
    "cut_patches",
    "d_kv",
    "draw_tokens",
    "entropy",
    "equal_length",
    "feed_forward",
    "feed_forward_backward",
    "finite_difference",
    "hide",
    "layer_costs",
    "layer_multiplications",
    "layer_norm",
    "layer_norm_backward",
    "linear_backward",
    "log_sum_exp",
    "map_bytes",
    "masked_softmax",
    "match_cost",
    "nearest",
    "next_token_distribution",
    "padding_mask",
    "patch_shares",
    "patch_similarity",
    "prefix_matching_score",
    "projection",
    "rotate",
    "rotate_backward",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
    "signal_left",
    "similarity",
    "sinusoidal_positions",
    "softmax",
    "softmax_backward",
    "tiled_attention",
    "tiled_attention_backward",
    "uniform_draws",
    "writing_multiplications",
]
