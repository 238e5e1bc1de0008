import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Timer } from '../base/clock.js';
import type { Holdings } from '../base/holdings.js';
import { boundArrival } from './arrival.js';
import type { WebCallsPort, WebStatus } from './calls-port.js';
import type { WebLimits } from './limits.js';
import { checkHeaders, timeoutOf } from './negotiate.js';
import type { Protocol } from './protocol.js';
import { CODE, WebDoorRefusal } from './status.js';

/** What an exchange stands on. */
export interface ExchangeDeps {
  readonly calls: WebCallsPort;
  readonly clock: Clock;
  readonly limits: WebLimits;
  /** Whether what its connection has sent waits here. */
  readonly isHeld: () => boolean;
  /** Bytes of requests that are arriving, and of the heads of all that are not over. */
  readonly arriving: Holdings<HttpExchange>;
  /** Bytes of answers that were written and not taken. */
  readonly untaken: Holdings<HttpExchange>;
  /** ADDRESS:PORT, by which the call is counted. */
  readonly peer: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** A fault of ours: it is logged, and answered with this. */
  readonly failed: (error: unknown) => WebStatus;
  /** Called once, when its answer has left or its connection has closed. */
  readonly ended: (exchange: HttpExchange) => void;
  /** Called when its credentials have proved valid. */
  readonly vouched: () => void;
}

/** One request of HTTP, one call of a service, and the answer as the request's protocol writes it. */
export class HttpExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #protocol: Protocol;
  readonly #deps: ExchangeDeps;
  readonly #timers: Timer[] = [];
  #answer: Uint8Array | undefined;
  #answerTaken: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #isOver = false;

  constructor(request: IncomingMessage, response: ServerResponse, protocol: Protocol, deps: ExchangeDeps) {
    this.#request = request;
    this.#response = response;
    this.#protocol = protocol;
    this.#deps = deps;
    response.once('close', () => {
      // What was not sent to its end was not taken: the service takes back what it made for nobody.
      if (!response.writableFinished) this.#cancel?.();
      this.#over();
      deps.ended(this);
    });
    response.on('error', () => {});
    // Until it is over: a connection may send its next requests before the first is answered.
    deps.arriving.add(this, headBytes(request));
  }

  /** Reads the message and makes the call. `body` is there for a request that has none of its own. */
  begin(path: string, body: (() => Buffer) | undefined): void {
    if (this.#isOver) return;
    this.#refusing(() => {
      const { headers } = this.#request;
      checkHeaders(headers);
      const timeoutMs = timeoutOf(headers);
      // A timer that is told to wait longer than it can fires at once.
      const { timeoutMsMax } = this.#deps.limits;
      if (timeoutMs !== undefined) this.#after(Math.min(timeoutMs, timeoutMsMax), () => this.#endLate(timeoutMs));
      if (body !== undefined) this.#open(path, body());
      else this.#readBody((read) => this.#refusing(() => this.#open(path, read)));
    });
  }

  /** Cuts it off, wherever it is. */
  destroy(): void {
    this.#cancel?.();
    this.#response.destroy();
    this.#over();
  }

  #readBody(take: (body: Buffer) => void): void {
    const { arriving, clock, limits, isHeld } = this.#deps;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const late = boundArrival({ clock, arrivalMs: limits.arrivalMs, isHeld }, () => this.destroy());
    this.#timers.push(late);
    this.#request.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      bytes += chunk.length;
      if (bytes > limits.requestBytesMax) {
        this.#refuseLarge(limits.requestBytesMax);
        return;
      }
      chunks.push(chunk);
      arriving.add(this, chunk.length);
    });
    this.#request.on('end', () => {
      late.cancel();
      arriving.add(this, -bytes);
      if (!this.#isOver) take(Buffer.concat(chunks));
    });
    this.#request.on('error', () => {});
  }

  #refuseLarge(bytesMax: number): void {
    const message = `the request has more than ${bytesMax} bytes`;
    // What is still to come of it is not read: the connection ends with the answer.
    this.#response.setHeader('connection', 'close');
    this.#end(new WebDoorRefusal(CODE.resourceExhausted, 'TOO_LARGE', message).status);
  }

  #open(path: string, body: Buffer): void {
    const { calls, peer, metadata, vouched } = this.#deps;
    const request = this.#measured(() => this.#protocol.request(body));
    const receiver = {
      vouched,
      // Outside of this request's own turn: an answer that cannot be written must not end whoever makes it.
      message: (bytes: Uint8Array, taken: () => void) => this.#refusing(() => this.#message(bytes, taken)),
      end: (status: WebStatus) => this.#refusing(() => this.#end(status)),
    };
    const cancel = calls.open({ path, request, peer, metadata }, receiver);
    if (this.#isOver) cancel();
    else this.#cancel = cancel;
  }

  #message(bytes: Uint8Array, taken: () => void): void {
    if (this.#isOver) return;
    const written = this.#measured(() => this.#protocol.message(bytes));
    if (this.#protocol.streams === undefined) {
      this.#answer = written;
      this.#answerTaken = taken;
      return;
    }
    this.#writeHead(this.#protocol.streams);
    this.#write(written, taken);
  }

  #end(status: WebStatus): void {
    if (this.#isOver) return;
    const last = this.#protocol.end(status, this.#answer);
    this.#writeHead(last);
    this.#write(last.bytes, () => {});
    this.#response.end(() => this.#answerTaken?.());
    this.#over();
  }

  #endLate(timeoutMs: number): void {
    this.#cancel?.();
    const message = `the call took longer than the ${timeoutMs} ms that its caller waits`;
    this.#end(new WebDoorRefusal(CODE.deadlineExceeded, 'ORDER_DEADLINE', message).status);
  }

  #writeHead({ status, headers }: { status: number; headers: Readonly<Record<string, string>> }): void {
    if (!this.#response.headersSent) this.#response.writeHead(status, { ...headers, 'cache-control': 'no-store' });
  }

  #write(bytes: Uint8Array, taken: () => void): void {
    const { untaken } = this.#deps;
    untaken.add(this, bytes.length);
    this.#response.write(bytes, (error) => {
      untaken.add(this, -bytes.length);
      if (!error) taken();
    });
  }

  /** Does a part that may find a fault of the caller's, or of ours: neither is anybody else's. */
  #refusing(part: () => void): void {
    try {
      part();
    } catch (error) {
      this.#cancel?.();
      this.#endBadly(error instanceof WebDoorRefusal ? error.status : this.#deps.failed(error));
    }
  }

  /** Where even this cannot be answered, as the answer itself is what failed, there is nothing left to say. */
  #endBadly(status: WebStatus): void {
    try {
      this.#end(status);
    } catch (error) {
      this.#deps.failed(error);
      this.destroy();
    }
  }

  /** Counts what reading and writing takes as the caller's time: JSON costs more than the call. */
  #measured<T>(part: () => T): T {
    const { calls, clock, peer } = this.#deps;
    const fromMs = clock.nowMs();
    try {
      return part();
    } finally {
      calls.spent(peer, clock.nowMs() - fromMs);
    }
  }

  #after(delayMs: number, call: () => void): Timer {
    const timer = this.#deps.clock.after(delayMs, call);
    this.#timers.push(timer);
    return timer;
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
  }
}

function headBytes({ rawHeaders, url = '' }: IncomingMessage): number {
  return rawHeaders.reduce((bytes, text) => bytes + text.length, url.length);
}
