// The Node.js runtime: loads a handler and serves the Lambda Runtime API with it. Needs nothing but Node.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html

import { RuntimeClient } from "./client.mjs";
import { contextOf } from "./context.mjs";
import { describeError, RuntimeError } from "./errors.mjs";
import { loadHandler } from "./loader.mjs";
import { currentInvocation, patchConsole } from "./logging.mjs";
import { HttpResponseStream, isStreaming, ResponseStream, streamifyResponse } from "./streaming.mjs";

const client = new RuntimeClient(process.env.AWS_LAMBDA_RUNTIME_API);
// What an unhandled error belongs to: the initialization, or the invocation that runs.
let failurePath = "/init/error";
// What is to be done when the function has nothing left to do.
let whenIdle = () => {};

globalThis.awslambda = { streamifyResponse, HttpResponseStream };
patchConsole();

process.on("beforeExit", () => whenIdle());
process.on("uncaughtException", (error) => die("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason, promise) => {
  const error = new RuntimeError("Runtime.UnhandledPromiseRejection", String(reason?.stack ? `${reason}` : reason));
  error.reason = reason;
  error.promise = promise;
  if (reason?.stack) error.stack = `${error.name}: ${reason.stack}`;
  die("Unhandled Promise Rejection", error, 128);
});

async function die(what, error, status) {
  console.error(what, "\t", error);
  await client.error(failurePath, describeError(error));
  process.exit(status);
}

async function main() {
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } catch (error) {
    return die("Uncaught Exception", error, 1);
  }
  for (;;) {
    const { headers, body } = await client.next();
    const id = headers["lambda-runtime-aws-request-id"];
    failurePath = `/invocation/${id}/error`;
    currentInvocation.requestId = id;
    currentInvocation.tenantId = headers["lambda-runtime-aws-tenant-id"];
    const traceId = headers["lambda-runtime-trace-id"];
    if (traceId) process.env._X_AMZN_TRACE_ID = traceId;
    else delete process.env._X_AMZN_TRACE_ID;
    try {
      await (isStreaming(handler) ? runStreaming : runBuffered)(handler, JSON.parse(body), contextOf(headers), id);
    } catch (error) {
      console.error("Invoke Error", "\t", error);
      await client.error(failurePath, describeError(error));
    }
  }
}

async function runBuffered(handler, event, context, id) {
  const answer = await settle(handler, event, context);
  let document;
  try {
    document = JSON.stringify(answer === undefined ? null : answer);
  } catch (error) {
    throw new RuntimeError("Runtime.MarshalError", `Unable to stringify response body as json: ${error.message}`);
  }
  await client.respond(id, document);
}

/** The handler's answer, by its promise or by its callback, whichever is told first. */
function settle(handler, event, context) {
  return new Promise((resolve, reject) => {
    // An answer by callback waits until nothing is left to do, unless the function does not want that.
    const tell = (finish) => {
      if (!context.callbackWaitsForEmptyEventLoop) finish();
      else whenIdle = finish;
    };
    const callback = (error, answer) => tell(() => (error ? reject(asError(error)) : resolve(answer)));
    context.done = callback;
    context.succeed = (answer) => callback(null, answer);
    context.fail = (error) => callback(error ?? "handled");
    whenIdle = () => resolve(null);
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") returned.then(resolve, (error) => reject(asError(error)));
  }).finally(() => (whenIdle = () => {}));
}

function asError(thrown) {
  return thrown instanceof Error ? thrown : Object.assign(new Error(String(thrown)), { name: typeof thrown });
}

async function runStreaming(handler, event, context, id) {
  const stream = new ResponseStream(client, id);
  try {
    await handler(event, stream, context);
    if (!stream.writableEnded && !stream.writableFinished) await stream.untilFinished();
  } catch (error) {
    if (!stream.begun) throw asError(error);
    console.error("Invoke Error", "\t", error);
    stream.fail(describeError(asError(error)));
  }
  await stream.untilAnswered();
}

await main();
