// Whether two texts are about the same home or the same thing. The same as sync/protocol/likeness.py.

const HOME_NUMBER =
  /(?<![0-9])[0-9]+(?: *(?:号楼|号|栋|幢|座|单元|层|[-–—/#]) *[0-9]+)*(?![0-9年月日元块米点.:])/g;
const MIN_ROOM_DIGITS = 3;
const MAX_ROOM_DIGITS = 4;
const EVERYDAY_WORDS = new Set([
  ...["the", "and", "for", "with", "from", "has", "have", "there", "not", "room", "home"],
  ...["业主", "住户", "家里", "我家", "他家", "反映", "请问", "师傅", "物业", "单元", "号楼"],
]);

/** Whether a home's number stands in both texts. @param {string} one @param {string} other */
export function namesSameHome(one, other) {
  const numbers = homeNumbers(other);
  return homeNumbers(one).some((a) => numbers.some((b) => endsAlike(a, b)));
}

/** Whether two texts have a word in common. @param {string} one @param {string} other */
export function sharesWords(one, other) {
  const words = wordsOf(other);
  return [...wordsOf(one)].some((word) => words.has(word));
}

/**
 * The home numbers in a text, each as its parts without leading zeros, the room last.
 * @param {string} text
 */
function homeNumbers(text) {
  const numbers = text.normalize("NFKC").match(HOME_NUMBER) ?? [];
  const found = numbers.map((number) => number.match(/[0-9]+/g) ?? []);
  const rooms = found.filter((parts) => {
    const digits = parts[parts.length - 1].length;
    return digits >= MIN_ROOM_DIGITS && digits <= MAX_ROOM_DIGITS;
  });
  return rooms.map((parts) => parts.map((part) => part.replace(/^0+/, "")));
}

/** @param {string[]} one @param {string[]} other */
function endsAlike(one, other) {
  const shorter = Math.min(one.length, other.length);
  return one.slice(-shorter).join("-") === other.slice(-shorter).join("-");
}

/** @param {string} text @returns {Set<string>} */
function wordsOf(text) {
  const lower = text.toLowerCase();
  const pairs = (lower.match(/[\u4e00-\u9fff]+/g) ?? []).flatMap((run) =>
    Array.from({ length: run.length - 1 }, (_, i) => run.slice(i, i + 2)),
  );
  const words = [...pairs, ...(lower.match(/[a-z]{3,}/g) ?? [])];
  return new Set(words.filter((word) => !EVERYDAY_WORDS.has(word)));
}
