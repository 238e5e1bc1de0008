import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../src/core/model/fault.js';
import { Outflow } from '../../src/grpc/outflow.js';
import { Outflows } from '../../src/grpc/outflows.js';

const source = () => ({ isCostly: false, next: () => undefined, onReady: () => {}, close: () => {} });

function made(watchesPerConnectionMax: number): Outflows {
  const limits = { watchesPerConnectionMax, watchBytesPerConnectionMax: 1_000 };
  return new Outflows({ limits, countOf: () => undefined });
}

/** Begins a watch of a connection, or says why not. */
function begin(outflows: Outflows, peer: string) {
  const outflow = outflows.of(peer);
  if (outflow instanceof Fault) return outflow;
  outflows.keep(outflow);
  return outflow.through(source());
}

describe('the outflows of all connections', () => {
  it('refuse the 3rd watch of one connection when the bound is 2, and not the first of another', () => {
    const outflows = made(2);
    for (const peer of ['a', 'a', 'b']) expect(begin(outflows, peer)).not.toBeInstanceOf(Fault);
    expect(begin(outflows, 'a')).toMatchObject({ reason: 'WATCH_LIMIT' });
  });

  it('refuse every watch when the bound is 0', () => {
    expect(made(0).of('a')).toBeInstanceOf(Fault);
  });

  it('forget a connection with its last watch, and have room for as many again', () => {
    const outflows = made(1);
    const before = outflows.of('a') as Outflow;
    outflows.keep(before);
    const watch = before.through(source());
    watch.close();
    const after = outflows.of('a');
    expect(after).toBeInstanceOf(Outflow);
    expect(after).not.toBe(before);
    expect(outflows.bytes).toBe(0);
  });
});
