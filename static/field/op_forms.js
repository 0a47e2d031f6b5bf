// POST /field/ops/KIND[/SUBJECT]: makes ops from a submitted form and answers with what to show
// next.

import kinds from "../kinds.js";
import { database, getMeta } from "./database.js";
import { findDraft } from "./drafts.js";
import { addPhotos, parseForm } from "./form_payload.js";
import { uuid7 } from "./ids.js";
import { appendOps } from "./outbox.js";
import { currentUser, identify } from "./people.js";
import { keysOf } from "./signing.js";
import { findRecord, findServerRecord } from "./records.js";
import { pageExists, renderPage, renderPart } from "./render.js";
import {
  htmlResponse,
  isFromHtmx,
  pathParts,
  redirectTo,
  refererAddress,
  refererUrl,
} from "./responses.js";
import { startPage } from "./start_page.js";

/** @import { Draft, FormContent, OpInput, OutboxRow } from "../types/storage.js" */
/** @import { Author } from "./outbox.js" */

/**
 * Makes one op for the subject of the address, or for each `subject` of the form, or for a new
 * record.
 * @param {string} kind
 * @param {string | undefined} subject id of a record
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function submitOps(kind, subject, request) {
  const [user, form] = await Promise.all([currentUser(), request.formData()]);
  // somebody else may have unlocked the phone in another tab: the draft waits for its author
  if (!user || (form.get("_person") ?? user.id) !== user.id)
    return redirectTo(user ? "" : "unlock");
  if (!Object.hasOwn(kinds, kind))
    return htmlResponse(await renderPage("notice", { code: "unknown" }), 404);
  const { author, ...refusal } = await authorOf(form, user.id);
  if (!author) return htmlResponse(await redisplay(form, request, refusal), 403);
  const token = String(form.get("_token") ?? uuid7());
  const draft = await findDraft(token);
  const payload = parseForm(kinds[kind], form);
  addPhotos(payload, kinds[kind], await photosOf(draft));
  const subjects = subject ? [subject] : form.getAll("subject").map(String);
  if (!subjects.length && kinds[kind].creates) subjects.push(uuid7());
  if (!subjects.length) return htmlResponse("", 422);
  const inputs = await Promise.all(subjects.map((id) => makeInput(kind, id, payload)));
  const rows = await appendOps(inputs, author, { token, content: contentOf(kind, form, draft) });
  return responseAfter(kind, rows, form, request);
}

/**
 * What the form contained, to be shown to its author if the op is refused. Without a draft nothing
 * was put into it.
 * @param {string} kind
 * @param {FormData} submitted
 * @param {Draft | undefined} draft
 * @returns {FormContent}
 */
function contentOf(kind, submitted, draft) {
  const [page, about] = ["_page", "_about"].map((name) => String(submitted.get(name) ?? ""));
  const { form = "", fields = {}, photos = [] } = draft ?? {};
  return { form, kind, page, about, fields, photos };
}

/**
 * The photos of a draft, each with the name of its input. One that the phone has deleted since it
 * was sent has its hash alone.
 * @param {Draft | undefined} draft
 */
function photosOf(draft) {
  return Promise.all(
    (draft?.photos ?? []).map(async ({ input, sha256 }) => {
      const photo = sha256 ? await (await database()).get("photos", sha256) : undefined;
      return { name: input, photo: photo ?? { sha256: sha256 ?? "" } };
    }),
  );
}

/**
 * Who has made the op: a form with `sign_by` is signed by that person, whose PIN is in `sign_pin`.
 * With `sign_later` nobody can check that without a connection, and it stays a claim.
 * @param {FormData} form
 * @param {string} user id of the person who has unlocked the phone
 * @returns {Promise<{author?: Author, result?: string, wait?: number}>}
 */
async function authorOf(form, user) {
  const signer = String(form.get("sign_by") ?? "");
  if (!signer) return { author: { id: user, keys: await keysOf(user) } };
  if (form.has("sign_later") && !(await getMeta(`keys:${signer}`)))
    return { author: { id: signer } };
  const pin = String(form.get("sign_pin") ?? "");
  const { result, wait, keys } = await identify({ person: signer }, pin);
  return result === "ok" ? { author: { id: signer, keys } } : { result, wait };
}

/**
 * The page of the form once more, with what was typed (but the PIN) and why it was not accepted.
 * @param {FormData} form
 * @param {Request} request
 * @param {{result?: string, wait?: number}} refusal
 */
async function redisplay(form, request, refusal) {
  const [page, id] = pathParts(refererUrl(request));
  const texts = [...form].filter(
    ([name, value]) => name !== "sign_pin" && !name.startsWith("_") && typeof value === "string",
  );
  const args = { ...Object.fromEntries(texts), ...(id ? { id } : {}), ...refusal };
  return renderPage(pageExists(page) ? page : await startPage(), args);
}

/**
 * @param {string} kind
 * @param {string} subject
 * @param {Record<string, any>} payload
 * @returns {Promise<OpInput>}
 */
async function makeInput(kind, subject, payload) {
  const { fact, creates, type } = kinds[kind];
  const record = fact || creates || !type ? undefined : await findServerRecord(type, subject);
  return { kind, subject, payload, base: record?.version ?? null };
}

/**
 * What to show after ops were stored. To htmx: the changed part of the page if there is a template
 * for it, or for several records the whole page; its template learns from `tapped` what was done.
 * Else a redirect to the page that the form names in `page` (`$subject` stands for the record's
 * id), or back.
 * @param {string} kind
 * @param {OutboxRow[]} rows the new ops
 * @param {FormData} form
 * @param {Request} request
 */
async function responseAfter(kind, rows, form, request) {
  const type = kinds[kind].type ?? String(form.get("type") ?? "");
  const nextPage = form.get("page");
  if (nextPage === null && rows.length && isFromHtmx(request) && pageExists(`_${type}`)) {
    if (rows.length > 1) return redrawnPage(kind, rows, request);
    const tapped = { kind, id: rows[0].id, payload: rows[0].op.payload };
    const context = findRecord(type, rows[0].subject).then((row) => ({
      [type]: row,
      part: true,
      tapped,
    }));
    return htmlResponse(await renderPart(`_${type}`, context));
  }
  const address = typeof nextPage === "string" ? nextPage : refererAddress(request);
  return redirectTo(address.replace("$subject", rows[0]?.subject ?? ""));
}

/**
 * The page on which several records were changed with one tap.
 * @param {string} kind
 * @param {OutboxRow[]} rows
 * @param {Request} request
 */
async function redrawnPage(kind, rows, request) {
  const url = refererUrl(request);
  const [page, id] = pathParts(url);
  const tapped = { kind, subjects: rows.map(({ subject }) => subject) };
  const args = { ...Object.fromEntries(url.searchParams), ...(id ? { id } : {}), tapped };
  return htmlResponse(await renderPage(pageExists(page) ? page : await startPage(), args));
}
