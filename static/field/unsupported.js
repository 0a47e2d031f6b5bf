// Shows a notice where the app cannot run. A classic script in old syntax, so that old browsers
// understand it.

(function () {
  var old =
    !("AbortSignal" in window && "timeout" in AbortSignal && "hasOwn" in Object) ||
    !("locks" in navigator && "OffscreenCanvas" in window);
  try {
    new RegExp("(?<!a)");
    old = old || !CSS.supports("selector(:has(a))");
  } catch (error) {
    old = true;
  }
  var notice = document.getElementById(window.isSecureContext ? (old ? "old" : "") : "insecure");
  if (notice) notice.hidden = false;
})();
