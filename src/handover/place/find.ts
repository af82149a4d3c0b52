// SPDX-License-Identifier: Apache-2.0
// Finds the physical location of a place that a scenario names (docs/mismatch.md).
import type { Place } from '../../model/scenario/place.js';
import { khoLocation, nodeLocation } from '../kho/kho.js';
import { luoLocation } from '../luo/luo.js';
import { mapLocation } from '../kho/map.js';
import { blockLocation, contentLocation, folioLocation, memfdLocation } from '../luo/memfd.js';
import { fileOf, filesLocation, flbsLocation, sessionLocation, sessionsLocation } from '../luo/sessions.js';
import { type HandoverSource, Walk } from '../memory/source.js';
import type { FieldLocation } from '../memory/field-location.js';
import { memblockLocation, metadataLocation, reserveMemLocation } from '../kho/trees.js';

/** Throws HandoverError (and nothing else) if the place does not exist or a structure on the way is invalid. */
export function findPlace(source: HandoverSource, place: Place): FieldLocation {
  const walk = new Walk(source);
  switch (place.of) {
    case 'kho':
      return khoLocation(walk, place.field);
    case 'map':
      return mapLocation(walk, place.field);
    case 'node':
      return nodeLocation(walk, place.name, place.field);
    case 'luo':
      return luoLocation(walk, place.field);
    case 'sessions':
      return place.field === 'version' ? luoLocation(walk, 'sessions.version') : sessionsLocation(walk, place.field);
    case 'flbs':
      return place.field === 'version' ? luoLocation(walk, 'flbs.version') : flbsLocation(walk, place.field);
    case 'session':
      return sessionLocation(walk, place.session, place.field);
    case 'files':
      return filesLocation(walk, place.session, place.field);
    case 'file':
      return fileOf(walk, place.file).locate(place.field);
    case 'memfd':
      return memfdLocation(walk, place.file, place.field);
    case 'block':
      return blockLocation(walk, place.file, place.block);
    case 'folio':
      return folioLocation(walk, place.file, place.folio, place.field);
    case 'content':
      return contentLocation(walk, place.file, place.page, place.byte);
    case 'kexec-metadata':
      return metadataLocation(walk, place.field);
    case 'memblock':
      return memblockLocation(walk);
    case 'reserve-mem':
      return reserveMemLocation(walk, place.name, place.field);
  }
}
