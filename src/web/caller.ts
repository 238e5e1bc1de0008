import type { Clock } from '../base/clock.js';
import type { HttpExchange } from './exchange.js';
import type { SlicedInput } from './sliced-input.js';

/** A connection, as far as it has asked for something. */
export class WebCaller {
  /** Its calls that are not over. */
  readonly exchanges = new Set<HttpExchange>();
  /** Requests whose turn has not come. */
  waiting = 0;
  /** Requests that one turn of the event loop has brought. */
  #asked = 0;

  constructor(readonly input: Pick<SlicedInput, 'isHeld' | 'isBehind' | 'wake'>) {}

  /** Whether its client waits for the server: something of what it has sent waits for the turn of its address. */
  get isHeld(): boolean {
    return this.waiting > 0 || this.input.isBehind;
  }

  /** Whether it may ask for one more thing in this turn: what one chunk of its bytes holds is read without a pause for others. */
  mayAsk({ soon }: Pick<Clock, 'soon'>, max: number): boolean {
    if (this.#asked === 0) {
      soon(() => {
        this.#asked = 0;
      });
    }
    this.#asked++;
    return this.#asked <= max;
  }
}
