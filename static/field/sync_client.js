// One HTTP request to the server, as the sync protocol wants it.

import { measureClock } from "./clock.js";
import { getMeta, setMeta } from "./database.js";

const TIMEOUT = 15_000; // ms
const PROBLEM = "application/problem+json";
const FORMER_TOKENS = 3;

/** @typedef {{method?: string, headers?: Record<string, string>, timeout?: number}} RequestOptions `timeout` in ms */

/** The server gave no answer that counts: no network, a captive portal, an error. */
export class SyncError extends Error {
  /**
   * @param {"offline" | "busy" | "signed-out"} link state of the connection
   * @param {number} [status] HTTP status; 0: none of ours
   * @param {string} [code] what the server calls the problem
   */
  constructor(link, status = 0, code = "") {
    super(link);
    this.link = link;
    this.status = status;
    this.code = code;
  }
}

/**
 * Stores the next token of this phone; those before it stay for a while.
 * @param {string} token
 */
export async function saveToken(token) {
  const device = await getMeta("device");
  if (!device || device.token === token) return;
  const others = [device.token, ...(device.former ?? [])].filter((each) => each !== token);
  await setMeta("device", { ...device, token, former: others.slice(0, FORMER_TOKENS) });
}

/**
 * Sends a request with the token of this phone, and, if the server does not know that, with one that
 * the phone had before or has got meanwhile.
 * @param {string} address
 * @param {unknown} body an ArrayBuffer is sent as it is, anything else as JSON
 * @param {RequestOptions} [options]
 * @returns {Promise<any>} the JSON of an answer that has `"sync": "1"`
 * @throws {SyncError} for every other answer, and for none
 */
export async function request(address, body, options = {}) {
  const tried = new Set();
  for (let token = (await getMeta("device"))?.token; ;) {
    try {
      const answer = await send(address, body, options, token);
      if (token && tried.size) await saveToken(token);
      return answer;
    } catch (error) {
      if (!(error instanceof SyncError) || error.status !== 401) throw error;
      tried.add(token);
      const device = await getMeta("device");
      token = [device?.token, ...(device?.former ?? [])].find((each) => each && !tried.has(each));
      if (!token) throw error;
    }
  }
}

/**
 * @param {string} address
 * @param {unknown} body
 * @param {RequestOptions} options
 * @param {string} [token]
 */
async function send(address, body, options, token) {
  const { method = "POST", headers = {}, timeout = TIMEOUT } = options;
  const isBinary = body instanceof ArrayBuffer;
  const requestedAt = Date.now();
  const response = await fetch(address, {
    method,
    headers: {
      ...(isBinary ? {} : { "Content-Type": "application/json" }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: isBinary ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
    redirect: "error",
    cache: "no-store",
  }).catch(() => {
    throw new SyncError("offline");
  });
  const answer = await response.json().catch(() => null);
  const isProblem = response.headers.get("Content-Type")?.startsWith(PROBLEM) ?? false;
  const isAnswer = response.ok && answer?.sync === "1";
  if (isAnswer || isProblem) await measureClock(requestedAt, response.headers.get("Date"));
  if (isAnswer) return answer;
  throw errorFrom(response.status, isProblem, answer?.code);
}

/**
 * @param {number} status
 * @param {boolean} isProblem whether the answer is from our server, not a portal
 * @param {string} [code]
 */
function errorFrom(status, isProblem, code) {
  if (status === 401 && isProblem) return new SyncError("signed-out", 401);
  if (status >= 500 || isProblem) return new SyncError("busy", status, code);
  return new SyncError("offline");
}
