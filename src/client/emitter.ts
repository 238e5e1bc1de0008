/** A function that takes the listener back. Calling it again does nothing. */
export type Unsubscribe = () => void;

/**
 * Typed events: each name has the list of its arguments.
 *
 * Listeners are called at once, in the order they came. One that throws does not keep the others, or the object that
 * tells, from going on: its error surfaces as an uncaught exception, like that of any callback.
 */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners: { [Name in keyof Events]?: Set<(...args: Events[Name]) => void> } = {};

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): Unsubscribe {
    const listeners = (this.#listeners[name] ??= new Set());
    // A fresh function, so that the same listener added twice is two listeners.
    const entry = (...args: Events[Name]) => listener(...args);
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  /** The arguments of the next event of that name for which `when` holds. Rejects with the signal's reason. */
  once<Name extends keyof Events>(
    name: Name,
    signal?: AbortSignal,
    when: (...args: Events[Name]) => boolean = () => true,
  ): Promise<Events[Name]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const aborted = () => {
        off();
        reject(signal?.reason);
      };
      const off = this.on(name, (...args) => {
        if (!when(...args)) return;
        off();
        signal?.removeEventListener('abort', aborted);
        resolve(args);
      });
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
