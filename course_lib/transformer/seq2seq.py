"""The encoder-decoder Transformer: one stack reads the source, another writes the target (lessons 12-14).

`course_transformer` builds it as this course trains it, `transformer_2017` with the layer of the paper.
"""

import math

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.transformer.blocks import BlockConfig, Decoder, DecoderCache, Encoder, zero_outputs
from course_lib.transformer.inputs import check_ids, check_keep
from course_lib.transformer.positions import LearnedPositions, SinusoidalPositions

POSITIONS = ("learned", "sinusoidal")
BASE_2017 = {"d_model": 512, "n_heads": 8, "d_hidden": 2048, "n_layers": 6, "dropout": 0.1}


class InputEmbedding(nn.Module):
    """Token ids become vectors that also say where the token stands.

    `scaled` multiplies the token vectors by sqrt(d_model) and draws them that much smaller, so that token
    and position weigh alike at the start either way. Raises ValueError for unknown `positions`.
    Source: Vaswani et al. 2017, sections 3.4, 3.5 and 5.4 (dropout of the sum).
    """

    def __init__(
        self, n_vocab: int, config: BlockConfig, max_n: int, positions: str = "learned", scaled: bool = False
    ) -> None:
        super().__init__()
        if positions not in POSITIONS:
            raise ValueError(f"positions must be one of {', '.join(POSITIONS)}; got {positions!r}")
        d_model = config.d_model
        self.scale = math.sqrt(d_model) if scaled else 1.0
        self.tokens = nn.Embedding(n_vocab, d_model)
        nn.init.normal_(self.tokens.weight, std=1 / self.scale)
        self.positions = LearnedPositions(max_n, d_model) if positions == "learned" else SinusoidalPositions()
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, ids: Int[Tensor, "B n"], start: int = 0) -> Float[Tensor, "B n d_model"]:
        """ids (B, n) at positions start ... start + n - 1 -> (B, n, d_model)."""
        return self.dropout(self.positions(self.tokens(ids) * self.scale, start))


class Transformer(nn.Module):
    """The encoder reads the source as a whole; the decoder writes the target one token after the other.

    `max_n` is the longest source or target that learnt positions reach. `keep` (B, n) says which source
    tokens are real. Padding at the end of the target needs no mask: no real token may look that far ahead,
    and the loss leaves the padding out. Raises ValueError for ids, masks and lengths that do not fit.
    Source: Vaswani et al. 2017; unlike there, the two embeddings and the output share no weights.
    """

    def __init__(
        self,
        n_source: int,
        n_target: int,
        config: BlockConfig,
        max_n: int = 128,
        positions: str = "learned",
        scale_embeddings: bool = False,
    ) -> None:
        super().__init__()
        self.embed_source = InputEmbedding(n_source, config, max_n, positions, scale_embeddings)
        self.embed_target = InputEmbedding(n_target, config, max_n, positions, scale_embeddings)
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.output = nn.Linear(config.d_model, n_target)
        self.n_source, self.n_target = n_source, n_target

    def forward(
        self, source: Int[Tensor, "B n"], target: Int[Tensor, "B m"], keep: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B m n_target"]:
        """source (B, n), target (B, m) that begins with bos -> scores of each next token (B, m, n_target)."""
        return self.decode(target, self.encode(source, keep), keep)

    def encode(
        self,
        source: Int[Tensor, "B n"],
        keep: Bool[Tensor, "B n"] | None = None,
        return_weights: bool = False,
    ):
        """source (B, n) -> memory (B, n, d_model), and a list of weights (B, n_heads, n, n) if asked for."""
        check_ids("source", source, self.n_source)
        check_keep(keep, source)
        mask = None if keep is None else keep[:, None]
        return self.encoder(self.embed_source(source), mask, return_weights=return_weights)

    def decode(
        self,
        target: Int[Tensor, "B m"],
        memory: Float[Tensor, "B n d_model"],
        keep: Bool[Tensor, "B n"] | None = None,
        caches: list[DecoderCache] | None = None,
        return_weights: bool = False,
    ):
        """target (B, m) reads memory (B, n, d_model) -> logits (B, m, n_target).

        With caches, target holds only the tokens that are new since the last call. With `return_weights`
        also two lists, one entry per layer: self-attention (B, n_heads, m, m) and cross-attention
        (B, n_heads, m, n).
        """
        check_ids("target", target, self.n_target)
        check_keep(keep, memory)
        mask = None if keep is None else keep[:, None]
        start = 0 if caches is None else len(caches[0].own)
        y = self.embed_target(target, start)
        y = self.decoder(y, memory, memory_mask=mask, caches=caches, return_weights=return_weights)
        if return_weights:
            y, own, crossed = y
            return self.output(y), own, crossed
        return self.output(y)

    def new_caches(self) -> list[DecoderCache]:
        """Empty caches, one per decoder layer, for one batch of translations."""
        return [DecoderCache() for _ in self.decoder.layers]


def course_transformer(
    n_source: int, n_target: int, d_model: int = 64, n_heads: int = 4, n_layers: int = 2, max_n: int = 128
) -> Transformer:
    """The Transformer as this course trains it.

    Pre-norm, no bias in Q K V O, feed-forward of 2 d_model, every layer starts as the identity, embeddings
    and learnt positions drawn from N(0, 1).
    """
    config = BlockConfig(d_model, n_heads, 2 * d_model, n_layers, bias=False)
    model = Transformer(n_source, n_target, config, max_n)
    zero_outputs(model)
    return model


def transformer_2017(n_source: int, n_target: int, **sizes: float) -> Transformer:
    """The Transformer with the layer of 2017: post-norm, no norm at the end, sinusoids, scaled embeddings.

    The sizes are those of the base model unless other fields of BlockConfig are given.
    Source: Vaswani et al. 2017, section 3 and table 3.
    """
    config = BlockConfig(**{**BASE_2017, "pre_norm": False, "bias": False, **sizes})
    return Transformer(n_source, n_target, config, positions="sinusoidal", scale_embeddings=True)
