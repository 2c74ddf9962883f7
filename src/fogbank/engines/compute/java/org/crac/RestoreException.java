package org.crac;

/** Wraps what resources have thrown, each as a suppressed exception. */
public class RestoreException extends Exception {
    private static final long serialVersionUID = 1L;

    public RestoreException() {}

    public RestoreException(String message) {
        super(message);
    }
}
