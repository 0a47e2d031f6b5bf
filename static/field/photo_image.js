// Makes a picked file a small JPEG with a caption, entirely on the phone.

import { sha256 } from "./canonical_json.js";

/** @import { Photo } from "../types/storage.js" */

const LONGEST_SIDE = 1600; // pixels
const MOST_BYTES = 200 * 1024;

/**
 * @param {File} file
 * @param {string} caption drawn along the lower edge
 * @returns {Promise<Photo>} a row for the photo store, unsent
 */
export async function shrinkPhoto(file, caption) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  let side = LONGEST_SIDE;
  let data = await encode(bitmap, side, 0.8, caption);
  for (let quality = 0.7; data.byteLength > MOST_BYTES; quality -= 0.15) {
    if (quality < 0.4) [quality, side] = [0.7, side * 0.7];
    data = await encode(bitmap, side, quality, caption);
  }
  bitmap.close();
  return {
    sha256: await sha256(data),
    bytes: data.byteLength,
    data,
    type: "image/jpeg",
    state: "unsent",
    captured_at: new Date(file.lastModified || Date.now()).toISOString(),
  };
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} side longest side
 * @param {number} quality
 * @param {string} caption
 */
async function encode(bitmap, side, quality, caption) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(bitmap, 0, 0, width, height);
  drawCaption(context, width, height, caption);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
  return blob.arrayBuffer();
}

/**
 * @param {OffscreenCanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} height
 * @param {string} caption
 */
function drawCaption(context, width, height, caption) {
  const size = Math.max(12, Math.round(width / 36));
  context.font = `${size}px sans-serif`;
  context.fillStyle = "rgba(0,0,0,.55)";
  context.fillRect(0, height - size * 2, width, size * 2);
  context.fillStyle = "#fff";
  context.fillText(caption, size / 2, height - size * 0.65, width - size);
}
