"""BERT: an encoder that reads both sides of a word; the published MiniLM weights in it (lessons 19, 20)."""

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.transformer.blocks import ACTIVATIONS, BlockConfig, Encoder
from course_lib.transformer.checkpoints import fill, read_tensors
from course_lib.transformer.gpt import start_small
from course_lib.transformer.inputs import check_ids, check_keep, embed
from course_lib.transformer.positions import LearnedPositions

MINILM = BlockConfig(
    d_model=384, n_heads=12, d_hidden=1536, n_layers=6, pre_norm=False, activation="gelu", eps=1e-12
)


class Bert(nn.Module):
    """An encoder over tokens with learnt positions and two kinds of segments: every token sees every other.

    The published models have the config `MINILM`, or that with other sizes: post-norm, GELU, eps 1e-12.
    Source: Devlin et al. 2019, BERT, section 3.
    """

    def __init__(self, n_vocab: int, max_n: int, config: BlockConfig, n_types: int = 2) -> None:
        super().__init__()
        self.config, self.max_n = config, max_n
        self.embed = nn.Embedding(n_vocab, config.d_model)
        self.types = nn.Embedding(n_types, config.d_model)
        self.positions = LearnedPositions(max_n, config.d_model)
        self.norm = config.new_norm()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = Encoder(config)
        start_small(self.embed, self.types, self.positions)

    def forward(
        self,
        ids: Int[Tensor, "B n"],
        keep: Bool[Tensor, "B n"],
        token_types: Int[Tensor, "B n"] | None = None,
        return_weights: bool = False,
    ):
        """ids (B, n), of which `keep` are real tokens -> hidden (B, n, d_model).

        `token_types` (B, n) says to which segment a token belongs; None means all to segment 0. With
        `return_weights` also a list with each layer's weights (B, n_heads, n, n).
        Raises ValueError for unknown ids, more than max_n tokens, or a `keep` that is not bool (B, n).
        """
        check_keep(keep, ids)
        x = embed(ids, self.embed, 0, self.max_n) + self._types(token_types, ids)
        x = self.dropout(self.norm(self.positions(x)))
        return self.blocks(x, keep[:, None], return_weights=return_weights)

    def _types(self, token_types: Tensor | None, ids: Tensor) -> Tensor:
        if token_types is None:
            return self.types.weight[0]
        if token_types.shape != ids.shape:
            came, expected = tuple(token_types.shape), tuple(ids.shape)
            raise ValueError(f"token_types must have the shape of ids, {expected}; got {came}")
        check_ids("token_types", token_types, self.types.num_embeddings)
        return self.types(token_types)


class BertForMaskedWords(nn.Module):
    """Guesses the word at every position; trained on the masked ones. The embeddings are the output matrix.

    Source: Devlin et al. 2019, section 3.1, task 1.
    """

    def __init__(self, bert: Bert) -> None:
        super().__init__()
        self.bert = bert
        self.transform = nn.Linear(bert.config.d_model, bert.config.d_model)
        self.activation = ACTIVATIONS[bert.config.activation]
        self.norm = bert.config.new_norm()
        self.bias = nn.Parameter(torch.zeros(bert.embed.num_embeddings))

    def forward(
        self,
        ids: Int[Tensor, "B n"],
        keep: Bool[Tensor, "B n"],
        token_types: Int[Tensor, "B n"] | None = None,
    ) -> Float[Tensor, "B n n_vocab"]:
        """ids (B, n) with [MASK] where a word is to be guessed -> logits (B, n, n_vocab)."""
        hidden = self.bert(ids, keep, token_types)
        hidden = self.norm(self.activation(self.transform(hidden)))
        return F.linear(hidden, self.bert.embed.weight, self.bias)


