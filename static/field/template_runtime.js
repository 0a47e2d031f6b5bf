// The runtime of the compiled templates: inheritance, includes, imports, translation. No eval, no
// DOM.

import { eq, extend, fill, num, out, safe } from "./jinja/values.js";

/**
 * @typedef {Record<string, any>} Context
 * @typedef {(run: Run, context: Context, blocks: Blocks, depth: number) => string} Body
 * @typedef {Record<string, Body[]>} Blocks
 * @typedef {{parent: string | null, blocks: Record<string, Body>, root: (run: Run, context:
 *   Context, blocks: Blocks) => string}} Template
 * @typedef {Record<string, Template>} Templates
 * @typedef {Record<string, string | string[]>} Messages
 * @typedef {Record<string, (...values: any[]) => any>} Filters
 * @typedef {{lang: string, tz: string, gettext: (message: string, values?: Context) => string,
 *   ngettext: (one: string, many: string, n: number, values?: Context) => string,
 *   translate: (text: [string, string | null]) => string}} Translation
 * @typedef {{templates: Templates, modules: Map<string, Context>, filters: Filters, globals:
 *   Context}} Run
 */

const CONTEXT_SEPARATOR = "\u0004"; // as in gettext catalogues
const BUILD = new URL("../", import.meta.url);

/**
 * @typedef {object} Options
 * @property {string} [lang] the code of a language; by default "en", the language of the messages
 * @property {string} [tz] time zone in which the filters show times, by default "UTC"
 * @property {Record<string, Messages>} [catalogue] by language: ../catalogue.js
 * @property {(translation: Translation) => Filters} [filters] makes the app's filters: ./filters.js
 * @property {(path: string) => string} [asset] address of a static file; by default, of the same
 *   build as this one
 */

/**
 * @param {Templates} templates ../templates.js
 * @param {string} name "field/tasks.html"
 * @param {Context} context JSON values without fractions: null is Jinja's none, undefined its
 *   undefined
 * @param {Options} [options]
 * @returns {string} HTML
 */
export function render(templates, name, context, options = {}) {
  const { lang = "en", tz = "UTC", catalogue = {}, filters = () => ({}) } = options;
  const { asset = assetAddress } = options;
  const messages = catalogue[lang] ?? {};
  const globals = extend(null, {
    ...templateTranslation(messages),
    asset: (/** @type {any[]} */ [path]) => asset(path),
    range,
    dict,
  });
  const run = {
    templates,
    modules: new Map(),
    filters: filters({ lang, tz, ...textTranslation(messages) }),
    globals,
  };
  return include(run, name, extend(globals, { ...context, lang }));
}

/**
 * `{% include %}`: renders a template in a child of the given context.
 * @param {Run} run @param {string} name @param {Context} context
 */
export function include(run, name, context) {
  return renderWithParents(run, name, extend(context, {}), extend(null, {}));
}

/**
 * `{% import %}`: the names that a template sets at its top level. Without a context, evaluated
 * once for each rendering.
 * @param {Run} run
 * @param {string} name
 * @param {Context | null} context
 */
export function module(run, name, context) {
  const known = context === null && run.modules.get(name);
  if (known) return known;
  const own = extend(context ?? run.globals, {});
  renderWithParents(run, name, own, extend(null, {}));
  if (context === null) run.modules.set(name, own);
  return own;
}

/**
 * A block, as the most derived template defines it.
 * @param {Run} run
 * @param {Context} context
 * @param {Blocks} blocks
 * @param {string} name
 */
export function block(run, context, blocks, name) {
  return blocks[name][0](run, context, blocks, 0);
}

/**
 * `super()`: the block as the next ancestor defines it.
 * @param {Run} run
 * @param {Context} context
 * @param {Blocks} blocks
 * @param {string} name
 * @param {number} depth
 */
