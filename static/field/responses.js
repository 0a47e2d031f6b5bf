// Responses of the local server, and what its requests say about where they come from.

import { CSP } from "../shell.js";

export const ROOT = "/field/";

/** @param {string} body @param {number} [status] */
export function htmlResponse(body, status = 200) {
  return new Response(body, {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": CSP,
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/**
 * @param {string} address below /field/; leading slashes are dropped, so that it cannot lead to
 *   another site
 */
export function redirectTo(address) {
  return Response.redirect(new URL(ROOT + address.replace(/^\/+/, ""), location.origin), 303);
}

/** The page from which the request was sent. @param {Request} request */
export function refererUrl(request) {
  return new URL(request.headers.get("HX-Current-URL") ?? request.referrer ?? "", location.href);
}

/** That page as an address below /field/. @param {Request} request */
export function refererAddress(request) {
  const { pathname, search } = refererUrl(request);
  return pathname.slice(ROOT.length) + search;
}

/** The parts of a path below /field/, decoded. @param {URL} url */
export const pathParts = (url) =>
  url.pathname.slice(ROOT.length).split("/").map(decodeURIComponent);

/** Whether htmx sent the request, so that a part of a page is enough. @param {Request} request */
export const isFromHtmx = (request) => Boolean(request.headers.get("HX-Request"));
