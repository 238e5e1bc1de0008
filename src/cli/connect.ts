import { createServer, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { formatAddress, parseAddress } from '../base/address.js';
import { type Instance, InstanceType, type PeerStream, SwitchyardError } from '../client/index.js';
import { readGraph, withServer } from './connection.js';
import { join, requestPort } from './forwarding.js';
import { type KeyFlags, passingInstance } from './own-key.js';
import { findNode } from './path.js';
import { Failure, type Surroundings } from './surroundings.js';

/** How a peer is to be reached. */
export interface ConnectFlags extends KeyFlags {
  readonly udp?: boolean;
  /** Where others can reach this machine. */
  readonly listen?: number;
  readonly verbose?: boolean;
}

/** Standard input and output as a connection to a port of a peer: netcat, and ssh's ProxyCommand. */
export async function connectPort(
  who: string,
  port: number,
  flags: ConnectFlags,
  surroundings: Surroundings,
): Promise<void> {
  await withPeer(who, flags, surroundings, async (instance, cvid) => {
    const stream = await reach(instance, cvid, port, flags, surroundings);
    await passThrough(stream, surroundings);
  });
}

/** Listens here, and passes every connection on to a port of a peer, until Ctrl-C. */
export async function forwardPort(
  local: string,
  who: string,
  port: number,
  flags: ConnectFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const at = parseAddress(local.includes(':') ? local : `127.0.0.1:${local}`);
  await withPeer(who, flags, surroundings, async (instance, cvid) => {
    const open = new Set<Socket>();
    const pass = async (socket: Socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket));
      try {
        await join(await reach(instance, cvid, port, flags, surroundings), socket);
      } catch (error) {
        // Never a FIN: it would tell the local client that it has everything.
        socket.resetAndDestroy();
        await terminal.err.write(`${(error as Error).message}\n`);
      }
    };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void pass(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(at.port, at.host, resolve);
    });
    const { port: bound } = server.address() as { port: number };
    await terminal.out.write(`forwarding ${formatAddress({ ...at, port: bound })} to port ${port} of ${cvid}\n`);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      void instance.ended.then(() => resolve());
    });
    server.close();
    for (const socket of open) socket.resetAndDestroy();
    throw signal.reason ?? (await instance.ended);
  });
}

/**
 * Passes each way to its own end, as netcat does: the end of the input ends this end's way, and the input is passed on for
 * as long as it lasts, also when the peer has said all. Rejects when either way ends before it is complete.
 */
async function passThrough(stream: PeerStream, { input, output, signal }: Surroundings): Promise<void> {
  const broken = (error: Error) => stream.destroy(error);
  const stop = () => stream.destroy(signal.reason as Error);
  finished(input, { writable: false }).catch(broken);
  output.on('error', broken);
  signal.addEventListener('abort', stop, { once: true });
  input.pipe(stream);
  stream.pipe(output, { end: false });
  try {
    await finished(stream);
  } catch (error) {
    if (error instanceof SwitchyardError) throw error;
    throw new Failure(`the connection broke: ${(error as Error).message}`);
  } finally {
    output.off('error', broken);
    signal.removeEventListener('abort', stop);
    input.destroy();
  }
}

async function withPeer(
  who: string,
  flags: ConnectFlags,
  surroundings: Surroundings,
  run: (instance: Instance, cvid: number) => Promise<void>,
): Promise<void> {
  const { signal } = surroundings;
  await withServer(flags, surroundings, async (yard) => {
    const { graph } = await readGraph(yard, signal);
    const { cvid } = findNode(graph, who);
    const instance = yard.join({
      ...(await passingInstance(yard, 'connect', flags, surroundings)),
      type: InstanceType.CLIENT,
      reopen: false,
      listenPort: flags.listen,
    });
    await run(instance, cvid);
  });
}

async function reach(
  instance: Instance,
  cvid: number,
  port: number,
  flags: ConnectFlags,
  { terminal, signal }: Surroundings,
): Promise<PeerStream> {
  const stream = await instance.connect(cvid, { transport: flags.udp ? 'udp' : 'tcp', signal });
  if (flags.verbose) {
    const way = stream.path === 'direct' ? 'directly' : 'through the server: see switchyard connections';
    await terminal.err.write(`${stream.connectionId}: connected to ${cvid} ${way}\n`);
    stream.on('path', () => void terminal.err.write(`${stream.connectionId}: directly from now on\n`));
  }
  try {
    await requestPort(stream, port);
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
