/** A message in the page: news, a success, a warning or an error. */
import type { ReactNode } from "react";

const TONES = {
  info: "bg-raised text-ink",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
} as const;

export type Tone = keyof typeof TONES;

interface NoticeProps {
  tone?: Tone;
  /** Read out at once by screen readers: errors are; others are read when the reader pauses. */
  children: ReactNode;
}

export function Notice({ tone = "info", children }: NoticeProps) {
  return (
    <div role={tone === "bad" ? "alert" : "status"} className={`rounded-lg px-4 py-3 ${TONES[tone]}`}>
      {children}
    </div>
  );
}

export function Badge({ tone = "info", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={`inline-block rounded-full px-2.5 py-0.5 text-sm font-medium ${TONES[tone]}`}>{children}</span>
  );
}
