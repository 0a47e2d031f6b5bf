/** Passkeys: the buttons that make one, or sign in with one. */

import { onEachPage } from "./turning.js";

/** @typedef {{ challenge: string, user: { id: string }, excludeCredentials?: { id: string }[] }} MakeOptions */
/** @typedef {{ challenge: string, allowCredentials?: { id: string }[] }} UseOptions */

/** Show the buttons where the browser knows passkeys, and let them work. */
export function offerPasskeys() {
  if (!("PublicKeyCredential" in window)) return;
  onEachPage(() => {
    prepare("data-add-passkey", make);
    prepare("data-passkey", use);
  });
}

/** @param {string} name the attribute with the address of the options
 * @param {(options: any) => Promise<Record<string, unknown>>} answer */
function prepare(name, answer) {
  for (const each of document.querySelectorAll(`[${name}]`)) {
    const button = /** @type {HTMLButtonElement} */ (each);
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      const done = await attempt(
        button.getAttribute(name) ?? "",
        button.dataset.send ?? "",
        answer,
      );
      button.disabled = done;
      const note = /** @type {HTMLElement | null} */ (
        button.parentElement?.querySelector("[data-passkey-failed]")
      );
      if (note) note.hidden = done;
    });
  }
}

/** Ask for the options, let the person answer, send it, and go where the server says.
 * @param {string} ask @param {string} send
 * @param {(options: any) => Promise<Record<string, unknown>>} answer
 * @returns {Promise<boolean>} whether it worked */
async function attempt(ask, send, answer) {
  try {
    const options = await post(ask);
    const { location: next } = await post(send, await answer(options));
    location.assign(next);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} address @param {Record<string, unknown>} [body] */
async function post(address, body = {}) {
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

/** @param {MakeOptions} options */
async function make(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials?.map(withBytes),
  };
  const made = await navigator.credentials.create(
    /** @type {CredentialCreationOptions} */ (/** @type {unknown} */ ({ publicKey })),
  );
  const { id, type, rawId, response } = /** @type {PublicKeyCredential} */ (made);
  const { clientDataJSON, attestationObject } = /** @type {AuthenticatorAttestationResponse} */ (
    response
  );
  const parts = {
    clientDataJSON: text(clientDataJSON),
    attestationObject: text(attestationObject),
  };
  return { id, type, rawId: text(rawId), response: parts };
}

/** @param {UseOptions} options */
async function use(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: options.allowCredentials?.map(withBytes),
  };
  const used = await navigator.credentials.get(
    /** @type {CredentialRequestOptions} */ (/** @type {unknown} */ ({ publicKey })),
  );
  const { id, type, rawId, response } = /** @type {PublicKeyCredential} */ (used);
  const { clientDataJSON, authenticatorData, signature, userHandle } =
    /** @type {AuthenticatorAssertionResponse} */ (response);
  const parts = {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  };
  return { id, type, rawId: text(rawId), response: parts };
}

/** @param {{ id: string }} credential */
const withBytes = (credential) => ({ ...credential, id: bytes(credential.id) });

/** @param {string} base64url */
function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer @returns {string} base64url */
function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
