package com.amazonaws.services.lambda.runtime;

/**
 * What an invocation knows of itself. These interfaces are those of aws-lambda-java-core, which Lambda's runtimes bring:
 * they stand before the function's own copy, if it has one.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/java-context.html
 */
public interface Context {
    String getAwsRequestId();

    String getLogGroupName();

    String getLogStreamName();

    String getFunctionName();

    String getFunctionVersion();

    String getInvokedFunctionArn();

    CognitoIdentity getIdentity();

    ClientContext getClientContext();

    int getRemainingTimeInMillis();

    int getMemoryLimitInMB();

    LambdaLogger getLogger();

    default String getTenantId() {
        return null;
    }

    default String getXrayTraceId() {
        return null;
    }
}
