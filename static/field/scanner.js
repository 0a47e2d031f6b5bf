// The scanner: watches the camera for a label of ours and opens the page that takes it.

import { resetAutoSubmit } from "./forms.js";
import { codeText } from "./normalise.js";
import { decode } from "./qr_reader.js";

const PAUSE = 120; // ms between pictures
const NOT_OURS = [80, 60, 80]; // vibration, in ms
const LABEL = /\/p\/([0-9a-f-]{36}\.[A-Z2-7]{16})\/*(?:[?#].*)?$/s;
const SHORT_NUMBER = /^\d{2,10}$/;

/**
 * Starts the camera if the page has a place for it (`data-scan`: a video, a hint, a torch button).
 */
export async function startScanner() {
  const place = document.querySelector("[data-scan]");
  if (!(place instanceof HTMLElement) || place.dataset.watching) return;
  place.dataset.watching = "yes";
  const constraints = { video: { facingMode: "environment" } };
  const stream = await navigator.mediaDevices?.getUserMedia(constraints).catch(() => null);
  if (!stream) {
    place.setAttribute("data-blind", "");
    return;
  }
  const video = /** @type {HTMLVideoElement} */ (place.querySelector("video"));
  video.srcObject = stream;
  video.hidden = false;
  await video.play().catch(() => {});
  offerTorch(place, stream);
  const address = await watch(place, video);
  if (address) open(address);
  for (const track of stream.getTracks()) track.stop();
}

/** @param {string} address */
function open(address) {
  resetAutoSubmit();
  const swap = { target: "#page", select: "#page", swap: "outerHTML", push: address };
  void window.htmx.ajax("GET", address, swap);
}

/**
 * Reads pictures until a label of ours is seen, or the page is left.
 * @param {HTMLElement} place
 * @param {HTMLVideoElement} video
 * @returns {Promise<string | null>} an address of the app
 */
async function watch(place, video) {
  let notOurs = "";
  while (place.isConnected) {
    const isReady = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    const text = isReady ? await decode(video).catch(() => null) : null;
    const address = text && addressOf(text);
    if (address && place.isConnected) return address;
    if (text && text !== notOurs) navigator.vibrate?.(NOT_OURS);
    notOurs = text ?? notOurs;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return null;
}

/**
 * The page for what a label says, whatever host it was printed for; null if it is not ours.
 * @param {string} text
 */
function addressOf(text) {
  const label = LABEL.exec(text.trim());
  if (label) return `/field/scan?c=${encodeURIComponent(label[1])}`;
  const number = codeText(text);
  return SHORT_NUMBER.test(number) ? `/field/scan?code=${number}` : null;
}

/**
 * Shows the torch button if the camera has a torch.
 * @param {HTMLElement} place
 * @param {MediaStream} stream
 */
function offerTorch(place, stream) {
  const [track] = stream.getVideoTracks();
  const button = /** @type {HTMLButtonElement} */ (place.querySelector("[data-torch]"));
  if (!track.getCapabilities?.().torch) return;
  button.hidden = false;
  let torch = false;
  button.addEventListener("click", () => {
    torch = !torch;
    void track.applyConstraints({ advanced: [{ torch }] });
  });
}
