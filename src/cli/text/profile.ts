// SPDX-License-Identifier: Apache-2.0
// The report of a profile check as text: which hosts take part, which version each component can move to, and which
// features the profile carries.
import type { HostCheck, ProfileCheck } from '../../compat/index.js';
import type { Component } from '../../model/kernel/component.js';
import { coloursFor } from '../../report/text/style.js';
import { printable } from '../../util/text/escape.js';
import { table } from './table.js';

const list = (components: readonly Component[]): string =>
  components.map(({ name, version }) => `${name} ${version}`).join(', ');

export function profileText(
  { profile, hosts, outlook, features, updates }: ProfileCheck,
  stream: { isTTY?: boolean },
): string {
  const colours = coloursFor(stream);
  const answer = (yes: boolean | null): string => (yes === null ? 'not known' : yes ? 'yes' : 'no');
  const tint = (yes: boolean | null) => (yes === null ? colours.magenta : yes ? colours.green : colours.red);
  const lines = [`${printable(profile.name)}: ${list(profile.pins)}\n\n`];
  lines.push(
    table(
      ['HOST', 'TAKES PART', 'NEEDS', 'WHY NOT'],
      hosts.map(({ host, takesPart, needs, reasons }) => [
        host,
        answer(takesPart),
        needs || '-',
        reasons.join('; ') || '-',
      ]),
      (text, row, column) => (column === 1 ? tint(hosts[row]?.takesPart ?? null)(text) : text),
    ),
    '\n',
  );
  lines.push(
    table(
      ['PINNED', 'HIGHEST OF ALL', 'NEXT', 'BLOCKED BY'],
      outlook.map(({ component, pinned, highest, next }) => [
        `${component} ${pinned}`,
        highest === null ? '-' : String(highest),
        next === null ? '-' : String(next.version),
        next === null
          ? '-'
          : next.blockedBy
              .map(
                ({ host, reads, writes }) =>
                  `${host} (${reads ? 'cannot write' : writes ? 'cannot read' : 'neither reads nor writes'})`,
              )
              .join(', ') || 'nobody',
      ]),
    ),
  );
  if (features.length > 0) {
    lines.push(
      '\n',
      table(
        ['FEATURE', 'CARRIED', 'NEEDS'],
        features.map(({ feature, carried, needs }) => [feature, answer(carried), list(needs) || '-']),
        (text, row, column) => (column === 1 ? tint(features[row]?.carried ?? null)(text) : text),
      ),
    );
  }
  lines.push('\n', updatesText(hosts, updates));
  return lines.join('');
}

function updatesText(hosts: readonly HostCheck[], updates: ProfileCheck['updates']): string {
  const inside = hosts.filter(({ takesPart }) => takesPart === true);
  if (inside.length < 2)
    return inside.length === 0
      ? 'No host can take part.\n'
      : `Only ${printable(inside[0]?.host ?? '', 300)} can take part, so there is nothing to update it to.\n`;
  const needs = inside
    .filter(({ needs: words }) => words !== '')
    .map(({ host, needs: words }) => `${host} with ${words}`);
  const bad = updates.filter(({ compatible }) => compatible !== true);
  const head =
    bad.length === 0
      ? `All ${updates.length} updates between the hosts that take part work, and so does every rollback`
      : `${updates.length - bad.length} of ${updates.length} updates between the hosts that take part work, ` +
        'rollbacks included';
  return [
    `${head}${needs.length === 0 ? '' : `: ${printable(needs.join(', '), 500)}`}.\n`,
    ...bad.map(({ from, to, outcome, where, reasons }) => {
      const verdict = `${outcome ?? 'not known'}${where === null ? '' : ` in ${where}`}`;
      return `  ${printable(`${from} -> ${to}: ${verdict}: ${reasons[0] ?? ''}`, 500)}\n`;
    }),
  ].join('');
}
