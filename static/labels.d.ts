/** A message of the catalogue and its context; made by server/field/compiler/label_manifest.py. */
export type Label = [string, string | null];

declare const labels: {
  /** By the name of the kind. */
  kinds: Record<string, Label>;
  unknown_kind: Label;
  /** By the code of the verdict. */
  refusals: Record<string, Label>;
  unknown_refusal: Label;
  /** By the type of record and the state. */
  states: Record<string, Record<string, Label>>;
  /** By the type of record, the field and the value. */
  values: Record<string, Record<string, Record<string, Label>>>;
};
export default labels;
