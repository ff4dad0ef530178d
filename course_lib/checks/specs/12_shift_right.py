"""Exercise `shift_right` (lesson 12): what a decoder reads and what it must say."""

import torch

from course_lib.checks import Case, Exercise
from course_lib.data import batches

# ------------------------------------------------------------------ a solution, and other right ways


def shift_right(target, bos, eos, pad):
    longest = max(len(row) for row in target)
    dec_in = [[bos, *row] + [pad] * (longest - len(row)) for row in target]
    labels = [[*row, eos] + [pad] * (longest - len(row)) for row in target]
    return torch.tensor(dec_in), torch.tensor(labels)


def with_filled_tensors(target, bos, eos, pad):
    size = (len(target), 1 + max(map(len, target)))
    dec_in, labels = torch.full(size, pad), torch.full(size, pad)
    dec_in[:, 0] = bos
    for i, row in enumerate(target):
        n = len(row)
        if n:
            dec_in[i, 1 : n + 1] = torch.tensor(row)
            labels[i, :n] = torch.tensor(row)
        labels[i, n] = eos
    return dec_in, labels


def with_torchs_own(target, bos, eos, pad):
    pad_all = torch.nn.utils.rnn.pad_sequence
    inputs = [torch.tensor([bos, *row], dtype=torch.long) for row in target]
    labels = [torch.tensor([*row, eos], dtype=torch.long) for row in target]
    return pad_all(inputs, batch_first=True, padding_value=pad), pad_all(labels, True, pad)


# ------------------------------------------------------------------ stored wrong answers


def padded(rows, pad):
    """Rows of any length as one tensor."""
    longest = max(map(len, rows))
    return torch.tensor([list(row) + [pad] * (longest - len(row)) for row in rows])


def exchanged(target, bos, eos, pad):
    """The two are exchanged: first what the decoder reads, bos in front, then the labels."""
    dec_in, labels = shift_right(target, bos, eos, pad)
    return labels, dec_in


def not_shifted(target, bos, eos, pad):
    """What the decoder reads is what it must say: then it only has to copy. It reads bos first, one place
    behind."""
    _, labels = shift_right(target, bos, eos, pad)
    return labels, labels.clone()


def bos_in_the_labels(target, bos, eos, pad):
    """Your labels begin with bos: the first thing to say is the first token."""
    dec_in, _ = shift_right(target, bos, eos, pad)
    return dec_in, dec_in.clone()


def eos_in_the_input_too(target, bos, eos, pad):
    """Your decoder reads eos as well: after eos there is nothing more to say, so its input ends with the last
    token."""
    rows = [[bos, *row, eos] for row in target]
    return padded(rows, pad), padded([[*row, eos] for row in target], pad)


def cut_after_padding(target, bos, eos, pad):
    """You pad first and then cut off the last place: a short target loses padding, not eos, and reads its own
    eos."""
    whole = padded([[bos, *row, eos] for row in target], pad)
    return whole[:, :-1].clone(), whole[:, 1:].clone()


def eos_after_the_padding(target, bos, eos, pad):
    """Your eos stands after the padding: it follows the last token, and the padding comes after it."""
    filled = padded(target, pad) if any(target) else torch.full((len(target), 0), pad)
    ends = torch.full((len(target), 1), eos)
    starts = torch.full((len(target), 1), bos)
    return torch.cat([starts, filled], 1), torch.cat([filled, ends], 1)


def no_bos(target, bos, eos, pad):
    """bos is missing: the decoder reads it before the first token, or it has nothing to begin with."""
    _, labels = shift_right(target, bos, eos, pad)
    dec_in = padded([[*row, pad] for row in target], pad)
    return dec_in, labels


def no_eos(target, bos, eos, pad):
    """eos is missing: without it the decoder never learns to stop."""
    dec_in, _ = shift_right(target, bos, eos, pad)
    return dec_in, padded([[*row, pad] for row in target], pad)


