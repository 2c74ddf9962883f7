// Finds the function that a handler's name means: `folder/module.name.of.the.export`.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { RuntimeError } from "./errors.mjs";
import { isStreaming } from "./streaming.mjs";

const CALLBACKS_ARE_GONE =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
  "You need to modify this function to use a supported handler signature to use Node.js 24 or later. " +
  "For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";

export async function loadHandler(root, name) {
  const [moduleName, exported] = split(name);
  const module = await load(root, moduleName);
  let found = module;
  for (const part of exported.split(".")) found = found?.[part];
  // What a CommonJS module exports is the default of its namespace.
  if (found === undefined && module?.default) {
    found = module.default;
    for (const part of exported.split(".")) found = found?.[part];
  }
  if (found === undefined) {
    throw new RuntimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof found !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${name} is not a function`);
  if (process.env.AWS_EXECUTION_ENV === "AWS_Lambda_nodejs24.x" && found.length >= 3 && !isStreaming(found)) {
    throw new RuntimeError("Runtime.CallbackHandlerDeprecated", CALLBACKS_ARE_GONE);
  }
  return found;
}

function split(name) {
  if (name.includes("..")) {
    throw new RuntimeError(
      "Runtime.MalformedHandlerName",
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const match = /^([^.]*)\.(.+)$/.exec(path.basename(name));
  if (!match) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  return [path.join(path.dirname(name), match[1]), match[2]];
}

async function load(root, moduleName) {
  const base = path.resolve(root, moduleName);
  const file = ["", ".js", ".mjs", ".cjs"].map((extension) => base + extension).find((file) => existsSync(file));
  try {
    if (file?.endsWith("js")) return await import(pathToFileURL(file));
    // Without an extension, or a folder, or a package of a layer (NODE_PATH).
    const require = createRequire(path.join(root, "index.js"));
    return require(existsSync(base) ? base : moduleName);
  } catch (error) {
    if (error instanceof SyntaxError) throw renamed(error, "Runtime.UserCodeSyntaxError");
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw renamed(error, "Runtime.ImportModuleError");
    }
    throw error;
  }
}

function renamed(error, name) {
  return Object.assign(new RuntimeError(name, `${error}`), { stack: `${name}: ${error.stack}` });
}
