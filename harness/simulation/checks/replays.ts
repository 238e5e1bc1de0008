import { canonical } from '../../../src/core/store/canonical.js';
import { MemoryJournal } from '../../../src/journal/storage/memory.js';
import { recover } from '../../../src/replica/recover.js';
import type { Check } from '../check.js';
import type { SimulatedServer } from '../machine/server.js';
import type { ServerScene } from '../scene.js';

/** The live state is compared at every so many sweeps: each comparison writes two states out. */
const COMPARE_EVERY = 60;

/**
 * **Replayed**: the journal, however it was cut short by snapshots, gives the state that all commands from the first give;
 * twice the same bytes; and the state that the server has.
 */
export class Replays implements Check {
  private server: SimulatedServer | undefined;
  private sweeps = 0;

  constructor(private readonly scene: ServerScene) {}

  started(server: SimulatedServer): void {
    this.server = server;
    this.compare('the recovered state', canonical(server.state));
  }

  died(): void {
    this.server = undefined;
  }

  swept(): void {
    const { truth } = this.scene;
    if (this.server?.state.revision !== truth.last || ++this.sweeps % COMPARE_EVERY !== 0) return;
    this.compare('the live state', canonical(this.server.state));
  }

  /** Recovers twice from the journal as it is. To be called while nothing is being written. */
  async replayTwice(): Promise<void> {
    const { disk } = this.scene;
    const texts: string[] = [];
    for (let time = 0; time < 2; time++) {
      const recovery = await recover(new MemoryJournal(disk.memory));
      await recovery.replay(() => {});
      texts.push(canonical(recovery.state));
    }
    if (texts[0] !== texts[1]) this.scene.verdict.fail('Replayed', 'two replays of one journal differ');
    this.compare('a replay', texts[0]);
  }

  private compare(what: string, text: string): void {
    const right = canonical(this.scene.truth.state);
    if (text === right) return;
    const lines = new Set(right.split('\n'));
    const extra = text.split('\n').filter((line) => !lines.has(line));
    const missing = right.split('\n').filter((line) => !text.split('\n').includes(line));
    const difference = `has ${extra.slice(0, 4).join(' ')}; lacks ${missing.slice(0, 4).join(' ')}`;
    this.scene.verdict.fail('Replayed', `${what} at ${this.scene.truth.last} ${difference}`);
  }
}
