// Starts the phone: htmx talks to answer() as it would to any server, so a tap never waits for a network.

import { VERSION } from "../shell.js";
import { answer } from "./local_server.js";
import { exchange, listen, nudge, soon } from "./sync.js";
import { save } from "./outbox_export.js";
import { reserve } from "./database.js";
import { leave } from "./loss_marker.js";

const UNDO_MS = 8_000;
const channel = new BroadcastChannel("lodge");

document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  if (new URL(ctx.request.action, location.href).pathname.startsWith("/field/")) ctx.fetch = local;
});

/** What htmx calls instead of the network; redirects are followed here. @param {string} address @param {any} init */
async function local(address, init) {
  const { method, headers, body } = init;
  if (method !== "POST") document.querySelector("#toast")?.replaceChildren(); // of the page before
  document.querySelector("#toast [role=alert]")?.remove();
  const request = new Request(new URL(address, location.href), { method, headers, body });
  const response = await answer(request);
  if (method === "POST" && response.status < 400 && (response.status === 303 || request.url.includes("/field/ops/"))) changed();
  if (response.status !== 303) return method === "POST" ? staying(response) : response;
  const target = /** @type {string} */ (response.headers.get("Location"));
  const page = await answer(new Request(target, { headers }));
  const { pathname, search } = new URL(target);
  const told = new Headers(page.headers);
  told.set("HX-Push-Url", pathname + search);
  return new Response(await page.text(), { status: page.status, headers: told });
}

/** The answer to a form is no place to come back to. @param {Response} response */
function staying(response) {
  response.headers.set("HX-Push-Url", "false");
  return response;
}

/** After a tap: send before long, and redraw here and in the other tabs. */
function changed() {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(30);
  nudge();
  void leave();
  channel.postMessage("changed");
  redrawSoon();
}

let drawing = false;
let asking = 0;

document.addEventListener("htmx:before:request", () => void (asking += 1));
document.addEventListener("htmx:finally:request", () => {
  asking -= 1;
  reloadWhenQuiet();
});

/** Redraws what stands on the screen in place; what is being typed stays, a page that is coming is waited for. */
async function redraw() {
  if (drawing || asking) return void redrawSoon();
  drawing = true;
  const { href } = location;
  try {
    const text = await answer(new Request(href)).then((response) => response.text());
    if (href === location.href && !asking) await show(text);
    askForSync("[data-state=no_network], [data-state=busy], [data-state=stale]"); // a page that is closed may be too late
  } finally {
    drawing = false;
  }
  if (href !== location.href || asking) redrawSoon();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let coming;

/** However often it is asked for meanwhile, it is drawn once. */
function redrawSoon() {
  coming ??= setTimeout(() => {
    coming = undefined;
    redraw();
  }, 120);
}

/** @param {string} text a whole page */
async function show(text) {
  const there = document.querySelector("#page");
  const typing = document.activeElement?.closest("#page form :is(input:not([type=checkbox],[type=radio]), textarea, select)");
  if (there && (typing || there.querySelector("[data-stays], [data-watching]") || halfTyped(there))) return refreshPill(text);
  if (!there) {
    const drawn = new DOMParser().parseFromString(text, "text/html");
    document.title = drawn.title;
    document.body.replaceChildren(...drawn.body.childNodes);
    window.htmx.process(document.body);
  } else {
    const swap = { target: there, select: "#page", swap: "outerMorph", sourceElement: document.body };
    await window.htmx.swap({ text: folded(text), ...swap });
  }
  dress();
}

/** What can be folded, by what it is called and how many of that name stand before it. @param {Document} page @returns {[string, HTMLDetailsElement][]} */
function foldable(page) {
  /** @type {Record<string, number>} */
  const seen = {};
  return [.../** @type {NodeListOf<HTMLDetailsElement>} */ (page.querySelectorAll("#page details"))].map((part) => {
    const name = part.querySelector("summary")?.textContent?.trim() ?? "";
    seen[name] = (seen[name] ?? 0) + 1;
    return [`${name} ${seen[name]}`, part];
  });
}

/** What somebody has folded out or in stays so; decided before the swap, as they go on tapping meanwhile. @param {string} text */
function folded(text) {
  const before = new Map(foldable(document).map(([name, part]) => [name, part.open]));
  const drawn = new DOMParser().parseFromString(text, "text/html");
  for (const [name, part] of foldable(drawn)) part.open = before.get(name) ?? part.open;
  return drawn.documentElement.outerHTML;
}

/** A PIN that is not complete yet; what says why the last one did not fit stands until the next tap. @param {Element} there */
const halfTyped = (there) => [...there.querySelectorAll("input[type=password]")].some((field) => /** @type {HTMLInputElement} */ (field).value);

/** While somebody types or scans, only the pill changes. @param {string} text */
function refreshPill(text) {
  const pill = new DOMParser().parseFromString(text, "text/html").querySelector("#pill");
  if (pill) document.querySelector("#pill")?.replaceWith(pill);
}

/** Language, colours and size stand on the root, where the style sheet looks for them. */
function dress() {
  const { lang, scheme, size } = /** @type {HTMLElement} */ (document.querySelector("#page"))?.dataset ?? {};
  if (lang) document.documentElement.lang = lang === "zh" ? "zh-CN" : lang;
  if (scheme) document.documentElement.dataset.scheme = scheme;
  if (size) document.documentElement.dataset.size = size;
}

document.addEventListener("htmx:after:swap", () => {
  dress();
  fillCode();
  goOn();
  look();
  const toast = document.querySelector("#toast > :not([role=alert])");
  if (toast) setTimeout(() => toast.remove(), UNDO_MS);
});

const gone = new Set();

/** A form that goes by itself goes once: a page that is drawn again does not send it again. */
function goOn() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-go]"));
  const key = form && `${location.search}|${form.action}`;
  if (!form || !key || gone.has(key)) return;
  gone.add(key);
  form.requestSubmit();
}

