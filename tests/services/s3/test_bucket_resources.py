"""Buckets and their policies from templates."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.tags import given, tag_map
from tests.services.cloudformation.stacks import create, outputs, reasons, update, wait

FULL = {
    "AbacStatus": "Enabled",
    "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
    "AccessControl": "LogDeliveryWrite",
    "AnalyticsConfigurations": [{"Id": "all", "StorageClassAnalysis": {}, "Prefix": "a/"}],
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": "true"}
        ]
    },
    "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": "60"}]},
    "WebsiteConfiguration": {
        "IndexDocument": "index.html",
        "RoutingRules": [
            {"RoutingRuleCondition": {"KeyPrefixEquals": "a/"}, "RedirectRule": {"ReplaceKeyPrefixWith": "b/"}}
        ],
    },
    "IntelligentTieringConfigurations": [
        {
            "Id": "cold",
            "Status": "Enabled",
            "Prefix": "x",
            "TagFilters": [{"Key": "a", "Value": "b"}],
            "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": "90"}],
        }
    ],
    "InventoryConfigurations": [
        {
            "Id": "daily",
            "Enabled": "true",
            "Destination": {"BucketArn": "arn:aws:s3:::reports", "Format": "CSV"},
            "IncludedObjectVersions": "All",
            "ScheduleFrequency": "Daily",
        }
    ],
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "tidy",
                "Status": "Enabled",
                "Prefix": "tmp/",
                "ObjectSizeGreaterThan": "10",
                "ExpirationInDays": "40",
                "Transitions": [{"StorageClass": "Glacier", "TransitionInDays": "30"}],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
            },
            {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "7"}},
        ],
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
    },
    "LoggingConfiguration": {"LogFilePrefix": "log/"},
    "MetricsConfigurations": [{"Id": "everything"}],
    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": "true"}},
    "ObjectLockEnabled": "true",
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "1"}},
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": "false", "BlockPublicPolicy": "true"},
    "Tags": [{"Key": "team", "Value": "a"}],
    "VersioningConfiguration": {"Status": "Enabled"},
}


def template(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    names = ("Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL")
    return {
        "Resources": {"Docs": {"Type": "AWS::S3::Bucket", "Properties": properties}, **more},
        "Outputs": {
            "Name": {"Value": {"Ref": "Docs"}},
            **{name: {"Value": {"Fn::GetAtt": ["Docs", name]}} for name in names},
        },
    }


def test_a_bucket_has_every_property_of_its_template(aws: Any, s3: Any) -> None:
    stack = create(aws("cloudformation"), template(FULL), Tags=[{"Key": "env", "Value": "test"}])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    name = outputs(stack)["Name"]
    assert name.startswith("shop-docs-")
    assert s3.get_bucket_abac(Bucket=name)["AbacStatus"] == {"Status": "Enabled"}
    assert s3.get_bucket_accelerate_configuration(Bucket=name)["Status"] == "Enabled"
    permissions = [grant["Permission"] for grant in s3.get_bucket_acl(Bucket=name)["Grants"]]
    assert permissions == ["FULL_CONTROL", "WRITE", "READ_ACP"]
    analytics = s3.list_bucket_analytics_configurations(Bucket=name)["AnalyticsConfigurationList"]
    assert analytics == [{"Id": "all", "Filter": {"Prefix": "a/"}, "StorageClassAnalysis": {}}]
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    assert rule["BucketKeyEnabled"]
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"][0]["MaxAgeSeconds"] == 60
    website = s3.get_bucket_website(Bucket=name)
    assert website["IndexDocument"] == {"Suffix": "index.html"}
    assert website["RoutingRules"][0]["Condition"] == {"KeyPrefixEquals": "a/"}
    tiering = s3.get_bucket_intelligent_tiering_configuration(Bucket=name, Id="cold")
    wanted = {"And": {"Prefix": "x", "Tags": [{"Key": "a", "Value": "b"}]}}
    assert tiering["IntelligentTieringConfiguration"]["Filter"] == wanted
    inventory = s3.get_bucket_inventory_configuration(Bucket=name, Id="daily")["InventoryConfiguration"]
    assert inventory["Schedule"] == {"Frequency": "Daily"}
    lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=name)
    assert lifecycle["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    tidy, abort = lifecycle["Rules"]
    assert tidy["Filter"] == {"And": {"Prefix": "tmp/", "ObjectSizeGreaterThan": 10}}
    assert tidy["Transitions"] == [{"Days": 30, "StorageClass": "GLACIER"}]
    assert abort["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    logging = s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]
    assert logging == {"TargetBucket": name, "TargetPrefix": "log/"}
    assert s3.get_bucket_metrics_configuration(Bucket=name, Id="everything")["MetricsConfiguration"]
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=name)
    lock = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert lock["Rule"] == {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert [name for name, on in block.items() if on] == ["BlockPublicPolicy"]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert given(tags) == {"env": "test", "team": "a"}


def test_a_bucket_tells_its_addresses(aws: Any) -> None:
    found = outputs(create(aws("cloudformation"), template({"BucketName": "addresses"})))
    assert found == {
        "Name": "addresses",
        "Arn": "arn:aws:s3:::addresses",
        "DomainName": "addresses.s3.amazonaws.com",
        "DualStackDomainName": "addresses.s3.dualstack.us-east-1.amazonaws.com",
        "RegionalDomainName": "addresses.s3.us-east-1.amazonaws.com",
        "WebsiteURL": "http://addresses.s3-website-us-east-1.amazonaws.com",
    }


def test_what_a_template_no_longer_says_is_taken_away_in_place(aws: Any, s3: Any) -> None:
    kept = {"ObjectLockEnabled": "true", "VersioningConfiguration": {"Status": "Enabled"}}
    cloudformation = aws("cloudformation")
    name = outputs(create(cloudformation, template(FULL)))["Name"]
    after = update(cloudformation, template(kept))
    assert (after["StackStatus"], outputs(after)["Name"]) == ("UPDATE_COMPLETE", name)
    assert s3.get_bucket_accelerate_configuration(Bucket=name)["Status"] == "Suspended"
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == 1
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=name)
    assert "Rule" not in s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert given(tag_map(s3.get_bucket_tagging(Bucket=name)["TagSet"])) == {}
    for kind in ("analytics", "intelligent_tiering", "inventory", "metrics"):
        found = getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=name)
        assert not any(key.endswith("List") for key in found), kind
    for read, code in (
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration"),
    ):
        with pytest.raises(ClientError, match=code):
            read(Bucket=name)


def test_another_name_is_another_bucket(aws: Any, s3: Any, account: str) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template({"BucketName": f"one-{account}"}))
    update(cloudformation, template({"BucketName": f"two-{account}"}))
    assert [row["Name"] for row in s3.list_buckets()["Buckets"]] == [f"two-{account}"]


def test_a_bucket_with_objects_stays_and_fails_the_deletion(aws: Any, s3: Any) -> None:
    cloudformation = aws("cloudformation")
    name = outputs(create(cloudformation, template({})))["Name"]
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation)["StackStatus"] == "DELETE_FAILED"
    assert any("The bucket you tried to delete is not empty" in reason for reason in reasons(cloudformation))
    s3.head_object(Bucket=name, Key="k")


def test_a_policy_comes_and_goes_with_its_resource(aws: Any, s3: Any) -> None:
    def policy(action: str) -> dict[str, Any]:
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "logging.s3.amazonaws.com"},
                    "Action": action,
                    "Resource": {"Fn::Sub": "${Docs.Arn}/*"},
                }
            ],
        }
        properties = {"Bucket": {"Ref": "Docs"}, "PolicyDocument": document}
        return {"Rights": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}

    cloudformation = aws("cloudformation")
    name = outputs(create(cloudformation, template({}, **policy("s3:PutObject"))))["Name"]
    assert "s3:PutObject" in s3.get_bucket_policy(Bucket=name)["Policy"]
    update(cloudformation, template({}, **policy("s3:GetObject")))
    assert "s3:GetObject" in s3.get_bucket_policy(Bucket=name)["Policy"]
    update(cloudformation, template({}))
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)


def test_a_bucket_is_replicated_by_its_template(aws: Any, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "Id": "copies",
        "Status": "Enabled",
        "Priority": "1",
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Filter": {"And": {"Prefix": "a/", "TagFilters": [{"Key": "k", "Value": "v"}]}},
        "Destination": {"Bucket": f"arn:aws:s3:::{bucket}", "StorageClass": "STANDARD_IA"},
    }
    replication = {"Role": "arn:aws:iam::123456789012:role/r", "Rules": [rule]}
    versions = {"VersioningConfiguration": {"Status": "Enabled"}}
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, template(versions | {"ReplicationConfiguration": replication}))
    name = outputs(stack)["Name"]
    (kept,) = s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"]["Rules"]
    assert (kept["ID"], kept["Priority"]) == ("copies", 1)
    assert kept["Filter"] == {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}}
    update(cloudformation, template(versions))
    with pytest.raises(ClientError, match="ReplicationConfigurationNotFoundError"):
        s3.get_bucket_replication(Bucket=name)
