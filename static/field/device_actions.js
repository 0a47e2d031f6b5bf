// POST /field/me/ACTION: what changes this phone alone and makes no op.

import { getMeta, setMeta } from "./database.js";
import { forgetDraftKey } from "./draft_seals.js";
import { draftAgain, setDiscarded } from "./drafts.js";
import { isLanguage } from "./language.js";
import { markChecked } from "./outbox.js";
import * as people from "./people.js";
import { awaitsConfirmation, confirmOp } from "./proofs.js";
import { renderPage } from "./render.js";
import { htmlResponse, redirectTo, refererAddress } from "./responses.js";
import { keysOf } from "./signing.js";
import { scheduleSync, syncNow } from "./sync.js";
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
  const { result, wait, person: user, keys } = await people.unlock(who, text("pin"));
  if (result !== "ok" || !user)
    return htmlResponse(await renderPage("unlock", { person, number, result, wait }));
  if ((await getMeta(`keys:${user.id}`))?.must_change) return redirectTo("pin");
  return redirectTo(keys && (await awaitsConfirmation(user.id, keys)) ? "me" : "");
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
 * The author confirms an op that nothing proved.
 * @param {string} id of the op
 * @param {Request} request
 */
async function confirm(id, request) {
  const user = await people.currentUser();
  const keys = user && (await keysOf(user.id));
  if (keys) await confirmOp(id, user.id, keys);
  scheduleSync(0);
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
