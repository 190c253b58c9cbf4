/** A new flash sale of a product. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { parseAmount, toDecimal } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { SelectField, TextField } from "../../ui/Field";

const SECONDS_MAX = 86_400;
const UNITS_MAX = 1_000_000;

function read(productId: string, form: FormData): Schemas["NewFlashSale"] {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  const price = parseAmount(text("flashPrice"));
  return {
    productId,
    flashPrice: price === null ? text("flashPrice") : toDecimal(price), // what is no amount the server refuses
    quantityAvailable: Number(text("quantity")),
    perUserLimit: Number(text("limit")),
    startTime: new Date(text("startTime")).toISOString(),
    endTime: new Date(text("endTime")).toISOString(),
    turnSeconds: Number(text("turn")),
    reservationSeconds: Number(text("reservation")),
    payment: text("payment") === "callback" ? "callback" : "none",
  };
}

export function SaleForm({ productId }: { productId: string }) {
  const t = useText();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: (body: Schemas["NewFlashSale"]) => rostrum.post("/api/v1/flash-sales", { body }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["admin"] });
      await navigate({ to: "/admin/sales" });
    },
  });
  return (
    <form
      className="grid gap-4 sm:grid-cols-2 lg:grid-cols-4"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate(read(productId, new FormData(event.currentTarget)));
      }}
    >
      <TextField label={t("admin.flashPrice")} name="flashPrice" inputMode="decimal" required />
      <TextField label={t("admin.quantity")} name="quantity" type="number" min={1} max={UNITS_MAX} required />
      <TextField
        label={t("admin.perUser")}
        name="limit"
        type="number"
        min={1}
        max={UNITS_MAX}
        defaultValue={1}
        required
      />
      <SelectField label={t("admin.payment")} name="payment">
        <option value="none">{t("admin.payment.none")}</option>
        <option value="callback">{t("admin.payment.callback")}</option>
      </SelectField>
      <TextField label={t("admin.start")} name="startTime" type="datetime-local" required />
      <TextField label={t("admin.end")} name="endTime" type="datetime-local" required />
      <TextField
        label={t("admin.turnSeconds")}
        name="turn"
        type="number"
        min={1}
        max={SECONDS_MAX}
        defaultValue={120}
        required
      />
      <TextField
        label={t("admin.reservationSeconds")}
        name="reservation"
        type="number"
        min={1}
        max={SECONDS_MAX}
        defaultValue={300}
        required
      />
      {create.isError && (
        <div className="sm:col-span-2 lg:col-span-4">
          <ErrorNotice error={create.error} />
        </div>
      )}
      <Button kind="primary" type="submit" busy={create.isPending} className="sm:justify-self-start">
        {t("admin.create")}
      </Button>
    </form>
  );
}
