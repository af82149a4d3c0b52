// SPDX-License-Identifier: Apache-2.0
// What a hunt reached over its time, as a picture.
import type { HuntPoint } from '../../../model/hunt/hunt.js';
import { seconds } from '../../text/style.js';

const WIDTH = 900;
const HEIGHT = 220;
const LEFT = 60;
const BOTTOM = 24;
const TOP = 12;

/** Points of the line, in pixels. It rises where something was reached, and is level in between. */
export function lineOf(curve: readonly HuntPoint[]): string {
  const end = Math.max(1, curve.at(-1)?.at ?? 0);
  const most = Math.max(1, ...curve.map(({ reached }) => reached));
  const x = (at: number) => (LEFT + (at / end) * (WIDTH - LEFT)).toFixed(1);
  const y = (reached: number) => (TOP + (1 - reached / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  let level = 0;
  const points = curve.flatMap(({ at, reached }) => {
    const step = [`${x(at)},${y(level)}`, `${x(at)},${y(reached)}`];
    level = reached;
    return step;
  });
  return [`${x(0)},${y(0)}`, ...points].join(' ');
}

export function Curve({ curve }: { curve: readonly HuntPoint[] }) {
  const last = curve.at(-1);
  if (last === undefined) return <p>Nothing ran yet.</p>;
  const most = Math.max(0, ...curve.map(({ reached }) => reached));
  const label = `${most} reached after ${seconds(last.at)}`;
  return (
    <div class="wide">
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        <path
          d={`M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH}`}
          fill="none"
          stroke="currentColor"
          stroke-opacity="0.4"
        />
        <polyline points={lineOf(curve)} fill="none" stroke="currentColor" stroke-width="2" />
        <g fill="currentColor" font-size="12">
          <text x={LEFT - 6} y={TOP + 6} text-anchor="end">
            {most}
          </text>
          <text x={LEFT - 6} y={HEIGHT - BOTTOM} text-anchor="end">
            0
          </text>
          <text x={LEFT} y={HEIGHT - 6}>
            0
          </text>
          <text x={WIDTH - 2} y={HEIGHT - 6} text-anchor="end">
            {seconds(last.at)}
          </text>
        </g>
      </svg>
    </div>
  );
}
