/**
 * An instance of the test network as a process of its own: takes every connection and says everything back on it, and
 * connects when it is told to. Takes the server's address; tells its SID, and then the outcome of each connection.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type PeerStream, Switchyard } from '../../src/client/index.js';

/** What the test says: connect, and end the connection at once or (hold) tell how it ended. */
export interface Told {
  readonly id: number;
  readonly to: number;
  readonly transport: 'tcp' | 'udp';
  readonly hold?: boolean;
}

/** What came of it. */
export interface Outcome {
  readonly id: number;
  readonly path?: 'direct' | 'relayed';
  /** Until bytes had gone both ways. */
  readonly tookMs?: number;
  readonly connectionId?: string;
  /** Why there is no connection. */
  readonly error?: string;
  /** How a connection that was held has ended. */
  readonly ended?: string;
}

const yard = new Switchyard({ server: process.argv[2] });
const instance = yard.join({
  uuid: randomUUID(),
  type: 2,
  handlers: {
    accept: () => true,
    accepted: (stream) => {
      stream.on('error', () => stream.destroy());
      stream.pipe(stream);
    },
  },
});
const say = (outcome: object) => process.send!(outcome);

async function carry(stream: PeerStream): Promise<void> {
  stream.write('there and back');
  await once(stream, 'data');
}

process.on('message', async ({ id, to, transport, hold }: Told) => {
  const before = performance.now();
  try {
    const stream = await instance.connect(to, { transport });
    await carry(stream);
    const { path, connectionId } = stream;
    say({ id, path, connectionId, tookMs: performance.now() - before });
    let why = 'closed';
    stream.on('error', (error) => {
      why = error.message;
    });
    stream.once('close', () => hold && say({ id, ended: why }));
    if (!hold) stream.destroy();
  } catch (error) {
    say({ id, error: String(error) });
  }
});

const { cvid } = await instance.attached();
say({ cvid });
