// Redraws the present page in place when something it shows has changed, here or in another tab.

import { requestBackgroundSync } from "./background_sync.js";
import { handleRequest } from "./local_server.js";
import { hasPendingRequests } from "./pending_requests.js";

const DELAY = 120; // ms: several changes make one redraw
const TEXT_INPUT = "input:not([type=checkbox],[type=radio]), textarea, select";
const NOT_SENT = "[data-state=no_network], [data-state=busy], [data-state=stale]";

const channel = new BroadcastChannel("lodge");
channel.addEventListener("message", scheduleRedraw);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let redrawing = false;

/** Redraws this tab and all others soon. */
export function announceChange() {
  channel.postMessage("changed");
  scheduleRedraw();
}

export function scheduleRedraw() {
  timer ??= setTimeout(() => {
    timer = undefined;
    void redraw();
  }, DELAY);
}

/**
 * Redraws now; later if a redraw or a request of htmx is going on, or if the address changes
 * meanwhile.
 */
export async function redraw() {
  if (redrawing || hasPendingRequests()) {
    scheduleRedraw();
    return;
  }
  redrawing = true;
  const { href } = location;
  const isOutdated = () => href !== location.href || hasPendingRequests();
  try {
    const html = await handleRequest(new Request(href)).then((response) => response.text());
    if (!isOutdated()) await show(html);
    requestBackgroundSync(NOT_SENT); // when the page is closed, it may be too late to ask
  } finally {
    redrawing = false;
  }
  if (isOutdated()) scheduleRedraw();
}

/** @param {string} html a whole page */
async function show(html) {
  const page = document.querySelector("#page");
  if (page && isInUse(page)) return updatePill(html);
  if (page) await morph(page, html);
  else replaceBody(html);
  applyTheme();
}

/**
 * Whether somebody types, scans, or has typed a part of a PIN: then the page may not change under
 * their hands.
 * @param {Element} page
 */
function isInUse(page) {
  const passwords = [...page.querySelectorAll("input[type=password]")];
  return Boolean(
    document.activeElement?.closest(`#page form :is(${TEXT_INPUT})`) ||
    page.querySelector("[data-stays], [data-watching]") ||
    passwords.some((field) => /** @type {HTMLInputElement} */ (field).value),
  );
}

/** @param {string} html */
function updatePill(html) {
  const pill = parse(html).querySelector("#pill");
  if (pill) document.querySelector("#pill")?.replaceWith(pill);
}

/** @param {string} html */
function replaceBody(html) {
  const drawn = parse(html);
  document.title = drawn.title;
  document.body.replaceChildren(...drawn.body.childNodes);
  window.htmx.process(document.body);
}

/** @param {Element} page @param {string} html */
async function morph(page, html) {
  const swap = { target: page, select: "#page", swap: "outerMorph", sourceElement: document.body };
  await window.htmx.swap({ text: withOpenDetails(html), ...swap });
}

/**
 * Gives every <details> of the new page the state of the present one. Before the swap: people go on
 * tapping meanwhile.
 * @param {string} html
 */
function withOpenDetails(html) {
  const before = new Map(namedDetails(document).map(([name, details]) => [name, details.open]));
  const drawn = parse(html);
  for (const [name, details] of namedDetails(drawn))
    details.open = before.get(name) ?? details.open;
  return drawn.documentElement.outerHTML;
}

/**
 * Every <details> with a name: its summary, and how many of that summary come before it.
 * @param {Document} page
 */
function namedDetails(page) {
  /** @type {Record<string, number>} */
  const seen = {};
  const all = /** @type {NodeListOf<HTMLDetailsElement>} */ (
    page.querySelectorAll("#page details")
  );
  return [...all].map((details) => {
    const summary = details.querySelector("summary")?.textContent?.trim() ?? "";
    seen[summary] = (seen[summary] ?? 0) + 1;
    return /** @type {const} */ ([`${summary} ${seen[summary]}`, details]);
  });
}

/**
 * Sets language, colours and text size on the root element, where the style sheet looks for them.
 */
export function applyTheme() {
  const { lang, scheme, size } =
    /** @type {HTMLElement | null} */ (document.querySelector("#page"))?.dataset ?? {};
  if (lang) document.documentElement.lang = lang;
  if (scheme) document.documentElement.dataset.scheme = scheme;
  if (size) document.documentElement.dataset.size = size;
}

/** @param {string} html */
const parse = (html) => new DOMParser().parseFromString(html, "text/html");
