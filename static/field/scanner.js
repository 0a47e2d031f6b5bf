// Reads a label with the camera: the browser's own reader where there is one, else the one that lies beside.

const PAUSE = 120;
const FAILED = [80, 60, 80];

/** @typedef {(image: ImageBitmapSource & CanvasImageSource) => Promise<string | null>} Reader */

/** @type {Promise<Reader> | null} */
let reading = null;

/** What a picture says, or null. @type {Reader} */
export async function decode(image) {
  reading ??= reader();
  return (await reading)(image);
}

/** @returns {Promise<Reader>} */
async function reader() {
  const Native = /** @type {any} */ (globalThis).BarcodeDetector;
  if ((await Native?.getSupportedFormats?.())?.includes("qr_code")) {
    const detector = new Native({ formats: ["qr_code"] });
    return async (image) => (await detector.detect(image))[0]?.rawValue ?? null;
  }
  const { prepareZXingModule, readBarcodes } = await import("../vendor/zxing/reader/index.js");
  const wasm = new URL("../vendor/zxing/zxing_reader.wasm", import.meta.url).href;
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  const canvas = new OffscreenCanvas(1, 1);
  return async (image) => {
    const [found] = await readBarcodes(pixels(canvas, image), { formats: ["QRCode"], tryHarder: true, maxNumberOfSymbols: 1 });
    return found?.text ?? null;
  };
}

/** @param {OffscreenCanvas} canvas @param {any} image */
function pixels(canvas, image) {
  canvas.width = image.videoWidth || image.width;
  canvas.height = image.videoHeight || image.height;
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** What a label says becomes an address of the phone: ours by its path, whatever host printed it. @param {string} text */
export function address(text) {
  const ours = text.match(/\/p\/([0-9a-f-]{36}\.[A-Z2-7]{16})$/);
  if (ours) return `/field/scan?c=${encodeURIComponent(ours[1])}`;
  return /^\d{2,10}$/.test(text) ? `/field/scan?code=${text}` : null;
}

/**
 * Looks through the camera until a label is read; stops when the page is left.
 * @param {HTMLElement} place with a video, a hint and a light @param {(address: string) => void} go
 */
export async function watch(place, go) {
  if (place.dataset.watching) return;
  place.dataset.watching = "yes";
  const video = /** @type {HTMLVideoElement} */ (place.querySelector("video"));
  const stream = await navigator.mediaDevices?.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
  if (!stream) return void place.setAttribute("data-blind", "");
  video.srcObject = stream;
  video.hidden = false;
  await video.play().catch(() => {});
  offerLight(place, stream);
  await look(place, video, go);
  for (const track of stream.getTracks()) track.stop();
}

/** @param {HTMLElement} place @param {HTMLVideoElement} video @param {(address: string) => void} go */
async function look(place, video, go) {
  let strange = "";
  while (place.isConnected) {
    const text = video.readyState >= 2 ? await decode(video).catch(() => null) : null;
    const where = text && address(text);
    if (where && place.isConnected) return go(where);
    if (text && text !== strange) navigator.vibrate?.(FAILED);
    strange = text ?? strange;
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

/** @param {HTMLElement} place @param {MediaStream} stream */
function offerLight(place, stream) {
  const [track] = stream.getVideoTracks();
  const button = /** @type {HTMLButtonElement} */ (place.querySelector("[data-torch]"));
  if (!(/** @type {any} */ (track.getCapabilities?.())?.torch)) return;
  button.hidden = false;
  let on = false;
  button.addEventListener("click", () => track.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: (on = !on) }] })));
}
