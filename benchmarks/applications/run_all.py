"""Every application of the library, trained one after the other; writes benchmarks/results/applications.json.

python course.py bench applications [NAME ...] [--seeds 3]
"""

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "applications.json"


def names() -> list[str]:
    """The scripts of this folder that train or load a model."""
    scripts = [path for path in HERE.glob("*.py") if path.name != Path(__file__).name]
    return sorted(path.stem for path in scripts if "def main(" in path.read_text(encoding="utf-8"))


def main(chosen: tuple[str, ...] = (), seeds: int = 1) -> int:
    """Run the chosen scripts (all by default) with seeds 0, 1, ...; what ran before stays in the results."""
    unknown = set(chosen) - set(names())
    if unknown:
        print(f"no application {', '.join(sorted(unknown))}; there are {', '.join(names())}")
        return 2
    report = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in chosen or names():
        runs = [run(name, seed) for seed in range(seeds)]
        report[name] = {"machine": machine(), "runs": runs}
        RESULTS.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def run(name: str, seed: int) -> dict:
    """One script in a process of its own; its figures."""
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / f"{name}.py"), f"seed={seed}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    print(name, json.dumps(figures), flush=True)
    return figures


def machine() -> dict:
    """What the figures were measured on."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "torch": version("torch"),
    }
