/** A password: the present one, or a new one that the account is to have. */
import { useText } from "../../lib/text";
import { TextField } from "../../ui/Field";

// Lengths that the API allows, in characters.
const PASSWORD_MIN = 8;
const PASSWORD_MAX = 128;

export function PasswordField({ label, name = "password" }: { label: string; name?: string }) {
  return <TextField label={label} name={name} type="password" autoComplete="current-password" required />;
}

export function NewPasswordField({ label, name = "password" }: { label: string; name?: string }) {
  const t = useText();
  return (
    <TextField
      label={label}
      hint={t("account.passwordHint", { min: PASSWORD_MIN })}
      name={name}
      type="password"
      autoComplete="new-password"
      minLength={PASSWORD_MIN}
      maxLength={PASSWORD_MAX}
      required
    />
  );
}
