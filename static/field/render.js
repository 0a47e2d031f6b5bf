// Draws a page from its template and what the phone knows.

import catalogue from "../catalogue.js";
import templates, { needs } from "../templates.js";
import * as clock from "./clock.js";
import { progress } from "./outbox_export.js";
import filters from "./filters.js";
import { recallAll } from "./database.js";
import * as outbox from "./outbox.js";
import * as people from "./people.js";
import * as photos from "./photos.js";
import * as records from "./records.js";
import { percent } from "./storage_quota.js";
import { render } from "./template_runtime.js";
import { find } from "./loss_marker.js";

const STALE_HOURS = 8;
const NEARLY_FULL = 80;

/** Whether there is such a page. @param {string} page */
export const known = (page) => Object.hasOwn(templates, `field/${page}.html`);

/**
 * A page or a part, whole.
 * @param {string} name "tasks" @param {Record<string, any>} [args] what the address says, and more for the page
 */
export async function draw(name, args = {}) {
  const now = (await clock.now()).toISOString();
  const needed = needs[`field/${name}.html`] ?? {};
  const [context, found] = await Promise.all([circumstances(now), records.load(needed, now)]);
  const outbox = name === "me" ? await lately() : [];
  const trace = name === "enrol" ? await find() : null;
  return drawn(name, { ...context, records: found, args, page: name, outbox, trace, saving: progress() });
}

/** A part of a page, with what it shows; both are read at once. @param {string} name @param {Promise<Record<string, any>>} more */
export async function drawPart(name, more) {
  const now = (await clock.now()).toISOString();
  const needed = needs[`field/${name}.html`] ?? {};
  const [context, found, shown] = await Promise.all([circumstances(now), records.load(needed, now), more]);
  return drawn(name, { ...context, records: found, args: {}, ...shown });
}

/** @param {string} name @param {Record<string, any>} context */
function drawn(name, context) {
  return render(templates, `field/${name}.html`, context, { lang: context.lang, catalogue, filters });
}

const day = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" });

/** What every template may ask for. @param {string} now */
async function circumstances(now) {
  const [device = null, id, link = {}, lang = guess(), scheme = "auto", size = "normal", ahead] = await recallAll([
    "device", "me", "link", "lang", "scheme", "size", "ahead",
  ]);
  const [site, everybody, room, state] = await Promise.all([
    device && records.stored("site", device.site), people.everybody(), percent(), sending(link),
  ]);
  return {
    now,
    today: day.format(new Date(now)),
    lang,
    scheme,
    size,
    site: site ?? null,
    me: (device && everybody.find((one) => one.id === id)) ?? null,
    people: everybody,
    phone: { label: device?.label ?? "", full: room >= NEARLY_FULL, room, wrong: Boolean(ahead) },
    sending: state,
  };
}

/** @returns {string} */
const guess = () => (navigator.language?.startsWith("en") ? "en" : "zh");

/** What the pill says: the truth about sending, with a count. @param {any} link */
async function sending(link) {
  const [count, waiting, checks, first] = await Promise.all([
    outbox.count(), photos.count(), outbox.toCheck(), outbox.oldest(),
  ]);
  const oldest = first?.op.at ?? null;
  const stale = oldest ? Math.floor((Date.now() - Date.parse(oldest)) / 3_600_000) : 0;
  const offline = !navigator.onLine || link.state === "offline";
  const states = [
    [checks.length > 0, "check"],
    [stale >= STALE_HOURS, "stale"],
    [link.state === "signed-out", "signed_out"],
    [count > 0 && offline, "no_network"],
    [offline, "idle_offline"],
    [count > 0 && link.state === "busy", "busy"],
    [count > 0, "waiting"],
    [waiting > 0, "sending_photos"],
  ];
  const state = states.find(([holds]) => holds)?.[1] ?? "all_sent";
  return { state, count, photos: waiting, checks: checks.length, stale, since: link.sent_at ?? null };
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
