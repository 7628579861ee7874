"""The official SDKs as an application has them that was given nothing but environment variables."""

import anthropic
import openai

MESSAGES = [{"role": "user", "content": "hello"}]

answer = openai.OpenAI().chat.completions.create(model="gpt", messages=MESSAGES)
assert answer.choices[0].message.content, answer
chunks = list(openai.OpenAI().chat.completions.create(model="gpt", messages=MESSAGES, stream=True))
assert chunks[-1].choices[0].finish_reason == "stop", chunks[-1]

message = anthropic.Anthropic().messages.create(model="sonnet", max_tokens=100, messages=MESSAGES)
assert message.content[0].text, message
with anthropic.Anthropic().messages.stream(model="sonnet", max_tokens=100, messages=MESSAGES) as stream:
    assert "".join(stream.text_stream)
