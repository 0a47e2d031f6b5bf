// Asks the browser to sync after the page was closed, where it can (Background Sync). The app does
// not depend on it.

/**
 * @type {ServiceWorkerRegistration | undefined} known beforehand: while a page closes, it cannot
 *   wait for anything
 */
let registration;
void navigator.serviceWorker?.ready.then((ready) => {
  registration = ready;
});

/**
 * Asks if the status pill is in one of these states.
 * @param {string} [states] CSS selectors; unless given, any but "all sent"
 */
export function requestBackgroundSync(states = ":not([data-state=all_sent])") {
  if (!document.querySelector(`#pill:is(${states})`)) return;
  registration?.sync?.register("lodge").catch(() => {});
}
