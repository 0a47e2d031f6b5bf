// New versions of the app: registers the service worker, offers an update, and reloads when nothing
// is half typed.

import { VERSION } from "../shell.js";
import { formsOnPage, isUnsaved } from "./form_state.js";
import { hasPendingRequests } from "./pending_requests.js";
import { workerAddress } from "./trusted_types.js";

let reloadNeeded = false;

// after the listener of pending_requests.js, which counts the request as finished
document.addEventListener("htmx:finally:request", reloadIfIdle);

/**
 * Registers the service worker and watches for a new one. It waits until somebody taps
 * `data-update`.
 */
export async function watchForUpdates() {
  const workers = navigator.serviceWorker;
  let isFirst = !workers?.controller;
  workers?.addEventListener("controllerchange", () => {
    reloadNeeded = !isFirst;
    isFirst = false;
    reloadIfIdle();
  });
  /** @type {RegistrationOptions} */
  const options = { type: "module", scope: "/", updateViaCache: "none" };
  const registration = await workers?.register(workerAddress(), options);
  if (!registration) return;
  const offer = () => {
    if (registration.waiting && workers.controller)
      document.documentElement.dataset.update = "ready";
  };
  registration.addEventListener("updatefound", () =>
    registration.installing?.addEventListener("statechange", offer),
  );
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-update]");
    if (button) registration.waiting?.postMessage("go");
  });
  for (const worker of [registration.active, registration.waiting])
    worker?.postMessage({ version: VERSION });
  offer();
}

/** Reloads into the new version, unless something in a form is not saved yet. */
function reloadIfIdle() {
  if (!reloadNeeded || hasPendingRequests()) return;
  if (formsOnPage().some(isUnsaved)) return;
  reloadNeeded = false;
  location.reload();
}
