// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { ofHost } from '../../src/guest/session.js';
import { LabError } from '../../src/util/errors.js';

const failed = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

it('blames the host, not the machine, if the host cannot open another connection', () => {
  expect(ofHost(failed('EMFILE'))).toBeInstanceOf(LabError);
  // A machine that is not up yet, or whose server died.
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']) expect(ofHost(failed(code))).toBeNull();
  expect(ofHost(new Error('Handshake failed'))).toBeNull();
});
