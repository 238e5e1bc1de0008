import { signal } from '@preact/signals';

/** How many actions were done: lists of which there is no watch are read again after each, however long they are. */
export const acts = signal(0);

/** What the last action came to, for people. */
export interface Notice {
  readonly words: string;
  /** It stays until it is dismissed, or another one comes: what went wrong, and what has to be done about it. */
  readonly stays: boolean;
}

/** The notice that is shown; without words: there is none. */
export const notice = signal<Notice>({ words: '', stays: false });

/** Says what an action came to, for a while. */
export function tell(words: string): void {
  notice.value = { words, stays: false };
}

/** Says that an action was done, and has the lists that are shown read again. */
export function tellDone(words: string): void {
  tell(words);
  acts.value++;
}

/** Says what went wrong, until that is dismissed. */
export function warn(words: string): void {
  notice.value = { words, stays: true };
}

/** Takes the notice away. */
export function dismissNotice(): void {
  tell('');
}
