/** The terms of a flash sale: of a new one, or of one that is changed. */
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { toDecimal, toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { toLocal } from "../../lib/form";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { SelectField, TextField } from "../../ui/Field";

const SECONDS_MAX = 86_400;
const UNITS_MAX = 1_000_000;

interface CountProps {
  label: string;
  name: string;
  max: number;
  value: number | undefined;
}

function CountField({ label, name, max, value }: CountProps) {
  return <TextField label={label} name={name} type="number" min={1} max={max} defaultValue={value} required />;
}

interface TimeProps {
  label: string;
  name: string;
  value: string | undefined;
  hint?: string;
}

function TimeField({ label, name, value, hint }: TimeProps) {
  return (
    <TextField
      label={label}
      hint={hint}
      name={name}
      type="datetime-local"
      defaultValue={value === undefined ? "" : toLocal(Date.parse(value))}
      required={hint === undefined}
    />
  );
}

interface SaleFormProps<T> {
  sale?: Schemas["FlashSale"];
  text: string;
  act: UseMutationResult<T, Error, FormData>;
  done?: ReactNode;
}

export function SaleForm<T>({ sale, text, act, done }: SaleFormProps<T>) {
  const t = useText();
  return (
    <ActForm act={act} text={text} wideButton={false} done={done}>
      <div className="grid items-start gap-4 sm:grid-cols-2 lg:grid-cols-3">
        <TextField
          label={t("admin.flashPrice")}
          name="flashPrice"
          inputMode="decimal"
          required
          defaultValue={sale === undefined ? "" : toDecimal(toMinor(sale.flashPrice))}
        />
        <CountField
          label={t("admin.quantity")}
          name="quantityAvailable"
          max={UNITS_MAX}
          value={sale?.quantityAvailable}
        />
        <CountField label={t("admin.perUser")} name="perUserLimit" max={UNITS_MAX} value={sale?.perUserLimit ?? 1} />
        <TimeField label={t("admin.start")} name="startTime" value={sale?.startTime} />
        <TimeField label={t("admin.end")} name="endTime" value={sale?.endTime} />
        <TimeField
          label={t("admin.join")}
          name="joinTime"
          value={sale?.joinTime}
          {...(sale === undefined && { hint: t("admin.joinHint") })}
        />
        <CountField
          label={t("admin.turnSeconds")}
          name="turnSeconds"
          max={SECONDS_MAX}
          value={sale?.turnSeconds ?? 120}
        />
        <CountField
          label={t("admin.reservationSeconds")}
          name="reservationSeconds"
          max={SECONDS_MAX}
          value={sale?.reservationSeconds ?? 300}
        />
        <SelectField label={t("admin.payment")} name="payment" defaultValue={sale?.payment ?? "none"}>
          <option value="none">{t("admin.payment.none")}</option>
          <option value="callback">{t("admin.payment.callback")}</option>
        </SelectField>
      </div>
    </ActForm>
  );
}
