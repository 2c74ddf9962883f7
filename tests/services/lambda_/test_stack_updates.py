import json
from typing import Any

from tests.conftest import Aws


def _template(scaling: dict[str, int] | None) -> str:
    mapping: dict[str, Any] = {
        "EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]},
        "FunctionName": {"Ref": "Work"},
        "BatchSize": 1,
    }
    if scaling is not None:
        mapping["ScalingConfig"] = scaling
    return json.dumps(
        {
            "Resources": {
                "Jobs": {"Type": "AWS::SQS::Queue"},
                "Work": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Runtime": "python3.12",
                        "Handler": "index.handler",
                        "Role": "arn:aws:iam::123456789012:role/work",
                        "Code": {"ZipFile": "def handler(event, context):\n    return None\n"},
                    },
                },
                "Feed": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
            }
        }
    )


def test_a_maximum_concurrency_that_the_template_no_longer_has_is_lifted(aws: Aws) -> None:
    stacks, functions = aws("cloudformation"), aws("lambda")

    def concurrency() -> object:
        (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
        return mapping.get("ScalingConfig")

    stacks.create_stack(StackName="feed", TemplateBody=_template({"MaximumConcurrency": 2}))
    stacks.get_waiter("stack_create_complete").wait(StackName="feed", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    assert concurrency() == {"MaximumConcurrency": 2}
    stacks.update_stack(StackName="feed", TemplateBody=_template(None))
    stacks.get_waiter("stack_update_complete").wait(StackName="feed", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    assert concurrency() is None
