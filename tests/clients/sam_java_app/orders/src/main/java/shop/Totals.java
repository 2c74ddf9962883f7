package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyRequestEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayProxyResponseEvent;

/** Answers requests of an API. */
public class Totals implements RequestHandler<APIGatewayProxyRequestEvent, APIGatewayProxyResponseEvent> {
    @Override
    public APIGatewayProxyResponseEvent handleRequest(APIGatewayProxyRequestEvent request, Context context) {
        String caller = request.getRequestContext().getIdentity().getSourceIp();
        return new APIGatewayProxyResponseEvent()
                .withStatusCode(200)
                .withBody(request.getHttpMethod() + " " + request.getPath() + " from " + caller);
    }
}
