// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { allocationOf, failingArgs } from '../../../src/run/agent/failing.js';

describe('a call with an allocation that fails', () => {
  it('is made again, unless ENOMEM is the answer that the scenario demands', () => {
    expect(failingArgs({ errno: null })).toEqual({});
    expect(failingArgs({ errno: null, fail: 3 })).toEqual({ fail: 3, retry: 1 });
    expect(failingArgs({ errno: 'EEXIST', fail: 3 })).toEqual({ fail: 3, retry: 1 });
    expect(failingArgs({ errno: 'ENOMEM', fail: 3 })).toEqual({ fail: 3 });
    expect(failingArgs({ errno: null, accepts: ['OK', 'ENOMEM'], fail: 3 })).toEqual({ fail: 3 });
  });

  it('says what happened, if the agent says so', () => {
    const data = { allocationFailed: true, again: true };
    expect(allocationOf({ errno: null }, { data })).toBeNull();
    expect(allocationOf({ errno: null, fail: 3 }, { data })).toEqual({ nth: 3, failed: true, again: true });
    expect(allocationOf({ errno: null, fail: 3 }, { data: { allocationFailed: 'x' } })).toEqual({
      nth: 3,
      failed: false,
      again: false,
    });
  });
});
