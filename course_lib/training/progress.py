"""One line that says how far a training is, and leaves one fixed line behind."""

import sys
import time


class Progress:
    """Writes a moving line where somebody watches, and one final line that is the same on every machine.

    A watcher is a terminal or a live notebook page. A notebook that is built or tested has none, and stores
    the final line alone; the page, too, stores only what the last carriage return left.
    """

    def __init__(self, steps: int, label: str = "", first: int = 0) -> None:
        self.steps, self.label, self.first = steps, label, first
        self.started = self.shown = time.monotonic()
        self.watched = is_watched()
        self.width = 0

    def update(self, step: int, loss: float) -> None:
        """Show step, loss and the time left, at most five times a second."""
        now = time.monotonic()
        if not self.watched or now - self.shown < 0.2:
            return
        self.shown = now
        left = (now - self.started) / (step - self.first) * (self.steps - step)
        self._write(f"{self._lead()}step {step} of {self.steps}, loss {loss:.3f}, about {left:.0f} s left")

    def close(self, sentence: str) -> None:
        """Replace the moving line by the final one."""
        sentence = self._lead() + sentence
        self._write(sentence[0].upper() + sentence[1:], end="\n")

    def clear(self) -> None:
        """Wipe the moving line and leave nothing, so that what is printed next begins on an empty line."""
        if self.width:
            print("\r" + " " * self.width + "\r", end="", flush=True)
            self.width = 0

    def _lead(self) -> str:
        return f"{self.label}: " if self.label else ""

    def _write(self, line: str, end: str = "") -> None:
        print(("\r" if self.width else "") + line.ljust(self.width) + end, end="", flush=True)
        self.width = len(line)


def is_watched() -> bool:
    """Whether a person sees the output at once: a terminal, or a front end of Jupyter that can ask questions.

    Programs that run notebooks (nbclient, nbval) tell the kernel that nobody can answer.
    """
    if "ipykernel" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))
    return sys.stdout.isatty()
