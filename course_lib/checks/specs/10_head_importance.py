"""Exercise `head_importance` (lesson 10): what is lost when one head is switched off."""

import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def mean_error(merged, W_o, b_o, target):
    return ((merged @ W_o.T + b_o - target) ** 2).mean()


def head_importance(contexts, W_o, b_o, target):
    def error(used):
        return ((used.flatten(1) @ W_o.T + b_o - target) ** 2).mean()

    rises = []
    for h in range(contexts.shape[1]):
        without = contexts.clone()
        without[:, h] = 0
        rises.append(error(without) - error(contexts))
    return torch.stack(rises)


def contributions_taken_out(contexts, W_o, b_o, target):
    _, H, d_head = contexts.shape
    blocks = W_o.reshape(len(W_o), H, d_head)
    parts = torch.einsum("bhd,ohd->hbo", contexts, blocks)
    output = parts.sum(0) + b_o
    full = ((output - target) ** 2).mean()
    return ((output - parts - target) ** 2).mean(dim=(1, 2)) - full


def columns_set_to_zero(contexts, W_o, b_o, target):
    d_head, merged = contexts.shape[2], contexts.reshape(len(contexts), -1)
    rises = []
    for h in range(contexts.shape[1]):
        kept = W_o.clone()
        kept[:, h * d_head : (h + 1) * d_head] = 0.0
        change = mean_error(merged, kept, b_o, target) - mean_error(merged, W_o, b_o, target)
        rises.append(float(change))
    return rises


def with_switches(contexts, W_o, b_o, target):
    H = contexts.shape[1]
    on = 1 - torch.eye(H, dtype=contexts.dtype)
    merged = (contexts[None] * on[:, None, :, None]).flatten(2)
    errors = ((merged @ W_o.T + b_o - target) ** 2).mean(dim=(-2, -1))
    return errors - mean_error(contexts.flatten(1), W_o, b_o, target)


# ------------------------------------------------------------------ stored wrong answers


def each_off(contexts, W_o, b_o, target, error=mean_error, off=None):
    """Errors without each head (n_heads,), and the error with all."""
    errors = []
    for h in range(contexts.shape[1]):
        without = contexts.clone()
        without[:, h] = 0 if off is None else off(contexts, h)
        errors.append(error(without.flatten(1), W_o, b_o, target))
    return torch.stack(errors), error(contexts.flatten(1), W_o, b_o, target)


def not_subtracted(contexts, W_o, b_o, target):
    """You return the errors without each head: subtract the error with all heads, it is the rise that is
    asked for."""
    return each_off(contexts, W_o, b_o, target)[0]


def sign_turned(contexts, W_o, b_o, target):
    """Your signs are turned round: the error without the head comes first, so that a head that is missed has
    a positive importance."""
    errors, full = each_off(contexts, W_o, b_o, target)
    return full - errors


def absolute(contexts, W_o, b_o, target):
    """You take the absolute value: an importance may be negative, where the model does better without the
    head."""
    errors, full = each_off(contexts, W_o, b_o, target)
    return (errors - full).abs()


def never_negative(contexts, W_o, b_o, target):
    """You cut off at 0: an importance may be negative, where the model does better without the head."""
    errors, full = each_off(contexts, W_o, b_o, target)
    return (errors - full).clamp(min=0)


def ratio(contexts, W_o, b_o, target):
    """You divide the two errors: the difference is asked for, and with all heads the error may be 0."""
    errors, full = each_off(contexts, W_o, b_o, target)
    return errors / full


def only_this_head(contexts, W_o, b_o, target):
    """You switch off all heads but one: switch off one and keep the others."""
    H = contexts.shape[1]
    full = mean_error(contexts.flatten(1), W_o, b_o, target)
    errors = [
        mean_error((contexts * torch.eye(H, dtype=contexts.dtype)[h][:, None]).flatten(1), W_o, b_o, target)
        for h in range(H)
    ]
    return torch.stack(errors) - full


def one_after_another(contexts, W_o, b_o, target):
    """Heads stay off once they are switched off: begin with all heads on for each one (`contexts.clone()`
    inside the loop)."""
    full, without = mean_error(contexts.flatten(1), W_o, b_o, target), contexts.clone()
    errors = []
    for h in range(contexts.shape[1]):
        without[:, h] = 0
        errors.append(mean_error(without.flatten(1), W_o, b_o, target))
    return torch.stack(errors) - full


