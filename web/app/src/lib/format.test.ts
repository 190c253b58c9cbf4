/** Durations as people read them. */
import { expect, test } from "vitest";
import { formatDuration } from "./format";

test("each tenth of the last minute is shown as itself", () => {
  const shown = Array.from({ length: 600 }, (_, tenth) => formatDuration(tenth * 100, "."));
  expect(shown).toEqual(Array.from({ length: 600 }, (_, tenth) => (tenth / 10).toFixed(1)));
});

test.each([
  [-5, "0,0"],
  [99, "0,0"],
  [59_999, "59,9"],
  [60_000, "1:00"],
  [3_599_999, "59:59"],
  [3_600_000, "1:00:00"],
  [86_399_999, "23:59:59"],
  [183_600_000, "2 d 3 h"],
])("%i ms are %s", (ms, text) => expect(formatDuration(ms, ",")).toBe(text));
