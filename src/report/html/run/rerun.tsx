// SPDX-License-Identifier: Apache-2.0
// The commands that repeat the run, and that take it to another host.
import type { Result } from '../../../model/result/result.js';
import { shellQuote } from '../../../util/text/shell-quote.js';
import { rerunCommand } from '../../night/pair-result.js';
import { show } from '../parts/page.js';

/** @param folder path of the run for the reader of the page */
export function Rerun({ result, folder, run, brief }: { result: Result; folder: string; run: string; brief: boolean }) {
  const kernels = result.kernels.map(({ name }) => name);
  const parent = folder.slice(0, Math.max(0, folder.length - run.length - 1)) || '.';
  return (
    <section aria-labelledby="again-head">
      <h2 id="again-head">Rerun, and at home</h2>
      <p>The same scenario on the same kernels:</p>
      <Command text={rerunCommand({ scenario: result.scenario.file, kernels })} />
      <p>Exactly as it ran, from its own folder:</p>
      <Command text={rerunCommand({ scenario: `${folder}/scenario.yaml`, kernels })} />
      <p>Everything in one file, to look at on any host:</p>
      <Command text={`tar -czf ${shellQuote(`${run}.tar.gz`)} -C ${shellQuote(parent)} ${shellQuote(run)}`} />
      <Command text={`lab show ${shellQuote(`./${run}`)}`} />
      {result.qemu.commandLine === '' ? null : brief ? (
        <p>
          The command line of QEMU: <code>{show(`${folder}/qemu.txt`, 1000)}</code>
        </p>
      ) : (
        <details>
          <summary>The command line of QEMU</summary>
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
