// SPDX-License-Identifier: Apache-2.0
// Operations that are executed one by one: loading a kernel, faults, commands over SSH, ending the agent.
import { isClientAction, MAIN } from '../../model/scenario/client.js';
import { isDescriptorAction } from '../../model/scenario/descriptor.js';
import { isDeviceAction } from '../../model/scenario/device.js';
import { within } from '../../util/deadline.js';
import { LabError, messageOf } from '../../util/errors.js';
import { readRegularFile } from '../../util/files/regular-file.js';
import { printable } from '../../util/text/escape.js';
import { clientStep, loseClient } from '../agent/clients.js';
import { commandWithin, PASSED, type StepReply } from '../agent/reply.js';
import { deviceStep } from '../devices/steps.js';
import type { Operation } from '../engine/operation.js';
import type { Needs, Parts } from '../engine/parts.js';
import { injectFault } from '../update/faults.js';
import { loadNext } from '../update/load-next.js';
import { addMemory } from './add-memory.js';
import { descriptorStep } from './descriptor-steps.js';
import { kselftestStep } from './kselftest.js';
import { recordStep } from './record-step.js';
import { shellQuote } from '../../util/text/shell-quote.js';

/** Bytes of a file for the machine, and milliseconds to read it from a disk or network file system. */
const MAX_UPLOAD = 1 << 30;
const UPLOAD_MS = 60_000;
/** Milliseconds that another system may take to come up. It takes a few seconds. */
const USERSPACE_MS = 240_000;

interface Done {
  target: string;
  reply: StepReply;
}

/** Executes an operation, after everything before it has been answered. */
export async function carryOut(parts: Parts, operation: Operation): Promise<void> {
  // A fault at the jump is injected during the kexec (update/jump.ts).
  if (operation.op === 'fault' && operation.at === 'jump') return;
  const { clock } = parts.recorder;
  const started = clock.now();
  const done = await perform(parts, operation);
  recordStep(parts, operation, { ...done, ms: clock.now() - started });
}

async function perform(parts: Parts, operation: Operation): Promise<Done> {
  if (isClientAction(operation)) {
    const target = operation.op === 'pass' ? `${operation.what.name} to ${operation.to}` : operation.client;
    return { target, reply: await clientStep(parts, operation) };
  }
  if (isDeviceAction(operation)) return { target: operation.device, reply: await deviceStep(parts, operation) };
  if (isDescriptorAction(operation)) return descriptorStep(parts, operation);
  switch (operation.op) {
    case 'load':
      return { target: 'next kernel', reply: await loadNext(parts, operation.via) };
    case 'fault':
      await injectFault(parts, operation.fault);
      return { target: operation.fault.kind, reply: PASSED };
    case 'kselftest': {
      const { test, stage } = operation;
      return { target: stage === null ? test : `${test} stage ${stage}`, reply: await kselftestStep(parts, operation) };
    }
    case 'exec':
      return { target: operation.command, reply: await exec(parts, operation) };
    case 'hotplug-memory':
      return { target: 'memory module', reply: await addMemory(parts, operation) };
    case 'upload':
      return { target: operation.to, reply: await upload(parts, operation) };
    case 'start-userspace':
      return { target: operation.userspace, reply: await startUserspace(parts, operation.userspace) };
    case 'kill-agent':
      await killAgent(parts);
      return { target: 'agent', reply: PASSED };
    default:
      throw new LabError(`no such step: ${operation.op}`);
  }
}

/** Process 1 becomes that of the other system. Before anything is handed over, it is the lab's fault if it cannot. */
async function startUserspace(
  { user, recorder, plan: { userspace } }: Needs<'user' | 'recorder' | 'plan'>,
  name: string,
): Promise<StepReply> {
  if (recorder.epoch === 0 && userspace !== undefined) {
    const { packages, sha256 } = userspace;
    const own = packages.find((each) => each.startsWith(`${name}_`)) ?? '';
    recorder.event({
      kind: 'note',
      text: `user space ${name}: ${packages.length} packages, ${own}, SHA-256 ${sha256}`,
    });
  }
  const reply = await user.startOtherSystem(USERSPACE_MS);
  if (reply.ok || recorder.epoch > 0) return reply;
  const why = printable(`${reply.errno ?? ''} (${reply.at ?? ''})`, 300);
  throw new LabError(`user space ${name} does not come up: ${why}`);
}

function failed(at: string): StepReply {
  return { ok: false, errno: 'EFAIL', at };
}

async function exec({ user }: Needs<'user'>, wanted: Extract<Operation, { op: 'exec' }>): Promise<StepReply> {
  const result = await commandWithin(user.exec(wanted.command, { ms: wanted.timeout * 1000 }));
  if ('errno' in result) return result;
  const wrong =
    result.status !== wanted.status
      ? `exit status ${result.status ?? result.signal}, expected ${wanted.status}`
      : wanted.stdout !== null && result.stdout.trim() !== wanted.stdout.trim()
        ? `other output: ${result.stdout.slice(0, 500)}`
        : null;
  return wrong === null ? PASSED : failed(`${wrong}; ${result.stderr.slice(0, 500)}`);
}

async function upload(
  { user, deadlines }: Needs<'user' | 'deadlines'>,
  { from, to, mode, within: folder }: Extract<Operation, { op: 'upload' }>,
): Promise<StepReply> {
  const input = await within(readRegularFile(from, { maxBytes: MAX_UPLOAD, within: folder ?? null }), {
    ms: UPLOAD_MS,
    what: `end of ${from}`,
    whose: 'host',
  }).catch((error: unknown) => {
    throw new LabError(`upload: ${printable(from, 300)} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const path = shellQuote(to);
  const command = `mkdir -p "$(dirname ${path})" && cat > ${path} && chmod ${mode.toString(8)} ${path}`;
  const result = await commandWithin(user.exec(command, { input, ms: deadlines.request(input.length * 4) }));
  if ('errno' in result) return result;
  return result.status === 0 ? PASSED : failed(result.stderr.slice(0, 500));
}

async function killAgent({ user, state }: Needs<'user' | 'state'>): Promise<void> {
  await user.end(MAIN);
  for (const device of state.devices.values()) device.closed();
  for (const guest of state.guests.values()) guest.lose();
  // The files that came back were its descriptors.
  loseClient(state, MAIN);
  await user.startFirst();
}
