/**
 * What the browser keeps for these pages. Visitors may block it, and then already its name throws; it may be full as well.
 * The pages work without: they only remember less.
 */
type Storage = "localStorage" | "sessionStorage"; // of all visits, or of one tab

export function readStored(storage: Storage, name: string): string | null {
  try {
    return globalThis[storage].getItem(name);
  } catch {
    return null;
  }
}

export function store(storage: Storage, name: string, value: string): void {
  try {
    globalThis[storage].setItem(name, value);
  } catch {
    // See above.
  }
}

export function forgetStored(storage: Storage, name: string): void {
  try {
    globalThis[storage].removeItem(name);
  } catch {
    // See above.
  }
}
