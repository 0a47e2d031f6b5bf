export const VERSION: string;
export const SHELL: string[];
export const LATER: string[];
export const CSP: string;
