import type { Templates } from "./field/template_runtime.js";

/** Which records of a type a page reads. */
export interface Need {
  /** Hours back that `until` may lie; null: without limit. */
  hours: number | null;
  /** Whether only records whose period has begun are wanted. */
  begun: boolean;
  /** Whether the few that begin next are wanted as well. */
  next?: boolean;
}

/** By page and record type. */
export const needs: Record<string, Record<string, Need>>;
declare const templates: Templates;
export default templates;
