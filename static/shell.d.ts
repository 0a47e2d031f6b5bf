export const VERSION: string;
export const SHELL: string[];
export const CSP: string;
