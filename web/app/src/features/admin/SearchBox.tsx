/** Words and one choice over a list; the address holds both. */
import { useState } from "react";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { SelectField, TextField } from "../../ui/Field";

interface SearchBoxProps {
  words: string;
  choice: string;
  choices: readonly { value: string; text: string }[];
  choiceLabel: string;
  onSearch: (words: string, choice: string) => void;
}

export function SearchBox({ words, choice, choices, choiceLabel, onSearch }: SearchBoxProps) {
  const t = useText();
  const [typed, setTyped] = useState(words);
  return (
    <form
      role="search"
      className="grid items-end gap-3 sm:grid-cols-[1fr_12rem_auto]"
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(typed, choice);
      }}
    >
      <TextField
        label={t("admin.words")}
        type="search"
        value={typed}
        onChange={({ target }) => {
          setTyped(target.value);
        }}
      />
      <SelectField
        label={choiceLabel}
        value={choice}
        onChange={({ target }) => {
          onSearch(typed, target.value);
        }}
      >
        <option value="">{t("admin.all")}</option>
        {choices.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </SelectField>
      <Button kind="primary" type="submit">
        {t("admin.search")}
      </Button>
    </form>
  );
}
