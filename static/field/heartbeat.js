// The heartbeat (/sync/hello): tells the server what this phone has, and learns what the server
// lacks of it.

import { VERSION } from "../shell.js";
import kinds from "../kinds.js";
import { getMeta, getMetaAll, setMeta } from "./database.js";
import { saveBlock } from "./number_block.js";
import { chainTail } from "./op_chain.js";
import { noteKnown } from "./credentials.js";
import { countUnsentByKind, oldestUnsent } from "./outbox.js";
import { answerGaps, onEpoch, pruneOutbox, resendDeferred } from "./outbox_updates.js";
import { measureUnsent } from "./photos.js";
import { pruneRecords } from "./record_feed.js";
import { measureStorage } from "./storage_quota.js";
import { request, saveToken } from "./sync_client.js";

/** @import { HelloResponse, LogHead } from "../types/storage.js" */

const VERSIONS = Object.fromEntries(Object.entries(kinds).map(([name, { v }]) => [name, [v]]));

/** Of so many earlier epochs the newest link is kept. */
const MAX_EARLIER_LOGS = 8;

export async function sayHello() {
  const [device, told] = await getMetaAll(["device", "told"]);
  if (!device) return;
  const { lineage, n, hash } = await chainTail();
  const [pending, oldest, unsentPhotos] = await Promise.all([
    countUnsentByKind(),
    oldestUnsent(),
    measureUnsent(),
  ]);
  /** @type {HelloResponse} */
  const answer = await request("/sync/hello", {
    lineage,
    sent_at: new Date().toISOString(),
    app: VERSION,
    kinds: VERSIONS,
    report: { [device.site]: { n, hash, pending, oldest: oldest?.op.at ?? null, ...unsentPhotos } },
    storage: await measureStorage(),
    log: told?.site === device.site ? told.log : null,
    earlier_logs: told?.site === device.site ? (told.earlier ?? []) : [],
  });
  if (answer.token) await saveToken(answer.token);
  await saveLogHead(device.site, answer);
  await onEpoch(answer.epoch);
  await setMeta("lost", await unreported(await answerGaps(answer.sites[device.site]?.gaps ?? [])));
  await setMeta("limits", answer.limits);
  if (answer.credentials) await noteKnown(answer.credentials);
  if (answer.lock) await setMeta("lock", answer.lock);
  await setMeta("revoked", answer.revoked ?? undefined);
  const { phones, people, numbers = [] } = answer.sites[device.site] ?? {};
  await saveBlock(numbers);
  if (people) await setMeta("people", people);
  if (phones) await setMeta("phones", { at: answer.received_at, phones });
  await setMeta("watermark", answer.backup_watermark);
  await pruneDaily(answer.backup_watermark);
  await resendDeferred(answer.accepts ?? {});
}

/**
 * Stores the newest entry of the server's log, to be sent with the next hello: so the server
 * notices if its log was cut. The newest one of each earlier epoch stays, so that a log that was
 * rewritten before or after a restore is noticed too.
 * @param {string} site
 * @param {{log?: LogHead, epoch: string}} answer
 */
export async function saveLogHead(site, { log, epoch }) {
  if (!log?.link) return;
  const told = await getMeta("told");
  const known = told?.site === site ? [told.log, ...(told.earlier ?? [])] : [];
  const earlier = known.filter((each) => each.epoch !== epoch).slice(0, MAX_EARLIER_LOGS);
  await setMeta("told", { site, log: { ...log, epoch }, earlier });
}

/** The lost places that the server does not know of yet. @param {number[]} lost */
async function unreported(lost) {
  const reported = new Set((await getMeta("confessed")) ?? []);
  return lost.filter((n) => !reported.has(n));
}

/** @param {string | null} watermark */
async function pruneDaily(watermark) {
  const today = new Date().toISOString().slice(0, 10);
  if ((await getMeta("thinned")) === today) return;
  await pruneRecords();
  await pruneOutbox(watermark);
  await setMeta("thinned", today);
}
