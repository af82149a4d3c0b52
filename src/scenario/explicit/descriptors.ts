// SPDX-License-Identifier: Apache-2.0
// The explicit form: descriptors of any kind.
import type { DescriptorAction, DescriptorSource } from '../../model/scenario/descriptor.js';
import type { OperationsInput } from '../schema/steps.js';
import { fill } from '../steps/template.js';
import { named, type Site, tokenIn } from './site.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

/** Keys that need another one beside them. */
const NEEDS = [
  ['access', 'path'],
  ['flags', 'memfd'],
] as const;

function sources(value: Given<'descriptor'>, site: Site): DescriptorSource[] {
  const { kind, path, access, memfd, flags, ioctl } = value;
  return [
    ...(kind === undefined ? [] : [{ kind: 'call' as const, call: kind }]),
    ...(path === undefined
      ? []
      : [{ kind: 'path' as const, path: fill(path, site.numbers), access: access ?? ('rw' as const) }]),
    ...(memfd === undefined ? [] : [{ kind: 'memfd' as const, size: memfd, flags: flags ?? [] }]),
    ...(ioctl === undefined
      ? []
      : [
          {
            kind: 'ioctl' as const,
            on: named(ioctl.on, site, 'ioctl', 'on'),
            command: Number(ioctl.command),
            argument: ioctl.bytes === undefined ? { value: ioctl.value ?? 0 } : { bytes: ioctl.bytes },
            at: ioctl.at ?? null,
          },
        ]),
  ];
}

function descriptor(value: Given<'descriptor'>, site: Site): DescriptorAction | null {
  const [source, more] = sources(value, site);
  if (source === undefined || more !== undefined) {
    site.problems.add(site.path, 'expected exactly one of kind, path, memfd, ioctl');
    return null;
  }
  for (const [key, needed] of NEEDS)
    if (value[key] !== undefined && value[needed] === undefined)
      site.problems.add([...site.path, key], `expected ${needed} beside ${key}`);
  const { ioctl } = value;
  if (ioctl?.bytes !== undefined && ioctl.value !== undefined)
    site.problems.add([...site.path, 'ioctl'], 'expected either bytes or a value');
  if (ioctl?.at !== undefined && ioctl.bytes === undefined)
    site.problems.add([...site.path, 'ioctl', 'at'], 'expected bytes beside at, because a plain number has no place');
  return { op: 'descriptor', fd: named(value.name, site, 'name'), source };
}

/** One function for each of these steps. */
export const DESCRIPTOR_TRANSLATIONS = {
  descriptor,
  'preserve-fd': (value: Given<'preserve-fd'>, site: Site): DescriptorAction => ({
    op: 'preserve-fd',
    fd: named(value.fd, site, 'fd'),
    session: named(value.session, site, 'session'),
    token: tokenIn(value.token, site),
  }),
  'retrieve-fd': (value: Given<'retrieve-fd'>, site: Site): DescriptorAction => ({
    op: 'retrieve-fd',
    fd: named(value.as, site, 'as'),
    session: named(value.session, site, 'session'),
    token: tokenIn(value.token, site),
    written: value.written,
  }),
  'close-fd': (value: Given<'close-fd'>, site: Site): DescriptorAction => ({
    op: 'close-fd',
    fd: typeof value === 'string' ? named(value, site) : named(value.fd, site, 'fd'),
  }),
};
