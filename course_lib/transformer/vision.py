"""Images as sequences of tokens: patches, the Vision Transformer, the encoder of lessons 22 and 23."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course_lib.transformer.blocks import BlockConfig, Encoder
from course_lib.transformer.positions import sinusoidal_positions


def cut_patches(img: Float[Tensor, "B C img_h img_w"], P: int) -> Float[Tensor, "B N C*{P}*{P}"]:
    """Images (B, C, img_h, img_w) as rows of P x P patches, (B, N, C * P * P), row by row from the top left.

    Each patch is flattened as (C, P, P). Raises ValueError where P does not divide img_h or img_w.

    >>> cut_patches(torch.arange(8.0).view(1, 1, 2, 4), 2)
    tensor([[[0., 1., 4., 5.],
             [2., 3., 6., 7.]]])
    """
    B, C, img_h, img_w = img.shape
    check_patch_size((img_h, img_w), P)
    rows = img.view(B, C, img_h // P, P, img_w // P, P)
    return rows.permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * P * P)


def check_patch_size(size: tuple[int, int], P: int) -> None:
    """ValueError unless P divides both the height and the width of an image."""
    img_h, img_w = size
    if P < 1 or img_h % P or img_w % P:
        raise ValueError(f"P must divide the image's height and width; got P {P}, image {img_h} x {img_w}")


def patch_embedding(
    img: Float[Tensor, "B C img_h img_w"],
    P: int,
    W: Float[Tensor, "C*{P}*{P} D"],
    b: Float[Tensor, "D"],
    cls: Float[Tensor, "D"] | None = None,
    pos: Float[Tensor, "n D"] | None = None,
) -> Float[Tensor, "B n D"]:
    """Patches as tokens: each times W plus b, the class token `cls` before them, positions `pos` on top.

    img (B, C, img_h, img_w), W (C * P * P, D), b (D,), cls (D,), pos (1 + N, D) -> (B, 1 + N, D) for N
    patches. `cls` None leaves the class token out (pos is then (N, D)), `pos` None the positions.
    Raises ValueError where P does not divide img_h or img_w.
    Source: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, equation 1.
    """
    tokens = cut_patches(img, P) @ W + b
    if cls is not None:
        tokens = torch.cat([cls.expand(len(img), 1, -1), tokens], dim=1)
    return tokens if pos is None else tokens + pos


class PatchEmbedding(nn.Module):
    """`patch_embedding` with its learnt parameters, for images of one size (C, img_h, img_w).

    The projection is that of a convolution whose kernel and stride are the patch. Raises ValueError where
    `patch` does not divide the image, and for images of another size or none.
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        patch: int,
        d_model: int,
        positions: bool = True,
        class_token: bool = True,
    ) -> None:
        super().__init__()
        C, img_h, img_w = size
        check_patch_size((img_h, img_w), patch)
        n = (img_h // patch) * (img_w // patch) + class_token
        self.size, self.patch = tuple(size), patch
        self.projection = nn.Linear(C * patch * patch, d_model)
        self.class_token = nn.Parameter(torch.randn(d_model)) if class_token else None
        self.positions = nn.Parameter(torch.randn(n, d_model)) if positions else None

    def forward(self, img: Float[Tensor, "B C img_h img_w"]) -> Float[Tensor, "B n d_model"]:
        """img (B, C, img_h, img_w) -> tokens (B, n, d_model); n counts the patches and the class token."""
        check_images(img, self.size)
        W, b = self.projection.weight.T, self.projection.bias
        return patch_embedding(img, self.patch, W, b, self.class_token, self.positions)


def check_images(img: Tensor, size: tuple[int | None, ...]) -> None:
    """ValueError unless img is (B, *size) with B at least 1; None in `size` stands for any number."""
    fits = img.ndim == 4 and len(img) > 0
    fits = fits and all(n in (None, m) for n, m in zip(size, img.shape[1:], strict=True))
    if not fits:
        expected = ", ".join("any" if n is None else str(n) for n in size)
        raise ValueError(f"img must be (B, {expected}) with B at least 1; got {tuple(img.shape)}")


class VisionTransformer(nn.Module):
    """Patches through an encoder; the class token, or the mean of all patches, names the class.

    Without `positions` the image is a bag of patches: shuffling them changes nothing.
    Source: Dosovitskiy et al. 2021, section 3.1 (mean pooling: appendix D.3).
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        patch: int,
        n_classes: int,
        config: BlockConfig,
        positions: bool = True,
        class_token: bool = True,
    ) -> None:
        super().__init__()
        self.embed = PatchEmbedding(size, patch, config.d_model, positions, class_token)
        self.encoder = Encoder(config)
        self.head = nn.Linear(config.d_model, n_classes)

    def forward(self, img: Float[Tensor, "B C img_h img_w"], return_weights: bool = False):
        """img (B, C, img_h, img_w) -> logits (B, n_classes), and each layer's weights if asked for."""
        out = self.encoder(self.embed(img), return_weights=return_weights)
        x, weights = out if return_weights else (out, None)
        pooled = x.mean(dim=1) if self.embed.class_token is None else x[:, 0]
        logits = self.head(pooled)
        return (logits, weights) if return_weights else logits


def sine_positions_2d(
    rows: int,
    columns: int,
    d: int,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n {d}"]:
    """Positions of a grid, row by row, (rows * columns, d): half the features for the row, half the column.

    Raises ValueError unless 4 divides d. Source: Carion et al. 2020, appendix A.4.
    """
    if d % 4:
        raise ValueError(f"d must be a multiple of 4: sines and cosines of two directions; got d {d}")
    down = sinusoidal_positions(rows, d // 2, dtype=dtype, device=device)
    across = sinusoidal_positions(columns, d // 2, dtype=dtype, device=device)
    return torch.cat([down.repeat_interleave(columns, dim=0), across.repeat(rows, 1)], dim=-1)


class ImageEncoder(nn.Module):
    """A small convolutional stem that quarters both sides, 2-D positions, an encoder: image to tokens.

    Raises ValueError for an image whose height or width is not a multiple of `stride`.

    Source: He et al. 2016 (residual convolution); Carion et al. 2020, section 3.2.
    """

    stride = 4  # pixels from one token to the next

    def __init__(self, config: BlockConfig, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, config.d_model // 2, kernel_size=5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(config.d_model // 2, config.d_model, kernel_size=3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(config.d_model, config.d_model, kernel_size=3, padding=1)
        self.encoder = Encoder(config)
        self.channels = channels

    def forward(
        self,
        img: Float[Tensor, "B C img_h img_w"],
        keep: Bool[Tensor, "B n"] | None = None,
        return_weights: bool = False,
    ):
        """img (B, C, img_h, img_w) -> tokens (B, n, d_model), row by row; 32 x 32 pixels make 64 tokens.

        `keep` (B, n) closes tokens; with `return_weights` also each layer's weights.
        """
        check_images(img, (self.channels, None, None))
        check_patch_size(img.shape[2:], self.stride)
        x = F.relu(self.conv2(F.relu(self.conv1(img))))
        x = x + F.relu(self.conv3(x))  # (B, d_model, rows, columns)
        _, d_model, rows, columns = x.shape
        positions = sine_positions_2d(rows, columns, d_model, x.dtype, x.device)
        mask = None if keep is None else keep.unsqueeze(-2)
        return self.encoder(x.flatten(2).mT + positions, mask, return_weights=return_weights)
