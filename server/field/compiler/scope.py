"""Which JavaScript variable holds which template name: Jinja's frames, one scope each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from jinja2 import nodes

from server.field.compiler.subset import js

FRAMES = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.With, nodes.AssignBlock)
"""What opens a frame of its own: a name set inside is not seen outside."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Scope:
    """A frame. The root frame has no variables of its own: its names live in the context `c`."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.variables: dict[str, str] = {}
        self._numbers: Iterator[int] = parent._numbers if parent else count(1)

    @property
    def is_root(self) -> bool:
        return self.parent is None

    def new_variable(self, letter: str) -> str:
        """A variable that no other part of this template uses."""
        return f"{letter}{next(self._numbers)}"

    def declare(self, name: str) -> str:
        self.variables[name] = self.new_variable("l")
        return self.variables[name]

    def find_local(self, name: str) -> str | None:
        """The variable of the innermost frame that has this name, if any frame has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.parent
        return None

    def reference(self, name: str) -> str:
        return self.find_local(name) or member("c", name)

    def visible(self) -> dict[str, str]:
        """Every local name, innermost first: what an include sees on top of the context."""
        found = dict(self.parent.visible()) if self.parent else {}
        return found | self.variables


def member(owner: str, name: str) -> str:
    return f"{owner}.{name}" if _IDENTIFIER.match(name) else f"{owner}[{js(name)}]"


def names_in(node: nodes.Node) -> list[nodes.Name]:
    """Every name in a piece of the tree, the piece itself included."""
    return [*([node] if isinstance(node, nodes.Name) else []), *node.find_all(nodes.Name)]


def stored_in(body: Iterable[nodes.Node]) -> list[str]:
    """Names that this frame itself sets, in the order of the text; nested frames keep theirs."""
    found: list[str] = []
    for node in body:
        found += names_set_by(node)
        if not isinstance(node, FRAMES):
            found += stored_in(node.iter_child_nodes())
    return list(dict.fromkeys(found))


def names_set_by(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.Assign | nodes.AssignBlock):
        return [node.target.name] if isinstance(node.target, nodes.Name) else []
    if isinstance(node, nodes.Import):
        return [node.target]
    if isinstance(node, nodes.FromImport):
        return [name if isinstance(name, str) else name[1] for name in node.names]
    return []


def set_after_nested_read(body: Iterable[nodes.Node]) -> tuple[nodes.Node, str] | None:
    """A name that a nested frame reads before this frame sets it.

    Jinja then finds it unset although the context has it: nobody expects that, so nobody may.
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
"""Jinja sets this right before a plural reads it, so it is never found unset."""


def _of_this_frame(body: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    for node in body:
        if isinstance(node, nodes.Block):
            continue
        yield node
        if not isinstance(node, FRAMES):
            yield from _of_this_frame(node.iter_child_nodes())


def _free_reads(node: nodes.Node) -> set[str]:
    """What is read inside without being a loop's, a macro's or a with's own name."""
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
    found = getattr(node, field, [])
    return found if isinstance(found, list) else [found]
