package com.amazonaws.services.lambda.runtime.logging;

/** How grave a record is. */
public enum LogLevel {
    UNDEFINED, TRACE, DEBUG, INFO, WARN, ERROR, FATAL;

    public static LogLevel fromString(String name) {
        for (LogLevel each : values()) {
            if (each.name().equalsIgnoreCase(name)) {
                return each;
            }
        }
        return UNDEFINED;
    }
}
