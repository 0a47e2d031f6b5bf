"""Compiles filters and tests. Arguments are ordered at build time: the runtime stays small."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from server.field.compiler import subset
from server.field.compiler.scope import Scope
from server.field.compiler.subset import js, raise_build_error

Pipe = nodes.Filter | nodes.Test


class FiltersAndTests:
    """Compiles the filters and tests of one template; `to_js` compiles their operands."""

    def __init__(self, file: str) -> None:
        self.file = file

    def to_js(self, node: nodes.Node, scope: Scope) -> str:
        raise NotImplementedError

    def iterable(self, node: nodes.Node, scope: Scope) -> str:
        """What a loop iterates over: the one place where the result may be a generator."""
        if isinstance(node, nodes.Filter):
            return self._filter_call(node, scope)
        return self.to_js(node, scope)

    def _filter(self, node: nodes.Filter, scope: Scope) -> str:
        if node.name in subset.GENERATORS:
            raise_build_error(
                self.file, node, f"the result of |{node.name} can be read only once: add |list"
            )
        return self._filter_call(node, scope)

    def _filter_call(self, node: nodes.Filter, scope: Scope) -> str:
        name = subset.ALIASES.get(node.name, node.name)
        if node.node is None or node.dyn_args or node.dyn_kwargs:
            raise_build_error(self.file, node, f"|{node.name} is not possible in this form")
        if name not in subset.FILTERS and name not in subset.SEQUENCE_FILTERS:
            raise_build_error(self.file, node, f"|{node.name} is not part of the subset")
        consumes = isinstance(node.node, nodes.Filter) and name in subset.GENERATOR_CONSUMERS
        value = self.iterable(node.node, scope) if consumes else self.to_js(node.node, scope)
        if name in subset.SEQUENCE_FILTERS:
            return self._sequence_filter(node, value, scope)
        return _filter_expression(name, [value, *self._arguments(name, node, scope)])

    def _arguments(self, name: str, node: Pipe, scope: Scope) -> list[str]:
        """Every parameter of the filter, in order, with its default where none is given."""
        parameters = subset.FILTERS[name]
        passed = dict(zip((key for key, _ in parameters), node.args, strict=False))
        named = _named(node)
        unknown = named.keys() - {key for key, _ in parameters}
        if len(node.args) > len(parameters) or unknown or passed.keys() & named.keys():
            raise_build_error(self.file, node, f"|{name} does not take these arguments")
        passed |= named
        arguments = []
        for key, default in parameters:
            if key not in passed and default is subset.REQUIRED:
                raise_build_error(self.file, node, f"|{name} needs {key}")
            arguments.append(self.to_js(passed[key], scope) if key in passed else js(default))
        return arguments

    def _sequence_filter(self, node: nodes.Filter, value: str, scope: Scope) -> str:
        """map, select, reject and the like. The filter or test that they name is resolved here."""
        if node.name == "map":
            return f"F.map({value},{self._mapping(node, scope)})"
        if node.kwargs:
            raise_build_error(self.file, node, f"|{node.name} takes no named arguments")
        arguments, inner = list(node.args), "x"
        if node.name.endswith("attr"):
            inner = f"V.path(x,{js(self._pop_constant_text(node, arguments))},null)"
        test, values = f"V.truth({inner})", []
        if arguments:
            name = self._pop_constant_text(node, arguments)
            values = [self.to_js(argument, scope) for argument in arguments]
            test = self._test_call(node, name, inner, _variables(values))
        keep = "!" if node.name.startswith("reject") else ""
        return f"F.select({value},{_for_each(keep + test, values)})"

    def _mapping(self, node: nodes.Filter, scope: Scope) -> str:
        named = {key: self.to_js(value, scope) for key, value in _named(node).items()}
        if "attribute" in named and not node.args and named.keys() <= {"attribute", "default"}:
            values = [named["attribute"], named.get("default", "null")]
            return _for_each(f"V.path(x,{','.join(_variables(values))})", values)
        arguments = list(node.args)
        name = self._pop_constant_text(node, arguments)
        name = subset.ALIASES.get(name, name)
        if name not in subset.FILTERS or name in subset.GENERATORS:
            raise_build_error(self.file, node, f"|map with {name!r} is not part of the subset")
        call = nodes.Filter(None, name, arguments, node.kwargs, None, None, lineno=node.lineno)
        values = self._arguments(name, call, scope)
        return _for_each(_filter_expression(name, ["x", *_variables(values)]), values)

    def _pop_constant_text(self, node: nodes.Filter, arguments: list[nodes.Expr]) -> str:
        """Remove and return the first argument, which has to be a constant string."""
        first = arguments.pop(0) if arguments else None
        if not (isinstance(first, nodes.Const) and isinstance(first.value, str)):
            raise_build_error(self.file, node, f"|{node.name} needs a constant name")
        return first.value

    def _test(self, node: nodes.Test, scope: Scope) -> str:
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise_build_error(self.file, node, f"`is {node.name}` is not possible in this form")
        arguments = [self.to_js(argument, scope) for argument in node.args]
        return self._test_call(node, node.name, self.to_js(node.node, scope), arguments)

    def _test_call(self, node: nodes.Node, name: str, value: str, arguments: list[str]) -> str:
        function, count = subset.TESTS.get(name, ("", -1))
        if len(arguments) != count:
            raise_build_error(
                self.file, node, f"`is {name}` with these arguments is not part of the subset"
            )
        return f"T.{function}({','.join([value, *arguments])})"


def _filter_expression(name: str, values: list[str]) -> str:
    if name in subset.APP_FILTERS:
        return f"r.filters.{name}({','.join(f'V.bare({value})' for value in values)})"
    return f"F.{name}({','.join(values)})"


def _variables(values: list[str]) -> list[str]:
    return [f"y{place}" for place in range(len(values))]


def _for_each(body: str, values: list[str]) -> str:
    """A JavaScript function of `x`. The other values are computed once, before the first item."""
    return f"(({','.join(_variables(values))})=>x=>{body})({','.join(values)})"


def _named(node: Pipe) -> dict[str, nodes.Expr]:
    keywords: list[Any] = node.kwargs  # Jinja's annotation says Pair, its parser makes Keyword
    return {keyword.key: keyword.value for keyword in keywords}
