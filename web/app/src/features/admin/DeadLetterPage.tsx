/** A dead letter: why no program could decide it, and its body. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Schemas } from "../../lib/api";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card, Skeleton } from "../../ui/Page";
import { Facts } from "../../ui/Table";
import { AdminPage } from "./AdminPage";
import { DeadLetterActs } from "./DeadLetterActs";
import { deadLetterQuery } from "./queries";

const route = getRouteApi("/admin/dead-letters/$id");

/** The body as JSON, or as text as far as it is text. */
function bodyText({ body, bodyBase64 }: Schemas["DeadLetterBody"]): string {
  if (body !== null && body !== undefined) {
    return JSON.stringify(body, null, 2);
  }
  return new TextDecoder().decode(Uint8Array.from(atob(bodyBase64), (char) => char.charCodeAt(0)));
}

function Shown() {
  const t = useText();
  const { dateSeconds, number } = useFormats();
  const { id } = route.useParams();
  const navigate = route.useNavigate();
  const query = useQuery(deadLetterQuery(id));
  const letter = query.data;
  if (letter === undefined) {
    return query.isError ? (
      <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Skeleton className="h-64" />
    );
  }
  return (
    <>
      <Card title={letter.routingKey}>
        <Facts
          items={[
            [t("ui.reason"), letter.reason],
            [t("admin.time"), dateSeconds(letter.createdAt)],
            [t("admin.bytes"), number(letter.bytes)],
            [t("admin.times"), number(letter.times)],
          ]}
        />
        <DeadLetterActs letter={letter} onRemoved={() => navigate({ to: "/admin/dead-letters" })} />
      </Card>
      <Card title={t("admin.body")}>
        <pre className="text-sm whitespace-pre-wrap">{bodyText(letter)}</pre>
      </Card>
    </>
  );
}

export function DeadLetterPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.deadLetter")}>
      <Shown />
    </AdminPage>
  );
}
