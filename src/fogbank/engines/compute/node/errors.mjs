// Errors as Lambda reports them.

/** An error of the runtime's, named by AWS. */
export class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

/** The document for the Runtime API. */
export function describeError(error) {
  const document = loggableError(error);
  const { stack, ...rest } = document;
  return { ...rest, trace: stack ?? [] };
}

/** An error with all that it carries, as it is in the log. */
export function loggableError(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), stack: [] };
  const { name, message, stack, ...more } = Object.fromEntries(
    Object.getOwnPropertyNames(error).map((key) => [key, error[key]]),
  );
  for (const [key, value] of Object.entries(more)) {
    if (value instanceof Error) more[key] = loggableError(value);
  }
  return {
    errorType: error.name,
    errorMessage: error.message,
    ...more,
    stack: String(error.stack ?? "").split("\n"),
  };
}
