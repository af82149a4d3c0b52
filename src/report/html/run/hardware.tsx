// SPDX-License-Identifier: Apache-2.0
// The devices and the IOMMU over each update, as the lab saw them from outside.
import type { DeviceOfResult, IommuOfResult } from '../../../model/result/hardware-result.js';
import type { Result } from '../../../model/result/result.js';
import { bytes } from '../../text/style.js';
import { show } from '../parts/page.js';

const MAX_ROWS = 40;

export function Hardware({ result: { devices, iommu } }: { result: Result }) {
  if (devices.length === 0 && iommu === null) return null;
  return (
    <section aria-labelledby="hardware-head">
      <h2 id="hardware-head">Devices and IOMMU</h2>
      {devices.length === 0 ? null : (
        <div class="wide">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">device</th>
                <th scope="col">address</th>
                <th scope="col">into epoch</th>
                <th scope="col">carried</th>
                <th scope="col">resets</th>
                <th scope="col">DMA in flight</th>
                <th scope="col">data behind it</th>
                <th scope="col">problems</th>
              </tr>
            </thead>
            <tbody>
              {devices.slice(0, MAX_ROWS).map((device, at) => (
                <DeviceRow key={at} device={device} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {iommu === null ? null : <Iommu iommu={iommu} />}
    </section>
  );
}

function DeviceRow({
  device: { name, device, address, preserve, epoch, carried, before, after, resets, transfer, backing, problems },
}: {
  device: DeviceOfResult;
}) {
  return (
    <tr>
      <td>
        {show(name)}
        <div class="faint">
          {device}, {preserve}
        </div>
      </td>
      <td class="nowrap">
        {show(address ?? 'never found')}
        {before !== null && after !== null && before.address !== after.address ? (
          <div>now {show(after.address)}</div>
        ) : null}
      </td>
      <td>{epoch}</td>
      <td>{carried ?? '-'}</td>
      <td>{resets}</td>
      <td>{transfer === null ? '-' : `${transfer.fate} (${transfer.length} bytes to ${show(transfer.iova)})`}</td>
      <td>{backing === null ? '-' : `${backing.pages - backing.different} of ${backing.pages} pages`}</td>
      <td>
        {problems.length === 0
          ? 'none'
          : problems.slice(0, 5).map((problem) => <div key={problem}>{show(problem)}</div>)}
      </td>
    </tr>
  );
}

function Iommu({ iommu: { kind, gaps, faults, tables, strays, timeline, leftOut } }: { iommu: IommuOfResult }) {
  return (
    <>
      <p>
        <b>{kind}</b>:{' '}
        {gaps.length === 0
          ? 'no update happened'
          : gaps.map(({ epoch, state, ms }) => `into epoch ${epoch} ${gapText(state, ms)}`).join('; ')}
        .
      </p>
      {tables.length === 0 ? null : (
        <div class="wide">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">device</th>
                <th scope="col">reached before</th>
                <th scope="col">reaches after</th>
                <th scope="col">same pages behind the same addresses</th>
                <th scope="col">problems</th>
              </tr>
            </thead>
            <tbody>
              {tables.slice(0, MAX_ROWS).map(({ device, before, after, same, problems }, at) => (
                <tr key={at}>
                  <td>{show(device)}</td>
                  {[before, after].map((reach, side) => (
                    <td key={side}>{reach === null ? '-' : `${reach.state}, ${bytes(reach.bytes)}`}</td>
                  ))}
                  <td>{same}</td>
                  <td>
                    {problems.slice(0, 5).map((problem) => (
                      <div key={problem}>{show(problem)}</div>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {faults.slice(0, MAX_ROWS).map(({ device, count, first }, at) => (
        <p key={at}>
          {count} {count === 1 ? 'request' : 'requests'} of {show(device)} blocked, first: {show(first)}
        </p>
      ))}
      {strays.slice(0, MAX_ROWS).map(({ device, phys, bytes: count }, at) => (
        <p key={at} class="bad">
          {show(device)} wrote {count} bytes astray, at {show(phys)}
        </p>
      ))}
      {timeline.length === 0 ? null : (
        <details>
          <summary>What the IOMMU did</summary>
          <pre class="console" tabIndex={0}>
            {timeline
              .slice(0, 200)
              .map(
                ({ t, what, detail, count }) =>
                  `${(t / 1000).toFixed(3).padStart(9)} s  ${show(what)}  ` +
                  `${show(detail, 120)}${count > 1 ? `  ${count} times` : ''}`,
              )
              .join('\n')}
            {leftOut > 0 ? `\n${leftOut} more` : ''}
          </pre>
        </details>
      )}
    </>
  );
}

function gapText(state: IommuOfResult['gaps'][number]['state'], ms: number | null): string {
  switch (state) {
    case 'kept':
      return 'translation was never off';
    case 'gap':
      return `${ms?.toFixed(1)} ms without translation`;
    case 'open':
      return 'translation went off and never came back';
    case 'off':
      return 'nothing was translated before the kexec';
  }
}
