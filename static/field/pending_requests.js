// Counts the requests that htmx has begun and not finished.

let pending = 0;

document.addEventListener("htmx:before:request", () => {
  pending += 1;
});
document.addEventListener("htmx:finally:request", () => {
  pending -= 1;
});

export const hasPendingRequests = () => pending > 0;
