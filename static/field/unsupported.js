// Says what is missing where the app cannot run: written so that a browser of long ago understands it.

(function () {
  var old = !(window.AbortSignal && AbortSignal.timeout && Object.hasOwn && navigator.locks && window.OffscreenCanvas);
  try {
    new RegExp("(?<!a)");
    old = old || !CSS.supports("selector(:has(a))");
  } catch (error) {
    old = true;
  }
  var words = document.getElementById(window.isSecureContext ? (old ? "old" : "") : "insecure");
  if (words) words.hidden = false;
})();
