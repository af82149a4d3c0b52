// SPDX-License-Identifier: Apache-2.0
// Runs a stage of a kernel selftest in the machine, and records each of its cases.
import { readFile } from 'node:fs/promises';
import { canonical } from '../../console/index.js';
import type { Outcome } from '../../model/result/outcome.js';
import { TEST_KHO } from '../../model/scenario/selftest.js';
import { LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { shellQuote } from '../../util/text/shell-quote.js';
import { commandWithin, PASSED, type StepReply } from '../agent/reply.js';
import type { Needs } from '../engine/parts.js';
import { casesOf, ofLog, wholeOf, type SelftestStep } from './kselftest-cases.js';

const FOLDER = '/tmp/kselftest';
/**
 * The shell prints the exit status itself: a first stage leaves a process behind, and then SSH sometimes closes without
 * reporting the status.
 */
const STATUS = 'lab-kselftest-status';
const STATUS_LINE = new RegExp(`^${STATUS} (\\d{1,3})$`, 'm');

function statusIn(stdout: string): number | null {
  const status = STATUS_LINE.exec(stdout)?.[1];
  return status === undefined ? null : Number(status);
}

/** What a failed second stage implies, by the test's message; the first match counts. */
const MEANINGS: readonly [RegExp, Outcome][] = [
  [/mismatch!|Expected '|KHO restore failed/, 'corrupt'],
  [/Stage mismatch|retrieve_session|Failed to open|No such file|restore/, 'lost'],
];

export async function kselftestStep(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'user'>,
  step: SelftestStep,
): Promise<StepReply> {
  const end = await commandWithin(step.test === TEST_KHO ? ofKernel(parts, step) : ofProgram(parts, step));
  if ('errno' in end) return overtime(parts, step, end);
  const { status, text } = end;
  const cases = casesOf(step, status, text, parts.recorder.epoch);
  parts.state.cases.push(...cases);
  for (const each of cases) {
    parts.recorder.event({
      kind: 'oracle',
      oracle: `kselftest ${each.test}`,
      side: 'inside',
      ok: each.state !== 'fail',
      detail: `${each.name}: ${each.state}`,
    });
  }
  const bad = cases.filter(({ state }) => state === 'fail' || (state === 'skip' && step.stage !== null));
  if (step.stage === 2) {
    // The second stage inspects what came back.
    parts.recorder.witnesses.require('inside', parts.recorder.epoch);
    parts.recorder.witnesses.looked('inside', parts.recorder.epoch, cases.length);
  }
  if (bad.length === 0) return PASSED;
  for (const { name, detail } of bad) {
    // A failed first stage hands nothing over: the update is called off. A test without stages proves nothing about an
    // update.
    const implies = step.stage === 2 ? (MEANINGS.find(([pattern]) => pattern.test(detail))?.[1] ?? 'lost') : null;
    parts.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies,
      title: `kselftest ${step.test}, ${name}: ${canonical(detail.split('\n').at(-1) ?? '')}`.slice(0, 200),
      detail,
    });
  }
  return { ok: false, errno: 'EFAIL', at: bad[0]?.detail.split('\n').at(-1) ?? null };
}

/** A test that does not end in time has failed; what it would have found is unknown. */
function overtime(
  { state, recorder }: Needs<'recorder' | 'state'>,
  { test, stage, timeout }: SelftestStep,
  reply: StepReply,
): StepReply {
  const name = wholeOf(stage);
  const detail = `did not end within ${timeout} s`;
  state.cases.push({ epoch: recorder.epoch, test, name, state: 'fail', detail });
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: null,
    title: `kselftest ${test}, ${name}: ${detail}`,
    detail: reply.at ?? '',
  });
  // The second stage inspects what came back.
  if (stage === 2) {
    recorder.witnesses.require('inside', recorder.epoch);
    recorder.witnesses.blind(
      'inside',
      recorder.epoch,
      `${test} stage 2 ${detail}`,
      'kselftest: {test: ..., timeout: SECONDS}',
    );
  }
  return reply;
}

async function ofProgram(
  parts: Needs<'plan' | 'recorder' | 'deadlines' | 'user'>,
  { test, stage, timeout, args = [] }: SelftestStep,
): Promise<{ status: number | null; text: string }> {
  const program = parts.plan.selftests[parts.recorder.epoch];
  if (program == null) throw new LabError(`${test} was not built for epoch ${parts.recorder.epoch}`);
  const input = await readFile(program);
  const path = `${FOLDER}/${test}`;
  const sent = await parts.user.exec(`mkdir -p ${FOLDER} && cat > ${path} && chmod 755 ${path}`, {
    input,
    ms: parts.deadlines.request(input.length * 4),
  });
  if (sent.status !== 0)
    return { status: 1, text: `${test} cannot be put into the machine: ${printable(sent.stderr, 200)}` };
  const command = [`./${test}`, ...(stage === null ? [] : [`-s ${stage}`]), ...args.map(shellQuote)].join(' ');
  const { status, stdout, stderr } = await parts.user.exec(
    `cd ${FOLDER} && ${command}; status=$?; echo; echo "${STATUS} $status"`,
    { ms: timeout * 1000 },
  );
  return {
    status: statusIn(stdout) ?? (status === 0 ? null : status),
    text: `${stdout.replace(STATUS_LINE, '')}\n${stderr}`,
  };
}

const SUBTREES = '/sys/kernel/debug/kho/out/sub_fdts';

/**
 * The kernel tested itself during boot, and its log has the result (kho_test_init() in lib/test_kho.c, 6.17 to 7.3). A
 * first stage logs nothing, whether it handed its data over or failed. Then debugfs shows what is handed over, if it
 * does so before the kexec (7.1 and later, which need no finalize).
 */
async function ofKernel(
  parts: Needs<'user'>,
  { stage, timeout }: SelftestStep,
): Promise<{ status: number | null; text: string }> {
  const run = async (command: string) =>
    (await parts.user.exec(command, { ms: timeout * 1000, limit: 4 << 20 })).stdout;
  const absent =
    stage === 1 &&
    (
      await run(
        `[ -d ${SUBTREES} ] && [ ! -e ${SUBTREES}/../finalize ] && [ ! -e ${SUBTREES}/kho_test ] && echo absent`,
      )
    ).includes('absent');
  return ofLog(await run('dmesg'), stage, { absent });
}
