package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;

/** Logs the messages of a queue, each with its attribute. */
public class Orders {
    public void handle(SQSEvent event, Context context) {
        for (SQSEvent.SQSMessage message : event.getRecords()) {
            String sender = message.getMessageAttributes().get("sender").getStringValue();
            context.getLogger().log("order " + message.getBody() + " of " + sender + " by " + message.getEventSourceArn());
        }
    }
}
