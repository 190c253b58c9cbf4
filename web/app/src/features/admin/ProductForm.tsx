/** The members of a product. */
import { parseAmount, toDecimal, toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { TextArea, TextField } from "../../ui/Field";

const NAME_MAX = 255;
const CATEGORY_MAX = 100;
const DESCRIPTION_MAX = 20_000;

export interface ProductValues {
  name: string;
  category: string;
  description: string;
  basePrice: string;
}

function textOf(form: FormData, name: string) {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}

function read(form: FormData): ProductValues {
  const amount = parseAmount(textOf(form, "basePrice"));
  return {
    name: textOf(form, "name"),
    category: textOf(form, "category"),
    description: textOf(form, "description"),
    basePrice: amount === null ? textOf(form, "basePrice") : toDecimal(amount), // what is no amount the server refuses
  };
}

interface ProductFormProps {
  product?: Schemas["Product"];
  act: string;
  busy: boolean;
  error: unknown;
  onSave: (values: ProductValues) => void;
}

export function ProductForm({ product, act, busy, error, onSave }: ProductFormProps) {
  const t = useText();
  return (
    <form
      className="grid gap-4 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        onSave(read(new FormData(event.currentTarget)));
      }}
    >
      <TextField label={t("admin.name")} name="name" required maxLength={NAME_MAX} defaultValue={product?.name} />
      <TextField
        label={t("admin.category")}
        name="category"
        maxLength={CATEGORY_MAX}
        defaultValue={product?.category}
      />
      <TextField
        label={t("admin.basePrice")}
        name="basePrice"
        inputMode="decimal"
        required
        defaultValue={product === undefined ? "" : toDecimal(toMinor(product.basePrice))}
      />
      <div className="sm:col-span-2">
        <TextArea
          label={t("admin.description")}
          name="description"
          rows={4}
          maxLength={DESCRIPTION_MAX}
          defaultValue={product?.description}
        />
      </div>
      {error !== null && (
        <div className="sm:col-span-2">
          <ErrorNotice error={error} />
        </div>
      )}
      <Button kind="primary" type="submit" busy={busy} className="sm:justify-self-start">
        {act}
      </Button>
    </form>
  );
}
