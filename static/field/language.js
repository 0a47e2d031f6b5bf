// The languages of the interface, and the one that a phone begins with.

import languages from "../languages.js";

export { languages };

/** Whether there is a language with this code. @param {unknown} code */
export const isLanguage = (code) => languages.some((each) => each.code === code);

/** The first language that the browser asks for and that there is, else the default one. */
export function browserLanguage() {
  const wanted = navigator.languages.flatMap((tag) => [tag, tag.split("-")[0]]);
  return wanted.find(isLanguage) ?? languages[0].code;
}
