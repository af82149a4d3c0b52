// SPDX-License-Identifier: Apache-2.0
// Updates one machine many times, back and forth between two kernels, with guests that must survive all updates: 200
// updates take about half an hour.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTemp } from '../../util/process/reaper.js';
import { resultOf, runLab, toStderr } from '../lab.js';

const KERNELS = ['7.3.4', '7.2.12'] as const;
export interface UpdatesOptions {
  updates: number;
  guests: number;
  /** Memory of a guest, such as 8MiB. */
  size: string;
}

interface Range {
  min: number;
  max: number;
}

function rangeOf(values: readonly number[]): Range {
  return { min: Math.min(...values), max: Math.max(...values) };
}

/**
 * Pages that each kernel managed and had free at the end of its updates, from the answers of the agents. A long log
 * keeps only its start and its end.
 */
function zones(folder: string): { managed: Range; free: Range }[] {
  const [run = ''] = readdirSync(join(folder, 'results'));
  const answers: { managed: number; free: number }[] = [];
  for (const line of readFileSync(join(folder, 'results', run, 'agent.jsonl'), 'utf8').split('\n')) {
    const match = /\\"managed\\":(\d+),\\"free\\":(\d+)/.exec(line);
    if (match !== null) answers.push({ managed: Number(match[1]), free: Number(match[2]) });
  }
  // Each update gives two answers, on arrival and at the end; the kernels alternate.
  const ends = answers.filter((_, i) => i % 2 === 1);
  return [0, 1]
    .map((turn) => ends.filter((_, i) => i % 2 === turn))
    .filter((of) => of.length > 0)
    .map((of) => ({ managed: rangeOf(of.map(({ managed }) => managed)), free: rangeOf(of.map(({ free }) => free)) }));
}

const rangeText = ({ min, max }: Range) => (min === max ? String(min) : `${min} to ${max}`);

/** Prints the figures of the docs. Returns 0 only if no page was lost and the kernels' memory did not shrink. */
export async function endureUpdates({ updates, guests, size }: UpdatesOptions): Promise<number> {
  const folder = makeTemp(join(tmpdir(), 'lab-endurance-'));
  const scenario = join(folder, 'endurance.yaml');
  writeFileSync(
    scenario,
    `description: ${updates} updates in a row with ${guests} guests
chain: [${Array.from({ length: updates + 1 }, (_, epoch) => KERNELS[epoch % 2]).join(', ')}]
sessions:
  - name: vm-{i}
    count: ${guests}
    guests:
      - {size: ${size}, vcpus: 2}
`,
  );
  const began = performance.now();
  const ended = await runLab(['run', scenario, '--json', '--results', join(folder, 'results')], { onStderr: toStderr });
  const result = resultOf(ended);
  const minutes = (performance.now() - began) / 60_000;
  const { memory, downtime } = result;
  const survived = result.guests.filter(({ state }) => state === 'survived').length;

  const marked = rangeOf(memory.updates.flatMap(({ markedAtEnd }) => markedAtEnd ?? []));
  const downtimes = rangeOf(downtime.map(({ ms }) => ms / 1000));
  const perKernel = zones(folder);
  const isFlat = marked.min === marked.max && perKernel.every(({ managed }) => managed.min === managed.max);
  process.stdout.write(
    [
      `${memory.updates.length} of ${updates} updates, ${guests} guests of ${size} with 2 vCPUs: ` +
        `${result.outcome}, ${minutes.toFixed(1)} min`,
      `guests: ${survived} of ${updates * guests} times survived`,
      `pages: ${memory.pagesPreserved} preserved, ${memory.pagesIntact} intact, ${memory.pagesLost} lost, ` +
        `${memory.pagesLeaked} leaked, ${memory.pagesCorrupt} corrupt`,
      `still marked at the end of each update: ${rangeText(marked)} pages`,
      ...perKernel.map(
        ({ managed, free }, turn) =>
          `${KERNELS[(turn + 1) % 2]}: ${rangeText(managed)} pages managed, ` +
          `${rangeText(free)} free at the end of each update`,
      ),
      `downtime: ${downtimes.min.toFixed(2)} to ${downtimes.max.toFixed(2)} s`,
      `peak memory of the lab: ${Math.round(result.lab.peakRssKiB / 1024)} MiB`,
      '',
    ].join('\n'),
  );
  const good =
    result.outcome === 'preserved' && survived === updates * guests && memory.updates.length === updates && isFlat;
  if (!good)
    process.stdout.write(`FAILED${result.cause === null ? '' : `: ${result.cause.title}: ${result.cause.detail}`}\n`);
  rmSync(folder, { recursive: true, force: true });
  return good ? 0 : 1;
}
