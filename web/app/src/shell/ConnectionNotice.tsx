/** Says when prices are not live, and why. */
import { useSyncExternalStore } from "react";
import { rostrum } from "../lib/rostrum";
import { useText } from "../lib/text";
import { Notice } from "../ui/Notice";

function subscribe(changed: () => void) {
  return rostrum.live.onStatus(changed);
}

export function useConnection() {
  return useSyncExternalStore(subscribe, () => rostrum.live.status());
}

export function ConnectionNotice() {
  const t = useText();
  const status = useConnection();
  if (status !== "offline" && status !== "fallback") {
    return null;
  }
  return (
    <div className="mb-4">
      <Notice tone="warn">{status === "offline" ? t("shell.offline") : t("shell.fallback")}</Notice>
    </div>
  );
}
