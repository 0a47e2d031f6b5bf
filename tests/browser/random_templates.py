"""Random templates inside the phone's subset, with random contexts to render them with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.browser.template_grammar import GRAMMAR, TEXTS, records

MESSAGES = {
    "Hello": "你好 <b>",
    "%(n)s of %(m)s": "%(m)s 之 %(n)s %%",
    "Done: %(n)s": "Done: %(n)s",
    "in": "里",
    "visit\x04in": "进",
    "visit\x04in: %(n)s": "进：%(n)s",
}
CONTEXTS_PER_CASE = 5
"""Renderings of each template: compiling costs more than rendering."""


@dataclass
class TemplateCase:
    name: str
    lang: str
    sources: dict[str, str]
    contexts: list[dict[str, Any]]


def make_case(number: int, seed: int) -> TemplateCase:
    """A random page with a base template, an included part and a library of macros."""
    rng = Random(seed * 1_000_003 + number)
    folder = f"c{number}/"
    writer = TemplateWriter(rng, folder)
    sources = {
        f"{folder}{name}.html": write()
        for name, write in (
            ("lib", writer.library),
            ("part", writer.part),
            ("base", writer.base),
            ("page", writer.page),
        )
    }
    contexts = [records(rng) for _ in range(CONTEXTS_PER_CASE)]
    return TemplateCase(f"{folder}page.html", rng.choice(["zh", "en"]), sources, contexts)


class TemplateWriter:
    """Writes random templates; `names` holds the variables in scope, by type."""

    def __init__(self, rng: Random, folder: str) -> None:
        self.rng, self.folder, self.depth, self.counter = rng, folder, 0, 0
        self.macros: list[str] = []
        self.in_loop = False
        self.names: dict[str, list[str]] = {
            **{"text": ["s1", "s2"], "int": ["n1", "n2", "b1"], "bool": ["b1", "b2"]},
            **{"texts": ["words"], "ints": ["xs"], "rows": ["rows"], "row": []},
        }

    # -- files

    def library(self) -> str:
        with self.scope():
            self.names = {kind: [] for kind in self.names}
            return self.macro("lib_a", "x, y=3") + self.macro("lib_b", "x='<', y=none", calls=True)

    def part(self) -> str:
        return self.body(2)

    def base(self) -> str:
        head, main = self.body(1), self.body(1)
        blocks = (
            f"{{% block head %}}{head}{{% endblock %}}|{{% block main %}}{main}{{% endblock %}}"
        )
        return f"{self.body(1)}{blocks}{self.body(1)}"

    def page(self) -> str:
        child, shared = self.rng.random() < 0.4, self.rng.random() < 0.9
        library = f'"{self.folder}lib.html"'
        seen = " with context" if shared else ""
        head = f'{{% extends "{self.folder}base.html" %}}\n' if child else ""
        head += f"{{% from {library} import lib_a, lib_b as other{seen} %}}"
        head += f"{{% import {library} as lib{seen} %}}"
        head += self.macro("own_a", "x, y=n1") + self.macro("own_b", "x='z', y=2", calls=True)
        self.macros = ["own_a", "lib_a", "lib.lib_a"]
        if child:
            inner = self.body(3) + "{{ super() }}"
            top = f"{{% set top = {self.expression('text')} %}}"
            return f"{head}{top}{{% block main %}}{inner}{{% endblock %}}"
        body, inner = self.body(4), self.body(2)
        return f"{head}{body}{{% block one %}}{inner}{{% endblock %}}{self.body(2)}"

    def macro(self, name: str, parameters: str, calls: bool = False) -> str:
        with self.scope(text="x"):
            inner = self.body(2) + ("({{ caller() }})" if calls else "")
        return f"{{% macro {name}({parameters}) %}}{inner}{{% endmacro %}}"

    # -- statements

    @contextmanager
    def scope(self, in_loop: bool = False, **more: str) -> Iterator[None]:
        """A frame: names set inside are not visible after it."""
        names, before = self.names, self.in_loop
        self.names = {kind: [*known, *([more[kind]] * 2 if kind in more else [])]
                      for kind, known in names.items()}  # fmt: skip
        self.in_loop = in_loop
        yield
        self.names, self.in_loop = names, before

    def body(self, size: int) -> str:
        return "".join(self.statement() for _ in range(self.rng.randint(size // 2, size + 2)))

    def statement(self) -> str:
        kinds = [*["out"] * 4, "piece", "message"]
        if self.depth < 2:
            kinds += ["if", "for", "for", "set", "set", "capture", "with", "pairs", "groups"]
            kinds += ["call", "include"] if self.macros else []
        kind = self.rng.choice(kinds)
        self.depth += 1
        written: str = (
            getattr(self, f"_{kind}")() if hasattr(self, f"_{kind}") else self.any_form(kind)
        )
        self.depth -= 1
        return written

    def _out(self) -> str:
        opening, closing = self.rng.choice([("{{", "}}"), ("{{-", "-}}"), ("{{", "-}}")])
        kind = self.rng.choice(["text", "text", "int", "bool"])
        return f"{opening} {self.expression(kind)} {closing}"

    def _if(self) -> str:
        kind = self.rng.choice(["bool", "bool", "text", "int", "texts", "rows"])
        written = f"{{%- if {self.expression(kind)} %}}{self.body(2)}"
        if self.rng.random() < 0.3:
            written += f"{{% elif {self.expression('bool')} %}}{self.body(1)}"
        written += f"{{% else %}}{self.body(1)}" if self.rng.random() < 0.5 else ""
        return f"{written}{{% endif %}}"

    def _for(self) -> str:
        kind, name = self.rng.choice([("row", "row"), ("text", "word"), ("int", "n")])
        keep = self.any_form("keep").replace("<each>", name)
        written = f"{{% for {name} in {self.expression(f'{kind}s')}{keep} %}}"
        with self.scope(in_loop=True, **{kind: name}):
            written += self.body(3)
        if self.rng.random() < 0.3:
            with self.scope(self.in_loop):
                written += f"{{% else %}}{self.body(1)}"
        return f"{written}{{% endfor %}}"

    def _pairs(self) -> str:
        head = f"{{% for key, value in {self.any_form('pairs')} %}}"
        with self.scope(in_loop=True, text="key"):
            return f"{head}{{{{ key }}}}={{{{ value }}}}{self.body(1)}{{% endfor %}}"

    def _groups(self) -> str:
        head = f"{{% for group in rows|groupby({self.any_form('grouping')}) %}}"
        shown = "{{ group.grouper }}:{{ group.list|length }}/{{ group[1]|map(attribute='n')|join }}"
        return f"{head}{shown}{{% endfor %}}"

    def _set(self) -> str:
        kind, name = self.rng.choice(["text", "int", "texts", "rows"]), self.new_name()
        written = f"{{% set {name} = {self.expression(kind)} %}}"
        self.names[kind].append(name)
        if self.rng.random() < 0.3:
            again = f"{{% set {name} = {self.expression(kind)} %}}"
            written += f"{{% if {self.expression('bool')} %}}{again}{{% endif %}}"
        if self.rng.random() < 0.05:
            return f"{{% if {self.expression('bool')} %}}{written}{{% endif %}}"
        return written

    def _capture(self) -> str:
        name = self.new_name()
        with self.scope(self.in_loop):
            body = self.body(2)
        self.names["text"].append(name)
        return f"{{% set {name} %}}{body}{{% endset %}}"

    def _with(self) -> str:
        name = self.new_name()
        head = f"{{% with {name} = {self.expression('text')}, k = 1 %}}"
        with self.scope(self.in_loop, text=name):
            return f"{head}{self.body(2)}{{% endwith %}}"

    def _call(self) -> str:
        name = self.rng.choice(["own_b", "other", "lib.lib_b"])
        given = f"{self.expression('text')}, y={self.expression('int')}"
        with self.scope(self.in_loop):
            return f"{{% call {name}({given}) %}}{self.body(2)}{{% endcall %}}"

    def _include(self) -> str:
        return f'{{% include "{self.folder}part.html" %}}'

    def new_name(self) -> str:
        self.counter += 1
        return f"v{self.counter}"

    # -- expressions

    def expression(self, kind: str) -> str:
        self.depth += 1
        simple = self.depth > 5 or self.rng.random() < 0.4
        written = self.rng.choice(self.leaf(kind)) if simple else self.any_form(kind)
        self.depth -= 1
        return written

    def any_form(self, kind: str) -> str:
        """A random form of this kind, with a random expression for every `<type>` in it."""
        form = self.rng.choice(GRAMMAR[kind] + (self.may_nest() if kind == "text" else []))
        return re.sub(r"<([a-z]+)>", lambda found: self.expand(found[1]), form)

    def expand(self, kind: str) -> str:
        if kind == "literal":
            text = self.rng.choice(TEXTS).replace("\\", "\\\\").replace("'", "\\'")
            return "'" + text.replace("\n", "\\n") + "'"
        if kind in ("size", "small"):
            return str(self.rng.randint(3, 12) if kind == "size" else self.rng.randint(0, 3))
        if kind in self.names:
            return self.expression(kind)
        return self.any_form(kind) if kind in GRAMMAR else f"<{kind}>"

    def may_nest(self) -> list[str]:
        calls = [f"{macro}(y=<text>, x=<int>)" for macro in self.macros]
        return calls + (["loop.cycle(<text>, <text>, 'x')"] if self.in_loop else [])

    def leaf(self, kind: str) -> list[str]:
        rows, rare = self.names["row"], self.rng.random()
        loop = ["index", "revindex0", "length", "last", "previtem is defined"]
        found = {
            "text": [self.expand("literal"), *(["gone", "none1"] if rare < 0.1 else [])]
            + [f"{each}.{name}" for each in rows for name in ("name", "gone", "label|say")],
            "int": [str(self.rng.randint(-5, 30)), *(["none1"] if rare < 0.05 else [])]
            + [f"{each}.n" for each in rows]
            + ([f"(loop.{name})" for name in loop] if self.in_loop else []),
            "bool": ["true", "false", "(gone is defined)", "(none1 is none)"],
            "texts": [f"[{self.expand('literal')}, 'b']", *(f"{each}.tags" for each in rows)],
            "ints": ["[1, 20, 3]", "range(4)|list"],
            "rows": ["[]"] if rare < 0.1 else ["rows"],
        }
        return [*found[kind], *self.names[kind] * 2]
