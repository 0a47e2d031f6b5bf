// What browsers have and TypeScript's own libraries do not describe.

interface HtmxSwap {
  text: string;
  target: Element;
  select: string;
  swap: string;
  sourceElement: Element;
}

interface Htmx {
  config: { morphSkip: string };
  registerExtension(name: string, extension: HtmxExtension): void;
  process(element: Element): void;
  swap(options: HtmxSwap): Promise<void>;
  ajax(
    method: string,
    address: string,
    options: { target: string; select: string; swap: string; push: string },
  ): Promise<void>;
}

interface HtmxExtension {
  init?(page: { initSecurity(policy: TrustedTypePolicy): void }): void;
}

/** https://w3c.github.io/trusted-types/ What it makes stands for text wherever text was taken. */
interface TrustedTypePolicy {
  createHTML(text: string): string;
  createScript(text: string): string;
  createScriptURL(text: string): string;
}

interface Window {
  trustedTypes?: { createPolicy(name: string, rules: TrustedTypePolicy): TrustedTypePolicy };
  htmx: Htmx;
}

/** https://wicg.github.io/background-sync/spec/ */
interface SyncManager {
  register(tag: string): Promise<void>;
}

interface ServiceWorkerRegistration {
  readonly sync?: SyncManager;
}

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

interface ServiceWorkerGlobalScopeEventMap {
  sync: SyncEvent;
}

/** https://w3c.github.io/ServiceWorker/#register-router-method */
interface ExtendableEvent {
  addRoutes?(
    rules: { condition: { urlPattern: { pathname: string } }; source: "fetch-event" }[],
  ): Promise<void>;
}

/** https://wicg.github.io/shape-detection-api/#barcode-detection-api */
interface BarcodeDetector {
  detect(image: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}

declare var BarcodeDetector:
  | {
      new (options: { formats: string[] }): BarcodeDetector;
      getSupportedFormats(): Promise<string[]>;
    }
  | undefined;

interface MediaTrackCapabilities {
  torch?: boolean;
}

interface MediaTrackConstraintSet {
  torch?: boolean;
}
