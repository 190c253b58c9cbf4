/** How the deployment is: numbers, back ends, and what waits. */
import { useQuery } from "@tanstack/react-query";
import { toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Badge } from "../../ui/Notice";
import { Card, Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { AdminPage } from "./AdminPage";
import { readinessQuery, statsQuery } from "./queries";
import { useRate } from "./useRate";

function Numbers({ stats }: { stats: Schemas["Stats"] }) {
  const t = useText();
  const { number, money } = useFormats();
  const rate = useRate(stats.bids, Date.parse(stats.countedAt));
  return (
    <div className="grid gap-6 sm:grid-cols-2 lg:grid-cols-3">
      <Card title={t("admin.bids")}>
        <Facts
          items={[
            [t("admin.total"), number(stats.bids)],
            [t("admin.perSecond"), rate === null ? "…" : number(rate)],
            [t("admin.volume"), money(toMinor(stats.salesVolume))],
          ]}
        />
      </Card>
      <Card title={t("admin.auctions")}>
        <Facts
          items={Object.entries(stats.auctions).map(([status, count]) => [
            t(`ui.status.${status as "active"}`),
            number(count),
          ])}
        />
      </Card>
      <Card title={t("admin.users")}>
        <Facts
          items={[
            [t("admin.total"), number(stats.users.total)],
            [t("admin.admins"), number(stats.users.admins)],
            [t("admin.banned"), number(stats.users.banned)],
          ]}
        />
      </Card>
      <Card title={t("admin.waits")}>
        <Facts
          items={[
            [t("admin.deadLetters"), number(stats.deadLetters)],
            [t("admin.outbox"), number(stats.outbox)],
          ]}
        />
      </Card>
    </div>
  );
}

function Health({ ready }: { ready: Schemas["Readiness"] }) {
  const t = useText();
  const { number } = useFormats();
  return (
    <Card title={t("admin.health")}>
      <Facts
        items={[
          ...Object.entries(ready.backEnds).map(([name, { up, latencyMs }]): [string, React.ReactNode] => [
            name,
            <span key={name} className="flex gap-3">
              <Badge tone={up ? "good" : "bad"}>{up ? t("admin.up") : t("admin.down")}</Badge>
              {latencyMs !== undefined && <span className="text-muted">{number(latencyMs)} ms</span>}
            </span>,
          ]),
          [t("admin.shards"), t("admin.shardsOf", { shards: ready.deciding.shards, stopped: ready.deciding.stopped })],
          [
            t("admin.oldest"),
            ready.deciding.oldestUndecidedMs === null ? "–" : `${number(ready.deciding.oldestUndecidedMs)} ms`,
          ],
          [t("admin.warnings"), [...ready.degraded, ...ready.warnings].join(", ") || "–"],
        ]}
      />
    </Card>
  );
}

function Parts() {
  const stats = useQuery(statsQuery);
  const ready = useQuery(readinessQuery);
  return (
    <>
      {stats.isError && <ErrorNotice error={stats.error} onRetry={() => void stats.refetch()} />}
      {stats.data === undefined ? <Skeleton className="h-48" /> : <Numbers stats={stats.data} />}
      {ready.isError && <ErrorNotice error={ready.error} onRetry={() => void ready.refetch()} />}
      {ready.data !== undefined && <Health ready={ready.data} />}
    </>
  );
}

export function DashboardPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.dashboard")}>
      <Parts />
    </AdminPage>
  );
}
