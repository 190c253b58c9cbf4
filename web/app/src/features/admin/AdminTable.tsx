/** A keyset list as a table. */
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { Key, ReactNode } from "react";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import type { ListPage } from "../../ui/Listing";
import { Skeleton } from "../../ui/Page";
import { Table } from "../../ui/Table";

interface AdminTableProps<T> {
  label: string;
  head: ReactNode[];
  query: UseInfiniteQueryResult<InfiniteData<ListPage<T>>>;
  keyOf: (item: T) => Key;
  /** The cells of a row. */
  children: (item: T) => ReactNode;
  empty: ReactNode;
}

export function AdminTable<T>({ label, head, query, keyOf, children, empty }: AdminTableProps<T>) {
  const t = useText();
  if (query.isPending) {
    return <Skeleton className="h-64" />;
  }
  if (query.data === undefined) {
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  }
  const items = query.data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return empty;
  }
  return (
    <div className="grid gap-4">
      <Table label={label} head={head}>
        {items.map((item) => (
          <tr key={keyOf(item)}>{children(item)}</tr>
        ))}
      </Table>
      {query.isFetchNextPageError && <ErrorNotice error={query.error} />}
      {query.hasNextPage && (
        <Button
          className="justify-self-center"
          busy={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {t("ui.more")}
        </Button>
      )}
    </div>
  );
}
