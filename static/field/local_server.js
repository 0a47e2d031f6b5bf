// The phone's own server: takes a request, reads what the phone knows, answers with a page.

import kinds from "../kinds.js";
import { CSP } from "../shell.js";
import * as clock from "./clock.js";
import { exchange } from "./sync.js";
import { noRoom, recall, remember } from "./database.js";
import { uuid7 } from "./ids.js";
import * as outbox from "./outbox.js";
import * as people from "./people.js";
import * as photos from "./photos.js";
import * as records from "./records.js";
import { draw, drawPart, known } from "./render.js";

const ROOT = "/field/";
const OPEN_TO_ALL = new Set(["enrol"]);

/**
 * @param {Request} request below /field/
 * @returns {Promise<Response>}
 */
export async function answer(request) {
  const url = new URL(request.url);
  const [place = "", ...rest] = url.pathname.slice(ROOT.length).split("/").map(decodeURIComponent);
  try {
    if (place === "photos") return photos.shown(rest[0] ?? "");
    if (request.method !== "POST") return await page(place || "index", rest, url);
    if (place === "ops") return await take(rest, request);
    if (place === "me") return await act(rest[0] ?? "", await request.formData(), request);
    return html(await draw("notice", { code: "unknown" }), 404);
  } catch (error) {
    if (noRoom(error)) return html(await draw("notice", { code: "full" }), 507);
    console.error(error);
    return html(await draw("notice", { code: "failed" }), 500);
  }
}

/** @param {string} place @param {string[]} rest @param {URL} url */
async function page(place, rest, url) {
  const name = await allowed(place);
  if (name !== place) return html(await draw(name, { wanted: url.pathname }));
  if (!known(place) || place.startsWith("_")) return html(await draw("notice", { code: "unknown" }), 404);
  return html(await draw(place, { ...Object.fromEntries(url.searchParams), ...(rest[0] ? { id: rest[0] } : {}) }));
}

/** Before anything: the phone is enrolled, and somebody has unlocked it. @param {string} place */
async function allowed(place) {
  if (!(await recall("device"))) return "enrol";
  if (OPEN_TO_ALL.has(place)) return "who";
  return (await people.unlocked()) ? place : "who";
}

/**
 * Ops from a form: one for each `subject`, or a new record.
 * @param {string[]} rest kind and subject @param {Request} request
 */
async function take([kind, named], request) {
  const [me, form] = await Promise.all([people.unlocked(), request.formData()]);
  if (!me) return redirect("who");
  if (!Object.hasOwn(kinds, kind)) return html(await draw("notice", { code: "unknown" }), 404);
  const signed = await signature(form);
  if (signed !== "ok") return html(await again(form, request, signed), 403);
  const pictures = await shrunk(form, me);
  const payload = chosen(pictures, kinds[kind], filled(kinds[kind], form));
  const subjects = named ? [named] : form.getAll("subject").map(String);
  if (!subjects.length && kinds[kind].creates) subjects.push(uuid7());
  const drafts = await Promise.all(subjects.map((subject) => draft(kind, subject, payload)));
  const author = String(form.get("sign_by") ?? me.id);
  try {
    const kept = await outbox.put(drafts, author, pictures.map(({ picture }) => picture));
    return await done(kind, kept, form, request);
  } catch (error) {
    if (!noRoom(error) || !request.headers.get("HX-Request")) throw error;
    return refused(pictures.length > 0);
  }
}

/** There is no room: the page stays as it is, with all that is written in it, and is told why. @param {boolean} photo */
async function refused(photo) {
  const response = html(await draw("_full", { photo }), 507);
  response.headers.set("HX-Reswap", "none");
  return response;
}

/** A form with `sign_by` is signed by that person: the own PIN has to stand in `sign_pin`. @param {FormData} form */
async function signature(form) {
  if (!form.has("sign_by")) return "ok";
  return people.check(String(form.get("sign_by")), String(form.get("sign_pin") ?? ""));
}

/** The page that the form stood on, with what was written in it and why it was not signed. @param {FormData} form @param {Request} request @param {string} result */
async function again(form, request, result) {
  const [place, id] = whence(request).pathname.slice(ROOT.length).split("/").map(decodeURIComponent);
  const written = Object.fromEntries([...form].filter(([name, value]) => name !== "sign_pin" && typeof value === "string"));
  return draw(known(place) ? place : "index", { ...written, ...(id ? { id } : {}), result });
}

/** The page on which somebody tapped. @param {Request} request */
const whence = (request) => new URL(request.headers.get("HX-Current-URL") ?? request.referrer ?? "", location.href);

/** @param {string} kind @param {string} subject @param {Record<string, any>} payload */
async function draft(kind, subject, payload) {
  const { fact, creates, type } = kinds[kind];
  const row = fact || creates || !type ? null : await records.stored(type, subject);
  return { kind, subject, payload, base: row?.version ?? null };
}

/** What the form says, in the types of the kind; what was left empty is left out. @param {import("../kinds.js").Kind} kind @param {FormData} form */
function filled({ fields }, form) {
  /** @type {Record<string, any>} */
  const payload = {};
  for (const [name, type] of Object.entries(fields)) {
    if (type === "object" || type === "list") Object.assign(payload, gathered(form, name, type));
    const value = said(form, name);
    if (value === "") continue;
    if (type === "integer") payload[name] = Math.trunc(Number(value));
    else if (type === "time") payload[name] = new Date(value).toISOString();
    else if (type === "boolean") payload[name] = value === "true" || value === "on";
    else if (type === "string") payload[name] = value;
  }
  return payload;
}

