// The service worker: serves the app's files from a cache and its pages from the local request
// handler, and syncs in the background.

import { handleRequest } from "./field/local_server.js";
import { syncNow } from "./field/sync.js";
import { LATER, SHELL, VERSION } from "./shell.js";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const CACHE_PREFIX = "lodge-";
const CACHE = CACHE_PREFIX + VERSION;

/**
 * What the Content-Type of a file contains, by the ending of its address.
 * @type {Record<string, string>}
 */
const CONTENT_TYPES = {
  js: "javascript",
  css: "text/css",
  svg: "image/svg",
  webmanifest: "manifest+json",
  wasm: "wasm",
  "": "text/html",
};

worker.addEventListener("install", (event) => {
  // Chromium may ask the network on a cold navigation before it asks the worker: this route stops
  // it
  event.addRoutes?.([
    { condition: { urlPattern: { pathname: "/field/*" } }, source: "fetch-event" },
  ]);
  event.waitUntil(cacheShell());
});

async function cacheShell() {
  const cache = await caches.open(CACHE);
  await Promise.all(SHELL.map((address) => fetchIntoCache(cache, address)));
}

/**
 * Fetches a file and caches it. A captive portal answers every request with a page of its own: an
 * answer of the wrong type, or a page that does not name this version, is not cached.
 * @param {Cache} cache
 * @param {string} address
 * @throws {TypeError}
 */
async function fetchIntoCache(cache, address) {
  const response = await fetch(address, { cache: "reload", redirect: "error" });
  const [, ending = ""] = /\.(\w+)$/.exec(address) ?? [];
  const isRightType = response.headers.get("Content-Type")?.includes(CONTENT_TYPES[ending] ?? "");
  const isThisVersion = ending || (await response.clone().text()).includes(VERSION);
  if (!response.ok || !isRightType || !isThisVersion)
    throw new TypeError(`wrong answer for ${address}`);
  await cache.put(address, response.clone());
  return response;
}

worker.addEventListener("activate", (event) => {
  event.waitUntil(takeOver().then(() => void cacheLater()));
});

async function takeOver() {
  await worker.clients.claim();
  await deleteOldCaches();
}

/**
 * Deletes the caches of older versions, unless an open page may still need them or a newer version
 * is being installed.
 */
async function deleteOldCaches() {
  const { installing, waiting } = worker.registration;
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (installing || waiting || windows.length > 1) return;
  for (const name of await caches.keys())
    if (name.startsWith(CACHE_PREFIX) && name !== CACHE) await caches.delete(name);
}

async function cacheLater() {
  const cache = await caches.open(CACHE);
  // what fails is cached when it is first requested
  for (const address of LATER) await fetchIntoCache(cache, address).catch(() => {});
}

/**
 * "go": a person has tapped on update. {version}: a page has loaded; if it is of this version,
 * nothing needs the old worker.
 */
worker.addEventListener("message", (event) => {
  const isSameVersion = event.data?.version === VERSION;
  if (event.data === "go" || isSameVersion) worker.skipWaiting();
  if (isSameVersion) event.waitUntil(deleteOldCaches());
});

worker.addEventListener("sync", (event) => {
  if (event.tag === "lodge") event.waitUntil(backgroundSync());
});

/**
 * Fails if the sync did, or if a page is syncing, which may be closed before it is done: the
 * browser tries again later.
 */
async function backgroundSync() {
  if ((await syncNow()) !== "done") throw new Error("not sent yet");
}

worker.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== location.origin) return;
  if (SHELL.includes(pathname) && pathname !== "/field/")
    event.respondWith(fromThisVersion(event.request));
  else if (pathname.startsWith("/p/"))
    event.respondWith(redirectToScan(pathname.slice("/p/".length)));
  else if (LATER.includes(pathname)) event.respondWith(fromCacheOrFetched(event.request));
  else if (pathname.startsWith("/field/build/")) event.respondWith(fromAnyVersion(event.request));
  else if (pathname.startsWith("/field/")) event.respondWith(handleRequest(event.request));
});

/** @param {Request} request */
async function fromThisVersion(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreSearch: true })) ?? fetch(request);
}

/**
 * A file for an open page of another version, which the server does not have any more.
 * @param {Request} request
 */
async function fromAnyVersion(request) {
  return (await caches.match(request, { ignoreSearch: true })) ?? fetch(request);
}

/** @param {Request} request */
async function fromCacheOrFetched(request) {
  const cache = await caches.open(CACHE);
  const cached = await cache.match(request, { ignoreSearch: true });
  return cached ?? fetchIntoCache(cache, new URL(request.url).pathname);
}

/**
 * A label that another app has read opens the page that takes it, also without a network.
 * @param {string} code
 */
const redirectToScan = (code) =>
  Response.redirect(`/field/scan?c=${encodeURIComponent(code.replace(/\/+$/, ""))}`, 302);
