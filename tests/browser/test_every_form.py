"""Types into every form of the phone, and finds its text again whatever happens to the page."""

from __future__ import annotations

from tests.browser.every_form import NOW, OTHER, PERSON, kinds_with_fields, pages, random_phone
from tests.phone_page import PhonePage
from tests.soak import SOAK
from tests.wait_for import wait_for

MOST_SEEDS = 40
EVERY = 1 if SOAK else 5
"""Of so many pages one is checked; the page of each kind of form is found in every run."""

JS_MODULES = """
  const build = document.querySelector("script[src*='/field/app.js']").src;
  const load = (name) => import(build.replace("app.js", name));
"""
JS_STORE_RECORDS = (
    "async ([rows, person, now]) => {"
    + JS_MODULES
    + """
  const { writeTransaction } = await load("database.js");
  await writeTransaction(["records", "meta", "ops", "drafts"], (tx) => {
    for (const name of ["records", "ops", "drafts"]) tx.objectStore(name).clear();
    for (const row of rows) tx.objectStore("records").put(row);
    tx.objectStore("meta").put(person, "me");
    tx.objectStore("meta").put(Date.now() - Date.parse(now), "ahead");
  });
}"""
)
JS_FIND_FORMS = (
    "async ([names, wanted]) => {"
    + JS_MODULES
    + """
  const { renderPage } = await load("render.js");
  const { parseDocument } = await load("trusted_types.js");
  const { default: templates, needs } = await import(build.replace("field/app.js", "templates.js"));
  const { allOf } = await load("records.js");
  const addresses = [...names];
  for (const name of names)
    for (const type of Object.keys(needs[`field/${name}.html`] ?? {}))
      for (const { id } of await allOf(type)) addresses.push(`${name}/${id}`);
  const [found, seen] = [[], new Set(addresses)];
  for (const address of addresses) {
    const [path, search] = address.split("?");
    const [name, id] = path.split("/");
    if (!Object.hasOwn(templates, `field/${name}.html`)) continue;
    const args = Object.fromEntries(new URLSearchParams(search));
    const html = await renderPage(name, id ? { ...args, id } : args).catch(() => "");
    const drawn = parseDocument(html);
    const forms = [...drawn.querySelectorAll("#page form[data-op]")];
    const kinds = forms.filter((form) => form.querySelector(
      "input:not([type=hidden], [type=file], [type=password]), textarea, select"))
      .map((form) => form.dataset.op).filter((kind) => wanted.includes(kind));
    if (kinds.length) found.push([address, kinds]);
    for (const link of drawn.querySelectorAll("#main a[href^='/field/'][href*='?']")) {
      const next = link.getAttribute("href").slice("/field/".length);
      if (!seen.has(next)) addresses.push(next);
      seen.add(next);
    }
  }
  return found;
}"""
)
JS_FORMS = """
  const fields = (form) => [...form.querySelectorAll(
    "input:not([type=hidden], [type=password], [type=file]), textarea, select")]
    .filter(({ name }) => name);
  const forms = [...document.querySelectorAll("#page form:is([data-op], [method=get])")]
    .filter((form) => fields(form).length);
  const button = (form) => [...form.querySelectorAll("[type=submit]")].at(-1);
  const content = (form) => fields(form).map((field) => `${field.name}=` + (
    ["radio", "checkbox"].includes(field.type)
      ? `${field.labels[0]?.textContent.trim()}:${field.checked}` : field.value));
"""
JS_FILL = (
    "() => {"
    + JS_FORMS
    + """
  forms.forEach((form, place) => fields(form).forEach((field, at) => {
    if (field.name === "subject") field.checked = at === 0;
    else if (field.type === "checkbox") field.checked = !field.checked;
    else if (field.type === "radio") field.checked = true;
    else if (field.tagName === "SELECT") field.selectedIndex = field.options.length - 1;
    else if (field.type === "datetime-local") field.value = "2026-11-24T09:0" + (place % 10);
    else if (field.type === "date") field.value = "2026-11-2" + (place % 10);
    else if (field.type === "time") field.value = "09:0" + (place % 10);
    else if (field.type === "number") field.value = Number(field.min || 1) + 2;
    else field.value = `${place} ${field.name}`.slice(0, Math.max(field.maxLength, 9));
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }));
}"""
)
JS_CONTENT = (
    "() => {" + JS_FORMS + "return forms.map((form) => [form.dataset.op ?? '', content(form)]); }"
)
JS_FLUSH = "async () => {" + JS_MODULES + "await (await load('form_drafts.js')).flushDrafts(); }"
JS_SUBMIT_IN_VAIN = (
    "async () => {"
    + JS_FORMS
    + """
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...given) {
    if (this.name === "ops") throw new TypeError("injected");
    return put.apply(this, given);
  };
  for (const form of forms.filter((each) => each.dataset.op)) {
    form.noValidate = true;
    form.requestSubmit(button(form));
    await new Promise((done) => addEventListener("htmx:finally:request", done, { once: true }));
  }
  IDBObjectStore.prototype.put = put;
}"""
)
JS_SUBMIT_AND_REFUSE = (
    "async (person) => {"
    + JS_FORMS
    + JS_MODULES
    + """
  const { handleRequest } = await load("local_server.js");
  for (const form of forms.filter((each) => each.dataset.op))
    await handleRequest(
      new Request(form.action, { method: "POST", body: new FormData(form, button(form)) }));
  const { unsentOps } = await load("outbox.js");
  const ids = (await unsentOps()).map(({ id }) => id);
  const verdicts = ids.map((id) => ({ id, status: "refused", code: "not-permitted" }));
  const epoch = await (await load("database.js")).getMeta("epoch");
  await (await load("outbox_updates.js")).applyVerdicts(verdicts, epoch);
  const { draftAgain } = await load("drafts.js");
  for (const id of ids) await draftAgain(id, person);
  return ids.length;
}"""
)
JS_SET_PERSON = (
    "async (id) => {" + JS_MODULES + "await (await load('database.js')).setMeta('me', id); }"
)

