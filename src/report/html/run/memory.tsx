// SPDX-License-Identifier: Apache-2.0
// What happened to the handed-over pages: one bar for each file, divided by state, and a map of physical memory for
// each update.
import type { PhysState, ResourceOfResult, Result } from '../../../model/result/result.js';
import { bytes } from '../../text/style.js';
import { show } from '../parts/page.js';
import { PhysMap } from './phys-map.js';

export const PAGE_STATES = [
  'intact',
  'corrupt',
  'leaked',
  'lost',
  'reused',
  'unjudged',
  'own',
] as const satisfies readonly PhysState[];

const WORDS: Readonly<Record<PhysState, string>> = {
  intact: 'intact',
  corrupt: 'corrupt: came back with other content',
  leaked: 'leaked: nothing can use them',
  lost: 'lost: given back, content still readable',
  reused: 'reused: lost and written over',
  unjudged: 'unjudged: the machine ended first',
  own: "the handover's own, which stays",
};

/** Pages by state, the worst first. Lost pages that were overwritten are in use by the next kernel. */
export function pagesByState({ state, pages, inside, outside }: ResourceOfResult): Map<PhysState, number> {
  const counts = new Map<PhysState, number>();
  const put = (key: PhysState, count: number) => {
    if (count > 0) counts.set(key, count);
  };
  if (state === 'lost') {
    const reused = Math.min(pages, outside?.overwritten ?? 0);
    put('reused', reused);
    put('lost', pages - reused);
  } else if (state === 'corrupt') {
    const bad = Math.min(pages, Math.max(outside?.different ?? 0, inside?.bad ?? 0));
    put('corrupt', bad);
    put('intact', pages - bad);
  } else put(state, pages);
  return counts;
}

const WIDTH = 960;
const MAX_ROWS = 40;

/** @param props.brief if everything is intact, say only that */
export function MemoryMap({ result, brief }: { result: Result; brief: boolean }) {
  const { resources, memory } = result;
  const short = brief && resources.every(({ state }) => state === 'intact');
  if (resources.length === 0 && memory.updates.length === 0) return null;
  const largest = Math.max(1, ...resources.map(({ pages }) => pages));
  return (
    <section aria-labelledby="memory-head">
      <h2 id="memory-head">Memory</h2>
      <p>
        {memory.pagesPreserved} pages handed over: {memory.pagesIntact} intact, {memory.pagesCorrupt} corrupt,{' '}
        {memory.pagesLost} lost; {memory.pagesLeaked} leaked.
      </p>
      {short ? (
        <p>
          {resources.length} {resources.length === 1 ? 'file' : 'files'}, all intact:{' '}
          {show(
            resources
              .slice(0, MAX_ROWS)
              .map(({ name }) => name)
              .join(', '),
          )}
          .
        </p>
      ) : null}
      {resources.length === 0 || short ? null : (
        <>
          <div class="wide">
            <table class="list">
              <thead>
                <tr>
                  <th scope="col">file</th>
                  <th scope="col">state</th>
                  <th scope="col">size</th>
                  <th scope="col">checked from inside</th>
                  <th scope="col">from outside</th>
                  <th scope="col">pages by state</th>
                </tr>
              </thead>
              <tbody>
                {resources.slice(0, MAX_ROWS).map((file, at) => (
                  <FileRow key={at} file={file} largest={largest} />
                ))}
              </tbody>
            </table>
          </div>
          {resources.length > MAX_ROWS ? <p>and {resources.length - MAX_ROWS} more</p> : null}
          <p class="legend">
            {PAGE_STATES.filter(
              (state) =>
                resources.some((file) => pagesByState(file).has(state)) ||
                memory.updates.some(({ map }) => map.some((run) => run.state === state)),
            ).map((state) => (
              <span key={state}>
                <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
                  <rect class={`p-${state}`} width="10" height="10" />
                </svg>{' '}
                {WORDS[state]}
              </span>
            ))}
          </p>
        </>
      )}
      {memory.updates.map(({ epoch, map, mapLeftOut }) =>
        map.length === 0 || short ? null : <PhysMap key={epoch} epoch={epoch} map={map} leftOut={mapLeftOut} />,
      )}
      {memory.updates.map(({ epoch, markedOnArrival, markedAtEnd, baseline }) =>
        markedOnArrival === null && markedAtEnd === null ? null : (
          <p key={epoch} class="faint">
            Into epoch {epoch}: {markedOnArrival ?? '?'} pages marked as handed over on arrival, {markedAtEnd ?? '?'} at
            the end
            {baseline.length === 0 ? '' : `, of which the handover's own: ${baseline.map(ownText).join(', ')}`}.
          </p>
        ),
      )}
    </section>
  );
}

function FileRow({ file, largest }: { file: ResourceOfResult; largest: number }) {
  const { name, session, token, epoch, state, size, pages, inside, outside, problems } = file;
  return (
    <tr>
      <td>
        {show(name)}
        <div class="faint">
          {session === null ? '' : `session ${show(session)}, token ${token}, `}into epoch {epoch}
        </div>
      </td>
      <td>
        {state}
        {problems.slice(0, 3).map((problem) => (
          <div key={problem} class="faint">
            {show(problem)}
          </div>
        ))}
      </td>
      <td class="nowrap">{bytes(size)}</td>
      <td>{inside === null ? 'not seen' : `${inside.pages - inside.bad} of ${inside.pages} pages`}</td>
      <td>{outside === null ? 'not seen' : `${outside.pages - outside.different} of ${outside.pages} pages`}</td>
      <td class="strip">
        <Strip file={file} width={Math.max(6, (pages / largest) * WIDTH)} />
        <span class="faint">{[...pagesByState(file)].map(([each, count]) => `${count} ${each}`).join(', ')}</span>
      </td>
    </tr>
  );
}

function Strip({ file, width }: { file: ResourceOfResult; width: number }) {
  const counts = [...pagesByState(file)];
  const total = Math.max(
    1,
    counts.reduce((sum, [, count]) => sum + count, 0),
  );
  let at = 0;
  return (
    <svg
      viewBox={`0 0 ${WIDTH} 40`}
      preserveAspectRatio="none"
      role="img"
      aria-label={counts.map(([state, count]) => `${count} ${state}`).join(', ')}
    >
      {counts.map(([state, count]) => {
        const from = at;
        const share = Math.max(4, (count / total) * width);
        at += share;
        return (
          <rect key={state} class={`p-${state}`} x={from} width={share} height="40">
            <title>
              {count} pages {WORDS[state]}
            </title>
          </rect>
        );
      })}
    </svg>
  );
}

function ownText({ what, phys, pages }: Result['memory']['updates'][number]['baseline'][number]): string {
  return `${show(what)} at ${show(phys)}${pages > 1 ? ` (${pages})` : ''}`;
}
