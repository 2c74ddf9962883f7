package fogbank;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.RestoreException;

/**
 * The Java runtime: loads a handler and serves the Lambda Runtime API with it. Needs a JDK of version 8 or newer and
 * nothing else.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
public final class Runtime {
    private Runtime() {}

    public static void main(String[] arguments) throws Exception {
        RuntimeClient client = new RuntimeClient(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Log log = Log.OF_FUNCTION;
        Handler handler;
        try {
            handler = Handler.load(System.getenv("_HANDLER"));
        } catch (Throwable thrown) {
            Throwable error = causeOf(thrown);
            log.error(error);
            client.post("/init/error", describe(error), error.getClass().getName(), null);
            System.exit(1);
            return;
        }
        if ("snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"))) {
            waitForRestore(client, log);
        }
        while (true) {
            serve(client, handler, log, client.next());
        }
    }

    private static void waitForRestore(RuntimeClient client, Log log) throws Exception {
        Context<Resource> hooks = Core.getGlobalContext();
        String path = "/init/error";
        try {
            hooks.beforeCheckpoint(hooks);
            System.out.flush();
            client.restoreNext();
            path = "/restore/error";
            hooks.afterRestore(hooks);
        } catch (CheckpointException | RestoreException failure) {
            Throwable error = failure.getSuppressed()[0];
            log.error(error);
            boolean before = failure instanceof CheckpointException;
            client.post(path, describe(error), before ? "Runtime.BeforeCheckpointError" : "Runtime.AfterRestoreError", null);
            System.exit(1);
        }
    }

    private static void serve(RuntimeClient client, Handler handler, Log log, RuntimeClient.Answer invocation)
            throws Exception {
        String id = invocation.header("lambda-runtime-aws-request-id");
        String path = "/invocation/" + id;
        String trace = invocation.header("lambda-runtime-trace-id");
        if (trace != null) {
            System.setProperty("com.amazonaws.xray.traceHeader", trace);
        }
        log.requestId = id;
        byte[] answer;
        try {
            answer = handler.handle(invocation);
        } catch (Throwable thrown) {
            Throwable error = causeOf(thrown);
            log.error(error);
            client.post(path + "/error", describe(error), error.getClass().getName(), null);
            if (error instanceof VirtualMachineError) {
                System.exit(1);
            }
            return;
        }
        System.out.flush();
        client.post(path + "/response", answer, null, "application/json");
    }

    private static Throwable causeOf(Throwable thrown) {
        boolean wraps = thrown instanceof InvocationTargetException || thrown instanceof ExceptionInInitializerError;
        return wraps && thrown.getCause() != null ? thrown.getCause() : thrown;
    }

    private static byte[] describe(Throwable error) {
        return Json.bytes(document(error));
    }

    private static Map<String, Object> document(Throwable error) {
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("errorMessage", error.getMessage() != null ? error.getMessage() : error.getClass().getName());
        document.put("errorType", error.getClass().getName());
        List<String> frames = new ArrayList<>();
        for (StackTraceElement frame : functionFrames(error)) {
            frames.add(frame.toString());
        }
        document.put("stackTrace", frames);
        if (error.getCause() != null && error.getCause() != error) {
            document.put("cause", document(error.getCause()));
        }
        return document;
    }

    /** The frames that are the function's: those above the first one of this runtime's or of the reflection under it. */
    private static List<StackTraceElement> functionFrames(Throwable error) {
        StackTraceElement[] frames = error.getStackTrace();
        int end = frames.length;
        for (int i = 0; i < frames.length; i++) {
            if (frames[i].getClassName().startsWith("fogbank.")) {
                end = i;
                break;
            }
        }
        while (end > 0 && frames[end - 1].getClassName().matches("(java\\.lang|jdk\\.internal|sun)\\.reflect\\..*")) {
            end--;
        }
        return Arrays.asList(frames).subList(0, end);
    }

    static String traceOf(Throwable error) {
        error.setStackTrace(functionFrames(error).toArray(new StackTraceElement[0]));
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text, true));
        return text.toString();
    }
}
