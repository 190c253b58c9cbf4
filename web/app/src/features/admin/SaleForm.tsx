/** The terms of a flash sale. */
import type { UseMutationResult } from "@tanstack/react-query";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { SelectField, TextField } from "../../ui/Field";

const SECONDS_MAX = 86_400;
const UNITS_MAX = 1_000_000;

function CountField({ label, name, max, value }: { label: string; name: string; max: number; value?: number }) {
  return <TextField label={label} name={name} type="number" min={1} max={max} defaultValue={value} required />;
}

interface SaleFormProps<T> {
  text: string;
  act: UseMutationResult<T, Error, FormData>;
}

export function SaleForm<T>({ text, act }: SaleFormProps<T>) {
  const t = useText();
  return (
    <ActForm act={act} text={text} wideButton={false}>
      <div className="grid items-start gap-4 sm:grid-cols-2 lg:grid-cols-4">
        <TextField label={t("admin.flashPrice")} name="flashPrice" inputMode="decimal" required />
        <CountField label={t("admin.quantity")} name="quantity" max={UNITS_MAX} />
        <CountField label={t("admin.perUser")} name="limit" max={UNITS_MAX} value={1} />
        <SelectField label={t("admin.payment")} name="payment">
          <option value="none">{t("admin.payment.none")}</option>
          <option value="callback">{t("admin.payment.callback")}</option>
        </SelectField>
        <TextField label={t("admin.start")} name="startTime" type="datetime-local" required />
        <TextField label={t("admin.end")} name="endTime" type="datetime-local" required />
        <CountField label={t("admin.turnSeconds")} name="turn" max={SECONDS_MAX} value={120} />
        <CountField label={t("admin.reservationSeconds")} name="reservation" max={SECONDS_MAX} value={300} />
      </div>
    </ActForm>
  );
}
