// The filters of our own: how labels, times and numbers are said. server/filters.py says the same, byte for byte.

const MINUTE = 60_000;

/**
 * @param {import("./template_runtime.js").Words} words
 * @returns {Record<string, Function>}
 */
export default function filters({ lang, tz, gettext, ngettext }) {
  const local = new Intl.DateTimeFormat("en-GB", {
    timeZone: tz, hourCycle: "h23", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });

  /** @param {string} iso @returns {Record<string, string>} */
  const parts = (iso) => Object.fromEntries(local.formatToParts(moment(iso)).map(({ type, value }) => [type, value]));

  /** A length of time in its one fitting unit. @param {number} minutes */
  function span(minutes) {
    if (minutes < 60) return ngettext("%(num)s min", "%(num)s min", minutes);
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return ngettext("%(num)s h", "%(num)s h", hours);
    return ngettext("%(num)s day", "%(num)s days", Math.floor(hours / 24));
  }

  return {
    /** A label in the language of the page; a name is the same in both. @param {any} label */
    say(label) {
      if (typeof label !== "object" || label === null || Array.isArray(label)) return label || "";
      return label[lang] || Object.values(label)[0] || "";
    },

    /** The hour and minute at the site. @param {string | null | undefined} iso */
    clock(iso) {
      if (!iso) return "";
      const { hour, minute } = parts(iso);
      return `${hour}:${minute}`;
    },

    /** The day at the site; a day stays the day it is. @param {string | null | undefined} iso */
    day(iso) {
      if (!iso) return "";
      if (iso.length === 10) return iso.slice(5);
      const { month, day } = parts(iso);
      return `${month}-${day}`;
    },

    /** How long ago, in words. @param {string | null | undefined} iso @param {string} now */
    ago(iso, now) {
      if (!iso) return gettext("never");
      const minutes = Math.floor((moment(now) - moment(iso)) / MINUTE);
      return minutes < 1 ? gettext("just now") : gettext("%(span)s ago", { span: span(minutes) });
    },

    /** Whether a window has closed. @param {string | null | undefined} windowEnd @param {string} now */
    late(windowEnd, now) {
      return Boolean(windowEnd) && moment(now) > moment(String(windowEnd));
    },

    /** A time so many hours later, as records write it. @param {string} iso @param {number} hours */
    plus_hours(iso, hours) {
      return new Date(moment(iso) + hours * 60 * MINUTE).toISOString();
    },

    /** Whole cents as people read an amount: 1,234.56. @param {number} cents */
    money(cents) {
      const whole = String(Math.floor(Math.abs(cents) / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
      return `${cents < 0 ? "-" : ""}${whole}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
    },

    /** The last four characters; dots for the rest. @param {string | null | undefined} number */
    mask(number) {
      if (number && typeof number !== "string") throw new TypeError("mask of no text");
      const letters = Array.from(number || "");
      return "•".repeat(Math.max(letters.length - 4, 0)) + letters.slice(-4).join("");
    },
  };
}

const WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** @param {string} iso @returns {number} */
function moment(iso) {
  const found = WITH_OFFSET.test(iso) ? Date.parse(iso) : NaN;
  if (Number.isNaN(found)) throw new RangeError(`not a time: ${iso}`);
  return found;
}
