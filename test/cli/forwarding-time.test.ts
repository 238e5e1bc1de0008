import { Duplex } from 'node:stream';
import { expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { requestPort, servePort } from '../../src/cli/peers/forwarding.js';

it.each([
  ['requestPort', (stream: Duplex, clock: ManualClock) => requestPort(stream, 22, clock)],
  ['servePort', (stream: Duplex, clock: ManualClock) => servePort(stream, () => true, clock)],
])('%s gives a peer that says nothing up after 10 s of the clock that it was given', async (_, greet) => {
  const clock = new ManualClock();
  const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  let outcome = 'waits';
  const greeted = greet(stream, clock).catch((error: Error) => {
    outcome = error.message;
  });
  clock.advance(9_999);
  await new Promise(setImmediate);
  expect(outcome).toBe('waits');
  clock.advance(1);
  await greeted;
  expect(outcome).toBe('the peer says nothing');
});
