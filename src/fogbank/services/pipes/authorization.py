"""What EventBridge Pipes' operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgepipes.html
"""

from fogbank.core.authorization import Authorization, alike, need, pass_role

_PIPE = "arn:{partition}:pipes:{region}:{account}:pipe/{Name}"
_ROLE = pass_role("RoleArn", to="pipes.amazonaws.com")

AUTHORIZATION = Authorization(
    "pipes",
    operations={
        **alike("DeletePipe DescribePipe StartPipe StopPipe", need(_PIPE)),
        "CreatePipe": (need(_PIPE, tags="Tags"), _ROLE),
        "ListPipes": need("*"),
        "ListTagsForResource": need("{resourceArn}"),
        "TagResource": need("{resourceArn}", tags="tags"),
        "UntagResource": need("{resourceArn}", tag_keys="tagKeys"),
        "UpdatePipe": (need(_PIPE), _ROLE),
    },
)
