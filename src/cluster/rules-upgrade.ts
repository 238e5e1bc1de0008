import type { Logger } from 'pino';
import type { Clock, Timer } from '../base/clock.js';
import type { Journal } from '../journal/journal.js';
import type { Replica } from '../replica/replica.js';
import { useRules } from '../replica/use-rules.js';
import { RULES_LOOK_MS } from './limits.js';

/** What a {@link RulesUpgrade} stands on. */
export interface RulesUpgradeDeps {
  readonly clock: Clock;
  readonly replica: () => Pick<Replica, 'state' | 'enforce'>;
  readonly logger: Pick<Logger, 'info'>;
}

/**
 * Appends UseRules at the server that leads, once every live server knows newer rules than those that hold: every server decides for
 * itself what a command comes to, and all have to change with the same revision.
 */
export class RulesUpgrade {
  readonly #deps: RulesUpgradeDeps;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(deps: RulesUpgradeDeps) {
    this.#deps = deps;
  }

  /** This server leads from now on, with this journal. */
  lead(journal: Pick<Journal, 'readers'>): void {
    if (this.#isOver) return;
    this.#timer = this.#deps.clock.after(RULES_LOOK_MS, () => void this.#look(journal).then(() => this.lead(journal)));
  }

  end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  async #look({ readers }: Pick<Journal, 'readers'>): Promise<void> {
    const { replica, logger } = this.#deps;
    const { state } = replica();
    const rules = readers?.rulesMax ?? state.rules;
    if (this.#isOver || rules <= state.rules) return;
    const before = state.rules;
    // What was refused is tried again with the next look.
    if (await useRules(replica(), rules)) {
      logger.info(
        { before, rules, revision: state.revision },
        'every server knows newer rules: they hold from here on',
      );
    }
  }
}
