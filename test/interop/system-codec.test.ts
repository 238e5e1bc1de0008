import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { numberVariable } from '../../harness/number-option.js';
import { EVENTS, type EventName } from '../../src/system/codec/event.js';
import type { EventType } from '../../src/system/codec/event-type.js';
import { below, mutated, randomOf } from '../system/codec/mutation.js';
import { canonicalJson, outcomeOf, type Reading } from '../system/codec/outcome.js';
import { allVectors } from '../system/codec/vectors.js';

const PYTHON_CODEC = fileURLToPath(new URL('switchyard_system.py', import.meta.url));
/** Another seed, another 100,000 inputs: SEED=7 npm run jest -- test/interop/system-codec */
const SEED = numberVariable('SEED') ?? 4;
const INPUTS = 100_000;

interface Input {
  readonly reading: Reading;
  readonly bytes: Uint8Array;
}

/** What the independent codec makes of each input: one process, all inputs in one go. */
async function pythonOutcomes(inputs: readonly Input[]): Promise<string[]> {
  const child = spawn('python3', [PYTHON_CODEC, 'codec'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const lines = inputs.map(({ reading, bytes }) => `${reading}\t${Buffer.from(bytes).toString('hex')}\n`);
  child.stdin.end(lines.join(''));
  const [code] = await ended;
  expect(code).toBe(0);
  return Buffer.concat(chunks).toString('utf8').trimEnd().split('\n');
}

const READINGS: readonly Reading[] = [
  'to-server',
  'to-client',
  'packet',
  'frames',
  ...(Object.entries(EVENTS) as [EventName, EventType][])
    .filter(([, { answerTable }]) => answerTable !== undefined)
    .map(([name]) => `answer-to ${name}` as const),
];

/** Vectors with small mistakes, now and then read as something else; and bytes that mean nothing. */
function hostileInputs(seed: number, count: number): Input[] {
  const random = randomOf(seed);
  const vectors = allVectors().filter(({ bytes }) => bytes.length <= 400);
  return Array.from({ length: count }, () => {
    const reading = READINGS[below(random, READINGS.length)];
    if (random() < 0.1) {
      const bytes = Uint8Array.from({ length: below(random, 40) }, () => below(random, random() < 0.5 ? 256 : 24));
      return { reading, bytes };
    }
    const vector = vectors[below(random, vectors.length)];
    const bytes = random() < 0.05 ? vector.bytes : mutated(vector.bytes, random);
    return { reading: random() < 0.05 ? reading : vector.reading, bytes };
  });
}

async function compare(inputs: readonly Input[]): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const theirs = await pythonOutcomes(inputs);
  expect(theirs).toHaveLength(inputs.length);
  for (const [index, { reading, bytes }] of inputs.entries()) {
    const outcome = outcomeOf(reading, bytes);
    const ours = canonicalJson(outcome);
    if (ours !== theirs[index]) {
      const input = `${reading} ${Buffer.from(bytes).toString('hex')}`;
      expect({ input, outcome: ours }).toEqual({ input, outcome: theirs[index] });
    }
    const name = (outcome.value as { readonly reason?: string }).reason ?? 'accepted';
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
  }
  return outcomes;
}

describe('Two independent codecs', () => {
  it('agree on every vector', async () => {
    await compare(allVectors());
  });

  it(`agree on ${INPUTS} random and mutated inputs: the same event or the same reason and offset`, async () => {
    console.log(`seed ${SEED}`);
    const outcomes = await compare(hostileInputs(SEED, INPUTS));
    // Were nearly everything refused at its first byte, agreeing would mean little.
    expect(outcomes.get('accepted')).toBeGreaterThan(INPUTS / 20);
    for (const reason of ['FIELD_INVALID', 'EVENT_TRUNCATED', 'EVENT_KEY_REPEATED', 'EVENT_CATEGORY_WRONG']) {
      expect(outcomes.get(reason)).toBeGreaterThan(INPUTS / 200);
    }
    for (const reason of ['EVENT_TYPE_UNKNOWN', 'PACKET_FLAGS_INVALID', 'TOO_LARGE']) {
      expect(outcomes.get(reason)).toBeGreaterThan(INPUTS / 2000);
    }
  }, 120_000);
});
