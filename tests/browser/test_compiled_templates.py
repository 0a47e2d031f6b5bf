"""Compiled templates render the same bytes in a browser, under a strict CSP, as Jinja does."""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jinja2 import BaseLoader, DictLoader, Environment, FileSystemLoader
from playwright.sync_api import Browser, Page, Route

from server.field.compiler import label_manifest
from server.field.compiler.module import compile_templates
from server.i18n import filters
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLE_CONSTANTS
from tests.browser.random_records import page_context
from tests.browser.random_templates import CONTEXTS_PER_CASE, MESSAGES, TemplateCase, make_case
from tests.soak import repeats

CASES = repeats("template_cases")
FUZZ_SEED = int(os.environ.get("LODGE_SEED", "1"))
BATCH = 200

ROOT = Path(__file__).resolve().parents[2]
SITE = "http://lodge.test/"
CSP = "default-src 'none'; script-src 'self'"
PLURALS = {
    "one": ["%(num)s 个"],
    "one <i>": ["%(n)s 个 <i>"],
    "visit\x04one": ["%(num)s 位"],
    "visit\x04one <i>": ["%(n)s 位 <i>"],
}
CATALOGUE = {"zh": {**MESSAGES, **PLURALS}, "en": {}}

JS_RENDER = """async ([address, json, catalogue, tz]) => {
  const [{ default: templates }, { render }, { default: filters }] = await Promise.all(
    [address, "/field/template_runtime.js", "/field/filters.js"].map((each) => import(each)));
  const asset = (path) => "/a/" + path;
  const [cases, pools] = JSON.parse(json);
  return cases.map(([name, lang, pool]) => pools[pool].map((context) => {
    try {
      return [render(templates, name, context, { lang, tz, catalogue, filters, asset }), ""];
    } catch (error) {
      return [null, String(error.stack)];
    }
  }));
}"""


@pytest.fixture(scope="module")
def script_page(browser: Browser) -> Iterator[Page]:
    """An empty page of a site that serves our scripts, and modules that a test routes."""
    page = browser.new_page()
    page.route(f"{SITE}**", _serve_from_disk)
    page.goto(SITE)
    yield page
    page.close()


def _serve_from_disk(route: Route) -> None:
    if route.request.url == f"{SITE}labels.js":
        body = f"export default {json.dumps(label_manifest.describe())};"
        route.fulfill(body=body, content_type="text/javascript")
        return
    path = ROOT / "static" / route.request.url.removeprefix(SITE)
    if path.name == "labels.js":
        body = f"export default {json.dumps(label_manifest.describe())};"
        route.fulfill(body=body, content_type="text/javascript")
    elif not path.is_file():
        route.fulfill(body="", content_type="text/html", headers={"Content-Security-Policy": CSP})
    else:
        route.fulfill(body=path.read_bytes(), content_type=mimetypes.guess_type(path.name)[0])


class JinjaReference:
    """Renders with Jinja itself, in each language."""

    def __init__(self, loader: BaseLoader) -> None:
        self.env = {language: self._environment(loader, language) for language in CATALOGUE}

    def render(self, case: TemplateCase, context: dict[str, Any]) -> tuple[str | None, str]:
        try:
            template = self.env[case.lang].get_template(case.name)
            return template.render({**context, "lang": case.lang}), ""
        except Exception as error:  # where Jinja raises, the phone has to raise as well
            return None, repr(error)

    @staticmethod
    def _environment(loader: BaseLoader, language: str) -> Environment:
        env = Environment(loader=loader, autoescape=True, extensions=["jinja2.ext.i18n"])
        words: dict[str, Any] = CATALOGUE[language]

        def gettext(text: str) -> str:
            return words.get(text, text)

        def ngettext(text: str, texts: str, n: int) -> str:
            return words[text][0] if text in words else text if n == 1 else texts

        def pgettext(context: str, text: str) -> str:
            return words.get(f"{context}\x04{text}", text)

        def npgettext(context: str, text: str, texts: str, n: int) -> str:
            key = f"{context}\x04{text}"
            return words[key][0] if key in words else text if n == 1 else texts

        env.install_gettext_callables(  # type: ignore[attr-defined]
            gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
        )
        env.globals["asset"] = lambda path: f"/a/{path}"
        env.globals.update(ROLE_CONSTANTS)
        filters.register_filters(env, lambda: language)
        return env


def render_in_browser(
    chromium: Page, module: str, cases: list[TemplateCase]
) -> list[list[tuple[str | None, str]]]:
    """Render in the browser: for each case and context the HTML, or None, and the error."""
    address = f"{SITE}templates-{abs(hash(module))}.js"
    chromium.route(
        address, lambda route: route.fulfill(body=module, content_type="text/javascript")
    )
    pools = {id(each.contexts): each.contexts for each in cases}
    places = {known: place for place, known in enumerate(pools)}
    work = [[each.name, each.lang, places[id(each.contexts)]] for each in cases]
    # one string, with each context once: Playwright is slow with a million small values
    arguments = json.dumps([work, [*pools.values()]])
    renderings: list[list[tuple[str | None, str]]] = chromium.evaluate(
        JS_RENDER, [address, arguments, CATALOGUE, str(SITE_ZONE)]
    )
    return renderings


def compare_renderings(
    chromium: Page, cases: list[TemplateCase]
) -> Iterator[tuple[str | None, str]]:
    """For each rendering: what Jinja rendered, and a description if the phone differs."""
    loader = DictLoader({name: source for each in cases for name, source in each.sources.items()})
    jinja = JinjaReference(loader)
    module = compile_templates(jinja.env["en"], [each.name for each in cases])
    for case, renderings in zip(
        cases, render_in_browser(chromium, module.text, cases), strict=True
    ):
        for context, actual in zip(case.contexts, renderings, strict=True):
            expected = jinja.render(case, context)
            both = f"{case.sources}\n{json.dumps(context)}\nJinja {expected}\nphone {actual}"
            yield expected[0], "" if actual[0] == expected[0] else both


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.asvs("1.2.1", "1.2.3")
def test_every_phone_template_renders_as_in_jinja(script_page: Page, lang: str) -> None:
    jinja = JinjaReference(FileSystemLoader(ROOT / "templates"))
    names = [f"field/{path.name}" for path in (ROOT / "templates/field").glob("*.html")]
    names = sorted(set(names) - {"field/shell.html"})
    rng = Random(FUZZ_SEED)
    contexts = [page_context(rng, lang) for _ in range(60)]
    cases = [TemplateCase(name, lang, {}, contexts) for name in names]
    rendered = render_in_browser(script_page, compile_templates(jinja.env[lang], names).text, cases)
    for case, renderings in zip(cases, rendered, strict=True):
        references = [jinja.render(case, context) for context in case.contexts]
        for expected, actual in zip(references, renderings, strict=True):
            assert actual[0] == expected[0], (case.name, expected, actual)
        assert any(html for html, _ in references), f"{case.name}: {references[0]}"


def test_random_templates_render_as_in_jinja(script_page: Page) -> None:
    rendered = 0
    for start in range(0, CASES, BATCH * CONTEXTS_PER_CASE):
        numbers = range(
            start // CONTEXTS_PER_CASE,
            min(start // CONTEXTS_PER_CASE + BATCH, CASES // CONTEXTS_PER_CASE),
        )
        for html, difference in compare_renderings(
            script_page, [make_case(number, FUZZ_SEED) for number in numbers]
        ):
            assert not difference
            rendered += html is not None
    assert rendered > CASES / 2, "most random templates should render, not raise"
