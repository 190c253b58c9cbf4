/** How many notifications are unread. It is asked again after each notification that arrives live. */
import { useQuery } from "@tanstack/react-query";
import { rostrum } from "../lib/rostrum";
import { useText } from "../lib/text";

const FRESH_MS = 60_000;
const SHOWN_MAX = 99;

export function UnreadCount() {
  const t = useText();
  const { data } = useQuery({
    queryKey: ["notifications", "count"],
    queryFn: () => rostrum.get("/api/v1/users/me/notifications/count"),
    staleTime: FRESH_MS,
  });
  const unread = data?.unread ?? 0;
  if (unread === 0) {
    return null;
  }
  return (
    <span
      className="bg-accent text-on-accent rounded-full px-2 text-sm font-semibold"
      aria-label={t("shell.unread", { count: unread })}
    >
      {unread > SHOWN_MAX ? `${String(SHOWN_MAX)}+` : unread}
    </span>
  );
}
