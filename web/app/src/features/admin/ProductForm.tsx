/** The members of a product. */
import type { UseMutationResult } from "@tanstack/react-query";
import { toDecimal, toMinor } from "rostrum-client";
import type { Schemas } from "../../lib/api";
import { useText } from "../../lib/text";
import { ActForm } from "../../ui/ActForm";
import { TextArea, TextField } from "../../ui/Field";

const NAME_MAX = 255;
const CATEGORY_MAX = 100;
const DESCRIPTION_MAX = 20_000;

interface ProductFormProps<T> {
  product?: Schemas["Product"];
  text: string;
  act: UseMutationResult<T, Error, FormData>;
}

export function ProductForm<T>({ product, text, act }: ProductFormProps<T>) {
  const t = useText();
  return (
    <ActForm act={act} text={text} wideButton={false}>
      <div className="grid gap-4 sm:grid-cols-2">
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
      </div>
      <TextArea
        label={t("admin.description")}
        name="description"
        rows={4}
        maxLength={DESCRIPTION_MAX}
        defaultValue={product?.description}
      />
    </ActForm>
  );
}
