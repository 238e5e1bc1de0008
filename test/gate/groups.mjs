import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

/** How long what is told to end may take to tidy up: a server drains, a browser writes its profile. */
const GRACE_MS = 10_000;
const LOOK_MS = 50;
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/** Programs that have not been seen to end, with all that they have started. */
const groups = new Set();

/**
 * Starts a program in a process group of its own. Programs start others, as jest's workers do, and a signal that ends this process
 * reaches none of them: so each group is ended before this process ends by SIGINT, SIGTERM or SIGHUP.
 */
export function startGroup(program, args, options) {
  if (groups.size === 0) for (const signal of Object.keys(SIGNALS)) process.on(signal, endBySignal);
  const child = spawn(program, args, { ...options, detached: true });
  if (child.pid === undefined) return child;
  groups.add(child.pid);
  child.once('close', () => {
    if (!isEnding) groups.delete(child.pid);
    if (groups.size === 0) for (const signal of Object.keys(SIGNALS)) process.off(signal, endBySignal);
  });
  return child;
}

/** Sends a signal to a program and to all that it has started. */
export function signalGroup({ pid }, signal) {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
    return true;
  } catch {
    return false; // It has ended, and so has everything else in its group.
  }
}

let isEnding = false;

async function endBySignal(signal) {
  if (isEnding) return;
  isEnding = true;
  const all = [...groups].map((pid) => ({ pid }));
  for (const group of all) signalGroup(group, 'SIGTERM');
  for (let waited = 0; waited < GRACE_MS && all.some((group) => signalGroup(group, 0)); waited += LOOK_MS) {
    await wait(LOOK_MS);
  }
  for (const group of all) signalGroup(group, 'SIGKILL');
  process.exit(128 + SIGNALS[signal]);
}
