// Redraws the present page in place when something it shows has changed, here or in another tab.

import { requestBackgroundSync } from "./background_sync.js";
import { forgetDraftKey } from "./draft_seals.js";
import { flushDrafts, restoreDrafts } from "./form_drafts.js";
import { FORMS, formKey, hasContent } from "./form_fields.js";
import { formsOnPage, isUnsaved, personOf, stateOf } from "./form_state.js";
import { handleRequest } from "./local_server.js";
import { hasPendingRequests, requestsBegun } from "./pending_requests.js";
import { parseDocument } from "./trusted_types.js";

const DELAY = 120; // ms: several changes make one redraw
const LONGEST_PRESS = 2_000; // ms: in case the end of a press is not told
const TEXT_INPUT = "input:not([type=checkbox],[type=radio]), textarea, select";
const UNSAVED = "form[data-unsaved]";
const NOT_SENT = "[data-state=no_network], [data-state=busy], [data-state=stale]";

const channel = new BroadcastChannel("lodge");
channel.addEventListener("message", scheduleRedraw);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let redrawing = false;
let pressedAt = -Infinity;

document.addEventListener("pointerdown", () => (pressedAt = performance.now()), true);
for (const end of ["pointerup", "pointercancel"])
  document.addEventListener(end, () => (pressedAt = -Infinity), true);

/** A button that is exchanged between press and release gets no click: the tap would be lost. */
const isPressed = () => performance.now() - pressedAt < LONGEST_PRESS;

/** Whether the page may not change now: somebody presses on it, or htmx is about to change it. */
const isBusy = () => isPressed() || hasPendingRequests();

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
 * Redraws now; later if a redraw, a press or a request of htmx is going on, or if the address
 * changes or somebody taps meanwhile: a page that was drawn before a tap would show its row as open
 * again, and the next tap would find it.
 */
export async function redraw() {
  if (redrawing || isBusy()) {
    scheduleRedraw();
    return;
  }
  redrawing = true;
  const { href } = location;
  const before = requestsBegun();
  const isOutdated = () => href !== location.href || requestsBegun() !== before || isBusy();
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
  const drawn = parseDocument(html);
  if (!page || personOf(drawn) !== personOf()) {
    await flushDrafts(); // somebody locked the phone in another tab: what was typed is not for all
    forgetDraftKey();
    replaceBody(drawn);
  } else if (isInUse(page) || !keepsUnsaved(drawn)) return updatePill(drawn);
  else await morph(page, drawn);
  applyTheme();
  await restoreDrafts();
}

/**
 * Gives forms with content the same ids in the page and in the new one: by these the redraw finds
 * them, and leaves them alone.
 * @param {Document} drawn
 * @returns {boolean} whether all forms that somebody has put something into are in the new page
 */
function keepsUnsaved(drawn) {
  /** @type {Map<string, Element>} */
  const next = new Map();
  for (const form of drawn.querySelectorAll(FORMS))
    if (hasContent(form)) next.set(formKey(form), form);
  return formsOnPage()
    .filter(hasContent)
    .every((form) => {
      const same = next.get(stateOf(form).form);
      if (same) same.id = form.id ||= same.id || `form-${stateOf(form).token}`;
      return same || !isUnsaved(form);
    });
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

/** @param {Document} drawn */
function updatePill(drawn) {
  const pill = drawn.querySelector("#pill");
  if (pill) document.querySelector("#pill")?.replaceWith(pill);
}

/** @param {Document} drawn */
function replaceBody(drawn) {
  document.title = drawn.title;
  document.body.replaceChildren(...drawn.body.childNodes);
  window.htmx.process(document.body);
}

/** @param {Element} page @param {Document} drawn */
async function morph(page, drawn) {
  window.htmx.config.morphSkip = UNSAVED;
  const swap = { target: page, select: "#page", swap: "outerMorph", sourceElement: document.body };
  await window.htmx.swap({ text: withOpenDetails(drawn), ...swap });
}

/**
 * Gives every <details> of the new page the state of the present one. Before the swap: people go on
 * tapping meanwhile.
 * @param {Document} drawn
 */
function withOpenDetails(drawn) {
  const before = new Map(namedDetails(document).map(([name, details]) => [name, details.open]));
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
