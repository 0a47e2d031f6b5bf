export const VERSION: string;
/** Addresses that the service worker caches when it is installed. */
export const SHELL: string[];
/** Addresses that it caches after it has taken over: large files that few phones need. */
export const LATER: string[];
/** Time zone of every site: "Asia/Shanghai". */
export const SITE_ZONE: string;
/** The Content-Security-Policy of pages that are rendered on the phone. */
export const CSP: string;
/** The tabs of each role: first the page that its work begins with. */
export const ROLE_PAGES: [role: string, pages: string[]][];
