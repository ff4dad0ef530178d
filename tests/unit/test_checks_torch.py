"""The check engine on tensors, modules, objects, generators, statistics and text."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.checks import Case, Exercise, Hunt, Made, check, solution
from course_lib.checks.calling import as_array, make_calls, run
from course_lib.checks.engine import has_empty_body, judge_answer
from course_lib.checks.spec import load_exercise

SELF = load_exercise("SelfAttention")
GRU = load_exercise("gru_step")
Right = SELF.solution


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))


def judged(answer, exercise=SELF):
    return judge_answer(exercise, answer)


def toy(reference, cases, arguments, **more):
    """An exercise without stored answers."""
    fields = {
        "contract": "",
        "minutes": 1,
        "difficulty": 1,
        "points": 1,
        "hints": [],
        "wrong": [],
        "right": [],
    }
    fields |= {"outputs": {"out": ("n",)}, "takes": "torch"} | more
    return Exercise(
        id="toy", arguments=arguments, cases=cases, reference=reference, solution=reference, **fields
    )


# ------------------------------------------------------------------ tensors


def test_importing_checks_does_not_import_torch():
    code = (
        "import sys; from course_lib.checks import check, Made;"
        "from course_lib.checks.spec import exercise_ids; exercise_ids(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_arrays_become_tensors_of_the_same_dtype():
    seen = []

    def answer(x):
        seen.append((type(x), x.dtype))
        return x

    exercise = toy(lambda x: x, [Case("floats", lambda rng: (np.ones(3),))], {"x": ("n",)})
    assert judged(answer, exercise).status == "right"
    assert {(torch.Tensor, torch.float64), (torch.Tensor, torch.float32)} <= set(seen)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.numpy(),
        lambda state: state.tolist(),
        lambda state: list(state),
        lambda state: state.clone().requires_grad_(),
        lambda state: state.double(),
    ],
)
def test_arrays_lists_and_tensors_with_gradient_are_accepted(change):
    assert judged(lambda *args: change(GRU.solution(*args)), GRU).status == "right"


def test_a_tensor_changed_in_place_is_noticed():
    def answer(x, h, W, U, b):
        state = GRU.solution(x, h, W, U, b)
        W.mul_(2)
        return state

    verdict = judged(answer, GRU)
    assert verdict.misconception == "changed in place"
    assert "The caller's W changed in place: work on a copy" in verdict.message


def test_errors_of_torch_are_said_with_axis_names():
    verdict = judged(lambda x, h, W, U, b: x @ W, GRU)
    assert verdict.misconception == "raised"
    assert "the inner axes of the matrix product differ, 3 (length) on the left and 9 (3h)" in verdict.message

    def adds(q, k, v, start=0):
        return q + k[:, :, :3, :], k, v

    said = judged(adds, load_exercise("apply_rope")).message
    assert "two tensors do not fit: axis 2 has length 5 (n) in one, 3 (H) in the other" in said


def test_torch_is_as_before():
    def answer(x, h, W, U, b):
        torch.manual_seed(1)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return GRU.solution(x, h, W, U, b)

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert judged(answer, GRU).status == "right"
    assert torch.rand(1) == expected
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_a_hunt_may_take_tensors():
    def doubled(x):
        return x.mul(2)

    faults = {"twice": ("it is doubled", "It is doubled."), "half": ("it is halved", "No.")}
    parts = {"arguments": {"x": ("n",)}, "outputs": {"out": ("n",)}, "broken": doubled, "right": torch.clone}
    game = Hunt(
        id="toy", contract="", faults=faults, fault="twice", explanation="", hints=[], takes="torch",
        example=(np.ones(2),), dull=(np.zeros(2),), **parts,
    )  # fmt: skip
    assert game.submit(game.example, "twice").status == "right"
    assert game.submit(game.dull, "twice").status == "wrong"


# ------------------------------------------------------------------ modules


def variant(**methods):
    """The right module with some of its methods replaced."""
    return type("SelfAttention", (Right,), methods)


class Misnamed(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        self.Wq = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x, causal=False):
        return self.W_v(x)


def having(**layers):
    """The right module in whose constructor some attributes are set to what a function of it gives."""

    def build(self, d_model, d_head):
        Right.__init__(self, d_model, d_head)
        for name, make in layers.items():
            if name in self._modules:
                delattr(self, name)
            setattr(self, name, make(self, d_model, d_head))

    return variant(__init__=build)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Misnamed, "`W_q.weight` with axes (d_head, d_model) is missing: yours is called `Wq.weight`"),
        (having(W_q=lambda self, a, b: nn.Linear(a, b)), "`W_q` has a bias, the contract has none"),
        (having(W_q=lambda self, a, b: nn.Linear(b, a, bias=False)), "the size of its input first"),
        (having(W_q=lambda self, a, b: self.W_k), "one and the same parameter"),
        (having(W_q=lambda self, a, b: torch.randn(b, a)), "`W_q` is a plain tensor"),
        (having(W_q=lambda self, a, b: [nn.Linear(a, b)]), "`W_q` is a plain list"),
        (having(extra=lambda self, a, b: nn.Linear(a, b)), "the contract does not have: `extra.weight`"),
        (having(W_q=lambda self, a, b: None), "is missing: your parameters are `W_k.weight`, `W_v.weight`."),
        (lambda d_model, d_head: nn.ReLU, "makes a type: it must be an nn.Module"),
        (variant(forward=nn.Module.forward), "Your module has no method `forward`"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit_are_named(answer, said):
    verdict = judged(answer)
    assert (verdict.status, verdict.misconception) == ("wrong", "parameters")
    assert said in verdict.message
    assert re.search(r"This was on `SelfAttention\(d_model=\d, d_head=\d\)`\.$", verdict.message)


def test_a_second_name_of_a_layer_is_no_fault():
    def build(self, d_model, d_head):
        nn.Module.__init__(self)
        self.steps = nn.ModuleList(nn.Linear(d_model, d_head, bias=False) for _ in range(3))
        self.W_q, self.W_k, self.W_v = self.steps

    assert judged(variant(__init__=build)).status == "right"
    assert judged(having(again=lambda self, a, b: nn.Sequential(self.W_q))).status == "right"


def test_a_missing_bias_is_named():
    class NoBias(nn.Module):
        def __init__(self, d_model, n_heads):
            super().__init__()
            for name in "qkvo":
                setattr(self, f"W_{name}", nn.Linear(d_model, d_model, bias=False))

        def forward(self, q, k, v, mask=None):
            return q

    said = judged(NoBias, load_exercise("MultiHeadAttention")).message
    assert "The parameter `W_q.bias` is missing: the contract gives `W_q` a bias." in said


def test_reference_and_answer_have_the_same_weights_whatever_the_initialisation():
    def build(self, d_model, d_head):
        Right.__init__(self, d_model, d_head)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    assert judged(variant(__init__=build)).status == "right"


def test_weights_depend_on_the_seed_alone():
    def weights(seed):
        return make_calls.__wrapped__(SELF, seed)[-1].build.weights["W_v.weight"]

    assert np.array_equal(weights(0), weights(0))
    drawn = [make_calls.__wrapped__(SELF, seed)[8].build.weights["W_v.weight"] for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[1], drawn[2])


def test_a_new_tensor_of_another_precision_is_explained():
    def forward(self, x, causal=False):
        return torch.eye(x.shape[1]) @ Right.forward(self, x, causal)

    assert "make new ones with the dtype of the input" in judged(variant(forward=forward)).message


def test_an_error_in_forward_is_said_with_its_method_and_line():
    def forward(self, x, causal=False):
        return self.W_p(x)

    verdict = judged(variant(forward=forward))
    assert verdict.misconception == "raised"
    assert "has no attribute 'W_p' (line 2 of forward: `return self.W_p(x)`)" in verdict.message


def test_gradient_that_does_not_reach_a_parameter_is_named():
    def forward(self, x, causal=False):
        self.W_k.weight.requires_grad_(False)
        return Right.forward(self, x, causal)

    verdict = judged(variant(forward=forward))
    assert verdict.misconception == "gradient"
    assert "No gradient reaches `W_k.weight`" in verdict.message


def test_gradient_of_nan_is_named():
    def forward(self, x, causal=False):
        output = Right.forward(self, x, causal)
        return output + 0 * (self.W_q.weight.sum() * 0).sqrt()

    verdict = judged(variant(forward=forward))
    assert verdict.misconception == "gradient"
    assert "the gradient of W_q.weight is not finite" in verdict.message


def test_zero_gradient_of_wrong_values_is_no_lost_gradient():
    exercise = load_exercise("CrossAttention")

    class Added(exercise.solution):
        def forward(self, dec, enc, enc_keep=None):
            scores = self.W_q(dec) @ self.W_k(enc).mT / dec.shape[-1] ** 0.5
            scores = scores if enc_keep is None else scores + enc_keep[:, None] - 3
            return scores.softmax(-1) @ self.W_v(enc), scores.softmax(-1)

    verdict = judged(Added, exercise)
    assert verdict.status == "wrong"
    assert verdict.misconception != "gradient"


def test_zero_gradient_of_a_saturated_softmax_is_no_lost_gradient():
    class Multiplied(Right):
        def forward(self, x, causal=False):
            return Right.forward(self, 3 * x, causal) / 3

    verdict = judged(Multiplied)
    assert verdict.status == "wrong"
    assert verdict.misconception != "gradient"


def test_a_bias_that_no_softmax_sees_may_get_zeros_but_not_none():
    exercise = load_exercise("MultiHeadAttention")

    class ZeroForKeys(exercise.solution):
        def __init__(self, d_model, n_heads):
            super().__init__(d_model, n_heads)
            self.W_k.bias.register_hook(torch.zeros_like)

    class WithoutKeyBias(ZeroForKeys):
        def __init__(self, d_model, n_heads):
            super().__init__(d_model, n_heads)
            self.W_k.register_forward_hook(lambda layer, given, _: given[0] @ layer.weight.T)

    assert judged(ZeroForKeys, exercise).status == "right"
    assert "No gradient reaches `W_k.bias`" in judged(WithoutKeyBias, exercise).message


def test_a_forgotten_super_call_is_explained():
    class Fresh(nn.Module):
        def __init__(self, d_model, d_head):
            self.W_q = nn.Linear(d_model, d_head, bias=False)

        def forward(self, x, causal=False):
            return x

    assert "write `super().__init__()` as the first line" in judged(Fresh).message


def test_a_number_hidden_by_mistake_is_not_called_too_large():
    exercise = load_exercise("alibi_bias")

    def answer(n_heads, n_q, n_k):
        bias = exercise.solution(n_heads, n_q, n_k)
        bias[0, 0, 0] = -torch.inf
        return bias

    verdict = judged(answer, exercise)
    assert verdict.misconception == "inf"
    assert "something is hidden that should be seen" in verdict.message


def test_what_depends_on_the_mode_is_named():
    def forward(self, x, causal=False):
        return Right.forward(self, x, causal) * (1 if self.training else 2)

    verdict = judged(variant(forward=forward))
    assert verdict.misconception == "eval"
    assert "In eval mode the result is another one" in verdict.message
    assert "eval mode)" in verdict.message


def test_random_modules_are_said_to_be_random():
    def forward(self, x, causal=False):
        return Right.forward(self, x + 0.01 * torch.randn_like(x), causal)

    assert judged(variant(forward=forward)).misconception == "second call"


def test_state_kept_between_calls_with_other_input_is_named():
    def forward(self, x, causal=False):
        self.first_causal = getattr(self, "first_causal", causal)
        return Right.forward(self, x, self.first_causal)

    verdict = judged(variant(forward=forward))
    assert verdict.misconception == "reused"
    assert "keeps something in `self`" in verdict.message


def test_a_module_that_must_refuse():
    def build(self, d_model, n_heads):
        super(type(self), self).__init__(d_model, n_heads if d_model % n_heads == 0 else 1)

    exercise = load_exercise("MultiHeadAttention")
    verdict = judged(type("Lenient", (exercise.solution,), {"__init__": build}), exercise)
    assert "should raise ValueError here: it returned" in verdict.message


def test_classes_that_are_not_written_yet_are_not_attempted():
    class SelfAttention(nn.Module):
        """Docstring."""

        def __init__(self, d_model, d_head):
            super().__init__()
            ...

        def forward(self, x, causal=False):
            """Docstring."""

    assert judged(SelfAttention).status == "not attempted"
    assert not has_empty_body(Right)


def test_an_object_in_place_of_its_class():
    with pytest.raises(TypeError, match=r"check\(SelfAttention\); an object made from it came"):
        check(Right(4, 2))


def test_solution_of_a_class_is_shown_after_a_try():
    check(variant(forward=lambda self, x, causal=False: self.W_v(x)))
    assert solution("SelfAttention").code.startswith("class SelfAttention(nn.Module):")


# ------------------------------------------------------------------ callables, parts, generators


class Parts:
    def __init__(self, weight):
        self.weight = weight

    def norm(self, x):
        return x @ self.weight


def block(x, sublayer, p):
    return p.norm(x + sublayer(x))


def doubled():
    return lambda x: 2 * x


BLOCK = toy(
    block,
    [
        Case(
            "3 features",
            lambda rng: (rng.normal(size=3), Made(doubled), Made(Parts, rng.normal(size=(3, 3)))),
        )
    ],
    {"x": ("n",), "sublayer": (), "p": ()},
)


def test_callables_and_parts_are_made_anew_and_right_answers_pass():
    assert judged(block, BLOCK).status == "right"
    assert judged(lambda x, sublayer, p: p.norm(sublayer(x)), BLOCK).status == "wrong"


def test_a_part_changed_in_place_is_noticed():
    def answer(x, sublayer, p):
        result = block(x, sublayer, p)
        p.weight += 1
        return result

    verdict = judged(answer, BLOCK)
    assert verdict.misconception == "changed in place"
    assert "The caller's p changed" in verdict.message
    assert judged(block, BLOCK).status == "right"


def test_a_list_and_the_tensors_of_a_tuple_changed_in_place_are_noticed():
    case = Case("past", lambda rng: ([1, 2], (np.ones(2), np.ones(2))))
    exercise = toy(lambda ids, cache: cache[0] + cache[1], [case], {"ids": (), "cache": ()})

    def appends(ids, cache):
        ids.append(3)
        return cache[0] + cache[1]

    def adds(ids, cache):
        cache[0].add_(cache[1])
        return cache[0]

    assert "The caller's ids changed" in judged(appends, exercise).message
    assert "The caller's cache changed" in judged(adds, exercise).message
    assert judged(exercise.solution, exercise).status == "right"


def flip(ids, rng, rate):
    return np.where(rng.random(ids.shape) < rate, 0, ids)


FLIPS = toy(
    flip,
    [
        Case(
            "2,000 tokens",
            lambda rng: (np.arange(1, 2001), Made(np.random.default_rng, 7), 0.15),
            measure=lambda seen: {"share of zeros": np.mean(seen.outputs["out"] == 0)},
            atol=0.03,
        )
    ],
    {"ids": ("n",), "rng": (), "rate": ()},
    takes="numpy",
)


def test_random_answers_are_judged_by_their_statistics():
    def the_other_way_round(ids, rng, rate):
        return np.where(rng.random(ids.shape) > 1 - rate, 0, ids)

    assert judged(the_other_way_round, FLIPS).status == "right"
    verdict = judged(lambda ids, rng, rate: flip(ids, rng, 2 * rate), FLIPS)
    assert verdict.status == "wrong"
    assert "share of zeros is 0.3" in verdict.message
    assert judged(lambda ids, rng, rate: ids[:-1], FLIPS).misconception == "shape"


def test_a_generator_of_ones_own_is_noticed():
    verdict = judged(lambda ids, rng, rate: flip(ids, np.random.default_rng(), rate), FLIPS)
    assert verdict.misconception == "second call"


CALLS = toy(
    flip,
    [
        Case("two tokens", lambda rng: (np.arange(1, 3), Made(np.random.default_rng, 7), 0.0)),
        Case(
            "40 calls with one generator",
            lambda rng: (np.arange(1, 41), Made(np.random.default_rng, 7), 0.5),
            measure=lambda seen: {"calls with 20 zeros": ((seen.outputs["out"] == 0).sum(-1) == 20).mean()},
            atol=0.45,
            times=40,
        ),
    ],
    {"ids": ("n",), "rng": (), "rate": ()},
    takes="numpy",
)


def exactly_so_many(ids, rng, rate):
    zeros = rng.permutation(len(ids)) < rate * len(ids)
    return np.where(zeros, 0, ids)


def test_several_calls_with_one_generator_are_judged_together():
    def turned(ids, rng, rate):
        return np.where(rng.random(len(ids)) > rate, ids, 0)

    assert judged(turned, CALLS).status == "right"
    verdict = judged(exactly_so_many, CALLS)
    assert verdict.status == "wrong"
    assert "calls with 20 zeros is 1, expected 0.1" in verdict.message


def test_calls_that_give_no_value_or_different_shapes_are_said():
    def shorter_and_shorter(ids, rng, rate):
        return ids if rate == 0 else ids[: rng.integers(1, len(ids))]

    said = judged(shorter_and_shorter, CALLS).message
    assert "One array is expected (out), but another shape in each call came" in said

    def now_and_then(ids, rng, rate):
        return flip(ids, rng, rate) if rate == 0 or rng.random() < 0.9 else None

    assert judged(now_and_then, CALLS).message.startswith("Nothing was returned")


# ------------------------------------------------------------------ text


TEXT = toy(
    lambda tokens, pair: [pair[0] + pair[1], *tokens[2:]],
    [
        Case("three", lambda rng: (["a", "b", "c"], ("a", "b"))),
        Case("two", lambda rng: (["a", "b"], ("a", "b"))),
    ],
    {"tokens": (), "pair": ()},
    takes="numpy",
    gives="text",
    outputs={"tokens": ("n",)},
)


def test_words_are_compared():
    assert judged(TEXT.solution, TEXT).status == "right"
    verdict = judged(lambda tokens, pair: [pair[1] + pair[0], *tokens[2:]], TEXT)
    assert "`toy(tokens=['a', 'b'], pair=('a', 'b'))`: tokens is [ba], expected [ab]" in verdict.message
    assert judged(lambda tokens, pair: [1, *range(len(tokens[2:]))], TEXT).misconception == "type"
    with pytest.raises(TypeError):
        as_array(["a"])


@pytest.mark.parametrize(
    "name", ["gru_step", "additive_attention", "apply_rope", "SelfAttention", "CrossAttention"]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_right_answers_stay_right_with_other_seeds(name, seed):
    from course_lib.checks.judging import judge

    exercise = load_exercise(name)
    calls = make_calls(exercise, seed)
    for right in exercise.right:
        assert judge(exercise, calls, *run(right, calls)).status == "right"
