// The official OpenAI SDK against the hub, beside chat: embeddings, images, speech, transcriptions.

import assert from 'node:assert/strict';
import { KEY, ORIGIN, PIXEL, UPSTREAM, collect, main, raises, require } from './checks.mjs';

const OpenAI = require('openai');
const { toFile } = OpenAI;
const client = new OpenAI({ baseURL: `${ORIGIN}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const scripted = UPSTREAM === 'scripted';
const picture = () => toFile(Buffer.from(PIXEL, 'base64'), 'a.png', { type: 'image/png' });
const sound = () => toFile(Buffer.from('ID3 some sound\r\n--'.repeat(1000)), 'a.mp3', { type: 'audio/mpeg' });

await main({
  async embeddings() {
    const answer = await client.embeddings.create({ model: 'openai/embed', input: ['hello', 'hello again'] });
    assert.equal(answer.data.length, 2);
    assert.ok(answer.data.every((item) => item.embedding.every((number) => Number.isFinite(number))));
    const plain = await client.embeddings.create({ model: 'openai/embed', input: 'hello', encoding_format: 'float' });
    const numbers = plain.data[0].embedding.map(Math.fround);
    assert.deepEqual(Array.from(answer.data[0].embedding), numbers, 'base64 and numbers are the same vector');
  },
  async images() {
    const answer = await client.images.generate({ model: 'image', prompt: 'hello', size: '1024x1024' });
    assert.equal(answer.data[0].b64_json, PIXEL);
    const edited = await client.images.edit({ model: 'image', prompt: 'hello', image: [await picture(), await picture()] });
    assert.ok(edited.data[0].b64_json);
    if (scripted) {
      const events = await collect(await client.images.generate({ model: 'image', prompt: 'hello', stream: true }));
      assert.equal(events.at(-1).type, 'image_generation.completed');
    }
  },
  async speech() {
    const answer = await client.audio.speech.create({ model: 'tts', voice: 'alloy', input: 'hello' });
    assert.match(answer.headers.get('content-type'), /^audio\//);
    assert.equal(Buffer.from(await answer.arrayBuffer()).subarray(0, 3).toString(), 'ID3');
  },
  async transcriptions() {
    const ask = async (more) => client.audio.transcriptions.create({ model: 'transcribe', file: await sound(), ...more });
    const { text } = await ask({});
    assert.ok(text);
    assert.equal(await ask({ response_format: 'text' }), `${text}\n`);
    const events = await collect(await ask({ stream: true }));
    assert.equal(events.at(-1).type, 'transcript.text.done');
    assert.equal(events.at(-1).text, text);
    const translated = await client.audio.translations.create({ model: 'whisper-1', file: await sound() });
    assert.ok(translated.text);
  },
  async a_model_is_used_for_what_it_is() {
    const error = await raises(OpenAI.BadRequestError, [400], () => client.embeddings.create({ model: 'gpt', input: 'x' }));
    assert.match(error.message, /openai\/embed/);
  },
});
