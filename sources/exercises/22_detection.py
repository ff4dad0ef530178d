# ---
# jupyter:
#   course:
#     lesson: 22_detection
#     exercises: [cxcywh_to_corners, box_iou, match_cost, average_precision, 22_pairs]
# ---

# %%
import numpy as np
import torch

from course_lib import start
from course_lib.checks import check, hint, hunt

start("22_detection", torch=True)

# %% [markdown]
# Four functions, a hunt and a question in words. Write the body in place of `raise NotImplementedError`, run the cell, then run its check. The first three use PyTorch, the fourth NumPy, all without torchvision and scikit-learn.
#
# ## 1. From centre and size to corners (6 min)
#
# Models answer with centre and size, overlaps want corners. The boxes may have any axes in front.

# %%
def cxcywh_to_corners(boxes):
    """boxes (..., 4) as cx, cy, w, h -> (..., 4) as x0, y0, x1, y1. boxes is not changed.

    >>> cxcywh_to_corners(torch.tensor([3.0, 2.0, 2.0, 4.0]))
    tensor([2., 0., 4., 4.])
    """
    ### BEGIN SOLUTION
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)
    ### END SOLUTION


# %%
check(cxcywh_to_corners)

# %% [markdown]
# Stuck? Each call of `hint("cxcywh_to_corners")` goes one step further; the other exercises have hints in the same way.

# %%
hint("cxcywh_to_corners")

# %% [markdown]
# ## 2. Every box with every other (18 min)
#
# The three steps of the lesson: sides of the intersection, areas, share. Two things to mind: sides of boxes that lie apart, and boxes without any area.

# %%
def box_iou(a, b):
    """a (n, 4), b (m, 4) as x0, y0, x1, y1 -> intersection over union (n, m); empty boxes give 0.

    >>> box_iou(torch.tensor([[0.0, 0, 2, 1]]), torch.tensor([[1.0, 0, 3, 1], [5, 5, 6, 6]]))
    tensor([[0.3333, 0.0000]])
    """
    # 1. sides   2. areas   3. share
    ### BEGIN SOLUTION
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])
    inner = (high - low).clamp(min=0).prod(dim=-1)  # 1. sides, and their product (n, m)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).clamp(min=0).prod(dim=-1) for box in (a, b))  # 2. areas
    union = area_a[:, None] + area_b - inner
    return torch.where(union > 0, inner / union, 0)  # 3. share
    ### END SOLUTION


# %%
check(box_iou)

# %% [markdown]
# ## 3. What a pair costs (20 min)
#
# Minus the probability of the object's class, plus five times the L1 distance of the four numbers, minus twice the IoU. Use the library's `corners` and `box_iou` or your own.

# %%
def match_cost(class_prob, boxes, labels, targets):
    """class_prob (n_queries, n_classes + 1), boxes (n_queries, 4), labels (m,), targets (m, 4) -> (n_queries, m).

    -p[label] + 5 * L1 - 2 * IoU; boxes and targets as cx, cy, w, h. The last column of class_prob is "no object".

    >>> box = torch.tensor([[0.5, 0.5, 0.2, 0.2]])
    >>> match_cost(torch.tensor([[0.75, 0.25]]), box, torch.tensor([0]), box)  # -0.75 + 0 - 2
    tensor([[-2.7500]])
    """
    ### BEGIN SOLUTION
    from course_lib.transformer import detection

    distance = (boxes[:, None] - targets).abs().sum(dim=-1)  # (n_queries, m)
    iou = detection.box_iou(detection.corners(boxes), detection.corners(targets))
    return -class_prob[:, labels] + 5 * distance - 2 * iou
    ### END SOLUTION


# %%
check(match_cost)

# %% [markdown]
# DETR has the generalised IoU in its cost. With it, which pairs become dearer: near ones or far ones?
#
# <details><summary>Answer</summary>
#
# Far ones, by up to 2: there IoU is 0, and GIoU falls towards −1. Where two boxes nearly agree, the smallest box around both holds little else, and the cost hardly changes.
#
# </details>
#
# ## 4. Average precision (20 min)
#
# Somebody has decided already which detections are right: `hits`. What is left is the order and the area.

# %%
def average_precision(scores, hits, n_targets):
    """scores (k,), hits (k,) bool, n_targets >= 1 -> average precision, one number; no detection gives 0.

    Equal scores count in the order in which they came. Nothing is changed.

    >>> float(average_precision(np.array([0.9, 0.6, 0.3]), np.array([True, False, True]), 2).round(4))
    0.8333
    """
    ### BEGIN SOLUTION
    hits = hits[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)  # (k,)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return best_from_here[hits].sum() / n_targets
    ### END SOLUTION


# %%
check(average_precision)

# %% [markdown]
# Try yours on six false detections with a score of 0.95 before the three of the doctest: $\tfrac29$, as in the lesson?
#
# ## 5. Hunt: a matching written by hand (10 min)
#
# Somebody wrote the matching without the library. On the tables of a trained detector it gives what the library gives. On those of a fresh one it does not always.
# Hand in a table `(cost,)` on which it differs from the right one, and name the fault. cost is (n_queries, m), with as many queries as objects or more.

# %%
the_hunt = hunt("22_pairs")
print(the_hunt)

# %% [markdown]
# Try tables here: `the_hunt.broken(...)` is the suspect, `the_hunt.right(...)` the reference. For each object they name its query.

# %%
cost = np.array([[0.0, 5.0], [5.0, 0.0], [5.0, 5.0]])  # (n_queries, m)
print("suspect:", the_hunt.broken(cost), " reference:", the_hunt.right(cost))

# %% [markdown]
# Now hand in your example and the fault's name.

# %%
example = None
fault = "cheapest_pair_first"
### BEGIN SOLUTION
example = (np.array([[1.0, 2.0], [2.0, 10.0]]),)
fault = "one_after_the_other"
### END SOLUTION
the_hunt.submit(example, fault=fault)

# %% [markdown]
# ## 6. In your own words (5 min)
#
# A colleague wants to do without the matching: "I sort the digits of each picture from left to right. Row 0 must name the leftmost, row 1 the next. Then the order is no longer random."
# What does this mend? Think of two digits one above the other: where does it fail?

# %% [markdown]
# <!-- answer: 22_sorted points: 2 --> <b>Your answer</b>, below this line (double-click here; two to four sentences):
# ### BEGIN SOLUTION
# The key is no longer random, so a row is not pulled to the middle between two equally likely answers. That is a gain over the random order.
# With two digits nearly above each other, a shift of one pixel exchanges their rows, and near this border a row is again asked for one of two far places almost by chance. Also a row is fixed by what else is in the picture: one missed digit on the left moves all others by a row, where a matching asks only whether somebody found each object.
# ### END SOLUTION
