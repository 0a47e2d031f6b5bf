import type { Templates } from "./field/template_runtime.js";

export const needs: Record<string, Record<string, { hours: number | null; begun: boolean; next?: boolean }>>;
declare const templates: Templates;
export default templates;
