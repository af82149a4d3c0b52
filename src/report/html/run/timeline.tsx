// SPDX-License-Identifier: Apache-2.0
// The timeline of a run: kernels, sessions, each kexec, the IOMMU, and the time of each piece of evidence.
import type { Result } from '../../../model/result/result.js';
import type { EventRead } from '../../../store/run/read-logs.js';
import { show } from '../parts/page.js';
import { endOf, lanesOf, marksOf } from './phases.js';

const WIDTH = 960;
const LEFT = 120;
const LANE = 26;
const BAR = 18;

export function Timeline({ result, events }: { result: Result; events: readonly EventRead[] }) {
  const end = endOf(result);
  const lanes = lanesOf(result, events);
  const marks = marksOf(result);
  const x = (t: number) => round(LEFT + (Math.max(0, Math.min(end, t)) / end) * (WIDTH - LEFT - 10));
  const top = 20;
  const height = top + lanes.length * LANE + (marks.length > 0 ? 24 : 0) + 6;
  return (
    <div class="wide">
      <svg
        class="timeline"
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label={`time of the run, ${(end / 1000).toFixed(1)} seconds`}
      >
        {ticks(end).map((t) => (
          <g key={t}>
            <line class="tick" x1={x(t)} x2={x(t)} y1={top - 4} y2={height} />
            <text class="axis" x={x(t)} y={top - 8}>
              {t / 1000} s
            </text>
          </g>
        ))}
        {lanes.map(({ name, bars }, at) => {
          const y = top + at * LANE;
          return (
            <g key={name}>
              <text class="lane" x={LEFT - 8} y={y + 14}>
                {show(name, 18)}
              </text>
              {bars.map(({ from, to, look, text }, index) => {
                const width = Math.max(1.5, round(x(to) - x(from)));
                return (
                  <g key={index}>
                    <rect class={`t-${look}`} x={x(from)} y={y} width={width} height={BAR} rx="2">
                      <title>
                        {show(text)}, {(from / 1000).toFixed(2)} s to {(to / 1000).toFixed(2)} s
                      </title>
                    </rect>
                    {text.length * 6.5 < width ? (
                      <text class={`bar on-${look}`} x={x(from) + 5} y={y + 13}>
                        {show(text)}
                      </text>
                    ) : null}
                  </g>
                );
              })}
            </g>
          );
        })}
        {marks.map(({ t, text, bad }, at) => {
          const y = top + lanes.length * LANE + 4;
          return (
            <path key={at} class={bad ? 'm-bad' : 'm-note'} d={`M${x(t)} ${y}l6 12h-12z`}>
              <title>
                {(t / 1000).toFixed(2)} s: {show(text)}
              </title>
            </path>
          );
        })}
        {marks.length > 0 ? (
          <text class="lane" x={LEFT - 8} y={top + lanes.length * LANE + 15}>
            evidence
          </text>
        ) : null}
      </svg>
    </div>
  );
}

/** Ticks at round times, at most twelve of them. */
function ticks(end: number): number[] {
  const step =
    [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 1_800_000].find((each) => end / each <= 12) ?? end;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, at) => at * step);
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}
