// SPDX-License-Identifier: Apache-2.0
// A file that the scenario closes in the next kernel is judged right before that.
import { expect, it } from 'vitest';
import type { Reaction, Request } from '../../fakes/agent.js';
import type { FakeMachine } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';

const STEPS = `
chain: [a, b]
steps:
  - create: vm0
  - memfd: {name: ram, size: 16KiB}
  - preserve: {session: vm0, file: ram, token: 1}
  - kexec
  - retrieve: vm0
  - retrieve: {session: vm0, token: 1}
  - finish: vm0
  - close: vm0
  - close: {file: ram}
`;

/** @param when the request at which the page is overwritten */
function damage(when: (request: Request) => boolean) {
  return {
    request: (machine: FakeMachine, request: Request): Reaction | null => {
      const file = machine.kernel.files.get('ram');
      if (request.epoch === 1 && file !== undefined && when(request))
        machine.ram.memory.write(file.firstPfn * 4096, new Uint8Array(4096));
      return null;
    },
  };
}

it.each([
  ['is whole', damage(() => false), 'preserved', 'intact'],
  // From then on its pages belong to the allocator.
  [
    'is overwritten as it is closed',
    damage(({ op, args }) => op === 'close' && args['file'] === 'ram'),
    'preserved',
    'intact',
  ],
  ['was overwritten before', damage(({ op }) => op === 'finish'), 'corrupt', 'corrupt'],
])('a file that the scenario closes and that %s', async (_, script, outcome, verdict) => {
  const { record, error } = await runFake(STEPS, script);
  expect(error).toBeNull();
  expect(record?.verdict.outcome).toBe(outcome);
  expect(record?.updates.map(({ files }) => files.map((file) => file.verdict.state))).toEqual([[verdict]]);
});
