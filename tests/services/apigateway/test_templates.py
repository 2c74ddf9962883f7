"""APIs that stacks make, of resources, of documents and by SAM."""

import json
from typing import Any

from tests.conftest import LiveServer
from tests.services.apigateway.apis import ask
from tests.services.apigateway.conftest import Aws
from tests.services.cloudformation import stacks

CODE = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['httpMethod'] + event['path']}\n"
SAM = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Shop": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "InlineCode": CODE,
                "Events": {
                    "Items": {"Type": "Api", "Properties": {"Path": "/items/{id}", "Method": "get"}},
                    "Rest": {"Type": "Api", "Properties": {"Path": "/{proxy+}", "Method": "any"}},
                },
            },
        }
    },
    "Outputs": {
        "Url": {
            "Value": {
                "Fn::Sub": "https://${ServerlessRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/Prod/",
            }
        }
    },
}


def host_and_path(url: str) -> tuple[str, str]:
    host, _, path = url.removeprefix("https://").partition("/")
    return host, f"/{path}"


def test_functions_with_api_events_answer_at_the_url_of_the_output(aws: Aws, server: LiveServer) -> None:
    stack = stacks.create(aws("cloudformation"), SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    host, path = host_and_path(stacks.outputs(stack)["Url"])

    item = ask(server.endpoint, f"{path}items/7", headers={"Host": host})
    other = ask(server.endpoint, f"{path}else/where", "POST", headers={"Host": host})

    assert (item.status, item.body) == (200, b"GET/items/7")
    assert (other.status, other.body) == (200, b"POST/else/where")


def test_an_api_of_sam_with_cors_answers_preflight_requests(aws: Aws, server: LiveServer) -> None:
    template = json.loads(json.dumps(SAM))
    template["Resources"]["Api"] = {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "StageName": "live",
            "Cors": "'https://shop.example'",
            "Variables": {"colour": "blue"},
            "EndpointConfiguration": "REGIONAL",
        },
    }
    events = template["Resources"]["Shop"]["Properties"]["Events"]
    del events["Rest"]
    events["Items"]["Properties"]["RestApiId"] = {"Ref": "Api"}
    template["Outputs"] = {"Id": {"Value": {"Ref": "Api"}}}
    stack = stacks.create(aws("cloudformation"), template, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons(aws("cloudformation"))
    api_id = stacks.outputs(stack)["Id"]

    preflight = ask(server.endpoint, f"/_aws/execute-api/{api_id}/live/items/1", "OPTIONS")

    assert preflight.status == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]
    assert ask(server.endpoint, f"/_aws/execute-api/{api_id}/live/items/1").body == b"GET/items/1"
    assert aws("apigateway").get_rest_api(restApiId=api_id)["endpointConfiguration"]["types"] == ["REGIONAL"]


def resources(response: str, colour: str) -> dict[str, Any]:
    api = {"Ref": "Api"}
    return {
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": "shop", "Tags": [{"Key": "a", "Value": "b"}]},
        },
        "Pets": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {"RestApiId": api, "ParentId": {"Fn::GetAtt": "Api.RootResourceId"}, "PathPart": "pets"},
        },
        "Pet": {
            "Type": "AWS::ApiGateway::Model",
            "Properties": {
                "RestApiId": api,
                "Name": "Pet",
                "ContentType": "application/json",
                "Schema": {"type": "object", "required": ["name"]},
            },
        },
        "Checks": {
            "Type": "AWS::ApiGateway::RequestValidator",
            "Properties": {"RestApiId": api, "Name": "all", "ValidateRequestBody": True},
        },
        "Refusal": {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {"RestApiId": api, "ResponseType": "BAD_REQUEST_BODY", "StatusCode": "422"},
        },
        "Post": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": api,
                "ResourceId": {"Ref": "Pets"},
                "HttpMethod": "POST",
                "AuthorizationType": "NONE",
                "RequestModels": {"application/json": {"Ref": "Pet"}},
                "RequestValidatorId": {"Ref": "Checks"},
                "Integration": {
                    "Type": "MOCK",
                    "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                    "IntegrationResponses": [
                        {"StatusCode": "200", "ResponseTemplates": {"application/json": response}}
                    ],
                },
                "MethodResponses": [{"StatusCode": "200"}],
            },
        },
        "Deployed": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": ["Post", "Refusal"],
            "Properties": {"RestApiId": api, "Description": colour},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": api,
                "DeploymentId": {"Ref": "Deployed"},
                "StageName": "live",
                "Variables": {"colour": colour},
                "MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True}],
            },
        },
    }


