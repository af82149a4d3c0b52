// SPDX-License-Identifier: Apache-2.0
// Holds a run at its points and gives whoever is there a prompt, or runs their commands.
import { join } from 'node:path';
import type { Scenario } from '../../model/scenario/scenario.js';
import { CONSOLE_FILE, QMP_SOCKET } from '../../qemu/args.js';
import { type Breakpoint, type OnBreakpoint, type Point, POINTS_TEXT } from '../../run/engine/breakpoint.js';
import { printable } from '../../util/text/escape.js';
import { type DebuggedKernel, debuggerLines } from './debugger.js';
import { monitorPrompt, shellInMachine, type Terminal } from './terminal.js';

/** Time for one command that is run at a point, in milliseconds. */
const COMMAND_MS = 600_000;

export interface HoldOptions {
  scenario: Scenario;
  points: readonly Point[];
  /** Commands to run in the machine at each point, in place of a prompt. */
  commands: readonly string[];
  /** A machine whose update failed is held at the verdict, too. */
  keep: boolean;
  /** One an epoch, where a debugger is wanted. */
  debugged: readonly DebuggedKernel[] | null;
  breakAt: string;
  terminal: Terminal;
  /** Where everything else but a command's output goes. */
  say: (line: string) => void;
  signal: AbortSignal;
}

export function holdAtPoints(options: HoldOptions): OnBreakpoint {
  return async (held) => {
    const failed = held.verdict !== null && held.verdict.outcome !== 'preserved' && held.verdict.outcome !== 'refused';
    if (!options.points.includes(held.point) && !(options.keep && failed)) return;
    await introduce(held, options);
    const { terminal, commands, signal, say } = options;
    const kernel = options.scenario.kernels[held.epoch] ?? '';
    if (commands.length > 0 && held.ssh !== null) {
      for (const command of commands) {
        const { status, stdout, stderr } = await held.ssh.exec(command, { ms: COMMAND_MS, signal });
        terminal.output.write(
          `${stdout}${stderr}`
            .split('\n')
            .map((line) => printable(line, 4096))
            .join('\n'),
        );
        if (status !== 0) say(`\`${command}\` ended with ${status ?? 'a signal'}`);
      }
    } else if (commands.length > 0) say('no kernel answers: the commands are not run');
    else if (held.ssh !== null) await shellInMachine(held.ssh, `${kernel} ${held.point}`, terminal, signal);
    else await monitorPrompt(held.machine, terminal, signal);
    say(`${held.point}: the run goes on`);
  };
}

async function introduce(held: Breakpoint, { scenario, debugged, breakAt, say }: HoldOptions): Promise<void> {
  const { point, epoch, machine, dir, ssh, verdict } = held;
  say(
    `${point}: ${POINTS_TEXT[point]} (epoch ${epoch}, ${scenario.kernels[epoch] ?? ''}; QEMU's process ${machine.pid})`,
  );
  if (verdict !== null)
    say(`  ${verdict.outcome}${verdict.cause === null ? '' : `: ${printable(verdict.cause.title, 300)}`}`);
  say(`  console ${join(dir, CONSOLE_FILE)}`);
  say(`  monitor ${join(dir, QMP_SOCKET)} (taken by the lab)`);
  say(`  memory  ${machine.memory.path}, from physical address 0 on up to the PCI hole`);
  if (debugged !== null) {
    const stub = await held.debuggerStub();
    for (const line of debuggerLines(stub, debugged[epoch] as DebuggedKernel, debugged[epoch + 1] ?? null, breakAt))
      say(line);
  }
  say(
    ssh === null
      ? "  no kernel answers by SSH any more: this is QEMU's monitor, `exit` goes on"
      : '  `exit` lets the run go on',
  );
}