def wrong_columns(contexts, W_o, b_o, target):
    """You merge feature by feature, so columns of W_o meet features of another head: head h owns the columns
    h * d_head to (h + 1) * d_head - 1, so flatten (n_heads, d_head) in this order."""
    return head_importance_of(contexts.transpose(1, 2), contexts.shape[1], W_o, b_o, target)


def head_importance_of(turned, H, W_o, b_o, target):
    """As `head_importance`, for contexts whose last two axes are exchanged (B, d_head, n_heads)."""
    errors = []
    for h in range(H):
        without = turned.clone()
        without[:, :, h] = 0
        errors.append(mean_error(without.flatten(1), W_o, b_o, target))
    return torch.stack(errors) - mean_error(turned.flatten(1), W_o, b_o, target)


def features_switched_off(contexts, W_o, b_o, target):
    """You switch off a feature of every head in place of a head: the heads are axis 1."""
    errors = []
    for d in range(contexts.shape[2]):
        without = contexts.clone()
        without[:, :, d] = 0
        errors.append(mean_error(without.flatten(1), W_o, b_o, target))
    return torch.stack(errors) - mean_error(contexts.flatten(1), W_o, b_o, target)


def single_features(contexts, W_o, b_o, target):
    """You switch off single features of the merged heads: a head is d_head of them together."""
    merged = contexts.flatten(1)
    errors = []
    for column in range(merged.shape[1]):
        without = merged.clone()
        without[:, column] = 0
        errors.append(mean_error(without, W_o, b_o, target))
    return torch.stack(errors) - mean_error(merged, W_o, b_o, target)


def first_feature_only(contexts, W_o, b_o, target):
    """You switch off the first feature of each head: all d_head of them belong to it."""
    errors, H = [], contexts.shape[1]
    for h in range(H):
        without = contexts.clone()
        without[:, h, 0] = 0
        errors.append(mean_error(without.flatten(1), W_o, b_o, target))
    return torch.stack(errors) - mean_error(contexts.flatten(1), W_o, b_o, target)


def mean_context(contexts, W_o, b_o, target):
    """You replace the head by its mean over the batch: that is another ablation, here a head that is off has
    a context of zeros."""
    errors, full = each_off(contexts, W_o, b_o, target, off=lambda x, h: x[:, h].mean(0))
    return errors - full


def no_bias(contexts, W_o, b_o, target):
    """You forget the bias b_o: the output is merged @ W_o.T + b_o, whatever is switched off."""
    return head_importance(contexts, W_o, torch.zeros_like(b_o), target)


def bias_goes_too(contexts, W_o, b_o, target):
    """Without a head you leave out the bias as well: it belongs to no head and stays."""
    errors, _ = each_off(contexts, W_o, torch.zeros_like(b_o), target)
    return errors - mean_error(contexts.flatten(1), W_o, b_o, target)


def not_turned(contexts, W_o, b_o, target):
    """You multiply by W_o as it is: nn.Linear stores it as (d_out, d_in), so the output is merged @ W_o.T."""
    return head_importance(contexts, W_o.T, b_o, target)


def sum_of_squares(contexts, W_o, b_o, target):
    """You add up the squared errors: the mean over examples and outputs is asked for."""

    def total(merged, W_o, b_o, target):
        return ((merged @ W_o.T + b_o - target) ** 2).sum()

    errors, full = each_off(contexts, W_o, b_o, target, error=total)
    return errors - full


def sum_over_outputs(contexts, W_o, b_o, target):
    """You add up over the outputs and take the mean over the examples alone: it is the mean over both."""

    def error(merged, W_o, b_o, target):
        return ((merged @ W_o.T + b_o - target) ** 2).sum(-1).mean()

    errors, full = each_off(contexts, W_o, b_o, target, error=error)
    return errors - full


def absolute_error(contexts, W_o, b_o, target):
    """You take absolute differences: the squared error is asked for."""

    def error(merged, W_o, b_o, target):
        return (merged @ W_o.T + b_o - target).abs().mean()

    errors, full = each_off(contexts, W_o, b_o, target, error=error)
    return errors - full


