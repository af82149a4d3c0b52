// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { drawingOf } from '../../../src/report/html/run/phys-map.js';

describe('a picture of memory', () => {
  it('shows the worst of each field, neighbours as one', () => {
    const { pages, rows, extent, fields } = drawingOf([
      { phys: '0x0', pages: 16, state: 'intact' },
      { phys: '0x8000', pages: 1, state: 'reused' },
      { phys: '0x3fff000', pages: 1, state: 'leaked' },
    ]);
    expect([pages, rows, extent]).toEqual([8, 22, 16384]);
    expect(fields).toEqual([
      { row: 0, column: 0, width: 1, state: 'intact' },
      { row: 0, column: 1, width: 1, state: 'reused' },
      { row: 21, column: 31, width: 1, state: 'leaked' },
    ]);
  });
  it('bears addresses that are none, and memory of any size', () => {
    expect(
      drawingOf([
        { phys: 'nowhere', pages: 1, state: 'lost' },
        { phys: '0x0', pages: 0, state: 'lost' },
      ]).fields,
    ).toEqual([]);
    expect(drawingOf([{ phys: '0xffffffff000', pages: 1, state: 'lost' }]).fields).toHaveLength(1);
  });
});
