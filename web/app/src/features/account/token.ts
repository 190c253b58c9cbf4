/** The token of a mail's link, from the fragment of the address. It is removed from there, so that no history keeps it. */
import { useEffect, useState } from "react";

function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) {
    history.replaceState(history.state, "", location.pathname);
  }
  return token;
}

export function useMailToken(): string | null {
  const [token, setToken] = useState(takeToken);
  // A link that is opened in the tab of this page changes only the fragment, which is outside React.
  useEffect(() => {
    const changed = () => {
      const next = takeToken();
      if (next !== null) {
        setToken(next);
      }
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return token;
}
