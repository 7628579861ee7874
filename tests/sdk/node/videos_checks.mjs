// The official OpenAI SDK against the hub: videos, at a provider that speaks OpenAI's way, at Google's Veo, xAI and Doubao.

import assert from 'node:assert/strict';
import { KEY, ORIGIN, PIXEL, UPSTREAM, main, raises, require } from './checks.mjs';

const OpenAI = require('openai');
const { toFile } = OpenAI;
const client = new OpenAI({ baseURL: `${ORIGIN}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const scripted = UPSTREAM === 'scripted';
const models = scripted ? ['openai/sora', 'google/veo', 'grok/imagine', 'ark/seedance'] : ['openai/sora', 'grok/imagine'];

async function ended(id) {
  for (;;) {
    const job = await client.videos.retrieve(id);
    if (job.status !== 'queued' && job.status !== 'in_progress') return job;
  }
}

await main({
  async a_job_is_made_and_found_again() {
    for (const model of models) {
      const job = await client.videos.create({ model, prompt: 'hello', seconds: '8', size: '720x1280' });
      assert.match(job.id, /^video_/);
      const found = await client.videos.retrieve(job.id);
      assert.equal(found.id, job.id);
      if (scripted) {
        assert.deepEqual([job.status, job.seconds, job.size], ['queued', '8', '720x1280']);
        assert.equal(found.status, 'in_progress');
      }
    }
  },
  async a_job_is_waited_for_fetched_and_deleted() {
    for (const model of scripted ? models : []) {
      const picture = await toFile(Buffer.from(PIXEL, 'base64'), 'a.png', { type: 'image/png' });
      const asked = { model, prompt: 'a cat [[job=queued,in_progress,completed]]', input_reference: picture };
      const { id } = await client.videos.create(asked);
      assert.equal((await ended(id)).status, 'completed');
      const film = await client.videos.downloadContent(id);
      assert.equal(film.headers.get('content-type'), 'video/mp4');
      assert.equal(Buffer.from(await film.arrayBuffer()).subarray(4, 8).toString(), 'ftyp');
      const part = await client.videos.downloadContent(id, {}, { headers: { range: 'bytes=4-7' } });
      assert.equal(part.status, 206);
      assert.equal(await part.text(), 'ftyp');
      if (model !== 'openai/sora') {
        await raises(OpenAI.BadRequestError, [400], () => client.videos.delete(id));
      } else {
        assert.equal((await client.videos.delete(id)).deleted, true);
        await raises(OpenAI.NotFoundError, [404], () => client.videos.retrieve(id));
      }
    }
  },
  async a_job_that_fails_says_why() {
    for (const model of scripted ? models : []) {
      const job = await ended((await client.videos.create({ model, prompt: '[[job=failed]]' })).id);
      assert.deepEqual([job.status, job.error.message], ['failed', 'not this']);
    }
  },
  async what_there_is_not_is_said() {
    const error = await raises(OpenAI.NotFoundError, [404], () => client.videos.retrieve('video_AAAA'));
    assert.equal(error.code, 'unknown_video');
    await raises(OpenAI.BadRequestError, [400], () => client.videos.create({ model: 'gpt', prompt: 'hello' }));
  },
});
