// The second host of answer(): pages without a network. Keeps the shell; never judges, never invents.

import { answer } from "./field/answer.js";
import { exchange } from "./field/exchange.js";
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

/** A portal answers everything with a page of its own: only what is what it should be is kept. @param {Cache} cache @param {string} address */
async function keep(cache, address) {
  const response = await fetch(address, { cache: "reload", redirect: "error" });
  const type = response.headers.get("Content-Type") ?? "";
  const script = address.endsWith(".js") && !type.includes("javascript");
  if (!response.ok || script) throw new TypeError(`${address} is not what it should be`);
  await cache.put(address, response);
}

worker.addEventListener("activate", (event) => event.waitUntil(letGo().then(() => void keepLater())));

async function letGo() {
  for (const name of await caches.keys()) if (name.startsWith("lodge-") && name !== CACHE) await caches.delete(name);
  await worker.clients.claim();
}

async function keepLater() {
  const cache = await caches.open(CACHE);
  for (const address of LATER) await keep(cache, address).catch(() => {}); // without a network: when it is asked for
}

worker.addEventListener("message", (event) => {
  if (event.data === "go") worker.skipWaiting();
});

worker.addEventListener("sync", (event) => {
  if (/** @type {any} */ (event).tag === "lodge") /** @type {any} */ (event).waitUntil(exchange());
});

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== location.origin) return;
  if (SHELL.includes(url.pathname) && url.pathname !== "/field/") event.respondWith(kept(event.request));
  else if (url.pathname.startsWith("/p/")) event.respondWith(toScan(url.pathname.slice("/p/".length)));
  else if (LATER.includes(url.pathname)) event.respondWith(keptLater(event.request));
  else if (url.pathname.startsWith("/field/") && !url.pathname.startsWith("/field/build/"))
    event.respondWith(answer(event.request));
});

/** @param {Request} request */
async function kept(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreSearch: true })) ?? fetch(request);
}

/** What is large is fetched once, when it is first wanted, if it was not there before. @param {Request} request */
async function keptLater(request) {
  const cache = await caches.open(CACHE);
  const there = await cache.match(request, { ignoreSearch: true });
  if (there) return there;
  const fresh = await fetch(request);
  if (fresh.ok) await cache.put(request, fresh.clone());
  return fresh;
}

/** A label that another app has read leads to the page that takes it, with or without a network. @param {string} code */
const toScan = (code) => Response.redirect(`/field/scan?c=${encodeURIComponent(code)}`, 302);
