// Types of idb.js, from the npm package that it was copied from.
export * from "idb";
