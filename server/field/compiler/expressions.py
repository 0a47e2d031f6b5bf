"""Compiles expressions to JavaScript expressions.

In the code `V` is jinja/values.js and access.js, `F` the filters, `T` the tests, `r` the rendering.
"""

from __future__ import annotations

from typing import Any, cast

from jinja2 import nodes

from server.field.compiler import subset
from server.field.compiler.operators import FiltersAndTests
from server.field.compiler.scope import Scope
from server.field.compiler.subset import js, message_key, raise_build_error

_COMPARISONS = {
    "eq": "V.eq({},{})",
    "ne": "!V.eq({},{})",
    "lt": "V.order({},{})<0",
    "lteq": "V.order({},{})<=0",
    "gt": "V.order({},{})>0",
    "gteq": "V.order({},{})>=0",
    "in": "V.within({},{})",
    "notin": "!V.within({},{})",
}
MAX_SAFE_INTEGER = 2**53 - 1
_ARITHMETIC = {"Add": "add", "Sub": "sub", "Mul": "mul", "FloorDiv": "floorDiv", "Mod": "mod"}


class Expressions(FiltersAndTests):
    """Compiles the expressions of one template; `messages` collects the keys to translate."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.block: str | None = None
        self.messages: set[str] = set()
        self.template_by_alias: dict[str, str] = {}
        self.imported: list[tuple[nodes.Node, str, str]] = []

    def to_js(self, node: nodes.Node, scope: Scope) -> str:
        name = type(node).__name__
        if name in _ARITHMETIC:
            binary = cast(nodes.BinExpr, node)
            left, right = self.to_js(binary.left, scope), self.to_js(binary.right, scope)
            return f"V.{_ARITHMETIC[name]}({left},{right})"
        translate = getattr(self, f"_{name.lower()}", None)
        if translate is None:
            raise_build_error(self.file, node, f"{name} is not part of the subset")
        return cast(str, translate(node, scope))

    def condition(self, node: nodes.Node, scope: Scope) -> str:
        """The expression as a JavaScript boolean: Python's truth, not JavaScript's."""
        match node:
            case nodes.Compare() | nodes.Test() | nodes.Not():
                return self.to_js(node, scope)
            case nodes.And():
                return f"({self.condition(node.left, scope)}&&{self.condition(node.right, scope)})"
            case nodes.Or():
                return f"({self.condition(node.left, scope)}||{self.condition(node.right, scope)})"
        return f"V.truth({self.to_js(node, scope)})"

    # -- constants and names

    def _const(self, node: nodes.Const, scope: Scope) -> str:
        if node.value is not None and not isinstance(node.value, bool | int | str):
            raise_build_error(
                self.file, node, f"{node.value!r}: only strings, integers, true, false, none"
            )
        if isinstance(node.value, int) and abs(node.value) > MAX_SAFE_INTEGER:
            raise_build_error(self.file, node, "this integer is too large for JavaScript")
        return js(node.value)

    def _templatedata(self, node: nodes.TemplateData, scope: Scope) -> str:
        return f"V.safe({js(node.data)})"

    def _name(self, node: nodes.Name, scope: Scope) -> str:
        if node.name in subset.UNAVAILABLE_NAMES:
            raise_build_error(self.file, node, f"`{node.name}` does not exist on the phone")
        if node.name in ("loop", "super", "caller") and not scope.find_local(node.name):
            raise_build_error(self.file, node, f"`{node.name}` is not defined here")
        if node.name == "loop":
            raise_build_error(
                self.file, node, "`loop` cannot be passed on: use loop.index and the like"
            )
        if node.name in subset.CONSTANTS:
            return js(list(subset.CONSTANTS[node.name]))
        return scope.reference(node.name)

    def _list(self, node: nodes.List | nodes.Tuple, scope: Scope) -> str:
        return "[" + ",".join(self.to_js(item, scope) for item in node.items) + "]"

    _tuple = _list

    def _dict(self, node: nodes.Dict, scope: Scope) -> str:
        pairs = []
        for pair in node.items:
            if not (isinstance(pair.key, nodes.Const) and isinstance(pair.key.value, str)):
                raise_build_error(
                    self.file, pair, "the keys of a dict literal have to be constant strings"
                )
            pairs.append(f"[{js(pair.key.value)}]:{self.to_js(pair.value, scope)}")
        return "{" + ",".join(pairs) + "}"

    # -- attributes and items

    def _getattr(self, node: nodes.Getattr, scope: Scope) -> str:
        if (
            isinstance(node.node, nodes.Name)
            and node.node.name == "loop"
            and scope.find_local("loop")
        ):
            if node.attr not in subset.LOOP_ATTRIBUTES:
                raise_build_error(self.file, node, f"loop.{node.attr} does not exist on the phone")
            return f"{scope.find_local('loop')}.{node.attr}"
        if node.attr in subset.DICT_ATTRIBUTES:
            raise_build_error(
                self.file, node, f'.{node.attr} is a method in Python: write ["{node.attr}"]'
            )
        if node.attr.startswith("_"):
            raise_build_error(
                self.file, node, f"{node.attr}: names with a leading underscore are private"
            )
        return f"V.get({self.to_js(node.node, scope)},{js(node.attr)})"

    def _getitem(self, node: nodes.Getitem, scope: Scope) -> str:
        value = self.to_js(node.node, scope)
        if not isinstance(node.arg, nodes.Slice):
            return f"V.get({value},{self.to_js(node.arg, scope)})"
        if node.arg.step is not None:
            raise_build_error(self.file, node, "a slice takes no step")
        ends = (node.arg.start, node.arg.stop)
        start, stop = (self.to_js(end, scope) if end is not None else "null" for end in ends)
        return f"V.slice({value},{start},{stop})"

    # -- operators

    def _neg(self, node: nodes.Neg, scope: Scope) -> str:
        return f"V.sub(0,{self.to_js(node.node, scope)})"

    def _concat(self, node: nodes.Concat, scope: Scope) -> str:
        return "V.concat([" + ",".join(self.to_js(item, scope) for item in node.nodes) + "])"

    def _and(self, node: nodes.And, scope: Scope) -> str:
        return f"V.and({self.to_js(node.left, scope)},()=>({self.to_js(node.right, scope)}))"

    def _or(self, node: nodes.Or, scope: Scope) -> str:
        return f"V.or({self.to_js(node.left, scope)},()=>({self.to_js(node.right, scope)}))"

    def _not(self, node: nodes.Not, scope: Scope) -> str:
        return f"!({self.condition(node.node, scope)})"

    def _condexpr(self, node: nodes.CondExpr, scope: Scope) -> str:
        otherwise = self.to_js(node.expr2, scope) if node.expr2 is not None else "undefined"
        test, then = self.condition(node.test, scope), self.to_js(node.expr1, scope)
        return f"({test}?{then}:{otherwise})"

    def _compare(self, node: nodes.Compare, scope: Scope) -> str:
        parts, left = [], self.to_js(node.expr, scope)
        for operand in node.ops:
            right = self.to_js(operand.expr, scope)
            parts.append(_COMPARISONS[operand.op].format(left, right))
            left = right
        return "(" + "&&".join(parts) + ")"

    # -- calls

    def _call(self, node: nodes.Call, scope: Scope) -> str:
        return self.call(node, scope)

    def call(self, node: nodes.Call, scope: Scope, caller: str | None = None) -> str:
        if node.dyn_args or node.dyn_kwargs:
            raise_build_error(self.file, node, "*args and **kwargs are not part of the subset")
        match node.node:
            case nodes.Name(name="super"):
                return self._super(node)
            case nodes.Getattr(attr=name) if name in subset.METHODS:
                return self._method(node, node.node, scope)
            case nodes.Getattr(node=nodes.Name(name="loop"), attr="cycle") if scope.find_local(
                "loop"
            ):
                return f"{scope.find_local('loop')}.cycle({self._positional(node, scope)})"
            case nodes.Name(name=name) if name in subset.GETTEXT:
                self._collect_message(node, name)
            case nodes.Getattr(node=nodes.Name(name=name), attr=macro) if (
                name in self.template_by_alias
            ):
                self.imported.append((node, self.template_by_alias[name], macro))
            case nodes.Name():
                pass
            case _:
                raise_build_error(
                    self.file, node, "only macros and the listed functions can be called"
                )
        named = [f"[{js(pair.key)}]:{self.to_js(pair.value, scope)}" for pair in node.kwargs]
        named += [f"caller:{caller}"] if caller else []
        arguments = self._positional(node, scope), "{" + ",".join(named) + "}"
        return f"V.call({self.to_js(node.node, scope)},{','.join(arguments)})"

    def _super(self, node: nodes.Call) -> str:
        if self.block is None or node.args or node.kwargs:
            raise_build_error(self.file, node, "super() is used in a block and takes no arguments")
        return f"R.above(r,c,b,{js(self.block)},d)"

    def _method(self, node: nodes.Call, method: nodes.Getattr, scope: Scope) -> str:
        least, most = subset.METHODS[method.attr]
        if node.kwargs or not least <= len(node.args) <= most:
            raise_build_error(self.file, node, f".{method.attr}() does not take these arguments")
        value = self.to_js(method.node, scope)
        return f"V.method({value},{js(method.attr)},{self._positional(node, scope)})"

    def _positional(self, node: nodes.Call, scope: Scope) -> str:
        return "[" + ",".join(self.to_js(argument, scope) for argument in node.args) + "]"

    def _collect_message(self, node: nodes.Call, function: str) -> None:
        count = subset.GETTEXT[function]
        texts: list[Any] = [a.value for a in node.args[:count] if isinstance(a, nodes.Const)]
        if len(texts) < count or not all(isinstance(text, str) for text in texts):
            raise_build_error(
                self.file, node, "a message and its context have to be constant strings"
            )
        if not all(map(subset.only_plain_placeholders, texts)):
            raise_build_error(self.file, node, "a message may contain only %(name)s and %%")
        if function in subset.GETTEXT_WITH_CONTEXT:
            self.messages.add(message_key(texts[1], texts[0]))
        else:
            self.messages.add(texts[0])
