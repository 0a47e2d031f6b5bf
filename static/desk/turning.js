/** Turning pages: a link within the desk brings the next page without loading scripts and styles anew.
 * Forms that are posted and files are left to the browser. */

const FILE = /\.[a-z0-9]{2,5}$/i;

/** Let htmx turn pages, and let going back find the page that was loaded first. */
export function turnPages() {
  history.replaceState({ ...history.state, htmx: true }, "");
  document.addEventListener("htmx:before:init", (event) => {
    const { target } = event;
    if (target instanceof HTMLAnchorElement && !turnsTo(target)) event.preventDefault();
    if (target instanceof HTMLFormElement && target.method !== "get") event.preventDefault();
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = /** @type {CustomEvent} */ (event).detail;
    if (ctx.target !== document.body || isPage(ctx.response.headers)) return;
    event.preventDefault();
    location.assign(ctx.request.action);
  });
  onTurning(() => document.getElementById("main")?.focus({ preventScroll: true }));
}

/** Call now, and again on every page that takes the place of this one.
 * @param {() => void} prepare */
export function onEachPage(prepare) {
  prepare();
  onTurning(prepare);
}

/** @param {() => void} prepare */
function onTurning(prepare) {
  document.addEventListener("htmx:after:swap", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.ctx.target === document.body) prepare();
  });
}

/** Whether a link leads to a page of the desk.
 * @param {HTMLAnchorElement} link */
function turnsTo(link) {
  if (link.matches("[hx-get], [hx-post]")) return true;
  return link.pathname.startsWith("/desk/") && !FILE.test(link.pathname);
}

/** @param {Headers} headers */
function isPage(headers) {
  return headers.get("content-type")?.startsWith("text/html") ?? false;
}
