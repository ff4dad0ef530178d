"""The loss of every model here that names a class or a token."""

from jaxtyping import Float, Int
from torch import Tensor


def smoothed_cross_entropy(
    logits: Float[Tensor, "*batch n_vocab"], targets: Int[Tensor, "*batch"], pad: int, smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Mean cross-entropy, in nats, over the tokens that are not `pad`, against softened targets.

    logits (..., n_vocab), targets (...). The target is (1 - smoothing) on the right token plus
    smoothing / n_vocab on every token. Without any real token the loss is 0 and so are the gradients.
    Raises ValueError for shapes that do not fit and targets that are no token.
    Source: Szegedy et al. 2016, section 7; Vaswani et al. 2017, section 5.4.
    """
    if targets.shape != logits.shape[:-1]:
        shapes = f"targets {tuple(targets.shape)}, logits {tuple(logits.shape)}"
        raise ValueError(f"targets must have the shape of logits without n_vocab; got {shapes}")
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing must be from 0 to 1; got {smoothing}")
    keep = targets != pad
    right = targets[keep]  # (n_real,)
    _check_tokens(right, logits.shape[-1])
    # Picking rows costs more than their softmax: not where every row is real.
    real = logits.reshape(-1, logits.shape[-1]) if keep.all() else logits[keep]
    log_p = real.log_softmax(dim=-1)  # (n_real, n_vocab)
    total = (1 - smoothing) * log_p.gather(-1, right.unsqueeze(-1)).sum()
    if smoothing:  # not added as 0 times a log-probability: 0 * -inf is nan
        total = total + smoothing * log_p.mean(dim=-1).sum()
    return -total / max(len(right), 1)


def _check_tokens(targets: Tensor, n_vocab: int) -> None:
    if len(targets) and not (targets.min() >= 0 and targets.max() < n_vocab):
        lowest, highest = targets.min().item(), targets.max().item()
        raise ValueError(
            f"targets must be from 0 to n_vocab - 1 = {n_vocab - 1}, or pad; got {lowest} to {highest}"
        )
