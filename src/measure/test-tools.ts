// SPDX-License-Identifier: Apache-2.0
// What all tests together need on their host. `npm test` asks first: a tool that is missing would otherwise show after
// many minutes, one failed test at a time.
import { ensureTools, hostTools, openWorkspace } from '../images/index.js';
import { LabError } from '../util/errors.js';

const { signal } = new AbortController();
try {
  const onProgress = ({ task, detail }: { task: string; detail?: string }) =>
    void process.stderr.write(`${task}: ${detail ?? ''}\n`);
  const work = openWorkspace({ signal, onProgress });
  await ensureTools([...new Set(hostTools().flatMap(({ purposes }) => purposes))], work);
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`npm test: ${error.message}\n${error.detail ?? ''}${error.hint ?? ''}\n`);
  process.exitCode = 3;
}
