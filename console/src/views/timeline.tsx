import { useEffect, useReducer } from 'preact/hooks';
import { changes, history, listVersion, lookAt, past } from '../state.js';
import { count, spanWord, timeWord } from '../text.js';
import { Sparkline } from './sparkline.js';

/** Seconds that the timeline goes back: those of which the rate of changes is drawn. */
const SECONDS = 600;
/** How often it moves on while nothing changes. */
const MOVE_MS = 1_000;

/** The page's memory: the rate of changes, and a handle that shows the graph as it was. */
export function Timeline() {
  listVersion.value;
  const [, draw] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => draw(undefined as never), MOVE_MS);
    return () => clearInterval(timer);
  }, []);
  const shown = past.value;
  const nowMs = Date.now();
  const reachMs = history.value?.reachMs ?? nowMs;
  const back = Math.min(SECONDS, Math.max(1, Math.ceil((nowMs - reachMs) / 1_000)));
  const ago = shown === undefined ? 0 : Math.min(back, Math.round((nowMs - shown.atMs) / 1_000));
  const words =
    shown === undefined
      ? 'live'
      : `as it was at ${timeWord(shown.atMs)}, ${spanWord(ago * 1_000)} ago${shown.revision > 0 ? `, revision ${count(shown.revision)}` : ''}`;
  return (
    <section class={`timeline ${shown === undefined ? '' : 'past'}`} aria-label="Timeline">
      <Sparkline values={changes.rates(nowMs)} label="changes a second in the last 10 minutes" />
      <input
        type="range"
        min={-SECONDS}
        max={0}
        step={1}
        value={-ago}
        aria-label="Show the graph as it was"
        aria-valuetext={words}
        onInput={({ currentTarget }) => {
          const seconds = Number(currentTarget.value);
          lookAt(seconds === 0 ? undefined : Date.now() + seconds * 1_000);
        }}
      />
      <p role="status">{words}</p>
      <button type="button" disabled={shown === undefined} onClick={() => lookAt(undefined)}>
        Live
      </button>
    </section>
  );
}
