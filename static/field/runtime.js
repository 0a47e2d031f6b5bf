// Renders the compiled templates: inheritance, includes, imports, translation. No eval, no DOM.
//
//   render(templates, name, context, {lang, catalogue, filters, asset}) -> string
//     templates  default export of ../templates.js; name: "field/tasks.html"
//     context    plain JSON values, no floats (null is Jinja's none, undefined its undefined);
//                context.tz is the site's time zone, "Asia/Shanghai" unless told
//     lang       "zh" or "en"; catalogue: default export of ../catalogue.js, {zh: {msgid: text | [texts]}}
//     filters    default export of ./filters.js, called once with {lang, tz, gettext, ngettext}
//     asset      path -> address; unless told, the file of the same build as this one
//   escape(text) -> string, for bits that are made by hand

import { eq, escape, extend, fill, num, out, safe } from "./jinja/values.js";

export { escape };

/**
 * @typedef {Record<string, any>} Context
 * @typedef {(run: Run, context: Context, blocks: Blocks, depth: number) => string} Body
 * @typedef {Record<string, Body[]>} Blocks
 * @typedef {{parent: string | null, blocks: Record<string, Body>, root: (run: Run, context: Context, blocks: Blocks) => string}} Template
 * @typedef {Record<string, Template>} Templates
 * @typedef {Record<string, string | string[]>} Messages
 * @typedef {{lang: string, tz: string, gettext: (message: string, values?: Context) => string,
 *   ngettext: (one: string, many: string, n: number, values?: Context) => string}} Words
 * @typedef {{templates: Templates, modules: Map<string, Context>, filters: Record<string, Function>, globals: Context}} Run
 */

const CONTEXT_SEPARATOR = "\u0004";
const BUILD = new URL("../", import.meta.url);

/**
 * @param {Templates} templates
 * @param {string} name
 * @param {Context} context
 * @param {{lang?: string, catalogue?: Record<string, Messages>, filters?: (words: Words) => Record<string, Function>,
 *   asset?: (path: string) => string}} [options]
 * @returns {string}
 */
export function render(templates, name, context, options = {}) {
  const { lang = "zh", catalogue = {}, filters = () => ({}), asset = address } = options;
  const messages = catalogue[lang] ?? {};
  const globals = extend(null, { ...callable(messages), asset: (/** @type {any[]} */ [path]) => asset(path), range, dict });
  const tz = context.tz ?? "Asia/Shanghai";
  const run = { templates, modules: new Map(), filters: filters({ lang, tz, ...plain(messages) }), globals };
  return include(run, name, extend(globals, { ...context, lang }));
}

/**
 * A template with a context of its own on top of the one it is given.
 * @param {Run} run @param {string} name @param {Context} context
 */
export function include(run, name, context) {
  return climb(run, name, extend(context, {}), extend(null, {}));
}

/**
 * What `import` makes of a template: everything that its top level set.
 * @param {Run} run @param {string} name @param {Context | null} context
 */
export function module(run, name, context) {
  const known = context === null && run.modules.get(name);
  if (known) return known;
  const own = extend(context ?? run.globals, {});
  climb(run, name, own, extend(null, {}));
  if (context === null) run.modules.set(name, own);
  return own;
}

/** The youngest block of this name. @param {Run} run @param {Context} context @param {Blocks} blocks @param {string} name */
export function block(run, context, blocks, name) {
  return blocks[name][0](run, context, blocks, 0);
}

/**
 * super(): the same block, one ancestor up.
 * @param {Run} run @param {Context} context @param {Blocks} blocks @param {string} name @param {number} depth
 */
export function above(run, context, blocks, name, depth) {
  const body = blocks[name][depth + 1];
  if (!body) throw new Error(`there is no parent block called '${name}'`);
  return safe(body(run, context, blocks, depth + 1));
}

/**
 * Run a template and then its parents; blocks collect youngest first.
 * @param {Run} run @param {string} name @param {Context} context @param {Blocks} blocks
 * @returns {string}
 */
function climb(run, name, context, blocks) {
  const template = run.templates[name];
  if (!template) throw new Error(`there is no template ${name}`);
  for (const own of Object.keys(template.blocks)) (blocks[own] ??= []).push(template.blocks[own]);
  const written = template.root(run, context, blocks);
  return template.parent === null ? written : written + climb(run, template.parent, context, blocks);
}

/** @param {string} path */
function address(path) {
  return new URL(path, BUILD).pathname;
}

/** Translation as templates call it: the text is trusted, what is filled in gets escaped. @param {Messages} messages */
function callable(messages) {
  const gettext = (/** @type {any[]} */ [text], /** @type {Context} */ values) => safe(fill(one(messages, text, text), values, out));
  return {
    _: gettext,
    gettext,
    ngettext: (/** @type {any[]} */ [text, texts, n], /** @type {Context} */ values) =>
      safe(fill(many(messages, text, text, texts, n), { num: n, ...values }, out)),
    pgettext: (/** @type {any[]} */ [context, text], /** @type {Context} */ values) =>
      safe(fill(one(messages, context + CONTEXT_SEPARATOR + text, text), { context, ...values }, out)),
    npgettext: (/** @type {any[]} */ [context, text, texts, n], /** @type {Context} */ values) =>
      safe(fill(many(messages, context + CONTEXT_SEPARATOR + text, text, texts, n), { context, num: n, ...values }, out)),
  };
}

/** Translation as filters call it: plain text in, plain text out. @param {Messages} messages */
function plain(messages) {
  return {
    /** @param {string} text @param {Context} values */
    gettext: (text, values = {}) => fill(one(messages, text, text), values, String),
    /** @param {string} text @param {string} texts @param {number} n @param {Context} values */
    ngettext: (text, texts, n, values = {}) => fill(many(messages, text, text, texts, n), { num: n, ...values }, String),
  };
}

/** @param {Messages} messages @param {string} key "message" or "context\u0004message" @param {string} text */
function one(messages, key, text) {
  const known = Object.hasOwn(messages, key) ? messages[key] : text;
  return Array.isArray(known) ? known[0] : known;
}

/**
 * English has two forms, Chinese one: the catalogue holds as many as its language has.
 * @param {Messages} messages @param {string} key @param {string} text @param {string} texts @param {number} n
 */
function many(messages, key, text, texts, n) {
  const known = Object.hasOwn(messages, key) ? messages[key] : [text, texts];
  const forms = Array.isArray(known) ? known : [known];
  return forms[forms.length === 1 || eq(n, 1) ? 0 : 1];
}

/** @param {number[]} numbers */
function range(numbers) {
  const [start, stop, step] = (numbers.length === 1 ? [0, numbers[0], 1] : [...numbers, 1]).map(num);
  if (!step) throw new Error("range needs a step other than 0");
  const row = [];
  for (let at = start; step > 0 ? at < stop : at > stop; at += step) row.push(at);
  return row;
}

/** @param {any[]} _ @param {Context} named */
function dict(_, named) {
  return { ...named };
}
