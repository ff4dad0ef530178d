"""The positions explorer without a browser: tables, hands, products by distance, the shuffle test."""

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import positions_explorer

SCHEMES = ("sinusoidal", "learned", "rotary", "alibi", "none")


def test_sinusoids_are_by_hands_with_any_base():
    explorer = positions_explorer(base=500, d=8, n=20, pair=2, position=5)
    np.testing.assert_array_equal(explorer.table, by_hand.sinusoidal_positions(20, 8, base=500))
    angle = 5 / 500 ** (4 / 8)
    np.testing.assert_allclose(explorer.compute()["hand"], [np.sin(angle), np.cos(angle)])
    assert explorer.wavelength == pytest.approx(2 * np.pi * 500**0.5)
    assert explorer.compute()["degrees"] == pytest.approx(np.degrees(angle))


def test_rotary_turns_adjacent_pairs():
    explorer = positions_explorer("rotary", d=4, n=8, position=3, pair=1)
    expected = [[np.cos(p), np.sin(p), np.cos(p / 100), np.sin(p / 100)] for p in range(8)]
    np.testing.assert_allclose(explorer.table, expected)
    np.testing.assert_allclose(explorer.compute()["hand"], expected[3][2:])


@pytest.mark.parametrize("scheme", ["sinusoidal", "rotary", "alibi", "none"])
def test_what_counts_is_the_distance(scheme):
    curves = [positions_explorer(scheme, position=p).by_distance for p in range(48)]
    assert positions_explorer(scheme).compute()["spread"] == 0
    for p, curve in enumerate(curves):
        after, before = curve[p:], curve[: p + 1][::-1]
        np.testing.assert_allclose(after, curves[0][: 48 - p], atol=1e-9)
        np.testing.assert_allclose(before, curves[47][::-1][: p + 1], atol=1e-9)


def test_a_product_of_sinusoids_is_a_sum_of_cosines():
    explorer = positions_explorer(d=16, position=10)
    rates = 10000.0 ** (-np.arange(0, 16, 2) / 16)
    expected = [np.cos(rates * (j - 10)).sum() for j in range(48)]
    np.testing.assert_allclose(explorer.by_distance, expected)
    assert explorer.by_distance[10] == pytest.approx(8)


def test_the_score_under_rotary_is_the_dot_product_of_turned_vectors():
    explorer = positions_explorer("rotary", position=20, d=8)
    q, k = (part[i] for i, part in enumerate(explorer.queries_keys(explorer.words_of([2, 1]))))
    for j in (0, 20, 40):
        turned = by_hand.rotate(q[None], start=20)[0] @ by_hand.rotate(k[None], start=j)[0]
        assert explorer.by_distance[j] == pytest.approx(turned / np.sqrt(8))


def test_a_table_follows_no_rule_and_ends():
    explorer = positions_explorer("learned", length=20, position=19)
    assert explorer.table.shape == (20, 32) and explorer.compute()["spread"] > 10
    assert explorer.line.startswith("Row 19 of the table, not yet learned, follows no rule")
    explorer.position = 20
    assert explorer.line.startswith("Position 20 has no row: the learned table ends at 19.")
    assert not len(explorer.by_distance)
    explorer.n = 18
    assert len(explorer.table) == 18 and explorer.at[0] == 17
    other = positions_explorer("learned", length=20, seed=1)
    assert not np.allclose(other.table, positions_explorer("learned", length=20).table)


def test_alibi_takes_off_by_distance_as_the_library_does():
    torch = pytest.importorskip("torch")
    from course_lib.transformer.positions import alibi_bias

    library = alibi_bias(8, 30, 30)
    for head in range(1, 9):
        bias = torch.from_numpy(positions_explorer("alibi", head=head, n=30).table.copy())
        torch.testing.assert_close(bias.tril().float(), library[head - 1].tril())
        assert torch.equal(bias, bias.T)


def test_without_positions_the_output_only_moves():
    explorer = positions_explorer("none")
    np.testing.assert_array_equal(explorer.moved, np.zeros(5))
    order = [4, 2, 0, 3, 1]
    np.testing.assert_allclose(explorer.attend(order), explorer.attend(list(range(5)))[order], atol=1e-12)
    assert explorer.line.endswith("their outputs go with them and no output changes.")


@pytest.mark.parametrize("scheme", SCHEMES[:4])
@pytest.mark.parametrize("seed", range(3))
def test_with_positions_every_output_changes(scheme, seed):
    explorer = positions_explorer(scheme, seed=seed)
    assert (explorer.moved > 0.005).all()
    assert explorer.line.endswith("When 'dog' and 'man' trade places, 5 of 5 outputs change.")


def test_the_test_is_attention_over_the_words():
    explorer = positions_explorer("sinusoidal", d=8)
    X = explorer.words_of([0, 1, 2, 3, 4]) + by_hand.sinusoidal_positions(5, 8)
    output, _ = by_hand.scaled_dot_product_attention(*explorer.queries_keys(X), X)
    np.testing.assert_allclose(explorer.attend([0, 1, 2, 3, 4]), output)
    np.testing.assert_array_equal(explorer.words_of([0])[0], explorer.words_of([3])[0])


def test_the_guess_is_true_of_the_state_it_leads_to():
    explorer = positions_explorer()
    question = explorer.prediction()
    explorer.load_state(question["then"])
    assert explorer.moved[2] == 0 and question["answer"] == "It stays the same"


def test_the_challenge_can_be_solved_and_no_preset_does():
    explorer = positions_explorer()
    for changes in explorer.presets().values():
        explorer.load_state(changes)
    assert not explorer.solved
    explorer.load_state({"scheme": "rotary", "pair": 2, "base": 45000})
    assert explorer.wavelength == pytest.approx(24, abs=0.5) and explorer.solved


def test_smaller_sizes_take_the_last_row_and_pair():
    explorer = positions_explorer(position=40, pair=15)
    explorer.load_state({"n": 10, "d": 6})
    assert explorer.at == (9, 2)
    np.testing.assert_array_equal(explorer.compute()["hand"], explorer.table[9, 4:])


def test_copied_python_keeps_everything():
    explorer = positions_explorer("learned", 3, 2, 5, 20, 8, 9, length=7, seed=4)
    copy = eval(explorer.as_python(), {"positions_explorer": positions_explorer})
    assert copy.state() == explorer.state()
    np.testing.assert_array_equal(copy.table, explorer.table)
    assert positions_explorer().as_python() == "positions_explorer()"


def test_results_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        positions_explorer("alibi").table[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scheme": "relative"}, "scheme must be one of 'sinusoidal', .* got 'relative'"),
        ({"position": 48}, "position must be from 0 to 47 for n = 48; got 48"),
        ({"pair": 4, "d": 8}, "pair must be from 0 to 3 for d = 8; got 4"),
        ({"head": 0}, "head must be a whole number from 1 to 8"),
        ({"base": 1}, "base must be a number from 2"),
        ({"d": 7}, "d must be even"),
        ({"d": 50}, "d must be a whole number from 4 to 48"),
        ({"n": 65}, "n must be a whole number from 8 to 64"),
        ({"length": 4}, "length must be a whole number from 5 to 64"),
        ({"seed": 0.5}, "seed must be a whole number"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        positions_explorer(**arguments)
