// Talks with the server: push, pull, photos, heartbeat. One sender at a time; a tap never waits for it.

import { VERSION } from "../shell.js";
import kinds from "../kinds.js";
import { compare } from "./clock.js";
import { letGo, lineage, meet, missing, offerDeferred, oldest, settle, tally, unsent } from "./outbox.js";
import { isFull, noRoom, recall, recallAll, remember, reserve } from "./database.js";
import * as photos from "./photos.js";
import * as records from "./records.js";
import { used } from "./storage_quota.js";
import { leave } from "./loss_marker.js";

const PATIENCE = 15_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 300_000;
const STRIKES = 3;

/** Nothing was answered: no network, a portal, a tired server. */
class Unanswered extends Error {
  /** @param {string} link @param {number} [status] */
  constructor(link, status = 0) {
    super(link);
    this.link = link;
    this.status = status;
  }
}

let wait = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {() => unknown} */
let tell = () => {};

/** @param {() => unknown} then called whenever something may have changed */
export function listen(then) {
  tell = then;
}

/** Exchange before long: taps come in bursts. @param {number} [after] milliseconds */
export function soon(after = 700) {
  clearTimeout(timer);
  timer = setTimeout(exchange, after);
}

/** A tap is sent before long, but does not hurry a server that is being waited for. */
export function nudge() {
  if (!wait) soon();
}

/** Push and pull; neither waits for the other's success. Says how it ended; null: somebody else is at it. */
export async function exchange() {
  clearTimeout(timer);
  const ended = await navigator.locks.request("lodge-exchange", { ifAvailable: true }, async (lock) => {
    if (!lock || !(await recall("device"))) return null;
    const results = await Promise.allSettled([sendAll(), pull()]);
    const failed = results.find(({ status }) => status === "rejected");
    await noteLink(failed && "reason" in failed ? failed.reason : null).catch(unlessFull);
    await makeRoom().catch(unlessFull);
    return failed ? "failed" : "done";
  }).catch((error) => (unlessFull(error), "failed")); // a read that fails does not end the sending
  if (ended === null) return void soon(5_000);
  wait = ended === "failed" ? Math.min(LONGEST_WAIT, Math.max(FIRST_WAIT, wait * 2)) : 0;
  soon(wait ? wait * (0.5 + Math.random()) : 60_000);
  await leave();
  tell();
  return ended;
}

/** That there is no room is told by the page; what is sent or not is not changed by it. @param {unknown} error */
const unlessFull = (error) => noRoom(error) || console.error(error);

/** The reserve is kept again as soon as it fits; for its sake goes what the server has as well. */
async function makeRoom() {
  if (isFull()) await photos.spare();
  await reserve();
}

/** @param {any} error */
async function noteLink(error) {
  const link = error === null ? "ok" : error instanceof Unanswered ? error.link : noRoom(error) ? "full" : "busy";
  if (error && link !== "full" && !(error instanceof Unanswered)) console.error(error);
  const last = error === null ? { sent_at: new Date().toISOString() } : {};
  const before = (await recall("link")) ?? {};
  await remember("link", { ...before, ...last, state: link });
}

async function sendAll() {
  await hello();
  const pushed = await push();
  if (pushed) {
    await hello(); // now the server knows of every hole, and of nothing more to come
    await push();
  }
  await photos.send(call);
  if (stumble.aside.size) throw tryAgain();
}

/** The heartbeat: clocks are compared, and the server learns what is still here. */
async function hello() {
  const [device, told] = await recallAll(["device", "told"]);
  const tail = await lineage();
  const [pending, first, left] = await Promise.all([tally(), oldest(), photos.left()]);
  const { n, hash } = tail;
  const report = { n, hash, pending, oldest: first?.op.at ?? null, ...left };
  const answer = await call("/sync/hello", {
    lineage: tail.lineage,
    sent_at: new Date().toISOString(),
    app: VERSION,
    kinds: Object.fromEntries(Object.entries(kinds).map(([name, { v }]) => [name, [v]])),
    report: { [device.site]: report },
    storage: await used(),
    log: told?.site === device.site ? told.log : null,
  });
  await hold(device.site, answer);
  await meet(answer.epoch);
  await remember("lost", await unconfessed(await missing(answer.sites[device.site]?.gaps ?? [])));
  await remember("limits", answer.limits);
  await remember("watermark", answer.backup_watermark);
  const today = new Date().toISOString().slice(0, 10);
  if ((await recall("thinned")) !== today) {
    await records.thin();
    await letGo(answer.backup_watermark);
    await remember("thinned", today);
  }
  await offerDeferred(answer.accepts ?? {});
}

/** Keeps the end of the server's log, to say it at the next hello: so nobody cuts the log unseen. @param {string} site @param {any} answer */
const hold = async (site, { log, epoch }) => log?.link && remember("told", { site, log: { ...log, epoch } });

/** What is gone and has not been said yet. @param {number[]} gone */
async function unconfessed(gone) {
  const said = new Set((await recall("confessed")) ?? []);
  return gone.filter((n) => !said.has(n));
}

/** Where the server has stumbled, from one exchange to the next. */
const stumble = { first: "", strikes: 0, singly: 0, aside: /** @type {Set<string>} */ (new Set()) };

