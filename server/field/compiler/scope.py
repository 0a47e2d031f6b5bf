"""Maps template names to JavaScript variables: one Scope for each of Jinja's frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from jinja2 import nodes

from server.field.compiler.subset import js

FRAMES = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.With, nodes.AssignBlock)
"""Nodes with a frame of their own: names set inside are not visible outside."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Scope:
    """A frame. The names of the root frame are members of the context `c`, not variables."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.variables: dict[str, str] = {}
        self._numbers: Iterator[int] = parent._numbers if parent else count(1)

    @property
    def is_root(self) -> bool:
        return self.parent is None

    def new_variable(self, letter: str) -> str:
        """A variable name that is unique in the template."""
        return f"{letter}{next(self._numbers)}"

    def declare(self, name: str) -> str:
        self.variables[name] = self.new_variable("l")
        return self.variables[name]

    def find_local(self, name: str) -> str | None:
        """The variable for this name in the innermost frame that has it; None: a context name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.parent
        return None

    def reference(self, name: str) -> str:
        return self.find_local(name) or member("c", name)

    def visible(self) -> dict[str, str]:
        """Every local name with its variable: what an include sees besides the context."""
        outer = dict(self.parent.visible()) if self.parent else {}
        return outer | self.variables


def member(owner: str, name: str) -> str:
    return f"{owner}.{name}" if _IDENTIFIER.match(name) else f"{owner}[{js(name)}]"


def names_in(node: nodes.Node) -> list[nodes.Name]:
    """Every name in a tree, the root included."""
    return [*([node] if isinstance(node, nodes.Name) else []), *node.find_all(nodes.Name)]


def stored_in(body: Iterable[nodes.Node]) -> list[str]:
    """The names that this frame sets, in source order, without those of nested frames."""
    names: list[str] = []
    for node in body:
        names += names_set_by(node)
        if not isinstance(node, FRAMES):
            names += stored_in(node.iter_child_nodes())
    return list(dict.fromkeys(names))


def names_set_by(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.Assign | nodes.AssignBlock):
        return [node.target.name] if isinstance(node.target, nodes.Name) else []
    if isinstance(node, nodes.Import):
        return [node.target]
    if isinstance(node, nodes.FromImport):
        return [name if isinstance(name, str) else name[1] for name in node.names]
    return []


def set_after_nested_read(body: Iterable[nodes.Node]) -> tuple[nodes.Node, str] | None:
    """A name that a nested frame reads before this frame sets it, with the node that sets it.

    Jinja then reads it as undefined even if the context has it. That surprises everybody, so the
    subset forbids it.
    """
    read: set[str] = set()
    for node in _of_this_frame(body):
        if isinstance(node, FRAMES):
            read |= _free_reads(node)
        for name in names_set_by(node):
            if name in read - {_TRANS_VARIABLE}:
                return node, name
    return None


_TRANS_VARIABLE = "_trans"
"""Jinja sets this right before a plural reads it, so it is never undefined."""


def _of_this_frame(body: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    for node in body:
        if isinstance(node, nodes.Block):
            continue
        yield node
        if not isinstance(node, FRAMES):
            yield from _of_this_frame(node.iter_child_nodes())


def _free_reads(node: nodes.Node) -> set[str]:
    """The names that a node reads, without those that a loop, macro or `with` itself declares."""
    if isinstance(node, nodes.Name):
        return {node.name} if node.ctx == "load" else set()
    own = {
        name.name
        for field in ("target", "targets", "args")
        for part in _parts(node, field)
        for name in names_in(part)
        if isinstance(node, FRAMES) and not isinstance(node, nodes.AssignBlock)
    }
    inside = set[str]().union(*map(_free_reads, node.iter_child_nodes(exclude=("iter",))))
    return (inside - own) | (_free_reads(node.iter) if isinstance(node, nodes.For) else set())


def _parts(node: nodes.Node, field: str) -> list[nodes.Node]:
    value = getattr(node, field, [])
    return value if isinstance(value, list) else [value]
