package com.amazonaws.services.lambda.runtime;

/** The identity that authorized a request of a mobile application. */
public interface CognitoIdentity {
    String getIdentityId();

    String getIdentityPoolId();
}
