"""Buckets as websites."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.s3.conftest import Reply, Send

INDEX = {"IndexDocument": {"Suffix": "index.html"}}


class Site:
    """A website, asked at its host."""

    def __init__(self, s3: Any, send: Send, bucket: str) -> None:
        self._s3, self._send, self.bucket = s3, send, bucket
        self.host = f"{bucket}.s3-website.localhost"

    def configure(self, **website: Any) -> None:
        self._s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration={**INDEX, **website})

    def put(self, key: str, **given: Any) -> None:
        self._s3.put_object(Bucket=self.bucket, Key=key, **{"Body": key.encode(), "ContentType": "text/html", **given})

    def get(self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Reply:
        return self._send(method, path, host=self.host, headers=headers)


@pytest.fixture
def site(s3: Any, send: Send, bucket: str) -> Site:
    found = Site(s3, send, bucket)
    found.configure()
    return found


@pytest.mark.parametrize(
    "host",
    [
        "{}.s3-website.localhost:4566",
        "{}.s3-website-us-east-1.amazonaws.com",
        "{}.s3-website.us-east-1.amazonaws.com",
        "{}.s3-website.localhost.localstack.cloud",
    ],
)
def test_a_website_is_read_at_its_host(site: Site, host: str) -> None:
    site.put("index.html")
    site.host = host.format(site.bucket)
    answer = site.get("/")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"index.html", "text/html")


def test_folders_have_index_documents(site: Site) -> None:
    site.put("a b/index.html")
    assert site.get("/a%20b/").body == b"a b/index.html"
    redirect = site.get("/a%20b")
    assert (redirect.status, redirect.headers["Location"], redirect.body) == (302, "/a%20b/", b"")


def test_what_is_not_there_has_a_page_that_says_so(site: Site) -> None:
    answer = site.get("/x&y/")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.body.startswith(
        b"<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n"
        b"<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n"
        b"<li>Key: x&amp;y/index.html</li>\n<li>RequestId: "
    )
    assert answer.headers["x-amz-error-code"] == "NoSuchKey"
    head = site.get("/nothing", method="HEAD")
    assert (head.status, head.body) == (404, b"")


def test_an_error_document_is_shown_with_the_errors_status(site: Site) -> None:
    site.configure(ErrorDocument={"Key": "error.html"})
    missing = site.get("/nothing")
    assert b"An Error Occurred While Attempting to Retrieve a Custom Error Document" in missing.body
    site.put("error.html")
    answer = site.get("/nothing", headers={"If-None-Match": '"x"', "Range": "bytes=0-1"})
    assert (answer.status, answer.body) == (404, b"error.html")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_website_is_only_read(site: Site, method: str) -> None:
    site.configure(ErrorDocument={"Key": "error.html"})
    site.put("error.html")
    answer = site.get("/", method=method)
    assert answer.status == 405
    assert f"<li>Method: {method}</li>\n<li>ResourceType: OBJECT</li>".encode() in answer.body


def test_buckets_without_a_website_say_so(s3: Any, site: Site) -> None:
    s3.delete_bucket_website(Bucket=site.bucket)
    assert b"<li>Code: NoSuchWebsiteConfiguration</li>" in site.get("/").body
    site.host = f"no-{site.host}"
    assert b"<li>Code: NoSuchBucket</li>" in site.get("/").body
    with pytest.raises(ClientError, match="NoSuchWebsiteConfiguration"):
        s3.get_bucket_website(Bucket=site.bucket)


def test_reads_may_be_conditional_or_partial(site: Site) -> None:
    site.put("k.html", Body=b"0123456789")
    whole = site.get("/k.html")
    assert site.get("/k.html", headers={"If-None-Match": whole.headers["ETag"]}).status == 304
    assert site.get("/k.html", headers={"If-Match": '"other"'}).status == 412
    part = site.get("/k.html", headers={"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"234")
    head = site.get("/k.html", method="HEAD")
    assert (head.status, head.headers["Content-Length"]) == (200, "10")


def test_a_large_page_is_sent_as_it_is_read(site: Site) -> None:
    site.put("large", Body=b"0" * 5_000_000)
    assert len(site.get("/large").body) == 5_000_000


@pytest.mark.parametrize(
    ("rule", "path", "status", "location"),
    [
        ({"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"HostName": "b.com"}}, "/a/k", 301, "http://b.com/a/k"),
        (
            {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"Protocol": "https"}},
            "/a/k",
            301,
            "https://{host}/a/k",
        ),
        (
            {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"HttpRedirectCode": "307"}},
            "/a/",
            307,
            "http://{host}/a/",
        ),
        ({"Redirect": {"ReplaceKeyWith": "b c"}}, "/a", 301, "http://{host}/b%20c"),
        (
            {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}},
            "/a/k",
            301,
            "http://{host}/b/k",
        ),
        (
            {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": ""}},
            "/a/b/k",
            301,
            "http://{host}/b/k",
        ),
        (
            {"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"ReplaceKeyWith": "k"}},
            "/nothing",
            301,
            "http://{host}/k",
        ),
    ],
)
def test_a_rule_redirects(site: Site, rule: Any, path: str, status: int, location: str) -> None:
    site.configure(RoutingRules=[rule])
    answer = site.get(path)
    assert (answer.status, answer.headers["Location"]) == (status, location.format(host=site.host))


def test_a_rule_for_an_error_lets_other_requests_be(site: Site) -> None:
    rule = {
        "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "a"},
        "Redirect": {"ReplaceKeyWith": "k"},
    }
    site.configure(RoutingRules=[rule])
    site.put("a1")
    assert [site.get(path).status for path in ("/a1", "/a2", "/b")] == [200, 301, 404]


def test_all_requests_may_be_redirected(s3: Any, site: Site) -> None:
    to = {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}
    s3.put_bucket_website(Bucket=site.bucket, WebsiteConfiguration=to)
    answer = site.get("/a/b?c=d")
    assert (answer.status, answer.headers["Location"]) == (301, "https://example.com/a/b?c=d")
    assert s3.get_bucket_website(Bucket=site.bucket)["RedirectAllRequestsTo"] == to["RedirectAllRequestsTo"]


@pytest.mark.parametrize(
    ("website", "refusal"),
    [
        ({"IndexDocument": {"Suffix": "/i"}}, "The IndexDocument Suffix is not well formed"),
        ({"IndexDocument": {"Suffix": ""}}, "The IndexDocument Suffix is not well formed"),
        ({**INDEX, "RedirectAllRequestsTo": {"HostName": "h"}}, "RedirectAllRequestsTo cannot be provided in conj"),
        ({"ErrorDocument": {"Key": "k"}}, "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo"),
        ({**INDEX, "RoutingRules": []}, "MalformedXML"),
        (
            {**INDEX, "RoutingRules": [{"Redirect": {"Protocol": "ftp"}}]},
            "Invalid protocol, protocol can be http or https",
        ),
        (
            {**INDEX, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "300"}}]},
            r"HTTP redirect code \(300\) is not valid",
        ),
        (
            {**INDEX, "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]},
            "You can only define ReplaceKeyPrefix or ReplaceKey but not both",
        ),
        ({**INDEX, "RoutingRules": [{"Redirect": {"HostName": "h"}, "Condition": {}}]}, "Condition cannot be empty"),
        (
            {**INDEX, "RoutingRules": [{"Redirect": {}, "Condition": {"HttpErrorCodeReturnedEquals": "200"}}]},
            r"HTTP error code \(200\) is not valid",
        ),
        ({**INDEX, "RoutingRules": [{"Redirect": {"HostName": "h"}}] * 51}, "51 routing rules provided"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(s3: Any, bucket: str, website: Any, refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=website)


def test_pages_of_other_origins_may_read_a_website(s3: Any, site: Site) -> None:
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=site.bucket, CORSConfiguration={"CORSRules": [rule]})
    asked = {"Origin": "http://o", "Access-Control-Request-Method": "GET"}
    for method in ("OPTIONS", "GET"):
        assert site.get("/", method=method, headers=asked).headers["Access-Control-Allow-Origin"] == "*"
