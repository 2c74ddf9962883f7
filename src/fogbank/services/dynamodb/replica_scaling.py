"""Auto scaling of a global table's replicas, by way of Application Auto Scaling.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTableReplicaAutoScaling.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.records import TableRecord
from fogbank.services.dynamodb.scaling import ScalableTables

Settings = dict[str, Any]
_POLICY_MEMBERS = ("DisableScaleIn", "ScaleInCooldown", "ScaleOutCooldown", "TargetValue")


class ReplicaScaling(ScalableTables):
    """The operations on the auto scaling of replicas of `DynamoDBService`."""

    def describe_table_replica_auto_scaling(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._global_table(ctx, TableName)
        return {"TableAutoScalingDescription": self._scaling_answer(ctx, table, "ACTIVE")}

    def update_table_replica_auto_scaling(
        self,
        ctx: Context,
        *,
        TableName: str,
        GlobalSecondaryIndexUpdates: list[dict[str, Any]] | None = None,
        ProvisionedWriteCapacityAutoScalingUpdate: Settings | None = None,
        ReplicaUpdates: list[dict[str, Any]] | None = None,
    ) -> Answer:
        """What is written is written everywhere: its settings are those of all replicas, those of reads each one's."""
        table = self._global_table(ctx, TableName)
        regions = (table.region, *table.replicas)
        for region in regions:
            there = ctx.at(region=region)
            if ProvisionedWriteCapacityAutoScalingUpdate is not None:
                self._set_scaling(there, table.name, None, "Write", ProvisionedWriteCapacityAutoScalingUpdate)
            for update in GlobalSecondaryIndexUpdates or ():
                wanted = update.get("ProvisionedWriteCapacityAutoScalingUpdate")
                self._set_scaling(there, table.name, update["IndexName"], "Write", wanted)
        for replica in ReplicaUpdates or ():
            if replica["RegionName"] not in regions:
                raise Validation(f"The table has no replica in {replica['RegionName']}")
            there = ctx.at(region=replica["RegionName"])
            wanted = replica.get("ReplicaProvisionedReadCapacityAutoScalingUpdate")
            self._set_scaling(there, table.name, None, "Read", wanted)
            for update in replica.get("ReplicaGlobalSecondaryIndexUpdates", ()):
                wanted = update.get("ProvisionedReadCapacityAutoScalingUpdate")
                self._set_scaling(there, table.name, update["IndexName"], "Read", wanted)
        return {"TableAutoScalingDescription": self._scaling_answer(ctx, table, "UPDATING")}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _global_table(self, ctx: Context, name: str) -> TableRecord:
        table = self._table(ctx, name, wording="Table")
        if not table.replicas:  # AWS's sentence is not published.
            raise Validation(f"The table is not a global table: {table.name}")
        return table

    def _set_scaling(self, ctx: Context, table: str, index: str | None, unit: str, wanted: Settings | None) -> None:
        if wanted is None:
            return
        scaling, place = self.cloud.applicationautoscaling, _place(table, index, unit)
        if wanted.get("AutoScalingDisabled"):
            if scaling.describe_scalable_targets(ctx, **_found(place))["ScalableTargets"]:
                scaling.deregister_scalable_target(ctx, **place)
            return
        given = {
            name: wanted[member]
            for name, member in (
                ("MinCapacity", "MinimumUnits"), ("MaxCapacity", "MaximumUnits"), ("RoleARN", "AutoScalingRoleArn"),
            )
            if member in wanted
        }  # fmt: skip
        scaling.register_scalable_target(ctx, **place, **given)
        policy = wanted.get("ScalingPolicyUpdate")
        if policy is not None:
            metric = f"DynamoDB{unit}CapacityUtilization"
            scaling.put_scaling_policy(
                ctx,
                **place,
                PolicyName=policy.get("PolicyName", f"{metric}:{place['ResourceId']}"),
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration=policy["TargetTrackingScalingPolicyConfiguration"]
                | {"PredefinedMetricSpecification": {"PredefinedMetricType": metric}},
            )

    def _scaling_answer(self, ctx: Context, table: TableRecord, status: str) -> dict[str, Any]:
        replicas = []
        for region in (table.region, *table.replicas):
            there = ctx.at(region=region)
            replica: dict[str, Any] = {"RegionName": region, "ReplicaStatus": "ACTIVE"}
            for unit in ("Read", "Write"):
                settings = self._settings(there, table.name, None, unit)
                replica[f"ReplicaProvisioned{unit}CapacityAutoScalingSettings"] = settings
            replica["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index.name,
                    "IndexStatus": "ACTIVE",
                    **{
                        f"Provisioned{unit}CapacityAutoScalingSettings": self._settings(
                            there, table.name, index.name, unit
                        )
                        for unit in ("Read", "Write")
                    },
                }
                for index in table.indexes
                if not index.local
            ]
            replicas.append(replica)
        return {"TableName": table.name, "TableStatus": status, "Replicas": replicas}

    def _settings(self, ctx: Context, table: str, index: str | None, unit: str) -> Settings:
        scaling, place = self.cloud.applicationautoscaling, _place(table, index, unit)
        targets = scaling.describe_scalable_targets(ctx, **_found(place))["ScalableTargets"]
        if not targets:
            return {"AutoScalingDisabled": True}
        policies = scaling.describe_scaling_policies(ctx, **place)["ScalingPolicies"]
        return {
            "MinimumUnits": targets[0]["MinCapacity"],
            "MaximumUnits": targets[0]["MaxCapacity"],
            "AutoScalingDisabled": False,
            "AutoScalingRoleArn": targets[0]["RoleARN"],
            "ScalingPolicies": [
                {
                    "PolicyName": policy["PolicyName"],
                    "TargetTrackingScalingPolicyConfiguration": {
                        name: value
                        for name, value in policy["TargetTrackingScalingPolicyConfiguration"].items()
                        if name in _POLICY_MEMBERS
                    },
                }
                for policy in policies
            ],
        }


def _place(table: str, index: str | None, unit: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "dynamodb",
        "ResourceId": f"table/{table}" if index is None else f"table/{table}/index/{index}",
        "ScalableDimension": f"dynamodb:{'table' if index is None else 'index'}:{unit}CapacityUnits",
    }


def _found(place: dict[str, str]) -> dict[str, Any]:
    """The place as DescribeScalableTargets takes it."""
    rest = {name: value for name, value in place.items() if name != "ResourceId"}
    return {**rest, "ResourceIds": [place["ResourceId"]]}
