// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rememberedAnswers } from '../../src/host/accel.js';
import { temporaryFolder } from '../util/temporary.js';

const KVM = { accel: 'kvm', why: 'a kernel reached user space on KVM' };

it.each([
  [JSON.stringify({ host: KVM }), { host: KVM }],
  ['{"host":{"accel":"warp","why":""}}', {}],
  ['{"host":{"accel":"kvm"}}', {}],
  ['{"host":null}', {}],
  ['[]', {}],
  ['{', {}],
])('of the remembered answers about KVM, damaged ones do not count: %s', (text, answers) => {
  const file = join(temporaryFolder(), 'accel.json');
  expect(rememberedAnswers(file)).toEqual({});
  writeFileSync(file, text);
  expect(rememberedAnswers(file)).toEqual(answers);
});
