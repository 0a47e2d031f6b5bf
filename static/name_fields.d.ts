/** By record type: the fields that name a person or place, and the field with its id. */
declare const nameFields: Record<string, Record<string, string>>;
export default nameFields;
