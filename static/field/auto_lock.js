// Locks the phone by itself: after some minutes in the background, or without a tap.

import { getMeta, getMetaAll, setMeta } from "./database.js";
import { flushDrafts } from "./form_drafts.js";
import { isUnused, lock } from "./people.js";
import { announceChange } from "./redraw.js";

const CHECK_EVERY = 15_000; // ms
const NOTE_EVERY = 60_000; // ms
const CLOCK_SET = 30_000; // ms: a clock that has moved by more, beside the monotonic one, was set

let tapped = performance.now();
let noted = 0;
let clocks = readClocks();

for (const name of ["pointerdown", "keydown", "input"])
  document.addEventListener(name, () => (tapped = performance.now()), {
    capture: true,
    passive: true,
  });
document.addEventListener("visibilitychange", () => void onVisibility());

/** Begins to watch. Resolves when the first check is done. */
export async function watchForIdleness() {
  await check();
  setInterval(() => void check(), CHECK_EVERY);
}

async function onVisibility() {
  clocks = readClocks(); // the monotonic clock may stand still in the background
  if (document.visibilityState === "visible") await check();
  else await noteUse();
}

function readClocks() {
  return { wall: Date.now(), mono: performance.now() };
}

/** Moves what was noted along with a clock that was set while the page is visible. */
async function followClock() {
  const now = readClocks();
  const moved = now.wall - clocks.wall - (now.mono - clocks.mono);
  clocks = now;
  if (Math.abs(moved) < CLOCK_SET || document.visibilityState !== "visible") return;
  noted += moved;
  const used = await getMeta("used");
  if (!used) return;
  const [open, tap] = [used.open, used.tap].map((time) => Math.min(time + moved, now.wall));
  await setMeta("used", { open, tap });
}

/** While the page is visible, the phone is not in the background. */
async function check() {
  await followClock();
  if (await isUnused()) await lockPhone();
  else if (document.visibilityState === "visible" && Date.now() - noted > NOTE_EVERY)
    await noteUse();
}

async function noteUse() {
  noted = Date.now();
  const [me, used] = await getMetaAll(["me", "used"]);
  const tap = noted - (performance.now() - tapped);
  if (me) await setMeta("used", { open: noted, tap: Math.max(tap, used?.tap ?? 0) });
}

async function lockPhone() {
  await flushDrafts();
  await lock();
  announceChange();
}
