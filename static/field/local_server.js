// The local request handler: answers every request below /field/ on the phone, from the page
// through htmx and from the service worker on navigation. No network is needed.

import { isQuotaError, getMetaAll } from "./database.js";
import { runAction } from "./device_actions.js";
import { submitOps } from "./op_forms.js";
import { currentUser, isUnused, lock } from "./people.js";
import { photoResponse } from "./photos.js";
import { pageExists, renderPage } from "./render.js";
import { htmlResponse, pathParts } from "./responses.js";
import { startPage } from "./start_page.js";

/**
 * Routes: GET photos/SHA256, GET PAGE[/ID], POST ops/KIND[/SUBJECT], POST me/ACTION.
 * @param {Request} request
 * @returns {Promise<Response>} 507 if storage is full, 500 for any other error
 */
export async function handleRequest(request) {
  const url = new URL(request.url);
  const [first = "", ...rest] = pathParts(url);
  try {
    if (first === "photos") return await photoResponse(rest[0] ?? "");
    if (request.method !== "POST") return await getPage(first, rest[0], url);
    if (first === "ops") return await submitOps(rest[0], rest[1], request);
    if (first === "me") return await runAction(rest[0] ?? "", request);
    return htmlResponse(await renderPage("notice", { code: "unknown" }), 404);
  } catch (error) {
    if (isQuotaError(error)) return htmlResponse(await renderPage("notice", { code: "full" }), 507);
    console.error(error);
    return htmlResponse(await renderPage("notice", { code: "failed" }), 500);
  }
}

/**
 * @param {string} wanted page; empty: the start page
 * @param {string | undefined} id of a record
 * @param {URL} url
 */
async function getPage(wanted, id, url) {
  const permitted = await permittedPage(wanted);
  if (permitted !== wanted)
    return htmlResponse(await renderPage(permitted, { wanted: url.pathname }));
  const page = wanted || (await startPage());
  if (!pageExists(page) || page.startsWith("_"))
    return htmlResponse(await renderPage("notice", { code: "unknown" }), 404);
  const args = { ...Object.fromEntries(url.searchParams), ...(id ? { id } : {}) };
  return htmlResponse(await renderPage(page, args));
}

/**
 * The page that comes first: enrolment on a new phone, unlocking while nobody has; else the wanted
 * one.
 * @param {string} page
 */
async function permittedPage(page) {
  const [device, revoked, link] = await getMetaAll(["device", "revoked", "link"]);
  if (!device) return "enrol";
  // a phone that was removed can be set up again, and sends what it has
  if (page === "enrol") return revoked || link?.state === "signed-out" ? "enrol" : "unlock";
  // in the service worker: a page is being opened
  if (typeof document === "undefined" && (await isUnused())) await lock();
  return (await currentUser()) ? page : "unlock";
}
