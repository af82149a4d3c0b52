// SPDX-License-Identifier: Apache-2.0
// Whole kinds of things in a scenario. Most failures need few of them, so each is left out as a whole before anything
// is counted. What a kind leaves behind need not be a valid scenario: then the candidate costs nothing.
import { type Data, pathsOf, withValue } from './data.js';
import { DROPS } from './rules.js';

export interface Kind {
  what: string;
  without: (data: Data) => Data;
}

/** Operations, and the key that one must have to count; null if each counts. */
type Operations = Readonly<Record<string, string | null>>;

const each = (...names: string[]): Operations => Object.fromEntries(names.map((name) => [name, null]));

// prettier-ignore
const FILE_STEPS: Operations = {
  ...each('memfd', 'object', 'preserve', 'check', 'write', 'truncate', 'fallocate', 'seal', 'reopen', 'seek'),
  retrieve: 'token', close: 'file', pass: 'file', 'device-map': null,
};
const DESCRIPTOR_STEPS: Operations = { ...each('descriptor', 'preserve-fd', 'retrieve-fd', 'close-fd'), pass: 'fd' };
const CHECK_STEPS = each('check', 'device-check', 'guest-check', 'get-name', 'link');
// prettier-ignore
const DEVICE_STEPS = each(
  'device-open', 'device-map', 'device-preserve', 'device-retrieve', 'device-check', 'device-dma', 'device-close',
  'iommu-preserve', 'iommu-retrieve',
);
// prettier-ignore
const GUEST_STEPS = each(
  'guest-create', 'guest-run', 'guest-wait', 'guest-pause', 'guest-save', 'guest-restore', 'guest-attach',
  'guest-resume', 'guest-check', 'guest-close',
);
const SESSION_STEPS: Operations = {
  ...FILE_STEPS,
  ...DESCRIPTOR_STEPS,
  pass: null,
  ...each('create', 'retrieve', 'finish', 'close', 'get-name', 'link'),
};

/** The later a kind, the more it takes. */
export const KINDS: readonly Kind[] = [
  { what: 'steps in the last kernel', without: withoutLastKernel },
  { what: 'checks', without: removing({ steps: CHECK_STEPS }) },
  { what: 'commands and uploads', without: removing({ steps: each('exec', 'upload') }) },
  { what: 'traits', without: removing({ keys: DROPS }) },
  { what: 'reserved memory', without: removing({ keys: ['reserveMem'] }) },
  { what: 'kernel command line', without: removing({ keys: ['cmdline'] }) },
  { what: 'arguments of QEMU', without: removing({ keys: ['machine.qemuArgs'] }) },
  { what: 'faults', without: removing({ keys: ['faults'], steps: each('fault') }) },
  { what: 'descriptors', without: removing({ steps: DESCRIPTOR_STEPS }) },
  { what: 'devices', without: removing({ keys: ['devices', 'iommu'], steps: DEVICE_STEPS }) },
  { what: 'guests', without: removing({ keys: ['sessions.*.guests'], steps: GUEST_STEPS }) },
  { what: 'files', without: removing({ keys: ['sessions.*.files'], steps: FILE_STEPS }) },
  { what: 'sessions', without: withoutSessions },
];

function removing({ keys = [], steps }: { keys?: readonly string[]; steps?: Operations }): Kind['without'] {
  return (data) => {
    // The last entry of a list goes first, so that the paths of the others stay.
    const paths = keys.flatMap((pattern) => pathsOf(data, pattern)).reverse();
    const rest = paths.reduce((smaller, path) => withValue(smaller, path, undefined), data);
    return steps === undefined || !Array.isArray(rest['steps'])
      ? rest
      : { ...rest, steps: withoutSteps(rest['steps'], steps) };
  };
}

function withoutSessions(data: Data): Data {
  const rest = removing({ steps: SESSION_STEPS })(data);
  return Array.isArray(rest['sessions']) ? { ...rest, sessions: [] } : rest;
}

/** Keeps what comes up to the last kexec. The short form has no steps, and asks nothing back where it can say so. */
function withoutLastKernel(data: Data): Data {
  if (!Array.isArray(data['steps'])) return data;
  const last = data['steps'].findLastIndex(jumps);
  return last < 0 ? data : { ...data, steps: data['steps'].slice(0, last + 1) };
}

function jumps(step: unknown): boolean {
  return (
    step === 'kexec' || operationsOf(step).some(([name, value]) => name === 'kexec' || nested(name, value).some(jumps))
  );
}

function withoutSteps(steps: readonly unknown[], gone: Operations): unknown[] {
  return steps.flatMap((step) => {
    const operations = operationsOf(step);
    if (operations.some(([name, value]) => counts(gone[name], value))) return [];
    const [repeat] = operations;
    const inner = repeat === undefined ? [] : nested(...repeat);
    if (inner.length === 0) return [step];
    const kept = withoutSteps(inner, gone);
    return kept.length === 0 ? [] : [{ repeat: { ...(repeat?.[1] as Data), steps: kept } }];
  });
}

function counts(key: string | null | undefined, value: unknown): boolean {
  if (key === undefined) return false;
  return key === null || (typeof value === 'object' && value !== null && key in value);
}

const operationsOf = (step: unknown): [string, unknown][] =>
  typeof step === 'object' && step !== null ? Object.entries(step) : typeof step === 'string' ? [[step, null]] : [];

function nested(name: string, value: unknown): unknown[] {
  const steps = name === 'repeat' ? (value as Data | null)?.['steps'] : undefined;
  return Array.isArray(steps) ? steps : [];
}
