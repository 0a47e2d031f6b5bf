// Lets htmx use the local request handler in place of the network for every address below /field/.

import { submitForm } from "./form_submission.js";
import { handleRequest } from "./local_server.js";
import { writeLossMarker } from "./loss_marker.js";
import { announceChange } from "./redraw.js";
import { ROOT } from "./responses.js";
import { scheduleSyncAfterTap } from "./sync.js";

const VIBRATION = 30; // ms

document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  if (!new URL(ctx.request.action, location.href).pathname.startsWith(ROOT)) return;
  ctx.fetch = (/** @type {string} */ address, /** @type {RequestInit} */ init) =>
    submitForm(ctx.request.form ?? undefined, () => {
      clearToast(ctx.sourceElement, init.method);
      return localFetch(address, init);
    });
});

/**
 * A message belongs to the page before, and what was not saved is read before the next try. A part
 * of the page that is drawn again while somebody types takes no message away.
 * @param {Element} source what makes the request
 * @param {string} [method]
 */
function clearToast(source, method) {
  if (!source.matches("a, form")) return;
  const toast = document.querySelector("#toast");
  if (method === "POST") toast?.querySelector("[role=alert]")?.remove();
  else toast?.replaceChildren();
}

/**
 * What htmx calls in place of `fetch`. Follows redirects, and tells htmx which address to show.
 * @param {string} address
 * @param {RequestInit} init
 */
async function localFetch(address, { method, headers, body }) {
  const isPost = method === "POST";
  const request = new Request(new URL(address, location.href), { method, headers, body });
  const response = await handleRequest(request);
  const isRedirect = response.status === 303;
  const madeOps = request.url.includes(`${ROOT}ops/`);
  if (isPost && response.status < 400 && (isRedirect || madeOps)) afterTap();
  if (isRedirect) return followRedirect(response, headers);
  // the answer to a form has no address of its own
  if (isPost) response.headers.set("HX-Push-Url", "false");
  return response;
}

/** @param {Response} response @param {HeadersInit | undefined} headers */
async function followRedirect(response, headers) {
  const target = new URL(/** @type {string} */ (response.headers.get("Location")));
  const page = await handleRequest(new Request(target, { headers }));
  const withAddress = new Headers(page.headers);
  withAddress.set("HX-Push-Url", target.pathname + target.search);
  return new Response(await page.text(), { status: page.status, headers: withAddress });
}

/** What follows when ops were stored. */
export function afterTap() {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(VIBRATION);
  scheduleSyncAfterTap();
  void writeLossMarker();
  announceChange();
}
