"""The official OpenAI SDK against the hub: videos, at a provider that speaks OpenAI's way, at Google's Veo, xAI and Doubao."""

import base64
import warnings

import openai

from checks import KEY, ORIGIN, PIXEL, UPSTREAM, check, got, main, raises

# The SDK announces the end of one provider's videos; others serve the same paths.
warnings.simplefilter("ignore", DeprecationWarning)

SCRIPTED = UPSTREAM == "scripted"
SORA = "openai/sora"
# Who deletes videos by itself.
OTHERS = {"google/veo": "Gemini", "grok/imagine": "xAI", "ark/seedance": "Doubao"}
MODELS = [SORA, *OTHERS] if SCRIPTED else [SORA, "grok/imagine"]
PICTURE = ("a.png", base64.b64decode(PIXEL), "image/png")


def each_model(function):
    async def run(client):
        for name in MODELS:
            await function(client, name)

    run.__name__ = function.__name__
    return check(run)


def scripted(function):
    return each_model(function) if SCRIPTED else function


async def content(answer):
    return answer.content if hasattr(answer, "content") else await answer.aread()


@each_model
async def a_job_is_made_and_found_again(client, name):
    job = await got(client.videos.create(model=name, prompt="hello", seconds="8", size="720x1280"))
    assert job.id.startswith("video_") and "scripted" not in job.id, job
    found = await got(client.videos.retrieve(job.id))
    assert found.id == job.id and found.status in ("queued", "in_progress", "completed"), found
    if SCRIPTED:
        assert job.status == "queued" and (job.seconds, job.size) == ("8", "720x1280"), job
        assert found.status == "in_progress" and found.object == "video" and found.created_at > 0, found


@scripted
async def a_job_is_waited_for_and_fetched(client, name):
    ask = {"model": name, "prompt": "a cat [[job=queued,in_progress,completed]]", "poll_interval_ms": 1}
    job = await got(client.videos.create_and_poll(**ask))
    assert job.status == "completed" and job.error is None, job
    film = await content(await got(client.videos.download_content(job.id)))
    assert film[4:8] == b"ftyp", film[:20]
    part = await content(await got(client.videos.download_content(job.id, extra_headers={"Range": "bytes=4-7"})))
    assert part == b"ftyp", part


@check
async def an_emulator_of_others_is_waited_for(client):
    if SCRIPTED:
        return
    job = await got(client.videos.create_and_poll(model="grok/imagine", prompt="hello", poll_interval_ms=1))
    assert job.status == "completed" and job.model.endswith("imagine"), job


@scripted
async def a_picture_comes_along(client, name):
    job = await got(client.videos.create(model=name, prompt="hello", input_reference=PICTURE))
    assert job.status == "queued", job


@scripted
async def a_job_that_fails_says_why(client, name):
    job = await got(client.videos.create_and_poll(model=name, prompt="[[job=failed]]", poll_interval_ms=1))
    assert job.status == "failed" and job.error.message == "not this", job
    kind, status = (openai.BadRequestError, 400) if name in OTHERS else (openai.NotFoundError, 404)
    await raises(kind, status, lambda: client.videos.download_content(job.id))


@scripted
async def a_job_is_deleted(client, name):
    job = await got(client.videos.create_and_poll(model=name, prompt="[[job=completed]]", poll_interval_ms=1))
    if name in OTHERS:
        error = await raises(openai.BadRequestError, 400, lambda: client.videos.delete(job.id))
        assert OTHERS[name] in error.message, error
        return
    gone = await got(client.videos.delete(job.id))
    assert gone.deleted and gone.id == job.id, gone
    await raises(openai.NotFoundError, 404, lambda: client.videos.retrieve(job.id))


@check
async def what_there_is_not_is_said(client):
    error = await raises(openai.NotFoundError, 404, lambda: client.videos.retrieve("video_AAAA"))
    assert error.code == "unknown_video", error
    await raises(openai.BadRequestError, 400, lambda: client.videos.create(model="gpt", prompt="hello"))
    await raises(openai.BadRequestError, 400, lambda: client.videos.remix("video_AAAA", prompt="hello"))


options = {"base_url": f"{ORIGIN}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
main({"sync": openai.OpenAI(**options), "async": openai.AsyncOpenAI(**options)})
