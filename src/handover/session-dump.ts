// SPDX-License-Identifier: Apache-2.0
// Dumps one session with its files. A problem is recorded in the session or file that has it, and the dump continues.
import type { FileDump, FolioRun, MemfdDump, SessionDump } from '../model/result/handover-dump.js';
import { extendRun, newRun } from './folio-runs.js';
import { FolioList, isMemfd, memfdAt } from './luo/memfd.js';
import { filesOf } from './luo/sessions.js';
import type { Instance } from './memory/layouts.js';
import { HandoverError, hex } from './memory/memory.js';
import type { Walk } from './memory/source.js';

/** How much more a dump may contain. A negative number means that it is incomplete. */
export interface DumpBudget {
  sessions: number;
  files: number;
  folios: number;
  runs: number;
}

export class SessionDumper {
  /** @param areas orders of the preserved areas by first page frame; null if the map is unreadable */
  constructor(
    private readonly walk: Walk,
    private readonly areas: ReadonlyMap<number, number> | null,
    private readonly left: DumpBudget,
  ) {}

  dump(session: Instance): SessionDump {
    const dump: SessionDump = {
      phys: hex(session.phys),
      name: session.text('name'),
      count: String(session.number('file_set_ser.count')),
      files: [],
      problem: null,
    };
    try {
      for (const file of filesOf(this.walk, session)) {
        if (--this.left.files < 0) break;
        dump.files.push(this.file(file));
      }
      if (dump.problem === null && String(dump.files.length) !== dump.count)
        dump.problem = `it claims ${dump.count} files, but ${dump.files.length} are serialized`;
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      dump.problem = error.message;
    }
    return dump;
  }

  private file(file: Instance): FileDump {
    const dump: FileDump = {
      phys: hex(file.phys),
      token: String(file.number('token')),
      compatible: file.text('compatible'),
      data: hex(file.number('data')),
      memfd: null,
      problem: null,
    };
    try {
      if (isMemfd(file))
        dump.memfd = this.memfd(memfdAt(this.walk, file, 'the file'), (problem) => {
          dump.problem ??= problem;
        });
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      dump.problem ??= error.message;
    }
    return dump;
  }

  private memfd(memfd: Instance, report: (problem: string) => void): MemfdDump {
    const list = memfd.number('nr_folios') === 0n ? null : new FolioList(this.walk, memfd, 'the file');
    const dump: MemfdDump = {
      phys: hex(memfd.phys),
      pos: String(memfd.number('pos')),
      size: String(memfd.number('size')),
      seals: memfd.has('seals') ? Number(memfd.number('seals')) : null,
      flags: memfd.has('flags') ? Number(memfd.number('flags')) : null,
      nrFolios: String(memfd.number('nr_folios')),
      folios: [],
    };
    try {
      for (let i = 0; list !== null && BigInt(i) < list.length; i++) {
        if (--this.left.folios < 0) break;
        this.addFolio(dump.folios, list.at(i));
      }
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      report(error.message);
    }
    return dump;
  }

  private addFolio(runs: FolioRun[], folio: Instance): void {
    const pfn = folio.number('pfn');
    const order = this.areas?.get(Number(pfn)) ?? null;
    const entry = {
      pfn,
      index: folio.number('index'),
      flags: Number(folio.number('flags')),
      pages: order === null ? 1 : 2 ** order,
      preserved: this.areas === null ? null : order !== null,
    };
    if (!extendRun(runs.at(-1), entry) && --this.left.runs >= 0) runs.push(newRun(entry));
  }
}
