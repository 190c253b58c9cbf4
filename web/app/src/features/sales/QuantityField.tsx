/** A number of units, from 1 to what one person may have. */
import { useText } from "../../lib/text";
import { SelectField, TextField } from "../../ui/Field";
import { readQuantity } from "./quantity";

const SELECT_MAX = 10; // beyond it a number is typed

interface QuantityFieldProps {
  max: number;
  /** As it is chosen or typed: see readQuantity. */
  text: string;
  onChange: (text: string) => void;
}

export function QuantityField({ max, text, onChange }: QuantityFieldProps) {
  const t = useText();
  const label = t("sales.quantity");
  if (max > SELECT_MAX) {
    return (
      <TextField
        label={label}
        inputMode="numeric"
        autoComplete="off"
        value={text}
        error={readQuantity(text, max) === null ? t("sales.quantityInvalid", { max }) : undefined}
        onChange={({ target }) => onChange(target.value)}
      />
    );
  }
  return (
    <SelectField label={label} value={text} onChange={({ target }) => onChange(target.value)}>
      {Array.from({ length: max }, (_, index) => (
        <option key={index} value={index + 1}>
          {index + 1}
        </option>
      ))}
    </SelectField>
  );
}
