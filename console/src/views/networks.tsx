import { DEFAULT_NETWORK } from '../net/link.js';
import { go } from '../route.js';
import { link, networks } from '../state.js';
import { count } from '../text.js';

/** Which network is shown; an administrator chooses another one here. Nothing where a server has the default one alone. */
export function NetworkChoice() {
  const shown = link.network.value;
  const all = networks.value;
  const isKnown = all.some(({ name }) => name === shown);
  if (link.role.value !== 'administrator' || all.length === 0 || (isKnown && all.length === 1)) return <NetworkName />;
  return (
    <label class="network">
      network
      <select id="network" value={shown} onChange={(event) => choose(event.currentTarget.value)}>
        {!isKnown && <option value={shown}>{shown}, which is not there</option>}
        {all.map(({ name, sessions, epoch }) => (
          <option key={name} value={name} disabled={epoch === '' && name !== shown}>
            {name} {epoch === '' ? '(does not run)' : `· ${count(sessions)}`}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The name of the network that is shown, where that is not the default one. */
export function NetworkName() {
  const shown = link.network.value;
  if (shown === '' || shown === DEFAULT_NETWORK) return null;
  return (
    <span class="network">
      network <b>{shown}</b>
    </span>
  );
}

/** What was selected and where the camera was is another network's. */
function choose(name: string): void {
  go({ net: name === DEFAULT_NETWORK ? '' : name, sid: 0, cam: '', by: '', reason: '' });
}
