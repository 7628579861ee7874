// Google's own SDK against the hub.

import assert from 'node:assert/strict';
import { KEY, ORIGIN, PIXEL, STRANGER, UPSTREAM, collect, main, require } from './checks.mjs';

const { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } = require('@google/genai');
const client = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: ORIGIN } });
const { models } = client(KEY);

const weather = {
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ['city'] },
};
const config = { tools: [{ functionDeclarations: [weather] }] };
const ask = (model, contents, more = {}) => models.generateContent({ model, contents, config: more });
const fails = async (call, status) => {
  const error = await call().then(assert.fail, (error) => error);
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.status, status, String(error));
};

await main({
  async text(model) {
    const answer = await ask(model, 'hello');
    assert.ok(answer.text);
    assert.equal(answer.candidates[0].finishReason, 'STOP');
    assert.ok(answer.usageMetadata.promptTokenCount > 0 && answer.usageMetadata.candidatesTokenCount > 0);
  },
  async stream(model) {
    const chunks = await collect(await models.generateContentStream({ model, contents: 'hello' }));
    assert.ok(chunks.map((chunk) => chunk.text ?? '').join(''));
    assert.ok(chunks.at(-1).usageMetadata.candidatesTokenCount > 0);
  },
  async tool_round_trip(model) {
    const contents = [{ role: 'user', parts: [{ text: 'weather in Paris? [[tools=1]]' }] }];
    const first = await models.generateContent({ model, contents, config });
    const [call] = first.functionCalls;
    assert.equal(call.name, 'get_weather');
    assert.ok('city' in call.args);
    contents.push(first.candidates[0].content);
    const functionResponse = { id: call.id, name: call.name, response: { result: '18C' } };
    contents.push({ role: 'user', parts: [{ functionResponse }] });
    assert.ok((await models.generateContent({ model, contents, config })).text);
  },
  async forced_tool(model) {
    const toolConfig = { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } };
    const answer = await ask(model, 'weather in Paris?', { ...config, toolConfig });
    assert.equal(answer.functionCalls[0].name, 'get_weather');
  },
  async structured_output(model) {
    const responseSchema = {
      type: Type.OBJECT,
      properties: { name: { type: Type.STRING }, age: { type: Type.INTEGER } },
      required: ['name', 'age'],
    };
    const answer = await ask(model, 'a person as JSON', { responseMimeType: 'application/json', responseSchema });
    assert.deepEqual(Object.keys(JSON.parse(answer.text)).sort(), ['age', 'name']);
  },
  async image_input(model) {
    const parts = [{ inlineData: { mimeType: 'image/png', data: PIXEL } }, { text: 'what is in the picture' }];
    assert.ok((await ask(model, [{ role: 'user', parts }])).text);
  },
  async unauthenticated(model) {
    await fails(() => client(STRANGER).models.generateContent({ model, contents: 'hello' }), 401);
  },
  async not_found() {
    await fails(() => ask('no-such-model', 'hello'), 404);
  },
  async rate_limited(model) {
    await fails(() => ask(model, 'fail with 429 [[status=429]]'), 429);
  },
  async broken_stream(model) {
    if (UPSTREAM !== 'scripted') return;
    for (const ending of ['error_after=2', 'cut_after=2']) {
      const stream = await models.generateContentStream({ model, contents: `hello [[chunks=5&${ending}]]` });
      const error = await collect(stream).then(assert.fail, (error) => error);
      assert.ok(error instanceof ApiError && error.status >= 500, `${ending}: ${error}`);
    }
  },
});
