// Turns a submitted form into the payload of an op, by the field types of its kind.

/** @import { Kind } from "../kinds.js" */
/** @import { Photo } from "../types/storage.js" */

const IF = ".if.";

/**
 * Empty fields are left out. An `integer` is truncated, a `time` becomes ISO 8601 in UTC.
 * @param {Kind} kind
 * @param {FormData} form
 * @returns {Record<string, any>}
 */
export function parseForm({ fields }, form) {
  /** @type {Record<string, any>} */
  const payload = {};
  for (const [name, type] of Object.entries(fields)) {
    if (type === "object") Object.assign(payload, parseObject(form, name));
    else if (type === "list") Object.assign(payload, parseList(form, name));
    else {
      const text = parseText(form, name);
      if (text !== "") payload[name] = convert(text, type);
    }
  }
  return payload;
}

/** @param {string} text @param {"string" | "integer" | "boolean" | "time"} type */
function convert(text, type) {
  if (type === "integer") return Math.trunc(Number(text));
  if (type === "time") return new Date(text).toISOString();
  if (type === "boolean") return text === "true" || text === "on";
  return text;
}

/**
 * Inputs named `results.floor` and so on make the object `results`. One named `told.rent.if.named`
 * counts only if the field `named` is filled in.
 * @param {FormData} form
 * @param {string} name
 */
function parseObject(form, name) {
  const prefix = `${name}.`;
  const inside = filledTexts(form).filter(([key]) => key.startsWith(prefix));
  const pairs = inside
    .map(([key, value]) => [...key.slice(prefix.length).split(IF), value])
    .filter(({ length, 1: condition }) => length < 3 || form.get(condition))
    .map((parts) => [parts[0], parts[parts.length - 1]]);
  return pairs.length ? { [name]: Object.fromEntries(pairs) } : {};
}

/** All inputs of one name make a list. @param {FormData} form @param {string} name */
function parseList(form, name) {
  const items = filledTexts(form)
    .filter(([key]) => key === name)
    .map(([, value]) => value);
  return items.length ? { [name]: items } : {};
}

/**
 * The text of a field. Of several inputs with one name, such as chips and an input for anything
 * else below them, the last one that is filled in counts.
 * @param {FormData} form
 * @param {string} name
 * @returns {string}
 */
function parseText(form, name) {
  const texts = filledTexts(form).filter(([key]) => key === name);
  return texts.at(-1)?.[1] ?? "";
}

/**
 * Name and trimmed text of every input that is not empty; files are left out. Line ends are plain,
 * as the form shows them, and NUL, which no record can have, is left out.
 * @param {FormData} form
 */
function filledTexts(form) {
  /** @type {[string, string][]} */
  const texts = [];
  for (const [name, value] of form) {
    if (typeof value !== "string") continue;
    const text = value.replaceAll("\r\n", "\n").replaceAll("\0", "").trim();
    if (text) texts.push([name, text]);
  }
  return texts;
}

/**
 * Adds photos to a payload: `photos` is a list, an object like `shots` has a list for each key (the
 * input is named `shots.floor`), and a kind without either is about this one photo.
 * @param {Record<string, any>} payload changed in place
 * @param {Kind} kind
 * @param {{name: string, photo: Pick<Photo, "sha256"> & Partial<Photo>}[]} named photos with the names of their inputs
 */
export function addPhotos(payload, { fields }, named) {
  for (const { name, photo } of named) {
    const [field, key] = name.split(/\.(.*)/);
    const { sha256, bytes, captured_at } = photo;
    if (fields[field] === "object") {
      payload[field] ??= {};
      payload[field][key] = [...(payload[field][key] ?? []), sha256];
    } else if ("photos" in fields) payload.photos = [...(payload.photos ?? []), sha256];
    else Object.assign(payload, { sha256, bytes, captured_at });
  }
}
