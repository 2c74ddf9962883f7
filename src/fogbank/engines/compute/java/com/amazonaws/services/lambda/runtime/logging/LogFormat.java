package com.amazonaws.services.lambda.runtime.logging;

/** How records are written. */
public enum LogFormat {
    JSON, TEXT;

    public static LogFormat fromString(String name) {
        return valueOf(name.toUpperCase(java.util.Locale.ROOT));
    }
}
