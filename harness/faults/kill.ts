import { setTimeout as sleep } from 'node:timers/promises';
import { ANYWHERE, type Fault } from './fault.js';

/** The kill comes some time after so many calls at most were answered: then there is something to lose. */
const ANSWERS_MAX = { patient: 150, short: 40 };
const WORK_MS_MAX = 100;
const DOWN_MS_MAX = 300;
/** A process that is killed while it begins has come so far at most. */
const BEGINNING_MS_MAX = 900;

/** SIGKILL at any moment, also of a server that has not yet begun to listen; in a long run now and then SIGTERM. */
export const kill: Fault = {
  name: 'kill',
  about: 'SIGKILL at any moment, and a new process over what is left',
  lacks: () => undefined,
  prepare: () => ANYWHERE,
  async strike(trial, patient) {
    const { random, server } = trial;
    await trial.untilAnswered(random.between(1, patient ? ANSWERS_MAX.patient : ANSWERS_MAX.short));
    await sleep(random.fraction() * WORK_MS_MAX);
    if (patient && random.chance(0.2)) await trial.drain();
    else await server.kill();
    await sleep(random.fraction() * DOWN_MS_MAX);
    if (random.chance(0.25)) await server.startInVain(random.fraction() * BEGINNING_MS_MAX);
    await trial.judge();
    await server.start();
    await trial.untilServed();
  },
};
