/** The build of the pages. `npm run dev` serves them beside a deployment on ROSTRUM_HTTP_PORT. */
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { messages } from "./messages.ts";

const gateway = `http://127.0.0.1:${process.env.ROSTRUM_HTTP_PORT ?? "8080"}`;
const source = fileURLToPath(new URL("src", import.meta.url));
/** Not the plot of prices: it is loaded when it is on the screen. */
const SHARED = /node_modules\/(?!uplot)|src\/(ui|lib|shell)\/|client\/src\//;

export default defineConfig({
  plugins: [react(), tailwindcss(), messages(source)],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // One file for what most pages need: thirty small ones compress worse, and take more ways to the server.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", test: SHARED }] } } },
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
