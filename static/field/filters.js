// The app's own template filters: labels, times and numbers as text. The same, byte for byte, as
// server/i18n/filters.py.

import labels from "../labels.js";
import { compareCodePoints } from "./code_points.js";
import { namesSameHome, sharesWords } from "./likeness.js";
import { isDoubtfulNumber, maskNumbers, phoneNumber } from "./phone_numbers.js";
import { codeText } from "./normalise.js";

const MINUTE = 60_000;

/**
 * @param {import("./template_runtime.js").Translation} translation
 * @returns {import("./template_runtime.js").Filters}
 */
export default function filters({ lang, tz, gettext, ngettext, translate }) {
  const local = new Intl.DateTimeFormat("en-GB", {
    timeZone: tz,
    hourCycle: "h23",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });

  /** @param {string} iso @returns {Record<string, string>} */
  const parts = (iso) =>
    Object.fromEntries(local.formatToParts(moment(iso)).map(({ type, value }) => [type, value]));

  /** A duration in minutes, hours or days. @param {number} minutes */
  function span(minutes) {
    if (minutes < 60) return ngettext("%(num)s min", "%(num)s min", minutes);
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return ngettext("%(num)s h", "%(num)s h", hours);
    return ngettext("%(num)s day", "%(num)s days", Math.floor(hours / 24));
  }

  /**
   * A label in the language of the page, else in any; a plain text is the same in all.
   * @param {any} label
   */
  function say(label) {
    if (typeof label !== "object" || label === null || Array.isArray(label)) return label || "";
    return label[lang] || Object.values(label)[0] || "";
  }

  /** @param {Record<string, import("../labels.js").Label> | undefined} texts @param {any} code @returns {string} */
  function labelOf(texts, code) {
    const label = texts && Object.hasOwn(texts, code) ? texts[code] : undefined;
    return label ? translate(label) : code || "";
  }

  return {
    say,

    /**
     * Records in the natural order of their labels in the language of the page, or of their names
     * or codes.
     * @param {Record<string, any>[]} records
     * @param {string} field
     */
    by_label(records, field = "label") {
      const keyed = records.map((record) => ({ record, key: naturalKey(say(record[field])) }));
      keyed.sort((one, other) => compareCodePoints(one.key, other.key));
      return keyed.map(({ record }) => record);
    },

    /** Hour and minute in the site's time zone. @param {string | null | undefined} iso */
    clock(iso) {
      if (!iso) return "";
      const { hour, minute } = parts(iso);
      return `${hour}:${minute}`;
    },

    /**
     * Month and day in the site's time zone; a date without a time is not converted.
     * @param {string | null | undefined} iso
     */
    day(iso) {
      if (!iso) return "";
      if (iso.length === 10) return iso.slice(5);
      const { month, day } = parts(iso);
      return `${month}-${day}`;
    },

    /**
     * How long ago, in words: "5 min ago".
     * @param {string | null | undefined} iso
     * @param {string} now
     */
    ago(iso, now) {
      if (!iso) return gettext("never");
      const minutes = Math.floor((moment(now) - moment(iso)) / MINUTE);
      return minutes < 1 ? gettext("just now") : gettext("%(span)s ago", { span: span(minutes) });
    },

    /**
     * Whether a time window has ended.
     * @param {string | null | undefined} windowEnd
     * @param {string} now
     */
    late(windowEnd, now) {
      return Boolean(windowEnd) && moment(now) > moment(String(windowEnd));
    },

    /** The time so many hours later, ISO 8601 in UTC. @param {string} iso @param {number} hours */
    plus_hours(iso, hours) {
      return new Date(moment(iso) + hours * 60 * MINUTE).toISOString();
    },

    /** An amount in cents as 1,234.56. @param {number} cents */
    money(cents) {
      const whole = String(Math.floor(Math.abs(cents) / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
      return `${cents < 0 ? "-" : ""}${whole}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
    },

    /** The key of a code that somebody typed. @param {string | null | undefined} text */
    code_key: (text) => codeText(text ?? "").toLowerCase(),

    phone_number: phoneNumber,
    mask: maskNumbers,

    /** What people call a kind of op. @param {string} kind */
    kind_label: (kind) => translate(labels.kinds[kind] ?? labels.unknown_kind),

    /** The sentence for the code of a verdict. @param {string} code */
    refusal_label: (code) => translate(labels.refusals[code] ?? labels.unknown_refusal),

    doubtful_number: isDoubtfulNumber,
    names_same_home: namesSameHome,
    shares_words: sharesWords,

    /** The label of a record's state. @param {any} state @param {string} type */
    state_label: (state, type) => labelOf(labels.states[type], state),

    /**
     * The label of a field's value; words, and codes without a label, stay as they are.
     * @param {any} value
     * @param {string} type
     * @param {string} field
     */
    value_label: (value, type, field) => labelOf(labels.values[type]?.[field], value),

    /**
     * A number of seven digits in two groups, as people say it; any other text as it is.
     * @param {string | null | undefined} number
     */
    spaced(number) {
      if (number && typeof number !== "string") throw new TypeError("spaced needs a text");
      return (number || "").replace(/^([0-9]{3})([0-9]{4})$/, "$1 $2");
    },
  };
}

/** A key to sort by in which 1-2-101 comes before 1-10-101. @param {string} text */
function naturalKey(text) {
  return text.toLowerCase().replace(/[0-9]+/g, (number) => number.padStart(12, "0"));
}

const WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** @param {string} iso with an offset @returns {number} milliseconds @throws {RangeError} */
function moment(iso) {
  const found = WITH_OFFSET.test(iso) ? Date.parse(iso) : NaN;
  if (Number.isNaN(found)) throw new RangeError(`not a time: ${iso}`);
  return found;
}
