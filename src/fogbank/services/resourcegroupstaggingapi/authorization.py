"""What the Resource Groups Tagging API's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html
"""

from fogbank.core.authorization import Authorization, alike, need

AUTHORIZATION = Authorization(
    "tag",
    operations={
        **alike("GetResources GetTagKeys GetTagValues", need("*")),
        # Each resource's service is asked besides, for that resource alone.
        "TagResources": need("*", tags="Tags"),
        "UntagResources": need("*", tag_keys="TagKeys"),
    },
)
