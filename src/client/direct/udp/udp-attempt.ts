import type Udx from 'udx-native';
import type { Clock } from '../../../base/clock.js';
import { every } from '../../../base/timing.js';
import { CONNECTION_TIMES } from '../../../core/model/connection-times.js';
import type { Endpoint } from '../../../stun/address.js';
import { CandidateType, endpointText, familyOf, ordered } from '../candidate.js';
import { type Check, CheckKind, decodeCheck, encodeCheck } from '../check.js';
import { PUNCH_LIMITS } from '../limits.js';
import type { Outcome } from '../outcome.js';
import type { AttemptOutcome, AttemptPlan, DirectPath, PairOutcome } from '../path.js';
import { PathRace, type Winner } from '../race.js';
import { notDialled, type Reach } from '../reach.js';
import type { UdpFamily } from './udp-family.js';
import { UdxDuplex } from './udx-duplex.js';

/** An address of the peer, and how far it has got. */
interface Target {
  readonly family: UdpFamily;
  readonly to: Endpoint;
  /** When checks may begin, on the clock of the attempt. */
  readonly fromMs: number;
  /** Which stream goes there, once checks have been answered; only the controlling end numbers them. */
  stream: number | undefined;
  opened: boolean;
  outcome: Outcome;
}

/** What an attempt works with. */
export interface UdpAttemptDeps {
  readonly udx: Udx;
  readonly families: readonly UdpFamily[];
  readonly clock: Clock;
  readonly reach: Reach;
}

/**
 * One attempt over UDP.
 *
 * One check leaves every `checkMs`, to one address after the other. A check that comes from somewhere unknown makes
 * that a target too: behind an endpoint-dependent NAT the peer comes from an address that nobody could have named.
 */
export class UdpAttempt {
  readonly #plan: AttemptPlan;
  readonly #deps: UdpAttemptDeps;
  readonly #race: PathRace<UdxDuplex>;
  readonly #startedAtMs: number;
  readonly #targets = new Map<string, Target>();
  /** Streams that were made, by their number. */
  readonly #streams = new Map<number, { readonly target: Target; readonly duplex: UdxDuplex }>();
  #turn = 0;

  constructor(plan: AttemptPlan, deps: UdpAttemptDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#startedAtMs = deps.clock.nowMs();
    this.#race = new PathRace(plan, deps.clock, (duplex) => duplex.destroy());
  }