def root(contexts, W_o, b_o, target):
    """You take the root of the mean: the mean squared error is asked for, without a root."""

    def error(merged, W_o, b_o, target):
        return mean_error(merged, W_o, b_o, target) ** 0.5

    errors, full = each_off(contexts, W_o, b_o, target, error=error)
    return errors - full


def size_of_contribution(contexts, W_o, b_o, target):
    """You measure how much a head contributes: a large contribution may be missed little. Measure the error
    without it."""
    blocks = W_o.reshape(len(W_o), *contexts.shape[1:])
    return (torch.einsum("bhd,ohd->bho", contexts, blocks) ** 2).mean(dim=(0, 2))


def changes_contexts(contexts, W_o, b_o, target):
    """The caller's contexts are changed in place: switch off on a copy, `contexts.clone()`."""
    result = head_importance(contexts, W_o, b_o, target)
    contexts[:, -1] = 0
    return result


# ------------------------------------------------------------------ the exercise


def drawn(rng, B, H, d_head, d_out):
    """Contexts, W_o, b_o and target of these sizes."""
    shapes = (B, H, d_head), (d_out, H * d_head), (d_out,), (B, d_out)
    return tuple(rng.normal(size=shape) for shape in shapes)


def solved(rng, H=2):
    """All heads together have no error."""
    contexts, W_o, b_o, _ = drawn(rng, 5, H, 3, 4)
    return contexts, W_o, b_o, contexts.reshape(5, -1) @ W_o.T + b_o


def harmful(rng):
    """The target is what comes out without head 1, so this head does harm."""
    contexts, W_o, b_o, _ = drawn(rng, 5, 3, 2, 4)
    without = contexts.copy()
    without[:, 1] = 0
    return contexts, W_o, b_o, without.reshape(5, -1) @ W_o.T + b_o


EXERCISE = Exercise(
    id="head_importance",
    contract=(
        "head_importance(contexts, W_o, b_o, target) -> importance (n_heads,): mean squared error of "
        "merged @ W_o.T + b_o with head h set to 0, minus that with all heads; contexts (B, n_heads, "
        "d_head), W_o (d_out, n_heads * d_head), b_o (d_out,), target (B, d_out)."
    ),
    minutes=12,
    difficulty=3,
    points=2,
    takes="torch",
    arguments={
        "contexts": ("B", "n_heads", "d_head"),
        "W_o": ("d_out", "d_model"),
        "b_o": ("d_out",),
        "target": ("B", "d_out"),
    },
    outputs={"importance": ("n_heads",)},
    cases=[
        Case("7 examples, 3 heads of 2, 5 outputs", lambda rng: drawn(rng, 7, 3, 2, 5), weight=3),
        Case("square", lambda rng: drawn(rng, 2, 2, 2, 4)),
        Case("no error with all heads", solved, weight=2),
        Case("one head does harm", harmful),
        Case("one head", lambda rng: drawn(rng, 3, 1, 4, 2)),
        Case("heads of one feature", lambda rng: drawn(rng, 3, 4, 1, 2)),
    ],
    reference=head_importance,
    solution=head_importance,
    right=[head_importance, contributions_taken_out, columns_set_to_zero, with_switches],
    wrong=[
        not_subtracted,
        sign_turned,
        absolute,
        never_negative,
        ratio,
        only_this_head,
        one_after_another,
        wrong_columns,
        features_switched_off,
        single_features,
        first_feature_only,
        mean_context,
        no_bias,
        bias_goes_too,
        not_turned,
        sum_of_squares,
        sum_over_outputs,
        absolute_error,
        root,
        size_of_contribution,
        changes_contexts,
    ],
    hints=[
        "What is the output when all heads are on? Which numbers of `contexts` are 0 when head 2 is off?",
        (
            "Put the heads side by side with `contexts.flatten(1)`; the output is `merged @ W_o.T + b_o`. "
            "Work on `contexts.clone()`, a fresh one for each head."
        ),
        "`without[:, h] = 0`, then the error of `without` minus the error of `contexts`; stack the rises.",
    ],
)
