/** The theme: the system's, or the one that the visitor chose. The colours are in style.css. */
import { create } from "zustand";
import { readStored, store } from "./storage";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const STORED = "rostrum.theme";

function stored(): Theme {
  const value = readStored("localStorage", STORED);
  return THEMES.find((each) => each === value) ?? "system";
}

function show(theme: Theme) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
}

interface ThemeState {
  theme: Theme;
  setTheme: (theme: Theme) => void;
}

export const useTheme = create<ThemeState>((set) => ({
  theme: stored(),
  setTheme: (theme) => {
    store("localStorage", STORED, theme);
    show(theme);
    set({ theme });
  },
}));

/** Called once before the first paint. */
export function showStoredTheme(): void {
  show(stored());
}
