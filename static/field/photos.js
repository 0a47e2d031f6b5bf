// Photos: made small and marked on the phone, sent in pieces after the ops.

import { database, isFull, recall, recallAll, within, write } from "./database.js";

const SIDE = 1600;
const MOST = 200 * 1024;
const PIECE = 64 * 1024;

/**
 * A picked file as a small JPEG with time and words on it.
 * @param {File} file @param {string} words @returns {Promise<{sha256: string, bytes: number, data: ArrayBuffer, type: string, state: string, captured_at: string}>}
 */
export async function shrink(file, words) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  let side = SIDE;
  let data = await drawn(bitmap, side, 0.8, words);
  for (let quality = 0.7; data.byteLength > MOST; quality -= 0.15) {
    if (quality < 0.4) [quality, side] = [0.7, side * 0.7];
    data = await drawn(bitmap, side, quality, words);
  }
  bitmap.close();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const captured_at = new Date(file.lastModified || Date.now()).toISOString();
  return { sha256, bytes: data.byteLength, data, type: "image/jpeg", state: "unsent", captured_at };
}

/** @param {ImageBitmap} bitmap @param {number} side @param {number} quality @param {string} words */
async function drawn(bitmap, side, quality, words) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.drawImage(bitmap, 0, 0, width, height);
  mark(pen, width, height, words);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  return blob.arrayBuffer();
}

/** @param {OffscreenCanvasRenderingContext2D} pen @param {number} width @param {number} height @param {string} words */
function mark(pen, width, height, words) {
  const size = Math.max(12, Math.round(width / 36));
  pen.font = `${size}px sans-serif`;
  pen.fillStyle = "rgba(0,0,0,.55)";
  pen.fillRect(0, height - size * 2, width, size * 2);
  pen.fillStyle = "#fff";
  pen.fillText(words, size / 2, height - size * 0.65, width - size);
}

/** How many are still to be sent, without reading them. @returns {Promise<number>} */
export async function count() {
  return (await database()).countFromIndex("photos", "state", "unsent");
}

/** How much is still to be sent, without reading it. */
export async function left() {
  const report = { photos: 0, photo_bytes: 0 };
  const index = (await database()).transaction("photos").store.index("size");
  for (let at = await index.openKeyCursor(within("unsent")); at; at = await at.continue()) {
    report.photos += 1;
    report.photo_bytes += at.key[1];
  }
  return report;
}

/** What the server has leaves a phone that has no more room. */
export function spare() {
  return write(["photos"], async (tx) => {
    for (const key of await tx.store.index("state").getAllKeys("sent")) tx.store.delete(key);
  });
}

/** Sends what waits, from the byte where the server is; one that it will not take holds up no other. @param {typeof import("./sync.js").call} call */
export async function send(call) {
  const [device, epoch] = await recallAll(["device", "epoch"]);
  const keys = await (await database()).getAllKeysFromIndex("photos", "state", "unsent");
  let failed = null;
  for (const key of keys) {
    const row = await (await database()).get("photos", key);
    if (!row) continue;
    try {
      await sendOne(call, `/sync/${device.site}/photos/${row.sha256}`, row, device.token);
      await write(["photos", "meta"], async (tx) => {
        const [photos, now] = [tx.objectStore("photos"), await tx.objectStore("meta").get("epoch")];
        if (now !== epoch || !(await photos.get(key))) return; // restored, or let go of, meanwhile
        if (isFull()) photos.delete(key);
        else photos.put({ ...row, state: "sent" });
      });
    } catch (error) {
      const { status } = /** @type {any} */ (error);
      if (!(status >= 400 && status < 500) || status === 401 || status === 429) throw error;
      failed = error;
    }
  }
  if (failed) throw failed;
}

/** @param {typeof import("./sync.js").call} call @param {string} address @param {any} row @param {string} token */
async function sendOne(call, address, row, token) {
  let from = Math.min(await known(address, token), row.bytes - 1);
  for (;;) {
    const piece = row.data.slice(from, from + PIECE);
    const last = from + piece.byteLength - 1;
    const range = `bytes ${from}-${last}/${row.bytes}`;
    const answer = await call(address, piece, { "Content-Range": range, "Content-Type": row.type }, "PUT");
    if (answer.complete) return;
    from = last + 1;
  }
}

/** How many bytes the server says it has: a portal says that as well, so the last one is always sent. @param {string} address @param {string} token */
async function known(address, token) {
  const response = await fetch(address, { method: "HEAD", headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
  return response?.ok ? Infinity : Number(response?.headers.get("Upload-Offset") ?? 0);
}

/** A photo to be shown: from this phone, or else from the server, if it answers. @param {string} sha256 @returns {Promise<Response>} */
export async function shown(sha256) {
  const row = await (await database()).get("photos", sha256);
  if (!row) return fromServer(sha256);
  return new Response(row.data, { headers: { "Content-Type": row.type, "X-Content-Type-Options": "nosniff" } });
}

/** @param {string} sha256 */
async function fromServer(sha256) {
  const { site, token } = await recall("device");
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`/sync/${site}/photos/${sha256}`, { headers }).catch(() => null);
  const picture = answer?.ok && answer.headers.get("Content-Type")?.startsWith("image/");
  return picture ? answer : new Response(null, { status: 404 });
}
