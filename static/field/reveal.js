// Numbers are drawn masked. A tap makes the op that says who looked, then shows the text and dials
// the number in it. The full text is not in the page before.

import { getMeta, isQuotaError, setMeta } from "./database.js";
import { wordsPart } from "./form_words.js";
import { afterTap } from "./htmx_adapter.js";
import { uuid7 } from "./ids.js";
import { appendOps } from "./outbox.js";
import { currentUser } from "./people.js";
import { phoneNumber } from "./phone_numbers.js";
import { findRecord } from "./records.js";
import { scheduleRedraw } from "./redraw.js";
import { keysOf } from "./signing.js";

const ONE_LOOK = 10 * 60_000; // ms: looking again within this time makes no second op
const SHOWN = 2 * 60_000; // ms

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("button[data-reveal]");
  if (button instanceof HTMLButtonElement) void reveal(button);
});

/**
 * @param {HTMLButtonElement} button with the kind of the op, and the record's type, id and field
 */
async function reveal(button) {
  const { reveal: kind = "", type = "", record = "", field = "" } = button.dataset;
  button.disabled = true; // a second tap of a double tap
  try {
    if (!(await writeDown(kind, type, record))) return;
    show(button, textAt(await findRecord(type, record), field));
  } catch (error) {
    console.error(error);
    const words = wordsPart(isQuotaError(error) ? "full" : "failed");
    if (words) document.querySelector("#toast")?.replaceChildren(words);
  } finally {
    button.disabled = false;
  }
}

/**
 * @param {string} kind
 * @param {string} type
 * @param {string} record
 * @returns {Promise<boolean>} false if nobody has unlocked the phone
 */
async function writeDown(kind, type, record) {
  const user = await currentUser();
  if (!user) return false;
  const key = `${user.id}/${record}`;
  const now = Date.now();
  const since = Object.entries((await getMeta("looks")) ?? {}).filter(
    ([, at]) => at <= now && now - at < ONE_LOOK,
  );
  if (since.some(([each]) => each === key)) return true;
  const payload = { about_type: type, record };
  const input = { kind, subject: uuid7(), payload, base: null };
  const content = { form: "", kind, page: "", about: "", fields: {}, photos: [] };
  const author = { id: user.id, keys: await keysOf(user.id) };
  await appendOps([input], author, { token: uuid7(), content });
  await setMeta("looks", Object.fromEntries([...since, [key, now]]));
  afterTap();
  return true;
}

/**
 * @param {any} row
 * @param {string} path of a field, such as timeline.2.text
 */
function textAt(row, path) {
  return String(path.split(".").reduce((value, step) => value?.[step], row) ?? "");
}

/**
 * Puts the text in place of the button and dials. It stays for some time: nobody has to keep the
 * number in mind, and a phone left lying shows it to nobody.
 * @param {HTMLButtonElement} button
 * @param {string} text
 */
function show(button, text) {
  const number = phoneNumber(text.normalize("NFKC"));
  const shown = document.createElement(number ? "a" : "span");
  shown.className = button.className;
  shown.dataset.stays = ""; // the page is not drawn again meanwhile
  shown.append(...button.querySelectorAll("svg"), text);
  if (number) shown.setAttribute("href", `tel:${number}`);
  button.replaceWith(shown);
  if (number) shown.click();
  setTimeout(() => {
    shown.replaceWith(button);
    scheduleRedraw();
  }, SHOWN);
}
