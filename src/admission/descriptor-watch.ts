import { closeSync, openSync } from 'node:fs';
import type { Clock, Timer } from '../base/clock.js';
import { codeOf } from '../base/errors.js';

/** What a watch of descriptors stands on. */
export interface DescriptorWatchDeps {
  readonly clock: Clock;
  readonly everyMs: number;
  /** Told each time that none is left. */
  readonly exhausted: () => void;
  /** Opens something and closes it again. Throws as open(2) fails. */
  readonly probe?: () => void;
}

/**
 * Notices that the process has no file descriptor left. Node does not say: libuv keeps one back, and with it takes and
 * closes every connection that comes, without a word to anybody (uv__emfile_trick). Those that are open go on.
 *
 * So this opens a file now and then. It costs some microseconds.
 */
export class DescriptorWatch {
  readonly #deps: DescriptorWatchDeps;
  #timer: Timer | undefined;

  constructor(deps: DescriptorWatchDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(this.#deps.everyMs, () => {
      this.#look();
      this.#schedule();
    });
  }

  #look(): void {
    try {
      (this.#deps.probe ?? openNull)();
    } catch (error) {
      if (isExhaustion(error)) this.#deps.exhausted();
    }
  }
}

/** Whether an error says that the process (EMFILE) or the machine (ENFILE) has no descriptor left. */
export function isExhaustion(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EMFILE' || code === 'ENFILE';
}

function openNull(): void {
  closeSync(openSync('/dev/null', 'r'));
}
