"""Compiles all phone templates to one ES module, from the trees of Jinja's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, nodes

from server.field.compiler.scope import Scope, names_set_by
from server.field.compiler.statements import Statements
from server.field.compiler.subset import BuildError, js, raise_build_error


class Need(TypedDict):
    """Which records of a type a page reads.

    `hours`: how far back `until` may lie; None: without limit. `begun`: only records whose period
    has begun. `next`: the few that begin next as well.
    """

    hours: int | None
    begun: bool
    next: NotRequired[bool]


Needs = dict[str, Need]
"""What a page reads, by record type."""

_HEAD = """\
import * as V from "./field/jinja/access.js";
import { filters as F } from "./field/jinja/filters.js";
import { tests as T } from "./field/jinja/tests.js";
import * as R from "./field/template_runtime.js";
"""
_NEEDS_COMMENT = re.compile(r"\s*\{#-?\s*records:(.*?)-?#\}", re.DOTALL)
_NEED_ITEM = re.compile(r"([a-z_]+)(?:\s+(\d+)([hd]))?(\s+begun(\s+next)?)?\Z")


@dataclass(frozen=True)
class CompiledModule:
    """The source of the module, what each page reads, and the keys of the messages."""

    text: str
    needs: dict[str, Needs]
    messages: frozenset[str]


def compile_templates(env: Environment, names: Iterable[str]) -> CompiledModule:
    """Compile these templates and all that they extend, include or import.

    Raises BuildError with file and line for whatever is outside the subset.
    """
    compiled: dict[str, TemplateCompiler] = {}
    waiting: list[tuple[str, str, int]] = [(name, name, 1) for name in sorted(names)]
    while waiting:
        name, file, line = waiting.pop()
        if name in compiled:
            continue
        compiled[name] = template = _parse_template(env, name, file, line)
        waiting += [(other, name, node.lineno) for other, node in template.mentioned.items()]
    for template in compiled.values():
        _check_imports(template, compiled)
    needs = {name: _all_needs(name, compiled) for name in sorted(compiled)}
    needs = {name: needs[name] for name in needs if compiled[name].needs is not None}
    bodies = ",\n".join(f"{js(name)}:{compiled[name].text}" for name in sorted(compiled))
    text = f"{_HEAD}export const needs = {js(needs)};\nexport default {{\n{bodies}\n}};\n"
    messages = frozenset[str]().union(*(template.messages for template in compiled.values()))
    return CompiledModule(text, needs, messages)


def _parse_template(env: Environment, name: str, file: str, line: int) -> TemplateCompiler:
    assert env.loader is not None
    try:
        source, _, _ = env.loader.get_source(env, name)
        return TemplateCompiler(name, source, env.parse(source, name))
    except TemplateNotFound:
        raise BuildError(file, line, f"there is no template {name}") from None
    except TemplateSyntaxError as error:
        raise BuildError(name, error.lineno, error.message or "syntax") from None


def _check_imports(template: TemplateCompiler, compiled: dict[str, TemplateCompiler]) -> None:
    for node, name, imported in template.imported:
        if imported not in compiled[name].exports:
            raise_build_error(template.file, node, f"{name} has no {imported}")


def _all_needs(name: str, compiled: dict[str, TemplateCompiler]) -> Needs:
    """The needs of a page with those of all its parts; of two periods the longer."""
    total: Needs = {}
    seen, waiting = set[str](), [name]
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        waiting += compiled[part].mentioned
        for record_type, need in (compiled[part].needs or {}).items():
            total[record_type] = _widest_need(total.get(record_type, need), need)
    return dict(sorted(total.items()))


def _widest_need(a: Need, b: Need) -> Need:
    unlimited = a["hours"] is None or b["hours"] is None
    hours = None if unlimited else max(a["hours"] or 0, b["hours"] or 0)
    need: Need = {"hours": hours, "begun": a["begun"] and b["begun"]}
    return {**need, "next": True} if a.get("next") or b.get("next") else need


@dataclass
class _Parts:
    parent: str | None = None
    blocks: dict[str, str] = field(default_factory=dict)


class TemplateCompiler(Statements):
    """Compiles one template to `{parent, blocks, root}` in JavaScript."""

    def __init__(self, file: str, source: str, tree: nodes.Template) -> None:
        super().__init__(file)
        self.needs = _declared_needs(file, source)
        self.exports = {name for node in tree.body for name in _exported_by(node)}
        self._root = Scope()
        self._parts = _Parts()
        body = self._inherited_body(tree.body)
        root = self.frame(body, self._root)
        blocks = ",".join(f"{js(name)}:{code}" for name, code in self._parts.blocks.items())
        self.text = (
            f"{{parent:{js(self._parts.parent)},blocks:{{{blocks}}},"
            f'root:(r,c,b)=>{{let o="";{root}return o}}}}'
        )

    def _inherited_body(self, body: list[nodes.Node]) -> list[nodes.Node]:
        """The body without `extends`. A child may not print outside its blocks: that is lost."""
        statements = [node for node in body if not _is_blank(node)]
        parents = list(nodes.Template(body, lineno=1).find_all(nodes.Extends))
        if not parents:
            return body
        if statements[0] is not parents[0] or len(parents) > 1:
            raise_build_error(
                self.file, parents[-1], "extends has to be the first statement, and the only one"
            )
        self._parts.parent = self._constant_template_name(parents[0], parents[0].template)
        for node in statements[1:]:
            if not isinstance(node, nodes.Block | nodes.Macro) and not names_set_by(node):
                raise_build_error(
                    self.file, node, "outside its blocks a child template may only set and import"
                )
        before = body[: body.index(statements[0])]
        return [*before, *statements[1:]]

    def _block(self, node: nodes.Block, scope: Scope) -> str:
        if node.scoped or node.required:
            raise_build_error(self.file, node, "a block cannot be scoped or required")
        if node.name in self._parts.blocks:
            raise_build_error(self.file, node, f"there are two blocks {node.name}")
        self._parts.blocks[node.name] = ""
        outer, self.block = self.block, node.name
        body = self.frame(node.body, Scope(self._root))
        self.block = outer
        self._parts.blocks[node.name] = f'(r,c,b,d)=>{{let o="";{body}return o}}'
        if self._parts.parent is not None and scope.is_root:
            return ""
        return f"o+=R.block(r,c,b,{js(node.name)});"


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
    )


def _exported_by(node: nodes.Node) -> list[str]:
    return [node.name] if isinstance(node, nodes.Macro) else names_set_by(node)


def _declared_needs(file: str, source: str) -> Needs | None:
    """Parse `{# records: task 12h; area; person #}` at the head of a page; None without one."""
    head = _NEEDS_COMMENT.match(source)
    if head is None:
        return None
    needs: Needs = {}
    for item in filter(None, map(str.strip, head[1].split(";"))):
        found = _NEED_ITEM.match(item)
        if found is None:
            raise BuildError(file, 1, f"records: {item!r} is not like `task 12h begun`")
        hours = int(found[2]) * (24 if found[3] == "d" else 1) if found[2] else None
        needs[found[1]] = {"hours": hours, "begun": bool(found[4])}
        if found[5]:
            needs[found[1]]["next"] = True
    return needs
