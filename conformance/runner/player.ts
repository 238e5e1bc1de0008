import { randomUUID } from 'node:crypto';
import type { Case, EventStep, Fields, PathStep, ServerStep, SilenceStep, Step, Value } from './case.js';
import { difference, type Kept, resolve, resolveFields } from './match.js';
import { Stage } from './stage.js';
import { Refused, type TesteePlan, TesteeProcess } from './testee.js';

/** An event that takes longer does not come. The slowest wait of a client is 15 s, on a machine that does other things. */
const EVENT_MS = 40_000;
/** UUIDs that a case may use, as `$uuid1` and so on. */
const UUIDS = 3;

/** A command, and what is done with its answer. */
type Parts = Fields & { like?: Fields; keep?: Fields; refused?: Fields; meanwhile?: readonly Step[] };

/** What came of a case. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly lacks: readonly string[] }
  | { readonly kind: 'failed'; readonly problem: string };

/** Plays one case with one testee, on a server and a path of its own. */
export async function play(played: Case, plan: TesteePlan): Promise<Outcome> {
  const stage = await Stage.open(played);
  const testee = new TesteeProcess(plan, stage.addresses(played), played.network);
  let outcome: Outcome;
  try {
    const lacks = await testee.lacks(played.needs);
    if (lacks.length > 0) outcome = { kind: 'skipped', lacks };
    else outcome = await new Player(stage, testee).play(played.steps);
  } catch (error) {
    outcome = { kind: 'failed', problem: String(error) };
  }
  // The testee says goodbye while its server is still there.
  const unclean = await testee.close();
  const faults = await stage.close();
  const problem = outcome.kind === 'passed' ? (unclean ?? faults[0]) : undefined;
  return problem === undefined ? outcome : { kind: 'failed', problem };
}

class Player {
  readonly #kept = new Map<string, Value>();

  constructor(
    private readonly stage: Stage,
    private readonly testee: TesteeProcess,
  ) {
    for (let number = 1; number <= UUIDS; number++) this.#kept.set(`uuid${number}`, randomUUID());
  }

  async play(steps: readonly Step[]): Promise<Outcome> {
    for (const [at, step] of steps.entries()) {
      const problem = await this.#play(step).catch((error: unknown) => String(error));
      if (problem === undefined) continue;
      const where = `step ${at + 1} ${JSON.stringify(step)}`;
      return { kind: 'failed', problem: `${where}: ${problem}\n${this.testee.rest}` };
    }
    return { kind: 'passed' };
  }

  /** Plays a step; resolves with what was wrong, undefined when nothing was. */
  async #play(step: Step): Promise<string | undefined> {
    if ('event' in step) return this.#await(step as EventStep);
    if ('never' in step) return this.#awaitNone(step as SilenceStep);
    if ('server' in step) {
      await this.stage.server(step as ServerStep);
      return undefined;
    }
    if ('path' in step) {
      await this.stage.move(step as PathStep);
      return undefined;
    }
    const { like, keep, refused, meanwhile, ...fields } = step as Parts;
    const run =
      'visitor' in fields
        ? (all: Fields) => this.stage.visitor.act(String(fields.visitor), all)
        : (all: Fields) => this.testee.command(all);
    const judged = this.#judge(run, fields, { like, keep, refused });
    return meanwhile === undefined ? judged : this.#playMeanwhile(meanwhile, judged);
  }

  /** Plays steps while a command is under way, which must not be over before they are; resolves with what was wrong. */
  async #playMeanwhile(steps: readonly Step[], judged: Promise<string | undefined>): Promise<string | undefined> {
    let isOver = false;
    const over = judged.then(
      () => {
        isOver = true;
      },
      () => {
        isOver = true;
      },
    );
    for (const step of steps) {
      const problem = await this.#play(step);
      if (problem !== undefined) return problem;
      if (isOver) return `${JSON.stringify(step)} came after the answer: ${(await judged) ?? 'it was as it should be'}`;
    }
    await over;
    return judged;
  }

  async #judge(
    run: (fields: Fields) => Promise<Fields>,
    fields: Fields,
    { like, keep, refused }: { like?: Fields; keep?: Fields; refused?: Fields },
  ): Promise<string | undefined> {
    try {
      const answer = await run(resolveFields(fields, this.#kept));
      if (refused !== undefined) return `it was not refused, but answered ${JSON.stringify(answer)}`;
      return this.#take(answer, like, keep);
    } catch (error) {
      if (!(error instanceof Refused) || refused === undefined) throw error;
      return difference(error.fields, resolve(refused, this.#kept));
    }
  }

  async #await({ event, as, withinMs = EVENT_MS, like, keep }: EventStep): Promise<string | undefined> {
    const told = await this.testee.event(event, as, withinMs);
    if (told === undefined) return `"${event}" was not told within ${withinMs} ms`;
    return this.#take(told, like, keep as Fields | undefined);
  }

  async #awaitNone({ never, as, forMs }: SilenceStep): Promise<string | undefined> {
    const told = await this.testee.event(never, as, forMs);
    return told === undefined ? undefined : `it was told: ${JSON.stringify(told)}`;
  }

  #take(answer: Fields, like: Fields = {}, keep: Fields = {}): string | undefined {
    const kept: Kept = this.#kept;
    const wrong = difference(answer, resolve(like, kept));
    if (wrong !== undefined) return wrong;
    for (const [field, name] of Object.entries(keep)) this.#kept.set(String(name), answer[field] ?? null);
    return undefined;
  }
}
