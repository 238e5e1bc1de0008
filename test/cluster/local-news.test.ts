import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { ASK_MS, BEAT_MS, LINK_SILENCE_MS } from '../../src/cluster/limits.js';
import { LocalNews } from '../../src/cluster/local-news.js';

class CountingClock extends ManualClock {
  cancelled = 0;

  override after(delayMs: number, call: () => void) {
    const timer = super.after(delayMs, call);
    return {
      cancel: () => {
        this.cancelled++;
        timer.cancel();
      },
    };
  }
}

/** What the leader says that answers no message, and what answers one. */
const NOTHING = { replaced: [], attached: [], absent: [], renewed: [] };
const ANSWER = { ...NOTHING, roster: [] };

function makeNews() {
  const clock = new CountingClock();
  const news = new LocalNews({
    clock,
    replace: () => {},
    renewedElsewhere: () => {},
    attachedElsewhere: () => {},
    attached: () => [],
    attachedSinceMs: () => undefined,
  });
  const beat = () => {
    const renewed = news.take(1_024, true)?.renewed ?? [];
    news.sent();
    return renewed;
  };
  return { clock, news, beat };
}

describe('the renewals that a follower tells its leader', () => {
  it('are told with how much of the leader was heard before over the present link, and other news with no more', () => {
    const { news, beat } = makeNews();
    news.heard(NOTHING);
    news.held(1, true);
    news.take(1_024, false);
    expect(news.heardAtBeat).toBe(0);
    beat();
    expect(news.heardAtBeat).toBe(1);
    news.heard(NOTHING);
    news.tellAll();
    beat();
    expect(news.heardAtBeat).toBe(0);
  });

  it('are told once over a link that lives', () => {
    const { news, beat } = makeNews();
    news.renewed(1);
    expect(beat()).toEqual([1]);
    expect(beat()).toEqual([]);
  });

  it('are told again over the next link, with those since, when the link breaks before they may have arrived', () => {
    const { clock, news, beat } = makeNews();
    news.renewed(1);
    beat();
    clock.advance(BEAT_MS);
    news.renewed(2);
    news.tellAll();
    expect(new Set(beat())).toEqual(new Set([1, 2]));
    expect(beat()).toEqual([]);
  });

  it('are told over each link until the leader has answered the message that had them', () => {
    const { clock, news, beat } = makeNews();
    beat();
    news.renewed(1);
    beat();
    for (let nth = 0; nth < 3; nth++) {
      clock.advance(LINK_SILENCE_MS + BEAT_MS);
      news.tellAll();
      expect(beat()).toEqual([1]);
      news.renewed(2 + nth);
      expect(beat()).toEqual([2 + nth]);
      news.closed(2 + nth);
    }
    // Not an answer: it names no servers.
    news.heard(NOTHING);
    news.tellAll();
    expect(beat()).toEqual([1]);
    news.renewed(7);
    beat();
    news.heard(ANSWER);
    news.tellAll();
    expect(beat()).toEqual([7]);
    news.heard(ANSWER);
    news.tellAll();
    expect(beat()).toEqual([]);
  });

  it('are told again over another link of those messages alone that were not answered, however many these were', () => {
    const { news, beat } = makeNews();
    for (const sid of [1, 2, 3, 4]) {
      news.renewed(sid);
      beat();
    }
    for (const _ of [1, 2, 3]) news.heard(ANSWER);
    news.renewed(5);
    beat();
    news.heard(ANSWER);
    news.tellAll();
    expect(beat()).toEqual([5]);
  });
});

describe('the attachments that a follower tells its leader', () => {
  it('come with how long they have lasted, over each new link', () => {
    const clock = new ManualClock();
    const since = new Map([[7, 0]]);
    const attachedSinceMs = (sid: number) => since.get(sid);
    const news = new LocalNews({
      clock,
      replace: () => {},
      renewedElsewhere: () => {},
      attachedElsewhere: () => {},
      attached: () => since.keys(),
      attachedSinceMs,
    });
    clock.advance(1_500.4);
    news.tellAll();
    expect(news.take(10, true)).toMatchObject({ attached: [7], attachedMs: [1_500] });
  });
});

describe('a question for the leader whether a session is attached', () => {
  it('leaves no timer behind once it is answered', async () => {
    const { clock, news } = makeNews();
    const asked = news.isAttached(7);
    news.heard({ replaced: [], attached: [], absent: [7], renewed: [] });
    expect(await asked).toBe(false);
    expect(clock.cancelled).toBe(1);
    const again = news.isAttached(7);
    clock.advance(ASK_MS - 1);
    news.heard({ replaced: [], attached: [], absent: [7], renewed: [] });
    expect(await again).toBe(false);
  });
});
