"""Exercise `order_gaps` (lesson 08): does a layer notice the order of its tokens?"""

import numpy as np
import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def order_gaps(f, x, order):
    shuffled_first, output = f(x[:, order]), f(x)
    equivariance = (shuffled_first - output[:, order]).abs().max()
    invariance = (shuffled_first - output).abs().max()
    return equivariance, invariance


def with_a_permutation_matrix(f, x, order):
    P = torch.eye(len(order), dtype=x.dtype)[order]
    first = f(P @ x)
    return torch.linalg.vector_norm(first - P @ f(x), torch.inf), torch.dist(first, f(x), torch.inf)


def with_loops(f, x, order):
    first, output = f(torch.stack([x[:, i] for i in order.tolist()], dim=1)), f(x)
    equivariance = invariance = 0.0
    for b in range(len(x)):
        for place, old in enumerate(order.tolist()):
            equivariance = max(equivariance, float((first[b, place] - output[b, old]).abs().max()))
            invariance = max(invariance, float((first[b, place] - output[b, place]).abs().max()))
    return equivariance, invariance


def with_numpy(f, x, order):
    first, output = f(x.index_select(1, order)).numpy(), f(x).numpy()
    moved = np.take(output, order.numpy(), axis=1)
    return [np.abs(first - moved).max(), np.ptp([first, output], axis=0).max()]


def undone_afterwards(f, x, order):
    """The shuffle of the first way is undone with its inverse; the largest gap is the same."""
    first, output = f(x[:, order]), f(x)
    return (first[:, order.argsort()] - output).abs().max(), (first - output).abs().max()


# ------------------------------------------------------------------ stored wrong answers


def gap(one, two):
    return (one - two).abs().max()


def swapped(f, x, order):
    """The two gaps come in the wrong order: equivariance first, then invariance."""
    return order_gaps(f, x, order)[::-1]


def inverse_afterwards(f, x, order):
    """After f you shuffle by the inverse order: use `order` on both sides, or undo it on the first."""
    first, output = f(x[:, order]), f(x)
    return gap(first, output[:, order.argsort()]), gap(first, output)


def inverse_before(f, x, order):
    """Before f you shuffle by the inverse order: use `order` on both sides."""
    first, output = f(x[:, order.argsort()]), f(x)
    return gap(first, output[:, order]), gap(first, output)


def never_after(f, x, order):
    """Both of your gaps are the one for invariance: for equivariance the output of f(x) is shuffled too."""
    invariance = order_gaps(f, x, order)[1]
    return invariance, invariance


def never_before(f, x, order):
    """You never shuffle the tokens that go in: f has to see them in another order."""
    return gap(f(x), f(x)[:, order]), gap(f(x), f(x))


def output_against_itself(f, x, order):
    """Your second gap compares f(x) with f(x) shuffled: for invariance compare f of shuffled tokens with
    f(x)."""
    return order_gaps(f, x, order)[0], gap(f(x), f(x)[:, order])


def twice_the_same(f, x, order):
    """Both of your gaps are the one for equivariance: for invariance the output must not be shuffled."""
    equivariance = order_gaps(f, x, order)[0]
    return equivariance, equivariance


def mean_gap(f, x, order):
    """You return the mean difference: one wrong token in a long sequence would hide, so take the largest."""
    first, output = f(x[:, order]), f(x)
    return (first - output[:, order]).abs().mean(), (first - output).abs().mean()


def summed_gap(f, x, order):
    """You add the differences up: the largest one is asked for."""
    first, output = f(x[:, order]), f(x)
    return (first - output[:, order]).abs().sum(), (first - output).abs().sum()


def length_of_the_gap(f, x, order):
    """You return the length (norm) of all differences together: the largest single one is asked for."""
    first, output = f(x[:, order]), f(x)
    return (first - output[:, order]).norm(), (first - output).norm()


def squared_gap(f, x, order):
    """You square the differences: the largest absolute one is asked for."""
    return tuple(g**2 for g in order_gaps(f, x, order))


def signed_gap(f, x, order):
    """You take the largest difference with its sign: an output that is too small is a gap too, so take `abs`
    first."""
    first, output = f(x[:, order]), f(x)
    return (first - output[:, order]).max(), (first - output).max()


def smallest_gap(f, x, order):
    """You take the smallest difference: a single entry that differs is a gap, so take the largest."""
    first, output = f(x[:, order]), f(x)
    return (first - output[:, order]).abs().min(), (first - output).abs().min()


def first_example(f, x, order):
    """You look at the first example of the batch alone: all of them count."""
    return order_gaps(lambda y: f(y)[:1], x, order)


def first_token(f, x, order):
    """You compare the first token alone: all of them count."""
    first, output = f(x[:, order]), f(x)
    return gap(first[:, 0], output[:, order][:, 0]), gap(first[:, 0], output[:, 0])


def relative_gap(f, x, order):
    """You divide by the largest output: the absolute difference is asked for."""
    size = f(x).abs().max()
    return tuple(g / size for g in order_gaps(f, x, order))


