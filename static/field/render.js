// Renders a page, or a part of one, from its template and what the phone has stored.

import catalogue from "../catalogue.js";
import { SITE_ZONE } from "../shell.js";
import templates, { needs } from "../templates.js";
import * as clock from "./clock.js";
import { getMetaAll } from "./database.js";
import { draftsOf } from "./drafts.js";
import { aboutOf, textsOf } from "./form_content.js";
import filters from "./filters.js";
import { browserLanguage, isLanguage, languages } from "./language.js";
import { readLossMarker } from "./loss_marker.js";
import * as outbox from "./outbox.js";
import { wasRefused } from "./outbox_updates.js";
import { exportProgress } from "./outbox_export.js";
import { otherPhones } from "./other_phones.js";
import { currentUser, everybody } from "./people.js";
import { needsConfirmation } from "./proofs.js";
import { findServerRecord, loadRecords } from "./records.js";
import { sendingStatus } from "./sending_status.js";
import { storagePercent } from "./storage_quota.js";
import { render } from "./template_runtime.js";

/** @import { Draft, OutboxRow } from "../types/storage.js" */

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
  const own = page === "me" ? await ownContext(common.me?.id, common.pin.credential) : {};
  const [users, phone_people] =
    page === "unlock" ? await getMetaAll(["users", "people"]) : [undefined, undefined];
  const trace = page === "enrol" ? await readLossMarker() : null;
  const context = {
    ...common,
    records,
    args,
    page,
    ...own,
    users: users ?? [],
    phone_people: phone_people ?? [],
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
  const [device, link, revoked, lang, scheme, size, ahead] = await getMetaAll([
    "device",
    "link",
    "revoked",
    "lang",
    "scheme",
    "size",
    "ahead",
  ]);
  const me = await currentUser();
  const [site, people, room, sending, other_phones, pin] = await Promise.all([
    device && findServerRecord("site", device.site),
    everybody(),
    storagePercent(),
    sendingStatus(link, me?.id),
    otherPhones(now),
    pinStatus(me?.id),
  ]);
  return {
    now,
    today: siteDay.format(new Date(now)),
    lang: isLanguage(lang) ? lang : browserLanguage(),
    languages,
    scheme: scheme ?? "auto",
    size: size ?? "normal",
    site: site ?? null,
    me,
    pin,
    people,
    revoked: revoked ?? null,
    phone: { label: device?.label ?? "", full: room >= NEARLY_FULL, room, wrong: Boolean(ahead) },
    sending,
    other_phones,
  };
}

/**
 * What the person's PIN has opened: `open`, what they do is confirmed by it; `unknown`, the server
 * has to see it once more; `must_change`, it was set by somebody else.
 * @param {string} [person] id
 */
async function pinStatus(person) {
  if (!person) return { open: false, unknown: false, must_change: false };
  const [unlocked, keys] = await getMetaAll(["unlocked", `keys:${person}`]);
  return {
    open: unlocked?.person.id === person,
    unknown: Boolean(keys?.unknown),
    must_change: Boolean(keys?.must_change),
    credential: keys?.credential,
  };
}

/**
 * What one person sees of the outbox: the newest ops of this phone, their own ops that were not
 * accepted, and their unfinished forms.
 * @param {string} [me] id of the person
 * @param {string} [credential] id of the one that they have on this phone
 */
async function ownContext(me, credential) {
  const [recent, checks, drafts] = await Promise.all([
    outbox.recentOps(RECENT_OPS),
    outbox.opsToCheck(me),
    draftsOf(me ?? ""),
  ]);
  return {
    outbox: recent.map((row) => ({
      ...describeOp(row, credential),
      refused: row.op.by === me && wasRefused(row),
    })),
    checks: checks.map((row) => describeOp(row, credential)),
    drafts: drafts.filter(({ kind }) => kind).map(describeDraft),
  };
}

/** @param {OutboxRow} row @param {string} [credential] of the person who looks at it */
function describeOp(row, credential) {
  const { id, op, state, verdict, form } = row;
  return {
    id,
    kind: op.kind,
    at: verdict?.at ?? new Date(op.at).toISOString(),
    state,
    code: verdict?.code ?? null,
    about: form ? aboutOf(form) : "",
    texts: form ? textsOf(form) : "",
    page: form?.page ?? "",
    again: Boolean(form?.form),
    confirm: needsConfirmation(row, credential),
    held: verdict?.status === "held",
  };
}

/** @param {Draft} draft */
function describeDraft(draft) {
  const { token, kind, page, since, discarded = null } = draft;
  const about = aboutOf(draft);
  const photos = draft.photos.filter(({ sha256 }) => sha256).length;
  return { token, kind, page, about, since, discarded, photos, texts: textsOf(draft) };
}
