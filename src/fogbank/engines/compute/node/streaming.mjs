// Answers that are sent piece by piece.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html

import { Writable } from "node:stream";

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");

export function streamifyResponse(handler) {
  handler[STREAMING] = "response";
  return handler;
}

export function isStreaming(handler) {
  return handler[STREAMING] === "response";
}

/** What a streaming handler writes its answer to. The request begins with the first byte. */
export class ResponseStream extends Writable {
  constructor(client, id) {
    super({ highWaterMark: 64 * 1024 });
    this.begun = false;
    this.prelude = Buffer.alloc(0);
    this.contentType = "application/octet-stream";
    this.client = client;
    this.id = id;
    this.answered = new Promise((resolve) => (this.tellAnswered = resolve));
  }

  setContentType(contentType) {
    this.contentType = contentType;
  }

  fail(error) {
    this.request.addTrailers({
      "Lambda-Runtime-Function-Error-Type": error.errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(error)).toString("base64"),
    });
    this.request.end();
    this.failed = true;
  }

  untilAnswered() {
    return this.answered;
  }

  /** Until the handler, which has returned, ends the stream. */
  untilFinished() {
    return new Promise((resolve) => this.once("close", resolve));
  }

  _write(chunk, encoding, done) {
    const request = this._begin();
    if (request.write(chunk)) done();
    else request.once("drain", done);
  }

  _final(done) {
    if (!this.failed) this._begin().end();
    done();
  }

  _begin() {
    if (this.begun) return this.request;
    this.begun = true;
    const headers = {
      "Content-Type": this.contentType,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    this.request = this.client.stream(this.id, headers, this.tellAnswered);
    this.request.flushHeaders();
    if (this.prelude.length > 0) this.request.write(this.prelude);
    return this.request;
  }
}

export class HttpResponseStream {
  /** The same stream, whose answer has this status and these headers: they go before it, and eight zero bytes. */
  static from(stream, metadata) {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]);
    return stream;
  }
}
