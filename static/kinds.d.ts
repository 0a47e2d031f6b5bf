/** What a phone knows of a kind of op; made by server/field/compiler/kinds_manifest.py. */
export interface Kind {
  /** Version of the payload's schema. */
  v: number;
  /** Type of the record that the op is about; null: any. */
  type: string | null;
  fact: boolean;
  /** Whether the op creates the record. */
  creates: boolean;
  /** Whether the op takes the next number of the phone's block. */
  numbered: boolean;
  /** Fields of the payload. */
  fields: Record<string, "string" | "integer" | "boolean" | "list" | "object" | "time">;
  /** Fields that the op sets on the record until it is judged; see field/overlay.js. */
  optimistic_patch: Record<string, any>;
  /** Whether the payload's fields are overlaid on the record as well. */
  overlay_payload: boolean;
}
declare const kinds: Record<string, Kind>;
export default kinds;