class BertForClassification(nn.Module):
    """One linear map on a sentence's vector: the mean of its tokens, or what stands at [CLS], the first one.

    It starts at zero, so that the first steps do not shake the weights below. Raises ValueError for another
    `pooling` than "mean" or "cls". Source: Devlin et al. 2019, section 4.1; mean: Reimers and Gurevych 2019.
    """

    def __init__(self, bert: Bert, n_classes: int, pooling: str = "mean", dropout: float = 0.1) -> None:
        super().__init__()
        if pooling not in ("mean", "cls"):
            raise ValueError(f"pooling must be 'mean' or 'cls'; got {pooling!r}")
        self.bert, self.pooling = bert, pooling
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(bert.config.d_model, n_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        ids: Int[Tensor, "B n"],
        keep: Bool[Tensor, "B n"],
        token_types: Int[Tensor, "B n"] | None = None,
    ) -> Float[Tensor, "B n_classes"]:
        """ids (B, n), of which `keep` are real tokens -> logits (B, n_classes)."""
        hidden = self.bert(ids, keep, token_types)
        sentence = mean_pool(hidden, keep) if self.pooling == "mean" else hidden[:, 0]
        return self.head(self.dropout(sentence))


def mean_pool(hidden: Float[Tensor, "B n d"], keep: Bool[Tensor, "B n"]) -> Float[Tensor, "B d"]:
    """The mean of the real tokens of hidden (B, n, d), shape (B, d); zero where there is none.

    >>> mean_pool(torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    check_keep(keep, hidden)
    total = hidden.masked_fill(~keep.unsqueeze(-1), 0).sum(dim=1)
    return total / keep.sum(dim=1, keepdim=True).clamp(min=1)


def sentence_embedding(
    bert: Bert, ids: Int[Tensor, "B n"], keep: Bool[Tensor, "B n"]
) -> Float[Tensor, "B d_model"]:
    """One vector of length 1 per sentence, (B, d_model), as all-MiniLM-L6-v2 makes it.

    The dot product of two of them says how alike the sentences are. A sentence without tokens gets zeros.
    Source: Reimers and Gurevych 2019, Sentence-BERT, section 3.
    """
    return F.normalize(mean_pool(bert(ids, keep), keep), dim=-1)


# The published names of BERT's weights, beside ours; a layer's stand below encoder.layer.<its number>.
EMBEDDINGS = {
    "embed.weight": "embeddings.word_embeddings.weight",
    "types.weight": "embeddings.token_type_embeddings.weight",
    "positions.table": "embeddings.position_embeddings.weight",
    "norm.gamma": "embeddings.LayerNorm.weight",
    "norm.beta": "embeddings.LayerNorm.bias",
}
LAYER = {
    "self_attn.W_q": "attention.self.query",
    "self_attn.W_k": "attention.self.key",
    "self_attn.W_v": "attention.self.value",
    "self_attn.W_o": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "ffn.W_1": "intermediate.dense",
    "ffn.W_2": "output.dense",
    "norm2": "output.LayerNorm",
}


def published_names(n_layers: int) -> dict[str, str]:
    """For each weight of `Bert` the name that published BERT models give it."""
    names = dict(EMBEDDINGS)
    for i in range(n_layers):
        for ours, published in LAYER.items():
            weight, bias = ("gamma", "beta") if "norm" in ours else ("weight", "bias")
            names[f"blocks.layers.{i}.{ours}.{weight}"] = f"encoder.layer.{i}.{published}.weight"
            names[f"blocks.layers.{i}.{ours}.{bias}"] = f"encoder.layer.{i}.{published}.bias"
    return names


def load_minilm(path: str | Path, sha256: str | None = None, dropout: float = 0.0) -> Bert:
    """The published all-MiniLM-L6-v2, ready to use, from its model.safetensors.

    The file's pooling layer is left out: the sentence vectors are means. Raises what `read_tensors` raises,
    and ValueError when a weight is missing or has another size.
    """
    tensors, _ = read_tensors(path, sha256)
    bert = Bert(30522, 512, replace(MINILM, dropout=dropout))
    names = published_names(MINILM.n_layers)
    known = {ours: tensors[published] for ours, published in names.items() if published in tensors}
    fill(bert, known, str(path))
    return bert.eval()
