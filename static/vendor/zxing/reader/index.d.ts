// Types of the part of zxing-wasm that field/qr_reader.js uses.

export function prepareZXingModule(options: {
  overrides: { locateFile(path: string): string };
}): void;

export function readBarcodes(
  image: ImageData,
  options: { formats: "QRCode"[]; tryHarder: boolean; maxNumberOfSymbols: number },
): Promise<{ text: string }[]>;
