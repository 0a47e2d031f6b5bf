"""Includes and imports, and which names a template may assign."""

from __future__ import annotations

from jinja2 import nodes

from server.field.compiler import subset
from server.field.compiler.expressions import Expressions
from server.field.compiler.scope import Scope, member
from server.field.compiler.subset import js, raise_build_error


class Composition(Expressions):
    """Compiles includes and imports of one template; `mentioned` collects the other templates."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.mentioned: dict[str, nodes.Node] = {}

    def _include(self, node: nodes.Include, scope: Scope) -> str:
        name = self._constant_template_name(node, node.template)
        if node.ignore_missing:
            raise_build_error(
                self.file, node, "the included template has to exist: no `ignore missing`"
            )
        if not node.with_context:  # Jinja itself gets this wrong inside a macro
            raise_build_error(
                self.file, node, "an include always gets the context: use a macro instead"
            )
        return f"o+=R.include(r,{js(name)},{self._shared_context(scope)});"

    def _import(self, node: nodes.Import | nodes.FromImport, scope: Scope) -> str:
        name = self._constant_template_name(node, node.template)
        module = (
            f"R.module(r,{js(name)},{self._shared_context(scope) if node.with_context else 'null'})"
        )
        if isinstance(node, nodes.Import):
            self.template_by_alias[node.target] = name
            return self._store(node, node.target, module, scope)
        code = ""
        for item in node.names:
            imported, alias = (item, item) if isinstance(item, str) else item
            self.imported.append((node, name, imported))
            code += self._store(node, alias, member(module, imported), scope)
        return code

    def _constant_template_name(self, node: nodes.Node, template: nodes.Expr) -> str:
        if not (isinstance(template, nodes.Const) and isinstance(template.value, str)):
            raise_build_error(self.file, node, "the name of a template has to be a constant string")
        self.mentioned.setdefault(template.value, node)
        return template.value

    def _shared_context(self, scope: Scope) -> str:
        """The context with the local names of this frame, but `loop` and `caller`."""
        visible = {k: v for k, v in scope.visible().items() if k not in ("loop", "caller")}
        if not visible:
            return "c"
        return "V.extend(c,{" + ",".join(f"[{js(k)}]:{v}" for k, v in visible.items()) + "})"

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
            raise_build_error(self.file, node, f"`{name}` is a reserved name")
