/** The build of the pages. `npm run dev` serves them beside a deployment on ROSTRUM_HTTP_PORT. */
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { chunks } from "./chunks.ts";
import { messages } from "./messages.ts";

const gateway = `http://127.0.0.1:${process.env.ROSTRUM_HTTP_PORT ?? "8080"}`;
const source = fileURLToPath(new URL("src", import.meta.url));
const root = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  // React has what this package adds to older ones.
  resolve: { alias: { "use-sync-external-store/shim/with-selector": "use-sync-external-store/with-selector" } },
  plugins: [react(), tailwindcss(), messages(source)],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [{ name: chunks(root), debugName: "chunks", test: /./ }],
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    // The gateway refuses requests with cookies from other origins.
    proxy: Object.fromEntries(
      ["/api", "/images", "/.well-known", "/ws"].map((path) => [
        path,
        {
          target: gateway,
          ws: path === "/ws",
          changeOrigin: true,
          rewriteWsOrigin: true,
          headers: { origin: gateway },
        },
      ]),
    ),
  },
});
