// SPDX-License-Identifier: Apache-2.0
// Makes a new key pair for every run. It is never written to disk.
import ssh2 from 'ssh2';

export interface RunKey {
  /** OpenSSH private key, for the client. */
  privateKey: string;
  /** Second field of an authorized_keys line: the base64 blob. */
  publicBlob: string;
}

/** One key in 256 fails, so the chance that all of these fail is practically zero. */
const MAX_TRIES = 32;

/**
 * ssh2 (1.17, lib/keygen.js) strips leading zero bytes from an ed25519 public key. One pair in 256 is therefore a byte
 * short and cannot be read back; it is thrown away and replaced.
 */
export function makeRunKey(): RunKey {
  for (let left = MAX_TRIES; left > 0; left--) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    const blob = pair.public.split(' ')[1];
    if (blob === undefined) throw new Error('ssh2 made a public key in an unknown form');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return { privateKey: pair.private, publicBlob: blob };
  }
  throw new Error(`ssh2 made ${MAX_TRIES} key pairs that it cannot read`);
}
