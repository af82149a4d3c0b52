// SPDX-License-Identifier: Apache-2.0
// A handover, for a terminal: the KHO tree, the map, LUO's sessions, files and folios. Names come from a machine, so
// they are escaped.
import type { FileDump, HandoverDump, SessionDump } from '../../model/result/handover-dump.js';
import { printable } from '../../util/text/escape.js';
import { bytes } from './style.js';

export interface DumpLimits {
  sessions: number;
  /** Runs of folios of a file, and runs of the map. */
  runs: number;
}

export function dumpText(dump: HandoverDump, limits: DumpLimits): string {
  const { layouts, kho, luo, preserved, metadata } = dump;
  const writer = layouts.named
    ? 'written by'
    : layouts.kernel === ''
      ? 'written by an unknown kernel'
      : 'read with the layouts of';
  const release = layouts.release === null ? '' : ` (${printable(layouts.release)})`;
  const lines = [`handover at ${dump.root}, ${writer} ${printable(layouts.kernel)}${release}`];
  lines.push('', `KHO tree         ${printable(kho.version) || 'damaged'}, map at ${kho.map ?? '-'}`);
  for (const { name, phys, size } of kho.nodes)
    lines.push(`  ${printable(name, 64).padEnd(16)} at ${phys ?? '-'}${size === null ? '' : `, ${size} bytes`}`);
  if (metadata !== null)
    lines.push(`kexec-metadata   v${metadata.version}, ${printable(metadata.release)}, kexec ${metadata.kexecs}`);
  for (const { name, version, start, size } of dump.reserved)
    lines.push(`reserve_mem      ${printable(name, 64)}  ${printable(version, 64)}  ${start}, ${bytes(Number(size))}`);
  if (preserved !== null) {
    lines.push(
      `preserved map    ${preserved.pages} pages (${bytes(preserved.pages * 4096)}) in ${preserved.areas} areas, ` +
        `${preserved.runs.length} runs`,
    );
    for (const { pfn, pages } of preserved.runs.slice(0, limits.runs))
      lines.push(`  pfn ${pfn.padEnd(10)} ${pages} pages`);
    lines.push(...more(preserved.runs.length - limits.runs, 'runs'));
  }
  if (luo !== null)
    lines.push(
      `LUO              ${printable(luo.version)} at ${luo.phys}, live update ${luo.number}, ` +
        `sessions at ${luo.sessions}, FLBs at ${luo.flbs}`,
    );
  for (const { name, data, count } of dump.flbs)
    lines.push(`  FLB ${printable(name, 64)}  data ${data}, ${count} users`);
  const files = dump.sessions.reduce((sum, session) => sum + session.files.length, 0);
  const notYet = luo !== null && luo.sessions === '0x0' ? ' (the kernel writes them during the kexec)' : '';
  lines.push(`sessions         ${dump.sessions.length}, with ${files} files${notYet}`);
  for (const session of dump.sessions.slice(0, limits.sessions)) lines.push(...sessionLines(session, limits));
  lines.push(...more(dump.sessions.length - limits.sessions, 'sessions'));
  if (dump.cut) lines.push('there is more than is listed');
  for (const problem of dump.problems) lines.push(`damaged: ${printable(problem, 300)}`);
  return `${lines.join('\n')}\n`;
}

function sessionLines(session: SessionDump, limits: DumpLimits): string[] {
  const lines = [`  ${printable(session.name, 64)}  at ${session.phys}, ${session.count} files`];
  if (session.problem !== null) lines.push(`    damaged: ${printable(session.problem, 300)}`);
  for (const file of session.files.slice(0, limits.sessions)) lines.push(...fileLines(file, limits));
  lines.push(...more(session.files.length - limits.sessions, 'files').map((line) => `  ${line}`));
  return lines;
}

function fileLines({ token, compatible, phys, data, memfd, problem }: FileDump, limits: DumpLimits): string[] {
  const lines = [`    token ${token}  ${printable(compatible, 64)}  at ${phys}, data ${data}`];
  if (memfd !== null) {
    const more64 = [
      memfd.seals === null ? '' : `, seals 0x${memfd.seals.toString(16)}`,
      memfd.flags === null ? '' : `, flags 0x${memfd.flags.toString(16)}`,
    ].join('');
    lines.push(`      memfd of ${memfd.size} bytes, position ${memfd.pos}${more64}, ${memfd.nrFolios} folios`);
    for (const run of memfd.folios.slice(0, limits.runs)) {
      const start = `page ${run.index.padStart(6)}  pfn ${run.pfn.padEnd(9)}${run.step < 0 ? ' downwards,' : ''}`;
      const missing = run.preserved === false ? ', NOT in the preserved map' : '';
      const size = `${run.pages} pages in ${run.folios} folios`;
      lines.push(`        ${start} ${size}, flags 0x${run.flags.toString(16)}${missing}`);
    }
    lines.push(...more(memfd.folios.length - limits.runs, 'runs of folios').map((line) => `      ${line}`));
  }
  if (problem !== null) lines.push(`      damaged: ${printable(problem, 300)}`);
  return lines;
}

function more(count: number, what: string): string[] {
  return count > 0 ? [`  and ${count} more ${what}   (--all lists them)`] : [];
}
