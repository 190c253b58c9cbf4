/** Durations as people read them. */
import { expect, test } from "vitest";
import { formatDuration, makeFormats } from "./format";

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

test("a time of the chart says as much as tells it from the others, in the language of the page", () => {
  const time = new Date(2026, 10, 23, 15, 4, 5).getTime();
  const [MINUTE_MS, HOURS_MS, DAYS_MS] = [60_000, 7_200_000, 259_200_000];
  expect([MINUTE_MS, HOURS_MS, DAYS_MS].map((span) => makeFormats("de").tick(time, span))).toEqual([
    "15:04:05",
    "15:04",
    "23.11.26",
  ]);
  expect(makeFormats("en").tick(time, DAYS_MS)).toBe("11/23/26");
});
