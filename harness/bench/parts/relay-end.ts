/**
 * An end of a copy through a server, as a process of its own:
 *
 *   relay-end.ts ours|bare sink|source PORT [SID]
 *
 * A sink takes one copy after the other, and says its SID (ours) or 0 when it is there. A source makes a copy for each number of
 * bytes that it is sent, and answers with the milliseconds until the sink had said that all had come; for `{ echoes }` it sends so many
 * keystrokes on a connection of their own, and answers with the milliseconds until each was back, and with how many bytes of a copy
 * came to the sink while each was on its way there.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Client, type ClientReadableStream, credentials, Metadata } from '@grpc/grpc-js';
import { InstanceType, type PeerStream, Switchyard } from '../../../src/client/index.js';
import { COPY_MARK, giveCopy, takeCopy } from '../../nat/copy.js';
import { BARE_RELAY } from '../rivals/bare-relay-service.js';
import { Arrivals } from './arrivals.js';

const CHUNK = Buffer.alloc(65_536, 7);
/** Where a key says when it was pressed; before it is what tells it from a copy. */
const KEY_AT = 8;
const [, , which, role, port, sid] = process.argv;
const server = `127.0.0.1:${port}`;

/** Of the machine's own clock, which all its processes have in common. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What a terminal sends for a key, encrypted by ssh: here the moment at which it was pressed, and room for the answer. */
const KEYSTROKE_BYTES = 64;
const arrivals = new Arrivals();

/** Each key comes back with how many bytes of a copy came since it was pressed: processes of one machine share the clock. */
function echo(stream: PeerStream, key: Buffer): void {
  const back = Buffer.from(key);
  back.writeDoubleBE(arrivals.since(key.readDoubleBE(KEY_AT)), KEY_AT);
  stream.write(back);
}

function join() {
  const accepted = (stream: PeerStream) => {
    stream.on('error', () => stream.destroy());
    stream.once('data', (first: Buffer) => {
      if (first[0] === COPY_MARK) {
        stream.on('data', (bytes: Buffer) => arrivals.came(nowMs(), bytes.length));
        return takeCopy(stream, first);
      }
      echo(stream, first);
      return stream.on('data', (key: Buffer) => echo(stream, key));
    });
  };
  const handlers = { accept: () => true, accepted };
  return new Switchyard({ server }).join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
}

/** Between two keystrokes. */
const KEY_MS = 10;

let typed: Promise<PeerStream> | undefined;

/** What became of one keystroke. */
export interface Echo {
  /** Until it was back. */
  readonly tookMs: number;
  /** Bytes of a copy that came to the sink while the keystroke was on its way there. */
  readonly bytesBefore: number;
}

async function type(instance: ReturnType<typeof join>, echoes: number): Promise<Echo[]> {
  typed ??= instance.connect(Number(sid), { upgradeAfterMs: Number.POSITIVE_INFINITY });
  const stream = await typed;
  const taken: Echo[] = [];
  for (let key = 0; key < echoes; key++) {
    const before = nowMs();
    const stroke = Buffer.alloc(KEYSTROKE_BYTES, 1);
    stroke.writeDoubleBE(before, KEY_AT);
    stream.write(stroke);
    const [back] = (await once(stream, 'data')) as [Buffer];
    if (back.length !== KEYSTROKE_BYTES) throw new Error(`an echo of ${back.length} bytes`);
    taken.push({ tookMs: nowMs() - before, bytesBefore: back.readDoubleBE(KEY_AT) });
    await new Promise((resolve) => setTimeout(resolve, KEY_MS));
  }
  return taken;
}

async function giveOurs(instance: ReturnType<typeof join>, bytes: number): Promise<number> {
  const stream = await instance.connect(Number(sid), { upgradeAfterMs: Number.POSITIVE_INFINITY });
  if (stream.path !== 'relayed' || !stream.endToEnd) throw new Error(`the copy was ${stream.path}`);
  const tookMs = await giveCopy(stream, bytes);
  await once(stream, 'close');
  return tookMs;
}

function unary(client: Client, request: Buffer): Promise<Buffer> {
  const { path, requestSerialize, responseDeserialize } = BARE_RELAY.took;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
      error ? reject(error) : resolve(answer!),
    );
  });
}

async function takeBare(client: Client): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = BARE_RELAY.pull;
  for (;;) {
    const pulled: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.alloc(0),
      new Metadata(),
    );
    let count = 0;
    pulled.on('data', (bytes: Buffer) => {
      count += bytes.length;
    });
    pulled.once('metadata', () => process.send!(0));
    await once(pulled, 'end');
    await unary(client, Buffer.from(String(count)));
  }
}

async function giveBare(client: Client, bytes: number): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = BARE_RELAY.push;
  const before = performance.now();
  const counted = new Promise<number>((resolve, reject) => {
    const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error, count) =>
      error ? reject(error) : resolve(Number(String(count))),
    );
    const write = async () => {
      for (let left = bytes; left > 0; left -= CHUNK.length) {
        if (!call.write(CHUNK.subarray(0, Math.min(left, CHUNK.length)))) await once(call, 'drain');
      }
      call.end();
    };
    write().catch(reject);
  });
  if ((await counted) !== bytes) throw new Error('bytes were lost');
  return performance.now() - before;
}

process.on('disconnect', () => process.exit(0));
if (which === 'ours') {
  const instance = join();
  const { cvid } = await instance.attached();
  process.on('message', async (asked: number | { readonly echoes: number }) => {
    process.send!(typeof asked === 'number' ? await giveOurs(instance, asked) : await type(instance, asked.echoes));
  });
  process.send!(cvid);
} else {
  const client = new Client(server, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
  process.on('message', async (bytes: number) => process.send!(await giveBare(client, bytes)));
  if (role === 'sink') await takeBare(client);
  else process.send!(0);
}
