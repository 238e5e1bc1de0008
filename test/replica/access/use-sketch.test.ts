import { describe, expect, it } from '@jest/globals';
import { UseSketch } from '../../../src/replica/access/use-sketch.js';

describe('a sketch of counts', () => {
  it('never tells less than the count of a name, and too much of at most 1 in 1,000 where 8,192 others have more', () => {
    const sketch = new UseSketch([7, 8]);
    for (let n = 0; n < 8_192; n++) sketch.raise(`more ${n}`, 10);
    let wrong = 0;
    for (let n = 0; n < 50_000; n++) if (sketch.of(`less ${n}`) > 0) wrong++;
    // 0.02 % are expected: 10.
    expect(wrong).toBeGreaterThan(0);
    expect(wrong).toBeLessThan(50);
    sketch.raise('less 1', 3);
    for (let n = 0; n < 8_192; n++) expect(sketch.of(`more ${n}`)).toBe(10);
    expect(sketch.of('less 1')).toBeGreaterThanOrEqual(3);
  });

  it('takes other names for one another with another key', () => {
    const wrongOf = (key: readonly [number, number]) => {
      const sketch = new UseSketch(key);
      for (let n = 0; n < 65_536; n++) sketch.raise(`more ${n}`, 1);
      return Array.from({ length: 1_000 }, (_, n) => `less ${n}`).filter((name) => sketch.of(name) > 0);
    };
    const [one, other] = [wrongOf([1, 2]), wrongOf([3, 4])];
    expect(one.length).toBeGreaterThan(50);
    expect(one.filter((name) => other.includes(name)).length).toBeLessThan(one.length / 2);
  });
});
