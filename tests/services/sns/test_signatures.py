import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.conftest import Aws, LiveServer
from tests.services.sns.http_endpoint import Endpoint
from tests.services.sns.test_publish import receive, subscribed

NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def verify(document: dict[str, Any], names: tuple[str, ...]) -> None:
    """AWS's documented procedure; raises InvalidSignature."""
    with urllib.request.urlopen(document["SigningCertURL"]) as answer:
        key = x509.load_pem_x509_certificate(answer.read()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    text = "".join(f"{name}\n{document[name]}\n" for name in names if name in document)
    digest = hashes.SHA1() if document["SignatureVersion"] == "1" else hashes.SHA256()
    key.verify(base64.b64decode(document["Signature"]), text.encode(), padding.PKCS1v15(), digest)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_notification_is_verified_with_the_certificate_that_it_names(aws: Aws, version: str) -> None:
    sns, topic, sqs, url, _ = subscribed(aws)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue=version)
    sns.publish(TopicArn=topic, Message="ä\nb", Subject="s")
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "no", "sqs": "of its own"}))
    documents = [json.loads(message["Body"]) for message in receive(sqs, url)]
    assert [document["SignatureVersion"] for document in documents] == [version, version]
    for document in documents:
        verify(document, NOTIFICATION)


def test_a_confirmation_is_signed_too(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t", Attributes={"SignatureVersion": "2"})["TopicArn"]
    with Endpoint() as endpoint:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        document = json.loads(endpoint.take(1)[0][1])
    assert document["SignatureVersion"] == "2"
    verify(document, CONFIRMATION)


def test_only_the_certificate_itself_is_served(server: LiveServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server.endpoint}/SimpleNotificationService-0.pem")
