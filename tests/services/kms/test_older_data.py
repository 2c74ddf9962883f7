"""What earlier versions kept is there still."""

import asyncio
from pathlib import Path

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from fogbank.services.kms.records import Grant

ACCOUNT = "111111111111"


def test_a_grant_that_names_users_by_their_arns_is_listed_by_them(tmp_path: Path) -> None:
    async def check() -> None:
        # given
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=Clock(virtual=True))
        iam, kms, ctx = cloud.iam, cloud.kms, cloud.context(account=ACCOUNT, region="us-east-1")
        arn = (await ctx.call(iam.create_user, UserName="ann"))["User"]["Arn"]
        key = (await ctx.call(kms.create_key))["KeyMetadata"]["KeyId"]
        older = Grant(
            id="older", grantee=arn, operations=["Decrypt"], created_ms=ctx.now_ms, issuer=ACCOUNT, retiring=arn
        )
        await ctx.run(kms._tables.grants.put, (ACCOUNT, "us-east-1", key, "older"), older)
        made = await ctx.call(
            kms.create_grant, KeyId=key, GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Decrypt"]
        )
        # when
        granted = await ctx.call(kms.list_grants, KeyId=key, GranteePrincipal=arn)
        retirable = await ctx.call(kms.list_retirable_grants, RetiringPrincipal=arn)
        # then
        for answer in (granted, retirable):
            assert {grant["GrantId"] for grant in answer["Grants"]} == {"older", made["GrantId"]}
            assert {grant["GranteePrincipal"] for grant in answer["Grants"]} == {arn}
        await cloud.stop()

    asyncio.run(check())
