import type { RawData, WebSocket } from 'ws';
import type { Clock, Timer } from '../base/clock.js';
import type { Fence } from '../base/fence.js';
import type { CallsPort, ConsoleUser } from './calls-port.js';
import { CLOSE, messageHead, readPageFrame, writeEnd, writeTick } from './frames.js';
import type { ConsoleLimits } from './limits.js';

/** What a page stands on. */
export interface PageDeps extends ConsoleUser {
  /** Around what is done with a frame. */
  readonly fence: Fence;
  readonly calls: CallsPort;
  readonly clock: Clock;
  readonly limits: ConsoleLimits;
  /** ADDRESS:PORT, by which its calls are counted. */
  readonly peer: string;
  /** How its login is since it was opened. */
  readonly login: () => LoginState;
}

/** `changed`: it holds, and what its user may do is not what it was when the page was opened. */
export type LoginState = 'holds' | 'changed' | 'over';

const ENDINGS = {
  over: [CLOSE.loggedOut, 'the login is over'],
  changed: [CLOSE.changed, 'what you may do has changed'],
} as const;

/** gRPC's numbers of what the tunnel itself answers. */
const CODE = { resourceExhausted: 8 } as const;
const NO_DETAILS = new Uint8Array();

/** A call of a page, open or with answers that have not left. */
interface CarriedCall {
  cancel: () => void;
  /** Messages that were given to the socket and have not left it. */
  untaken: number;
}

/**
 * One open page: carries calls from its WebSocket to the services and their messages back, byte for byte.
 *
 * A watch has one message on its way at a time, so a page that does not read holds {@link ConsoleLimits.untakenBytesMax} and
 * one message of each call, and is closed when it answers no ping.
 */
export class ConsolePage {
  readonly #ws: WebSocket;
  readonly #deps: PageDeps;
  /** Calls that have not ended. */
  readonly #calls = new Map<number, CarriedCall>();
  /**
   * Calls that have ended, of which a message has not left: what they made is taken back when it never does. Each has bytes in
   * the socket, so that {@link ConsoleLimits.untakenBytesMax} bounds them, too.
   */
  readonly #leaving = new Map<number, CarriedCall>();
  #lastCall = 0;
  #heardMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(ws: WebSocket, deps: PageDeps) {
    this.#ws = ws;
    this.#deps = deps;
    this.#heardMs = deps.clock.nowMs();
    const take = (data: RawData, isBinary: boolean) => this.#take(data as Buffer, isBinary);
    ws.on(
      'message',
      deps.fence.around('console', take, () => this.destroy()),
    );
    ws.on('pong', () => {
      this.#heardMs = deps.clock.nowMs();
    });
    ws.on('close', () => {
      this.#over();
      cancelAll(this.#leaving);
    });
    // An error closes the WebSocket, and 'close' tells.
    ws.on('error', () => {});
    this.#tick();
  }

  /** Ends it, with a reason that the page understands. */
  close(code: (typeof CLOSE)[keyof typeof CLOSE], why: string): void {
    this.#ws.close(code, why);
    this.#over();
  }

  /** Ends it when it does not go by itself. */
  destroy(): void {
    this.#ws.terminate();
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    this.#heardMs = this.#deps.clock.nowMs();
    const frame = isBinary ? readPageFrame(data) : undefined;
    if (this.#endsByLogin()) return;
    if (frame === undefined) this.close(CLOSE.refused, 'not a frame of this protocol');
    else if (frame.kind === 'cancel') {
      (this.#calls.get(frame.call) ?? this.#leaving.get(frame.call))?.cancel();
      this.#calls.delete(frame.call);
      this.#leaving.delete(frame.call);
    } else if (frame.call <= this.#lastCall) this.close(CLOSE.refused, 'calls are numbered upwards');
    else {
      this.#lastCall = frame.call;
      this.#open(frame);
    }
  }

  #open({ call, path, request }: { call: number; path: string; request: Uint8Array }): void {
    const { calls, limits, peer, role, network, identity } = this.#deps;
    const full = this.#whyFull(limits);
    if (full !== undefined) {
      this.#send(writeEnd(call, { code: CODE.resourceExhausted, message: full, details: NO_DETAILS }));
      return;
    }
    // It may answer before the way to cancel it is known.
    const carried: CarriedCall = { cancel: () => {}, untaken: 0 };
    this.#calls.set(call, carried);
    carried.cancel = calls.open(
      { path, request, peer, role, network, identity },
      {
        message: (bytes, taken) => {
          carried.untaken++;
          this.#sendMessage(call, bytes, () => {
            if (--carried.untaken === 0) this.#leaving.delete(call);
            taken();
          });
        },
        end: (status) => {
          this.#calls.delete(call);
          if (carried.untaken > 0) this.#leaving.set(call, carried);
          this.#send(writeEnd(call, status));
        },
      },
    );
  }

  #whyFull({ callsPerPageMax, untakenBytesMax }: ConsoleLimits): string | undefined {
    if (this.#calls.size >= callsPerPageMax) return `${callsPerPageMax} calls at once are the limit of a page`;
    if (this.#ws.bufferedAmount >= untakenBytesMax) return `the page has not taken ${untakenBytesMax} bytes`;
    return undefined;
  }

  /** In two fragments of one WebSocket message, so that what all pages share is not copied for each. */
  #sendMessage(call: number, bytes: Uint8Array, taken: () => void): void {
    if (this.#isOver) return;
    this.#ws.send(messageHead(call), { binary: true, fin: false });
    this.#ws.send(bytes, { binary: true, fin: true }, (error) => {
      if (!error) taken();
    });
  }

  #send(frame: Uint8Array): void {
    if (!this.#isOver) this.#ws.send(frame, { binary: true });
  }

  #tick(): void {
    const { clock, limits } = this.#deps;
    if (clock.nowMs() - this.#heardMs > limits.silentMs) this.destroy();
    else if (!this.#endsByLogin()) {
      this.#send(writeTick());
      this.#ws.ping();
      this.#timer = clock.after(limits.tickMs, () => this.#tick());
    }
  }

  /** Ends it where its login has ended, or is good for something else by now. */
  #endsByLogin(): boolean {
    const state = this.#deps.login();
    if (state === 'holds') return false;
    const [code, why] = ENDINGS[state];
    this.close(code, why);
    return true;
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    cancelAll(this.#calls);
    this.#deps.calls.left(this.#deps.peer);
  }
}

function cancelAll(calls: Map<number, CarriedCall>): void {
  for (const { cancel } of calls.values()) cancel();
  calls.clear();
}
