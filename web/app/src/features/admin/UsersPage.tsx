/** The users. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { Badge } from "../../ui/Notice";
import { Empty } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { usersQuery } from "./queries";
import { readUserSearch, ROLES } from "./search";
import { SearchBox } from "./SearchBox";

const route = getRouteApi("/admin/users");

function List() {
  const t = useText();
  const { date } = useFormats();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <SearchBox
        words={search.q ?? ""}
        choice={search.role ?? ""}
        choices={ROLES.map((value) => ({ value, text: t(`admin.role.${value}`) }))}
        choiceLabel={t("admin.role")}
        onSearch={(q, role) => void navigate({ search: readUserSearch({ q, role }) })}
      />
      <AdminTable
        label={t("admin.users")}
        query={useInfiniteQuery(usersQuery(search))}
        empty={<Empty>{t("admin.nothing")}</Empty>}
        head={[t("admin.name"), t("admin.email"), t("admin.role"), t("admin.since"), t("admin.acts")]}
        keyOf={(user) => user.id}
      >
        {(user) => (
          <>
            <td>
              <Link to="/admin/users/$id" params={{ id: user.id }} className="underline">
                {user.displayName}
              </Link>
            </td>
            <td>{user.email}</td>
            <td>{t(`admin.role.${user.role === "admin" ? "admin" : "user"}`)}</td>
            <td className="whitespace-nowrap">{date(user.createdAt)}</td>
            <td>{user.bannedAt !== null && <Badge tone="bad">{t("admin.banned")}</Badge>}</td>
          </>
        )}
      </AdminTable>
    </>
  );
}

export function UsersPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.users")}>
      <List />
    </AdminPage>
  );
}
