package com.amazonaws.services.lambda.runtime;

/** A handler of values: JSON to an I and an O to JSON. */
public interface RequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
