// POST /field/me/ACTION: what changes this phone alone and makes no op.

import { getMeta, setMeta } from "./database.js";
import { forgetDraftKey } from "./draft_seals.js";
import { draftAgain, setDiscarded } from "./drafts.js";
import { isLanguage } from "./language.js";
import { appendOps, findOp, markChecked } from "./outbox.js";
import * as people from "./people.js";
import { renderPage } from "./render.js";
import { htmlResponse, redirectTo, refererAddress } from "./responses.js";
import { keysOf } from "./signing.js";
import { syncNow } from "./sync.js";
import { SyncError } from "./sync_client.js";

/**
 * @param {string} action
 * @param {Request} request with a form
 * @returns {Promise<Response>}
 */
export async function runAction(action, request) {
  const form = await request.formData();
  const value = String(form.get("value") ?? "");
  switch (action) {
    case "enrol":
      return enrol(form);
    case "unlock":
      return unlock(form);
    case "lock":
      await people.lock();
      forgetDraftKey();
      return redirectTo("unlock");
    case "pin":
      return changePin(form);
    case "confirm":
      return confirm(value, request);
    case "language":
      if (isLanguage(value)) await setMeta("lang", value);
      break;
    case "scheme":
    case "size":
      await setMeta(action, value);
      break;
    case "seen":
      await markChecked(value);
      break;
    case "again":
      return again(value, request);
    case "discard":
    case "keep":
      await setDiscarded(value, (await people.currentUser())?.id ?? "", action === "discard");
      break;
    case "send":
      await syncNow();
      break;
    default:
      return htmlResponse(await renderPage("notice", { code: "unknown" }), 404);
  }
  return redirectTo(refererAddress(request));
}

/**
 * Opens the form of an op that was not accepted, with what was in it.
 * @param {string} id of the op
 * @param {Request} request
 */
async function again(id, request) {
  const user = await people.currentUser();
  const page = user ? await draftAgain(id, user.id) : undefined;
  if (page === undefined) return redirectTo(refererAddress(request));
  await markChecked(id);
  return redirectTo(page);
}

/** @param {FormData} form */
async function unlock(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const [person, number] = [text("person"), text("number")];
  const who = person ? { person } : { staff_number: number };
  const { result, wait, person: user } = await people.unlock(who, text("pin"));
  if (result !== "ok" || !user)
    return htmlResponse(await renderPage("unlock", { person, number, result, wait }));
  return redirectTo((await getMeta(`keys:${user.id}`))?.must_change ? "pin" : "");
}

/** @param {FormData} form */
async function changePin(form) {
  const user = await people.currentUser();
  if (!user) return redirectTo("unlock");
  const [pin, first, second] = ["pin", "new_pin", "new_again"].map((name) =>
    String(form.get(name) ?? ""),
  );
  const result =
    first === second ? await people.changePin(user.id, pin, first) : { result: "different" };
  return htmlResponse(await renderPage("pin", result));
}

/**
 * Makes an op once more that lacked its author's PIN, this time signed.
 * @param {string} id of the op
 * @param {Request} request
 */
async function confirm(id, request) {
  const [user, row] = await Promise.all([people.currentUser(), findOp(id)]);
  const keys = user && (await keysOf(user.id));
  if (!keys || row?.op.by !== user.id) return redirectTo(refererAddress(request));
  const { kind, subject, payload, base } = row.op;
  const content = row.form ?? { form: "", kind, page: "", about: "", fields: {}, photos: [] };
  // the token makes it once, also if it is tapped twice
  await appendOps(
    [{ kind, subject, payload, base }],
    { id: user.id, keys },
    { token: id, content },
  );
  await markChecked(id);
  return redirectTo(refererAddress(request));
}

/** Enrols the phone and pulls everything before the first page is shown. @param {FormData} form */
async function enrol(form) {
  const code = String(form.get("code") ?? "");
  try {
    await people.enrol(code, String(form.get("label") ?? "").trim());
  } catch (error) {
    return htmlResponse(await renderPage("enrol", { result: enrolmentResult(error), code }));
  }
  await globalThis.navigator.storage?.persist?.();
  await syncNow();
  return redirectTo("");
}

/** @param {unknown} error @returns {"wrong" | "wait" | "offline"} */
function enrolmentResult(error) {
  const status = error instanceof SyncError ? error.status : 0;
  if (status === 403 || status === 422) return "wrong";
  return status === 429 ? "wait" : "offline";
}
