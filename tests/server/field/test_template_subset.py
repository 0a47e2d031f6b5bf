"""Templates outside the subset of Jinja are refused with file and line."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment

from server.field.compiler.module import CompiledModule, compile_templates
from server.field.compiler.subset import APP_FILTERS, FILTERS, BuildError, js
from server.i18n.filters import register_filters

TEMPLATE_PARTS = {
    "parts.html": "{% macro row(x) %}{{ x }}{% endmacro %}{% set colour = 'red' %}",
    "base.html": "<main>{% block main %}{% endblock %}</main>",
    "deep.html": "{# records: area; task 2d #}{% extends 'base.html' %}",
}

UNSUPPORTED_TEMPLATES = [
    # statements
    "{% for x in xs recursive %}{% endfor %}",
    "{% for x in xs if loop.first %}{% endfor %}",
    "{% for x.y in xs %}{% endfor %}",
    "{% set a, b = xs %}",
    "{% set ns.a = 1 %}",
    "{% set x | upper %}a{% endset %}",
    "{% set loop = 1 %}",
    "{% set asset = 1 %}",
    "{% set DESK_ROLES = 1 %}",
    "{% filter upper %}a{% endfilter %}",
    "{% autoescape false %}{{ x }}{% endautoescape %}",
    "{% block a scoped %}{% endblock %}",
    "{% block a required %}{% endblock %}",
    "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    "{% macro m() %}{% block a %}{% endblock %}{% endmacro %}",
    "{% set a %}{% block a %}{% endblock %}{% endset %}",
    "{% for x in xs %}{% macro m() %}{% endmacro %}{% endfor %}",
    "{% macro items() %}{% endmacro %}",
    "{% macro m() %}{% call n() %}{{ caller() }}{% endcall %}{% endmacro %}",
    "{% include name %}",
    "{% include ['a.html', 'base.html'] %}",
    "{% include 'gone.html' %}",
    "{% include 'base.html' ignore missing %}",
    "{% include 'base.html' without context %}",
    "{% extends name %}",
    "text {% extends 'base.html' %}",
    "{% extends 'base.html' %} text",
    "{% extends 'base.html' %}{% if x %}{% block main %}{% endblock %}{% endif %}",
    "{% from 'parts.html' import gone %}",
    "{% from 'gone.html' import row %}",
    "{% for x in xs %}{{ n }}{% endfor %}{% set n = 1 %}",
    "{% set n %}{{ n }}{% endset %}",
    "{% macro m() %}{{ n }}{% endmacro %}{% set n = 1 %}",
    "{% trans %}a",
    "{% frob %}",
    # expressions
    "{{ 1.5 }}",
    "{{ 9007199254740993 }}",
    "{{ a / b }}",
    "{{ a ** b }}",
    "{{ +a }}",
    "{{ xs[::2] }}",
    "{{ {1: 2} }}",
    "{{ {x: 2} }}",
    "{{ m(*xs) }}",
    "{{ m(**xs) }}",
    "{{ xs[0]() }}",
    "{{ d.items }}",
    "{{ d.update(x) }}",
    "{{ d._secret }}",
    "{{ d.__class__ }}",
    "{{ s.upper() }}",
    "{{ s.format(1) }}",
    "{{ d.get() }}",
    "{{ s.split() }}",
    "{{ loop.index }}",
    "{% for x in xs %}{{ loop }}{% endfor %}",
    "{% for x in xs %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in xs %}{{ loop.depth }}{% endfor %}",
    "{{ caller() }}",
    "{{ super() }}",
    "{{ self.main() }}",
    "{{ varargs }}",
    "{{ namespace() }}",
    "{{ cycler('a') }}",
    "{{ url_for('x') }}",
    "{{ config.SECRET_KEY }}",
    "{{ request.path }}",
    "{{ g.user }}",
    "{{ _(x) }}",
    "{{ _('a' ~ 'b') }}",
    "{{ _('100%') }}",
    "{{ _('%(n)d', n=1) }}",
    "{{ ngettext('a', x, 2) }}",
    "{{ pgettext(x, 'b') }}",
    "{{ pgettext('a', x) }}",
    "{{ npgettext('a', 'b', x, 2) }}",
    # filters and tests
    "{{ x|safe }}",
    "{{ x|round }}",
    "{{ x|float }}",
    "{{ x|title }}",
    "{{ '%s'|format(x) }}",
    "{{ x|striptags }}",
    "{{ x|frob }}",
    "{{ x|attr('y') }}",
    "{{ x|trim('a') }}",
    "{{ x|replace('a') }}",
    "{{ x|truncate(size=3) }}",
    "{{ x|truncate(3, length=3) }}",
    "{{ x|int(0, 16) }}",
    "{{ x|ago }}",
    "{{ xs|map(name)|list }}",
    "{{ xs|map('safe')|list }}",
    "{{ xs|map('map', 'upper')|list }}",
    "{{ xs|select(name)|list }}",
    "{{ xs|select('frob')|list }}",
    "{{ xs|selectattr('a', 'sameas', 1)|list }}",
    "{{ xs|select('odd')|length }}",
    "{{ xs|selectattr('a')|tojson }}",
    "{% if xs|select('odd') %}{% endif %}",
    "{% set some = xs|reject('odd') %}",
    "{{ xs|reverse }}",
    "{{ x is callable }}",
    "{{ x is sameas y }}",
    "{{ x is divisibleby }}",
    "{{ x is odd(1) }}",
]


def environment(**templates: str) -> Environment:
    sources = {name.replace("_html", ".html"): text for name, text in templates.items()}
    env = Environment(loader=DictLoader(TEMPLATE_PARTS | sources), autoescape=True)
    env.add_extension("jinja2.ext.i18n")
    env.newstyle_gettext = True  # type: ignore[attr-defined]
    return env


def compiled(source: str) -> CompiledModule:
    return compile_templates(environment(page_html=source), ["page.html"])


@pytest.mark.parametrize("source", UNSUPPORTED_TEMPLATES)
def test_unsupported_template_is_refused_with_file_and_line(source: str) -> None:
    with pytest.raises(BuildError, match=r"^page\.html:3: \S") as error:
        compiled(f"<p>\n{{# a note #}}\n{source}" if "extends" not in source else f"\n\n{source}")
    assert len(str(error.value)) > len("page.html:3: ")


def test_error_in_an_included_template_names_that_file() -> None:
    env = environment(page_html="\n{% include 'part.html' %}", part_html="\n\n\n{{ x|safe }}")
    with pytest.raises(BuildError, match=r"^part\.html:4: \|safe"):
        compile_templates(env, ["page.html"])


def test_two_loops_may_set_the_same_name() -> None:
    once = "{% for x in xs %}{% set late = x.n > 3 %}{{ late }}{% endfor %}"
    assert compiled(once + once + "{% for t in xs %}{{ t }}{% endfor %}{% set t = 1 %}")


ALL_RECORDS = {"hours": None, "begun": False}


def test_page_may_need_only_records_that_have_begun() -> None:
    assert compiled("{# records: task 12h begun #}").needs == {
        "page.html": {"task": {"hours": 12, "begun": True}}
    }


def test_page_may_need_the_few_records_that_begin_next() -> None:
    needs = compiled("{# records: task 12h begun next; area #}").needs
    assert needs == {
        "page.html": {"task": {"hours": 12, "begun": True, "next": True}, "area": ALL_RECORDS}
    }


def test_needs_of_a_page_include_those_of_its_parts() -> None:
    page = "{#- records: task 12h; person -#}\n{% include 'deep.html' %}{% include 'parts.html' %}"
    assert compiled(page).needs == {
        "page.html": {
            "area": ALL_RECORDS,
            "person": ALL_RECORDS,
            "task": {"hours": 48, "begun": False},
        },
        "deep.html": {"area": ALL_RECORDS, "task": {"hours": 48, "begun": False}},
    }


@pytest.mark.parametrize("head", ["task 12", "task 12h, area", "Task", "task h"])
def test_malformed_records_comment_is_refused(head: str) -> None:
    with pytest.raises(BuildError, match=r"^page\.html:1: records:"):
        compiled(f"{{# records: {head} #}}")


def test_a_group_of_roles_is_compiled_in_by_its_name() -> None:
    page = '{% if me.roles|select("in", DESK_ROLES)|list %}yes{% endif %}'
    assert '["supervisor", "manager", "admin"]' in compiled(page).text


def test_messages_are_collected_for_the_catalogue() -> None:
    page = "{{ _('a') }}{% trans n=2 %}one{% pluralize %}{{ n }}{% endtrans %}"
    assert compiled(page + "{{ ngettext('b', 'bs', 3) }}").messages == {"a", "one", "b"}


def test_key_of_a_message_with_context_has_both() -> None:
    page = "{{ pgettext('c', 'a') }}{{ npgettext('c', 'b', 'bs', 3) }}"
    page += "{% trans 'd' n=2 %}one{% pluralize %}{{ n }}{% endtrans %}"
    assert compiled(page).messages == {"c\x04a", "c\x04b", "d\x04one"}


@pytest.mark.parametrize(
    "text", ["</script>", "<!--", "\u2028\u2029", "😀", "'\"`${x}\\", "\ud800"]
)
def test_string_constants_are_escaped(text: str) -> None:
    constant = js(text)
    assert "</" not in constant
    assert not {"\u2028", "\u2029"} & set(constant)
    assert constant.startswith('"') and constant.endswith('"')


def test_jinja_and_the_subset_have_the_same_filters_of_our_own() -> None:
    env = environment()
    register_filters(env, lambda: "en")
    assert env.filters.keys() >= APP_FILTERS and FILTERS.keys() >= APP_FILTERS
