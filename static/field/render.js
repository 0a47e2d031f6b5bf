// Draws a page from its template and what the phone knows.

import catalogue from "../catalogue.js";
import templates, { needs } from "../templates.js";
import filters from "./filters.js";
import { recallAll } from "./idb.js";
import * as outbox from "./outbox.js";
import * as people from "./people.js";
import * as photos from "./photos.js";
import * as records from "./records.js";
import { render } from "./runtime.js";

const STALE_HOURS = 8;
const NEARLY_FULL = 0.8;

/** Whether there is such a page. @param {string} page */
export const known = (page) => Object.hasOwn(templates, `field/${page}.html`);

/**
 * A page or a part, whole.
 * @param {string} name "tasks" @param {Record<string, any>} [args] what the address says, and more for the page
 */
export async function draw(name, args = {}) {
  const context = await circumstances();
  const found = await records.load(needs[`field/${name}.html`] ?? {}, context.now);
  return drawn(name, { ...context, records: found, args, page: name });
}

/** A part of a page, with what it shows. @param {string} name @param {Record<string, any>} more */
export async function drawPart(name, more) {
  const context = await circumstances();
  const found = await records.load(needs[`field/${name}.html`] ?? {}, context.now);
  return drawn(name, { ...context, records: found, args: {}, ...more });
}

/** @param {string} name @param {Record<string, any>} context */
function drawn(name, context) {
  return render(templates, `field/${name}.html`, context, { lang: context.lang, catalogue, filters });
}

/** What every template may ask for. */
async function circumstances() {
  const now = new Date().toISOString();
  const [device = null, lang = guess(), scheme = "auto", size = "normal"] = await recallAll([
    "device", "lang", "scheme", "size",
  ]);
  const site = device && ((await records.stored("site", device.site)) ?? null);
  const zone = { timeZone: "Asia/Shanghai" };
  return {
    now,
    today: new Intl.DateTimeFormat("sv-SE", zone).format(new Date(now)),
    lang,
    scheme,
    size,
    site,
    me: await people.unlocked(),
    people: await people.everybody(),
    phone: { label: device?.label ?? "", full: await nearlyFull() },
    sending: await sending(now),
    outbox: await lately(),
  };
}

/** @returns {string} */
const guess = () => (navigator.language?.startsWith("en") ? "en" : "zh");

async function nearlyFull() {
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return quota > 0 && usage / quota > NEARLY_FULL;
}

/** What the pill says: the truth about sending, with a count. @param {string} now */
async function sending(now) {
  const [link = {}] = await recallAll(["link"]);
  const [count, waiting, checks] = await Promise.all([outbox.count(), photos.left(), outbox.toCheck()]);
  const oldest = count ? (await outbox.unsent(1))[0].op.at : null;
  const stale = oldest ? Math.floor((Date.parse(now) - Date.parse(oldest)) / 3_600_000) : 0;
  const offline = !navigator.onLine || link.state === "offline";
  const states = [
    [checks.length > 0, "check"],
    [stale >= STALE_HOURS, "stale"],
    [link.state === "signed-out", "signed_out"],
    [count > 0 && offline, "no_network"],
    [offline, "idle_offline"],
    [count > 0 && link.state === "busy", "busy"],
    [count > 0, "waiting"],
    [waiting.photos > 0, "sending_photos"],
  ];
  const state = states.find(([holds]) => holds)?.[1] ?? "all_sent";
  return { state, count, photos: waiting.photos, checks: checks.length, stale, since: link.sent_at ?? null };
}

/** The newest ops in the words of their kind, for the list behind the pill. */
async function lately() {
  const rows = await outbox.recent(30);
  return rows.map(({ id, op, state, verdict, check }) => ({
    id,
    kind: op.kind,
    at: new Date(op.at).toISOString(),
    by: op.by,
    state,
    status: verdict?.status ?? null,
    code: verdict?.code ?? null,
    text: verdict?.text ?? null,
    check: check === 1,
  }));
}