export function above(run, context, blocks, name, depth) {
  const body = blocks[name][depth + 1];
  if (!body) throw new Error(`there is no parent block called '${name}'`);
  return safe(body(run, context, blocks, depth + 1));
}

/**
 * Runs a template and then its parents. Blocks are collected, the most derived first.
 * @param {Run} run @param {string} name @param {Context} context @param {Blocks} blocks
 * @returns {string}
 */
function renderWithParents(run, name, context, blocks) {
  const template = run.templates[name];
  if (!template) throw new Error(`there is no template ${name}`);
  for (const own of Object.keys(template.blocks)) (blocks[own] ??= []).push(template.blocks[own]);
  const html = template.root(run, context, blocks);
  return template.parent === null
    ? html
    : html + renderWithParents(run, template.parent, context, blocks);
}

/** @param {string} path */
function assetAddress(path) {
  return new URL(path, BUILD).pathname;
}

/**
 * Translation functions for templates: the message is trusted HTML, values are escaped.
 * @param {Messages} messages
 */
function templateTranslation(messages) {
  const gettext = (/** @type {any[]} */ [text], /** @type {Context} */ values) =>
    safe(fill(singular(messages, text, text), values, out));
  return {
    _: gettext,
    gettext,
    ngettext: (/** @type {any[]} */ [text, texts, n], /** @type {Context} */ values) =>
      safe(fill(plural(messages, text, text, texts, n), { num: n, ...values }, out)),
    pgettext: (/** @type {any[]} */ [context, text], /** @type {Context} */ values) =>
      safe(fill(singular(messages, keyOf(text, context), text), { context, ...values }, out)),
    npgettext: (/** @type {any[]} */ [context, text, texts, n], /** @type {Context} */ values) => {
      const known = plural(messages, keyOf(text, context), text, texts, n);
      return safe(fill(known, { context, num: n, ...values }, out));
    },
  };
}

/** Translation functions for filters: plain text. @param {Messages} messages */
function textTranslation(messages) {
  return {
    /** @param {string} text @param {Context} values */
    gettext: (text, values = {}) => fill(singular(messages, text, text), values, String),
    /** @param {string} text @param {string} texts @param {number} n @param {Context} values */
    ngettext: (text, texts, n, values = {}) =>
      fill(plural(messages, text, text, texts, n), { num: n, ...values }, String),
    /** @param {[string, string | null]} text a message and its context */
    translate: ([text, context]) =>
      String(singular(messages, context === null ? text : keyOf(text, context), text)),
  };
}

/** The key of a message in a context. @param {string} text @param {string} context */
function keyOf(text, context) {
  return context + CONTEXT_SEPARATOR + text;
}

/** @param {Messages} messages @param {string} key see `keyOf` @param {string} text */
function singular(messages, key, text) {
  const known = Object.hasOwn(messages, key) ? messages[key] : text;
  return Array.isArray(known) ? known[0] : known;
}

/**
 * English has two plural forms, Chinese has one: a message has as many texts as its language has
 * forms.
 * @param {Messages} messages
 * @param {string} key see `keyOf`
 * @param {string} text
 * @param {string} texts
 * @param {number} n
 */
function plural(messages, key, text, texts, n) {
  const known = Object.hasOwn(messages, key) ? messages[key] : [text, texts];
  const forms = Array.isArray(known) ? known : [known];
  return forms[forms.length === 1 || eq(n, 1) ? 0 : 1];
}

/** @param {number[]} bounds as in Python: stop; start, stop; or start, stop, step */
function range(bounds) {
  const [start, stop, step] = (bounds.length === 1 ? [0, bounds[0], 1] : [...bounds, 1]).map(num);
  if (!step) throw new Error("range needs a step other than 0");
  const numbers = [];
  for (let at = start; step > 0 ? at < stop : at > stop; at += step) numbers.push(at);
  return numbers;
}

/** @param {any[]} _ @param {Context} named */
function dict(_, named) {
  return { ...named };
}
