// SPDX-License-Identifier: Apache-2.0
// Steps that are carried out one by one: loading, damage, commands over SSH, the agent's own end.
import { readFile } from 'node:fs/promises';
import { isClientAction, MAIN } from '../../model/scenario/client.js';
import { isDeviceAction } from '../../model/scenario/device.js';
import type { Step } from '../../model/scenario/scenario.js';
import { LabError } from '../../util/errors.js';
import { clientStep, loseClient } from '../agent/clients.js';
import type { RunContext } from '../engine/context.js';
import { deviceStep } from '../devices/steps.js';
import { injectFault } from '../update/faults.js';
import { finishStep } from './record-step.js';
import { kselftestStep } from './kselftest.js';
import { loadNext } from '../update/load-next.js';
import { commandWithin, PASSED, type StepReply } from '../agent/reply.js';
import { startAgent } from '../agent/user-space.js';

/** Carries out a step that waits until all before it have been answered. */
export async function carryOut(context: RunContext, step: Step, index: number): Promise<void> {
  const started = context.recorder.clock.now();
  const done = (target: string, reply: StepReply) =>
    finishStep(context, step, index, target, reply, context.recorder.clock.now() - started);
  const failed = (at: string) => ({ ok: false, errno: 'EFAIL', at });
  if (isClientAction(step))
    return done(step.op === 'pass' ? `${step.what.name} to ${step.to}` : step.client, await clientStep(context, step));
  if (isDeviceAction(step)) return done(step.device, await deviceStep(context, step));
  switch (step.op) {
    case 'load':
      return done('next kernel', await loadNext(context, step.via));
    case 'fault':
      if (step.at === 'jump') return; // strikes during the kexec, see update.ts
      await injectFault(context, step.fault);
      return done(step.fault.kind, PASSED);
    case 'kselftest':
      return done(
        step.stage === null ? step.test : `${step.test} stage ${step.stage}`,
        await kselftestStep(context, step),
      );
    case 'exec': {
      const result = await commandWithin(
        context.ssh.exec(step.command, { ms: step.timeout * 1000, signal: context.machine.ended }),
      );
      if ('errno' in result) return done(step.command, result);
      const wrong =
        result.status !== step.status
          ? `exit status ${result.status ?? result.signal}, expected ${step.status}`
          : step.stdout !== null && result.stdout.trim() !== step.stdout.trim()
            ? `other output: ${result.stdout.slice(0, 500)}`
            : null;
      return done(step.command, wrong === null ? PASSED : failed(`${wrong}; ${result.stderr.slice(0, 500)}`));
    }
    case 'upload': {
      const input = await readFile(step.from).catch((error: unknown) => {
        throw new LabError(`upload: ${step.from} cannot be read`, { cause: error });
      });
      const path = `'${step.to.replaceAll("'", `'\\''`)}'`;
      const command = `mkdir -p "$(dirname ${path})" && cat > ${path} && chmod ${step.mode.toString(8)} ${path}`;
      const result = await commandWithin(
        context.ssh.exec(command, {
          input,
          ms: context.deadlines.request(input.length * 4),
          signal: context.machine.ended,
        }),
      );
      if ('errno' in result) return done(step.to, result);
      return done(step.to, result.status === 0 ? PASSED : failed(result.stderr.slice(0, 500)));
    }
    case 'kill-agent':
      await context.agent.request('die', {}, context.deadlines.request(), context.machine.ended).catch(() => undefined);
      await context.machine.until(context.agent.gone, context.deadlines.request(), 'end of the agent');
      for (const device of context.state.devices.values()) device.closed();
      for (const guest of context.state.guests.values()) guest.lose();
      // What came back came into its hands.
      loseClient(context, MAIN);
      context.agent = await startAgent(context, context.ssh);
      return done('agent', PASSED);
    default:
      throw new LabError(`no such step: ${step.op}`);
  }
}
