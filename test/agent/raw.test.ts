// SPDX-License-Identifier: Apache-2.0
// Ioctls with any argument reach the kernel as they are, and its answer comes back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentProcess, compile } from './agent-process.js';

let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('agent');
}, 120_000);
afterAll(() => built.remove());

test('any ioctl on a file, and the link of its descriptor', async () => {
  const agent = new AgentProcess(built.program);
  await agent.greet();
  let id = 0;
  const ask = (line: string) => agent.ask(`${++id} ${line}`);
  await ask('memfd file=f size=4096 seed=1');
  expect(await ask('ioctl file=f command=47682 size=8 bytes=ff00')).toMatchObject({ ok: false, errno: 'ENOTTY' });
  // FIONREAD writes four bytes to the argument; FIOCLEX takes none.
  expect(await ask('ioctl file=f command=21585 size=0')).toMatchObject({ ok: true });
  expect(await ask('link file=f')).toMatchObject({ ok: true, link: expect.stringMatching(/^\/memfd:/) as string });
  for (const line of ['ioctl command=1 size=0', 'link', 'link session=none', 'ioctl file=none command=1 size=0'])
    expect(await ask(line), line).toMatchObject({ ok: false, errno: 'NOHANDLE' });
  for (const line of [
    'ioctl file=f command=1 size=0 bytes=f',
    'ioctl file=f command=1 size=0 bytes=FF',
    `ioctl file=f command=1 size=0 bytes=${'00'.repeat(8189)}`,
    'ioctl file=f command=4294967296 size=0',
    'ioctl file=f session=s command=1 size=0',
  ])
    expect(await ask(line), line).toMatchObject({ ok: false, errno: 'BADREQ' });
  agent.end();
});
