"""What every SDK check shares: a runner, and one way to call sync and async clients."""

import asyncio
import inspect
import os
import sys
import traceback

ORIGIN = os.environ["HUB_ORIGIN"]
KEY = os.environ["HUB_KEY"]
# One model at a provider of each wire, so that each SDK speaks verbatim and translated.
MODELS = os.environ["HUB_MODELS"].split(",")
DENIED = os.environ["HUB_DENIED_MODEL"]
# Which emulator is upstream.
UPSTREAM = os.environ["HUB_UPSTREAM"]


def counts(model):
    """Whether usage is counted by who serves the model: somebody else's Ollama counts nothing."""
    return not (UPSTREAM == "aimock" and model.startswith("local/"))


# A PNG of one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# Over the limit of 32 MiB.
HUGE = "x" * (33 * 1024 * 1024)

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


async def got(value):
    """The value of a sync call, or of an async one."""
    return await value if inspect.isawaitable(value) else value


async def each(stream):
    """The items of a sync stream, or of an async one."""
    if hasattr(stream, "__aiter__"):
        return [item async for item in stream]
    return list(stream)


async def raises(kind, status, call):
    """The call must raise exactly this exception, with this status (or one of these) and the hub's request id."""
    try:
        await got(call())
    except kind as error:
        assert type(error) is kind, f"{type(error)} instead of {kind}"
        allowed = status if isinstance(status, tuple) else (status,)
        assert error.status_code in allowed, f"{error.status_code}: {error}"
        assert error.response.headers.get("x-request-id"), "no x-request-id"
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


async def everything(clients):
    failed = 0
    for name, client in clients.items():
        for function in CHECKS:
            models = MODELS if "model" in inspect.signature(function).parameters else [None]
            for model in models:
                label = " ".join(filter(None, [name, function.__name__, model]))
                try:
                    await function(client, **({"model": model} if model else {}))
                    print("ok  ", label)
                except Exception:
                    failed += 1
                    print("FAIL", label)
                    traceback.print_exc(limit=2, chain=False, file=sys.stdout)
    print(f"{failed} failed")
    return failed


def main(clients):
    sys.exit(1 if asyncio.run(everything(clients)) else 0)
