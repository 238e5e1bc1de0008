import { describe, expect, it } from '@jest/globals';
import { explain } from '../../../src/cli/operate/explain.js';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';

describe('the explanation of a refusal', () => {
  it('names the ways back of who has no role, and of who has lost its key, after AUTH_REQUIRED', () => {
    const refusal = new SwitchyardError(StatusCode.UNAUTHENTICATED, 'who is that?', { reason: 'AUTH_REQUIRED' });
    const [said, advice] = explain(refusal);
    expect(said).toBe('the server says: who is that? (AUTH_REQUIRED)');
    expect(advice).toContain('switchyard identity approve UUID --role ROLE');
    expect(advice).toContain('switchyard ticket issue --for UUID');
  });
});
