/** What the pages of the account read. */
import { queryOptions } from "@tanstack/react-query";
import { rostrum } from "../../lib/rostrum";

export const sessionsQuery = queryOptions({
  queryKey: ["me", "sessions"],
  queryFn: () => rostrum.get("/api/v1/users/me/sessions"),
});

const EXPORT_PAGE = 100;

/** Everything that is stored about the user, by section. */
export async function readExport(): Promise<Record<string, unknown[]>> {
  const sections: Record<string, unknown[]> = {};
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = { limit: EXPORT_PAGE, ...(cursor !== null && { cursor }) };
    const page = await rostrum.get("/api/v1/users/me/export", { params: { query } });
    (sections[page.section] ??= []).push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return sections;
}
