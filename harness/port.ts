import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what Linux and macOS give to outgoing connections. */
const LOWEST = 10_000;
const COUNT = 20_000;

/**
 * A free port that stays free while nobody listens there: a server that is started again needs it. While it is down its
 * clients knock there all the time, and a port of the range for outgoing connections would sooner or later be taken by one
 * of their own.
 */
export async function quietPort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      // An address of another network namespace: nobody else is there.
      probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRNOTAVAIL'));
      probe.listen(port, host, () => resolve(true));
    });
    if (probe.listening) {
      probe.close();
      await once(probe, 'close');
    }
    if (isFree) return port;
  }
}
