/** The audit log: who did what, to whom, and why. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Empty } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { auditQuery } from "./queries";
import { readAuditSearch } from "./search";

const route = getRouteApi("/admin/audit");
const ID_SHOWN = 8; // characters of an id: enough to tell two apart; the link has all of it

function Change({ entry }: { entry: Schemas["AuditEntry"] }) {
  const t = useText();
  if (entry.oldValue === null && entry.newValue === null) {
    return "–";
  }
  return (
    <details>
      <summary className="min-h-8">{t("admin.show")}</summary>
      <pre className="text-sm whitespace-pre-wrap">
        {JSON.stringify({ old: entry.oldValue, new: entry.newValue }, null, 1)}
      </pre>
    </details>
  );
}

function List() {
  const t = useText();
  const { dateSeconds } = useFormats();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <form
        role="search"
        className="grid items-end gap-3 sm:grid-cols-[1fr_1fr_auto]"
        onSubmit={(event) => {
          event.preventDefault();
          const form = Object.fromEntries(new FormData(event.currentTarget));
          void navigate({ search: readAuditSearch({ ...search, ...form }) });
        }}
      >
        <TextField label={t("admin.action")} name="action" defaultValue={search.action ?? ""} />
        <TextField label={t("admin.subject")} name="subject" defaultValue={search.subject ?? ""} />
        <Button kind="primary" type="submit">
          {t("admin.search")}
        </Button>
      </form>
      <AdminTable
        label={t("admin.audit")}
        query={useInfiniteQuery(auditQuery(search))}
        empty={<Empty>{t("admin.nothing")}</Empty>}
        head={[
          t("admin.time"),
          t("admin.actor"),
          t("admin.action"),
          t("admin.subject"),
          t("ui.reason"),
          t("admin.change"),
          t("admin.address"),
        ]}
        keyOf={(entry) => entry.id}
      >
        {(entry) => (
          <>
            <td className="whitespace-nowrap">{dateSeconds(entry.at)}</td>
            <td>
              {entry.actorId === null ? (
                "–"
              ) : (
                <Link to="/admin/users/$id" params={{ id: entry.actorId }} className="underline">
                  {entry.actorId.slice(-ID_SHOWN)}
                </Link>
              )}
            </td>
            <td>{entry.action}</td>
            <td className="break-all">{entry.subject}</td>
            <td>{entry.reason}</td>
            <td>
              <Change entry={entry} />
            </td>
            <td>{entry.address}</td>
          </>
        )}
      </AdminTable>
    </>
  );
}

export function AuditPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.audit")}>
      <List />
    </AdminPage>
  );
}
