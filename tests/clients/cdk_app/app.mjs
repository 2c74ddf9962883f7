// A CDK app: what comes to a topic goes through a queue and a function, whose code is an asset, to a table.
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, Table } from "aws-cdk-lib/aws-dynamodb";
import { Code, Function, Runtime } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Topic } from "aws-cdk-lib/aws-sns";
import { SqsSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Queue } from "aws-cdk-lib/aws-sqs";

const stack = new Stack(new App(), "CdkStack", { env: { account: "000000000000", region: "us-east-1" } });
const deadLetters = new Queue(stack, "DeadLetters");
const queue = new Queue(stack, "Queue", { deadLetterQueue: { queue: deadLetters, maxReceiveCount: 3 } });
const topic = new Topic(stack, "Topic");
topic.addSubscription(new SqsSubscription(queue, { rawMessageDelivery: true }));
const table = new Table(stack, "Items", {
  partitionKey: { name: "id", type: AttributeType.STRING },
  removalPolicy: RemovalPolicy.DESTROY,
});
const worker = new Function(stack, "Worker", {
  runtime: Runtime.PYTHON_3_11,
  handler: "worker.handler",
  code: Code.fromAsset("worker"),
  environment: { TABLE: table.tableName },
  timeout: Duration.seconds(10),
});
table.grantWriteData(worker);
worker.addEventSource(new SqsEventSource(queue, { batchSize: 5 }));
new Bucket(stack, "Bucket", { removalPolicy: RemovalPolicy.DESTROY });
new CfnOutput(stack, "TopicArn", { value: topic.topicArn });
new CfnOutput(stack, "TableName", { value: table.tableName });
