// Trusted Types: the browser lets text become elements or the address of a script here alone, so
// that a mistake elsewhere cannot run what somebody typed.

const WORKER = "/sw.js";

const RULES = {
  /** Inline scripts are forbidden by the Content-Security-Policy. @param {string} html */
  createHTML: (html) => html,
  /** @param {string} script */
  createScript(script) {
    if (script.trim()) throw new TypeError("no script from text");
    return "";
  },
  /** @param {string} address */
  createScriptURL(address) {
    if (address !== WORKER) throw new TypeError("no script from another address");
    return address;
  },
};

const policy = window.trustedTypes?.createPolicy("lodge", RULES) ?? RULES;

window.htmx.registerExtension("lodge-trusted-types", {
  init: (page) => page.initSecurity(policy),
});

/** The document of a page's text; its scripts do not run. @param {string} html */
export const parseDocument = (html) =>
  new DOMParser().parseFromString(policy.createHTML(html), "text/html");

/** The address of the service worker. */
export const workerAddress = () => policy.createScriptURL(WORKER);
