import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { RevocationNews, UNHEARD_MS_MAX } from '../../../src/replica/access/revocation-news.js';

describe('a server that cannot read the log', () => {
  /** What was said of it, and when it last read. */
  function unread() {
    const clock = new ManualClock();
    const said: boolean[] = [];
    const news = new RevocationNews(clock, (isHeard) => said.push(isHeard));
    news.current(false);
    return { clock, said, news };
  }

  it('has heard of no revocations after 21 s, and not before', async () => {
    const { clock, said, news } = unread();
    await clock.advance(UNHEARD_MS_MAX + 999);
    news.current(false);
    expect([said, news.isHeard]).toEqual([[], true]);
    await clock.advance(1);
    expect([said, news.isHeard]).toEqual([[false], false]);
    news.current(true);
    expect(said).toEqual([false, true]);
  });

  it('looks once more when its time is over, as after the process was stopped', async () => {
    const { clock, said, news } = unread();
    await clock.advance(UNHEARD_MS_MAX);
    news.current(true);
    await clock.advance(2 * UNHEARD_MS_MAX);
    expect(said).toEqual([]);
  });
});
