"""Latency of the explorers in a real JupyterLab, beside one slider drawn by ipywidgets and matplotlib.

For each explorer: median and 95th percentile from a key press to the frame that shows it, how many of 60 drag
moves are painted, bytes on the wire and kernel CPU time a move. Writes benchmarks/results/explorers.json.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
import psutil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))  # the browser and the server of the tests

MOVES = 40
DRAG_MOVES = 60
WORDS = "the cat sat on the mat and it saw a dog that ran past the door".split()

SETUP = "from course_lib.explorers import *"
YARDSTICK = """
import matplotlib.pyplot as plt, numpy as np, ipywidgets
from course_lib.by_hand import scaled_dot_product_attention
rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(3, 16, 2))
@ipywidgets.interact(temperature=ipywidgets.FloatSlider(value=1, min=0.1, max=10, step=0.05))
def draw(temperature):
    _, weights = scaled_dot_product_attention(Q, K, V, scale=1 / (temperature * 2 ** 0.5))
    plt.imshow(weights, vmin=0, vmax=1, cmap="Blues"); plt.colorbar(); plt.show()
"""


def attention(n: int) -> str:
    return f"attention_explorer({[WORDS[i % 16] for i in range(n)]!r}, predict=False)"


def given(n_layers: int, n: int) -> str:
    """A map of weights as a trained model has them: n_layers layers of 12 heads."""
    tokens = [WORDS[i % 16] for i in range(n)]
    maps = f"np.random.default_rng(0).random(({n_layers}, 12, {n}, {n}), np.float32) ** 30"
    made = f"import numpy as np\nmaps = {maps}\nmaps /= maps.sum(-1, keepdims=True)\n"
    return f"{made}attention_explorer({tokens!r}, weights=maps, predict=False)"


CASES = {
    "dot_product": "dot_product_explorer(predict=False)",
    "softmax, 3 scores": "softmax_explorer(predict=False)",
    "softmax, 8 scores": "softmax_explorer(scores=(2, 1, 0, 3, -1, 2, 0, 1), predict=False)",
    "sqrt_d": "sqrt_d_explorer(predict=False)",
    "attention, 16 tokens": attention(16),
    "attention, 64 tokens": attention(64),
    "attention, 256 tokens": attention(256),
    "attention, 6 layers x 12 heads, 32 tokens": given(6, 32),
    "attention, 12 heads, 512 tokens": given(1, 512),
    "mask": "mask_explorer(predict=False)",
    "training_replay": "training_replay_explorer(predict=False)",
    "path_length": "path_length_explorer(predict=False)",
    "qkv": "qkv_explorer(predict=False)",
    "positions": "positions_explorer(predict=False)",
    "multi_head": "multi_head_explorer(predict=False)",
    "encoder_decoder": "encoder_decoder_explorer(predict=False)",
    "block": "block_explorer(predict=False)",
    "bert_vs_gpt": "bert_vs_gpt_explorer(predict=False)",
    "cost": "cost_explorer(predict=False)",
    "sampling": "sampling_explorer(predict=False)",
    "tokenizer": "tokenizer_explorer(predict=False)",
    "vision": "vision_explorer(predict=False)",
    "ipywidgets + matplotlib, 16 tokens": YARDSTICK,
}

# Counts the frames that changed the picture; times each key from its event to the end of its frame.
WATCH = """
(root) => {
  const seen = (window.benchmark = { times: [], paints: 0, inputs: 0, started: null });
  let queued = false;
  let source = root.querySelector("img")?.src;
  const after = new MessageChannel();
  after.port1.onmessage = () => {
    queued = false;
    seen.paints += 1;
    if (seen.started !== null) seen.times.push(performance.now() - seen.started);
    seen.started = null;
  };
  const shown = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => after.port2.postMessage(0));
  };
  const changed = () => {
    // A change made inside a frame is painted by that frame; an image must be decoded first.
    if (queued) return;
    if (root.matches(".cx")) { queued = true; after.port2.postMessage(0); return; }
    // matplotlib's figure counts when another image is there, not when the old one is taken away.
    const image = root.querySelector("img");
    if (!image || image.src === source) return;
    source = image.src;
    image.decode().then(shown, shown);
  };
  const options = { childList: true, subtree: true, characterData: true, attributes: true };
  // A map on a canvas changes no node, but the numbers beside the controls change in the same frame.
  const output = ".jupyter-widgets-output-area, .widget-output";
  const parts = root.matches(".cx") ? [root] : root.querySelectorAll(output);
  for (const part of parts) new MutationObserver(changed).observe(part, options);
  root.addEventListener("input", () => (seen.inputs += 1), true);
  root.addEventListener("keydown", (event) => (seen.started = event.timeStamp), true);
}
"""


def main() -> None:
    """Measures every case and prints the table."""
    import lab
    from playwright.sync_api import sync_playwright

    place = lab.chromium()
    if place is None:
        raise SystemExit("bench explorers needs Chromium or Chrome (Debian: apt install chromium)")
    rows = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=place, headless=True, args=lab.SWITCHES)
        with lab.jupyterlab(browser, Path(folder)) as running:
            for name, source in CASES.items():
                rows[name] = measure(running, name, source)
                print(line(name, rows[name]), flush=True)
        facts = machine(browser.version)
        browser.close()
    print(table(rows))
    print("; ".join(f"{name} {value}" for name, value in facts.items()))
    results = HERE / "results" / "explorers.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def measure(running, name: str, source: str) -> dict:
    """One explorer in one notebook: keys on its first slider, then a drag."""
    cells = [nbformat.v4.new_code_cell(text) for text in (SETUP, source)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = f"{sum(map(ord, name))}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), running.folder / notebook)
    traffic = []
    page = running.open(notebook, watch=lambda page: watch_traffic(page, traffic))
    started = time.perf_counter()
    running.run_all(page)
    root = page.locator(".cx, .widget-interact").first
    root.wait_for()
    opened = time.perf_counter() - started
    page.wait_for_timeout(1500)
    root.evaluate(WATCH)

    slider = root.locator("input[type=range]:visible, [role=slider]").first
    slider.focus()
    press(page, 3)
    if not page.evaluate("window.benchmark.times.length"):
        raise RuntimeError(f"{name}: no picture came of the first keys")
    page.evaluate("window.benchmark.times = []")
    traffic.clear()
    cpu = kernel_cpu(running.process)
    press(page, MOVES)
    running.wait_idle(page)
    cpu = kernel_cpu(running.process) - cpu
    times = page.evaluate("window.benchmark.times")
    sent = sum(traffic)
    painted = drag(page, root)
    page.close()
    return {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(sorted(times)[int(0.95 * (len(times) - 1))], 1),
        "keys_painted": f"{len(times)} of {MOVES}",
        "drag_moves_painted": painted,
        "kilobytes_a_move": round(sent / MOVES / 1000, 2),
        "kernel_cpu_ms_a_move": round(1000 * cpu / MOVES, 1),
        "open_s": round(opened, 2),
    }


def press(page, times: int) -> None:
    """Presses arrow keys to and fro and waits for each picture, at most 4 s."""
    for i in range(times):
        before = page.evaluate("window.benchmark.paints")
        page.keyboard.press("ArrowRight" if i % 4 < 2 else "ArrowLeft")
        until = time.monotonic() + 4
        while page.evaluate("window.benchmark.paints") == before and time.monotonic() < until:
            page.wait_for_timeout(5)
        page.wait_for_timeout(30)


def drag(page, root) -> str:
    """Drags the first handle (or the slider's) in 60 moves, one a frame; counts the pictures that come of it.

    A slider with few steps changes less often than it is moved: then its own changes should all be painted.
    """
    handle = root.locator(".cx-hit, .noUi-handle, input[type=range]").first
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("window.benchmark.paints = window.benchmark.inputs = 0")
    for i in range(DRAG_MOVES):
        far = 4 * (i + 1) if i < DRAG_MOVES // 2 else 4 * (DRAG_MOVES - i - 1)
        page.mouse.move(x - far / 2, y - far / 3)
        page.wait_for_timeout(16)
    page.mouse.up()
    page.wait_for_timeout(100)
    paints, inputs = page.evaluate("[window.benchmark.paints, window.benchmark.inputs]")
    wanted = min(DRAG_MOVES, inputs or DRAG_MOVES)
    return f"{min(wanted, paints)} of {wanted}"


def watch_traffic(page, sizes: list) -> None:
    """Notes the size of each frame on the page's web sockets from now on."""

    def listen(socket):
        for event in ("framesent", "framereceived"):
            socket.on(event, lambda payload: sizes.append(len(payload)))

    page.on("websocket", listen)


def kernel_cpu(server) -> float:
    """CPU seconds of all kernels of the server so far."""
    kernels = [
        p for p in psutil.Process(server.pid).children(recursive=True) if "ipykernel" in " ".join(p.cmdline())
    ]
    return sum(sum(p.cpu_times()[:2]) for p in kernels)


def machine(browser: str) -> dict:
    packages = {
        name: version(name) for name in ("jupyterlab", "anywidget", "ipywidgets", "matplotlib", "numpy")
    }
    return {
        "date": time.strftime("%Y-%m-%d"),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "chromium": browser,
        **packages,
    }


HEADINGS = ("median ms", "p95 ms", "keys painted", "drag painted", "kB a move", "kernel CPU ms", "open s")


def line(name: str, row: dict) -> str:
    return f"{name:36}" + "".join(f"{value!s:>15}" for value in row.values())


def table(rows: dict) -> str:
    head = " " * 36 + "".join(f"{heading:>15}" for heading in HEADINGS)
    return "\n".join([head, *(line(name, row) for name, row in rows.items())])


if __name__ == "__main__":
    main()
