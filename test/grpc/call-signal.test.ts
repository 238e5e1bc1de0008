import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { signalOf } from '../../src/grpc/call-signal.js';

class Call extends EventEmitter {
  cancelled = false;

  cancel(): void {
    this.cancelled = true;
    this.emit('cancelled');
  }
}

describe('the signal of a call', () => {
  it('aborts in the moment in which the client gives up, and not before', () => {
    const call = new Call();
    const signal = signalOf(call);
    expect(signal.aborted).toBe(false);
    call.cancel();
    expect(signal.aborted).toBe(true);
  });

  it('has aborted already where the client gave up before anybody asked', () => {
    const call = new Call();
    call.cancel();
    expect(signalOf(call).aborted).toBe(true);
    expect(call.listenerCount('cancelled')).toBe(0);
  });
});
