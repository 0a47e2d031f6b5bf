// Keeps a form from being submitted while none of some inputs is filled in: an element with
// `data-one-of="names"` shows its message, which is hidden until then.

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const message = form.querySelector("[data-one-of]");
    if (!(message instanceof HTMLElement)) return;
    const names = (message.dataset.oneOf ?? "").split(" ");
    message.hidden = names.some((name) => new FormData(form).getAll(name).some(isFilled));
    if (message.hidden) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    message.scrollIntoView({ block: "center" });
  },
  { capture: true },
);

/** @param {FormDataEntryValue} value */
const isFilled = (value) => (value instanceof File ? value.size > 0 : value.trim() !== "");
