"""Who signed a request: the signature is computed again by botocore's own signer from what was received."""

import datetime
import hashlib
import hmac
import re
import threading

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)
# AWS takes five minutes, either way.
SKEW = datetime.timedelta(minutes=5)


class Denied(Exception):
    """Not accepted, in AWS's words."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Keys:
    """What is accepted: key pairs, some with a session token and an end, and bearer keys."""

    def __init__(self, region, clock=lambda: datetime.datetime.now(datetime.timezone.utc)):
        self.region = region
        self.clock = clock
        self.pairs = {}
        self.bearers = set()
        self.lock = threading.Lock()

    def add(self, access_key, secret, token=None, expires=None):
        with self.lock:
            self.pairs[access_key] = (secret, token, expires)

    def verify(self, method, target, headers, body):
        """The access key that signed it, or `bearer`. `target` is the request target as received."""
        authorization = headers.get("authorization", "")
        if authorization.startswith("Bearer "):
            if authorization.removeprefix("Bearer ") not in self.bearers:
                raise Denied("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
            return "bearer"
        found = AUTHORIZATION.fullmatch(authorization)
        if not found:
            raise Denied("MissingAuthenticationTokenException", "Missing Authentication Token")
        access_key, day, region, service, signed, signature = found.groups()
        with self.lock:
            known = self.pairs.get(access_key)
        if known is None:
            raise Denied("UnrecognizedClientException", "The security token included in the request is invalid.")
        secret, token, expires = known
        if expires is not None and self.clock() >= expires:
            raise Denied("ExpiredTokenException", "The security token included in the request is expired")
        if (region, service) != (self.region, "bedrock"):
            raise Denied("InvalidSignatureException", f"Credential should be scoped to {self.region}/bedrock, not {region}/{service}.")
        self._time(headers, day)
        signed = signed.split(";")
        self._signed(signed, headers, token, body)
        if not hmac.compare_digest(signature, self._compute(method, target, headers, signed, body, access_key, secret)):
            raise Denied("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
        return access_key

    def _time(self, headers, day):
        stamp = headers.get("x-amz-date", "")
        try:
            when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            raise Denied("IncompleteSignatureException", f"x-amz-date: {stamp!r}") from None
        if abs(self.clock() - when) > SKEW or stamp[:8] != day:
            raise Denied("InvalidSignatureException", f"Signature expired: {stamp}")

    @staticmethod
    def _signed(signed, headers, token, body):
        if signed != sorted(signed) or len(signed) != len(set(signed)):
            raise Denied("IncompleteSignatureException", "SignedHeaders are not sorted.")
        # Every x-amz- header has to be signed, or whoever is between could change it.
        needed = {"host"} | {name for name in headers if name.startswith("x-amz-")}
        if missing := needed - set(signed):
            raise Denied("IncompleteSignatureException", f"not signed: {sorted(missing)}")
        if absent := [name for name in signed if name not in headers]:
            raise Denied("IncompleteSignatureException", f"signed and not sent: {absent}")
        if headers.get("x-amz-security-token") != token:
            raise Denied("UnrecognizedClientException", "The security token included in the request is invalid.")
        claimed = headers.get("x-amz-content-sha256")
        if claimed is not None and claimed != hashlib.sha256(body).hexdigest():
            raise Denied("InvalidSignatureException", "x-amz-content-sha256 is not the body's.")

    def _compute(self, method, target, headers, signed, body, access_key, secret):
        request = AWSRequest(
            method=method,
            url=f"https://{headers['host']}{target}",
            headers={name: headers[name] for name in signed},
            data=body,
        )
        request.context["timestamp"] = headers["x-amz-date"]
        signer = SigV4Auth(Credentials(access_key, secret), "bedrock", self.region)
        return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
