"""Exercise `matmul_backward` (lesson 05): the gradients of a matrix product."""

import numpy as np

from course_lib.by_hand import finite_difference
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------ a solution, and other right ways


def matmul_backward(X, Y, dZ):
    dX = dZ @ np.swapaxes(Y, -1, -2)
    dY = np.swapaxes(X, -1, -2) @ dZ
    return dX, dY


def with_einsum(X, Y, dZ):
    return np.einsum("...nk,...mk->...nm", dZ, Y), np.einsum("...nm,...nk->...mk", X, dZ)


def with_loops(X, Y, dZ):
    if X.ndim > 2:
        pairs = [with_loops(*one) for one in zip(X, Y, dZ, strict=True)]
        return np.array([dX for dX, _ in pairs]), np.array([dY for _, dY in pairs])
    dX, dY = np.zeros(X.shape), np.zeros(Y.shape)
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            for k in range(Y.shape[1]):
                dX[i, j] += dZ[i, k] * Y[j, k]
                dY[j, k] += X[i, j] * dZ[i, k]
    return dX, dY


def by_nudging(X, Y, dZ):
    def loss(left, right):
        return float((dZ.astype(float) * (left @ right)).sum())

    return (
        finite_difference(lambda x: loss(x, Y), X, step=1e-2),
        finite_difference(lambda x: loss(X, x), Y, step=1e-2),
    )


def sums_of_outer_products(X, Y, dZ):
    dX = (dZ[..., :, None, :] * Y[..., None, :, :]).sum(-1)
    dY = (X[..., :, :, None] * dZ[..., :, None, :]).sum(-3)
    return [dX, dY]


# ------------------------------------------------------------------ stored wrong answers


def t(x):
    return np.swapaxes(x, -1, -2)


def all_axes_turned(X, Y, dZ):
    """`.T` turns round all axes, the batch too: use `np.swapaxes(x, -1, -2)`."""
    return dZ @ Y.T, X.T @ dZ


def swapped(X, Y, dZ):
    """dX and dY are in each other's place: return dX, with the shape of X, first."""
    dX, dY = matmul_backward(X, Y, dZ)
    return dY, dX


def no_transposes(X, Y, dZ):
    """No factor is turned round, which fits only where all sizes are equal: dX = dZ Y^T and dY = X^T dZ."""
    return dZ @ Y, X @ dZ


def no_transpose_in_dx(X, Y, dZ):
    """In dX the Y is not turned round: X[i, j] meets row j of Y, so it is dZ Y^T."""
    return dZ @ Y, t(X) @ dZ


def no_transpose_in_dy(X, Y, dZ):
    """In dY the X is not turned round: Y[j, k] meets column j of X, so it is X^T dZ."""
    return dZ @ t(Y), X @ dZ


def wrong_order_dx(X, Y, dZ):
    """In dX the factors stand in the wrong order: Y stood on the right of X, so Y^T stands on the right of
    dZ."""
    return t(Y) @ dZ, t(X) @ dZ


def wrong_order_dy(X, Y, dZ):
    """In dY the factors stand in the wrong order: X stood on the left of Y, so X^T stands on the left of
    dZ."""
    return dZ @ t(Y), dZ @ t(X)


def wrong_orders(X, Y, dZ):
    """Both products have their factors in the wrong order: a matrix stays on the side on which it stood,
    dZ Y^T and X^T dZ."""
    return t(Y) @ dZ, dZ @ t(X)


def turned_results(X, Y, dZ):
    """Both gradients come out turned round: dX has the shape of X, dY the shape of Y."""
    dX, dY = matmul_backward(X, Y, dZ)
    return t(dX), t(dY)


def turned_slopes(X, Y, dZ):
    """You turn dZ round as well: it keeps its shape in both products, dZ Y^T and X^T dZ."""
    return t(dZ) @ t(Y), t(X) @ t(dZ)


def slopes_of_one(X, Y, dZ):
    """You take all slopes as 1, the gradient of the plain sum of Z: use the dZ that comes in."""
    return matmul_backward(X, Y, np.ones_like(dZ))


def product_rule_of_numbers(X, Y, dZ):
    """You return Y and X, the slopes of a product of two numbers: multiply them with dZ, as matrices."""
    return Y, X


def product_itself(X, Y, dZ):
    """You use Z = X Y in place of dZ: its values do not matter here, only its slopes, dZ."""
    return matmul_backward(X, Y, X @ Y)


def entry_by_entry(X, Y, dZ):
    """You multiply entry by entry: each number of X meets a whole row of Y, so it takes matrix products."""
    return dZ * Y, X * dZ


def mean_over_rows(X, Y, dZ):
    """dY is divided by the number of rows of X: add up what comes from every row, a mean belongs to the
    loss."""
    dX, dY = matmul_backward(X, Y, dZ)
    return dX, dY / X.shape[-2]


def mean_in_both(X, Y, dZ):
    """You divide by the length of the axis that is summed over: slopes that come together are added, not
    averaged."""
    dX, dY = matmul_backward(X, Y, dZ)
    return dX / Y.shape[-1], dY / X.shape[-2]


