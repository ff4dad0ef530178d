"""Exercise `pad_batch` (lesson 14): texts of different lengths in one tensor, and what of it is real."""

import torch

from course_lib.checks import Case, Exercise

# ------------------------------------------------------------------ a solution, and other right ways


def pad_batch(rows, pad):
    n = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[pad] * (n - len(row))] for row in rows])
    keep = torch.tensor([[True] * len(row) + [False] * (n - len(row)) for row in rows])
    return ids, keep


def with_filled_tensors(rows, pad):
    size = len(rows), max(map(len, rows))
    ids, keep = torch.full(size, pad), torch.zeros(size, dtype=torch.bool)
    for i, row in enumerate(rows):
        for j, token in enumerate(row):
            ids[i, j], keep[i, j] = token, True
    return ids, keep


def with_torchs_own(rows, pad):
    parts = [torch.tensor(row, dtype=torch.long) for row in rows]
    ids = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=pad)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]


# ------------------------------------------------------------------ stored wrong answers


def mask_upside_down(rows, pad):
    """Your mask is True at the padding: it is True at the real tokens."""
    ids, keep = pad_batch(rows, pad)
    return ids, ~keep


def mask_from_the_ids(rows, pad):
    """Your mask asks which ids differ from pad, and a real token may have that id: it follows from the
    lengths."""
    ids, _ = pad_batch(rows, pad)
    return ids, ids != pad


def all_kept(rows, pad):
    """Your mask keeps everything, padding too."""
    ids, keep = pad_batch(rows, pad)
    return ids, torch.ones_like(keep)


def padded_in_front(rows, pad):
    """Your padding stands in front of the tokens: here it stands behind them."""
    n = max(map(len, rows))
    ids = [[pad] * (n - len(row)) + list(row) for row in rows]
    keep = [[False] * (n - len(row)) + [True] * len(row) for row in rows]
    return torch.tensor(ids), torch.tensor(keep)


def mask_in_front_ids_behind(rows, pad):
    """Your tokens stand in front and your mask is True at the end: both must speak of the same places."""
    ids, keep = pad_batch(rows, pad)
    return ids, keep.flip(1)


def cut_to_the_shortest(rows, pad):
    """You cut all rows to the shortest one: fill the shorter ones up to the longest."""
    n = min(map(len, rows))
    return pad_batch([row[:n] for row in rows], pad)


def first_row_sets_the_length(rows, pad):
    """The first row sets the length in yours: the longest sets it."""
    n = len(rows[0])
    return pad_batch([(list(row) + [pad] * n)[:n] for row in rows], pad)[0], torch.tensor(
        [[j < len(row) for j in range(n)] for row in rows]
    )


def padded_with_zero(rows, pad):
    """You pad with 0 whatever `pad` is: take the argument."""
    return pad_batch(rows, 0)


def padded_with_minus_100(rows, pad):
    """You fill up with -100, which a loss may leave out but no embedding can look up: fill up with `pad`."""
    return pad_batch(rows, -100)


def last_token_repeated(rows, pad):
    """You repeat the last token of a row: fill it up with `pad`."""
    n = max(map(len, rows))
    ids = [list(row) + [row[-1] if row else pad] * (n - len(row)) for row in rows]
    return torch.tensor(ids), pad_batch(rows, pad)[1]


def one_place_too_many(rows, pad):
    """Your batch is one place too long: the longest row needs no padding."""
    ids, keep = pad_batch([*rows, [pad] * (1 + max(map(len, rows)))], pad)
    return ids[:-1], keep[:-1]


def mask_one_too_long(rows, pad):
    """Your mask keeps one place of padding: with `<=` there is one True too many."""
    ids, _ = pad_batch(rows, pad)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1]) <= lengths[:, None]


def mask_one_too_short(rows, pad):
    """Your mask leaves out the last real token of each row: a row of length 3 has three places True."""
    ids, _ = pad_batch(rows, pad)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1]) < lengths[:, None] - 1


def sorted_by_length(rows, pad):
    """Your rows come back sorted by length: the labels of the batch keep their order, so must they."""
    return pad_batch(sorted(rows, key=len, reverse=True), pad)


def mask_of_the_first_row(rows, pad):
    """You use the mask of the first row for all rows: each has its own length."""
    ids, keep = pad_batch(rows, pad)
    return ids, keep[:1].expand_as(keep).clone()


def empty_rows_dropped(rows, pad):
    """A row without tokens is gone in yours: it stays, as a row of padding."""
    return pad_batch([row for row in rows if row], pad)


def changes_the_callers(rows, pad):
    """The caller's lists grow longer: fill up copies, `[*row, pad]`, not `row.append(pad)`."""
    keep = pad_batch(rows, pad)[1]
    n = max(map(len, rows))
    for row in rows:
        row.extend([pad] * (n - len(row)))
    return torch.tensor(rows), keep


# ------------------------------------------------------------------ the exercise


def as_many_true_as_tokens(seen):
    """Each row of the mask has as many True as the row has tokens."""
    case = seen["three rows"]
    return [int(total) for total in case.outputs["keep"].sum(axis=1)] == list(map(len, case.inputs["rows"]))


def drawn(rng, B):
    """Rows of 0 to 9 ids below 1,000."""
    pad, *ids = rng.permutation(1000).tolist()
    return [ids[10 * i : 10 * i + n] for i, n in enumerate(rng.integers(10, size=B))], pad


EXERCISE = Exercise(
    id="pad_batch",
    contract=(
        "pad_batch(rows, pad) -> (ids, keep), both (B, n), n the length of the longest row; rows: list of "
        "lists of ids, at least one id in all. ids: each row, then pad. keep: True at the tokens of the "
        "row, whatever their id."
    ),
    minutes=8,
    difficulty=1,
    points=1,
    arguments={"rows": (), "pad": ()},
    outputs={"ids": ("B", "n"), "keep": ("B", "n")},
    whole={"ids": "token ids are whole numbers (torch.long), an embedding looks them up"},
    cases=[
        Case("three rows", lambda rng: ([[5, 6], [7, 8, 9, 4], [3]], 0), weight=3),
        Case("one row", lambda rng: ([[5, 6, 7]], 0)),
        Case("equally long", lambda rng: ([[5, 6], [7, 8]], 0)),
        Case("pad is 9", lambda rng: ([[1, 2, 3], [4]], 9)),
        Case("a real token has the id of pad", lambda rng: ([[0, 5, 0], [0]], 0)),
        Case("an empty row", lambda rng: ([[], [5, 6]], 1)),
        Case("7 rows", lambda rng: drawn(rng, 7)),
        Case("11 rows", lambda rng: drawn(rng, 11)),
    ],
    reference=pad_batch,
    solution=pad_batch,
    right=[pad_batch, with_filled_tensors, with_torchs_own],
    wrong=[
        mask_upside_down,
        mask_from_the_ids,
        all_kept,
        padded_in_front,
        mask_in_front_ids_behind,
        cut_to_the_shortest,
        first_row_sets_the_length,
        padded_with_zero,
        padded_with_minus_100,
        last_token_repeated,
        one_place_too_many,
        mask_one_too_long,
        mask_one_too_short,
        sorted_by_length,
        mask_of_the_first_row,
        empty_rows_dropped,
        changes_the_callers,
    ],
    properties=[as_many_true_as_tokens],
    hints=[
        "How long is the longest row, and how many places does another row lack?",
        "The mask follows from the lengths alone: True for as many places as the row has tokens.",
        "`[*row, *[pad] * (n - len(row))]` and `[True] * len(row) + [False] * (n - len(row))`.",
    ],
)
