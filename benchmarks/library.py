"""Speed of the library beside torch's own modules and, where a checkout is given, beside nanoGPT.

Every group of contenders runs interleaved in one process on one thread; figures are medians of CPU seconds,
goals are ratios within the group. Writes benchmarks/results/library.json.

python course.py bench library [--nanogpt FOLDER]
"""

import importlib.util
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_lib.decoding import generate
from course_lib.training.optimisers import Muon
from course_lib.transformer.attention import MultiHeadAttention, scaled_dot_product_attention
from course_lib.transformer.blocks import BlockConfig, LayerNorm, RMSNorm
from course_lib.transformer.gpt import GPT
from course_lib.transformer.tiles import tiled_attention

HERE = Path(__file__).parent
N_VOCAB, D_MODEL, N_HEADS, N_LAYERS, BATCH = 64, 64, 4, 2, 64
REPEATS = 60


@dataclass(frozen=True)
class Goal:
    """That `fast` takes at most `most` of the time of `slow`, both contenders of one group."""

    group: str
    fast: str
    slow: str
    most: float

    def line(self, groups: dict[str, dict[str, float]]) -> str:
        """What was seen, beside what was wanted; "" where a contender did not run."""
        times = groups.get(self.group, {})
        if self.fast not in times or self.slow not in times:
            return ""
        seen = times[self.fast] / times[self.slow]
        verdict = "holds" if seen <= self.most else "MISSED"
        return f"{verdict:7} {self.group}: {self.fast} / {self.slow} = {seen:.2f}, goal {self.most:.2f}"


def goals() -> list[Goal]:
    """The goals of the project, as shares of time."""
    found = []
    for n in (32, 64):
        step = f"training step, {n} tokens"
        found += [
            Goal(step, "GPT, as the course uses it", "nanoGPT", 1 / 1.10),
            Goal(step, "GPT, the architecture of GPT-2", "nanoGPT, with the biases of GPT-2", 1 / 0.97),
            Goal(step, "GPT, softmax written out", "nanoGPT", 1 / 0.90),
            Goal(step, "GPT, as the course uses it", "nn.TransformerEncoder", 1 / 1.25),
        ]
    found += [
        Goal("generate 256 tokens, 4 layers of 144", "cached", "uncached", 1 / 3.5),
        Goal("generate 512 tokens, 4 layers of 144", "cached", "uncached", 1 / 6),
    ]
    found += [Goal(f"attention, {n} tokens", "in tiles", "torch's kernel", 2.5) for n in (1024, 2048, 4096)]
    return found


def measure(contenders: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """Median CPU milliseconds of each contender, taken in turns of random order after one warm-up each."""
    times = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    order = random.Random(0)
    for _ in range(repeats):
        # In a new order each time: a contender finds caches and memory as the one before left them.
        for name in order.sample(list(contenders), len(contenders)):
            started = time.process_time()
            contenders[name]()
            times[name].append(time.process_time() - started)
    return {name: 1000 * statistics.median(each) for name, each in times.items()}


class TorchGPT(nn.Module):
    """The same model out of torch's own modules: what one would build without this course."""

    def __init__(self, n: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            D_MODEL, N_HEADS, 4 * D_MODEL, 0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            layer, N_LAYERS, nn.LayerNorm(D_MODEL), enable_nested_tensor=False
        )
        self.embed, self.positions = nn.Embedding(N_VOCAB, D_MODEL), nn.Embedding(n, D_MODEL)
        self.output = nn.Linear(D_MODEL, N_VOCAB, bias=False)
        self.register_buffer("wall", nn.Transformer.generate_square_subsequent_mask(n))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) + self.positions.weight
        return self.output(self.blocks(x, mask=self.wall, is_causal=True))


def training_step(n: int, nanogpt: Path | None) -> dict[str, float]:
    """Forward and backward of a GPT of 2 layers, d_model 64, batch 64."""
    ids, targets = torch.randint(N_VOCAB, (2, BATCH, n))
    usual = BlockConfig(D_MODEL, N_HEADS, n_layers=N_LAYERS, bias=False)
    gpt2 = BlockConfig(D_MODEL, N_HEADS, 4 * D_MODEL, n_layers=N_LAYERS, activation="gelu")
    models = {
        "GPT, as the course uses it": GPT(N_VOCAB, n, usual),
        "GPT, the architecture of GPT-2": GPT(N_VOCAB, n, gpt2, tied=True),
        "GPT, softmax written out": GPT(N_VOCAB, n, usual),
        "nn.TransformerEncoder": TorchGPT(n),
    }
    written_out = models["GPT, softmax written out"]

    def step(model: nn.Module) -> None:
        logits = model(ids, return_weights=True)[0] if model is written_out else model(ids)
        F.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()

    contenders = {name: lambda model=model: step(model) for name, model in models.items()}
    if nanogpt is not None:
        for name, bias in (("nanoGPT", False), ("nanoGPT, with the biases of GPT-2", True)):
            peer = nano_gpt(nanogpt, n, bias)
            contenders[name] = lambda peer=peer: peer(ids, targets)[1].backward()
    return measure(contenders)


def nano_gpt(folder: Path, n: int, bias: bool) -> nn.Module:
    """nanoGPT from a checkout of it; its fast form has no bias anywhere."""
    specification = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["nanogpt_model"] = module  # its dataclass looks itself up
    specification.loader.exec_module(module)
    config = module.GPTConfig(n, N_VOCAB, N_LAYERS, N_HEADS, D_MODEL, dropout=0.0, bias=bias)
    return module.GPT(config)


