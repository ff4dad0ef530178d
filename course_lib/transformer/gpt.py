"""GPT: a decoder alone that writes, one token after the other (lessons 17, 18, 27)."""

from dataclasses import replace

import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from course_lib.transformer.attention import KVCache
from course_lib.transformer.blocks import BlockConfig, Encoder
from course_lib.transformer.inputs import embed
from course_lib.transformer.positions import ALiBi, LearnedPositions, RelativeBias, SinusoidalPositions

FURTHEST = 16  # distances beyond it share one relative bias, as in Shaw et al. 2018, section 4.1


class GPT(nn.Module):
    """Predicts the next token at every position from the tokens up to it, at most `max_n` of them.

    `positions` is "learned", "sinusoidal", "rotary", "alibi", "relative" or "none". With `tied` the table of
    embeddings is the output matrix too. Raises ValueError for another name of positions.
    Source: Radford et al. 2018 and 2019 (GPT, GPT-2); Brown et al. 2020, section 2.1 (GPT-3); Press and
    Wolf 2017 (tied).
    """

    def __init__(
        self,
        n_vocab: int,
        max_n: int,
        config: BlockConfig = BlockConfig(),  # noqa: B008 (frozen)
        positions: str = "learned",
        tied: bool = False,
    ) -> None:
        super().__init__()
        self.max_n = max_n
        self.embed = nn.Embedding(n_vocab, config.d_model)
        self.positions, self.score_bias = new_positions(positions, max_n, config)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = Encoder(replace(config, rotary=config.rotary or positions == "rotary"))
        self.output = None if tied else nn.Linear(config.d_model, n_vocab, bias=False)
        if tied:
            start_small(self.embed, self.positions)

    def forward(
        self, ids: Int[Tensor, "B n"], caches: list[KVCache] | None = None, return_weights: bool = False
    ):
        """ids (B, n) -> logits (B, n, n_vocab), and a list with each layer's weights if asked for.

        With caches the ids follow those already read. Raises ValueError for an id that is not in the
        vocabulary and for a sequence of more than max_n tokens.
        """
        start = 0 if caches is None else len(caches[0])
        x = embed(ids, self.embed, start, self.max_n)
        x = x if self.positions is None else self.positions(x, start)
        bias = None if self.score_bias is None else self.score_bias(x.shape[1], start + x.shape[1])
        out = self.blocks(self.dropout(x), None, bias, True, caches, return_weights)
        x, weights = out if return_weights else (out, None)
        logits = F.linear(x, self.embed.weight) if self.output is None else self.output(x)
        return (logits, weights) if return_weights else logits

    def new_caches(self) -> list[KVCache]:
        """An empty cache for each layer."""
        return [KVCache() for _ in self.blocks.layers]


def new_positions(name: str, max_n: int, config: BlockConfig) -> tuple[nn.Module | None, nn.Module | None]:
    """What is added to the embeddings and what to the scores, each None where it is nothing."""
    if name == "learned":
        return LearnedPositions(max_n, config.d_model), None
    if name == "sinusoidal":
        return SinusoidalPositions(), None
    if name == "alibi":
        return None, ALiBi(config.n_heads)
    if name == "relative":
        return None, RelativeBias(config.n_heads, FURTHEST)
    if name not in ("rotary", "none"):  # rotary positions are turned inside attention
        known = "learned, sinusoidal, rotary, alibi, relative or none"
        raise ValueError(f"positions must be {known}; got {name!r}")
    return None, None


def start_small(*tables: nn.Module | None) -> None:
    """Draw embeddings of length about 1: tied to the output, longer ones would begin with extreme logits."""
    for table in tables:
        for parameter in table.parameters() if table is not None else ():
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
