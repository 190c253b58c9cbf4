/** The second step: prices, ladder and time. It ends with a draft on the server. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { parseAmount, type Auction } from "rostrum-client";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { SelectField, TextField } from "../../ui/Field";
import { Card } from "../../ui/Page";
import { DURATIONS_DAYS, endAfter, LADDERS, type Form, type Ladder } from "./form";
import { LadderPreview } from "./LadderPreview";
import { draftQuery, saveDraft } from "./queries";

interface PriceStepProps {
  form: Form;
  draft: Auction | undefined;
  onChange: (part: Partial<Form>) => void;
  onBack: () => void;
  onSaved: (draft: Auction) => void;
}

type Amount = "startingPrice" | "reservePrice" | "buyNowPrice" | "increment";

function AmountField({
  form,
  name,
  onChange,
  required = false,
}: {
  form: Form;
  name: Amount;
  onChange: PriceStepProps["onChange"];
  required?: boolean;
}) {
  const t = useText();
  const text = form[name];
  const error = text.trim() !== "" && parseAmount(text) === null ? t("sell.notAnAmount") : undefined;
  return (
    <TextField
      label={t(`sell.${name}`)}
      hint={t(`sell.${name}Hint`)}
      error={error}
      inputMode="decimal"
      autoComplete="off"
      required={required}
      value={text}
      onChange={({ target }) => {
        onChange({ [name]: target.value });
      }}
    />
  );
}

function Times({ form, onChange }: Pick<PriceStepProps, "form" | "onChange">) {
  const t = useText();
  return (
    <>
      <TextField
        label={t("sell.startTime")}
        hint={t("sell.startTimeHint")}
        type="datetime-local"
        value={form.startTime}
        onChange={({ target }) => {
          onChange({ startTime: target.value });
        }}
      />
      <TextField
        label={t("sell.endTime")}
        type="datetime-local"
        required
        value={form.endTime}
        onChange={({ target }) => {
          onChange({ endTime: target.value });
        }}
      />
      <div className="flex flex-wrap gap-2 sm:col-span-2">
        {DURATIONS_DAYS.map((days) => (
          <Button
            key={days}
            onClick={() => {
              onChange({ endTime: endAfter(form, days, rostrum.clock.now()) });
            }}
          >
            {t("sell.days", { count: days })}
          </Button>
        ))}
      </div>
    </>
  );
}

export function PriceStep({ form, draft, onChange, onBack, onSaved }: PriceStepProps) {
  const t = useText();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => saveDraft(form, draft),
    onSuccess: (saved) => {
      queries.setQueryData(draftQuery(saved.id).queryKey, saved);
      onSaved(saved);
      return Promise.all([
        queries.invalidateQueries({ queryKey: ["auction", saved.id] }),
        queries.invalidateQueries({ queryKey: ["me", "auctions"] }),
      ]);
    },
  });
  return (
    <form
      className="grid items-start gap-6 lg:grid-cols-[1fr_20rem]"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Card>
        <div className="grid items-start gap-4 sm:grid-cols-2">
          <AmountField form={form} name="startingPrice" onChange={onChange} required />
          <AmountField form={form} name="reservePrice" onChange={onChange} />
          <AmountField form={form} name="buyNowPrice" onChange={onChange} />
          <SelectField
            label={t("sell.ladder")}
            value={form.ladder}
            onChange={({ target }) => {
              onChange({ ladder: target.value as Ladder });
            }}
          >
            {LADDERS.map((each) => (
              <option key={each} value={each}>
                {t(`sell.ladder.${each}`)}
              </option>
            ))}
          </SelectField>
          {form.ladder === "fixed" && <AmountField form={form} name="increment" onChange={onChange} required />}
          <Times form={form} onChange={onChange} />
        </div>
        {save.isError && <ErrorNotice error={save.error} />}
        <div className="flex flex-wrap justify-between gap-3">
          <Button onClick={onBack}>{t("sell.back")}</Button>
          <Button kind="primary" type="submit" busy={save.isPending}>
            {draft === undefined || draft.status === "draft" ? t("sell.saveDraft") : t("sell.save")}
          </Button>
        </div>
      </Card>
      <LadderPreview form={form} />
    </form>
  );
}
