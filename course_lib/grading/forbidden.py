"""Forbidden names: a library call that is the answer itself. Found in the syntax tree, and in a worker.

A name is dotted, as in "torch.nn.functional.softmax"; one that begins with a dot, as in ".softmax", is a
method of any object. What lies inside a forbidden module or class is forbidden too.
"""

import ast
import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Sequence

EVERYWHERE = (
    "course_lib",  # what the exercise allows is left out of the search
    "torch.nn.functional.scaled_dot_product_attention",
    "torch.nn.functional.multi_head_attention_forward",
    "torch.nn.attention",
    "torch.ops",
    "torch._C",
    "torch.nn.MultiheadAttention",
    "torch.nn.Transformer",
    "torch.nn.TransformerEncoder",
    "torch.nn.TransformerEncoderLayer",
    "torch.nn.TransformerDecoder",
    "torch.nn.TransformerDecoderLayer",
    "transformers",
    "exec",
    "eval",
    "compile",
    "__import__",
    "importlib",
)
COMPUTED = "getattr with a computed name"
# ways round a name, which no exercise needs; found in the syntax tree alone
ROUNDABOUT = (
    "ctypes",
    "gc",
    "inspect",
    "sys.modules",
    "sys._getframe",
    ".__wrapped__",
    ".__closure__",
    ".cell_contents",
    ".__globals__",
    COMPUTED,
)
SERVED = (
    "course_lib.start",
    "course_lib.checks",
    "course_lib.predict",
    "course_lib.compare",
    "course_lib.progress",
)


def names_in(source: str, forbidden: Iterable[str], allowed: Iterable[str] = ()) -> list[str]:
    """The forbidden names that a source uses, each once, in order of appearance."""
    tree = ast.parse(source)
    imported = _imported(tree)
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    allowed, forbidden = {*allowed, *SERVED}, (*forbidden, *ROUNDABOUT)
    found: dict[str, None] = {}
    for used in _used(tree, imported, defined):
        hit = next((name for name in forbidden if _is_under(used, name)), None)
        if hit and not any(_is_under(used, name) for name in allowed):
            found[used.lstrip(".")] = None
    return list(found)


def _is_under(used: str, name: str) -> bool:
    return used == name or (not name.startswith(".") and used.startswith(f"{name}."))


def _imported(tree: ast.AST) -> dict[str, str]:
    """From a name in the source to the dotted name that an import gave it."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _used(tree: ast.AST, imported: dict[str, str], defined: set[str]) -> Iterable[str]:
    """Dotted names of all attributes, calls and imports, and ".name" of every attribute that is no module's.

    Of `module.part.name` that is the whole alone: `module.part` may hold what is allowed and what is not.
    """
    inner = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    inner = {node for node in inner if _dotted(node, imported)}
    for node in ast.walk(tree):
        if node in inner:
            continue
        if isinstance(node, ast.Attribute):
            dotted = _dotted(node, imported)
            yield dotted or f".{node.attr}"
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in defined:
            yield imported.get(node.id, node.id)
        elif isinstance(node, ast.Call) and _is_getattr(node):
            base = _dotted(node.args[0], imported)
            if isinstance(node.args[1], ast.Constant):
                yield f"{base}.{node.args[1].value}"
            elif base:
                yield COMPUTED
        elif isinstance(node, ast.ImportFrom) and node.module and node.names[0].name == "*":
            yield f"{node.module}.*" if node.module.startswith("course_lib") else node.module


def _is_getattr(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) > 1


def _dotted(node: ast.expr, imported: dict[str, str]) -> str:
    """The dotted name of a chain of attributes that begins with an imported name; "" for others."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in imported:
        return ".".join([imported[node.id], *reversed(parts)])
    return ""


# ------------------------------------------------------------------ in a worker


def watch(forbidden: Sequence[str], trusted: Callable[[str], bool], tell: Callable[[str], None]) -> None:
    """Put a wrapper around each forbidden function that is loaded: `tell` hears of a call of it from a file
    that is not `trusted`. What the library calls inside itself is no use of it by the answer."""
    for name in forbidden:
        path = f"torch.Tensor{name}" if name.startswith(".") else name
        owner, _, attribute = path.rpartition(".")
        holder = _loaded(owner)
        target = getattr(holder, attribute, None) if holder else None
        if isinstance(target, type):
            target.__init__ = _watched(target.__init__, name, trusted, tell)
        elif callable(target):
            setattr(holder, attribute, _watched(target, name, trusted, tell))


def _loaded(dotted: str) -> object:
    """A module that is loaded, or a class in one; None for others."""
    if not dotted:
        return None
    if dotted in sys.modules:
        return importlib.import_module(dotted)
    owner, _, name = dotted.rpartition(".")
    return getattr(_loaded(owner), name, None)


def _watched(function: Callable, name: str, trusted: Callable, tell: Callable) -> Callable:
    caller = sys._getframe

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if not trusted(caller(1).f_code.co_filename):
            tell(name.lstrip("."))
        return function(*args, **kwargs)

    del wrapper.__wrapped__  # the way round it
    return wrapper
