// SPDX-License-Identifier: Apache-2.0
// Writes a sequence with its answers as a scenario.
import { stringify } from 'yaml';
import type { Outcome } from '../../model/result/outcome.js';
import { ioctlWord } from '../../model/scenario/raw.js';
import type { MemfdSpec } from '../../model/scenario/scenario.js';
import { seedOf } from '../../scenario/steps/seed.js';
import { fold, type StepText } from '../../scenario/steps/fold.js';
import type { Answer } from './model/answer.js';
import type { Operation, Sequence } from './operation.js';

export interface Answered {
  operation: Operation;
  answer: Answer;
}

/** Keys of a step's mapping. `name` alone is written as the word that stands for the mapping. */
function bodyOf(operation: Operation): [key: string, body: StepText, word?: string] {
  switch (operation.op) {
    case 'create':
    case 'finish':
      return [operation.op, { session: operation.session }, operation.session];
    case 'retrieve-session':
      return ['retrieve', { session: operation.session }, operation.session];
    case 'retrieve': {
      const { session, token, file } = operation;
      return ['retrieve', { session, token, as: file }];
    }
    case 'preserve': {
      const { session, file, token } = operation;
      return ['preserve', { session, file, token }];
    }
    case 'memfd':
      return ['memfd', memfdOf(operation.memfd)];
    case 'check':
      return ['check', { file: operation.file }, operation.file];
    case 'close':
      return operation.target.kind === 'device'
        ? ['close', { device: true }]
        : ['close', { [operation.target.kind]: operation.target.name }];
    case 'write': {
      const { file, seed, first, count } = operation;
      return ['write', { file, seed, pages: `${first}+${count}` }];
    }
    case 'truncate':
      return ['truncate', { file: operation.file, size: operation.size }];
    case 'fallocate': {
      const { file, first, count, how } = operation;
      return ['fallocate', { file, pages: `${first}+${count}`, how }];
    }
    case 'seal':
      return ['seal', { file: operation.file, seals: operation.seals }];
    case 'reopen':
      return ['reopen', { file: operation.file, as: operation.as, access: operation.access }];
    case 'seek':
      return ['seek', { file: operation.file, position: operation.position }];
    case 'get-name':
      return ['get-name', { session: operation.session }, operation.session];
    case 'link':
      return ['link', { session: operation.session }, operation.session];
    case 'ioctl':
      return ['ioctl', ioctlOf(operation)];
    case 'client':
    case 'kill':
      return [operation.op, {}, operation.client];
    case 'pass': {
      const { to, from, what } = operation;
      return ['pass', { to, from, [what.kind]: what.name }];
    }
    case 'load':
      return ['load', operation.via === 'file' ? {} : { via: operation.via }, operation.via];
    case 'exec':
      return ['exec', { command: operation.command, status: operation.status }];
    default:
      return [operation.op, {}];
  }
}

function ioctlOf({ on, command, size, bytes, without }: Extract<Operation, { op: 'ioctl' }>): StepText {
  return {
    ...(on.kind === 'device' ? { device: true } : { [on.kind]: on.name }),
    command: ioctlWord(command) ?? `0x${command.toString(16)}`,
    size,
    ...(bytes === '' ? {} : { bytes }),
    ...(without === undefined ? {} : { without }),
  };
}

function memfdOf({ file, size, seed, holes, huge, seals, flags = [], position }: MemfdSpec): StepText {
  return {
    name: file,
    size,
    ...(seed === seedOf(file) ? {} : { seed }),
    ...(holes.length > 0 ? { holes: holes.map(({ first, count }) => `${first}+${count}`) } : {}),
    ...(huge ? { huge } : {}),
    ...(seals.length > 0 ? { seals } : {}),
    ...(flags.length > 0 ? { flags } : {}),
    ...(position > 0 ? { position } : {}),
  };
}

function stepOf({ operation, answer }: Answered): string | StepText {
  const [key, body, word] = bodyOf(operation);
  const call: StepText = {
    ...(operation.by === undefined ? {} : { client: operation.by }),
    ...(operation.during === undefined ? {} : { during: operation.during }),
    ...(operation.fail === undefined ? {} : { fail: operation.fail }),
    ...(answer.kind === 'refused' ? { errno: answer.errno } : {}),
    ...(answer.kind === 'any' ? { errno: answer.accepts } : {}),
  };
  if (Object.keys(call).length > 0) return { [key]: { ...body, ...call } };
  if (word !== undefined) return { [key]: word };
  return Object.keys(body).length > 0 ? { [key]: body } : key;
}

export function textOf(
  { kernels, cmdline }: Pick<Sequence, 'kernels' | 'cmdline'>,
  steps: readonly Answered[],
  outcome: Outcome,
): string {
  const [from, to] = kernels;
  const pair = kernels.length === 2 ? { from, to } : { chain: kernels };
  const head = { ...pair, ...(cmdline === '' ? {} : { cmdline: { all: cmdline } }) };
  const lines = fold(steps.map(stepOf)).map(
    (step) => `  - ${stringify(step, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()}\n`,
  );
  return `${stringify(head)}steps:\n${lines.join('')}expect: ${outcome}\n`;
}
