// The official OpenAI SDK against the hub.

import assert from 'node:assert/strict';
import { DENIED, HUGE, KEY, ORIGIN, PIXEL, STRANGER, collect, main, raises, require } from './checks.mjs';

const OpenAI = require('openai');
const options = { baseURL: `${ORIGIN}/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 };
const client = new OpenAI(options);

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const user = (content) => [{ role: 'user', content }];
const ask = (model, text, more = {}) => client.chat.completions.create({ model, messages: user(text), ...more });
const lastReason = (chunks) => chunks.filter((c) => c.choices.length).at(-1).choices[0].finish_reason;

await main({
  async chat(model) {
    const answer = await ask(model, 'hello');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.ok(answer.choices[0].message.content);
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
  },
  async stream_with_usage(model) {
    const chunks = await collect(await ask(model, 'hello', { stream: true, stream_options: { include_usage: true } }));
    assert.ok(chunks.map((c) => c.choices[0]?.delta.content ?? '').join(''));
    assert.equal(new Set(chunks.map((c) => c.id)).size, 1, 'the id changes');
    assert.equal(lastReason(chunks), 'stop');
    assert.equal(chunks.at(-1).choices.length, 0);
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  },
  async stream_without_usage(model) {
    const chunks = await collect(await ask(model, 'hello', { stream: true }));
    assert.ok(chunks.every((c) => c.choices.length > 0 && c.usage == null), 'usage that nobody asked for');
  },
  async accumulated_stream(model) {
    const stream = client.chat.completions.stream({ model, messages: user('hello') });
    assert.ok((await stream.finalChatCompletion()).choices[0].message.content);
  },
  async stream_of_emoji(model) {
    assert.equal(lastReason(await collect(await ask(model, 'smile [[surrogate=1]]', { stream: true }))), 'stop');
  },
  async tool_round_trip(model) {
    const messages = user('weather in Paris? [[tools=1]]');
    const first = await client.chat.completions.create({ model, messages, tools: [WEATHER] });
    assert.equal(first.choices[0].finish_reason, 'tool_calls');
    const [call] = first.choices[0].message.tool_calls;
    assert.ok('city' in JSON.parse(call.function.arguments));
    messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '18C' });
    const second = await client.chat.completions.create({ model, messages, tools: [WEATHER] });
    assert.ok(second.choices[0].message.content);
  },
  async streamed_tool_call(model) {
    const stream = client.chat.completions.stream({
      model, messages: user('weather in Paris? [[tools=1]]'), tools: [WEATHER],
    });
    const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    assert.ok('city' in JSON.parse(call.function.arguments));
  },
  async structured_output(model) {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    };
    const response_format = { type: 'json_schema', json_schema: { name: 'person', strict: true, schema } };
    const answer = await ask(model, 'a person as JSON', { response_format });
    assert.deepEqual(Object.keys(JSON.parse(answer.choices[0].message.content)).sort(), ['age', 'name']);
  },
  async image_input(model) {
    const content = [
      { type: 'text', text: 'what is in the picture' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
    ];
    assert.ok((await ask(model, content)).choices[0].message.content);
  },
  async models() {
    const listed = (await collect(client.models.list())).map((model) => model.id);
    assert.ok(listed.length > 0 && !listed.some((name) => name.includes(DENIED)), listed.join());
    for (const name of listed) assert.equal((await client.models.retrieve(name)).id, name);
  },
  async bad_request(model) {
    const error = await raises(OpenAI.BadRequestError, [400], () => ask(model, 'fail with 400 [[status=400]]'));
    assert.equal(error.type, 'invalid_request_error');
  },
  async unauthenticated() {
    const stranger = new OpenAI({ ...options, apiKey: STRANGER });
    const error = await raises(OpenAI.AuthenticationError, [401], () => stranger.models.list());
    assert.equal(error.code, 'invalid_api_key');
  },
  async forbidden() {
    await raises(OpenAI.PermissionDeniedError, [403], () => ask(DENIED, 'hello'));
  },
  async not_found() {
    const error = await raises(OpenAI.NotFoundError, [404], () => ask('no-such-model', 'hello'));
    assert.equal(error.code, 'model_not_found');
  },
  async too_large(model) {
    await raises(OpenAI.APIError, [413], () => ask(model, HUGE));
  },
  async rate_limited(model) {
    await raises(OpenAI.RateLimitError, [429], () => ask(model, 'fail with 429 [[status=429]]'));
  },
  async provider_broken(model) {
    for (const status of [500, 503]) {
      const call = () => ask(model, `fail with ${status} [[status=${status}]]`);
      await raises(OpenAI.InternalServerError, [500, 502, 503, 529], call);
    }
  },
});
