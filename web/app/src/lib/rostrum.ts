/** The one client of the API that all pages share. The session is the HttpOnly cookie, which no script can read. */
import { createRostrum } from "rostrum-client";

export const rostrum = createRostrum({ baseUrl: location.origin });
