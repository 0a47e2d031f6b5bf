// Poison-message isolation: finds the ops on which the server fails, so that they do not block the
// ops after them. A batch that fails three times is sent op by op; an op that fails alone is set
// aside until the end of the sync, and is then tried again, alone.

/** @import { OutboxRow } from "../types/storage.js" */

const MOST_FAILURES = 3;

export class PoisonIsolator {
  /** Id of the first op of the batch that failed last, and how often it failed in a row. */
  #failedFirst = "";
  #failures = 0;

  /** How many ops are still to be sent one by one. */
  #singles = 0;

  /** @type {Set<string>} */
  #setAside = new Set();

  /**
   * Takes the next batch from the unsent ops.
   * @param {(limit: number) => Promise<OutboxRow[]>} read gives the first unsent ops, in order
   * @param {number} limit most ops in a batch
   */
  async nextBatch(read, limit) {
    const most = this.#singles ? 1 : limit;
    const rows = await read(most + this.#setAside.size);
    return rows.filter(({ id }) => !this.#setAside.has(id)).slice(0, most);
  }

  onSuccess() {
    this.#singles = Math.max(0, this.#singles - 1);
  }

  /**
   * @param {OutboxRow[]} batch the batch on which the server failed
   * @returns {boolean} whether to wait before trying again; false: the op was set aside, go on with
   *   the next
   */
  onFailure(batch) {
    if (!batch.length) return true; // it only reported lost ops
    const [{ id }] = batch;
    if (this.#singles) {
      this.#setAside.add(id);
      this.#singles -= 1;
      return false;
    }
    this.#failures = this.#failedFirst === id ? this.#failures + 1 : 1;
    this.#failedFirst = id;
    if (this.#failures >= MOST_FAILURES) {
      this.#singles = batch.length;
      this.#failures = 0;
    }
    return true;
  }

  /**
   * Lets the ops that were set aside be tried again, one by one.
   * @returns {boolean} whether there were any
   */
  release() {
    if (!this.#setAside.size) return false;
    this.#singles = this.#setAside.size;
    this.#setAside.clear();
    return true;
  }
}
