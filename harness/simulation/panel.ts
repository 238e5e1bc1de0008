import type { Check } from './check.js';

type Event = keyof Check;
type Arguments<Name extends Event> = Parameters<NonNullable<Check[Name]>>;

/** Several checks that look on as one. */
export class Panel {
  private readonly listeners = new Map<Event, Check[]>();

  constructor(private readonly checks: readonly Check[]) {}

  /** Tells every check that wants to know. */
  tell<Name extends Event>(name: Name, ...args: Arguments<Name>): void {
    let listeners = this.listeners.get(name);
    if (listeners === undefined) {
      listeners = this.checks.filter((check) => check[name] !== undefined);
      this.listeners.set(name, listeners);
    }
    for (const check of listeners) (check[name] as (...args: Arguments<Name>) => void)(...args);
  }
}
