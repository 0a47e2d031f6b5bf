// ESLint for the JavaScript of the phone. Packages are those that `make .venv/node` installs.

import { createRequire } from "node:module";

const require = createRequire(new URL("../.venv/node/package.json", import.meta.url));
const js = require("@eslint/js");
const globals = require("globals");

const unused = { argsIgnorePattern: "^_", varsIgnorePattern: "^_" };

export default [
  { ignores: ["**/vendor/"] },
  js.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.serviceworker } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-unused-vars": ["error", unused],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  {
    // read by browsers that know no newer syntax
    files: ["**/unsupported.js"],
    languageOptions: { ecmaVersion: 5, sourceType: "script" },
    rules: { "no-var": "off", "no-unused-vars": ["error", { caughtErrors: "none" }] },
  },
];
