// Runs in the page before its own scripts: counts frames, and looks at what the page and its layout's worker say to each other.
(() => {
  /** As in console/src/layout/placement.ts: a node with more links stands when a neighbour comes. */
  const SETTLED_DEGREE = 2;
  /** Slots that the last changes let move, by the number of the change. */
  const causes = new Map();
  let last;
  let hasRested = false;
  let counted = zero();

  function zero() {
    return { frames: [], compared: 0, uncaused: 0, moved: 0, requests: 0 };
  }

  function asked({ kind, turn, links, fresh, relinked, gone, slots }) {
    if (kind !== 'change') return;
    counted.requests++;
    const degree = new Uint32Array(slots);
    for (const slot of links) degree[slot]++;
    const before = causes.get(turn - 1)?.degree ?? new Uint32Array(0);
    const free = new Set([...fresh, ...gone]);
    for (const slot of relinked) if (!(before[slot] > 0) || degree[slot] <= SETTLED_DEGREE) free.add(slot);
    causes.set(turn, { free, degree });
  }

  function answered(answer) {
    if (last !== undefined && hasRested) compare(last, answer);
    if (answer.isAtRest && answer.turn > 1) hasRested = true;
    last = { turn: answer.turn, x: answer.x.slice(), y: answer.y.slice() };
    for (const turn of causes.keys()) if (turn < answer.turn - 1) causes.delete(turn);
  }

  /** What moved from one answer to the next, by changes from the first one's to the second one's. */
  function compare(before, now) {
    const known = [];
    for (let turn = before.turn; turn <= now.turn; turn++) if (causes.has(turn)) known.push(causes.get(turn));
    for (let slot = 0; slot < before.x.length; slot++) {
      if (Number.isNaN(before.x[slot]) || Number.isNaN(now.x[slot])) continue;
      counted.compared++;
      // The dock gives way as one.
      if (known.some(({ free, degree }) => free.has(slot) || !(degree[slot] > 0))) continue;
      counted.uncaused++;
      if (before.x[slot] !== now.x[slot] || before.y[slot] !== now.y[slot]) counted.moved++;
    }
  }

  const Before = window.Worker;
  window.Worker = class extends Before {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => answered(data));
    }
    postMessage(message, ...more) {
      asked(message);
      super.postMessage(message, ...more);
    }
  };
  let frameMs = 0;
  const frame = (ms) => {
    if (frameMs > 0) counted.frames.push(ms - frameMs);
    frameMs = ms;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.probe = {
    isSettled: () => hasRested,
    take: () => {
      const taken = counted;
      counted = zero();
      return taken;
    },
  };
})();
