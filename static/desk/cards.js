/** Cards that wait for an answer: the keys of the current one, and how many records it is about. */

const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select";

/** Let j and k walk through the cards of a page, and other keys press what bears them: in the
 * current card, or else anywhere among the cards. Escape leaves an input. */
export function answerByKeys() {
  document.addEventListener("keydown", (event) => {
    const cards = document.querySelector("[data-cards]");
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape" && target.closest("[data-card]")) target.blur();
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);
    if (!cards || !isPlain || event.defaultPrevented || target.matches(TYPED_INTO)) return;
    if (event.key === "j" || event.key === "k") walk(cards, event.key === "j" ? 1 : -1);
    else if (!press(currentCard(cards) ?? cards, event.key) && !press(cards, event.key)) return;
    event.preventDefault();
  });
  document.addEventListener("focusin", (event) => {
    const card = /** @type {Element} */ (event.target).closest("[data-card]");
    const cards = card?.closest("[data-cards]");
    if (card && cards) makeCurrent(cards, card);
  });
  document.addEventListener("change", (event) => {
    const card = /** @type {Element} */ (event.target).closest("[data-card]");
    if (card) recount(card);
  });
  markFirst();
  document.addEventListener("htmx:after:swap", markFirst);
}

function markFirst() {
  const cards = document.querySelector("[data-cards]");
  const first = cards?.querySelector("[data-card]");
  if (cards && first && !currentCard(cards)) makeCurrent(cards, first);
}

/** @param {Element} cards */
function currentCard(cards) {
  return cards.querySelector("[data-card].cur");
}

/** @param {Element} cards @param {Element} card */
function makeCurrent(cards, card) {
  for (const other of cards.querySelectorAll("[data-card].cur")) other.classList.remove("cur");
  card.classList.add("cur");
}

/** @param {Element} cards @param {number} step */
function walk(cards, step) {
  const all = [...cards.querySelectorAll("[data-card]")];
  const current = currentCard(cards);
  const next = all[(current ? all.indexOf(current) : -1) + step];
  if (!next) return;
  makeCurrent(cards, next);
  const button = /** @type {HTMLElement | null} */ (next.querySelector("button[data-key]"));
  button?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

/** Press or focus what bears a key.
 * @param {Element} within @param {string} key */
function press(within, key) {
  const named = [...within.querySelectorAll("[data-key]")];
  const found = /** @type {HTMLElement | undefined} */ (
    named.find((each) => each.getAttribute("data-key") === key)
  );
  if (!found) return false;
  if (found.matches(TYPED_INTO)) found.focus();
  else found.click();
  return true;
}

/** The buttons of a card say of how many records they decide: of its own, and of those ticked.
 * @param {Element} card */
function recount(card) {
  const ticked = card.querySelectorAll("input[type=checkbox]:checked").length;
  for (const count of card.querySelectorAll("[data-count]"))
    count.textContent = String(Number(count.getAttribute("data-count")) + ticked);
}
