/** Money, dates and durations in the present language. Money is an integer in minor units (cents), as in the engine. */
import { useLanguage } from "./text";

const DAY_S = 86_400;
const HOUR_S = 3_600;
const MINUTE_S = 60;
const TENTH_MS = 100;
const TENTHS = 10;
const RELATIVE: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", DAY_S],
  ["hour", HOUR_S],
  ["minute", MINUTE_S],
  ["second", 1],
];

function pad(value: number) {
  return String(value).padStart(2, "0");
}

/** A duration as 2 d 3 h, 3:04:05, 4:05, or 9.3 with tenths in the last minute. */
export function formatDuration(ms: number, decimal: string): string {
  const tenths = Math.floor(Math.max(0, ms) / TENTH_MS);
  const whole = Math.floor(tenths / TENTHS);
  const days = Math.floor(whole / DAY_S);
  const hours = Math.floor((whole % DAY_S) / HOUR_S);
  const minutes = Math.floor((whole % HOUR_S) / MINUTE_S);
  if (days > 0) {
    return `${String(days)} d ${String(hours)} h`;
  }
  if (hours > 0) {
    return `${String(hours)}:${pad(minutes)}:${pad(whole % MINUTE_S)}`;
  }
  if (whole >= MINUTE_S) {
    return `${String(minutes)}:${pad(whole % MINUTE_S)}`;
  }
  return `${String(whole)}${decimal}${String(tenths % TENTHS)}`;
}

export function makeFormats(language: string) {
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const second = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const ticks = [
    { from: DAY_S, format: new Intl.DateTimeFormat(language, { dateStyle: "short" }) },
    { from: HOUR_S, format: new Intl.DateTimeFormat(language, { timeStyle: "short" }) },
    { from: 0, format: new Intl.DateTimeFormat(language, { timeStyle: "medium" }) },
  ];
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const number = new Intl.NumberFormat(language);
  const decimal = number.formatToParts(1.5).find((part) => part.type === "decimal")?.value ?? ".";
  const currencies = new Map<string, Intl.NumberFormat>();

  function money(minor: number, currency = "USD") {
    let format = currencies.get(currency);
    if (format === undefined) {
      format = new Intl.NumberFormat(language, { style: "currency", currency });
      currencies.set(currency, format);
    }
    const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    return format.format(minor / 10 ** digits);
  }

  function ago(time: string | number, now: number) {
    const seconds = (new Date(time).getTime() - now) / 1000;
    const [unit, size] = RELATIVE.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
    return relative.format(Math.trunc(seconds / size), unit);
  }

  return {
    money,
    ago,
    decimal,
    date: (time: string | number) => date.format(new Date(time)),
    dateSeconds: (time: string | number) => second.format(new Date(time)),
    /** A time beside others that are `spanMs` apart in all. */
    tick: (time: number, spanMs: number) =>
      (ticks.find(({ from }) => spanMs >= from * 1000)?.format ?? second).format(time),
    number: (value: number) => number.format(value),
    duration: (ms: number) => formatDuration(ms, decimal),
  };
}

export type Formats = ReturnType<typeof makeFormats>;

const made = new Map<string, Formats>(); // by language: they are slow to make, and every card has use for them

export function useFormats(): Formats {
  const language = useLanguage();
  const formats = made.get(language) ?? makeFormats(language);
  made.set(language, formats);
  return formats;
}
