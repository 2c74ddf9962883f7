// One round trip for each protocol, with the JavaScript SDK v3. Prints "ok" at the end.
import assert from "node:assert";
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  QueueDoesNotExist,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const name = `js-${process.pid}`;

const sts = new STSClient();
assert.match((await sts.send(new GetCallerIdentityCommand({}))).Account, /^\d{12}$/);

const sqs = new SQSClient();
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }));
assert.equal(Messages[0].Body, "hello");
await assert.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: "nothing-here" })), QueueDoesNotExist);

const sns = new SNSClient();
const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
assert.ok((await sns.send(new PublishCommand({ TopicArn, Message: "hello" }))).MessageId);

const dynamodb = new DynamoDBClient();
await dynamodb.send(
  new CreateTableCommand({
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
  }),
);
await dynamodb.send(new PutItemCommand({ TableName: name, Item: { k: { S: "a" }, v: { N: "1" } } }));
const { Item } = await dynamodb.send(new GetItemCommand({ TableName: name, Key: { k: { S: "a" } } }));
assert.equal(Item.v.N, "1");

const s3 = new S3Client({ forcePathStyle: true });
await s3.send(new CreateBucketCommand({ Bucket: name }));
await s3.send(new PutObjectCommand({ Bucket: name, Key: "a/b c.txt", Body: "hello" }));
const object = await s3.send(new GetObjectCommand({ Bucket: name, Key: "a/b c.txt" }));
assert.equal(await object.Body.transformToString(), "hello");

assert.ok(Array.isArray((await new LambdaClient().send(new ListFunctionsCommand({}))).Functions));
console.log("ok");
