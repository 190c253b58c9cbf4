/** The address that an account logs in with. */
import { useText } from "../../lib/text";
import { TextField } from "../../ui/Field";

export function EmailField() {
  const t = useText();
  return <TextField label={t("account.email")} name="email" type="email" autoComplete="username" required />;
}
