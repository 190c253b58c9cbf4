/** Starts the pages: theme and language before the first paint, then the router. */
import { i18n } from "@lingui/core";
import { I18nProvider } from "@lingui/react";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { followSession } from "./lib/session";
import { activateLanguage, preferredLanguage } from "./lib/text";
import { showStoredTheme } from "./lib/theme";
import { keepFocus } from "./shell/kept-focus";
import { queries } from "./shell/queries";
import { router } from "./shell/router";
import { startLiveQueries } from "./shell/live-queries";
import "./style.css";

showStoredTheme();
await activateLanguage(preferredLanguage(), false);
startLiveQueries(queries);
followSession(queries);
keepFocus();
const root = document.getElementById("root");
if (root === null) {
  throw new Error("index.html has no element with the id root");
}
createRoot(root).render(
  <StrictMode>
    <I18nProvider i18n={i18n}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </I18nProvider>
  </StrictMode>,
);
