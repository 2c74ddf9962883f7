package com.amazonaws.services.lambda.runtime;

/** The log, for whoever has no context at hand. */
public final class LambdaRuntime {
    private static final LambdaLogger LOGGER = new fogbank.FunctionLogger();

    private LambdaRuntime() {}

    public static LambdaLogger getLogger() {
        return LOGGER;
    }
}
