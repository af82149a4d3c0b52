// SPDX-License-Identifier: Apache-2.0
// Init makes the machine's SSH host key: its arithmetic against node's own.
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile } from './agent-process.js';

const driver = `
#include <stdio.h>
#include <string.h>
#include "ssh/ed25519.h"
#include "ssh/sha256.h"
int main(void)
{
	unsigned char in[300], out[32];
	unsigned byte, len;
	char what;
	while (scanf(" %c %u", &what, &len) == 2) {
		for (unsigned i = 0; i < len; i++) {
			if (scanf("%2x", &byte) != 1)
				return 1;
			in[i] = (unsigned char)byte;
		}
		if (what == 'k')
			ed25519_public(in, out);
		else
			sha256(in, len, out);
		for (int i = 0; i < 32; i++)
			printf("%02x", out[i]);
		puts("");
	}
	return 0;
}
`;
let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('init', ['ssh/ed25519.c', 'ssh/sha256.c'], driver);
}, 60_000);
afterAll(() => built.remove());

const run = (lines: string[]) =>
  execFileSync(built.program, { input: lines.join('\n'), encoding: 'utf8' })
    .trim()
    .split('\n');

it('derives the public key of RFC 8032, and of 200 others', () => {
  const keys = Array.from({ length: 200 }, () => generateKeyPairSync('ed25519'));
  const secrets = [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    ...keys.map(({ privateKey }) => privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32).toString('hex')),
  ];
  const wanted = [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    ...keys.map(({ publicKey }) => publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')),
  ];
  expect(run(secrets.map((secret) => `k 32 ${secret}`))).toEqual(wanted);
});

it('hashes every length around a block', () => {
  const inputs = Array.from({ length: 199 }, (_, i) => randomBytes(i + 1));
  expect(run(inputs.map((input) => `h ${input.length} ${input.toString('hex')}`))).toEqual(
    inputs.map((input) => createHash('sha256').update(input).digest('hex')),
  );
});

it('compiles without a warning, as process 1 too', () => {
  compile('init').remove();
}, 60_000);
