/** A keyset list that TanStack Query reads page by page: skeletons, an error, nothing, the items and a button for more. */
import type { UseInfiniteQueryResult, InfiniteData } from "@tanstack/react-query";
import { Fragment, type Key, type ReactNode } from "react";
import { useText } from "../lib/text";
import { Button } from "./Button";
import { ErrorNotice } from "./ErrorNotice";
import { Skeleton } from "./Page";

const SKELETONS = 6;

export interface ListPage<T> {
  items: T[];
  nextCursor: string | null;
}

interface ListingProps<T> {
  query: UseInfiniteQueryResult<InfiniteData<ListPage<T>>>;
  keyOf: (item: T) => Key;
  children: (item: T) => ReactNode;
  empty: ReactNode;
  className?: string;
  skeleton?: string;
}

export function Listing<T>({
  query,
  keyOf,
  children,
  empty,
  className = "grid gap-3",
  skeleton = "h-24",
}: ListingProps<T>) {
  const t = useText();
  if (query.isPending) {
    return (
      <div className={className} role="status" aria-label={t("ui.loading")}>
        {Array.from({ length: SKELETONS }, (_, index) => (
          <Skeleton key={index} className={skeleton} />
        ))}
      </div>
    );
  }
  if (query.data === undefined) {
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  }
  const items = query.data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return empty;
  }
  return (
    <div className="grid gap-5">
      <div className={className}>
        {items.map((item) => (
          <Fragment key={keyOf(item)}>{children(item)}</Fragment>
        ))}
      </div>
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
