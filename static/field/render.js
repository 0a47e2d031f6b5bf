// Renders a page, or a part of one, from its template and what the phone has stored.

import catalogue from "../catalogue.js";
import { SITE_ZONE } from "../shell.js";
import templates, { needs } from "../templates.js";
import * as clock from "./clock.js";
import { getMetaAll } from "./database.js";
import filters from "./filters.js";
import { browserLanguage, isLanguage, languages } from "./language.js";
import { readLossMarker } from "./loss_marker.js";
import * as outbox from "./outbox.js";
import { exportProgress } from "./outbox_export.js";
import { otherPhones } from "./other_phones.js";
import { everybody } from "./people.js";
import { findServerRecord, loadRecords } from "./records.js";
import { sendingStatus } from "./sending_status.js";
import { storagePercent } from "./storage_quota.js";
import { render } from "./template_runtime.js";

const NEARLY_FULL = 80; // per cent
const RECENT_OPS = 30;

/** @param {string} page "tasks" */
export const pageExists = (page) => Object.hasOwn(templates, fileOf(page));

/** @param {string} page */
const fileOf = (page) => `field/${page}.html`;

/**
 * @param {string} page "tasks"
 * @param {Record<string, any>} [args] what the address says, and more for the page
 * @returns {Promise<string>} HTML
 */
export async function renderPage(page, args = {}) {
  const now = (await clock.now()).toISOString();
  const [common, records] = await Promise.all([
    commonContext(now),
    loadRecords(needsOf(page), now),
  ]);
  const recent = page === "me" ? await recentOps() : [];
  const trace = page === "enrol" ? await readLossMarker() : null;
  const context = {
    ...common,
    records,
    args,
    page,
    outbox: recent,
    trace,
    saving: exportProgress(),
  };
  return renderTemplate(page, context);
}

/**
 * @param {string} part "_task"
 * @param {Promise<Record<string, any>>} loading more for its context; loaded while the rest is
 * @returns {Promise<string>} HTML
 */
export async function renderPart(part, loading) {
  const now = (await clock.now()).toISOString();
  const [common, records, more] = await Promise.all([
    commonContext(now),
    loadRecords(needsOf(part), now),
    loading,
  ]);
  return renderTemplate(part, { ...common, records, args: {}, ...more });
}

/** @param {string} page */
const needsOf = (page) => needs[fileOf(page)] ?? {};

/** @param {string} page @param {Record<string, any>} context */
function renderTemplate(page, context) {
  const options = { lang: context.lang, tz: SITE_ZONE, catalogue, filters };
  return render(templates, fileOf(page), context, options);
}

const siteDay = new Intl.DateTimeFormat("sv-SE", { timeZone: SITE_ZONE });

/** What every template may use. @param {string} now ISO 8601 */
async function commonContext(now) {
  const [device, me, link, lang, scheme, size, ahead] = await getMetaAll([
    "device",
    "me",
    "link",
    "lang",
    "scheme",
    "size",
    "ahead",
  ]);
  const [site, people, room, sending, other_phones] = await Promise.all([
    device && findServerRecord("site", device.site),
    everybody(),
    storagePercent(),
    sendingStatus(link),
    otherPhones(now),
  ]);
  return {
    now,
    today: siteDay.format(new Date(now)),
    lang: isLanguage(lang) ? lang : browserLanguage(),
    languages,
    scheme: scheme ?? "auto",
    size: size ?? "normal",
    site: site ?? null,
    me: (device && people.find(({ id }) => id === me)) ?? null,
    people,
    phone: { label: device?.label ?? "", full: room >= NEARLY_FULL, room, wrong: Boolean(ahead) },
    sending,
    other_phones,
  };
}

/** The newest ops with their verdicts, for the list of what was sent. */
async function recentOps() {
  const rows = await outbox.recentOps(RECENT_OPS);
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
