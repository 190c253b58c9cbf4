/** A keyset list that TanStack Query reads page by page: loading, an error, nothing, the items and a button for more. */
import type { UseInfiniteQueryResult, InfiniteData } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useText } from "../lib/text";
import { Button } from "./Button";
import { ErrorNotice } from "./ErrorNotice";

export interface ListPage<T> {
  items: T[];
  nextCursor: string | null;
}

export type ListQuery<T> = UseInfiniteQueryResult<InfiniteData<ListPage<T>>>;

interface KeysetListProps<T> {
  query: ListQuery<T>;
  loading: ReactNode;
  empty: ReactNode;
  /** All items that are read so far. */
  children: (items: T[]) => ReactNode;
}

/** At the end of what is read: the button for more, and why there is none. */
export function More({ query }: { query: UseInfiniteQueryResult }) {
  const t = useText();
  return (
    <>
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
    </>
  );
}

export function KeysetList<T>({ query, loading, empty, children }: KeysetListProps<T>) {
  if (query.isPending) {
    return loading;
  }
  if (query.data === undefined) {
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  }
  const items = query.data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return empty;
  }
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-5">
      {children(items)}
      <More query={query} />
    </div>
  );
}
