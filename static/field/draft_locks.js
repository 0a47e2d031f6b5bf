// Two tabs with the same form do not share a draft: a tab holds a lock for every draft that it
// shows. The browser lets go of it when the tab is closed or dies.

/** What lets go of each lock of this tab, by the draft's token. @type {Map<string, () => void>} */
const held = new Map();

/**
 * Takes the lock for a draft, unless this tab has it.
 * @param {string} token
 * @returns {Promise<boolean>} whether another tab has it
 */
export async function heldElsewhere(token) {
  if (held.has(token)) return false;
  const isFree = await new Promise((/** @type {(free: boolean) => void} */ resolve) => {
    void navigator.locks.request(`lodge-draft-${token}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise((release) => held.set(token, () => release(undefined)));
    });
  });
  return !isFree;
}

/** Lets go of all drafts but these. @param {Set<string>} shown tokens */
export function letGo(shown) {
  for (const [token, release] of held) {
    if (shown.has(token)) continue;
    held.delete(token);
    release();
  }
}
