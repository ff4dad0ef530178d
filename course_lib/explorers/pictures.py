"""Pictures for the vision explorer: what is given is checked, and pieces of the stills are drawn.

A picture is grey: 0 is paper, 1 is ink. Its patches are counted row by row from the top left.
"""

import math

import numpy as np

from course_lib.explorers import still
from course_lib.explorers.encoder_decoder import maps_of
from course_lib.palette import GRID, INK, KEY, QUERY, QUIET

MOST_PIXELS, MOST_PATCHES = 128, 1024
TIE = 1e-6  # weights that differ by less are named together
LEVELS = 12  # greys of the drawn picture


# ------------------------------------------------------------------ what is given


def example_picture() -> np.ndarray:
    """Our own picture of 16 x 16 pixels: a 3, two arcs one above the other."""
    y, x = np.mgrid[:16, :16] + 0.5
    image = np.zeros((16, 16))
    for middle in (4.9, 11.4):
        angle = np.clip(np.arctan2(y - middle, x - 7.4), -2.35, 2.35)
        stroke = np.hypot(x - 7.4 - 3.2 * np.cos(angle), y - middle - 3.2 * np.sin(angle))
        image = np.maximum(image, np.clip(1.5 - stroke, 0, 1))
    return image.round(1)


def numbers(name: str, values: object, shape: tuple, low: float, high: float) -> np.ndarray:
    """The values as float32 of this shape (None: any size), from low to high; else ValueError."""
    wanted = f"({', '.join('n' if size is None else str(size) for size in shape)})"
    try:
        array = np.array(values, dtype="<f4")
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that tracks gradients
        raise ValueError(f"{name} must be numbers {wanted}; {str(error)[:120]}") from None
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        raise ValueError(f"{name} must have shape {wanted}; got {array.shape}")
    if not ((array >= low - TIE) & (array <= high + TIE)).all():
        raise ValueError(f"{name} must be from {low:g} to {high:g}; got {array.min():g} to {array.max():g}")
    return array


def picture_of(image: object) -> np.ndarray:
    """The picture (img_h, img_w); one channel in front may be there."""
    shape = np.shape(image)
    if len(shape) == 3 and shape[0] == 1:
        image, shape = image[0], shape[1:]
    array = numbers("image", image, (None, None), 0, 1)
    if not 1 <= min(shape) <= max(shape) <= MOST_PIXELS:
        raise ValueError(f"image must have 1 to {MOST_PIXELS} pixels each way; got {shape}")
    return array


def patch_side(size: tuple[int, int], n: int, patch: int | None) -> int | None:
    """The side P of the patches that cut the picture into n; None where there is no such P."""
    img_h, img_w = size
    P = round(math.sqrt(img_h * img_w / n)) if patch is None else patch
    fits = P > 0 and img_h % P == 0 == img_w % P and img_h * img_w == n * P * P
    return P if fits and n <= MOST_PATCHES else None


def seen_weights(name: str, weights: object, size: tuple, patch: int | None, rows: int, what: str):
    """Weights (n_heads, rows, n_patches) on the patches, and the side of these."""
    maps = maps_of(name, weights, f"({rows}, n_patches) or (n_heads, {rows}, n_patches)")
    P = patch_side(size, maps.shape[2], patch)
    if maps.shape[1] != rows:
        raise ValueError(f"{name} must have a row for each of the {rows} {what}; got {maps.shape}")
    if P is None:
        raise ValueError(f"{name} has {maps.shape[2]} columns: no square patches cut {size} pixels into that")
    return maps.astype("<f4"), P


def head_map(maps: np.ndarray, head: int | None) -> np.ndarray:
    """The map of one head, or the mean of all."""
    return maps.astype(float).mean(axis=0) if head is None else maps[head].astype(float)


def found_at(row: np.ndarray) -> int:
    """The first place of the largest weight."""
    return int(np.argmax(row >= row.max() - TIE))


# ------------------------------------------------------------------ pieces of the stills


def ink(image: np.ndarray, x: float, y: float, side: float, faint: bool = False) -> list[str]:
    """The picture in grey, one path for each level of grey, in a frame; fainter under a heat layer."""
    unit = side / image.shape[1]
    levels = np.floor(image * LEVELS + 0.5).astype(int)
    parts = [still.element("rect", x=float(x), y=float(y), width=side, height=unit * image.shape[0],
                           fill="none", stroke=GRID)]  # fmt: skip
    for level in range(1, LEVELS + 1):
        cells = np.argwhere(levels == level)
        if len(cells):
            path = "".join(f"M{column} {row}h1v1h-1z" for row, column in cells)
            place = f"translate({x:g} {y:g}) scale({unit:.4f})"
            opacity = f"{level / LEVELS * (0.5 if faint else 1):.2f}"
            parts.append(still.element("path", d=path, fill=INK, fill_opacity=opacity, transform=place))
    return parts


def heat(shares: np.ndarray, size: tuple, P: int, x: float, y: float, side: float) -> list[str]:
    """A blue layer over the picture, the darker the larger the share of the largest weight."""
    unit, columns = side / size[1] * P, size[1] // P
    return [
        still.element("rect", x=x + k % columns * unit, y=y + k // columns * unit, width=unit, height=unit,
                      fill=KEY, fill_opacity=f"{0.75 * share:.2f}")
        for k, share in enumerate(shares.tolist()) if share >= 0.02
    ]  # fmt: skip


def grid(size: tuple, P: int, x: float, y: float, side: float) -> list[str]:
    """The lines between the patches."""
    unit, (img_h, img_w) = side / size[1], size
    across = "".join(f"M{x:g} {y + r * unit:.2f}h{side:g}" for r in range(P, img_h, P))
    down = "".join(f"M{x + c * unit:.2f} {y:g}v{img_h * unit:.2f}" for c in range(P, img_w, P))
    if not across + down:
        return []
    return [still.element("path", d=across + down, stroke=QUIET, stroke_opacity="0.4", fill="none")]


def frame(index: int, size: tuple, P: int, x: float, y: float, unit: float) -> str:
    """The frame of one patch."""
    row, column = divmod(index, size[1] // P)
    return still.element("rect", x=x + column * P * unit, y=y + row * P * unit, width=P * unit,
                         height=P * unit, fill="none", stroke=QUERY, stroke_width=2.5)  # fmt: skip


def box_of(box, x, y, width, height, colour, line, dashes=None) -> str:
    """One box, given as centre and size in shares of the picture."""
    cx, cy, w, h = (float(v) for v in box)
    return still.element("rect", x=x + (cx - w / 2) * width, y=y + (cy - h / 2) * height, width=w * width,
                         height=h * height, fill="none", stroke=colour, stroke_width=line,
                         stroke_dasharray=dashes)  # fmt: skip
