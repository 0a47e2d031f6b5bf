/** Translations by language and English text; a list holds the plural forms. */
declare const catalogue: Record<string, Record<string, string | string[]>>;
export default catalogue;
