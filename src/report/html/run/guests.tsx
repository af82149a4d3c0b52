// SPDX-License-Identifier: Apache-2.0
// The guests over each update, and how their downtime is made up.
import type { DowntimeOfResult, GuestOfResult } from '../../../model/result/guest-result.js';
import type { Result } from '../../../model/result/result.js';
import { deviceText } from '../../text/guests.js';
import { bytes } from '../../text/style.js';
import { show } from '../parts/page.js';

const MAX_ROWS = 40;
const WIDTH = 960;

export function Guests({ result: { guests, downtime } }: { result: Pick<Result, 'guests' | 'downtime'> }) {
  if (guests.length === 0 && downtime.length === 0) return null;
  return (
    <section aria-labelledby="guests-head">
      <h2 id="guests-head">Guests</h2>
      {downtime.map((each) => (
        <Downtime key={each.epoch} downtime={each} />
      ))}
      {guests.length === 0 ? null : (
        <div class="wide">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">guest</th>
                <th scope="col">into epoch</th>
                <th scope="col">state</th>
                <th scope="col">downtime</th>
                <th scope="col">seen by the guest</th>
                <th scope="col">ticks before, after</th>
                <th scope="col">its clock</th>
                <th scope="col">its devices</th>
                <th scope="col">problems</th>
              </tr>
            </thead>
            <tbody>
              {guests.slice(0, MAX_ROWS).map((guest, at) => (
                <GuestRow key={at} guest={guest} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {guests.length > MAX_ROWS ? <p>and {guests.length - MAX_ROWS} more</p> : null}
    </section>
  );
}

function GuestRow({
  guest: { name, kind, vcpus, size, epoch, state, downtime, downtimeInside, ticks, clock, devices, firstBad, problems },
}: {
  guest: GuestOfResult;
}) {
  const wrong = [...problems, ...(firstBad === null ? [] : [`page ${firstBad.page} of its memory: ${firstBad.what}`])];
  return (
    <tr>
      <td>
        {show(name)}
        <div class="faint">
          {kind}, {vcpus} {vcpus === 1 ? 'vCPU' : 'vCPUs'}, {bytes(size)}
        </div>
      </td>
      <td>{epoch}</td>
      <td>{state}</td>
      <td class="nowrap">{ms(downtime)}</td>
      <td class="nowrap">{ms(downtimeInside)}</td>
      <td>
        {ticks.before ?? '-'}, {ticks.after ?? '-'}
      </td>
      <td>{clock === null ? '-' : `${ms(clock.advanced)} of ${ms(clock.expected)}, jump ${ms(clock.jump)}`}</td>
      <td>
        {devices.length === 0 ? '-' : devices.map((each) => <div key={each.device}>{show(deviceText(each))}</div>)}
      </td>
      <td>
        {wrong.length === 0 ? 'none' : wrong.slice(0, 5).map((problem) => <div key={problem}>{show(problem)}</div>)}
      </td>
    </tr>
  );
}

function Downtime({ downtime: { epoch, ms: total, phases, guests, mib, longest } }: { downtime: DowntimeOfResult }) {
  const sum = Math.max(
    1,
    phases.reduce((all, phase) => all + Math.max(0, phase.ms), 0),
  );
  let at = 0;
  return (
    <figure class="map">
      <figcaption>
        Downtime into epoch {epoch}: {ms(total)} for {guests} {guests === 1 ? 'guest' : 'guests'} with {mib} MiB
        {longest === null ? '' : `; longest ${ms(longest.ms)}, ${show(longest.guest)}`}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} 24`}
        role="img"
        aria-label={phases.map(({ phase, ms: part }) => `${phase} ${ms(part)}`).join(', ')}
      >
        {phases.map(({ phase, ms: part }, index) => {
          const width = Math.round((Math.max(0, part) / sum) * WIDTH * 10) / 10;
          const x = at;
          at = Math.round((at + width) * 10) / 10;
          return (
            <g key={phase}>
              <rect class={`d-${index % 4}`} x={x} width={width} height="24">
                <title>
                  {phase}: {ms(part)}
                </title>
              </rect>
              {phase.length * 7 < width ? (
                <text class="bar" x={x + 4} y="16">
                  {phase}
                </text>
              ) : null}
            </g>
          );
        })}
      </svg>
      <p class="faint">{phases.map(({ phase, ms: part }) => `${phase} ${ms(part)}`).join(', ')}</p>
    </figure>
  );
}

function ms(value: number | null): string {
  return value === null ? '-' : value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(1)} ms`;
}
