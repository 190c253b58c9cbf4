/** Tables and percentiles of what was measured. */

/** Prints columns under their names: the first to the left, numbers to the right. */
export function printTable(title: string, names: readonly string[], rows: readonly (readonly (string | number)[])[]) {
  const lines = [names, ...rows].map((row) => row.map(String));
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("   "),
  );
  process.stdout.write(`\n${title}\n  ${text.join("\n  ")}\n`);
}

/** The value that the part `part` of the values does not exceed. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function settingOf(name: string, otherwise: number): number {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${name} is not a number from 1 on`);
  }
  return value;
}
