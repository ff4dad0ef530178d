"""What of a source file a definition needs: the statements that bind it and the names that these use."""

import ast
import symtable
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFINING = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    ast.Assign, ast.AnnAssign, ast.AugAssign,
)  # fmt: skip


def needed(statements: Sequence[ast.stmt], names: Iterable[str]) -> list[ast.stmt]:
    """The defining statements, in their order, without which these names would not be what they are.

    Of a name that is bound more than once all bindings are kept, as a later one may use an earlier one.
    Expressions, loops and other statements that define nothing are never kept.
    """
    statements = [statement for statement in statements if defines(statement)]
    binding: dict[str, list[int]] = {}
    for i, statement in enumerate(statements):
        for name in bound(statement):
            binding.setdefault(name, []).append(i)
    kept: set[int] = set()
    waiting = [i for i, statement in enumerate(statements) if is_star_import(statement)]
    waiting += [i for name in names for i in binding.pop(name, ())]
    while waiting:
        i = waiting.pop()
        if i not in kept:
            kept.add(i)
            waiting += [other for name in used(statements[i]) for other in binding.pop(name, ())]
    return [statements[i] for i in sorted(kept)]


def defines(statement: ast.stmt) -> bool:
    """Whether a statement only defines names, alone or under `if` and `try`."""
    if isinstance(statement, ast.If):
        return all(map(defines, [*statement.body, *statement.orelse]))
    if isinstance(statement, ast.Try):
        inside = [*statement.body, *statement.orelse, *statement.finalbody]
        handlers = [line for handler in statement.handlers for line in handler.body]
        return all(defines(line) or isinstance(line, ast.Pass) for line in [*inside, *handlers])
    return isinstance(statement, DEFINING)


def is_star_import(statement: ast.stmt) -> bool:
    """Whether it is `from module import *`."""
    return isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"


def bound(statement: ast.stmt) -> set[str]:
    """The names that a statement at top level binds; of `a.b = ...` and `a[0] = ...` the name a."""
    names = set()
    for node in _outermost(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names |= {node.name, *_patched(node)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(*map(_roots, targets))
    return names


def _outermost(statement: ast.stmt) -> list[ast.stmt]:
    if not isinstance(statement, ast.If | ast.Try):
        return [statement]
    bodies = [statement.body, statement.orelse, getattr(statement, "finalbody", [])]
    bodies += [handler.body for handler in getattr(statement, "handlers", [])]
    return [inner for body in bodies for line in body for inner in _outermost(line)]


def _roots(target: ast.expr) -> set[str]:
    while isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
        target = target.value
    if isinstance(target, ast.Tuple | ast.List):
        return set().union(*map(_roots, target.elts))
    return {target.id} if isinstance(target, ast.Name) else set()


def _patched(node: ast.AST) -> set[str]:
    """Names that go into a decorator, as of `@add_to(SelfAttention)`: it may change them."""
    return {
        part.id
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for part in decorator.args
        if isinstance(part, ast.Name)
    }


def used(statement: ast.stmt) -> set[str]:
    """The global names that a statement reads, inside its functions and classes too.

    All its names, where it cannot be written out again, as some f-strings and whole numbers of 4,301 digits.
    """
    try:
        table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    inner = list(table.get_children())
    while inner:
        scope = inner.pop()
        inner += scope.get_children()
        names |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    return names


def source_of(statements: Iterable[ast.stmt]) -> str:
    """Statements as source text."""
    return "\n".join(map(ast.unparse, statements)) + "\n"


def trimmed(module: str, names: Iterable[str]) -> dict[str, str]:
    """Sources, by the names of their modules, of what these names of a course module need, and no more.

    What they import from other modules of the course comes along, trimmed in the same way.
    """
    wanted: dict[str, set[str]] = {module: set(names)}
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        module = waiting.pop()
        kept = needed(_statements(file_of(module)), wanted[module])
        kept = _narrowed(kept, wanted[module].union(*map(used, kept)))
        sources[module] = source_of(kept)
        for imported, name in _course_imports(kept):
            if name not in wanted.setdefault(imported, set()):
                wanted[imported].add(name)
                waiting.append(imported)
    return sources


def _narrowed(statements: Iterable[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """The same statements; those that import several names import only the ones among `names`."""
    narrowed = []
    for node in statements:
        if isinstance(node, ast.ImportFrom) and not is_star_import(node):
            aliases = [alias for alias in node.names if (alias.asname or alias.name) in names]
            node = ast.ImportFrom(node.module, aliases, node.level)
        narrowed.append(node)
    return narrowed


def _course_imports(statements: Iterable[ast.stmt]) -> list[tuple[str, str]]:
    return [
        (node.module, alias.name)
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib.")
        for alias in node.names
        if not is_served(node.module)
    ]


def is_served(module: str) -> bool:
    """Whether a worker has this module of the course anyway."""
    return module in ("course_lib.checks", "course_lib.checks.given", "course_lib.checks.spec")


def file_of(module: str) -> Path:
    """The file of a course module."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body
