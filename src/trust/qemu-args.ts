// SPDX-License-Identifier: Apache-2.0
// Reads words for QEMU's command line as QEMU does, and finds the first that is not on the list of harmless ones.
import type { Refusal } from '../model/scenario/host-use.js';
import { printable } from '../util/text/escape.js';
import {
  ANY_VALUE,
  DEVICE_KEYS,
  DEVICES,
  GLOBALS,
  MAX_ARG,
  MAX_ARGS,
  type OptionForm,
  OPTIONS,
} from './qemu-options.js';

const HINT = '--trust, if you know who made it, lets it use every option of QEMU, and with them all files of this host';

/**
 * The first word that data may not give to QEMU; null if all are harmless.
 * @param maxCpus processors that the machine may have
 */
export function qemuRefusal(args: readonly string[], maxCpus: number): Refusal | null {
  if (args.length > MAX_ARGS) return refusal(MAX_ARGS, `more than ${MAX_ARGS} words`);
  for (let index = 0; index < args.length; index += 2) {
    const [word = '', value] = [args[index], args[index + 1]];
    const option = /^--?([A-Za-z][A-Za-z-]*)$/.exec(word)?.[1];
    // QEMU takes a word without a dash for a disk.
    if (option === undefined) return refusal(index, `${shown(word)}, which is no option`);
    if (!isListed(option)) return refusal(index, `${shown(`${word} ${value ?? ''}`.trim())}: data may not use ${word}`);
    if (value === undefined) return refusal(index, `${shown(word)} without a value`);
    const wrong = wrongValue(option, value, maxCpus);
    if (wrong !== null) return refusal(index + 1, `${shown(`${word} ${value}`)}: ${wrong}`);
  }
  return null;
}

const shown = (text: string): string => `"${printable(text, 120)}"`;

function refusal(index: number, what: string): Refusal {
  return { index, message: `this is not trusted and would give QEMU ${what}`, hint: HINT };
}

const isListed = (option: string): boolean => ['device', 'global', 'M'].includes(option) || option in listed;
const listed = Object.assign(Object.create(null) as Record<string, OptionForm>, OPTIONS);

function wrongValue(option: string, value: string, maxCpus: number): string | null {
  if (value.length > MAX_ARG) return `more than ${MAX_ARG} characters`;
  if (option === 'global') return wrongGlobal(value);
  if (option === 'device') {
    const [model = ''] = value.split(',');
    const keys = Object.hasOwn(DEVICES, model) ? DEVICES[model] : undefined;
    if (keys === undefined) return `data may not use the device ${shown(model)}`;
    return wrongParts(value, { first: /^/, keys: { ...DEVICE_KEYS, ...keys } });
  }
  const form = listed[option === 'M' ? 'machine' : option];
  if (form === undefined) return 'unknown';
  return wrongParts(value, form) ?? (option === 'smp' ? tooManyCpus(value, maxCpus) : null);
}

/** The first part of `first,key=value,...` that is not listed. A doubled comma is an empty part, so it is refused. */
function wrongParts(value: string, { first, keys, anyKey }: OptionForm): string | null {
  for (const [index, part] of value.split(',').entries()) {
    const at = part.indexOf('=');
    if (at < 0) {
      if (index === 0 && first?.test(part)) continue;
      if (anyKey?.test(part)) continue;
      return `data may not use ${shown(part)} there`;
    }
    const [key, given] = [part.slice(0, at), part.slice(at + 1)];
    const pattern = Object.hasOwn(keys, key) ? keys[key] : anyKey?.test(key) ? ANY_VALUE : undefined;
    if (pattern === undefined) return `data may not set ${shown(key)}`;
    if (!pattern.test(given)) return `${shown(given)} is not a harmless value of ${key}`;
  }
  return null;
}

function wrongGlobal(value: string): string | null {
  const [, driver = '', key = '', given = ''] = /^([A-Za-z0-9-]+)\.([A-Za-z0-9_-]+)=(.*)$/s.exec(value) ?? [];
  const keys = Object.hasOwn(GLOBALS, driver) ? GLOBALS[driver] : undefined;
  const pattern = keys !== undefined && Object.hasOwn(keys, key) ? keys[key] : undefined;
  if (pattern === undefined) return `data may not set ${shown(driver === '' ? value : `${driver}.${key}`)}`;
  return pattern.test(given) ? null : `${shown(given)} is not a harmless value of ${driver}.${key}`;
}

/** A topology can multiply to more processors than any one of its numbers. */
function tooManyCpus(value: string, maxCpus: number): string | null {
  const parts = value.split(',').map((part) => part.split('=').reverse());
  const total = (...names: string[]) =>
    parts.filter(([, key = 'cpus']) => names.includes(key)).map(([number = '0']) => Number(number));
  const product = total('sockets', 'dies', 'modules', 'clusters', 'cores', 'threads').reduce((a, b) => a * b, 1);
  const most = Math.max(product, ...total('cpus', 'maxcpus'));
  return most > maxCpus ? `${most} processors; one machine gets at most ${maxCpus} here` : null;
}
