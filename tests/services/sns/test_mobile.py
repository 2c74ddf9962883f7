"""Phones and push: what is kept, and that nothing is sent."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.sns.test_publish import make_queue, receive


def test_a_delivery_to_a_phone_fails_and_goes_to_the_dead_letter_queue(aws: Aws) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    url, dead = make_queue(sqs, "dead")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = json.dumps({"deadLetterTargetArn": dead})
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15551234567", Attributes={"RedrivePolicy": policy})
    assert arn["SubscriptionArn"].startswith(topic)
    sns.publish(TopicArn=topic, Message="hello")
    (message,) = receive(sqs, url)
    assert json.loads(message["Body"])["Message"] == "hello"


@pytest.mark.parametrize(
    ("number", "code", "sentence"),
    [
        ("+15551234567", "NotImplemented", "Fogbank sends no SMS"),
        ("+1a234", "InvalidParameter", r"PhoneNumber Reason: \+1a234 is not valid to publish to"),
    ],
)
def test_publishing_to_a_phone_number_says_that_it_does_not_work(
    aws: Aws, number: str, code: str, sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence) as refused:
        aws("sns").publish(PhoneNumber=number, Message="x")
    assert refused.value.response["Error"]["Code"] == code


def test_sms_attributes_are_kept(aws: Aws) -> None:
    sns = aws("sns")
    sns.set_sms_attributes(attributes={"DefaultSenderID": "Fog", "DefaultSMSType": "Promotional"})
    assert sns.get_sms_attributes()["attributes"] == {
        "MonthlySpendLimit": "1",
        "DefaultSenderID": "Fog",
        "DefaultSMSType": "Promotional",
    }
    assert sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"] == {"DefaultSenderID": "Fog"}
    for name, value, sentence in [("X", "1", "X is not a valid attribute"), ("DefaultSMSType", "x", "is invalid")]:
        with pytest.raises(ClientError, match=sentence):
            sns.set_sms_attributes(attributes={name: value})


def test_no_number_is_opted_out(aws: Aws) -> None:
    sns = aws("sns")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+15551234567")["isOptedOut"] is False
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    sns.opt_in_phone_number(phoneNumber="+15551234567")
    with pytest.raises(ClientError, match="input incorrectly formatted"):
        sns.opt_in_phone_number(phoneNumber="5551234567")


@pytest.fixture
def application(aws: Aws) -> str:
    secrets = {"PlatformPrincipal": "id", "PlatformCredential": "secret"}
    made: str = aws("sns").create_platform_application(Name="app", Platform="ADM", Attributes=secrets)[
        "PlatformApplicationArn"
    ]
    return made


def test_a_platform_application_does_not_show_its_secrets(aws: Aws, application: str, account: str) -> None:
    sns = aws("sns")
    assert application == f"arn:aws:sns:us-east-1:{account}:app/ADM/app"
    sns.set_platform_application_attributes(
        PlatformApplicationArn=application, Attributes={"SuccessFeedbackSampleRate": "50"}
    )
    (listed,) = sns.list_platform_applications()["PlatformApplications"]
    assert listed["Attributes"] == {"Enabled": "true", "SuccessFeedbackSampleRate": "50"}
    sns.delete_platform_application(PlatformApplicationArn=application)
    with pytest.raises(ClientError, match="PlatformApplication does not exist"):
        sns.get_platform_application_attributes(PlatformApplicationArn=application)


def test_an_endpoint_is_made_once_for_a_token(aws: Aws, application: str) -> None:
    sns = aws("sns")

    def create(**parameters: Any) -> str:
        made: str = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="token", **parameters)[
            "EndpointArn"
        ]
        return made

    arn = create(CustomUserData="data")
    assert create(CustomUserData="data") == arn
    with pytest.raises(ClientError, match="already exists with the same Token, but different attributes"):
        create()
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "false"})
    expected = {"Enabled": "false", "Token": "token", "CustomUserData": "data"}
    assert sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"] == expected
    listed = sns.list_endpoints_by_platform_application(PlatformApplicationArn=application)["Endpoints"]
    assert listed == [{"EndpointArn": arn, "Attributes": expected}]
    with pytest.raises(ClientError, match="Fogbank sends no push notifications"):
        sns.publish(TargetArn=arn, Message="x")
    sns.delete_endpoint(EndpointArn=arn)
    with pytest.raises(ClientError, match="No endpoint found for the target arn specified"):
        sns.publish(TargetArn=arn, Message="x")
