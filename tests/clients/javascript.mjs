// The JavaScript SDK v3, against the endpoint of its environment. Prints "ok" at the end.
import assert from "node:assert";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { CloudFormationClient, CreateStackCommand, waitUntilStackCreateComplete } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient, ListMetricsCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, FilterLogEventsCommand, ResourceNotFoundException } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateTableCommand,
  DynamoDBClient,
  TransactionCanceledException,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  ResourceInUseException,
  SplitShardCommand,
  SubscribeToShardCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import { CreateFunctionCommand, InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  SelectObjectContentCommand,
} from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishBatchCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { GetParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  paginateQuery,
  PutCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import JSZip from "jszip";

const name = "javascript";

const { Account } = await new STSClient().send(new GetCallerIdentityCommand({}));
assert.match(Account, /^\d{12}$/);

// ---- queues ----
const sqs = new SQSClient();
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
const queueArn = `arn:aws:sqs:us-east-1:${Account}:${name}`;
const MessageAttributes = { colour: { DataType: "String", StringValue: "blue" } };
await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello", MessageAttributes }));
const receive = () =>
  sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }));
const take = async () => {
  const { Messages } = await receive();
  const Entries = Messages.map(({ ReceiptHandle }, n) => ({ Id: `${n}`, ReceiptHandle }));
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  return Messages;
};
const [message] = await take(); // The SDK compares the MD5 of body and attributes itself.
assert.equal(message.Body, "hello");
assert.equal(message.MessageAttributes.colour.StringValue, "blue");
const Entries = [..."abc"].map((Id) => ({ Id, MessageBody: Id }));
assert.equal((await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))).Successful.length, 3);
assert.deepEqual((await take()).map(({ Body }) => Body).sort(), ["a", "b", "c"]);
await assert.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: "nothing-here" })), QueueDoesNotExist);

// ---- topics ----
const sns = new SNSClient();
const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
const Attributes = { RawMessageDelivery: "true" };
await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: queueArn, Attributes }));
assert.ok((await sns.send(new PublishCommand({ TopicArn, Message: "news" }))).MessageId);
assert.equal((await take())[0].Body, "news");
const PublishBatchRequestEntries = [{ Id: "1", Message: "batch" }];
assert.equal((await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }))).Successful.length, 1);
assert.equal((await take())[0].Body, "batch");

// ---- tables, with the document client ----
const dynamodb = new DynamoDBClient();
const TableName = name;
await dynamodb.send(
  new CreateTableCommand({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [
      { AttributeName: "k", KeyType: "HASH" },
      { AttributeName: "n", KeyType: "RANGE" },
    ],
    AttributeDefinitions: [
      { AttributeName: "k", AttributeType: "S" },
      { AttributeName: "n", AttributeType: "N" },
    ],
  }),
);
await waitUntilTableExists({ client: dynamodb, maxWaitTime: 30 }, { TableName });
const documents = DynamoDBDocumentClient.from(dynamodb);
const Item = { k: "a", n: 1, list: [1, "two", null, true], map: { deep: { er: 1.5 } }, set: new Set([1, 2]), blob: Uint8Array.of(1, 2) };
await documents.send(new PutCommand({ TableName, Item }));
assert.deepEqual((await documents.send(new GetCommand({ TableName, Key: { k: "a", n: 1 } }))).Item, Item);
const { Attributes: updated } = await documents.send(
  new UpdateCommand({
    TableName,
    Key: { k: "a", n: 1 },
    UpdateExpression: "SET #m.deep.er = :v, hits = if_not_exists(hits, :z) + :one REMOVE #b",
    ExpressionAttributeNames: { "#m": "map", "#b": "blob" },
    ExpressionAttributeValues: { ":v": 2.5, ":z": 0, ":one": 1 },
    ReturnValues: "ALL_NEW",
  }),
);
assert.deepEqual([updated.map.deep.er, updated.hits, updated.blob], [2.5, 1, undefined]);
const put = (n) => ({ Put: { TableName, Item: { k: "t", n }, ConditionExpression: "attribute_not_exists(k)" } });
await documents.send(new TransactWriteCommand({ TransactItems: [put(1), put(2)] }));
await assert.rejects(
  documents.send(new TransactWriteCommand({ TransactItems: [put(3), put(2)] })),
  (error) =>
    error instanceof TransactionCanceledException &&
    assert.deepEqual(error.CancellationReasons.map(({ Code }) => Code), ["None", "ConditionalCheckFailed"]) === undefined,
);
const get = (n) => ({ Get: { TableName, Key: { k: "t", n } } });
const { Responses } = await documents.send(new TransactGetCommand({ TransactItems: [get(1), get(2), get(3)] }));
assert.deepEqual(Responses.map((one) => one.Item?.n), [1, 2, undefined]);
const Keys = [1, 2, 3].map((n) => ({ k: "t", n }));
const batch = await documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys } } }));
assert.equal(batch.Responses[TableName].length, 2);
const pages = [];
const query = { TableName, KeyConditionExpression: "k = :k", ExpressionAttributeValues: { ":k": "t" } };
for await (const page of paginateQuery({ client: documents, pageSize: 1 }, query)) pages.push(...page.Items);
assert.deepEqual(pages.map(({ n }) => n), [1, 2]);

