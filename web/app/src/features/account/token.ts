/** The token of a mail's link, from the fragment of the address. It is removed from there, so that no history keeps it. */
import { useState } from "react";

function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) {
    history.replaceState(history.state, "", location.pathname);
  }
  return token;
}

export function useMailToken(): string | null {
  const [token] = useState(takeToken);
  return token;
}
