// The element <qr-code path="/r/…">: the QR code of an address of this server. It is drawn in a
// shadow tree, where a redraw of the page leaves it alone.

import { generate } from "../vendor/lean_qr.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 4; // modules, as the standard asks

class QrCode extends HTMLElement {
  static observedAttributes = ["path"];

  attributeChangedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const address = new URL(this.getAttribute("path") ?? "", location.origin);
    root.replaceChildren(draw(address.href));
  }
}

/** @param {string} text @returns {SVGElement} dark on light, whatever the colours of the page */
function draw(text) {
  const code = generate(text);
  const side = code.size + 2 * MARGIN;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.setAttribute("width", "100%");
  svg.append(shape(`M0 0h${side}v${side}h${-side}z`, "#fff"), shape(modulesOf(code), "#000"));
  return svg;
}

/** @param {import("../vendor/lean_qr.js").Bitmap2D} code */
function modulesOf(code) {
  const places = Array.from({ length: code.size }, (_, i) => i);
  const dark = places.flatMap((y) => places.filter((x) => code.get(x, y)).map((x) => [x, y]));
  return dark.map(([x, y]) => `M${x + MARGIN} ${y + MARGIN}h1v1h-1z`).join("");
}

/** @param {string} path @param {string} colour */
function shape(path, colour) {
  const element = document.createElementNS(SVG, "path");
  element.setAttribute("d", path);
  element.setAttribute("fill", colour);
  return element;
}

customElements.define("qr-code", QrCode);