/** The camera is asked for on the page that scans, and there alone. */
async function look() {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-scan]"));
  if (!place) return;
  const { watch } = await import("./scanner.js");
  await watch(place, (where) => {
    gone.clear();
    window.htmx.ajax("GET", where, { target: "#page", select: "#page", swap: "outerHTML", push: where });
  });
}

/** A scanned code comes behind the # of the address, where no server sees it. */
function fillCode() {
  const field = document.querySelector("input[name=code]");
  if (field instanceof HTMLInputElement && location.hash.length > 1 && !field.value) {
    field.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(history.state, "", location.pathname);
  }
}

/** A picked photo is worth a look before it is sent; a form that asks for it goes at once. */
document.addEventListener("change", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement)) return;
  if (field.type === "file") field.closest("label")?.setAttribute("data-picked", String(field.files?.length ?? 0));
  if (field.dataset.submit !== undefined && field.form) field.form.requestSubmit();
});

/** The keys of the PIN pad type into its field; the last one sends. */
document.addEventListener("click", (event) => {
  const key = /** @type {Element} */ (event.target).closest("[data-digit]");
  const field = key?.closest("form")?.querySelector("input[type=password]");
  if (!(key instanceof HTMLElement) || !(field instanceof HTMLInputElement)) return;
  const digit = key.dataset.digit ?? "";
  field.value = digit === "back" ? field.value.slice(0, -1) : field.value + digit;
  if (field.value.length >= Number(field.dataset.length ?? 4)) field.form?.requestSubmit();
});

/** Keys on the page type into the field that they name: `data-keys` says which, `data-most` how much. */
document.addEventListener("click", (event) => {
  const key = /** @type {Element} */ (event.target).closest("[data-key], [data-key-set]");
  const keys = key?.closest("[data-keys]");
  if (!(key instanceof HTMLElement) || !(keys instanceof HTMLElement)) return;
  const field = keys.closest("form")?.querySelector(`[name="${keys.dataset.keys}"]`);
  if (!(field instanceof HTMLInputElement)) return;
  const { key: sign = "", keySet } = key.dataset;
  if (sign === "back") field.value = field.value.slice(0, -1);
  else if (field.value.length < Number(keys.dataset.most ?? field.maxLength)) field.value += sign;
  keys.dataset.shows = keySet ?? (field.value ? "rest" : "first");
  field.focus(); // what is being typed stays when the page is redrawn
});

/** One more or one less, beside a number. */
document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-step]");
  const field = button?.parentElement?.querySelector("input[type=number]");
  if (!(button instanceof HTMLElement) || !(field instanceof HTMLInputElement)) return;
  const value = Number(field.value || field.min || 0) + Number(button.dataset.step);
  field.value = String(Math.min(Math.max(value, Number(field.min)), Number(field.max)));
  field.focus();
});

/** What waits, as a file; where it takes several, the button asks for the next. */
document.addEventListener("click", async (event) => {
  if (!(/** @type {Element} */ (event.target).closest("[data-export]"))) return;
  await save();
  redrawSoon();
});

/** The new version waits until somebody taps: never in the middle of something. */
async function watchVersion() {
  const workers = navigator.serviceWorker;
  let first = !workers?.controller;
  workers?.addEventListener("controllerchange", () => {
    outdated = !first;
    first = false;
    reloadWhenQuiet();
  });
  const registration = await workers?.register("/sw.js", { type: "module", scope: "/", updateViaCache: "none" });
  if (!registration) return;
  const offer = () => registration.waiting && workers.controller && (document.documentElement.dataset.update = "ready");
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-update]")) registration.waiting?.postMessage("go");
  });
  for (const worker of [registration.active, registration.waiting]) worker?.postMessage({ version: VERSION });
  offer();
}

let outdated = false;

/** A page of the version before goes on for as long as something in it is not saved. */
function reloadWhenQuiet() {
  if (!outdated || asking || [...document.querySelectorAll("#page form :is(input, textarea, select)")].some(written)) return;
  outdated = false;
  location.reload();
}

/** @param {Element} field */
function written(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((o) => o.selected !== o.defaultSelected && !(o.index === 0 && o.selected));
  const { type, value, defaultValue, checked, defaultChecked } = /** @type {HTMLInputElement} */ (field);
  if (type === "hidden") return false;
  return type === "radio" || type === "checkbox" ? checked !== defaultChecked : value !== defaultValue;
}

listen(() => {
  channel.postMessage("changed");
  redrawSoon();
});
channel.addEventListener("message", redrawSoon);
addEventListener("online", () => exchange());
addEventListener("offline", redrawSoon);
document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? soon(100) : askForSync()));

/** @type {any} kept at hand: a page that is being closed waits for nothing any more */
let worker;
navigator.serviceWorker?.ready.then((registration) => (worker = registration));

/** Where browsers can, they send what waits after the page was closed; nothing depends on it. @param {string} [states] of the pill */
function askForSync(states = ":not([data-state=all_sent])") {
  if (!document.querySelector(`#pill:is(${states})`)) return;
  worker?.sync?.register("lodge").catch(() => {});
}

if (document.querySelector("#main > :is(#insecure, #old):not([hidden])")) await new Promise(() => {}); // it stays at that
await redraw();
fillCode();
goOn();
look();
document.documentElement.dataset.ready = "true";
await watchVersion().catch(() => {}); // private windows have no workers: the page does without
await reserve();
await navigator.storage?.persist?.();
soon(100);
