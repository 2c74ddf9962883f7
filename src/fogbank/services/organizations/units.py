"""The tree of an organization: its root and its organizational units.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_ous.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.core.tags import tag_map
from fogbank.services.organizations.base import Base, described
from fogbank.services.organizations.errors import (
    ChildNotFound,
    ConstraintViolation,
    DuplicateOrganizationalUnit,
    OrganizationalUnitNotEmpty,
    OrganizationalUnitNotFound,
    ParentNotFound,
)
from fogbank.services.organizations.policies import root_answer
from fogbank.services.organizations.records import ACCOUNT, UNIT, Node, Organization, new_id

DEPTH_MAX = 5  # levels of units under the root


class Units(Base):
    """The operations on roots and organizational units of `OrganizationsService`."""

    def create_organizational_unit(
        self, ctx: Context, *, ParentId: str, Name: str, Tags: list[dict[str, str]] | None = None
    ) -> Answer:
        organization = self._managed(ctx)
        self._parent(organization, ParentId)
        self._check_unit_name(organization, ParentId, Name)
        if len(self._path(organization, ParentId)) > DEPTH_MAX:
            raise ConstraintViolation("You have exceeded the maximum depth of nested organizational units.")
        unit_id = new_id(f"ou-{organization.root.removeprefix('r-')}-", 8)
        node = Node(UNIT, Name, ParentId, policies=self._first_policies(organization), tags=tag_map(Tags))
        self._keep_node(organization, unit_id, node)
        return {"OrganizationalUnit": described(organization, unit_id, node)}

    def delete_organizational_unit(self, ctx: Context, *, OrganizationalUnitId: str) -> Answer:
        organization = self._managed(ctx)
        self._unit(organization, OrganizationalUnitId)
        if any(node.parent == OrganizationalUnitId for _, node in self._nodes(organization)):
            raise OrganizationalUnitNotEmpty
        self._tables.nodes.delete((organization.id, OrganizationalUnitId))
        return None

    def describe_organizational_unit(self, ctx: Context, *, OrganizationalUnitId: str) -> Answer:
        organization = self._managed(ctx)
        unit = self._unit(organization, OrganizationalUnitId)
        return {"OrganizationalUnit": described(organization, OrganizationalUnitId, unit)}

    def list_children(
        self,
        ctx: Context,
        *,
        ParentId: str,
        ChildType: str,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        organization = self._managed(ctx)
        self._parent(organization, ParentId)
        ids, rest = page(sorted(self._children(organization, ParentId, ChildType)), NextToken, MaxResults)
        return {"Children": [{"Id": child, "Type": ChildType} for child in ids]} | rest

    def list_organizational_units_for_parent(
        self, ctx: Context, *, ParentId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        organization = self._managed(ctx)
        self._parent(organization, ParentId)
        units = self._children(organization, ParentId, UNIT)
        ids, rest = page(sorted(units), NextToken, MaxResults)
        return {"OrganizationalUnits": [described(organization, unit, units[unit]) for unit in ids]} | rest

    def list_parents(
        self, ctx: Context, *, ChildId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        """A child has one parent."""
        organization = self._managed(ctx)
        child = self._node(organization, ChildId)
        if child is None or not child.parent:
            raise ChildNotFound
        parent = self._parent(organization, child.parent)
        ids, rest = page([child.parent], NextToken, MaxResults)
        return {"Parents": [{"Id": each, "Type": parent.kind} for each in ids]} | rest

    def list_roots(self, ctx: Context, *, NextToken: str | None = None, MaxResults: int | None = None) -> Answer:
        organization = self._managed(ctx)
        root = self._parent(organization, organization.root)
        ids, rest = page([organization.root], NextToken, MaxResults)
        return {"Roots": [root_answer(organization, root) for _ in ids]} | rest

    def update_organizational_unit(self, ctx: Context, *, OrganizationalUnitId: str, Name: str | None = None) -> Answer:
        organization = self._managed(ctx)
        unit = self._unit(organization, OrganizationalUnitId)
        if Name is not None and Name != unit.name:
            self._check_unit_name(organization, unit.parent, Name)
            unit.name = Name
            self._keep_node(organization, OrganizationalUnitId, unit)
        return {"OrganizationalUnit": described(organization, OrganizationalUnitId, unit)}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _parent(self, organization: Organization, node_id: str) -> Node:
        node = self._node(organization, node_id)
        if node is None or node.kind == ACCOUNT:
            raise ParentNotFound
        return node

    def _unit(self, organization: Organization, unit_id: str) -> Node:
        node = self._node(organization, unit_id)
        if node is None or node.kind != UNIT:
            raise OrganizationalUnitNotFound
        return node

    def _check_unit_name(self, organization: Organization, parent: str, name: str) -> None:
        units: dict[str, Any] = self._children(organization, parent, UNIT)
        if any(unit.name == name for unit in units.values()):
            raise DuplicateOrganizationalUnit
