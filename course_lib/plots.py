"""Figures in the course's one style: direct labels, quiet axes, the explorers' colours."""

import base64
from io import BytesIO

import matplotlib as mpl
import numpy as np
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from course_lib.palette import GRID, INK, KEY, PAPER, QUERY, QUIET, VALUE

DPI = 110
STYLE = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(color=[KEY, QUERY, VALUE, "#CC79A7", "#56B4E9"]),
    "grid.color": GRID,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
mpl.rcParams.update(STYLE)
WEIGHTS = LinearSegmentedColormap.from_list("weights", [PAPER, "#CFE3F1", KEY, "#00395A"])


def figure(width: float = 7, height: float = 3, columns: int = 1) -> tuple[Figure, Axes | np.ndarray]:
    """A figure of at most 8 inches in the course's style, and its axes (an array where columns > 1)."""
    return plt.subplots(1, columns, figsize=(min(width, 8), height), layout="constrained")


def show(fig: Figure, alt: str) -> None:
    """Show the figure as a PNG with a text for those who cannot see it, and close it."""
    buffer = BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    plt.close(fig)
    picture = {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": f"Figure: {alt}"}
    display(picture, raw=True, metadata={"image/png": {"alt": alt, "needs_background": "light"}})


def arrows(ax: Axes, vectors: dict[str, tuple[float, float]], colors: dict[str, str] | None = None) -> None:
    """Draw 2-d vectors from the origin, each with its name at the tip; equal scales on both axes."""
    colors = colors or {}
    for name, (x, y) in vectors.items():
        color = colors.get(name, KEY)
        line = {"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (x, y), (0, 0), arrowprops=line)
        length = np.hypot(x, y) or 1
        ax.annotate(
            name,
            (x, y),
            ((9 + 3 * len(name)) * x / length, 9 * y / length),  # clear of the tip: names are wide
            textcoords="offset points",
            color=color,
            ha="center",
            va="center",
            fontweight="bold",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
        )
    reach = 1.2 * max(1, *(max(abs(x), abs(y)) for x, y in vectors.values()))
    low_x, low_y = (-reach if min(v[i] for v in vectors.values()) < 0 else -0.15 * reach for i in (0, 1))
    ax.set(xlim=(low_x, reach), ylim=(low_y, reach), aspect="equal")
    ax.axhline(0, color=QUIET, lw=0.8)
    ax.axvline(0, color=QUIET, lw=0.8)
    ax.spines[:].set_visible(False)
    ax.grid(True)


def bars(ax: Axes, labels: list[str], values: np.ndarray, color: str = KEY, digits: int = 2) -> None:
    """Vertical bars with their values printed on them."""
    drawn = ax.bar(range(len(values)), values, color=color, width=0.7)
    ax.bar_label(drawn, labels=[f"{value:.{digits}f}" for value in values], padding=2, fontsize=9, color=INK)
    ax.set_xticks(range(len(labels)), labels)
    ax.tick_params(axis="x", length=0)
    ax.margins(y=0.15)


def heat_map(
    ax: Axes, weights: np.ndarray, rows: list[str], columns: list[str], label: str = "weight", digits: int = 2
) -> None:
    """A matrix of weights in [0, 1], rows are queries and columns keys; values are printed in small ones."""
    ax.imshow(weights, cmap=WEIGHTS, vmin=0, vmax=1)
    ax.set_xticks(range(len(columns)), columns, color=KEY)
    ax.set_yticks(range(len(rows)), rows, color=QUERY)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(label)
    if weights.size <= 144:
        for (row, column), weight in np.ndenumerate(weights):
            ax.text(
                column,
                row,
                f"{weight:.{digits}f}",
                ha="center",
                va="center",
                fontsize=9,
                color=PAPER if weight > 0.5 else INK,
            )


def number_grids(ax: Axes, grids: dict[str, np.ndarray], between: list[str], colors: dict[str, str]) -> None:
    """Matrices side by side with their numbers, a name above each and a sign between neighbours."""
    left, tallest = 0.0, max(len(grid) for grid in grids.values())
    for (name, grid), sign in zip(grids.items(), [*between, ""], strict=True):
        rows, columns = grid.shape
        top, gap = (tallest - rows) / 2, 0.7 + 0.3 * len(sign)
        for (row, column), number in np.ndenumerate(grid):
            x, y = left + column, top + row
            ax.add_patch(plt.Rectangle((x, y), 1, 1, facecolor=PAPER, edgecolor=colors.get(name, QUIET)))
            ax.text(x + 0.5, y + 0.5, f"{number:.4g}", ha="center", va="center", fontsize=8)
        color = colors.get(name, INK)
        ax.text(left + columns / 2, top - 0.15, name, ha="center", va="bottom", fontsize=9, color=color)
        ax.text(left + columns + gap / 2, tallest / 2, sign, ha="center", va="center", fontsize=10)
        left += columns + gap
    ax.set(xlim=(-0.1, left - 0.5), ylim=(tallest + 0.1, -1), aspect="equal")
    ax.axis("off")
