package fogbank;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.util.LinkedHashMap;
import java.util.Map;

/** The context of one invocation. Functions like to write it to their log as JSON, by its fields. */
final class LambdaContext implements Context {
    private final int memoryLimit = Integer.parseInt(environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"));
    private final String awsRequestId;
    private final String logGroupName = System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
    private final String logStreamName = System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
    private final String functionName = System.getenv("AWS_LAMBDA_FUNCTION_NAME");
    private final String functionVersion = System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
    private final String invokedFunctionArn;
    private final String tenantId;
    private final String xrayTraceId;
    private final long deadlineTimeInMs;
    private final CognitoIdentity cognitoIdentity;
    private final ClientContext clientContext;
    private final LambdaLogger logger = new FunctionLogger();

    LambdaContext(RuntimeClient.Answer invocation) {
        awsRequestId = invocation.header("lambda-runtime-aws-request-id");
        invokedFunctionArn = invocation.header("lambda-runtime-invoked-function-arn");
        tenantId = invocation.header("lambda-runtime-aws-tenant-id");
        xrayTraceId = invocation.header("lambda-runtime-trace-id");
        deadlineTimeInMs = Long.parseLong(invocation.header("lambda-runtime-deadline-ms"));
        cognitoIdentity = new Identity(parsed(invocation.header("lambda-runtime-cognito-identity")));
        Map<String, Object> client = parsed(invocation.header("lambda-runtime-client-context"));
        clientContext = client.isEmpty() ? null : new Caller(client);
    }

    private static String environment(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> parsed(String header) {
        return header == null ? new LinkedHashMap<>() : (Map<String, Object>) Json.parse(header);
    }

    @Override
    public String getAwsRequestId() {
        return awsRequestId;
    }

    @Override
    public String getLogGroupName() {
        return logGroupName;
    }

    @Override
    public String getLogStreamName() {
        return logStreamName;
    }

    @Override
    public String getFunctionName() {
        return functionName;
    }

    @Override
    public String getFunctionVersion() {
        return functionVersion;
    }

    @Override
    public String getInvokedFunctionArn() {
        return invokedFunctionArn;
    }

    @Override
    public CognitoIdentity getIdentity() {
        return cognitoIdentity;
    }

    @Override
    public ClientContext getClientContext() {
        return clientContext;
    }

    @Override
    public int getRemainingTimeInMillis() {
        return (int) Math.max(deadlineTimeInMs - System.currentTimeMillis(), 0);
    }

    @Override
    public int getMemoryLimitInMB() {
        return memoryLimit;
    }

    @Override
    public LambdaLogger getLogger() {
        return logger;
    }

    @Override
    public String getTenantId() {
        return tenantId;
    }

    @Override
    public String getXrayTraceId() {
        return xrayTraceId;
    }

    private static final class Identity implements CognitoIdentity {
        private final String identityId;
        private final String poolId;

        Identity(Map<String, Object> given) {
            identityId = (String) given.getOrDefault("cognitoIdentityId", "");
            poolId = (String) given.getOrDefault("cognitoIdentityPoolId", "");
        }

        @Override
        public String getIdentityId() {
            return identityId;
        }

        @Override
        public String getIdentityPoolId() {
            return poolId;
        }
    }

    private static final class Caller implements ClientContext {
        private final Map<String, String> custom;
        private final Map<String, String> env;
        private final Client client;

        Caller(Map<String, Object> given) {
            custom = texts(given.get("custom"));
            env = texts(given.get("env"));
            Map<String, String> application = texts(given.get("client"));
            client = application == null ? null : new Application(application);
        }

        private static Map<String, String> texts(Object given) {
            if (!(given instanceof Map)) {
                return null;
            }
            Map<String, String> texts = new LinkedHashMap<>();
            ((Map<?, ?>) given).forEach((name, value) -> texts.put(String.valueOf(name), String.valueOf(value)));
            return texts;
        }

        @Override
        public Client getClient() {
            return client;
        }

        @Override
        public Map<String, String> getCustom() {
            return custom;
        }

        @Override
        public Map<String, String> getEnvironment() {
            return env;
        }
    }

    private static final class Application implements Client {
        private final Map<String, String> given;

        Application(Map<String, String> given) {
            this.given = given;
        }

        @Override
        public String getInstallationId() {
            return given.get("installation_id");
        }

        @Override
        public String getAppTitle() {
            return given.get("app_title");
        }

        @Override
        public String getAppVersionName() {
            return given.get("app_version_name");
        }

        @Override
        public String getAppVersionCode() {
            return given.get("app_version_code");
        }

        @Override
        public String getAppPackageName() {
            return given.get("app_package_name");
        }
    }
}
