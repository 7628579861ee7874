"""Where pods get AWS credentials from: STS (IRSA) and the agent on the node (EKS Pod Identity)."""

import datetime
import itertools
import json
from urllib.parse import parse_qs

import botocore.session
from botocore.validate import ParamValidator

STS = botocore.session.get_session().get_service_model("sts")
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Issuers:
    """Hands out key pairs that Bedrock then accepts, for a while."""

    def __init__(self, keys, role, token, lifetime):
        self.keys = keys
        self.role = role
        self.token = token
        self.lifetime = datetime.timedelta(seconds=lifetime)
        self.numbers = itertools.count(1)

    def _issue(self, kind):
        number = next(self.numbers)
        expires = self.keys.clock() + self.lifetime
        pair = (f"ASIA{kind.upper()}{number:08}", f"secret-of-{kind}-{number}", f"session-token-of-{kind}-{number}")
        self.keys.add(*pair, expires)
        return *pair, expires.strftime("%Y-%m-%dT%H:%M:%SZ")

    def sts(self, form):
        """AssumeRoleWithWebIdentity, in STS's XML. Status and body."""
        given = {name: values[0] for name, values in parse_qs(form, strict_parsing=True).items()}
        action, version = given.pop("Action", None), given.pop("Version", None)
        if (action, version) != ("AssumeRoleWithWebIdentity", "2011-06-15"):
            return self._sts_error(400, "InvalidAction", f"{action} of {version}")
        if "DurationSeconds" in given:
            given["DurationSeconds"] = int(given["DurationSeconds"])
        report = ParamValidator().validate(given, STS.operation_model(action).input_shape)
        if report.has_errors():
            return self._sts_error(400, "ValidationError", report.generate_report())
        if given["WebIdentityToken"] != self.token:
            return self._sts_error(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for this token")
        if given["RoleArn"] != self.role:
            return self._sts_error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        access, secret, session, expires = self._issue("sts")
        body = f"""<AssumeRoleWithWebIdentityResponse xmlns="{NAMESPACE}">
  <AssumeRoleWithWebIdentityResult>
    <Credentials>
      <AccessKeyId>{access}</AccessKeyId>
      <SecretAccessKey>{secret}</SecretAccessKey>
      <SessionToken>{session}</SessionToken>
      <Expiration>{expires}</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>system:serviceaccount:hub:gateway</SubjectFromWebIdentityToken>
    <AssumedRoleUser>
      <Arn>{self.role}/{given["RoleSessionName"]}</Arn>
      <AssumedRoleId>AROASCRIPTED:{given["RoleSessionName"]}</AssumedRoleId>
    </AssumedRoleUser>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
"""
        return 200, body

    @staticmethod
    def _sts_error(status, code, message):
        return status, f"""<ErrorResponse xmlns="{NAMESPACE}">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
  <RequestId>00000000-0000-4000-8000-000000000000</RequestId>
</ErrorResponse>
"""

    def container(self, authorization):
        """The agent's answer to the token of a pod. Status and body."""
        if authorization != self.token:
            return 401, json.dumps({"code": "AccessDenied", "message": "the token of the ServiceAccount is not valid"})
        access, secret, session, expires = self._issue("pod")
        answer = {"AccessKeyId": access, "SecretAccessKey": secret, "Token": session, "Expiration": expires}
        return 200, json.dumps({**answer, "AccountId": "123456789012"})
