/** The name that others see. */
import { useText } from "../../lib/text";
import { TextField } from "../../ui/Field";

const NAME_MAX = 100; // characters, as the API allows

export function NameField({ hint, value }: { hint?: string; value?: string }) {
  const t = useText();
  return (
    <TextField
      label={t("account.name")}
      hint={hint}
      name="name"
      defaultValue={value}
      autoComplete="name"
      maxLength={NAME_MAX}
      required
    />
  );
}
