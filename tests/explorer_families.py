"""Every family of explorers that the tests must see: its factory, and random arguments for it."""

import numpy as np

from course_lib import explorers
from course_lib.explorers import bert_vs_gpt, qkv


def dot_product_arguments(rng):
    query, key = rng.uniform(-3, 3, (2, 2)).round(1).tolist()
    return {"query": query, "key": key}


def softmax_arguments(rng):
    n = int(rng.integers(3, 9))
    return {
        "scores": rng.uniform(-10, 10, n).round(1).tolist(),
        "temperature": round(float(rng.uniform(0.1, 10)), 2),
        "shift": round(float(rng.uniform(-10, 10)), 1),
        "chosen": int(rng.integers(n)),
    }


def attention_arguments(rng):
    """Planes in half of the cases, maps of more tokens or dimensions in the others, some of them given."""
    if rng.random() < 0.2:
        layers, heads, n = (int(k) for k in rng.integers((1, 1, 1), (4, 4, 13)))
        maps = rng.dirichlet(np.ones(n) * 0.4, (layers, heads, n))
        if rng.random() < 0.4:
            maps = np.tril(maps + 1e-3) / np.tril(maps + 1e-3).sum(axis=-1, keepdims=True)
        place = {"layer": int(rng.integers(layers)), "head": int(rng.integers(heads))}
        words = rng.choice(["[CLS]", "cat", "it", "sat"], n).tolist()
        return {"text_or_tokens": words, "weights": maps, "query": int(rng.integers(n)), **place}
    n = int(rng.integers(1, 11)) if rng.random() < 0.5 else int(rng.integers(11, 17))
    n_heads, d_head = int(rng.integers(1, 4)), int(rng.choice([2, 2, 3, 16]))
    tied = np.tile([1.0, 0.0], (n_heads, n, 1)) * np.where(np.arange(n) == n - 1, -1, 1)[:, None]
    return {
        "text_or_tokens": rng.choice(["the", "cat", "it", "sat", "on", "a", "mat"], n).tolist(),
        "d_head": d_head,
        "n_heads": n_heads,
        "keys": tied if d_head == 2 and rng.random() < 0.3 else None,  # the first of equal weights is named
        "seed": int(rng.integers(1000)),
        "temperature": round(float(rng.uniform(0.1, 10)), 2),
        "scaled": bool(rng.integers(2)),
        "causal": bool(rng.integers(2)),
        "query": int(rng.integers(n)),
        "head": int(rng.integers(n_heads)),
    }


def sqrt_d_arguments(rng):
    return {"d": 2 ** int(rng.integers(11)), "scaled": bool(rng.integers(2)), "seed": int(rng.integers(20))}


def mask_arguments(rng):
    """All rules, paint over a few cells, often a replaced token; empty rows come of windows over padding."""
    n = int(rng.integers(2, 9))
    cells = rng.integers(n, size=(int(rng.integers(4)), 2))
    return {
        "text_or_tokens": rng.choice(["the", "cat", "it", "sat", "dog", "a", "mat"], n).tolist(),
        "causal": bool(rng.integers(2)),
        "real": None if rng.random() < 0.5 else int(rng.integers(1, n + 1)),
        "window": int(rng.integers(n + 1)) if rng.random() < 0.5 else 0,
        "after": bool(rng.random() < 0.3),
        "changed": None if rng.random() < 0.3 else int(rng.integers(n)),
        "seed": int(rng.integers(1000)),
        "painted": [(i, j, int(rng.integers(2))) for i, j in cells],
    }


