/** The first step: what is sold. */
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { TextArea, TextField } from "../../ui/Field";
import { Card } from "../../ui/Page";
import type { Form } from "./form";

const TITLE_MAX = 255;
const CATEGORY_MAX = 100;
const DESCRIPTION_MAX = 20_000;

interface WhatStepProps {
  form: Form;
  onChange: (part: Partial<Form>) => void;
  onNext: () => void;
}

export function WhatStep({ form, onChange, onNext }: WhatStepProps) {
  const t = useText();
  return (
    <Card className="max-w-2xl">
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          onNext();
        }}
      >
        <TextField
          label={t("sell.titleOf")}
          required
          maxLength={TITLE_MAX}
          value={form.title}
          onChange={({ target }) => {
            onChange({ title: target.value });
          }}
        />
        <TextField
          label={t("sell.category")}
          hint={t("sell.categoryHint")}
          maxLength={CATEGORY_MAX}
          value={form.category}
          onChange={({ target }) => {
            onChange({ category: target.value });
          }}
        />
        <TextArea
          label={t("sell.description")}
          rows={8}
          maxLength={DESCRIPTION_MAX}
          value={form.description}
          onChange={({ target }) => {
            onChange({ description: target.value });
          }}
        />
        <Button kind="primary" type="submit">
          {t("sell.next")}
        </Button>
      </form>
    </Card>
  );
}
