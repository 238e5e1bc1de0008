import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { Reflection } from '../../../src/grpc/services/reflection.js';

/** What a client asks, as grpc-js hands it over once it is decoded. */
interface Question {
  readonly listServices: string;
}

type Handler = (call: unknown) => void;

/** The handlers of both versions of the service, as grpc-js would have them. */
function handlersOf(reflection: Reflection): Handler[] {
  const handlers: Handler[] = [];
  const addService = (_definition: unknown, implementation: { readonly ServerReflectionInfo: Handler }) =>
    handlers.push(implementation.ServerReflectionInfo);
  reflection.addTo({ addService } as unknown as Server, () => true);
  return handlers;
}

/** A call whose questions a test asks, and whose answers wait until it takes them. */
class HeldCall extends PassThrough {
  readonly answers: { readonly answer: unknown; readonly taken: () => void }[] = [];
  hasEnded = false;

  constructor() {
    super({ objectMode: true });
    // A duplex call of grpc-js reads questions and writes answers: two ways that a PassThrough would join.
    Object.assign(this, {
      write: (answer: unknown, taken: () => void) => {
        this.answers.push({ answer, taken });
        return true;
      },
      end: () => {
        this.hasEnded = true;
      },
    });
  }

  ask(...questions: Question[]): void {
    for (const question of questions) this.push(question);
  }
}

const SERVICES: Question = { listServices: '' };

describe.each([
  ['v1', 0],
  ['v1alpha', 1],
] as const)('server reflection %s', (_version, at) => {
  const begin = () => {
    const reflection = new Reflection();
    const call = new HeldCall();
    handlersOf(reflection)[at](call);
    return { reflection, call };
  };

  it('takes no further question before the answer to the last one is taken', async () => {
    const { call } = begin();
    call.ask(SERVICES, SERVICES, SERVICES);
    for (let answered = 1; answered <= 3; answered++) {
      await turn();
      expect(call.answers.length).toBe(answered);
      await turn();
      expect(call.answers.length).toBe(answered);
      call.answers[answered - 1].taken();
    }
    await turn();
    expect(call.answers.length).toBe(3);
  });

  it('ends the calls that are open, and not those that were cancelled', () => {
    const { reflection, call } = begin();
    const cancelled = new HeldCall();
    handlersOf(reflection)[at](cancelled);
    cancelled.emit('cancelled');
    reflection.end();
    expect([call.hasEnded, cancelled.hasEnded]).toEqual([true, false]);
  });
});
