import type { SeededRandom } from '../../../harness/simulation/machine/random.js';

/** How a client of HTTP/1.1 that sends ahead behaves. */
export interface Pipeline {
  /** Requests, one after the other. The last one asks for the connection to be closed. */
  readonly bytes: Buffer;
  /** Where the bytes are cut into writes, and the pause after each. */
  readonly cuts: readonly number[];
  readonly gapMs: number;
  /** Answers are not taken before all is written. */
  readonly isUnread: boolean;
  /** What it does after the last write. */
  readonly ending: 'linger' | 'half-close' | 'reset';
  /** Bytes of an answer. */
  readonly answerBytes: number;
}

/** Fewer than the door lets a connection send ahead: what is beyond closes it, sooner or later. */
const REQUESTS_MAX = 14;
const UPGRADE = ['connection: upgrade', 'upgrade: websocket'];
const UNARY = '/switchyard.v1.ServerService/GetServer';
const WATCH = '/switchyard.v1.NetworkService/WatchEndpointClosed';

/**
 * Draws requests of every kind that node:http treats in its own way, and how they are sent. What it closes a connection for, with
 * whatever is not answered by then, is only among them where they need not be sound.
 */
export function drawPipeline(random: SeededRandom, isSound: boolean): Pipeline {
  const isWatched = random.below(3) === 0;
  const count = random.between(2, REQUESTS_MAX - 1);
  const all = Array.from({ length: count }, (_, at) => numbered(drawRequest(random, isSound), at));
  const text = [...(isWatched ? [watching()] : []), ...all, preflight(random, ['connection: close'])].join('');
  const bytes = Buffer.from(text, 'latin1');
  const cuts = Array.from({ length: random.below(5) }, () => random.below(bytes.length)).sort((a, b) => a - b);
  // The connection ends behind a request to upgrade, whatever was sent after it.
  const isUpgrade = text.includes('upgrade: websocket');
  const ending = isUpgrade ? 'half-close' : random.pick(['linger', 'linger', 'linger', 'half-close', 'reset'] as const);
  const answerBytes = random.pick([0, 10, 5_000, 200_000]);
  return { bytes, cuts, gapMs: random.pick([0, 0, 1, 5]), isUnread: random.below(4) === 0, ending, answerBytes };
}

/** Its answer tells the number. */
function numbered(request: string, number: number): string {
  return request.replace('host: 127.0.0.1', `host: 127.0.0.1\r\nx-number: ${number}`);
}

function drawRequest(random: SeededRandom, isSound: boolean): string {
  const draw = random.below(40);
  if (draw === 0 && !isSound)
    return random.pick([
      'NOT HTTP\r\n\r\n',
      'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]);
  if (draw === 1) return request('GET', '/nothing', ['connection: keep-alive']);
  if (draw < 12) return preflight(random, random.pick([[], ['connection: keep-alive'], ['expect: 100-continue']]));
  if (draw < 16) return request('GET', `${UNARY}?message=%7B%7D&encoding=json`, []);
  if (draw < 18) return preflight(random, UPGRADE);
  return unary(random);
}

function preflight(random: SeededRandom, headers: readonly string[]): string {
  return request('OPTIONS', `/${'x'.repeat(random.pick([0, 10, 900, 1_100, 4_000]))}`, headers);
}

/** A call whose body is of some bytes that decode to nothing: an unknown field, or one that is too large. */
function unary(random: SeededRandom): string {
  const length = random.pick([0, 0, 3, 1_000, 1_024, 9_000, 30_000]);
  const body = ' '.repeat(length);
  const headers = ['content-type: application/json', ...random.pick([[], [], ['expect: 100-continue']])];
  if (random.below(3) > 0) return request('POST', UNARY, [...headers, `content-length: ${length + 2}`], `{${body}}`);
  const half = Math.floor(length / 2);
  const chunks = [`{${body.slice(half)}`, `${body.slice(0, half)}}`].map(
    (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
  );
  return request('POST', UNARY, [...headers, 'transfer-encoding: chunked'], `${chunks.join('')}0\r\n\r\n`);
}

function watching(): string {
  const headers = ['content-type: application/connect+json', 'content-length: 7'];
  return request('POST', WATCH, headers, '\0\0\0\0\x02{}');
}

function request(method: string, path: string, headers: readonly string[], body = ''): string {
  return `${[`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n${body}`;
}
