"""Compiles statements to JavaScript: one function for the root, one for each block.

In the code `o` collects the output, `c` is the context, `b` the blocks by name, `d` the depth of
a block: 0 is the most derived.
"""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import nodes

from server.field.compiler import subset
from server.field.compiler.composition import Composition
from server.field.compiler.scope import Scope, names_in, set_after_nested_read, stored_in
from server.field.compiler.subset import js, raise_build_error


class Statements(Composition):
    """Compiles the statements of one template."""

    def frame(self, body: list[nodes.Node], scope: Scope) -> str:
        """A body with variables of its own. The root has none: it sets names in the context."""
        if found := set_after_nested_read(body):
            raise_build_error(
                self.file, found[0], f"`{found[1]}` is set after a loop, call or macro read it"
            )
        declared = ""
        for name in [] if scope.is_root else stored_in(body):
            value = scope.reference(name)
            declared += f"let {scope.declare(name)}={value};"
        return declared + self.body(body, scope)

    def body(self, body: Iterable[nodes.Node], scope: Scope) -> str:
        return "".join(self.statement(node, scope) for node in body)

    def statement(self, node: nodes.Node, scope: Scope) -> str:
        match node:
            case nodes.Output():
                return self._output(node, scope)
            case nodes.If():
                return self._if(node, scope)
            case nodes.For():
                return self._for(node, scope)
            case nodes.Assign() | nodes.AssignBlock():
                return self._set(node, scope)
            case nodes.With():
                return self._with(node, scope)
            case nodes.Macro():
                return self._macro(node, scope)
            case nodes.CallBlock():
                body = self.macro(node, "caller", scope)
                return f"o+=V.out({self.call(node.call, scope, caller=body)});"
            case nodes.Block():
                return self._block(node, scope)
            case nodes.Include():
                return self._include(node, scope)
            case nodes.Import() | nodes.FromImport():
                return self._import(node, scope)
        raise_build_error(self.file, node, f"{type(node).__name__} is not part of the subset")
        return None

    def _output(self, node: nodes.Output, scope: Scope) -> str:
        code = ""
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                code += f"o+={js(part.data)};"
            else:
                code += f"o+=V.out({self.to_js(part, scope)});"
        return code

    def _if(self, node: nodes.If, scope: Scope) -> str:
        code = f"if({self.condition(node.test, scope)}){{{self.body(node.body, scope)}}}"
        for other in node.elif_:
            test = self.condition(other.test, scope)
            code += f"else if({test}){{{self.body(other.body, scope)}}}"
        return code + (f"else{{{self.body(node.else_, scope)}}}" if node.else_ else "")

    # -- loops

    def _for(self, node: nodes.For, scope: Scope) -> str:
        if node.recursive:
            raise_build_error(self.file, node, "a loop cannot be recursive")
        rows, at, inner = scope.new_variable("a"), scope.new_variable("i"), Scope(scope)
        listed = f"V.iterate({self.iterable(node.iter, scope)})"
        if node.test is not None:
            listed += self._loop_condition(node, scope)
        loop = inner.variables["loop"] = scope.new_variable("p")
        each = self._target(node.target, f"{rows}[{at}]", inner)
        code = (
            f"{{const {rows}={listed},{loop}=V.loop({rows});"
            f"for(let {at}=0;{at}<{rows}.length;{at}++){{{loop}.at({at});{each}"
            f"{self.frame(node.body, inner)}}}"
        )
        if node.else_:
            code += f"if(!{rows}.length){{{self.frame(node.else_, Scope(scope))}}}"
        return code + "}"

    def _loop_condition(self, node: nodes.For, scope: Scope) -> str:
        assert node.test is not None
        if any(name.name == "loop" for name in names_in(node.test)):
            raise_build_error(self.file, node, "`loop` is not defined in the condition of a loop")
        inner = Scope(scope)
        each = self._target(node.target, "x", inner)
        return f".filter(x=>{{{each}return {self.condition(node.test, inner)}}})"

    def _target(self, target: nodes.Node, value: str, scope: Scope) -> str:
        if isinstance(target, nodes.Name):
            return f"let {self._declare(target, target.name, scope)}={value};"
        if not isinstance(target, nodes.Tuple):
            raise_build_error(self.file, target, "the target of a loop has to be names")
        parts = scope.new_variable("u")
        code = f"const {parts}=V.unpack({value},{len(target.items)});"
        for index, item in enumerate(target.items):
            code += self._target(item, f"{parts}[{index}]", scope)
        return code

    # -- names

    def _set(self, node: nodes.Assign | nodes.AssignBlock, scope: Scope) -> str:
        if not isinstance(node.target, nodes.Name):
            raise_build_error(self.file, node, "set takes one name")
        if isinstance(node, nodes.Assign):
            return self._store(node, node.target.name, self.to_js(node.node, scope), scope)
        if node.filter is not None:
            raise_build_error(self.file, node, "a set block cannot have a filter")
        return self._store(node, node.target.name, self._captured(node.body, scope), scope)

    def _captured(self, body: list[nodes.Node], scope: Scope) -> str:
        self._reject_blocks(body)
        return f'V.safe((()=>{{let o="";{self.frame(body, Scope(scope))}return o}})())'

    def _with(self, node: nodes.With, scope: Scope) -> str:
        inner, code = Scope(scope), "{"
        values = [self.to_js(value, scope) for value in node.values]
        for target, value in zip(node.targets, values, strict=True):
            code += self._target(target, value, inner)
        return code + self.frame(node.body, inner) + "}"

    # -- macros

    def _macro(self, node: nodes.Macro, scope: Scope) -> str:
        if not scope.is_root:
            raise_build_error(self.file, node, "a macro has to be at the top level of its file")
        if node.name in subset.METHODS:
            raise_build_error(
                self.file, node, f"{node.name} is the name of a method: a macro cannot have it"
            )
        return self._store(node, node.name, self.macro(node, node.name, scope), scope)

    def macro(self, node: nodes.Macro | nodes.CallBlock, name: str, scope: Scope) -> str:
        """A macro, or the body of a `call`: `V.macro(name, parameters, takes caller, body)`."""
        inner, defaults = Scope(scope), ""
        self._reject_blocks(node.body)
        required = len(node.args) - len(node.defaults)
        variables = [self._declare(argument, argument.name, inner) for argument in node.args]
        takes_caller = any(name.name == "caller" for child in node.body for name in names_in(child))
        if takes_caller and isinstance(node, nodes.CallBlock):
            raise_build_error(
                self.file,
                node,
                "`caller` in a call block is not the macro's: put caller() in a variable first",
            )
        if takes_caller:
            variables.append(inner.declare("caller"))
        for index in range(len(node.args)):
            default = "undefined"
            if index >= required:
                default = self.to_js(node.defaults[index - required], inner)
            defaults += f"if({variables[index]}===V.MISSING){variables[index]}={default};"
        body = f'{{let o="";{defaults}{self.frame(node.body, inner)}return V.safe(o)}}'
        parameters = js([argument.name for argument in node.args])
        return (
            f"V.macro({js(name)},{parameters},{js(takes_caller)},({','.join(variables)})=>{body})"
        )

    # -- blocks

    def _block(self, node: nodes.Block, scope: Scope) -> str:
        raise NotImplementedError

    def _reject_blocks(self, body: list[nodes.Node]) -> None:
        for block in nodes.Template(body, lineno=1).find_all(nodes.Block):
            raise_build_error(self.file, block, "a block cannot be inside a macro, a call or a set")
