/** A message of the catalogue and its context; made by server/field/compiler/label_manifest.py. */
export type Label = [string, string | null];

declare const labels: {
  /** By the name of the kind. */
  kinds: Record<string, Label>;
  unknown_kind: Label;
  /** By the code of the verdict. */
  refusals: Record<string, Label>;
  unknown_refusal: Label;
};
export default labels;
