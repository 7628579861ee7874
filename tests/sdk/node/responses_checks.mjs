// OpenAI's responses and legacy completions, by its own SDK.

import assert from 'node:assert/strict';
import { KEY, ORIGIN, PIXEL, STRANGER, UPSTREAM, collect, counts, main, raises, require } from './checks.mjs';

const OpenAI = require('openai');
const options = { baseURL: `${ORIGIN}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 };
const client = new OpenAI(options);
const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
  strict: true,
};
const ask = (model, input, more = {}) => client.responses.create({ model, input, ...more });

await main({
  async response(model) {
    const answer = await ask(model, 'hello');
    assert.equal(answer.status, 'completed');
    assert.ok(answer.output_text);
    assert.ok(!counts(model) || (answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0));
  },
  async stream(model) {
    const events = await collect(await ask(model, 'hello', { stream: true }));
    assert.equal(events[0].type, 'response.created');
    assert.equal(events.at(-1).type, 'response.completed');
    // aimock counts none, and is relayed.
    if (UPSTREAM !== 'aimock') events.forEach((event, number) => assert.equal(event.sequence_number, number));
    const text = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
    assert.equal(text.join(''), events.at(-1).response.output[0].content[0].text);
  },
  async accumulated_stream(model) {
    const final = await client.responses.stream({ model, input: 'hello' }).finalResponse();
    assert.ok(final.output_text);
  },
  async tool_round_trip(model) {
    const input = [{ role: 'user', content: 'weather in Paris? [[tools=1]]' }];
    const first = await ask(model, input, { tools: [WEATHER] });
    const call = first.output.find((item) => item.type === 'function_call');
    assert.ok('city' in JSON.parse(call.arguments));
    input.push(...first.output, { type: 'function_call_output', call_id: call.call_id, output: '18C' });
    const second = await ask(model, input, { tools: [WEATHER] });
    assert.ok(second.output_text);
  },
  async structured_output(model) {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    };
    const text = { format: { type: 'json_schema', name: 'person', strict: true, schema } };
    const answer = await ask(model, 'a person as JSON', { text });
    assert.deepEqual(Object.keys(JSON.parse(answer.output_text)).sort(), ['age', 'name']);
  },
  async image_input(model) {
    const content = [
      { type: 'input_text', text: 'what is in the picture' },
      { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'auto' },
    ];
    assert.ok((await ask(model, [{ role: 'user', content }])).output_text);
  },
  async bad_request(model) {
    await raises(OpenAI.BadRequestError, [400], () => ask(model, 'fail with 400 [[status=400]]'));
  },
  async unauthenticated(model) {
    const stranger = new OpenAI({ ...options, apiKey: STRANGER });
    await raises(OpenAI.AuthenticationError, [401], () => stranger.responses.create({ model, input: 'hello' }));
  },
  async not_found() {
    await raises(OpenAI.NotFoundError, [404], () => ask('no-such-model', 'hello'));
  },
  async rate_limited(model) {
    await raises(OpenAI.RateLimitError, [429], () => ask(model, 'fail with 429 [[status=429]]'));
  },
});