  async run(signal?: AbortSignal): Promise<AttemptOutcome> {
    const { clock, families, reach } = this.#deps;
    const startAfterMs = Math.min(Math.max(this.#plan.startAfterMs, 0), CONNECTION_TIMES.startAfterMaxMs);
    const leftOut: PairOutcome[] = [];
    for (const { type, host, port } of ordered(this.#plan.candidates)) {
      if (!reach.dials(host)) leftOut.push(notDialled({ host, port }));
      else this.#target({ host, port }, this.#startedAtMs + (type === CandidateType.HOST ? 0 : startAfterMs));
    }
    const unlisten = families.map((family) =>
      family.listen((bytes, from) => this.#heard(decodeCheck(bytes, this.#plan.nonce), from)),
    );
    const pacing = every(clock, CONNECTION_TIMES.checkMs, () => this.#next());
    const end = () => this.#race.end();
    const timer = clock.after(startAfterMs + CONNECTION_TIMES.attemptMs, end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    const winner = await this.#race.winner;
    end();
    timer.cancel();
    pacing.cancel();
    signal?.removeEventListener('abort', end);
    for (const stop of unlisten) stop();
    const won = [...this.#streams.values()].find(({ duplex }) => duplex === winner?.raw)?.target;
    if (won) won.outcome = 'connected';
    winner?.raw.watch();
    const checked = [...this.#targets.values()].map(({ family, to, outcome }) => ({
      local: family.local,
      remote: to,
      outcome,
    }));
    const pairs = [...checked, ...leftOut];
    const ends = won && { local: won.family.local, remote: won.to };
    const path = ends && winner && pathOf(winner, ends);
    return { path, pairs, tookMs: clock.nowMs() - this.#startedAtMs };
  }

  /** The target at an address; undefined when it cannot be one, or there are enough. */
  #target(to: Endpoint, fromMs: number): Target | undefined {
    const key = endpointText(to);
    const known = this.#targets.get(key);
    if (known) return known;
    const family = this.#deps.families.find((one) => one.family === familyOf(to.host));
    if (family === undefined || this.#targets.size >= PUNCH_LIMITS.checkedMax) return undefined;
    const target: Target = { family, to, fromMs, stream: undefined, opened: false, outcome: 'no answer' };
    this.#targets.set(key, target);
    return target;
  }

  /** Sends the next check to the next target whose time has come. */
  #next(): void {
    const now = this.#deps.clock.nowMs();
    const ready = [...this.#targets.values()].filter(({ fromMs }) => fromMs <= now);
    const target = ready[this.#turn++ % Math.max(ready.length, 1)];
    if (target) this.#ask(target);
  }

  #ask(target: Target): void {
    if (target.stream === undefined) this.#send(target, CheckKind.ASK, 0);
    else if (!target.opened) this.#send(target, CheckKind.OPEN, target.stream);
  }

  #send({ family, to }: Target, kind: CheckKind, token: number): void {
    family.send(encodeCheck({ kind, nonce: this.#plan.nonce, token }), to);
  }

  #heard(check: Check | undefined, from: Endpoint): void {
    if (check === undefined || this.#race.over) return;
    const target = this.#target({ host: from.host, port: from.port }, this.#deps.clock.nowMs());
    if (target === undefined) return;
    switch (check.kind) {
      case CheckKind.ASK:
        this.#send(target, CheckKind.ANSWER, check.token);
        // Asked at once: the peer's check has just shown that the way is open on this side (a triggered check).
        if (target.outcome === 'no answer') this.#ask(target);
        return;
      case CheckKind.ANSWER:
        this.#answered(target);
        return;
      case CheckKind.OPEN:
        if (this.#plan.controlling || check.token >= PUNCH_LIMITS.streamsMax) return;
        if (!this.#streams.has(check.token)) this.#open(target, check.token);
        this.#send(target, CheckKind.OPENED, check.token);
        return;
      case CheckKind.OPENED:
        if (this.#plan.controlling && !target.opened && target.stream === check.token) this.#open(target, check.token);
    }
  }

  /** The way is open in both directions. The controlling end asks for a stream on it. */
  #answered(target: Target): void {
    target.outcome = 'answered';
    if (!this.#plan.controlling || target.stream !== undefined) return;
    const numbered = [...this.#targets.values()].filter(({ stream }) => stream !== undefined).length;
    if (numbered >= PUNCH_LIMITS.streamsMax) return;
    target.stream = numbered;
    this.#ask(target);
  }

  /**
   * Makes stream number `number` and enters it into the race. Both ends know its two ids beforehand: they follow from
   * the nonce, the number and who controls.
   */
  #open(target: Target, number: number): void {
    target.opened = true;
    const nonce = Buffer.from(this.#plan.nonce);
    const ids = [nonce.readUInt32BE(0) ^ (2 * number), nonce.readUInt32BE(0) ^ (2 * number + 1)].map((id) => id >>> 0);
    const [own, peers] = this.#plan.controlling ? [ids[0], ids[1]] : [ids[1], ids[0]];
    const stream = this.#deps.udx.createStream(own);
    stream.connect(target.family.socket, peers, target.to.port, target.to.host);
    const duplex = new UdxDuplex(stream, this.#deps.clock);
    this.#streams.set(number, { target, duplex });
    void this.#race.enter(duplex).then((outcome) => {
      if (target.outcome !== 'connected') target.outcome = outcome;
    });
  }
}

function pathOf(
  { raw, stream, roundTripMs }: Winner<UdxDuplex>,
  ends: Pick<DirectPath, 'local' | 'remote'>,
): DirectPath {
  return { stream, ...ends, flush: () => raw.flush(), roundTripMs, whenSilent: (die) => void raw.once('silent', die) };
}
