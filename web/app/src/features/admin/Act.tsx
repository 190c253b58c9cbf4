/** An act of an admin: it asks for a reason, and makes stale what the admin's pages have read. */
import { useQueryClient } from "@tanstack/react-query";
import { ConfirmAct, type ConfirmActProps } from "../../ui/ConfirmAct";

export function Act<T>({ onDone, ...rest }: ConfirmActProps<T>) {
  const queries = useQueryClient();
  return (
    <ConfirmAct
      withReason
      {...rest}
      onDone={async (data) => {
        await onDone?.(data);
        await queries.invalidateQueries({ queryKey: ["admin"] });
      }}
    />
  );
}
