// SPDX-License-Identifier: Apache-2.0
// What the agent says of checkers that the kernel of this host does not have.
import { expect, test } from 'vitest';
import { agent, failed, useFreshAgent } from './fresh-agent.js';

useFreshAgent();

test.each([
  ['kmemleak ms=0', /^open \/sys\/kernel\/debug\/kmemleak$/],
  ['page-owners pfns=1,2', /^open \/sys\/kernel\/debug\/page_owner$/],
  ['page-stacks least=16', /^open \/sys\/kernel\/debug\/page_owner_stacks\/count_threshold$/],
])('%s fails by name where there is none', async (line, at) => {
  expect(await agent.ask(`2 ${line}`)).toEqual(failed(expect.stringMatching(/^E(NOENT|ACCES)$/) as string, at));
});

test.each(['kmemleak', 'kmemleak ms=60001', 'kmemleak ms=x', 'page-owners', 'page-stacks least=-1', 'page-stacks'])(
  '%s is a bad request',
  async (line) => {
    expect(await agent.ask(`2 ${line}`)).toEqual(failed('BADREQ'));
  },
);
