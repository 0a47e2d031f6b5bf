"""Forms of the phone's subset, by type. `<type>` stands for any expression of that type."""

from __future__ import annotations

from random import Random
from typing import Any

TEXTS = [
    *("", " ", "a", "Ana", "ana", "Zoë", "ß Straße", "İ", "ΑΣ", "it's", "%", "100%", "%(n)s"),
    *("</script><b>&\"'", "😀 ok 😀", "line\u2028end", "tab\tnew\nline", "{{ x }}", "\\"),
    *("a/b?c=d e&f", "\x85x\x85", "-7", "3.9", "1_000", " 42 ", "日本語のテキストはここにあります"),
    *("one two three four five six seven", "\uffee<\U0001f600", "\ufeffx\ufeff"),
]
TIMES = [
    *("2026-11-24T02:30:05.120Z", "2026-11-24T16:00:00.000Z", "2026-01-01T00:59:59.999Z"),
    *("2026-11-24T10:30:00+08:00", "2024-02-29T23:59:00.000Z", "2030-07-01T12:00:00.000Z"),
]

GRAMMAR: dict[str, list[str]] = {
    "text": [
        *("(<text> ~ <text>)", "(s1 + <text>|string)", "(<text>)|<textfilter>"),
        *("(<text>)|replace(<literal>, <text>)", "(<text>)|default(<text>, <bool>)"),
        "(<text>)|string|truncate(<size>, <bool>, '…', <small>)",
        *("(<texts>)|join(<literal>)", "rows|join(<text>, attribute='name')"),
        *("(<text> if <bool> else <text>)", "(<text> if <bool>)", "(<text> and <text>)"),
        *("(<text> or <text>)", "(s1|string)[<int>:]", "(s2|string)[<small>:<int>]", "s2[<small>]"),
        *("_('%(n)s of %(m)s', n=<text>, m=<int>)", "_('Done: %(n)s', n=<text>)|replace(s1, s2)"),
        *("_('Done: %(n)s', n=<text>)|upper", "(<texts>)[<int>]", "s1.split(<literal>)|join('|')"),
        *("(<texts>)|first", "(<texts>)|last", "(<texts>)|min", "(<texts>)|max", "at1|clock"),
        *("at1|day", "at1|ago(now)", "rows|map(attribute='at')|map('clock')|join(' ')"),
        "(<text>)|string|phone_number",
        "('138-0000-0021 ' ~ <text> ~ '010/64321234 2026-11-24')|string|mask",
        "(<text> ~ '１３８0013８000 ' ~ <text> ~ '3047-128')|string|mask",
        *("(<text>)|string|mask", "d|tojson", "(<rows>)|tojson|length", "d.get(<text>, <int>)"),
        *("d|urlencode", "words|map('truncate', 4, true)|join", "{'zh': <text>, 'en': s1}|say"),
        *("'received'|state_label('ticket')", "(<text>)|string|value_label('ticket', 'matter')"),
    ],
    "textfilter": [
        *("upper", "lower", "trim", "e", "string", "urlencode", "tojson", "first", "last"),
        *("length", "int", "list|join"),
    ],
    "int": [
        *("(<int> + <int>)", "(<int> - <int>)", "(<int> * <int>)", "(<int> // 7)", "(<int> % 5)"),
        *("(<int> // -3)", "(<int> % -4)", "-(<int>)|int", "(<text>)|length", "(<texts>)|length"),
        *("(<rows>)|length", "(<text>)|int(<int>)", "(<int>)|int|abs", "(<ints>)|sum"),
        *("(<ints>)|min", "(<ints>)|max", "(<ints>)|first", "rows|sum(attribute='n')"),
        *(
            "rows|selectattr('ok')|list|length",
            "(n1 if <bool> else <int>)",
            "(<int>)|default(<int>)",
        ),
    ],
    "bool": [
        *("(<int> <compare> <int>)", "((<text>)|string <compare> (<text>)|string)", "(not <bool>)"),
        *("(<bool> and <bool>)", "(<bool> or <bool>)", "(<text> in <texts>)"),
        *("(<text> not in <texts>)", "((<text>)|string in 'x ana')", "((<text>)|string in d)"),
        *("((<text>) is <test>)", "((<int>) is not <test>)", "((<bool>) is <test>)"),
        *("((<int>) is <numbertest>)", "(<int> < <int> <= <int>)", "s1.startswith(<literal>)"),
        *("s1.endswith(<literal>)", "(at1|late(now))", "(<texts> == <texts>)", "(d == d)"),
        *(
            "(<text>)|string|shares_words(s1|string)",
            "s1|string|doubtful_number",
            "s2|string|names_same_home(s1|string)",
        ),
    ],
    "compare": ["<", "<=", ">", ">=", "==", "!="],
    "test": [
        *("defined", "undefined", "none", "string", "number", "boolean", "mapping"),
        *("true", "false", "eq(s1)", "ne(n1)"),
    ],
    "numbertest": ["odd", "even", "divisibleby(3)", "in(xs)", "ge(2)", "lt(n1)", "eq(n1)"],
    "texts": [
        *("(<texts>)|sort(<bool>, <bool>)", "(<texts>)|unique(<bool>)|list", "(<texts> + <texts>)"),
        *("(<texts>)|reverse|list", "(<texts>)|map('upper')|list", "(<texts>)|map('e')|list"),
        *("(<texts>)|select|list", "(<texts>)|reject('in', <texts>)|list", "(<texts>)[<small>:]"),
        *("rows|map(attribute='name')|list", "rows|map(attribute='gone', default='—')|list"),
        *("(s1|string|list)", "d.keys()|list", "(<texts>)|batch(2, 'f')|map('join', '+')|list"),
    ],
    "ints": [
        *("(<ints>)|sort(reverse=<bool>)", "(<ints>)|unique|list", "(<ints>)|select('odd')|list"),
        *("rows|map(attribute='n')|list", "(<ints>)|map('abs')|list", "d.values()|list"),
        "(range(<small>, 9, 2)|list)",
    ],
    "rows": [
        *("(<rows>)|sort(attribute='<by>', reverse=<bool>)", "(<rows>)|selectattr('ok')|list"),
        *("(<rows>)|rejectattr('n', 'lt', <int>)|list", "(<rows>)|unique(attribute='name')|list"),
        *(
            "(<rows>)|selectattr('at')|list",
            "(<rows>)|unique(attribute='area.n')|list",
            "(<rows>)[:2]",
        ),
    ],
    "by": ["n", "name", "ok,n", "area.n,name"],
    "pairs": [
        "((d if <bool> else none) or {}).items()",
        "d.items()",
        "d|items",
        "d.items()|sort",
        "[[s1, n1], [s2, 2]]",
    ],
    "grouping": ["'ok'", "'area.n'", "'name'", "attribute='n', default=0"],
    "keep": ["", "", "", " if <each>", " if <each> is defined", " if <each> != 2"],
    "piece": [
        *("<p>\n  ", " </p> ", "\n\n", "é", "{# note #}", "{% raw %}{{ x }}{% endraw %}"),
        "</script>\u2028",
    ],
    "message": [
        "{% trans %}Hello{% endtrans %}",
        "{% trans n=<text>, m=n1 %}{{ n }} of {{ m }}{% endtrans %}",
        "{% trans n=<int> %}one <i>{% pluralize %}{{ n }} many 50%{% endtrans %}",
        "{{ ngettext('one', '%(num)s many', <int>) }}",
        "{{ pgettext('visit', 'in') }}{{ _('in') }}{{ pgettext('%(x)s', '%(context)s', x=1) }}",
        "{{ pgettext('visit', 'in: %(n)s', n=<text>) }}",
        "{{ npgettext('visit', 'one', '%(num)s many', <int>) }}",
        "{% trans 'visit' n=<int> %}one <i>{% pluralize %}{{ n }} many 50%{% endtrans %}",
    ],
}


