"""The steps that Organizations' operations are made of: finding the caller's organization and what is in it."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.organizations.errors import AccessDenied, NotInUse
from fogbank.services.organizations.records import ACCOUNT, ROOT, UNIT, Node, Organization, OrganizationTables

FULL_ACCESS = "p-FullAWSAccess"


class Base(Service):
    _tables: OrganizationTables

    def _organization(self, ctx: Context) -> Organization:
        """The organization that the caller is a member of."""
        found = self._organization_of(ctx.account)
        if found is None:
            raise NotInUse
        return found

    def _managed(self, ctx: Context) -> Organization:
        """The organization that the caller manages: members may not look at it."""
        found = self._organization(ctx)
        if found.management != ctx.account:
            raise AccessDenied
        return found

    def _organization_of(self, account: str) -> Organization | None:
        management = self._tables.members.peek((account,))
        return None if management is None else self._tables.organizations.peek((management,))

    def _node(self, organization: Organization, node_id: str) -> Node | None:
        return self._tables.nodes.get((organization.id, node_id))

    def _keep_node(self, organization: Organization, node_id: str, node: Node) -> None:
        self._tables.nodes.put((organization.id, node_id), node)

    def _nodes(self, organization: Organization) -> Iterator[tuple[str, Node]]:
        return ((key[1], node) for key, node in self._tables.nodes.scan((organization.id,)))

    def _children(self, organization: Organization, parent: str, kind: str) -> dict[str, Node]:
        found = self._nodes(organization)
        return {node_id: node for node_id, node in found if node.parent == parent and node.kind == kind}

    def _first_policies(self, organization: Organization) -> list[str]:
        """What a new node has attached."""
        root = self._node(organization, organization.root)
        return [FULL_ACCESS] if root is not None and root.control_enabled else []

    def _path(self, organization: Organization, node_id: str) -> list[str]:
        """The ids from the root down to the node."""
        path = [node_id]
        while (node := self._tables.nodes.peek((organization.id, path[0]))) is not None and node.parent:
            path.insert(0, node.parent)
        return path


def node_arn(organization: Organization, node_id: str, node: Node) -> str:
    kind = {ROOT: "root", UNIT: "ou", ACCOUNT: "account"}[node.kind]
    return f"arn:aws:organizations::{organization.management}:{kind}/{organization.id}/{node_id}"


def described(organization: Organization, node_id: str, node: Node) -> dict[str, Any]:
    return {"Id": node_id, "Arn": node_arn(organization, node_id, node), "Name": node.name}
