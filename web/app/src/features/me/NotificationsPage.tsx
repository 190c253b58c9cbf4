/** What happened to the user's auctions, bids and orders. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { eventName } from "../../ui/events";
import { Listing } from "../../ui/Listing";
import { Empty } from "../../ui/Page";
import { MePage } from "./MePage";
import { notificationsQuery } from "./queries";

type Notification = Schemas["Notification"];

function About({ notification, children }: { notification: Notification; children: ReactNode }) {
  if (notification.auctionId !== null) {
    return (
      <Link to="/auctions/$id" params={{ id: notification.auctionId }} className="font-medium hover:underline">
        {children}
      </Link>
    );
  }
  if (notification.flashSaleId !== undefined && notification.flashSaleId !== null) {
    return (
      <Link to="/sales/$id" params={{ id: notification.flashSaleId }} className="font-medium hover:underline">
        {children}
      </Link>
    );
  }
  return <span className="font-medium">{children}</span>;
}

function Row({ notification }: { notification: Notification }) {
  const t = useText();
  const { date } = useFormats();
  const unread = notification.readAt === null;
  return (
    <article className={`border-line grid gap-1 rounded-(--radius-card) border p-4 ${unread ? "bg-surface" : ""}`}>
      <p className="flex flex-wrap items-baseline justify-between gap-3">
        <About notification={notification}>
          {notification.auctionTitle ?? notification.productName ?? eventName(t, notification.kind)}
        </About>
        <span className="text-muted text-sm">
          {unread && <strong className="text-accent">{t("me.new")} · </strong>}
          {date(notification.createdAt)}
        </span>
      </p>
      <p>{eventName(t, notification.kind)}</p>
    </article>
  );
}

function List() {
  const t = useText();
  return (
    <Listing
      query={useInfiniteQuery(notificationsQuery)}
      keyOf={(each) => each.id}
      empty={<Empty>{t("me.noNotifications")}</Empty>}
    >
      {(each) => <Row notification={each} />}
    </Listing>
  );
}

export function NotificationsPage() {
  const t = useText();
  const queries = useQueryClient();
  const read = useMutation({
    mutationFn: () => rostrum.post("/api/v1/users/me/notifications/read", { body: { all: true } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["notifications"] }),
  });
  const markAll = (
    <Button
      busy={read.isPending}
      onClick={() => {
        read.mutate();
      }}
    >
      {t("me.markAll")}
    </Button>
  );
  return (
    <MePage title={t("me.notifications")} aside={markAll}>
      {read.isError && <ErrorNotice error={read.error} />}
      <List />
    </MePage>
  );
}
