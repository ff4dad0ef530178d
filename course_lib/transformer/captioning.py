"""Captions: a decoder that looks at an image and writes a sentence about it (lesson 23)."""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.transformer.blocks import BlockConfig, Decoder, DecoderCache
from course_lib.transformer.inputs import embed
from course_lib.transformer.positions import LearnedPositions
from course_lib.transformer.vision import ImageEncoder, sine_positions_2d


class CaptionTransformer(nn.Module):
    """An image encoder, new or from a trained detector, and a causal decoder that asks its tokens.

    `encode`, `decode` and `new_caches` are those of the translation models, with an image as the source.
    `max_n` is the most words that it reads. Source: Xu et al. 2015, Show, Attend and Tell, section 3.1
    (attention on an image); Vaswani et al. 2017, section 3.1 (the decoder).
    """

    def __init__(self, image_encoder: ImageEncoder, n_vocab: int, config: BlockConfig, max_n: int) -> None:
        super().__init__()
        self.image_encoder, self.max_n = image_encoder, max_n
        self.embed = nn.Embedding(n_vocab, config.d_model)
        self.positions = LearnedPositions(max_n, config.d_model)
        self.decoder = Decoder(config)
        self.head = nn.Linear(config.d_model, n_vocab)

    def encode(
        self, img: Float[Tensor, "B C img_h img_w"], keep: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B n d_model"]:
        """img (B, C, img_h, img_w) -> its tokens (B, n, d_model), of which `keep` may be seen.

        Positions are added once more: "left of" has to be read off the tokens (in DETR every layer does so).
        """
        tokens = self.image_encoder(img, keep)
        rows, columns = (side // self.image_encoder.stride for side in img.shape[2:])
        return tokens + sine_positions_2d(rows, columns, tokens.shape[-1], tokens.dtype, tokens.device)

    def decode(
        self,
        target: Int[Tensor, "B n_q"],
        memory: Float[Tensor, "B n d_model"],
        keep: Bool[Tensor, "B n"] | None = None,
        caches: list[DecoderCache] | None = None,
        return_weights: bool = False,
    ):
        """Words (B, n_q) that look at the memory (B, n, d_model) -> logits of the next, (B, n_q, n_vocab).

        With caches the words are new ones that continue what was given before. With `return_weights` also
        where each word looked: per layer (B, n_heads, n_q, n).
        Raises ValueError for more than max_n words and for an unknown one.
        """
        start = 0 if caches is None else len(caches[0].own)
        y = self.positions(embed(target, self.embed, start, self.max_n), start)
        mask = None if keep is None else keep.unsqueeze(-2)
        out = self.decoder(y, memory, memory_mask=mask, caches=caches, return_weights=return_weights)
        y, _, seen = out if return_weights else (out, None, None)
        logits = self.head(y)
        return (logits, seen) if return_weights else logits

    def forward(
        self, img: Float[Tensor, "B C img_h img_w"], target: Int[Tensor, "B n_q"]
    ) -> Float[Tensor, "B n_q n_vocab"]:
        """Images and the words so far -> logits of each next word, (B, n_q, n_vocab)."""
        return self.decode(target, self.encode(img))

    def new_caches(self) -> list[DecoderCache]:
        """One empty cache per layer of the decoder."""
        return [DecoderCache() for _ in self.decoder.layers]
