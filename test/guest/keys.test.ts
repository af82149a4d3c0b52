// SPDX-License-Identifier: Apache-2.0
import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { makeRunKey } from '../../src/guest/keys.js';

/** ssh2 makes one unreadable pair in 256. The chance that there is none among this many is one in 2500. */
const PAIRS = 2000;

it('every key pair is usable', () => {
  for (let n = 0; n < PAIRS; n++) {
    const { privateKey, publicBlob } = makeRunKey();
    expect(ssh2.utils.parseKey(privateKey)).not.toBeInstanceOf(Error);
    // string "ssh-ed25519" (4 + 11 bytes), string key (4 + 32).
    expect(Buffer.from(publicBlob, 'base64')).toHaveLength(51);
  }
});
