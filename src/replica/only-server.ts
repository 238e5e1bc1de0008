import { isFault } from '../core/model/fault.js';
import { RULES_MAX } from '../core/model/rules.js';
import type { Replica } from './replica.js';
import { startFailure } from './start-failure.js';
import { useRules } from './use-rules.js';

/** The name of a server that has no others beside it. */
const NO_NAME = '';

/**
 * Makes this server the only one of its network, where the state says otherwise. Call it at the start of a server on a journal of its own.
 *
 * A journal that was copied back from several servers still has them, and may have lost the one that this server counts as: then no
 * session could be at home anywhere. Sessions of the others move here as their clients attach or renew, or end as those of lost servers.
 * `rules` are the newest that this build knows.
 */
export async function becomeOnlyServer(
  replica: Pick<Replica, 'state' | 'submit' | 'enforce'>,
  rules = RULES_MAX,
): Promise<void> {
  const { state } = replica;
  const uuid = state.serverUuid;
  if (!state.servers.isLive(state.serverSid)) {
    const outcome = await replica.submit({ kind: 'AddServer', uuid, name: NO_NAME });
    if (isFault(outcome)) throw startFailure('this server could not be made one of the network again', outcome);
  }
  for (const { sid, name, isLive, uuid: other } of [...state.servers.all()]) {
    if (!isLive || other === uuid) continue;
    const outcome = await replica.submit({ kind: 'LoseServer', sid });
    if (isFault(outcome)) throw startFailure(`the server ${name} of before could not be given up`, outcome);
  }
  // Nobody else has to know them.
  await useRules(replica, rules);
}
