"""The cost explorer without a browser: formulas against counted products, published sizes."""

from fractions import Fraction

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import cost_explorer
from course_lib.explorers.cost import amount, percent, size, times, window


class Counter(np.ndarray):
    """An array that counts the multiplications of every matrix product that it takes part in."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **more):
        inputs = [np.asarray(x) for x in inputs]
        result = getattr(ufunc, method)(*inputs, **more)
        if ufunc is np.matmul:
            Counter.count += result.size * inputs[0].shape[-1]
        return result.view(Counter) if isinstance(result, np.ndarray) else result


def counting(*shape):
    return np.ones(shape).view(Counter)


def counted(run) -> int:
    Counter.count = 0
    run()
    return Counter.count


# -------------------------------------------------------------------- formulas against what is multiplied


@pytest.mark.parametrize(("n", "d", "heads", "kv"), [(5, 8, 2, 2), (7, 12, 4, 2), (3, 16, 8, 1)])
def test_one_block_multiplies_what_the_formula_says(n, d, heads, kv):
    x, d_head = counting(n, d), d // heads

    def split(y, h):
        return y.reshape(n, h, d_head).swapaxes(0, 1)

    def project():
        for wide in (d, kv * d_head, kv * d_head, d):  # W_Q, W_K, W_V, W_O
            _ = x @ counting(d, wide)

    def attend():
        Q = split(counting(n, d), heads)
        K, V = (np.repeat(split(counting(n, kv * d_head), kv), heads // kv, axis=0) for _ in range(2))
        by_hand.scaled_dot_product_attention(Q, K, V, mask=by_hand.causal_mask(n, n))

    def forward():
        by_hand.feed_forward(x, counting(4 * d, d), np.zeros(4 * d), counting(d, 4 * d), np.zeros(d))

    parts = by_hand.layer_multiplications(n, d, heads, kv)
    assert counted(project) == parts["projections"]
    assert counted(attend) == parts["attention"]
    assert counted(forward) == parts["feed_forward"]


@pytest.mark.parametrize(("n", "d", "heads", "kv"), [(1, 8, 2, 2), (6, 12, 4, 2), (9, 16, 8, 1)])
def test_writing_is_the_sum_of_its_steps(n, d, heads, kv):
    def one_step(queries, keys):
        """Work on `queries` new tokens that attend to `keys` tokens."""
        parts = by_hand.layer_multiplications(queries, d, heads, kv)
        Q, K = counting(heads, queries, d // heads), counting(heads, keys, d // heads)
        return (
            parts["projections"]
            + parts["feed_forward"]
            + counted(lambda: by_hand.scaled_dot_product_attention(Q, K, K))
        )

    with_cache = sum(one_step(1, t) for t in range(1, n + 1))
    without = sum(one_step(t, t) for t in range(1, n + 1))
    assert by_hand.writing_multiplications(n, d, heads, kv) == with_cache
    assert by_hand.writing_multiplications(n, d, heads, kv, cached=False) == without


def test_the_parts_are_equal_at_the_equal_length():
    for d, heads, kv in ((768, 12, 12), (8192, 64, 8), (1600, 25, 1)):
        n = by_hand.equal_length(d, heads, kv)
        parts = by_hand.layer_multiplications(n, d, heads, kv)
        assert parts["attention"] == parts["projections"] + parts["feed_forward"]


def test_memory_is_the_size_of_the_arrays():
    n, heads, d, kv, layers = 6, 4, 16, 2, 3
    weights = np.zeros((heads, n, n), np.float16)
    cache = np.zeros((2, layers, kv, n, d // heads), np.float16)
    assert by_hand.map_bytes(n, heads) == weights.nbytes
    assert by_hand.cache_bytes(n, d, heads, kv, layers) == cache.nbytes


def test_twice_the_tokens_are_four_times_the_map_and_two_times_the_cache():
    one, two = cost_explorer(n=1000), cost_explorer(n=2000)
    assert two.memory["map"] == 4 * one.memory["map"]
    assert two.memory["cache"] == 2 * one.memory["cache"]


def test_writing_grows_with_the_square_and_with_the_cube():
    def growth(cached):
        far = [by_hand.writing_multiplications(n, 64, cached=cached) for n in (10**6, 2 * 10**6)]
        return float(Fraction(far[1], far[0]))

    assert growth(True) == pytest.approx(4, rel=1e-3)
    assert growth(False) == pytest.approx(8, rel=1e-3)


@pytest.mark.parametrize(("d", "heads", "kv"), [(10, 3, 1), (12, 4, 3), (0, 1, 1)])
def test_sizes_that_do_not_share_evenly_are_refused(d, heads, kv):
    with pytest.raises(ValueError, match="n_heads must divide d_model and n_kv_heads must divide n_heads"):
        by_hand.d_kv(d, heads, kv)


# -------------------------------------------------------------------- the explorer


def test_results_are_the_formulas_of_all_layers():
    explorer = cost_explorer(preset="Llama 2 70B")
    per_layer = by_hand.layer_multiplications(4096, 8192, 64, 8)
    assert explorer.multiplications == {name: 80 * value for name, value in per_layer.items()}
    assert explorer.memory == {"map": 64 * 4096**2 * 2, "cache": 2 * 80 * 4096 * 1024 * 2}
    assert explorer.writing["cached"] == 80 * by_hand.writing_multiplications(4096, 8192, 64, 8)


def test_grouped_queries_cut_the_cache_of_the_70b_sizes_to_an_eighth():
    caches = cost_explorer(preset="Llama 2 70B").compute()["caches"]
    assert caches[0] / caches[1] == 8 and caches[0] / caches[2] == 64
    assert [size(value) for value in caches] == ["10.7 GB", "1.3 GB", "167.8 MB"]


def test_the_first_state_and_the_opposite():
    assert cost_explorer().line.startswith(
        "16,384 tokens: 6.3 trillion multiplications, 78 % of them grow with n²; twice the tokens, 3.6 times "
        "the work."
    )
    assert cost_explorer(preset="GPT-2 small").line == (
        "1,024 tokens: 106.3 billion multiplications, 18 % of them grow with n²; twice the tokens, 2.4 times "
        "the work. Weights map 25.2 MB a layer, KV cache 37.7 MB. Writing them one by one takes 530 times "
        "the work without the cache."
    )


def test_the_challenge_needs_shared_keys_and_a_text_that_is_not_too_long():
    explorer = cost_explorer()
    for changes in explorer.presets().values():
        explorer.load_state(changes)
    explorer.reset()
    explorer.n_kv_heads = 2
    assert not explorer.solved
    explorer.n = 5000
    assert explorer.solved


def test_sizes_change_together_or_not_at_all():
    explorer = cost_explorer()
    with pytest.raises(ValueError, match="must divide"):
        explorer.n_heads = 5
    assert explorer.n_heads == 12
    explorer.load_state({"d_model": 1600, "n_heads": 25, "n_kv_heads": 5})
    assert explorer.as_python() == "cost_explorer(d_model=1600, n_heads=25, n_kv_heads=5)"


def test_copied_python_of_other_heads_has_as_many_keys():
    explorer = cost_explorer(d_model=64, n_heads=4, n_layers=1)
    names = {"cost_explorer": cost_explorer}
    assert eval(explorer.as_python(), names).state() == explorer.state()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 8}, "n must be a whole number from 16 to 262144; got 8"),
        ({"n": 1.5e3 + 0.5}, "n must be a whole number"),
        ({"n_heads": 5}, "n_heads must divide d_model"),
        ({"n_kv_heads": 5}, "n_kv_heads must divide n_heads"),
        ({"n_layers": 0}, "n_layers must be a whole number from 1 to 128"),
        ({"bytes_per_number": 3}, "bytes_per_number must be one of 1, 2, 4; got 3"),
        ({"d_model": "x"}, "d_model must be a whole number"),
    ],
)
def test_bad_arguments_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        cost_explorer(**change)


def test_numbers_are_said_as_a_person_would():
    assert [amount(v) for v in (999, 1e6, 123.4e9, 2.06e15)] == [
        "999",
        "1.0 million",
        "123.4 billion",
        "2.1·10¹⁵",
    ]
    assert [size(v) for v in (12, 1500, 2**31)] == ["12 bytes", "1.5 kB", "2.1 GB"]
    assert [percent(0.0321), percent(0.5)] == ["3.2 %", "50 %"]
    assert [times(8.5), times(2101.4)] == ["8.5 times", "2,101 times"]
    assert [window(16), window(1024), window(262_144)] == [320, 1280, 327_680]
