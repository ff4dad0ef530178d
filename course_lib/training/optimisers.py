"""Muon, and which parameters it learns; AdamW learns the others."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.training.recipe import Recipe


def newton_schulz(
    G: Float[Tensor, "n_matrices rows columns"], steps: int = 5
) -> Float[Tensor, "n_matrices rows columns"]:
    """Matrices (n_matrices, rows, columns) with every singular value brought near 1, none of them computed.

    If one is U S V^T, the result is about U V^T: the same directions, equally strong. Each step applies the
    polynomial a x + b x^3 + c x^5 to the singular values. The coefficients trade exactness for speed: after
    five steps, what was not tiny lies between 0.7 and 1.2.
    Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    X = G / G.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)  # no singular value is above 1
    X = X.mT if G.shape[-2] > G.shape[-1] else X  # X X^T is then the smaller of the two products
    for _ in range(steps):
        A = X @ X.mT
        P = torch.baddbmm(A, A, A, beta=b, alpha=c)  # b A + c A A
        X = torch.baddbmm(X, P, X, beta=a)  # a X + P X
    return X.mT if G.shape[-2] > G.shape[-1] else X


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal: every direction of a weight matrix is learnt at the same pace.

    For weight matrices (rows, columns) alone; computes in their dtype. Nesterov momentum, decoupled weight
    decay; tall matrices take steps longer by sqrt(rows / columns). Matrices of one shape are done together.
    Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
    """

    def __init__(
        self, params: Iterable, lr: float = 0.03, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        for group in self.param_groups:
            for W in group["params"]:
                if W.ndim != 2:
                    raise ValueError(f"params must be matrices (rows, columns); got shape {tuple(W.shape)}")

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step down the gradients; parameters without a gradient stay."""
        for group in self.param_groups:
            same_shape = defaultdict(list)
            for W in group["params"]:
                if W.grad is not None:
                    same_shape[W.shape].append(W)
            for matrices in same_shape.values():
                self._update(matrices, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, matrices: list[Tensor], lr: float, momentum: float, weight_decay: float) -> None:
        ahead = []
        for W in matrices:
            mean = self.state[W].setdefault("momentum", torch.zeros_like(W)).lerp_(W.grad, 1 - momentum)
            ahead.append(W.grad.lerp(mean, momentum))  # Nesterov: as if a step further
        rows, columns = matrices[0].shape
        length = lr * max(1, rows / columns) ** 0.5
        for W, update in zip(matrices, newton_schulz(torch.stack(ahead)), strict=True):
            W.mul_(1 - lr * weight_decay).sub_(update, alpha=length)


def block_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The weights of all linear maps inside an nn.ModuleList, which is where models keep their blocks.

    Embeddings, positions, the output layer, norms and biases are not among them.
    """
    stacks = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    linear = (module for stack in stacks for module in stack.modules() if isinstance(module, nn.Linear))
    matrices = {id(module.weight): module.weight for module in linear if module.weight.requires_grad}
    return list(matrices.values())  # by id: a stack inside a stack, or a shared layer, counts once


def make_optimisers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """AdamW for every parameter that learns; with `recipe.muon_lr` Muon for the matrices of the blocks.

    Raises ValueError where nothing can learn, or Muon would get nothing.
    """
    matrices = [] if recipe.muon_lr is None else block_matrices(model)
    if recipe.muon_lr is not None and not matrices:
        raise ValueError("muon_lr is for linear maps inside an nn.ModuleList; the model has none that learn")
    taken = {id(W) for W in matrices}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in taken]
    if not matrices and not others:
        raise ValueError("model must have parameters that learn (requires_grad); it has none")
    optimisers: list[torch.optim.Optimizer] = []
    if others:
        decay = recipe.weight_decay
        optimisers.append(torch.optim.AdamW(others, recipe.lr, recipe.betas, weight_decay=decay, fused=True))
    if matrices:
        optimisers.append(Muon(matrices, recipe.muon_lr, weight_decay=recipe.weight_decay))
    return optimisers
