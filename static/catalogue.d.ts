declare const catalogue: Record<string, Record<string, string | string[]>>;
export default catalogue;
