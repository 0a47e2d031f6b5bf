import type { Templates } from "./field/runtime.js";

export const needs: Record<string, Record<string, number | null>>;
declare const templates: Templates;
export default templates;
