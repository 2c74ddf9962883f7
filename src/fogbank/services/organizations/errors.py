"""AWS Organizations' errors. https://docs.aws.amazon.com/organizations/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class AccessDenied(AwsError):
    code = "AccessDeniedException"
    message = "You don't have permissions to access this resource."


class AccountAlreadyClosed(AwsError):
    code = "AccountAlreadyClosedException"
    message = "The account is already closed."


class AccountNotFound(AwsError):
    code = "AccountNotFoundException"
    message = "You specified an account that doesn't exist."


class AlreadyInOrganization(AwsError):
    code = "AlreadyInOrganizationException"
    message = "The AWS account is already a member of an organization."


class ChildNotFound(AwsError):
    code = "ChildNotFoundException"
    message = "You specified a child that doesn't exist."


class ConstraintViolation(AwsError):
    code = "ConstraintViolationException"


class CreateAccountStatusNotFound(AwsError):
    code = "CreateAccountStatusNotFoundException"
    message = "You specified a create account status that doesn't exist."


class DestinationParentNotFound(AwsError):
    code = "DestinationParentNotFoundException"
    message = "You specified a destination parent that doesn't exist."


class DuplicateAccount(AwsError):
    code = "DuplicateAccountException"
    message = "You can't move an account to the parent that it has already."


class DuplicateOrganizationalUnit(AwsError):
    code = "DuplicateOrganizationalUnitException"
    message = "An OU with the same name already exists."


class DuplicatePolicy(AwsError):
    code = "DuplicatePolicyException"
    message = "A policy with the same name already exists."


class DuplicatePolicyAttachment(AwsError):
    code = "DuplicatePolicyAttachmentException"
    message = "The selected policy is already attached to the specified target."


class InvalidInput(AwsError):
    code = "InvalidInputException"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocumentException"
    message = "The provided policy document does not meet the requirements of the specified policy type."


class MasterCannotLeave(AwsError):
    code = "MasterCannotLeaveOrganizationException"
    message = "The management account can't leave the organization."


class NotInUse(AwsError):
    code = "AWSOrganizationsNotInUseException"
    message = "Your account is not a member of an organization."


class OrganizationNotEmpty(AwsError):
    code = "OrganizationNotEmptyException"
    message = "To delete an organization you must first remove all member accounts (except the management account)."


class OrganizationalUnitNotEmpty(AwsError):
    code = "OrganizationalUnitNotEmptyException"
    message = "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs."


class OrganizationalUnitNotFound(AwsError):
    code = "OrganizationalUnitNotFoundException"
    message = "You specified an organizational unit that doesn't exist."


class ParentNotFound(AwsError):
    code = "ParentNotFoundException"
    message = "You specified parent that doesn't exist."


class PolicyInUse(AwsError):
    code = "PolicyInUseException"
    message = "This policy is in use. You must first detach it from every target entity."


class PolicyNotAttached(AwsError):
    code = "PolicyNotAttachedException"
    message = "This policy isn't attached to the specified target."


class PolicyNotFound(AwsError):
    code = "PolicyNotFoundException"
    message = "You specified a policy that doesn't exist."


class PolicyTypeAlreadyEnabled(AwsError):
    code = "PolicyTypeAlreadyEnabledException"
    message = "The specified policy type is already enabled."


class PolicyTypeNotEnabled(AwsError):
    code = "PolicyTypeNotEnabledException"
    message = "This operation can be performed only for enabled policy types."


class RootNotFound(AwsError):
    code = "RootNotFoundException"
    message = "You specified a root that doesn't exist."


class SourceParentNotFound(AwsError):
    code = "SourceParentNotFoundException"
    message = "You specified a source parent that doesn't exist."


class TargetNotFound(AwsError):
    code = "TargetNotFoundException"
    message = "You specified a target that doesn't exist."
