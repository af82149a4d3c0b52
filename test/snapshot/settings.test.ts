// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { snapshotSettings } from '../../src/snapshot/index.js';

it.each([
  [{}, { enabled: true, maxBytes: 8 * 2 ** 30 }],
  [{ LAB_SNAPSHOTS: 'on' }, { enabled: true, maxBytes: 8 * 2 ** 30 }],
  [{ LAB_SNAPSHOTS: 'off' }, { enabled: false, maxBytes: 8 * 2 ** 30 }],
  [{ LAB_SNAPSHOTS_SIZE: '500MiB' }, { enabled: true, maxBytes: 500 * 2 ** 20 }],
  [{ LAB_SNAPSHOTS_SIZE: '2G' }, { enabled: true, maxBytes: 2 * 2 ** 30 }],
  [{ LAB_SNAPSHOTS_SIZE: '0' }, { enabled: false, maxBytes: 0 }],
])('%j means %j', (env, settings) => expect(snapshotSettings(env)).toEqual(settings));

it.each([
  [{ LAB_SNAPSHOTS: 'no' }, 'LAB_SNAPSHOTS: expected on or off, found no'],
  [{ LAB_SNAPSHOTS_SIZE: '8 gigs' }, 'LAB_SNAPSHOTS_SIZE: expected a size such as 8GiB or 500MiB, found 8 gigs'],
  [{ LAB_SNAPSHOTS_SIZE: '-1' }, 'found -1'],
])('%j is refused', (env, message) => expect(() => snapshotSettings(env)).toThrow(message));