def positions_arguments(rng):
    """All schemes and sizes; learned tables that end before n and after it."""
    d, n = 2 * int(rng.integers(2, 25)), int(rng.integers(8, 65))
    return {
        "scheme": rng.choice(["sinusoidal", "learned", "rotary", "alibi", "none"]).item(),
        "position": int(rng.integers(n)),
        "pair": int(rng.integers(d // 2)),
        "head": int(rng.integers(1, 9)),
        "base": float(rng.choice([2, 10, 500, 10000, 123456])),
        "d": d,
        "n": n,
        "length": int(rng.integers(5, 65)),
        "seed": int(rng.integers(5)),
    }


def qkv_arguments(rng):
    """Named matrices and random ones; now and then tokens that are alike, so that weights tie."""
    n = int(rng.integers(2, 5))
    named = list(qkv.NAMED.values())
    drawn = {
        name: named[rng.integers(len(named))]
        if rng.random() < 0.4
        else rng.uniform(-3, 3, (2, 2)).round(2).tolist()
        for name in ("W_Q", "W_K", "W_V")
    }
    vectors = rng.uniform(-3, 3, (n, 2)).round(1)
    if rng.random() < 0.2:
        vectors[1] = vectors[0]
    return {
        "text_or_tokens": rng.choice(["cats", "chase", "the", "mice"], n).tolist(),
        "vectors": vectors.tolist(),
        "query": int(rng.integers(n)),
        **drawn,
    }


def training_replay_arguments(rng):
    """Runs of one head or several, some of them diverged, with and without accuracies and names."""
    steps, heads, n, m = (int(k) for k in rng.integers((2, 1, 1, 1), (12, 4, 7, 7)))
    maps = rng.dirichlet(np.ones(m), (steps, heads, n)).round(2)
    losses = rng.uniform(0, 3, steps)
    if rng.random() < 0.3:
        losses[rng.integers(steps) :] = rng.choice([np.nan, np.inf])
        maps[rng.integers(steps) :] = np.nan
    return {
        "losses": losses,
        "maps": maps[:, 0] if heads == 1 else maps,
        "accuracies": rng.uniform(0, 1, steps) if rng.random() < 0.5 else None,
        "rows": [f"r{i}" for i in range(n)] if rng.random() < 0.3 else None,
        "columns": rng.choice(["7", "c"], m).tolist() if rng.random() < 0.3 else None,
        "learning_rate": float(rng.choice([5, 0.02, 1e-5])) if rng.random() < 0.5 else None,
        "step": int(rng.integers(steps)),
        "head": int(rng.integers(heads)),
        "query": int(rng.integers(n)),
    }


def path_length_arguments(rng):
    """All distances and gates, some gates next to 1 or at an end, n just large enough or much larger."""
    distance = int(rng.integers(1, 101))
    n = distance + 1 if rng.random() < 0.2 else int(10 ** rng.uniform(2.01, 4))
    gates = [0.0, 1.0, 0.5, 1 - round(float(rng.uniform(0, 0.01)), 4), round(float(rng.uniform(0, 1)), 2)]
    return {
        "distance": distance,
        "gate": float(rng.choice(gates, p=[0.05, 0.05, 0.1, 0.2, 0.6])),
        "n": n,
        "d_model": int(rng.integers(8, 4097)),
        "backward": bool(rng.integers(2)),
    }


def encoder_decoder_arguments(rng):
    """One head or several, with and without the decoder's own weights; equal rows and rows short of 1."""
    heads, n, m = (int(k) for k in rng.integers((1, 1, 1), (4, 9, 12)))
    cross = rng.dirichlet(np.ones(m) * 0.4, (heads, n)).round(2)
    if rng.random() < 0.3:
        cross[:, rng.integers(n)] = 1 / m
    own = np.tril(rng.uniform(0.1, 1, (heads, n, n)))
    own /= own.sum(axis=-1, keepdims=True)
    words = rng.choice(list("1987-0"), n).tolist() if rng.random() < 0.5 else [f"word{i}" for i in range(n)]
    return {
        "source": rng.choice(["le", "chat", " ", "7", "noir"], m).tolist(),
        "target": words,
        "cross": cross[0] if heads == 1 else cross,
        "self_weights": None if rng.random() < 0.5 else own[0] if heads == 1 else own,
        "step": None if rng.random() < 0.2 else int(rng.integers(n)),
        "head": int(rng.integers(heads)),
        "chosen": None if rng.random() < 0.5 else int(rng.integers(m)),
    }


def bert_vs_gpt_arguments(rng):
    """The toy grammar at any position, or arrays over a small vocabulary; some rows are alike in both."""
    if rng.random() < 0.3:
        text = rng.choice([bert_vs_gpt.TOY_TEXT, bert_vs_gpt.TOY_FRONT]).item()
        return {"text": text, "position": int(rng.integers(len(text.split())))}
    n, n_vocab = int(rng.integers(1, 13)), int(rng.integers(2, 20))
    words = ["a b", *(f"word{i}" for i in range(1, n_vocab))]
    bert, gpt = rng.dirichlet(np.ones(n_vocab) * rng.choice([0.1, 1]), (2, n))
    same = rng.random(n) < 0.3
    return {
        "text": rng.choice(words, n).tolist(),
        "bert": bert,
        "gpt": np.where(same[:, None], bert, gpt),
        "vocabulary": words,
        "position": None if rng.random() < 0.3 else int(rng.integers(n)),
    }


def cost_arguments(rng):
    """All lengths, also the shortest and longest; heads that share keys in every way that is possible."""
    d_head, n_heads = int(rng.choice([1, 64, 100, 128])), int(rng.integers(8, 65))
    return {
        "n": int(rng.choice([16, 262_144, int(2 ** rng.uniform(4, 18))], p=[0.05, 0.05, 0.9])),
        "d_model": d_head * n_heads,
        "n_heads": n_heads,
        "n_kv_heads": int(rng.choice([k for k in range(1, n_heads + 1) if n_heads % k == 0])),
        "n_layers": int(rng.integers(1, 129)),
        "bytes_per_number": int(rng.choice([1, 2, 4])),
    }


def multi_head_arguments(rng):
    """The example with heads aimed anywhere and some of them off, or maps of a model, some with values."""
    if rng.random() < 0.6:
        return {
            "n_heads": int(rng.choice([1, 2, 4, 8])),
            "aimed": [
                (int(rng.integers(8)), round(float(rng.uniform(0, 5)), 2)) for _ in range(rng.integers(4))
            ],
            "off": rng.integers(8, size=rng.integers(3)).tolist(),
        }
    H, n, m, d = (int(k) for k in rng.integers((1, 1, 1, 1), (8, 7, 7, 6)))
    return {
        "weights": rng.dirichlet(np.ones(m), (H, n)),
        "values": rng.normal(size=(H, m, d)) if rng.random() < 0.6 else None,
        "rows": [f"r{i}" for i in range(n)] if rng.random() < 0.5 else None,
        "columns": rng.choice(["the", "cat"], m).tolist() if rng.random() < 0.5 else None,
        "off": [int(rng.integers(H))] if rng.random() < 0.5 else [],
        "query": int(rng.integers(n)),
    }


def block_arguments(rng):
    return {
        "residual": bool(rng.integers(2)),
        "norm": str(rng.choice(["none", "pre", "post"])),
        "feed_forward": bool(rng.integers(2)),
        "depth": int(rng.integers(1, 25)),
        "seed": int(rng.integers(4)),
    }


def sampling_arguments(rng):
    """All cuts and temperatures, ties among the logits, draws, both views."""
    n = int(rng.integers(2, 20))
    return {
        "logits_or_probabilities": rng.normal(0, 3, n).round(1) if rng.random() < 0.8 else None,
        "temperature": float(rng.choice([0, 0.05, 0.5, 1, 1.75, 3])),
        "top_k": int(rng.integers(1, min(n, 12) + 1)) if rng.random() < 0.4 else None,
        "top_p": round(float(rng.uniform(0.05, 1)), 2) if rng.random() < 0.5 else None,
        "draws": int(rng.choice([0, 1, 7, 300])),
        "view": "tree" if rng.random() < 0.2 else "next",
        "beam": int(rng.integers(1, 5)),
        "seed": int(rng.integers(2**32)),
    }


TEXTS = [
    "low lower lowest",
    "a banana, 12345!",
    "We'll  see\n\tit's ½ naïve_東京 🐚\u00a0x",
    "Καλημέρα",
    "",
    "  two ",
]


def tokenizer_arguments(rng):
    """The lesson's merges or some learnt from a small text, on texts of several scripts."""
    made = [{}, {"learn_from": " ".join(TEXTS) * 2, "n_vocab": int(rng.integers(256, 290))}]
    arguments = made[int(rng.random() < 0.5)]
    most = 1129 if not arguments else 0
    words = rng.choice([*TEXTS, "attention is all", "headaches"], rng.integers(1, 5)).tolist()
    return {
        "text": " ".join(words),
        "n_merges": int(rng.integers(most + 1)) if most and rng.random() < 0.8 else None,
        **arguments,
    }


def vision_arguments(rng):
    """Patches of like pixels, of a model, with a class token; boxes with and without maps; captions."""
    view = rng.choice(["similar", "patches", "boxes", "caption"])
    side, P, heads = 4 * int(rng.integers(1, 4)), int(rng.choice([1, 2, 4])), int(rng.integers(1, 4))
    n = (side // P) ** 2
    image = (rng.integers(0, 17, (side, side)) / 16) * (rng.random((side, side)) < 0.6)
    some_head = None if rng.random() < 0.4 else int(rng.integers(heads))
    if view == "similar":
        return {"image": image, "patch": P, "query": int(rng.integers(n))}
    rows = {"patches": n + int(rng.integers(2)), "boxes": int(rng.integers(1, 10)), "caption": 5}[view]
    columns = rows if view == "patches" else n
    weights = rng.dirichlet(np.ones(columns) * 0.5, (heads, rows)).round(2)
    if rng.random() < 0.2:
        weights[:] = 1 / columns
    given = {"image": image, "patch": P, "weights": weights, "head": some_head}
    if view == "patches":
        return {**given, "query": int(rng.integers(rows))}
    m = int(rng.integers(min(rows, 4) + 1))
    objects = {
        "targets": rng.uniform(0.1, 0.6, (m, 4)),
        "labels": rng.integers(3, size=m),
        "classes": ["one", "two", "six"],
    }
    if view == "caption":
        objects = objects if rng.random() < 0.6 else {}
        return {**given, **objects, "words": "a two below a six", "word": int(rng.integers(5))}
    if rng.random() < 0.3:
        given = {"image": image}
    return {
        **given,
        **objects,
        "boxes": rng.uniform(0.1, 0.6, (rows, 4)),
        "class_prob": rng.dirichlet(np.ones(4) * 0.4, rows),
        "places": rng.uniform(0, 1, (rows, 2)) if rng.random() < 0.5 else None,
        "cost": rng.normal(size=(rows, m)) if rng.random() < 0.3 else None,
        "matched": rng.permutation(rows)[:m].tolist() if rng.random() < 0.5 else None,
        "query": int(rng.integers(rows)),
        "threshold": round(float(rng.uniform(0, 1)), 2),
    }


# One line per family: factory, random arguments.
FAMILIES = {
    "attention": (explorers.attention_explorer, attention_arguments),
    "bert_vs_gpt": (explorers.bert_vs_gpt_explorer, bert_vs_gpt_arguments),
    "block": (explorers.block_explorer, block_arguments),
    "cost": (explorers.cost_explorer, cost_arguments),
    "dot_product": (explorers.dot_product_explorer, dot_product_arguments),
    "encoder_decoder": (explorers.encoder_decoder_explorer, encoder_decoder_arguments),
    "mask": (explorers.mask_explorer, mask_arguments),
    "multi_head": (explorers.multi_head_explorer, multi_head_arguments),
    "path_length": (explorers.path_length_explorer, path_length_arguments),
    "positions": (explorers.positions_explorer, positions_arguments),
    "qkv": (explorers.qkv_explorer, qkv_arguments),
    "sampling": (explorers.sampling_explorer, sampling_arguments),
    "softmax": (explorers.softmax_explorer, softmax_arguments),
    "sqrt_d": (explorers.sqrt_d_explorer, sqrt_d_arguments),
    "tokenizer": (explorers.tokenizer_explorer, tokenizer_arguments),
    "training_replay": (explorers.training_replay_explorer, training_replay_arguments),
    "vision": (explorers.vision_explorer, vision_arguments),
}