/** Sends the outbox in the order of the chain, until it is empty. Says whether anything was sent. */
async function push() {
  let most = (await recall("limits"))?.ops ?? 200;
  let [sent, falls] = [false, 0];
  for (;;) {
    const batch = await turn(stumble.singly ? 1 : most);
    if (!batch.length && !(await recall("lost"))?.length) return sent;
    try {
      await pushBatch(batch);
      [sent, falls] = [true, 0];
      stumble.singly = Math.max(0, stumble.singly - 1);
      tell();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (error.status === 413 && batch.length > 1) most = Math.ceil(batch.length / 2);
      else if (error.status !== 413 && error.status < 500) throw error;
      else if (fell(batch) || ++falls >= STRIKES) throw error;
    }
  }
}

/** Whose turn it is: those that were set aside come last. @param {number} most */
async function turn(most) {
  const { aside } = stumble;
  const rows = await unsent(most + aside.size);
  return fitting(rows.filter(({ id }) => !aside.has(id)).slice(0, most));
}

/**
 * A batch that was not taken three times goes one by one, and what is still not taken is set aside. Says whether to wait.
 * @param {import("./outbox.js").Kept[]} batch
 */
function fell(batch) {
  if (!batch.length) return true; // only what is lost was to be said
  const [{ id }] = batch;
  if (stumble.singly) {
    stumble.aside.add(id);
    stumble.singly -= 1;
    return false;
  }
  stumble.strikes = stumble.first === id ? stumble.strikes + 1 : 1;
  stumble.first = id;
  if (stumble.strikes >= STRIKES) [stumble.singly, stumble.strikes] = [batch.length, 0];
  return true;
}

/** What was set aside has its turn again after a while, one by one. */
function tryAgain() {
  stumble.singly = stumble.aside.size;
  stumble.aside.clear();
  return new Unanswered("busy", 503);
}

/** As many as fit into one request. @param {import("./outbox.js").Kept[]} rows */
function fitting(rows) {
  let bytes = 0;
  const all = rows.filter((row) => (bytes += JSON.stringify(row.op).length * 3) < 900_000);
  const one = all.length ? all : rows.slice(0, 1);
  return one.filter(({ lineage: chain }) => chain === one[0].lineage);
}

/** @param {import("./outbox.js").Kept[]} rows */
async function pushBatch(rows) {
  const [{ site }, gone = []] = await recallAll(["device", "lost"]);
  const tail = await lineage();
  const chain = rows[0]?.lineage ?? tail.lineage;
  const lost = chain === tail.lineage ? gone : []; // places are of one chain: what another has lost is not said here
  const answer = await call(`/sync/${site}/push`, {
    lineage: chain,
    sent_at: new Date().toISOString(),
    lost,
    ops: rows.map(({ op }) => op),
  });
  await hold(site, answer);
  if (!Array.isArray(answer.verdicts)) throw new Unanswered("busy", 500);
  if (lost.length) {
    await remember("confessed", [...((await recall("confessed")) ?? []), ...lost]);
    await remember("lost", undefined);
  }
  if (!(await settle(answer.verdicts, answer.epoch))) throw new Unanswered("busy");
}

/** What is new, page by page. */
async function pull() {
  for (;;) {
    const [device, cursor = null, digest] = await recallAll(["device", "cursor", "digest"]);
    const page = await call(`/sync/${device.site}/pull`, { cursor, limit: 500, ...(digest ? { digest } : {}) });
    await meet(page.epoch);
    const stale = page.changes.length || page.reset || cursor !== page.cursor;
    if (stale) await records.take(page);
    if (stale) tell();
    if (!page.more) return prove(page.digest);
  }
}

/** Once a day: does this phone hold what it should? If not, the next pull says so, and starts anew. @param {string} [digest] */
async function prove(digest) {
  const today = new Date().toISOString().slice(0, 10);
  if (!digest || (await recall("proved")) === today) return;
  const ours = await records.digest();
  await remember("proved", today);
  if (ours !== digest) await remember("digest", ours);
}

/**
 * One request of the wire. Anything but a reply of ours means that nothing was answered.
 * @param {string} address @param {any} body JSON, or bytes for a photo @param {Record<string, string>} [headers]
 * @param {string} [method]
 */
export async function call(address, body, headers = {}, method = "POST") {
  const device = await recall("device");
  const bytes = body instanceof ArrayBuffer;
  const asked = Date.now();
  const response = await fetch(address, {
    method,
    headers: {
      ...(bytes ? {} : { "Content-Type": "application/json" }),
      ...(device ? { Authorization: `Bearer ${device.token}` } : {}),
      ...headers,
    },
    body: bytes ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE),
    redirect: "error",
    cache: "no-store",
  }).catch(() => {
    throw new Unanswered("offline");
  });
  const answer = await response.json().catch(() => null);
  const ours = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  const heard = response.ok && answer?.sync === "1";
  if (heard || ours) await compare(asked, response.headers.get("Date"));
  if (heard) return answer;
  if (response.status === 401 && ours) throw new Unanswered("signed-out", 401);
  const busy = response.status >= 500;
  throw new Unanswered(busy || ours ? "busy" : "offline", busy || ours ? response.status : 0);
}
