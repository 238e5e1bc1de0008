import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { systemClock } from '../../src/client/system.js';
import { RENDEZVOUS_LIMITS } from '../../src/rendezvous/limits.js';
import { type Meeting, openMeeting } from '../../src/rendezvous/meeting.js';
import { ObservedAddresses } from '../../src/rendezvous/observed.js';
import { bindingRequest } from '../../src/stun/binding.js';
import { openAdmission } from '../admission/open.js';

describe('observed addresses', () => {
  it('are forgotten after their time, and the oldest when there are too many', () => {
    const clock = new ManualClock();
    const observed = new ObservedAddresses(clock, { observedMs: 1_000, addressesMax: 2 });
    observed.saw('192.0.2.1');
    clock.advance(600);
    observed.saw('192.0.2.2');
    expect([observed.has('192.0.2.1'), observed.has('192.0.2.9')]).toEqual([true, false]);
    clock.advance(600);
    expect([observed.has('192.0.2.1'), observed.has('192.0.2.2')]).toEqual([false, true]);
    observed.saw('192.0.2.3');
    observed.saw('192.0.2.2');
    observed.saw('192.0.2.4');
    expect(['2', '3', '4'].map((last) => observed.has(`192.0.2.${last}`))).toEqual([true, false, true]);
  });

  it('are remembered for longer than a connection may be in the making', () => {
    expect(RENDEZVOUS_LIMITS.observedMs).toBeGreaterThan(RENDEZVOUS_LIMITS.connectionMs);
  });
});

describe('the rendezvous port', () => {
  let meeting: Meeting;
  afterEach(() => meeting.close());

  it('is one for TCP and UDP, and whoever connects to it is observed', async () => {
    meeting = await openMeeting({ host: '127.0.0.1', port: 0 }, systemClock, openAdmission(systemClock));
    const { port } = meeting.address;
    expect(meeting.observed.has('127.0.0.1')).toBe(false);
    const socket = connect(port, '127.0.0.1');
    socket.write(bindingRequest(Buffer.alloc(12)));
    await once(socket, 'data');
    expect(meeting.observed.has('127.0.0.1')).toBe(true);
    socket.destroy();
    await expect(openMeeting({ host: '127.0.0.1', port }, systemClock, openAdmission(systemClock))).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});