def test_an_api_made_of_resources_is_served_changed_and_deleted(aws: Aws, server: LiveServer) -> None:
    cloudformation, apigateway = aws("cloudformation"), aws("apigateway")
    outputs = {"Id": {"Value": {"Ref": "Api"}}}
    template = {"Resources": resources('"$stageVariables.colour"', "blue"), "Outputs": outputs}
    stack = stacks.create(cloudformation, template)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons(cloudformation)
    api_id = stacks.outputs(stack)["Id"]
    target = f"/_aws/execute-api/{api_id}/live/pets"
    assert ask(server.endpoint, target, "POST", body='{"name": "Rex"}').json == "blue"
    assert ask(server.endpoint, target, "POST", body="{}").status == 422
    (setting,) = apigateway.get_stage(restApiId=api_id, stageName="live")["methodSettings"].items()
    assert (setting[0], setting[1]["metricsEnabled"]) == ("*/*", True)

    changed = resources('"$stageVariables.colour"', "red")
    stack = stacks.update(cloudformation, {"Resources": changed, "Outputs": outputs})

    assert stack["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons(cloudformation)
    assert ask(server.endpoint, target, "POST", body='{"name": "Rex"}').json == "red"

    cloudformation.delete_stack(StackName="shop")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
    assert apigateway.get_rest_apis()["items"] == []


def test_a_stage_whose_settings_are_refused_is_rolled_back(aws: Aws) -> None:
    made = resources('"ok"', "blue")
    made["Stage"]["Properties"]["MethodSettings"] = [{"ResourcePath": "/*", "HttpMethod": "*", "LoggingLevel": "INFO"}]
    stack = stacks.create(aws("cloudformation"), {"Resources": made})
    assert "CloudWatch Logs role ARN must be set" in " ".join(stacks.reasons(aws("cloudformation")))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert aws("apigateway").get_rest_apis()["items"] == []


def test_a_document_in_a_bucket_makes_an_api(aws: Aws, server: LiveServer, account: str) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "from a bucket", "version": "3"},
        "paths": {
            "/hello": {
                "get": {
                    "responses": {"200": {"description": "well"}},
                    "x-amazon-apigateway-integration": {
                        "type": "mock",
                        "requestTemplates": {"application/json": '{"statusCode": 200}'},
                        "responses": {
                            "default": {
                                "statusCode": "200",
                                "responseTemplates": {"application/json": '"hello"'},
                            }
                        },
                    },
                }
            }
        },
    }
    bucket = f"apis-{account}"
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_object(Bucket=bucket, Key="api.json", Body=json.dumps(document))
    template = {
        "Resources": {
            "Api": {
                "Type": "AWS::ApiGateway::RestApi",
                "Properties": {"BodyS3Location": {"Bucket": bucket, "Key": "api.json"}},
            },
            "Deployed": {
                "Type": "AWS::ApiGateway::Deployment",
                "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": "live"},
            },
        },
        "Outputs": {"Id": {"Value": {"Ref": "Api"}}},
    }
    stack = stacks.create(aws("cloudformation"), template)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reasons(aws("cloudformation"))
    api_id = stacks.outputs(stack)["Id"]
    assert aws("apigateway").get_rest_api(restApiId=api_id)["name"] == "from a bucket"
    assert ask(server.endpoint, f"/_aws/execute-api/{api_id}/live/hello").json == "hello"
