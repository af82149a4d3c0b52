// SPDX-License-Identifier: Apache-2.0
// The explicit form: ioctls with any argument, and the link of a descriptor.
import { type Descriptor, IOCTLS, type IoctlWord, type RawAction } from '../../model/scenario/raw.js';
import type { OperationsInput } from '../schema/steps.js';
import type { Path } from '../source/document.js';
import type { Problems } from '../source/problems.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

interface Place {
  path: Path;
  problems: Problems;
}

/** What a command without a word claims as its size. */
const UNKNOWN_SIZE = 8;

/**
 * One function for each of these steps.
 * @param named fills in the templates of a name
 */
export function rawTranslations<Site extends Place>(named: (text: string, site: Site, ...keys: string[]) => string) {
  return {
    ioctl: ({ session, file, device, command, size, bytes, without }: Given<'ioctl'>, site: Site): RawAction | null => {
      const descriptors: Descriptor[] = [
        ...(session === undefined ? [] : [{ kind: 'session' as const, name: named(session, site, 'session') }]),
        ...(file === undefined ? [] : [{ kind: 'file' as const, name: named(file, site, 'file') }]),
        ...(device === undefined ? [] : [{ kind: 'device' as const }]),
      ];
      const [on, more] = descriptors;
      if (on === undefined || more !== undefined) {
        site.problems.add(site.path, 'expected exactly one of session, file, device');
        return null;
      }
      const known = command in IOCTLS ? IOCTLS[command as IoctlWord] : null;
      return {
        op: 'ioctl',
        on,
        command: known?.command ?? Number(command),
        size: size ?? known?.size ?? UNKNOWN_SIZE,
        bytes: bytes ?? '',
        ...(without === undefined ? {} : { without }),
      };
    },
    link: (value: Given<'link'>, site: Site): RawAction => ({
      op: 'link',
      session: typeof value === 'string' ? named(value, site) : named(value.session, site, 'session'),
    }),
  };
}
