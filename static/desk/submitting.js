/** A form is sent once, and says that it is being saved. */

const RELEASE_AFTER_MS = 15_000;

/** Ignore further submissions of a form while the first is under way. */
export function submitOnce() {
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.getAttribute("aria-busy") === "true") {
      event.preventDefault();
      return;
    }
    form.setAttribute("aria-busy", "true");
    const button = event.submitter ?? form.querySelector("button");
    if (button) showSaving(button);
    // a download leaves the page as it is
    setTimeout(() => release(form), RELEASE_AFTER_MS);
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[aria-busy]")) release(form);
  });
}

/** @param {HTMLElement} button */
function showSaving(button) {
  button.dataset.text = button.textContent ?? "";
  button.setAttribute("aria-disabled", "true");
  button.textContent = document.body.dataset.saving ?? "";
}

/** @param {Element} form */
function release(form) {
  form.removeAttribute("aria-busy");
  for (const button of form.querySelectorAll("button[data-text]")) {
    const { text } = /** @type {HTMLElement} */ (button).dataset;
    button.textContent = text ?? "";
    button.removeAttribute("data-text");
    button.removeAttribute("aria-disabled");
  }
}
