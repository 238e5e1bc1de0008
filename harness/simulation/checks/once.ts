import type { Command } from '../../../src/core/model/command.js';
import type { Check, Outcome } from '../check.js';
import type { Scene } from '../scene.js';
import type { Revision } from '../truth.js';

/** Reasons that say nothing of whether the call was done. */
const PROMISING_NOTHING: ReadonlySet<string> = new Set(['INTERNAL', 'OUTCOME_UNKNOWN']);

/**
 * **Once**: no call is done twice. **Refused**: what was refused has left no trace.
 *
 * The world gives every call that changes something a name that no other call has, in a field that is stored.
 */
export class Once implements Check {
  private readonly done = new Map<string, number>();
  private readonly refused = new Map<string, string>();

  constructor(private readonly scene: Scene) {}

  durable({ revision, command, changes }: Revision): void {
    const mark = markOf(command);
    if (mark === undefined) return;
    const before = this.done.get(mark);
    if (before !== undefined) this.scene.verdict.fail('Once', `${mark} was done at ${before} and again at ${revision}`);
    this.done.set(mark, revision);
    const refusal = this.refused.get(mark);
    if (refusal !== undefined && changes.length > 0) this.contradict(mark, revision, refusal);
  }

  heard({ method, request, error }: Outcome): void {
    // Without a reason it was not the server that spoke, and these two promise nothing.
    if (error?.reason === undefined || PROMISING_NOTHING.has(error.reason)) return;
    const mark = markOfRequest(method, request);
    if (mark === undefined) return;
    this.refused.set(mark, error.reason);
    const revision = this.done.get(mark);
    if (revision !== undefined && this.scene.truth.at(revision)!.changes.length > 0) {
      this.contradict(mark, revision, error.reason);
    }
  }

  private contradict(mark: string, revision: number, reason: string): void {
    this.scene.verdict.fail('Refused', `${mark} was refused with ${reason}; it was done at ${revision}`);
  }
}

function markOf(command: Command): string | undefined {
  switch (command.kind) {
    case 'OpenSession':
      // An instance keeps its name from session to session; the secret of each is drawn anew.
      return `Session ${Buffer.from(command.tokenHash, 'latin1').toString('hex')}`;
    case 'CreateStream':
      return `CreateStream ${command.params.name}`;
    case 'UpdateStreamParams':
      return `UpdateStreamParams ${command.params.name}`;
    case 'RequestTermination':
      return `TerminateSession ${command.reason}`;
    default:
      return undefined;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the messages of the method that is named
function markOfRequest(method: string, request: any): string | undefined {
  switch (method) {
    case 'CreateStream':
    case 'UpdateStreamParams':
      return `${method} ${request.params.name}`;
    default:
      return undefined;
  }
}