// ---- objects, as streams; the SDK adds and checks checksums by itself ----
const s3 = new S3Client({ forcePathStyle: true });
const Bucket = name;
await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: "a/b c+ü.txt", Body: "hello", Metadata: { colour: "blue" } }));
const object = await s3.send(new GetObjectCommand({ Bucket, Key: "a/b c+ü.txt" }));
assert.equal(await object.Body.transformToString(), "hello");
assert.equal(object.Metadata.colour, "blue");
const large = randomBytes(12_000_000);
const chunks = function* () {
  for (let at = 0; at < large.length; at += 64 * 1024) yield large.subarray(at, at + 64 * 1024);
};
await s3.send(
  new PutObjectCommand({ Bucket, Key: "stream", Body: Readable.from(chunks()), ContentLength: large.length }),
);
await new Upload({ client: s3, params: { Bucket, Key: "multipart", Body: Readable.from(chunks()) } }).done();
for (const Key of ["stream", "multipart"]) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  const parts = [];
  for await (const part of Body) parts.push(part);
  assert.ok(Buffer.concat(parts).equals(large), Key);
}
const part = await s3.send(new GetObjectCommand({ Bucket, Key: "stream", Range: "bytes=10-19" }));
assert.ok(Buffer.from(await part.Body.transformToByteArray()).equals(large.subarray(10, 20)));
assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: "multipart" }))).ContentLength, large.length);
await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "nothing-here" })), NoSuchKey);
const keys = [];
for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) keys.push(...page.Contents);
assert.equal(keys.length, 3);
const fetched = await fetch(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "a/b c+ü.txt" })));
assert.equal(await fetched.text(), "hello");
const sent = await fetch(await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "signed" })), { method: "PUT", body: "x" });
assert.equal(sent.status, 200);
const { url, fields } = await createPresignedPost(s3, {
  Bucket,
  Key: "posted/${filename}",
  Conditions: [["content-length-range", 1, 10], ["starts-with", "$key", "posted/"]],
  Fields: { "Content-Type": "text/plain" },
});
const post = async (text) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob([text]), "a.txt");
  return (await fetch(url, { method: "POST", body: form })).status;
};
assert.equal(await post("posted"), 204);
assert.equal(await post("posted, and too long"), 400);
const posted = await s3.send(new GetObjectCommand({ Bucket, Key: "posted/a.txt" }));
assert.deepEqual([await posted.Body.transformToString(), posted.ContentType], ["posted", "text/plain"]);
const records = Array.from({ length: 20_000 }, (_, n) => JSON.stringify({ n, even: n % 2 === 0 })).join("\n");
await s3.send(new PutObjectCommand({ Bucket, Key: "records", Body: records }));
const selection = await s3.send(
  new SelectObjectContentCommand({
    Bucket,
    Key: "records",
    Expression: "SELECT s.n FROM S3Object s WHERE s.even",
    ExpressionType: "SQL",
    InputSerialization: { JSON: { Type: "LINES" } },
    OutputSerialization: { CSV: {} },
  }),
);
const payloads = [];
const events = [];
for await (const event of selection.Payload) {
  events.push(Object.keys(event)[0]);
  if (event.Records) payloads.push(Buffer.from(event.Records.Payload));
}
assert.deepEqual(Buffer.concat(payloads).toString().split("\n").slice(0, 3), ["0", "2", "4"]);
assert.equal(Buffer.concat(payloads).toString().split("\n").length, 10_001);
assert.deepEqual(events.slice(-2), ["Stats", "End"]);
// Without path style the SDK says http://javascript.localhost:4566/, which names this machine, too.
assert.ok((await new S3Client().send(new ListObjectsV2Command({ Bucket }))).KeyCount === 6);

