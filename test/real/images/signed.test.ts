// SPDX-License-Identifier: Apache-2.0
// Signatures of images with the host's real tools: a chain to the key that the running kernel trusts, or none. What a
// kernel in lockdown makes of them: `lab matrix scenarios/matrix/signed.yaml` (docs/signed.md).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureTools, openWorkspace, signImage } from '../../../src/images/index.js';
import { SIGNING_KEY } from '../../../src/images/signing/keys.js';
import { fakePe } from '../../images/signing/make-pe.js';

const dir = mkdtempSync(join(tmpdir(), 'lab-signed-'));
const { signal } = new AbortController();
const running = { name: 'running', cacheDir: dir };
const next = { name: 'next', bzImage: join(dir, 'bzImage') };
afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeAll(async () => {
  await ensureTools(['sign'], openWorkspace({ signal, onProgress: () => undefined }));
  writeFileSync(next.bzImage, fakePe());
  const key = join(dir, SIGNING_KEY);
  // As certs/Makefile of the kernel does.
  execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-nodes',
      '-x509',
      '-batch',
      '-subj',
      '/CN=build',
      '-newkey',
      'rsa:2048',
      '-out',
      key,
      '-keyout',
      key,
    ],
    { stdio: 'ignore' },
  );
});

/** Whether a chain leads from the signature to this certificate. */
const isSignedFor = (image: string, certificate: string): boolean =>
  spawnSync('sbverify', ['--cert', certificate, image], { stdio: 'ignore' }).status === 0;

describe('a signed image', () => {
  it('leads to the key that the running kernel trusts', async () => {
    const signed = await signImage(next, 1, { by: 'trusted', running, dir, signal });
    expect(isSignedFor(signed, join(dir, SIGNING_KEY))).toBe(true);
    expect(readFileSync(next.bzImage).equals(fakePe())).toBe(true);
  });

  it('of a stranger leads nowhere, and has a key of its own', async () => {
    const signed = await signImage(next, 2, { by: 'stranger', running, dir, signal });
    expect(isSignedFor(signed, join(dir, SIGNING_KEY))).toBe(false);
    expect(isSignedFor(signed, join(dir, 'signing-2', 'certificate.pem'))).toBe(true);
    const keys = [1, 2].map((index) => join(dir, `signing-${index}`, 'key.pem'));
    expect(new Set(keys.map((key) => readFileSync(key, 'latin1'))).size).toBe(2);
    for (const key of keys) expect(statSync(key).mode & 0o077).toBe(0);
  });

  it('is not made from a file that is no PE file', async () => {
    writeFileSync(join(dir, 'plain'), 'no header');
    const plain = { name: 'plain', bzImage: join(dir, 'plain') };
    await expect(signImage(plain, 3, { by: 'stranger', running, dir, signal })).rejects.toThrow(
      'cannot sign the image of plain',
    );
  });
});
