/** How many units are free, in somebody's hands, and sold; and how long the line is. */
import type { SaleState } from "rostrum-client";
import { useText } from "../../lib/text";

export function Stock({ state }: { state: SaleState }) {
  const t = useText();
  const total = state.terms?.quantityAvailable ?? 0;
  return (
    <div className="grid gap-2" aria-live="polite">
      <progress
        className="accent-accent h-3 w-full"
        max={Math.max(total, 1)}
        value={state.sold}
        aria-label={t("sales.soldOf", { sold: state.sold, total })}
      />
      <p className="text-muted text-sm">
        {t("sales.stock", { free: state.available, held: state.claimed + state.reserved, sold: state.sold })}
      </p>
      <p className="text-sm" data-testid="waiting">
        {t("sales.waiting", { count: state.waiting })}
      </p>
    </div>
  );
}
