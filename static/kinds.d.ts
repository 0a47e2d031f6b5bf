export type Kind = {
  v: number;
  type: string | null;
  fact: boolean;
  creates: boolean;
  fields: Record<string, "string" | "integer" | "boolean" | "list" | "object">;
  shows: Record<string, any>;
};
declare const kinds: Record<string, Kind>;
export default kinds;
