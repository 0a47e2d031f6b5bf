// Texts that scripts put into forms. They stand in the template `form-words` of the page, so that
// they are translated with it (_parts/form_words.html).

/**
 * A copy of one part.
 * @param {string} name its `data-words`
 * @returns {HTMLElement | undefined} undefined where a page has none
 */
export function wordsPart(name) {
  const template = document.querySelector("template#form-words");
  const part = /** @type {HTMLTemplateElement | null} */ (template)?.content.querySelector(
    `[data-words=${name}]`,
  );
  return /** @type {HTMLElement | undefined} */ (part?.cloneNode(true));
}
