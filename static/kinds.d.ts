export type Kind = {
  v: number;
  type: string | null;
  fact: boolean;
  creates: boolean;
  fields: Record<string, "string" | "integer" | "boolean" | "list" | "object" | "time">;
  shows: Record<string, any>;
  flat: boolean;
};
declare const kinds: Record<string, Kind>;
export default kinds;