def negative(X, Y, dZ):
    """All signs are turned round: return the gradient, the minus belongs to the step of gradient descent."""
    dX, dY = matmul_backward(X, Y, dZ)
    return -dX, -dY


def batch_added(X, Y, dZ):
    """You add dY over the batch: here each example has a Y of its own, so keep the leading axes."""
    dX, dY = matmul_backward(X, Y, dZ)
    return dX, dY.sum(axis=tuple(range(dY.ndim - 2)))


def one_axis_too_many_summed(X, Y, dZ):
    """The slopes of a row are added up before they meet the other matrix: each entry of dZ meets its own
    entry."""
    return matmul_backward(X, Y, np.broadcast_to(dZ.sum(-1, keepdims=True), dZ.shape))


def only_dx(X, Y, dZ):
    """dY comes back as zeros: the right matrix learns too, dY = X^T dZ."""
    return dZ @ t(Y), np.zeros(Y.shape)


def only_dy(X, Y, dZ):
    """dX comes back as zeros: the left matrix learns too, dX = dZ Y^T."""
    return np.zeros(X.shape), t(X) @ dZ


def first_example_only(X, Y, dZ):
    """Only the first example of the batch is right: let the products run over all leading axes, `@` does."""
    dX, dY = matmul_backward(X, Y, dZ)
    if X.ndim > 2:
        dX, dY = np.broadcast_to(dX[:1], dX.shape), np.broadcast_to(dY[:1], dY.shape)
    return dX, dY


def changes_slopes(X, Y, dZ):
    """The caller's dZ is changed in place: work on a new array."""
    result = matmul_backward(X, Y, dZ)
    if dZ.dtype.kind == "f":
        dZ *= 0
    return result


# ------------------------------------------------------------------ properties and cases


def two_gradients_agree(seen):
    """Growing all of X by a share changes the loss as growing all of Y by it: sum(X dX) must equal
    sum(Y dY)."""
    return all(
        np.isclose(
            (c.inputs["X"] * c.outputs["dX"]).sum(), (c.inputs["Y"] * c.outputs["dY"]).sum(), rtol=1e-3
        )
        for c in seen.values()
        if c.outputs["dX"].shape == c.inputs["X"].shape and c.outputs["dY"].shape == c.inputs["Y"].shape
    )


def drawn(rng, n, m, k, *leading):
    return tuple(rng.normal(size=(*leading, *shape)) for shape in ((n, m), (m, k), (n, k)))


EXERCISE = Exercise(
    id="matmul_backward",
    contract=(
        "matmul_backward(X, Y, dZ) -> (dX, dY) for Z = X @ Y; X (..., n, m), Y (..., m, k), dZ (..., n, k) "
        "the gradient of the loss for Z, dX (..., n, m), dY (..., m, k)."
    ),
    minutes=8,
    difficulty=2,
    points=1,
    arguments={"X": ("...", "n", "m"), "Y": ("...", "m", "k"), "dZ": ("...", "n", "k")},
    outputs={"dX": ("...", "n", "m"), "dY": ("...", "m", "k")},
    cases=[
        Case("sizes 2, 3, 5", lambda rng: drawn(rng, 2, 3, 5), weight=3),
        Case(
            "by hand",
            lambda rng: (
                np.array([[1.0, 2.0], [3.0, 4.0]]),
                np.array([[5.0, 0.0], [1.0, 2.0]]),
                np.array([[1.0, 0.0], [0.0, 3.0]]),
            ),
        ),
        Case("square", lambda rng: drawn(rng, 3, 3, 3)),
        Case("a row", lambda rng: drawn(rng, 1, 3, 2)),
        Case("a batch of 2", lambda rng: drawn(rng, 3, 5, 2, 2)),
        Case(
            "whole numbers",
            lambda rng: (np.array([[1, 2, 3]]), np.array([[2], [0], [1]]), np.array([[4]])),
        ),
    ],
    reference=matmul_backward,
    solution=matmul_backward,
    right=[matmul_backward, with_einsum, with_loops, by_nudging, sums_of_outer_products],
    wrong=[
        all_axes_turned,
        swapped,
        no_transposes,
        no_transpose_in_dx,
        no_transpose_in_dy,
        wrong_order_dx,
        wrong_order_dy,
        wrong_orders,
        turned_results,
        turned_slopes,
        slopes_of_one,
        product_rule_of_numbers,
        product_itself,
        entry_by_entry,
        mean_over_rows,
        mean_in_both,
        negative,
        batch_added,
        one_axis_too_many_summed,
        only_dx,
        only_dy,
        first_example_only,
        changes_slopes,
    ],
    properties=[two_gradients_agree],
    hints=[
        "Which shape must dX have? From dZ (n, k) and Y (m, k), which single product gives that shape?",
        (
            "Nudge X[i, j]: row i of Z moves by row j of Y. Weigh that row with row i of dZ and add. With a "
            "batch, turn round the last two axes alone."
        ),
        "`dX = dZ @ np.swapaxes(Y, -1, -2)`; for dY, X stood on the left, so its transpose stands there.",
    ],
    forbids=BESIDE_NUMPY,
)