Content = list[tuple[str, list[str]]]


def find_forms(hand: PhonePage) -> dict[int, list[str]]:
    """Addresses that together show every kind of form, by the seed of the records."""
    wanted, places = kinds_with_fields(), {}
    for seed in range(MOST_SEEDS):
        store_records(hand, seed)
        for address, kinds in hand.page.evaluate(JS_FIND_FORMS, [pages(), sorted(wanted)]):
            if wanted.intersection(kinds):
                places.setdefault(seed, []).append(address)
                wanted.difference_update(kinds)
        if not wanted:
            break
    assert wanted == set(), "no random record shows these forms: see random_records.py"
    return places


def store_records(hand: PhonePage, seed: int) -> None:
    hand.page.evaluate(JS_STORE_RECORDS, [random_phone(seed), PERSON, NOW])


def content(hand: PhonePage) -> Content:
    return hand.page.evaluate(JS_CONTENT)


def texts(content: Content) -> list[str]:
    return [field for _, fields in content for field in fields if "=0 " in field or "=1 " in field]


def missing(hand: PhonePage, expected: Content) -> list[str]:
    """What a form does not contain any more."""
    shown = {field for _, fields in content(hand) for field in fields}
    return [field for _, fields in expected for field in fields if field not in shown]


def open_again(hand: PhonePage, address: str, expected: Content) -> None:
    hand.open(f"/field/{address}")
    wait_for(lambda: missing(hand, expected) == [])


def check_page(hand: PhonePage, address: str) -> None:
    """Types into the forms of one page: an exception, another person, a reload, a refusal."""
    hand.open(f"/field/{address}")
    empty = content(hand)
    hand.page.evaluate(JS_FILL)
    typed = content(hand)
    hand.page.evaluate(JS_FLUSH)
    hand.page.evaluate(JS_SUBMIT_IN_VAIN)
    assert content(hand) == typed, f"{address}: an exception"
    hand.page.evaluate(JS_FLUSH)  # nobody takes a phone over while it still writes
    hand.page.evaluate(JS_SET_PERSON, OTHER)
    hand.open(f"/field/{address}")
    assert not set(texts(content(hand))) & (set(texts(typed)) - set(texts(empty)))
    hand.page.evaluate(JS_SET_PERSON, PERSON)
    open_again(hand, address, typed)
    assert hand.page.evaluate(JS_SUBMIT_AND_REFUSE, PERSON) > 0, address
    open_again(hand, address, typed)


def test_every_form_of_the_phone_gives_back_what_was_typed(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.is_edited = True
    live_server.kill()
    found = find_forms(phone_page)
    places = [(seed, address) for seed, addresses in found.items() for address in addresses]
    for seed, address in places[::EVERY]:
        store_records(phone_page, seed)
        check_page(phone_page, address)
    phone_page.console_errors.clear()  # the injected ones
