// console, as Lambda formats it. Records are framed, which keeps their lines together on the way.
//
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html

import { writeSync } from "node:fs";
import util from "node:util";
import { loggableError } from "./errors.mjs";

export const currentInvocation = { requestId: undefined, tenantId: undefined };

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

export function patchConsole() {
  const wantsJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
  const least = wantsJson ? Math.max(LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()), 0) : 0;
  const format = wantsJson ? formatJson : formatText;
  const methods = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR" };
  for (const [method, level] of Object.entries({ ...methods, fatal: "FATAL" })) {
    const wanted = LEVELS.indexOf(level) >= least;
    console[method] = wanted ? (...values) => write(format(level, values)) : () => {};
  }
}

function write(line) {
  const message = Buffer.from(line + "\n");
  const head = Buffer.from([0xa5, 0x5a, 0, 1, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 4);
  const bytes = Buffer.concat([head, message]);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function formatText(level, values) {
  const message = isReport(values)
    ? `${values[0]} \t${JSON.stringify(loggableError(values[2]))}`
    : util.format(...values);
  return `${new Date().toISOString()}\t${currentInvocation.requestId}\t${level}\t${message}`;
}

function formatJson(level, values) {
  const record = { timestamp: new Date().toISOString(), level, requestId: currentInvocation.requestId };
  if (currentInvocation.tenantId) record.tenantId = currentInvocation.tenantId;
  if (isReport(values)) Object.assign(record, { message: described(values[2]) });
  else if (values.length === 1 && typeof values[0] === "object") record.message = values[0];
  else {
    record.message = util.format(...values);
    const error = values.find((value) => value instanceof Error);
    if (error) Object.assign(record, described(error));
  }
  try {
    return JSON.stringify(record, (_, value) => (value instanceof Error ? described(value) : value));
  } catch {
    return JSON.stringify({ ...record, message: util.format(...values) });
  }
}

/** What the runtime itself says about an error: a title, a tab and the error. */
function isReport(values) {
  return values.length === 3 && values[1] === "\t";
}

function described(error) {
  const { errorType, errorMessage, stack, ...more } = loggableError(error);
  return { errorType, errorMessage, ...more, stackTrace: stack };
}
