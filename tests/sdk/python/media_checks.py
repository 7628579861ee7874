"""The official OpenAI SDK against the hub, beside chat: embeddings, images, speech, transcriptions."""

import base64
import struct

import openai

from checks import KEY, ORIGIN, PIXEL, UPSTREAM, check, each, got, main, raises

SCRIPTED = UPSTREAM == "scripted"
PICTURE = ("a.png", base64.b64decode(PIXEL), "image/png")
SOUND = ("a.mp3", b"ID3" + b"\xff\x00\r\n--" * 4000, "audio/mpeg")


def floats(text):
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


@check
async def embeddings(client):
    answer = await got(client.embeddings.create(model="openai/embed", input=["hello", "hello again"]))
    assert [item.index for item in answer.data] == [0, 1], answer
    assert all(isinstance(number, float) for item in answer.data for number in item.embedding), answer
    assert answer.usage.total_tokens >= 0 and answer.object == "list", answer


@check
async def embeddings_as_asked(client):
    ask = {"model": "openai/embed", "input": "hello"}
    numbers = (await got(client.embeddings.create(**ask, encoding_format="float"))).data[0].embedding
    text = (await got(client.embeddings.create(**ask, encoding_format="base64"))).data[0].embedding
    assert isinstance(text, str), text
    assert floats(text) == [struct.unpack("<f", struct.pack("<f", number))[0] for number in numbers]


@check
async def embeddings_of_tokens(client):
    if not SCRIPTED:
        answer = await got(client.embeddings.create(model="openai/embed", input=[[1, 2, 3], [4]]))
        assert len(answer.data) == 2, answer


@check
async def images(client):
    answer = await got(client.images.generate(model="image", prompt="hello", n=1, size="1024x1024", quality="low"))
    assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG"), answer


@check
async def images_as_they_become(client):
    if not SCRIPTED:
        return
    stream = await got(client.images.generate(model="image", prompt="hello", stream=True, partial_images=1))
    kinds = [event.type for event in await each(stream)]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"], kinds


@check
async def edits(client):
    answer = await got(client.images.edit(model="image", image=[PICTURE, PICTURE], prompt="hello", size="1024x1024"))
    assert answer.data[0].b64_json, answer


@check
async def speech(client):
    answer = await got(client.audio.speech.create(model="tts", voice="alloy", input="hello"))
    sound = answer.content if hasattr(answer, "content") else await answer.aread()
    assert sound.startswith(b"ID3"), sound[:20]
    assert answer.response.headers["content-type"].startswith("audio/"), answer.response.headers


@check
async def speech_as_events(client):
    if not SCRIPTED:
        return
    ask = client.audio.speech.with_raw_response.create(model="tts", voice="alloy", input="hello", stream_format="sse")
    text = (await got(ask)).content.decode()
    assert "speech.audio.delta" in text and "speech.audio.done" in text, text


@check
async def transcriptions(client):
    for model in ["whisper-1", "transcribe"]:
        answer = await got(client.audio.transcriptions.create(model=model, file=SOUND))
        assert answer.text, answer
        text = await got(client.audio.transcriptions.create(model=model, file=SOUND, response_format="text"))
        assert text == answer.text + "\n", text
    answer = await got(client.audio.transcriptions.create(model="whisper-1", file=SOUND, response_format="verbose_json"))
    assert answer.duration is not None and answer.text, answer


@check
async def transcriptions_as_they_are_heard(client):
    events = await each(await got(client.audio.transcriptions.create(model="transcribe", file=SOUND, stream=True)))
    assert events[-1].type == "transcript.text.done" and events[0].type == "transcript.text.delta", events
    assert "".join(event.delta for event in events[:-1]) == events[-1].text, events


@check
async def translations(client):
    assert (await got(client.audio.translations.create(model="whisper-1", file=SOUND))).text


@check
async def a_model_is_used_for_what_it_is(client):
    error = await raises(openai.BadRequestError, 400, lambda: client.embeddings.create(model="gpt", input="hello"))
    assert error.param == "model" and "openai/embed" in error.message, error
    chat = lambda: client.chat.completions.create(model="openai/embed", messages=[{"role": "user", "content": "hello"}])
    error = await raises(openai.BadRequestError, 400, chat)
    assert "openai/gpt" in error.message, error
    await raises(openai.NotFoundError, 404, lambda: client.embeddings.create(model="nothing", input="hello"))


@check
async def what_is_wrong_is_said(client):
    edit = lambda: client.images.edit(model="image", image=PICTURE, prompt="hello", extra_body={"service_tier": "priority"})
    error = await raises(openai.BadRequestError, 400, edit)
    assert error.param == "service_tier", error
    error = await raises(openai.BadRequestError, 400, lambda: client.images.generate(model="image", prompt="x", n=0))
    assert error.param == "n", error


options = {"base_url": f"{ORIGIN}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
main({"sync": openai.OpenAI(**options), "async": openai.AsyncOpenAI(**options)})
