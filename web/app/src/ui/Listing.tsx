/** A keyset list of cards or rows, with skeletons of them while it loads. */
import { Fragment, type Key, type ReactNode } from "react";
import { useText } from "../lib/text";
import { KeysetList, type ListQuery } from "./KeysetList";
import { Skeleton } from "./Page";

const SKELETONS = 6;

interface ListingProps<T> {
  query: ListQuery<T>;
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
  const loading = (
    <div className={className} role="status" aria-label={t("ui.loading")}>
      {Array.from({ length: SKELETONS }, (_, index) => (
        <Skeleton key={index} className={skeleton} />
      ))}
    </div>
  );
  return (
    <KeysetList query={query} loading={loading} empty={empty}>
      {(items) => (
        <div className={className}>
          {items.map((item) => (
            <Fragment key={keyOf(item)}>{children(item)}</Fragment>
          ))}
        </div>
      )}
    </KeysetList>
  );
}
