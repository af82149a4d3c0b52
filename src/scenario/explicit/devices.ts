// SPDX-License-Identifier: Apache-2.0
// The explicit form: steps on devices.
import type { DeviceAction } from '../../model/scenario/device.js';
import type { Token } from '../../model/scenario/token.js';
import type { OperationsInput } from '../schema/steps.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

/** Helpers of the translation. */
interface Words<Site> {
  named: (text: string, site: Site, ...keys: string[]) => string;
  tokenIn: (value: Token, site: Site) => Token;
}

/** One function for each operation on a device. */
export function deviceTranslations<Site>({ named, tokenIn }: Words<Site>) {
  const carried =
    (op: 'device-preserve' | 'device-retrieve' | 'iommu-preserve' | 'iommu-retrieve') =>
    (value: Given<'device-preserve'>, site: Site): DeviceAction => ({
      op,
      device: value.device,
      session: named(value.session, site, 'session'),
      token: tokenIn(value.token, site),
      optional: false,
    });
  const name = (value: string | { device: string }) => (typeof value === 'string' ? value : value.device);
  return {
    'device-open': (value: Given<'device-open'>): DeviceAction => ({
      op: 'device-open',
      device: name(value),
      optional: false,
    }),
    'device-map': ({ device, file, iova, rights }: Given<'device-map'>, site: Site): DeviceAction => ({
      op: 'device-map',
      device,
      map: { file: named(file, site, 'file'), iova, rights },
      optional: false,
    }),
    'device-preserve': carried('device-preserve'),
    'device-retrieve': carried('device-retrieve'),
    'iommu-preserve': carried('iommu-preserve'),
    'iommu-retrieve': carried('iommu-retrieve'),
    'device-check': (value: Given<'device-check'>): DeviceAction => ({ op: 'device-check', device: name(value) }),
    'device-dma': ({ device }: Given<'device-dma'>): DeviceAction => ({ op: 'device-dma', device }),
    'device-close': (value: Given<'device-close'>): DeviceAction => ({
      op: 'device-close',
      device: name(value),
      optional: false,
    }),
  };
}