def last_token_dropped(target, bos, eos, pad):
    """You drop the last token of each target: the decoder reads all tokens and says all of them, then eos."""
    longest = max(map(len, target)) + 1
    rows = [row[:-1] for row in target]
    dec_in = [([bos, *row] + [pad] * longest)[:longest] for row in rows]
    labels = [([*row, eos] + [pad] * longest)[:longest] for row in rows]
    return torch.tensor(dec_in), torch.tensor(labels)


def padded_in_front(target, bos, eos, pad):
    """Your padding stands in front: it comes after the tokens, bos is the first of every row."""
    longest = max(map(len, target))
    spaces = [[pad] * (longest - len(row)) for row in target]
    dec_in = [[*space, bos, *row] for space, row in zip(spaces, target, strict=True)]
    labels = [[*space, *row, eos] for space, row in zip(spaces, target, strict=True)]
    return torch.tensor(dec_in), torch.tensor(labels)


def padded_with_zero(target, bos, eos, pad):
    """You pad with 0 whatever `pad` is: take the argument."""
    return shift_right(target, bos, eos, 0)


def padded_with_eos(target, bos, eos, pad):
    """You fill the labels up with eos: one eos, then pad, which the loss leaves out."""
    dec_in, labels = shift_right(target, bos, eos, pad)
    for row, given in zip(labels, target, strict=True):
        row[len(given) + 1 :] = eos
    return dec_in, labels


def one_place_too_many(target, bos, eos, pad):
    """Your rows are one place too long: the longest target plus one place for bos or eos is enough."""
    return tuple(
        padded([[*row.tolist(), pad] for row in part], pad) for part in shift_right(target, bos, eos, pad)
    )


def bos_for_eos(target, bos, eos, pad):
    """Your labels end with bos: they end with eos."""
    return shift_right(target, bos, bos, pad)


def marks_exchanged(target, bos, eos, pad):
    """bos and eos are exchanged: the input begins with bos, the labels end with eos."""
    return shift_right(target, eos, bos, pad)


def changes_target(target, bos, eos, pad):
    """The caller's lists are changed: append to copies, `[*row, eos]`, not `row.append(eos)`."""
    dec_in = padded([[bos, *row] for row in target], pad)
    for row in target:
        row.append(eos)
    return dec_in, padded(target, pad)


def both_with_eos(target, bos, eos, pad):
    """Your decoder reads eos as well, so both rows are one place too long: its input ends with the last
    token."""
    longest = max(map(len, target)) + 2
    rows = [[bos, *row, eos] for row in target], [[*row, eos] for row in target]
    dec_in, labels = ([row + [pad] * (longest - len(row)) for row in part] for part in rows)
    return torch.tensor(dec_in), torch.tensor(labels)


def labels_two_ahead(target, bos, eos, pad):
    """Your labels begin with the second token: bos in front of the input is the whole shift, the labels keep
    the first token."""
    dec_in, labels = shift_right(target, bos, eos, pad)
    shorter = padded([[*row[1:], eos, *[pad] * bool(row)] for row in target], pad)
    return dec_in, shorter.reshape(labels.shape)


def padded_with_minus_100(target, bos, eos, pad):
    """You fill the labels up with -100, which torch's loss leaves out by itself: here both are filled with
    `pad`."""
    dec_in, _ = shift_right(target, bos, eos, pad)
    return dec_in, padded([[*row, eos] for row in target], -100)


def not_padded(target, bos, eos, pad):
    """Your rows are not equally long, and a tensor needs that: fill the shorter ones up with pad first."""
    return torch.tensor([[bos, *row] for row in target]), torch.tensor([[*row, eos] for row in target])


def cut_to_the_shortest(target, bos, eos, pad):
    """You cut all targets to the shortest: fill the shorter ones up to the longest, with pad."""
    n = min(map(len, target))
    return shift_right([row[:n] for row in target], bos, eos, pad)


