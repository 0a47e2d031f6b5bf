/** Turning pages: a link within the desk brings the next page without loading scripts and styles anew.
 * Forms that are posted and files are left to the browser. */

const FRAME = '<main id="main"';
const FILE = /\.[a-z0-9]{2,5}$|\/(?:pdf|file|photo\/[^/]+)$/i;

/** Let htmx turn pages for whoever is signed in, and let going back find the page that was loaded
 * first. */
export function turnPages() {
  if (!document.body.dataset.person) return;
  history.replaceState({ ...history.state, htmx: true }, "");
  document.addEventListener("htmx:before:init", (event) => {
    const { target } = event;
    if (target instanceof HTMLAnchorElement && !turnsTo(target)) event.preventDefault();
    if (target instanceof HTMLFormElement && target.matches("[method=post]"))
      event.preventDefault();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = /** @type {CustomEvent} */ (event).detail;
    if (ctx.target !== document.body || ctx.text.includes(FRAME)) return;
    event.preventDefault(); // a file, a document, or somebody has to sign in
    location.assign(ctx.request.action);
  });
  onEachPage(() => {
    // not in the page itself: htmx may read it before it is known here what is left to the browser
    document.body.setAttribute("hx-boost:inherited", "swap:outerSync");
    window.htmx.process(document.body);
  });
  onTurning(() => {
    if (document.activeElement === document.body) focusPage();
  });
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

function focusPage() {
  document.getElementById("main")?.focus({ preventScroll: true });
}

/** Whether a link leads to a page of the desk.
 * @param {HTMLAnchorElement} link */
function turnsTo(link) {
  if (link.matches("[hx-get], [hx-post]")) return true;
  return link.pathname.startsWith("/desk/") && !FILE.test(link.pathname);
}
