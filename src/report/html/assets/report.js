// SPDX-License-Identifier: Apache-2.0
// What the pages can do beyond being read: choose a scenario for the grid, find rows, move by arrow keys. Everything is there without it.
'use strict';

const byId = (id) => document.getElementById(id);
const rowsOf = () => [...document.querySelectorAll('#squares tbody tr')];

/** The grid shows one scenario: its squares are copied from the table; nothing chosen shows what the page came with. */
function chooseScenario() {
  const select = byId('chosen');
  const grid = byId('grid');
  if (select === null || grid === null) return;
  const cells = [...grid.querySelectorAll('td[data-pair]')];
  const original = new Map(cells.map((cell) => [cell, cell.cloneNode(true)]));
  const columns = new Map([...document.querySelectorAll('#squares thead th')].map((head, at) => [head.dataset.pair, at]));
  let shown = cells;
  const show = () => {
    const row = rowsOf().find((each) => each.dataset.scenario === select.value);
    shown = shown.map((cell, at) => {
      const first = original.get(cells[at]);
      const source = select.value === '' ? first : row?.children[columns.get(first.dataset.pair)];
      const next = source === undefined ? document.createElement('td') : source.cloneNode(true);
      if (source === undefined) next.className = 'none';
      next.dataset.pair = first.dataset.pair;
      cell.replaceWith(next);
      return next;
    });
  };
  const choose = () => {
    show();
    hideEmpty(grid, select.value !== '');
  };
  select.addEventListener('change', choose);
  if (select.value !== '') choose();
}

/** Kernels that the chosen scenario was not run on take no place. */
function hideEmpty(grid, empty) {
  const rows = [...grid.tBodies[0].rows];
  const has = (cell) => cell !== undefined && cell.classList.contains('q');
  for (const row of rows) row.classList.toggle('away', empty && ![...row.cells].some(has));
  for (let column = 1; column < grid.rows[0].cells.length; column++) {
    const away = empty && !rows.some((row) => has(row.cells[column]));
    for (const row of grid.rows) row.cells[column].classList.toggle('away', away);
  }
}

function filterRows() {
  const text = byId('filter');
  const bad = byId('only-bad');
  const fresh = byId('only-new');
  if (text === null || bad === null || fresh === null) return;
  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    for (const row of rowsOf()) {
      const away = (bad.checked && !row.classList.contains('has-bad')) || (fresh.checked && !row.classList.contains('has-new')) || !row.textContent.toLowerCase().includes(wanted) && !row.dataset.scenario.toLowerCase().includes(wanted);
      row.classList.toggle('away', away);
    }
  };
  for (const input of [text, bad, fresh]) input.addEventListener('input', apply);
  apply();
}

/** From link to link through a table, as the arrows point. */
function moveByArrows(event) {
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  const step = steps[event.key];
  const cell = event.target.closest?.('td.q');
  if (step === undefined || cell === null || cell === undefined) return;
  const rows = [...cell.closest('tbody').rows].filter((row) => !row.classList.contains('away'));
  let at = rows.indexOf(cell.parentElement);
  let column = cell.cellIndex;
  for (;;) {
    at += step[0];
    column += step[1];
    const next = rows[at]?.cells[column];
    if (next === undefined) return;
    const link = next.querySelector('a');
    if (link === null) continue;
    event.preventDefault();
    link.focus();
    return;
  }
}

document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName ?? '');
  if (event.key === '/' && !typing && byId('filter') !== null) {
    event.preventDefault();
    byId('filter').focus();
  } else if (!typing) moveByArrows(event);
});
chooseScenario();
filterRows();
