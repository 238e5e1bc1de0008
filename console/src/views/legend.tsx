import { labelKeys } from '../model/groups.js';
import { kindOf, TYPES } from '../model/instance.js';
import { go, route } from '../route.js';
import { layout, listVersion, model, sessions } from '../state.js';
import { printable } from '../text.js';

/** What the colours and lines of the graph mean, and how it is grouped. */
export function Legend() {
  listVersion.value;
  const counts = new Map(TYPES.map((kind) => [kind, 0]));
  for (const { sid, parent } of model.nodes.values()) {
    if (parent !== 0) counts.set(kindOf(sid), (counts.get(kindOf(sid)) ?? 0) + 1);
  }
  const { q } = route.value;
  const ask = (part: string) => go({ q: q.includes(part) ? q.replace(part, '').trim() : `${q} ${part}`.trim() });
  return (
    <fieldset class="legend">
      <legend class="hidden">Legend: a press asks for one kind only</legend>
      {TYPES.filter((kind) => (counts.get(kind) ?? 0) > 0).map((kind) => (
        <button key={kind} type="button" aria-pressed={q.includes(`type:${kind}`)} onClick={() => ask(`type:${kind}`)}>
          <span class={`dot ${kind}`} aria-hidden="true" /> {kind} <span class="muted">{counts.get(kind)}</span>
        </button>
      ))}
      <button type="button" aria-pressed={q.includes('attached:no')} onClick={() => ask('attached:no')}>
        <span class="dot ring" aria-hidden="true" /> not attached{' '}
        <span class="muted">{[...sessions.value.values()].filter(({ attached }) => !attached).length}</span>
      </button>
      <span class="line tcp">tcp</span>
      <span class="line udp">udp</span>
      <GroupChoice />
    </fieldset>
  );
}

/** By what the nodes are grouped. */
function GroupChoice() {
  listVersion.value;
  const { by } = route.value;
  const usual = layout.value?.grouped.value?.by;
  const usualWord = usual === undefined ? 'not' : usual.kind === 'linked' ? 'by links' : `by ${printable(usual.key)}`;
  const keys = labelKeys(model);
  const isOther = by !== '' && !by.startsWith(':') && !keys.includes(by);
  return (
    <label class="grouped">
      grouped
      <select value={by} onChange={(event) => go({ by: event.currentTarget.value, cam: '' })}>
        <option value="">{by === '' ? `as usual (${usualWord})` : 'as usual'}</option>
        <option value=":none">not</option>
        <option value=":linked">by links</option>
        {(isOther ? [by, ...keys] : keys).map((key) => (
          <option key={key} value={key}>
            by {printable(key)}
          </option>
        ))}
      </select>
    </label>
  );
}
