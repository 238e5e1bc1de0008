import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';

const EXAMPLES = new URL('../../docs/examples/', import.meta.url);
const files = readdirSync(EXAMPLES).sort();

/** What each program prints when nothing else happens on the server. */
const PRINTS: Record<string, string[]> = {
  'connect.ts': ['relayed', 'is anybody there?', 'refused: open to the laptop only'],
  'deltas.ts': ['there: true', 'came: newcomer'],
  'errors.ts': ['FIELD_INVALID true', 'wrong: cvid', 'the user has left'],
  'join.ts': ['on the network; node true, lease 30000 ms', 'left'],
  'listen.ts': ['direct, and back again'],
  'observe.ts': ['agent', '2 nodes on the path', 'TERMINATED'],
  'orders.ts': ['asked to end: maintenance', 'SESSION_TERMINATED'],
  'replica.ts': [
    'came: the server',
    'came: north',
    'link: CONTROL_TCP',
    'came: south',
    'link: CONTROL_TCP',
    'link: TRANSPORT_UDP',
    'true true { nodes: 3, links: 3 }',
  ],
  'streams.ts': ['OK 2 would stop', 'TERMINATED'],
};

const MANUALS = ['client.md', 'direct-connections.md'];

describe(`docs (${MANUALS.join(', ')})`, () => {
  it('shows every example, whole, and no code that is not one', () => {
    const manuals = MANUALS.map((name) => readFileSync(new URL(`../${name}`, EXAMPLES), 'utf8')).join('\n');
    const shown = [...manuals.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
    const sources = files.map((file) => readFileSync(new URL(file, EXAMPLES), 'utf8'));
    expect(shown.sort()).toEqual(sources.sort());
  });
});

describe('the example', () => {
  let running: Running;
  const environment = { ...process.env };

  beforeEach(async () => {
    running = await run({ 'session-ttl': '30s' });
    process.env.SWITCHYARD_SERVER = running.address;
    process.env.SWITCHYARD_ADMIN_TOKEN = ADMIN_TOKEN;
  });
  afterEach(async () => {
    process.env = environment;
    await running.stop();
  });

  it.each(files)('%s does what it says', async (file) => {
    const printed: string[] = [];
    const log = jest.spyOn(console, 'log').mockImplementation((...words) => {
      printed.push(words.map((word) => (typeof word === 'object' ? inspect(word) : String(word))).join(' '));
    });
    try {
      await import(new URL(file, EXAMPLES).href);
    } finally {
      log.mockRestore();
    }
    expect(printed).toEqual(PRINTS[file]);
  });
});
