package fogbank;

import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/** What LambdaLogger writes to. Records are framed, which keeps their lines together on the way. */
final class Log {
    static final Log OF_FUNCTION = new Log(System.getenv("AWS_LAMBDA_LOG_FORMAT"), System.getenv("AWS_LAMBDA_LOG_LEVEL"));
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private final boolean json;
    private final LogLevel least;
    volatile String requestId;

    private Log(String format, String level) {
        json = "JSON".equalsIgnoreCase(format);
        least = json ? LogLevel.fromString(level) : LogLevel.UNDEFINED;
    }

    void write(LogLevel level, String message) {
        boolean told = level != LogLevel.UNDEFINED;
        if (told && level.compareTo(least) < 0) {
            return;
        }
        if (!json) {
            frame(told ? "[" + level + "] " + message : message);
            return;
        }
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("timestamp", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
        if (told) {
            record.put("level", level.name());
        }
        record.put("message", message);
        record.put("AWSRequestId", requestId);
        frame(new String(Json.bytes(record), StandardCharsets.UTF_8));
    }

    void error(Throwable error) {
        String title = error.getMessage() + ": " + error.getClass().getName();
        write(json ? LogLevel.ERROR : LogLevel.UNDEFINED, title + "\n" + Runtime.traceOf(error));
    }

    synchronized void frame(String message) {
        System.out.flush();
        byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
        ByteBuffer frame = ByteBuffer.allocate(8 + bytes.length).putInt(0xa55a0001).putInt(bytes.length).put(bytes);
        try {
            out.write(frame.array());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
