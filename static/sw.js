// The second host of answer(): pages without a network. Keeps the shell; never judges, never invents.

import { answer } from "./field/local_server.js";
import { exchange } from "./field/sync.js";
import { LATER, SHELL, VERSION } from "./shell.js";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const CACHE = `lodge-${VERSION}`;

worker.addEventListener("install", (event) => {
  // Chromium may ask the network on a cold navigation before it asks the worker: this route stops it
  event.addRoutes?.([{ condition: { urlPattern: { pathname: "/field/*" } }, source: "fetch-event" }]);
  event.waitUntil(keepShell());
});

async function keepShell() {
  const cache = await caches.open(CACHE);
  await Promise.all(SHELL.map((address) => keep(cache, address)));
}

const TYPES = { js: "javascript", css: "text/css", svg: "image/svg", webmanifest: "manifest+json", wasm: "wasm", "": "text/html" };

/** A portal answers everything with a page of its own: only what is what it should be is kept. @param {Cache} cache @param {string} address */
async function keep(cache, address) {
  const response = await fetch(address, { cache: "reload", redirect: "error" });
  const [, ending = ""] = /\.(\w+)$/.exec(address) ?? [];
  const ours = response.headers.get("Content-Type")?.includes(TYPES[/** @type {keyof typeof TYPES} */ (ending)] ?? "");
  const page = ending || (await response.clone().text()).includes(VERSION);
  if (!response.ok || !ours || !page) throw new TypeError(`${address} is not what it should be`);
  await cache.put(address, response.clone());
  return response;
}

worker.addEventListener("activate", (event) => event.waitUntil(takeOver().then(() => void keepLater())));

async function takeOver() {
  await worker.clients.claim();
  await letGo();
}

/** Of the version before, pages that are still open may want something yet; the next one is not ours to touch. */
async function letGo() {
  const { installing, waiting } = worker.registration;
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (installing || waiting || windows.length > 1) return;
  for (const name of await caches.keys()) if (name.startsWith("lodge-") && name !== CACHE) await caches.delete(name);
}

async function keepLater() {
  const cache = await caches.open(CACHE);
  for (const address of LATER) await keep(cache, address).catch(() => {}); // without a network: when it is asked for
}

/** "go" is somebody's tap; a page of this very version has no need of the worker before. */
worker.addEventListener("message", (event) => {
  const same = event.data?.version === VERSION;
  if (event.data === "go" || same) worker.skipWaiting();
  if (same) event.waitUntil(letGo());
});

worker.addEventListener("sync", (event) => {
  if (/** @type {any} */ (event).tag === "lodge") /** @type {any} */ (event).waitUntil(sent());
});

/** The browser tries again later when this fails, and when a page was at it: that may be closed before it is done. */
async function sent() {
  if ((await exchange()) !== "done") throw new Error("not sent yet");
}

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== location.origin) return;
  if (SHELL.includes(url.pathname) && url.pathname !== "/field/") event.respondWith(kept(event.request));
  else if (url.pathname.startsWith("/p/")) event.respondWith(toScan(url.pathname.slice("/p/".length)));
  else if (LATER.includes(url.pathname)) event.respondWith(keptLater(event.request));
  else if (url.pathname.startsWith("/field/build/")) event.respondWith(ofBefore(event.request));
  else if (url.pathname.startsWith("/field/")) event.respondWith(answer(event.request));
});

/** @param {Request} request */
async function kept(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreSearch: true })) ?? fetch(request);
}

/** An open page of another version gets what is still here of it. @param {Request} request */
async function ofBefore(request) {
  return (await caches.match(request, { ignoreSearch: true })) ?? fetch(request);
}

/** What is large is fetched once, when it is first wanted, if it was not there before. @param {Request} request */
async function keptLater(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request, { ignoreSearch: true })) ?? keep(cache, new URL(request.url).pathname);
}

/** A label that another app has read leads to the page that takes it, with or without a network. @param {string} code */
const toScan = (code) => Response.redirect(`/field/scan?c=${encodeURIComponent(code)}`, 302);
