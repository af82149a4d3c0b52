// SPDX-License-Identifier: Apache-2.0
// Runs on the fake machine that save it, and runs that start from what was saved.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rung } from '../../../src/model/result/snapshot.js';
import {
  type Entry,
  readJournal,
  Resuming,
  type ResumingOptions,
  Saving,
  type Stage,
} from '../../../src/snapshot/index.js';
import { PASSED } from '../../../src/snapshot/passed.js';
import type { DraftManifest } from '../../../src/snapshot/index.js';
import type { FakeMachine, Script } from '../../fakes/machine.js';
import { type FakeRun, runFake } from '../../fakes/run.js';
import { temporaryFolder } from '../../util/temporary.js';

export interface Climbed {
  run: FakeRun;
  rung: Rung;
  manifest: DraftManifest;
  console: Buffer;
  marks: Buffer;
  journal: Entry[];
}

/** A cold run that saves one rung. */
export async function climb(yaml: string, rung: Rung, script: Script = {}): Promise<Climbed> {
  const dir = temporaryFolder();
  const path = (name: string) => join(dir, name);
  let manifest: DraftManifest | null = null;
  let saving: Saving | null = null;
  const run = await runFake(yaml, script, {
    parts: (machine) => {
      saving = new Saving(machine.parts, {
        rungs: [...PASSED[rung], rung],
        draft: {
          path,
          discard: () => undefined,
          publish: async (contents) => ((manifest = contents), { state: 'published', bytes: 1 }),
        },
        save: async () => undefined,
        qemuVersion: '7.2',
      });
      return saving.parts;
    },
    plan: { saver: lazily(() => saving) },
  });
  await (saving as Saving | null)?.publish(new AbortController().signal);
  if (manifest === null) throw new Error('nothing was saved');
  const { console, marks, journal } = manifest as DraftManifest;
  return {
    run,
    rung,
    manifest,
    console: readFileSync(path(console)),
    marks: readFileSync(path(marks)),
    journal: readJournal(readFileSync(path(journal), 'utf8')) ?? [],
  };
}

/** The plan of a run is made before its parts. */
function lazily(saving: () => Saving | null): Pick<Saving, 'booted' | 'wants' | 'save'> {
  return {
    booted: (ms) => saving()?.booted(ms),
    wants: (rung) => saving()?.wants(rung) ?? false,
    save: async (rung, machine) => (await saving()?.save(rung, machine)) ?? null,
  };
}

export interface Resumed {
  run: FakeRun;
  /** Why the snapshot could not be used; null if it could. */
  failure: Error | null;
  continued: number;
}

export interface ResumeChanges {
  options?: Partial<ResumingOptions>;
  script?: Script;
  /** Called with the resumed machine before the run. */
  prepare?: (machine: FakeMachine) => void;
}

/** A run that starts from what another one saved. */
export async function resume(
  yaml: string,
  climbed: Climbed,
  { options = {}, script = {}, prepare = () => undefined }: ResumeChanges = {},
): Promise<Resumed> {
  const failures: AbortSignal[] = [];
  let continued = 0;
  const abort = new AbortController();
  const run = await runFake(yaml, script, {
    signal: abort.signal,
    parts: (machine) => {
      const goOn = machine.goOn.bind(machine);
      machine.goOn = () => {
        continued++;
        goOn();
      };
      prepare(machine);
      const resuming = resumingOn(machine, climbed, options);
      const { failed } = resuming;
      failures.push(failed);
      failed.addEventListener('abort', () => abort.abort(failed.reason));
      return resuming.parts;
    },
    plan: { resumed: { rung: climbed.rung, key: 'k', savedAt: '2026-11-28T03:12:00.000Z', bootMs: 1500 } },
  });
  const failed = failures.find(({ aborted }) => aborted);
  return { run, failure: failed === undefined ? null : (failed.reason as Error), continued };
}

/** The parts of a run that starts on a machine as it was saved. */
export function resumingOn(
  machine: FakeMachine,
  { rung, manifest, console, marks, journal }: Climbed,
  options: Partial<ResumingOptions> = {},
): Resuming {
  const before = journal.slice(
    0,
    journal.findIndex((entry) => entry.kind === 'rung' && entry.rung === rung),
  );
  machine.resumedAt(
    rung,
    before.flatMap((entry) => (entry.kind === 'request' ? [entry.request] : [])),
  );
  const own = machine.parts.machine;
  return new Resuming(machine.parts, {
    stages: stagesOf(manifest, rung),
    boot: manifest.boot,
    console,
    marks,
    journal,
    machine: {
      start: async (config, connectPorts) => {
        const process = await own.start(config);
        await connectPorts(config.dir);
        return process;
      },
      openMemory: (pid, mtree) => own.openMemory(pid, mtree),
      openSavedPort: () => machine.savedPort(),
    },
    ...options,
  });
}

/** The fake machine's memory is the same at all rungs. */
function stagesOf({ rungs }: DraftManifest, rung: Rung): [Stage, ...Stage[]] {
  const [first, ...others] = [...PASSED[rung], rung].map((name): Stage => {
    const saved = rungs.find((each) => each.rung === name);
    if (saved === undefined) throw new Error(`${name} was not saved`);
    return { rung: name, console: saved.console, marks: saved.marks, seen: null };
  });
  return [first as Stage, ...others];
}
