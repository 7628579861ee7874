// What every SDK check shares: where the hub is, the pinned modules, and a runner.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { env, exit } from 'node:process';

export const ORIGIN = env.HUB_ORIGIN;
export const KEY = env.HUB_KEY;
// One model at a provider of each wire, so that each SDK speaks verbatim and translated.
export const MODELS = env.HUB_MODELS.split(',');
export const DENIED = env.HUB_DENIED_MODEL;
// Which emulator is upstream.
export const UPSTREAM = env.HUB_UPSTREAM;
// Whether usage is counted by who serves the model: somebody else's Ollama counts nothing.
export const counts = (model) => !(UPSTREAM === 'aimock' && model.startsWith('local/'));
export const STRANGER = 'hub-nobody-knows-this-key-0123456789abcdef';
export const require = createRequire(`${env.HUB_SDK_FOLDER}/`);

// A PNG of one pixel.
export const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
// Over the limit of 32 MiB.
export const HUGE = 'x'.repeat(33 * 1024 * 1024);

export async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

// The call must reject with this exception, with one of these statuses and the hub's request id.
export async function raises(kind, statuses, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof kind, String(error));
    assert.ok(statuses.includes(error.status), `${error.status}: ${error}`);
    assert.ok(error.headers.get('x-request-id'), 'no x-request-id');
    return error;
  }
  return assert.fail(`${kind.name} was not raised`);
}

// Checks that take a model run once for each.
export async function main(checks) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    for (const model of check.length > 0 ? MODELS : [undefined]) {
      const label = [name, model].filter(Boolean).join(' ');
      try {
        await check(model);
        console.log('ok  ', label);
      } catch (error) {
        failed += 1;
        console.log('FAIL', label);
        console.log(error.stack);
      }
    }
  }
  console.log(`${failed} failed`);
  exit(failed > 0 ? 1 : 0);
}
