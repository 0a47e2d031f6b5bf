"""Random templates inside the phone's subset, with random records to draw."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

TEXTS = (
    ["", " ", "a", "Ana", "ana", "Zoë", "ß Straße", "İ", "ΑΣ", "</script><b>&\"'", "it's", "😀 ok 😀"]
    + ["line\u2028end", "tab\tnew\nline", "%", "100%", "%(n)s", "{{ x }}", "\\", "a/b?c=d e&f", "\x85x\x85"]
    + ["-7", "3.9", "1_000", " 42 ", "日本語のテキストはここにあります", "one two three four five six seven", "\uffee<\U0001f600", "\ufeffx\ufeff"]
)
MESSAGES = {
    "Hello": "你好 <b>",
    "%(n)s of %(m)s": "%(m)s 之 %(n)s %%",
    "Done: %(n)s": "Done: %(n)s",
}
TIMES = ["2026-11-24T02:30:05.120Z", "2026-11-24T16:00:00.000Z", "2026-01-01T00:59:59.999Z"]
TIMES += ["2026-11-24T10:30:00+08:00", "2024-02-29T23:59:00.000Z", "2030-07-01T12:00:00.000Z"]

DRAWN = 5
"""How often each template is drawn: parsing costs more than drawing."""


@dataclass
class Case:
    name: str
    lang: str
    sources: dict[str, str]
    contexts: list[dict[str, Any]]


def case(number: int, seed: int) -> Case:
    """One page, with a base, a part and a library of macros."""
    rng = Random(seed * 1_000_003 + number)
    folder = f"c{number}/"
    writer = Writer(rng, folder)
    sources = {
        f"{folder}lib.html": writer.library(),
        f"{folder}part.html": writer.part(),
        f"{folder}base.html": writer.base(),
    }
    sources[f"{folder}page.html"] = writer.page()
    return Case(f"{folder}page.html", rng.choice(["zh", "en"]), sources, [context(rng) for _ in range(DRAWN)])


def context(rng: Random) -> dict[str, Any]:
    text = lambda: rng.choice(TEXTS)
    label = lambda: {"zh": text(), "en": text()}
    row = lambda: {
        "name": text(), "n": rng.randint(-3, 12), "ok": rng.random() < 0.5, "at": rng.choice([*TIMES, None]),
        "label": label(), "area": {"label": label(), "n": rng.randint(0, 3)}, "tags": [text() for _ in range(rng.randint(0, 3))],
    }
    return {
        "s1": text(), "s2": text(), "n1": rng.randint(-20, 20), "n2": rng.randint(-2, 300), "b1": rng.random() < 0.5,
        "b2": rng.random() < 0.5, "none1": None, "at1": rng.choice(TIMES), "now": rng.choice(TIMES),
        "words": [text() for _ in range(rng.randint(0, 5))], "xs": [rng.randint(-9, 9) for _ in range(rng.randint(0, 6))],
        "rows": [row() for _ in range(rng.randint(0, 5))], "d": {key: rng.randint(0, 9) for key in rng.sample(["b", "a", "Ω", "z z"], rng.randint(0, 4))},
    }  # fmt: skip


class Writer:
    """Writes templates; `names` are the variables in reach, by type."""

    def __init__(self, rng: Random, folder: str) -> None:
        self.rng, self.folder, self.depth, self.counter = rng, folder, 0, 0
        self.names = {
            "text": ["s1", "s2"], "int": ["n1", "n2", "b1"], "bool": ["b1", "b2"],
            "texts": ["words"], "ints": ["xs"], "rows": ["rows"], "row": [], "time": ["at1", "now"],
        }  # fmt: skip
        self.macros: list[str] = []
        self.in_loop = self.in_macro = False

    # -- files

    def library(self) -> str:
        self.macros = []
        names, self.names = self.names, {kind: [] for kind in self.names}
        body = self.macro("lib_a", "x, y=3") + self.macro("lib_b", "x='<', y=none", caller=True)
        self.names, self.macros = names, []
        return body

    def part(self) -> str:
        return self.body(2)

    def base(self) -> str:
        blocks = "".join(f"<{b}>{{% block {b} %}}{self.body(1)}{{% endblock %}}" for b in ("head", "main"))
        return f"{self.body(1)}{blocks}{self.body(1)}"

    def page(self) -> str:
        rng, child = self.rng, self.rng.random() < 0.4
        context = " with context" if rng.random() < 0.9 else ""
        head = f'{{% extends "{self.folder}base.html" %}}\n' if child else ""
        head += f'{{% from "{self.folder}lib.html" import lib_a, lib_b as other{context} %}}'
        head += f'{{% import "{self.folder}lib.html" as lib{context} %}}'
        self.macros = []
        head += self.macro("own_a", "x, y=n1") + self.macro("own_b", "x='z', y=2", caller=True)
        self.macros = ["own_a", "lib_a", "lib.lib_a"]
        if not child:
            return head + self.body(4) + f"{{% block one %}}{self.body(2)}{{% endblock %}}" + self.body(2)
        main = f"{{% block main %}}{self.body(3)}{{{{ super() }}}}{{% endblock %}}"
        return head + f"{{% set top = {self.expr('text')} %}}" + main

    def macro(self, name: str, parameters: str, caller: bool = False) -> str:
        names, self.names = self.names, {k: list(v) for k, v in self.names.items()}
        self.names["text"] += ["x", "x"]
        self.in_macro = True
        inner = self.body(2) + ("({{ caller() }})" if caller else "")
        self.in_macro, self.names = False, names
        return f"{{% macro {name}({parameters}) %}}{inner}{{% endmacro %}}"

    # -- statements

    def body(self, size: int) -> str:
        return "".join(self.statement() for _ in range(self.rng.randint(size // 2, size + 2)))

    def scoped(self, size: int = 2, **more: str) -> str:
        """A nested frame: what it sets is gone afterwards."""
        names, self.names = self.names, {k: list(v) for k, v in self.names.items()}
        for kind, name in more.items():
            self.names[kind].append(name)
        written = self.body(size)
        self.names = names
        return written

    def statement(self) -> str:
        self.depth += 1
        kinds = ["out"] * 4 + ["text", "trans"]
        if self.depth < 3:
            kinds += ["if", "for", "for", "set", "set", "capture", "with", "call", "include", "pairs", "groups"]
        written: str = getattr(self, f"_{self.rng.choice(kinds)}")()
        self.depth -= 1
        return written

    def _out(self) -> str:
        left, right = self.rng.choice([("{{", "}}"), ("{{-", "-}}"), ("{{", "-}}")])
        return f"{left} {self.expr(self.rng.choice(['text', 'text', 'int', 'bool']))} {right}"

    def _text(self) -> str:
        return self.rng.choice(["<p>\n  ", " </p> ", "\n\n", "é", "{# note #}", "{% raw %}{{ x }}{% endraw %}", "</script>\u2028"])

    def _trans(self) -> str:
        return self.rng.choice(
            ["{% trans %}Hello{% endtrans %}", f"{{% trans n={self.expr('text')}, m=n1 %}}{{{{ n }}}} of {{{{ m }}}}{{% endtrans %}}"]
            + [f"{{% trans n={self.expr('int')} %}}one <i>{{% pluralize %}}{{{{ n }}}} many 50%{{% endtrans %}}"]
            + [f"{{{{ ngettext('one', '%(num)s many', {self.expr('int')}) }}}}"]
        )

    def _if(self) -> str:
        written = f"{{%- if {self.truthy()} %}}{self.body(2)}"
        written += f"{{% elif {self.expr('bool')} %}}{self.body(1)}" if self.rng.random() < 0.3 else ""
        written += f"{{% else %}}{self.body(1)}" if self.rng.random() < 0.5 else ""
        return f"{written}{{% endif %}}"

    def _for(self) -> str:
        kind, rows, name = self.rng.choice([("row", "rows", "row"), ("text", "texts", "word"), ("int", "ints", "n")])
        source, in_loop = self.expr(rows), self.in_loop
        keep = f" if {name} {self.rng.choice(['', 'is defined', '!= 2'])}" if self.rng.random() < 0.3 else ""
        self.in_loop = True
        body = self.scoped(3, **{kind: name})
        self.in_loop = in_loop
        last = f"{{% else %}}{self.scoped(1)}" if self.rng.random() < 0.3 else ""
        return f"{{% for {name} in {source}{keep} %}}{body}{{% endfor %}}" if not last else f"{{% for {name} in {source}{keep} %}}{body}{last}{{% endfor %}}"

    def _pairs(self) -> str:
        source = self.rng.choice(["d.items()", "d|items", "d.items()|sort", "[[s1, n1], [s2, 2]]"])
        return f"{{% for key, value in {source} %}}{{{{ key }}}}={{{{ value }}}}{self.scoped(1, text='key', int='value')}{{% endfor %}}"

    def _groups(self) -> str:
        by = self.rng.choice(["'ok'", "'area.n'", "'name'", "attribute='n', default=0"])
        return f"{{% for group in rows|groupby({by}) %}}{{{{ group.grouper }}}}:{{{{ group.list|length }}}}/{{{{ group[1]|map(attribute='n')|join(',') }}}}{{% endfor %}}"

    def _set(self) -> str:
        kind = self.rng.choice(["text", "int", "texts", "rows"])
        name = self.fresh()
        written = f"{{% set {name} = {self.expr(kind)} %}}"
        self.names[kind].append(name)
        if self.rng.random() < 0.3:
            written += f"{{% if {self.expr('bool')} %}}{{% set {name} = {self.expr(kind)} %}}{{% endif %}}"
        return written if self.rng.random() < 0.95 else f"{{% if {self.expr('bool')} %}}{written}{{% endif %}}"

    def _capture(self) -> str:
        name, body = self.fresh(), self.scoped(2)
        self.names["text"].append(name)
        return f"{{% set {name} %}}{body}{{% endset %}}"

    def _with(self) -> str:
        name = self.fresh()
        return f"{{% with {name} = {self.expr('text')}, k = 1 %}}{self.scoped(2, text=name)}{{% endwith %}}"

    def _call(self) -> str:
        if not self.macros:
            return ""
        name = self.rng.choice(["own_b", "other", "lib.lib_b"])
        return f"{{% call {name}({self.expr('text')}, y={self.expr('int')}) %}}{self.scoped(2)}{{% endcall %}}"

    def _include(self) -> str:
        return f'{{% include "{self.folder}part.html" {self.rng.choice(["", "", "with context"])} %}}' if self.macros else ""

    def fresh(self) -> str:
        self.counter += 1
        return f"v{self.counter}"

    # -- expressions

    def truthy(self) -> str:
        return self.expr(self.rng.choice(["bool", "bool", "text", "int", "texts", "rows"]))

    def expr(self, kind: str) -> str:
        self.depth += 1
        name = self.names.get(kind)
        simple = self.depth > 6 or (name and self.rng.random() < 0.35)
        choices = [getattr(self, f"_{kind}_leaf")] if simple else [getattr(self, f"_{kind}_{n}") for n in ("leaf", "deep", "deep", "deep")]
        written: str = self.rng.choice(choices)()
        self.depth -= 1
        return written

    def name(self, kind: str, otherwise: str) -> str:
        return self.rng.choice(self.names[kind] or [otherwise])

    def literal(self) -> str:
        text = self.rng.choice(TEXTS)
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"

    def _text_leaf(self) -> str:
        row = self.name("row", "")
        extra = [f"{row}.name", f"{row}.label|say", f"{row}['name']", f"{row}.area.label|say", f"{row}.gone"] if row else ["(rows|first).name" if self.rng.random() < 0.1 else "n1|string"]
        rare = ["gone", "none1"] if self.rng.random() < 0.2 else []
        return self.rng.choice([*[self.name("text", "'?'")] * 3, self.literal(), *extra, *rare])

    def _text_deep(self) -> str:
        t, n, b = (lambda: self.expr("text")), (lambda: self.expr("int")), (lambda: self.expr("bool"))
        made = [
            lambda: f"({t()} ~ {t()})", lambda: f"(s1 + {t()}|string)", lambda: f"({t()})|{self.rng.choice(['upper', 'lower', 'trim', 'e', 'string', 'urlencode', 'tojson', 'first', 'last'])}",
            lambda: f"({t()})|replace({self.literal()}, {t()})", lambda: f"({t()})|string|truncate({self.rng.randint(3, 12)}, {b()}, '…', {self.rng.randint(0, 3)})",
            lambda: f"({t()})|default({t()}, {b()})", lambda: f"({self.expr('texts')})|join({self.literal()})", lambda: f"rows|join({t()}, attribute='name')",
            lambda: f"({t()} if {b()} else {t()})", lambda: f"({t()} if {b()})", lambda: f"({t()} and {t()})", lambda: f"({t()} or {t()})",
            lambda: f"(s1|string)[{n()}:{self.rng.choice(['', n()])}]", lambda: f"s2[{self.rng.randint(-3, 3)}]", lambda: f"_('%(n)s of %(m)s', n={t()}, m={n()})",
            lambda: f"_('Done: %(n)s', n={t()})|{self.rng.choice(['upper', 'trim', 'length', 'replace(s1, s2)'])}", lambda: f"({self.expr('texts')})[{n()}]",
            lambda: f"s1.split({self.literal()})|join('|')", lambda: f"({self.expr('texts')})|{self.rng.choice(['first', 'last', 'min', 'max'])}",
            lambda: f"at1|{self.rng.choice(['clock', 'day', 'ago(now)'])}", lambda: f"(rows|map(attribute='at')|map('clock')|join(' '))", lambda: f"({t()})|string|mask",
            lambda: f"d|tojson", lambda: f"({self.expr('rows')})|tojson|length", lambda: f"d.get({t()}, {n()})", lambda: f"(d|urlencode)", lambda: f"(words|map('truncate', 4, true)|join)",
            *([lambda: f"{self.rng.choice(self.macros)}({t()}, {n()})", lambda: f"{self.rng.choice(self.macros)}(y={t()}, x={t()})"] if self.macros else []),
            *([lambda: f"loop.cycle({t()}, {t()}, 'x')"] if self.in_loop and not self.in_macro else []),
        ]  # fmt: skip
        return self.rng.choice(made)()

    def _int_leaf(self) -> str:
        loop = ["loop.index", "loop.revindex0", "loop.length", "loop.last"] if self.in_loop and not self.in_macro else []
        return self.rng.choice([self.name("int", "7"), str(self.rng.randint(-5, 30)), "none1" if self.rng.random() < 0.03 else "4", *loop, *(f"{row}.n" for row in self.names["row"])])

    def _int_deep(self) -> str:
        n, t = (lambda: self.expr("int")), (lambda: self.expr("text"))
        return self.rng.choice([
            lambda: f"({n()} {self.rng.choice(['+', '-', '*', '// 7 *', '% 5 -'])} {n()})", lambda: f"-({n()})|int", lambda: f"({self.expr(self.rng.choice(['text', 'texts', 'rows']))})|length",
            lambda: f"({t()})|int({n()})", lambda: f"({n()})|int", lambda: f"({n()})|int|abs", lambda: f"({self.expr('ints')})|{self.rng.choice(['sum', 'min', 'max', 'first', 'last', 'length'])}",
            lambda: "rows|sum(attribute='n')", lambda: f"(rows|selectattr('ok')|list|length)", lambda: f"(n1 if {self.expr('bool')} else {n()})", lambda: f"({n()})|default({n()})",
        ])()  # fmt: skip

    def _bool_leaf(self) -> str:
        return self.rng.choice([self.name("bool", "true"), "true", "false", "(gone is defined)", "(none1 is none)", f"({self.name('text', 's1')} is defined)"])

    def _bool_deep(self) -> str:
        b, n, t = (lambda: self.expr("bool")), (lambda: self.expr("int")), (lambda: self.expr("text"))
        tests = ["defined", "undefined", "none", "string", "number", "boolean", "mapping", "true", "false"]
        return self.rng.choice([
            lambda: f"({n()} {self.rng.choice(['<', '<=', '>', '>=', '==', '!='])} {n()})", lambda: f"(({t()})|string {self.rng.choice(['<', '>=', '==', '!='])} ({t()})|string)", lambda: f"(not {b()})",
            lambda: f"({b()} and {b()})", lambda: f"({b()} or {b()})", lambda: f"({t()} {self.rng.choice(['in', 'not in'])} {self.expr('texts')})", lambda: f"(({t()})|string in '{{ x }} ana'|string)", lambda: f"({t()} in d)",
            lambda: f"(({self.rng.choice([t, n, b])()}) is {self.rng.choice(['', 'not '])}{self.rng.choice(tests)})", lambda: f"(({n()}) is {self.rng.choice(['odd', 'even', 'divisibleby(3)', 'in(xs)', 'ge(2)', 'eq(n1)'])})",
            lambda: f"({n()} < {n()} <= {n()})", lambda: f"s1.{self.rng.choice(['startswith', 'endswith'])}({self.literal()})", lambda: "(at1|late(now))", lambda: f"({self.expr('texts')} == {self.expr('texts')})",
        ])()  # fmt: skip

    def _texts_leaf(self) -> str:
        return self.rng.choice([self.name("texts", "words"), f"[{self.literal()}, s1]", *(f"{row}.tags" for row in self.names["row"])])

    def _texts_deep(self) -> str:
        w, b = (lambda: self.expr("texts")), (lambda: self.expr("bool"))
        return self.rng.choice([
            lambda: f"({w()})|sort({b()}, {b()})", lambda: f"({w()})|unique({b()})|list", lambda: f"({w()})|reverse|list", lambda: f"({w()})|map('{self.rng.choice(['upper', 'trim', 'string', 'e'])}')|list",
            lambda: f"({w()})|select|list", lambda: f"({w()})|reject('in', {w()})|list", lambda: f"({w()} + {w()})", lambda: f"({w()})[{self.rng.randint(-2, 2)}:]", lambda: "rows|map(attribute='name')|list",
            lambda: "rows|map(attribute='gone', default='—')|list", lambda: f"(s1|string|list)", lambda: "d.keys()|list", lambda: f"({w()})|batch(2, 'f')|map('join', '+')|list",
        ])()  # fmt: skip

    def _ints_leaf(self) -> str:
        return self.rng.choice([self.name("ints", "xs"), f"range({self.rng.randint(0, 5)})|list", "[1, n1, 3]"])

    def _ints_deep(self) -> str:
        return self.rng.choice([lambda: f"({self.expr('ints')})|sort(reverse={self.expr('bool')})", lambda: f"({self.expr('ints')})|unique|list", lambda: f"({self.expr('ints')})|select('{self.rng.choice(['odd', 'even'])}')|list", lambda: "rows|map(attribute='n')|list", lambda: f"({self.expr('ints')})|map('abs')|list"])()  # fmt: skip

    def _rows_leaf(self) -> str:
        return self.name("rows", "rows")

    def _rows_deep(self) -> str:
        r = lambda: self.expr("rows")
        return self.rng.choice([
            lambda: f"({r()})|sort(attribute='{self.rng.choice(['n', 'name', 'ok,n', 'area.n,name'])}', reverse={self.expr('bool')})", lambda: f"({r()})|selectattr('{self.rng.choice(['ok', 'at', 'tags'])}')|list",
            lambda: f"({r()})|rejectattr('n', '{self.rng.choice(['eq', 'lt', 'ge', '=='])}', {self.rng.randint(0, 9)})|list", lambda: f"({r()})|unique(attribute='{self.rng.choice(['name', 'area.n'])}')|list", lambda: f"({r()})[:2]",
        ])()  # fmt: skip
