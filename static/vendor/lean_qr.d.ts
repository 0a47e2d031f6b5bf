// The part of lean-qr 2.7.4 that we use.

export interface Bitmap2D {
  readonly size: number;
  get(x: number, y: number): boolean;
}

/** The QR code of a text; throws if the text is too long. */
export function generate(text: string): Bitmap2D;
