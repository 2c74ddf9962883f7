package fogbank;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What LambdaLogger writes to. Records are framed, which keeps their lines together on the way. */
final class Log {
    private static final List<String> LEVELS = Arrays.asList("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL");
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private final boolean json;
    private final int least;
    volatile String requestId;

    Log(String format, String level) {
        json = "JSON".equalsIgnoreCase(format);
        least = json && level != null ? LEVELS.indexOf(level) : -1;
    }

    void write(String level, String message) {
        if (level != null && LEVELS.contains(level) && LEVELS.indexOf(level) < least) {
            return;
        }
        if (!json) {
            frame(level == null ? message : "[" + level + "] " + message);
            return;
        }
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("timestamp", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
        if (level != null) {
            record.put("level", level);
        }
        record.put("message", message);
        record.put("AWSRequestId", requestId);
        frame(new String(Json.bytes(record), StandardCharsets.UTF_8));
    }

    void error(Throwable error) {
        String title = error.getMessage() + ": " + error.getClass().getName();
        write(json ? "ERROR" : null, title + "\n" + Runtime.traceOf(error));
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