def sorted_tokens(f, x, order):
    """You sort the outputs before you compare, which forgets the very order that you test: index with
    `order`."""
    first, output = f(x[:, order]), f(x)
    same = gap(first.sort(dim=1).values, output.sort(dim=1).values)
    return same, gap(first, output)


def yes_or_no(f, x, order):
    """You return True or False: the two differences themselves are asked for."""
    return tuple((g < 1e-5).double() for g in order_gaps(f, x, order))


def reversed_order(f, x, order):
    """You turn the tokens round and take no notice of `order`: index with it."""
    return order_gaps(f, x, torch.arange(x.shape[1]).flip(0))


def changes_x(f, x, order):
    """The caller's x is changed in place: `x[:, order]` on the right-hand side makes a copy, keep that."""
    gaps = order_gaps(f, x, order)
    x[:] = x[:, order]
    return gaps


# ------------------------------------------------------------------ properties and cases


class Layer:
    """A function of tokens that messages can show as the code one would type."""

    def __init__(self, formula, rule):
        self.formula, self.rule = formula, rule

    def __call__(self, x):
        return self.rule(x)

    def __repr__(self):
        return self.formula


ATTENTION = Layer("lambda x: (x @ x.mT).softmax(-1) @ x", lambda x: (x @ x.mT).softmax(-1) @ x)
RUNNING = Layer("lambda x: x.cumsum(dim=1)", lambda x: x.cumsum(dim=1))
PER_TOKEN = Layer("lambda x: x[..., :2] ** 2", lambda x: x[..., :2] ** 2)
SUMMED = Layer("lambda x: 0 * x + x.sum(dim=1, keepdim=True)", lambda x: 0 * x + x.sum(dim=1, keepdim=True))
FIRST = Layer("lambda x: x - 3 * x[:, :1]", lambda x: x - 3 * x[:, :1])
PLACES = Layer(
    "lambda x: x + torch.arange(x.shape[1])[:, None]",
    lambda x: x + torch.arange(x.shape[1], dtype=x.dtype)[:, None],
)
ORDER = np.array([2, 0, 4, 1, 3])  # not its own inverse


def tokens(rng, B=2, n=5, d=3):
    return rng.normal(size=(B, n, d))


def attention_is_equivariant(seen):
    """Attention is equivariant: its first gap must be 0."""
    return np.isclose(float(seen["attention"].outputs["equivariance"]), 0, atol=1e-4)


def sum_is_invariant(seen):
    """A sum over the tokens is invariant: its second gap must be 0."""
    return np.isclose(float(seen["a sum over the tokens"].outputs["invariance"]), 0, atol=1e-4)


EXERCISE = Exercise(
    id="order_gaps",
    contract=(
        "order_gaps(f, x, order) -> (equivariance, invariance); f takes tokens like x (B, n, d) and gives "
        "(B, n, any width), order (n,) says which token comes to each place. Each gap is the largest "
        "absolute difference. x is not changed."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    takes="torch",
    arguments={"f": (), "x": ("B", "n", "d"), "order": ("n",)},
    outputs={"equivariance": (), "invariance": ()},
    cases=[
        Case("running sums", lambda rng: (RUNNING, tokens(rng), ORDER), weight=3),
        Case("attention", lambda rng: (ATTENTION, tokens(rng), ORDER)),
        Case("each token alone", lambda rng: (PER_TOKEN, tokens(rng), ORDER)),
        Case("a sum over the tokens", lambda rng: (SUMMED, tokens(rng), ORDER)),
        Case("the first token taken from all", lambda rng: (FIRST, tokens(rng), ORDER)),
        Case("places added", lambda rng: (PLACES, tokens(rng, 1), ORDER)),
        Case("by hand", lambda rng: (RUNNING, np.array([[[1.0], [2.0]]]), np.array([1, 0]))),
        Case("7 tokens", lambda rng: (FIRST, tokens(rng, 3, 7, 2), rng.permutation(7))),
        Case(
            "the second example moves more",
            lambda rng: (RUNNING, np.array([[[1.0], [1.5]], [[1.0], [5.0]]]), np.array([1, 0])),
        ),
    ],
    reference=order_gaps,
    solution=order_gaps,
    right=[order_gaps, with_a_permutation_matrix, with_loops, with_numpy, undone_afterwards],
    wrong=[
        swapped,
        inverse_afterwards,
        inverse_before,
        never_after,
        never_before,
        output_against_itself,
        twice_the_same,
        mean_gap,
        summed_gap,
        length_of_the_gap,
        squared_gap,
        signed_gap,
        smallest_gap,
        first_example,
        first_token,
        relative_gap,
        sorted_tokens,
        yes_or_no,
        reversed_order,
        changes_x,
    ],
    properties=[attention_is_equivariant, sum_is_invariant],
    hints=[
        "How many times do you need f, and on which tokens? What is shuffled once it has answered?",
        "`x[:, order]` shuffles the tokens of every example; the output of f is shuffled in the same way.",
        (
            "With `first = f(x[:, order])` and `output = f(x)`: compare `first` with `output[:, order]`, and "
            "with `output` as it is; each time `.abs().max()`."
        ),
    ],
)
