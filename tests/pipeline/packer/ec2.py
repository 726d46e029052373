"""moto as Packer's EC2, on loopback, with every call written down.

moto keeps less than it is asked for (no encryption, no keys of copies): what was asked is
read from the calls, what came of it from moto.
"""

import io
import logging
import threading
import urllib.parse

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION = "eu-west-2"
# moto's own, and the home account of these tests.
ACCOUNT = "123456789012"


class Ec2:
    """moto's server in a thread."""

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.calls: list[dict[str, str]] = []
        # Whether images are pending to ami-refresh: moto's never are. Packer, which waits for that, sees them as they are.
        self.pending = False
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._written_down, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}"

    def _written_down(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
        # The credential's scope: DATE/REGION/SERVICE.
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
        self.calls.append(call | {"_region": scope[2] if len(scope) > 2 else ""})
        environ["wsgi.input"] = io.BytesIO(body)
        if not (self.pending and "aws-sdk-rust" in environ.get("HTTP_USER_AGENT", "")):
            return self._moto(environ, start_response)
        return [part.replace(b">available<", b">pending<") for part in self._moto(environ, _without_length(start_response))]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def variables(self) -> dict[str, str]:
        """What the SDKs have to know, and nothing of this machine's."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def client(self, service: str = "ec2", region: str = REGION):
        return boto3.client(
            service, region_name=region, endpoint_url=self.url, aws_access_key_id="made-up", aws_secret_access_key="made-up"
        )

    def images(self, region: str = REGION) -> dict[str, dict]:
        """The account's own images, by id, each with its tags as a dictionary."""
        found = self.client(region=region).describe_images(Owners=["self"])["Images"]
        return {
            image["ImageId"]: image | {"Tags": {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}}
            for image in found
        }

    def forget(self) -> None:
        """Takes away the images and calls that were there so far: moto keeps its state for the whole process."""
        for region in (REGION, "eu-west-1"):
            for id_ in self.images(region):
                self.client(region=region).deregister_image(ImageId=id_)
        self.calls.clear()

    def asked(self, action: str) -> list[dict[str, str]]:
        """The calls of that name, in their order."""
        return [call for call in self.calls if call.get("Action") == action]


def _without_length(start_response):
    """Answers without their length, which a changed body has not."""

    def started(status, headers, exc_info=None):
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        return start_response(status, kept, exc_info)

    return started
