/** Messages that no program could read or decide. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Empty } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { deadLettersQuery } from "./queries";

function List() {
  const t = useText();
  const { date, number } = useFormats();
  return (
    <AdminTable
      label={t("admin.deadLetters")}
      query={useInfiniteQuery(deadLettersQuery)}
      empty={<Empty>{t("admin.noDeadLetters")}</Empty>}
      head={[
        t("admin.routingKey"),
        t("ui.reason"),
        t("admin.time"),
        t("admin.bytes"),
        t("admin.times"),
        t("admin.requeued"),
      ]}
      keyOf={(letter) => letter.id}
    >
      {(letter) => (
        <>
          <td>
            <Link to="/admin/dead-letters/$id" params={{ id: letter.id }} className="underline">
              {letter.routingKey}
            </Link>
          </td>
          <td>{letter.reason}</td>
          <td className="whitespace-nowrap">{date(letter.createdAt)}</td>
          <td className="text-right tabular-nums">{number(letter.bytes)}</td>
          <td className="text-right tabular-nums">{number(letter.times)}</td>
          <td className="whitespace-nowrap">{letter.requeuedAt === null ? "–" : date(letter.requeuedAt)}</td>
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
