// Starts the app in a page: wires the modules together, draws the first page, begins to sync.

import "./one_of.js"; // before whatever takes a submitted form
import "./trusted_types.js"; // before htmx draws anything
import { watchForIdleness } from "./auto_lock.js";
import { requestBackgroundSync } from "./background_sync.js";
import { fillReserve } from "./database.js";
import { restoreDrafts } from "./form_drafts.js";
import "./form_photos.js";
import { autoSubmit, fillCode } from "./forms.js";
import "./htmx_adapter.js";
import "./keypads.js";
import { saveNextFile } from "./outbox_export.js";
import "./qr_code.js";
import "./reveal.js";
import { announceChange, applyTheme, redraw, scheduleRedraw } from "./redraw.js";
import { startScanner } from "./scanner.js";
import { onSyncProgress, scheduleSync, syncNow } from "./sync.js";
import { dropStaleRecords } from "./stale_records.js";
import { watchForUpdates } from "./update.js";

const UNDO_TIME = 8_000; // ms
const SOON = 100; // ms

onSyncProgress(announceChange);
addEventListener("online", () => void syncNow());
addEventListener("offline", scheduleRedraw);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") scheduleSync(SOON);
  else requestBackgroundSync();
});

document.addEventListener("htmx:after:swap", () => {
  applyTheme();
  preparePage();
  const toast = document.querySelector("#toast > :not([role=alert])");
  if (toast) setTimeout(() => toast.remove(), UNDO_TIME);
});

document.addEventListener("click", async (event) => {
  if (!(/** @type {Element} */ (event.target).closest("[data-export]"))) return;
  await saveNextFile();
  scheduleRedraw(); // the button offers the next file
});

function preparePage() {
  fillCode();
  autoSubmit();
  void restoreDrafts();
  void startScanner();
}

async function start() {
  await watchForIdleness();
  await dropStaleRecords();
  await redraw();
  preparePage();
  document.documentElement.dataset.ready = "true";
  // private windows have no service workers: the page works without
  await watchForUpdates().catch(() => {});
  await fillReserve();
  await navigator.storage?.persist?.();
  scheduleSync(SOON);
}

// unsupported.js shows one of these where the app cannot run
const unsupported = document.querySelector("#main > :is(#insecure, #old):not([hidden])");
if (!unsupported) await start();