def first_row_sets_the_length(target, bos, eos, pad):
    """You take the length of the first target for all: the longest sets it, max(len(row) for row in
    target)."""
    n = len(target[0]) + 1
    return tuple(
        torch.tensor([(row + [pad] * n)[:n] for row in part])
        for part in ([[bos, *row] for row in target], [[*row, eos] for row in target])
    )


# ------------------------------------------------------------------ the exercise


def the_input_is_the_labels_one_step_ago(seen):
    """Each place reads what the place before it had to say: dec_in[:, 1:] equals labels[:, :-1] at all tokens
    but eos and padding."""
    case = seen["three targets"]
    dec_in, labels = (case.outputs[name] for name in ("dec_in", "labels"))
    tokens = (labels[:, :-1] != case.inputs["eos"]) & (labels[:, :-1] != case.inputs["pad"])
    return (dec_in[:, 1:][tokens] == labels[:, :-1][tokens]).all()


WHOLE = "token ids are whole numbers (torch.long), an embedding looks them up"


def drawn(rng, B):
    """Targets of 0 to 9 ids below 1,000, none of them that of a special token."""
    bos, eos, pad, *ids = rng.permutation(1000).tolist()
    return [ids[10 * i : 10 * i + n] for i, n in enumerate(rng.integers(10, size=B))], bos, eos, pad


EXERCISE = Exercise(
    id="shift_right",
    contract=(
        "shift_right(target, bos, eos, pad) -> (dec_in, labels), whole numbers (B, L + 1); target: list of "
        "lists of ids without special tokens, L the longest. dec_in: bos t1 .. tn pad ..; labels: t1 .. tn "
        "eos pad .."
    ),
    minutes=10,
    difficulty=2,
    points=2,
    arguments={"target": (), "bos": (), "eos": (), "pad": ()},
    outputs={"dec_in": ("B", "L+1"), "labels": ("B", "L+1")},
    whole={"dec_in": WHOLE, "labels": WHOLE},
    cases=[
        Case("three targets", lambda rng: ([[7, 8, 9], [5], [6, 4]], 1, 2, 0), weight=3),
        Case("one target", lambda rng: ([[7, 8]], 1, 2, 0)),
        Case("equally long", lambda rng: ([[5, 6], [7, 8]], 1, 2, 0)),
        Case("pad is 3, 0 is a token", lambda rng: ([[0, 5], [4]], 1, 2, 3)),
        Case("an empty target", lambda rng: ([[], [5, 6]], 1, 2, 0)),
        Case("nothing to say at all", lambda rng: ([[]], 1, 2, 0)),
        Case("bos 9, eos 8", lambda rng: ([[1, 2, 3], [4, 5]], 9, 8, 7)),
        Case("7 targets", lambda rng: drawn(rng, 7)),
        Case("11 targets", lambda rng: drawn(rng, 11)),
    ],
    reference=batches.shift_right,
    solution=shift_right,
    right=[shift_right, with_filled_tensors, with_torchs_own],
    wrong=[
        exchanged,
        not_shifted,
        bos_in_the_labels,
        eos_in_the_input_too,
        cut_after_padding,
        eos_after_the_padding,
        no_bos,
        no_eos,
        last_token_dropped,
        padded_in_front,
        padded_with_zero,
        padded_with_eos,
        one_place_too_many,
        bos_for_eos,
        marks_exchanged,
        changes_target,
        both_with_eos,
        labels_two_ahead,
        padded_with_minus_100,
        not_padded,
        cut_to_the_shortest,
        first_row_sets_the_length,
    ],
    properties=[the_input_is_the_labels_one_step_ago],
    hints=[
        "The decoder says one token at each place. What has it read by then, and what must it say next?",
        "Both rows have one place more than the target: the input gets bos in front, the labels eos behind.",
        "`[bos, *row] + [pad] * (longest - len(row))` and `[*row, eos] + [pad] * (longest - len(row))`.",
    ],
)
