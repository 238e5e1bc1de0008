import { computed } from '@preact/signals';
import { useEffect, useReducer } from 'preact/hooks';
import { wordsOf } from '../actions.js';
import { link, model, picture, position, refusal } from '../state.js';
import { count } from '../text.js';

/** Why what is shown may not be so now, in a word or two for the title of the page; empty while it is. */
export const trouble = computed(() => {
  const { kind } = link.state.value;
  if (kind === 'loggedOut') return 'logged out';
  // Also while it tries: a title that comes and goes with each try says nothing.
  if (kind === 'waiting' || (kind === 'connecting' && picture.value.kind === 'stale')) return 'not connected';
  const why = refusal.value;
  if (why === undefined) return '';
  return why.reason === 'DRAINING' ? 'the server goes down' : 'refused';
});

/** How often the seconds until the next try are counted down. */
const COUNT_MS = 200;

/** How the page stands to its server, in a word: whether what is shown is so now. */
export function Chip() {
  const { kind, words, isWaiting } = standing();
  return (
    <div class={`chip ${kind}`}>
      <span role="status" aria-live="polite">
        {words}
      </span>
      {isWaiting && <Waiting />}
    </div>
  );
}

function Waiting() {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => draw(undefined as never), COUNT_MS);
    return () => clearInterval(timer);
  }, []);
  const state = link.state.value;
  if (state.kind !== 'waiting') return null;
  return (
    <>
      <span aria-hidden="true"> again in {(Math.max(0, state.untilMs - Date.now()) / 1_000).toFixed(1)} s </span>
      <button type="button" onClick={() => link.retryNow()}>
        Retry now
      </button>
    </>
  );
}

function standing(): { readonly kind: string; readonly words: string; readonly isWaiting: boolean } {
  const state = link.state.value;
  const why = refusal.value;
  const shown = position.value;
  const old = shown === undefined ? '' : ` · shown: revision ${count(shown.revision)}`;
  if (state.kind === 'loggedOut') return { kind: 'bad', words: `logged out${old}`, isWaiting: false };
  if (state.kind === 'waiting') return { kind: 'bad', words: `not connected${old}`, isWaiting: true };
  if (why?.reason === 'DRAINING')
    return { kind: 'bad', words: `the server goes down: ${why.message}${old}`, isWaiting: false };
  if (why !== undefined) return { kind: 'bad', words: `refused: ${wordsOf(why)}${old}`, isWaiting: false };
  if (state.kind === 'connecting') return { kind: 'wait', words: `connecting …${old}`, isWaiting: false };
  if (picture.value.kind !== 'live') return { kind: 'wait', words: `catching up …${old}`, isWaiting: false };
  return {
    kind: 'good',
    words: `live · rev ${count(shown?.revision ?? 0)} · ${count(Math.max(0, model.nodes.size - 1))}`,
    isWaiting: false,
  };
}
