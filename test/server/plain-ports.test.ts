import { describe, expect, it } from '@jest/globals';
import { checkPlainPorts, PlainPortError, plainGate } from '../../src/server/plain-ports.js';
import type { Pipe, Receiver } from '../../src/transport/pipe.js';
import { run } from '../grpc/running.js';

const FAR = { host: '0.0.0.0', port: 8770 };
const NEAR = { host: '127.0.0.1', port: 8770 };
const NONE = { systemTcpListen: undefined, systemWsListen: undefined, allowPlaintext: false };

describe('ports of system events without TLS', () => {
  it.each([
    ['tcp', { ...NONE, systemTcpListen: FAR }],
    ['ws', { ...NONE, systemWsListen: FAR }],
  ])('beyond loopback stop the start in required: %s', (name, ports) => {
    expect(() => checkPlainPorts(ports, 'required')).toThrow(PlainPortError);
    expect(() => checkPlainPorts(ports, 'required')).toThrow(`--system-${name}-listen 0.0.0.0:8770: `);
    for (const mode of ['open', 'observe'] as const) checkPlainPorts(ports, mode);
    checkPlainPorts({ ...ports, allowPlaintext: true }, 'required');
  });

  it('on loopback are taken in every mode', () => {
    checkPlainPorts({ ...NONE, systemTcpListen: NEAR, systemWsListen: NEAR }, 'required');
  });

  it('stop a server that would open one, with one line that says what to do', async () => {
    const start = run({ 'system-ws-listen': '0.0.0.0:0' });
    await expect(start).rejects.toThrow(/^--system-ws-listen 0\.0\.0\.0:0: .* use --system-wss-listen, a loopback/);
  });

  it('close connections of other machines once the mode has become required, and those of their own machine not', () => {
    let mode: 'open' | 'required' = 'open';
    const told: string[] = [];
    const taken: string[] = [];
    const destroyed: string[] = [];
    const receiver = {} as Receiver;
    const reports = {
      report: ({ address }: { readonly address?: string | undefined }) => void told.push(address ?? ''),
    };
    const deps = { allowPlaintext: false, mode: () => mode, reports };
    const take = (how: string) => (pipe: Pipe) => {
      taken.push(`${how} ${pipe.remote}`);
      return receiver;
    };
    const accept = plainGate({ accept: take('near'), acceptFar: take('far') }, deps);
    const from = (remote: string) => accept({ remote, destroy: () => void destroyed.push(remote) } as Pipe);
    expect(from('192.0.2.1')).toBe(receiver);
    mode = 'required';
    expect(from('192.0.2.1')).toBeUndefined();
    expect(from('127.0.0.1')).toBe(receiver);
    expect(from('::ffff:127.0.0.1')).toBe(receiver);
    expect(from('::1')).toBe(receiver);
    expect(taken).toEqual(['far 192.0.2.1', 'near 127.0.0.1', 'near ::ffff:127.0.0.1', 'near ::1']);
    expect([told, destroyed]).toEqual([['192.0.2.1'], ['192.0.2.1']]);
  });
});
