// Counts the requests that htmx has begun, and those of them that it has not finished.

let begun = 0;
let pending = 0;

document.addEventListener("htmx:before:request", () => {
  begun += 1;
  pending += 1;
});
document.addEventListener("htmx:finally:request", () => {
  pending -= 1;
});

export const hasPendingRequests = () => pending > 0;

/** How many requests have begun since the page was loaded. */
export const requestsBegun = () => begun;
