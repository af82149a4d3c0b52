// SPDX-License-Identifier: Apache-2.0
// The commands that make the run again, and take it home.
import type { Result } from '../../../model/result/result.js';
import { againCommand, shellWord } from '../../night/pair-result.js';
import { show } from '../page.js';

/** @param folder of the run, as the reader of the page knows it */
export function Again({ result, folder, run, brief }: { result: Result; folder: string; run: string; brief: boolean }) {
  const kernels = result.kernels.map(({ name }) => name);
  const parent = folder.slice(0, Math.max(0, folder.length - run.length - 1)) || '.';
  return (
    <section aria-labelledby="again-head">
      <h2 id="again-head">Again, and at home</h2>
      <p>The same scenario on the same kernels:</p>
      <Command text={againCommand({ scenario: result.scenario.file, kernels })} />
      <p>Exactly as it was run, from its own folder:</p>
      <Command text={againCommand({ scenario: `${folder}/scenario.yaml`, kernels })} />
      <p>All that it left, in one file; then look at it anywhere:</p>
      <Command text={`tar -czf ${shellWord(`${run}.tar.gz`)} -C ${shellWord(parent)} ${shellWord(run)}`} />
      <Command text={`lab show ${shellWord(`./${run}`)}`} />
      {result.qemu.commandLine === '' ? null : brief ? (
        <p>
          QEMU, as it was started: <code>{show(`${folder}/qemu.txt`, 1000)}</code>
        </p>
      ) : (
        <details>
          <summary>QEMU, as it was started</summary>
          <pre class="console" tabIndex={0}>
            {result.qemu.commandLine
              .split('\n')
              .map((row) => show(row, 2000))
              .join('\n')}
          </pre>
        </details>
      )}
      <p class="faint">
        {kernels
          .map(
            (name, epoch) => `${show(name)}: bzImage sha256 ${show(result.kernels[epoch]?.sha256 ?? '').slice(0, 64)}`,
          )
          .join('; ')}
        . QEMU {show(result.qemu.version)}, {show(result.qemu.accel)}; lab {show(result.versions.lab)}, Node{' '}
        {show(result.versions.node)}.
      </p>
    </section>
  );
}

function Command({ text }: { text: string }) {
  return (
    <pre>
      <code>{show(text, 2000)}</code>
    </pre>
  );
}
