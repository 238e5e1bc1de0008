import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../src/base/clock.js';
import { gatewaysIn } from '../../../src/client/direct/default-gateways.js';
import { NatPmp } from '../../../src/client/direct/nat-pmp.js';
import { systemClock } from '../../../src/client/system.js';
import { CONNECTION_TIMES } from '../../../src/core/model/connection-times.js';

/** A router at an address of loopback that nobody else uses: its port is fixed. */
const GATEWAY = `127.${[process.pid >> 16, process.pid >> 8, process.pid].map((part) => (part & 0x7f) + 1).join('.')}`;
const ROUTER_PORT = 5_351;
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Answers each request with what `answer` makes of it, and remembers it. */
async function router(answer: (request: Buffer) => Buffer[], at = GATEWAY) {
  const socket = createSocket('udp4');
  const requests: string[] = [];
  socket.on('message', (request: Buffer, { port, address }: RemoteInfo) => {
    requests.push(request.toString('hex'));
    for (const bytes of answer(request)) socket.send(bytes, port, address);
  });
  closing.push(() => socket.close());
  socket.bind(ROUTER_PORT, at);
  await once(socket, 'listening');
  return { requests, heard: () => once(socket, 'message') };
}

function granted(request: Buffer, outside: number, code = 0): Buffer {
  const answer = Buffer.alloc(16);
  answer.writeUInt8(130, 1);
  answer.writeUInt16BE(code, 2);
  request.copy(answer, 8, 4, 6);
  answer.writeUInt16BE(outside, 10);
  return answer;
}

const mapper = (...gateways: string[]) => new NatPmp({ clock: systemClock, gateways: async () => gateways });

describe('a router that speaks NAT-PMP', () => {
  it('is asked for the port by which the listening one is reached, and to take it back', async () => {
    const { requests, heard } = await router((request) => [granted(request, 4_321)]);
    const mapping = await mapper(GATEWAY).map(5_000);
    expect(mapping?.port).toBe(4_321);
    const closed = heard();
    mapping?.close();
    await closed;
    expect(requests).toEqual(['000200001388138800000078', '000200001388000000000000']);
  });

  it('is not believed when it answers something else, and is heard when the right answer follows', async () => {
    const other = Buffer.from('00020000', 'hex');
    await router((request) => [other, Buffer.alloc(0), granted(Buffer.alloc(12, 9), 1), granted(request, 4_322)]);
    expect((await mapper(GATEWAY).map(5_000))?.port).toBe(4_322);
  });

  it('is asked beside others that do not answer, which cost no time of their own', async () => {
    const silent = createSocket('udp4').bind(ROUTER_PORT, GATEWAY.replace(/\d+$/, '254'));
    closing.push(() => silent.close());
    await Promise.all([once(silent, 'listening'), router((request) => [granted(request, 4_323)])]);
    let isTimeOver = false;
    const after: Clock['after'] = (ms, call) =>
      systemClock.after(ms, () => {
        isTimeOver ||= ms === CONNECTION_TIMES.mapMs;
        call();
      });
    const clock: Clock = { ...systemClock, after };
    const gateways = async () => [silent.address().address, silent.address().address, GATEWAY];
    expect((await new NatPmp({ clock, gateways }).map(5_000))?.port).toBe(4_323);
    expect(isTimeOver).toBe(false);
  });

  it('takes back what it granted behind another one', async () => {
    const first = await router((request) => [granted(request, 4_324)]);
    const other = await router((request) => [granted(request, 4_325)], GATEWAY.replace(/\d+$/, '253'));
    const takenBack = Promise.race(
      [first, other].map(async ({ requests, heard }) => {
        while (requests.length < 2) await heard();
        return requests[1]!.slice(12);
      }),
    );
    const mapping = await mapper(GATEWAY, GATEWAY.replace(/\d+$/, '253')).map(5_000);
    expect([4_324, 4_325]).toContain(mapping?.port);
    expect(await takenBack).toBe('000000000000');
  });

  it.each([
    ['refuses', [GATEWAY]],
    ['is not there', ['127.0.0.1']],
    ['is not known', []],
  ])('grants nothing when it %s', async (_what, gateways) => {
    await router((request) => [granted(request, 0, 2)]);
    expect(await mapper(...gateways).map(5_000)).toBeUndefined();
  });
});

describe('the default routes', () => {
  it('are read from what Linux says, each once', () => {
    const text = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'lan\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'wlan\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
      'lan\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      'tun\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0',
      'odd',
      '',
    ].join('\n');
    expect(gatewaysIn(text)).toEqual(['192.168.1.1']);
    expect(gatewaysIn('')).toEqual([]);
  });
});
