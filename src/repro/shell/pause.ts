// SPDX-License-Identifier: Apache-2.0
// Pauses a run at its breakpoints and gives the user a prompt, or runs the user's commands.
import { join } from 'node:path';
import type { Scenario } from '../../model/scenario/scenario.js';
import { CONSOLE_FILE, QMP_SOCKET } from '../../qemu/args.js';
import { type Breakpoint, type OnBreakpoint, type Point, POINTS_TEXT } from '../../run/index.js';
import { printable } from '../../util/text/escape.js';
import { type DebuggedKernel, debuggerLines } from './debugger.js';
import { monitorPrompt, shellInMachine, type Terminal } from './terminal.js';

/** Limit for one command at a breakpoint, in milliseconds. */
const COMMAND_MS = 600_000;

export interface PauseOptions {
  scenario: Scenario;
  points: readonly Point[];
  /** Commands to run in the machine at each point instead of a prompt. */
  commands: readonly string[];
  /** If the update failed, also pause at the verdict. */
  keep: boolean;
  /** One for each epoch; null without --gdb. */
  debugged: readonly DebuggedKernel[] | null;
  /** Function of the printed breakpoint. */
  breakAt: string;
  terminal: Terminal;
  /** Prints everything except the output of commands. */
  say: (line: string) => void;
  signal: AbortSignal;
}

export function pauseAtPoints(options: PauseOptions): OnBreakpoint {
  return async (breakpoint) => {
    const failed =
      breakpoint.verdict !== null &&
      breakpoint.verdict.outcome !== 'preserved' &&
      breakpoint.verdict.outcome !== 'refused';
    if (!options.points.includes(breakpoint.point) && !(options.keep && failed)) return;
    await introduce(breakpoint, options);
    const { terminal, commands, signal, say } = options;
    const kernel = options.scenario.kernels[breakpoint.epoch] ?? '';
    if (commands.length > 0 && breakpoint.ssh !== null) {
      for (const command of commands) {
        const { status, stdout, stderr } = await breakpoint.ssh.exec(command, { ms: COMMAND_MS, signal });
        terminal.output.write(
          `${stdout}${stderr}`
            .split('\n')
            .map((line) => printable(line, 4096))
            .join('\n'),
        );
        if (status !== 0) say(`\`${command}\` ended with ${status ?? 'a signal'}`);
      }
    } else if (commands.length > 0) say('no kernel answers, so the commands do not run');
    else if (breakpoint.ssh !== null)
      await shellInMachine(breakpoint.ssh, `${kernel} ${breakpoint.point}`, terminal, signal);
    else await monitorPrompt(breakpoint.machine, terminal, signal);
    say(`${breakpoint.point}: the run continues`);
  };
}

async function introduce(breakpoint: Breakpoint, { scenario, debugged, breakAt, say }: PauseOptions): Promise<void> {
  const { point, epoch, machine, dir, ssh, verdict } = breakpoint;
  say(
    `${point}: ${POINTS_TEXT[point]} (epoch ${epoch}, ${scenario.kernels[epoch] ?? ''}; QEMU's process ${machine.pid})`,
  );
  if (verdict !== null)
    say(`  ${verdict.outcome}${verdict.cause === null ? '' : `: ${printable(verdict.cause.title, 300)}`}`);
  say(`  console ${join(dir, CONSOLE_FILE)}`);
  say(`  monitor ${join(dir, QMP_SOCKET)} (in use by the lab)`);
  say(`  memory  ${machine.memory.path}, from physical address 0 up to the PCI hole`);
  if (debugged !== null) {
    const stub = await breakpoint.debuggerStub();
    for (const line of debuggerLines(stub, debugged[epoch] as DebuggedKernel, debugged[epoch + 1] ?? null, breakAt))
      say(line);
  }
  say(
    ssh === null
      ? "  no kernel answers by SSH any more: this is QEMU's monitor; `exit` lets the run continue"
      : '  `exit` lets the run continue',
  );
}
