"""InvokeModel, for the models that have no Converse: embeddings and images, each in its own words."""

import base64
import json

from model import Invalid

# A PNG of one pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def invoke(model, body):
    """The answer's body and headers. Token counts are headers, as for every model that is invoked."""
    try:
        request = json.loads(body)
    except ValueError:
        raise Invalid("Malformed input request, please reformat your input and try again.") from None
    # An inference profile has its region before the name.
    for prefix, answer in FAMILIES.items():
        if prefix in model:
            return answer(request)
    raise Invalid(f"The provided model identifier is invalid: {model}")


def vector(text, dimensions):
    """The same text gives the same numbers, exact as 32 bits."""
    return [(sum(text.encode()) + index) % 64 / 64 for index in range(dimensions)]


def known(request, *names):
    if unknown := set(request) - set(names):
        raise Invalid(f"Malformed input request: extraneous key {sorted(unknown)} is not permitted")


def tokens(text):
    return max(1, len(text) // 4)


def titan_embedding(request):
    known(request, "inputText", "dimensions", "normalize", "embeddingTypes")
    text, dimensions = request.get("inputText"), request.get("dimensions", 1024)
    if not isinstance(text, str) or not text or dimensions not in (256, 512, 1024):
        raise Invalid("Malformed input request: inputText, or dimensions that are none of 256, 512, 1024")
    values, count = vector(text, dimensions), tokens(text)
    return {"embedding": values, "embeddingsByType": {"float": values}, "inputTextTokenCount": count}, count


def cohere_embedding(request):
    known(request, "texts", "input_type", "truncate", "embedding_types", "images", "output_dimension")
    texts = request.get("texts")
    if not texts or len(texts) > 96 or not all(isinstance(text, str) and text for text in texts):
        raise Invalid("Malformed input request: texts")
    if request.get("input_type") not in ("search_document", "search_query", "classification", "clustering"):
        raise Invalid("Malformed input request: input_type")
    values = [vector(text, request.get("output_dimension", 1024)) for text in texts]
    typed = "embedding_types" in request
    answer = {"id": "scripted", "texts": texts, "embeddings": {"float": values} if typed else values}
    return {**answer, "response_type": "embeddings_by_type" if typed else "embeddings_floats"}, sum(map(tokens, texts))


def image(request):
    known(request, "taskType", "textToImageParams", "imageGenerationConfig", "imageVariationParams", "inPaintingParams", "outPaintingParams")
    task, config = request.get("taskType"), request.get("imageGenerationConfig", {})
    known(config, "numberOfImages", "quality", "height", "width", "cfgScale", "seed")
    parameters = {"TEXT_IMAGE": "textToImageParams", "IMAGE_VARIATION": "imageVariationParams", "INPAINTING": "inPaintingParams", "OUTPAINTING": "outPaintingParams"}
    text = request.get(parameters.get(task, ""), {}).get("text")
    if not text or not 1 <= len(text) <= 1024:
        raise Invalid("Malformed input request: taskType, or a text of 1 to 1024 characters")
    for given in request[parameters[task]].get("images", []):
        base64.b64decode(given, validate=True)
    count = config.get("numberOfImages", 1)
    if not 1 <= count <= 5 or config.get("quality", "standard") not in ("standard", "premium"):
        raise Invalid("Malformed input request: imageGenerationConfig")
    return {"images": [PIXEL] * count}, None


FAMILIES = {
    "amazon.titan-embed-text": titan_embedding,
    "cohere.embed": cohere_embedding,
    "amazon.titan-image": image,
    "amazon.nova-canvas": image,
}
