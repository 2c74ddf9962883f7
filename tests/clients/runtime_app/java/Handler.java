import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** Echoes what it gets, or fails if it is asked to. */
public class Handler implements RequestHandler<Map<String, String>, Map<String, Object>> {
    @Override
    public Map<String, Object> handleRequest(Map<String, String> event, Context context) {
        if (event.containsKey("fail")) {
            throw new IllegalStateException(event.get("fail"));
        }
        context.getLogger().log("handled " + event.get("text"));
        return Map.of(
                "event", event,
                "function", context.getFunctionName(),
                "request", context.getAwsRequestId(),
                "remaining_ms", context.getRemainingTimeInMillis());
    }
}
