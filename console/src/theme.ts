import { effect, signal } from '@preact/signals';

/** Dark or light; `auto` is what the system says. */
export type Theme = 'auto' | 'dark' | 'light';

const KEY = 'switchyard-theme';
const wished = new URLSearchParams(location.search).get('theme');

/** The theme of the page. Remembered by the browser. */
export const theme = signal<Theme>(readTheme(wished ?? stored()));

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  if (wished !== null) return;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // A browser that keeps nothing asks the system each time.
  }
});

// The canvas is drawn by the colours of the moment.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  const now = theme.value;
  theme.value = 'light';
  theme.value = now;
});

/** The next of the three. */
export function turnTheme(): void {
  theme.value = theme.value === 'auto' ? 'dark' : theme.value === 'dark' ? 'light' : 'auto';
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function readTheme(text: string | null): Theme {
  return text === 'dark' || text === 'light' ? text : 'auto';
}
