import { describe, expect, it } from '@jest/globals';
import { CarrierFrameKind } from '../../../src/client/carrier/carrier.js';
import { RelayCarrier } from '../../../src/client/carrier/relay-carrier.js';
import type { RelaySink, RelaySource } from '../../../src/client/relay/relay.js';

/** A carrier that takes these blocks out of the relay, and the blocks that it puts in. */
function carrier(...blocks: readonly Buffer[]) {
  const put: Uint8Array[] = [];
  const source = { write: async (block: Uint8Array) => void put.push(block), close: () => {} };
  const sink = Object.assign(
    (async function* () {
      yield* blocks;
    })(),
    { close: () => {} },
  );
  return { put, relay: new RelayCarrier(source as unknown as RelaySource, sink as unknown as RelaySink) };
}

describe('a frame on the relay', () => {
  it('is a block, its kind before its bytes, and fits one', async () => {
    const { put, relay } = carrier();
    await relay.send(CarrierFrameKind.DATA, Buffer.from('abc'));
    await relay.send(CarrierFrameKind.MOVED, Buffer.from('00000004', 'hex'));
    expect(put.map((block) => Buffer.from(block).toString('hex'))).toEqual(['00616263', '0100000004']);
    expect(relay.frameBytesMax + 1).toBe(65_536);
  });

  it('is read as it was put in, up to the end', async () => {
    const { relay } = carrier(Buffer.from('\u0000abc'), Buffer.from('0100000004', 'hex'));
    expect(await relay.receive()).toEqual({ kind: CarrierFrameKind.DATA, bytes: Buffer.from('abc') });
    expect(await relay.receive()).toEqual({ kind: CarrierFrameKind.MOVED, bytes: Buffer.from('00000004', 'hex') });
    expect(await relay.receive()).toBeUndefined();
  });

  it.each([
    ['of a kind that is not known', Buffer.from('07', 'hex')],
    ['without a kind', Buffer.of()],
  ])('%s is none', async (_, block) => {
    await expect(carrier(block).relay.receive()).rejects.toThrow('which this client does not know');
  });
});
