/** Warns before the session ends, while there is time to save. */

import { onEachPage } from "./turning.js";

const WARN_AT_S = 5 * 60;
const TYPING_COUNTS_EVERY_MS = 5 * 60_000;
const CHECK_EVERY_MS = 30_000;

/** @typedef {{ idle: number, total: number }} SessionEnd Seconds until it ends: by idling, in any case. */

/** Show the bar of the page when the session ends soon. */
export function watchSession() {
  if (!document.getElementById("session-bar")) return;
  let end = { idle: 0, total: 0 };
  let read = 0;
  /** @param {SessionEnd} newer */
  const take = (newer) => {
    end = newer;
    read = Date.now();
    show(end);
  };
  onEachPage(() => {
    const { idle, total } = document.body.dataset;
    if (idle && total) take({ idle: Number(idle), total: Number(total) });
  });
  document.addEventListener("click", async ({ target }) => {
    if (!(target instanceof Element && target.closest("[data-stay]"))) return;
    const newer = await ask({});
    if (newer) take(newer);
  });
  const check = async () => {
    const passed = (Date.now() - read) / 1000;
    if (Math.min(end.idle, end.total) - passed > WARN_AT_S) return;
    // another tab may have been used meanwhile; a question of htmx is no activity
    const newer = await ask({ "HX-Request": "true" });
    if (newer) take(newer);
    else show({ idle: end.idle - passed, total: end.total - passed });
  };
  document.addEventListener("input", async () => {
    if (Date.now() - read < TYPING_COUNTS_EVERY_MS) return;
    read = Date.now(); // so that the next key asks nothing
    const newer = await ask({});
    if (newer) take(newer);
  });
  setInterval(check, CHECK_EVERY_MS);
  document.addEventListener("visibilitychange", check);
}

/** Ask the server how long the session lasts; null if it cannot be reached.
 * @param {Record<string, string>} headers
 * @returns {Promise<SessionEnd | null>} */
async function ask(headers) {
  try {
    const answer = await fetch("/desk/session", { headers, redirect: "manual" });
    if (answer.ok) return await answer.json();
    return answer.status === 401 || answer.type === "opaqueredirect" ? { idle: 0, total: 0 } : null;
  } catch {
    return null;
  }
}

/** @param {SessionEnd} end */
function show({ idle, total }) {
  const bar = document.getElementById("session-bar");
  if (!bar) return;
  const left = Math.min(idle, total);
  bar.hidden = left > WARN_AT_S;
  if (bar.hidden) return;
  const why = left <= 0 ? "ended" : total <= idle ? "total" : "idle";
  for (const each of bar.querySelectorAll("[data-why]")) {
    const line = /** @type {HTMLElement} */ (each);
    line.hidden = line.dataset.why !== why;
  }
  for (const each of bar.querySelectorAll("[data-minutes]")) {
    each.textContent = String(Math.max(1, Math.ceil(left / 60)));
  }
}
