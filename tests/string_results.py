"""Which strings an expression of our source may have as its value, found without running it.

Follows conditionals, variables, constants of modules, and the results of our own functions. What
depends on data (a key of a dictionary that comes in) adds nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("sync", "server")

Function = ast.FunctionDef | ast.Lambda


class Module:
    """A source file: its functions, constants and imports by name."""

    def __init__(self, file: Path) -> None:
        self.tree = ast.parse(file.read_text("utf-8"))
        self.name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        self.functions = {n.name: n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)}
        self.calls_and_dicts = [
            (function, node)
            for function, node in _nodes_with_functions(self.tree)
            if isinstance(node, ast.Call | ast.Dict)
        ]
        self.assigned = dict(_assignments(self.tree.body))
        self.imports = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }


@cache
def modules() -> dict[str, Module]:
    """Every module of `sync` and `server` by its dotted name."""
    files = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return {module.name: module for module in map(Module, sorted(files))}


def calls_of(names: Iterable[str]) -> Iterator[tuple[Module, Function | None, ast.Call]]:
    """Every call of these functions or classes, with the function that it stands in."""
    wanted = set(names)
    for module in modules().values():
        for function, node in module.calls_and_dicts:
            if isinstance(node, ast.Call) and _called_name(node) in wanted:
                yield module, function, node


def strings(
    module: Module, function: Function | None, node: ast.AST | None, depth: int = 16
) -> set[str]:
    """The strings that an expression may be, if it is in this function of this module."""
    if node is None or depth == 0:
        return set()

    def inner(*nodes: ast.AST) -> set[str]:
        return {text for each in nodes for text in strings(module, function, each, depth - 1)}

    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=yes, orelse=no):
            return inner(yes, no)
        case ast.BoolOp(values=values):
            return inner(*values)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return inner(*parts)
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return {
                text
                for owner, value in _values_of_key(module, key)
                for text in strings(module, owner, value, depth - 1)
            }
        case ast.Starred(value=value) | ast.Subscript(value=value) | ast.NamedExpr(value=value):
            return inner(value)
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            return inner(part, *(each.iter for each in node.generators))
        case ast.Dict(values=values):
            return inner(*values)
        case ast.Call(func=ast.Name("next" | "tuple" | "list" | "str"), args=args):
            return inner(*args)
        case ast.Call(func=ast.Attribute(value=value, attr="get")):
            return inner(value)
        case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)):
            return _results(module, name, depth)
        case ast.Name(name):
            return _values_of(module, function, name, depth)
    return set()


def results(module: Module, function: Function, depth: int = 16) -> set[str]:
    """The strings that a function may return."""
    if isinstance(function, ast.Lambda):
        return strings(module, function, function.body, depth)
    returned = (node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    return {text for node in returned for text in strings(module, function, node, depth)}


def _results(module: Module, name: str, depth: int) -> set[str]:
    if name in module.functions:
        return results(module, module.functions[name], depth - 1)
    home, original = module.imports.get(name, ("", ""))
    other = modules().get(home)
    return _results(other, original, depth - 1) if other and depth else set()


def _values_of(module: Module, function: Function | None, name: str, depth: int) -> set[str]:
    if isinstance(function, ast.FunctionDef):
        local = [node for bound, node in _bindings(function) if bound == name]
        found = {t for node in local for t in strings(module, function, node, depth - 1)}
        if found or local:
            return found
        if any(each.arg == name for each in function.args.args):
            return _values_of_parameter(module, function, name, depth)
    if name in module.assigned:
        return strings(module, None, module.assigned[name], depth - 1)
    home, original = module.imports.get(name, ("", ""))
    other = modules().get(home)
    return _values_of(other, None, original, depth - 1) if other and depth else set()


def _values_of_parameter(
    module: Module, function: ast.FunctionDef, name: str, depth: int
) -> set[str]:
    """What the calls in the same module pass for a parameter."""
    place = [each.arg for each in function.args.args].index(name)
    found: set[str] = set()
    for caller, node in module.calls_and_dicts:
        if isinstance(node, ast.Call) and _called_name(node) == function.name:
            named = [each.value for each in node.keywords if each.arg == name]
            spread = [each for each in node.args if isinstance(each, ast.Starred)]
            for value in [*named, *spread, *node.args[place : place + 1]]:
                found |= strings(module, caller, value, depth - 1)
    return found


def _values_of_key(module: Module, key: str) -> Iterator[tuple[Function | None, ast.AST]]:
    """What the dictionaries of a module have at a key, with the function around them.

    Left out are copies of the same key, and the variables ("$answer") of optimistic patches.
    """
    for function, node in module.calls_and_dicts:
        if isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                match name, value:
                    case _, ast.Subscript():
                        pass
                    case _, ast.Constant(value=str(text)) if text.startswith("$"):
                        pass
                    case ast.Constant(value=known), _ if known == key:
                        yield function, value


def _bindings(function: ast.FunctionDef) -> Iterator[tuple[str, ast.AST]]:
    """What the names of a function are bound to: by assignments, loops and `append`."""
    for node in ast.walk(function):
        match node:
            case ast.Assign() | ast.AnnAssign():
                yield from _assignments([node])
            case ast.NamedExpr(target=ast.Name(name), value=value):
                yield name, value
            case ast.AugAssign(target=ast.Name(name), value=value):
                yield name, value
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield from ((each.id, value) for each in ast.walk(target) if _is_name(each))
            case ast.Call(func=ast.Attribute(value=ast.Name(name), attr="append"), args=[value]):
                yield name, value


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _assignments(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        match node:
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value):
                yield name, value
            case ast.Assign(targets=[ast.Name(name)], value=value):
                yield name, value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for target, each in zip(names, values, strict=False):
                    if isinstance(target, ast.Name):
                        yield target.id, each
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                yield from ((each.id, value) for each in names if isinstance(each, ast.Name))


def _nodes_with_functions(
    tree: ast.AST, function: Function | None = None
) -> Iterator[tuple[Function | None, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        yield function, node
        inner = node if isinstance(node, ast.FunctionDef | ast.Lambda) else function
        yield from _nodes_with_functions(node, inner)


def _called_name(node: ast.Call) -> str:
    match node.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""
