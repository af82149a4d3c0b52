// SPDX-License-Identifier: Apache-2.0
// From a place by meaning to a place in physical memory.
import type { Place } from '../../model/scenario/place.js';
import { khoSpot, nodeSpot } from '../kho/kho.js';
import { luoSpot } from '../luo/luo.js';
import { mapSpot } from '../kho/map.js';
import { contentSpot, folioSpot, memfdSpot } from '../luo/memfd.js';
import { fileOf, filesSpot, flbsSpot, sessionSpot, sessionsSpot } from '../luo/sessions.js';
import { type HandoverSource, Walk } from '../source.js';
import type { Spot } from './field-location.js';
import { memblockSpot, metadataSpot, reserveMemSpot } from '../kho/trees.js';

/** Throws HandoverError, and nothing else, where the place is not there or the way to it is not sound. */
export function findPlace(source: HandoverSource, place: Place): Spot {
  const walk = new Walk(source);
  switch (place.of) {
    case 'kho':
      return khoSpot(walk, place.field);
    case 'map':
      return mapSpot(walk, place.field);
    case 'node':
      return nodeSpot(walk, place.name, place.field);
    case 'luo':
      return luoSpot(walk, place.field);
    case 'sessions':
      return place.field === 'version' ? luoSpot(walk, 'sessions.version') : sessionsSpot(walk, place.field);
    case 'flbs':
      return place.field === 'version' ? luoSpot(walk, 'flbs.version') : flbsSpot(walk, place.field);
    case 'session':
      return sessionSpot(walk, place.session, place.field);
    case 'files':
      return filesSpot(walk, place.session, place.field);
    case 'file':
      return fileOf(walk, place.file).spot(place.field);
    case 'memfd':
      return memfdSpot(walk, place.file, place.field);
    case 'folio':
      return folioSpot(walk, place.file, place.folio, place.field);
    case 'content':
      return contentSpot(walk, place.file, place.page, place.byte);
    case 'kexec-metadata':
      return metadataSpot(walk, place.field);
    case 'memblock':
      return memblockSpot(walk);
    case 'reserve-mem':
      return reserveMemSpot(walk, place.name, place.field);
  }
}
