// Copies the generated types to dist/: tsc reads a .d.ts file but does not copy it. `npm run build` calls it.
import { copyFileSync } from "node:fs";
import { URL } from "node:url";

copyFileSync(
  new URL("../src/generated/schema.d.ts", import.meta.url),
  new URL("../dist/generated/schema.d.ts", import.meta.url),
);
