// Locks the phone by itself: after some minutes in the background, or without a tap.

import { getMetaAll, setMeta } from "./database.js";
import { flushDrafts } from "./form_drafts.js";
import { isUnused, lock } from "./people.js";
import { announceChange } from "./redraw.js";

const CHECK_EVERY = 15_000; // ms
const NOTE_EVERY = 60_000; // ms

let tapped = Date.now();
let noted = 0;

for (const name of ["pointerdown", "keydown", "input"])
  document.addEventListener(name, () => (tapped = Date.now()), { capture: true, passive: true });
document.addEventListener("visibilitychange", () => void onVisibility());

/** Begins to watch. Resolves when the first check is done. */
export async function watchForIdleness() {
  await check();
  setInterval(() => void check(), CHECK_EVERY);
}

async function onVisibility() {
  if (document.visibilityState === "visible") await check();
  else await noteUse();
}

/** While the page is visible, the phone is not in the background. */
async function check() {
  if (await isUnused()) await lockPhone();
  else if (document.visibilityState === "visible" && Date.now() - noted > NOTE_EVERY)
    await noteUse();
}

async function noteUse() {
  noted = Date.now();
  const [me, used] = await getMetaAll(["me", "used"]);
  if (me) await setMeta("used", { open: noted, tap: Math.max(tapped, used?.tap ?? 0) });
}

async function lockPhone() {
  await flushDrafts();
  await lock();
  announceChange();
}
