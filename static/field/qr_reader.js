// Reads QR codes: with the browser's own reader where there is one, else with zxing, which is
// loaded when first needed.

/** @typedef {ImageBitmap | HTMLVideoElement} Picture */
/** @typedef {(picture: Picture) => Promise<string | null>} Reader */

/** @type {Promise<Reader> | null} */
let loading = null;

/** The text of a QR code in the picture, or null. @type {Reader} */
export async function decode(picture) {
  loading ??= loadReader();
  return (await loading)(picture);
}

async function loadReader() {
  return (await nativeReader()) ?? (await zxingReader());
}

/** @returns {Promise<Reader | null>} */
async function nativeReader() {
  const Detector = globalThis.BarcodeDetector;
  if (!Detector || !(await Detector.getSupportedFormats()).includes("qr_code")) return null;
  const detector = new Detector({ formats: ["qr_code"] });
  return async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null;
}

/** @returns {Promise<Reader>} */
async function zxingReader() {
  const { prepareZXingModule, readBarcodes } = await import("../vendor/zxing/reader/index.js");
  const wasm = new URL("../vendor/zxing/zxing_reader.wasm", import.meta.url).href;
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  const canvas = new OffscreenCanvas(1, 1);
  return async (picture) => {
    const [found] = await readBarcodes(pixels(canvas, picture), {
      formats: ["QRCode"],
      tryHarder: true,
      maxNumberOfSymbols: 1,
    });
    return found?.text ?? null;
  };
}

/** @param {OffscreenCanvas} canvas @param {Picture} picture */
function pixels(canvas, picture) {
  const isVideo = picture instanceof HTMLVideoElement;
  canvas.width = isVideo ? picture.videoWidth : picture.width;
  canvas.height = isVideo ? picture.videoHeight : picture.height;
  const options = { willReadFrequently: true };
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", options)
  );
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
