import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { type Address, formatAddress, parseAddress } from '../base/address.js';
import { ValueError } from '../base/value-error.js';
import { type Instance, InstanceType, type PeerStream, SwitchyardError } from '../client/index.js';
import { type ConnectionFlags, readGraph, withServer } from './connection.js';
import { explain } from './explain.js';
import { join, requestPort } from './forwarding.js';
import { findNode } from './path.js';
import { Failure, type Surroundings, UsageError } from './surroundings.js';

/** How a peer is to be reached. */
export interface ConnectFlags extends ConnectionFlags {
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
  const at = localAddress(local);
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
        await terminal.err.writeLines(error instanceof SwitchyardError ? explain(error) : [(error as Error).message]);
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

/** Where to listen: PORT or HOST:PORT. */
function localAddress(text: string): Address {
  try {
    return parseAddress(text.includes(':') ? text : `127.0.0.1:${text}`);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new UsageError(`LOCAL: ${JSON.stringify(text)} must be PORT or HOST:PORT, such as 8080 or 127.0.0.1:8080`);
  }
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
      uuid: randomUUID(),
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
