"""How a template is made of others, and which names it may give to what it gets."""

from __future__ import annotations

from jinja2 import nodes

from server.field.compiler import subset
from server.field.compiler.expressions import Expressions
from server.field.compiler.scope import Scope, member
from server.field.compiler.subset import js, raise_build_error


class Composition(Expressions):
    """Includes and imports of one template; notes which templates it mentions."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.mentioned: dict[str, nodes.Node] = {}

    def _include(self, node: nodes.Include, scope: Scope) -> str:
        name = self._constant_template_name(node, node.template)
        if node.ignore_missing:
            raise_build_error(self.file, node, "an included file has to be there")
        if not node.with_context:  # inside a macro Jinja itself gets this wrong
            raise_build_error(self.file, node, "an include sees the context; a macro does not")
        return f"o+=R.include(r,{js(name)},{self._shared_context(scope)});"

    def _import(self, node: nodes.Import | nodes.FromImport, scope: Scope) -> str:
        name = self._constant_template_name(node, node.template)
        module = (
            f"R.module(r,{js(name)},{self._shared_context(scope) if node.with_context else 'null'})"
        )
        if isinstance(node, nodes.Import):
            self.template_by_alias[node.target] = name
            return self._store(node, node.target, module, scope)
        written = ""
        for each in node.names:
            wanted, known_as = (each, each) if isinstance(each, str) else each
            self.imported.append((node, name, wanted))
            written += self._store(node, known_as, member(module, wanted), scope)
        return written

    def _constant_template_name(self, node: nodes.Node, template: nodes.Expr) -> str:
        if not (isinstance(template, nodes.Const) and isinstance(template.value, str)):
            raise_build_error(self.file, node, "the name of a template is a constant text")
        self.mentioned.setdefault(template.value, node)
        return template.value

    def _shared_context(self, scope: Scope) -> str:
        """The context plus this frame's local names; `loop` and `caller` stay at home."""
        seen = {k: v for k, v in scope.visible().items() if k not in ("loop", "caller")}
        if not seen:
            return "c"
        return "V.extend(c,{" + ",".join(f"[{js(k)}]:{v}" for k, v in seen.items()) + "})"

    # -- names

    def _store(self, node: nodes.Node, name: str, value: str, scope: Scope) -> str:
        self._require_free_name(node, name)
        return f"{scope.reference(name)}={value};"

    def _declare(self, node: nodes.Node, name: str, scope: Scope) -> str:
        self._require_free_name(node, name)
        return scope.declare(name)

    def _require_free_name(self, node: nodes.Node, name: str) -> None:
        taken = subset.UNAVAILABLE_NAMES | subset.GLOBALS | subset.CONSTANTS.keys()
        if name in ("loop", "caller", "super") or name in taken:
            raise_build_error(self.file, node, f"`{name}` already means something")
