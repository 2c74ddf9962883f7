// One kept-alive connection to the Runtime API.

import http from "node:http";

const API = "/2018-06-01/runtime";

export class RuntimeClient {
  constructor(address) {
    const [host, port] = address.split(":");
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
    this.options = { host, port: Number(port), agent: this.agent };
  }

  async next() {
    const answer = await this.send("GET", "/invocation/next");
    if (answer.status !== 200) throw new Error(`no next invocation: ${answer.status} ${answer.body}`);
    return answer;
  }

  respond(id, document) {
    return this.send("POST", `/invocation/${id}/response`, document, { "Content-Type": "application/json" });
  }

  error(path, document) {
    return this.send("POST", path, JSON.stringify(document), {
      "Content-Type": "application/json",
      "Lambda-Runtime-Function-Error-Type": document.errorType,
    });
  }

  /** A request whose body is written piece by piece; `answered` is called when it was taken. */
  stream(id, headers, answered) {
    const request = http.request(
      { ...this.options, method: "POST", path: `${API}/invocation/${id}/response`, headers },
      (response) => response.resume().on("end", answered),
    );
    return request.on("error", () => process.exit(1));
  }

  send(method, path, body = "", headers = {}) {
    return new Promise((resolve) => {
      const length = { "Content-Length": Buffer.byteLength(body) };
      const options = { ...this.options, method, path: API + path, headers: { ...headers, ...length } };
      const request = http.request(options, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
        );
      });
      // The server is gone, and with it the reason to be here.
      request.on("error", () => process.exit(1));
      request.end(body);
    });
  }
}
