// The content of a form in words, for lists of drafts and of ops that were not accepted.

import kinds from "../kinds.js";

/** @import { FormContent } from "../types/storage.js" */

const EXCERPT = 24; // characters

/** What was typed and chosen, in one line. @param {FormContent} content */
export function textsOf({ fields }) {
  const texts = Object.values(fields).flatMap((field) => [
    ...field.texts,
    ...field.chosen.map(({ label }) => label),
  ]);
  return texts.filter(Boolean).join(" · ");
}

/**
 * What the form is about: its heading, or, for a new record, the beginning of what was typed.
 * @param {FormContent} content
 */
export function aboutOf(content) {
  const typed = Object.values(content.fields).flatMap(({ texts }) => texts.filter(Boolean));
  return (kinds[content.kind]?.creates && typed[0]?.slice(0, EXCERPT)) || content.about;
}
