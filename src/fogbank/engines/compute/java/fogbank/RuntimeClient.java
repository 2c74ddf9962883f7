package fogbank;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** One kept-alive connection to the Runtime API. The HTTP clients of the JDK take longer to load than to answer. */
final class RuntimeClient {
    private static final String API = "/2018-06-01/runtime";
    private final String address;
    private final OutputStream out;
    private final DataInputStream in;

    static final class Answer {
        final int status;
        final byte[] body;
        private final Map<String, String> headers;

        Answer(int status, Map<String, String> headers, byte[] body) {
            this.status = status;
            this.headers = headers;
            this.body = body;
        }

        String header(String name) {
            return headers.get(name);
        }
    }

    RuntimeClient(String address) throws IOException {
        this.address = address;
        int colon = address.lastIndexOf(':');
        Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        out = socket.getOutputStream();
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 65536));
    }

    Answer next() throws IOException {
        Answer answer = send("GET", "/invocation/next", new byte[0], "");
        if (answer.status != 200) {
            throw new IOException("no next invocation: " + answer.status);
        }
        return answer;
    }

    void restoreNext() throws IOException {
        send("GET", "/restore/next", new byte[0], "");
    }

    void post(String path, byte[] body, String errorType, String contentType) throws IOException {
        String error = errorType == null ? "" : "Lambda-Runtime-Function-Error-Type: " + errorType + "\r\n";
        String type = contentType == null ? "application/vnd.aws.lambda.error+json" : contentType;
        send("POST", path, body, error + "Content-Type: " + type + "\r\n");
    }

    private Answer send(String method, String path, byte[] body, String headers) throws IOException {
        String head = method + " " + API + path + " HTTP/1.1\r\nHost: " + address + "\r\n" + headers
                + "Content-Length: " + body.length + "\r\n\r\n";
        byte[] start = head.getBytes(StandardCharsets.ISO_8859_1);
        byte[] request = java.util.Arrays.copyOf(start, start.length + body.length);
        System.arraycopy(body, 0, request, start.length, body.length);
        out.write(request);
        out.flush();
        return receive();
    }

    private Answer receive() throws IOException {
        String line = line(in);
        if (line == null) {
            System.exit(0); // The server is gone, and with it the reason to be here.
        }
        int status = Integer.parseInt(line.split(" ")[1]);
        Map<String, String> headers = new HashMap<>();
        while ((line = line(in)) != null && !line.isEmpty()) {
            int colon = line.indexOf(':');
            headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        String length = headers.get("content-length");
        byte[] body = new byte[length == null ? 0 : Integer.parseInt(length)];
        in.readFully(body);
        return new Answer(status, headers, body);
    }

    private static String line(InputStream in) throws IOException {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream(64);
        int next;
        while ((next = in.read()) != '\n') {
            if (next < 0) {
                return null;
            }
            bytes.write(next);
        }
        return new String(bytes.toByteArray(), StandardCharsets.UTF_8).trim();
    }
}
