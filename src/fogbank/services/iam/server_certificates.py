"""Server certificates: what load balancers and distributions show to their clients.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.certificates import check_chain, check_key, read_certificate
from fogbank.services.iam.errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page, tagged, with_tags
from fogbank.services.iam.records import IamTables, ServerCertificate, new_id

CERTIFICATES_MAX = 20


class ServerCertificates(Service):
    """The operations on server certificates of `IamService`."""

    _tables: IamTables

    def delete_server_certificate(self, ctx: Context, *, ServerCertificateName: str) -> Answer:
        self._server_certificate(ctx, ServerCertificateName)
        self._tables.server_certificates.delete((ctx.account, ServerCertificateName))
        return None

    def get_server_certificate(self, ctx: Context, *, ServerCertificateName: str) -> Answer:
        found = self._server_certificate(ctx, ServerCertificateName)
        answer = {
            "ServerCertificateMetadata": _metadata(ctx, found),
            "CertificateBody": found.body,
            "Tags": tag_list(found.tags),
        }
        return {"ServerCertificate": answer | ({"CertificateChain": found.chain} if found.chain else {})}

    def list_server_certificate_tags(
        self, ctx: Context, *, ServerCertificateName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._server_certificate(ctx, ServerCertificateName).tags), Marker, MaxItems)

    def list_server_certificates(
        self, ctx: Context, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        rows = [
            _metadata(ctx, one)
            for _, one in self._tables.server_certificates.scan((ctx.account,))
            if one.path.startswith(PathPrefix)
        ]
        return page("ServerCertificateMetadataList", rows, Marker, MaxItems)

    def tag_server_certificate(self, ctx: Context, *, ServerCertificateName: str, Tags: list[dict[str, str]]) -> Answer:
        found = self._server_certificate(ctx, ServerCertificateName)
        found.tags = with_tags(found.tags, Tags)
        return self._keep_server_certificate(ctx, found)

    def untag_server_certificate(self, ctx: Context, *, ServerCertificateName: str, TagKeys: list[str]) -> Answer:
        found = self._server_certificate(ctx, ServerCertificateName)
        found.tags = {key: value for key, value in found.tags.items() if key not in TagKeys}
        return self._keep_server_certificate(ctx, found)

    def update_server_certificate(
        self,
        ctx: Context,
        *,
        ServerCertificateName: str,
        NewPath: str | None = None,
        NewServerCertificateName: str | None = None,
    ) -> Answer:
        found = self._server_certificate(ctx, ServerCertificateName)
        found.path = NewPath or found.path
        if NewServerCertificateName is not None and NewServerCertificateName != ServerCertificateName:
            self._check_free(ctx, NewServerCertificateName)
            self._tables.server_certificates.delete((ctx.account, ServerCertificateName))
            found.name = NewServerCertificateName
        return self._keep_server_certificate(ctx, found)

    def upload_server_certificate(
        self,
        ctx: Context,
        *,
        ServerCertificateName: str,
        CertificateBody: str,
        PrivateKey: str,
        CertificateChain: str = "",
        Path: str = "/",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        self._check_free(ctx, ServerCertificateName)
        if self._tables.server_certificates.count((ctx.account,)) >= CERTIFICATES_MAX:
            raise LimitExceeded(f"Cannot exceed quota for ServerCertificatesPerAccount: {CERTIFICATES_MAX}")
        certificate = read_certificate(CertificateBody)
        check_key(certificate, PrivateKey)
        if CertificateChain:
            check_chain(certificate, CertificateChain)
        made = ServerCertificate(
            name=ServerCertificateName,
            id=new_id("ASCA"),
            path=Path,
            uploaded_ms=ctx.now_ms,
            expires_ms=int(certificate.not_valid_after_utc.timestamp() * 1000),
            body=CertificateBody.strip(),
            chain=CertificateChain.strip(),
            private_key=PrivateKey,
            tags=tag_map(Tags),
        )
        self._keep_server_certificate(ctx, made)
        return {"ServerCertificateMetadata": _metadata(ctx, made)} | tagged(made.tags)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _server_certificate(self, ctx: Context, name: str) -> ServerCertificate:
        found = self._tables.server_certificates.get((ctx.account, name))
        if found is None:
            raise NoSuchEntity(f"The Server Certificate with name {name} cannot be found.")
        return found

    def _check_free(self, ctx: Context, name: str) -> None:
        if self._tables.server_certificates.get((ctx.account, name)) is not None:
            raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")

    def _keep_server_certificate(self, ctx: Context, certificate: ServerCertificate) -> Answer:
        self._tables.server_certificates.put((ctx.account, certificate.name), certificate)
        return None


def _metadata(ctx: Context, one: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": one.path,
        "ServerCertificateName": one.name,
        "ServerCertificateId": one.id,
        "Arn": f"arn:aws:iam::{ctx.account}:server-certificate{one.path}{one.name}",
        "UploadDate": one.uploaded_ms / 1000,
        "Expiration": one.expires_ms / 1000,
    }
