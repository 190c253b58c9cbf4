/** Messages that no program could read or decide: sent again once the cause is mended, or removed. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Empty } from "../../ui/Page";
import { Act } from "./Act";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { deadLettersQuery } from "./queries";

type Letter = Schemas["DeadLetter"];

function Acts({ letter }: { letter: Letter }) {
  const t = useText();
  const queries = useQueryClient();
  const params = { path: { id: letter.id } };
  const settled = { onSuccess: () => queries.invalidateQueries({ queryKey: ["admin"] }) };
  const requeue = useMutation({
    ...settled,
    mutationFn: () => rostrum.post("/api/v1/admin/dead-letters/{id}/requeue", { params }),
  });
  return (
    <div className="grid gap-2">
      <div className="flex gap-2">
        <Button
          busy={requeue.isPending}
          onClick={() => {
            requeue.mutate();
          }}
        >
          {t("admin.requeue")}
        </Button>
        <Act
          text={t("ui.remove")}
          label={t("admin.removeLetter")}
          act={(reason) => rostrum.del("/api/v1/admin/dead-letters/{id}", { params: { ...params, query: { reason } } })}
        >
          {t("admin.removeLetterExplained", { key: letter.routingKey })}
        </Act>
      </div>
      {requeue.isError && <ErrorNotice error={requeue.error} />}
    </div>
  );
}

function List() {
  const t = useText();
  const { date, number } = useFormats();
  return (
    <AdminTable
      label={t("admin.deadLetters")}
      query={useInfiniteQuery(deadLettersQuery)}
      empty={<Empty>{t("admin.noDeadLetters")}</Empty>}
      head={[
        t("admin.time"),
        t("admin.routingKey"),
        t("ui.reason"),
        t("admin.bytes"),
        t("admin.times"),
        t("admin.acts"),
      ]}
      keyOf={(letter) => letter.id}
    >
      {(letter) => (
        <>
          <td className="whitespace-nowrap">{date(letter.createdAt)}</td>
          <td className="break-all">{letter.routingKey}</td>
          <td>{letter.reason}</td>
          <td className="text-right tabular-nums">{number(letter.bytes)}</td>
          <td className="text-right tabular-nums">{number(letter.times)}</td>
          <td>
            {letter.requeuedAt === null ? (
              <Acts letter={letter} />
            ) : (
              t("admin.requeuedAt", { time: date(letter.requeuedAt) })
            )}
          </td>
        </>
      )}
    </AdminTable>
  );
}

export function DeadLettersPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.deadLetters")}>
      <List />
    </AdminPage>
  );
}
