import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { RESIDENT_BYTES_MAX } from '../cap.js';
import { drawRound, ROUNDS_OF_ONE_SERVER } from './draw.js';
import { expelledCount, Fuzzer, playAlone, RoundFailure } from './fuzzer.js';
import { bytesOf, type Op, type Round, writesOf } from './plan.js';

const CASES = new URL('./cases/', import.meta.url);
const SEED = 1;
/** Rounds of the smoke test: with this seed the first of them expels already. */
const SMOKE_ROUNDS = 4;
const SMOKE_MS = 8_000;
const TOKEN = 'sw1_token';

const opsOf = ({ offenders }: Round): Op[] =>
  offenders.flatMap(({ phases }) => phases.flatMap(({ ops }) => ops as Op[]));

describe('a drawn round', () => {
  it('is the same for the same seed and number, whichever came before it', () => {
    const drawn = Array.from({ length: 20 }, (_, number) => drawRound(7, number));
    expect(drawRound(7, 13)).toEqual(drawn[13]);
    expect(drawRound(8, 13)).not.toEqual(drawn[13]);
  });

  it('is the same after it was kept as a file', () => {
    const round = drawRound(7, 3);
    expect(JSON.parse(JSON.stringify(round))).toEqual(round);
  });

  it('has the server of its neighbours, and the last one of a server drains it', () => {
    const servers = Array.from({ length: ROUNDS_OF_ONE_SERVER }, (_, number) => drawRound(7, number));
    for (const { server } of servers) expect(server).toEqual(servers[0].server);
    expect(servers.filter(({ drainAfterMs }) => drainAfterMs !== undefined)).toEqual([servers.at(-1)]);
  });

  it('has frames of every kind among some hundred others, resets above all', () => {
    const ops = Array.from({ length: 300 }, (_, number) => opsOf(drawRound(7, number))).flat();
    const counts = new Map<string, number>();
    for (const { op } of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
    const kinds = ['call', 'reset', 'data', 'window', 'priority', 'ping', 'settings', 'goaway', 'garbage', 'bytes'];
    expect([...counts.keys()].sort()).toEqual(kinds.sort());
    const { call = 0, reset = 0, ...others } = Object.fromEntries(counts);
    expect(call).toBeGreaterThan(reset);
    expect(reset).toBeGreaterThan(Math.max(...Object.values(others)));
  });

  it('has the same bytes however they are cut', () => {
    for (let number = 0; number < 20; number++) {
      for (const phase of drawRound(7, number).offenders.flatMap(({ phases }) => phases)) {
        expect(Buffer.concat(writesOf(phase, TOKEN)).equals(bytesOf(phase.ops, TOKEN))).toBe(true);
      }
    }
  });
});

describe('a round that failed', () => {
  it('names its seed and number, and why', () => {
    const failure = new RoundFailure(5, 17, drawRound(5, 17), new Error('the server ended with SIGABRT'));
    expect(failure.message).toBe('seed 5, round 17: the server ended with SIGABRT');
  });
});

describe('a server beside an ordinary client', () => {
  it('bears some rounds of frames without a rule, and expels who sends them', async () => {
    const endMs = performance.now() + SMOKE_MS;
    const goesOn = ({ rounds }: { rounds: number }) =>
      rounds === 0 || (rounds < SMOKE_ROUNDS && performance.now() < endMs);
    const fuzzer = new Fuzzer({ seed: SEED, from: 0, goesOn });
    await fuzzer.run();
    const { calls, peakBytes } = fuzzer.tally;
    expect(expelledCount(fuzzer.tally)).toBeGreaterThan(0);
    expect(calls).toBeGreaterThan(0);
    expect(peakBytes).toBeLessThan(RESIDENT_BYTES_MAX);
  });

  it.each(readdirSync(CASES))('bears the round of %s, which a server did not bear once', async (file) => {
    await playAlone(JSON.parse(readFileSync(new URL(file, CASES), 'utf8')) as Round);
  });
});
