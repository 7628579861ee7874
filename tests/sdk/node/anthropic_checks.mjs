// The official Anthropic SDK against the hub.

import assert from 'node:assert/strict';
import { DENIED, HUGE, KEY, ORIGIN, PIXEL, STRANGER, UPSTREAM, collect, counts, main, raises, require } from './checks.mjs';

const Anthropic = require('@anthropic-ai/sdk');
const options = { baseURL: ORIGIN, apiKey: KEY, maxRetries: 0, timeout: 30_000 };
const client = new Anthropic(options);

const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const user = (content) => [{ role: 'user', content }];
const ask = (model, text, more = {}) =>
  client.messages.create({ model, max_tokens: 256, messages: user(text), ...more });

await main({
  async message(model) {
    const answer = await ask(model, 'hello');
    assert.equal(answer.stop_reason, 'end_turn');
    assert.ok(answer.content[0].text);
    assert.ok(!counts(model) || (answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0));
  },
  async raw_stream(model) {
    const events = await collect(await ask(model, 'hello', { stream: true }));
    assert.equal(events[0].type, 'message_start');
    assert.equal(events.at(-1).type, 'message_stop');
    const last = events.filter((event) => event.type === 'message_delta').at(-1);
    assert.equal(last.delta.stop_reason, 'end_turn');
    assert.ok(!counts(model) || last.usage.output_tokens > 0);
  },
  async accumulated_stream(model) {
    const final = await client.messages.stream({ model, max_tokens: 256, messages: user('hello') }).finalMessage();
    assert.ok(final.content[0].text && (!counts(model) || final.usage.output_tokens > 0));
  },
  async stream_of_emoji(model) {
    const events = await collect(await ask(model, 'smile [[surrogate=1]]', { stream: true }));
    assert.equal(events.at(-1).type, 'message_stop', 'the stream was cut');
  },
  async tool_round_trip(model) {
    const messages = user('weather in Paris? [[tools=1]]');
    const first = await client.messages.create({ model, max_tokens: 256, messages, tools: [WEATHER] });
    assert.equal(first.stop_reason, 'tool_use');
    const call = first.content.find((block) => block.type === 'tool_use');
    assert.ok('city' in call.input);
    messages.push({ role: 'assistant', content: first.content });
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: '18C' }] });
    const second = await client.messages.create({ model, max_tokens: 256, messages, tools: [WEATHER] });
    assert.ok(second.content[0].text);
  },
  async structured_output(model) {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    };
    const answer = await ask(model, 'a person as JSON', { output_config: { format: { type: 'json_schema', schema } } });
    assert.deepEqual(Object.keys(JSON.parse(answer.content[0].text)).sort(), ['age', 'name']);
  },
  async image_input(model) {
    const source = { type: 'base64', media_type: 'image/png', data: PIXEL };
    const answer = await ask(model, [{ type: 'image', source }, { type: 'text', text: 'what is in the picture' }]);
    assert.ok(answer.content[0].text);
  },
  async beta_message(model) {
    const betas = ['some-beta-of-tomorrow-2027-01-01'];
    const answer = await client.beta.messages.create({ model, max_tokens: 256, messages: user('hello'), betas });
    assert.ok(answer.content[0].text);
  },
  async count_tokens(model) {
    if (UPSTREAM === 'aimock') return; // It has no such endpoint.
    const counted = await client.messages.countTokens({ model, messages: user('hello'), tools: [WEATHER] });
    assert.ok(counted.input_tokens > 0);
  },
  async models() {
    const listed = (await collect(client.models.list())).map((model) => model.id);
    assert.ok(listed.length > 0 && !listed.some((name) => name.includes(DENIED)), listed.join());
  },
  async bad_request(model) {
    const call = () => ask(model, 'fail with 400 [[status=400]]');
    const error = await raises(Anthropic.BadRequestError, [400], call);
    assert.equal(error.error.error.type, 'invalid_request_error');
  },
  async unauthenticated(model) {
    const stranger = new Anthropic({ ...options, apiKey: STRANGER });
    const call = () => stranger.messages.create({ model, max_tokens: 256, messages: user('hello') });
    const error = await raises(Anthropic.AuthenticationError, [401], call);
    assert.equal(error.error.error.type, 'authentication_error');
  },
  async forbidden() {
    await raises(Anthropic.PermissionDeniedError, [403], () => ask(DENIED, 'hello'));
  },
  async not_found() {
    await raises(Anthropic.NotFoundError, [404], () => ask('no-such-model', 'hello'));
  },
  async too_large(model) {
    await raises(Anthropic.APIError, [413], () => ask(model, HUGE));
  },
  async rate_limited(model) {
    await raises(Anthropic.RateLimitError, [429], () => ask(model, 'fail with 429 [[status=429]]'));
  },
  async provider_broken(model) {
    for (const status of [500, 503]) {
      const error = await ask(model, `fail with ${status} [[status=${status}]]`).then(assert.fail, (error) => error);
      assert.ok(error instanceof Anthropic.APIError && error.status >= 500, String(error));
    }
  },
});
