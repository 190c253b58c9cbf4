/** A number of units, from 1 to what one person may have. */
import { useText } from "../../lib/text";
import { SelectField, TextField } from "../../ui/Field";

const SELECT_MAX = 10; // beyond it a number is typed

interface QuantityFieldProps {
  max: number;
  value: number;
  onChange: (quantity: number) => void;
}

export function QuantityField({ max, value, onChange }: QuantityFieldProps) {
  const t = useText();
  const label = t("sales.quantity");
  if (max > SELECT_MAX) {
    return (
      <TextField
        label={label}
        type="number"
        min={1}
        max={max}
        value={value}
        onChange={({ target }) => {
          onChange(Math.min(max, Math.max(1, target.valueAsNumber || 1)));
        }}
      />
    );
  }
  return (
    <SelectField
      label={label}
      value={value}
      onChange={({ target }) => {
        onChange(Number(target.value));
      }}
    >
      {Array.from({ length: max }, (_, index) => (
        <option key={index} value={index + 1}>
          {index + 1}
        </option>
      ))}
    </SelectField>
  );
}
