"""The vision explorer without a browser: patches, boxes, captions."""

from itertools import permutations

import numpy as np
import pytest

from course_lib import by_hand
from course_lib.explorers import vision_explorer
from course_lib.explorers.pictures import example_picture
from course_lib.explorers.vision import greedy, patches_for_half, second_least, similar_sizes

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(0, 1, (8, 8)).round(2)
CLASSES = ["one", "two"]


def rows(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


def of_boxes(**change):
    """Three queries, two objects; query 2 answers for object 1, query 0 for object 2, query 1 for none."""
    given = {
        "image": IMAGE,
        "boxes": [[0.75, 0.75, 0.5, 0.5], [0.5, 0.2, 0.2, 0.2], [0.25, 0.25, 0.5, 0.4]],
        "class_prob": [[0.1, 0.8, 0.1], [0.1, 0.2, 0.7], [0.9, 0.05, 0.05]],
        "targets": [[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]],
        "labels": [0, 1],
        "classes": CLASSES,
    }
    return vision_explorer(**{**given, **change})


def of_caption(**change):
    given = {"image": IMAGE, "weights": rows(2, 3, 16), "words": "a two here"}
    return vision_explorer(**{**given, **change})


# -------------------------------------------------------------------- patches


def test_the_first_state_looks_far_away():
    explorer = vision_explorer()
    weights = by_hand.patch_similarity(example_picture().astype("<f4").astype(float), 2)
    np.testing.assert_allclose(explorer.weights, weights[13])
    assert explorer.line.startswith(
        "Patch 14 in row 2, column 6 looks most at itself (0.33), then at patch 38 in row 5, column 6 (0.20)"
    )
    assert explorer.prediction()["answer"] == "A patch farther away"


def test_half_the_side_makes_four_times_the_tokens_and_sixteen_times_the_weights():
    explorer = vision_explorer(patch=4, query=5)
    assert "16 tokens, so 16 × 16 = 256 weights" in explorer.line
    explorer.patch = 2
    assert "64 tokens, so 64 × 64 = 4,096 weights" in explorer.line


def test_a_larger_patch_keeps_the_query_in_range():
    explorer = vision_explorer(query=60)
    explorer.patch = 8
    assert explorer.query == 3
    assert explorer.weights.shape == (4,)


def test_patches_of_paper_are_named_together():
    explorer = vision_explorer(preset="A patch of paper")
    ties = (explorer.weights >= explorer.weights.max() - 1e-6).sum()
    assert f"looks most at {ties} tokens alike" in explorer.line


def test_the_reach_is_the_mean_distance_on_paper():
    weights = np.zeros((4, 4))
    weights[0] = [0.5, 0.25, 0, 0.25]
    weights[1:, 0] = 1
    explorer = vision_explorer(IMAGE, 4, weights, query=0)
    assert explorer.reach == pytest.approx(0.25 * 4 + 0.25 * 4 * 2**0.5)


def test_the_challenge_is_solved_by_the_patch_that_looks_farthest():
    explorer = vision_explorer()
    for query in range(64):
        explorer.query = query
        if explorer.compute()["farther"] == 0:
            break
    assert explorer.solved


@pytest.mark.parametrize("channel", [False, True])
def test_a_models_weights_with_a_class_token(channel):
    weights = rows(3, 17, 17)
    explorer = vision_explorer(IMAGE[None] if channel else IMAGE, weights=weights, query=0)
    assert explorer.class_token == 1 and explorer.patch == 2
    np.testing.assert_allclose(explorer.weights, weights.mean(axis=0)[0], atol=1e-7)
    assert explorer.line.startswith("The class token looks most at")
    assert "pixels away" not in explorer.line
    explorer.head = 2
    np.testing.assert_allclose(explorer.weights, weights[2, 0], atol=1e-7)
    explorer.query = 5
    assert explorer.line.startswith("Patch 5 in row 2, column 1 ")
    with pytest.raises(ValueError, match="patch must be 2; got 4"):
        explorer.patch = 4


def test_without_a_class_token_all_tokens_are_patches():
    explorer = vision_explorer(IMAGE, weights=np.full((4, 4), 0.25))
    assert explorer.class_token == 0 and explorer.patch == 4
    assert "looks at all 4 tokens alike (0.25 each)" in explorer.line
    assert explorer.CHALLENGE is None


def test_sizes_that_cut_into_whole_patches():
    assert similar_sizes((16, 16)) == [1, 2, 4, 8, 16]
    assert similar_sizes((28, 28)) == [2, 4, 7, 14, 28]
    assert similar_sizes((8, 12)) == [1, 2, 4]


# -------------------------------------------------------------------- boxes


def test_the_matching_is_the_cheapest_and_the_line_says_so():
    explorer = of_boxes()
    assert explorer.matched == [2, 0]
    assert explorer.line.startswith("Query 3 says 'one' (0.90); it is matched with object 1, 'one' (cost")
    assert explorer.line.endswith("the least there is.")
    explorer.query = 1
    assert explorer.line.startswith(
        "Query 2 says 'no object' (0.70); no object is matched with it, so it should say 'no object'."
    )


def test_costs_are_those_by_hand_and_another_matching_costs_more():
    explorer = of_boxes()
    parts = {k: v.astype(float) for k, v in explorer.parts.items() if k in ("class_prob", "boxes", "targets")}
    costs = by_hand.match_cost(parts["class_prob"], parts["boxes"], np.array([0, 1]), parts["targets"])
    np.testing.assert_allclose(explorer.cost, costs, atol=1e-5)
    best = explorer.total
    explorer.matched = [0, 2]
    assert explorer.total == pytest.approx(costs[0, 0] + costs[2, 1], abs=1e-5)
    assert explorer.total > best
    assert f"the least is {best:.2f}".replace("-", "−") in explorer.line


def test_no_matching_is_cheaper_and_the_second_is_the_second():
    for _ in range(30):
        costs = RNG.normal(size=(6, 3))
        totals = sorted(sum(costs[i, j] for j, i in enumerate(p)) for p in permutations(range(6), 3))
        boxes, targets = RNG.uniform(0, 1, (6, 4)), RNG.uniform(0, 1, (3, 4))
        explorer = of_boxes(boxes=boxes, class_prob=rows(6, 3), targets=targets, labels=[0, 1, 1], cost=costs)
        assert explorer.total == pytest.approx(totals[0], abs=1e-5)
        assert second_least(costs, explorer.matched) == pytest.approx(totals[1])
        assert sum(costs[i, j] for j, i in enumerate(greedy(costs))) >= totals[0] - 1e-9


def test_the_challenge_is_solved_by_the_second_cheapest_matching_alone():
    explorer = of_boxes()
    second = second_least(explorer.cost.astype(float), explorer.matched)
    for p in permutations(range(3), 2):
        explorer.matched = list(p)
        if abs(explorer.total - second) < 1e-4:
            assert explorer.solved
            return
        assert not explorer.solved


def test_maps_and_reference_points():
    weights = rows(2, 3, 16)
    explorer = of_boxes(weights=weights, places=[[0.5, 0.5]] * 3, query=1, head=0)
    np.testing.assert_allclose(explorer.weights, weights[0, 1], atol=1e-7)
    assert of_boxes().weights is None


def test_without_objects_there_is_no_matching():
    explorer = of_boxes(targets=None, labels=None)
    assert explorer.matched == [] and explorer.prediction() is None and explorer.CHALLENGE is None
    assert "matching" not in explorer.line and "matched" not in explorer.line


# -------------------------------------------------------------------- captions


def test_a_word_looks_and_its_weight_in_boxes_is_added_up():
    weights = np.zeros((1, 16))
    weights[0, [0, 1, 15]] = [0.5, 0.3, 0.2]
    explorer = of_caption(weights=weights, words=["two"], targets=[[0.25, 0.125, 0.5, 0.25]], labels=[1],
                          classes=CLASSES)  # fmt: skip
    np.testing.assert_allclose(explorer.inside, [0.8], atol=1e-7)
    assert explorer.line == (
        "Word 1 of 1: to write 'two' the decoder looks most at patch 1 in row 1, column 1 (0.50); half of "
        "its weight lies on 1 of 16 patches; in the box of 'two' 0.80."
    )


def test_patches_for_half():
    assert patches_for_half(np.array([0.1, 0.4, 0.5])) == 1
    assert patches_for_half(np.full(10, 0.1)) == 5
    assert patches_for_half(np.full(9, 1 / 9)) == 5


def test_the_narrowest_look_solves_the_challenge():
    explorer = of_caption()
    spread = by_hand.entropy(explorer.maps.astype(float))
    explorer.head, explorer.word = (int(at) for at in np.unravel_index(spread.argmin(), spread.shape))
    assert explorer.solved


def test_copied_python_names_what_was_given():
    assert of_caption(word=1).as_python() == (
        "vision_explorer(image=image, weights=weights, words=['a', 'two', 'here'], word=1)"
    )
    assert of_boxes(threshold=0.25).as_python() == (
        "vision_explorer(image=image, boxes=boxes, class_prob=class_prob, targets=targets, labels=labels, "
        "classes=classes, threshold=0.25)"
    )


# -------------------------------------------------------------------- all views


VIEWS = {
    "similar": lambda **more: vision_explorer(IMAGE, **more),
    "model": lambda **more: vision_explorer(IMAGE, weights=rows(2, 17, 17), **more),
    "boxes": of_boxes,
    "boxes, maps": lambda **more: of_boxes(weights=rows(3, 16), places=[[0.5, 0.5]] * 3, **more),
    "caption": of_caption,
}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_a_still_presets_and_a_page(view, tmp_path):
    explorer = VIEWS[view]()
    for changes in explorer.presets().values():
        explorer.load_state(changes)
        svg = explorer.to_svg()
        assert svg == explorer.to_svg() and "nan" not in svg and " id=" not in svg
        assert explorer.line and len(svg) < 100_000
    assert explorer.to_html(tmp_path / "x.html").stat().st_size < 300_000
    question = explorer.prediction()
    if question:
        assert question["answer"] in question["choices"]
        assert set(question["wrong"]) == set(question["choices"]) - {question["answer"]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((4, 4, 4))}, r"image must have shape \(n, n\); got \(4, 4, 4\)"),
        ({"image": 2 * IMAGE + 1}, "image must be from 0 to 1"),
        ({"image": np.zeros((200, 4))}, "image must have 1 to 128 pixels"),
        ({"image": np.zeros((17, 19))}, "image must, without weights, be cut into at most 256 patches"),
        ({"weights": np.ones((1, 1))}, "image is missing"),
        ({"image": IMAGE, "patch": 3}, "patch must be 1 or 2 or 4 or 8; got 3"),
        ({"image": IMAGE, "weights": np.ones((5, 5)) / 5, "patch": 2}, r"weights must be \(n, n\)"),
        ({"image": IMAGE, "query": 64}, "query must be from 0 to 63"),
        ({"image": IMAGE, "head": 1}, "head must be from 0 to 0"),
        ({"image": IMAGE, "targets": [[0, 0, 1, 1]]}, "targets, labels and classes go with boxes"),
        ({"image": IMAGE, "cost": [[1]]}, "cost needs boxes"),
        ({"image": IMAGE, "words": "a"}, "weights is missing"),
        ({"image": IMAGE, "words": "a b", "weights": np.ones((1, 16)) / 16}, "a row for each of the 2 words"),
        ({"image": IMAGE, "words": "a", "weights": np.ones((1, 15)) / 15}, "weights has 15 columns"),
        ({"image": IMAGE, "words": "a " * 13, "weights": np.ones((13, 16)) / 16}, "words must be 1 to 12"),
        ({"image": IMAGE, "words": "a", "boxes": [[0, 0, 1, 1]]}, "boxes and words are two views"),
        ({"image": IMAGE, "boxes": [[0, 0, 1, 1]]}, "class_prob is missing"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        vision_explorer(**arguments)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boxes": [[0, 0, 1]]}, r"boxes must have shape \(n, 4\)"),
        ({"class_prob": np.ones((3, 1))}, "class_prob must have a class and, last, no object"),
        ({"labels": [0, 2]}, "labels must be from 0 to 1"),
        ({"labels": [0]}, "labels must be the 2 classes of targets"),
        ({"labels": None}, "targets and labels belong together"),
        ({"classes": ["one"]}, "classes must name the 2 classes"),
        ({"cost": np.zeros((2, 2))}, r"cost must have shape \(3, 2\)"),
        ({"matched": [0, 0]}, "matched must list 2 queries, one per object, from 0 to 2"),
        ({"query": 3}, "query must be from 0 to 2"),
        ({"threshold": 2}, "threshold must be a number from 0 to 1"),
        ({"targets": [[0.5] * 4] * 4, "labels": [0] * 4}, "targets must be at most as many as the 3 queries"),
        ({"places": [[0, 0]]}, r"places must have shape \(3, 2\)"),
    ],
)
def test_bad_boxes_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        of_boxes(**change)


def test_a_tensor_that_tracks_gradients_is_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="weights must be numbers"):
        vision_explorer(IMAGE, weights=torch.full((4, 4), 0.25, requires_grad=True))
    assert vision_explorer(IMAGE, weights=torch.full((4, 4), 0.25)).patch == 4


def test_what_was_given_stays_the_readers_own():
    image, weights = IMAGE.astype("<f4"), rows(4, 4).astype("<f4")
    explorer = vision_explorer(image, weights=weights)
    image[0, 0], weights[0, 0] = 0.5, 0.5
    assert not explorer.image.flags.writeable