def layers() -> dict[str, dict[str, float]]:
    """Single modules beside torch's, forward and backward, 64 sequences of 32 tokens."""
    x = torch.randn(BATCH, 32, D_MODEL, requires_grad=True)
    ours, theirs = (
        MultiHeadAttention(D_MODEL, N_HEADS),
        nn.MultiheadAttention(D_MODEL, N_HEADS, batch_first=True),
    )

    def step(module: Callable[[Tensor], Tensor]) -> Callable[[], None]:
        return lambda: module(x).sum().backward()

    return {
        "multi-head attention": measure(
            {
                "MultiHeadAttention": step(ours),
                "nn.MultiheadAttention": step(lambda x: theirs(x, x, x, need_weights=False)[0]),
                "MultiHeadAttention, with weights": step(lambda x: ours(x, return_weights=True)[0]),
                "nn.MultiheadAttention, with weights": step(lambda x: theirs(x, x, x)[0]),
            }
        ),
        "norms": measure(
            {
                "LayerNorm": step(LayerNorm(D_MODEL)),
                "nn.LayerNorm": step(nn.LayerNorm(D_MODEL)),
                "RMSNorm": step(RMSNorm(D_MODEL)),
                "nn.RMSNorm": step(nn.RMSNorm(D_MODEL, eps=1e-5)),
            }
        ),
    }


def generation(n: int, d_model: int, n_layers: int) -> dict[str, float]:
    """Writing n tokens after one, the most likely each time."""
    model = GPT(N_VOCAB, n + 1, BlockConfig(d_model, N_HEADS, n_layers=n_layers, bias=False))
    start = torch.zeros(1, 1, dtype=torch.long)
    return measure(
        {
            "cached": lambda: generate(model, start, n, temperature=0.0, cached=True),
            "uncached": lambda: generate(model, start, n, temperature=0.0, cached=False),
        },
        repeats=3,
    )


def attention(n: int) -> dict[str, float]:
    """Attention over n tokens, 4 heads of 32, forward."""
    Q, K, V = torch.randn(3, 1, 4, n, 32)
    with torch.no_grad():
        return measure(
            {
                "in tiles": lambda: tiled_attention(Q, K, V),
                "torch's kernel": lambda: F.scaled_dot_product_attention(Q, K, V),
                "all at once": lambda: scaled_dot_product_attention(Q, K, V),
            },
            repeats=15,
        )


def optimisers() -> dict[str, float]:
    """One step for the parameters of 2 layers, d_model 64."""
    model = GPT(N_VOCAB, 32, BlockConfig(D_MODEL, N_HEADS, n_layers=N_LAYERS))
    ids = torch.randint(N_VOCAB, (8, 32))
    F.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
    matrices = [each for each in model.blocks.parameters() if each.ndim == 2]
    contenders = {
        "AdamW, fused": torch.optim.AdamW(model.parameters(), lr=1e-9, fused=True),
        "AdamW": torch.optim.AdamW(model.parameters(), lr=1e-9, foreach=False),
        "Muon of the course": Muon(matrices, lr=1e-9),
        "torch.optim.Muon": torch.optim.Muon(matrices, lr=1e-9),
    }
    return measure({name: optimiser.step for name, optimiser in contenders.items()})


class LargestTensor(TorchDispatchMode):
    """Notes the largest tensor that any operation inside `with` makes, in bytes."""

    largest = 0

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        made = operation(*arguments, **(keywords or {}))
        for each in tree_leaves(made):
            if isinstance(each, Tensor):
                self.largest = max(self.largest, each.untyped_storage().nbytes())
        return made


def largest_tensor(n: int = 4096) -> dict[str, float]:
    """MiB of the largest tensor that attention over n tokens makes, 4 heads of 32 (its output has 2 MiB)."""
    Q, K, V = torch.randn(3, 1, 4, n, 32)
    found = {}
    for name, run in (("in tiles", tiled_attention), ("all at once", scaled_dot_product_attention)):
        with torch.no_grad(), LargestTensor() as seen:
            run(Q, K, V)
        found[name] = round(seen.largest / 2**20, 1)
    return found


def machine() -> dict:
    """What the figures were measured on."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def main(nanogpt: Path | None = None) -> int:
    """Run every group, print the table and the goals, write the results; 1 when a goal is missed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    groups = {f"training step, {n} tokens": training_step(n, nanogpt) for n in (32, 64)}
    groups |= layers()
    groups |= {
        f"generate {n} tokens, {n_layers} layers of {d_model}": generation(n, d_model, n_layers)
        for n in (256, 512)
        for d_model, n_layers in ((64, 2), (144, 4))  # the second is the character model of lesson 17
    }
    groups |= {f"attention, {n} tokens": attention(n) for n in (1024, 2048, 4096)}
    groups["optimiser step"] = optimisers()
    memory = largest_tensor()
    for group, times in groups.items():
        print(f"\n{group}, CPU milliseconds")
        for name, milliseconds in times.items():
            print(f"  {name:38}{milliseconds:10.2f}")
    print("\nattention, 4096 tokens, MiB of the largest tensor\n ", memory, "\n")
    lines = [line for goal in goals() if (line := goal.line(groups))]
    print("\n".join(lines))
    results = HERE / "results" / "library.json"
    shown = {group: {name: round(ms, 3) for name, ms in times.items()} for group, times in groups.items()}
    report = {"machine": machine(), "cpu_milliseconds": shown, "largest_tensor_mib": memory, "goals": lines}
    results.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(any(line.startswith("MISSED") for line in lines))
