import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import { ManualClock } from '../../../harness/manual-clock.js';
import { gather, hasWayTo } from '../../../src/client/direct/gather.js';
import type { Puncher } from '../../../src/client/direct/path.js';
import { bindingAnswer, decodeStun } from '../../../src/stun/binding.js';

/** An address that no route leads to for a socket that has not asked for broadcasts: sending there fails at once. */
const NOWHERE = { host: '255.255.255.255', port: 3_478 };
const open: Puncher[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const puncher of open.splice(0)) puncher.close();
  for (const socket of sockets.splice(0)) socket.close();
});

/** A rendezvous over UDP on this machine, and the ports that asked it. */
async function rendezvous() {
  const host = '127.0.0.1';
  const socket = createSocket('udp4').bind(0, host);
  sockets.push(socket);
  const asked: number[] = [];
  socket.on('message', (bytes, { address, port }) => {
    asked.push(port);
    socket.send(bindingAnswer(decodeStun(bytes), { host: address, port })!, port, address);
  });
  await once(socket, 'listening');
  return { host, port: socket.address().port, asked };
}

describe('gathering over UDP', () => {
  // Its time stands still: whatever waits for an answer waits for ever.
  const gathering = async (...places: { host: string; port: number }[]) => {
    const gathered = await gather(LinkType.TRANSPORT_UDP, places, { clock: new ManualClock(), port: undefined });
    open.push(gathered.puncher);
    return gathered;
  };

  it('waits for no answer of a rendezvous that no way leads to', async () => {
    expect((await gathering(NOWHERE)).roundTripMs).toBeUndefined();
  }, 5_000);

  it('asks the address of a rendezvous that a way leads to where one of the same family before it has none', async () => {
    const near = await rendezvous();
    expect((await gathering(NOWHERE, near)).roundTripMs).toBeDefined();
    expect(near.asked).not.toEqual([]);
  }, 5_000);
});

describe('a way to an address', () => {
  it('is there where a socket can be connected, and nothing is sent', async () => {
    const near = await rendezvous();
    expect(await hasWayTo(near)).toBe(true);
    expect(await hasWayTo(NOWHERE)).toBe(false);
    expect(near.asked).toEqual([]);
  });

  it('is not there for a socket that cannot be bound, or not be opened', async () => {
    const near = await rendezvous();
    const refusal = Object.assign(new Error('bind EMFILE 0.0.0.0'), { code: 'EMFILE' });
    // The address to bind to is looked up, too: the socket's own bind fails there, later and with the same event.
    const lookup: SocketOptions['lookup'] = (_host, _family, done) => setImmediate(() => done(refusal, '', 4));
    const unbindable = (options: SocketOptions) => createSocket({ ...options, lookup });
    expect(await hasWayTo(near, unbindable)).toBe(false);
    const unopened = () => {
      throw refusal;
    };
    expect(await hasWayTo(near, unopened)).toBe(false);
  }, 5_000);
});
