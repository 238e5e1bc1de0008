import type { Call } from '../../src/client/channel/channel.js';
import type { CallStatus, SwitchyardError } from '../../src/client/error.js';
import type { Command } from '../../src/core/model/command.js';
import type { SimulatedServer } from './machine/server.js';
import type { ServerCall } from './machine/server-call.js';
import type { Revision } from './truth.js';

/** A unary call and how it ended, as its client heard of it. A call that was given up is never heard of. */
export interface Outcome {
  /** The method's name, without its service. */
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: each check knows the messages of the methods that it looks at
  readonly request: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly response: any;
  /** Instead of a response. */
  readonly error: SwitchyardError | undefined;
  readonly metadata: Call['metadata'];
}

/**
 * Looks on at a run, and knows one thing that must hold.
 *
 * Everything is told in the moment in which it happens. What a check finds goes to the verdict; it never throws, as it may
 * be called from the middle of what it looks at.
 */
export interface Check {
  /** A record became durable. */
  durable?(revision: Revision): void;
  /** A call reached the server; with the SID that its token proves. */
  arrived?(call: ServerCall, sid: number | undefined): void;
  /** The server wrote a message: of a watch as bytes, of any other call as an object. */
  wrote?(call: ServerCall, message: unknown): void;
  /** A call is over for the server: with what it said, or because the client is gone. */
  ended?(call: ServerCall, said: CallStatus | undefined): void;
  /** The server decided to store a command. */
  submitted?(command: Command): void;
  /** A client heard how a unary call ended. */
  heard?(outcome: Outcome): void;
  /** The server is up: it has recovered, and answers from now on. */
  started?(server: SimulatedServer): void;
  /** The server's process is gone. */
  died?(): void;
  /** The server goes on after it stood still. */
  proceeded?(stoodMs: number): void;
  /** Some seconds have passed. */
  swept?(): void;
}
