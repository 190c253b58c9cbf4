/** The words to search for, and the order. */
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useText } from "../../lib/text";
import { Button } from "../../ui/Button";
import { SelectField, TextField } from "../../ui/Field";
import { readSearch, SORTS, type Search } from "./search";

const route = getRouteApi("/");
const WORDS_MAX = 200; // characters

export function SearchForm({ search }: { search: Search }) {
  const t = useText();
  const navigate = route.useNavigate();
  const [words, setWords] = useState(search.q ?? "");
  const sorts = SORTS.filter((each) => each !== "relevance" || search.q !== undefined);
  return (
    <form
      role="search"
      className="grid items-end gap-3 sm:grid-cols-[1fr_auto_12rem]"
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ search: readSearch({ ...search, q: words }) });
      }}
    >
      <TextField
        label={t("browse.words")}
        type="search"
        maxLength={WORDS_MAX}
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
        }}
      />
      <Button kind="primary" type="submit">
        {t("browse.search")}
      </Button>
      <SelectField
        label={t("browse.sort")}
        value={search.sort ?? (search.q === undefined ? "ending" : "relevance")}
        onChange={(event) => void navigate({ search: readSearch({ ...search, sort: event.target.value }) })}
      >
        {sorts.map((each) => (
          <option key={each} value={each}>
            {t(`browse.sort.${each}`)}
          </option>
        ))}
      </SelectField>
    </form>
  );
}
