// A CDK app: one queue subscribed to one topic.
import { App, CfnOutput, Stack } from "aws-cdk-lib";
import { Topic } from "aws-cdk-lib/aws-sns";
import { SqsSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Queue } from "aws-cdk-lib/aws-sqs";

const stack = new Stack(new App(), "CdkStack", { env: { account: "000000000000", region: "us-east-1" } });
const queue = new Queue(stack, "Queue");
new Topic(stack, "Topic").addSubscription(new SqsSubscription(queue));
new CfnOutput(stack, "QueueUrl", { value: queue.queueUrl });
