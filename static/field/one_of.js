// Keeps a form from being submitted while none of some inputs is filled in. The hidden element with
// `data-one-of="names"` in it is the message; a copy is shown above the page, which may be redrawn.

import { stateOf } from "./form_state.js";

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const message = form.querySelector("[data-one-of]");
    if (!(message instanceof HTMLElement)) return;
    const names = (message.dataset.oneOf ?? "").split(" ");
    const { photos, reading } = stateOf(form);
    if (reading.size || photos.some(({ input }) => names.includes(input))) return;
    if (names.some((name) => new FormData(form, event.submitter).getAll(name).some(isFilled)))
      return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const copy = /** @type {HTMLElement} */ (message.cloneNode(true));
    copy.hidden = false;
    document.querySelector("#toast")?.replaceChildren(copy);
  },
  { capture: true },
);

/** @param {FormDataEntryValue} value */
const isFilled = (value) => typeof value === "string" && value.trim() !== "";
