"""Which JavaScript variable holds which template name: Jinja's frames, one scope each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from jinja2 import nodes

from server.phone.subset import js

FRAMES = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.With, nodes.AssignBlock)
"""What opens a frame of its own: a name set inside is not seen outside."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Scope:
    """A frame. The root frame has no variables of its own: its names live in the context `c`."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, str] = {}
        self._numbers: Iterator[int] = parent._numbers if parent else count(1)

    @property
    def is_root(self) -> bool:
        return self.parent is None

    def fresh(self, letter: str) -> str:
        """A variable that no other part of this template uses."""
        return f"{letter}{next(self._numbers)}"

    def declare(self, name: str) -> str:
        self.names[name] = self.fresh("l")
        return self.names[name]

    def local(self, name: str) -> str | None:
        """The variable of the innermost frame that has this name, if any frame has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def read(self, name: str) -> str:
        return self.local(name) or member("c", name)

    def visible(self) -> dict[str, str]:
        """Every local name, innermost first: what an include sees on top of the context."""
        found = dict(self.parent.visible()) if self.parent else {}
        return found | self.names


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

    def walk(node: nodes.Node) -> tuple[nodes.Node, str] | None:
        for name in names_set_by(node):
            if isinstance(node, nodes.AssignBlock):
                read.update(_loads(node))
            if name in read:
                return node, name
        if isinstance(node, nodes.Block):
            return None
        if isinstance(node, FRAMES):
            read.update(_loads(node))
            return None
        for child in node.iter_child_nodes():
            if found := walk(child):
                return found
        return None

    for node in body:
        if found := walk(node):
            return found
    return None


def _loads(node: nodes.Node) -> set[str]:
    return {name.name for name in names_in(node) if name.ctx == "load"}