def records(rng: Random) -> dict[str, Any]:
    """A random context with the names that the forms use."""
    return {
        **{"s1": rng.choice(TEXTS), "s2": rng.choice(TEXTS)},
        **{"n1": rng.randint(-20, 20), "n2": rng.randint(-2, 300), "none1": None},
        **{"b1": rng.random() < 0.5, "b2": rng.random() < 0.5},
        **{"at1": rng.choice(TIMES), "now": rng.choice(TIMES)},
        "words": [rng.choice(TEXTS) for _ in range(rng.randint(0, 5))],
        "xs": [rng.randint(-9, 9) for _ in range(rng.randint(0, 6))],
        "rows": [row(rng) for _ in range(rng.randint(0, 5))],
        "d": {key: rng.randint(0, 9) for key in rng.sample(["b", "a", "Ω", "z z"], 3)},
    }


def row(rng: Random) -> dict[str, Any]:
    return {
        **{"name": rng.choice(TEXTS), "n": rng.randint(-3, 12), "ok": rng.random() < 0.5},
        "at": rng.choice([*TIMES, None]),
        "label": {"zh": rng.choice(TEXTS), "en": rng.choice(TEXTS)},
        "area": {"label": {"zh": rng.choice(TEXTS)}, "n": rng.randint(0, 3)},
        "tags": [rng.choice(TEXTS) for _ in range(rng.randint(0, 3))],
    }