// ---- streams, over HTTP/2: this client speaks nothing else ----
const kinesis = new KinesisClient();
const StreamName = name;
await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
await waitUntilStreamExists({ client: kinesis, maxWaitTime: 30, minDelay: 1 }, { StreamName });
const { StreamDescriptionSummary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
const { StreamARN } = StreamDescriptionSummary;
const putRecords = (texts) => {
  const Records = texts.map((text) => ({ Data: Buffer.from(text), PartitionKey: text }));
  return kinesis.send(new PutRecordsCommand({ StreamName, Records }));
};
const texts = Array.from({ length: 500 }, (_, n) => `record ${n}`);
assert.equal((await putRecords(texts)).FailedRecordCount, 0);
const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName }));
const ShardId = Shards[0].ShardId;
const { ShardIterator } = await kinesis.send(
  new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
);
const { Records: found } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
assert.deepEqual(found.map(({ Data }) => Buffer.from(Data).toString()), texts);
const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: name }));
const StartingPosition = { Type: "TRIM_HORIZON" };
const subscribe = new SubscribeToShardCommand({ ConsumerARN: Consumer.ConsumerARN, ShardId, StartingPosition });
const { EventStream } = await kinesis.send(subscribe);
await assert.rejects(kinesis.send(subscribe), ResourceInUseException); // Within five seconds.
const streamed = [];
let children = [];
for await (const { SubscribeToShardEvent } of EventStream) {
  streamed.push(...SubscribeToShardEvent.Records.map(({ Data }) => Buffer.from(Data).toString()));
  children = SubscribeToShardEvent.ChildShards ?? [];
  if (streamed.length !== 500) continue; // Once: what is put then comes by this subscription, and so does the end.
  await putRecords(["one more"]);
  await kinesis.send(
    new SplitShardCommand({ StreamName, ShardToSplit: ShardId, NewStartingHashKey: `${2n ** 127n}` }),
  );
}
assert.deepEqual(streamed, [...texts, "one more"]);
assert.deepEqual(children.map(({ ParentShards }) => ParentShards), [[ShardId], [ShardId]]); // The shard has ended.
kinesis.destroy();

// ---- functions and their logs ----
const lambda = new LambdaClient();
const FunctionName = name;
const code = "def handler(event, context):\n    print('called with', event['n'])\n    return {'n': event['n'] + 1}\n";
const ZipFile = await new JSZip().file("main.py", code).generateAsync({ type: "uint8array" });
const Role = `arn:aws:iam::${Account}:role/any`;
await lambda.send(
  new CreateFunctionCommand({ FunctionName, Role, Runtime: "python3.11", Handler: "main.handler", Code: { ZipFile } }),
);
await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30 }, { FunctionName });
const invoke = (event, more) => lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), ...more }));
const answered = await invoke({ n: 41 }, { LogType: "Tail" });
assert.deepEqual(JSON.parse(answered.Payload.transformToString()), { n: 42 });
assert.match(Buffer.from(answered.LogResult, "base64").toString(), /called with 41/);
assert.equal((await invoke({})).FunctionError, "Unhandled");
const logs = new CloudWatchLogsClient();
const read = new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}`, filterPattern: '"called with 41"' });
const readLogs = () => logs.send(read).catch((error) => (error instanceof ResourceNotFoundException ? { events: [] } : Promise.reject(error)));
let lines = [];
for (let tries = 0; tries < 50 && lines.length === 0; tries++) {
  await setTimeout(100); // Logs arrive a moment after the function's answer.
  lines = (await readLogs()).events;
}
assert.equal(lines.length, 1);

// ---- events, metrics, parameters, stacks ----
const eventBridge = new EventBridgeClient();
await eventBridge.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: [name] }) }));
await eventBridge.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: "1", Arn: queueArn }] }));
const Detail = JSON.stringify({ n: 1 });
const { FailedEntryCount } = await eventBridge.send(
  new PutEventsCommand({ Entries: [{ Source: name, DetailType: "test", Detail }] }),
);
assert.equal(FailedEntryCount, 0);
assert.deepEqual(JSON.parse((await take())[0].Body).detail, { n: 1 });
const cloudWatch = new CloudWatchClient();
await cloudWatch.send(new PutMetricDataCommand({ Namespace: name, MetricData: [{ MetricName: "m", Value: 1 }] }));
assert.equal((await cloudWatch.send(new ListMetricsCommand({ Namespace: name }))).Metrics.length, 1);
const ssm = new SSMClient();
await ssm.send(new PutParameterCommand({ Name: "/js", Value: "v", Type: "String" }));
assert.equal((await ssm.send(new GetParameterCommand({ Name: "/js" }))).Parameter.Value, "v");
const cloudFormation = new CloudFormationClient();
const TemplateBody = JSON.stringify({ Resources: { Q: { Type: "AWS::SQS::Queue" } } });
await cloudFormation.send(new CreateStackCommand({ StackName: name, TemplateBody }));
await waitUntilStackCreateComplete({ client: cloudFormation, maxWaitTime: 30, minDelay: 1 }, { StackName: name });
console.log("ok");