/**
 * Several values of one name make a list; `results.floor` puts what it says into an object.
 * @param {FormData} form @param {string} name @param {"object" | "list"} type
 */
function gathered(form, name, type) {
  const words = [...form].filter(([, value]) => typeof value === "string" && value.trim());
  if (type === "list") {
    const all = words.filter(([key]) => key === name).map(([, value]) => String(value).trim());
    return all.length ? { [name]: all } : {};
  }
  const inside = words.filter(([key]) => key.startsWith(`${name}.`));
  const pairs = inside.map(([key, value]) => [key.slice(name.length + 1), String(value).trim()]);
  return pairs.length ? { [name]: Object.fromEntries(pairs) } : {};
}

/**
 * What a form says under a name: a choice and words beside it become one text. A field named
 * `x.unless.y` speaks for x where y was left empty.
 * @param {FormData} form @param {string} name
 */
function said(form, name) {
  const own = form.getAll(name).filter((value) => typeof value === "string" && value.trim());
  if (own.length) return own.map((value) => String(value).trim()).join(": ");
  const [spare] = [...form.keys()].filter((key) => key.startsWith(`${name}.unless.`));
  const other = spare?.slice(name.length + ".unless.".length);
  return spare && !String(form.get(other) ?? "").trim() ? String(form.get(spare)).trim() : "";
}

/** Every picked file, made small, with the name of its field. @param {FormData} form @param {people.Person} me */
async function shrunk(form, me) {
  const picked = [...form].filter(([, file]) => file instanceof File && file.size > 0);
  const words = `${(await clock.now()).toLocaleString("sv-SE")} ${form.get("place") ?? ""} ${me.name}`;
  return Promise.all(
    picked.map(async ([name, file]) => ({ name, picture: await photos.shrink(/** @type {File} */ (file), words) })),
  );
}

/**
 * Puts the photos where the kind has room for them: one, a list, or a list for each key (`shots.floor`).
 * @param {{name: string, picture: any}[]} pictures @param {import("../kinds.js").Kind} kind @param {Record<string, any>} payload
 */
function chosen(pictures, { fields }, payload) {
  for (const { name, picture } of pictures) {
    const [field, key] = name.split(/\.(.*)/);
    const { sha256, bytes, captured_at } = picture;
    if (fields[field] === "object") {
      payload[field] ??= {};
      payload[field][key] = [...(payload[field][key] ?? []), sha256];
    } else if ("photos" in fields) payload.photos = [...(payload.photos ?? []), sha256];
    else Object.assign(payload, { sha256, bytes, captured_at });
  }
  return payload;
}

/**
 * After a tap: the part that changed, or the page that the form names.
 * @param {string} kind @param {outbox.Kept[]} kept @param {FormData} form @param {Request} request
 */
async function done(kind, kept, form, request) {
  const type = kinds[kind].type ?? String(form.get("type") ?? "");
  const after = form.get("page");
  if (after === null && kept.length === 1 && request.headers.get("HX-Request") && known(`_${type}`)) {
    const tapped = { kind, id: kept[0].id };
    const shown = records.one(type, kept[0].subject).then((row) => ({ [type]: row, part: true, tapped }));
    return html(await drawPart(`_${type}`, shown));
  }
  const back = whence(request);
  const where = typeof after === "string" ? after : back.pathname.slice(ROOT.length) + back.search;
  return redirect(where.replace("$subject", kept[0]?.subject ?? ""));
}

/** What changes this phone alone. @param {string} action @param {FormData} form @param {Request} request */
async function act(action, form, request) {
  const value = String(form.get("value") ?? "");
  const back = whence(request);
  const here = back.pathname.slice(ROOT.length) + back.search;
  switch (action) {
    case "enrol":
      return enrol(form);
    case "unlock": {
      const result = await people.unlock(String(form.get("person")), String(form.get("pin") ?? ""));
      return result === "ok" ? redirect("") : html(await draw("who", { person: form.get("person"), result }));
    }
    case "lock":
      await people.lock();
      return redirect("who");
    case "language":
      await remember("lang", value === "en" ? "en" : "zh");
      return redirect(here);
    case "scheme":
    case "size":
      await remember(action, value);
      return redirect(here);
    case "seen":
      await outbox.seen(value);
      return redirect(here);
    case "send": {
      await exchange();
      return redirect(here);
    }
    default:
      return html(await draw("notice", { code: "unknown" }), 404);
  }
}

/** @param {FormData} form */
async function enrol(form) {
  try {
    await people.enrol(String(form.get("code") ?? ""), String(form.get("label") || "Phone"));
  } catch (error) {
    const status = /** @type {any} */ (error).status;
    const result = status === 403 || status === 422 ? "wrong" : status === 429 ? "wait" : "offline";
    return html(await draw("enrol", { result, code: form.get("code") }));
  }
  await globalThis.navigator.storage?.persist?.();
  await exchange();
  return redirect("");
}

/** @param {string} where below /field/ */
const redirect = (where) => Response.redirect(new URL(ROOT + where.replace(/^\/+/, ""), location.origin), 303);

/** @param {string} text @param {number} [status] */
function html(text, status = 200) {
  return new Response(text, {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": CSP,
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    },
  });
}
