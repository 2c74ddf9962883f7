package fogbank;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;

/**
 * The interfaces of the context, from whatever version of aws-lambda-java-core the function brings.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/java-context.html
 */
final class LambdaContext {
    private LambdaContext() {}

    static Object of(Class<?> type, RuntimeClient.Answer invocation, Log log) {
        long deadlineMs = Long.parseLong(invocation.header("lambda-runtime-deadline-ms"));
        Map<?, ?> identity = parsed(invocation.header("lambda-runtime-cognito-identity"));
        Map<?, ?> client = parsed(invocation.header("lambda-runtime-client-context"));
        return implement(type, (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "getAwsRequestId":
                    return invocation.header("lambda-runtime-aws-request-id");
                case "getInvokedFunctionArn":
                    return invocation.header("lambda-runtime-invoked-function-arn");
                case "getTenantId":
                    return invocation.header("lambda-runtime-aws-tenant-id");
                case "getFunctionName":
                    return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
                case "getFunctionVersion":
                    return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
                case "getLogGroupName":
                    return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
                case "getLogStreamName":
                    return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
                case "getMemoryLimitInMB":
                    return Integer.parseInt(System.getenv().getOrDefault("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"));
                case "getRemainingTimeInMillis":
                    return (int) Math.max(deadlineMs - System.currentTimeMillis(), 0);
                case "getLogger":
                    return logger(method.getReturnType(), log);
                case "getIdentity":
                    return identity(method.getReturnType(), identity);
                case "getClientContext":
                    return client.isEmpty() ? null : clientContext(method.getReturnType(), client);
                default:
                    return null;
            }
        });
    }

    private static Object logger(Class<?> type, Log log) {
        return implement(type, (proxy, method, arguments) -> {
            Object message = arguments[0];
            String text = message instanceof byte[]
                    ? new String((byte[]) message, StandardCharsets.UTF_8)
                    : String.valueOf(message);
            log.write(arguments.length > 1 ? String.valueOf(arguments[1]) : null, text);
            return null;
        });
    }

    private static Object identity(Class<?> type, Map<?, ?> given) {
        return implement(type, (proxy, method, arguments) ->
                given.get(method.getName().equals("getIdentityId") ? "cognitoIdentityId" : "cognitoIdentityPoolId"));
    }

    private static Object clientContext(Class<?> type, Map<?, ?> given) {
        return implement(type, (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "getCustom":
                    return given.get("custom");
                case "getEnvironment":
                    return given.get("env");
                default:
                    Object client = given.get("client");
                    return client instanceof Map ? client(method.getReturnType(), (Map<?, ?>) client) : null;
            }
        });
    }

    private static Object client(Class<?> type, Map<?, ?> given) {
        return implement(type, (proxy, method, arguments) -> {
            String name = method.getName().substring(3).replaceAll("([A-Z])", "_$1").toLowerCase().substring(1);
            return given.get(name);
        });
    }

    private static Map<?, ?> parsed(String header) {
        return header == null ? Collections.emptyMap() : (Map<?, ?>) Json.parse(header);
    }

    private static Object implement(Class<?> type, InvocationHandler calls) {
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
            if (method.getDeclaringClass() != Object.class) {
                return calls.invoke(proxy, method, arguments);
            }
            switch (method.getName()) {
                case "equals":
                    return proxy == arguments[0];
                case "hashCode":
                    return System.identityHashCode(proxy);
                default:
                    return type.getSimpleName();
            }
        });
    }
}
