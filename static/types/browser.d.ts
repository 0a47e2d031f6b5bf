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
  process(element: Element): void;
  swap(options: HtmxSwap): Promise<void>;
  ajax(
    method: string,
    address: string,
    options: { target: string; select: string; swap: string; push: string },
  ): Promise<void>;
}

interface Window {
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
