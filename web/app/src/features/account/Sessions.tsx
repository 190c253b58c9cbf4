/** Where the user is logged in, and ending that. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";
import { useFormats } from "../../lib/format";
import { useSessionChanged } from "../../lib/session";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Badge } from "../../ui/Notice";
import { Card, Skeleton } from "../../ui/Page";
import { sessionsQuery } from "./queries";

export function Sessions() {
  const t = useText();
  const { date } = useFormats();
  const queries = useQueryClient();
  const changed = useSessionChanged();
  const query = useQuery(sessionsQuery);
  const end = useMutation({
    mutationFn: (id: string) => rostrum.del("/api/v1/users/me/sessions/{id}", { params: { path: { id } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
  const endAll = useMutation({ mutationFn: () => rostrum.del("/api/v1/users/me/sessions"), onSuccess: changed });
  return (
    <Card title={t("account.sessions")}>
      {query.isPending && <Skeleton />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      <ul className="grid gap-3">
        {query.data?.items.map((each) => (
          <li key={each.id} className="border-line flex flex-wrap items-center justify-between gap-3 border-b pb-3">
            <div className="min-w-0">
              <p>{each.userAgent === "" ? t("account.unknownAgent") : each.userAgent}</p>
              <p className="text-muted text-sm">
                {t("account.sessionFrom", { address: each.address, time: date(each.createdAt) })}
              </p>
            </div>
            {each.current ? (
              <Badge tone="good">{t("account.thisSession")}</Badge>
            ) : (
              <Button busy={end.isPending && end.variables === each.id} onClick={() => end.mutate(each.id)}>
                {t("account.endSession")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {(end.isError || endAll.isError) && <ErrorNotice error={end.error ?? endAll.error} />}
      <Button kind="danger" busy={endAll.isPending} onClick={() => endAll.mutate()}>
        {t("account.endAll")}
      </Button>
    </Card>
  );
}
