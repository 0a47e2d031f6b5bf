/** The languages of the interface, the default one first; made by server/field/compiler/bundle.py. */
declare const languages: { code: string; name: string }[];
export default languages;
