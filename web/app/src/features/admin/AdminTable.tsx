/** A keyset list as a table. */
import type { Key, ReactNode } from "react";
import { KeysetList, type ListQuery } from "../../ui/KeysetList";
import { Skeleton } from "../../ui/Page";
import { Table } from "../../ui/Table";

interface AdminTableProps<T> {
  label: string;
  head: ReactNode[];
  query: ListQuery<T>;
  keyOf: (item: T) => Key;
  /** The cells of a row. */
  children: (item: T) => ReactNode;
  empty: ReactNode;
}

export function AdminTable<T>({ label, head, query, keyOf, children, empty }: AdminTableProps<T>) {
  return (
    <KeysetList query={query} loading={<Skeleton className="h-64" />} empty={empty}>
      {(items) => (
        <Table label={label} head={head}>
          {items.map((item) => (
            <tr key={keyOf(item)}>{children(item)}</tr>
          ))}
        </Table>
      )}
    </KeysetList>
  );
}
