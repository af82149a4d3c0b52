// SPDX-License-Identifier: Apache-2.0
// A process of the lab with one child that would run for a long time; prints the child's process id.
import { startChild } from '../../../src/util/process/child.js';

const tie = process.argv[2] === 'none' ? 'none' : 'dies-with-lab';
const { pid } = startChild(['sleep', '600'], { stdio: ['ignore', 'ignore', 'ignore'], tie });
process.stdout.write(`${pid}\n`);
