"""Functions in Java."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute.interface import Outcome
from tests.engines.compute.harness import ARN, Harness, answer, call
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK is installed")

JAVA_FILES = Path(__file__).parents[3] / "src" / "fogbank" / "engines" / "compute" / "java"
SOURCES = {
    "shop/Order.java": """
        package shop;
        import java.util.*;
        public class Order {
            public enum State { OPEN, PAID }
            private String id; private int count; private State state; private List<Line> Records; private Date at;
            public String getId() { return id; }
            public void setId(String id) { this.id = id; }
            public int getCount() { return count; }
            public void setCount(int count) { this.count = count; }
            public State getState() { return state; }
            public void setState(State state) { this.state = state; }
            public List<Line> getRecords() { return Records; }
            public void setRecords(List<Line> records) { Records = records; }
            public static class Line {
                public String name; public double price; public Map<String, Long> more;
            }
        }
    """,
    "shop/Total.java": """
        package shop;
        public record Total(String id, long count, double price, java.util.List<String> names) {}
    """,
    "shop/Handlers.java": """
        package shop;
        import com.amazonaws.services.lambda.runtime.*;
        import java.io.*;
        import java.util.*;
        public class Handlers {
            static { System.out.println("loaded"); }
            public Map<String, Object> map(Map<String, Object> event, Context context) { return Map.of("echo", event); }
            public static int count(List<Integer> all) { return all.stream().mapToInt(Integer::intValue).sum(); }
            public String text(String event) { return event + "!"; }
            public Order bean(Order order) { order.setCount(order.getCount() + 1); return order; }
            public Total record(Total all) { return new Total(all.id(), all.count() * 2, all.price(), all.names()); }
            public void stream(InputStream in, OutputStream out) throws IOException { out.write(in.readAllBytes()); }
            public void nothing(Object event) {}
            public void fail(Object event) { throw new IllegalStateException("no", new RuntimeException("deep")); }
            public List<Object> context(Object event, Context context) {
                context.getLogger().log("two\\nlines");
                return List.of(context.getAwsRequestId(), context.getInvokedFunctionArn(), context.getMemoryLimitInMB(),
                    context.getRemainingTimeInMillis() > 1000, context.getIdentity().getIdentityId(),
                    context.getClientContext().getCustom().get("k"), System.getenv("STAGE"));
            }
        }
    """,
    "shop/Plain.java": """
        package shop;
        import com.amazonaws.services.lambda.runtime.*;
        abstract class Base<T> implements RequestHandler<T, String> {}
        public class Plain extends Base<Order> {
            public String handleRequest(Order order, Context context) {
                return order.getId() + order.getRecords().get(0).name + order.getState();
            }
        }
    """,
    "shop/Stream.java": """
        package shop;
        import com.amazonaws.services.lambda.runtime.*;
        import java.io.*;
        public class Stream implements RequestStreamHandler {
            public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
                in.transferTo(out);
            }
        }
    """,
    "shop/Broken.java": """
        package shop;
        public class Broken {
            static { if (true) throw new IllegalArgumentException("no configuration"); }
            public void run(Object event) {}
        }
    """,
}


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("java")
    files = []
    for name, text in SOURCES.items():
        file = folder / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        files.append(str(file))
    interfaces = ["-sourcepath", str(JAVA_FILES), "-implicit:none"]
    subprocess.run(["javac", "--release", "17", *interfaces, "-d", str(folder / "classes"), *files], check=True)
    return folder / "classes"


ORDER = {"ID": "a", "count": 1, "state": "PAID", "Records": [{"name": "é", "price": 1.5, "more": {"x": 1}}], "new": 1}


def once(harness: Harness, package: Path, handler: str, payload: Any = None, **options: Any) -> Outcome:
    environment = {"STAGE": "test", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    spec = harness.spec({}, code=package, runtime="java17", handler=handler, environment=environment)
    return harness.invoke(spec, call(payload, timeout_s=PATIENCE_S, **options))[0]


@pytest.mark.parametrize(
    ("handler", "event", "expected"),
    [
        ("shop.Handlers::map", {"a": [1, "é", None, 2.5], "b": None}, {"echo": {"a": [1, "é", None, 2.5]}}),
        ("shop.Handlers::count", [1, 2, 3], 6),
        ("shop.Handlers::text", "hi", "hi!"),
        (
            "shop.Handlers::bean",
            ORDER,
            {"id": "a", "count": 2, "state": "PAID", "records": [{"name": "é", "price": 1.5, "more": {"x": 1}}]},
        ),
        (
            "shop.Handlers::record",
            {"id": "a", "count": 1 << 40, "price": 2, "names": ["b"]},
            {"id": "a", "count": 1 << 41, "price": 2.0, "names": ["b"]},
        ),
        ("shop.Handlers::stream", {"b": 1}, {"b": 1}),
        ("shop.Handlers::nothing", {}, None),
        ("shop.Plain", ORDER, "aéPAID"),
        ("shop.Stream", {"c": "ü"}, {"c": "ü"}),
    ],
)
def test_a_handler_answers_whatever_its_form_and_its_types(
    harness: Harness, package: Path, handler: str, event: Any, expected: Any
) -> None:
    assert answer(once(harness, package, handler, event)) == expected


@pytest.mark.parametrize(
    ("handler", "ending", "error_type", "message"),
    [
        ("shop.Handlers::fail", "failed", "java.lang.IllegalStateException", "no"),
        ("shop.Gone::run", "init_failed", "java.lang.ClassNotFoundException", "Class not found: shop.Gone"),
        (
            "shop.Handlers::gone",
            "init_failed",
            "java.lang.NoSuchMethodException",
            "No public method named gone with appropriate method signature found on class shop.Handlers",
        ),
        ("shop.Broken::run", "init_failed", "java.lang.IllegalArgumentException", "no configuration"),
    ],
)
def test_an_error_has_its_class_its_message_and_its_trace(
    harness: Harness, package: Path, handler: str, ending: str, error_type: str, message: str
) -> None:
    outcome = once(harness, package, handler)
    document = json.loads(outcome.payload)
    assert (outcome.ending, document["errorType"], document["errorMessage"]) == (ending, error_type, message)
    if ending == "failed":
        (frame,) = document["stackTrace"]
        assert frame.startswith("shop.Handlers.fail(Handlers.java:")
        assert document["cause"]["errorMessage"] == "deep"
        assert any(line.startswith("no: java.lang.IllegalStateException\n") for line in harness.said())


def test_the_context_has_what_the_programming_model_promises(harness: Harness, package: Path) -> None:
    options = {
        "cognito_identity": json.dumps({"cognitoIdentityId": "me"}),
        "client_context": json.dumps({"custom": {"k": "é"}}),
    }
    outcome = once(harness, package, "shop.Handlers::context", **options)
    assert answer(outcome) == ["r-1", ARN, 256, True, "me", "é", "test"]
    assert harness.said() == ["loaded", "two\nlines"]
